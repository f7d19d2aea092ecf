"""Every option is one that Grafana knows: what its own data model does not keep over a round trip is misspelt or misplaced.

Skipped without the package of tests/dashboards/requirements.txt.
"""

import json
import unittest

from test_lint import DASHBOARDS

try:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard
except ImportError:
    Dashboard = None

# The Prometheus plugin's own annotation fields, and what Grafana's editor shows of a variable's query.
NOT_IN_THE_MODEL = {
    "annotations.list.step",
    "annotations.list.titleFormat",
    "annotations.list.textFormat",
    "annotations.list.tagKeys",
    "annotations.list.useValueForTime",
    "templating.list.definition",
}


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from leaves(item, (*path, i))
    else:
        yield path, value


@unittest.skipIf(Dashboard is None, "grafana-foundation-sdk is not installed")
class RoundTrip(unittest.TestCase):
    def test_nothing_is_lost(self):
        register_default_plugins()
        for key, dashboard in DASHBOARDS.items():
            back = dict(leaves(json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(dashboard)))))
            lost = {
                ".".join(part for part in path if isinstance(part, str))
                for path, value in leaves(dashboard)
                if back.get(path) != value
            }
            self.assertEqual(lost - NOT_IN_THE_MODEL, set(), key)


if __name__ == "__main__":
    unittest.main()
