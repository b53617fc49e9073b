#include "buffer/ledger.h"

#include <algorithm>

namespace tailrace {

void Ledger::start(SourceBooks& books, const Progress& at, Offset durable) {
  TR_ASSERT(!books.open_, "source {}: started again with open batches", books.id_.hex());
  TR_ASSERT(durable <= at.acked, "source {}: durable {} > acked {}", books.id_.hex(), durable, at.acked);
  books.read_ = at;
  books.acked_ = at;
  books.durable_ = durable;
  books.counted_ = at.acked;
}

std::uint64_t Ledger::open(SourceBooks& books, const OpenStretch& batch) {
  const Offset end = batch.at_end.acked;
  TR_ASSERT(batch.begin == books.read(), "source {}: a gap: batch begins at {}, read is {}", books.id_.hex(),
            batch.begin, books.read());
  TR_ASSERT(end > batch.begin, "source {}: an empty batch at {}", books.id_.hex(), end);
  if (!books.open_) books.open_ = std::make_unique<SourceBooks::Open>();
  books.open_->batches.push_back(batch);
  if (!batch.is_settled) {
    const bool is_new = by_batch_.emplace(batch.id, &books).second;
    TR_ASSERT(is_new, "batch {} opened twice", batch.id);
  }
  books.read_ = batch.at_end;
  const std::uint64_t fresh = end - std::min(end, std::max(books.counted_, batch.begin));
  books.counted_ = std::max(books.counted_, end);
  return fresh;
}

LedgerMove Ledger::skip(SourceBooks& books, const Progress& at_end, Instant now) {
  const std::uint64_t fresh =
      open(books, {.id = 0, .begin = books.read(), .at_end = at_end, .lines = 0, .read_at = now, .is_settled = true});
  LedgerMove move = pop_settled(books);
  move.fresh_bytes = fresh;
  move.read_at = now;
  return move;
}

LedgerMove Ledger::settle(BatchId batch) {
  const auto found = by_batch_.find(batch);
  TR_ASSERT(found != by_batch_.end(), "batch {} settled, but it is not open", batch);
  SourceBooks& books = *found->second;
  by_batch_.erase(found);
  auto& batches = books.open_->batches;
  const auto it = std::find_if(batches.begin() + static_cast<std::ptrdiff_t>(books.open_->first), batches.end(),
                               [batch](const OpenStretch& open) { return open.id == batch; });
  TR_ASSERT(it != batches.end(), "batch {} is not in the books of {}", batch, books.id_.hex());
  it->is_settled = true;
  const Instant read_at = it->read_at;
  LedgerMove move = pop_settled(books);
  move.read_at = read_at;
  return move;
}

LedgerMove Ledger::pop_settled(SourceBooks& books) {
  LedgerMove move{.source = books.id_};
  auto& open = *books.open_;
  while (open.first < open.batches.size() && open.batches[open.first].is_settled) {
    const OpenStretch& batch = open.batches[open.first];
    TR_ASSERT(batch.begin == books.acked(), "source {}: acked {} is not where batch {} begins ({})", books.id_.hex(),
              books.acked(), batch.id, batch.begin);
    move.acked_bytes += batch.at_end.acked - batch.begin;
    move.acked_lines += batch.lines;
    books.acked_ = batch.at_end;
    ++open.first;
  }
  TR_ASSERT(books.acked() <= books.read(), "source {}: acked {} > read {}", books.id_.hex(), books.acked(),
            books.read());
  if (open.first == open.batches.size()) {
    books.open_.reset();
  } else if (open.first >= 64 && open.first * 2 >= open.batches.size()) {
    open.batches.erase(open.batches.begin(), open.batches.begin() + static_cast<std::ptrdiff_t>(open.first));
    open.first = 0;
  }
  return move;
}

std::uint64_t Ledger::rewind(SourceBooks& books) {
  const std::uint64_t again = books.read() - books.acked();
  close(books);
  books.read_ = books.acked_;
  return again;
}

void Ledger::made_durable(SourceBooks& books, Offset durable) {
  TR_ASSERT(durable <= books.acked(), "source {}: durable {} > acked {}", books.id_.hex(), durable, books.acked());
  books.durable_ = std::max(books.durable_, durable);
}

void Ledger::close(SourceBooks& books) {
  if (!books.open_) return;
  for (std::size_t i = books.open_->first; i < books.open_->batches.size(); ++i) {
    if (!books.open_->batches[i].is_settled) by_batch_.erase(books.open_->batches[i].id);
  }
  books.open_.reset();
}

}  // namespace tailrace
