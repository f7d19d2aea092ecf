#!/usr/bin/env python3
"""Which alerts the example of Alertmanager holds back for which: its rules of inhibition, case by case.

amtool has no command for that, and Debian's Alertmanager does not run unpacked. So the rules are read here and applied as
Alertmanager's documentation says; the live rehearsal has the real one.
"""

import pathlib
import re
import sys

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "alerts" / "alertmanager.example.yml"


def alert(name, **labels):
    return {"alertname": f"Wolkvox{name}", **labels}


VENTAS = {"operation": "ventas"}
SPIKE = alert("AbandonmentSpike", **VENTAS, skill_id="4173")

# What is the case, what is held back then, what is told all the same.
CASES = [
    (
        "the token is refused",
        [alert("TokenRejected", **VENTAS)],
        [SPIKE, alert("DataStale", **VENTAS, report="abandoned"), alert("ApiFailing", **VENTAS, report="answered")],
        [alert("AbandonmentSpike", operation="otra")],
    ),
    # That its alert is not there any more then, promtool's tests see to.
    ("the token was mended, now the network fails", [], [], [alert("DataStale", **VENTAS, report="abandoned")]),
    (
        "the data are late",
        [alert("DataStale", **VENTAS, report="abandoned")],
        [SPIKE, alert("ApiFailing", **VENTAS, report="abandoned")],
        [alert("ApiFailing", **VENTAS, report="answered")],
    ),
    (
        "only the second report is late",
        [alert("DataStale", **VENTAS, report="answered"), alert("CatchingUp", **VENTAS, report="answered")],
        [alert("ApiFailing", **VENTAS, report="answered")],
        [SPIKE],
    ),
    (
        "an outage has ended",
        [alert("CatchingUp", **VENTAS, report="abandoned")],
        [SPIKE, alert("SuspiciousSilence", **VENTAS), alert("ApiFailing", **VENTAS, report="abandoned")],
        [alert("ApiFailing", **VENTAS, report="answered")],
    ),
    (
        "the quota is used up",
        [alert("QuotaExceeded", **VENTAS)],
        [alert("ApiFailing", **VENTAS, report="abandoned")],
        [alert("DataStale", **VENTAS, report="abandoned")],
    ),
    (
        "most rows are rejected",
        [alert("MostRowsRejected", **VENTAS, report="abandoned")],
        [alert("RowsRejected", **VENTAS, report="abandoned"), alert("SuspiciousSilence", **VENTAS)],
        [SPIKE, alert("RowsRejected", **VENTAS, report="answered")],
    ),
    (
        "most rows of the second report are rejected",
        [alert("MostRowsRejected", **VENTAS, report="answered")],
        [alert("RowsRejected", **VENTAS, report="answered")],
        [alert("SuspiciousSilence", **VENTAS)],
    ),
    (
        "the whole operation",
        [alert("AbandonmentSpikeAllSkills", **VENTAS)],
        [SPIKE, alert("AbandonmentElevated", **VENTAS, skill_id="1")],
        [],
    ),
    (
        "one skill",
        [SPIKE],
        [alert("AbandonmentElevated", **VENTAS, skill_id="4173")],
        [alert("AbandonmentElevated", **VENTAS, skill_id="1")],
    ),
    (
        "the ledger is gone",
        [alert("LedgerGone", instance="a")],
        [alert("LedgerErrors", instance="a")],
        [alert("LedgerErrors", instance="b")],
    ),
]


MATCHER = re.compile(r'(\w+)(=~|=)"([^"]*)"')


def rules(text):
    """(source matchers, target matchers, labels that must be equal) of every rule; the file keeps to one plain layout."""
    section = text.split("\ninhibit_rules:\n")[1].split("\nreceivers:")[0]
    section = "\n".join(line for line in section.splitlines() if not line.lstrip().startswith("#"))
    for block in section.split("  - source_matchers: ")[1:]:
        source, target = block.split("target_matchers: ")
        equal = re.search(r"equal: \[([^\]]*)\]", target)
        yield MATCHER.findall(source), MATCHER.findall(target), equal[1].split(", ") if equal else []


def matches(matchers, labels):
    """As Alertmanager does: anchored, and a label that is missing is an empty one."""
    return all(
        re.fullmatch(value, labels.get(name, "")) if operator == "=~" else labels.get(name, "") == value
        for name, operator, value in matchers
    )


def held_back(labels, firing, known):
    return any(
        matches(target, labels) and any(
            matches(source, cause)
            # What is its own cause is not held back by itself.
            and not (matches(source, labels) and matches(target, cause))
            and all(cause.get(name, "") == labels.get(name, "") for name in equal)
            for cause in firing
        )
        for source, target, equal in known
    )


def main():
    known = list(rules(CONFIG.read_text()))
    problems = [] if known else ["no rule was found"]
    for title, causes, held, told in CASES:
        for labels, wanted in [(labels, True) for labels in held] + [(labels, False) for labels in causes + told]:
            if held_back(labels, [*causes, *held, *told], known) != wanted:
                problems.append(f"{title}: {labels} is {'told' if wanted else 'held back'}")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(known)} rules of inhibition, {len(CASES)} cases, {len(problems)} problems")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
