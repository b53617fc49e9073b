#include "tests/sim/world/runs.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <optional>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/unique_fd.h"
#include "tests/sim/world/failed_seeds.h"
#include "tests/sim/world/world.h"

namespace tailrace::sim {
namespace {

using Indices = std::vector<std::size_t>;

// With so many seeds no cell of the table is left empty by chance.
constexpr std::uint64_t kSeedsCoverAll = 1000;

// What a process tells of one seed; plain bytes through a pipe.
struct Told {
  std::uint64_t seed = 0;
  bool is_over = false;  // false: it begins
  char breach[400] = {};
  std::uint64_t turns = 0, actions = 0, records = 0, kinds = 0, trace = 0;
  std::int64_t simulated_ns = 0;
  Coverage coverage{};
};

Told told_of(std::uint64_t seed, const Outcome& outcome) {
  Told told;
  told.seed = seed;
  told.is_over = true;
  std::strncpy(told.breach, outcome.breach.c_str(), sizeof told.breach - 1);
  told.turns = outcome.turns;
  told.actions = outcome.actions;
  told.records = outcome.records;
  told.trace = outcome.trace;
  told.simulated_ns = outcome.simulated.count();
  for (const Kind kind : outcome.kinds) told.kinds |= 1ull << static_cast<unsigned>(kind);
  told.coverage = outcome.coverage;
  return told;
}

void write_all(int fd, const void* from, std::size_t bytes) {
  const char* at = static_cast<const char*>(from);
  while (bytes > 0) {
    const ssize_t done = ::write(fd, at, bytes);
    if (done <= 0) ::_exit(3);
    at += done;
    bytes -= static_cast<std::size_t>(done);
  }
}

bool read_all(int fd, void* into, std::size_t bytes) {
  char* at = static_cast<char*>(into);
  while (bytes > 0) {
    const ssize_t got = ::read(fd, at, bytes);
    if (got <= 0) return false;
    at += got;
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

struct Child {
  pid_t pid = -1;
  UniqueFd told;
  std::size_t next = 0;  // where among the seeds it is, or begins
  bool is_at_work = false;
};

// A process that runs `seeds`, telling before and after each.
template <class Body>
Child spawn(const Body& body) {
  int ends[2];
  TR_ASSERT(::pipe(ends) == 0, "pipe: errno {}", errno);
  std::fflush(stdout);
  const pid_t pid = ::fork();
  TR_ASSERT(pid >= 0, "fork: errno {}", errno);
  if (pid == 0) {
    ::close(ends[0]);
    body(ends[1]);
    ::_exit(0);
  }
  ::close(ends[1]);
  return {.pid = pid, .told = UniqueFd(ends[0])};
}

std::string status_text(int status) {
  if (WIFSIGNALED(status)) return fmt::format("aborted: signal {}", WTERMSIG(status));
  return fmt::format("aborted: exit status {}", WEXITSTATUS(status));
}

Program part_of(const Program& whole, const Indices& indices) {
  Program part = whole;
  part.actions.clear();
  for (const std::size_t i : indices) part.actions.push_back(whole.actions[i]);
  return part;
}

// In a process of its own: what it found, or how it died.
std::string breach_of(const Program& program) {
  Child child = spawn([&program](int fd) {
    ::dup2(fd, STDERR_FILENO);
    Outcome outcome = World(program).run();
    outcome.breach += '\n';
    write_all(fd, outcome.breach.data(), outcome.breach.size());
  });
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(child.told.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  if (status == 0) return text.substr(0, text.find('\n'));
  const std::size_t said = text.find("assertion failed");
  return status_text(status) + ": " + (said == std::string::npos ? text.substr(0, 300) : text.substr(said, 300));
}

// Two failures are the same when they begin the same, up to the colon.
std::string_view sort_of(std::string_view breach) { return breach.substr(0, breach.find(':')); }

// Delta debugging (Zeller 1999): leaves out ever smaller parts while it still fails in the same way.
Indices shrink(const Program& whole, const std::string& breach) {
  Indices kept(whole.actions.size());
  std::iota(kept.begin(), kept.end(), 0);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (std::size_t size = std::max<std::size_t>(1, kept.size() / 2);; size = std::max<std::size_t>(1, size / 2)) {
    bool has_shrunk = false;
    for (std::size_t at = 0; at < kept.size() && std::chrono::steady_clock::now() < until;) {
      Indices fewer = kept;
      const auto begin = fewer.begin() + static_cast<std::ptrdiff_t>(at);
      fewer.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(size, fewer.size() - at)));
      if (sort_of(breach_of(part_of(whole, fewer))) == sort_of(breach)) {
        kept = std::move(fewer);
        has_shrunk = true;
      } else {
        at += size;
      }
    }
    if ((size == 1 && !has_shrunk) || std::chrono::steady_clock::now() >= until) return kept;
  }
}

std::string text_of(const Indices& indices) {
  std::string text;
  for (std::size_t i = 0; i < indices.size();) {
    std::size_t last = i;
    while (last + 1 < indices.size() && indices[last + 1] == indices[last] + 1) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(indices[i]);
    if (last > i) text += "-" + std::to_string(indices[last]);
    i = last + 1;
  }
  return text.empty() ? "none" : text;
}

std::optional<Indices> indices_of(const std::string& text, std::size_t count) {
  Indices indices;
  if (text == "none") return indices;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t used = 0;
    const std::size_t first = std::stoul(text.substr(at), &used);
    at += used;
    std::size_t last = first;
    if (at < text.size() && text[at] == '-') {
      last = std::stoul(text.substr(at + 1), &used);
      at += used + 1;
    }
    for (std::size_t i = first; i <= last && i < count; ++i) indices.push_back(i);
    if (at < text.size() && text[at++] != ',') return std::nullopt;
  }
  return indices;
}

int tell(const Program& program) {
  const Outcome outcome = World(program).run();
  for (const std::string& step : outcome.steps) fmt::print("  {}\n", step);
  fmt::print("{} actions, {} turns, {} records, {:.1f} s simulated, trace {:016x}\n", outcome.actions, outcome.turns,
             outcome.records, to_seconds(outcome.simulated), outcome.trace);
  fmt::print("{}\n", outcome.breach.empty() ? "all promises kept" : "BROKEN " + outcome.breach);
  return outcome.breach.empty() ? 0 : 1;
}

void report(std::uint64_t seed, std::string breach, bool is_unshrunk) {
  const Program whole = program_of(seed);
  if (breach.starts_with("aborted")) breach = breach_of(whole);
  fmt::print("seed {}: {}\n", seed, breach);
  if (is_unshrunk) {
    fmt::print("  replay: tailrace_world --seed {}\n", seed);
    return;
  }
  const Indices kept = shrink(whole, breach);
  fmt::print("  shrunk to {} of {} actions; its last steps:\n", kept.size(), whole.actions.size());
  std::fflush(stdout);
  const Child teller = spawn([&](int) {
    tell(part_of(whole, kept));
    std::fflush(stdout);
  });
  ::waitpid(teller.pid, nullptr, 0);
  fmt::print("  replay: tailrace_world --seed {} --actions {}\n", seed, text_of(kept));
  std::fflush(stdout);
}

struct Totals {
  std::uint64_t seeds = 0, failed = 0, steps = 0, records = 0;
  std::int64_t simulated_ns = 0;
  std::vector<std::uint64_t> steps_each, kinds_each;
  std::array<std::uint64_t, kKinds> by_kind{};  // seeds in which it happened
  Coverage coverage{};

