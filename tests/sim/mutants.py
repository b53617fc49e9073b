#!/usr/bin/env python3
"""`make sim-mutants`: is the simulation any good? Puts one deliberate bug at a time into a copy of the tree and counts the
seeds until a world breaks.

    mutants.py [--seeds N] [--except FILE] [--report FILE] [-j N] [NAME...]     all of mutants.json when none is named

A mutant is {"name", "file", "old", "new", "breaks"}: `old` stands exactly once in `file`, which is looked at for all of
them before anything is built. One that is known to be missed stays, with a sentence in "missed": why it does no harm, or
what finds it instead; it is no failure, and no more when it is found. Prints a line each; exit status 1 when another one
was not found or one was not to be built. With -j 1 (the default) the seed that is told is the first that breaks; with
more processes one of the first.

--report: a page of Markdown with what each took. Rows of mutants that were not run now stay as they are.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "build" / "mutants" / "tree"
BUILD = TREE / "build" / "release"  # as in the tree itself, so that ccache has most of it already
ENVIRONMENT = {**os.environ, "CCACHE_BASEDIR": str(TREE), "CCACHE_NOHASHDIR": "1"}
PART = 25  # seeds; they take a few seconds
HANGS_AFTER = 120


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=ENVIRONMENT,
                          **options)


def copy_tree():
    """Only what changed is written again, so that an earlier run's objects stay good."""
    names = run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT).stdout.splitlines()
    for name in names:
        source, target = ROOT / name, TREE / name
        if not source.is_file():
            continue
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def build(jobs):
    return run(["cmake", "--build", BUILD, "-j", str(jobs), "--target", "tailrace_world"])


def stale(mutants):
    """A line for each whose old text is not there exactly once."""
    for mutant in mutants:
        path = ROOT / mutant["file"]
        count = path.read_text(encoding="utf-8").count(mutant["old"]) if path.is_file() else 0
        if count != 1:
            yield f"{mutant['name']}: its old text is {count} times in {mutant['file']}"


def seeds_until_found(seeds, excepted, jobs):
    """The seed that broke and what it said; None when none did. In parts, so that one that hangs is noticed."""
    command = [BUILD / "tests/sim/tailrace_world", "--jobs", str(jobs), "--stop-after", "1", "--no-shrink"]
    command += ["--except", excepted] if excepted else []
    for first in range(1, seeds + 1, PART):
        part = ["--first", str(first), "--seeds", str(min(PART, seeds + 1 - first))]
        try:
            done = run(command + part, timeout=HANGS_AFTER)
        except subprocess.TimeoutExpired:
            return first, f"hangs, at this seed or one of the {PART - 1} after it"
        found = re.search(r"^seed (\d+): (.*)$", done.stdout, re.MULTILINE)
        if found:
            return int(found[1]), found[2]
    return None


def kept_rows(path):
    """The rows of an earlier report, by the mutant's name."""
    if path is None or not path.is_file():
        return {}
    rows = re.findall(r"^\| `([^`]+)` \|.*$", path.read_text(encoding="utf-8"), re.MULTILINE)
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return dict(zip(rows, lines))


def write_report(path, rows, order, seeds):
    lines = [row for name in order if (row := rows.get(name))]
    page = f"""# What the mutants took

Written by `make sim-mutants`, not by hand. A row: a deliberate bug (`tests/sim/mutants.json`), how many of {seeds} worlds it
took to find it, and what was said then; or why it is not found. The seeds are of the commit at which the row was made:
they move with the worlds.

| mutant | worlds | commit | what was said |
|---|---|---|---|
"""
    path.write_text(page + "\n".join(lines) + "\n", encoding="utf-8")


def row_of(name, worlds, said):
    commit = run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT).stdout.strip()
    return f"| `{name}` | {worlds} | {commit} | {said.replace('|', '/')} |"


def try_one(mutant, arguments):
    """(found after so many seeds or None, verdict, what was said)"""
    path = TREE / mutant["file"]
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(mutant["old"], mutant["new"]), encoding="utf-8")
    try:
        built = build(arguments.jobs)
        if built.returncode != 0:
            error = re.search(r"error: (.*)", built.stdout)
            return None, "UNBUILT", error[1] if error else "no error was found in the output"
        if found := seeds_until_found(arguments.seeds, arguments.excepted, arguments.jobs):
            return found[0], f"found after {found[0]} seeds", found[1]
        if "missed" in mutant:
            return None, "missed, as is known", mutant["missed"]
        return None, "MISSED", mutant["breaks"]
    finally:
        path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="counts the seeds that find each deliberate bug")
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--except", dest="excepted", metavar="FILE", type=Path, help="not these seeds, one a line")
    parser.add_argument("--report", metavar="FILE", type=Path, help="writes a page with what each took")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    mutants = json.loads((Path(__file__).parent / "mutants.json").read_text(encoding="utf-8"))
    order = [mutant["name"] for mutant in mutants]
    rows = kept_rows(arguments.report)
    unknown = set(arguments.names) - {mutant["name"] for mutant in mutants}
    if unknown:
        parser.error(f"no mutant {sorted(unknown)[0]}")
    mutants = [mutant for mutant in mutants if not arguments.names or mutant["name"] in arguments.names]
    if errors := list(stale(mutants)):
        sys.exit("\n".join(errors))
    copy_tree()
    run(["cmake", "--preset", "release"], cwd=TREE)
    built = build(arguments.jobs)
    if built.returncode != 0:
        sys.exit(f"mutants: the tree as it is does not build\n{built.stdout[-2000:]}")
    missed = 0
    for mutant in mutants:
        began = time.monotonic()
        seed, verdict, said = try_one(mutant, arguments)
        missed += verdict.isupper()
        print(f"{mutant['name']:42} {verdict:24} {said[:90]} ({time.monotonic() - began:.0f} s)", flush=True)
        if arguments.report is not None and verdict != "UNBUILT":
            rows[mutant["name"]] = row_of(mutant["name"], seed if seed is not None else "not found", said[:110])
            write_report(arguments.report, rows, order, arguments.seeds)
    print(f"mutants: {missed} not found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
