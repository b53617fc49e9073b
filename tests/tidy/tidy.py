#!/usr/bin/env python3
"""The shape of the code, as a test: what no linter knows about this tree.

    tidy.py ROOT [COMPILE_COMMANDS]      prints FILE:LINE: what is wrong; the better way. Exit status 1 if anything is.

Each rule is a function from one Source to (line, message) pairs. Text inside comments and strings does not count.
"""

import json
import re
import sys
from pathlib import Path

FOLDERS = ("base", "config", "buffer", "tailers", "sinks", "agent")
# The arrows of the house: what a folder may include beside the standard library and what lies outside.
MAY_INCLUDE = {
    "base": {"base"},
    "config": {"config", "base"},
    "buffer": {"buffer", "base"},
    "tailers": {"tailers", "buffer", "config", "base"},
    "sinks": {"sinks", "buffer", "config", "base"},
    "agent": set(FOLDERS),
}
FUNCTION_LINES_MAX = 70
# The ratchet: functions that were longer when the rule came. None may be added; shorten one and take it out.
LONG_FUNCTIONS = {
    ("tests/agent/metrics_test.cc", "TEST(Metrics, EachNumberAppearsUnderItsNameAndLabels)"),
    ("tests/agent/sample_snapshot.h", "sample_snapshot"),
}

# Threads share no state but here; everything else passes a Mailbox or a WorkerPool.
MAY_LOCK = (
    "base/log.cc", "base/mailbox.h", "base/secrets.cc", "base/thread_worker_pool.h", "base/thread_worker_pool.cc",
    "agent/http_server.h", "agent/http_server.cc", "agent/snapshot_exchange.h", "agent/snapshot_exchange.cc",
    "tailers/thread_engine.h", "tailers/thread_engine.cc",
    # Shared by the workers of the journal and of the spools; never taken on the loop thread.
    "buffer/state_home.h", "buffer/state_home.cc",
    # librdkafka calls back on threads of its own.
    "sinks/broker_connections.h", "sinks/broker_connections.cc", "sinks/rdkafka_client.cc", "sinks/rdkafka_feeder.h", "sinks/rdkafka_feeder.cc", "sinks/thread_clocks.h", "sinks/thread_clocks.cc",
)
UNIT_TESTS = tuple(f"tests/{folder}/" for folder in FOLDERS)


class Rule:
    """A pattern that may not appear in files under `inside`, except in `but`; `better` says what to do instead."""

    def __init__(self, pattern, better, inside, but=()):
        self.pattern, self.better, self.inside, self.but = re.compile(pattern), better, inside, but

    def applies_to(self, path):
        return path.startswith(self.inside) and not path.startswith(self.but)


PRODUCT = tuple(f"{folder}/" for folder in FOLDERS)
FORBIDDEN = (
    Rule(r"_clock::now\(|\bclock_gettime\(|\bgettimeofday\(|\btime\((?:nullptr|NULL|0)\)",
         "take the time as an argument; agent/ asks a Clock (base/clock.h)", PRODUCT + UNIT_TESTS, ("base/clock.cc", "sinks/thread_clocks.cc", "tests/agent/", "tests/base/")),
    Rule(r"this_thread::sleep_(?:for|until)\(|\b(?:u|nano)?sleep\(", "wait for a condition with a bound, or set a deadline",
         PRODUCT + UNIT_TESTS, ("agent/commands/status.cc",)),  # --watch
    Rule(r"\bstd::(?:recursive_|shared_|timed_)?mutex\b", "hand it over through base/mailbox.h or base/worker_pool.h",
         PRODUCT, MAY_LOCK),
    Rule(r"\bthrow\b", "return an Error: nothing throws across a folder's border", PRODUCT),
    Rule(r"\bstd::sto(?:i|l|ll|ul|ull|f|d)\(", "std::from_chars: it neither throws nor skips blanks", PRODUCT),
    Rule(r"#include <(?:iostream|regex)>", "base/log.h or fmt for output, RE2 for expressions", PRODUCT),
    Rule(r"#include <sys/epoll\.h>", "only agent/ knows epoll; offer fd() and on_readable()", PRODUCT, ("agent/", "tailers/inotify_watcher.cc")),  # there: one descriptor that can be muted
    Rule(r"\brd_kafka_poll\(", "delivery reports are events of one queue: rd_kafka_queue_poll", ("sinks/",)),
)
FORBIDDEN_IN_HEADERS = (
    Rule(r"#include <(?:liburing|librdkafka/|zstd|toml\+\+)", "include it in the .cc and declare what the header needs",
         PRODUCT, ("sinks/rdkafka_",)),  # the two sides of one seam share librdkafka's types
)


