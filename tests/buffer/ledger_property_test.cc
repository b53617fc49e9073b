// Ledger against a model that keeps every stretch it was told of and looks for the settled prefix anew each time.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "buffer/ledger.h"
#include "tests/base/random_walk.h"

namespace tailrace {
namespace {

constexpr std::uint64_t kSeeds = 300;
constexpr int kSteps = 500;
constexpr Instant kNow{std::chrono::seconds(9)};

struct Stretch {
  BatchId id = 0;  // 0: skipped
  Offset begin = 0;
  Progress at_end;
  std::uint32_t lines = 0;
  Instant read_at{};
  bool is_settled = false;
};

// One source's books, the slow way: nothing is ever popped but by a rewind.
struct Model {
  Progress started;
  std::vector<Stretch> stretches;  // without gaps, from where it was started
  Offset durable = 0;
  Offset read_once = 0;  // the furthest that was ever read

  std::size_t settled_prefix() const {
    std::size_t n = 0;
    while (n < stretches.size() && stretches[n].is_settled) ++n;
    return n;
  }
  const Progress& at_acked() const {
    const std::size_t n = settled_prefix();
    return n == 0 ? started : stretches[n - 1].at_end;
  }
  const Progress& at_read() const { return stretches.empty() ? started : stretches.back().at_end; }
  std::uint64_t lines_acked() const {
    std::uint64_t lines = 0;
    for (std::size_t i = 0; i < settled_prefix(); ++i) lines += stretches[i].lines;
    return lines;
  }
  std::vector<BatchId> unsettled() const {
    std::vector<BatchId> ids;
    for (const Stretch& stretch : stretches) {
      if (!stretch.is_settled) ids.push_back(stretch.id);
    }
    return ids;
  }
};

// A few sources in one ledger, and everything that may happen to them.
class Walk {
 public:
  explicit Walk(std::uint64_t seed) : random_(seed) {
    opens_percent_ = 30 + below(30);
    calm_percent_ = 86 + below(2) * 14;  // half of the seeds know no rewind and no end: hundreds are open at once
    for (std::uint64_t i = 1; i <= 3; ++i) {
      sources_.push_back(std::make_unique<Source>(SourceId{seed, i}));
      start(*sources_.back());
    }
  }

  void step() {
    Source& source = *sources_[below(sources_.size())];
    const std::uint64_t dice = below(100);
    if (dice < opens_percent_) {
      open(source);
    } else if (dice < 75) {
      settle();
    } else if (dice < 80) {
      skip(source);
    } else if (dice < calm_percent_) {
      make_durable(source);
    } else if (below(4) > 0) {
      rewind(source);
    } else {  // truncated or forgotten: what was open never settles, and another content begins
      ledger_.close(source.books);
      start(source);
    }
  }

  void check() {
    std::size_t open = 0;
    for (const auto& source : sources_) {
      const SourceBooks& books = source->books;
      ASSERT_EQ(books.at_read(), source->model.at_read());
      ASSERT_EQ(books.at_acked(), source->model.at_acked());
      ASSERT_EQ(books.durable(), source->model.durable);
      ASSERT_LE(books.durable(), books.acked());
      ASSERT_LE(books.acked(), books.read());
      ASSERT_EQ(books.open_batches(), source->model.stretches.size() - source->model.settled_prefix());
      ASSERT_EQ(books.is_settled(), books.open_batches() == 0);
      open += source->model.unsettled().size();
    }
    ASSERT_EQ(ledger_.open_batches(), open);
  }

 private:
  struct Source {
    explicit Source(SourceId id) : books(id) {}
    SourceBooks books;
    Model model;
  };

  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  Progress progress_at(Offset offset) { return {.acked = offset, .tail_bytes = 64, .tail_hash = random_()}; }

  void start(Source& source) {
    const Progress at = progress_at(below(2) * below(10'000));
    ledger_.start(source.books, at, at.acked);
    source.model = {.started = at, .stretches = {}, .durable = at.acked, .read_once = at.acked};
  }

  Stretch next_stretch(Model& model) {
    const Offset begin = model.at_read().acked;
    return {.begin = begin, .at_end = progress_at(begin + 1 + below(100))};
  }
  // How many of the stretch's bytes are read for the first time.
  static std::uint64_t fresh(Model& model, const Stretch& stretch) {
    std::uint64_t bytes = 0;
    for (Offset at = stretch.begin; at < stretch.at_end.acked; ++at) bytes += at >= model.read_once ? 1 : 0;
    model.read_once = std::max(model.read_once, stretch.at_end.acked);
    return bytes;
  }

  void open(Source& source) {
    Stretch stretch = next_stretch(source.model);
    stretch.id = next_batch_++;
    stretch.lines = static_cast<std::uint32_t>(1 + below(9));
    stretch.read_at = kNow + Duration(stretch.id);
    EXPECT_EQ(ledger_.open(source.books, {.id = stretch.id,
                                          .begin = stretch.begin,
                                          .at_end = stretch.at_end,
                                          .lines = stretch.lines,
                                          .read_at = stretch.read_at}),
              fresh(source.model, stretch));
    source.model.stretches.push_back(stretch);
  }

  void skip(Source& source) {
    Stretch stretch = next_stretch(source.model);
    stretch.is_settled = true;
    const Model before = source.model;
    const std::uint64_t is_fresh = fresh(source.model, stretch);
    source.model.stretches.push_back(stretch);
    const LedgerMove move = ledger_.skip(source.books, stretch.at_end, kNow);
    expect_move(move, source, before);
    EXPECT_EQ(move.fresh_bytes, is_fresh);
    EXPECT_EQ(move.read_at, kNow);
  }

  // Any batch of any source, in any order.
  void settle() {
    Source& source = *sources_[below(sources_.size())];
    const std::vector<BatchId> open = source.model.unsettled();
    if (open.empty()) return;
    const BatchId id = open[below(open.size())];
    const Model before = source.model;
    for (Stretch& stretch : source.model.stretches) stretch.is_settled |= stretch.id == id;
    const LedgerMove move = ledger_.settle(id);
    expect_move(move, source, before);
    EXPECT_EQ(move.read_at, kNow + Duration(id));
  }

  static void expect_move(const LedgerMove& move, const Source& source, const Model& before) {
    EXPECT_EQ(move.source, source.books.id());
    EXPECT_EQ(move.acked_bytes, source.model.at_acked().acked - before.at_acked().acked);
    EXPECT_EQ(move.acked_lines, source.model.lines_acked() - before.lines_acked());
  }

  void rewind(Source& source) {
    Model& model = source.model;
    EXPECT_EQ(ledger_.rewind(source.books), model.at_read().acked - model.at_acked().acked);
    model.stretches.resize(model.settled_prefix());
  }

  // The journal's news may be older than what it told last.
  void make_durable(Source& source) {
    const Offset durable = below(source.model.at_acked().acked + 1);
    ledger_.made_durable(source.books, durable);
    source.model.durable = std::max(source.model.durable, durable);
  }

  std::mt19937_64 random_;
  std::uint64_t opens_percent_ = 0, calm_percent_ = 0;
  Ledger ledger_;
  std::vector<std::unique_ptr<Source>> sources_;
  BatchId next_batch_ = 1;
};

// Batches of three sources are opened and settle in any order, bytes are skipped, sources rewound, made durable, and
// begun anew: all three offsets, the proofs beside them, and what each call says that it moved are the model's.
TEST(LedgerProperty, AckedIsTheEndOfTheSettledPrefixWhateverTheOrder) { walk_at_random<Walk>(kSeeds, kSteps); }

}  // namespace
}  // namespace tailrace
