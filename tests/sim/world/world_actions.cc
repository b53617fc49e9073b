// World: what writers and rotations do. False: it could not happen now, and did not.
#include <fmt/format.h>

#include <utility>

#include "tests/sim/world/world.h"

namespace tailrace::sim {
namespace {

using std::chrono::milliseconds;

}  // namespace

void World::act(const Action& action) {
  Dice dice(action.random);
  const bool was_down = !pipeline_;
  const Kind kind = action.kind;
  const std::array<bool, kFileStates> met = is_fault(kind) ? states_met() : std::array<bool, kFileStates>{};
  bool is_done = false;
  if (kind <= Kind::new_file) {
    is_done = act_writer(kind, dice);
  } else if (kind <= Kind::move_back) {
    is_done = act_rotation(kind, dice);
  } else if (kind <= Kind::disk_hangs) {
    is_done = !was_down && act_kernel(kind, dice);
  } else if (kind <= Kind::read_only) {
    is_done = act_storage(kind, dice);
  } else if (kind <= Kind::lingering) {
    is_done = act_kafka(kind, dice);
  } else {
    is_done = !was_down && act_agent(kind, dice);
  }
  if (!is_done || !is_fault(kind)) return;
  outcome_.kinds.insert(kind);
  auto& row = outcome_.coverage[static_cast<std::size_t>(kind)];
  for (std::size_t state = 0; state < kFileStates; ++state) row[state] += met[state] ? 1 : 0;
}

std::string World::some_name(Dice& dice) {
  const std::string directory = dice.one_in(2) ? "/log/a" : "/log/b";
  if (!disk_.exists(directory)) disk_.make(directory);
  return fmt::format("{}/{}.log", directory, dice.below(4));
}

std::string World::some_file(Dice& dice, bool only_matching) {
  std::vector<std::string> found;
  for (std::string& path : disk_.files_under("/log")) {
    if ((!only_matching || is_matching(path)) && generation_at(path) != nullptr) found.push_back(std::move(path));
  }
  return found.empty() ? "" : found[dice.below(found.size())];
}

Generation* World::generation_at(const std::string& path) {
  const std::uint64_t inode = disk_.inode_of(path);
  Generation* generation = inode == 0 ? nullptr : truth_.of_inode(inode);
  return generation == nullptr || generation->fate != Fate::lives ? nullptr : generation;
}

Generation& World::made(const std::string& path) {
  if (Generation* known = generation_at(path); known != nullptr) return *known;
  const bool is_told = is_matching(path) && tells_of(path);
  disk_.append(path, "");
  Generation& generation = truth_.begin(disk_.inode_of(path), path);
  generation.is_told = is_told;
  return generation;
}

void World::append(const std::string& path, const std::string& text) {
  Generation& generation = made(path);
  truth_.wrote(generation, text);
  disk_.append(path, text);
}

// So many, or a few more, that the last piece of what is then its last line is long enough to be found again.
std::uint64_t World::findable(const Generation& generation, std::uint64_t bytes) const {
  const std::uint64_t line = generation.line_bytes() + bytes;
  const std::uint64_t rest = line % program_.max_line;
  return line > program_.max_line && rest != 0 && rest < kOddBytes ? bytes + kOddBytes - rest : bytes;
}

// A line of `bytes`, or the end of the line that is unfinished, with so much more.
void World::append_line(const std::string& path, std::uint64_t bytes, const char* end) {
  const Generation& generation = made(path);
  const std::uint64_t have = generation.line_bytes();
  if (have + bytes + 2 > program_.max_line) end = "\n";
  bytes = findable(generation, bytes);
  append(path, truth_.words(generation, bytes) + end);
}

// Lines of `line_bytes` or up to twice so much.
void World::write_much(const std::string& path, std::uint64_t bytes, std::uint64_t line_bytes, Dice& dice) {
  Generation& generation = made(path);
  std::string text;
  if (generation.has_unfinished_line()) append_line(path, kOddBytes);
  while (text.size() < bytes) {
    const std::string line = truth_.words(generation, line_bytes + dice.below(line_bytes)) + "\n";
    truth_.wrote(generation, line);
    text += line;
  }
  disk_.append(path, text);
}

bool World::act_writer(Kind kind, Dice& dice) {
  std::string path = some_name(dice);
  // Writers keep writing to a file whose name was changed under them.
  if (dice.one_in(6)) {
    if (const std::string other = some_file(dice, false); !other.empty()) path = other;
  }
  if (disk_.is_dangling(path)) return false;
  say(fmt::format("{} {}", name_of(kind), path));
  switch (kind) {
    case Kind::append:
    case Kind::new_file: {
      if (kind == Kind::new_file && disk_.exists(path)) return false;
      for (std::uint64_t n = 1 + dice.below(5); n > 0; --n) append_line(path, 14 + dice.below(80));
      return true;
    }
    case Kind::append_part: {
      const Generation& generation = made(path);
      append(path, truth_.words(generation, findable(generation, kOddBytes + dice.below(120))));
      return true;
    }
    case Kind::end_line:
      if (!made(path).has_unfinished_line()) return false;
      append_line(path, kOddBytes);
      return true;
    case Kind::burst:
      write_much(path, 20'000 + dice.below(200'000), 40, dice);
      return true;
    case Kind::long_line:
      append_line(path, program_.max_line + dice.below(2 * program_.max_line));
      return true;
    case Kind::crlf_lines:
      for (std::uint64_t n = 1 + dice.below(3); n > 0; --n) append_line(path, 14 + dice.below(60), "\r\n");
      return true;
    case Kind::empty_lines: {
      if (made(path).has_unfinished_line()) append_line(path, kOddBytes);
      std::string text;
      for (std::uint64_t n = 1 + dice.below(4); n > 0; --n) text += dice.one_in(3) ? "\r\n" : "\n";
      append(path, text);
      return true;
    }
    case Kind::nul_bytes: {
      if (made(path).has_unfinished_line()) append_line(path, kOddBytes);
      const Generation& generation = made(path);
      std::string text = truth_.words(generation, kOddBytes) + std::string(1 + dice.below(50), '\0');
      append(path, text + fmt::format("g{}.{}\n", generation.number, generation.bytes.size() + text.size()));
      return true;
    }
    default:
      return false;
  }
}

