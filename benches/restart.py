#!/usr/bin/env python3
"""Measures how long the release binary takes from its start until it is ready, with 200,000 row identities in its ledger,
and its memory then.

    cargo build --release
    python3 benches/restart.py

Told is the least of some starts, and what the processor did: on a busy machine only that says something.
"""

import argparse
import http.client
import pathlib
import re
import tempfile
import time

from scrape import Process, ROOT, add_calls, free_port, request

SKILLS = 40


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identities", type=int, default=200_000)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/wolkvox-exporter")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(pathlib.Path(folder), arguments)


def measure(folder, arguments):
    port = free_port()
    simulator = Process([arguments.binary, "simulate", "--rate", "0", "--listen", f"127.0.0.1:{port}",
                         "--token", "a" * 40], port)
    now = int(time.time())
    # In four places, for an answer has 60,000 rows at most.
    for hour in range(1, 5):
        add_calls(simulator, now - 3_600 * hour, SKILLS, arguments.identities // SKILLS // 4)
    (folder / "token").write_text("a" * 40)
    (folder / "config.yml").write_text(
        f"ledger: {folder}/ledger.db\n"
        "defaults: {start: 12h, hold: 0s, start_hold: 0s, interval: 1h, settle: 0s}\n"
        f"operations: [{{name: bench, server: 'http://127.0.0.1:{port}', token_file: {folder}/token}}]\n")
    serving, _ = start(folder, arguments.binary)
    for _ in range(600):
        text = request(serving.port, "GET", "/metrics").decode()
        if keys(text) >= arguments.identities:
            break
        time.sleep(0.5)
    else:
        raise SystemExit("the calls were not counted")
    serving.stop()
    took = []
    for _ in range(arguments.starts):
        serving, seconds = start(folder, arguments.binary)
        text = request(serving.port, "GET", "/metrics").decode()
        took.append((seconds, serving.cpu(), serving.resident()))
        serving.stop()
    seconds, cpu, resident = min(took)
    print(f"{keys(text):,} identities, ledger {(folder / 'ledger.db').stat().st_size / 1e6:.1f} MB: ready after "
          f"{seconds:.3f} s of {arguments.starts} starts; processor {cpu:.2f} s; resident {resident / 1024:.1f} MB")
    simulator.stop()


def start(folder, binary):
    """The exporter, and the seconds until it was ready."""
    web = free_port()
    begin = time.perf_counter()
    serving = Process([binary, "--config.file", folder / "config.yml", "--web.listen-address", f"127.0.0.1:{web}"], web,
                      look=0.002)
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", web, timeout=60)
        connection.request("GET", "/-/ready")
        if connection.getresponse().status == 200:
            return serving, time.perf_counter() - begin
        time.sleep(0.005)


def keys(text):
    return int(re.search(r"^wolkvox_ledger_keys (\d+)$", text, re.M)[1])


if __name__ == "__main__":
    main()
