// The writer's verbs of the simulated disk.
#include <utility>

#include "tests/sim/sim_file_system.h"

namespace tailrace {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

SimFileSystem::Name name_of(const SimPlace& place) { return {.directory = place.directory, .name = place.name}; }

}  // namespace

void SimFileSystem::make(const std::string& directory) {
  for (std::size_t end = directory.find('/', 1);; end = directory.find('/', end + 1)) {
    const SimPlace place = place_of(directory.substr(0, end), true);
    if (place.node == nullptr) created(place, tree_.create(place, FileType::directory, now_));
    if (end == std::string::npos) return;
  }
}

void SimFileSystem::append(const std::string& path, std::string_view bytes) {
  const SimPlace place = place_of(path, true);
  write(path, place.node == nullptr ? 0 : place.node->content.size(), bytes);
}

void SimFileSystem::write(const std::string& path, std::uint64_t offset, std::string_view bytes) {
  const SimPlace place = place_of(path, true);
  SimNode& node = place.node != nullptr ? *place.node : tree_.create(place, FileType::regular, now_);
  if (place.node == nullptr) created(place, node);
  if (bytes.empty()) return;
  node.content.write(bytes_of(bytes), offset);
  node.modified = now_;
  writer_did(
      {.verb = Verb::modified, .at = name_of(place), .inode = node.inode, .is_mount_point = node.is_mount_point});
}

void SimFileSystem::write_mapped(const std::string& path, std::uint64_t offset, std::string_view bytes) {
  const SimPlace place = place_of(path, true);
  TR_ASSERT(place.node != nullptr && offset + bytes.size() <= place.node->content.size(), "{}: not mapped so far",
            path);
  place.node->content.write(bytes_of(bytes), offset);
  if (writer_syncs_) place.node->content.sync();
}

void SimFileSystem::cut(const std::string& path, std::uint64_t size) {
  const SimPlace place = place_of(path, true);
  TR_ASSERT(place.node != nullptr, "cut {}: no such file", path);
  place.node->content.resize(size);
  place.node->modified = now_;
  writer_did({.verb = Verb::modified,
              .at = name_of(place),
              .inode = place.node->inode,
              .is_mount_point = place.node->is_mount_point});
}

void SimFileSystem::move(const std::string& from, const std::string& to) {
  const SimPlace source = place_of(from, false);
  TR_ASSERT(source.node != nullptr, "move {}: no such file", from);
  const SimPlace target = place_of(to, false);
  const Change change{.verb = Verb::moved,
                      .at = name_of(source),
                      .to = name_of(target),
                      .inode = source.node->inode,
                      .is_directory = source.node->type == FileType::directory,
                      .replaced = target.node == nullptr ? 0 : target.node->inode};
  if (change.replaced == change.inode) return;  // two names of one file: nothing happens
  tree_.rename(source, target);
  writer_did(change);
}

void SimFileSystem::erase(const std::string& path) {
  const SimPlace place = place_of(path, false);
  TR_ASSERT(place.node != nullptr, "erase {}: no such file", path);
  const std::map<std::string, std::uint64_t> entries = place.node->entries;
  for (const auto& [name, inode] : entries) erase(path + "/" + name);
  const Change change{.verb = Verb::removed,
                      .at = name_of(place),
                      .inode = place.node->inode,
                      .is_directory = place.node->type == FileType::directory};
  tree_.unlink(place);
  writer_did(change);
}

void SimFileSystem::link(const std::string& existing, const std::string& name) {
  const SimPlace place = place_of(existing, true);
  TR_ASSERT(place.node != nullptr, "link {}: no such file", existing);
  const SimPlace to = place_of(name, false);
  tree_.link(to, *place.node);
  created(to, *place.node);
}

void SimFileSystem::symlink(const std::string& target, const std::string& name) {
  TR_ASSERT(!target.empty(), "a symlink to nothing");
  const SimPlace place = place_of(name, false);
  SimNode& node = tree_.create(place, FileType::symlink, now_);
  node.target = target;
  created(place, node);
}

void SimFileSystem::make_special(const std::string& path, FileType type) {
  const SimPlace place = place_of(path, false);
  created(place, tree_.create(place, type, now_));
}

std::string SimFileSystem::content(const std::string& path) {
  const SimPlace place = place_of(path, true);
  TR_ASSERT(place.node != nullptr, "content of {}: no such file", path);
  const std::vector<std::byte>& bytes = place.node->content.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool SimFileSystem::exists(const std::string& path) { return static_cast<bool>(tree_.find(path, false)); }

bool SimFileSystem::is_directory(const std::string& path) {
  const Result<SimNode*> node = tree_.find(path, false);
  return node && (*node)->type == FileType::directory;
}

bool SimFileSystem::is_dangling(const std::string& path) { return exists(path) && !tree_.find(path, true); }

std::vector<std::string> SimFileSystem::files_under(const std::string& directory) {
  std::vector<std::string> files;
  const Result<SimNode*> node = tree_.find(directory, true);
  if (!node) return files;
  for (const auto& [name, inode] : (*node)->entries) {
    const FileType type = tree_.node(inode).type;
    if (type == FileType::regular) files.push_back(directory + "/" + name);
    if (type != FileType::directory) continue;
    for (std::string& below : files_under(directory + "/" + name)) files.push_back(std::move(below));
  }
  return files;
}

void SimFileSystem::set_permitted(const std::string& path, bool is_permitted) {
  const SimPlace place = place_of(path, true);
  TR_ASSERT(place.node != nullptr, "permissions of {}: no such file", path);
  place.node->is_permitted = is_permitted;
  writer_did({.verb = Verb::attributes,
              .at = name_of(place),
              .inode = place.node->inode,
              .is_directory = place.node->type == FileType::directory});
}

void SimFileSystem::set_mount_point(const std::string& path) { place_of(path, true).node->is_mount_point = true; }

void SimFileSystem::set_made_up(const std::string& path) { place_of(path, true).node->is_made_up = true; }

SimPlace SimFileSystem::place_of(const std::string& path, bool follow_last) {
  Result<SimPlace> place = tree_.walk(path, follow_last);
  TR_ASSERT(static_cast<bool>(place), "{}: {}", path, place.error().text());
  return std::move(*place);
}

void SimFileSystem::created(const SimPlace& place, const SimNode& node) {
  writer_did({.verb = Verb::created,
              .at = name_of(place),
              .inode = node.inode,
              .is_directory = node.type == FileType::directory});
}

void SimFileSystem::writer_did(const Change& change) {
  if (writer_syncs_) {
    if (change.verb != Verb::removed) tree_.node(change.inode).content.sync();
    tree_.sync_directory(change.verb == Verb::moved ? change.to.directory : change.at.directory);
  }
  if (on_change_) on_change_(change);
}

}  // namespace tailrace