std::string World::side_name(const std::string& path, const char* ending) {
  return fmt::format("{}/s{}{}", path.substr(0, path.rfind('/')), next_side_name_++, ending);
}

// A worker, and then a read of a file's first bytes.
bool World::is_looking() const {
  return workers_ && (workers_->waiting() > 0 || workers_->has_finished() || engine_->is_looking());
}

// Deleting and moving loses nothing while the agent has the file open.
bool World::may_lose(const Generation& generation) const {
  // What looks at it has it open as well.
  return !pipeline_ || is_draining_ || is_looking() || !disk_.is_open(generation.inode);
}

// What happens to this name, a rename within its directory included, comes as events that the agent will read.
bool World::tells_of(const std::string& path) {
  if (!pipeline_ || is_draining_ || !program_.notifies) return false;
  return watcher_->would_tell(disk_.inode_of(path.substr(0, path.rfind('/'))), 2);
}

void World::set_renamed(Generation& generation) {
  generation.was_renamed = true;
  generation.renamed_at = std::min(generation.renamed_at, clock_.now());
  generation.may_end_early = generation.may_end_early || is_draining_;
}

void World::lost_name(std::uint64_t inode, Generation& generation) {
  generation.may_end_early = generation.may_end_early || is_draining_;
  if (path_of(inode).empty()) {
    generation.fate = Fate::deleted;
    generation.was_looked_at = is_looking();
    generation.ended_at = clock_.now();
  } else {
    set_renamed(generation);  // it lives on under another one
    // It may be in another directory, where it is not looked for.
    if (generation.has_other_names && !is_matching(path_of(inode))) generation.may_be_unknown = true;
    generation.is_away = path_of(inode).starts_with("/away/");
    generation.was_away = generation.was_away || generation.is_away;
  }
}

void World::remove_file(const std::string& path) {
  const std::uint64_t inode = disk_.inode_of(path);
  Generation* generation = generation_at(path);
  if (generation != nullptr) generation->is_ended_unwatched = may_lose(*generation);
  disk_.erase(path);
  if (generation != nullptr) lost_name(inode, *generation);
}

void World::cut(const std::string& path) {
  Generation& old = made(path);
  old.fate = Fate::truncated;
  old.ended_at = clock_.now();
  old.is_ended_unwatched = true;
  const std::string first_path = old.first_path;
  const bool was_renamed = old.was_renamed, may_be_unknown = old.may_be_unknown;
  const bool has_other_names = old.has_other_names, may_end_early = old.may_end_early;
  const Instant renamed_at = old.renamed_at;
  Generation& next = truth_.begin(disk_.inode_of(path), first_path);
  next.was_renamed = was_renamed;
  next.renamed_at = renamed_at;
  next.may_end_early = may_end_early;
  next.has_other_names = has_other_names;
  next.may_be_unknown = may_be_unknown;
  disk_.cut(path);
}

// Cut, and nothing of it read since: without a birth time it is a new file with a like inode, once its name has gone.
bool World::is_another(const Generation& generation) const {
  return !program_.has_birth_times && !truth_.is_first(generation) && generation.read == 0;
}

