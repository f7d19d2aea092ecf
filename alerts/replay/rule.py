"""What the recording rules make of a skill's abandoned calls, window by window: the page's numbers, without Prometheus.

The rules divide calls by the data time that they cover, which makes them exact whatever the scrape interval; so what
Prometheus records is what follows from the windows alone. A test evaluates the real rules on a real Prometheus and compares
(`emulation` in `alerts/tests/cases.py`). The thresholds are read from the rules themselves.
"""

import bisect
import math
import pathlib
import re

WINDOW = 300
HOUR = 3600 // WINDOW
DAY = 24 * HOUR
WEEK = 7 * DAY
RULES = pathlib.Path(__file__).resolve().parent.parent / "wolkvox.rules.yml"
# Learnt limits look at every third window of four weeks.
LEARNT_STEP = 3
LEARNT_SPAN = 4 * WEEK // LEARNT_STEP


def thresholds():
    """The records `wolkvox:threshold:…` of the rules."""
    found = re.findall(r"record: wolkvox:threshold:(\w+)\n +expr: vector\(([-0-9.]+)\)", RULES.read_text())
    return {name: float(value) for name, value in found}


def sums(counts, length):
    """For each window the sum of the last `length` of them; less where there are not as many yet."""
    found, total = [], 0
    for number, count in enumerate(counts):
        total += count - (counts[number - length] if number >= length else 0)
        found.append(total)
    return found


