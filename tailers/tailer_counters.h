// TailerCounters: what a tailer has done, counted where it happens. agent/metrics gives the names.
#pragma once

#include <array>
#include <cstdint>

namespace tailrace {

enum class Stage : std::uint8_t { read, acked, durable };
inline constexpr std::size_t kStages = 3;
enum class LostReason : std::uint8_t { truncated, deleted, deleted_limit, moved, skipped, rejected };
inline constexpr std::size_t kLostReasons = 6;
enum class OpenErrorReason : std::uint8_t { permission, emfile, not_regular, io };
inline constexpr std::size_t kOpenErrorReasons = 4;

// They only rise.
struct TailerCounters {
  std::uint64_t read_bytes = 0, read_lines = 0;  // a byte counts once, however often it is read again
  std::uint64_t acked_bytes = 0, acked_lines = 0;
  // lost_files: occurrences in which no size was seen, so that no bytes could be counted.
  std::array<std::uint64_t, kLostReasons> lost_bytes{}, lost_files{};
  std::uint64_t long_lines_split = 0, long_lines_truncated = 0, long_lines_skipped = 0, long_lines_cut = 0;
  std::uint64_t filtered_keep = 0, filtered_drop = 0;
  std::uint64_t hole_bytes = 0, invalid_utf8 = 0, format_errors = 0;
  std::uint64_t rotations_renamed = 0, rotations_truncated = 0, rotations_deleted = 0;
  std::array<std::uint64_t, kOpenErrorReasons> open_errors{};
  std::uint64_t rewound_bytes = 0;  // published, then read again
};

}  // namespace tailrace
