"""Judges pages by the state of the queue, not by the calendar.

A page is false if, while its 15 minutes of data came in, there was neither an incident nor an overload: 40 % of the offered
calls lost and twice the usual share. An incident has a size, the factor by which it raises abandonment, and a skill a size,
its abandoned calls an hour when it is busy: goals that don't name both can be met by nobody.
"""

import dataclasses
import math

from rule import DAY, HOUR, WEEK, WINDOW, sums

# From the window's end until a person is told: the read a minute later, a scrape, an evaluation, Alertmanager's group_wait.
DELAY_SECONDS = 60 + 15 + 30 + 30
SOON_SECONDS = 20 * 60
# keep_firing_for, in windows.
KEEP = 2
# The queue drains, and the 15 minutes still hold the incident's calls.
AFTERMATH = 1800 // WINDOW
OVERLOAD_SHARE, OVERLOAD_FACTOR, OVERLOAD_CALLS = 0.4, 2.0, 5
LASTING = 3
HISTORY = 4 * WEEK
BUSY_HOURS = range(8, 20)
# Of an incident, in windows: 20 to 45 minutes, as the simulator's are.
LENGTHS = range(4, 10)


@dataclasses.dataclass
class Truth:
    """One skill's queue, window by window, as the simulator knows it."""

    name: str
    abandoned: list
    answered: list
    usual_abandoned: list
    usual_share: list
    # The factor of the incident in each window, or None.
    incident: list
    # Seconds since midnight, local time, at which the first window begins.
    midnight: int = 0

    def days(self):
        """Abandoned calls that are usual between 8 and 20 h on each day."""
        return [
            sum(count for window, count in enumerate(self.usual_abandoned[start : start + DAY], start) if self.hour(window) in BUSY_HOURS)
            for start in range(0, len(self.usual_abandoned) - DAY + 1, DAY)
        ]

    def busy_rate(self):
        """Abandoned calls an hour that are usual between 8 and 20 h on working days: the mean of the five busiest days."""
        days = sorted(self.days(), reverse=True)
        weekdays = days[: max(1, len(days) * 5 // 7)]
        return sum(weekdays) / len(weekdays) / len(BUSY_HOURS)

    def hour(self, window):
        return (self.midnight + window * WINDOW) // 3600 % 24

    def overloaded(self):
        """For each window whether the 15 minutes that end with it were an overload."""
        usual_lost = sums(self.usual_abandoned, 3)
        usual_offered = sums(
            [lost / share if share else 0 for lost, share in zip(self.usual_abandoned, self.usual_share)], 3
        )
        found = []
        for lost, served, few, many in zip(sums(self.abandoned, 3), sums(self.answered, 3), usual_lost, usual_offered):
            share = lost / (lost + served) if lost + served else 0
            usual = few / many if many > 0 else 0
            found.append(lost >= OVERLOAD_CALLS and share >= OVERLOAD_SHARE and share >= OVERLOAD_FACTOR * usual)
        return found

    def without_incident(self):
        """For each window whether there is no incident in it, nor the calls of one in its aftermath."""
        found, last = [], -AFTERMATH - 1
        for window, factor in enumerate(self.incident):
            last = window if factor else last
            found.append(window > last + AFTERMATH)
        return found

    def incidents(self, since):
        """(first window, window after the last, factor) of each that begins then or later."""
        return [(begin, end, factor) for begin, end, factor in stretches(self.incident) if begin >= since]

    def part(self, begin, end):
        """The same of so many windows."""
        lists = {name: values[begin:end] for name, values in vars(self).items() if isinstance(values, list)}
        return dataclasses.replace(self, midnight=self.midnight + begin * WINDOW, **lists)


def stretches(values):
    """(begin, end, value) of each stretch of equal values that are true."""
    found, begin = [], 0
    for now in range(1, len(values) + 1):
        if now == len(values) or values[now] != values[begin]:
            if values[begin]:
                found.append((begin, now, values[begin]))
            begin = now
    return found


def paged(found, pages):
    return len(found), sum(
        any(first <= end + KEEP and last + KEEP >= begin for first, last in pages) for begin, end in found
    )


def joined(found):
    """(begin, end): what pauses for less than half an hour is one overload."""
    whole = []
    for begin, end, _ in found:
        if whole and begin - whole[-1][1] < AFTERMATH:
            whole[-1][1] = end
        else:
            whole.append([begin, end])
    return whole


def episodes(fires, since):
    """(begin, end) of each page from then on: what is true again within `keep_firing_for` goes on."""
    found = []
    for now in range(since, len(fires)):
        if fires[now]:
            if found and now <= found[-1][1] + KEEP:
                found[-1][1] = now
            else:
                found.append([now, now])
    return found


def delay(begin, hit):
    """Seconds from an incident's beginning until a person is told of what the window `hit` has brought."""
    return (hit + 1 - begin) * WINDOW + DELAY_SECONDS


@dataclasses.dataclass
class Score:
    """What came of a rule on one or several skills."""

    weeks: float = 0
    pages: int = 0
    false: int = 0
    overloads: int = 0
    overloads_paged: int = 0
    # Those that last a quarter of an hour.
    lasting: int = 0
    lasting_paged: int = 0
    # factor: [delay in seconds, or None]
    delays: dict = dataclasses.field(default_factory=dict)
    # The same, of a page that knew when the queue is overloaded.
    known: dict = dataclasses.field(default_factory=dict)

    def add(self, other):
        self.weeks += other.weeks
        for name in ("pages", "false", "overloads", "overloads_paged", "lasting", "lasting_paged"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, others in ((self.delays, other.delays), (self.known, other.known)):
            for factor, delays in others.items():
                mine.setdefault(factor, []).extend(delays)

    def soon(self, factor):
        return soon(self.delays.get(factor, []))

    def ever(self, factor):
        return ever(self.delays.get(factor, []))


def soon(delays):
    """(how many, of how many) are told within 20 minutes."""
    return sum(delay is not None and delay <= SOON_SECONDS for delay in delays), len(delays)


def ever(delays):
    return sum(delay is not None for delay in delays), len(delays)


def judge(truth, fires, since=HISTORY):
    """`fires`: for each window whether the rule is true once it has been read; those before `since` are history."""
    score = Score(weeks=(len(fires) - since) / WEEK)
    overloaded = truth.overloaded()
    bad = [bool(over or factor) for over, factor in zip(overloaded, truth.incident)]
    pages = episodes(fires, since)
    score.pages = len(pages)
    # True at the page's own 15 minutes, or an incident that has just ended.
    score.false = sum(
        not any(bad[max(0, begin - 2) : begin + 1]) and not any(truth.incident[max(0, begin - AFTERMATH) : begin + 1])
        for begin, _ in pages
    )
    for begin, end, factor in truth.incidents(since):
        if any(first < begin <= last + KEEP for first, last in pages):
            # A page stood already: it was not this incident that was found.
            continue
        hit = next((first for first, _ in pages if begin <= first < end + AFTERMATH), None)
        known = next((now for now in range(begin, min(end + AFTERMATH, len(fires))) if overloaded[now]), None)
        for found, at in ((score.delays, hit), (score.known, known)):
            found.setdefault(factor, []).append(None if at is None else delay(begin, at))
    over = [stretch for stretch in stretches(overloaded) if stretch[0] >= since]
    lasting = [stretch for stretch in over if stretch[1] - stretch[0] >= LASTING]
    score.overloads, score.overloads_paged = paged(joined(over), pages)
    score.lasting, score.lasting_paged = paged(joined(lasting), pages)
    return score


def interval(hits, of):
    """A share with its 95 % interval (Wilson), in per cent."""
    if not of:
        return "-"
    share, z = hits / of, 1.96
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return f"{100 * share:.0f} ({100 * max(0, middle - half):.0f}-{100 * min(1, middle + half):.0f})"
