#include "tests/sim/sim_tree.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <set>
#include <string_view>
#include <utility>

namespace tailrace {
namespace {

constexpr int kSymlinksMax = 40;

void push_components(const std::string& path, std::deque<std::string>& todo) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  todo.insert(todo.begin(), parts.begin(), parts.end());
}

// The directories from the root down to where a walk stands.
struct Trail {
  std::vector<std::pair<std::uint64_t, std::string>> steps;
  std::uint64_t here() const { return steps.empty() ? SimTree::kRoot : steps.back().first; }
  std::string path_to(const std::string& name) const {
    std::string path;
    for (const auto& [inode, step] : steps) path += "/" + step;
    if (!name.empty()) path += "/" + name;
    return path.empty() ? "/" : path;
  }
};

}  // namespace

SimTree::SimTree() {
  SimNode& root = nodes_[kRoot];
  root.inode = kRoot;
  root.type = FileType::directory;
  root.links = 1;
}

Result<SimPlace> SimTree::walk(const std::string& path, bool follow_last) {
  if (path.empty() || path[0] != '/') return Error::from_errno(ENOENT);
  std::deque<std::string> todo;
  push_components(path, todo);
  Trail trail;
  int symlinks = 0;
  while (!todo.empty()) {
    const std::string name = std::move(todo.front());
    todo.pop_front();
    if (name == ".") continue;
    if (name == "..") {
      if (!trail.steps.empty()) trail.steps.pop_back();
      continue;
    }
    const std::uint64_t inode = entry(trail.here(), name);
    const bool is_last = todo.empty();
    if (inode == 0 && !is_last) return Error::from_errno(ENOENT);
    SimNode* found = inode == 0 ? nullptr : &nodes_.at(inode);
    if (found != nullptr && found->type == FileType::symlink && (!is_last || follow_last)) {
      if (++symlinks > kSymlinksMax) return Error::from_errno(ELOOP);
      if (found->target[0] == '/') trail.steps.clear();
      push_components(found->target, todo);
      continue;
    }
    if (is_last) return SimPlace{trail.here(), name, found, trail.path_to(name)};
    if (found->type != FileType::directory) return Error::from_errno(ENOTDIR);
    trail.steps.emplace_back(inode, name);
  }
  // The path ended in the root, in "..", or in a symlink to one of them.
  SimNode& here = nodes_.at(trail.here());
  const std::string real_path = trail.path_to("");
  if (trail.steps.empty()) return SimPlace{kRoot, "", &here, real_path};
  const std::string name = trail.steps.back().second;
  trail.steps.pop_back();
  return SimPlace{trail.here(), name, &here, real_path};
}

Result<SimNode*> SimTree::find(const std::string& path, bool follow_last) {
  Result<SimPlace> place = walk(path, follow_last);
  if (!place) return std::move(place).error();
  if (place->node == nullptr) return Error::from_errno(ENOENT);
  return place->node;
}

std::vector<std::string> SimTree::paths_of(std::uint64_t inode) const {
  std::vector<std::string> paths;
  if (inode == kRoot) return paths;
  for (const auto& [number, node] : nodes_) {
    if (node.type != FileType::directory || (number != kRoot && node.links == 0)) continue;
    for (const auto& [name, child] : node.entries) {
      if (child != inode) continue;
      const std::vector<std::string> above = paths_of(number);
      if (number == kRoot || !above.empty()) paths.push_back((above.empty() ? "" : above.front()) + "/" + name);
    }
  }
  return paths;
}

SimNode& SimTree::create(const SimPlace& place, FileType type, WallTime now) {
  std::uint64_t inode = next_inode_;
  if (reuses_inodes_) {
    inode = kRoot + 1;
    while (nodes_.contains(inode)) ++inode;
  }
  next_inode_ = std::max(next_inode_, inode + 1);
  SimNode& made = nodes_[inode];
  made.inode = inode;
  made.type = type;
  made.modified = now;
  made.birth_ns = now.time_since_epoch().count();
  link(place, made);
  return made;
}

void SimTree::link(const SimPlace& place, SimNode& node) {
  unsynced_.push_back({change_of(place)});
  set_entry(place.directory, place.name, node.inode);
}

