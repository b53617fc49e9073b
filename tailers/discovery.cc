#include "tailers/discovery.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "tailers/own_directory.h"

namespace tailrace {
namespace {

using Inode = std::pair<std::uint64_t, std::uint64_t>;  // device, inode

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string join(const std::string& directory, std::string_view name) {
  std::string path = directory;
  if (!path.ends_with('/')) path += '/';
  path += name;
  return path;
}

std::string_view not_regular_reason(FileType type) {
  switch (type) {
    case FileType::fifo:
      return "not a regular file: a FIFO";
    case FileType::socket:
      return "not a regular file: a socket";
    case FileType::device:
      return "not a regular file: a device";
    case FileType::regular:
    case FileType::directory:
    case FileType::symlink:
    case FileType::other:
      break;
  }
  return "not a regular file";
}

struct Directory {
  std::string path;  // as the patterns name it
  std::string real_path;
  Inode inode;
};

class Walk {
 public:
  Walk(FileSystem& files, const Patterns& patterns)
      : files_(files), patterns_(patterns), own_(files, patterns.own_directory) {}

  void from_prefix(const std::string& prefix) {
    watch_links_on_the_way(prefix);
    visited_.clear();
    std::optional<Directory> start = resolve(prefix);
    if (!start) return watch_ancestor(prefix);
    if (own_.holds(start->real_path)) return;
    if (entered_.contains(prefix)) return;
    directories_.push_back(*std::move(start));
    while (!directories_.empty() || !links_.empty()) {
      const Directory directory = take_next();
      // Another prefix's walk may have come here under the same name; under another name its files match otherwise.
      if (!visited_.insert(directory.inode).second || !entered_.insert(directory.path).second) continue;
      if (!enter(directory) && directory.path == prefix) watch_ancestor(prefix);
    }
  }

  void only(const std::string& directory) {
    const std::optional<Directory> start = resolve(directory);
    if (start) {
      enter(*start);
    } else {
      skip(directory, Error(ErrorKind::not_found, "no directory"));
    }
  }

  Found finish() && {
    std::sort(found_.files.begin(), found_.files.end(), [](const FoundFile& a, const FoundFile& b) {
      return std::tie(a.stat.modified, a.path) < std::tie(b.stat.modified, b.path);
    });
    found_.directories.assign(watched_.begin(), watched_.end());
    found_.aliases.assign(aliases_.begin(), aliases_.end());
    return std::move(found_);
  }

 private:
  // Directories under their own names first, so that these are the names that files are known by.
  Directory take_next() {
    Directory next;
    if (directories_.empty()) {
      next = std::move(links_.extract(links_.begin()).mapped());
    } else {
      next = std::move(directories_.back());
      directories_.pop_back();
    }
    return next;
  }

  std::optional<Directory> resolve(const std::string& path) {
    Result<Place> place = files_.resolve(path, patterns_.symlinks);
    if (!place) {
      if (place.error().kind() != ErrorKind::not_found) skip(path, place.error());
      return std::nullopt;
    }
    const FileStat& stat = place->stat;
    if (stat.type != FileType::directory) return std::nullopt;
    return Directory{.path = path, .real_path = std::move(place->real_path), .inode = {stat.device, stat.inode}};
  }

  bool enter(const Directory& directory) {
    const Result<std::vector<DirectoryEntry>> entries = files_.list(directory.real_path);
    if (!entries) {
      if (entries.error().kind() != ErrorKind::not_found) skip(directory.path, entries.error());
      return false;
    }
    watch(directory.real_path, directory.path);
    std::string path = join(directory.path, "");
    const std::size_t base = path.size();
    for (const DirectoryEntry& entry : *entries) {
      path.resize(base);
      path += entry.name;
      look_at(directory, entry, path);
    }
    return true;
  }

  // Asks the disk only about names that can matter: a directory with 100,000 others costs its readdir.
  void look_at(const Directory& directory, const DirectoryEntry& entry, const std::string& path) {
    const bool may_be_directory =
        entry.type == FileType::directory || entry.type == FileType::symlink || entry.type == FileType::other;
    const bool may_lead = may_be_directory && patterns_.may_match_below(path);
    const bool may_be_file = entry.type != FileType::directory && patterns_.matches(path);
    if (!may_lead && !may_be_file) return;
    const bool is_plain = entry.type == FileType::regular || entry.type == FileType::directory;
    if (!is_plain && entry.type != FileType::symlink && entry.type != FileType::other) {
      return skip(path, Error(ErrorKind::bad_input, std::string(not_regular_reason(entry.type))));
    }
    Result<Place> place =
        is_plain ? plain(join(directory.real_path, entry.name)) : files_.resolve(path, patterns_.symlinks);
    if (!place) {
      const bool vanished = is_plain && place.error().kind() == ErrorKind::not_found;
      if (!vanished) skip(path, place.error());
      return;
    }
    const FileStat& stat = place->stat;
    if (stat.type == FileType::directory) {
      if (own_.is(stat) || (!is_plain && own_.holds(place->real_path))) return;
      if (may_lead)
        queue({.path = path, .real_path = std::move(place->real_path), .inode = {stat.device, stat.inode}}, is_plain);
    } else if (may_be_file) {
      add_file({.path = path, .real_path = std::move(place->real_path), .stat = stat, .is_link = !is_plain}, directory);
    }
  }

