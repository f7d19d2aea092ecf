"""Weeks of an exporter's life as OpenMetrics text, with the truth beside it.

`History(scenario)` draws the scenario's calls, lets the model of the exporter read them, scrapes it, and writes what
Prometheus would have stored. `History.calls` is the truth that tests compare with.
"""

import math
import random

import records
from model import Operation, Series
from traffic import DAY, WINDOW, draw_answered, draw_calls, local_midnight


class History:
    def __init__(self, scenario):
        self.scenario = scenario
        self.detail = scenario.start or scenario.end - scenario.hours * 3600
        self.start = (self.detail - scenario.weeks * 7 * DAY) // WINDOW * WINDOW
        self.calls, self.answered = self.draw()
        self.series = Series()
        self.operations = {}
        rng = random.Random(scenario.seed + 1)
        for name in sorted({skill.operation for skill in scenario.skills}):
            calls = [call for call in self.calls if call.skill.operation == name]
            answered = {skill: windows for skill, windows in self.answered.items() if skill.operation == name}
            operation = Operation(name, self.series, scenario, self.start, self.detail, calls, rng, answered)
            self.operations[name] = operation
            for end in range(self.start + WINDOW, scenario.end + 1, WINDOW):
                operation.poll(end)
        if self.operations:
            self._process()
        if scenario.answered:
            self._extras()
        self._alerts()
        if scenario.rules:
            records.record(self)

    def draw(self):
        """The calls in the order in which they ended; {skill: [Answered of each window]}."""
        scenario = self.scenario
        return draw_calls(scenario, self.start), draw_answered(scenario, self.start) if scenario.answered else {}

    def _process(self):
        first, ends = self.detail, self.scenario.end
        self.series.steps("wolkvox_exporter_build_info", version="0.1.0", revision="0123abc", rustc="1.95.0").set(
            first, 1
        )
        self.series.steps("wolkvox_exporter_config_last_reload_successful").set(first, 1)
        self.series.steps("wolkvox_exporter_config_last_reload_success_timestamp_seconds").set(first, first - 3600)
        self.series.steps("wolkvox_ledger_commit_errors_total").set(first, 0)
        starts = self.series.steps("process_start_time_seconds")
        starts.set(first, first - 3600)
        for restart in self.scenario.restarts:
            starts.set(restart, restart)
        keys, size = self.series.steps("wolkvox_ledger_keys"), self.series.steps("wolkvox_ledger_size_bytes")
        memory, cpu = self.series.steps("process_resident_memory_bytes"), self.series.steps("process_cpu_seconds_total")
        fds, samples = self.series.steps("process_open_fds"), self.series.steps("scrape_samples_scraped")
        up, duration = self.series.steps("up"), self.series.steps("scrape_duration_seconds")
        for time in range(first, ends + 1, WINDOW):
            keys.set(time, 300 + 200 * math.sin(time / 7000))
            size.set(time, 1_200_000 + 4096 * (time % 7))
            memory.set(time, 14e6 + 1e5 * (time % 11))
            cpu.set(time, round((time - first) * 0.0004, 3))
            fds.set(time, 14)
            samples.set(time, 21 * len(self.scenario.skills) + 80)
            up.set(time, 1)
            duration.set(time, 0.002 + 0.0001 * (time % 5))

    def _extras(self):
        """What is there with the report `totals`, with quota_interval and with TLS."""
        self.differences = {}
        first, yesterday = self.detail, local_midnight(self.scenario.end) - DAY
        for number, skill in enumerate(self.scenario.skills):
            labels = {"operation": skill.operation, "skill_id": skill.id, "skill_name": skill.name, "report": "abandoned"}
            self.differences[skill.operation, skill.id] = difference = self.difference(number)
            self.series.steps("wolkvox_reconciliation_difference_calls", **labels).set(first, difference)
        for operation in self.operations:
            self.series.steps("wolkvox_reconciled_day_timestamp_seconds", operation=operation).set(first, yesterday)
            remaining = self.series.steps("wolkvox_token_uses_remaining", operation=operation)
            for hour, time in enumerate(range(first, self.scenario.end, 3600)):
                remaining.set(time, 1000 - 13 * hour)
        self.series.steps("wolkvox_exporter_tls_certificate_expiry_timestamp_seconds").set(first, self.scenario.end + 20 * DAY)

    @staticmethod
    def difference(number):
        """Between the vendor's total of a day and ours, of the skill of this number."""
        return (0, 3, 0, -1)[number % 4]

    def _alerts(self):
        """The alerts that fire in the scenario."""
        for alert in self.scenario.alerts:
            labels = {"alertname": alert.name, "severity": alert.severity, "alertstate": "firing", **dict(alert.labels)}
            key = ("ALERTS", tuple(sorted(labels.items())))
            self.series[key].set(alert.start, 1)
            self.series[key].set(alert.end, None)

    # ---- scrapes

    def write(self, path):
        """OpenMetrics text of every scrape."""
        phase = 7  # scrapes fall off the grid of windows
        detail = range(self.detail + phase, self.scenario.end + 1, self.scenario.scrape)
        coarse = range(self.start + phase, self.detail, 60)
        windows = range(self.start + phase, self.detail, WINDOW)
        with open(path, "w", encoding="utf-8") as out:
            last = None
            for (name, labels), steps in sorted(self.series.items()):
                if family(name) != last:
                    last = family(name)
                    out.write(f"# TYPE {last} {kind(name)}\n")
                text = ",".join(f'{key}="{escape(value)}"' for key, value in labels)
                prefix = f"{name}{{{text}}}"
                if (name, labels) in self.series.weeks:
                    write_samples(out, prefix, steps, windows)
                    continue
                if (name, labels) in self.series.coarse:
                    write_samples(out, prefix, steps, coarse)
                write_samples(out, prefix, steps, detail)
            out.write("# EOF\n")

    # ---- the truth

    def served(self, start, end, keep=lambda skill: True):
        """Answered calls of the windows in [start, end), and how many of them within 20 s."""
        windows = [
            window
            for skill, windows in self.answered.items()
            if keep(skill)
            for window in windows[(start - self.start) // WINDOW : (end - self.start) // WINDOW]
        ]
        return sum(window.calls for window in windows), sum(window.in_time for window in windows)

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
