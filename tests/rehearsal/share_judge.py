"""Compares what six Prometheus servers said of the share with the truth, of a run of share.py or as much as there is of it.

Each recorded metric of the share, the service level and the mean wait is asked for as a board asks, at an instant every 15
seconds. What it says must be what follows from the true calls of its span, which ends where both reports were complete at that
instant (`wolkvox:both_reports:complete_until`), or it must not be there. And where it must be there, it must: once its span has
been read, and again its span after both reports are current; the day's as soon as they are.
"""

import bisect
import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from rehearse import free_port, request

STEP = 15
SPANS = {"15m": 900, "1h": 3600, "today": None}
FIGURES = ("share", "adjusted_share", "service_level", "answer_time_mean_seconds")
SHORT, IN_TIME = 10, 20
# Of a share in percentage points; of a mean wait in seconds.
ALLOWED = 0.1
# A scrape and an evaluation, each once a minute.
SLACK = 180
# With windows of a minute one may pass between two evaluations, now and then: then there is no number.
LEAST_PRESENT = 0.9


class Truth:
    """The true calls of an operation, summed up by second: of one skill, or of all."""

    def __init__(self, lines):
        calls = [json.loads(line) for line in lines]
        self.skills = sorted({call["skill_id"] for call in calls})
        self.parts = {skill: self.summed([call for call in calls if skill in (None, call["skill_id"])]) for skill in (None, *self.skills)}

    @staticmethod
    def summed(calls):
        calls.sort(key=lambda call: call["epoch"])
        sums = [(0, 0, 0, 0, 0)]
        for call in calls:
            lost, waited = call["abandoned"], call["waited"]
            new = (lost, lost and waited <= SHORT, not lost, not lost and waited <= IN_TIME, 0 if lost else waited)
            sums.append(tuple(old + int(more) for old, more in zip(sums[-1], new)))
        return [call["epoch"] for call in calls], sums

    def figure(self, name, skill, begin, end):
        """None where there is none."""
        epochs, sums = self.parts[skill]
        first, last = (bisect.bisect_left(epochs, at) for at in (begin, end))
        lost, short, answered, in_time, waited = (after - before for before, after in zip(sums[first], sums[last]))
        part, whole = {
            "share": (lost, lost + answered),
            "adjusted_share": (lost - short, lost - short + answered),
            "service_level": (in_time, lost + answered),
            "answer_time_mean_seconds": (waited, answered),
        }[name]
        return part / whole if whole else None


