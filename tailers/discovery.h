// Discovery: globs to paths. Walks the patterns' fixed prefixes on a worker and says what is there.
//
// Symlinks are followed as `symlinks` says, to files and to directories; no directory is entered twice (device and
// inode) in the walk from one fixed prefix, so a loop ends. A directory's own name goes before a symlink to it. Only
// regular files are found; what else matches (FIFO, socket, device) is reported as not_regular, directories are not.
// Names may be any bytes.
//
// inotify speaks of real paths, patterns perhaps of symlinks. An event in a watched directory D means: call
// discover_directory for each of `names_of(D)`. If its path, under one of these names, may_match_below, a directory or
// a link on the way to a match has changed: call discover.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "buffer/source.h"
#include "tailers/glob.h"

namespace tailrace {

struct Patterns {
  std::vector<Glob> include;
  std::vector<Glob> exclude;  // without "/": the name; with it: the whole path
  Symlinks symlinks = Symlinks::follow;
  std::string own_directory = {};  // the agent's: nothing in it is found

  bool matches(std::string_view path) const;  // included and not excluded
  bool may_match_below(std::string_view directory) const;
};

struct FoundFile {
  std::string path;       // as matched
  std::string real_path;  // no symlink in it: the name that inotify will speak of
  FileStat stat;          // of the file, symlinks followed
  bool is_link = false;   // its last part is a symlink
};

struct SkippedFile {
  std::string path;
  // permission, not_found (a dangling link), bad_input (not_regular), refused (a symlink that is not followed), io, ..
  ErrorKind kind;
  std::string reason;
};

// What goes on in the directory `real_path` shows in the directory that the patterns call `seen_as`: the same one
// through a symlink, or one that holds a symlink to a file in it.
struct DirectoryAlias {
  std::string real_path;
  std::string seen_as;
  auto operator<=>(const DirectoryAlias&) const = default;
};

struct Found {
  std::vector<FoundFile> files;  // sorted by modification time, the oldest first, then by path
  // Real paths, sorted, of every directory to be watched: each one entered, those that hold a matching symlink's file,
  // those that hold a symlink on the way to a fixed prefix, and the nearest existing ancestor of a prefix that is not
  // there or cannot be listed. Of a chain of symlinks the links in the middle are not among them.
  std::vector<std::string> directories;
  std::vector<DirectoryAlias> aliases;  // sorted; only where seen_as differs from real_path
  std::vector<SkippedFile> skipped;     // what matched, or stood in the way, and could not be looked at

  // Under which names the patterns may see what happens in this directory: itself and its aliases.
  std::vector<std::string> names_of(const std::string& real_directory) const;
};

// The whole walk. A fixed prefix that does not exist yet: its nearest existing ancestor is in `directories`. A file
// that is reached by two names is there twice. What vanishes during the walk is left out. Watch `directories` and walk
// again when one of them was not watched before: what appeared in it between the two was not seen.
// A worker's or the start's: it blocks.
Found discover(FileSystem& files, const Patterns& patterns);

// Only the names in one directory (as the patterns name it), not below it: after an event or for a poll. A directory
// that is not there: nothing found, and `skipped` says so.
Found discover_directory(FileSystem& files, const Patterns& patterns, const std::string& directory);

}  // namespace tailrace
