#include "tests/e2e/harness/stream_verifier.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

namespace tailrace::e2e {
namespace {

constexpr std::size_t kExamplesMax = 8;

}  // namespace

bool StreamReport::has_no_loss_in_order() const {
  return lost_lines == 0 && reordered_lines == 0 && damaged_lines == 0 && writers_in_many_partitions == 0;
}

bool StreamReport::is_exactly_once_in_order() const { return has_no_loss_in_order() && doubled_lines == 0; }

std::string StreamReport::text() const {
  std::ostringstream out;
  out << lines << " lines: lost " << lost_lines << " (" << lost_bytes << " bytes), doubled " << doubled_lines << " ("
      << doubled_bytes << " bytes, at most " << doubled_bytes_run_max << " at once, " << rewinds
      << " rewinds), reordered " << reordered_lines << ", damaged " << damaged_lines
      << ", writers in several partitions " << writers_in_many_partitions;
  for (const std::string& example : examples) out << "\n  " << example;
  return out.str();
}

void StreamVerifier::expect(const LineRecipe& recipe, std::uint64_t lines_written) {
  Writer& writer = writers_[recipe.writer];
  writer.recipe = recipe;
  writer.lines = lines_written;
  writer.is_seen.resize(lines_written);
}

StreamVerifier::Writer* StreamVerifier::writer_of(std::string_view line, std::uint64_t& sequence) {
  const auto name_end = line.find(' ');
  if (name_end == std::string_view::npos) return nullptr;
  const std::string_view name = line.substr(0, name_end);
  if (last_writer_ == nullptr || last_writer_->recipe.writer != name) {
    const auto found = writers_.find(name);
    if (found == writers_.end()) return nullptr;
    last_writer_ = &found->second;
  }
  const auto parsed = std::from_chars(line.data() + name_end + 1, line.data() + line.size(), sequence);
  return parsed.ec == std::errc() && sequence < last_writer_->lines ? last_writer_ : nullptr;
}

void StreamVerifier::take(std::int32_t partition, std::string_view line) {
  ++report_.lines;
  std::uint64_t sequence = 0;
  Writer* writer = writer_of(line, sequence);
  if (writer != nullptr) {
    made_again_.clear();
    writer->recipe.append(sequence, made_again_);
  }
  if (writer == nullptr || line != std::string_view(made_again_).substr(0, made_again_.size() - 1)) {
    ++report_.damaged_lines;
    add_example("damaged: partition " + std::to_string(partition) + ", " + std::to_string(line.size()) +
                " bytes: " + std::string(line.substr(0, 100)));
    return;
  }
  if (writer->partitions.insert(partition).second && writer->partitions.size() == 2)
    ++report_.writers_in_many_partitions;
  take_good(*writer, sequence, made_again_.size());
}

void StreamVerifier::take_good(Writer& writer, std::uint64_t sequence, std::uint64_t bytes) {
  if (writer.is_seen[sequence]) {
    ++report_.doubled_lines;
    report_.doubled_bytes += bytes;
    if (sequence < writer.last) {
      ++report_.rewinds;
      writer.run_bytes = 0;
      add_example("went back", writer, sequence, writer.last - 1);
    }
    writer.run_bytes += bytes;
    report_.doubled_bytes_run_max = std::max(report_.doubled_bytes_run_max, writer.run_bytes);
  } else {
    writer.is_seen[sequence] = true;
    writer.run_bytes = 0;
    if (sequence < writer.first_max) {
      ++report_.reordered_lines;
      add_example("reordered", writer, sequence, writer.first_max - 1);
    }
    writer.first_max = std::max(writer.first_max, sequence + 1);
  }
  writer.last = sequence + 1;
}

StreamReport StreamVerifier::report() const {
  StreamReport report = report_;
  std::string line;
  for (const auto& [name, writer] : writers_) {
    for (std::uint64_t sequence = 0; sequence < writer.lines; ++sequence) {
      if (writer.is_seen[sequence]) continue;
      line.clear();
      writer.recipe.append(sequence, line);
      if (report.lost_lines == 0) report.examples.push_back("lost: the first of them " + line.substr(0, 60));
      ++report.lost_lines;
      report.lost_bytes += line.size();
    }
  }
  return report;
}

void StreamVerifier::add_example(const char* what, const Writer& writer, std::uint64_t sequence, std::uint64_t after) {
  if (report_.examples.size() >= kExamplesMax) return;
  add_example(std::string(what) + ": " + writer.recipe.writer + " " + std::to_string(sequence) + " came after " +
              std::to_string(after));
}

void StreamVerifier::add_example(std::string text) {
  if (report_.examples.size() < kExamplesMax) report_.examples.push_back(std::move(text));
}

}  // namespace tailrace::e2e
