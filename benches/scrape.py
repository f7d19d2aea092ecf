#!/usr/bin/env python3
"""Measures scrapes of the release binary over loopback, beside other exporters with as many series.

    cargo build --release
    python3 benches/scrape.py                  # 10,000 series: latency beside Python's and a Go exporter
    python3 benches/scrape.py --copy           # 100,000 series: processor time beside a copy of the bytes to a socket
    python3 benches/scrape.py --busy           # the latency while 58,000 rows are polled, counted and stored
    python3 benches/scrape.py --busy answered  # the same of answered calls, beside 5,800 abandoned ones; and the peak of memory

BINARY names another binary than target/release/wolkvox-exporter.

The first one needs Python's prometheus_client (`pip install prometheus_client`) and Debian's package
prometheus-pushgateway for the Go exporter; what is missing is left out and said so. Figures are of one run on one
machine: read the ratios.
"""

import argparse
import atexit
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# One label set: a counter, 18 lines of histogram (16 bounds, +Inf, and sum and count are two more), a window gauge.
SERIES_PER_LABEL_SET = 21
TICK = os.sysconf("SC_CLK_TCK")


class Process:
    """A child that listens on a port of loopback; ended at the exit."""

    def __init__(self, arguments, port, look=0.05, **options):
        self.port = port
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.child = subprocess.Popen(arguments, **(quiet | options))
        atexit.register(self.child.kill)
        for _ in range(int(30 / look)):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if self.child.poll() is not None:
                    sys.exit(f"{arguments[0]} has ended with {self.child.returncode}")
                time.sleep(look)
        sys.exit(f"{arguments[0]} does not listen")

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def resident(self, which="VmRSS"):
        """KiB now, or with VmHWM at most so far."""
        return self.status(which)

    def status(self, name):
        """A number of proc(5)'s status."""
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(f"{name}:")).split()[1])

    def stop(self):
        self.child.terminate()
        self.child.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def request(port, method, path, body=None, accept=()):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body)
    answer = connection.getresponse()
    data = answer.read()
    if answer.status >= 300 and answer.status not in accept:
        sys.exit(f"{method} {path}: {answer.status} {data[:200]!r}")
    return data


def exporter(folder, label_sets, calls_each=1, reports="abandoned"):
    """The exporter with this many label sets counted, and the simulator behind it."""
    binary = pathlib.Path(os.environ.get("BINARY", ROOT / "target/release/wolkvox-exporter"))
    if not binary.exists():
        sys.exit("no release binary: run cargo build --release")
    simulator = Process([binary, "simulate", "--rate", "0", "--listen", f"127.0.0.1:{(port := free_port())}",
                         "--token", "a" * 40], port)
    now = int(time.time())
    add_calls(simulator, now - 600, label_sets, calls_each)
    (folder / "token").write_text("a" * 40)
    (folder / "config.yml").write_text(
        f"ledger: {folder}/ledger.db\n"
        f"defaults: {{reports: [{reports}], start: 1h, hold: 0s, max_series: 20000, interval: 5m, settle: 0s}}\n"
        f"operations: [{{name: bench, server: 'http://127.0.0.1:{port}', token_file: {folder}/token}}]\n")
    serving = Process([binary, "--config.file", folder / "config.yml",
                       "--web.listen-address", f"127.0.0.1:{(web := free_port())}"], web)
    for _ in range(1200):
        # 503 until the ledger is loaded.
        if request(web, "GET", "/metrics", accept=(503,)).count(b"wolkvox_abandoned_calls_total{") >= label_sets:
            return simulator, serving
        time.sleep(0.05)
    sys.exit("the calls were not counted")


def add_calls(simulator, at, label_sets, calls_each, report="abandoned"):
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    calls = [
        {"at": stamp, "visible_at": stamp, "skill_id": str(100_000 + skill), "skill_name": f"Skill {skill}",
         "conn_id": f"6736.4628.{number}.{at - 30}.{skill}", "type_interaction": "inbound", "report": report,
         "waited": number % 600}
        for skill in range(label_sets) for number in range(calls_each)
    ]
    for first in range(0, len(calls), 5_000):
        request(simulator.port, "POST", "/control/calls", json.dumps(calls[first:first + 5_000]))