void World::move(const std::string& from, const std::string& to) {
  const bool is_told = tells_of(from) && tells_of(to) && from.substr(0, from.rfind('/')) == to.substr(0, to.rfind('/'));
  if (Generation* over = generation_at(to); over != nullptr) {
    const std::uint64_t inode = disk_.inode_of(to);
    over->is_ended_unwatched = may_lose(*over);
    disk_.move(from, to);
    lost_name(inode, *over);
  } else {
    disk_.move(from, to);
  }
  Generation* generation = generation_at(to);
  if (generation == nullptr) return;
  set_renamed(*generation);
  if (is_matching(to)) {
    generation->may_be_unknown = false;
    generation->is_told = is_told;
  } else if (is_matching(from) || generation->is_told) {
    // One that had been away may have been looked at and not yet recognised under the name that it loses.
    generation->is_told = generation->is_told && is_told && !generation->has_other_names;
    if (!generation->is_known) generation->was_unknown = true;
    if (generation->was_away || (!generation->is_known && !generation->is_told) || is_another(*generation))
      generation->may_be_unknown = true;
  }
}

void World::remove_directory(const std::string& directory) {
  for (const std::string& path : disk_.files_under(directory)) remove_file(path);
  disk_.erase(directory);
}

bool World::act_rotation(Kind kind, Dice& dice) {
  const std::string path = some_file(dice, kind != Kind::remove);
  if (path.empty() && kind != Kind::replace && kind != Kind::remove_directory && kind != Kind::move_back) return false;
  say(fmt::format("{} {}", name_of(kind), path));
  switch (kind) {
    case Kind::rename:
      move(path, side_name(path, dice.one_in(3) ? ".log" : ".old"));
      return true;
    case Kind::rename_chain: {
      for (int i = 4; i > 0; --i) {
        const std::string from = fmt::format("{}.{}", path, i);
        if (disk_.exists(from)) move(from, fmt::format("{}.{}", path, i + 1));
      }
      move(path, path + ".1");
      if (dice.one_in(2)) append_line(path, 20 + dice.below(60));
      return true;
    }
    case Kind::copytruncate: {
      // Where nothing but its content tells a file from the one that had its inode before, a copy beside it may be
      // taken for a file that was renamed and could not be read yet: there it stands where nobody looks.
      disk_.append(side_name(has_like_inodes() ? "/copies/" : path, ".copy"), made(path).bytes);
      if (dice.one_in(2)) pass(milliseconds(dice.below(20)));
      if (generation_at(path) == nullptr) return true;
      cut(path);
      return true;
    }
    case Kind::truncate:
      cut(path);
      return true;
    case Kind::truncate_regrow: {
      const std::uint64_t size = made(path).bytes.size();
      if (size > 50'000) return false;
      cut(path);
      while (made(path).bytes.size() <= size) append_line(path, 40 + dice.below(60));
      return true;
    }
    case Kind::remove:
      remove_file(path);
      return true;
    case Kind::recreate:
      remove_file(path);
      if (disk_.exists(path)) return true;
      append_line(path, 20 + dice.below(100));
      return true;
    default:
      return act_names(kind, path, dice);
  }
}

// The rotations that are about names and directories.
bool World::act_names(Kind kind, const std::string& path, Dice& dice) {
  switch (kind) {
    case Kind::replace: {
      const std::string over = some_name(dice);
      if (disk_.is_dangling(over)) return false;
      const std::string made_as = side_name(over, ".tmp");
      for (std::uint64_t n = 1 + dice.below(4); n > 0; --n) append_line(made_as, 20 + dice.below(60));
      move(made_as, over);
      return true;
    }
    case Kind::hard_link:
      disk_.link(path, side_name(path, ".log"));
      generation_at(path)->has_other_names = true;
      return true;
    case Kind::symlink: {
      const std::string name = "/log/current.log";
      if (disk_.exists(name)) disk_.erase(name);
      disk_.symlink(path, name);
      truth_.has_symlinks();
      return true;
    }
    case Kind::remove_directory: {
      const std::string directory = dice.one_in(2) ? "/log/a" : "/log/b";
      if (!disk_.exists(directory)) return false;
      remove_directory(directory);
      return true;
    }
    case Kind::move_out: {
      Generation& generation = *generation_at(path);
      if (!path_of(generation.inode).starts_with("/log/")) return false;
      // One with an unfinished line may lend its descriptor before the agent knows that it went.
      generation.is_ended_unwatched = may_lose(generation) || generation.has_unfinished_line();
      generation.is_known = false;  // if it comes back, it is to be found again
      move(path, side_name("/away/", ".log"));
      generation.is_away = path_of(generation.inode).starts_with("/away/");
      generation.was_away = true;
      return true;
    }
    case Kind::move_back: {
      const std::vector<std::string> away = disk_.files_under("/away");
      if (away.empty()) return false;
      const std::string from = away[dice.below(away.size())];
      const std::string to = side_name(some_name(dice), ".log");
      Generation* generation = generation_at(from);
      move(from, to);
      if (generation == nullptr) return true;
      generation->is_away = false;
      if (generation->unseen_since != kNever) generation->unseen_since = clock_.now();
      return true;
    }
    default:
      return false;
  }
}

}  // namespace tailrace::sim
