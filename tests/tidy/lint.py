#!/usr/bin/env python3
"""`make lint` and `make fmt`.

    lint.py [--build DIR] [-j N] [STEP...]     runs the steps, all when none is named: format clang-tidy tidy headers
                                               shellcheck; prints `lint: STEP ok|FAILED` for each
    lint.py fmt                                formats the tree

clang-tidy is asked only about what changed: a file that passed is remembered by the hash of its text, of the headers of
ours that it includes, of the settings, its compile command and clang-tidy's version (BUILD/tidy-cache).
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("base", "config", "buffer", "tailers", "sinks", "agent")
FOLDERS = PRODUCT + ("tests",)


def program(name):
    """clang-format-19 where it is called so, clang-format otherwise."""
    found = shutil.which(f"{name}-19") or shutil.which(name)
    if found is None:
        sys.exit(f"lint: {name} is missing; run packaging/install-deps.sh lint")
    return found


def sources(*suffixes):
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in suffixes)


def run(command):
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def format_step(_):
    return run([program("clang-format"), "--dry-run", "-Werror", *map(str, sources(".h", ".cc"))])


def tidy_step(arguments):
    commands = ROOT / arguments.build / "compile_commands.json"
    return run([sys.executable, "tests/tidy/tidy_test.py"]) and run(
        [sys.executable, "tests/tidy/tidy.py", ".", str(commands)])


def headers_step(arguments):
    return run(["cmake", "--build", arguments.build, "-j", str(arguments.jobs), "--target", "headers"])


def shellcheck_step(_):
    scripts = [path for folder in FOLDERS + ("packaging", ".ci") for path in (ROOT / folder).rglob("*")
               if path.is_file() and path.suffix in ("", ".sh")
               and re.match(rb"#!/bin/(?:ba)?sh|#!/usr/bin/env (?:ba)?sh", path.read_bytes()[:40])]
    return run(["shellcheck", *map(str, sorted(scripts))])


class Cache:
    """Which files passed, each as an empty file named after all that its verdict depends on."""

    def __init__(self, folder, tidy):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.common = (ROOT / ".clang-tidy").read_bytes() + subprocess.run(
            [tidy, "--version"], capture_output=True, check=True).stdout
        self.texts = {}

    def text(self, path):
        if path not in self.texts:
            self.texts[path] = path.read_bytes()
        return self.texts[path]

    def closure(self, path):
        """The file and every header of ours that it includes, directly or not."""
        seen, waiting = set(), [path]
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            for name in re.findall(rb'^#include "([^"]+)"', self.text(current), re.MULTILINE):
                for base in (ROOT, ROOT / "tests", current.parent):
                    header = base / name.decode()
                    if header.exists():
                        waiting.append(header)
                        break
        return sorted(seen)

    def mark(self, path, command):
        digest = hashlib.sha256(self.common + command.encode())
        for part in self.closure(path):
            digest.update(str(part.relative_to(ROOT)).encode() + b"\0" + self.text(part))
        return self.folder / digest.hexdigest()


def clang_tidy_step(arguments):
    tidy = program("clang-tidy")
    build = ROOT / arguments.build
    cache = Cache(build / "tidy-cache", tidy)
    with open(build / "compile_commands.json", encoding="utf-8") as file:
        entries = {Path(entry["directory"], entry["file"]).resolve(): entry["command"] for entry in json.load(file)}
    waiting = []
    for path, command in sorted(entries.items()):
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PRODUCT:
            mark = cache.mark(path, command)
            if not mark.exists():
                waiting.append((path, mark))
    print(f"clang-tidy: {len(waiting)} files to look at", flush=True)

    def look(item):
        path, mark = item
        done = subprocess.run([tidy, "-p", str(build), "--quiet", "-warnings-as-errors=*",
                               "--extra-arg=-Wno-unknown-warning-option", str(path)],
                              cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            mark.touch()
        return path, done

    findings = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for finished in concurrent.futures.as_completed([pool.submit(look, item) for item in waiting]):
            path, done = finished.result()
            if done.returncode != 0:
                findings += 1
                print(f"-- {path.relative_to(ROOT)}\n{done.stdout}{'' if done.stdout else done.stderr}", flush=True)
    print(f"clang-tidy: {findings} files with findings", flush=True)
    return findings == 0


STEPS = {"format": format_step, "shellcheck": shellcheck_step, "tidy": tidy_step, "headers": headers_step,
         "clang-tidy": clang_tidy_step}


def main():
    parser = argparse.ArgumentParser(description="the checks of `make lint`")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("steps", nargs="*", metavar="STEP")
    arguments = parser.parse_args()
    if arguments.steps == ["fmt"]:
        return 0 if run([program("clang-format"), "-i", *map(str, sources(".h", ".cc"))]) else 1
    unknown = [step for step in arguments.steps if step not in STEPS]
    if unknown:
        parser.error(f"no step {unknown[0]}; there are {', '.join(STEPS)}")
    passed = True
    for name in arguments.steps or STEPS:
        began = time.monotonic()
        ok = STEPS[name](arguments)
        passed = passed and ok
        print(f"lint: {name} {'ok' if ok else 'FAILED'} ({time.monotonic() - began:.0f} s)", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
