#include "tailers/probe.h"

#include <cerrno>

#include "buffer/source.h"
#include "tailers/data_end.h"
#include "tailers/fingerprint.h"

namespace tailrace {
namespace {

// Where a path leads, and what is there. Only a name that is a symlink is resolved by itself: most are not, and their
// directory's path serves all that are in it.
Result<Place> resolve(FileSystem& files, Lookup& lookup, const std::string& path) {
  const std::string directory = directory_of(path);
  auto known = lookup.real_directories.find(directory);
  if (known == lookup.real_directories.end()) {
    Result<Place> place = files.resolve(directory, lookup.symlinks);
    if (!place) return std::move(place).error();
    std::string& real = place->real_path;
    known = lookup.real_directories.emplace(directory, real == "/" ? "" : std::move(real)).first;
  }
  std::string real_path = known->second + path.substr(path.rfind('/'));
  Result<FileStat> named = files.stat_no_follow(real_path);
  if (!named) return std::move(named).error();
  if (named->type == FileType::symlink) return files.resolve(path, lookup.symlinks);
  return Place{.real_path = std::move(real_path), .stat = *named};
}

// What is there must be what `place` says, where a symlink was judged by it.
Result<UniqueFd> open(FileSystem& files, const Place& place, const std::string& path, FileStat& stat) {
  Result<UniqueFd> fd = files.open_resolved(place.real_path);
  if (!fd) {
    // A symlink came there since.
    if (fd.error().sys_errno() == ELOOP) return Error(ErrorKind::again, path + ": changed while it was looked at");
    return std::move(fd).error().during("open", path);
  }
  Result<FileStat> opened = files.stat_fd(fd->get());
  if (!opened) return std::move(opened).error().during("stat", path);
  const bool is_link = place.real_path != path;
  if (is_link && (opened->device != place.stat.device || opened->inode != place.stat.inode))
    return Error(ErrorKind::again, path + ": changed while it was looked at");
  if (opened->type != FileType::regular) return Error(ErrorKind::bad_input, path + ": not a regular file");
  const Result<bool> is_made_up = files.is_made_up(fd->get());
  if (is_made_up && *is_made_up)
    return Error(ErrorKind::bad_input, path + ": not a regular file: the kernel makes it up as it is read");
  stat = *opened;
  return fd;
}

Status look(FileSystem& files, Lookup& lookup, Probe& into, ProbeReads reads) {
  const std::string& path = into.request.path;
  Result<Place> place = resolve(files, lookup, path);
  if (!place) return std::move(place).error().during("look at", path);
  // Before it is opened: to open a device may do something.
  if (place->stat.type != FileType::regular) return Error(ErrorKind::bad_input, path + ": not a regular file");
  into.stat = place->stat;  // of one that cannot be opened its size is known all the same
  into.real_path = place->real_path;
  if (lookup.own.holds(directory_of(into.real_path)))
    return Error(ErrorKind::bad_input, path + ": lies in the agent's own state_dir");
  FileStat stat;
  Result<UniqueFd> fd = open(files, *place, path, stat);
  if (!fd) return std::move(fd).error();
  into.is_unread = reads == ProbeReads::later && !into.request.wants_tail;
  if (!into.is_unread) {
    Result<std::vector<std::byte>> prefix = read_prefix(files, fd->get());
    if (!prefix) return std::move(prefix).error().during("read", path);
    into.prefix = std::move(*prefix);
  }
  if (into.request.wants_tail) {
    DataEndSearch search{.end = stat.size};
    while (!search.is_over) {
      if (Status looked = search_data_end(files, fd->get(), search); !looked)
        return std::move(looked).error().during("read", path);
    }
    into.end = search.end;
    into.tail.resize(std::min<std::uint64_t>(into.end, kTailBytesMax));
    const Result<std::size_t> got = files.read_at(fd->get(), into.tail, into.end - into.tail.size());
    if (!got || *got != into.tail.size()) return Error(ErrorKind::again, path + ": changed while it was looked at");
  }
  into.stat = stat;
  into.fd = std::move(*fd);
  return {};
}

}  // namespace

Probe probe(FileSystem& files, Lookup& lookup, ProbeRequest request, ProbeReads reads) {
  Probe result;
  result.request = std::move(request);
  if (Status looked = look(files, lookup, result, reads); !looked) result.error.push_back(std::move(looked).error());
  if (reads == ProbeReads::now_and_closes) result.fd.reset();
  return result;
}

Probe failed_probe(ProbeRequest request, Error error) {
  Probe failed;
  failed.request = std::move(request);
  failed.error.push_back(std::move(error));
  return failed;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string name_in(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace tailrace
