"""One log shipped once and compared byte for byte with what the generator makes."""

import os

from harness import machine
from kafka import Kafka

about = "the 1 GiB log into one partition, read back and compared byte for byte"


def run(bench):
    log = str(bench.directory / "access.log")
    lines = bench.access_log(log, bench.arguments.size)
    print(f"{os.path.getsize(log) / 2**20:.0f} MiB, {lines:,} lines, one partition; {machine()}", flush=True)
    with Kafka(partitions=1) as kafka:
        topic = bench.fresh_topic()
        figures = bench.once(log, bench.kafka_sink(kafka, topic))
        print(f"  shipped in {figures['seconds']:.1f} s, {figures['cpu_seconds']:.1f} CPU-s, "
              f"{figures['rss_kib'] // 1024} MiB resident", flush=True)
        bench.check(kafka, topic, 1, lines)
    return figures | {"lines": lines}
