"""What the rules would have recorded of a history: the emulation of alerts/replay, which the tests of the rules compare with
Prometheus, minute by minute over the history's detailed stretch."""

import bisect
import sys
from collections import defaultdict
from pathlib import Path

from traffic import WINDOW

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "alerts" / "replay"))
import rule  # noqa: E402

DATA_AGE = 900
# The catch-up mutes for so long beyond its end.
MUTE = 1200
# A window is read and recorded so long after its end.
SEEN_AFTER = 120
# Evaluations come once a minute, this long after the full one.
PHASE = 20


def record(history):
    scenario, series = history.scenario, history.series
    thresholds = rule.thresholds()
    for name, value in thresholds.items():
        series[(f"wolkvox:threshold:{name}", ())].set(history.detail, value)
    by_skill = defaultdict(list)
    for call in history.calls:
        by_skill[call.skill].append(call)
    trusted = {name: trust(history, name) for name in {skill.operation for skill in scenario.skills}}
    for skill, calls in by_skill.items():
        windows = (scenario.end - history.start) // WINDOW + 1
        counts = counted(calls, history)
        served = [window.calls for window in history.answered.get(skill, ())] + [0]
        known = rule.Skill(counts, served[:windows] if history.answered else None, t=thresholds)
        if scenario.weeks < 2:
            known.usual_1h = known.expected_15m = known.surprise = [None] * windows
        write(history, skill, calls, known, trusted[skill.operation])


def trust(history, operation):
    """(minute, last complete window) while alerts about calls may fire, None in place of the window while not."""
    reads = history.operations[operation].steps("complete_until_timestamp_seconds")
    catching = history.operations[operation].steps("catching_up")
    found = []
    for minute in range(history.detail + PHASE, history.scenario.end + 1, 60):
        until = reads.get(minute)
        muted = any(catching.get(then) for then in range(minute - MUTE, minute + 1, 60))
        window = None if until is None else (until - history.start) // WINDOW - 1
        found.append((minute, window, until is not None and minute - until < DATA_AGE and not muted))
    key = ("wolkvox:data_trusted", (("operation", operation),))
    changes(history.series[key], ((minute, 1 if ok else None) for minute, _, ok in found))
    return found


def changes(steps, values):
    last = object()
    for minute, value in values:
        if value != last:
            steps.set(minute, value)
            last = value


