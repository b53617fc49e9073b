// CheckpointJournal: what is remembered of every source, appended to a preallocated segment, replayed at the start.
//
//   put/advance/forget ──▶ in memory ──turn──▶ written (engine) ──fsync──▶ durable
//
// One write is in flight at a time and takes all that changed since the last one; one fsync covers all that was written
// before it (group commit). A full segment is compacted into a new one on a worker while appends go on. Whatever fails
// (ENOSPC, EIO, a read-only directory) never stops the caller: `durable` stops moving, errors are counted and logged,
// and a new segment is tried again and again; a failed fsync is never retried on the same file. That the segment can
// still be found under state_dir's path is looked at after writes, at most once a second; that it cannot is a failure
// like any other. Loop thread only, but for what it hands to workers itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/io_engine.h"
#include "base/worker_pool.h"
#include "buffer/checkpoint.h"
#include "buffer/journal_segment.h"
#include "buffer/source_queue.h"
#include "buffer/state_home.h"

namespace tailrace {

// When an appended record counts as durable: sync and async after an fsync, off after the write.
enum class JournalFsync : std::uint8_t { sync, async, off };

struct JournalSettings {
  std::string directory;                      // state_dir
  std::shared_ptr<StateHome> home = nullptr;  // as somebody else holds it too; none: the journal's own
  JournalFsync fsync = JournalFsync::async;
  Duration interval = std::chrono::seconds(1);  // async: the longest that a written record waits for its fsync to begin
  std::uint64_t segment_bytes_min = 8 * 1024 * 1024;
  bool is_stored = true;  // false: what is stored is read, nothing is written, and progress counts as durable at once
};

struct JournalCounters {
  std::uint64_t writes = 0;  // segment writes
  std::uint64_t errors = 0;  // failed writes, fsyncs, allocations, renames
  std::uint64_t compactions = 0;
  std::vector<double> fsync_seconds;  // since last taken by the reader of this vector, who clears it
};

struct JournalOpened {
  bool existed = false;      // a journal file was there, or the one that was put aside as checkpoints.bad
  bool is_usable = false;    // it had at least one good record; else every file starts at its beginning
  std::uint64_t bad_at = 0;  // 0: clean end; else replay was cut at this byte
};

struct StoredCheckpoints {
  JournalOpened opened;
  std::unordered_map<SourceId, Checkpoint> sources;
};

// What is stored in `directory` (a state_dir), read without touching anything. Blocks. Errors: unsupported when a newer
// tailrace wrote it; permission, also of a link in its place; `again` where the disk or the kernel refused for now. A
// journal that is missing or damaged is none.
Result<StoredCheckpoints> read_checkpoints(FileSystem& files, const std::string& directory);

class CheckpointJournal final : public IoClient {
 public:
  using OnDurable = std::function<void(SourceId source, Offset durable)>;

  // All three must outlive it, and it must outlive its requests: destroy it only when `has_io_in_flight` is false, or
  // when the engine will hand back nothing more. Work that it left with the workers is safe.
  CheckpointJournal(JournalSettings settings, FileSystem& files, IoEngine& engine, WorkerPool& workers);
  ~CheckpointJournal() override;
  CheckpointJournal(const CheckpointJournal&) = delete;
  CheckpointJournal& operator=(const CheckpointJournal&) = delete;

  // Replays, and touches nothing: what a damaged journal tells of itself is found again by the next start, should this
  // one fail. Blocks (the start), once. Errors: as of read_checkpoints.
  Result<JournalOpened> open();
  // The start has succeeded: begins a new segment with all that is known, so that nothing is ever appended behind what
  // a crash may have left. What was concluded from a damaged journal must be in it (`put`) by now: the damage is gone
  // after this. Blocks, once, before the first turn. False: read-only or full: nothing is stored until it heals.
  bool begin();
  // Called with each source whose durable offset has moved, from inside turn(), on_io_done() or the workers' dispatch.
  // It may name an offset that was durable already, and a source that has no open books. It may call the journal.
  void on_durable(OnDurable callback) { on_durable_ = std::move(callback); }

  // All that is known, by source. References stay valid until `forget`.
  const std::unordered_map<SourceId, Checkpoint>& all() const { return all_; }
  const Checkpoint* find(SourceId id) const;

  // A new source, or a changed identity, path or partition. While someone listens to on_durable `acked` never falls.
  const Checkpoint& put(Checkpoint checkpoint);
  // The hot path: only the progress moved. Coalesced: many a turn cost one record. The source must be known.
  void advance(SourceId id, const Progress& progress);
  void forget(SourceId id);  // of an unknown one: nothing

  // Starts a write of what changed, if none is in flight; starts an fsync when one is due; retries what failed.
  // Requests are submitted only: the caller flushes the engine.
  void turn(Instant now);
  Instant next_deadline() const;
  void on_io_done(std::uint64_t token, std::int64_t result, Instant now) override;

