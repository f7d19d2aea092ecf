#!/usr/bin/env python3
"""Compares the tables of docs/ that people write with the program: settings and their bounds, metrics, paths, quoted signs.

    python3 tests/documents/tables.py [PROGRAM]

PROGRAM is the binary, by default target/debug/wolkvox-exporter. Pages that a test writes are compared by that test (ARCHITECTURE.md
names them). For the metrics an exporter is run that shows what there is to show: two reports, calls, the quota, TLS.
"""

import json
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import day
import pages

# Seconds to wait for the metrics that need a poll.
PATIENCE = 90
# Known only after half a minute, at a full hour, or after a day: longer than this waits. Their own tests see them.
LATE = ("wolkvox_api_clock_difference_seconds", "wolkvox_token_", "wolkvox_reconcil")


def table(page, *heading):
    """The rows of the tables whose heading begins so, without the marks of code."""
    rows, inside = [], False
    for line in pages.read(f"docs/{page}").splitlines():
        cells = [cell.strip().replace("`", "").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[: len(heading)] == list(heading):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("|---"):
            rows.append(cells)
    if not rows:
        sys.exit(f"docs/{page} has no table {heading}")
    return rows


class Settings:
    """docs/configuration.md against `check-config`."""

    OWN = "operations: [{server: '0042', token_file: token"

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        (folder / "token").write_text("any")
        (folder / "token").chmod(0o600)

    def check(self, text):
        (self.folder / "config.yml").write_text(text)
        ended = subprocess.run([self.program, "check-config", "--config.file", "config.yml"], cwd=self.folder, env={},
                               capture_output=True, text=True)
        return ended.returncode, ended.stderr if ended.returncode else ended.stdout

    def known(self, text):
        """A key that nobody knows is answered with those that there are."""
        return set(re.search(r"the keys are (.*)", self.check(text)[1])[1].split(", "))

    def problems(self):
        rows = table("configuration.md", "key", "default")
        own, shared = [row for row in rows if len(row) == 3], [row for row in rows if len(row) == 5]
        names = lambda rows: {row[0] for row in rows}
        for where, known, told in (("the file", self.known("zzzzzzzzz: 1\n"), names(own[:3])),
                                   ("an operation", self.known(f"{self.OWN}, zzzzzzzzz: 1}}]\n"), names(own[3:]) | names(shared)),
                                   ("defaults", self.known(f"defaults: {{zzzzzzzzz: 1}}\n{self.OWN}}}]\n"), names(shared))):
            if known != told:
                yield f"docs/configuration.md: keys of {where}: {sorted(known ^ told)}"
        # Written out, the defaults change nothing.
        defaults = "".join(f"  {name}: {default}\n" for name, default, *_ in shared)
        written = self.check(f"ledger: {own[0][1]}\ndefaults:\n{defaults}{self.OWN}, name: wv0042}}]\n")
        if written != self.check(f"{self.OWN}}}]\n"):
            yield f"docs/configuration.md: other defaults than the program's: {written}"
        for name, _, least, most, _ in shared:
            for bound, step in ((least, -1), (most, 1)):
                if bound and (beyond := self.beyond(bound, step)):
                    for value, code in ((bound, 0), (beyond, 2)):
                        ended, said = self.check(f"defaults: {{{name}: {value}}}\n{self.OWN}}}]\n")
                        if ended != code:
                            yield f"docs/configuration.md: {name}: {value} is {'taken' if code else f'refused: {said}'}"

    @staticmethod
    def beyond(bound, step):
        if match := re.fullmatch(r"(\d+)([smhd])", bound):
            seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]] + step
            return f"{seconds}s" if seconds >= 0 else None
        number = int(bound.strip("[]"))
        # The bounds of buckets are whole minutes up there.
        return bound.replace(str(number), str(number + (60 * step if number > 3600 else step)))