class Server:
    """A Prometheus of the run: the one that still goes on, or one that serves what it has stored."""

    def __init__(self, folder, name, facts, stack):
        self.url = f"http://127.0.0.1:{facts['port']}"
        with socket.socket() as probe:
            lives = probe.connect_ex(("127.0.0.1", facts["port"])) == 0
        if not lives:
            port = free_port()
            self.url = f"http://127.0.0.1:{port}"
            nothing = folder / "nothing.yml"
            nothing.write_text("{}")
            log = stack.enter_context(open(folder / f"{name}.evaluated.log", "w"))
            process = subprocess.Popen(
                [facts["binary"], f"--config.file={nothing}", f"--storage.tsdb.path={folder / name}",
                 "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.terminate)
        for _ in range(150):
            with contextlib.suppress(OSError):
                request(f"{self.url}/-/ready")
                return
            time.sleep(0.2)
        raise SystemExit(f"{name} is not ready: see {folder}/{name}.evaluated.log")

    def asked(self, expression, begin, end):
        """Answers as (labels, {instant: value})."""
        body = urllib.parse.urlencode({"query": expression, "start": begin, "end": end, "step": STEP}).encode()
        with urllib.request.urlopen(f"{self.url}/api/v1/query_range", body, timeout=60) as answer:
            result = json.load(answer)["data"]["result"]
        return [(series["metric"], {at: float(value) for at, value in series["values"]}) for series in result]


class Row:
    """What was seen of one figure and span of one operation, over all skills or of the whole."""

    def __init__(self):
        self.numbers = self.wrong = self.unfounded = 0
        self.worst = 0.0
        self.instants = []

    def add(self, at, said, true, unit):
        self.numbers += 1
        self.instants.append(at)
        if true is None:
            self.unfounded += 1
            return
        difference = abs(said - true) * unit
        self.worst = max(self.worst, difference)
        self.wrong += difference > ALLOWED


def evaluate(folder):
    """Prints a table, and gives the exit code."""
    facts = json.loads((folder / "facts.json").read_text())
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    happened = {event["what"]: event["at"] for event in events}
    began, midnight = facts["began"], facts["midnight"]
    faults = []
    with contextlib.ExitStack() as stack:
        for name, server in facts["servers"].items():
            prometheus = Server(folder, name, server, stack)
            for operation, interval in facts["operations"].items():
                truth = Truth((folder / f"truth-{operation}.jsonl").read_text().splitlines())
                end = int(min(time.time(), happened.get("end", time.time())))
                faults += of_operation(prometheus, name, operation, interval, truth, (began, end, midnight), happened)
            alerts(prometheus, name, began, end)
    for fault in faults:
        print(f"NOT AS IT SHOULD BE: {fault}")
    print("every number is right, and is there where it must be" if not faults else f"{len(faults)} faults")
    return 1 if faults else 0


def of_operation(prometheus, name, operation, interval, truth, times, happened):
    began, end, midnight = times
    selected = f'{{operation="{operation}"}}'
    complete = prometheus.asked(f"wolkvox:both_reports:complete_until{selected}", began, end)
    complete = complete[0][1] if complete else {}
    # Where truth is not known yet, nothing is compared.
    complete = {at: until for at, until in complete.items() if until <= end - 60}
    current, again = currents(complete, happened)
    held = prometheus.asked(f"count(wolkvox:skill_service:held{selected})", began, end)
    held = sorted(held[0][1]) if held else []
    window = {"1m": 60, "5m": 300}[interval]
    faults = []
    for whose, skills in (("operation", (None,)), ("skill", truth.skills)):
        for span, seconds in SPANS.items():
            for figure in FIGURES:
                row = Row()
                for labels, said in prometheus.asked(f"wolkvox:{whose}_{figure}:{span}{selected}", began, end):
                    skill = labels.get("skill_id")
                    for at, value in said.items():
                        if at not in complete:
                            row.unfounded += at <= max(complete, default=0)
                            continue
                        begin = complete[at] - seconds if seconds else midnight
                        true = truth.figure(figure, skill, begin, complete[at])
                        # A span that began before the counting did, or a day: never to be told.
                        founded = min(complete.values()) <= begin < complete[at]
                        row.add(at, value, true if founded else None, 100 if "seconds" not in figure else 1)
                where = f"{name}, {operation}: wolkvox:{whose}_{figure}:{span}"
                if row.wrong or row.unfounded:
                    faults.append(f"{where}: {row.wrong} wrong, {row.unfounded} where there can be none, of {row.numbers}")
                row.instants.sort()
                if whose == "operation":
                    times = (current, again, end, midnight)
                    faults += [f"{where}: {fault}" for fault in missing(row, span, times, window, held, happened)]
                if (whose, figure) == ("operation", "share"):
                    print(f"{name:15} {operation:7} share of {span:5}: {row.numbers:4} numbers, off by {row.worst:.1e} points at most, in "
                          f"minutes {minutes(row.instants, began)}")  # fmt: skip
    return faults


def currents(complete, happened):
    """When both reports were first current, and when they were again after the outage."""
    after = [at for at in complete if "outage over" in happened and at > happened["outage over"]]
    return min(complete, default=None), min(after, default=None)


def missing(row, span, times, window, held, happened):
    """Where there must be a number, and is none. Where a span begins or ends in a minute in which a series was new, there needs none."""
    current, again, end, midnight = times
    if current is None:
        return
    seconds = SPANS[span]
    outage = happened.get("outage", end)
    if seconds is None:
        needed = [(midnight + 2 * window + 60 + SLACK, outage), (again and again + SLACK, end)]
    else:
        needed = [(begin and begin + seconds + window + SLACK, until) for begin, until in ((current, outage), (again, end))]
    for begin, until in needed:
        instants = range(int(begin or end), int(min(until, end - 120)), STEP)
        instants = [at for at in instants if not near(held, at, SLACK) and not (seconds and near(held, at - seconds, window + SLACK))]
        absent = [at for at in instants if not near(row.instants, at, STEP)]
        if len(absent) > (1 - LEAST_PRESENT) * len(instants):
            first = time.strftime("%H:%M:%S", time.gmtime(absent[0]))
            yield f"no number at {len(absent)} of {len(instants)} instants where it must be there, first {first}"


def near(instants, at, within):
    """Whether one of the sorted instants is so near."""
    place = bisect.bisect_left(instants, at - within)
    return place < len(instants) and instants[place] <= at + within


def stretches(instants):
    """(first, last) of each run of instants without a gap."""
    edges = [at for at, following in zip(instants, instants[1:]) if following - at > 2 * STEP]
    firsts = instants[:1] + [following for at, following in zip(instants, instants[1:]) if following - at > 2 * STEP]
    return list(zip(firsts, edges + instants[-1:]))


def minutes(instants, began):
    """As `23-38, 53-62`."""
    return ", ".join(f"{(first - began) / 60:.0f}-{(last - began) / 60:.0f}" for first, last in stretches(instants)) or "never"


def alerts(prometheus, name, began, end):
    """What fired, when."""
    for labels, values in prometheus.asked('ALERTS{alertstate="firing"}', began, end):
        of = ", ".join(labels[key] for key in ("operation", "skill_id", "report") if key in labels)
        print(f"{name:15} fired: {labels['alertname']} ({of}) in minutes {minutes(sorted(values), began)}")


if __name__ == "__main__":
    sys.exit("see share.py")
