#!/usr/bin/env python3
"""Writes the dashboards' JSON files from dashboards/source/.

    python3 dashboards/generate.py           write them
    python3 dashboards/generate.py --check   say which are stale; exit 1 if any is

Python 3.9 or later, standard library only.
"""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from source import abandono, exporter  # noqa: E402
from source.text import LANGUAGES, say  # noqa: E402

DASHBOARDS = {"abandono": abandono, "exporter": exporter}


def files():
    """Path -> content of every file that belongs here."""
    return {
        HERE / language / f"{name}.json": json.dumps(say(module.build(), language), ensure_ascii=False, indent=2) + "\n"
        for name, module in DASHBOARDS.items()
        for language in LANGUAGES
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    check = parser.parse_args().check
    stale = []
    for path, content in files().items():
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            continue
        stale.append(path)
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
    for path in stale:
        print(f"{'stale' if check else 'written'}: {path.relative_to(HERE.parent)}")
    if check and stale:
        print("run: python3 dashboards/generate.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
