"""Who calls, and who hangs up: scenarios, and the calls that are drawn for them from a seed.

A bank's call centre, by hour of day; strongly over-dispersed (a gamma factor for every half hour).
"""

import math
import random
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

BOGOTA = timezone(timedelta(hours=-5))
WINDOW = 300
DAY = 86400

# Abandoned calls per hour of a weekday, 7h to 23h: offered calls times the share that hung up.
OFFERED = [31, 67, 101, 117, 105, 95, 89, 92, 87, 87, 72, 64, 46, 43, 52, 58, 40]
ABANDONED_SHARE = [0.07, 0.12, 0.19, 0.22, 0.22, 0.19, 0.14, 0.17, 0.25, 0.25, 0.24, 0.22, 0.16, 0.11, 0.16, 0.18, 0.15]
WEEKDAY_FACTOR = [1, 1, 1, 1, 1 / 3, 1 / 10, 1 / 20]
# Variance over mean of the hourly counts is about 15 in real data.
GAMMA_SHAPE = 1.3
# (share of calls, seconds waited at most): the time to abandon.
WAIT_QUANTILES = [
    (0, 1),
    (0.048, 5),
    (0.1, 9),
    (0.137, 10),
    (0.25, 18),
    (0.35, 30),
    (0.5, 54),
    (0.75, 109),
    (0.9, 209),
    (0.95, 295),
    (0.99, 551),
    (1, 2405),
]


def local(text):
    """'2026-03-18 10:00' in the operation's zone -> epoch seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=BOGOTA).timestamp())


def local_midnight(time):
    return int(datetime.fromtimestamp(time, BOGOTA).replace(hour=0, minute=0, second=0).timestamp())


@dataclass(frozen=True)
class Skill:
    operation: str
    id: str
    name: str
    share: float  # of the centre's calls
    type: str = "inbound"
    born: int = 0  # no call before

    def struck_by(self, incident, time):
        """An incident names a skill by its number, or where several operations have that by both."""
        if not incident.start <= time < incident.end:
            return False
        return self.id in incident.skill_ids or f"{self.operation}/{self.id}" in incident.skill_ids


@dataclass(frozen=True)
class Incident:
    skill_ids: tuple
    start: int
    end: int
    factor: float


@dataclass(frozen=True)
class Outage:
    start: int
    end: int
    outcome: str


@dataclass(frozen=True)
class Rename:
    skill_id: str
    at: int
    name: str


@dataclass(frozen=True)
class Alert:
    name: str
    severity: str
    start: int
    end: int
    labels: tuple = ()


@dataclass(frozen=True)
class Scenario:
    name: str
    skills: tuple
    end: int
    weeks: int = 0  # of coarse history before the detailed stretch
    hours: int = 24  # of detail before `end`
    scrape: int = 30
    incidents: tuple = ()
    outages: tuple = ()
    restarts: tuple = ()
    alerts: tuple = ()
    renames: tuple = ()
    # When the exporter began to read, if not with the whole stretch.
    start: int = 0
    # Whether the report of answered calls is on, and whether Prometheus has the rules.
    answered: bool = False
    rules: bool = True
    seed: int = 1


@dataclass
class Call:
    ended: int  # second of the hang-up
    skill: Skill
    wait: float
    read_at: float = math.inf  # when the exporter counted it
    shown_at: float = math.inf  # when /metrics shows it: later than read_at for a series on hold


def waited(rng):
    u = rng.random()
    for (p0, w0), (p1, w1) in zip(WAIT_QUANTILES, WAIT_QUANTILES[1:]):
        if u <= p1:
            return round(math.exp(math.log(w0) + (u - p0) / (p1 - p0) * (math.log(w1) - math.log(w0))))
    return 2405


def poisson(rng, mean):
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


@dataclass
class Answered:
    """The answered calls of one window of a skill, how many of them within 20 s, and the seconds that they waited in all."""

    calls: int = 0
    in_time: int = 0
    seconds: float = 0.0


def draw_answered(scenario, start):
    """{skill: [Answered of each window]}: in an incident callers wait longer and fewer are answered."""
    # Its own source of chance: the abandoned calls are the same with and without.
    rng = random.Random(scenario.seed + 7)
    drawn = {}
    for skill in scenario.skills:
        drawn[skill] = windows = []
        for time in range(start, scenario.end, WINDOW):
            window = Answered()
            windows.append(window)
            when = datetime.fromtimestamp(time, BOGOTA)
            hour = when.hour - 7
            if not 0 <= hour < len(OFFERED) or time < skill.born:
                continue
            struck = any(skill.struck_by(incident, time) for incident in scenario.incidents)
            mean = OFFERED[hour] * (1 - ABANDONED_SHARE[hour]) * WEEKDAY_FACTOR[when.weekday()] * skill.share * WINDOW / 3600
            for _ in range(poisson(rng, mean * (0.6 if struck else 1))):
                wait = round(rng.expovariate(1 / (90 if struck else 12)))
                window.calls += 1
                window.in_time += wait <= 20
                window.seconds += wait
    return drawn


def draw_calls(scenario, start):
    rng = random.Random(scenario.seed)
    calls = []
    step = 300
    for skill in scenario.skills:
        busy = 1.0
        for time in range(start, scenario.end, step):
            if (time - start) % 1800 == 0:
                busy = rng.gammavariate(GAMMA_SHAPE, 1 / GAMMA_SHAPE)
            when = datetime.fromtimestamp(time, BOGOTA)
            hour = when.hour - 7
            if not 0 <= hour < len(OFFERED) or time < skill.born:
                continue
            mean = (
                OFFERED[hour]
                * ABANDONED_SHARE[hour]
                * WEEKDAY_FACTOR[when.weekday()]
                * skill.share
                * busy
                * step
                / 3600
            )
            for incident in scenario.incidents:
                if skill.struck_by(incident, time):
                    mean = incident.factor * max(mean / busy, 0.5)
            for _ in range(poisson(rng, mean)):
                calls.append(Call(time + rng.randrange(step), skill, waited(rng)))
    return sorted(calls, key=lambda call: call.ended)
