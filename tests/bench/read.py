"""Reading and framing alone: the log into the null sink; beside it pread and memchr."""

import os

from harness import machine, median, table

about = "the log into the null sink beside pread + memchr (page cache)"


def run(bench):
    log = str(bench.directory / "access.log")
    lines = bench.access_log(log, bench.arguments.size)
    size = os.path.getsize(log)
    print(f"{size / 2**20:.0f} MiB, {lines:,} lines, page cache, engine {bench.arguments.engine}; {machine()}", flush=True)
    sides = [("tailrace", lambda: bench.once(log, {"type": "null"})),
             ("bare", lambda: bench.measure([bench.program("bare_read"), log]))]
    bench.warm = [log]
    pairs = bench.interleaved(sides)
    rows = []
    for name, _ in sides:
        mb = median(pairs, lambda p: size / p[name]["seconds"] / 1e6)
        cpu = median(pairs, lambda p: p[name]["cpu_seconds"] * 2**30 / size)
        rss = median(pairs, lambda p: p[name]["rss_kib"] / 1024)
        rows.append((name, f"{mb:.0f}", f"{cpu:.2f}", f"{rss:.0f}"))
    table(("", "MB/s", "CPU-s/GiB", "RSS MiB"), rows)
    ratio = median(pairs, lambda p: p["bare"]["seconds"] / p["tailrace"]["seconds"])
    print(f"tailrace / bare, median of {len(pairs)} pairs: {ratio:.3f}")
    return {"throughput_ratio": ratio, "bytes": size, "lines": lines, "pairs": pairs}
