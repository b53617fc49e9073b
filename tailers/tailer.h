// Tailer: one [tailers.x]: its patterns, its files, who they are and what became of them.
//
// A name is only a label: what a path leads to is opened and looked at on a worker (probe), and recognised by inode,
// birth time and fingerprint among the files that are open here and those that the journal remembers. Names change by
// the watcher's events, scans mend what events missed. Loop thread only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "tailers/discovery.h"
#include "tailers/file_reader.h"
#include "tailers/parts.h"
#include "tailers/prober.h"
#include "tailers/refill_watch.h"
#include "tailers/tailer_counters.h"
#include "tailers/watcher.h"

namespace tailrace {

// A name that moved away and has not come back anywhere within this time was moved out of sight.
inline constexpr Duration kMovePairsWithin = std::chrono::milliseconds(200);
// A path that had gone when it was looked at: so long an event may tell that it was renamed.
inline constexpr Duration kVanishedWithin = std::chrono::seconds(2);

// So old may an event be when it is read.
inline constexpr Duration kEventsLate = std::chrono::seconds(5);

struct FileCounts {
  std::uint64_t open = 0, idle = 0, finished = 0, parked = 0;
};

class Tailer {
 public:
  Tailer(TailerConfig config, Patterns patterns, Parts& parts, FileReader& reader);
  ~Tailer();
  Tailer(const Tailer&) = delete;
  Tailer& operator=(const Tailer&) = delete;

  // Begins the first scan. `is_known_name`: the journal has met this tailer before (or was found corrupt): files are
  // read from their beginning whatever start_at says.
  void start(bool is_known_name, Instant now);
  // `path`: what is watched, a directory or a file that is a mount point of its own.
  void on_watch_event(const std::string& path, WatchEvent event, Instant now);
  void after_events(Instant now);  // the queue was drained: what was only marked is done now
  void on_deadline(Instant now);
  Instant next_deadline() const;
  void end_turn() { forgotten_.clear(); }
  void events_lost(Instant now);

  // From the sink, the ledger, the journal.
  void settled(TailFile& file, const LedgerMove& move, Instant now);
  void made_durable(SourceId id, Offset durable);
  void release_holds();  // the journal cannot store: acknowledged memory is given back at once
  void rewind(TailFile& file);
  void rewind_all();
  void lost(TailFile& file, LostReason reason, std::uint64_t bytes);

  // From the reader. `look` asks the kernel for size and links; false: the file was cut and goes on as another.
  bool look(TailFile& file, Instant now);
  // Bytes past its offset, or before it, may have changed without the file growing: compares and reads again.
  void recheck(TailFile& file);
  // Where its reserved zeros begin now; and that something was written over them, up to `size`.
  void reserved(TailFile& file, Offset size);
  void filled(TailFile& file, Offset size, Instant now);
  // The zeros after its size were looked at, and are zeros.
  void peeked(TailFile& file);
  // It is this file, surely, and was when it had so many bytes and had been cut so often.
  void proved(TailFile& file, Offset size, std::uint32_t cuts);
  void grew(TailFile& file, Offset size, Instant now);
  // `size`: so large it was before, as far as is known.
  void truncated(TailFile& file, Offset size, Instant now);
  void path_lost(TailFile& file, Instant now);
  // This one was met where a known file was looked for; an event may tell of it or not.
  void found_another(const std::string& path, const FileStat& stat, Instant now);
  void after_read(TailFile& file, Instant now);
  void after_aside(TailFile& file, Instant now);
  // Whether what `path` leads to is another one by now, in the same inode.
  bool has_successor(const TailFile& file, const std::string& path) const;
  bool is_met_elsewhere(const SourceKey& key) const;
  void wake_followers(TailFile& file);  // those under its path that wait for it
  void met_error() { met_errors_ = true; }

  // Draining: the ends that the files have now are read, and no further. `ends_lines`: an unfinished last line too
  // (--once).
  void set_targets(bool ends_lines, Instant now);
  void stop_reading(Instant now);
  bool is_quiet() const { return jobs_ == 0 && wanted_probes_.empty() && scan_at_ == kNever && is_scanned(); }
  bool is_drained() const;  // at the targets, acknowledged, durable

  TailFile* find(SourceId id) const;
  const TailerConfig& config() const { return config_; }
  TailerCounters& counters() { return counters_; }
  const TailerCounters& counters() const { return counters_; }
  FileReader& reader() { return reader_; }
  bool is_scanned() const { return first_scan_ == FirstScan::done; }
  bool met_errors() const { return met_errors_; }
  std::uint64_t files_found() const { return files_found_; }
  FileCounts file_counts() const;
  std::uint64_t deleted_bytes() const;
  std::uint64_t polled_directories() const { return polled_directories_; }
  double scan_seconds() const { return scan_seconds_; }
  // Files with bytes that are not durable.
  const std::vector<TailFile*>& lagging() const { return lagging_; }
  void update_lag(TailFile& file);

