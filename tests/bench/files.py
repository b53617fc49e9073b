"""Many files, few descriptors, many partitions; every file compared."""

from harness import SPACING, machine
from kafka import Kafka

about = "2,000 files of 512 KiB into 12 partitions under ulimit -n 1024, every file compared"


def run(bench):
    logs = bench.directory / "logs"
    logs.mkdir()
    count, partitions = bench.arguments.files, 12
    lines = sum(bench.access_log(str(logs / f"{i:05}.log"), "512KiB", i * SPACING) for i in range(count))
    print(f"{count} files of 512 KiB, {lines:,} lines, {partitions} partitions, ulimit -n 1024; {machine()}", flush=True)
    with Kafka(partitions=partitions) as kafka:
        topic = bench.fresh_topic()
        figures = bench.once(str(logs / "*.log"), bench.kafka_sink(kafka, topic), open_files=1024)
        print(f"  shipped in {figures['seconds']:.1f} s, {figures['cpu_seconds']:.1f} CPU-s, "
              f"{figures['rss_kib'] // 1024} MiB resident", flush=True)
        bench.check(kafka, topic, partitions, lines, SPACING)
    return figures | {"lines": lines, "files": count}