def scrapes(port, count, encoding, path="/metrics"):
    """Seconds of each scrape, on one kept connection as Prometheus has it, and the bytes of the last."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    took = []
    for _ in range(count):
        begin = time.perf_counter()
        connection.request("GET", path, headers={"Accept": "text/plain;version=0.0.4", "Accept-Encoding": encoding})
        data = connection.getresponse().read()
        took.append(time.perf_counter() - begin)
    return sorted(took), len(data)


def line(name, took, size):
    at = lambda share: took[min(len(took) - 1, int(share * len(took)))] * 1000
    print(f"{name:<34} p50 {at(0.5):8.2f} ms   p99 {at(0.99):8.2f} ms   max {took[-1] * 1000:8.2f} ms   {size:>10,} bytes")


def beside_others(folder, count):
    label_sets = 10_000 // SERIES_PER_LABEL_SET
    simulator, ours = exporter(folder, label_sets)
    text = request(ours.port, "GET", "/metrics")
    print(f"{text.count(chr(10).encode()):,} lines")
    rivals = [("wolkvox-exporter", ours)]
    rivals += python_exporter(folder, text) + go_exporter(folder, text)
    for encoding in ("identity", "gzip"):
        for name, process in rivals:
            scrapes(process.port, 20, encoding)
            line(f"{name}, {encoding}", *scrapes(process.port, count, encoding))
    for _, process in rivals:
        process.stop()
    simulator.stop()


def python_exporter(folder, text):
    program = folder / "exporter.py"
    (folder / "series.txt").write_bytes(text)
    program.write_text(
        "import sys, time\n"
        "from prometheus_client import CollectorRegistry, start_http_server\n"
        "from prometheus_client.parser import text_string_to_metric_families\n"
        "families = list(text_string_to_metric_families(open(sys.argv[1]).read()))\n"
        "class Held:\n"
        "    def collect(self): return families\n"
        "registry = CollectorRegistry(); registry.register(Held())\n"
        "start_http_server(int(sys.argv[2]), '127.0.0.1', registry=registry)\n"
        "time.sleep(3600)\n")
    if subprocess.run([sys.executable, "-c", "import prometheus_client"], stderr=subprocess.DEVNULL).returncode:
        print("prometheus_client is missing: Python's exporter is left out")
        return []
    port = free_port()
    return [("prometheus_client (Python)", Process([sys.executable, program, folder / "series.txt", str(port)], port))]


def go_exporter(folder, text):
    gateway = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")
    if not gateway:
        print("prometheus-pushgateway is missing: the Go exporter is left out")
        return []
    port = free_port()
    process = Process([gateway, f"--web.listen-address=127.0.0.1:{port}"], port)
    # Its own process metrics would clash with ours.
    kept = b"".join(part for part in text.splitlines(True) if b"process_" not in part)
    request(port, "PUT", "/metrics/job/bench", kept)
    return [("pushgateway (Go)", process)]


def beside_a_copy(folder, count):
    simulator, ours = exporter(folder, 100_000 // SERIES_PER_LABEL_SET)
    for encoding in ("identity", "gzip", "zstd"):
        scrapes(ours.port, 20, encoding)
        before, resident = ours.cpu(), ours.resident()
        took, size = scrapes(ours.port, count, encoding)
        cpu = ours.cpu() - before
        copy = copying(size, count)
        print(f"{encoding:<9} {size:>11,} bytes   {cpu / count * 1000:7.3f} ms of processor a scrape   "
              f"copying them {copy / count * 1000:7.3f} ms   ratio {cpu / copy:5.2f}")
    scrapes(ours.port, 10_000 - 3 * count, "gzip")
    print(f"resident after 10,000 scrapes: {ours.resident() - resident:+,} kB of {resident:,} kB")
    ours.stop()
    simulator.stop()


def copying(size, count):
    """Seconds of processor that it takes to send this many bytes so often through loopback, by a process that does
    nothing else."""
    server = socket.create_server(("127.0.0.1", 0))
    child = os.fork()
    if child == 0:
        data = bytes(size)
        peer, _ = server.accept()
        for _ in range(count):
            peer.recv(1)
            peer.sendall(data)
        os._exit(0)
    peer = socket.create_connection(server.getsockname())
    buffer = bytearray(1 << 20)
    for _ in range(count):
        peer.sendall(b"x")
        left = size
        while left:
            left -= peer.recv_into(buffer, min(left, len(buffer)))
    usage = os.wait4(child, 0)[2]
    return usage.ru_utime + usage.ru_stime


def while_busy(folder, report):
    simulator, ours = exporter(folder, 500, reports="abandoned" if report == "abandoned" else f"abandoned, {report}")
    line("idle", *scrapes(ours.port, 2000, "gzip"))
    print(f"memory before: {ours.resident()} KiB")
    # 58,000 rows for the next window; what is before its beginning is late and counts as well.
    add_calls(simulator, int(time.time()) - 60, 500, 116, report)
    if report != "abandoned":
        add_calls(simulator, int(time.time()) - 60, 580, 10)
    print("waiting for the next poll, up to 5 minutes")
    polled = threading.Event()
    took = []

    def scrape():
        while not polled.is_set():
            took.extend(scrapes(ours.port, 50, "gzip")[0])
            del took[:-20_000]

    scraper = threading.Thread(target=scrape)
    scraper.start()
    counted = f'wolkvox_rows_total{{operation="bench",report="{report}",disposition="counted"}} '.encode()
    for _ in range(3600):
        text = request(ours.port, "GET", "/metrics")
        if int(text.split(counted)[1].split(b"\n")[0]) > 50_000:
            break
        time.sleep(0.1)
    else:
        sys.exit("the rows were not counted")
    time.sleep(0.2)
    polled.set()
    scraper.join()
    line("the last scrapes up to the commit", sorted(took[-2000:]), 0)
    print(f"memory at most: {ours.resident('VmHWM')} KiB")
    duration = f'wolkvox_poll_duration_seconds_sum{{operation="bench",report="{report}"}} '.encode()
    print(f"calls of the report took {text.split(duration)[1].split(chr(10).encode())[0].decode()} s, the answer of the rows among them")
    ours.stop()
    simulator.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copy", action="store_true", help="100,000 series beside a copy of the bytes")
    parser.add_argument("--busy", nargs="?", const="abandoned", choices=["abandoned", "answered"],
                        help="scrapes during a poll of 58,000 rows, of this report")
    parser.add_argument("--scrapes", type=int, default=1000, help="how many of each kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.busy:
            return while_busy(pathlib.Path(folder), arguments.busy)
        run = beside_a_copy if arguments.copy else beside_others
        run(pathlib.Path(folder), arguments.scrapes)


if __name__ == "__main__":
    main()
