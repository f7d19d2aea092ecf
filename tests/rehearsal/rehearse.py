#!/usr/bin/env python3
"""Live rehearsal of the alerts: exporter, simulator, Prometheus and Alertmanager, with minutes that last a second.

    python3 tests/rehearsal/rehearse.py --exporter target/release/wolkvox-exporter

The rules and the Alertmanager's configuration are the real files, scaled: every duration in them is divided by 60, and so
are the few constants that are times (see `scaled_rules`). A window is then 5 s, a scrape comes every 0.5 s, and a page that
takes 15 minutes takes 15 s. A webhook stands for every receiver and records what a person would have got.

What must happen, in this order, in about eight minutes:
  - ordinary traffic, one call in seven lost: nothing is told;
  - many more calls in one skill, and no larger share of them lost: nothing is told;
  - an incident in one skill: one page, to that skill's supervisor, with the share that is lost, and one message when it is over;
  - an incident across the centre: one page for the whole operation;
  - an outage of the API while calls go on: one page for stale data, none for a spike when they are made good;
  - a revoked token: one page for the token and nothing else;
  - at the end everything is resolved.

Needs `prometheus`, `prometheus-alertmanager` (or `alertmanager`) on PATH. Exit 0 when all of it is as expected.
"""

import argparse
import datetime
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SPEED = 60
UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
DURATION = r"(?:\d+[dhms])+"
WINDOW = 5
SKILLS = {"4173": "Ventas", "4201": "Soporte", "4202": "Cobros", "4203": "Citas"}
# The example configuration of Alertmanager gives 4173 of `ventas` a supervisor of its own.
OPERATION = "ventas"
TOKEN = "a1" * 20
OTHER_TOKEN = "b2" * 20


def scaled(duration):
    """A duration such as 1h30m, divided by SPEED, in milliseconds."""
    seconds = sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", duration))
    return f"{seconds * 1000 // SPEED}ms"


def scaled_rules(text):
    """The rules with all times divided by SPEED.

    Times are: the durations after `interval:`, `for:`, `keep_firing_for:` and `offset`, those in square brackets, the
    seconds that coverage is divided by, and the thresholds of the data's age. Thresholds that count calls, and the time
    that callers wait, stay.
    """
    text = re.sub(rf"\b((?:interval|for|keep_firing_for): )({DURATION})\b", lambda m: m[1] + scaled(m[2]), text)
    text = re.sub(rf"\b(offset )({DURATION})\b", lambda m: m[1] + scaled(m[2]), text)
    text = re.sub(
        rf"\[({DURATION})(?::({DURATION}))?\]",
        lambda m: "[" + scaled(m[1]) + (":" + scaled(m[2]) if m[2] else "") + "]",
        text,
    )
    text = re.sub(r"((?:\)\) / |\) - ))(900|3600|7200|10800)\b", lambda m: f"{m[1]}{int(m[2]) // SPEED}", text)
    return re.sub(
        r"(record: wolkvox:threshold:data_\w+_seconds\s+expr: vector\()(\d+)", lambda m: f"{m[1]}{int(m[2]) // SPEED}", text
    )


def scaled_alertmanager(text, webhook):
    """The example configuration with all times divided by SPEED, working hours that are always, and webhooks for receivers."""
    text = re.sub(
        rf"\b((?:group_wait|group_interval|repeat_interval|resolve_timeout): )({DURATION})\b", lambda m: m[1] + scaled(m[2]), text
    )
    head, receivers = text.split("\nreceivers:\n")
    names = re.findall(r"^  - name: (\S+)$", receivers, re.MULTILINE)
    route = head.index("\nroute:\n")
    always = (
        "time_intervals:\n  - name: supervisors-hours\n    time_intervals:\n"
        "      - times: [{start_time: '00:00', end_time: '24:00'}]\n"
    )
    hooks = "".join(
        f"  - name: {name}\n"
        + ("" if name == "nobody" else f"    webhook_configs: [{{url: '{webhook}/{name}', send_resolved: true}}]\n")
        for name in names
    )
    return always + head[route:] + "\nreceivers:\n" + hooks


