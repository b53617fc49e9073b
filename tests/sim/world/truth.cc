#include "tests/sim/world/truth.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

#include "base/check.h"

namespace tailrace::sim {

Generation& Truth::begin(std::uint64_t inode, const std::string& path) {
  Generation& made = generations_.emplace_back();
  made.number = static_cast<std::uint32_t>(generations_.size() - 1);
  made.inode = inode;
  made.first_path = path;
  by_inode_[inode].push_back(made.number);
  expected_to_.push_back(0);
  return made;
}

Generation* Truth::of_inode(std::uint64_t inode) {
  const auto found = by_inode_.find(inode);
  return found == by_inode_.end() ? nullptr : &generations_[found->second.back()];
}

std::size_t Truth::generations_of(std::uint64_t inode) const {
  const auto found = by_inode_.find(inode);
  return found == by_inode_.end() ? 0 : found->second.size();
}

std::string Truth::words(const Generation& generation, std::uint64_t bytes) const {
  std::string text;
  while (text.size() < bytes) text += fmt::format("g{}.{} ", generation.number, generation.bytes.size() + text.size());
  text.resize(bytes);
  // A line ends in no blank that could be taken for something else, and never in a carriage return.
  return text;
}

void Truth::wrote(Generation& generation, std::string_view text) {
  generation.bytes += text;
  if (text.empty()) return;
  generation.writes.emplace_back(generation.bytes.size(), clock_.now());
  if (generation.unseen_since == kNever) generation.unseen_since = clock_.now();
  const std::string& bytes = generation.bytes;
  std::uint64_t& to = expected_to_[generation.number];
  const auto expect = [&](std::uint64_t begin, std::uint64_t text_begin, std::uint64_t text_end, std::uint64_t end) {
    const std::uint64_t hash = XXH3_64bits(bytes.data() + text_begin, text_end - text_begin);
    expected_.try_emplace(hash, Piece{.generation = generation.number, .begin = begin, .end = end, .text = text_begin});
  };
  while (true) {
    std::uint64_t line = to;  // empty lines belong to the line after them
    while (line < bytes.size() && (bytes[line] == '\n' || bytes.compare(line, 2, "\r\n") == 0)) ++line;
    const std::size_t found = bytes.find('\n', line);
    const std::uint64_t end = found == std::string::npos ? bytes.size() : found;
    const bool is_finished = found != std::string::npos;
    std::uint64_t text_end = end;
    if (is_finished && text_end > line && bytes[text_end - 1] == '\r') --text_end;
    if (text_end - line > max_line_) {
      expect(to, line, line + max_line_, line + max_line_);
      to = line + max_line_;
      continue;
    }
    if (!is_finished) return;
    expect(to, line, text_end, end + 1);
    to = end + 1;
  }
}

void Truth::arrived(const std::string& topic, std::int32_t partition, std::string_view text, bool is_refused,
                    bool is_late) {
  ++records_;
  XXH64_hash_t hash = XXH3_64bits_withSeed(text.data(), text.size(), trace_);
  trace_ = XXH3_64bits_withSeed(topic.data(), topic.size(), hash + static_cast<std::uint64_t>(partition));
  if (text.empty()) return;
  std::optional<Piece> piece;
  if (const auto found = expected_.find(XXH3_64bits(text.data(), text.size())); found != expected_.end()) {
    piece = found->second;
  } else {
    piece = odd_piece(text);
  }
  if (!piece) return;
  Generation& generation = generations_[piece->generation];
  check_place(generation, topic, partition, text);
  if (piece->end <= generation.prefix) {
    generation.doubled += piece->end - piece->begin;
    if (piece->text < generation.acked && !is_refused && !is_late) {
      on_breach_(fmt::format("doubled: g{} came again from {}, though {} bytes were acknowledged", generation.number,
                             piece->text, generation.acked));
    }
    return;
  }
  first_arrival(generation, *piece, is_refused);
}

void Truth::first_arrival(Generation& generation, const Piece& piece, bool is_refused) {
  // A last line that was shipped before it had its end may leave so short a rest that it was not found again.
  const std::uint64_t unfound = generation.was_renamed || generation.fate != Fate::lives ? kOddBytes : 0;
  if (piece.begin > generation.prefix + unfound) {
    on_breach_(fmt::format("order: g{} ({}) has arrived up to {}, then came {} to {}", generation.number,
                           generation.first_path, generation.prefix, piece.begin, piece.end));
  }
  generation.prefix = piece.end;
  if (is_refused) generation.refused_bytes += piece.end - piece.begin;
}

void Truth::check_place(Generation& generation, const std::string& topic, std::int32_t partition,
                        std::string_view text) {
  if (generation.partition < 0) {
    generation.topic = topic;
    generation.partition = partition;
  }
  if (generation.topic == topic && generation.partition == partition) return;
  if (generation.topic != topic) return;  // by the name under which it was first seen, which a race may decide
  // A restart may meet it first under another name, or have taken it for the one that had its inode before.
  if (generation.was_renamed || generation.has_other_names || has_symlinks_ || has_like_inodes_) return;
  on_breach_(fmt::format("place: g{} was in {}/{}, now in {}/{}: \"{}\"", generation.number, generation.topic,
                         generation.partition, topic, partition, text.substr(0, 60)));
}

std::optional<Truth::Piece> Truth::odd_piece(std::string_view text) {
  // Where it would have to be; a second time it may come from before. A short piece is found again only as the next.
  for (Generation& generation : generations_) {
    const std::uint64_t next = generation.prefix + generation.line_ends_after_prefix();
    if (generation.bytes.compare(next, text.size(), text) == 0 && next < generation.bytes.size()) {
      return odd_piece_at(generation, next, text.size());
    }
  }
  bool is_somewhere = false;
  for (Generation& generation : generations_) {
    const std::size_t at = generation.bytes.find(text);
    if (at == std::string::npos) continue;
    if (text.size() >= kOddBytes) return odd_piece_at(generation, at, text.size());
    is_somewhere = is_somewhere || generation.was_renamed || generation.fate != Fate::lives;
  }
  if (!is_somewhere) on_breach_(fmt::format("damaged: nobody wrote the record \"{}\"", text.substr(0, 100)));
  return std::nullopt;
}

Truth::Piece Truth::odd_piece_at(Generation& generation, std::uint64_t at, std::uint64_t size) {
  const std::string& bytes = generation.bytes;
  std::uint64_t end = at + size;
  if (!generation.was_renamed && generation.fate == Fate::lives && !has_like_inodes_) {
    on_breach_(fmt::format("partial: bytes {} to {} of g{} ({}) were shipped as a record, and are no line", at, end,
                           generation.number, generation.first_path));
  }
  // What is shorter may belong to another one.
  if (size >= kOddBytes && size != max_line_ && bytes.compare(end, 1, "\n") != 0 && bytes.compare(end, 2, "\r\n") != 0)
    check_stillness(generation, end);
  if (bytes.compare(end, 1, "\n") == 0 || bytes.compare(end, 2, "\r\n") == 0) end = bytes.find('\n', end) + 1;
  const bool is_next = at == generation.prefix + generation.line_ends_after_prefix();
  return {.generation = generation.number, .begin = is_next ? generation.prefix : at, .end = end, .text = at};
}

// The unfinished line that ends at `end` was shipped. Between its last byte and whatever came next the file must have
// stayed still for long enough (contract, section 3).
void Truth::check_stillness(const Generation& generation, std::uint64_t end) {
  if (generation.may_end_early || has_like_inodes_) return;
  const auto& writes = generation.writes;
  const auto last = std::find_if(writes.begin(), writes.end(), [end](const auto& write) { return write.first >= end; });
  const Instant written = last == writes.end() ? Instant{} : last->second;
  const auto next = last == writes.end() || last->first > end ? last : last + 1;
  const Instant more = next == writes.end() ? clock_.now() : next->second;
  const bool is_cut = generation.fate == Fate::truncated;
  const Instant until = std::min(more, is_cut ? generation.ended_at : kNever);
  const bool was_renamed =
      generation.renamed_at != kNever && until - std::max(written, generation.renamed_at) >= std::chrono::seconds(30);
  const bool was_deleted = generation.fate == Fate::deleted &&
                           clock_.now() - std::max(written, generation.ended_at) >= std::chrono::seconds(1);
  if (was_renamed || was_deleted) return;
  on_breach_(fmt::format("still: the unfinished line of g{} ({}) was shipped up to {}, {:.1f} s after it was written",
                         generation.number, generation.first_path, end, to_seconds(clock_.now() - written)));
}

}  // namespace tailrace::sim
