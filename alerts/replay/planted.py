"""Incidents that have their whole effect at once, planted into the traffic: what the optimum of counts can be compared with.

An incident of the simulator's queue takes away agents, and the queue fills, or doesn't: in its first quarter of an hour one
of six times the abandoned calls has three times as many on average. Here so many more calls are abandoned from the first
window on as the size says. They would else have been answered; where those don't suffice more people call.
"""

import judge
import optimum
from rule import DAY

# Windows that are tried for each skill and size; most of them are of no use.
TRIES = 120
# Calls around a window say how many more of them there are.
AROUND = 3


def planted(truth, skill, factor, with_answered, rng):
    """(found within 20 minutes, found ever, of how many)."""
    quiet, days = truth.without_incident(), truth.days()
    soon = ever = of = 0
    for _ in range(TRIES):
        begin = rng.randrange(judge.HISTORY, len(quiet) - optimum.ATTENTION - AROUND)
        length = rng.choice(judge.LENGTHS)
        busy = truth.hour(begin) in judge.BUSY_HOURS and days[begin // DAY] > max(days) / 2
        stands = any(skill.would_page(now, *calls(truth, now, with_answered)) for now in range(begin - 1 - judge.KEEP, begin))
        if not busy or stands or not all(quiet[begin : begin + optimum.ATTENTION]):
            continue
        more = [
            optimum.poisson(rng, (factor - 1) * sum(truth.abandoned[now - AROUND : now + AROUND + 1]) / (2 * AROUND + 1))
            for now in range(begin, begin + length)
        ]
        hit = next(
            (
                now
                for now in range(begin, begin + optimum.ATTENTION)
                if skill.would_page(now, *calls(truth, now, with_answered, begin, more))
            ),
            None,
        )
        of += 1
        ever += hit is not None
        soon += hit is not None and judge.delay(begin, hit) <= judge.SOON_SECONDS
    return soon, ever, of


def calls(truth, now, with_answered, begin=0, more=()):
    """Abandoned calls of the 15 minutes that end with a window, and answered ones, with so many more abandoned from `begin` on."""
    lost = served = 0
    for window in range(now - 2, now + 1):
        extra = more[window - begin] if 0 <= window - begin < len(more) else 0
        lost += truth.abandoned[window] + extra
        served += max(0, truth.answered[window] - extra)
    return (lost, served) if with_answered else (lost,)


