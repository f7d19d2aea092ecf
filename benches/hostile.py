#!/usr/bin/env python3
"""Scrapes the release binary, and node_exporter beside it, while hostile clients hold connections to it.

    cargo build --release
    python3 benches/hostile.py                 # both, one after the other
    python3 benches/hostile.py --idle 500 --slow 100 --unread 50

Idle clients make one request and then nothing; slow ones send a byte of their request each second; unread ones ask again
and again and never read. Each comes back a second after it was cut off. Both servers may open 1,024 files, as services
usually may; Go raises that by itself. The clients have a process of their own. node_exporter is found on the path, or
unpacked from Debian's package prometheus-node-exporter into a temporary folder; it is never installed. Figures are of one
run on one machine: read them side by side.
"""

import argparse
import asyncio
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = 1024
RETURN_AFTER = 1.0
SCRAPE_TIMEOUT = 10.0  # Prometheus's own


async def idle(reader, writer):
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    while await reader.read(65536):
        pass


async def slow(reader, writer):
    for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 3600:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1)


async def unread(reader, writer):
    writer.transport.pause_reading()
    while True:
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 10)
        await writer.drain()
        await asyncio.sleep(1)


async def client(port, behave, counts):
    while True:
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            counts["open"] += 1
            await behave(reader, writer)
        except OSError:
            pass
        finally:
            if writer:
                counts["open"] -= 1
                counts["cut"] += 1
                writer.transport.abort()
        await asyncio.sleep(RETURN_AFTER)


async def attack(port, idles, slows, unreads):
    """Runs in a process of its own until its standard input ends; then says how it went."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    counts = {"open": 0, "cut": 0}
    clients = []
    for behave, number in ((idle, idles), (slow, slows), (unread, unreads)):
        for _ in range(number):
            clients.append(asyncio.ensure_future(client(port, behave, counts)))
            if len(clients) % 50 == 0:
                await asyncio.sleep(0.01)
    await asyncio.sleep(5)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(f"{counts['open']} open, {counts['cut']} cut off", flush=True)
    os._exit(0)


def scrape(port):
    """Seconds from the connection to the last byte; None where there is no whole answer."""
    began = time.perf_counter()
    try:
        with socket.create_connection(("127.0.0.1", port), SCRAPE_TIMEOUT) as stream:
            stream.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            stream.settimeout(SCRAPE_TIMEOUT)
            start = stream.recv(65536)
            while stream.recv(65536):
                pass
    except OSError:
        return None
    took = time.perf_counter() - began
    return took if start.startswith(b"HTTP/1.1 200") and took <= SCRAPE_TIMEOUT else None


def measure(name, command, port, options):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limited = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, limit))
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=limited)
    try:
        for _ in range(300):
            if scrape(port):
                break
            time.sleep(0.1)
        quiet = [scrape(port) for _ in range(50)]
        arguments = [sys.executable, __file__, "--attack", str(port)]
        arguments += [f"--{kind}={getattr(options, kind)}" for kind in ("idle", "slow", "unread")]
        attacker = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert attacker.stdout.readline() == "ready\n"
        times = []
        for _ in range(options.scrapes):
            times.append(scrape(port))
            time.sleep(0.05)
        status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
        memory = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
        clients = attacker.communicate()[0].strip()
    finally:
        server.terminate()
        server.wait()
    answered = sorted(took for took in times if took is not None)
    at = lambda values, share: f"{1000 * values[min(int(share * len(values)), len(values) - 1)]:.1f}" if values else "-"
    quiet = sorted(took for took in quiet if took is not None)
    print(f"{name:18} {len(answered):4} of {len(times)} answered; ms: p50 {at(answered, 0.5)}, p99 {at(answered, 0.99)},"
          f" worst {at(answered, 1)} (alone: p50 {at(quiet, 0.5)}, p99 {at(quiet, 0.99)}); {memory:.0f} MB; {clients}")
    return len(answered) == len(times), float(at(answered, 0.99)) if answered else float("inf")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def node_exporter(folder):
    found = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    if found:
        return found
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    download = ["apt-get", "download", "-qq", "-o", f"APT::Sandbox::User={user}", "prometheus-node-exporter"]
    subprocess.run(download, cwd=folder, check=True)
    package = next(pathlib.Path(folder).glob("*.deb"))
    subprocess.run(["dpkg", "-x", package, folder], check=True)
    return f"{folder}/usr/bin/prometheus-node-exporter"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=ROOT / "target/release/wolkvox-exporter")
    parser.add_argument("--idle", type=int, default=3000)
    parser.add_argument("--slow", type=int, default=1000)
    parser.add_argument("--unread", type=int, default=200)
    parser.add_argument("--scrapes", type=int, default=200)
    parser.add_argument("--attack", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        asyncio.run(attack(options.attack, options.idle, options.slow, options.unread))
    with tempfile.TemporaryDirectory() as folder:
        print(f"{options.idle} idle, {options.slow} slow and {options.unread} unread connections")
        other = node_exporter(folder)
        port = free_port()
        # Without its bound of 40 requests at a time, which the unread ones would use up.
        theirs = measure("node_exporter", [other, f"--web.listen-address=127.0.0.1:{port}", "--web.max-requests=0"], port, options)
        port = free_port()
        ours = [options.binary, "demo", f"--web.listen-address=127.0.0.1:{port}", f"--ledger={folder}/ledger.db"]
        ours = measure("wolkvox-exporter", ours, port, options)
    if not ours[0] or ours[1] > theirs[1]:
        sys.exit("a scrape was not answered, or the p99 is worse than node_exporter's")


if __name__ == "__main__":
    main()