 private:
  struct Scan;
  struct Wanted {
    std::string first_path = {};
    bool is_renamed = false;             // from there to here, before it could be looked at
    std::vector<SeenInode> inodes = {};  // that were seen there and not looked at yet
    bool is_left = false;                // first_path is that of a file that was renamed to here
    bool is_expected = false;            // an event told of it: if it is not there, it was renamed or deleted since
    bool is_made = false;                // the event was that it was made, under this name
  };
  struct Move {
    TailFile* file;    // nullptr: it was not known yet
    std::string path;  // the old one
    Instant at;
    Wanted wanted = {};           // of an unknown file
    bool may_be_another = false;  // than `file`
    bool is_alias = false;        // a further name of it moved
  };
  struct Search;
  struct Job {
    std::uint64_t losses;     // of events, before it began
    std::size_t descriptors;  // that count as open for as long as it takes
  };
  enum class FirstScan : std::uint8_t { scanning, searching, done };

  // Scans and probes.
  void rescan(Instant now);  // soon, and not more often than its cost allows
  void look_at_all(Instant now);
  bool look_closely(TailFile& file, Instant now);  // at its times as well
  void cut_behind(TailFile& file, Offset size);    // its offset, or so it seems
  void note_times(TailFile& file, WallTime modified) const;
  void watch_refill(TailFile& file, Instant now);
  void reread_refills(Instant now);
  bool is_refill_over() const;  // draining: nothing is still to be read again
  void start_scan(Instant now);
  Job begin_job(std::size_t files = 0);
  void end_job(const Job& job, Instant now);
  void scan_done(Scan& scan, Instant now);
  void watch(const Scan& scan, Instant now);
  void apply(const FoundFile& found, Instant now);
  void search_unseen(const Scan& scan);
  void want_probe(const std::string& path, const Wanted& wanted);
  void want_probe(const std::string& path, const TailFile& known);  // which has that name
  bool is_looked_at(const std::string& path, const Wanted& wanted) const;
  void start_probes(Instant now);
  void was_looked_at(const Probe& probe, Instant now);
  void probed(Probe& probe, Instant now);
  void probe_failed(const Probe& probe, Instant now);
  void count_open_error(const Error& error);
  void finish_first_scan(Instant now);
  void search(const std::vector<std::pair<SourceId, std::uint64_t>>& inodes, bool is_first = false);
  void searched(Search& search, Instant now);
  void report(const std::vector<Probe>& troubles);
  void give_up_unbound(SourceId id);

  // Who is it.
  TailFile* known_as(const FileStat& stat) const;
  void note_unopened(const FileStat& stat);
  void name_first(Probe& probe) const;
  bool is_probed(const TailFile& file) const;
  const Checkpoint* match_gone(const Probe& probe, bool& is_rewritten) const;
  TailFile* match_open(const Probe& probe, bool& is_rewritten) const;
  const Checkpoint* match_known(const Probe& probe, bool& is_rewritten) const;
  void recognised(TailFile& file, Probe& probe, Instant now);
  void resumed(const Checkpoint& known, Probe& probe, bool is_rewritten, Instant now);
  void began(Probe& probe, Instant now);
  TailFile& add(Checkpoint known, const std::string& path, Instant now, bool is_older = false);
  void link_by_age(TailFile& file, bool is_older);
  void note_link(const Probe& probe, Instant now);
  void adopt(TailFile& file, Probe& probe, Instant now);
  void check_name(TailFile& file, const std::string& path);
  std::int32_t partition_of(std::string_view first_path) const;
  void remember(TailFile& file, bool is_finished = false);  // its path and size, in the journal

  // Names.
  void on_event(const std::string& directory, const WatchEvent& event, Instant now);
  void name(TailFile& file, std::string path, Instant now);
  void take_name(const TailFile& file, const std::string& path, Instant now);
  void unname(TailFile& file);
  TailFile* at(const std::string& path) const;
  std::optional<std::string> seen_as(const std::string& directory, const std::string& name) const;
  void appeared(const std::string& directory, const WatchEvent& event, Instant now);
  void moved_to(TailFile& file, const std::string& path, Instant now);
  std::optional<Wanted> expected_at(const std::string& path) const;
  bool seen_as_first(const TailFile& file, const std::string& path) const;
  void lost_name(TailFile& file, Instant now);
  void look_for_name(TailFile& file, Instant now);  // at once, by a search
  void end_moves(Instant now);
  void deleted(TailFile& file, Instant now);
  void give_up(TailFile& file, LostReason reason, Instant now);

