#include "tests/sim/world/program.h"

#include <algorithm>

#include "tests/sim/world/dice.h"

namespace tailrace::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Row {
  Kind kind;
  std::string_view name;
  std::uint32_t weight;
  bool is_fault;
};

// In the order of the enumerators.
constexpr std::array<Row, kKinds> kRows = {{
    {Kind::append, "append", 60, false},
    {Kind::append_part, "append_part", 14, false},
    {Kind::end_line, "end_line", 14, false},
    {Kind::burst, "burst", 2, false},
    {Kind::long_line, "long_line", 5, false},
    {Kind::crlf_lines, "crlf_lines", 5, false},
    {Kind::empty_lines, "empty_lines", 4, false},
    {Kind::nul_bytes, "nul_bytes", 2, false},
    {Kind::new_file, "new_file", 4, false},
    {Kind::rename, "rename", 5, true},
    {Kind::rename_chain, "rename_chain", 6, true},
    {Kind::copytruncate, "copytruncate", 5, true},
    {Kind::truncate, "truncate", 4, true},
    {Kind::truncate_regrow, "truncate_regrow", 4, true},
    {Kind::remove, "remove", 4, true},
    {Kind::recreate, "recreate", 4, true},
    {Kind::replace, "replace", 3, true},
    {Kind::hard_link, "hard_link", 3, true},
    {Kind::symlink, "symlink", 3, true},
    {Kind::remove_directory, "remove_directory", 2, true},
    {Kind::move_out, "move_out", 2, true},
    {Kind::move_back, "move_back", 2, true},
    {Kind::read_error, "read_error", 4, true},
    {Kind::open_error, "open_error", 3, true},
    {Kind::no_permission, "no_permission", 4, true},
    {Kind::few_descriptors, "few_descriptors", 3, true},
    {Kind::events_late, "events_late", 6, true},
    {Kind::events_lost, "events_lost", 2, true},
    {Kind::overflow, "overflow", 4, true},
    {Kind::few_watches, "few_watches", 1, true},
    {Kind::workers_late, "workers_late", 6, true},
    {Kind::disk_hangs, "disk_hangs", 5, true},
    {Kind::sync_fails, "sync_fails", 5, true},
    {Kind::write_fails, "write_fails", 3, true},
    {Kind::disk_full, "disk_full", 3, true},
    {Kind::read_only, "read_only", 3, true},
    {Kind::slow, "slow", 5, true},
    {Kind::silent, "silent", 5, true},
    {Kind::away, "away", 5, true},
    {Kind::denied, "denied", 3, true},
    {Kind::refused, "refused", 3, true},
    {Kind::fatal, "fatal", 4, true},
    {Kind::spinning, "spinning", 3, true},
    {Kind::lingering, "lingering", 3, true},
    {Kind::kill, "kill", 8, true},
    {Kind::power_loss, "power_loss", 6, true},
    {Kind::terminate, "terminate", 4, true},
    {Kind::new_device, "new_device", 1, true},
    {Kind::wait, "wait", 20, false},
}};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kKinds; ++i) {
    if (static_cast<std::size_t>(kRows[i].kind) != i) return false;
  }
  return true;
}
static_assert(rows_are_in_order());

// Mostly at once or soon after each other, where things collide; sometimes so late that a deadline comes between.
Duration some_gap(Dice& dice) {
  const std::uint64_t sort = dice.below(1000);
  if (sort < 500) return Duration(0);
  if (sort < 800) return microseconds(dice.below(3000));
  if (sort < 960) return milliseconds(dice.below(100));
  if (sort < 992) return milliseconds(dice.below(3000));
  return seconds(dice.below(45));
}

}  // namespace

std::string_view name_of(Kind kind) { return kRows[static_cast<std::size_t>(kind)].name; }
bool is_fault(Kind kind) { return kRows[static_cast<std::size_t>(kind)].is_fault; }

Program program_of(std::uint64_t seed) {
  Dice dice(seed);
  Program program;
  program.seed = seed;
  program.fsync = std::array{FsyncMode::sync, FsyncMode::async, FsyncMode::off}[dice.below(3)];
  program.on_reject = dice.one_in(3) ? OnReject::drop : OnReject::spool;
  program.max_line = std::array<Bytes, 3>{128, 1024, 16 * 1024}[dice.below(3)];
  program.memory = 4 * program.max_line + 1024 * 1024 + dice.below(2) * 1024 * 1024;
  program.journal_segment_bytes = Bytes{16 * 1024} << dice.below(4);
  program.has_birth_times = !dice.one_in(4);
  program.notifies = !dice.one_in(8);
  program.reuses_inodes = dice.one_in(3);
  program.topic_by_file = dice.one_in(4);
  program.delay_max = static_cast<std::uint32_t>(dice.one_in(2) ? dice.below(6) : 0);
  program.short_percent = static_cast<std::uint32_t>(dice.one_in(2) ? dice.below(40) : 0);
  program.reorders = dice.one_in(2);
  program.partitions = static_cast<std::int32_t>(1 + dice.below(4));

  // Swarm (Groce et al. 2012): each seed leaves kinds out, so that what is left meets more often.
  std::array<std::uint32_t, kKinds> weights{};
  for (const Row& row : kRows) {
    const bool is_on = !row.is_fault || dice.one_in(3);
    weights[static_cast<std::size_t>(row.kind)] = is_on ? row.weight : 0;
  }
  std::uint64_t total = 0;
  for (const std::uint32_t weight : weights) total += weight;
  const std::uint64_t count = dice.between(300, 900);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t at = dice.below(total);
    std::size_t kind = 0;
    while (at >= weights[kind]) at -= weights[kind++];
    Action action{.kind = static_cast<Kind>(kind), .before = some_gap(dice), .random = dice.next()};
    if (action.kind == Kind::wait) action.before += milliseconds(dice.below(400));
    program.actions.push_back(action);
  }
  return program;
}

}  // namespace tailrace::sim
