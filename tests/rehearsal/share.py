#!/usr/bin/env python3
"""The share of lost calls against the truth, for two hours of real time: is each number right, or not there?

    python3 tests/rehearsal/share.py --exporter target/release/wolkvox-exporter
    python3 tests/rehearsal/share.py --evaluate FOLDER

One exporter, one simulator, and six Prometheus servers with the shipped rules as they are: 2.42 and 3.x, each scraping every
15, 30 and 60 s. Two operations have the same calls, one read every minute and one every five minutes. What happens, in minutes
(`TIMETABLE`): the exporter is killed; the local day begins; a skill has a new type of interaction; the report of answered calls
alone fails and is made good; a skill is new; one skill loses more calls than it answers, to the end.

What was asked, what happened when, and the true calls so far are kept in FOLDER beside the servers' own data. `--evaluate`
compares as much as there is (`share_judge.py`), while it runs or at any time afterwards.

Needs `prometheus` on PATH, and a Prometheus 3, which tests/tools/prometheus3 brings. Exit 0 when every number is right.
"""

import argparse
import datetime
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zoneinfo

import share_judge
from rehearse import ROOT, Processes, free_port, request

# Minutes since the beginning.
TIMETABLE = {"kill": 4, "new type": 14, "outage": 23, "outage over": 34, "new skill": 64, "overload": 60, "end": 103}
# The local midnight comes so soon: time for the zone to be recognised, and for one window of five minutes.
MIDNIGHT = 8
INTERVALS = (15, 30, 60)
OPERATIONS = {"minute": "1m", "five": "5m"}
# Offered calls an hour, and the share that is lost: too few for a page by their number alone, on a server without history.
SKILLS = {"4173": ("Ventas", 360, 0.12), "4201": ("Soporte", 240, 0.10), "4202": ("Cobros", 120, 0.20), "4203": ("Citas", 24, 0.25)}
OVERLOADED, OVERLOAD, LOST = "4173", 1.5, 0.6
WITH_NEW_TYPE = "4201"
NEW_SKILL = ("4209", "Reclamos", 120, 0.15)
# Rows are in the reports before their window is read, 60 s after its end, so that no call is late.
LATEST_ROW = 58


def soonest_midnight(after):
    """(zone, instant) of the first local midnight that is not before `after`, anywhere."""
    found = []
    for name in sorted(zoneinfo.available_timezones() - {"localtime"}):
        local = datetime.datetime.fromtimestamp(after, zoneinfo.ZoneInfo(name))
        seconds = local.hour * 3600 + local.minute * 60 + local.second
        # The same offset before and after: it is known from the rows before midnight.
        midnight = after + (86_400 - seconds) % 86_400
        if "/" in name and datetime.datetime.fromtimestamp(midnight, zoneinfo.ZoneInfo(name)).utcoffset() == local.utcoffset():
            found.append((midnight, name))
    midnight, name = min(found)
    return name, midnight


def calls(begin, seed):
    """All calls that there will be, as the simulator takes them."""
    dice = random.Random(seed)
    made = []
    skills = {**SKILLS, NEW_SKILL[0]: NEW_SKILL[1:]}
    for skill_id, (name, offered, lost) in skills.items():
        at = begin
        while True:
            minute = (at - begin) / 60
            overload = skill_id == OVERLOADED and minute >= TIMETABLE["overload"]
            at += dice.expovariate(offered * (OVERLOAD if overload else 1) / 3600)
            if at > begin + 60 * TIMETABLE["end"] + 300:
                break
            abandoned = dice.random() < (LOST if overload else lost)
            waited = round(dice.expovariate(1 / (120 if overload else 60 if abandoned else 15)))
            kinds = ["inbound", "inbound", "inbound", "out_pre"]
            kinds += ["chat-web"] * (skill_id == WITH_NEW_TYPE and minute >= TIMETABLE["new type"])
            kind = dice.choice(kinds)
            latest = dice.uniform(1, LATEST_ROW)
            if skill_id == NEW_SKILL[0] and minute < TIMETABLE["new skill"]:
                continue
            end = int(at)
            made.append(
                {
                    "at": end,
                    "visible_at": end + int(latest),
                    "skill_id": skill_id,
                    "skill_name": name,
                    "conn_id": f"1.2.3.{end - waited}.{len(made)}" if not kind.startswith("chat") else str(10**9 + len(made)),
                    "type_interaction": kind,
                    "report": "abandoned" if abandoned else "answered",
                    "result": "ABANDON" if abandoned else "ANSWER",
                    "waited": waited,
                }
            )
    return made


