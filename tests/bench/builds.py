"""This build and another one of the agent, in turn: throughput, CPU and polls, near the broker and far from it."""

import contextlib
import glob
import os
import subprocess
import sys

from harness import SPACING, machine, median, table
from kafka import Kafka

about = "`run --once` of this build and of --other FILE, in turn: one partition, twelve, over 0, 2 and 20 ms of round trip"
pairs = 7

PARTITIONS = 12
CASES = [(layout, round_trip) for round_trip in (0, 2, 20) for layout in ("one file", "twelve partitions")]


@contextlib.contextmanager
def delay(bench, round_trip):
    """The port of a proxy that is so far from the broker, and a function that tells it the broker's port."""
    command = [bench.program("stalling_proxy"), str(round_trip * 500)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        def forward(port):
            child.stdin.write(f"{port}\n")
            child.stdin.flush()

        yield int(child.stdout.readline()), forward
        child.stdin.close()


def once(bench, binary, include, sink, preload=None):
    config = bench.config(include, sink)
    return bench.measure([binary, "run", "--once", "-c", str(config)], environment=preload)


def polls(bench, binary, include, sink):
    """poll() calls of a run that is not measured otherwise, and its seconds."""
    counter = bench.directory / "polls"
    counter.write_bytes(bytes(8))
    preload = {"LD_PRELOAD": bench.program("count_polls.so"), "COUNT_POLLS": str(counter)}
    seconds = once(bench, binary, include, sink, preload)["seconds"]
    return int.from_bytes(counter.read_bytes(), sys.byteorder) / seconds


def generate(bench, layout):
    path = bench.fresh_directory()
    if layout == "one file":
        bench.access_log(str(path / "app.log"), bench.arguments.size)
    else:
        for i in range(bench.arguments.files):
            bench.access_log(str(path / f"{i:05}.log"), 512 * 1024, i * SPACING)
    return str(path / "*.log"), sum(file.stat().st_size for file in path.iterdir())


def case(bench, layout, round_trip, include, size):
    binaries = {"this": bench.program("tailrace"), "other": os.path.abspath(bench.arguments.other)}
    with delay(bench, round_trip) as (port, forward), \
            Kafka(1 if layout == "one file" else PARTITIONS, proxy_port=port) as kafka:
        forward(kafka.proxied_port)

        def sink():
            brokers = [kafka.proxied_bootstrap] if round_trip else [kafka.bootstrap]
            return bench.kafka_sink(kafka, bench.fresh_topic()) | {"brokers": brokers}

        once(bench, binaries["this"], include, sink())  # the broker's own compiler warms up on this one
        sides = [(name, lambda binary=binary: once(bench, binary, include, sink())) for name, binary in binaries.items()]
        pairs_ = bench.interleaved(sides)
        result = {"throughput_ratio": median(pairs_, lambda p: p["other"]["seconds"] / p["this"]["seconds"]),
                  "cpu_ratio": median(pairs_, lambda p: p["this"]["cpu_seconds"] / p["other"]["cpu_seconds"])}
        for name, binary in binaries.items():
            result[name] = {"mb_per_second": median(pairs_, lambda p: size / p[name]["seconds"] / 1e6),
                            "cpu_seconds_per_gib": median(pairs_, lambda p: p[name]["cpu_seconds"] * 2**30 / size),
                            "polls_per_second": polls(bench, binary, include, sink())}
    return result | {"pairs": pairs_, "bytes": size}


def row(name, result):
    cells = [name]
    for side in ("this", "other"):
        figures = result[side]
        cells += [f"{figures['mb_per_second']:.0f}", f"{figures['cpu_seconds_per_gib']:.2f}",
                  f"{figures['polls_per_second']:,.0f}"]
    return [*cells, f"{result['throughput_ratio']:.3f}", f"{result['cpu_ratio']:.3f}"]


def run(bench):
    if not bench.arguments.other:
        sys.exit("bench: builds needs BENCH_FLAGS='--other FILE', another build of tailrace")
    print(f"medians of {bench.arguments.pairs} pairs, this and {bench.arguments.other}; {machine()}", flush=True)
    logs, rows, results = {}, [], {}
    for layout, round_trip in CASES:
        name = f"{layout}, {round_trip} ms"
        if bench.arguments.only not in name:
            continue
        if layout not in logs:
            logs[layout] = generate(bench, layout)
        include, size = logs[layout]
        bench.warm = glob.glob(include)
        results[name] = case(bench, layout, round_trip, include, size)
        rows.append(row(name, results[name]))
        print("  " + "  ".join(rows[-1]), flush=True)
    table(("", "MB/s", "CPU-s/GiB", "polls/s", "other MB/s", "CPU-s/GiB", "polls/s", "throughput", "CPU"), rows)
    return {"cases": results}
