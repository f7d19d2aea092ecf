"""The shipped rules, evaluated by a real Prometheus at moments that are past.

Prometheus evaluates rules now and never before. So each rule is asked as a query at the moment wanted, in its order, and its
answer written back, which the next rule then sees. What a rule can't see is what it recorded in the weeks before; that
comes from alerts/replay/rule.py (`records.weeks`), which a test compares with the rules.
"""

import json
import struct
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections import defaultdict
from pathlib import Path

from stored import Prometheus, free_address, wait_ready

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "alerts").glob("*.rules.yml"))


def rules(binary="prometheus"):
    """[(interval in seconds, rules in their order)], as Prometheus itself reads the files."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        config = Path(folder, "prometheus.yml")
        config.write_text(json.dumps({"rule_files": [str(path) for path in RULES]}))
        address = free_address()
        server = subprocess.Popen(
            [binary, f"--config.file={config}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}"],
            stdout=log,
            stderr=log,
        )
        try:
            wait_ready(server, address, log)
            groups = Prometheus(address).get("rules")["groups"]
        finally:
            server.terminate()
            server.wait()
    return [(group["interval"], group["rules"]) for group in groups]


class Evaluation:
    """Evaluates all groups; keeps what alerts wait for and which of them fire."""

    def __init__(self, prometheus, groups):
        self.prometheus, self.groups = prometheus, groups
        self.pending = {}  # (alert, labels) -> since when its expression holds
        self.last = {}  # (alert, labels) -> when it held last, of those that fire

    def at(self, moment):
        """Evaluates each group whose interval divides the moment's minute."""
        for interval, group in self.groups:
            if interval > 60 and moment // 60 % (interval // 60):
                continue
            for rule in group:
                found = self.prometheus.instant(rule["query"], moment)
                samples = [(sample["metric"], float(sample["value"][1])) for sample in found]
                if rule["type"] == "recording":
                    own = {"__name__": rule["name"], **rule.get("labels", {})}
                    write(self.prometheus.url, [({**labels, **own}, value) for labels, value in samples], moment)
                else:
                    self.alert(rule, [labels for labels, _ in samples], moment)

    def alert(self, rule, holding, moment):
        name, holds = rule["name"], set()
        for labels in holding:
            key = (name, tuple(sorted((k, v) for k, v in labels.items() if k != "__name__")))
            holds.add(key)
            since = self.pending.setdefault(key, moment)
            if moment - since >= rule["duration"]:
                self.last[key] = moment
        for key in [key for key in self.pending if key[0] == name and key not in holds]:
            del self.pending[key]
        for key in [key for key in self.last if key[0] == name and key not in holds]:
            if moment - self.last[key] >= rule.get("keepFiringFor", 0):
                del self.last[key]
        lines = [
            ({"__name__": "ALERTS", "alertname": name, "alertstate": "firing", **dict(key[1]), **rule["labels"]}, 1)
            for key in self.last
            if key[0] == name
        ]
        write(self.prometheus.url, lines, moment)

    def firing(self):
        """{alert: [labels]}"""
        found = defaultdict(list)
        for name, labels in self.last:
            found[name].append(dict(labels))
        return dict(found)


# ---- remote write: the one way to give Prometheus samples of the past while it runs


def write(url, samples, moment):
    if not samples:
        return
    body = b"".join(field(1, series(labels, value, moment)) for labels, value in samples)
    request = urllib.request.Request(f"{url}/api/v1/write", snappy(body), {"Content-Encoding": "snappy"})
    try:
        urllib.request.urlopen(request, timeout=60).close()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"not stored: {error.read().decode()}") from None


def series(labels, value, moment):
    pairs = b"".join(
        field(1, field(1, name.encode()) + field(2, text.encode())) for name, text in sorted(labels.items())
    )
    sample = b"\x09" + struct.pack("<d", value) + b"\x10" + varint(moment * 1000)
    return pairs + field(2, sample)


def field(number, content):
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def snappy(content):
    """Snappy's block format with nothing compressed: literals of up to 64 KiB."""
    out = varint(len(content))
    for begin in range(0, len(content), 65_536):
        part = content[begin : begin + 65_536]
        out += b"\xf4" + struct.pack("<H", len(part) - 1) + part
    return out

