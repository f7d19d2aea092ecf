#!/usr/bin/env python3
"""What could be had at best: incidents that a limit chosen in hindsight pages, at a given number of false pages.

    python3 alerts/replay/hindsight.py        # about a minute

For each skill and each kind of traffic the lowest limit is sought that makes at most two false pages a week (largest skill)
or half a page (others), on the same weeks that it is then judged by: no rule that has to know its limit beforehand can
do better with the same number. Two numbers are tried: calls in 15 minutes, and how far they exceed what is usual. Beside
them stands a rule that knows only the hour: more than 7.5, and more than three times the median and a half.
Windows are taken as read one minute after their end; Prometheus has no part in this.
"""

import pathlib
import random
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import traffic
from replay import AFTERMATH, HISTORY_WEEKS, KINDS, SOON

WEEKS = 16
PER_WEEK = traffic.WEEK // traffic.WINDOW
# End of the window, read, scraped, evaluated, and a minute's `for`.
DELAY = 60 + 15 + 30 + 60
KEEP = 600


def judge(times, plan):
    """False pages a week, and shares of incidents paged at all and within 20 minutes."""
    pages = []
    for at in times:
        if pages and at <= pages[-1][1]:
            pages[-1][1] = at + KEEP
        else:
            pages.append([at, at + KEEP])
    first = {}
    false = 0
    for begin, end in pages:
        hits = [incident for incident in plan if begin < incident.end + AFTERMATH and end > incident.start]
        false += not hits
        for incident in hits:
            first.setdefault(incident, max(0, begin - incident.start))
    soon = sum(delay <= SOON for delay in first.values())
    return false / (WEEKS - HISTORY_WEEKS), len(first) / len(plan), soon / len(plan)


def best(values, plan, allowed):
    """The judgement of the lowest limit with no more than the allowed false pages; `values` are (time, number)."""
    limits = sorted({round(value, 2) for _, value in values})
    low, high = 0, len(limits) - 1
    while low < high:
        middle = (low + high) // 2
        if judge([at for at, value in values if value > limits[middle]], plan)[0] <= allowed:
            high = middle
        else:
            low = middle + 1
    return limits[low], judge([at for at, value in values if value > limits[low]], plan)


def main():
    print("| traffic | skill | number | limit in hindsight | false pages a week | incidents paged | within 20 min |")
    print("|---|---|---|---|---|---|---|")
    for kind, (_, traffic.LOAD_SIGMA, traffic.STAFF_MARGIN) in KINDS.items():
        plan = traffic.incidents(traffic.SKILLS, WEEKS, 1, WEEKS // 2, random.Random(7))
        for skill in traffic.SKILLS[:3]:
            calls, _ = traffic.simulate(skill, WEEKS, plan, random.Random(f"7 {skill.skill_id}"))
            sums = [0] * (WEEKS * PER_WEEK + 2)
            for call in calls:
                sums[min(int(call.time // traffic.WINDOW), len(sums) - 2) + 1] += 1
            for window in range(1, len(sums)):
                sums[window] += sums[window - 1]
            mine = [incident for incident in plan if incident.concerns(skill.skill_id) and incident.start > HISTORY_WEEKS * traffic.WEEK]
            plain, above, median = [], [], []
            for window in range(HISTORY_WEEKS * PER_WEEK, WEEKS * PER_WEEK):
                at = (window + 1) * traffic.WINDOW + DELAY
                recent = sums[window + 1] - sums[window - 2]
                hours = [window - week * PER_WEEK for week in range(1, 5)]
                usual = statistics.median(sums[hour + 7] - sums[hour - 5] for hour in hours) / 4
                plain.append((at, recent))
                above.append((at, recent - 2 * usual))
                if recent > 7.5 and recent > 3 * (usual + 0.5):
                    median.append(at)
            allowed = 2 if skill is traffic.SKILLS[0] else 0.5
            for title, values in (("calls in 15 minutes", plain), ("the same less twice the usual", above)):
                limit, (false, seen, soon) = best(values, mine, allowed)
                print(
                    f"| {kind} | {skill.name} | {title} | {limit:.0f} | {false:.2f} | {100 * seen:.0f} % of {len(mine)} | {100 * soon:.0f} % |",
                    flush=True,
                )
            false, seen, soon = judge(median, mine)
            print(f"| {kind} | {skill.name} | median of the hour | | {false:.2f} | {100 * seen:.0f} % of {len(mine)} | {100 * soon:.0f} % |")


if __name__ == "__main__":
    main()