class Stage(Processes):
    """The processes, what happened, and what is true."""

    # Six of them are Prometheus, which stores what it has when it ends.
    ANSWERS_WITHIN = 60
    ENDS_WITHIN = 60

    def __init__(self, folder, exporter):
        super().__init__(folder)
        self.exporter = exporter
        self.told_until = dict.fromkeys(OPERATIONS, 0)

    def begin(self, seed):
        simulator, metrics = free_port(), free_port()
        self.simulator = f"http://127.0.0.1:{simulator}"
        self.began = int(time.time())
        zone, midnight = soonest_midnight(self.began + 60 * MIDNIGHT)
        self.start("simulator", self.exporter, "simulate", "--listen", f"127.0.0.1:{simulator}", "--zone", zone, "--rate", "0",
                   "--skills", "1", *(f"--operation={name}" for name in OPERATIONS),
                   *(f"--token={self.token(name)}" for name in OPERATIONS))  # fmt: skip
        self.wait(f"{self.simulator}/control/faults")
        all_calls = calls(self.began, seed)
        for name in OPERATIONS:
            for first in range(0, len(all_calls), 200):
                request(f"{self.simulator}/control/calls?operation={name}", "POST", all_calls[first : first + 200])
        (self.folder / "exporter.yml").write_text(self.configuration(zone))
        self.serving = (self.exporter, "serve", "--config.file", self.folder / "exporter.yml",
                        "--web.listen-address", f"127.0.0.1:{metrics}")  # fmt: skip
        self.start("exporter", *self.serving)
        self.wait(f"http://127.0.0.1:{metrics}/-/ready")
        for rules in (ROOT / "alerts").glob("*.rules.yml"):
            shutil.copy(rules, self.folder)
        servers = {}
        for version, binary in (("2", shutil.which("prometheus")), ("3", prometheus3())):
            for seconds in INTERVALS:
                name = f"prometheus{version}-{seconds}s"
                servers[name] = {"binary": binary, "port": free_port()}
                self.start_prometheus(name, servers[name], seconds, metrics)
        facts = {
            "began": self.began,
            "midnight": midnight,
            "zone": zone,
            "seed": seed,
            "calls": len(all_calls),
            "timetable": TIMETABLE,
            "operations": OPERATIONS,
            "servers": servers,
        }
        (self.folder / "facts.json").write_text(json.dumps(facts, indent=1))
        self.note(f"began; {len(all_calls)} calls for each of two operations; midnight of {zone} in {(midnight - self.began) / 60:.0f} min")
        for name, server in servers.items():
            self.wait(f"http://127.0.0.1:{server['port']}/-/ready")

    def configuration(self, zone):
        operations = ""
        for name, interval in OPERATIONS.items():
            (self.folder / f"{name}.token").write_text(self.token(name))
            (self.folder / f"{name}.token").chmod(0o600)
            operations += (
                f"  - {{name: {name}, server: '{self.simulator}', token_file: {self.folder}/{name}.token, interval: {interval}}}\n"
            )
        # More than two scrapes of the slowest server.
        return f"""\
ledger: {self.folder}/ledger.db
defaults:
  reports: [abandoned, answered]
  timezone: {zone}
  hold: 150s
operations:
{operations}"""

    def token(self, name):
        return name.encode().hex().ljust(40, "0")

    def start_prometheus(self, name, server, seconds, metrics):
        config = {
            "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": "1m"},
            "rule_files": [str(self.folder / "*.rules.yml")],
            "scrape_configs": [{"job_name": "wolkvox", "static_configs": [{"targets": [f"127.0.0.1:{metrics}"]}]}],
        }
        (self.folder / f"{name}.yml").write_text(json.dumps(config))
        self.start(name, server["binary"], f"--config.file={self.folder}/{name}.yml", f"--storage.tsdb.path={self.folder}/{name}",
                   f"--web.listen-address=127.0.0.1:{server['port']}")  # fmt: skip

    def note(self, text):
        now = time.time()
        with open(self.folder / "events.jsonl", "a") as events:
            events.write(json.dumps({"at": now, "what": text}) + "\n")
        print(f"{(now - self.began) / 60:6.1f} min  {text}", flush=True)

    def keep_truth(self):
        """The simulator's true calls since the last time, as lines."""
        until = int(time.time())
        for name in OPERATIONS:
            begin = self.told_until[name] or self.began - 60
            told = json.loads(request(f"{self.simulator}/control/truth?operation={name}&from={begin}&to={until}"))
            with open(self.folder / f"truth-{name}.jsonl", "a") as truth:
                for call in told:
                    kept = {key: call[key] for key in ("epoch", "skill_id", "abandoned", "answered", "waited")}
                    truth.write(json.dumps(kept) + "\n")
            self.told_until[name] = until

    def play(self):
        acts = {
            "kill": self.kill,
            "outage": lambda: request(
                f"{self.simulator}/control/faults", "POST", {"fault": "status", "status": 503, "report": "answered"}
            ),
            "outage over": lambda: request(f"{self.simulator}/control/faults", "DELETE"),
        }
        due = sorted(TIMETABLE.items(), key=lambda act: act[1])
        while due:
            time.sleep(max(0, min(10, self.began + 60 * due[0][1] - time.time())))
            if time.time() - max(self.told_until.values()) >= 60:
                self.keep_truth()
            while due and time.time() >= self.began + 60 * due[0][1]:
                name, _ = due.pop(0)
                acts.get(name, lambda: None)()
                self.note(name)
            self.all_run()

    def kill(self):
        self.processes["exporter"].kill()
        self.processes["exporter"].wait()
        self.start("exporter", *self.serving)


def prometheus3():
    folder = subprocess.run([ROOT / "tests/tools/prometheus3"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    return f"{folder}/prometheus"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exporter", default=str(ROOT / "target/release/wolkvox-exporter"), help="the exporter's binary")
    parser.add_argument("--folder", type=pathlib.Path, help="where to keep everything (default: a temporary folder)")
    parser.add_argument("--seed", type=int, default=13, help="of the calls")
    parser.add_argument("--evaluate", type=pathlib.Path, metavar="FOLDER", help="compare what an earlier run has kept so far")
    arguments = parser.parse_args()
    if arguments.evaluate:
        sys.exit(share_judge.evaluate(arguments.evaluate))
    if not os.access(arguments.exporter, os.X_OK):
        sys.exit(f"{arguments.exporter} is not there; build it, or name it with --exporter")
    folder = (arguments.folder or pathlib.Path(tempfile.mkdtemp(prefix="wolkvox-share-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"everything is kept in {folder}", flush=True)
    stage = Stage(folder, str(pathlib.Path(arguments.exporter).resolve()))
    try:
        stage.begin(arguments.seed)
        stage.play()
        stage.keep_truth()
        found = share_judge.evaluate(folder)
    finally:
        stage.stop()
    sys.exit(found)


if __name__ == "__main__":
    main()
