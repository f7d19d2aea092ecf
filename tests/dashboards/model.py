"""A plain model of the exporter: what /metrics shows at each moment, as the contract says.

Windows are read at their end and SETTLE; a new series shows 0 until HOLD has passed; an outage is made good in one read; a
stale window has no gauge; a renamed skill keeps its totals.
"""

import bisect
import math
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import accumulate
from operator import add

from traffic import WINDOW

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
COUNTERS = [
    "rows_missing_total",
    "abandon_time_unreadable_total",
    "late_rows_total",
    "skipped_seconds_total",
    "series_overflow_total",
]
# Outcomes that are tried again inside a poll, twice.
RETRIED = {"timeout", "connect", "server_error"}


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


class Series(defaultdict):
    """(name, labels) -> Steps. Those in `coarse` are written for the weeks before the detail too, those in `weeks` for them
    alone and once a window."""

    def __init__(self):
        super().__init__(Steps)
        self.coarse, self.weeks = set(), set()

    def steps(self, name, coarse=False, **labels):
        key = (name, tuple(sorted({**TARGET, **labels}.items())))
        if coarse:
            self.coarse.add(key)
        return self[key]

    def histogram(self, name, at, bounds, cells, total, **labels):
        seen = 0
        for bound, cell in zip([*bounds, math.inf], cells):
            seen += cell
            le = "+Inf" if bound == math.inf else str(float(bound))
            self.steps(f"{name}_bucket", le=le, **labels).set(at, seen)
        self.steps(f"{name}_count", **labels).set(at, seen)
        self.steps(f"{name}_sum", **labels).set(at, round(total, 3))


class Total:
    def __init__(self):
        self.calls, self.cells, self.seconds = 0, [0] * (len(ABANDON_BUCKETS) + 1), 0.0

    def add(self, wait):
        self.calls += 1
        self.seconds += wait
        self.cells[bisect.bisect_left(ABANDON_BUCKETS, wait)] += 1


