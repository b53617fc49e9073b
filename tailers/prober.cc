#include "tailers/prober.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "tailers/fingerprint.h"

namespace tailrace {
namespace {

// A read that does not give what the size says is made again, whole, so that all of it is of one moment: it came back
// short, as an engine's may, or the file changed between the two. After so many the file system's size is not to be
// relied on, and what was read counts.
constexpr unsigned kTriesMax = 32;

// What was there a moment ago and is not: renamed in its directory, perhaps before the directory was watched.
std::vector<Probe> look_again(FileSystem& files, Lookup& lookup, Probe& done, ProbeReads reads) {
  ProbeRequest& request = done.request;
  std::vector<Probe> found;
  if (!done.is_ok() && done.error.front().kind() != ErrorKind::not_found) return found;
  std::vector<SeenInode> missing = request.inodes;
  const auto take = [&missing](std::uint64_t inode) {
    const auto seen =
        std::find_if(missing.begin(), missing.end(), [inode](const auto& one) { return one.inode == inode; });
    if (seen == missing.end()) return std::optional<SeenInode>();
    const SeenInode taken = *seen;
    missing.erase(seen);
    return std::optional<SeenInode>(taken);
  };
  if (done.is_ok()) take(done.stat.inode);
  if (!missing.empty()) {
    const std::string directory = directory_of(request.path);
    const Result<std::vector<DirectoryEntry>> entries = files.list(directory);
    if (!entries && entries.error().kind() != ErrorKind::not_found) {
      ProbeRequest again = request;
      again.inodes = missing;
      found.push_back(failed_probe(std::move(again), Error(entries.error()).during("list", directory)));
      return found;
    }
    std::vector<SeenInode> renamed;
    for (std::size_t i = 0; entries && i < entries->size(); ++i) {
      const DirectoryEntry& entry = (*entries)[i];
      const std::optional<SeenInode> seen = take(entry.inode);
      if (!seen) continue;
      Probe other = probe(files, lookup,
                          {.path = directory + "/" + entry.name,
                           .first_path = request.first_path,
                           .is_renamed = true,
                           .inodes = {*seen},
                           .wants_tail = request.wants_tail},
                          reads);
      // What cannot be opened is tried again under the name that it has now.
      const bool is_there = other.is_ok() || other.error.front().kind() != ErrorKind::not_found;
      const bool was_seen = other.stat.inode != 0;
      if (is_there && (!was_seen || is_inode_of({.inode = seen->inode, .birth_ns = seen->birth_ns}, other.stat))) {
        found.push_back(std::move(other));
      } else if (!is_there && !files.stat_no_follow(other.request.path)) {
        renamed.push_back(*seen);  // since it was listed
      } else {
        missing.push_back(*seen);  // its inode is another's
      }
    }
    if (!renamed.empty()) {
      ProbeRequest again = request;
      again.inodes = std::move(renamed);
      found.push_back(failed_probe(std::move(again), Error(ErrorKind::again, "renamed while it was looked for")));
    }
    request.is_expected = !done.is_ok() && found.empty();
    done.gone = std::move(missing);
  }
  // A symlink to nothing is there all the same.
  if (!done.is_ok() && request.is_expected && files.stat_no_follow(request.path)) request.is_expected = false;
  return found;
}

std::vector<Probe> look_at_all(FileSystem& files, Lookup lookup, std::vector<ProbeRequest>& requests,
                               ProbeReads reads) {
  std::vector<Probe> probes;
  probes.reserve(requests.size());
  for (ProbeRequest& request : requests) {
    Probe done = probe(files, lookup, std::move(request), reads);
    // Those that were there before it come first; what is to be tried again keeps its path's place in failed_.
    std::vector<Probe> failed;
    for (Probe& other : look_again(files, lookup, done, reads))
      (other.is_ok() ? probes : failed).push_back(std::move(other));
    probes.push_back(std::move(done));
    std::move(failed.begin(), failed.end(), std::back_inserter(probes));
  }
  return probes;
}

}  // namespace

Prober::~Prober() {
  // There is no cancelling: what the engine still reads into stays.
  static std::vector<std::vector<std::byte>> left_behind;
  readings_.for_each([](Reading& reading) { left_behind.push_back(std::move(reading.probe->prefix)); });
}

void Prober::start(std::vector<ProbeRequest> requests, bool keeps, Done done) {
  auto job = std::make_shared<Job>(Job{.requests = std::move(requests), .probes = {}, .done = std::move(done)});
  const ProbeReads reads = keeps ? ProbeReads::later : ProbeReads::now_and_closes;
  FileSystem& files = parts_.files;
  parts_.workers.submit(
      owner_,
      [job, reads, &files, symlinks = symlinks_, own = parts_.own_directory] {
        job->probes = look_at_all(files, Lookup(files, symlinks, own), job->requests, reads);
      },
      [this, job](Instant now) { opened(job, now); });
}

void Prober::opened(const std::shared_ptr<Job>& job, Instant now) {
  for (Probe& probe : job->probes) {
    if (!probe.is_unread) continue;
    ++job->unread;
    probe.prefix.resize(kPrefixBytesMax);
    read(readings_.put({.job = job, .probe = &probe}));
  }
  if (job->unread == 0) job->done(job->probes, now);
}

void Prober::read(std::uint64_t token) {
  Reading& reading = readings_[token];
  ++reading.tries;
  parts_.engine.submit({.op = IoRequest::Op::read,
                        .fd = reading.probe->fd.get(),
                        .buffer = reading.probe->prefix.data(),
                        .bytes = kPrefixBytesMax,
                        .offset = 0,
                        .client = this,
                        .token = token});
}

void Prober::on_io_done(std::uint64_t token, std::int64_t result, Instant now) {
  bool must_repeat = false;
  Probe& probe = *readings_[token].probe;
  Status checked = check(readings_[token], result, must_repeat);
  if (must_repeat) return read(token);
  probe.is_unread = false;
  if (!checked) {
    probe.prefix.clear();
    probe.fd.reset();
    probe.error.push_back(std::move(checked).error());
  }
  const std::shared_ptr<Job> job = readings_.take(token).job;
  if (--job->unread == 0) job->done(job->probes, now);
}

// The size is asked for after the read: they belong together if the one is what the other says.
Status Prober::check(Reading& reading, std::int64_t result, bool& must_repeat) {
  Probe& probe = *reading.probe;
  const std::string& path = probe.request.path;
  if (result < 0) return Error::from_errno(static_cast<int>(-result)).during("read", path);
  Result<FileStat> stat = parts_.files.stat_fd(probe.fd.get());
  if (!stat) return std::move(stat).error().during("stat", path);
  probe.stat = *stat;
  const auto got = static_cast<std::uint64_t>(result);
  must_repeat = got != std::min<std::uint64_t>(stat->size, kPrefixBytesMax) && reading.tries < kTriesMax;
  if (!must_repeat) probe.prefix.resize(got);
  return {};
}

}  // namespace tailrace
