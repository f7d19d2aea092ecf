#!/usr/bin/env python3
"""Measures the release binary with many operations that are all due at once, the simulator beside it.

    cargo build --release
    python3 benches/many.py                        # 1,000 operations with 20 skills each, windows of a minute
    python3 benches/many.py --operations 5000

Each round a call for each skill is put into the window that is going on; at its end all operations ask at once. Told are
the time from the first request to the last publication, the slowest scrape meanwhile, and threads, memory and processor
time. A scrape follows the last one after a second, as gzip; Prometheus scrapes less often, so that more has changed.
Figures are of one run on one machine: the simulator, this script and whatever else runs there take their share of it.
"""

import argparse
import calendar
import concurrent.futures
import http.client
import json
import multiprocessing
import pathlib
import re
import tempfile
import time

from scrape import Process, ROOT, free_port, request

INTERVAL = 60
# The last stretch of a window, in which nothing is prepared any more.
QUIET = 3
# In the log line of a poll that has been published.
SUCCESS = b"the poll succeeded"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=1000)
    parser.add_argument("--skills", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3, help="the first one finds all series new")
    parser.add_argument("--pause", type=float, default=1, help="seconds between two scrapes")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/wolkvox-exporter")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(pathlib.Path(folder), arguments)


def measure(folder, arguments):
    names = [f"op{number:04}" for number in range(arguments.operations)]
    simulator, serving, log = start(folder, arguments.binary, names)
    print(f"{len(names):,} operations x {arguments.skills} skills; idle: {told(serving)}")
    for number in range(arguments.rounds):
        due = next_window_with(5 + len(names) / 200)
        put_calls(simulator, names, arguments.skills, due, number)
        before = serving.cpu()
        wait_until(due - 1)
        before_it = log.read_bytes().count(SUCCESS)
        with Scrapes(serving.port, arguments.pause) as scrapes:
            expected = (number + 1) * arguments.skills * len(names)
            published = last_publication(log, before_it + len(names), due)
        counted = total(serving.port)
        assert counted == expected, f"{counted} of {expected} calls are counted"
        first = first_request(simulator, due)
        print(f"round {number + 1}: first request to last publication {published - first:6.2f} s; worst scrape "
              f"{max(scrapes.took) * 1000:5.0f} ms of {len(scrapes.took)}, {scrapes.failed} failed ({scrapes.size:,} bytes); "
              f"processor {serving.cpu() - before:5.2f} s; {told(serving)}")
    serving.stop()
    simulator.stop()


def start(folder, binary, names):
    port, web = free_port(), free_port()
    tokens = [f"token-of-{name}" for name in names]
    arguments = [binary, "simulate", "--rate", "0", "--skills", "1", "--listen", f"127.0.0.1:{port}"]
    for name, token in zip(names, tokens):
        arguments += ["--operation", name, "--token", token]
        (folder / name).write_text(token)
        (folder / name).chmod(0o600)
    simulator = Process(arguments, port)
    operations = [f"  - {{name: {name}, server: 'http://127.0.0.1:{port}', token_file: {folder / name}}}" for name in names]
    (folder / "config.yml").write_text(
        f"ledger: {folder}/ledger.db\n"
        f"defaults: {{start: now, hold: 0s, interval: {INTERVAL}s, settle: 0s}}\n"
        "operations:\n" + "\n".join(operations) + "\n")
    log = folder / "log"
    with log.open("wb") as written:
        serving = Process([binary, "--config.file", folder / "config.yml", "--log.format", "json",
                           "--web.listen-address", f"127.0.0.1:{web}"], web, stderr=written)
    wait_for(lambda: len(succeeded(log)) == len(names))
    return simulator, serving, log


def put_calls(simulator, names, skills, due, number):
    """A call of each skill in the window that ends at `due`, to be seen from its last second on."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(due - INTERVAL + 1))
    visible = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(due - 1))

    def put(name):
        calls = [{"at": at, "visible_at": visible, "skill_id": str(4000 + skill), "skill_name": f"Skill {skill}",
                  "conn_id": f"6736.4628.{number}.{due - INTERVAL}.{skill}", "type_interaction": "inbound",
                  "abandon_time": (7 * skill + number) % 300} for skill in range(skills)]
        request(simulator.port, "POST", f"/control/calls?operation={name}", json.dumps(calls))

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        list(threads.map(put, names))
    assert time.time() < due - 1, "the calls were not ready in time: this machine is too slow"


class Scrapes:
    """Scrapes on a kept connection until it is left, in a process of its own: in this one they would wait for its other work."""

    def __init__(self, port, pause):
        self.pause, self.over, self.told = pause, multiprocessing.Event(), multiprocessing.Queue()
        self.process = multiprocessing.Process(target=scrape, args=(port, pause, self.over, self.told), daemon=True)
        self.took, self.size, self.failed = [], 0, 0

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        # One more sees what came last.
        time.sleep(self.pause + 0.1)
        self.over.set()
        while (answer := self.told.get()) is not None:
            took, status, size = answer
            self.took.append(took)
            self.failed += status != 200
            self.size = size
        self.process.join()


def scrape(port, pause, over, told):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    while not over.is_set():
        begin = time.perf_counter()
        connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        size = len(answer.read())
        told.put((time.perf_counter() - begin, answer.status, size))
        over.wait(pause)
    told.put(None)


def succeeded(log):
    """The operations of which a poll has succeeded; on a slow machine some have made the next one before the last their first."""
    return {json.loads(line)["operation"] for line in log.read_bytes().splitlines() if SUCCESS in line}


def successes(log, since):
    """When polls had succeeded, and so had been published a moment before, from `since` on."""
    lines = (json.loads(line) for line in log.read_bytes().splitlines() if SUCCESS in line)
    times = (seconds(line["timestamp"]) for line in lines)
    return [at for at in times if at >= since]


def last_publication(log, expected, due):
    # Only counted while it is measured: reading the lines takes the processor.
    wait_for(lambda: log.read_bytes().count(SUCCESS) >= expected, 1)
    return max(successes(log, due))


def first_request(simulator, due):
    requests = json.loads(request(simulator.port, "GET", "/control/requests"))
    return min(at for at in (seconds(each["at"]) for each in requests) if at >= due)


def seconds(text):
    whole, fraction = re.fullmatch(r"(.*?)(\.\d+)?Z", text).groups()
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(fraction or 0)


def total(port):
    text = request(port, "GET", "/metrics")
    return sum(int(value) for value in re.findall(rb'^wolkvox_abandoned_calls_total{.*} (\d+)$', text, re.M))


def told(process):
    resident, most = process.resident() / 1024, process.resident("VmHWM") / 1024
    return f"{process.status('Threads')} threads, resident {resident:.0f} MB, at most {most:.0f} MB"


def next_window_with(room):
    """The end of the first window that leaves `room` seconds before it."""
    now = time.time()
    due = (int(now) // INTERVAL + 1) * INTERVAL
    return due if due - now > room + QUIET else due + INTERVAL


def wait_until(at):
    time.sleep(max(0, at - time.time()))


def wait_for(condition, every=0.5):
    for _ in range(int(600 / every)):
        if condition():
            return
        time.sleep(every)
    raise SystemExit("it did not come")


if __name__ == "__main__":
    main()
