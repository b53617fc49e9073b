// The checkpoint journal on any bytes where its file should be: it opens to exactly what a second reader, written from
// the format's page, finds there; a journal without a good record is put aside, one of a newer version is left alone;
// and what is stored afterwards is there after each restart.
//
//   input:   FILE . STEPS      an operation is a letter and its operands, '0' is 0 (Image, Machine); a run ends with
//   "s" "i15p16.p18k": source 1 at 5, then at 6; opened, advanced to 8, and the power fails
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/log.h"
#include "buffer/checkpoint_journal.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/journal_reader.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_engine.h"
#include "tests/sim/sim_file_system.h"
#include "tests/sim/sim_worker_pool.h"

namespace tailrace {
namespace {

SourceId id_of(std::uint64_t number) { return {.high = number * 0x9e3779b97f4a7c15, .low = number}; }

Checkpoint checkpoint_of(std::uint64_t number, Offset acked) {
  Checkpoint checkpoint;
  checkpoint.id = id_of(number);
  checkpoint.tailer = "app";
  checkpoint.path = "/var/log/" + std::to_string(number) + ".log";
  checkpoint.key.inode = number;
  checkpoint.progress.acked = acked;
  return checkpoint;
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The journal's file, as the input says: most of its records have a good CRC, or nothing would get past that.
class Image {
 public:
  explicit Image(FuzzInput& input) {
    for (char op = input.character(); op != '\0' && op != '.'; op = input.character()) step(op, input);
    std::string header = "TRCKPT\r\n" + number_bytes(version_) + std::string(4, '\0') + epoch_;
    header += number_bytes(slow_crc(header));
    header.resize(kHeaderBytes);
    header[flipped_] = static_cast<char>(header[flipped_] ^ mask_);
    file_ = (header + file_).substr(0, bytes_max_);
  }
  const std::string& file() const { return file_; }

 private:
  static constexpr std::size_t kHeaderBytes = 4096;

  void step(char op, FuzzInput& input) {
    std::vector<std::byte> payload;
    if (op == 'i') {  // identity: ID ACKED
      const std::uint64_t id = input.number();
      encode_identity(checkpoint_of(id, input.number()), payload);
      add(text_of(payload));
    } else if (op == 'p') {  // progress: ID ACKED
      const SourceId id = id_of(input.number());
      encode_progress(id, {.acked = input.number()}, payload);
      add(text_of(payload));
    } else if (op == 'f') {  // forget: ID
      encode_forget(id_of(input.number()), payload);
      add(text_of(payload));
    } else if (op == 'x') {  // any record: N BYTES
      add(std::string(input.text(input.number())));
    } else if (op == 'b') {  // no record: N BYTES
      file_ += input.text(input.number());
    } else if (op == 'z') {  // N zeros
      file_.append(input.number(), '\0');
    } else if (op == 't') {  // the last N bytes are torn off
      file_.resize(file_.size() - std::min<std::size_t>(file_.size(), input.number()));
    } else if (op == 'c') {  // the last byte is damaged
      if (!file_.empty()) file_.back() = static_cast<char>(file_.back() ^ 1);
    } else if (op == 'e') {  // what follows was left by another segment
      epoch_[0] = static_cast<char>(epoch_[0] ^ 1);
    } else if (op == 'v') {  // the format's version
      version_ = input.number();
    } else if (op == 'h') {  // a damaged header: AT MASK
      flipped_ = input.number();
      mask_ = input.number();
    } else if (op == 's') {  // the file is cut to N bytes
      bytes_max_ = input.number();
    }
  }

  void add(const std::string& payload) {
    const std::string length = number_bytes(static_cast<std::uint32_t>(payload.size()));
    const std::string place = epoch_ + number_bytes<std::uint64_t>(kHeaderBytes + file_.size()) + length;
    file_ += length + number_bytes(slow_crc(payload, slow_crc(place))) + payload;
  }

  std::string file_;  // behind the header, until it is done
  std::string epoch_ = "eight b.";
  std::uint32_t version_ = 1;
  std::size_t flipped_ = 0;
  unsigned mask_ = 0;
  std::size_t bytes_max_ = std::string::npos;
};

// The journal on a simulated machine, and what must be in it.
class Machine {
 public:
  explicit Machine(const std::string& file) : engine_(disk_) {
    disk_.make(kDirectory);
    disk_.append(kLive, file);
  }
  ~Machine() { drop_process(); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // The first start; false: a newer version, nothing to go on with.
  bool open_file(const std::string& file) {
    const JournalRead expected = read_journal(file);
    const Result<StoredCheckpoints> looked_at = read_checkpoints(disk_, kDirectory);
    TR_ASSERT(static_cast<bool>(looked_at) != expected.is_newer, "read without writing");
    const Result<JournalOpened> opened = open();
    TR_ASSERT(static_cast<bool>(opened) != expected.is_newer, "opened, or refused");
    if (expected.is_newer) {
      TR_ASSERT(disk_.content(kLive) == file && !disk_.exists(kBad) && !disk_.exists(kNext), "a newer one was touched");
      return false;
    }
    TR_ASSERT(opened->existed && !disk_.exists(kNext) && disk_.content(kLive) == file, "touched before the start");
    TR_ASSERT(journal_->begin(), "no new segment");
    TR_ASSERT(opened->is_usable == (expected.records > 0), "{} good records", expected.records);
    TR_ASSERT(opened->bad_at == expected.bad_at, "bad at {}, not {}", opened->bad_at, expected.bad_at);
    const bool is_clean = expected.has_header && expected.bad_at == 0;
    TR_ASSERT(disk_.exists(kBad) == (expected.records == 0 && !is_clean), "kept aside: {}", disk_.exists(kBad));
    TR_ASSERT(!disk_.exists(kBad) || disk_.content(kBad) == file, "what was kept aside has changed");
    expected_ = expected.sources;
    check_is_expected();
    TR_ASSERT(looked_at->sources == journal_->all(), "read without writing: something else");
    return true;
  }

  void step(char op, FuzzInput& input) {
    if (op == 'i') {  // a source: ID ACKED
      const std::uint64_t number = input.number();
      put(checkpoint_of(number, input.number()));
    } else if (op == 'p') {  // progress: ID ACKED, of one that is known
      const SourceId id = id_of(input.number());
      advance(id, input.number());
    } else if (op == 'f') {  // ID
      const SourceId id = id_of(input.number());
      journal_->forget(id);
      expected_.erase(id);
      durable_.erase(id);
      is_settled_ = false;
    } else if (op == 't') {  // a turn of the loop
      turn();
    } else if (op == 'k') {  // power loss in the midst of it
      crash();
    } else if (op == 's') {  // power loss when all is stored
      settle();
      crash();
    }
  }

  void settle() {
    for (int i = 0; i < 100 && !journal_->is_settled(); ++i) turn();
    TR_ASSERT(journal_->is_settled(), "never settles");
    durable_ = expected_;
    is_settled_ = true;
  }

 private:
  Result<JournalOpened> open() {
    JournalSettings settings;
    settings.directory = kDirectory;
    settings.fsync = JournalFsync::sync;
    settings.segment_bytes_min = 8 * 1024;
    journal_ = std::make_unique<CheckpointJournal>(settings, disk_, engine_, workers_);
    journal_->on_durable([this](SourceId id, Offset acked) { durable_[id].progress.acked = acked; });
    return journal_->open();
  }

  void put(Checkpoint checkpoint) {
    const Checkpoint* known = journal_->find(checkpoint.id);
    if (known != nullptr) checkpoint.progress.acked = std::max(checkpoint.progress.acked, known->progress.acked);
    note(checkpoint);
    journal_->put(std::move(checkpoint));
  }

  void advance(SourceId id, Offset acked) {
    const Checkpoint* known = journal_->find(id);
    if (known == nullptr) return;
    Checkpoint checkpoint = *known;
    checkpoint.progress = {.acked = std::max(acked, known->progress.acked), .tail_bytes = 1, .tail_hash = acked};
    note(checkpoint);
    journal_->advance(id, checkpoint.progress);
  }

  void note(const Checkpoint& checkpoint) {
    expected_[checkpoint.id] = checkpoint;
    handed_in_[checkpoint.id].insert(checkpoint.progress.acked);
    is_settled_ = false;
  }

  void turn() {
    clock_.advance(std::chrono::milliseconds(100));
    engine_.dispatch(clock_.now());
    workers_.dispatch(clock_.now());
    journal_->turn(clock_.now());
    engine_.flush();
  }

  void drop_process() {
    journal_.reset();
    engine_.forget_all();
    workers_.forget_all();
  }

  void crash() {
    drop_process();
    disk_.crash(CrashMode::tear, random_);
    const std::map<SourceId, Checkpoint> promised = durable_;
    TR_ASSERT(open(), "what was written here cannot be opened");
    TR_ASSERT(journal_->begin(), "no new segment");
    if (is_settled_) return check_is_expected();
    for (const auto& [id, checkpoint] : promised) {
      const Checkpoint* found = journal_->find(id);
      TR_ASSERT(found != nullptr && found->progress.acked >= checkpoint.progress.acked, "source {} was durable at {}",
                id.low, checkpoint.progress.acked);
    }
    for (const auto& [id, checkpoint] : journal_->all())
      TR_ASSERT(handed_in_[id].contains(checkpoint.progress.acked), "source {} was never at {}", id.low,
                checkpoint.progress.acked);
    adopt();
  }

  void check_is_expected() {
    const auto& found = journal_->all();
    TR_ASSERT((std::map<SourceId, Checkpoint>(found.begin(), found.end()) == expected_), "{} sources, {} expected",
              found.size(), expected_.size());
    adopt();
  }

  // What a start finds is the new state of things, and durable.
  void adopt() {
    expected_ = {journal_->all().begin(), journal_->all().end()};
    durable_ = expected_;
    for (const auto& [id, checkpoint] : expected_) handed_in_[id].insert(checkpoint.progress.acked);
    is_settled_ = true;
  }

  inline static const std::string kDirectory = "/state";
  inline static const std::string kLive = "/state/checkpoints", kNext = "/state/checkpoints.new",
                                  kBad = "/state/checkpoints.bad";

  SimFileSystem disk_;
  SimEngine engine_;
  SimWorkerPool workers_;
  SimClock clock_;
  SimRandom random_{1};
  std::unique_ptr<CheckpointJournal> journal_;
  std::map<SourceId, Checkpoint> expected_, durable_;
  std::map<SourceId, std::set<Offset>> handed_in_;
  bool is_settled_ = false;
};

}  // namespace
}  // namespace tailrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tailrace::log::set_level(tailrace::LogLevel{5});  // past the last: that a journal is bad is no news here
  tailrace::FuzzInput input(data, size);
  const std::string file = tailrace::Image(input).file();
  tailrace::Machine machine(file);
  if (!machine.open_file(file)) return 0;
  for (int i = 0; i < 200 && !input.is_empty(); ++i) {
    const char op = input.character();
    machine.step(op, input);
  }
  machine.step('s', input);
  return 0;
}
