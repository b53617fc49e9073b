// The keys of [tailers.NAME].
#include <array>

#include "config/keys.h"

namespace tailrace {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kMiB = 1024 * 1024;

std::optional<Fault> check_include(std::string_view text) {
  if (text.starts_with('/')) return std::nullopt;
  return Fault{"is not absolute", R"(begin it with /, like "/var/log/app/*.log")"};
}

std::optional<Fault> check_exclude(std::string_view text) {
  if (!text.empty()) return std::nullopt;
  return Fault{"is empty", R"(remove it, or write a pattern like "*.gz")"};
}

std::optional<Fault> check_sink_name(std::string_view text) {
  if (!text.empty()) return std::nullopt;
  return Fault{"is empty", "name one of [sinks.NAME]"};
}

const std::array kKeys = {
    KeySpec{.table = KeyTable::tailer,
            .name = "formerly",
            .type = KeyType::texts,
            .fallback = "[]",
            .later = "renamed tailers",
            .sentence = "Former names of this tailer, whose offsets it takes over."},
    KeySpec{.table = KeyTable::tailer,
            .name = "include",
            .type = KeyType::texts,
            .required = true,
            .not_empty = true,
            .sentence =
                "Absolute patterns of the files to ship. * and ? match a leading dot, never /; [ab], [!ab], "
                "{a,b} and \\* as in a shell; ** is zero or more directories. No directory is entered twice. The "
                "agent's own state_dir is left out.",
            .check = check_include,
            .set = [](const Target& to, const Value& v) { to.tailer->include = v.texts; }},
    KeySpec{.table = KeyTable::tailer,
            .name = "exclude",
            .type = KeyType::texts,
            .fallback = R"(["*.gz", "*.zst", "*.xz", "*.bz2"])",
            .sentence = "Patterns of files to leave out. One without / matches the file's name.",
            .check = check_exclude,
            .set = [](const Target& to, const Value& v) { to.tailer->exclude = v.texts; }},
    KeySpec{.table = KeyTable::tailer,
            .name = "sink",
            .type = KeyType::text,
            .sentence = "The NAME of the [sinks.NAME] that the lines go to. May be left out where there is one sink.",
            .check = check_sink_name,
            .set = [](const Target& to, const Value& v) { to.tailer->sink = v.text; }},
    KeySpec{.table = KeyTable::tailer,
            .name = "start_at",
            .type = KeyType::choice,
            .fallback = R"("beginning")",
            .choices = "beginning end",
            .sentence = "Where the files are begun that are there when a tailer of this name first starts. A file "
                        "that appears later is always read from its beginning.",
            .set = [](const Target& to, const Value& v) { to.tailer->start_at = static_cast<StartAt>(v.number); }},
    KeySpec{.table = KeyTable::tailer,
            .name = "ignore_older",
            .type = KeyType::duration,
            .fallback = R"("0s")",
            .later = "ignoring old files",
            .sentence = "Files without a checkpoint that were not modified for longer wait for a write."},
    KeySpec{.table = KeyTable::tailer,
            .name = "format",
            .type = KeyType::choice,
            .fallback = R"("line")",
            .choices = "line cri docker auto",
            .available = "line",
            .sentence = "How a line is wrapped in its file.",
            .set = [](const Target&, const Value&) {}},
    KeySpec{.table = KeyTable::tailer,
            .name = "encoding",
            .type = KeyType::choice,
            .fallback = R"("utf-8")",
            .choices = "utf-8 utf-16le utf-16be latin-1",
            .available = "utf-8",
            .sentence = "The files' character encoding. utf-8 passes all bytes through.",
            .set = [](const Target&, const Value&) {}},
    KeySpec{.table = KeyTable::tailer,
            .name = "max_line",
            .type = KeyType::size,
            .fallback = R"("512KiB")",
            .least = 4,  // a UTF-8 sequence must fit
            .most = 512 * kMiB,
            .sentence = "A line of more bytes is a long line.",
            .set = [](const Target& to, const Value& v) { to.tailer->max_line = static_cast<Bytes>(v.number); }},
    KeySpec{.table = KeyTable::tailer,
            .name = "long_line",
            .type = KeyType::choice,
            .fallback = R"("split")",
            .choices = "split truncate skip",
            .available = "split",
            .sentence = "What becomes of a long line; each is counted. split ships it in pieces of max_line bytes that "
                        "never cut a UTF-8 sequence.",
            .set = [](const Target& to, const Value& v) { to.tailer->long_line = static_cast<LongLine>(v.number); }},
    KeySpec{.table = KeyTable::tailer,
            .name = "multiline",
            .type = KeyType::properties,
            .later = "joining lines",
            .sentence = "Joins the lines of a record: start, continue or end, timeout, max_lines."},
    KeySpec{.table = KeyTable::tailer,
            .name = "keep",
            .type = KeyType::texts,
            .fallback = "[]",
            .later = "filters",
            .sentence = "Regular expressions (RE2): only matching lines are shipped."},
    KeySpec{.table = KeyTable::tailer,
            .name = "drop",
            .type = KeyType::texts,
            .fallback = "[]",
            .later = "filters",
            .sentence = "Regular expressions (RE2): matching lines are not shipped."},
    KeySpec{.table = KeyTable::tailer,
            .name = "labels",
            .type = KeyType::text_map,
            .fallback = "{}",
            .sentence = "Names and values of your own, for topics and JSON records.",
            .set = [](const Target& to, const Value& v) { to.tailer->labels = {v.pairs.begin(), v.pairs.end()}; }},
    KeySpec{.table = KeyTable::tailer,
            .name = "symlinks",
            .type = KeyType::choice,
            .fallback = R"("owner")",
            .choices = "owner follow ignore",
            .sentence = "Which symlinks on the way to a file are followed. owner: those that belong to root, to the "
                        "agent's user or to the owner of what they lead to; where the agent can read no more than its "
                        "user may (neither root nor CAP_DAC_OVERRIDE nor CAP_DAC_READ_SEARCH), all. ignore: none.",
            .set = [](const Target& to, const Value& v) { to.tailer->symlinks = static_cast<Symlinks>(v.number); }},
    KeySpec{.table = KeyTable::tailer,
            .name = "watch",
            .type = KeyType::choice,
            .fallback = R"("auto")",
            .choices = "auto inotify poll",
            .sentence = "How changes are noticed. auto polls network file systems, and where watches run out.",
            .set = [](const Target& to, const Value& v) { to.tailer->watch = static_cast<WatchMode>(v.number); }},
    KeySpec{.table = KeyTable::tailer,
            .name = "poll_interval",
            .type = KeyType::duration,
            .fallback = R"("250ms")",
            .least = 1,
            .most = kHourMs,
            .sentence = "How often polled files are looked at.",
            .set = [](const Target& to, const Value& v) { to.tailer->poll_interval = Milliseconds(v.number); }},
    KeySpec{.table = KeyTable::tailer,
            .name = "close_idle",
            .type = KeyType::duration,
            .fallback = R"("5m")",
            .least = 1,
            .most = 10 * 365 * 24 * kHourMs,
            .sentence = "An idle file's descriptor is closed after this long; its next write opens it again.",
            .set = [](const Target& to, const Value& v) { to.tailer->close_idle = Milliseconds(v.number); }},
    KeySpec{.table = KeyTable::tailer,
            .name = "deleted_limit",
            .type = KeyType::size,
            .fallback = R"("0")",
            .later = "the bound on deleted files",
            .sentence = "Bytes that deleted, unshipped files may hold on disk. 0 is no limit."},
    KeySpec{.table = KeyTable::tailer,
            .name = "delete_after",
            .type = KeyType::text,
            .fallback = R"("")",
            .later = "removing shipped files",
            .sentence = "Removes a file that has been finished and durable for this long. Empty: never."},
    KeySpec{.table = KeyTable::tailer,
            .name = "rate_limit",
            .type = KeyType::size,
            .fallback = R"("0")",
            .later = "rate limits",
            .sentence = "Bytes a second. 0 is no limit."},
};

}  // namespace

std::span<const KeySpec> tailer_keys() { return kKeys; }

}  // namespace tailrace