def without_comments_and_strings(text):
    """The same text, line for line, with comments blank and string and character literals empty.

    A raw string's further lines are marked with \\x02: a page of text is no long function."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
                         re.DOTALL)

    def blank(match):
        token = match.group(0)
        kept = "\n" * token.count("\n")
        if token.startswith("R"):
            kept = "\x02\n" * token.count("\n")
        return kept if token.startswith("/") else '""' + kept

    lines = []
    for line in text.split("\n"):  # an #include's quotes are no string
        lines.append(line if not line.startswith("#include") else line.replace('"', "\x01"))
    return pattern.sub(blank, "\n".join(lines)).replace("\x01", '"')


class Source:
    def __init__(self, path, text):
        self.path = path  # from the root, with /
        self.text = text
        self.code = without_comments_and_strings(text)
        self.is_header = path.endswith(".h")

    def lines(self):
        return enumerate(self.code.split("\n"), 1)


def include_arrows(source):
    parts = source.path.split("/")
    is_test = parts[0] == "tests"
    folder = parts[1] if is_test else parts[0]
    allowed = MAY_INCLUDE.get(folder, set(FOLDERS)) | ({"tests"} if is_test else set())
    for number, line in source.lines():
        match = re.match(r'#include "([^"]+)"', line)
        if not match:
            continue
        target = match.group(1).split("/")[0]
        if is_test and ("/" not in match.group(1) or target == folder not in FOLDERS):
            continue  # a test's neighbour: "fake_sink.h", "sim/sim_disk.h"
        if target not in FOLDERS + ("tests",):
            yield number, f'"{match.group(1)}" is not written from the root; write "folder/file.h"'
        elif target not in allowed:
            better = ", ".join(sorted(allowed))
            yield number, f"{folder}/ may not include {target}/; it may include {better}: move the code or pass a value in"


def forbidden_calls(source):
    rules = FORBIDDEN + (FORBIDDEN_IN_HEADERS if source.is_header else ())
    rules = [rule for rule in rules if rule.applies_to(source.path)]
    for number, line in source.lines():
        for rule in rules:
            match = rule.pattern.search(line)
            if match:
                yield number, f"{match.group(0).strip()} may not be used here; {rule.better}"


def pragma_once(source):
    if not source.is_header:
        return
    first = next((line.strip() for _, line in source.lines() if line.strip()), "")
    if first != "#pragma once":
        yield 1, "a header begins with its comment, then #pragma once; add it"


def remarks(source):
    for number, line in enumerate(source.text.split("\n"), 1):
        if re.search(r"//.*\b(?:TODO|FIXME|XXX)\b(?!\(#\d+\))", line):
            yield number, "a TODO without its issue; do it, or write TODO(#number)"
        suppressed = re.search(r"NOLINT(?!END)(?:NEXTLINE|BEGIN)?(?:\([^)]*\))?(.*)", line)
        if suppressed and not re.match(r": \w", suppressed.group(1)):
            yield number, "a NOLINT without its reason; write NOLINT(check): why"


def head_of(code, line):
    """Where that line (from 1) begins in the text."""
    return 0 if line == 1 else [match.end() for match in re.finditer("\n", code)][line - 2]


def functions(code):
    """(name, first line, lines) of every function body, found by its braces."""
    scopes = []  # (kind, name, first line)
    head_begin = 0
    for match in re.finditer(r"[{};]|^#.*(?:\\\n.*)*$", code, re.MULTILINE):
        token = match.group(0)
        if token == ";" or token.startswith("#"):
            if not scopes or scopes[-1][0] == "outside":
                head_begin = match.end()
            continue
        if token == "{":
            head = code[head_begin:match.start()]
            is_outside = all(kind == "outside" for kind, _, _ in scopes)
            name = re.search(r"([\w:~]+|operator\S+) *\(", head)
            if is_outside and re.search(r"\b(?:namespace|class|struct|union|enum|extern)\b(?![^{]*\))", head):
                scopes.append(("outside", "", 0))
            elif is_outside and name and not re.search(r"=\s*$", head):
                first = code.count("\n", 0, head_begin + len(head) - len(head.lstrip())) + 1
                title = head[name.start():].strip() if name.group(1).startswith("TEST") else name.group(1)
                scopes.append(("function", title, first))
            else:
                scopes.append(("inside", "", 0))
        elif scopes:
            kind, name, first = scopes.pop()
            if kind == "function":
                last = code.count("\n", 0, match.start()) + 1
                yield name, first, last - first + 1 - code[head_of(code, first):match.start()].count("\x02")
        if not scopes or scopes[-1][0] == "outside":
            head_begin = match.end()


def long_functions(source):
    for name, first, lines in functions(source.code):
        if lines > FUNCTION_LINES_MAX and (source.path, name) not in LONG_FUNCTIONS:
            yield first, (f"{name} has {lines} lines, more than {FUNCTION_LINES_MAX}; "
                          "keep the branches here and move the straight runs out")


RULES = (include_arrows, forbidden_calls, pragma_once, remarks, long_functions)


def check(source):
    """All findings in one Source, as lines of text."""
    return [f"{source.path}:{number}: {message}" for rule in RULES for number, message in rule(source)]


def sources(root):
    for folder in FOLDERS + ("tests",):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))


def unbuilt(root, compile_commands, paths):
    """Source files that no target builds; the fuzz targets have a preset of their own."""
    with open(compile_commands, encoding="utf-8") as file:
        built = {Path(entry["directory"], entry["file"]).resolve() for entry in json.load(file)}
    return [f"{path}:1: no target builds this file; add it to a CMakeLists.txt or remove it"
            for path in paths
            if path.endswith(".cc") and not path.startswith("tests/fuzz/") and (root / path).resolve() not in built]


def main(arguments):
    if not 1 <= len(arguments) <= 2:
        print("usage: tidy.py ROOT [COMPILE_COMMANDS]", file=sys.stderr)
        return 2
    root = Path(arguments[0])
    found, paths = [], []
    for source in sources(root):
        paths.append(source.path)
        found += check(source)
    if len(arguments) == 2:
        found += unbuilt(root, arguments[1], paths)
    for line in found:
        print(line)
    print(f"tidy: {len(paths)} files, {len(found)} findings")
    return 1 if found or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
