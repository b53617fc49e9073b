// Which IoEngine this kernel gets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/io_engine.h"
#include "config/config.h"

namespace tailrace {

struct EngineChosen {
  std::unique_ptr<IoEngine> engine;
  std::string reason;  // a sentence for the log: which one it is and why
};

// Call it on the loop thread: the engine stays there. `automatic` takes io_uring when an open, a write, a read and a
// sync through a ring really work here, else threads. A named engine is taken or is an Error: io_uring that the kernel
// refuses.
Result<EngineChosen> choose_engine(EngineChoice wanted);

// The names of the engines that work here, the preferred one first; for --version. Tries io_uring on the calling
// thread.
std::vector<std::string> allowed_engines();

}  // namespace tailrace
