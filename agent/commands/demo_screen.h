// DemoScreen: what the demo shows while it runs: a panel redrawn in place on a terminal, else a plain line a second.
#pragma once

#include <optional>
#include <string>

#include "agent/commands/demo_agent.h"
#include "agent/commands/demo_load.h"
#include "base/clock.h"

namespace tailrace {

class DemoScreen {
 public:
  explicit DemoScreen(bool is_terminal) : is_terminal_(is_terminal) {}

  void start(Instant now);
  // A line that stays: what has just happened.
  void say(const std::string& line);
  // True when `show` has something to do: five times a second on a terminal, else once.
  bool is_due(Instant now) const { return now >= next_; }
  // `lag`: nothing while the agent does not answer.
  void show(Instant now, Duration elapsed, const DemoProgress& progress, const std::optional<DemoLag>& lag);
  // The last figures: on a terminal the panel stays where it is; the plain lines have said enough.
  void close(Instant now, Duration elapsed, const DemoProgress& progress, const std::optional<DemoLag>& lag);

 private:
  void erase();

  const bool is_terminal_;
  int panel_lines_ = 0;
  Instant next_{};
  Instant last_{};
  DemoProgress last_progress_;
};

}  // namespace tailrace
