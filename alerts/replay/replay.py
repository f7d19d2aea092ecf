#!/usr/bin/env python3
"""Months of simulated traffic through the rules: what is found, how soon, and how many pages are false.

    python3 alerts/replay/replay.py --exporter target/release/wolkvox-exporter      # the tables of alerts/README.md

The traffic and the true state of the queues come from the simulator (`wolkvox-exporter simulate --print queue`), several seeds
of it, at several sizes of centre; the numbers are those that the rules record (rule.py), with the thresholds as they stand
in wolkvox.rules.yml; judge.py says what a page is worth, planted.py what it finds of incidents that have their whole effect at
once, and optimum.py what the best test of counts could find. Nothing but Python's standard library is needed.
"""

import argparse
import csv
import io
import pathlib
import random
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import judge
import optimum
import planted
import rule

# Monday 2026-01-05, 00:00 in Bogotá.
FROM = "2026-01-05T05:00:00Z"
# Names of the sizes, by abandoned calls in a busy hour.
SIZES = [("3", 1.5, 5), ("7", 5, 9), ("11", 9, 15), ("22", 15, 32), ("44", 32, 80)]
FACTORS = (2, 3, 6)
# Days of a server without history, in windows; the rules say nothing in its first hour.
YOUNG = {"1": (rule.HOUR, rule.DAY), "2 to 4": (rule.DAY, 4 * rule.DAY), "5 to 14": (4 * rule.DAY, 2 * rule.WEEK)}
# The optimum is given as many false pages.
OPTIMUM_FALSE = 0.5
# Goals of the issue that asked for this: (size, factor): within 20 minutes, ever, per cent.
GOALS = {("22", 6): (80, 95), ("22", 3): (25, 60), ("11", 6): (50, 80), ("7", 6): (35, 60)}

RULES = {
    "the page": lambda skill, now: skill.unusual(now),
    "the page, without answered calls": lambda skill, now: skill.by_surprise(now) or skill.by_limit(now),
    "by surprise alone": lambda skill, now: skill.by_surprise(now),
    "by the absolute limit alone": lambda skill, now: skill.by_limit(now),
    "by the share alone": lambda skill, now: skill.share_over[now],
    "the ticket": lambda skill, now: skill.elevated(now),
}


