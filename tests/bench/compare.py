"""What waiting costs: engine, fsync, acks and compression side by side.

Cold files are dropped from the page cache by posix_fadvise(POSIX_FADV_DONTNEED) before each run; directories and inodes stay
cached. Engines read into the null sink, since a broker would hide them; growing files and the other settings go to Kafka.
Each round runs all values of a setting in turn; what is compared is the median of the ratios within a round.
"""

import os
import statistics
import time

import idle
import latency
from harness import machine, table
from kafka import Kafka

about = "engine (warm, cold 4 and 64 KiB, 1,000 growing files), fsync, acks, compression: throughput, CPU, calls, latency"
ENGINES = ("sync", "threads", "io_uring")
HEAD = ("", "MB/s", "CPU-s/GiB", "x first", "calls/MiB", "p50 ms", "p99 ms")


def drop(paths):
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def dashes(value, form):
    return "-" if value is None else form.format(value)


def report(title, sides, size, rounds, calls, waits):
    """Prints one setting's table; `sides` in order, the first is what the others are compared with."""
    rows, result = [], {}
    for name in sides:
        seconds = statistics.median(r[name]["seconds"] for r in rounds)
        cpu = statistics.median(r[name]["cpu_seconds"] for r in rounds)
        ratio = statistics.median(r[sides[0]]["seconds"] / r[name]["seconds"] for r in rounds)
        wait = waits.get(name)
        result[name] = {"mb_per_second": size / seconds / 1e6, "cpu_seconds_a_gib": cpu * 2**30 / size, "times_first": ratio,
                        "calls_a_mib": calls.get(name), "latency_ms": wait}
        rows.append((name, f"{size / seconds / 1e6:.0f}", f"{cpu * 2**30 / size:.2f}", f"{ratio:.2f}",
                     dashes(calls.get(name), "{:.0f}"), dashes(wait and wait["p50"], "{:.1f}"),
                     dashes(wait and wait["p99"], "{:.1f}")))
    print(f"{title}:", flush=True)
    table(HEAD, rows)
    return result


def read_by_engines(bench, title, include, paths, is_cold):
    size = sum(os.path.getsize(path) for path in paths)
    rounds = []
    sides = (*ENGINES, "bare_read", "bare_uring") if is_cold else ENGINES
    bench.warm = [] if is_cold else paths
    for _ in range(bench.arguments.pairs):
        figures = {}
        for side in sides:
            if is_cold:
                drop(paths)
            figures[side] = (bench.measure([bench.program(side), *paths]) if side not in ENGINES else
                             bench.once(include, {"type": "null"}, agent={"engine": side}))
        rounds.append(figures)
    calls = {}
    for engine in ENGINES:
        drop(paths if is_cold else [])
        counts = bench.system_calls(include, {"type": "null"}, agent={"engine": engine})
        calls[engine] = sum(counts.values()) * 2**20 / size
    return report(title, sides, size, rounds, calls, {})


def cold(bench, count, size):
    directory = bench.fresh_directory()
    paths = [str(directory / f"{i:05}.log") for i in range(count)]
    for i, path in enumerate(paths):
        bench.access_log(path, size, i * 100_000)
    os.sync()
    return read_by_engines(bench, f"engine, {count:,} cold files of {size}", f"{directory}/*.log", paths, True)


def growing(bench, kafka):
    """1,000 files, a line a second each: what the agent takes while it keeps up."""
    print("engine, 1,000 files that grow by a line a second each, into Kafka:", flush=True)
    rows, result = [], {}
    for engine in ENGINES:
        logs, topic = bench.fresh_directory(), bench.fresh_topic()
        config = bench.config(f"{logs}/*.log", bench.kafka_sink(kafka, topic), agent={"engine": engine})
        agent = bench.start([bench.program("tailrace"), "run", "-c", str(config)])
        began, cpu = time.monotonic(), idle.cpu_ns(agent.pid)
        figures = latency.latencies(bench, kafka, topic, f"{logs}/g", files=1000, lines=15_000, interval_us=1000)
        share = (idle.cpu_ns(agent.pid) - cpu) / 1e7 / (time.monotonic() - began)
        bench.stop(agent)
        wait = figures["consumed"]
        result[engine] = {"cpu_percent": share, "latency_ms": wait}
        rows.append((engine, f"{share:.1f}", f"{wait['p50']:.1f}", f"{wait['p99']:.1f}"))
    table(("", "% of a core", "p50 ms", "p99 ms"), rows)
    return result


def through_kafka(bench, kafka, title, settings, log):
    """`settings`: {name: {"sink": keys, "extra": config text}}."""
    size = os.path.getsize(log)
    bench.warm = [log]
    rounds = [{name: bench.once(log, bench.kafka_sink(kafka, bench.fresh_topic(), **one.get("sink", {})),
                                extra=one.get("extra", "")) for name, one in settings.items()}
              for _ in range(bench.arguments.pairs)]
    calls, waits = {}, {}
    for name, one in settings.items():
        sink, extra = one.get("sink", {}), one.get("extra", "")
        counts = bench.system_calls(log, bench.kafka_sink(kafka, bench.fresh_topic(), **sink), extra=extra)
        calls[name] = sum(counts.values()) * 2**20 / size
        waits[name] = latency.ours(bench, kafka, sink, extra=extra)["consumed"]
    return report(title, list(settings), size, rounds, calls, waits)


def settings_through_kafka(bench, kafka, log):
    # leader and none need idempotence = false; all is shown with it, too, so that acks alone is compared.
    compared = {
        "fsync": {mode: {"extra": f'[checkpoint]\nfsync = "{mode}"'} for mode in ("sync", "async", "off")},
        "acks, idempotence = false": {mode: {"sink": {"acks": mode, "idempotence": False}} for mode in ("all", "leader", "none")},
        "compression": {mode: {"sink": {"compression": mode}} for mode in ("none", "lz4", "zstd")},
    }
    return {title: through_kafka(bench, kafka, title, settings, log) for title, settings in compared.items()
            if bench.arguments.only in title}


def run(bench):
    a = bench.arguments
    print(f"{a.size} log, {a.pairs} rounds; {machine()}", flush=True)
    log = str(bench.directory / "access.log")
    bench.access_log(log, a.size)
    cases = {"engine warm": lambda: read_by_engines(bench, "engine, one warm file", log, [log], False),
             "engine cold 4KiB": lambda: cold(bench, a.files, "4KiB"),
             "engine cold 64KiB": lambda: cold(bench, a.files, "64KiB")}
    result = {name: case() for name, case in cases.items() if a.only in name}
    with Kafka(partitions=1) as kafka:
        latency.latencies(bench, kafka, bench.fresh_topic(), lines=200)  # the broker warms up
        if a.only in "engine growing":
            result["engine growing"] = growing(bench, kafka)
        result |= settings_through_kafka(bench, kafka, log)
    return {"compared": result}
