#!/usr/bin/env python3
"""Runs a user's day: the commands of the README, in their order, up to a Prometheus that scrapes over TLS with a password, and
further to the alerts, an upgrade and a restored copy. They are taken out of the README when this runs.

    cargo build
    python3 tests/documents/day.py                    # in a folder of this machine
    cargo build --release
    python3 tests/documents/day.py --debian FOLDER    # in a bare Debian 12: as root, over the network, some minutes

In the folder the paths of the commands are moved into it, ports are free ones, scrapes are a second apart, and what needs root
(apt-get, useradd, owners, systemd) is stood in for. In the bare Debian (FOLDER keeps it, made by debootstrap, for the next time),
which systemd-nspawn boots, the commands run as they are written, but for `cargo build`, which has been done; and systemd is asked to
reload the exporter, and to notice that it stands still. In both, wolkvox is the simulator; in Debian it is at its own name, with TLS. Then the blocks of docs/simulator.md are
run, and the queries of docs/queries.md are asked. What is not run is said, with its reason.
"""

import argparse
import base64
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import pages

HERE = pathlib.Path(__file__).resolve().parent
TOKEN = "0123456789abcdef0123456789abcdef01234567"
# What the README's reader may need from a bare Debian to a scrape over TLS with a password, without the build.
FIVE_MINUTES = 300
# A command, or a wait for something to be seen.
PATIENCE = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, look):
    until = time.monotonic() + PATIENCE
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > until:
            sys.exit(f"waited {PATIENCE} s for {what}")
        time.sleep(0.2)


class Here:
    """A folder of this machine."""

    def __init__(self, folder, binary):
        self.root, self.binary = folder, pathlib.Path(binary).resolve()
        self.ports = {"wolkvox-exporter": free_port(), "prometheus": free_port()}
        self.wolkvox = free_port()
        for name in ("etc/prometheus", "etc/systemd/system", "etc/default", "usr/local/bin", "var/lib/prometheus", "shims", "run"):
            (self.root / name).mkdir(parents=True)
        (self.root / "etc/systemd/system/prometheus.service").write_text(
            f"EnvironmentFile=/etc/default/prometheus\nExecStart=prometheus $ARGS --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/var/lib/prometheus "
            f"--web.listen-address=127.0.0.1:{self.ports['prometheus']}\n")
        (self.root / "etc/default/prometheus").write_text('ARGS=""\n')
        shutil.copy(HERE / "systemctl", self.root / "shims/systemctl")
        for name, script in {
            "apt-get": "exit 0",
            "useradd": "exit 0",
            "chgrp": "exit 0",
            "runuser": 'while [[ $1 != -- ]]; do shift; done; shift; exec "$@"',
            "install": 'words=(); while (($#)); do case $1 in -o | -g) shift 2 ;; *) words+=("$1"); shift ;; esac; done; '
                       'PATH=${PATH#*:} exec install "${words[@]}"',
        }.items():
            (self.root / "shims" / name).write_text(f"#!/bin/bash\n{script}\n")
            (self.root / "shims" / name).chmod(0o755)
        self.environment = {
            "PATH": f"{self.root}/shims:{self.root}/usr/local/bin:{os.environ['PATH']}", "ROOT": str(self.root),
            "WOLKVOX_EXPORTER_WEB_LISTEN_ADDRESS": f"127.0.0.1:{self.ports['wolkvox-exporter']}",
        }

    def moved(self, text):
        for folder in ("/etc/", "/usr/local/bin/", "/var/lib/"):
            text = text.replace(f" {folder}", f" {self.root}{folder}").replace(f"<{folder}", f"<{self.root}{folder}")
            text = text.replace(f">{folder}", f">{self.root}{folder}").replace(f"={folder}", f"={self.root}{folder}")
        for name, here in {"target/release/wolkvox-exporter": self.binary, "10119": self.ports["wolkvox-exporter"],
                           '"0042"': f"http://127.0.0.1:{self.wolkvox}", "scrape_interval: 30s": "scrape_interval: 1s"}.items():
            text = text.replace(name, str(here))
        return text

    def path(self, path):
        return self.root / path.lstrip("/")

    def command(self, script):
        return ["bash", "-euo", "pipefail", "-c", script], {"cwd": pages.ROOT}

    def settle(self):
        """What `systemctl` stands in for waits by itself."""

    def close(self):
        pass