void SimTree::unlink(const SimPlace& place) {
  unsynced_.push_back({change_of(place)});
  set_entry(place.directory, place.name, 0);
  collect();
}

void SimTree::rename(const SimPlace& from, const SimPlace& to) {
  if (from.node == to.node) return;  // rename(2): two names of one file, nothing happens
  const std::uint64_t inode = from.node->inode;
  unsynced_.push_back({change_of(from), change_of(to)});
  set_entry(from.directory, from.name, 0);
  set_entry(to.directory, to.name, inode);
  collect();
}

void SimTree::sync_directory(std::uint64_t inode) {
  std::erase_if(unsynced_, [inode](const Op& op) {
    return std::any_of(op.begin(), op.end(), [inode](const Change& change) { return change.directory == inode; });
  });
  collect();
}

void SimTree::sync_all() {
  unsynced_.clear();
  for (auto& [inode, node] : nodes_) node.content.sync();
  collect();
}

void SimTree::crash(CrashMode mode, SimRandom& random) {
  std::size_t survive = 0;
  if (mode == CrashMode::keep) survive = unsynced_.size();
  if (mode == CrashMode::tear) survive = static_cast<std::size_t>(random() % (unsynced_.size() + 1));
  while (unsynced_.size() > survive) {
    for (const Change& change : unsynced_.back()) set_entry(change.directory, change.name, change.before);
    unsynced_.pop_back();
  }
  unsynced_.clear();
  for (auto& [inode, node] : nodes_) {
    node.content.crash(mode, random);
    node.opens = 0;
    node.locked_by = -1;
  }
  may_have_garbage_ = true;
  collect();
}

SimTree SimTree::copy(const std::function<bool(std::uint64_t inode)>& is_of_interest) const {
  SimTree copied;
  copied.unsynced_ = unsynced_;
  for (const auto& [inode, node] : nodes_) {
    SimNode& made = copied.nodes_[inode];
    made.inode = inode;
    made.type = node.type;
    made.links = node.links;
    made.entries = node.entries;
    made.target = node.target;
    if (is_of_interest(inode)) made.content = node.content;
  }
  return copied;
}

void SimTree::collect() {
  if (!may_have_garbage_) return;
  std::set<std::uint64_t> undoable;
  for (const Op& op : unsynced_) {
    for (const Change& change : op) undoable.insert({change.before, change.directory});
  }
  may_have_garbage_ = !undoable.empty();
  std::size_t before = 0;
  do {  // a directory that goes may have held the last name of others
    before = nodes_.size();
    std::erase_if(nodes_, [&](const auto& item) {
      return item.second.links == 0 && item.second.opens == 0 && !undoable.contains(item.first);
    });
    recount_links();
  } while (nodes_.size() != before);
}

void SimTree::opened(SimNode& node) { ++node.opens; }

void SimTree::closed(SimNode& node) {
  if (--node.opens > 0 || node.links > 0) return;
  may_have_garbage_ = true;
  collect();
}

std::uint64_t SimTree::used_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [inode, node] : nodes_) {
    if (node.links > 0 || node.opens > 0) bytes += node.content.allocated();
  }
  return bytes;
}

void SimTree::set_entry(std::uint64_t directory, const std::string& name, std::uint64_t inode) {
  auto& entries = nodes_.at(directory).entries;
  if (const auto old = entries.find(name); old != entries.end()) {
    if (--nodes_.at(old->second).links == 0) may_have_garbage_ = true;
    entries.erase(old);
  }
  if (inode != 0) {
    entries[name] = inode;
    ++nodes_.at(inode).links;
  }
}

std::uint64_t SimTree::entry(std::uint64_t directory, const std::string& name) const {
  const auto& entries = nodes_.at(directory).entries;
  const auto found = entries.find(name);
  return found == entries.end() ? 0 : found->second;
}

SimTree::Change SimTree::change_of(const SimPlace& place) const {
  return {place.directory, place.name, entry(place.directory, place.name)};
}

void SimTree::recount_links() {
  for (auto& [inode, node] : nodes_) node.links = inode == kRoot ? 1 : 0;
  for (auto& [inode, node] : nodes_) {
    for (const auto& [name, child] : node.entries) ++nodes_.at(child).links;
  }
}

}  // namespace tailrace
