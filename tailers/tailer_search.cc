// Names that were lost: a tailer looks for files by their inodes, where they were last seen.
#include <algorithm>
#include <map>
#include <unordered_set>

#include "base/log.h"
#include "tailers/fingerprint.h"
#include "tailers/tailer.h"

namespace tailrace {
namespace {

constexpr Duration kSearchAgain = std::chrono::seconds(1);

}  // namespace

struct Tailer::Search {
  struct Wanted {
    SourceId id;
    std::uint64_t inode;
    std::string directory;
  };
  std::vector<Wanted> wanted;
  std::vector<Probe> probes;                 // of names that lead to a wanted inode
  std::unordered_set<std::string> listed;    // directories that could be listed
  std::unordered_set<std::uint64_t> unsure;  // inodes that a listing showed and that could not be looked at
  std::vector<Probe> failed;                 // of these
  bool is_first = false;                     // the first scan's
};

// Looks for inodes in the directories where they were last seen, whatever their names are now.
void Tailer::search(const std::vector<std::pair<SourceId, std::uint64_t>>& inodes, bool is_first) {
  auto search = std::make_shared<Search>();
  search->is_first = is_first;
  for (const auto& [id, inode] : inodes) {
    const Checkpoint* const known = parts_.journal.find(id);
    if (known == nullptr) continue;
    search->wanted.push_back({id, inode, directory_of(known->last_path.empty() ? known->path : known->last_path)});
  }
  const Job job = begin_job(search->wanted.size());
  const ProbeReads reads = job.descriptors > 0 ? ProbeReads::now : ProbeReads::now_and_closes;
  FileSystem& files = parts_.files;
  parts_.workers.submit(
      owner_,
      [search, reads, &files, symlinks = config_.symlinks, own = parts_.own_directory] {
        std::map<std::string, std::unordered_set<std::uint64_t>> by_directory;
        Lookup lookup(files, symlinks, own);
        for (const auto& wanted : search->wanted) by_directory[wanted.directory].insert(wanted.inode);
        for (const auto& [directory, wanted] : by_directory) {
          const Result<std::vector<DirectoryEntry>> entries = files.list(directory);
          if (!entries && entries.error().kind() != ErrorKind::not_found) continue;
          search->listed.insert(directory);
          if (!entries) continue;
          for (const DirectoryEntry& entry : *entries) {
            if (!wanted.contains(entry.inode)) continue;
            const std::string path = directory + "/" + entry.name;
            Probe found = probe(files, lookup, {.path = path, .first_path = path}, reads);
            if (found.is_ok()) {
              search->probes.push_back(std::move(found));
            } else {
              search->unsure.insert(entry.inode);
              search->failed.push_back(std::move(found));
            }
          }
        }
      },
      [this, search, job](Instant when) {
        end_job(job, when);
        searched(*search, when);
      });
}

void Tailer::searched(Search& search, Instant now) {
  report(search.failed);
  std::unordered_set<SourceId> found_again;  // they may have lost that name to the next one meanwhile
  for (Probe& found : search.probes) {
    bool is_rewritten = false;
    unopened_.erase(found.stat.inode);
    if (TailFile* file = match_open(found, is_rewritten); file != nullptr) {
      found_again.insert(file->books.id());
      recognised(*file, found, now);
      continue;
    }
    const Checkpoint* known = match_known(found, is_rewritten);
    if (known != nullptr) {
      resumed(*known, found, is_rewritten, now);
    } else {
      found_another(found.real_path, found.stat, now);
    }
  }
  for (const Probe& failed : search.failed) {
    TailFile* const known = known_as(failed.stat);
    if (known == nullptr && !failed.real_path.empty()) {
      found_another(failed.real_path, failed.stat, now);
    } else if (known != nullptr && failed.stat.birth_ns != 0 && failed.stat.size > known->extent && !known->is_busy()) {
      grew(*known, failed.stat.size, now);
    }
  }
  for (const auto& wanted : search.wanted) {
    const bool is_sure = search.listed.contains(wanted.directory) && !search.unsure.contains(wanted.inode);
    if (TailFile* file = find(wanted.id); file != nullptr) {
      if (!file->is_searched || found_again.contains(wanted.id)) continue;
      if (!is_sure || file->is_busy() || is_probed(*file)) {
        search_again_.emplace_back(wanted.id, wanted.inode);
        search_again_at_ = now + kSearchAgain;
        continue;
      }
      file->is_searched = false;
      unname(*file);
      if (file->fd) {
        file->is_left = true;
        file->changed_at = now;
        dirty_.insert(file);
      } else if (file->is_left) {
        give_up(*file, LostReason::moved, now);
      } else {
        deleted(*file, now);
      }
    } else if (const Checkpoint* known = parts_.journal.find(wanted.id); known != nullptr && !known->is_finished) {
      if (is_sure) {
        give_up_unbound(wanted.id);
      } else {
        search_again_.emplace_back(wanted.id, wanted.inode);
        search_again_at_ = now + kSearchAgain;
      }
    }
  }
  if (search.is_first) {
    first_scan_ = FirstScan::done;
    std::vector<Probe> fresh;
    fresh.swap(unmatched_);
    looked_at_.clear();
    for (Probe& probe : fresh) probed(probe, now);
    starts_at_end_ = false;
    for (auto& [id, file] : files_) reader_.want(*file);
    purge(now);
  }
  after_events(now);
}

// A file that we knew is there under another name, perhaps, and cannot be opened.
void Tailer::report(const std::vector<Probe>& troubles) {
  if (troubles.empty()) reported_.clear();
  for (const Probe& trouble : troubles) {
    const Error& error = trouble.error.front();
    met_errors_ = true;
    count_open_error(error);
    if (reported_.insert(error.text()).second) {
      log::warn("{}; it is tried again, the other files go on", error.text());
    }
  }
}

// What the journal remembers is nowhere to be found: what was not shipped of it is lost, and counted once.
void Tailer::give_up_unbound(SourceId id) {
  Checkpoint known = *parts_.journal.find(id);
  const std::uint64_t bytes = known.size_seen > known.progress.acked ? known.size_seen - known.progress.acked : 0;
  if (bytes > 0) {
    counters_.lost_bytes[static_cast<std::size_t>(LostReason::deleted)] += bytes;
    log::warn("{}: gone since the last run: {} bytes were not read before, at {}", known.path, bytes,
              known.progress.acked);
  }
  if (known.partition >= 0) partitions_[known.path] = {.partition = known.partition, .at = parts_.now};
  known.is_finished = true;
  known.size_seen = known.progress.acked;
  parts_.journal.put(std::move(known));
}

void Tailer::path_lost(TailFile& file, Instant now) {
  if (file.is_searched || file.is_replaced) return;
  if (file.is_deleted) {
    give_up(file, LostReason::deleted, now);
    return;
  }
  file.is_searched = true;
  search({{file.books.id(), file.checkpoint->key.inode}});
}

void Tailer::found_another(const std::string& path, const FileStat& stat, Instant now) {
  const TailFile* const named = at(path);
  if (named != nullptr && is_inode_of(named->checkpoint->key, stat)) return;
  const std::optional<std::string> matched = seen_as(directory_of(path), name_in(path));
  if (!matched || parts_.is_once) return;
  want_probe(path, {.first_path = *matched, .inodes = {{stat.inode, stat.birth_ns}}});
  start_probes(now);
}

}  // namespace tailrace
