"""Silence, with and without idempotence: what is lost, doubled, reordered, what it costs meanwhile, how soon it goes on."""

import json
import subprocess
import sys

from harness import machine, table

about = "a broker frozen or behind a network that swallows for 3 to 65 s, one of three frozen, a stop, a first line"
pairs = 1  # rounds

CASES = ([f"frozen,{seconds},{partitions},true" for seconds in (4, 10, 35, 65) for partitions in (1, 12)]
         + [f"stalled,{seconds},{partitions},true" for seconds in (3, 10, 30) for partitions in (1, 12)]
         + ["frozen,10,1,false", "frozen,35,12,false", "stalled,10,1,false", "stalled,30,12,false",
            "first,10,1,true", "first,35,1,true", "stop,5,1,true", "stop,5,12,true",
            "one-frozen,10,3,true", "one-frozen,35,3,true", "one-frozen,10,3,false"])
HEAD = ("case", "lines", "lost", "doubled", "reordered", "CPU %", "first ack s", "new producers")


def outages(bench, cases):
    """Runs the cases whose name has --only; a row each as soon as it is there."""
    cases = [case for case in cases if bench.arguments.only in case] * bench.arguments.pairs
    print(f"kind, seconds, partitions, idempotence; {machine()}", flush=True)
    results = []
    binary = bench.arguments.other or bench.program("tailrace")
    log = open(bench.directory / "outage_bench.log", "wb")
    with subprocess.Popen([bench.program("outage_bench"), binary, *cases], stdout=subprocess.PIPE, stderr=log,
                          text=True) as child:
        for line in child.stdout:
            if line.startswith("{"):
                results.append(json.loads(line))
                print("  " + "  ".join(row(results[-1])), flush=True)
    log.close()
    if child.returncode != 0:
        sys.exit(f"bench: outage_bench ended with {child.returncode}:\n" + open(log.name, encoding="utf-8").read()[-3000:])
    table(HEAD, [row(result) for result in results])
    return {"cases": results}


def row(result):
    def figure(name, digits):
        return f"{result[name]:.{digits}f}" if name in result else "-"

    return (result["case"] + ("" if result["is_shipped"] else " (not all acknowledged)"), f"{result['lines']:,}",
            str(result["lost"]), str(result["doubled"]), str(result["reordered"]), figure("cpu_percent", 2),
            figure("first_ack_seconds", 3), figure("rebuilt_producers", 0))


def run(bench):
    found = outages(bench, CASES)
    for result in found["cases"]:
        if "inflight_records" in result:
            print(f"{result['case']}: {result['doubled']} doubled, {result['inflight_records']:.0f} were in flight")
    return found
