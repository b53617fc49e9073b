"""Quiet files for a minute: what waiting costs, beside a librdkafka producer that has nothing to do."""

import os
import time
from pathlib import Path

from harness import machine, table
from kafka import Kafka

about = "1,000 quiet files for 60 s: CPU beside a bare idle librdkafka producer's, resident memory"


def cpu_ns(pid):
    """By schedstat, over all threads: exact where rusage counts ticks."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total


def rss_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def run(bench):
    a = bench.arguments
    logs = bench.directory / "logs"
    logs.mkdir()
    for i in range(1000):
        bench.access_log(str(logs / f"{i:04}.log"), 4096, i * 100_000)
    print(f"1,000 files of 4 KiB, quiet for {a.seconds} s, engine {a.engine}; {machine()}", flush=True)
    with Kafka(partitions=1) as kafka:
        topic = bench.fresh_topic()
        config = bench.config(str(logs / "*.log"), bench.kafka_sink(kafka, topic))
        agent = bench.start([bench.program("tailrace"), "run", "-c", str(config)])
        # One line and then nothing: the producer is connected, idempotent, and has sent.
        bare = bench.start([bench.program("line_latency"), kafka.bootstrap, bench.fresh_topic(), "hold=1"])
        time.sleep(15)
        before = {"tailrace": cpu_ns(agent.pid), "bare": cpu_ns(bare.pid)}
        time.sleep(a.seconds)
        cpu = {"tailrace": cpu_ns(agent.pid) - before["tailrace"], "bare": cpu_ns(bare.pid) - before["bare"]}
        rss = {"tailrace": rss_kib(agent.pid), "bare": rss_kib(bare.pid)}
        bench.stop(agent)
        bench.stop(bare)
    percent = {name: ns / a.seconds / 1e9 * 100 for name, ns in cpu.items()}
    table(("", "% of a core", "RSS MiB"),
          [(name, f"{percent[name]:.3f}", f"{rss[name] / 1024:.1f}") for name in ("tailrace", "bare")])
    difference = percent["tailrace"] - percent["bare"]
    print(f"tailrace - bare: {difference:.3f} % of a core")
    return {"percent": percent, "difference_percent": difference, "rss_kib": rss, "seconds": a.seconds}