  void add(const Told& told) {
    ++seeds;
    steps += told.turns + told.actions;
    records += told.records;
    simulated_ns += told.simulated_ns;
    steps_each.push_back(told.turns + told.actions);
    kinds_each.push_back(static_cast<std::uint64_t>(std::popcount(told.kinds)));
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      by_kind[kind] += (told.kinds >> kind) & 1;
      for (std::size_t state = 0; state < kFileStates; ++state) coverage[kind][state] += told.coverage[kind][state];
    }
  }
};

std::uint64_t median(std::vector<std::uint64_t> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// The cells that no world can fill, and why; nullptr: it can be.
const char* why_empty(Kind kind, std::size_t state) {
  if (state != kFileStates - 1) return nullptr;
  if (kind >= Kind::read_error && kind <= Kind::disk_hangs) return "the kernel fails calls, and nobody calls";
  if (kind == Kind::fatal) return "there is no producer";
  if (kind >= Kind::kill && kind <= Kind::new_device) return "only an agent that runs can be ended";
  return nullptr;
}

// False: a cell is empty that could be reached, or full that could not.
bool check_table(const Totals& totals) {
  bool is_good = true;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    if (!is_fault(static_cast<Kind>(kind))) continue;
    for (std::size_t state = 0; state < kFileStates; ++state) {
      const char* why = why_empty(static_cast<Kind>(kind), state);
      const bool is_empty = totals.coverage[kind][state] == 0;
      if (is_empty == (why != nullptr)) continue;
      is_good = false;
      fmt::print("coverage: {} x {} was {}\n", name_of(static_cast<Kind>(kind)), state_name(state),
                 is_empty ? "never met" : std::string("met, and is said not to be: ") + why);
    }
  }
  return is_good;
}

void print_table(const Totals& totals) {
  fmt::print("{:18}{:>9}", "fault", "seeds");
  for (std::size_t state = 0; state < kFileStates; ++state) fmt::print("{:>11}", state_name(state));
  fmt::print("\n");
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    if (!is_fault(static_cast<Kind>(kind))) continue;
    fmt::print("{:18}{:>9}", name_of(static_cast<Kind>(kind)), totals.by_kind[kind]);
    for (std::size_t state = 0; state < kFileStates; ++state) {
      if (why_empty(static_cast<Kind>(kind), state) != nullptr && totals.coverage[kind][state] == 0) {
        fmt::print("{:>11}", "-");
      } else {
        fmt::print("{:>11}", totals.coverage[kind][state]);
      }
    }
    fmt::print("\n");
  }
  for (const Kind kind : {Kind::read_error, Kind::fatal, Kind::kill})
    fmt::print("-  from {} on: {}\n", name_of(kind), why_empty(kind, kFileStates - 1));
}

