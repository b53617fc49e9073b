// Truth: what the simulated writers wrote, byte by byte, and what became of each byte.
//
// A generation is what an inode holds between two truncations. Every line's text says whose it is and where it stands
// ("g3.120 g3.127 ..."), so that what Kafka stored can be found again without asking the agent. `prefix` is how far a
// generation has arrived without a gap; records must arrive in order, so that is all there is to know.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "buffer/source.h"
#include "tests/sim/sim_clock.h"

namespace tailrace::sim {

// No two places have so many bytes in common; shorter pieces of text would not be found again.
inline constexpr std::uint64_t kOddBytes = 24;

// How a generation ended, if it did.
enum class Fate : std::uint8_t { lives, truncated, deleted };

struct Generation {
  std::uint32_t number = 0;
  std::uint64_t inode = 0;
  std::string first_path;  // under which it was made; a truncated file's next one keeps its inode's
  std::string bytes;       // all that was written; the last line may be unfinished

  Fate fate = Fate::lives;
  bool is_ended_unwatched = false;  // the agent was down then, or did not have the file open, or died later
  bool was_looked_at = false;       // when it was deleted: what a look saw comes after that it is gone
  bool was_renamed = false;         // so an unfinished last line may have been shipped
  bool has_other_names = false;     // a hard link or a symlink
  bool is_known = false;            // the agent has looked at it
  bool is_met = false;              // this life of it has
  bool is_told = false;             // an event said that it is there: a rename is no way to lose it
  bool may_be_unknown = false;      // it lost its matching name before that
  bool was_unknown = false;         // it lost that name before it was looked at: it is found, but perhaps late
  bool is_away = false;             // moved to where nobody looks
  bool was_away = false;            // for a while
  bool was_forgotten = false;       // a life ended before it could be stored that this one is there
  bool may_end_early = false;       // it was gone while the agent drained: its unfinished line may be shipped at once
  Instant renamed_at = kNever;      // the first time
  Instant ended_at = kNever;        // truncated or deleted
  Instant unseen_since = kNever;    // it has grown, and the agent was not told of it yet
  std::vector<std::pair<std::uint64_t, Instant>> writes = {};  // where each one ended, and when
  std::uint64_t seen = 0;                                      // the largest size that the agent was told of
  std::uint64_t read = 0;                                      // the largest end of a read

  std::uint64_t prefix = 0;         // all before it is in Kafka (or was refused)
  std::uint64_t refused_bytes = 0;  // of it
  std::uint64_t doubled = 0;        // of it, came again
  std::uint64_t acked = 0;          // what the agent said last that is acknowledged: nothing before it may come again
  std::uint64_t durable = 0;        // what it said last that is durable
  std::uint64_t lagging_size = 0;   // of a file that is among those that lag; 0: it is not
  std::uint64_t told = 0;           // the largest of these
  std::string topic;                // where its first record went
  std::int32_t partition = -1;

  // Bytes that did not arrive. Empty lines at the very end cannot be told from others: they count as arrived.
  std::uint64_t missing() const {
    return bytes.find_first_not_of("\r\n", prefix) == std::string::npos ? 0 : bytes.size() - prefix;
  }
  std::uint64_t line_ends_after_prefix() const {
    const std::size_t next = bytes.find_first_not_of("\r\n", prefix);
    return (next == std::string::npos ? bytes.size() : next) - prefix;
  }
  std::uint64_t line_bytes() const {  // of the unfinished line
    const std::size_t end = bytes.rfind('\n');
    return bytes.size() - (end == std::string::npos ? 0 : end + 1);
  }
  bool has_unfinished_line() const { return !bytes.empty() && bytes.back() != '\n'; }
};

class Truth {
 public:
  using OnBreach = std::function<void(const std::string& what)>;

  Truth(const SimClock& clock, std::uint64_t max_line, OnBreach on_breach)
      : clock_(clock), max_line_(max_line), on_breach_(std::move(on_breach)) {}

  Generation& begin(std::uint64_t inode, const std::string& path);
  Generation* of_inode(std::uint64_t inode);  // the newest; nullptr: none
  bool is_first(const Generation& generation) const {
    return by_inode_.at(generation.inode).front() == generation.number;
  }
  std::size_t generations_of(std::uint64_t inode) const;
  // Text of about `bytes` for the end of `generation`, without a line end: `line` times.
  std::string words(const Generation& generation, std::uint64_t bytes) const;
  void wrote(Generation& generation, std::string_view text);

  // A record is in Kafka's log, or was refused for good.
  void arrived(const std::string& topic, std::int32_t partition, std::string_view text, bool is_refused, bool is_late);

  // From now on a file may be first seen under a name that is not its own.
  void has_symlinks() { has_symlinks_ = true; }
  // A new file may have the inode of one that went, and nothing to tell them apart by.
  void has_like_inodes() { has_like_inodes_ = true; }

  std::vector<Generation>& all() { return generations_; }
  const std::vector<Generation>& all() const { return generations_; }
  std::uint64_t records() const { return records_; }
  std::uint64_t trace() const { return trace_; }

 private:
  struct Piece {
    std::uint32_t generation;
    std::uint64_t begin, end;  // with the empty lines before it, and its line end
    std::uint64_t text;        // where its own text begins
  };
  // A record that is none of the expected ones: part of an unfinished line, or what came after such a part.
  std::optional<Piece> odd_piece(std::string_view text);
  Piece odd_piece_at(Generation& generation, std::uint64_t at, std::uint64_t size);
  void check_stillness(const Generation& generation, std::uint64_t end);
  void first_arrival(Generation& generation, const Piece& piece, bool is_refused);
  void check_place(Generation& generation, const std::string& topic, std::int32_t partition, std::string_view text);

  const SimClock& clock_;
  std::uint64_t max_line_;
  OnBreach on_breach_;
  std::vector<Generation> generations_;
  std::map<std::uint64_t, std::vector<std::uint32_t>> by_inode_;
  std::map<std::string, std::pair<std::string, std::int32_t>> place_of_path_;
  std::unordered_map<std::uint64_t, Piece> expected_;  // by the hash of their text: a copy of all of it costs more
  std::vector<std::uint64_t> expected_to_;             // by generation: pieces before it are in `expected_`
  bool has_symlinks_ = false, has_like_inodes_ = false;
  std::uint64_t records_ = 0, trace_ = 0;
};

}  // namespace tailrace::sim
