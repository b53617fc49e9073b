// SimEngine: an IoEngine on the simulated disk.
//
// The model: a request is queued by `submit`, started by `flush`, and takes effect on the disk, whole, in the
// `dispatch` that hands it back. By default that is the next one, in the order of submission. With a seed and
// `SimEngineFaults` a request takes up to `delay_max` dispatches more (so a crash can catch it before it did anything),
// those that are done together come in any order, and reads and writes may do less than they were asked for (at least
// one byte). A read of a file's first KiB is a look at who it is, and not one that the disk takes for a reader's.
// Not modelled: a request that took effect and is not handed back, but for one that `forget_all` drops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "base/io_engine.h"
#include "tests/sim/sim_file_system.h"

namespace tailrace {

struct SimEngineFaults {
  std::uint64_t seed = 1;
  std::uint32_t delay_max = 0;  // dispatches
  bool reorders = false;
  std::uint32_t short_percent = 0;  // of reads and writes
};

class SimEngine final : public IoEngine {
 public:
  explicit SimEngine(SimFileSystem& disk, SimEngineFaults faults = {});

  void submit(const IoRequest& request) override;
  void flush() override;
  std::size_t dispatch(Instant now) override;
  bool stop() override;
  int fd() const override { return -1; }
  std::size_t in_flight() const override { return queued_.size() + started_.size(); }
  std::size_t depth() const override { return 16; }
  std::string_view name() const override { return "simulated"; }

  // Whether a look at a file's first bytes is in flight.
  bool is_looking() const;
  void hold(bool is_held) { is_held_ = is_held; }  // nothing is handed back: a disk that hangs
  // The process died: what is in flight has no effect (give it `dispatch` first to let it have one).
  void forget_all();

 private:
  struct Started {
    IoRequest request;
    std::uint32_t dispatches_left = 0;
  };
  struct Done {
    IoRequest request;
    std::int64_t result = 0;
  };
  std::int64_t execute(const IoRequest& request);
  std::uint32_t some_bytes(std::uint32_t asked);

  SimFileSystem& disk_;
  SimEngineFaults faults_;
  SimRandom random_;
  std::vector<IoRequest> queued_;
  std::deque<Started> started_;
  bool is_held_ = false;
};

}  // namespace tailrace