class Operation:
    """One operation of the exporter, window by window."""

    def __init__(self, name, series, scenario, start, detail, calls, rng, answered):
        self.series, self.scenario, self.detail, self.calls, self.rng = series, scenario, detail, calls, rng
        self.own = {"operation": name}
        self.of_report = {**self.own, "report": "abandoned"}
        self.start = start
        # Skill -> answered calls, those in time, and seconds waited, added up to the end of each window.
        self.answered = {
            skill: list(accumulate(((w.calls, w.in_time, w.seconds) for w in windows), lambda a, b: tuple(map(add, a, b))))
            for skill, windows in answered.items()
        }
        self.cursor = start
        self.next_call = 0
        self.failed = False  # the last poll
        self.totals = {}  # skill -> Total
        self.names = {}  # skill -> its present name
        self.recent = []  # rows of the last hour: read again, each a duplicate
        self.poll_cells, self.poll_seconds = [0] * (len(POLL_BUCKETS) + 1), 0.0
        for outcome in OUTCOMES:
            self.steps("polls_total", outcome=outcome).set(start, 0)
        for disposition in DISPOSITIONS:
            self.steps("rows_total", disposition=disposition).set(start, 0)
        for reason in REASONS:
            self.steps("rows_rejected_total", reason=reason).set(start, 0)
        for counter in COUNTERS:
            self.steps(counter).set(start, 0)
        self.steps("windows_total", coarse=True).set(start, 0)
        self.steps("catching_up").set(start, 0)
        self.steps("timezone_mismatch").set(start, 0)
        self.steps("observed_utc_offset_seconds", coarse=True).set(start, -5 * 3600)

    def steps(self, name, coarse=False, **labels):
        return self.series.steps(f"wolkvox_{name}", coarse, **self.of_report, **labels)

    def poll(self, end):
        """The poll that is due for the window that ends at `end`."""
        at = end + SETTLE + self.rng.uniform(0.3, 4)
        outage = next((outage for outage in self.scenario.outages if outage.start <= at < outage.end), None)
        self.steps("last_poll_timestamp_seconds").set(at, at)
        if at > self.detail:
            seconds = 75 if outage and outage.outcome == "timeout" else self.rng.lognormvariate(0, 0.6)
            self.poll_cells[bisect.bisect_left(POLL_BUCKETS, seconds)] += 1
            self.poll_seconds += seconds
            self.series.histogram(
                "wolkvox_poll_duration_seconds", at, POLL_BUCKETS, self.poll_cells, self.poll_seconds, **self.of_report
            )
        if outage:
            self.fail(at, outage.outcome)
        else:
            self.read(at, end)

    def fail(self, at, outcome):
        self.steps("polls_total", outcome=outcome).add(at, 3 if outcome in RETRIED else 1)
        self.steps("up").set(at, 0)
        self.outcome(at, outcome)
        self.failed = True
        # The last complete window is not "now" any more once it is stale.
        stale = self.cursor + STALE_AFTER
        if stale <= at:
            for skill in self.totals:
                self.gauge(skill).set(max(stale, self.gauge(skill).at[-1]), None)

    def read(self, at, end):
        """Everything from the cursor to `end`, in one step."""
        self.steps("up").set(at, 1)
        self.steps("last_success_timestamp_seconds").set(at, at)
        self.steps("complete_until_timestamp_seconds", coarse=True).set(at, end)
        self.steps("windows_total", coarse=True).add(at, (end - self.cursor) // WINDOW)
        if self.failed:
            self.steps("catching_up").set(at, 1)
            self.steps("catching_up").set(at + HOLD, 0)
            self.failed = False
        by_skill = defaultdict(list)
        while self.next_call < len(self.calls) and self.calls[self.next_call].ended < end:
            call = self.calls[self.next_call]
            by_skill[call.skill].append(call)
            self.next_call += 1
        # Of what is not stored of the weeks before, an hour is enough to begin with.
        if at >= self.detail - 3600:
            self.count_rows(at, [call for mine in by_skill.values() for call in mine])
        moved = self.rename(at)
        if at >= self.detail > self.cursor:
            # Their histograms begin here.
            for skill in self.totals:
                self.show(at, skill)
        for skill, mine in by_skill.items():
            self.count(at, skill, mine, moved)
        if at >= self.detail:
            for skill in self.totals:
                last = sum(call.ended >= end - WINDOW for call in by_skill.get(skill, ()))
                self.gauge(skill).set(at, last)
        self.count_answered(at, end)
        self.cursor = end

    def count_answered(self, at, end):
        """The second report, published with the first: what the boards show of it."""
        if not self.answered or at < self.detail:
            return
        own = {**self.own, "report": "answered"}
        for name, value in (("complete_until_timestamp_seconds", end), ("up", 1), ("catching_up", 0)):
            self.series.steps(f"wolkvox_{name}", **own).set(at, value)
        for skill in self.totals:
            labels = self.labels(skill)
            calls, in_time, waited = self.answered[skill][(end - self.start) // WINDOW - 1]
            self.series.steps("wolkvox_answered_calls_total", **labels).set(at, calls)
            self.series.histogram(
                "wolkvox_answer_time_seconds", at, [20], [in_time, calls - in_time], waited, **labels
            )

    def outcome(self, at, last):
        for outcome in OUTCOMES:
            self.steps("last_poll_outcome", outcome=outcome).set(at, int(outcome == last))

    def count_rows(self, at, fresh):
        self.recent = [call for call in self.recent if call.ended >= self.cursor - 3600]
        outcome = "ok" if fresh or self.recent else "empty"
        self.outcome(at, outcome)
        self.steps("polls_total", outcome=outcome).add(at)
        self.steps("rows_total", disposition="counted").add(at, len(fresh))
        self.steps("rows_total", disposition="duplicate").add(at, len(self.recent))
        self.recent += fresh
        if fresh and self.rng.random() < 0.05:
            self.steps("rows_total", disposition="rejected").add(at)
            self.steps("rows_rejected_total", reason=self.rng.choice(REASONS)).add(at)
        if fresh and self.rng.random() < 0.1:
            self.steps("rows_total", disposition="other_result").add(at)
        if fresh and self.rng.random() < 0.03:
            self.steps("late_rows_total").add(at)

    def count(self, at, skill, calls, moved):
        born = skill not in self.totals
        if born:
            self.names[skill] = skill.name
            self.totals[skill] = Total()
            self.show(at, skill)
        shown_at = at + HOLD if born or skill in moved else at
        for call in calls:
            call.read_at, call.shown_at = at, shown_at
            self.totals[skill].add(call.wait)
        self.show(shown_at, skill)

    def rename(self, at):
        """The series of a renamed skill go; those of the new name begin with the old values. The skills that moved."""
        moved = set()
        for rename in self.scenario.renames:
            for skill in self.totals:
                if skill.id == rename.skill_id and rename.at <= at and self.names[skill] != rename.name:
                    old = self.labels(skill).items()
                    for (_, labels), steps in self.series.items():
                        if old <= set(labels):
                            steps.set(at, None)
                    self.names[skill] = rename.name
                    self.show(at, skill)
                    moved.add(skill)
        return moved

    def labels(self, skill):
        return {
            **self.own,
            "skill_id": skill.id,
            "skill_name": self.names[skill],
            "type_interaction": skill.type,
        }

    def gauge(self, skill):
        return self.series.steps("wolkvox_window_abandoned_calls", **self.labels(skill))

    def show(self, at, skill):
        total, labels = self.totals[skill], self.labels(skill)
        self.series.steps("wolkvox_abandoned_calls_total", coarse=True, **labels).set(at, total.calls)
        if at >= self.detail:
            cells, seconds = total.cells, total.seconds
            self.series.histogram("wolkvox_abandon_time_seconds", at, ABANDON_BUCKETS, cells, seconds, **labels)