def write(history, skill, calls, known, minutes):
    labels = (("operation", skill.operation), ("skill_id", skill.id))
    born = min(call.read_at for call in calls)
    since = {}
    begin, last = None, None
    for minute, window, ok in minutes:
        if ok and window is not None and known.unusual(window):
            if begin is None or minute - last > 600:
                begin = history.start + (window + 1) * WINDOW - 900
            last = minute
            since[minute] = begin

    def add(name, value, **more):
        changes(
            history.series[(f"wolkvox:{name}", tuple(sorted((*labels, *more.items()))))],
            (
                (minute, value(minute, window) if window is not None and minute >= born else None)
                for minute, window, _ in minutes
            ),
        )

    add("skill_calls:15m", lambda _, window: known.calls_15m[window])
    add("skill_calls:1h", lambda _, window: known.calls_1h[window])
    add("skill_calls:usual_1h", lambda _, window: known.usual_1h[window])
    add("skill_calls:expected_15m", lambda _, window: known.expected_15m[window])
    add("skill_surprise:15m", lambda _, window: known.surprise[window])
    add("skill_surprise:limit", lambda _, window: None if known.surprise[window] is None else known.limit[window])
    add("skill_unusual:15m", lambda minute, window: known.calls_15m[window] if minute in since else None)
    add("skill_unusual:since_timestamp_seconds", lambda minute, _: since.get(minute))
    ended = [call.ended for call in calls]

    def of_half_an_hour(window, number):
        end = history.start + (window + 1) * WINDOW
        first, last = bisect.bisect_left(ended, end - 1800), bisect.bisect_left(ended, end)
        return number([call.wait for call in calls[first:last]]) if last - first > 4 else None

    add(
        "skill_abandon_time_mean_seconds:30m",
        lambda _, window: of_half_an_hour(window, lambda waits: round(sum(waits) / len(waits), 1)),
    )
    add(
        "skill_short_share:30m",
        lambda _, window: of_half_an_hour(window, lambda waits: sum(wait <= 10 for wait in waits) / len(waits)),
    )
    if history.answered:
        service(add, counted(calls, history), history.answered[skill], (history.detail - history.start) // WINDOW)
    names = [(history.detail, skill.name)]
    names += [(rename.at, rename.name) for rename in history.scenario.renames if rename.skill_id == skill.id]
    for number, (at, name) in enumerate(names):
        steps = history.series[("wolkvox:skill_name:info", tuple(sorted((*labels, ("skill_name", name)))))]
        steps.set(max(at, history.detail), 1)
        if number + 1 < len(names):
            steps.set(names[number + 1][0], None)


def counted(calls, history):
    counts = [0] * ((history.scenario.end - history.start) // WINDOW + 1)
    for call in calls:
        counts[(call.ended - history.start) // WINDOW] += 1
    return counts


def service(add, abandoned, answered, first):
    """The records of the second report, which is never behind the first one here, and was switched on with window `first`."""
    for span, length in (("15m", 3), ("1h", rule.HOUR)):

        def of(window, values, length=length):
            return sum(values[window + 1 - length : window + 1]) if window + 1 - length >= first else None

        parts = {
            "abandoned": abandoned,
            "answered": [window.calls for window in answered],
            "in_time": [window.in_time for window in answered],
        }
        for part, values in parts.items():
            add(f"skill_service:{span}", lambda _, window, values=values, of=of: of(window, values), part=part)

        def share(_, window, of=of, parts=parts):
            lost, served = of(window, parts["abandoned"]), of(window, parts["answered"])
            return lost / (lost + served) if lost or served else None

        add(f"skill_share:{span}", share)


def weeks(history):
    """What the rules recorded in the weeks before the detailed stretch and read again in it, once a window."""
    thresholds = rule.thresholds()
    length = (history.scenario.end - history.start) // WINDOW + 1
    lost, served = defaultdict(lambda: [0] * length), defaultdict(lambda: [0] * length)
    for call in history.calls:
        lost[call.skill.operation, call.skill.id][(call.ended - history.start) // WINDOW] += 1
    for skill, windows in history.answered.items():
        for number, window in enumerate(windows[:length]):
            served[skill.operation, skill.id][number] += window.calls
    whole = defaultdict(lambda: [0] * length)

    def add(name, values, **labels):
        key = (f"wolkvox:{name}", tuple(sorted(labels.items())))
        history.series.weeks.add(key)
        steps = history.series[key]
        for number, value in enumerate(values):
            at = history.start + (number + 1) * WINDOW + SEEN_AFTER
            if at < history.detail:
                steps.set(at, value)

    for (operation, id), counts in lost.items():
        labels = {"operation": operation, "skill_id": id}
        whole[operation] = [a + b for a, b in zip(whole[operation], counts)]
        skill = rule.Skill(counts, t=thresholds)
        add("skill_calls:15m", skill.calls_15m, **labels)
        add("skill_calls:1h", skill.calls_1h, **labels)
        add("skill_calls:3h", [count / 3 for count in rule.sums(counts, 3 * rule.HOUR)], **labels)
        add("skill_calls:usual_1h", skill.usual_1h, **labels)
        add("skill_surprise:15m", skill.surprise, **labels)
        add("skill_drift:sum", skill.drift, **labels)
        for part, values in (("abandoned", counts), ("answered", served[operation, id])):
            add("skill_service:3h", rule.sums(values, 3 * rule.HOUR), part=part, **labels)
            add("skill_service:usual_3h", rule.remembered(values, thresholds), part=part, **labels)
    for operation, counts in whole.items():
        together = rule.Skill(counts, t=thresholds)
        labels = {"operation": operation}
        add("operation_calls:15m", together.calls_15m, **labels)
        add("operation_calls:3h", [count / 3 for count in rule.sums(counts, 3 * rule.HOUR)], **labels)
        add("operation_calls:usual_1h", together.usual_1h, **labels)
        add("operation_surprise:15m", together.surprise, **labels)
