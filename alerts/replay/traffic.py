"""Simulated abandoned calls of a contact centre: four queues of very different size, with incidents.

Each skill is a queue with agents: callers arrive, wait, are answered or lose patience. Abandonment is therefore not
drawn from a distribution but follows from load, as it does in a real centre, and an incident (agents x 0.45, or
arrivals x 2.5, for 20 to 45 minutes) builds up and drains away like one. The figures are those of a bank's call centre
over one month: offered calls by hour, abandoned share by hour, patience, weekdays, and a variance far above a Poisson's.
`python3 alerts/replay/traffic.py` prints the simulation's figures beside the bank's.

Times are seconds since the first midnight of the simulation, in the operation's zone; the simulation has no daylight
saving. Everything follows from the seed.
"""

import dataclasses
import heapq
import math
import random
import statistics

DAY = 86_400
WEEK = 7 * DAY
WINDOW = 300

# Offered calls per hour from 7 h on, and the share of them that is abandoned (per cent).
OFFERED = [31, 67, 101, 117, 105, 95, 89, 92, 87, 87, 72, 64, 46, 43, 52, 58, 40]
ABANDONED = [7, 12, 19, 22, 22, 19, 14, 17, 25, 25, 24, 22, 16, 11, 16, 18, 15]
OPENS = 7
# Monday first; Sunday is a working day of this bank. OFFERED is the mean of all days, hence the factor.
WEEKDAYS = [share * 7 / (5 + 1 / 3 + 0.1) for share in (1, 1, 1, 1, 1 / 3, 0.1, 1)]

# Patience (Kaplan-Meier): the share of callers who would have given up after that many seconds.
PATIENCE = [(0, 0.0), (5, 0.012), (10, 0.045), (26, 0.10), (60, 0.19), (75, 0.23), (89, 0.25), (363, 0.5), (1007, 0.75), (3600, 1.0)]

# Seconds an agent spends on a call, wrap-up included: mean of an exponential.
HANDLING = 200.0

# Load wanders around its plan: log of the load factor, a first-order process on 5-minute steps. With agents planned for
# the abandoned share of the hour these give the bank's mean, variance and share of empty windows.
LOAD_SIGMA = 0.34
LOAD_MEMORY = 0.93
STAFF_MARGIN = 1.25


@dataclasses.dataclass(frozen=True)
class Skill:
    """One queue; `scale` is its offered calls as a multiple of the bank's."""

    skill_id: str
    name: str
    scale: float


SKILLS = [
    Skill("4101", "Servicio", 3.0),
    Skill("4102", "Ventas", 1.0),
    Skill("4103", "Soporte", 0.3),
    Skill("4104", "Retención", 0.1),
]


@dataclasses.dataclass(frozen=True)
class Incident:
    """Agents or arrivals of a skill, or of all of them (`skill_id` None), multiplied from `start` to `end`."""

    skill_id: str | None
    start: float
    end: float
    kind: str

    def concerns(self, skill_id):
        return self.skill_id in (None, skill_id)


@dataclasses.dataclass
class Call:
    """An abandoned call: when it hung up, and how long it had waited."""

    time: float
    waited: float