  // Ends.
  void settle_down(TailFile& file, Instant now);  // when nothing is left to do: idle, finished or forgotten
  void remove(TailFile& file, bool forgets);
  TailFile* newest(std::string_view first_path) const;
  void release_hold(TailFile& file, std::uint64_t bytes);
  void end_still_files(Instant now);
  void end_vanished(Instant now);
  void remember_sizes(Instant now);
  void purge(Instant now);

  TailerConfig config_;
  std::shared_ptr<const Patterns> patterns_;  // workers read it
  Parts& parts_;
  FileReader& reader_;
  Prober prober_{parts_, config_.symlinks};
  TailerCounters counters_;

  std::unordered_map<SourceId, std::unique_ptr<TailFile>> files_;
  std::vector<std::unique_ptr<TailFile>> forgotten_;         // until the turn ends
  std::unordered_map<std::string_view, TailFile*> by_path_;  // keys point into TailFile::path
  std::map<std::string, TailFile*> aliases_;                 // further names of files that have one already
  std::unordered_multimap<std::uint64_t, TailFile*> by_inode_;
  std::unordered_multimap<std::uint64_t, SourceId> unbound_;  // remembered by the journal, not met yet
  std::unordered_map<SourceId, Offset> unstored_;      // of these: durable, where what they reached is not stored yet
  std::unordered_map<std::size_t, TailFile*> newest_;  // by the first path's hash: the last that began under it
  std::unordered_map<std::uint32_t, Move> moves_;      // by inotify's cookie
  std::vector<TailFile*> lagging_;
  std::set<TailFile*, ById> dirty_;
  std::set<std::pair<Instant, TailFile*>, ByTimeAndId> still_;  // an unfinished last line, and gone: looked at again

  RefillWatch refills_;

  std::map<std::string, Wanted> wanted_probes_;  // by path
  std::map<std::string, std::string> probing_;   // path -> first path
  std::vector<Checkpoint> gone_;  // shipped to the end and forgotten, while probes were under way that may show them
  struct Failed {
    Wanted wanted;
    Instant again_at;
    unsigned times = 0;
  };
  std::map<std::string, Failed> failed_;           // by path
  std::vector<DirectoryAlias> directory_aliases_;  // sorted
  // What symlinks lead to, of the last scan and since: a file that is made there is known under the symlink.
  std::unordered_map<std::string, std::string> links_;  // real path -> path
  struct Gone {
    std::int32_t partition;
    Instant at;
  };
  std::unordered_map<std::string, Gone> partitions_;  // by first path, of sources that are gone for good
  // Looked at in the first scan and in unmatched_: the scans that follow need not open them once more.
  std::unordered_map<std::string, SeenInode> looked_at_;  // by path
  std::vector<Probe> unmatched_;    // of the first scan: new, unless something remembered turns up under another name
  std::set<std::string> reported_;  // what searches met and could not open: said once
  // What had gone when it was looked at: renamed before that, as an event may tell yet, or deleted.
  struct Vanished {
    Wanted wanted;
    Instant at;
  };
  std::map<std::string, Vanished> vanished_;  // by path
  struct Unopened {
    std::int64_t birth_ns;
    std::uint64_t size;  // the largest that was seen
  };
  std::unordered_map<std::uint64_t, Unopened> unopened_;  // by inode: files that have a name and no books yet
  std::set<std::string> failed_at_start_;                 // start_at holds for them when they can be read
  // What a listing showed and could not be looked at: searched for again.
  std::vector<std::pair<SourceId, std::uint64_t>> search_again_;

  bool has_stopped_ = false;  // stop_reading was asked for: what is met from then on is not read either
  std::uint64_t jobs_ = 0;    // scans, probes and searches under way
  std::uint64_t losses_ = 0;  // of events
  std::uint32_t scan_number_ = 0;
  FirstScan first_scan_ = FirstScan::scanning;
  WorkOwner owner_;
  bool is_scanning_ = false, starts_at_end_ = false, met_errors_ = false, has_lost_events_ = false;
  Instant scan_at_ = kNever;          // the next one is due
  Instant scan_allowed_at_{};         // and not before
  Instant routine_scan_at_ = kNever;  // what no event told of is found by then
  Instant poll_at_ = kNever, purge_at_ = kNever, search_again_at_ = kNever, sizes_at_ = kNever;
  double scan_seconds_ = 0;
  std::uint64_t polled_directories_ = 0, files_found_ = 0;
};

}  // namespace tailrace