  // What a listing says is no symlink.
  Result<Place> plain(std::string real_path) {
    Result<FileStat> stat = files_.stat_no_follow(real_path);
    if (!stat) return std::move(stat).error();
    return Place{.real_path = std::move(real_path), .stat = *stat};
  }

  void queue(Directory directory, bool is_plain) {
    if (is_plain) {
      directories_.push_back(std::move(directory));
    } else {
      std::string path = directory.path;
      links_.emplace(std::move(path), std::move(directory));
    }
  }

  void add_file(FoundFile file, const Directory& directory) {
    if (file.stat.type != FileType::regular) {
      return skip(file.path, Error(ErrorKind::bad_input, std::string(not_regular_reason(file.stat.type))));
    }
    std::string home = parent_of(file.real_path);
    if (file.is_link && own_.holds(home)) return;
    // A symlink to the file itself names that file, and not what else is where it leads.
    if (home != directory.real_path) watched_.insert(std::move(home));
    found_.files.push_back(std::move(file));
  }

  void watch(std::string real_path, const std::string& seen_as) {
    if (real_path != seen_as) aliases_.insert({.real_path = real_path, .seen_as = seen_as});
    watched_.insert(std::move(real_path));
  }

  void watch_ancestor(std::string path) {
    while (path != "/") {
      path = parent_of(path);
      const std::optional<Directory> ancestor = resolve(path);
      if (ancestor && own_.holds(ancestor->real_path)) return;
      if (ancestor) return watch(ancestor->real_path, path);
    }
  }

  // "/srv/app/current/log" with `current` a link that each release sets anew: only the directory of the link sees that.
  void watch_links_on_the_way(const std::string& prefix) {
    for (std::size_t end = prefix.find('/', 1); prefix.size() > 1; end = prefix.find('/', end + 1)) {
      const std::string path = prefix.substr(0, end);
      const Result<FileStat> stat = files_.stat_no_follow(path);
      if (!stat) return;
      if (stat->type == FileType::symlink) {
        const std::string holder = parent_of(path);
        const Result<std::string> real = files_.real_path(holder);
        if (real) watch(*real, holder);
      }
      if (end == std::string::npos) return;
    }
  }

  void skip(const std::string& path, const Error& error) {
    found_.skipped.push_back({.path = path, .kind = error.kind(), .reason = error.text()});
  }

  FileSystem& files_;
  const Patterns& patterns_;
  OwnDirectory own_;
  Found found_;
  std::vector<Directory> directories_;       // to be entered
  std::map<std::string, Directory> links_;   // by path: to be entered when directories_ is empty
  std::set<Inode> visited_;                  // in the walk from this prefix
  std::unordered_set<std::string> entered_;  // paths, in all walks
  std::set<std::string> watched_;
  std::set<DirectoryAlias> aliases_;
};

}  // namespace

bool Patterns::matches(std::string_view path) const {
  const auto is_included = [&](const Glob& glob) { return glob.matches(path); };
  if (std::none_of(include.begin(), include.end(), is_included)) return false;
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const auto is_excluded = [&](const Glob& glob) {
    return glob.has_slash() ? glob.matches(path) : glob.matches_name(name);
  };
  return std::none_of(exclude.begin(), exclude.end(), is_excluded);
}

bool Patterns::may_match_below(std::string_view directory) const {
  return std::any_of(include.begin(), include.end(), [&](const Glob& glob) { return glob.may_match_below(directory); });
}

std::vector<std::string> Found::names_of(const std::string& real_directory) const {
  std::vector<std::string> names = {real_directory};
  auto alias =
      std::lower_bound(aliases.begin(), aliases.end(), DirectoryAlias{.real_path = real_directory, .seen_as = ""});
  for (; alias != aliases.end() && alias->real_path == real_directory; ++alias) names.push_back(alias->seen_as);
  return names;
}

Found discover(FileSystem& files, const Patterns& patterns) {
  std::set<std::string> prefixes;
  for (const Glob& glob : patterns.include) prefixes.insert(glob.fixed_prefixes().begin(), glob.fixed_prefixes().end());
  Walk walk(files, patterns);
  for (const std::string& prefix : prefixes) walk.from_prefix(prefix);
  return std::move(walk).finish();
}

Found discover_directory(FileSystem& files, const Patterns& patterns, const std::string& directory) {
  Walk walk(files, patterns);
  walk.only(directory);
  return std::move(walk).finish();
}

}  // namespace tailrace