class Progress {
 public:
  void tell(const Totals& totals, bool is_last) {
    const auto now = std::chrono::steady_clock::now();
    if (!is_last && (!is_terminal_ || now - told_ < std::chrono::milliseconds(500))) return;
    told_ = now;
    const double seconds = std::chrono::duration<double>(now - began_).count();
    const double days = static_cast<double>(totals.simulated_ns) / 1e9 / 86400;
    std::uint64_t faults = 0;
    for (const auto& row : totals.coverage) faults += *std::max_element(row.begin(), row.end());
    fmt::print(
        "{}{} seeds ({:.0f} a minute), {:.1f} M steps, {:.1f} M records, {:.2f} days simulated, {} faults, {} failed{}",
        is_terminal_ ? "\r" : "", totals.seeds, static_cast<double>(totals.seeds) / seconds * 60,
        static_cast<double>(totals.steps) / 1e6, static_cast<double>(totals.records) / 1e6, days, faults, totals.failed,
        is_last ? "\n" : "");
    std::fflush(stdout);
  }

 private:
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point told_{};
  const bool is_terminal_ = ::isatty(STDOUT_FILENO) == 1;
};

using Failures = std::vector<std::pair<std::uint64_t, std::string>>;

// Those at `from`, `from` + jobs, ...
Child start_worker(const Seeds& seeds, std::size_t from, unsigned jobs) {
  Child child = spawn([&seeds, from, jobs](int fd) {
    for (std::size_t at = from; at < seeds.size(); at += jobs) {
      const Told begins{.seed = seeds[at]};
      write_all(fd, &begins, sizeof begins);
      const Told over = told_of(seeds[at], World(program_of(seeds[at])).run());
      write_all(fd, &over, sizeof over);
    }
  });
  child.next = from;
  return child;
}

