#!/usr/bin/env python3
"""Copies promtool's unit tests, each beside the few rules that it is about: the same verdict in half the time.

    python3 tests/alerts/slim.py FOLDER

promtool evaluates all rules of a file at each step of a test, whether or not the test looks at them. What a rule makes depends
on nothing but the records and alerts that it names, so those that no test names, not even through others, are left out.
Prints the copies, the longest first.
"""

import pathlib
import re
import sys

ALERTS = pathlib.Path(__file__).resolve().parents[2] / "alerts"
RULE = re.compile(r"\n      - (?=alert: |record: )")


def main():
    folder = pathlib.Path(sys.argv[1])
    copies = []
    for path in sorted((ALERTS / "tests").glob("*.yml")):
        test = path.read_text()
        (name,) = re.findall(r"^  - \.\./(\S+\.rules\.yml)$", test, re.MULTILINE)
        rules = (ALERTS / name).read_text()
        slim = folder / f"{path.stem}.rules"
        slim.write_text(needed(rules, test))
        copy = folder / path.name
        copy.write_text(test.replace(f"../{name}", slim.name))
        copies.append((len(test) * slim.stat().st_size, copy))
    for _, copy in sorted(copies, reverse=True):
        print(copy)


def names(text):
    return set(re.findall(r"\bwolkvox:[\w:]+", text)) | set(re.findall(r"\bWolkvox\w+", text))


def needed(rules, test):
    """The rules without those that the test doesn't ask for."""
    head, *blocks = RULE.split(rules)
    # Comments before a rule stand at the end of the one before it.
    blocks = [(re.match(r"(?:alert|record): (\S+)", block)[1], re.sub(r"\n *#.*", "", block)) for block in blocks]
    # What is an input of the test is evaluated all the same: it is the rules' part of what is compared.
    wanted, found = names(test), set()
    while wanted != found:
        found = set(wanted)
        for name, block in blocks:
            if name in found:
                wanted |= names(block)
    return head + "".join(f"\n      - {block}" for name, block in blocks if name in found).rstrip() + "\n"


if __name__ == "__main__":
    main()
