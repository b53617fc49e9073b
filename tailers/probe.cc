#include "tailers/probe.h"

#include "buffer/source.h"
#include "tailers/fingerprint.h"

namespace tailrace {
namespace {

Status look(FileSystem& files, Probe& into) {
  const std::string& path = into.request.path;
  Result<FileStat> named = files.stat(path);  // before the open: opening a device may do something
  if (!named) return std::move(named).error().during("stat", path);
  if (named->type != FileType::regular) return Error(ErrorKind::bad_input, path + ": not a regular file");
  into.stat = *named;  // of one that cannot be opened its size is known all the same
  Result<std::string> real = files.real_path(path);
  if (!real) return std::move(real).error().during("resolve", path);
  Result<UniqueFd> fd = files.open_read(*real);
  if (!fd) return std::move(fd).error().during("open", path);
  Result<FileStat> stat = files.stat_fd(fd->get());
  if (!stat) return std::move(stat).error().during("stat", path);
  if (stat->type != FileType::regular) return Error(ErrorKind::bad_input, path + ": not a regular file");
  Result<std::vector<std::byte>> prefix = read_prefix(files, fd->get());
  if (!prefix) return std::move(prefix).error().during("read", path);
  if (into.request.wants_tail) {
    into.tail.resize(std::min<std::uint64_t>(stat->size, kTailBytesMax));
    const Result<std::size_t> got = files.read_at(fd->get(), into.tail, stat->size - into.tail.size());
    if (!got || *got != into.tail.size()) return Error(ErrorKind::again, path + ": changed while it was looked at");
  }
  into.real_path = std::move(*real);
  into.stat = *stat;
  into.prefix = std::move(*prefix);
  into.fd = std::move(*fd);
  return {};
}

}  // namespace

Probe probe(FileSystem& files, ProbeRequest request, bool keeps_fd) {
  Probe result;
  result.request = std::move(request);
  if (Status looked = look(files, result); !looked) result.error.push_back(std::move(looked).error());
  if (!keeps_fd) result.fd.reset();
  return result;
}

}  // namespace tailrace
