#!/usr/bin/env python3
"""Makes the pictures in dashboards/images from the simulator's traffic and the shipped rules.

    python3 tests/dashboards/pictures.py --exporter target/debug/wolkvox-exporter --draw 'PROGRAM {dashboard} …'

Five weeks and a day of a simulated centre, with the incidents that it has of itself, go through the model of the exporter into
a real Prometheus; the shipped rules are evaluated over the last day (evaluated.py), and what is red or firing on the pictures is
what they say. It fails unless the skill with the incident is paged for, and nothing else.

PROGRAM draws one dashboard: `{dashboard}` is its file, `{prometheus}` the address, `{from}` and `{to}` the range in milliseconds,
`{out}` the picture, `{width}` and `{theme}` how it is to look; its TZ is the centre's. Without --draw the Prometheus stays for a
Grafana of one's own. Needs `prometheus` and `promtool`; some minutes.
"""

import argparse
import collections
import contextlib
import dataclasses
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import records
from evaluated import Evaluation, rules
from history import History
from scenarios import Scenario
from stored import serve
from traffic import WINDOW, Answered, Call, Skill, local

ROOT = Path(__file__).resolve().parents[2]
# The centre, and half an hour into an incident of its own in which the agents of a skill are too few.
SIMULATED = ["--seed", "4", "--skills", "8", "--rate", "2", "--incidents-per-week", "1", "--operation", "ventas"]
STRUCK = "4173"
SCENE = Scenario(name="simulated", skills=(), end=local("2026-03-18 18:27"), weeks=5, hours=13, scrape=60, answered=True, rules=False)
PICTURES = {"abandono": 8, "exporter": 8}  # hours shown
# Before the range shown begins, what is recorded needs as much of the past itself.
RECORDED_BEFORE = 4 * 3600
# Every minute where an alert may begin; before that once a window.
EACH_MINUTE = 45 * 60


def simulated(exporter, start, end):
    """Calls as the simulator printed them; the time zone and its days are those of the operation."""
    command = [exporter, "simulate", *SIMULATED, "--print", "calls", "--from", str(start), "--for", f"{end - start}s"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in printed.splitlines()]


class Simulated(History):
    def __init__(self, exporter):
        start = (SCENE.end - SCENE.hours * 3600 - SCENE.weeks * 7 * 86400) // WINDOW * WINDOW
        self.printed = simulated(exporter, start, SCENE.end)
        skills = {self.skill(call): None for call in self.printed}
        super().__init__(dataclasses.replace(SCENE, skills=tuple(skills)))
        records.weeks(self)

    @staticmethod
    def skill(call):
        """One series of the exporter: a skill and a type of interaction."""
        return Skill(call["operation"], call["skill_id"], call["skill_name"], 0, call["type_interaction"])

    @staticmethod
    def difference(number):
        return 0  # The simulator's totals are those of its calls.

    def draw(self):
        windows = (self.scenario.end - self.start) // WINDOW + 1
        answered = collections.defaultdict(lambda: [Answered() for _ in range(windows)])
        calls = []
        for call in self.printed:
            skill = self.skill(call)
            if call["abandoned"]:
                calls.append(Call(call["epoch"], skill, call["waited"]))
            answered[skill]
            if call["answered"]:
                window = answered[skill][(call["epoch"] - self.start) // WINDOW]
                window.calls += 1
                window.in_time += call["waited"] <= 20
                window.seconds += call["waited"]
        return sorted(calls, key=lambda call: call.ended), dict(answered)


def evaluate(prometheus, end):
    """The rules over what is shown; the alerts that fire at the end."""
    evaluation = Evaluation(prometheus, rules())
    first = end - max(PICTURES.values()) * 3600 - RECORDED_BEFORE
    # Off the grid of windows, as it comes out in life.
    moments = [*range(first // WINDOW * WINDOW + 140, end - EACH_MINUTE, WINDOW), *range(end - EACH_MINUTE, end + 1, 60)]
    for moment in moments:
        evaluation.at(moment)
    return evaluation.firing()


def draw(program, dashboard, url, end, hours, out, width=1600, theme="dark"):
    """Runs PROGRAM, which draws one dashboard, for so many hours up to `end`."""
    known = {
        "dashboard": dashboard,
        "prometheus": url,
        "from": (end - hours * 3600) * 1000,
        "to": end * 1000,
        "out": out,
        "width": width,
        "theme": theme,
    }
    command = [part.format(**known) for part in shlex.split(program)]
    subprocess.run(command, check=True, env={**os.environ, "TZ": "America/Bogota"})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exporter", default=str(ROOT / "target/debug/wolkvox-exporter"), help="the binary with the simulator")
    parser.add_argument("--draw", help="command that draws one dashboard; without it the Prometheus is left for a Grafana")
    parser.add_argument("--out", type=Path, default=ROOT / "dashboards/images")
    options = parser.parse_args()
    with serve(SCENE, history=Simulated(options.exporter), writable=True) as (history, prometheus):
        firing = evaluate(prometheus, SCENE.end)
        for alert, found in firing.items():
            for labels in found:
                print(f"fires: {alert} {labels}")
        paged = [labels.get("skill_id") for labels in firing.get("WolkvoxAbandonmentSpike", [])]
        if paged != [STRUCK]:
            sys.exit(f"the pictures would show pages for {paged}, where there is an incident in {STRUCK}")
        if not options.draw:
            print(f"{prometheus.url} holds the scene, up to {SCENE.end}", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
        for name, hours in PICTURES.items() if options.draw else ():
            board = ROOT / "dashboards" / "es" / f"{name}.json"
            draw(options.draw, board, prometheus.url, SCENE.end, hours, options.out / f"{name}.png")


if __name__ == "__main__":
    main()
