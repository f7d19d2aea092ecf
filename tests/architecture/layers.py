#!/usr/bin/env python3
"""Prints which module uses which, and fails on an arrow that goes up or in a circle.

    python3 tests/architecture/layers.py

The order is the list of modules in ARCHITECTURE.md, so that the page can't lie: a module may use what is indented further
than itself, and nothing else. Within a crate any order will do, as long as it is one. What a module uses is read from the
paths in its code (`crate::x`, `super::x`, the name of a crate), in `use` and in line; tests may use what they like. The
code is as rustfmt writes it.
"""

import re
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

# `    name/, other.rs    what it is`: a line of the list, which is indented as code.
LISTED = re.compile(r"^    ( *)([\w/.-]+(?:, [\w/.-]+)*)  ", re.MULTILINE)
TEST = re.compile(r"^( *)#\[cfg\(test\)\]\n(?:.*;|(?s:.*?)\n\1\}\S*)\n", re.MULTILINE)
COMMENT = re.compile(r"(?:^|\s)//.*", re.MULTILINE)
PATH = re.compile(r"(?<![\w:])(crate|wolkvox_exporter|(?:super::)*super)::(\w+|\{)")
# Ahead of a path within another: `crate::a::domain::b` is nothing of the crate `domain`.
CRATE = r"(?<![\w:]){}::"


def listed(page):
    """How far each module and crate of the page is indented."""
    section = page.split("\n## The modules\n", 1)[1].split("\n## ", 1)[0]
    return {Path(name).stem: len(indent) for indent, names in LISTED.findall(section) for name in names.split(", ")}


def used(code, module):
    """The modules at the root of its crate that this code names; `module` is where it stands, from that root."""
    for path in PATH.finditer(code):
        start, name = path.groups()
        above = module[: -start.count("super")] if "super" in start else []
        if above:
            yield above[0]
        elif name == "{":
            yield from heads(code[path.end() :])
        else:
            yield name


def heads(group):
    """The first names in a group of `use`, from behind its brace on: of `a, b::{c, d}}` they are a and b."""
    depth = 0
    for token in re.finditer(r"(::)?(\w+|[{}])", group):
        depth += {"{": 1, "}": -1}.get(token[2], 0)
        if depth < 0:
            return
        if depth == 0 and token[2] != "}" and not token[1]:
            yield token[2]


def modules(source, crates):
    """What each module at the root of a crate uses: other modules, and crates. The root itself only holds them."""
    arrows = {}
    for file in sorted(source.rglob("*.rs")):
        module = [part for part in file.relative_to(source).with_suffix("").parts if part != "mod"]
        if module == ["lib"] or "tests" in module:
            continue
        code = COMMENT.sub("", TEST.sub("", file.read_text(encoding="utf-8")))
        names = {*used(code, module), *(name for name in crates if re.search(CRATE.format(name), code))}
        arrows.setdefault(module[0], set()).update(names - {module[0]})
    return arrows


def needed(manifest):
    """The crates of this workspace that a crate is built with, its tests apart."""
    declared = tomllib.loads(manifest.read_text(encoding="utf-8")).get("dependencies", {})
    return {Path(what["path"]).name for what in declared.values() if "path" in what}


def problems(arrows, order):
    """What is wrong with these arrows; `order` is None where any will do."""
    for module in sorted(arrows.keys() ^ order.keys()) if order else ():
        yield f"{module} is {'not listed' if module in arrows else 'listed and does not exist'}"
    for module, names in arrows.items():
        for name in sorted(names - arrows.keys()):
            yield f"{module} uses {name}, which is no module"
        for name in sorted(names & arrows.keys()) if order else ():
            if order.get(name, 0) <= order.get(module, 0):
                yield f"{module} uses {name}, which does not stand below it"
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as circle:
        yield f"a circle: {' -> '.join(reversed(circle.args[1]))}"


def check(root):
    """Prints the arrows of all crates below `root`; gives back the number of problems, which it prints too."""
    crates = sorted(manifest.parent for manifest in root.glob("crates/*/Cargo.toml"))
    names = [crate.name for crate in crates]
    exporter = modules(root / "src", names) | {crate.name: needed(crate / "Cargo.toml") for crate in crates}
    order = listed((root / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    graphs = [("the exporter", exporter, order)]
    graphs += [(f"crates/{crate.name}", modules(crate / "src", []), None) for crate in crates]
    found = 0
    for name, arrows, order in graphs:
        print(f"{name}:")
        for module in sorted(arrows, key=lambda module: (order or {}).get(module, 0)):
            print(f"    {module} -> {' '.join(sorted(arrows[module])) or 'nothing'}")
        for problem in problems(arrows, order):
            found += 1
            print(f"  WRONG: {problem}", file=sys.stderr)
    return found


if __name__ == "__main__":
    sys.exit(1 if check(Path(__file__).resolve().parents[2]) else 0)