class Runner {
 public:
  Runner(const RunOptions& options, const Seeds& seeds, FailedSeeds& failed)
      : options_(options), seeds_(seeds), failed_(failed) {}

  void run() {
    for (unsigned job = 0; job < options_.jobs; ++job) children_.push_back(start_worker(seeds_, job, options_.jobs));
    while (!children_.empty() && failures_.size() < options_.failures_max) {
      std::vector<pollfd> asked;
      for (const Child& child : children_) asked.push_back({.fd = child.told.get(), .events = POLLIN, .revents = 0});
      ::poll(asked.data(), asked.size(), 1000);
      for (std::size_t i = asked.size(); i-- > 0;) {
        if (asked[i].revents != 0) listen_to(i);
      }
      totals_.failed = failures_.size();
      progress_.tell(totals_, false);
    }
    for (const Child& child : children_) {
      ::kill(child.pid, SIGKILL);
      ::waitpid(child.pid, nullptr, 0);
    }
    progress_.tell(totals_, true);
  }

  const Totals& totals() const { return totals_; }
  const Failures& failures() const { return failures_; }

 private:
  void listen_to(std::size_t number) {
    Child& child = children_[number];
    Told told;
    if (read_all(child.told.get(), &told, sizeof told)) {
      child.is_at_work = !told.is_over;
      if (!told.is_over) return;
      child.next += options_.jobs;
      totals_.add(told);
      if (told.breach[0] != '\0') {
        failures_.emplace_back(told.seed, told.breach);
      } else {
        failed_.passed(told.seed);
      }
      return;
    }
    int status = 0;
    ::waitpid(child.pid, &status, 0);
    const Child dead = std::move(child);
    children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(number));
    if (!dead.is_at_work) return;
    ++totals_.seeds;
    failures_.emplace_back(seeds_[dead.next], status_text(status));
    const std::size_t next = dead.next + options_.jobs;
    if (next < seeds_.size()) children_.push_back(start_worker(seeds_, next, options_.jobs));
  }

  const RunOptions& options_;
  const Seeds& seeds_;
  FailedSeeds& failed_;
  std::vector<Child> children_;
  Totals totals_;
  Progress progress_;
  Failures failures_;
};

}  // namespace

int run_many(const RunOptions& options) {
  FailedSeeds failed(options.failed_file);
  Seeds seeds = failed.seeds();  // they come first
  for (std::uint64_t seed = options.first; seed < options.first + options.seeds; ++seed) {
    if (!failed.contains(seed) && !options.except.contains(seed)) seeds.push_back(seed);
  }
  Runner runner(options, seeds, failed);
  runner.run();
  const Totals& totals = runner.totals();
  fmt::print("a seed: {} steps and {} kinds of fault (medians)\n", median(totals.steps_each),
             median(totals.kinds_each));
  if (options.has_table) print_table(totals);
  std::fflush(stdout);
  const bool is_covered = totals.seeds < kSeedsCoverAll || check_table(totals);
  for (const auto& [seed, breach] : runner.failures()) {
    report(seed, breach, options.is_unshrunk);
    failed.add(seed);
  }
  failed.store();
  return runner.failures().empty() && is_covered ? 0 : 1;
}

int run_one(std::uint64_t seed, const std::string& actions) {
  const Program whole = program_of(seed);
  if (actions.empty()) return tell(whole);
  const std::optional<Indices> indices = indices_of(actions, whole.actions.size());
  if (!indices) {
    fmt::print(stderr, "tailrace_world: --actions takes numbers and ranges: 0-12,15\n");
    return 2;
  }
  return tell(part_of(whole, *indices));
}

std::uint64_t trace_of(std::uint64_t first, std::uint64_t seeds) {
  std::uint64_t trace = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    trace = (trace << 7 | trace >> 57) ^ World(program_of(seed)).run().trace;
  }
  return trace;
}

}  // namespace tailrace::sim