class Receiver(http.server.ThreadingHTTPServer):
    """Records every notification as (time, receiver, status, names of the alerts that fire, whole message)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), ReceiverHandler)
        self.told = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class ReceiverHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        firing = sorted(alert["labels"]["alertname"] for alert in message["alerts"] if alert["status"] == "firing")
        self.server.told.append((time.time(), self.path.lstrip("/"), message["status"], firing, message))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Traffic(threading.Thread):
    """Adds calls to the simulator, second by second; `rates` are abandoned calls per window and skill, `answered` the others."""

    def __init__(self, simulator):
        super().__init__(daemon=True)
        self.simulator = simulator
        self.rates = dict.fromkeys(SKILLS, 2)
        self.answered = dict.fromkeys(SKILLS, 12)
        self.owed = {}
        self.number = 0
        self.added = 0
        self.failure = None

    def run(self):
        try:
            following = time.time()
            while True:
                following += 1
                time.sleep(max(0, following - time.time()))
                self.second(int(time.time()))
        except Exception as failure:  # told by check(): a rehearsal without traffic proves nothing
            self.failure = failure

    def second(self, now):
        at = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        calls = []
        due = [("abandoned", *item) for item in self.rates.items()] + [("answered", *item) for item in self.answered.items()]
        for report, skill_id, rate in due:
            owed = self.owed.get((report, skill_id), 0.0) + rate / WINDOW
            self.owed[report, skill_id] = owed % 1
            for _ in range(int(owed)):
                self.number += 1
                calls.append(
                    {
                        "at": at,
                        "skill_id": skill_id,
                        "skill_name": SKILLS[skill_id],
                        "conn_id": f"1.2.3.{now - 40}.{self.number}",
                        "type_interaction": "inbound",
                        "report": report,
                        "result": "ABANDON" if report == "abandoned" else "ANSWER",
                        "waited": 40 if report == "abandoned" else 8,
                    }
                )
        if calls:
            request(f"{self.simulator}/control/calls", "POST", calls)
            self.added += sum(call["report"] == "abandoned" for call in calls)


def request(url, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, method=method)
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return answer.read().decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Processes:
    """Programs that run beside one another, each with a log of its own in the folder."""

    # Seconds.
    ANSWERS_WITHIN = 30
    ENDS_WITHIN = 10

    def __init__(self, folder):
        self.folder = folder
        self.processes = {}

    def start(self, name, *command):
        # One that is started anew goes on with its log.
        with open(self.folder / f"{name}.log", "a") as log:
            self.processes[name] = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)

    def stop(self):
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(self.ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def all_run(self):
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise SystemExit(f"{name} ended:\n" + (self.folder / f"{name}.log").read_text()[-2000:])

    def wait(self, url):
        """Until it is answered."""
        deadline = time.time() + self.ANSWERS_WITHIN
        while time.time() < deadline:
            self.all_run()
            try:
                request(url)
                return
            except OSError:
                time.sleep(0.2)
        raise SystemExit(f"no answer from {url}")


class Rehearsal(Processes):
    """The four processes and what was told."""

    def __init__(self, folder):
        super().__init__(folder)
        self.failures = []
        self.receiver = Receiver()

    def begin(self, exporter):
        folder = self.folder
        simulator, metrics, prometheus, alertmanager = (free_port() for _ in range(4))
        self.simulator = f"http://127.0.0.1:{simulator}"
        self.prometheus = f"http://127.0.0.1:{prometheus}"
        self.metrics = f"http://127.0.0.1:{metrics}"

        self.start("simulator", exporter, "simulate", "--listen", f"127.0.0.1:{simulator}", "--operation", OPERATION, "--token", TOKEN,
                   "--rate", "0.0001", "--skills", "1", "--lateness", "0s")  # fmt: skip
        self.token = folder / "token"
        self.token.write_text(TOKEN)
        self.token.chmod(0o600)
        config = folder / "exporter.yml"
        # The hold is longer than its part of 90 s: a catch-up may wait for the other report, and that wait, a few seconds, is not
        # divided by SPEED.
        config.write_text(
            f"""\
