#!/usr/bin/env python3
"""Checks what promtool doesn't: each alert has both languages, a runbook under its heading, a severity, an audience and tests,
one of them with a second report that comes and goes.

The rules are read as text, for Python's standard library has no YAML: the files keep to one plain layout.
"""

import pathlib
import re
import sys

import reports

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ALERTS = ROOT / "alerts"
FIELDS = ("summary", "summary_es", "description", "description_es", "runbook_url")


def main():
    problems = []
    rules = (ALERTS / "wolkvox.rules.yml").read_text()
    history = (ALERTS / "wolkvox-history.rules.yml").read_text()
    runbooks = re.split(r"^## (\w+)$", (ALERTS / "runbooks.md").read_text(), flags=re.MULTILINE)
    headings = runbooks[1::2]
    sections = dict(zip(headings, runbooks[2::2]))
    tests = "".join(path.read_text() for path in (ALERTS / "tests").glob("*.yml"))
    of_two_reports = [test for test in re.split(r"\n  - name: ", tests) if "(two reports)" in test.split("\n", 1)[0]]
    blocks = re.split(r"\n      - (?=alert: |record: )", rules)
    alerts = {}
    for block in blocks:
        if name := re.match(r"alert: (\w+)", block):
            alerts[name[1]] = block

    for name, block in alerts.items():
        for field in FIELDS:
            if not re.search(rf"^          {field}: ", block, re.MULTILINE):
                problems.append(f"{name} has no {field}")
        if "{{" in re.search(r"^          summary: (.*)$", block, re.MULTILINE)[1]:
            problems.append(f"{name}: the summary must be static")
        if not re.search(r"severity: (critical|warning|info)\n\s+audience: (supervisors|oncall)\n", block):
            problems.append(f"{name} has no severity and audience")
        if "audience: supervisors" in block and "var-operation={{" not in block:
            problems.append(f"{name}: no link to the dashboard with its operation filled in")
        if f"/alerts/runbooks.md#{name.lower()}\n" not in block + "\n":
            problems.append(f"{name}: runbook_url does not end in its heading")
        if name not in headings:
            problems.append(f"{name} has no runbook")
        elif not all(part in sections[name] for part in ("**Means.**", "**Check.**", "**Do.**", "**En español.**")):
            problems.append(f"the runbook {name} lacks one of its four parts")
        fires = re.search(rf"alertname: {name}\n        exp_alerts:\n", tests)
        silent = f"alertname: {name}\n        exp_alerts: []" in tests
        if not fires or not silent:
            problems.append(f"{name} has no test that it fires, or none that it doesn't")
        if not any(f"alertname: {name}\n        exp_alerts:\n" in test for test in of_two_reports):
            problems.append(f"{name} has no test that it fires with `answered` switched on and off in the middle")
    for heading in headings:
        if heading not in alerts:
            problems.append(f"the runbook {heading} belongs to no alert")

    for name, expression in queries(rules + history):
        problems += [f"{name}: {problem}" for problem in reports.problems(expression)]
    for path in ("docs/queries.md", "docs/counting.md", "alerts/README.md", "alerts/runbooks.md", "dashboards/README.md"):
        for query in reports.in_markdown((ROOT / path).read_text()):
            problems += [f"{path}: {problem} in `{query.strip()}`" for problem in reports.problems(query)]

    recorded = set(re.findall(r"record: (\S+)", rules + history))
    used = set(re.findall(r"wolkvox:[a-z0-9_]+:?[a-z0-9_]*:?[a-z0-9_]*", "\n".join(re.findall(r"^(?!\s*(?:#|- record)).*$", rules + history, re.MULTILINE))))
    for name in sorted(used - recorded):
        problems.append(f"{name} is used and recorded nowhere")
    drawn = "".join(path.read_text() for path in (ROOT / "dashboards" / "source").rglob("*.py"))
    # A record that a reader is told of stands for its kind: of a skill or the operation, over each of the spans.
    told = set(re.findall(r"`(wolkvox:\w+:\w+)`", (ROOT / "docs/queries.md").read_text()))
    kinds = {kind_of(name) for name in told}
    for name in sorted(told - recorded):
        problems.append(f"{name} is told of in docs/queries.md and recorded nowhere")
    for name in sorted(recorded - used):
        if name not in drawn and kind_of(name) not in kinds:
            problems.append(f"{name} is recorded and used by no rule, no dashboard and no reader")

    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(alerts)} alerts, {len(recorded)} records, {len(problems)} problems")
    sys.exit(bool(problems))


def kind_of(record):
    return re.sub(r":(skill|operation)_(\w+):(15m|1h|today)$", r":\2", record)


def queries(text):
    """(rule, expression) of every rule, and the queries inside of its texts."""
    for block in re.split(r"\n      - (?=alert: |record: )", text)[1:]:
        name = block.split("\n", 1)[0]
        expression = re.search(r"^        expr: (?:\|\n((?:          .*\n?|\n)*)|(.*))", block, re.MULTILINE)
        yield name, expression[1] or expression[2]
        # In a text a query stands in a string of Go's, its quotes escaped, what is filled in as %q.
        for inner in re.findall(r'"((?:[^"\\]|\\.)*)"', block.split("annotations:")[-1]):
            if "operation=%q" in inner:
                yield name, re.sub(r"%q", '"$report"', inner.replace('\\"', '"'))


if __name__ == "__main__":
    main()
