#!/usr/bin/env python3
"""Checks the documents: each block of code is accounted for, links lead somewhere, flags exist, both READMEs say the same.

    python3 tests/documents/check.py [PROGRAM]

PROGRAM is the binary whose flags are looked at, by default target/debug/wolkvox-exporter. What the blocks do is tried by
day.py and by the tests that their marks name (see pages.py); tables are compared with the program by tables.py.
"""

import pathlib
import re
import subprocess
import sys

import pages

READMES = ("README.md", "README.es.md")
OWN = (*READMES, "CONTRIBUTING.md", "SECURITY.md", "alerts/README.md", "dashboards/README.md",
       *sorted(str(path.relative_to(pages.ROOT)) for path in (pages.ROOT / "docs").glob("*.md")))
OTHERS = ("ARCHITECTURE.md", "CHANGELOG.md", "alerts/runbooks.md", "dashboards/scenes.md")


def unaccounted(page):
    """Blocks that no test runs and that don't say why."""
    for number, line in pages.prose(page):
        # A list's second line is indented too, but not after an empty line and so far.
        if re.match(r"(    |\t)\S", line) and not re.match(r"\s+([-*]|\d+\.) ", line):
            yield f"{page}:{number}: a block without a mark: fence it, and say which test runs it"
    for block in pages.blocks(page):
        if block.language == "promql":
            if page != "docs/queries.md":
                yield f"{block}: day.py asks the queries of docs/queries.md alone"
        elif block.mark not in pages.MARKS:
            yield f"{block}: say which test runs this block, or what it needs: {', '.join(pages.MARKS)}"
        elif block.mark == "needs" and block.value not in pages.NEEDS:
            yield f"{block}: needs what? One of {', '.join(pages.NEEDS)}"
        elif block.mark in ("run", "file") and page not in (*READMES, "alerts/README.md", "docs/simulator.md"):
            yield f"{block}: day.py doesn't run the blocks of this page"
        elif block.mark == "test":
            test = pages.ROOT / block.value
            said = test.read_text() if test.is_file() else ""
            for command in commands(block.text):
                if not any(word.rsplit("/")[-1].removesuffix(".py") in said for word in command):
                    yield f"{block}: {block.value} has none of {command}"


def commands(text):
    """For each line the words by which a test that runs it is known: commands of this program, scripts."""
    for line in text.splitlines():
        line = re.sub(r"\s# .*", "", line)
        # All tests are run with the workspace's.
        if line.startswith("cargo test"):
            continue
        words = [word for word in line.split() if re.fullmatch(r"[a-z][a-z-]{2,}|[\w/]+\.py", word)]
        if words := [word for word in words if word not in ("cargo", "run", "wolkvox-exporter")]:
            yield words


def unmeasured():
    """Figures of docs/measurements.md without a command that .ci/long runs."""
    long, page = pages.read(".ci/long"), "docs/measurements.md"
    for number, line in pages.prose(page):
        if line.startswith("| ") and not line.startswith("| what"):
            command = line.split(" | ")[-1].rstrip(" |")
            known = re.findall(r"--bench \w+|(?:benches|tests/rehearsal)/\w+\.py|--test it \w+|--test soak", command)
            if command != "the same" and not (known and all(word in long for word in known)):
                yield f"{page}:{number}: no step of .ci/long measures this: {command}"


def broken_links(page):
    for number, target in pages.links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (pages.ROOT / page).parent / path if path else pages.ROOT / page
        if not there.exists():
            yield f"{page}:{number}: {target} leads nowhere"
        elif anchor and there.suffix == ".md":
            there = str(there.resolve().relative_to(pages.ROOT))
            if anchor not in [pages.anchor(heading) for _, heading in pages.headings(there)]:
                yield f"{page}:{number}: {there} has no heading for #{anchor}"


def unknown_flags(page, known):
    """Flags of this program that are named anywhere and that it has not."""
    for number, line in enumerate(pages.read(page).splitlines(), 1):
        for flag in re.findall(r"(?<![\w-])--(?:web|wolkvox|log|config)\.[a-z.-]*[a-z]", line):
            if flag not in known:
                yield f"{page}:{number}: the program has no {flag}"
        for words in re.findall(r"wolkvox-exporter ((?:[\w./:-]+ ?)*)", line):
            command, *rest = words.split() or [""]
            if rest and command in known.commands:
                for flag in rest:
                    if re.fullmatch(r"--[a-z][a-z.-]*", flag) and flag not in known.of[command]:
                        yield f"{page}:{number}: `{command}` has no {flag}"


class Known(set):
    """The program's flags, of each command and of all."""

    def __init__(self, program):
        super().__init__()
        told = self.help(program)
        self.commands = re.findall(r"^  ([a-z-]+)  ", told.split("Commands:")[1].split("Options:")[0], re.MULTILINE)
        self.of = {command: set(re.findall(r"--[a-z.-]*[a-z]", self.help(program, command))) for command in self.commands if command != "help"}
        self.commands = list(self.of)
        for flags in self.of.values():
            self.update(flags)

    @staticmethod
    def help(program, *command):
        return subprocess.run([program, *command, "--help"], check=True, capture_output=True, text=True, env={"COLUMNS": "400"}).stdout


def differences():
    """What one of the READMEs has and the other one has not: sections, commands, links."""
    english, spanish = READMES
    shapes = [[depth for depth, _ in pages.headings(page)] for page in READMES]
    if shapes[0] != shapes[1]:
        yield f"{spanish} has other sections than {english}: {shapes[1]}, {shapes[0]}"
    bare = lambda block: (block.language, block.mark, block.value, re.sub(r"\s*# .*", "", block.text))
    ones, others = (pages.blocks(page) for page in READMES)
    for one, other in zip(ones, others):
        if bare(one) != bare(other):
            yield f"{other} is another block than {one}"
    if len(ones) != len(others):
        yield f"{spanish} has {len(others)} blocks, {english} {len(ones)}"
    # What is there in both languages; and headings have other names.
    same = {"README.md": "README.es.md", "docs/states.md": "docs/estados.md"}
    targets = lambda page: {same.get(target, target) for _, link in pages.links(page) if (target := link.split("#")[0])}
    ones, others = targets(english) - {spanish}, targets(spanish) - {spanish}
    if odd := ones ^ others:
        yield f"only one of the READMEs links to {', '.join(sorted(odd))}"
    lengths = [len(pages.read(page).split()) for page in READMES]
    if not 0.8 < lengths[1] / lengths[0] < 1.5:
        yield f"{spanish} has {lengths[1]} words, {english} {lengths[0]}: something is left out"


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else pages.ROOT / "target/debug/wolkvox-exporter"
    known = Known(program)
    problems = [*differences(), *unmeasured()]
    for page in OWN:
        problems += unaccounted(page)
    for page in (*OWN, *OTHERS):
        problems += broken_links(page)
        # That one has misspelt flags to tell what is said of them.
        if page != "docs/mistakes.md":
            problems += unknown_flags(page, known)
    for problem in problems:
        print(problem, file=sys.stderr)
    count = sum(len(pages.blocks(page)) for page in OWN)
    print(f"{len(OWN)} pages, {count} blocks, {len(problems)} problems")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
