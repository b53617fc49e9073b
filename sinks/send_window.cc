#include "sinks/send_window.h"

#include <algorithm>

namespace tailrace {
namespace {

using std::chrono::milliseconds;
constexpr Duration kQuick = milliseconds(50);
constexpr Duration kSlow = milliseconds(100);
constexpr Duration kFar = milliseconds(10);
constexpr Duration kPeriod = std::chrono::seconds(30);
// A queue that never empties raises what looks like the broker's own time; so far and no further.
constexpr Duration kOwnTimeMax = milliseconds(500);

}  // namespace

SendWindow::SendWindow(std::uint64_t block_bytes, std::uint64_t bytes_max)
    : block_(block_bytes), max_(bytes_max), bytes_(std::min(block_bytes, bytes_max)) {}

// An answer that waited behind others of ours says nothing of the way. Once a period a far lane has one request out for
// a while, to be measured anew: its own queue would else keep it far for ever.
void SendWindow::remember_quickest(Duration took, std::uint64_t in_flight, Instant now) {
  if (now >= period_end_) {
    quickest_ = quickest_now_;
    quickest_now_ = Duration::max();
    period_end_ = now + kPeriod;
    bytes_ = std::min(bytes_, block_);
  }
  if (in_flight > 2 * block_ + block_ / 4) return;  // one is out, the next one held
  quickest_now_ = std::min(quickest_now_, took);
  quickest_ = std::min(quickest_, quickest_now_);
}

void SendWindow::on_ack(Duration took, std::uint64_t in_flight, Instant now) {
  remember_quickest(took, in_flight, now);
  const bool is_far = quickest_now_ != Duration::max() && quickest_ > kFar;
  const std::uint64_t most = is_far ? max_ : std::min(block_, max_);
  bytes_ = std::min(bytes_, most);
  if (now < next_change_) return;
  // An answer within the band is judged as it is; above it, only what it took longer than the quickest.
  const Duration waited = took <= kSlow ? took : took - std::min(quickest_, kOwnTimeMax);
  if (waited > kSlow) {
    // In proportion to how much too long, but not by more than half: one hiccup is not a slow broker.
    const double factor = std::max(0.5, std::chrono::duration<double>(kSlow) / std::chrono::duration<double>(waited));
    bytes_ = std::max(static_cast<std::uint64_t>(static_cast<double>(bytes_) * factor), std::min(block_ / 8, max_));
  } else if (waited < kQuick && in_flight + block_ / 2 >= bytes_) {
    bytes_ = std::min(bytes_ + block_ / 2, most);
  } else {
    return;
  }
  next_change_ = now + std::min(took, Duration(std::chrono::seconds(1)));
}

}  // namespace tailrace