def offered_per_second(time, scale):
    """Planned arrivals at `time`."""
    hour = int(time % DAY // 3600) - OPENS
    if not 0 <= hour < len(OFFERED):
        return 0.0
    return OFFERED[hour] / 3600 * scale * WEEKDAYS[int(time // DAY) % 7]


def agents_planned(time, scale):
    """Agents that keep the abandoned share of the hour at the bank's, in a long run and without the load's wandering."""
    hour = int(time % DAY // 3600) - OPENS
    if not 0 <= hour < len(OFFERED):
        return 0.0
    share = ABANDONED[hour] / 100
    return offered_per_second(time, scale) * (1 - share) * HANDLING * STAFF_MARGIN


def incidents(skills, weeks, per_week, centre_wide, rng):
    """Incidents from Sunday to Thursday between 8 and 19 h, never two within three hours on one skill.

    `per_week` for each skill, `centre_wide` in all for the whole simulation.
    """
    wanted = [(skill.skill_id, per_week * weeks) for skill in skills] + [(None, centre_wide)]
    found = []
    for skill_id, count in reversed(wanted):
        placed = 0
        while placed < count:
            start = rng.randrange(weeks * 7) * DAY + rng.uniform(8, 18.25) * 3600
            if WEEKDAYS[int(start // DAY) % 7] < 1:
                continue
            new = Incident(skill_id, start, start + rng.uniform(20, 45) * 60, rng.choice(["agents", "arrivals"]))
            if any(
                (other.concerns(skill_id) or skill_id is None) and abs(other.start - start) < 3 * 3600
                for other in found
            ):
                continue
            found.append(new)
            placed += 1
    return sorted(found, key=lambda incident: incident.start)


def patience(rng):
    """Seconds until a caller gives up, from the measured curve."""
    share = rng.random()
    for (before, low), (after, high) in zip(PATIENCE, PATIENCE[1:]):
        if share <= high:
            return before + (after - before) * (share - low) / (high - low)
    return PATIENCE[-1][0]


def load_factors(windows, rng):
    """The load's wandering: one factor per 5-minute window, with mean 1."""
    step = LOAD_SIGMA * math.sqrt(1 - LOAD_MEMORY**2)
    level = rng.gauss(0, LOAD_SIGMA)
    factors = []
    for _ in range(windows):
        factors.append(math.exp(level - LOAD_SIGMA**2 / 2))
        level = LOAD_MEMORY * level + rng.gauss(0, step)
    return factors


def simulate(skill, weeks, plan, rng):
    """The abandoned calls of one skill, by time; `plan` is the list of incidents.

    Also gives the number of calls offered.
    """
    end = weeks * WEEK
    mine = [incident for incident in plan if incident.concerns(skill.skill_id)]
    factors = load_factors(end // WINDOW, rng)
    # Whether the odd part of a planned agent is there is drawn once per half hour.
    odd = [rng.random() for _ in range(end // 1800)]

    def boost(time, kind):
        for incident in mine:
            if incident.start <= time < incident.end and incident.kind == kind:
                return 0.45 if kind == "agents" else 2.5
        return 1.0

    arrivals = []
    for window in range(end // WINDOW):
        base = offered_per_second(window * WINDOW, skill.scale) * factors[window]
        if base == 0:
            continue
        top = base * 2.5
        time = window * WINDOW + rng.expovariate(top)
        while time < (window + 1) * WINDOW:
            if rng.random() < boost(time, "arrivals") / 2.5:
                arrivals.append(time)
            time += rng.expovariate(top)

    def agents(time):
        planned = agents_planned(time, skill.scale) * boost(time, "agents")
        return int(planned + odd[int(time // 1800) % len(odd)])

    # Events of the queue: an agent becomes free, or somebody's patience ends, or the number of agents may have changed.
    abandoned = []
    queue = []  # (arrival, gives up at), in order of arrival
    head = 0
    busy = []  # when each busy agent is free again

    def serve(until):
        """Lets waiting callers be answered by agents who become free before `until`."""
        nonlocal head
        while head < len(queue):
            arrived, gives_up = queue[head]
            ready = arrived
            while busy and busy[0] <= ready:
                heapq.heappop(busy)
            # The earliest moment from `ready` on with fewer busy agents than there are.
            while True:
                room = agents(ready)
                if len(busy) < room:
                    break
                after = min(busy[0] if busy else math.inf, (ready // 60 + 1) * 60)
                if after >= gives_up or after >= until:
                    ready = after
                    break
                ready = after
                while busy and busy[0] <= ready:
                    heapq.heappop(busy)
            if ready >= gives_up:
                abandoned.append(Call(gives_up, gives_up - arrived))
                head += 1
                continue
            if ready >= until:
                return
            heapq.heappush(busy, ready + rng.expovariate(1 / HANDLING))
            head += 1

    for time in arrivals:
        serve(time)
        queue.append((time, time + patience(rng)))
        if head > 10_000:
            del queue[:head]
            head = 0
    serve(math.inf)
    abandoned.sort(key=lambda call: call.time)
    return abandoned, len(arrivals)


def main():
    """Prints the simulation's figures beside the bank's, for a skill of the bank's size and without incidents."""
    weeks = 8
    skill = Skill("0", "bank", 1.0)
    calls, offered = simulate(skill, weeks, [], random.Random(1))
    counts = {}
    hours = {}
    for call in calls:
        counts[int(call.time // WINDOW)] = counts.get(int(call.time // WINDOW), 0) + 1
        hours[int(call.time // 3600)] = hours.get(int(call.time // 3600), 0) + 1
    busy = [
        counts.get(window, 0)
        for window in range(weeks * WEEK // WINDOW)
        if 8 <= window * WINDOW % DAY / 3600 < 20
    ]
    ratios = []
    for hour in range(8, 20):
        values = [hours.get(day * 24 + hour, 0) for day in range(weeks * 7)]
        ratios.append(statistics.variance(values) / statistics.mean(values))
    waits = sorted(call.waited for call in calls)

    def percentile(share):
        return waits[int(share * len(waits))]

    rows = [
        ("offered calls a month", "38711", f"{offered / weeks * 31 / 7:.0f}"),
        ("abandoned share, %", "18.9", f"{100 * len(calls) / offered:.1f}"),
        ("5-minute windows 8-20 h: mean", "1.40", f"{statistics.mean(busy):.2f}"),
        ("  variance", "5.4", f"{statistics.variance(busy):.1f}"),
        ("  largest", "24", f"{max(busy)}"),
        ("  empty, %", "56", f"{100 * busy.count(0) / len(busy):.0f}"),
        ("hourly variance / mean", "15-27", f"{min(ratios):.0f}-{max(ratios):.0f}"),
        ("time to abandon: mean, s", "89", f"{statistics.mean(waits):.0f}"),
        ("  p10, p50, p90, s", "9, 54, 209", ", ".join(f"{percentile(share):.0f}" for share in (0.1, 0.5, 0.9))),
    ]
    for row in rows:
        print(f"{row[0]:34} {row[1]:>12} {row[2]:>14}")


if __name__ == "__main__":
    main()
