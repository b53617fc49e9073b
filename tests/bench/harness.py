"""What every benchmark stands on: the machine's name, programs measured, a config written, pairs interleaved, a table.

A benchmark is a module with `about` (a line for --help), maybe `arguments(parser)`, and `run(bench)`, which returns what
goes into its JSON. It measures its limit in the same run and compares pair by pair: the machine's mood then falls on both.
"""

import os
import platform
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from kafka import ROOT

SPACING = 100_000  # of many files, file i holds the line numbers from i * SPACING on


def machine():
    """What a figure is worth nothing without."""
    cpu = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return f"{os.cpu_count()} x {cpu}, {memory} MiB, {platform.system()} {platform.release()}"


def median(pairs, value):
    return statistics.median(value(pair) for pair in pairs)


def table(head, rows):
    """Columns as wide as they must be: the first to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        cells = [cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths))]
        print("  " + "  ".join(cells).rstrip(), flush=True)


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(toml(one) for one in value) + "]"
    return str(value) if isinstance(value, int) else f'"{value}"'


class Bench:
    """One run of one benchmark, with a directory that is gone after it."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.build = Path(arguments.build).resolve()
        self.directory = Path(tempfile.mkdtemp(prefix="tailrace-bench-", dir=arguments.directory))
        self.topics = 0
        self.running = []
        self.warm = []  # files that every run finds in the page cache: the agent lets go of a backlog that it has read

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.running:
            child.kill()
            child.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def program(self, name):
        return str(self.build / name if name == "tailrace" else self.build / "tests/bench" / name)

    def fresh_topic(self):
        self.topics += 1
        return f"bench-{self.topics}"

    def fresh_directory(self):
        return Path(tempfile.mkdtemp(prefix="logs-", dir=self.directory))

    def access_log(self, path, size, first_line=0):
        """Writes generated lines; returns how many."""
        done = subprocess.run([self.program("access_log"), path, str(size), "1", str(first_line)], check=True,
                              capture_output=True, text=True)
        return int(done.stdout)

    def measure(self, command, open_files=None, environment=None):
        """Runs it; the whole process's seconds, CPU and largest resident memory."""
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

        if self.warm:
            subprocess.run([self.program("bare_read"), *self.warm], check=True, stdout=subprocess.DEVNULL)
        log = self.directory / "last.log"
        with open(log, "wb") as out:
            began = time.monotonic()
            # Without a preexec_fn it is vfork: a fork of this interpreter would be measured, too.
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                     env=os.environ | (environment or {}), preexec_fn=limit if open_files else None)
            _, status, used = os.wait4(child.pid, 0)
            seconds = time.monotonic() - began
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"bench: {' '.join(command)} ended with {child.returncode}:\n" + log.read_text()[-3000:])
        return {"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "rss_kib": used.ru_maxrss}

    def output(self, command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
        return done.stdout

    def start(self, command):
        """In the background; `stop` ends it, and the end of the benchmark does."""
        with open(self.directory / f"background-{len(self.running)}.log", "wb") as log:
            self.running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        return self.running[-1]

    def stop(self, child):
        child.send_signal(signal.SIGTERM)
        child.wait()
        self.running.remove(child)

    def metric(self, config, begins):
        """The sum of the series of a running agent (http = "127.0.0.1:0") that have all parts of `begins`, split at `{`."""
        address = (config.parent / "state" / "http.addr").read_text(encoding="utf-8").strip()
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        name, _, label = begins.partition("{")
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if re.match(re.escape(name) + r"[{ ]", line) and label in line)

    def system_calls(self, include, sink, **settings):
        """{name: count} of a `run --once` under strace, which slows it: no figure of time comes from this run."""
        config = self.config(include, sink, **settings)
        report = config.parent / "strace"
        self.output(["strace", "-f", "-c", "-o", str(report), self.program("tailrace"), "run", "--once", "-c", str(config)])
        counts = {}
        for line in report.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
                counts[words[-1]] = int(words[3])
        return counts

    def interleaved(self, sides):
        """[(name, function)] -> pairs {name: figures}, ABAB, printing nothing."""
        return [{name: side() for name, side in sides} for _ in range(self.arguments.pairs)]

    def config(self, include, sink, agent=None, http="", extra=""):
        """Writes a config with a fresh state_dir; returns its path. `sink` holds the sink's keys."""
        state = Path(tempfile.mkdtemp(prefix="state-", dir=self.directory))
        agent = {"name": "bench", "state_dir": str(state / "state"), "engine": self.arguments.engine} | (agent or {})
        lines = ["[agent]", *(f"{key} = {toml(value)}" for key, value in agent.items()),
                 "[http]", f"listen = {toml(http)}",
                 "[tailers.bench]", f"include = {toml([include])}",
                 "[sinks.out]", *(f"{key} = {toml(value)}" for key, value in sink.items()), extra]
        path = state / "tailrace.toml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def kafka_sink(self, kafka, topic, **keys):
        return {"type": "kafka", "brokers": [kafka.bootstrap], "topic": topic, "compression": self.arguments.compression,
                "idempotence": self.arguments.idempotence} | keys

    def once(self, include, sink, open_files=None, **settings):
        """`tailrace run --once` from a fresh state_dir, measured."""
        config = self.config(include, sink, **settings)
        figures = self.measure([self.program("tailrace"), "run", "--once", "-c", str(config)], open_files)
        shutil.rmtree(config.parent)
        return figures

    def check(self, kafka, topic, partitions, lines, spacing=None):
        """Reads the topic back and compares it with what the generator makes."""
        command = [self.program("check_topic"), kafka.bootstrap, topic, str(partitions), str(lines), "1"]
        done = subprocess.run(command + ([str(spacing)] if spacing else []), capture_output=True, text=True, check=False)
        print("  read back:", done.stdout.strip()[-1000:], flush=True)
        if done.returncode != 0:
            sys.exit("bench: what was read back is not what was shipped")


__all__ = ["Bench", "ROOT", "SPACING", "machine", "median", "table"]
