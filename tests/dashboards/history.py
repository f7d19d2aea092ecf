"""Weeks of an exporter's life as OpenMetrics text, with the truth beside it.

A `Scenario` says what happens: skills, incidents, outages, restarts. `History(scenario)` lets a plain model of the exporter
read its calls window by window as the contract says (settle, hold, catch-up, no window gauge from a stale window), scrapes
it, and writes what Prometheus would have stored. `History.calls` is the truth that tests compare with.
"""

import bisect
import math
import random
from collections import defaultdict
from dataclasses import dataclass, field

from traffic import DAY, WINDOW, draw_calls

SETTLE = 60
HOLD = 90
STALE_AFTER = 2 * WINDOW + SETTLE
ABANDON_BUCKETS = [5, 10, 15, 20, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 600, 1200]
POLL_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 75]
OUTCOMES = [
    "ok",
    "empty",
    "unauthorized",
    "quota_exceeded",
    "busy",
    "maintenance",
    "bad_request",
    "server_error",
    "timeout",
    "connect",
    "malformed",
    "incomplete",
]
DISPOSITIONS = ["counted", "duplicate", "other_result", "before_start", "not_selected", "rejected"]
REASONS = ["date", "shape", "range"]
TARGET = {"job": "wolkvox", "instance": "exporter:10119"}


@dataclass
class Steps:
    """A value that changes now and then: what a scrape sees at a time."""

    at: list = field(default_factory=list)
    values: list = field(default_factory=list)

    def set(self, time, value):
        """None: the series is absent from now on."""
        if self.at and time < self.at[-1]:
            raise ValueError("steps are set in order of time")
        self.at.append(time)
        self.values.append(value)

    def add(self, time, amount=1):
        self.set(time, (self.values[-1] if self.values else 0) + amount)

    def get(self, time):
        i = bisect.bisect_right(self.at, time) - 1
        return self.values[i] if i >= 0 else None


