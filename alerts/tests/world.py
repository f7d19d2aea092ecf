"""What Prometheus scrapes from an exporter in a small made-up world, in promtool's notation for series.

Times are seconds since the start of the test, which is also second 0 of the epoch. The exporter follows the contract:
windows on the grid, of five minutes by default, each read about a minute after its end, calls, histogram and complete_until moving in one
step, a new series at 0 for its hold, catching_up from the end of an outage until the hold has passed.
"""

import dataclasses

WINDOW = 300
# A window is read 60 s after its end, and the answer takes a moment.
READ_DELAY = 61
HOLD = 90
# An exporter that starts has read what is due after this long.
START_DELAY = 5


@dataclasses.dataclass
class Skill:
    """`calls` maps a window's number to the calls abandoned in it; `born` is the first window with any, None for old."""

    skill_id: str
    name: str
    calls: callable
    born: int | None = None
    type_interaction: str = "inbound"
    # (second, name): from that read on the skill has another name.
    renamed: tuple | None = None
    # Answered calls, like `calls`; None where that report is off.
    answered: callable = None


@dataclasses.dataclass
class World:
    """An exporter of one operation. Stretches are lists of (begin, end)."""

    operation: str
    skills: list
    length: int
    scrape: int = 30
    # The API fails: polls are made and fail.
    outages: list = dataclasses.field(default_factory=list)
    # The exporter's process is down: Prometheus scrapes and gets nothing.
    downs: list = dataclasses.field(default_factory=list)
    # Prometheus itself doesn't scrape.
    gaps: list = dataclasses.field(default_factory=list)
    instance: str = "exporter:10119"
    # How much later than the other report that of answered calls is read, and when it alone fails.
    answered_lag: int = 0
    answered_outages: list = dataclasses.field(default_factory=list)
    utc_offset: int = 0
    # Of the abandoned calls: per cent that waited for 10 s or less, and the mean of all in seconds.
    waits: tuple = ()
    window: int = WINDOW
    # Whether the exporter says when its process began.
    tells_starts: bool = False

    def __post_init__(self):
        self.reads = self._reads(self.outages)
        self.catching = catching_up(self.reads, self.window)
        self.answered_reads = [
            (at + self.answered_lag * (at > 0), until) for at, until in self._reads(self.outages + self.answered_outages)
        ]

    def _reads(self, outages):
        """(time, complete until) of every read that succeeds."""
        times = set(range(READ_DELAY, self.length + 1, self.window))
        times |= {end + START_DELAY for _, end in self.downs}
        reads = [(-self.window, 0)]
        for at in sorted(times):
            if within(at, outages) or within(at, self.downs):
                continue
            until = (at - READ_DELAY + 1) // self.window * self.window
            if until > reads[-1][1] or len(reads) == 1:
                reads.append((at, until))
        return reads

    def complete(self, at):
        return complete(self.reads, at)

    def answered_complete(self, at):
        return complete(self.answered_reads, at)

    def total(self, skill, at):
        """The counter, None before the series exists."""
        if skill.renamed and skill.renamed[0] <= at < skill.renamed[0] + HOLD:
            # The series under the new name shows its old value first.
            at = skill.renamed[0] - 1
        return self.held(skill, at, sum(map(skill.calls, range(self.complete(at) // self.window))))

    def held(self, skill, at, value):
        """None before the skill's series exist, 0 while they are new, then the value."""
        if skill.born is None:
            return value
        if self.complete(at) // self.window <= skill.born:
            return None
        first = next(read for read, until in self.reads if until > skill.born * self.window)
        # A hold that a restart interrupts begins again.
        for began, ended in sorted(self.downs):
            first = ended if first <= began < first + HOLD and ended <= at else first
        return 0 if at < first + HOLD else value

    def series(self):
        """All input series as (name with labels, values)."""
        found = []
        operation = f'operation="{self.operation}"'
        target = f'instance="{self.instance}",job="wolkvox"'

        def add(name, labels, value):
            labels = ",".join(label for label in (target, labels) if label)
            found.append((f"{name}{{{labels}}}", self.values(value)))

        for skill in self.skills:
            for name, shown in self._names(skill):
                labels = (
                    f'{operation},skill_id="{skill.skill_id}",skill_name="{name}",type_interaction="{skill.type_interaction}"'
                )
                add(
                    "wolkvox_abandoned_calls_total",
                    labels,
                    lambda at, skill=skill, shown=shown: self.total(skill, at) if shown(at) else None,
                )
            if self.waits:
                labels = f'{operation},skill_id="{skill.skill_id}",skill_name="{skill.name}",type_interaction="inbound"'
                short, mean = self.waits
                add("wolkvox_abandon_time_seconds_count", labels, lambda at, skill=skill: self.total(skill, at))
                add("wolkvox_abandon_time_seconds_sum", labels, lambda at, skill=skill: None if self.total(skill, at) is None else self.total(skill, at) * mean)
                add(
                    "wolkvox_abandon_time_seconds_bucket",
                    labels + ',le="10.0"',
                    lambda at, skill=skill: None if self.total(skill, at) is None else round(self.total(skill, at) * short / 100, 1),
                )
            if skill.answered:
                labels = f'{operation},skill_id="{skill.skill_id}",skill_name="{skill.name}",type_interaction="inbound"'

                def served(at, skill=skill):
                    # A label set that is known from one report stands in both families.
                    return self.held(skill, at, sum(map(skill.answered, range(self.answered_complete(at) // self.window))))

                add("wolkvox_answered_calls_total", labels, served)
                # Three in four within 20 s, 30 s on average.
                add("wolkvox_answer_time_seconds_count", labels, served)
                add("wolkvox_answer_time_seconds_sum", labels, lambda at, served=served: seconds(served(at)))
                add('wolkvox_answer_time_seconds_bucket', labels + ',le="20.0"', lambda at, served=served: in_time(served(at)))
        if any(skill.answered for skill in self.skills):
            answered = operation + ',report="answered"'
            add("wolkvox_complete_until_timestamp_seconds", answered, self.answered_complete)
            behind = catching_up(self.answered_reads, self.window)
            add("wolkvox_catching_up", answered, lambda at: int(within(at, behind)))
        operation += ',report="abandoned"'
        add("wolkvox_observed_utc_offset_seconds", operation, lambda at: self.utc_offset)
        add("wolkvox_complete_until_timestamp_seconds", operation, self.complete)
        add("wolkvox_catching_up", operation, lambda at: int(within(at, self.catching)))
        add("wolkvox_up", operation, lambda at: int(not within(at, self.outages)))
        if self.tells_starts:
            started = lambda at: max([0, *(end for _, end in self.downs if end <= at)])  # noqa: E731
            found.append((f"process_start_time_seconds{{{target}}}", self.values(started)))
        found.append((f"up{{{target}}}", self.values(lambda at: int(not within(at, self.downs)), always=True)))
        return found

    def _names(self, skill):
        if skill.renamed is None:
            return [(skill.name, lambda at: True)]
        second, name = skill.renamed
        return [(skill.name, lambda at: at < second), (name, lambda at: at >= second)]

    def values(self, value, always=False):
        """promtool's notation of what is scraped of a series; `always` for `up`, which Prometheus itself writes."""
        samples = []
        there = False
        for at in range(0, self.length + 1, self.scrape):
            if within(at, self.gaps):
                samples.append("_")
                continue
            now = None if within(at, self.downs) and not always else value(at)
            if now is None:
                # A series that vanishes from a scrape, or whose target is down, is marked as stale once.
                samples.append("stale" if there else "_")
                there = False
            else:
                samples.append(f"{now:g}" if isinstance(now, float) else str(now))
                there = True
        return compress(samples)


def complete(reads, at):
    return [until for read, until in reads if read <= at][-1]


def catching_up(reads, window):
    return [(at, at + HOLD) for (_, before), (at, until) in zip(reads, reads[1:]) if until - before > 2 * window]


def in_time(answered):
    """Three in four are answered within 20 s."""
    return None if answered is None else 0.75 * answered


def seconds(answered):
    """They wait for 30 s on average."""
    return None if answered is None else 30 * answered


def within(at, stretches):
    return any(begin <= at < end for begin, end in stretches)


def compress(samples):
    """promtool's short form: `3x4` is five samples of 3, `_x4` four missing ones."""
    parts = []
    begin = 0
    for end in range(1, len(samples) + 1):
        if end < len(samples) and samples[end] == samples[begin]:
            continue
        run = end - begin
        if samples[begin] == "_":
            parts.append(f"_x{run}")
        elif samples[begin] == "stale" or run == 1:
            parts.extend([samples[begin]] * run)
        else:
            parts.append(f"{samples[begin]}x{run - 1}")
        begin = end
    return " ".join(parts)
