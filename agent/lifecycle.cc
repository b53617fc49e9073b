#include "agent/lifecycle.h"

#include <algorithm>
#include <csignal>

#include "base/log.h"

namespace tailrace {

void Lifecycle::start(Instant now, WallTime wall) {
  pipeline_.start(now, wall);
  notify_.ready("shipping");
  if (notify_.watchdog_interval()) watchdog_deadline_ = now + *notify_.watchdog_interval();
}

void Lifecycle::turn(Instant now, WallTime wall) {
  if (exit_status_) return;
  pipeline_.turn(now, wall);
  if (now >= watchdog_deadline_) {
    notify_.alive();
    watchdog_deadline_ = now + *notify_.watchdog_interval();
  }
  if (const std::optional<PipelineStop> stop = pipeline_.stop()) {
    log::error("{}", stop->line);
    notify_.stopping(stop->line);
    end(stop->exit_status, true);
  } else if ((settings_.once || is_draining_) && pipeline_.is_drained()) {
    end_drained();
  } else if (now >= drain_deadline_) {
    end_timed_out(now, wall);
  }
}

void Lifecycle::on_signal(int signal, Instant now) {
  if (signal == SIGHUP) {
    log::warn("SIGHUP: reload is not available in this version; restart to apply a changed config");
    return;
  }
  const char* name = signal == SIGTERM ? "SIGTERM" : "SIGINT";
  if (is_draining_) {
    log::warn("{} again: ending at once; what is not acknowledged is shipped at the next start", name);
    end(128 + signal, false);
    return;
  }
  is_draining_ = true;
  drain_deadline_ = now + settings_.shutdown_timeout;
  const bool is_drain = settings_.shutdown == ShutdownMode::drain;
  log::info("{}: {}, at most {} s", name,
            is_drain ? "shipping what the files hold now" : "waiting for the acknowledgements",
            to_seconds(settings_.shutdown_timeout));
  notify_.stopping("draining");
  pipeline_.begin_drain(settings_.shutdown, now);
}

Instant Lifecycle::next_deadline() const {
  return std::min({pipeline_.next_deadline(), watchdog_deadline_, drain_deadline_});
}

void Lifecycle::end(int exit_status, bool is_clean) {
  exit_status_ = exit_status;
  is_clean_ = is_clean;
}

void Lifecycle::end_drained() {
  if (!settings_.once) {
    end(0, true);
    return;
  }
  // A flush stopped reading: what it left unread is what --once had promised to ship.
  const bool is_cut_short = is_draining_ && settings_.shutdown == ShutdownMode::flush;
  if (is_cut_short) log::error("--once was interrupted before all was read; run it again to ship the rest");
  if (pipeline_.once_met_errors()) log::error("--once: a matching file could not be read; see the lines above");
  if (pipeline_.files_matched() == 0 && !pipeline_.once_met_errors()) {
    log::warn("--once: no file matches the tailers' include patterns; nothing was shipped");
  }
  end(is_cut_short || pipeline_.once_met_errors() ? 1 : 0, true);
}

void Lifecycle::end_timed_out(Instant now, WallTime wall) {
  const Snapshot snapshot = pipeline_.snapshot(now, wall, 0);
  std::uint64_t unacked = 0;
  for (const TailerSnapshot& tailer : snapshot.tailers) {
    unacked += tailer.lag[static_cast<std::size_t>(Stage::acked)].bytes;
  }
  log::warn("shutdown_timeout ({} s) ran out with {} bytes not acknowledged; they are shipped at the next start",
            to_seconds(settings_.shutdown_timeout), unacked);
  end(settings_.once ? 1 : 0, false);
}

}  // namespace tailrace