class History:
    def __init__(self, scenario):
        self.scenario = scenario
        self.detail = scenario.end - scenario.hours * 3600
        self.start = (self.detail - scenario.weeks * 7 * DAY) // WINDOW * WINDOW
        self.calls = draw_calls(scenario, self.start)
        # (name, labels) -> Steps; `coarse` series are written for the weeks before the detail too.
        self.series = defaultdict(Steps)
        self.coarse = set()
        self.rng = random.Random(scenario.seed + 1)
        for operation in sorted({skill.operation for skill in scenario.skills}):
            self._run(operation)
        self._process()
        self._alerts()

    # ---- the model of the exporter

    def _steps(self, name, coarse=False, **labels):
        key = (name, tuple(sorted({**TARGET, **labels}.items())))
        if coarse:
            self.coarse.add(key)
        return self.series[key]

    def _run(self, operation):
        calls = [call for call in self.calls if call.skill.operation == operation]
        own = {"operation": operation}
        windows = self._steps("wolkvox_windows_total", coarse=True, **own)
        complete = self._steps("wolkvox_complete_until_timestamp_seconds", coarse=True, **own)
        up = self._steps("wolkvox_up", **own)
        last_poll = self._steps("wolkvox_last_poll_timestamp_seconds", **own)
        last_success = self._steps("wolkvox_last_success_timestamp_seconds", **own)
        catching_up = self._steps("wolkvox_catching_up", **own)
        polls = {o: self._steps("wolkvox_polls_total", outcome=o, **own) for o in OUTCOMES}
        rows = {d: self._steps("wolkvox_rows_total", disposition=d, **own) for d in DISPOSITIONS}
        rejected = {r: self._steps("wolkvox_rows_rejected_total", reason=r, **own) for r in REASONS}
        counters = {
            name: self._steps(name, **own)
            for name in (
                "wolkvox_rows_missing_total",
                "wolkvox_abandon_time_unreadable_total",
                "wolkvox_late_rows_total",
                "wolkvox_skipped_seconds_total",
                "wolkvox_series_overflow_total",
            )
        }
        first = self.start
        for steps in [windows, catching_up, *polls.values(), *rows.values(), *rejected.values(), *counters.values()]:
            steps.set(first, 0)
        self._steps("wolkvox_observed_utc_offset_seconds", coarse=True, **own).set(first, -5 * 3600)
        self._steps("wolkvox_timezone_mismatch", **own).set(first, 0)
        self._poll_histogram = [0] * (len(POLL_BUCKETS) + 1)
        self._poll_sum = 0.0

        cursor, next_call, late = first, 0, False
        shown = {}  # skill -> (total, buckets, sum)
        recent = []  # rows of the last hour: read again, each a duplicate
        for end in range(first + WINDOW, self.scenario.end + 1, WINDOW):
            at = end + SETTLE + self.rng.uniform(0.3, 4)
            outage = next((o for o in self.scenario.outages if o.start <= at < o.end), None)
            last_poll.set(at, at)
            if at > self.detail:
                self._observe_poll(
                    at, own, 75 if outage and outage.outcome == "timeout" else self.rng.lognormvariate(0, 0.6)
                )
            if outage:
                tries = 3 if outage.outcome in ("timeout", "connect", "server_error") else 1
                polls[outage.outcome].add(at, tries)
                up.set(at, 0)
                late = True
                # The last complete window is not "now" any more once it is stale.
                stale = cursor + STALE_AFTER
                if stale <= at:
                    for skill in shown:
                        self._gauge(skill).set(max(stale, self._gauge(skill).at[-1]), None)
                continue
            up.set(at, 1)
            last_success.set(at, at)
            complete.set(at, end)
            windows.add(at, (end - cursor) // WINDOW)
            if late:
                catching_up.set(at, 1)
                catching_up.set(at + HOLD, 0)
                late = False
            fresh = []
            while next_call < len(calls) and calls[next_call].ended < end:
                fresh.append(calls[next_call])
                next_call += 1
            recent = [call for call in recent if call.ended >= cursor - 3600]
            polls["ok" if fresh or recent else "empty"].add(at)
            rows["counted"].add(at, len(fresh))
            rows["duplicate"].add(at, len(recent))
            if fresh and self.rng.random() < 0.05:
                rows["rejected"].add(at)
                rejected[self.rng.choice(REASONS)].add(at)
            if fresh and self.rng.random() < 0.1:
                rows["other_result"].add(at)
            if fresh and self.rng.random() < 0.03:
                counters["wolkvox_late_rows_total"].add(at)
            recent += fresh
            by_skill = defaultdict(list)
            for call in fresh:
                by_skill[call.skill].append(call)
            for skill in by_skill:
                if skill not in shown:
                    shown[skill] = [0, [0] * (len(ABANDON_BUCKETS) + 1), 0.0]
                    self._show(skill, at, shown[skill])
            for skill, mine in by_skill.items():
                total = shown[skill]
                born = total[0] == 0
                for call in mine:
                    call.read_at = at
                    call.shown_at = at + HOLD if born else at
                    total[0] += 1
                    total[2] += call.wait
                    total[1][bisect.bisect_left(ABANDON_BUCKETS, call.wait)] += 1
                self._show(skill, at + HOLD if born else at, total)
            for skill in shown:
                self._gauge(skill).set(at, sum(call.ended >= end - WINDOW for call in by_skill.get(skill, ())))
            cursor = end

    def _labels(self, skill):
        return {
            "operation": skill.operation,
            "skill_id": skill.id,
            "skill_name": skill.name,
            "type_interaction": skill.type,
        }

    def _gauge(self, skill):
        return self._steps("wolkvox_window_abandoned_calls", **self._labels(skill))

    def _show(self, skill, at, total):
        labels = self._labels(skill)
        self._steps("wolkvox_abandoned_calls_total", coarse=True, **labels).set(at, total[0])
        self._histogram("wolkvox_abandon_time_seconds", at, ABANDON_BUCKETS, total[1], total[2], labels)

    def _observe_poll(self, at, own, seconds):
        self._poll_histogram[bisect.bisect_left(POLL_BUCKETS, seconds)] += 1
        self._poll_sum += seconds
        self._histogram("wolkvox_poll_duration_seconds", at, POLL_BUCKETS, self._poll_histogram, self._poll_sum, own)

    def _histogram(self, name, at, bounds, cells, total, labels):
        seen = 0
        for bound, cell in zip([*bounds, math.inf], cells):
            seen += cell
            le = "+Inf" if bound == math.inf else str(float(bound))
            self._steps(f"{name}_bucket", le=le, **labels).set(at, seen)
        self._steps(f"{name}_count", **labels).set(at, seen)
        self._steps(f"{name}_sum", **labels).set(at, round(total, 3))

    def _process(self):
        first, ends = self.detail, self.scenario.end
        self._steps("wolkvox_exporter_build_info", version="0.1.0", revision="0123abc", rustc="1.95.0").set(first, 1)
        self._steps("wolkvox_exporter_config_last_reload_successful").set(first, 1)
        self._steps("wolkvox_exporter_config_last_reload_success_timestamp_seconds").set(first, first - 3600)
        self._steps("wolkvox_ledger_commit_errors_total").set(first, 0)
        starts = self._steps("process_start_time_seconds")
        starts.set(first, first - 3600)
        for restart in self.scenario.restarts:
            starts.set(restart, restart)
        keys, size = self._steps("wolkvox_ledger_keys"), self._steps("wolkvox_ledger_size_bytes")
        memory, cpu = self._steps("process_resident_memory_bytes"), self._steps("process_cpu_seconds_total")
        fds, samples = self._steps("process_open_fds"), self._steps("scrape_samples_scraped")
        up, duration = self._steps("up"), self._steps("scrape_duration_seconds")
        for time in range(first, ends + 1, WINDOW):
            keys.set(time, 300 + 200 * math.sin(time / 7000))
            size.set(time, 1_200_000 + 4096 * (time % 7))
            memory.set(time, 14e6 + 1e5 * (time % 11))
            cpu.set(time, round((time - first) * 0.0004, 3))
            fds.set(time, 14)
            samples.set(time, 21 * len(self.scenario.skills) + 80)
            up.set(time, 1)
            duration.set(time, 0.002 + 0.0001 * (time % 5))

    def _alerts(self):
        """What the rules would have recorded: the names and labels of alerts/wolkvox.rules.yml."""
        for alert in self.scenario.alerts:
            labels = {"alertname": alert.name, "severity": alert.severity, "alertstate": "firing", **dict(alert.labels)}
            key = ("ALERTS", tuple(sorted(labels.items())))
            self.series[key].set(alert.start, 1)
            self.series[key].set(alert.end, None)
        read = defaultdict(list)
        for call in self.calls:
            read[call.skill].append(call.read_at)
        for skill, times in read.items():
            labels = (("operation", skill.operation), ("skill_id", skill.id))
            times.sort()
            name = tuple(sorted((*labels, ("skill_name", skill.name))))
            self.series[("wolkvox:skill_name:info", name)].set(self.detail, 1)
            for time in range(self.detail, self.scenario.end, 60):
                now = bisect.bisect(times, time) - bisect.bisect(times, time - 900)
                usual = max(0.5, 2 * skill.share)
                self.series[("wolkvox:skill_calls:15m", labels)].set(time, now)
                self.series[("wolkvox:skill_calls:usual_1h", labels)].set(time, 4 * usual)
                self.series[("wolkvox:skill_calls:spike_limit", labels)].set(time, max(7.5, 3 * (usual + 0.5)))

    # ---- scrapes

    def write(self, path):
        """OpenMetrics text of every scrape."""
        phase = 7  # scrapes fall off the grid of windows
        detail = range(self.detail + phase, self.scenario.end + 1, self.scenario.scrape)
        coarse = range(self.start + phase, self.detail, 60)
        with open(path, "w", encoding="utf-8") as out:
            last = None
            for (name, labels), steps in sorted(self.series.items()):
                if family(name) != last:
                    last = family(name)
                    out.write(f"# TYPE {last} {kind(name)}\n")
                text = ",".join(f'{key}="{escape(value)}"' for key, value in labels)
                prefix = f"{name}{{{text}}}"
                if (name, labels) in self.coarse:
                    write_samples(out, prefix, steps, coarse)
                write_samples(out, prefix, steps, detail)
            out.write("# EOF\n")

    # ---- the truth

    def count(self, start, end, known_at=math.inf, keep=lambda call: True):
        """Calls that ended in [start, end) and stood on /metrics by `known_at`."""
        return sum(start <= call.ended < end and call.shown_at <= known_at and keep(call) for call in self.calls)


def write_samples(out, prefix, steps, times):
    i, lines = -1, []
    at, values = steps.at, steps.values
    for time in times:
        while i + 1 < len(at) and at[i + 1] <= time:
            i += 1
        if i >= 0 and values[i] is not None:
            lines.append(f"{prefix} {values[i]} {time}\n")
    out.writelines(lines)


def escape(value):
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def family(name):
    for suffix in ("_total", "_bucket", "_count", "_sum"):
        if name.endswith(suffix):
            return name[: -len(suffix)]
    return name


def kind(name):
    if name.endswith("_total"):
        return "counter"
    if name.endswith(("_bucket", "_count", "_sum")):
        return "histogram"
    return "gauge"
