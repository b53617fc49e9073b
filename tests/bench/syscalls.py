"""System calls a MiB: two runs of different size under strace, so that starting and ending cancel out."""

from harness import machine, table
from kafka import Kafka

about = "system calls a MiB with each engine, into the null sink and into Kafka (strace -f -c, difference of two sizes)"
SMALL, LARGE = 16, 80  # MiB


def run(bench):
    print(f"calls a MiB of log, from runs of {SMALL} and {LARGE} MiB; {machine()}", flush=True)
    logs = {}
    for mib in (SMALL, LARGE):
        logs[mib] = str(bench.directory / f"{mib}.log")
        bench.access_log(logs[mib], f"{mib}MiB")
    result, rows = {}, []
    with Kafka(partitions=1) as kafka:
        for sink in ("null", "kafka"):
            for engine in ("io_uring", "threads", "sync"):
                counts = []
                for mib in (SMALL, LARGE):
                    keys = {"type": "null"} if sink == "null" else bench.kafka_sink(kafka, bench.fresh_topic())
                    counts.append(bench.system_calls(logs[mib], keys, agent={"engine": engine}))
                names = set(counts[0]) | set(counts[1])
                a_mib = {name: (counts[1].get(name, 0) - counts[0].get(name, 0)) / (LARGE - SMALL) for name in names}
                total = sum(a_mib.values())
                result[f"{sink} {engine}"] = {"total": total, "calls": a_mib}
                most = sorted(a_mib.items(), key=lambda item: -item[1])[:5]
                rows.append((f"{sink}, {engine}", f"{total:.1f}", ", ".join(f"{n} {c:.1f}" for n, c in most if c >= 0.05)))
    table(("sink, engine", "calls/MiB", "of them"), rows)
    return {"per_mib": result}
