"""The dashboards ask for what the exporter has: every metric name and label of their queries stands on a real /metrics.

Needs the binary: $WOLKVOX_EXPORTER, or one that cargo has built. Skipped without one.
"""

import os
import re
import subprocess
import unittest
import urllib.request
from pathlib import Path

from test_lint import DASHBOARDS, strings

ROOT = Path(__file__).resolve().parents[2]
# Prometheus' own, and what alerts/ records.
# And what is there only with another report, with quota_interval or with TLS.
FROM_ELSEWHERE = re.compile(
    r"up|ALERTS|scrape_\w+|wolkvox:.*|wolkvox_answer\w+|wolkvox_(reconcil|token_|exporter_tls_)\w+"
)
# Labels that Prometheus, the rules or a query itself bring.
OTHER_LABELS = {"job", "alertname", "alertstate"}


def binary():
    """The one that is named, or the newest that was built."""
    named = os.environ.get("WOLKVOX_EXPORTER")
    if named:
        return named
    built = (ROOT / "target" / kind / "wolkvox-exporter" for kind in ("release", "debug"))
    return max((path for path in built if os.access(path, os.X_OK)), key=lambda path: path.stat().st_mtime, default=None)


def queries():
    for dashboard in DASHBOARDS.values():
        for path, text in strings(dashboard):
            if path[-1] in ("expr", "query"):
                yield text


def series_of(metrics):
    """Name -> label names, of every line of text format."""
    found = {}
    for line in metrics.splitlines():
        match = re.match(r"([a-zA-Z_:][\w:]*)(\{.*\})? ", line)
        if match:
            found.setdefault(match.group(1), set()).update(re.findall(r'(\w+)="', match.group(2) or ""))
    return found


@unittest.skipIf(binary() is None, "no built exporter")
class OnARealExporter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        demo = subprocess.Popen(
            [binary(), "demo", "--web.listen-address", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        cls.addClassCleanup(demo.stdout.close)
        cls.addClassCleanup(demo.wait)
        cls.addClassCleanup(demo.terminate)
        address, said = None, []
        for line in demo.stdout:
            said.append(line)
            # It is printed when the numbers are there.
            address = re.match(r"metrics: +(\S+)", line)
            if address:
                break
        if not address:
            raise AssertionError("the demo gave no address:\n" + "".join(said))
        with urllib.request.urlopen(address.group(1), timeout=10) as answer:
            cls.series = series_of(answer.read().decode())

    def test_every_metric_exists(self):
        used = set()
        for query in queries():
            used |= set(
                re.findall(r"\b((?:wolkvox|process|scrape)_\w+|wolkvox:[\w:]+|up|ALERTS)(?=[{\[)]| \*|, )", query)
            )
        self.assertIn("wolkvox_abandoned_calls_total", used)
        used = {name for name in used if not FROM_ELSEWHERE.fullmatch(name)}
        self.assertEqual(used - set(self.series), set())

    def test_every_label_exists(self):
        for query in queries():
            for name, inside in re.findall(r"\b(\w+)\{([^}]*)\}", query):
                if name in self.series:
                    labels = set(re.findall(r'(\w+) *(?:=|!)[~=]?"', inside))
                    self.assertEqual(labels - self.series[name] - OTHER_LABELS, set(), name)


if __name__ == "__main__":
    unittest.main()