def usual(per_hour, t):
    """Calls an hour around each moment: the mean of the same three hours in the last four weeks; None while unknown."""
    found = []
    for now in range(len(per_hour)):
        weeks = [now - week * WEEK + 3 * HOUR // 2 for week in (1, 2, 3, 4)]
        known = [per_hour[then] for then in weeks if then >= 3 * HOUR]
        found.append(sum(known) / len(known) if len(known) >= t["history_weeks"] else None)
    return found


def recent(per_hour, now):
    """What stands in for the usual while it is unknown: the three hours that ended half an hour ago, or yesterday's around now."""
    known = [per_hour[then] for then in (now - HOUR // 2, now - DAY + 3 * HOUR // 2) if then >= 3 * HOUR]
    return max(known, default=0)


def remembered(counts, t):
    """Calls of the three hours around each moment on all days before, of which each forgets a part."""
    three, found = sums(counts, 3 * HOUR), []
    for now in range(len(counts)):
        then = now - DAY
        middle = then + 3 * HOUR // 2
        found.append(t["share_memory"] * found[then] + three[middle] if then >= 0 else 0.0)
    return found


def level(per_hour, usual_1h, t):
    """How much busier than usual the three hours were that ended half an hour ago."""
    prior = t["level_prior_calls"]
    found = []
    for now in range(len(per_hour)):
        then, middle = now - HOUR // 2, now - 2 * HOUR
        if then < 0 or middle < 0 or usual_1h[middle] is None:
            found.append(1.0)
            continue
        ratio = (3 * per_hour[then] + prior) / (3 * usual_1h[middle] + prior)
        found.append(min(max(ratio, t["level_least"]), t["level_most"]))
    return found


def surprise(calls, expected):
    """Anscombe's transform makes the standard deviation of a Poisson's count 1, whatever its mean."""
    return 2 * math.sqrt(calls + 0.375) - 2 * math.sqrt(expected + 0.375)


def learnt(values, share, t):
    """What each value exceeded in only `share` of the last four weeks, known once an hour; None while too young."""
    found, current = [], None
    ring, ordered = [], []
    for now, value in enumerate(values):
        if now % LEARNT_STEP == 0 and value is not None:
            bisect.insort(ordered, value)
            ring.append(value)
            if len(ring) > LEARNT_SPAN:
                del ordered[bisect.bisect_left(ordered, ring[len(ring) - LEARNT_SPAN - 1])]
        if now % HOUR == 0 and len(ordered) > t["history_weeks"] * 672 * 0.9:
            rank = (1 - share) * (len(ordered) - 1)
            low = int(rank)
            high = min(low + 1, len(ordered) - 1)
            current = ordered[low] + (rank - low) * (ordered[high] - ordered[low])
        found.append(current)
    return found


def limit(known, t):
    """The limit of the surprise, from what was learnt."""
    return t["surprise_unlearnt"] if known is None else min(max(known, t["surprise_least"]), t["surprise_most"])


def share_low(abandoned, answered):
    """What the share is at least, at 90 % confidence (Wilson)."""
    offered = abandoned + answered
    share, z = abandoned / offered, 1.645
    middle = share + z * z / (2 * offered)
    return (middle - z * math.sqrt((share * (1 - share) + z * z / (4 * offered)) / offered)) / (1 + z * z / offered)


def share_says(abandoned, answered, usual, t):
    """Of the last 15 minutes' share: whether it pages by itself, and whether it says that what is unusual is no overload."""
    share = abandoned / (abandoned + answered)
    over = (
        abandoned > t["share_min_calls"]
        and share > max(t["share_floor"], t["share_factor"] * usual)
        and share_low(abandoned, answered) > max(t["share_low_floor"], t["share_low_factor"] * usual)
    )
    return over, share <= max(t["surprise_share_floor"], t["surprise_share_factor"] * usual)


class Skill:
    """All numbers of a skill, each a list with one value for each window; `answered` where that report is on."""

    def __init__(self, abandoned, answered=None, t=None):
        t = self.t = t or thresholds()
        self.abandoned = abandoned
        self.calls_15m = sums(abandoned, 3)
        self.calls_1h = sums(abandoned, HOUR)
        per_hour = [count / 3 for count in sums(abandoned, 3 * HOUR)]
        self.usual_1h = usual(per_hour, t)
        self.level = level(per_hour, self.usual_1h, t)
        self.expected_15m = [
            None if hour is None else hour / 4 * level for hour, level in zip(self.usual_1h, self.level)
        ]
        self.surprise = [
            None if expected is None else surprise(calls, expected)
            for calls, expected in zip(self.calls_15m, self.expected_15m)
        ]
        self.limit = [limit(known, t) for known in learnt(self.surprise, t["surprise_rare_share"], t)]
        rare = learnt(self.calls_15m, t["absolute_rare_share"], t)
        self.absolute = [
            max(t["absolute_floor"], known or 0, t["absolute_factor"] * ((recent(per_hour, now) if hour is None else hour) / 4 + 0.5))
            for now, (hour, known) in enumerate(zip(self.usual_1h, rare))
        ]
        # Whether the share alone pages, and whether it says that what is unusual is no overload.
        self.share_over, self.share_calm = [False] * len(abandoned), [False] * len(abandoned)
        if answered:
            self._share(answered)
        self.drift = self._drift()
        self.drift_limit = [
            max(known or 0, t["drift_least"]) for known in learnt(self.drift, t["drift_rare_share"], t)
        ]

    def _share(self, answered):
        usual_lost, usual_served = remembered(self.abandoned, self.t), remembered(answered, self.t)
        self.usual_share = [
            lost / (lost + served) if lost + served else self.t["share_unlearnt"] for lost, served in zip(usual_lost, usual_served)
        ]
        for now, (lost, served, usual) in enumerate(zip(self.calls_15m, sums(answered, 3), self.usual_share)):
            if lost:
                self.share_over[now], self.share_calm[now] = share_says(lost, served, usual, self.t)

    def _drift(self):
        """The cumulative sum of evidence for `drift_factor` times the expected rate."""
        t, total, found = self.t, 0.0, []
        step, pull = math.log(t["drift_factor"]), t["drift_factor"] - 1
        for count, expected in zip(self.abandoned, self.expected_15m):
            if expected is None:
                found.append(None)
                continue
            total += count * step - (4 * expected + t["drift_prior_calls"]) / HOUR * pull
            total = min(max(total, 0.0), t["drift_most"])
            found.append(total)
        return found

    def by_surprise(self, now, calls=None):
        """`calls`: of 15 minutes, in place of those that were."""
        calls = self.calls_15m[now] if calls is None else calls
        expected = self.expected_15m[now]
        return calls > self.t["spike_floor"] and expected is not None and surprise(calls, expected) > self.limit[now]

    def by_limit(self, now, calls=None):
        return (self.calls_15m[now] if calls is None else calls) > self.absolute[now]

    def unusual(self, now):
        """The verdict, on which the page goes out."""
        by_calls = self.by_surprise(now) or self.by_limit(now)
        return by_calls and not self.share_calm[now] or self.share_over[now]

    def would_page(self, now, calls, answered=None):
        """The verdict if these were the calls of the last 15 minutes; `answered` where that report is on."""
        by_calls = self.by_surprise(now, calls) or self.by_limit(now, calls)
        if answered is None or not calls:
            return by_calls
        over, calm = share_says(calls, answered, self.usual_share[now], self.t)
        return by_calls and not calm or over

    def elevated(self, now):
        """The ticket."""
        return self.drift[now] is not None and self.drift[now] > self.drift_limit[now]