ledger: {folder / "ledger.db"}
defaults:
  reports: [abandoned, answered]
  timezone: America/Bogota
  interval: {WINDOW}s
  settle: 1s
  overlap: 1m
  hold: 5s
  timeout: 3s
  start: now
operations:
  - name: {OPERATION}
    server: {self.simulator}
    token_file: {self.token}
"""
        )
        self.wait(f"{self.simulator}/control/faults")
        self.start("exporter", exporter, "serve", "--config.file", config, "--web.listen-address", f"127.0.0.1:{metrics}")

        for source in (ROOT / "alerts").glob("*.rules.yml"):
            (folder / source.name).write_text(scaled_rules(source.read_text()))
        (folder / "prometheus.yml").write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "1s"},
                    "rule_files": [str(folder / "*.rules.yml")],
                    "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
                    "scrape_configs": [{"job_name": "wolkvox", "static_configs": [{"targets": [f"127.0.0.1:{metrics}"]}]}],
                }
            )
        )
        (folder / "alertmanager.yml").write_text(
            scaled_alertmanager((ROOT / "alerts/alertmanager.example.yml").read_text(), self.receiver.url)
        )
        self.start(
            "alertmanager",
            shutil.which("prometheus-alertmanager") or "alertmanager",
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{alertmanager}",
            "--cluster.listen-address=",
        )
        self.start(
            "prometheus",
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{prometheus}",
            "--query.lookback-delta=5s",
            "--rules.alert.resend-delay=1s",
        )
        self.wait(f"http://127.0.0.1:{alertmanager}/-/ready")
        self.wait(f"{self.prometheus}/-/ready")
        self.traffic = Traffic(self.simulator)
        self.traffic.start()
        self.began = time.time()

    def query(self, expression):
        url = f"{self.prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        return json.loads(request(url))["data"]["result"]

    def say(self, text):
        print(f"{time.time() - self.began:6.1f} s  {text}", flush=True)

    def act(self, title, seconds, until=None):
        """Lets time pass, at most `seconds`, until the condition holds; gives what was told meanwhile."""
        self.say(title)
        seen = len(self.receiver.told)
        end = time.time() + seconds
        while time.time() < end and not (until and until(self.receiver.told[seen:])):
            time.sleep(0.2)
        told = self.receiver.told[seen:]
        for _, receiver, status, firing, message in told:
            names = firing or sorted({alert["labels"]["alertname"] for alert in message["alerts"]})
            self.say(f"  told {receiver}: {status} {', '.join(names)}")
            for alert in message["alerts"][:1]:
                self.say(f"    {alert['annotations']['description_es']}")
        if self.traffic.failure:
            raise SystemExit(f"the traffic stopped: {self.traffic.failure}")
        return told

    def check(self, what, right):
        self.say(("  as expected: " if right else "  NOT AS EXPECTED: ") + what)
        if not right:
            self.failures.append(what)


def pages(told):
    """Firing notifications as (receiver, names)."""
    return [(receiver, firing) for _, receiver, status, firing, _ in told if status == "firing"]


def described(told):
    """What people read, in Spanish."""
    return [alert["annotations"]["description_es"] for *_, message in told for alert in message["alerts"]]


def resolved(told):
    return any(status == "resolved" for _, _, status, _, _ in told)


def rehearse(stage):
    traffic = stage.traffic
    # More than an hour, so that the rules know what the last hour was like: they know nothing of the weeks before.
    told = stage.act("ordinary traffic", 75)
    stage.check("nothing is told", told == [])
    stage.check("the data are trusted", len(stage.query("wolkvox:data_trusted")) == 1)

    traffic.rates["4173"], traffic.answered["4173"] = 10, 60
    told = stage.act("five times the calls in one skill, and the same share of them answered as before", 25)
    stage.check("nothing is told: a rise of which no larger part is lost", told == [])
    calls = "wolkvox:skill_calls:15m > wolkvox:skill_calls:spike_limit"
    stage.check("though there are calls enough for a page", len(stage.query(calls)) == 1)
    traffic.rates["4173"], traffic.answered["4173"] = 2, 12
    told = stage.act("as before", 25)
    stage.check("nothing is told", told == [])

    traffic.rates["4173"] = 40
    told = stage.act("incident in one skill", 30)
    stage.check("the page says what share is lost", any("Se pierde el" in line for line in described(told)))
    traffic.rates["4173"] = 2
    told += stage.act("incident over", 60, resolved)
    told += stage.act("quiet", 12)
    stage.check("one page, to the skill's supervisor", pages(told) == [("supervisor-ventas", ["WolkvoxAbandonmentSpike"])])
    stage.check("it is resolved", resolved(told))

    for skill_id in SKILLS:
        traffic.rates[skill_id] = 30
    told = stage.act("incident across the centre", 30)
    for skill_id in SKILLS:
        traffic.rates[skill_id] = 2
    told += stage.act("incident over", 60, resolved)
    told += stage.act("quiet", 12)
    stage.check("one page, for the whole operation", pages(told) == [("supervisors", ["WolkvoxAbandonmentSpikeAllSkills"])])
    stage.check("it is resolved", resolved(told))

    request(f"{stage.simulator}/control/faults", "POST", {"fault": "disconnect"})
    for skill_id in SKILLS:
        traffic.rates[skill_id] = 30
    told = stage.act("outage of the API; meanwhile many calls", 45)
    # Both reports are late, and told of together.
    stage.check("one page, for stale data", pages(told) == [("oncall-pager", 2 * ["WolkvoxDataStale"])])
    for skill_id in SKILLS:
        traffic.rates[skill_id] = 2
    told = stage.act("outage goes on with ordinary traffic", 20)
    request(f"{stage.simulator}/control/faults", "DELETE")
    told += stage.act("outage over", 60, resolved)
    told += stage.act("the calls of the outage are made good", 40)
    stage.check("nothing more is told but the end of it", pages(told) == [] and resolved(told))

    request(f"{stage.simulator}/control/token", "DELETE")
    told = stage.act("the token is revoked", 75)
    stage.check("one page, for the token alone", pages(told) == [("oncall-pager", ["WolkvoxTokenRejected"])])
    request(f"{stage.simulator}/control/token", "POST", {"token": OTHER_TOKEN})
    stage.token.write_text(OTHER_TOKEN)
    told = stage.act("a new token is in its file", 60, resolved)
    told += stage.act("quiet", 40)
    stage.check("it is resolved, and nothing more is told", pages(told) == [] and resolved(told))

    firing = stage.query('ALERTS{alertstate="firing"}')
    stage.check("nothing fires at the end", firing == [])
    if firing:
        stage.say(str([item["metric"] for item in firing]))
    totals = sum(
        float(line.rsplit(" ", 1)[1])
        for line in request(f"{stage.metrics}/metrics").splitlines()
        if line.startswith("wolkvox_abandoned_calls_total{")
    )
    stage.say(f"calls added {traffic.added}, counted {totals:.0f} (the difference is the window in progress)")
    stage.check("the calls of the outages are counted", 0 <= traffic.added - totals <= 40)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exporter", default=str(ROOT / "target/release/wolkvox-exporter"), help="the exporter's binary")
    parser.add_argument("--folder", type=pathlib.Path, help="where to keep logs and data (default: a temporary folder)")
    arguments = parser.parse_args()
    if not os.access(arguments.exporter, os.X_OK):
        sys.exit(f"{arguments.exporter} is not there; build it, or name it with --exporter")
    folder = arguments.folder or pathlib.Path(tempfile.mkdtemp(prefix="wolkvox-rehearsal-"))
    folder.mkdir(parents=True, exist_ok=True)
    stage = Rehearsal(folder)
    try:
        stage.begin(arguments.exporter)
        rehearse(stage)
    finally:
        stage.stop()
    if stage.failures:
        sys.exit(f"{len(stage.failures)} not as expected; logs and data are in {folder}")
    if not arguments.folder:
        shutil.rmtree(folder, ignore_errors=True)
    print("all as expected")


if __name__ == "__main__":
    main()
