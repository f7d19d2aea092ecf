#!/usr/bin/env python3
"""Measures what the exporter takes for contact centres of several sizes: memory, disk, and series in Prometheus.

    cargo build --release
    python3 benches/sizes.py                 # prints the table
    python3 benches/sizes.py --write         # writes it into docs/sizes.md

For each size the simulator plays a day of queues, and the exporter reads both reports of that day with its first calls, which is
more than it ever reads at once afterwards, but for a catch-up. So the peak is that of an outage of a day. Then it is scraped in all
three formats, as text, OpenMetrics and protobuf, and looked at again.
"""

import argparse
import http.client
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import scrape

# Operations, skills of each, and the simulator's rate: 1 is a bank's call centre.
SIZES = ((1, 8, 1), (1, 40, 10), (5, 40, 10), (20, 60, 20))
# How long the day may take to be read.
PATIENCE = 900
ACCEPTED = ("text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
PAGE = scrape.ROOT / "docs/sizes.md"
HEAD = """\
# Sizes

What the exporter takes, measured beside the simulator by

```sh test=.ci/long
python3 benches/sizes.py --write
```

which wrote this page ({version}).
For each size a day of both reports is read at once, as after an outage of a day; a window is a three-hundredth of that.

| operations | skills of each | rows a day, both reports | label sets | memory: peak, then | ledger | series in Prometheus | a limit to set |
|---|---|---|---|---|---|---|---|
"""
FOOT = """
*Rows* are abandoned and answered calls. *Label sets* are skills with their types of interaction, over all operations: each is a
counter, a gauge and a histogram for each report, which is what Prometheus stores. The *ledger* has the identities of a day's rows;
they are kept for 26 hours and the overlap, so it grows with the rows of a day and with label sets, not with months. The *limit* is twice
the peak, in steps of 128 MB: `--memory` of Docker, `MemoryMax=` of systemd, `resources.limits.memory` of Kubernetes. A process that is
killed at it has lost no count, but reads the same again.
"""


def measure(binary, folder, operations, skills, rate):
    names = [f"op{number}" for number in range(operations)]
    arguments = [binary, "simulate", "--listen", f"127.0.0.1:{(port := scrape.free_port())}", "--skills", str(skills), "--rate", str(rate)]
    for number, name in enumerate(names):
        arguments += ["--operation", name, "--token", f"{number:040x}"]
    simulator = scrape.Process(arguments, port)
    lines = ""
    for number, name in enumerate(names):
        (folder / name).write_text(f"{number:040x}")
        (folder / name).chmod(0o600)
        lines += f"- {{name: {name}, server: 'http://127.0.0.1:{port}', token_file: {folder}/{name}}}\n"
    (folder / "config.yml").write_text(
        f"ledger: {folder}/ledger.db\ndefaults: {{start: 1d, hold: 0s, reports: [abandoned, answered], max_series: 20000}}\noperations:\n{lines}")
    exporter = scrape.Process([binary, "--config.file", folder / "config.yml",
                               "--web.listen-address", f"127.0.0.1:{(web := scrape.free_port())}"], web)
    try:
        return wait_and_look(exporter, operations)
    finally:
        exporter.stop()
        simulator.stop()


def status(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    return connection.getresponse().status


def wait_and_look(exporter, operations):
    def text():
        return scrape.request(exporter.port, "GET", "/metrics").decode()

    until = time.monotonic() + PATIENCE
    while status(exporter.port, "/-/ready") != 200:
        time.sleep(0.1)
    # A day's windows, by each report of each operation.
    while True:
        windows = re.findall(r"^wolkvox_windows_total\{.*\} (\S+)$", text(), re.MULTILINE)
        if sum(float(value) > 280 for value in windows) == 2 * operations:
            break
        if time.monotonic() > until:
            sys.exit(f"the day was not read in {PATIENCE} s: {windows}")
        time.sleep(0.5)
    # The allocator gives back what isn't used for ten seconds.
    time.sleep(20)
    for accept in ACCEPTED:
        connection = http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=60)
        connection.request("GET", "/metrics", headers={"Accept": accept, "Accept-Encoding": "gzip"})
        connection.getresponse().read()
        connection.close()
    exposed = text()
    total = lambda pattern: sum(float(value) for value in re.findall(rf"^{pattern} (\S+)$", exposed, re.MULTILINE))
    return {
        "rows": total(r'wolkvox_rows_total\{.*disposition="counted"\}'),
        "sets": len(re.findall(r"^wolkvox_abandoned_calls_total\{", exposed, re.MULTILINE)),
        "peak": exporter.resident("VmHWM") / 1024,
        "then": exporter.resident() / 1024,
        "ledger": total("wolkvox_ledger_size_bytes") / 2**20,
        "series": sum(1 for line in exposed.splitlines() if line and not line.startswith("#")),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=scrape.ROOT / "target/release/wolkvox-exporter")
    parser.add_argument("--profile", default="unknown", help="how --binary was built, where not in release mode")
    parser.add_argument("--write", action="store_true", help="write docs/sizes.md")
    arguments = parser.parse_args()
    if not arguments.binary.exists():
        sys.exit("no release binary: run cargo build --release")
    profile = "the release binary" if arguments.binary.parent.name == "release" else f"a binary of profile {arguments.profile}"
    version = subprocess.run([arguments.binary, "--version"], check=True, capture_output=True, text=True).stdout.split("(")[0].strip()
    page = HEAD.format(version=f"{profile}, {version}")
    for operations, skills, rate in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            seen = measure(arguments.binary, pathlib.Path(folder), operations, skills, rate)
        limit = 128 * -(-int(2 * seen["peak"]) // 128)
        line = (f"| {operations} | {skills} | {seen['rows']:,.0f} | {seen['sets']:,} | {seen['peak']:.0f} MB, {seen['then']:.0f} MB "
                f"| {seen['ledger']:.1f} MB | {seen['series']:,} | {limit} MB |\n")
        print(line, end="", flush=True)
        page += line
    if arguments.write:
        PAGE.write_text(page + FOOT)


if __name__ == "__main__":
    main()
