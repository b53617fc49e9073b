// Lifecycle: from the start to the exit status: running, draining, ended.
//
//   start ──▶ running ──first SIGTERM/SIGINT──▶ draining ──drained, or shutdown_timeout ran out──▶ ended
//                │ --once: drained by itself                                                         ▲
//                └── the pipeline stops, a second signal ────────────────────────────────────────────┘
//
// Decides when and how the process ends, and tells the service manager; the bytes are the Pipeline's. Knows no epoll
// and no clock, so that a test drives it by hand. Loop thread only.
#pragma once

#include <optional>
#include <string>

#include "agent/notify.h"
#include "agent/pipeline.h"

namespace tailrace {

struct LifecycleSettings {
  bool once = false;
  ShutdownMode shutdown = ShutdownMode::drain;
  Duration shutdown_timeout = std::chrono::seconds(25);
};

class Lifecycle {
 public:
  Lifecycle(Pipeline& pipeline, Notify& notify, LifecycleSettings settings)
      : pipeline_(pipeline), notify_(notify), settings_(settings) {}

  void start(Instant now, WallTime wall);  // READY=1; waits for no broker
  void turn(Instant now, WallTime wall);
  void on_signal(int signal, Instant now);
  Instant next_deadline() const;  // the pipeline's, the watchdog's or the drain's, whichever comes first

  // Set once the process must end.
  std::optional<int> exit_status() const { return exit_status_; }
  // The sinks may be waited for; not so after a timeout or a second signal: the process then ends as it stands.
  bool is_clean() const { return is_clean_; }

 private:
  void end(int exit_status, bool is_clean);
  void end_drained();
  void end_timed_out(Instant now, WallTime wall);

  Pipeline& pipeline_;
  Notify& notify_;
  const LifecycleSettings settings_;
  std::optional<int> exit_status_;
  bool is_clean_ = true;
  bool is_draining_ = false;
  Instant drain_deadline_ = kNever;
  Instant watchdog_deadline_ = kNever;
};

}  // namespace tailrace
