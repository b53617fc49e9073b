// What a tailer finds: scans of its globs, probes of paths.
#include <algorithm>
#include <optional>

#include "base/log.h"
#include "tailers/fingerprint.h"
#include "tailers/tailer.h"

namespace tailrace {
namespace {

// A job is what is read together: as many as the deepest engine has in flight. So many jobs that while one is read the
// workers open the next.
constexpr std::size_t kProbesAJob = 64;
constexpr std::size_t kProbesAtOnce = 16 * kProbesAJob;
constexpr Duration kScanPauseMin = std::chrono::milliseconds(100);
constexpr int kScanPauseTimes = 20;  // a scan's pause is so many times its own length
// Events do not tell of everything (a prefix that is removed and made anew while we hold a file that was in it): all
// names are looked at once a minute, or less often where that takes long.
constexpr Duration kRoutineScanEvery = std::chrono::seconds(60);
constexpr int kRoutineScanTimes = 200;
constexpr unsigned kRetryDoublings = 5;
constexpr std::size_t kInodesAPath = 16;

OpenErrorReason reason_of(const Error& error) {
  if (error.kind() == ErrorKind::bad_input) return OpenErrorReason::not_regular;
  if (error.kind() == ErrorKind::permission || error.kind() == ErrorKind::refused) return OpenErrorReason::permission;
  return error.kind() == ErrorKind::too_many_files ? OpenErrorReason::emfile : OpenErrorReason::io;
}

void add_inode(std::vector<SeenInode>& inodes, const SeenInode& seen) {
  if (seen.inode == 0) return;
  std::erase_if(inodes, [&seen](const auto& one) { return one.inode == seen.inode; });  // the newest has it now
  if (inodes.size() == kInodesAPath) inodes.erase(inodes.begin());
  inodes.push_back(seen);
}

}  // namespace

struct Tailer::Scan {
  std::shared_ptr<const Patterns> patterns;
  Instant started;
  Found found;
  std::vector<Notifies> notifies;  // one a directory
  bool follows_loss = false;       // events were lost before it
};

void Tailer::rescan(Instant now) { scan_at_ = std::min(scan_at_, std::max(now, scan_allowed_at_)); }

void Tailer::events_lost(Instant now) {
  ++losses_;
  has_lost_events_ = true;
  rescan(now);
  look_at_all(now);  // the walk may be long in coming
}

// `files`: so many descriptors it may hand over at its end, all or none.
Tailer::Job Tailer::begin_job(std::size_t files) {
  ++jobs_;
  const bool keeps = parts_.descriptors.left() >= unmatched_.size() + files;
  const Job job{.losses = losses_, .descriptors = keeps ? files : 0};
  parts_.descriptors.opened(job.descriptors);
  return job;
}

void Tailer::end_job(const Job& job, Instant now) {
  --jobs_;
  if (job.descriptors > 0) {
    parts_.descriptors.closed(job.descriptors);
    parts_.has_free_descriptor = true;
  }
  if (job.losses == losses_) return;
  has_lost_events_ = true;  // what it saw may be older than they are: all is looked at once more
  rescan(now);
}

void Tailer::start_scan(Instant now) {
  is_scanning_ = true;
  scan_at_ = kNever;
  ++jobs_;
  ++scan_number_;
  auto scan = std::make_shared<Scan>(Scan{.patterns = patterns_,
                                          .started = now,
                                          .found = {},
                                          .notifies = {},
                                          .follows_loss = std::exchange(has_lost_events_, false)});
  FileSystem& files = parts_.files;
  parts_.workers.submit(
      owner_,
      [scan, &files] {
        scan->found = discover(files, *scan->patterns);
        for (const std::string& directory : scan->found.directories) {
          const Result<Notifies> notifies = files.notifies(directory);
          scan->notifies.push_back(notifies ? *notifies : Notifies::yes);
        }
      },
      [this, scan](Instant when) { scan_done(*scan, when); });
}

void Tailer::scan_done(Scan& scan, Instant now) {
  --jobs_;
  is_scanning_ = false;
  const Duration took = now - scan.started;
  scan_seconds_ = to_seconds(took);
  scan_allowed_at_ = now + std::max<Duration>(kScanPauseMin, took * kScanPauseTimes);
  routine_scan_at_ = now + std::max<Duration>(kRoutineScanEvery, took * kRoutineScanTimes);
  directory_aliases_ = scan.found.aliases;
  links_.clear();
  for (const FoundFile& found : scan.found.files) {
    if (found.is_link) links_[found.real_path] = found.path;
  }
  files_found_ = std::max<std::uint64_t>(files_found_, scan.found.files.size());
  watch(scan, now);
  for (const SkippedFile& skipped : scan.found.skipped) {
    probe_failed(failed_probe({.path = skipped.path, .first_path = skipped.path},
                              Error(skipped.kind, skipped.path + ": " + skipped.reason)),
                 now);
  }
  for (const FoundFile& found : scan.found.files) apply(found, now);
  search_unseen(scan);
  start_probes(now);
  finish_first_scan(now);
}

// A directory that was not watched during the walk may have got names that neither the walk nor an event told of: it is
// walked again.
void Tailer::watch(const Scan& scan, Instant now) {
  bool is_new = false;
  polled_directories_ = 0;
  // What comes after the first look is not shipped; where a file is that was renamed since, a search finds.
  if (parts_.is_once) return;
  for (std::size_t i = 0; i < scan.found.directories.size(); ++i) {
    const bool may_watch = config_.watch == WatchMode::inotify ||
                           (config_.watch == WatchMode::automatic && scan.notifies[i] == Notifies::yes);
    const auto added = may_watch ? parts_.watches.add(scan.found.directories[i]) : DirectoryWatches::Added::refused;
    if (added == DirectoryWatches::Added::watched) is_new = true;
    if (added == DirectoryWatches::Added::refused) ++polled_directories_;
  }
  for (const FoundFile& found : scan.found.files) {
    // Its directory is polled, or it is told of there.
    if (!found.stat.is_mount_point || config_.watch == WatchMode::poll) continue;
    if (parts_.watches.add_file(found.real_path) == DirectoryWatches::Added::refused) ++polled_directories_;
  }
  poll_at_ = polled_directories_ > 0 ? std::min(poll_at_, now + config_.poll_interval) : kNever;
  if (is_new) scan_at_ = now;
}

void Tailer::apply(const FoundFile& found, Instant now) {
  TailFile* const file = at(found.real_path);
  if (file == nullptr || !is_inode_of(file->checkpoint->key, found.stat)) {
    note_unopened(found.stat);
    want_probe(found.real_path, {.first_path = found.path, .inodes = {{found.stat.inode, found.stat.birth_ns}}});
    return;
  }
  file->scan_number = scan_number_;
  if (file->fd) {
    look_closely(*file, now);
  } else if ((found.stat.size != file->extent || found.stat.modified != file->compared) && !file->is_busy()) {
    want_probe(found.real_path, *file);
  }
}

// Names that the scan did not find: an event was missed. Where the globs do not look the walk did not look either.
void Tailer::search_unseen(const Scan& scan) {
  // A directory that cannot be listed has lost nothing; a FIFO or a dangling link hides nothing.
  const bool is_whole =
      std::none_of(scan.found.skipped.begin(), scan.found.skipped.end(), [](const SkippedFile& skipped) {
        return skipped.kind != ErrorKind::bad_input && skipped.kind != ErrorKind::not_found &&
               skipped.kind != ErrorKind::refused;
      });
  std::vector<std::pair<SourceId, std::uint64_t>> unseen;
  for (auto& [id, file] : files_) {
    if (file->path.empty() || file->is_searched || file->scan_number == scan_number_) continue;
    const bool is_missing = is_whole && !file->is_left;
    // One that is open is followed by events, from name to name.
    const bool may_have_moved = file->is_left && (!file->fd || scan.follows_loss);
    if (!is_missing && !may_have_moved) continue;
    file->is_searched = true;
    unseen.emplace_back(id, file->checkpoint->key.inode);
  }
  std::sort(unseen.begin(), unseen.end());
  if (!unseen.empty()) search(unseen);
}

void Tailer::want_probe(const std::string& path, const Wanted& wanted) {
  Wanted& all = wanted_probes_[path];
  all.first_path = wanted.first_path;
  all.is_renamed = wanted.is_renamed;
  all.is_left = wanted.is_left;
  all.is_expected = all.is_expected || wanted.is_expected;
  all.is_made = wanted.is_made || (all.is_made && !wanted.is_renamed);
  for (const SeenInode& seen : wanted.inodes) add_inode(all.inodes, seen);
  // What could not be opened under this name before may have another one by now.
  if (const auto failed = failed_.find(path); failed != failed_.end()) {
    for (const SeenInode& seen : failed->second.wanted.inodes) add_inode(all.inodes, seen);
  }
}

void Tailer::want_probe(const std::string& path, const TailFile& known) {
  want_probe(path, {.first_path = known.checkpoint->path, .is_left = known.is_left});
}

// A directory is watched before its files are looked at, and walked once more because it was not watched during the
// first walk: what shows the same inode again is known, and what has changed since an event tells (which names no
// inode).
bool Tailer::is_looked_at(const std::string& path, const Wanted& wanted) const {
  const auto seen = looked_at_.find(path);
  return seen != looked_at_.end() && !wanted.is_renamed && !wanted.is_expected && wanted.inodes.size() == 1 &&
         wanted.inodes.front().inode == seen->second.inode && wanted.inodes.front().birth_ns == seen->second.birth_ns;
}

void Tailer::start_probes(Instant) {
  while (probing_.size() + kProbesAJob <= kProbesAtOnce) {
    std::vector<ProbeRequest> requests;
    for (auto it = wanted_probes_.begin(); it != wanted_probes_.end() && requests.size() < kProbesAJob;) {
      if (probing_.contains(it->first)) {
        ++it;  // one is under way: again after it
        continue;
      }
      if (is_looked_at(it->first, it->second)) {
        it = wanted_probes_.erase(it);
        continue;
      }
      requests.push_back(
          {.path = it->first,
           .first_path = it->second.first_path,
           .is_renamed = it->second.is_renamed,
           .is_left = it->second.is_left,
           .is_expected = it->second.is_expected,
           .inodes = it->second.inodes,
           .wants_tail = (starts_at_end_ && first_scan_ != FirstScan::done) || failed_at_start_.contains(it->first)});
      probing_.emplace(it->first, it->second.first_path);
      it = wanted_probes_.erase(it);
    }
    if (requests.empty()) return;
    const Job job = begin_job(requests.size());
    prober_.start(std::move(requests), job.descriptors > 0, [this, job](std::vector<Probe>& probes, Instant when) {
      end_job(job, when);
      for (Probe& done : probes) {
        probing_.erase(done.request.path);
        probed(done, when);
      }
      if (probing_.empty()) gone_.clear();
      after_events(when);
      finish_first_scan(when);
    });
  }
}

void Tailer::probe_failed(const Probe& failed, Instant now) {
  const std::string& asked = failed.request.path;
  const Error& error = failed.error.front();
  if (error.kind() == ErrorKind::not_found) {
    was_looked_at(failed, now);
    failed_at_start_.erase(asked);
    return;
  }
  if (error.kind() == ErrorKind::again) {
    want_probe(asked, {.first_path = failed.request.first_path,
                       .is_renamed = failed.request.is_renamed,
                       .inodes = failed.request.inodes,
                       .is_left = failed.request.is_left,
                       .is_expected = failed.request.is_expected});
    return;
  }
  // What a symlink leads to is tried again where it is: there it is found if it is renamed meanwhile.
  const std::string& path = failed.real_path.empty() ? asked : failed.real_path;
  TailFile* const file = at(path);
  const bool is_file = error.kind() != ErrorKind::bad_input && error.kind() != ErrorKind::refused;
  if (is_file) {
    note_unopened(failed.stat);
  } else {
    unopened_.erase(failed.stat.inode);  // a scan took it for one
  }
  const bool has_that_name = file != nullptr && is_inode_of(file->checkpoint->key, failed.stat);
  if (has_that_name && failed.stat.size > file->extent && !file->is_busy()) grew(*file, failed.stat.size, now);
  if (is_file) met_errors_ = true;
  if (is_file && starts_at_end_ && first_scan_ != FirstScan::done) failed_at_start_.insert(path);
  const Wanted wanted{.first_path = failed.request.first_path,
                      .is_renamed = failed.request.is_renamed,
                      .is_left = failed.request.is_left};
  Failed& retry = failed_.try_emplace(path, Failed{.wanted = wanted, .again_at = now}).first->second;
  for (const SeenInode& seen : failed.request.inodes) add_inode(retry.wanted.inodes, seen);
  // A known file is followed as such; here it would be taken for what the next event of this name tells of.
  if (!has_that_name) add_inode(retry.wanted.inodes, {failed.stat.inode, failed.stat.birth_ns});
  if (const auto later = wanted_probes_.find(path); later != wanted_probes_.end()) {
    for (const SeenInode& seen : retry.wanted.inodes) add_inode(later->second.inodes, seen);
  }
  const bool is_first = retry.times == 0;
  if (is_first)
    log::warn("{}; {}", error.text(), is_file ? "it is tried again, the other files go on" : "it is left alone");
  if (is_first || retry.again_at == kNever) {
    count_open_error(error);
    retry.again_at = is_file ? now + std::chrono::seconds(1u << std::min(retry.times, kRetryDoublings)) : kNever;
    ++retry.times;
  }
}

// What could not be opened under its path before, and was not looked for by this probe, is looked for now: it has
// another name. What has none any more was renamed, by an event that is still to be read, or deleted.
void Tailer::was_looked_at(const Probe& probe, Instant now) {
  const bool is_missing = !probe.is_ok() && probe.request.is_expected;
  if (is_missing || !probe.gone.empty()) {
    Vanished& vanished = vanished_[probe.request.path];
    vanished.wanted.first_path = probe.request.first_path;
    vanished.wanted.is_expected = vanished.wanted.is_expected || is_missing;
    for (const SeenInode& seen : probe.gone) add_inode(vanished.wanted.inodes, seen);
    vanished.at = now;
  }
  const auto failed = failed_.find(probe.request.path);
  if (failed == failed_.end()) return;
  Wanted left = std::move(failed->second.wanted);
  failed_.erase(failed);
  std::erase_if(left.inodes, [&probe](const SeenInode& one) {
    const auto is_it = [&one](const SeenInode& seen) { return seen.inode == one.inode; };
    return one.inode == probe.stat.inode || std::ranges::any_of(probe.request.inodes, is_it);
  });
  if (!left.inodes.empty()) want_probe(probe.request.path, left);
}

void Tailer::count_open_error(const Error& error) {
  ++counters_.open_errors[static_cast<std::size_t>(reason_of(error))];
}

void Tailer::probed(Probe& probe, Instant now) {
  if (!probe.is_ok()) {
    probe_failed(probe, now);
    return;
  }
  unopened_.erase(probe.stat.inode);
  was_looked_at(probe, now);
  note_link(probe, now);
  name_first(probe);
  bool is_rewritten = false;
  if (TailFile* file = match_open(probe, is_rewritten); file != nullptr) {
    recognised(*file, probe, now);
    return;
  }
  is_rewritten = false;
  if (const Checkpoint* known = match_known(probe, is_rewritten); known != nullptr) {
    resumed(*known, probe, is_rewritten, now);
  } else if (const Checkpoint* gone = match_gone(probe, is_rewritten); gone != nullptr) {
    // Deleted since it was opened here; there may be more in it than was known.
    if (is_rewritten || probe.stat.size > gone->progress.acked) resumed(Checkpoint(*gone), probe, is_rewritten, now);
  } else if (first_scan_ != FirstScan::done) {
    looked_at_[probe.request.path] = {probe.stat.inode, probe.stat.birth_ns};
    unmatched_.push_back(std::move(probe));
  } else {
    began(probe, now);
  }
}

// The first scan is over when every path was looked at, and what the journal remembers was searched for under other
// names: only then is it sure which files are new.
void Tailer::finish_first_scan(Instant now) {
  if (first_scan_ != FirstScan::scanning || is_scanning_ || scan_at_ <= now || !wanted_probes_.empty() ||
      !probing_.empty()) {
    return;
  }
  first_scan_ = FirstScan::searching;
  std::vector<std::pair<SourceId, std::uint64_t>> wanted;
  for (const auto& [inode, id] : unbound_) {
    if (!parts_.journal.find(id)->is_finished) wanted.emplace_back(id, inode);
  }
  search(wanted, true);
}

}  // namespace tailrace
