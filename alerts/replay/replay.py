#!/usr/bin/env python3
"""Replays weeks of simulated traffic through the rules and prints false pages and detection delays per skill.

    python3 alerts/replay/replay.py              # both kinds of traffic; about ten minutes
    python3 alerts/replay/replay.py --weeks 8 --kind bank

The rules are the files of this folder's parent, evaluated by a real Prometheus: the traffic is written as it would have
been scraped and made into blocks; each recording rule is then evaluated minute by minute over all the weeks, in the order
of what it depends on, and its result made into blocks in its turn; at last the alerts' expressions. Only `for` and
`keep_firing_for` are emulated here. Needs `prometheus` and `promtool` on PATH, and about 2 GB of temporary disk.

Two naive rules run beside them: "twice last week" and "more than ten in 15 minutes".
"""

import argparse
import dataclasses
import json
import pathlib
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import traffic

ALERTS = pathlib.Path(__file__).resolve().parent.parent
RULES = [ALERTS / "wolkvox.rules.yml", ALERTS / "wolkvox-history.rules.yml"]

# Monday 2026-01-05, 00:00 UTC.
START = 1_767_571_200
HISTORY_WEEKS = 4
SCRAPE = 30
# Scrapes and evaluations stand off the windows' grid and off each other's.
SCRAPE_PHASE = 11
EVALUATION_PHASE = 23
# A window is read 60 s after its end, and the answer takes a moment.
READ_DELAY = 62
# A page until this long after an incident's end belongs to it: its calls are still in the ranges, and the queue drains.
AFTERMATH = 1800
SOON = 20 * 60
# Prometheus gives at most 11,000 points of a series in one answer.
CHUNK = 7 * 86_400 - 60

NAIVE = {
    "twice last week": (
        "sum by (operation, skill_id) (increase(wolkvox_abandoned_calls_total[15m]))"
        " > 2 * sum by (operation, skill_id) (increase(wolkvox_abandoned_calls_total[15m] offset 7d))"
    ),
    "more than 10": "sum by (operation, skill_id) (increase(wolkvox_abandoned_calls_total[15m])) > 10",
}

# Name of a kind of traffic: what it is, the load's wandering, the margin of agents.
KINDS = {
    "bank": ("the bank as measured, 19 % abandoned", 0.34, 1.25),
    "planned": ("a centre that meets its target, 7 % abandoned in the largest skill", 0.12, 1.35),
}


@dataclasses.dataclass
class Rule:
    """One rule as Prometheus read it."""

    name: str
    query: str
    labels: dict
    interval: float
    hold: float
    keep: float
    alert: bool

    @property
    def needs(self):
        return set(re.findall(r"wolkvox:[a-z0-9_:]+", self.query))


class Prometheus:
    """A Prometheus of our own on a folder of blocks."""

    def __init__(self, folder, rule_files=()):
        self.folder = folder
        config = folder / "prometheus.yml"
        # JSON is YAML.
        config.write_text(json.dumps({"rule_files": [str(path) for path in rule_files]}))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = open(folder / "log", "a")
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--storage.tsdb.retention.time=20y",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--query.max-samples=200000000",
                "--query.timeout=10m",
            ],
            stdout=self.log,
            stderr=self.log,
        )

    def __enter__(self):
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5).read()
                return self
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise SystemExit(f"prometheus did not start; its log is {self.folder / 'log'}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def get(self, path, **parameters):
        data = urllib.parse.urlencode(parameters).encode() if parameters else None
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data=data, timeout=900) as answer:
            return json.load(answer)["data"]

    def rules(self):
        found = []
        for group in self.get("/api/v1/rules")["groups"]:
            for rule in group["rules"]:
                found.append(
                    Rule(
                        rule["name"],
                        rule["query"],
                        rule.get("labels", {}),
                        group["interval"],
                        rule.get("duration", 0),
                        rule.get("keepFiringFor", 0),
                        rule["type"] == "alerting",
                    )
                )
        return found

    def over(self, query, begin, end, step):
        """The query's value every `step` seconds: {label set: [(time, value)]}."""
        series = {}
        while begin <= end:
            last = min(end, begin + CHUNK // step * step)
            for item in self.get("/api/v1/query_range", query=query, start=begin, end=last, step=step)["result"]:
                labels = tuple(sorted(item["metric"].items()))
                series.setdefault(labels, []).extend((float(at), value) for at, value in item["values"])
            begin = last + step
        return series


def make_blocks(folder, text):
    """Makes an OpenMetrics file into blocks of the Prometheus in `folder`, and removes it."""
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=729h", "--quiet", "openmetrics", str(text), str(folder / "data")],
        check=True,
    )
    text.unlink()


