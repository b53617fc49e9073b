#!/usr/bin/env python3
"""`make fuzz`: runs the fuzz targets of a build two at a time and says what came of it.

    run.py [--build DIR] [--seconds N] [FILTER]     targets whose name matches FILTER (a regular expression), N s each

Each begins with tests/fuzz/corpus/TARGET and what earlier runs found. Into DIR go corpus/TARGET (inputs that reached
something new), findings/TARGET (inputs that crash, leak or hang) and logs/TARGET. Prints one line a target:

    fuzz: TARGET: executions, a second, coverage (edges, features), corpus, findings

Exit status 1 when a target found something or could not run.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
AT_ONCE = 2
# Longer inputs only make each run slower.
LENGTH_MAX = {"config": 2048, "framer": 256, "glob": 128, "http": 2048, "journal": 512, "template": 256, "units": 40}
# The server's threads allocate while the client looks: what they hold is no leak of the input. And it closes a connection
# that has been idle for 10 s, which is no slow input.
OPTIONS = {"http": ["-detect_leaks=0", "-report_slow_units=30"]}


def environment():
    variables = dict(os.environ)
    symbolizer = shutil.which("llvm-symbolizer-19") or shutil.which("llvm-symbolizer")
    if symbolizer:
        variables["ASAN_SYMBOLIZER_PATH"] = str(Path(symbolizer).resolve())
    if Path("/dev/shm").is_dir():
        variables["TMPDIR"] = "/dev/shm"  # the loader reads files: four times as fast as on a disk
    return variables


def fuzz(build, target, seconds):
    """Runs it to the end: its exit status, and the findings that were not there before."""
    corpus, findings, logs = (build / name / target for name in ("corpus", "findings", "logs"))
    for folder in (corpus, findings, logs.parent):
        folder.mkdir(parents=True, exist_ok=True)
    known = set(findings.iterdir())
    dictionary = HERE / "dictionaries" / f"{target}.dict"
    command = [build / "tests/fuzz" / f"{target}_fuzz", corpus, HERE / "corpus" / target,
               f"-max_total_time={seconds}", f"-max_len={LENGTH_MAX[target]}", "-timeout=60", "-print_final_stats=1",
               f"-artifact_prefix={findings}/", *OPTIONS.get(target, [])]
    if dictionary.exists():
        command.append(f"-dict={dictionary}")
    with open(logs, "wb") as log:
        done = subprocess.run(command, cwd=build, env=environment(), stdin=subprocess.DEVNULL, stdout=log,
                              stderr=subprocess.STDOUT, check=False)
    return done.returncode, sorted(set(findings.iterdir()) - known)


def last(pattern, text):
    found = re.findall(pattern, text, re.MULTILINE)
    return int(found[-1]) if found else 0


def summary(build, target, status, findings):
    log = (build / "logs" / target).read_text(encoding="utf-8", errors="replace")
    line = (f"fuzz: {target}: {last(r'^stat::number_of_executed_units: +([0-9]+)', log):,} executions, "
            f"{last(r'^stat::average_exec_per_sec: +([0-9]+)', log):,}/s, cov {last(r'cov: ([0-9]+)', log):,}, "
            f"ft {last(r'ft: ([0-9]+)', log):,}, corpus {last(r'corp: ([0-9]+)', log):,}, {len(findings)} findings")
    if status != 0:
        line += f", exit status {status}: {build / 'logs' / target}"
    for path in findings:
        line += f"\n  {build / 'tests/fuzz' / target}_fuzz {path}"
    return line


def main():
    parser = argparse.ArgumentParser(description="runs the fuzz targets")
    parser.add_argument("--build", type=Path, default=ROOT / "build/fuzz")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("filter", nargs="?", default=".")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    targets = [target for target in sorted(LENGTH_MAX) if re.search(arguments.filter, target)]
    if not targets:
        parser.error(f"no target matches {arguments.filter}; there are {', '.join(sorted(LENGTH_MAX))}")
    print(f"fuzz: {', '.join(targets)}: {arguments.seconds} s each, {AT_ONCE} at a time; {build}/logs", flush=True)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda target: fuzz(build, target, arguments.seconds), targets))
    for target, (status, findings) in zip(targets, results):
        print(summary(build, target, status, findings))
    return 1 if any(status != 0 or findings for status, findings in results) else 0


if __name__ == "__main__":
    sys.exit(main())
