"""One log, a record a line, into one partition of a real broker; beside it librdkafka fed by a bare program."""

import os
import subprocess

from harness import machine, median
from kafka import Kafka

about = "the generated 1 GiB log, ABAB: `tailrace run --once` and the bare program, each on a fresh topic"


def bare(bench, kafka, topic, file):
    a = bench.arguments
    settings = [f"compression.codec={a.compression}", f"enable.idempotence={str(a.idempotence).lower()}"]
    if a.compression == "none":
        settings.append("compression.level=-1")
    if not a.idempotence:
        settings.append("max.in.flight.requests.per.connection=1")
    return bench.measure([bench.program("bare_kafka"), file, kafka.bootstrap, topic, *settings])


def run(bench):
    a = bench.arguments
    log = str(bench.directory / "access.log")
    lines = bench.access_log(log, a.size)
    size = os.path.getsize(log)
    print(f"{size / 2**20:.0f} MiB, {lines:,} lines, one partition, {a.compression}, idempotence {a.idempotence}; {machine()}",
          flush=True)
    read = subprocess.run([bench.program("bare_read"), log], check=True, capture_output=True, text=True).stdout
    print("  bare_read (page cache):", read.strip(), flush=True)
    pairs = []
    with Kafka(partitions=1) as kafka:
        bare(bench, kafka, bench.fresh_topic(), log)  # the broker's own compiler warms up on this one
        for number in range(1, a.pairs + 1):
            ours = bench.once(log, bench.kafka_sink(kafka, bench.fresh_topic()))
            limit = bare(bench, kafka, bench.fresh_topic(), log)
            pairs.append({"tailrace": ours, "bare": limit})
            print(f"  pair {number}: " + ", ".join(
                f"{name} {size / figures['seconds'] / 1e6:.0f} MB/s {figures['cpu_seconds'] * 2**30 / size:.2f} CPU-s/GiB "
                f"{figures['rss_kib'] // 1024} MiB" for name, figures in pairs[-1].items()), flush=True)

    result = {
        "throughput_ratio": median(pairs, lambda p: p["bare"]["seconds"] / p["tailrace"]["seconds"]),
        "cpu_ratio": median(pairs, lambda p: p["tailrace"]["cpu_seconds"] / p["bare"]["cpu_seconds"]),
        "tailrace_mb_per_second": median(pairs, lambda p: size / p["tailrace"]["seconds"] / 1e6),
        "bare_mb_per_second": median(pairs, lambda p: size / p["bare"]["seconds"] / 1e6),
        "tailrace_rss_mib": median(pairs, lambda p: p["tailrace"]["rss_kib"] / 1024),
        "bare_rss_mib": median(pairs, lambda p: p["bare"]["rss_kib"] / 1024),
    }
    print(f"tailrace / bare, medians of {len(pairs)} pairs: throughput {result['throughput_ratio']:.3f}, "
          f"CPU {result['cpu_ratio']:.3f}")
    print(f"tailrace {result['tailrace_mb_per_second']:.0f} MB/s, {result['tailrace_rss_mib']:.0f} MiB resident; "
          f"bare {result['bare_mb_per_second']:.0f} MB/s, {result['bare_rss_mib']:.0f} MiB")
    return result | {"bytes": size, "lines": lines, "pairs": pairs}
