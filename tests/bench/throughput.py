"""A record a line into a real broker, beside librdkafka fed by a bare program: one log, and many files to partitions."""

import itertools
import os
from pathlib import Path

from harness import SPACING, machine, median, table
from kafka import Kafka

about = "`tailrace run --once` and the bare program, ABAB, each on a fresh topic: 8 cases, --only TEXT picks some"

FILE_BYTES = 512 * 1024
PARTITIONS = 12
# Blocks in hand: with fewer either is slower, with more none is faster. A block of the many is one file.
HAND = {"one log": 4, "many files": 16}


def bare(bench, kafka, path, layout, compression, idempotence):
    settings = [f"compression.codec={compression}", f"enable.idempotence={str(idempotence).lower()}",
                f"hand={HAND[layout]}", f"partitions={kafka.partitions}"]
    if not idempotence:
        settings.append("max.in.flight.requests.per.connection=1")
    return bench.measure([bench.program("bare_kafka"), path, kafka.bootstrap, bench.fresh_topic(), *settings])


def ours(bench, kafka, path, compression, idempotence):
    include = os.path.join(path, "*.log") if os.path.isdir(path) else path
    return bench.once(include, bench.kafka_sink(kafka, bench.fresh_topic(), compression=compression, idempotence=idempotence))


def case(bench, kafka, path, size, layout, compression, idempotence):
    pairs = bench.interleaved([("tailrace", lambda: ours(bench, kafka, path, compression, idempotence)),
                               ("bare", lambda: bare(bench, kafka, path, layout, compression, idempotence))])
    result = {"throughput_ratio": median(pairs, lambda p: p["bare"]["seconds"] / p["tailrace"]["seconds"]),
              "cpu_ratio": median(pairs, lambda p: p["tailrace"]["cpu_seconds"] / p["bare"]["cpu_seconds"])}
    for name in ("tailrace", "bare"):
        result[name] = {"mb_per_second": median(pairs, lambda p: size / p[name]["seconds"] / 1e6),
                        "cpu_seconds_per_gib": median(pairs, lambda p: p[name]["cpu_seconds"] * 2**30 / size),
                        "rss_mib": median(pairs, lambda p: p[name]["rss_kib"] / 1024)}
    return result | {"pairs": pairs}


def row(name, result):
    cells = [name]
    for side in ("tailrace", "bare"):
        figures = result[side]
        cells += [f"{figures['mb_per_second']:.0f}", f"{figures['cpu_seconds_per_gib']:.2f}", f"{figures['rss_mib']:.0f}"]
    return [*cells, f"{result['throughput_ratio']:.3f}", f"{result['cpu_ratio']:.3f}"]


def generate(bench, layout):
    """Path, bytes and lines of what is shipped."""
    path = str(bench.directory / layout.replace(" ", "-"))
    if layout == "one log":
        lines = bench.access_log(path, bench.arguments.size)
        return path, os.path.getsize(path), lines
    os.mkdir(path)
    files = [os.path.join(path, f"{i:05}.log") for i in range(bench.arguments.files)]
    lines = sum(bench.access_log(file, FILE_BYTES, i * SPACING) for i, file in enumerate(files))
    return path, sum(os.path.getsize(file) for file in files), lines


def run(bench):
    rows, results = [], {}
    print(f"medians of {bench.arguments.pairs} pairs; {machine()}", flush=True)
    for layout, partitions in (("one log", 1), ("many files", PARTITIONS)):
        cases = [(f"{layout}, {compression}, {'idempotent' if idempotence else 'one in flight'}", compression, idempotence)
                 for compression, idempotence in itertools.product(("zstd", "lz4"), (True, False))]
        cases = [one for one in cases if bench.arguments.only in one[0]]
        if not cases:
            continue
        path, size, lines = generate(bench, layout)
        bench.warm = [str(file) for file in Path(path).iterdir()] if os.path.isdir(path) else [path]
        print(f"{layout}: {size / 2**20:.0f} MiB, {lines:,} lines, {partitions} partition(s)", flush=True)
        with Kafka(partitions=partitions) as kafka:
            bare(bench, kafka, path, layout, "zstd", True)  # the broker's own compiler warms up on this one
            for name, compression, idempotence in cases:
                result = case(bench, kafka, path, size, layout, compression, idempotence)
                rows.append(row(name, result))
                results[name] = result | {"bytes": size, "lines": lines}
                print("  " + "  ".join(rows[-1]), flush=True)
    table(("", "MB/s", "CPU-s/GiB", "RSS MiB", "bare MB/s", "CPU-s/GiB", "RSS MiB", "throughput", "CPU"), rows)
    return {"cases": results}
