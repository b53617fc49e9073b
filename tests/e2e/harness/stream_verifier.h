// StreamVerifier: what became of the lines of known writers: lost, doubled, reordered, damaged, to the line.
//
// Records are handed in as they stand in each partition, partition by partition.
//   lost       written and never there
//   doubled    there a second time (or more): lines and bytes (newlines included)
//   reordered  there for the first time after a later line of its writer; what is delivered again may go back
//   damaged    not a line that any writer wrote: other bytes, another length, an unknown writer or number
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tests/e2e/harness/line_recipe.h"
#include "tests/e2e/harness/line_writer.h"

namespace tailrace::e2e {

struct StreamReport {
  std::uint64_t lines = 0;  // records seen, damaged ones too
  std::uint64_t lost_lines = 0, lost_bytes = 0;
  std::uint64_t doubled_lines = 0, doubled_bytes = 0;
  std::uint64_t doubled_bytes_run_max = 0;  // the longest stretch of lines that were there before: one crash's doubles
  std::uint64_t rewinds = 0;                // how often a writer's lines went back, to lines that were there before
  std::uint64_t reordered_lines = 0;
  std::uint64_t damaged_lines = 0;
  std::uint64_t writers_in_many_partitions = 0;
  std::vector<std::string> examples;  // the first few wrongs, in words

  bool is_exactly_once_in_order() const;
  bool has_no_loss_in_order() const;  // doubles are allowed
  std::string text() const;           // one line of figures, then the examples
};

class StreamVerifier {
 public:
  void expect(const LineRecipe& recipe, std::uint64_t lines_written);
  void expect(const LineWriter& writer) { expect(writer.recipe(), writer.lines_written()); }
  void take(std::int32_t partition, std::string_view line);
  StreamReport report() const;

 private:
  struct Writer {
    LineRecipe recipe;
    std::uint64_t lines = 0;
    std::vector<bool> is_seen;
    std::uint64_t first_max = 0;  // one past the highest line that came for the first time
    std::uint64_t last = 0;       // one past the line that came last
    std::uint64_t run_bytes = 0;  // of the stretch of doubled lines that goes on
    std::set<std::int32_t> partitions;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };

  Writer* writer_of(std::string_view line, std::uint64_t& sequence);
  void take_good(Writer& writer, std::uint64_t sequence, std::uint64_t bytes);
  void add_example(const char* what, const Writer& writer, std::uint64_t sequence, std::uint64_t after);
  void add_example(std::string text);

  std::unordered_map<std::string, Writer, Hash, std::equal_to<>> writers_;
  Writer* last_writer_ = nullptr;  // most lines come from the writer of the one before
  std::string made_again_;
  StreamReport report_;
};

}  // namespace tailrace::e2e
