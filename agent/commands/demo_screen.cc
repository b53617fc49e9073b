#include "agent/commands/demo_screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/console.h"

namespace tailrace {
namespace {

constexpr Duration kRedraw = std::chrono::milliseconds(200);
constexpr Duration kPlainLine = std::chrono::seconds(1);
constexpr std::size_t kBarCells = 32;

std::string in_units(std::uint64_t bytes) {
  if (bytes < 10 * 1024) return fmt::format("{} B", bytes);
  if (bytes < 10 * 1024 * 1024) return fmt::format("{} KiB", bytes / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

// As long as the bytes are of what may be ahead; anything at all is at least one cell.
std::string bar(std::uint64_t bytes) {
  const std::uint64_t cells =
      std::min<std::uint64_t>(kBarCells, (bytes * kBarCells + kAheadBytesMax - 1) / kAheadBytesMax);
  return std::string(cells, '#') + std::string(kBarCells - cells, '.');
}

std::string stage_line(const char* name, const DemoLag::Stage& stage) {
  return fmt::format("  {:<22} {:>10}  {:6.2f} s  [{}]\n", name, in_units(stage.bytes), stage.seconds,
                     bar(stage.bytes));
}

// What cannot be shown is not missed: the verdict's own print says so.
void draw(const std::string& text) { static_cast<void>(print(text)); }

}  // namespace

void DemoScreen::erase() {
  if (panel_lines_ > 0) draw(fmt::format("\x1b[{}A\x1b[J", panel_lines_));
  panel_lines_ = 0;
}

void DemoScreen::say(const std::string& line) {
  erase();
  draw(line + "\n");
  if (is_terminal_) next_ = Instant{};  // the panel again, below it
}

void DemoScreen::start(Instant now) {
  last_ = now;
  next_ = now + (is_terminal_ ? kRedraw : kPlainLine);
}

void DemoScreen::close(Instant now, Duration elapsed, const DemoProgress& progress, const std::optional<DemoLag>& lag) {
  if (is_terminal_) show(now, elapsed, progress, lag);
  panel_lines_ = 0;
}

void DemoScreen::show(Instant now, Duration elapsed, const DemoProgress& progress, const std::optional<DemoLag>& lag) {
  const double seconds = to_seconds(now - last_);
  const auto rate = [seconds](std::uint64_t after, std::uint64_t before) {
    return seconds > 0 ? static_cast<double>(after - before) / seconds : 0.0;
  };
  const double bytes_rate = rate(progress.arrived_bytes, last_progress_.arrived_bytes);
  const double lines_rate = rate(progress.arrived_lines, last_progress_.arrived_lines);
  const double written_rate = rate(progress.written_bytes, last_progress_.written_bytes);
  last_ = now;
  last_progress_ = progress;
  next_ = now + (is_terminal_ ? kRedraw : kPlainLine);
  if (!is_terminal_) {
    std::string line =
        fmt::format("{:4.0f} s  written {:>9}  read back {:>9}  {:5.1f} MB/s {:>7.0f} lines/s", to_seconds(elapsed),
                    in_units(progress.written_bytes), in_units(progress.arrived_bytes), bytes_rate / 1e6, lines_rate);
    line += lag ? fmt::format("  lag read {}, acked {}, durable {} ({:.2f} s)", in_units(lag->read.bytes),
                              in_units(lag->acked.bytes), in_units(lag->durable.bytes), lag->durable.seconds)
                : "  lag unknown: the agent does not answer";
    draw(line + "\n");
    return;
  }
  erase();
  std::string panel =
      fmt::format("\n  {:<22} {:>10}  {:6.1f} MB/s\n  {:<22} {:>10}  {:6.1f} MB/s  {:.0f} lines/s\n",
                  "written to the logs", in_units(progress.written_bytes), written_rate / 1e6, "read back from Kafka",
                  in_units(progress.arrived_bytes), bytes_rate / 1e6, lines_rate);
  const DemoLag shown = lag.value_or(DemoLag{});
  panel += lag ? stage_line("lag, not yet read", shown.read) : std::string("  the agent does not answer\n");
  panel += lag ? stage_line("lag, not yet acked", shown.acked) : std::string("\n");
  panel += lag ? stage_line("lag, not yet durable", shown.durable) : std::string("\n");
  draw(panel);
  panel_lines_ = static_cast<int>(std::count(panel.begin(), panel.end(), '\n'));
}

}  // namespace tailrace
