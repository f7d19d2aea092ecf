#!/usr/bin/env python3
"""Draws the boards for every scene that somebody may open them on: to be looked at before a change of them is delivered.

    python3 tests/dashboards/scenes.py --draw 'PROGRAM {dashboard} …' --out FOLDER            a picture of each kind, for each scene
    python3 tests/dashboards/scenes.py --draw '…' --out FOLDER --all                          every combination: some hours
    python3 tests/dashboards/scenes.py --draw '…' --out FOLDER --boards OTHER                 the boards of another folder

PROGRAM draws one dashboard, as for pictures.py: `{dashboard}`, `{prometheus}`, `{from}`, `{to}` and `{out}`, and `{width}` in
points and `{theme}`, dark or light. What the boards were at an earlier commit is seen with `--boards`, and

    git archive 928c146 dashboards | tar x -C FOLDER

Needs `prometheus` and `promtool`; a picture takes as long as PROGRAM does.
"""

import argparse
import itertools
import json
import tempfile
from pathlib import Path

import scenarios
from pictures import ROOT, draw
from stored import serve

# In the order of what is met most.
SCENES = ("day", "forty", "three", "night", "outage", "one_skill", "first_hour", "nothing")
LANGUAGES, WIDTHS, HOURS, THEMES = ("es", "en"), (1280, 400, 1920), (6, 24, 168), ("dark", "light")
# Each width, range, theme and language, and each width with each theme.
KINDS = (("es", 1280, 6, "dark"), ("es", 400, 6, "light"), ("en", 1920, 24, "light"), ("en", 1280, 168, "light"),
         ("en", 400, 24, "dark"), ("es", 1920, 168, "dark"))  # fmt: skip

# Below this width Grafana shows one panel under the other.
TELEPHONE = 769


def on_a_telephone(dashboard):
    """As Grafana places the panels on a narrow screen."""
    below = 0
    for panel in sorted(dashboard["panels"], key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"])):
        panel["gridPos"].update(x=0, w=24, y=below)
        below += panel["gridPos"]["h"]
    return dashboard


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draw", required=True, help="command that draws one dashboard")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--boards", type=Path, default=ROOT / "dashboards", help="with es/ and en/")
    parser.add_argument("--name", default="abandono", help="which board")
    parser.add_argument("--all", action="store_true", help="every language, width, range and theme")
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"of scenarios.py; by default {', '.join(SCENES)}")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    kinds = list(itertools.product(LANGUAGES, WIDTHS, HOURS, THEMES)) if options.all else KINDS
    with tempfile.TemporaryDirectory() as folder:
        for scene in options.scenes or SCENES:
            with serve(scenarios.ALL[scene]) as (history, prometheus):
                for language, width, hours, theme in kinds:
                    board = options.boards / language / f"{options.name}.json"
                    if width < TELEPHONE:
                        narrow = on_a_telephone(json.loads(board.read_text(encoding="utf-8")))
                        board = Path(folder, board.name)
                        board.write_text(json.dumps(narrow), encoding="utf-8")
                    out = options.out / f"{scene}-{language}-{width}-{hours}h-{theme}.png"
                    draw(options.draw, board, prometheus.url, history.scenario.end, hours, out, width, theme)
                    print(out, flush=True)


if __name__ == "__main__":
    main()
