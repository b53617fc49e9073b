#!/usr/bin/env python3
"""The test sim.trace: a seed takes the same course in two runs, and in all builds of these sources.

    trace.py WORLD COMPILER SEEDS SHARED

Runs `WORLD --trace SEEDS` twice and compares. What it gave is kept in SHARED, a folder that all builds of a tree have in
common, under a hash of the sources: so the builds of GCC, of clang and with sanitizers are compared with each other
wherever more than one of them runs the test, and nobody has to keep an expected value in step. `make sanitize` runs it in
a build of clang.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("agent", "base", "buffer", "config", "sinks", "tailers", "tests/sim")


def source_hash():
    total = hashlib.sha256()
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".cc"):
                total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:16]


def main():
    world, compiler, seeds, shared = sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4])
    runs = [subprocess.run([world, "--trace", seeds], capture_output=True, text=True, check=True).stdout.strip()
            for _ in range(2)]
    print(f"{compiler}: {runs[0]} {runs[1]}")
    if runs[0] != runs[1]:
        sys.exit("sim.trace: two runs of the same seeds took different courses")
    kept = shared / f"{source_hash()}-{seeds}"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / compiler).write_text(runs[0], encoding="utf-8")
    others = {path.name: path.read_text(encoding="utf-8") for path in sorted(kept.iterdir())}
    for other, trace in others.items():
        print(f"{other}: {trace}")
    if len(set(others.values())) > 1:
        sys.exit("sim.trace: the same seeds took different courses in different builds; something depends on the order "
                 "of addresses, of a hash table, or of arguments")


if __name__ == "__main__":
    main()
