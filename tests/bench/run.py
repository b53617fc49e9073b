#!/usr/bin/env python3
"""`make bench [B=name]`: figures, each beside a limit that is measured in the same run.

Figures go to stdout, all of them as JSON to BUILD/bench/NAME.json. Ratios hold better than absolutes.
"""

import argparse
import importlib
import json
import os
import sys

sys.dont_write_bytecode = True
from harness import ROOT, Bench, machine  # noqa: E402

BENCHES = ("throughput", "once", "files", "read", "compare", "latency", "idle", "syscalls",
           "builds", "silence", "failover")  # each a module beside this file
SETTINGS = ("compression", "idempotence", "engine")


def parsed():
    modules = {name: importlib.import_module(name) for name in BENCHES}
    names = "\n".join(f"  {name:<12}{module.about}" for name, module in modules.items())
    parser = argparse.ArgumentParser(description=__doc__ + "\n" + names,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", choices=BENCHES)
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    parser.add_argument("--directory", help="where logs are generated (default: the temporary directory)")
    parser.add_argument("--size", default="1GiB", help="of the generated log")
    parser.add_argument("--pairs", type=int, help="default: 5; of builds 7, of silence and failover 1")
    parser.add_argument("--other", metavar="FILE",
                        help="another build of the agent: of builds the one to compare with, of silence and failover the one to try")
    parser.add_argument("--lines", type=int, default=1000, help="of latency")
    parser.add_argument("--backlog", default="4GiB", help="of latency")
    parser.add_argument("--seconds", type=int, default=60, help="of idle")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--only", default="", metavar="TEXT", help="of a benchmark's cases those whose name has it")
    parser.add_argument("--compression", default="zstd", choices=("zstd", "lz4", "snappy", "gzip", "none"))
    parser.add_argument("--engine", default="auto", choices=("auto", "io_uring", "threads", "sync"))
    parser.add_argument("--no-idempotence", dest="idempotence", action="store_false")
    arguments = parser.parse_args()
    if arguments.pairs is None:
        arguments.pairs = getattr(modules[arguments.bench], "pairs", 5)
    return modules[arguments.bench], arguments


def main():
    module, arguments = parsed()
    with Bench(arguments) as bench:
        result = module.run(bench)
        settings = {key: getattr(arguments, key) for key in SETTINGS}
        report = {"bench": arguments.bench, "machine": machine(), "settings": settings} | result
        target = bench.build / "bench" / ("-".join([arguments.bench, *arguments.only.split()]) + ".json")
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        print(f"all figures: {os.path.relpath(target)}")


if __name__ == "__main__":
    main()