def traffic(exporter, seed, rate, weeks, incidents):
    """The truth of each skill of one simulated centre."""
    text = subprocess.run(
        [exporter, "simulate", "--seed", str(seed), "--skills", "4", "--rate", str(rate)]
        + ["--incidents-per-week", str(incidents), "--print", "queue", "--from", FROM]
        + ["--for", f"{weeks * 7}d", "--window", f"{rule.WINDOW}s"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    skills = {}
    for line in csv.DictReader(io.StringIO(text)):
        skills.setdefault(line["skill_id"], []).append(line)
    for lines in skills.values():
        lines.sort(key=lambda line: int(line["window"]))
        yield judge.Truth(
            name=lines[0]["skill_name"],
            abandoned=[int(line["abandoned"]) for line in lines],
            answered=[int(line["answered"]) for line in lines],
            usual_abandoned=[float(line["usual_abandoned"]) for line in lines],
            usual_share=[float(line["usual_share"]) for line in lines],
            incident=[float(line["incident"]) if line["incident"] else None for line in lines],
        )


def play(job):
    """Of one simulated centre {(size, rule): score} and {(size, rule, days without history): score},
    {(size, factor, with answered calls): what planted.py found} and {size: [what optimum.py takes]}."""
    exporter, seed, rate, weeks, incidents = job
    scores, at_once, sized = {}, {}, {}
    for truth in traffic(exporter, seed, rate, weeks, incidents):
        busy = truth.busy_rate()
        size = next((name for name, least, most in SIZES if least <= busy < most), None)
        if size is None:
            continue
        skill = rule.Skill(truth.abandoned, truth.answered)
        for name, fires in RULES.items():
            score = judge.judge(truth, [fires(skill, now) for now in range(len(truth.abandoned))])
            scores.setdefault((size, name), judge.Score()).add(score)
        for (days, name), score in young(truth):
            scores.setdefault((size, name, days), judge.Score()).add(score)
        for factor in FACTORS:
            for with_answered in (True, False):
                found = planted.planted(truth, skill, factor, with_answered, random.Random(seed))
                add(at_once, (size, factor, with_answered), found)
        sized.setdefault(size, []).append(
            (truth.abandoned, truth.usual_abandoned, truth.without_incident(), truth.overloaded())
        )
    return scores, at_once, sized


def young(truth):
    """((days, rule), score) of a server that begins with the first week after the history of the others."""
    first = truth.part(judge.HISTORY, judge.HISTORY + 2 * rule.WEEK)
    for name, answered in (("the page", first.answered), ("the page, without answered calls", None)):
        skill = rule.Skill(first.abandoned, answered)
        fires = [RULES[name](skill, now) for now in range(len(first.abandoned))]
        for days, (begin, end) in YOUNG.items():
            yield (days, name), judge.judge(first.part(0, end), fires[:end], begin)


def add(sums, key, numbers):
    sums[key] = [old + new for old, new in zip(sums.get(key, [0] * len(numbers)), numbers)]


def best(job):
    traffic, factor = job
    return optimum.optimum(traffic, factor, OPTIMUM_FALSE, judge.LENGTHS, judge.DELAY_SECONDS, judge.SOON_SECONDS)


def goal(size, factor):
    return " / ".join(map(str, GOALS.get((size, factor), ())))


def percent(pairs):
    """Of (how many, of how many) each."""
    return " / ".join(f"{100 * hits / of:.0f}" if of else "-" for hits, of in pairs)


def tables(scores, at_once, optima):
    yield "| abandoned an hour | incident of the queue | found within 20 min, % | ever, % | of | overloaded by then, % | goal |"
    yield "|---|---|---|---|---|---|---|"
    for size, _, _ in SIZES:
        score = scores.get((size, "the page"))
        for factor in FACTORS if score else ():
            known = score.known.get(factor, [])
            yield (
                f"| {size} | x{factor} | {judge.interval(*score.soon(factor))} | {judge.interval(*score.ever(factor))}"
                f" | {score.ever(factor)[1]} | {percent((judge.soon(known), judge.ever(known)))} | {goal(size, factor)} |"
            )
    yield ""
    yield (
        "| abandoned an hour | effect at once | found within 20 min, % | ever, % | of"
        " | without answered calls, % | optimum of counts, % | goal |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for (size, factor), optimum in optima.items():
        (soon, ever, of), (soon_by_counts, ever_by_counts, of_counts) = (at_once[size, factor, share] for share in (True, False))
        by_counts = percent(((soon_by_counts, of_counts), (ever_by_counts, of_counts)))
        yield (
            f"| {size} | x{factor} | {judge.interval(soon, of)} | {judge.interval(ever, of)} | {of}"
            f" | {by_counts} | {percent((share, 1) for share in optimum)} | {goal(size, factor)} |"
        )
    yield ""
    yield "| rule | abandoned an hour | pages a week | false a week | overloads paged, % | of | lasting ones, % | of |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in RULES:
        for size, _, _ in SIZES:
            if score := scores.get((size, name)):
                yield (
                    f"| {name} | {size} | {score.pages / score.weeks:.2f} | {score.false / score.weeks:.2f}"
                    f" | {judge.interval(score.overloads_paged, score.overloads)} | {score.overloads}"
                    f" | {judge.interval(score.lasting_paged, score.lasting)} | {score.lasting} |"
                )
    yield ""
    yield "| rule, without history | days | abandoned an hour | pages a week | false a week | overloads paged, % | lasting ones, % | of |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in list(RULES)[:2]:
        for days in YOUNG:
            for size, _, _ in SIZES:
                if score := scores.get((size, name, days)):
                    yield (
                        f"| {name} | {days} | {size} | {score.pages / score.weeks:.1f} | {score.false / score.weeks:.1f}"
                        f" | {percent([(score.overloads_paged, score.overloads)])}"
                        f" | {percent([(score.lasting_paged, score.lasting)])} | {score.lasting} |"
                    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exporter", default="target/release/wolkvox-exporter", help="the binary with the simulator")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9])
    parser.add_argument("--rates", type=float, nargs="+", default=[1, 2, 3], help="sizes of the centre")
    parser.add_argument("--weeks", type=int, default=16, help="weeks in all; the first four are history")
    parser.add_argument("--incidents", type=float, default=1, help="a week and skill")
    arguments = parser.parse_args()
    jobs = [
        (arguments.exporter, seed, rate, arguments.weeks, arguments.incidents)
        for seed in arguments.seeds
        for rate in arguments.rates
    ]
    scores, at_once, sized = {}, {}, {}
    with ProcessPoolExecutor() as pool:
        for found, planted_found, traffic in pool.map(play, jobs):
            for key, numbers in planted_found.items():
                add(at_once, key, numbers)
            for key, score in found.items():
                scores.setdefault(key, judge.Score()).add(score)
            for size, skills in traffic.items():
                sized.setdefault(size, []).extend(skills)
        cells = [(size, factor) for size, _, _ in SIZES if size in sized for factor in FACTORS]
        optima = dict(zip(cells, pool.map(best, [(sized[size], factor) for size, factor in cells])))
    for line in tables(scores, at_once, optima):
        print(line)


if __name__ == "__main__":
    main()