class Debian:
    """A bare Debian 12, booted: it has the network of this machine, and processes and units of its own."""

    PORTS = {"wolkvox-exporter": 10119, "prometheus": 9090}
    UNIT = "wolkvox-exporter"

    def __init__(self, folder, cache, binary):
        self.root, self.ports, self.wolkvox = folder, self.PORTS, free_port()
        for port in (443, *self.ports.values()):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        bare = cache / "bookworm-systemd.tar"
        if not bare.exists():
            make = ["debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus", "bookworm"]
            print(f"making a bare Debian 12: {' '.join(make)}", flush=True)
            made = cache / "bookworm"
            subprocess.run([*make, made], check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["tar", "-cf", bare, "-C", made, "."], check=True)
            shutil.rmtree(made)
        subprocess.run(["tar", "-xf", bare, "-C", self.root], check=True)
        checkout = self.root / "root/wolkvox-exporter"
        checkout.mkdir()
        files = subprocess.run(["git", "ls-files", "-zco", "--exclude-standard"], cwd=pages.ROOT, check=True, capture_output=True).stdout
        subprocess.run(["cp", "--parents", "-t", checkout, *filter(None, files.decode().split("\0"))], cwd=pages.ROOT, check=True)
        (checkout / "target/release").mkdir(parents=True)
        shutil.copy(binary, checkout / "target/release/wolkvox-exporter")
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost wv0042.wolkvox.com\n")
        units = self.root / "etc/systemd/system.conf.d"
        units.mkdir()
        (units / "stand-in.conf").write_text("[Manager]\nDefaultEnvironment=SSL_CERT_FILE=/etc/wolkvox-stand-in.crt\n")
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                            "DEBIAN_FRONTEND": "noninteractive", "SSL_CERT_FILE": "/etc/wolkvox-stand-in.crt"}
        self.serve_by_tls()
        boot = ["systemd-nspawn", "--directory", self.root, "--boot", "--register=no", "--keep-unit", "--console=pipe", "--resolv-conf=off"]
        self.booted = subprocess.Popen(boot, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("Debian to boot", lambda: self.systemctl("is-system-running") in ("running", "degraded"))

    def first_process(self):
        """The number that systemd has on this machine; empty until it is there."""
        try:
            return pathlib.Path(f"/proc/{self.booted.pid}/task/{self.booted.pid}/children").read_text().split()[0]
        except (OSError, IndexError):
            return ""

    def systemctl(self, *arguments):
        """What it says, whether it is content or not."""
        if not (first := self.first_process()):
            return ""
        return subprocess.run(["nsenter", "--target", first, "--all", "systemctl", *arguments], env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.strip()

    def shown(self, name):
        return self.systemctl("show", "--property", name, "--value", self.UNIT)

    def is_kept(self):
        """What only a real systemd can show: `ExecReload`, how a reload ended, and a watchdog that starts anew what stands still."""
        config = self.path("/etc/wolkvox-exporter/wolkvox-exporter.yml")
        good = config.read_text()
        first = self.shown("MainPID")
        for text, told in ((good + "    interval: 1m\n", "is that of its file"), ("operations: [", "was refused"), (good, "is that of its file")):
            config.write_text(text)
            subprocess.run(self.command(f"systemctl reload {self.UNIT}")[0], env=self.environment, check=True)
            wait_for(f"a reload that {told}", lambda: told in self.shown("StatusText"))
        if self.shown("MainPID") != first:
            sys.exit("a reload has started another process")
        print("  systemctl reload: three times, a bad file among them, and the same process", flush=True)
        drop_in = self.path(f"/etc/systemd/system/{self.UNIT}.service.d")
        drop_in.mkdir()
        (drop_in / "watchdog.conf").write_text("[Service]\nWatchdogSec=6\nRestartSec=1\n")
        subprocess.run(self.command(f"systemctl daemon-reload; systemctl restart {self.UNIT}")[0], env=self.environment, check=True)
        began = time.monotonic()
        wait_for("two times of the watchdog", lambda: time.monotonic() - began > 13)
        if (restarts := self.shown("NRestarts")) != "0":
            sys.exit(f"the watchdog has started the exporter anew {restarts} times")
        subprocess.run(self.command(f"kill -STOP $(systemctl show --property MainPID --value {self.UNIT})")[0], env=self.environment, check=True)
        wait_for("the watchdog", lambda: self.shown("NRestarts") == "1" and self.shown("ActiveState") == "active")
        print("  the watchdog: fed while the exporter works, and it starts anew what stands still", flush=True)

    def serve_by_tls(self):
        """wolkvox at its own name, before the simulator."""
        folder = self.root / "root"
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"]
        quiet = {"check": True, "stderr": subprocess.DEVNULL}
        subprocess.run([*new, "-subj", "/CN=stand-in", "-keyout", folder / "ca.key", "-out", self.root / "etc/wolkvox-stand-in.crt"], **quiet)
        subprocess.run([*new, "-subj", "/CN=wolkvox", "-addext", "subjectAltName=DNS:wv0042.wolkvox.com", "-addext",
                        "basicConstraints=critical,CA:FALSE", "-CA", self.root / "etc/wolkvox-stand-in.crt", "-CAkey", folder / "ca.key",
                        "-keyout", folder / "wolkvox.key", "-out", folder / "wolkvox.crt"], **quiet)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "wolkvox.crt", folder / "wolkvox.key")
        server = socket.create_server(("127.0.0.1", 443))

        def copy(source, sink):
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        def one(client):
            try:
                client = context.wrap_socket(client, server_side=True)
                behind = socket.create_connection(("127.0.0.1", self.wolkvox))
            except OSError:
                return
            threading.Thread(target=copy, args=(client, behind), daemon=True).start()
            copy(behind, client)
            client.close()

        def serve():
            while True:
                threading.Thread(target=one, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()

    def moved(self, text):
        return text

    def path(self, path):
        return self.root / path.lstrip("/")

    def command(self, script):
        enter = ["nsenter", "--target", self.first_process(), "--all", "/bin/bash"]
        return [*enter, "-euo", "pipefail", "-c", f"cd /root/wolkvox-exporter\n{script}"], {}

    def settle(self):
        """`systemctl` doesn't wait for Prometheus, and nobody types so fast."""
        if self.systemctl("is-active", "prometheus") == "active":
            wait_for("Prometheus", lambda: b"Ready" in answers(self.ports["prometheus"]))

    def close(self):
        self.booted.terminate()
        self.booted.wait(PATIENCE)


class Day:
    def __init__(self, machine, binary):
        self.machine, self.binary, self.background = machine, binary, []
        ports = " ".join(f"{unit}={port}" for unit, port in machine.ports.items())
        self.environment = {**machine.environment, "TOOL_PORTS": ports, "HOME": "/root", "LC_ALL": "C.UTF-8"}
        self.start([binary, "simulate", "--listen", f"127.0.0.1:{machine.wolkvox}", "--operation", "ventas", "--token", TOKEN, "--rate", "20"])
        wait_for("the simulator", lambda: answers(machine.wolkvox))

    def start(self, command, **options):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, **options)
        self.background.append(child)
        return child

    def run(self, block, stdin=""):
        command, options = self.machine.command(self.machine.moved(block.text))
        ended = subprocess.run(command, input=stdin, env=self.environment, timeout=PATIENCE * 3, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        if ended.returncode:
            sys.exit(f"{block} ended with {ended.returncode}:\n{block.text}\n{ended.stdout}")
        self.machine.settle()
        return ended.stdout

    def readme(self):
        """Each block in its order; seconds until the scrape over TLS was seen."""
        began, secured, is_secured = time.monotonic(), None, False
        for block in pages.blocks("README.md"):
            if secured is None and is_secured:
                self.is_scraped("https")
                secured = time.monotonic() - began
                print(f"  after {secured:.0f} s Prometheus scrapes over TLS with a password, and nobody without", flush=True)
            if block.mark == "file":
                self.machine.path(block.value).write_text(self.machine.moved(block.text))
                print(f"  {block}: wrote {block.value}", flush=True)
            elif block.mark != "run" or block.value == "build":
                why = {"test": f"run by {block.value}", "needs": f"needs {block.value}", "output": "output", "run": "the build has been done"}
                print(f"  {block}: not run here: {why[block.mark]}", flush=True)
            else:
                said = self.run(block, f"{TOKEN}\n" if block.value == "token" else "")
                print(f"  {block}: {block.text.splitlines()[0]}{' …' if block.text.count(chr(10)) > 1 else ''}", flush=True)
                is_secured |= "curl" in block.text and "--cacert" in block.text and "wolkvox_complete_until" in said
        self.is_a_copy_or_whole()
        rules = self.ask("/api/v1/rules")["groups"]
        if not rules or any(rule.get("health") == "err" for group in rules for rule in group["rules"]):
            sys.exit(f"Prometheus has no rules, or bad ones: {rules}")
        if (kept := self.ask("/api/v1/status/flags")["storage.tsdb.retention.time"]) not in ("35d", "5w"):
            sys.exit(f"Prometheus keeps {kept}, not 35 days")
        if secured is None:
            sys.exit("no block of the README scraped over TLS")
        return secured

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.machine.ports['prometheus']}{path}", timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, query):
        return self.ask("/api/v1/query?query=" + urllib.request.quote(query))["result"]

    def is_scraped(self, scheme):
        def target_is_up():
            targets = [target for target in self.ask("/api/v1/targets")["activeTargets"] if target["labels"]["job"] == "wolkvox"]
            return len(targets) == 1 and targets[0]["health"] == "up" and targets[0]["scrapeUrl"].startswith(f"{scheme}://")

        wait_for(f"a scrape by {scheme}", target_is_up)
        # Not `wolkvox_up`: after a restart there is none until the next window is due, minutes later perhaps.
        wait_for("a poll of the simulator in Prometheus",
                 lambda: self.query('sum(wolkvox_polls_total{report="abandoned", outcome=~"ok|empty"}) > 0'))
        context = ssl.create_default_context(cafile=str(self.machine.path("/etc/prometheus/wolkvox.crt")))
        for address, refused in ((f"https://localhost:{self.machine.ports['wolkvox-exporter']}/metrics", 401),
                                 (f"http://localhost:{self.machine.ports['wolkvox-exporter']}/metrics", 400)):
            try:
                urllib.request.urlopen(address, context=context if address.startswith("https") else None, timeout=10)
                sys.exit(f"{address} was read without a password")
            except urllib.error.HTTPError as error:
                if error.code != refused:
                    sys.exit(f"{address}: {error}")

    def is_a_copy_or_whole(self):
        """What has been put back is shown once the next window has been read, which is minutes."""
        password = self.machine.path("/etc/prometheus/wolkvox.password").read_text().strip()
        address = f"https://localhost:{self.machine.ports['wolkvox-exporter']}/metrics"
        request = urllib.request.Request(address)
        request.add_header("Authorization", "Basic " + base64.b64encode(f"prometheus:{password}".encode()).decode())
        context = ssl.create_default_context(cafile=str(self.machine.path("/etc/prometheus/wolkvox.crt")))
        try:
            urllib.request.urlopen(request, context=context, timeout=10)
        except urllib.error.HTTPError as error:
            said = error.read()
            if error.code != 503 or b"the ledger is a copy" not in said:
                sys.exit(f"{address}: {error.code} {said}")

    def links(self):
        """The block of alerts/README.md, in the folder of the rules: no link is left that leads nowhere."""
        block, = [block for block in pages.blocks("alerts/README.md") if block.mark == "run"]
        rules = self.machine.path("/etc/prometheus/wolkvox/wolkvox.rules.yml")
        before = rules.read_text()
        subprocess.run(["bash", "-euc", block.text], cwd=rules.parent, check=True)
        if "example.org" not in before or "example.org" in rules.read_text():
            sys.exit(f"{block} leaves links to example.org, or there are none")
        print(f"  {block}: the links of the rules", flush=True)

    def queries(self):
        blocks = [block for block in pages.blocks("docs/queries.md") if block.language == "promql"]
        for block in blocks:
            self.query(block.text)
        print(f"  docs/queries.md: {len(blocks)} queries asked", flush=True)

    def simulator(self, folder):
        """The two blocks of docs/simulator.md: a server with an exporter, and a month in a file."""
        both, month = pages.blocks("docs/simulator.md")
        ports = {"8042": str(free_port())}
        listen = free_port()
        environment = {"PATH": f"{self.binary.parent}:{os.environ['PATH']}", "WOLKVOX_EXPORTER_WEB_LISTEN_ADDRESS": f"127.0.0.1:{listen}"}
        text = both.text.replace("8042", ports["8042"])
        children = [self.start(["bash", "-c", line], cwd=folder, env=environment) for line in text.splitlines()]
        wait_for("the exporter of docs/simulator.md", lambda: answers(listen) and b'wolkvox_up{operation="ventas",report="abandoned"} 1' in answers(listen, "/metrics"))
        for child in children:
            end(child)
        subprocess.run(["bash", "-euc", month.text], cwd=folder, env=environment, check=True)
        lines = (folder / "queue.csv").read_text().splitlines()
        # Eight skills, thirty days, a line for each five minutes.
        if not 60_000 < len(lines) < 80_000:
            sys.exit(f"queue.csv has {len(lines)} lines")
        print(f"  docs/simulator.md: both blocks, {len(lines)} lines of a month", flush=True)

    def close(self):
        for unit in self.machine.ports:
            self.run(pages.Block("the end", 0, "sh run", f"systemctl stop {unit}\n"))
        for child in self.background:
            end(child)


def end(child):
    try:
        os.killpg(child.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    child.wait()


def answers(port, path="/-/ready"):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        return str(error).encode()
    except OSError:
        return b""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--debian", metavar="FOLDER", type=pathlib.Path, help="run in a bare Debian 12, which is kept there")
    parser.add_argument("--binary", type=pathlib.Path, help="the program [default: target/debug's, or target/release's with --debian]")
    arguments = parser.parse_args()
    binary = arguments.binary or pages.ROOT / "target" / ("release" if arguments.debian else "debug") / "wolkvox-exporter"
    binary = binary.resolve()
    if not binary.exists():
        sys.exit(f"no {binary}: build it first")
    # Users of the services must be able to go in.
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        root = folder / "root"
        root.mkdir()
        if arguments.debian:
            arguments.debian.mkdir(parents=True, exist_ok=True)
            machine = Debian(root, arguments.debian.resolve(), binary)
        else:
            machine = Here(root, binary)
        try:
            day = Day(machine, binary)
            try:
                secured = day.readme()
                day.links()
                day.queries()
                day.simulator(folder)
                if arguments.debian:
                    machine.is_kept()
            finally:
                day.close()
        finally:
            machine.close()
    if arguments.debian and secured > FIVE_MINUTES:
        sys.exit(f"it took {secured:.0f} s to a scrape over TLS, more than {FIVE_MINUTES}")
    print(f"the README's day went as written; {secured:.0f} s to a scrape over TLS with a password")


if __name__ == "__main__":
    main()
