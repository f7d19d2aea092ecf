#!/usr/bin/env python3
"""Writes promtool's unit tests of the alerts, one file per group of cases, into this folder.

    python3 alerts/tests/generate.py           # writes the files
    python3 alerts/tests/generate.py --check   # exit 1 if a file is not what this would write

The cases are in cases.py: what the world does, when which alert fires with which labels and texts. The made-up exporter is
in world.py. This file only writes YAML; promtool does the judging.
"""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import cases

HERE = pathlib.Path(__file__).resolve().parent
# Not a divisor of the scrape intervals: evaluations wander off the grid of the scrapes, where Prometheus 2 and 3 agree.
EVALUATION_INTERVAL = 61
RUNBOOKS = "https://example.org/wolkvox-exporter/alerts/runbooks.md#"


def duration(seconds):
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return "".join(f"{value}{unit}" for value, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if value) or "0s"


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def render(test, out):
    out.append(f"  - name: {quoted(test.name)}")
    out.append(f"    interval: {duration(test.scrape)}")
    out.append("    input_series:")
    for series, values in test.series:
        # A single quote inside YAML's single quotes is written twice.
        out.append("      - series: '" + series.replace("'", "''") + "'")
        out.append(f"        values: {quoted(values)}")
    if test.alerts:
        out.append("    alert_rule_test:")
    for at, name, expected in test.alerts:
        out.append(f"      - eval_time: {duration(at)}")
        out.append(f"        alertname: {name}")
        if not expected:
            out.append("        exp_alerts: []")
            continue
        out.append("        exp_alerts:")
        for alert in expected:
            labels, texts = cases.expected(name, alert)
            out.append("          - exp_labels:")
            out.extend(f"              {key}: {quoted(value)}" for key, value in labels.items())
            out.append("            exp_annotations:")
            out.extend(f"              {key}: {quoted(value)}" for key, value in texts.items())
            if name in cases.WITH_DASHBOARD:
                out.append(f"              dashboard_url: {quoted(cases.dashboard(labels))}")
            out.append(f"              runbook_url: {quoted(RUNBOOKS + name.lower())}")
    if test.values:
        out.append("    promql_expr_test:")
    for at, expression, expected in test.values:
        out.append(f"      - expr: {quoted(expression)}")
        out.append(f"        eval_time: {duration(at)}")
        if not expected:
            out.append("        exp_samples: []")
            continue
        out.append("        exp_samples:")
        for labels, value in expected:
            out.append(f"          - labels: {quoted(labels)}")
            out.append(f"            value: {value}")


def text(name, content):
    out = [
        "# Written by generate.py from cases.py; change those and run it again.",
        f"# {content.about}",
        "rule_files:",
        *(f"  - ../{rules}" for rules in content.rules),
        f"evaluation_interval: {duration(content.evaluation or EVALUATION_INTERVAL)}",
        "tests:",
    ]
    for test in content.tests:
        render(test, out)
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = {f"{name}.yml": text(name, content) for name, content in cases.files().items()}
    stale = sorted({path.name for path in HERE.glob("*.yml")} - set(wanted))
    for name, content in wanted.items():
        path = HERE / name
        if check:
            if not path.exists() or path.read_text() != content:
                stale.append(name)
        else:
            path.write_text(content)
    if check and stale:
        sys.exit(f"not what generate.py writes: {', '.join(stale)}; run python3 alerts/tests/generate.py")
    for name in stale:
        (HERE / name).unlink()


if __name__ == "__main__":
    main()
