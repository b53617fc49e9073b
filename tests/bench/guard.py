#!/usr/bin/env python3
"""What a line costs, counted and not timed, so that a slow or busy machine says the same: fails when it costs more.

    guard.py --build BUILD

Two runs of different size; their difference is what the hot path takes, without starting and ending. Instructions come from
valgrind (callgrind), system calls from strace.
"""

import argparse
import re
import shutil
import sys

sys.dont_write_bytecode = True
from harness import ROOT, SPACING, Bench  # noqa: E402

SMALL, LARGE = 2, 10  # MiB

# Measured 158 (gcc 12, Debian 12, 205 bytes a line): memchr over the line, and the books. A memcpy of each line makes it 200,
# a std::string of each line 370. The bound leaves a seventh to other compilers and C libraries.
INSTRUCTIONS_A_LINE_MAX = 180
# Measured 15 to 15.8, for 4 reads with the engine's and the sink's wake-ups. One call a line makes it 5,100, one more a read
# at least 19.
CALLS_A_MIB_MAX = 18
# Each file is opened once at the start; looked at by both of the first two walks it was nearly 2.
OPENS_A_FILE_MAX = 1.2
SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def instructions(bench, config):
    report = config.parent / "callgrind"
    bench.output(["valgrind", "--tool=callgrind", f"--callgrind-out-file={report}", bench.program("tailrace"), "run", "--once",
                  "-c", str(config)])
    return int(re.search(r"^(?:summary|totals): (\d+)", report.read_text(encoding="utf-8"), re.MULTILINE).group(1))


def opens_a_file(bench):
    counts = {}
    for files in (50, 250):
        logs = bench.fresh_directory()
        for i in range(files):
            bench.access_log(str(logs / f"{i}.log"), 4096, i * SPACING)
        counts[files] = bench.system_calls(f"{logs}/*.log", {"type": "null"})["openat"]
    return (counts[250] - counts[50]) / 200


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    parser.add_argument("--directory")
    parser.set_defaults(engine="sync")
    for tool in ("valgrind", "strace"):
        if shutil.which(tool) is None:
            print(f"skipped: no {tool} here; packaging/install-deps.sh test installs it")
            sys.exit(SKIPPED)
    with Bench(parser.parse_args()) as bench:
        lines, counted, calls = {}, {}, {}
        for mib in (SMALL, LARGE):
            log = str(bench.directory / f"{mib}.log")
            lines[mib] = bench.access_log(log, f"{mib}MiB")
            counted[mib] = instructions(bench, bench.config(log, {"type": "null"}))
            calls[mib] = sum(bench.system_calls(log, {"type": "null"}).values())
        opens = opens_a_file(bench)
    a_line = (counted[LARGE] - counted[SMALL]) / (lines[LARGE] - lines[SMALL])
    a_mib = (calls[LARGE] - calls[SMALL]) / (LARGE - SMALL)
    print(f"{a_line:.1f} instructions a line (at most {INSTRUCTIONS_A_LINE_MAX}), "
          f"{a_mib:.1f} system calls a MiB (at most {CALLS_A_MIB_MAX}), {opens:.2f} opens a file (at most {OPENS_A_FILE_MAX})")
    if a_line > INSTRUCTIONS_A_LINE_MAX or a_mib > CALLS_A_MIB_MAX or opens > OPENS_A_FILE_MAX:
        sys.exit("guard: it costs more than it did; callgrind_annotate says where")


if __name__ == "__main__":
    main()
