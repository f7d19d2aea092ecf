"""What the best test of counts could find: the theoretical optimum for a traffic, by simulation.

Calls come by chance around a mean that is the usual of the hour times a level of the day, which nobody sees. The level is the
product of a slow part, the day's, and a quick one, the queue's: two autoregressions of its logarithm, whose sizes and
lengths are measured on the traffic itself outside of incidents. An incident multiplies the mean by a known factor at once.

The test knows all of that but the level and the moment: by a filter over a grid of levels it weighs, after each window,
the hypothesis that an incident began in one of the last windows against the one that none did (the sum of the likelihood
ratios, of Shiryaev and Roberts). Its limit is the one that makes so many false pages in weeks without an incident; a page is not
false while the level is as high as it is in the overloads of the traffic itself. No rule that sees counts can do better, but for what
the grid and the sum give away.
"""

import copy
import math
import random
from operator import mul

from rule import DAY, HOUR, WINDOW

# Beginnings of an incident that are weighed: the last windows.
BEGINNINGS = 6
# Levels of each part, so many and from -2.2 to 2.2 standard deviations.
LEVELS, SPREAD = 7, 2.2
# Incidents begin between 8 and 20 h.
BUSY = range(8 * HOUR, 20 * HOUR)
# What pauses for so many windows is one page, and for so many an incident may be found.
PAUSE, ATTENTION = 6, 15
# Below so many calls a window nothing is found, and the level is of no consequence.
LEAST_MEAN = 0.05


class Variation:
    """How the level varies: variance of its logarithm and the factor by which it is remembered after one window, twice."""

    def __init__(self, traffic):
        """Measured on `traffic`: calls, usual mean, whether without incident, whether overloaded, of each window of each skill."""
        zero, quarter, one, three = (math.log1p(max(0.01, excess(traffic, lag))) for lag in (0, 3, HOUR, 3 * HOUR))
        self.slow_memory = min(0.995, (three / one) ** (1 / (2 * HOUR))) if three < one else 0.995
        self.slow = min(zero, one / self.slow_memory**HOUR)
        self.quick = max(0.02, zero - self.slow)
        left = max(0.01, quarter - self.slow * self.slow_memory**3)
        self.quick_memory = min(0.95, (left / self.quick) ** (1 / 3))

    def parts(self):
        return (self.slow, self.slow_memory), (self.quick, self.quick_memory)


def excess(traffic, lag):
    """Covariance of the level with itself, `lag` windows later: what calls vary by beyond chance, of the mean squared."""
    above = squared = 0.0
    for calls, mean, quiet, _ in traffic:
        busy = sum(mean) / len(mean)
        for then, now in zip(range(len(calls) - lag), range(lag, len(calls))):
            if quiet[then] and quiet[now] and mean[then] > busy and mean[now] > busy:
                above += (calls[then] - mean[then]) * (calls[now] - mean[now]) - (0 if lag else mean[then])
                squared += mean[then] * mean[now]
    return above / squared


def poisson(rng, mean):
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


class Filter:
    """Weighs the hypotheses window by window."""

    def __init__(self, variation, factor):
        self.factor = factor
        grids, moves, start = [], [], []
        for part, keep in variation.parts():
            grid = [math.sqrt(part) * SPREAD * (2 * number / (LEVELS - 1) - 1) for number in range(LEVELS)]
            grids.append(grid)
            start.append(shares([-(at**2) / (2 * part) for at in grid]))
            moves.append([shares([-((to - at * keep) ** 2) / (2 * part * (1 - keep**2)) for to in grid]) for at in grid])
        # One row for each level that is moved to.
        self.moves = [list(zip(*move)) for move in moves]
        drift = (variation.slow + variation.quick) / 2
        self.logs = [slow + quick - drift for slow in grids[0] for quick in grids[1]]
        self.levels = [math.exp(level) for level in self.logs]
        self.none = [slow * quick for slow in start[0] for quick in start[1]]
        self.begun = []

    def _moved(self, weights):
        slow, quick = self.moves
        rows = [weights[at : at + LEVELS] for at in range(0, LEVELS * LEVELS, LEVELS)]
        rows = [[sum(map(mul, row, to)) for to in quick] for row in rows]
        columns = list(zip(*rows))
        return [sum(map(mul, column, to)) for to in slow for column in columns]

    def after(self, count, mean):
        """The evidence for an incident (a logarithm) once a window has been read."""
        none = self._moved(self.none)
        begun = [self._moved(weights) for weights in self.begun[1 - BEGINNINGS :]] + [none]
        # Of the probabilities of Poisson what differs between the levels.
        plain = [math.exp(count * log - mean * level) for log, level in zip(self.logs, self.levels)]
        more, rise = self.factor**count, mean * (self.factor - 1)
        raised = [likely * more * math.exp(-rise * level) for likely, level in zip(plain, self.levels)]
        none = list(map(mul, none, plain))
        total = sum(none)
        self.none = [weight / total for weight in none]
        self.begun = [[weight / total for weight in map(mul, weights, raised)] for weights in begun]
        return math.log(sum(map(sum, self.begun)))

    def copy(self):
        other = copy.copy(self)
        other.begun = list(self.begun)
        return other


