"""What the documents have: blocks of code with their marks, headings, links."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Marks that a block's first line has behind the language, which readers don't see. `run`, also with a name, is run by day.py;
# `file=PATH` is written there by it; `test=PATH` is run by that test; `needs=WHAT` is run by nobody here, for want of it;
# `output` is what a command printed.
MARKS = ("run", "file", "test", "needs", "output")
NEEDS = ("live-token", "docker", "grafana", "a-viewer")


class Block:
    def __init__(self, page, line, info, text):
        self.page, self.line, self.text = page, line, text
        self.language, _, mark = info.partition(" ")
        self.mark, _, self.value = mark.partition("=")

    def __str__(self):
        return f"{self.page}:{self.line}"


def read(page):
    return (ROOT / page).read_text()


def blocks(page):
    """Those that are fenced."""
    found, inside = [], None
    for number, line in enumerate(read(page).splitlines(), 1):
        fence = re.match(r" *```(.*)", line)
        if fence and inside is None:
            inside = (number, fence[1], [], line[: line.index("`")])
        elif fence:
            found.append(Block(page, inside[0], inside[1], "".join(f"{each}\n" for each in inside[2])))
            inside = None
        elif inside:
            inside[2].append(line.removeprefix(inside[3]))
    return found


def prose(page):
    """(number, line) of all that is in no fenced block."""
    inside = False
    for number, line in enumerate(read(page).splitlines(), 1):
        if line.lstrip().startswith("```"):
            inside = not inside
        elif not inside:
            yield number, line


def headings(page):
    return [(len(match[1]), match[2]) for _, line in prose(page) if (match := re.match(r"(#+) (.*)", line))]


def anchor(heading):
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def links(page):
    """(number, target) of each link and picture."""
    text = "\n".join(f"{number}\0{line}" for number, line in prose(page))
    for number, line in (each.split("\0", 1) for each in text.split("\n")):
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            yield int(number), target
