"""From written to consumed: a line in a quiet file, alone and beside a backlog; beside it a bare librdkafka producer.

One process writes and consumes, with one clock. A consumer has the line a moment after the broker acknowledged it, so what
tailrace is charged with is a little more than written to acknowledged. The bare producer is judged by its delivery reports.
"""

import json
import os
import time

from harness import machine, median, table
from kafka import Kafka

about = "1,000 lines in a quiet file, written to consumed, alone and beside a 4 GiB backlog; beside a bare producer"
PARTITIONS = 8


def latencies(bench, kafka, topic, file="", **options):
    """One run of line_latency: its JSON."""
    words = [f"{name.replace('__', '.')}={value}" for name, value in {"lines": bench.arguments.lines, **options}.items()]
    text = bench.output([bench.program("line_latency"), kafka.bootstrap, topic, f"file={file}", *words])
    return json.loads(text)


def ours(bench, kafka, sink=None, agent=None, extra="", **options):
    """A quiet file of a running agent."""
    logs = bench.fresh_directory()
    topic = bench.fresh_topic()
    config = bench.config(f"{logs}/*.log", bench.kafka_sink(kafka, topic, **(sink or {})), agent=agent, extra=extra)
    running = bench.start([bench.program("tailrace"), "run", "-c", str(config)])
    try:
        return latencies(bench, kafka, topic, f"{logs}/quiet-", **options)
    finally:
        bench.stop(running)


def beside_backlog(bench, kafka):
    """The backlog goes to another partition of the same topic, so that what is consumed is the quiet file alone."""
    a = bench.arguments
    logs = bench.fresh_directory()
    topic = bench.fresh_topic()
    config = bench.config(f"{logs}/*.log", bench.kafka_sink(kafka, topic), http="127.0.0.1:0")
    backlog = bench.directory / "backlog"
    bench.access_log(str(backlog), a.backlog)
    running = bench.start([bench.program("tailrace"), "run", "-c", str(config)])
    try:
        # A path keeps its partition: files of one line tell which name leads where.
        places = latencies(bench, kafka, topic, f"{logs}/q", files=PARTITIONS, lines=PARTITIONS, partitions=PARTITIONS)
        where = places["partitions"]
        other = next(i for i in range(1, PARTITIONS) if where[i] != where[0])
        os.rename(backlog, logs / f"q{other}.log")
        began, before = time.monotonic(), bench.metric(config, "tailrace_acked_bytes_total")
        time.sleep(1)
        result = latencies(bench, kafka, topic, f"{logs}/q", partitions=PARTITIONS, partition=where[0])
        seconds = time.monotonic() - began
        acked = bench.metric(config, "tailrace_acked_bytes_total") - before
        left = bench.metric(config, 'tailrace_lag_bytes{stage="acked"')
    finally:
        bench.stop(running)
    return result | {"backlog_mb_per_second": acked / seconds / 1e6, "backlog_left_bytes": left}


def row(name, figures):
    return (name, *(f"{figures[key]:.2f}" for key in ("p50", "p90", "p99", "max")))


def run(bench):
    a = bench.arguments
    print(f"{a.lines} lines, one each 10 ms on average, linger 5 ms; milliseconds; {machine()}", flush=True)
    with Kafka(partitions=PARTITIONS) as kafka:
        latencies(bench, kafka, bench.fresh_topic())  # the broker warms up
        pairs = [{"tailrace": ours(bench, kafka, partitions=PARTITIONS),
                  "bare": latencies(bench, kafka, bench.fresh_topic())} for _ in range(a.pairs)]
        heavy = beside_backlog(bench, kafka)
        log = str(bench.directory / "alone.log")
        bench.access_log(log, a.size)
        alone = bench.once(log, bench.kafka_sink(kafka, bench.fresh_topic()))
    alone_mb = os.path.getsize(log) / alone["seconds"] / 1e6

    def middle(side, what):
        return {key: median(pairs, lambda p: p[side][what][key]) for key in ("p50", "p90", "p99", "max")}

    figures = {"tailrace": middle("tailrace", "consumed"), "bare_consumed": middle("bare", "consumed"),
               "bare_reported": middle("bare", "reported"), "beside_backlog": heavy["consumed"]}
    table(("", "p50", "p90", "p99", "max"),
          [row("tailrace, written to consumed", figures["tailrace"]),
           row("bare, produced to consumed", figures["bare_consumed"]),
           row("bare, produced to delivery report", figures["bare_reported"]),
           row(f"tailrace beside a backlog of {a.backlog}", figures["beside_backlog"])])
    share = heavy["backlog_mb_per_second"] / alone_mb
    p50 = figures["tailrace"]["p50"] - figures["bare_reported"]["p50"]
    print(f"p50: bare + {p50:.2f} ms (at most + 2); p99: {figures['tailrace']['p99']:.1f} ms (at most "
          f"{2 * figures['bare_reported']['p99'] + 10:.1f}); beside the backlog p99 {heavy['consumed']['p99']:.1f} ms (at most 250), "
          f"the backlog at {heavy['backlog_mb_per_second']:.0f} MB/s, {share:.2f} of what it gets alone; "
          f"{heavy['backlog_left_bytes'] / 2**20:.0f} MiB of it were left at the end")
    return {"figures": figures, "backlog_share": share, "backlog": heavy, "pairs": pairs}