def shares(logs):
    weights = [math.exp(value) for value in logs]
    total = sum(weights)
    return [weight / total for weight in weights]


def optimum(traffic, factor, false_a_week, lengths, delay, soon, seed=1, days=140, tries=400):
    """(found within `soon` seconds, found ever), shares, for an incident of this size in the busy hours of this traffic.

    `traffic` as for `Variation`; `lengths`: of incidents, in windows; `delay`: seconds from a window's end until it is told.
    """
    rng = random.Random(seed)
    variation = Variation(traffic)
    profiles = [mean[start : start + DAY] for _, mean, *_ in traffic for start in range(0, len(mean) - DAY + 1, DAY)]
    # The days on which incidents are planted are those with calls.
    busiest = max(map(sum, profiles))
    evidence, levels, branches = [], [], []
    for _ in range(days):
        profile = rng.choice(profiles)
        test = Filter(variation, factor)
        level = [rng.gauss(0, math.sqrt(part)) for part, _ in variation.parts()]
        busy = sum(profile) > busiest / 2
        planted = set(rng.sample(BUSY, max(1, tries * 2 // days))) if busy else ()
        for now, mean in enumerate(profile):
            if now in planted:
                branches.append((len(evidence), test.copy(), list(level), profile[now : now + ATTENTION]))
            count = call(mean, level, variation, rng)
            evidence.append(test.after(count, mean) if mean > LEAST_MEAN else math.log(BEGINNINGS))
            levels.append(sum(level))
    overload = sorted(levels)[-1 - round(len(levels) * overloaded_share(traffic))]
    limit = rarest(evidence, [level > overload for level in levels], false_a_week * days / 7)
    early = ever = of = 0
    for then, test, level, profile in branches:
        if max(evidence[max(0, then - 2) : then] or [0]) > limit:
            # A page stood already.
            continue
        length, hit = rng.choice(lengths), None
        for now, mean in enumerate(profile):
            count = call(mean * (factor if now < length else 1), level, variation, rng)
            if test.after(count, mean) > limit:
                hit = (now + 1) * WINDOW + delay
                break
        of += 1
        ever += hit is not None
        early += hit is not None and hit <= soon
    return early / of, ever / of


def overloaded_share(traffic):
    """Of the windows with calls and without an incident, those that are an overload."""
    known = [over for _, mean, quiet, overloaded in traffic for m, q, over in zip(mean, quiet, overloaded) if q and m > LEAST_MEAN]
    return sum(known) / len(known)


def call(mean, level, variation, rng):
    """Calls of one window; `level`, two logarithms, moves on."""
    for number, (part, keep) in enumerate(variation.parts()):
        level[number] = level[number] * keep + rng.gauss(0, math.sqrt(part * (1 - keep**2)))
    return poisson(rng, mean * math.exp(sum(level) - (variation.slow + variation.quick) / 2))


def rarest(evidence, overloaded, pages):
    """The limit above which there are so many pages out of overloads: what pauses for less than half an hour is one."""
    low, high = min(evidence), max(evidence)
    for _ in range(30):
        middle = (low + high) / 2
        false, last = 0, -99
        for now, value in enumerate(evidence):
            if value > middle:
                false += now > last + PAUSE and not any(overloaded[max(0, now - 2) : now + 1])
                last = now
        low, high = (middle, high) if false > pages else (low, middle)
    return high
