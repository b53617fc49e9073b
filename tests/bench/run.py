#!/usr/bin/env python3
"""`make bench [B=name]`: figures, each beside a limit that is measured in the same run.

    run.py throughput    the generated 1 GiB log, ABAB: `tailrace run --once` and the bare program, each on a fresh topic
    run.py once          the 1 GiB log into one partition, read back and compared byte for byte
    run.py files         2,000 files of 512 KiB into 12 partitions under ulimit -n 1024, every file compared

Figures go to stdout, all of them as JSON to BUILD/bench/NAME.json. Ratios hold better than absolutes.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
from kafka import ROOT, Kafka  # noqa: E402

SPACING = 100_000  # file i of `files` holds the line numbers from i * SPACING on


def machine():
    """What a figure is worth nothing without."""
    cpu = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return f"{os.cpu_count()} x {cpu}, {memory} MiB, {platform.system()} {platform.release()}"


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.build = Path(arguments.build).resolve()
        self.directory = Path(tempfile.mkdtemp(prefix="tailrace-bench-", dir=arguments.directory))
        self.topics = 0

    def program(self, name):
        return str(self.build / name if name == "tailrace" else self.build / "tests/bench" / name)

    def fresh_topic(self):
        self.topics += 1
        return f"bench-{self.topics}"

    def access_log(self, path, size, first_line=0):
        done = subprocess.run([self.program("access_log"), path, size, "1", str(first_line)], check=True,
                              capture_output=True, text=True)
        return int(done.stdout)

    def measure(self, command, open_files=None):
        """Runs it; the whole process's seconds, CPU and largest resident memory."""
        def limit():
            if open_files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

        log = self.directory / "last.log"
        with open(log, "wb") as out:
            began = time.monotonic()
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=limit)
            _, status, used = os.wait4(child.pid, 0)
            seconds = time.monotonic() - began
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"bench: {' '.join(command)} ended with {child.returncode}:\n" + log.read_text()[-3000:])
        return {"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "rss_kib": used.ru_maxrss}

    def tailrace(self, kafka, topic, include, open_files=None):
        """`run --once` with a fresh state_dir."""
        state = tempfile.mkdtemp(prefix="state-", dir=self.directory)
        config = Path(state) / "tailrace.toml"
        a = self.arguments
        config.write_text(f"""[agent]
name = "bench"
state_dir = "{state}/state"
engine = "{a.engine}"
[http]
listen = ""
[tailers.bench]
include = ["{include}"]
[sinks.kafka]
type = "kafka"
brokers = ["{kafka.bootstrap}"]
topic = "{topic}"
compression = "{a.compression}"
idempotence = {"true" if a.idempotence else "false"}
""", encoding="utf-8")
        figures = self.measure([self.program("tailrace"), "run", "--once", "-c", str(config)], open_files)
        shutil.rmtree(state)
        return figures

    def bare(self, kafka, topic, file):
        a = self.arguments
        settings = [f"compression.codec={a.compression}", f"enable.idempotence={str(a.idempotence).lower()}"]
        if a.compression == "none":
            settings.append("compression.level=-1")
        if not a.idempotence:
            settings.append("max.in.flight.requests.per.connection=1")
        return self.measure([self.program("bare_kafka"), file, kafka.bootstrap, topic, *settings])

    def check(self, kafka, topic, partitions, lines, spacing=None):
        command = [self.program("check_topic"), kafka.bootstrap, topic, str(partitions), str(lines), "1"]
        done = subprocess.run(command + ([str(spacing)] if spacing else []), capture_output=True, text=True, check=False)
        print("  read back:", done.stdout.strip()[-1000:], flush=True)
        if done.returncode != 0:
            sys.exit("bench: what was read back is not what was shipped")

    def throughput(self):
        log = str(self.directory / "access.log")
        lines = self.access_log(log, self.arguments.size)
        size = os.path.getsize(log)
        print(f"{size / 2**20:.0f} MiB, {lines:,} lines, one partition, {self.arguments.compression}, "
              f"idempotence {self.arguments.idempotence}; {machine()}", flush=True)
        read = subprocess.run([self.program("bare_read"), log], check=True, capture_output=True, text=True).stdout
        print("  bare_read (page cache):", read.strip(), flush=True)
        pairs = []
        with Kafka(partitions=1) as kafka:
            self.bare(kafka, self.fresh_topic(), log)  # the broker's own compiler warms up on this one
            for number in range(1, self.arguments.pairs + 1):
                ours = self.tailrace(kafka, self.fresh_topic(), log)
                limit = self.bare(kafka, self.fresh_topic(), log)
                pairs.append({"tailrace": ours, "bare": limit})
                print(f"  pair {number}: " + ", ".join(
                    f"{name} {size / figures['seconds'] / 1e6:.0f} MB/s {figures['cpu_seconds'] * 2**30 / size:.2f} CPU-s/GiB "
                    f"{figures['rss_kib'] // 1024} MiB" for name, figures in pairs[-1].items()), flush=True)

        def median(value):
            return statistics.median(value(pair) for pair in pairs)

        result = {
            "throughput_ratio": median(lambda p: p["bare"]["seconds"] / p["tailrace"]["seconds"]),
            "cpu_ratio": median(lambda p: p["tailrace"]["cpu_seconds"] / p["bare"]["cpu_seconds"]),
            "tailrace_mb_per_second": median(lambda p: size / p["tailrace"]["seconds"] / 1e6),
            "bare_mb_per_second": median(lambda p: size / p["bare"]["seconds"] / 1e6),
            "tailrace_rss_mib": median(lambda p: p["tailrace"]["rss_kib"] / 1024),
            "bare_rss_mib": median(lambda p: p["bare"]["rss_kib"] / 1024),
        }
        print(f"tailrace / bare, medians of {len(pairs)} pairs: throughput {result['throughput_ratio']:.3f}, "
              f"CPU {result['cpu_ratio']:.3f}")
        print(f"tailrace {result['tailrace_mb_per_second']:.0f} MB/s, {result['tailrace_rss_mib']:.0f} MiB resident; "
              f"bare {result['bare_mb_per_second']:.0f} MB/s, {result['bare_rss_mib']:.0f} MiB")
        return result | {"bytes": size, "lines": lines, "pairs": pairs}

    def once(self):
        log = str(self.directory / "access.log")
        lines = self.access_log(log, self.arguments.size)
        print(f"{os.path.getsize(log) / 2**20:.0f} MiB, {lines:,} lines, one partition; {machine()}", flush=True)
        with Kafka(partitions=1) as kafka:
            topic = self.fresh_topic()
            figures = self.tailrace(kafka, topic, log)
            print(f"  shipped in {figures['seconds']:.1f} s, {figures['cpu_seconds']:.1f} CPU-s, "
                  f"{figures['rss_kib'] // 1024} MiB resident", flush=True)
            self.check(kafka, topic, 1, lines)
        return figures | {"lines": lines}

    def files(self):
        logs = self.directory / "logs"
        logs.mkdir()
        count, partitions = self.arguments.files, 12
        lines = sum(self.access_log(str(logs / f"{i:05}.log"), "512KiB", i * SPACING) for i in range(count))
        print(f"{count} files of 512 KiB, {lines:,} lines, {partitions} partitions, ulimit -n 1024; {machine()}", flush=True)
        with Kafka(partitions=partitions) as kafka:
            topic = self.fresh_topic()
            figures = self.tailrace(kafka, topic, str(logs / "*.log"), open_files=1024)
            print(f"  shipped in {figures['seconds']:.1f} s, {figures['cpu_seconds']:.1f} CPU-s, "
                  f"{figures['rss_kib'] // 1024} MiB resident", flush=True)
            self.check(kafka, topic, partitions, lines, SPACING)
        return figures | {"lines": lines, "files": count}

    def run(self):
        name = self.arguments.bench
        try:
            result = {"throughput": self.throughput, "once": self.once, "files": self.files}[name]()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)
        settings = {key: getattr(self.arguments, key) for key in ("compression", "idempotence", "engine")}
        report = {"bench": name, "machine": machine(), "settings": settings} | result
        target = self.build / "bench" / f"{name}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        print(f"all figures: {os.path.relpath(target, os.getcwd())}")


def main():
    parser = argparse.ArgumentParser(description="benchmarks beside their limit")
    parser.add_argument("bench", choices=("throughput", "once", "files"))
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    parser.add_argument("--directory", help="where logs are generated (default: the temporary directory)")
    parser.add_argument("--size", default="1GiB", help="of the generated log")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--compression", default="zstd", choices=("zstd", "lz4", "snappy", "gzip", "none"))
    parser.add_argument("--engine", default="auto", choices=("auto", "io_uring", "threads", "sync"))
    parser.add_argument("--no-idempotence", dest="idempotence", action="store_false")
    arguments = parser.parse_args()
    Bench(arguments).run()


if __name__ == "__main__":
    main()