  // Everything handed in so far is durable in the sense of the fsync mode.
  bool is_settled() const;
  // Wants everything durable as soon as possible, without waiting for `interval` (the end of a drain).
  void hurry(bool is_hurried);
  bool is_degraded() const;  // nothing can be stored at the moment
  // Degraded, and a new segment was tried in vain: the next try may wait for long.
  bool is_stuck() const { return is_degraded() && has_retried_; }
  // Changes that wait in memory: never more than about three for each known source and 200,000 beside.
  std::size_t waiting_changes() const { return dirty_.sources.size() + batch_.size() - batch_next_ + catch_up_.size(); }
  bool has_io_in_flight() const { return is_writing_ || is_syncing_; }
  double unsynced_seconds(Instant now) const;  // the age of the oldest progress that is not durable
  JournalCounters& counters() { return counters_; }
  const JournalCounters& counters() const { return counters_; }

 private:
  // What is on its way to the disk, and since when the oldest of it has been waiting.
  struct Stage {
    SourceQueue sources;
    Instant since = kNever;
    void clear() {
      sources.clear();
      since = kNever;
    }
  };
  using Changes = Stage;  // a source's value: kProgressChanged or kIdentityChanged
  using Offsets = Stage;  // a source's value: the offset that counts as durable when the stage is done

  struct Segment {
    UniqueFd fd;
    std::uint64_t epoch = 0;
    std::uint64_t bytes = 0;
    std::uint64_t position = 0;  // of the next record
    bool is_full = false;
    bool is_failed = false;  // a write or fsync failed: nothing more goes to it, what it holds stays true
    bool is_usable() const { return static_cast<bool>(fd) && !is_failed; }
  };

  // A new segment on its way. While it is `written` (on a worker) appends to the old one go on, and what they change is
  // noted; when it is `ready` the old one comes to rest; while it `takes_over` (on a worker) nothing is appended.
  enum class Rewriting : std::uint8_t { no, written, ready, takes_over };
  struct Rewrite;

  void mark(SourceId id, std::uint64_t change);
  void stamp(Instant now);
  void bound_memory();

  bool is_appending() const;  // the segment takes records now
  // The end of a drain does not wait for the next try before there was one.
  bool may_retry(Instant now) const { return now >= retry_at_ || (is_hurried_ && !has_retried_); }
  bool has_changes() const { return batch_next_ < batch_.size() || !dirty_.sources.empty(); }
  void start_write();
  void encode_batch();
  void submit_write();
  void on_written(std::int64_t result, Instant now);
  Instant sync_due() const;
  void start_sync(Instant now);
  void on_synced(std::int64_t result, Instant now);
  void fail_segment(const Error& error, Instant now);
  Instant look_due() const;
  void start_look(Instant now);
  void on_looked(const Status& found, std::uint64_t epoch, Instant now);

  bool needs_rewrite() const;
  void plan_rewrite();
  void start_rewrite();
  void on_rewritten(const std::shared_ptr<Rewrite>& rewrite, Instant now);
  void start_takeover();
  bool encode_catch_up(Rewrite& rewrite);
  void on_taken_over(const std::shared_ptr<Rewrite>& rewrite, Instant now);

  void gather_into_takeover();  // all that is not durable yet
  void back_to_dirty(Offsets& stage);
  void publish(Offsets& stage);
  void note_failure(const Error& error);
  void schedule_retry(Instant now);
  void close_later(UniqueFd fd);
  Instant oldest() const;

  JournalSettings settings_;
  std::shared_ptr<StateHome> home_;  // workers use it
  const std::string live_;           // for messages
  FileSystem& files_;
  IoEngine& engine_;
  WorkerPool& workers_;
  OnDurable on_durable_;
  std::unordered_map<SourceId, Checkpoint> all_;
  JournalCounters counters_;

  Segment segment_;
  // dirty -> batch -> writing -> written -> syncing -> durable. A takeover takes all of them at once.
  Changes dirty_;
  std::vector<QueuedSource> batch_;  // coalesced; [batch_next_, end) is to be written
  std::size_t batch_next_ = 0;
  Instant batch_since_ = kNever;
  Offsets writing_, written_, syncing_, taking_over_;
  std::vector<std::byte> buffer_;  // of the write in flight
  std::size_t buffer_done_ = 0;
  bool is_writing_ = false;
  bool is_syncing_ = false;
  Instant sync_began_ = kNever;
  bool is_hurried_ = false;

  Rewriting rewriting_ = Rewriting::no;
  std::shared_ptr<Rewrite> rewrite_;
  SourceQueue catch_up_;           // what changed since the new segment's records were encoded
  bool is_rewrite_stale_ = false;  // more changed than it is worth to note: begin again
  const std::uint64_t epoch_family_ = SourceId::random().high & kEpochFamilyMask;
  std::uint64_t segments_ = 0;        // begun by this process
  std::uint64_t replayed_epoch_ = 0;  // of what the start found
  bool must_go_aside_ = false;        // which holds not one good checkpoint, and is still there
  Instant retry_at_ = Instant::min();
  Duration retry_delay_{0};   // at once, then 1 s doubling to 30 s
  bool has_retried_ = false;  // since the segment failed
  // Whether the segment can be found: wanted after each write.
  bool wants_look_ = false, is_looking_ = false;
  Instant look_allowed_at_ = Instant::min();
  bool is_in_trouble_ = false;
  std::uint64_t trouble_errors_ = 0;
  WorkOwner owner_;
};

}  // namespace tailrace
