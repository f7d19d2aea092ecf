"""What one would write in Python first: the `json` module, a dictionary of what was seen, and prometheus_client. Nothing is
stored. `benches/decode.rs` runs it: the answer on standard input, how often it is counted as the argument; it prints the
seconds that this took, and the most kB that were resident."""

import json
import resource
import sys
import time

from prometheus_client import CollectorRegistry, Counter, Histogram

BUCKETS = (5, 10, 15, 20, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 600, 1200)
LABELS = ("operation", "skill_id", "skill_name", "type_interaction")


def count(body):
    registry = CollectorRegistry()
    calls = Counter("wolkvox_abandoned_calls", "Abandoned calls.", LABELS, registry=registry)
    times = Histogram("wolkvox_abandon_time_seconds", "Their times.", LABELS, buckets=BUCKETS, registry=registry)
    seen = {}
    for row in json.loads(body)["data"]:
        identity = (row["conn_id"], row["skill_id"], row["date"])
        if identity in seen or not row["result"].upper().startswith("ABANDON"):
            continue
        seen[identity] = row["result"]
        labels = ("bench", row["skill_id"], row["skill_name"], row["type_interaction"])
        calls.labels(*labels).inc()
        times.labels(*labels).observe(float(row["abandon_time"]))
    return seen


body = sys.stdin.buffer.read()
begin = time.perf_counter()
for _ in range(int(sys.argv[1])):
    assert len(count(body)) == 60_000
print(time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