def write_scrapes(path, weeks, calls):
    """What Prometheus would have scraped: totals and complete_until, moving once a window."""
    counts = {}
    for skill, abandoned in calls.items():
        per_window = [0] * (weeks * traffic.WEEK // traffic.WINDOW + 1)
        for call in abandoned:
            per_window[min(int(call.time // traffic.WINDOW), len(per_window) - 1)] += 1
        counts[skill] = per_window
    moments = range(SCRAPE_PHASE, weeks * traffic.WEEK, SCRAPE)

    def complete(moment):
        return max(0, (moment - READ_DELAY) // traffic.WINDOW)

    with open(path, "w") as out:
        out.write("# TYPE wolkvox_abandoned_calls counter\n")
        for skill, per_window in counts.items():
            totals = [0]
            for count in per_window:
                totals.append(totals[-1] + count)
            labels = f'operation="centro",skill_id="{skill.skill_id}",skill_name="{skill.name}",type_interaction="inbound"'
            for moment in moments:
                out.write(f"wolkvox_abandoned_calls_total{{{labels}}} {totals[complete(moment)]} {START + moment}\n")
        out.write("# TYPE wolkvox_complete_until_timestamp_seconds gauge\n")
        for moment in moments:
            until = START + complete(moment) * traffic.WINDOW
            out.write(f'wolkvox_complete_until_timestamp_seconds{{operation="centro"}} {until} {START + moment}\n')
        out.write("# TYPE wolkvox_catching_up gauge\n")
        for moment in moments:
            out.write(f'wolkvox_catching_up{{operation="centro"}} 0 {START + moment}\n')
        out.write("# EOF\n")


def levels(rules, wanted):
    """The recording rules that `wanted` needs, as lists of names: each list needs only the lists before it."""
    by_name = {}
    for rule in rules:
        if not rule.alert:
            by_name.setdefault(rule.name, []).append(rule)
    depth = {}

    def visit(name):
        if name not in depth:
            depth[name] = 1 + max((visit(other) for rule in by_name[name] for other in rule.needs), default=0)
        return depth[name]

    for rule in wanted:
        for name in rule.needs:
            visit(name)
    found = {}
    for name, level in depth.items():
        found.setdefault(level, []).extend(by_name[name])
    return [found[level] for level in sorted(found)]


def record(prometheus, rules, path, begin, end):
    """Evaluates recording rules over time and writes their results as OpenMetrics."""
    with open(path, "w") as out:
        families = {}
        for rule in rules:
            for labels, values in prometheus.over(rule.query, begin, end, int(rule.interval)).items():
                named = {key: value for key, value in labels if key != "__name__"} | rule.labels
                # The branches of an `or` come with metric names of their own; recorded they are one series.
                family = families.setdefault(rule.name, {})
                family.setdefault(tuple(sorted(named.items())), []).extend(values)
        for name, family in families.items():
            out.write(f"# TYPE {name} gauge\n")
            for labels, values in family.items():
                text = ",".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in labels)
                for at, value in sorted(values):
                    out.write(f"{name}{{{text}}} {value} {at:.3f}\n")
        out.write("# EOF\n")


def episodes(moments, hold, keep, step=60):
    """Firing episodes (begin, end) of an expression that is true at `moments`, with `for` and `keep_firing_for`."""
    found = []
    begin = previous = None
    for at in moments:
        if previous is None or at - previous > step:
            begin = at
        previous = at
        if at - begin < hold:
            # While an alert is kept firing, what is true again continues it at once.
            if not (found and at <= found[-1][1]):
                continue
        if found and at <= found[-1][1]:
            found[-1][1] = at + keep
        else:
            found.append([at, at + keep])
    return found


def judge(fired, plan, weeks):
    """False pages per week, and for each incident the delay of its first page or None."""
    delays = [None] * len(plan)
    false = 0
    for begin, end in fired:
        hit = False
        for number, incident in enumerate(plan):
            if begin < START + incident.end + AFTERMATH and end > START + incident.start:
                hit = True
                if delays[number] is None:
                    delays[number] = max(0, begin - START - incident.start)
        false += not hit
    return false / (weeks - HISTORY_WEEKS), delays


def row(rule, skill, calls_per_hour, fired, plan, weeks):
    false, delays = judge(fired, plan, weeks)
    seen = sorted(delay for delay in delays if delay is not None)
    if not plan:
        return f"| {rule} | {skill} | {calls_per_hour} | {false:.2f} | | | |"
    middle = f"{statistics.median(seen) / 60:.0f} min" if seen else "-"
    soon = sum(delay <= SOON for delay in seen)
    return (
        f"| {rule} | {skill} | {calls_per_hour} | {false:.2f} | {100 * len(seen) / len(plan):.0f} % of {len(plan)}"
        f" | {100 * soon / len(plan):.0f} % | {middle} |"
    )


def replay(kind, weeks, per_week, seed, folder):
    _, traffic.LOAD_SIGMA, traffic.STAFF_MARGIN = KINDS[kind]
    rng = random.Random(seed)
    plan = traffic.incidents(traffic.SKILLS, weeks, per_week, weeks // 2, rng)
    calls = {}
    for skill in traffic.SKILLS:
        calls[skill], _ = traffic.simulate(skill, weeks, plan, random.Random(f"{seed} {skill.skill_id}"))
    folder.mkdir()
    (folder / "data").mkdir()
    print(f"# {kind}: traffic is there, {sum(map(len, calls.values()))} abandoned calls", file=sys.stderr)

    empty = folder / "rules"
    empty.mkdir()
    with Prometheus(empty, RULES) as prometheus:
        rules = prometheus.rules()
    alerts = [rule for rule in rules if rule.name in ("WolkvoxAbandonmentSpike", "WolkvoxAbandonmentSpikeAllSkills", "WolkvoxAbandonmentElevated")]

    text = folder / "samples"
    write_scrapes(text, weeks, calls)
    make_blocks(folder, text)
    begin = START + EVALUATION_PHASE
    end = START + weeks * traffic.WEEK
    for number, level in enumerate(levels(rules, alerts), 1):
        with Prometheus(folder) as prometheus:
            record(prometheus, level, text, begin, end)
        make_blocks(folder, text)
        print(f"# {kind}: level {number}, {len(level)} rules, {time.strftime('%H:%M:%S')}", file=sys.stderr)

    judged = START + HISTORY_WEEKS * traffic.WEEK + EVALUATION_PHASE
    fired = {}
    with Prometheus(folder) as prometheus:
        for name, query, hold, keep in [(rule.name, rule.query, rule.hold, rule.keep) for rule in alerts] + [
            (name, query, 60, 600) for name, query in NAIVE.items()
        ]:
            for labels, values in prometheus.over(query, judged, end, 60).items():
                skill_id = dict(labels).get("skill_id")
                fired[name, skill_id] = episodes([at for at, _ in values], hold, keep)

    plan = [incident for incident in plan if incident.start >= HISTORY_WEEKS * traffic.WEEK]
    lines = [
        "| rule | skill | calls an hour, 8-20 h | false pages a week | incidents paged | within 20 min | median delay |",
        "|---|---|---|---|---|---|---|",
    ]
    names = [("the page", "WolkvoxAbandonmentSpike"), *((name, name) for name in NAIVE), ("the ticket", "WolkvoxAbandonmentElevated")]
    for title, name in names:
        for skill in traffic.SKILLS:
            mine = [incident for incident in plan if incident.concerns(skill.skill_id)]
            busy = sum(8 <= call.time % traffic.DAY / 3600 < 20 for call in calls[skill]) / (weeks * 7 * 12)
            lines.append(row(title, skill.name, f"{busy:.0f}", fired.get((name, skill.skill_id), []), mine, weeks))
    everywhere = [incident for incident in plan if incident.skill_id is None]
    # A page for the whole centre during an incident of a single skill isn't false, but it isn't asked for either.
    pages = [
        page
        for page in fired.get(("WolkvoxAbandonmentSpikeAllSkills", None), [])
        if not any(
            incident.skill_id is not None and page[0] < START + incident.end + AFTERMATH and page[1] > START + incident.start
            for incident in plan
        )
    ]
    lines.append(row("the centre's page", "all", "", pages, everywhere, weeks))
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weeks", type=int, default=16, help="weeks in all; the first four are history (default 16)")
    parser.add_argument("--incidents", type=int, default=1, help="incidents a week and skill (default 1)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kind", choices=[*KINDS, "all"], default="all")
    parser.add_argument("--folder", type=pathlib.Path, help="where to keep the data (default: a temporary folder)")
    arguments = parser.parse_args()
    folder = arguments.folder or pathlib.Path(tempfile.mkdtemp(prefix="wolkvox-replay-"))
    folder.mkdir(exist_ok=True)
    try:
        for kind in KINDS if arguments.kind == "all" else [arguments.kind]:
            print(f"\n{KINDS[kind][0].capitalize()}:\n")
            for line in replay(kind, arguments.weeks, arguments.incidents, arguments.seed, folder / kind):
                print(line, flush=True)
    finally:
        if not arguments.folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
