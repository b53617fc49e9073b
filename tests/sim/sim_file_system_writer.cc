// The writer's verbs of the simulated disk.
#include <utility>

#include "tests/sim/sim_file_system.h"

namespace tailrace {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace

void SimFileSystem::make(const std::string& directory) {
  for (std::size_t end = directory.find('/', 1);; end = directory.find('/', end + 1)) {
    const std::string path = directory.substr(0, end);
    const SimPlace place = place_of(path, true);
    if (place.node == nullptr) {
      tree_.create(place, FileType::directory, now_);
      writer_did(Verb::created, path);
    }
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
  if (place.node == nullptr) writer_did(Verb::created, path);
  if (bytes.empty()) return;
  node.content.write(bytes_of(bytes), offset);
  node.modified = now_;
  writer_did(Verb::modified, path);
}

void SimFileSystem::cut(const std::string& path, std::uint64_t size) {
  const SimPlace place = place_of(path, true);
  TR_ASSERT(place.node != nullptr, "cut {}: no such file", path);
  place.node->content.resize(size);
  place.node->modified = now_;
  writer_did(Verb::modified, path);
}

void SimFileSystem::move(const std::string& from, const std::string& to) {
  const SimPlace source = place_of(from, false);
  TR_ASSERT(source.node != nullptr, "move {}: no such file", from);
  tree_.rename(source, place_of(to, false));
  writer_did(Verb::moved, from, to);
}

void SimFileSystem::erase(const std::string& path) {
  const SimPlace place = place_of(path, false);
  TR_ASSERT(place.node != nullptr, "erase {}: no such file", path);
  const std::map<std::string, std::uint64_t> entries = place.node->entries;
  for (const auto& [name, inode] : entries) erase(path + "/" + name);
  tree_.unlink(place);
  writer_did(Verb::removed, path);
}

void SimFileSystem::link(const std::string& existing, const std::string& name) {
  const SimPlace place = place_of(existing, true);
  TR_ASSERT(place.node != nullptr, "link {}: no such file", existing);
  tree_.link(place_of(name, false), *place.node);
  writer_did(Verb::created, name);
}

void SimFileSystem::symlink(const std::string& target, const std::string& name) {
  TR_ASSERT(!target.empty(), "a symlink to nothing");
  tree_.create(place_of(name, false), FileType::symlink, now_).target = target;
  writer_did(Verb::created, name);
}

void SimFileSystem::make_special(const std::string& path, FileType type) {
  tree_.create(place_of(path, false), type, now_);
  writer_did(Verb::created, path);
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
  writer_did(Verb::attributes, path);
}

SimPlace SimFileSystem::place_of(const std::string& path, bool follow_last) {
  Result<SimPlace> place = tree_.walk(path, follow_last);
  TR_ASSERT(static_cast<bool>(place), "{}: {}", path, place.error().text());
  return std::move(*place);
}

void SimFileSystem::writer_did(Verb verb, const std::string& path, const std::string& to) {
  if (writer_syncs_) {
    const std::string& last = to.empty() ? path : to;
    if (const Result<SimPlace> place = tree_.walk(last, false)) {
      if (place->node != nullptr) place->node->content.sync();
      tree_.sync_directory(place->directory);
    }
    if (const Result<SimPlace> place = tree_.walk(path, true)) {
      if (place->node != nullptr) place->node->content.sync();
    }
  }
  if (on_change_) on_change_(verb, path, to);
}

}  // namespace tailrace