class Whole:
    """An exporter that shows all that there is to show, over TLS, with probes of their own."""

    def __init__(self, program, folder):
        self.children, self.folder = [], folder
        simulator, self.port, probes = day.free_port(), day.free_port(), day.free_port()
        self.start([program, "simulate", "--listen", f"127.0.0.1:{simulator}", "--operation", "ventas", "--token", day.TOKEN, "--rate", "0"])
        day.wait_for("the simulator", lambda: day.answers(simulator))
        # A call a second, past and to come: enough to know the zone by, and how late rows are.
        now = int(time.time())
        calls = [{"at": at, "visible_at": at, "skill_id": "4173", "skill_name": "Ventas", "type_interaction": "inbound",
                  "conn_id": f"6736.4628.{second}.{second - 40}.1", "abandon_time": 40}
                 for second in range(now - 30, now + PATIENCE) for at in [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))]]
        data = json.dumps(calls).encode()
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{simulator}/control/calls", data, method="POST"), timeout=10)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-subj", "/CN=whole",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "web.key", "-out", "web.crt"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        (folder / "web.yml").write_text("tls_server_config: {cert_file: web.crt, key_file: web.key}\n")
        (folder / "whole-token").write_text(day.TOKEN)
        (folder / "whole.yml").write_text(
            "defaults: {reports: [abandoned, answered], start: 1h, interval: 1s, settle: 1s, overlap: 10s, quota_interval: 1h, hold: 0s}\n"
            f"operations: [{{name: ventas, server: 'http://127.0.0.1:{simulator}', token_file: whole-token}}]\n")
        self.start([program, "--config.file", "whole.yml", "--web.config.file", "web.yml", "--web.listen-address", f"127.0.0.1:{self.port}",
                    "--web.probe-address", f"127.0.0.1:{probes}"])
        day.wait_for("the exporter", lambda: day.answers(probes) == b"ready\n")

    def start(self, command):
        self.children.append(subprocess.Popen(command, cwd=self.folder, env={}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                              start_new_session=True))

    def get(self, path):
        context = ssl.create_default_context(cafile=self.folder / "web.crt")
        try:
            with urllib.request.urlopen(f"https://127.0.0.1:{self.port}{path}", context=context, timeout=10) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Content-Type"], error.read().decode()

    def problems(self):
        told = {name: (kind, set(filter(None, labels.split(", ")))) for name, kind, labels, _ in table("metrics.md", "metric", "type")}
        until = time.monotonic() + PATIENCE
        while True:
            text = self.get("/metrics")[2]
            shown = families(text)
            missing = [name for name in told if name not in shown and not name.startswith(LATE)]
            if not missing or time.monotonic() > until:
                break
            time.sleep(0.2)
        for name in missing:
            yield f"docs/metrics.md: no exporter shows {name}"
        families_of_the_program = "".join((pages.ROOT / f"src/metrics/{file}.rs").read_text() for file in ("families", "gauges"))
        for name in told:
            if name.startswith(LATE) and f'"{name}"' not in families_of_the_program:
                yield f"docs/metrics.md: the program has no {name}"
        for name, family in shown.items():
            if told.get(name) != family:
                yield f"docs/metrics.md: {name} is {family}, and told as {told.get(name)}"
        values = lambda label: set(re.findall(rf'[{{,]{label}="([^"]*)"', text))
        listed = {label: {value for of, value, _ in table("metrics.md", "label", "value") if of == label} for label in ("disposition", "reason")}
        listed["outcome"] = {row[0].split(":")[0] for row in table("states.md", "outcome")}
        for label, there in listed.items():
            if values(label) != there:
                yield f"values of {label}: {sorted(values(label))}, and told as {sorted(there)}"
        for path, status, kind, _ in table("http.md", "path", "status"):
            if (answer := self.get(path)[:2]) != (int(status), kind):
                yield f"docs/http.md: {path} is answered by {answer}"

    def close(self):
        for child in self.children:
            day.end(child)


def families(text):
    """Name to type and labels."""
    found = {}
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        sample = f"{name}_count" if kind == "histogram" else name
        series = re.findall(rf"^{sample}(?:\{{(.*)\}})? ", text, re.MULTILINE)
        found[name] = (kind, {label for labels in series for label in re.findall(r'(?:^|,)(\w+)="', labels)})
    return found


def unsaid_signs():
    """What stands in quotes in docs/trouble.md is what the program says: `…` is for what changes."""
    # A long text of Rust is broken with a backslash.
    sources = re.sub(r"\\\n\s*", "", "".join(path.read_text() for path in (pages.ROOT / "src").rglob("*.rs")))
    quoted = [sign for row in table("trouble.md", "sign") for sign in re.findall(r'"([^"]*)"', row[0])]
    if len(quoted) < 5:
        yield f"docs/trouble.md: only {quoted} are in quotes"
    for sign in quoted:
        for part in filter(None, map(str.strip, sign.split("…"))):
            if part not in sources:
                yield f"docs/trouble.md: nothing says {part!r}"


def main():
    program = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pages.ROOT / "target/debug/wolkvox-exporter").resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        problems = [*Settings(program, folder).problems(), *unsaid_signs()]
        whole = Whole(program, folder)
        try:
            problems += whole.problems()
        finally:
            whole.close()
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"settings, metrics, paths and signs of docs/ compared, {len(problems)} problems")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
