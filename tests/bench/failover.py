"""Three brokers, replication 3, min.insync.replicas 2, under 4 MB/s: leaders that move, brokers that die."""

from silence import outages

about = "three brokers: leaders moved every 3 s, killed -9 in turn, two of three away, one frozen; with and without idempotence"
pairs = 1  # rounds

CASES = [f"{kind},{seconds},3,{idempotence}" for idempotence in ("true", "false")
         for kind, seconds in (("moved", 30), ("killed", 15), ("two-away", 10), ("one-frozen", 10))]


def run(bench):
    return outages(bench, CASES)
