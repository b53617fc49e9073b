// Program: what happens in a simulated world, drawn from its seed before the world begins.
//
// Each action carries its own random number, from which it takes whatever it has to choose (which file, how much) when
// it happens. So any part of a program is a program: that is how a failing one is shrunk.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/config.h"

namespace tailrace::sim {

enum class Kind : std::uint8_t {
  // writers
  append,
  append_part,
  end_line,
  burst,
  long_line,
  crlf_lines,
  empty_lines,
  nul_bytes,
  new_file,
  // rotations
  rename,
  rename_chain,
  copytruncate,
  truncate,
  truncate_regrow,
  remove,
  recreate,
  replace,
  hard_link,
  symlink,
  remove_directory,
  move_out,
  move_back,
  // the kernel
  read_error,
  open_error,
  no_permission,
  few_descriptors,
  events_late,
  events_lost,
  overflow,
  few_watches,
  workers_late,
  disk_hangs,
  // storage
  sync_fails,
  write_fails,
  disk_full,
  read_only,
  // Kafka
  slow,
  silent,
  away,
  denied,
  refused,
  fatal,
  spinning,
  lingering,
  // the agent
  kill,
  power_loss,
  terminate,
  new_device,
  wait,
};
inline constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::wait) + 1;

std::string_view name_of(Kind kind);
// Writing, and waiting, is no fault; everything else is.
bool is_fault(Kind kind);

struct Action {
  Kind kind = Kind::wait;
  Duration before{0};  // so much simulated time passes first
  std::uint64_t random = 0;
};

struct Program {
  std::uint64_t seed = 0;
  // What holds for the whole run.
  FsyncMode fsync = FsyncMode::async;
  OnReject on_reject = OnReject::spool;
  Bytes max_line = 1024;
  Bytes memory = 2 * 1024 * 1024;
  Bytes journal_segment_bytes = 64 * 1024;  // small: it is written anew every few hundred checkpoints
  bool has_birth_times = true, notifies = true, reuses_inodes = false, topic_by_file = false;
  std::uint32_t delay_max = 0, short_percent = 0;
  bool reorders = false;
  std::int32_t partitions = 1;
  std::vector<Action> actions;
};

// The same seed gives the same program, everywhere and for ever (as long as this code stands).
Program program_of(std::uint64_t seed);

}  // namespace tailrace::sim
