#include "tailers/probe.h"

#include "buffer/source.h"
#include "tailers/data_end.h"
#include "tailers/fingerprint.h"

namespace tailrace {
namespace {

// Where a path leads, and what is there. Only a name that is a symlink is resolved by itself: most are not, and their
// directory's path serves all that are in it.
Result<std::string> resolve(FileSystem& files, RealDirectories& directories, const std::string& path, FileStat& stat) {
  Result<FileStat> named = files.stat_no_follow(path);
  const bool is_symlink = named && named->type == FileType::symlink;
  if (is_symlink) named = files.stat(path);
  if (!named) return std::move(named).error().during("stat", path);
  if (named->type != FileType::regular) return Error(ErrorKind::bad_input, path + ": not a regular file");
  stat = *named;  // of one that cannot be opened its size is known all the same
  const std::string directory = directory_of(path);
  auto known = is_symlink ? directories.end() : directories.find(directory);
  if (known == directories.end()) {
    Result<std::string> real = files.real_path(is_symlink ? path : directory);
    if (!real) return std::move(real).error().during("resolve", path);
    if (is_symlink) return real;
    known = directories.emplace(directory, *real == "/" ? "" : std::move(*real)).first;
  }
  return known->second + path.substr(path.rfind('/'));
}

Status look(FileSystem& files, RealDirectories& directories, Probe& into, ProbeReads reads) {
  const std::string& path = into.request.path;
  Result<std::string> real =
      resolve(files, directories, path, into.stat);  // before the open: of a device it may do something
  if (!real) return std::move(real).error();
  into.real_path = *std::move(real);
  Result<UniqueFd> fd = files.open_read(into.real_path);
  if (!fd) return std::move(fd).error().during("open", path);
  Result<FileStat> stat = files.stat_fd(fd->get());
  if (!stat) return std::move(stat).error().during("stat", path);
  if (stat->type != FileType::regular) return Error(ErrorKind::bad_input, path + ": not a regular file");
  into.is_unread = reads == ProbeReads::later && !into.request.wants_tail;
  if (!into.is_unread) {
    Result<std::vector<std::byte>> prefix = read_prefix(files, fd->get());
    if (!prefix) return std::move(prefix).error().during("read", path);
    into.prefix = std::move(*prefix);
  }
  if (into.request.wants_tail) {
    DataEndSearch search{.end = stat->size};
    while (!search.is_over) {
      if (Status looked = search_data_end(files, fd->get(), search); !looked)
        return std::move(looked).error().during("read", path);
    }
    into.end = search.end;
    into.tail.resize(std::min<std::uint64_t>(into.end, kTailBytesMax));
    const Result<std::size_t> got = files.read_at(fd->get(), into.tail, into.end - into.tail.size());
    if (!got || *got != into.tail.size()) return Error(ErrorKind::again, path + ": changed while it was looked at");
  }
  into.stat = *stat;
  into.fd = std::move(*fd);
  return {};
}

}  // namespace

Probe probe(FileSystem& files, RealDirectories& directories, ProbeRequest request, ProbeReads reads) {
  Probe result;
  result.request = std::move(request);
  if (Status looked = look(files, directories, result, reads); !looked)
    result.error.push_back(std::move(looked).error());
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
