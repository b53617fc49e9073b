#include "tests/sim/sim_engine.h"

#include <algorithm>
#include <span>
#include <utility>

namespace tailrace {

namespace {

constexpr std::uint32_t kLookBytes = 1024;

bool is_look(const IoRequest& request) {
  return request.op == IoRequest::Op::read && request.offset == 0 && request.bytes == kLookBytes;
}

}  // namespace

SimEngine::SimEngine(SimFileSystem& disk, SimEngineFaults faults)
    : disk_(disk), faults_(faults), random_(faults.seed) {}

void SimEngine::submit(const IoRequest& request) {
  TR_ASSERT(request.client != nullptr, "a request without a client");
  queued_.push_back(request);
}

void SimEngine::flush() {
  for (const IoRequest& request : queued_) {
    const auto delay = faults_.delay_max == 0 ? 0 : static_cast<std::uint32_t>(random_() % (faults_.delay_max + 1));
    if (request.op == IoRequest::Op::sync_data) disk_.engine_begin_sync(request.fd);
    started_.push_back({request, delay});
  }
  queued_.clear();
}

std::size_t SimEngine::dispatch(Instant now) {
  if (is_held_) return 0;
  std::vector<IoRequest> ready;
  std::erase_if(started_, [&ready](Started& started) {
    if (started.dispatches_left > 0) {
      --started.dispatches_left;
      return false;
    }
    ready.push_back(started.request);
    return true;
  });
  // Not std::shuffle, whose order the standard leaves open: a seed must mean the same everywhere.
  for (std::size_t i = ready.size(); faults_.reorders && i > 1; --i) std::swap(ready[i - 1], ready[random_() % i]);

  std::vector<Done> done;
  done.reserve(ready.size());
  for (const IoRequest& request : ready) done.push_back({request, execute(request)});
  for (const Done& d : done) d.request.client->on_io_done(d.request.token, d.result, now);
  return done.size();
}

bool SimEngine::is_looking() const {
  return std::any_of(queued_.begin(), queued_.end(), is_look) ||
         std::any_of(started_.begin(), started_.end(), [](const Started& started) { return is_look(started.request); });
}

bool SimEngine::stop() {
  forget_all();
  return true;
}

void SimEngine::forget_all() {
  queued_.clear();
  started_.clear();
}

std::int64_t SimEngine::execute(const IoRequest& request) {
  switch (request.op) {
    case IoRequest::Op::open:
      return disk_.engine_open(request.path);
    case IoRequest::Op::read:
      return disk_.engine_read(request.fd, {request.buffer, some_bytes(request.bytes)}, request.offset,
                               is_look(request));
    case IoRequest::Op::write:
      return disk_.engine_write(request.fd, std::span<const std::byte>(request.buffer, some_bytes(request.bytes)),
                                request.offset);
    case IoRequest::Op::sync_data:
      return disk_.engine_sync_data(request.fd);
  }
  return -1;
}

std::uint32_t SimEngine::some_bytes(std::uint32_t asked) {
  if (asked < 2 || random_() % 100 >= faults_.short_percent) return asked;
  return static_cast<std::uint32_t>(1 + random_() % (asked - 1));
}

}  // namespace tailrace
