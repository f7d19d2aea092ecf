"""The JSON files by themselves: current, complete, alike in both languages, and free of the traps of a slow counter."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from screen import VARIABLE, panels_of, seconds

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "alerts"))
import reports  # noqa: E402

FOLDER = ROOT / "dashboards"
FILES = {
    (language, name): FOLDER / language / f"{name}.json"
    for language in ("es", "en")
    for name in ("abandono", "exporter")
}
DASHBOARDS = {key: json.loads(path.read_text(encoding="utf-8")) for key, path in FILES.items()}
BUILT_IN = {"__all", "__interval", "__rate_interval", "__range", "__range_s", "__url_time_range"}
# What a person reads; everything else must be the same in both languages.
TEXTS = {
    "title",
    "description",
    "label",
    "name",
    "legendFormat",
    "noValue",
    "displayName",
    "options",
    "value",
    "text",
    "uid",
    "url",
    "tooltip",
    "titleFormat",
    "textFormat",
    "sortBy",
    "renameByName",
}
sys.path.insert(0, str(FOLDER))
RUNBOOKS = ROOT / "alerts" / "runbooks.md"
RULES = sorted((ROOT / "alerts").glob("*.rules.yml"))


def strings(value, path=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from strings(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from strings(item, (*path, i))
    elif isinstance(value, str):
        yield path, value


def shape(value, key=""):
    """The structure without the texts."""
    if isinstance(value, dict):
        keys = [str(len(value))] if key in ("renameByName",) else sorted(value)
        return {name: shape(value[name], name) if name in value else None for name in keys}
    if isinstance(value, list):
        return [shape(item, key) for item in value]
    return type(value).__name__ if key in TEXTS and isinstance(value, str) else value


def expressions(dashboard):
    for panel in panels_of(dashboard):
        for target in panel["targets"]:
            yield panel, target


def columns_widths(table):
    return {
        override["matcher"]["options"]: item["value"]
        for override in table["fieldConfig"]["overrides"]
        for item in override["properties"]
        if item["id"] in ("custom.width", "custom.minWidth")
    }


def columns(table):
    """The columns that a table shows, in their order, and how wide each is at least."""
    (organized,) = [step["options"] for step in table["transformations"] if step["id"] == "organize"]
    order, names = organized["indexByName"], organized["renameByName"]
    return [names[name] for name in sorted(order, key=order.get) if name in names], columns_widths(table)


class Lint(unittest.TestCase):
    def test_the_files_are_current(self):
        check = subprocess.run([sys.executable, FOLDER / "generate.py", "--check"], capture_output=True, text=True)
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)

    def test_a_stale_file_is_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(FOLDER, Path(folder, "dashboards"))
            with (copy / "es" / "exporter.json").open("a", encoding="utf-8") as file:
                file.write(" ")
            check = subprocess.run([sys.executable, copy / "generate.py", "--check"], capture_output=True, text=True)
            self.assertEqual(check.returncode, 1)
            self.assertIn("stale: dashboards/es/exporter.json", check.stdout)
            subprocess.run([sys.executable, copy / "generate.py"], check=True, capture_output=True)
            self.assertEqual((copy / "es" / "exporter.json").read_text(), FILES["es", "exporter"].read_text())

    def test_both_languages_have_the_same_structure(self):
        for name in ("abandono", "exporter"):
            self.assertEqual(shape(DASHBOARDS["es", name]), shape(DASHBOARDS["en", name]))

    def test_what_provisioning_needs(self):
        uids = set()
        for dashboard in DASHBOARDS.values():
            self.assertEqual(dashboard["schemaVersion"], 39)
            self.assertNotIn("id", dashboard)
            self.assertRegex(dashboard["uid"], r"^[a-z-]{1,40}$")
            uids.add(dashboard["uid"])
            sources = [v["name"] for v in dashboard["templating"]["list"] if v["type"] == "datasource"]
            self.assertEqual(sources, ["datasource"])
            for path, text in strings(dashboard):
                if path[-1] == "uid" and "datasource" in path:
                    self.assertEqual(text, "${datasource}", path)
        self.assertEqual(len(uids), len(DASHBOARDS))

    def test_panels_have_all_that_a_reader_needs(self):
        for dashboard in DASHBOARDS.values():
            ids = [panel["id"] for panel in dashboard["panels"]]
            self.assertEqual(len(ids), len(set(ids)))
            for panel in panels_of(dashboard):
                with self.subTest(panel=panel["title"]):
                    self.assertTrue(panel["title"] and len(panel["description"]) > 20)
                    self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                    self.assertTrue(panel["targets"])
                    refs = [target["refId"] for target in panel["targets"]]
                    self.assertEqual(len(refs), len(set(refs)))

    def test_panels_do_not_overlap_and_leave_no_hole(self):
        for dashboard in DASHBOARDS.values():
            cells, bottom = set(), 0
            for panel in dashboard["panels"]:
                x, y, w, h = (panel["gridPos"][side] for side in "xywh")
                self.assertTrue(0 <= x and x + w <= 24, panel["title"])
                mine = {(column, line) for column in range(x, x + w) for line in range(y, y + h)}
                self.assertFalse(mine & cells, f"{panel['title']} overlaps")
                cells |= mine
                bottom = max(bottom, y + h)
            self.assertEqual(len(cells), 24 * bottom)

    def test_variables_exist_and_are_used(self):
        for dashboard in DASHBOARDS.values():
            names = {variable["name"] for variable in dashboard["templating"]["list"]}
            used = {a or b for _, text in strings(dashboard) for a, b in VARIABLE.findall(text)}
            self.assertEqual(used - names - BUILT_IN, set())
            self.assertEqual(names - used, set())

    def test_links_resolve(self):
        uids = {key: dashboard["uid"] for key, dashboard in DASHBOARDS.items()}
        for (language, _), dashboard in DASHBOARDS.items():
            targets = [text for path, text in strings(dashboard) if path[-1] == "url"]
            self.assertTrue(targets)
            for url in targets:
                own = re.match(r"/d/([^?]+)", url)
                if own:
                    self.assertIn(own.group(1), [uid for key, uid in uids.items() if key[0] == language], url)
                else:
                    self.assertRegex(url, r"^\$\{runbooks\}(#\$\{__data\.fields\.anchor\.text\})?$")

    def test_queries_that_depend_on_the_step_have_a_min_step_of_a_window(self):
        for dashboard in DASHBOARDS.values():
            for panel, target in expressions(dashboard):
                # The state is read off gauges; a minute shows a catch-up of 90 s.
                least = 60 if panel["type"] == "state-timeline" else 300
                # The variable `bar` is a window or an hour.
                step = seconds(target.get("interval", "0s").replace("${bar}", "300"))
                if "$__interval" in target["expr"] or "$__rate_interval" in target["expr"]:
                    self.assertGreaterEqual(step, least, panel["title"])
                # What is divided by the windows of an hour is right at every moment.
                spans = set(re.findall(r"increase\([^[]*\[([^]]*)\]", target["expr"]))
                if target["range"] and spans and (spans != {"1h"} or "windows_total" not in target["expr"]):
                    self.assertGreaterEqual(step, least, panel["title"])

    def test_no_scrape_interval_hides_in_a_query(self):
        """Every literal span is of windows (10 minutes or more) or the window's own length in a subquery's step."""
        for dashboard in DASHBOARDS.values():
            for panel, target in expressions(dashboard):
                for span in re.findall(r"\[(\d+[smhdw])\]", target["expr"]):
                    self.assertGreaterEqual(seconds(span), 600, panel["title"])
                for step in re.findall(r":(\d+[smhdw])\]", target["expr"]):
                    self.assertIn(seconds(step), (300, 3600), panel["title"])

    def test_every_query_says_which_report_it_means(self):
        for dashboard in DASHBOARDS.values():
            queries = [(panel["title"], target["expr"]) for panel, target in expressions(dashboard)]
            for kind in ("annotations", "templating"):
                for item in dashboard[kind]["list"]:
                    query = item.get("expr") or item.get("query")
                    queries.append((item["name"], query["query"] if isinstance(query, dict) else query))
            for title, query in queries:
                self.assertEqual(reports.problems(query), [], title)

    def test_quantiles_are_gated(self):
        for dashboard in DASHBOARDS.values():
            for panel, target in expressions(dashboard):
                if "histogram_quantile" in target["expr"]:
                    self.assertRegex(target["expr"], r"> 19\.5$", panel["title"])

    def test_bucket_bounds_are_written_as_floats(self):
        for dashboard in DASHBOARDS.values():
            for _, target in expressions(dashboard):
                for bound in re.findall(r'le="([^"]*)"', target["expr"]):
                    self.assertRegex(bound, r"^\d+\.\d+$")

    def test_the_first_screen_is_the_verdict(self):
        """What fits a screen of 1280 x 720 says who loses more than usual, how old the data are, and ranks the skills by it."""
        for language in ("es", "en"):
            first = [p for p in panels_of(DASHBOARDS[language, "abandono"]) if p["gridPos"]["y"] + p["gridPos"]["h"] <= 18]
            queries = {panel["id"]: " ".join(target["expr"] for target in panel["targets"]) for panel in first}
            top = {panel["id"] for panel in first if panel["gridPos"]["y"] == 0}
            self.assertTrue(any("wolkvox:skill_unusual:15m" in queries[id] for id in top))
            self.assertTrue(any("time() - wolkvox_complete_until" in queries[id] for id in top))
            (table,) = [panel for panel in first if panel["type"] == "table"]
            self.assertIn("wolkvox:skill_surprise:15m", queries[table["id"]])
            self.assertIn("sortBy", [step["id"] for step in table["transformations"]])

    def test_no_number_on_the_first_screen_without_its_reference(self):
        for panel in panels_of(DASHBOARDS["en", "abandono"]):
            if panel["type"] == "stat" and panel["gridPos"]["y"] > 0:
                text = panel["title"] + " ".join(target["expr"] + target["legendFormat"] for target in panel["targets"])
                self.assertRegex(text, "usual|target|Worst", panel["title"])

    def test_colours_are_of_the_palette_and_red_is_for_alarms(self):
        from source import grafana, promql

        palette = {value for name, value in vars(grafana).items() if name.isupper() and str(value).startswith("#")}
        palette |= {color for *_, color in promql.OPERATION_COLORS}
        palette |= {color for _, *pair in promql.COLORS for color in pair} | {"text", "transparent", "green", "Blues"}
        for (_, name), dashboard in DASHBOARDS.items():
            for panel in panels_of(dashboard):
                for path, text in strings(panel):
                    if path[-1] in ("color", "fixedColor", "fill", "scheme") and text != "dash":
                        self.assertIn(text, palette, (panel["title"], path))
                    if text == grafana.RED:
                        # An alarm: a step of a threshold, or what is mapped to a failure.
                        alarm = "steps" in path or "mappings" in path or "options" in path
                        named = panel["type"] == "timeseries" and "overrides" in path
                        self.assertTrue(alarm or (named and name == "exporter"), (panel["title"], path))
                    if text == "green":
                        self.assertEqual(name, "exporter", (panel["title"], "less than usual is nothing to praise"))

    def test_legends_of_skills_name_the_operation(self):
        for dashboard in DASHBOARDS.values():
            for panel, target in expressions(dashboard):
                if "skill_name" in target["legendFormat"]:
                    self.assertIn("{{operation}}", target["legendFormat"], panel["title"])

    def test_numbers_are_written_out(self):
        """No `1 K` beside `979`."""
        for dashboard in DASHBOARDS.values():
            for panel in panels_of(dashboard):
                units = {text for path, text in strings(panel["fieldConfig"]) if path[-1] in ("unit", "value")}
                self.assertNotIn("short", units, panel["title"])

    def test_titles_are_not_cut_on_a_small_screen(self):
        """A column of the grid is 52 px at 1280 px; a letter takes 7.6 of them, the frame and the icon 62."""
        for dashboard in DASHBOARDS.values():
            for panel in panels_of(dashboard):
                room = (panel["gridPos"]["w"] * 52 - 62) / 7.6
                self.assertLessEqual(len(panel["title"]), room, panel["title"])

    def test_titles_are_not_cut_on_a_telephone(self):
        """There each panel has the whole width, 400 px."""
        for dashboard in DASHBOARDS.values():
            for panel in panels_of(dashboard):
                self.assertLessEqual(len(panel["title"]), (400 - 62) / 7.6, panel["title"])

    def test_no_sentence_stands_beside_a_name(self):
        """It would have a third of the width there, and letters of five points on a telephone."""
        for dashboard in DASHBOARDS.values():
            for panel in panels_of(dashboard):
                if panel["type"] == "stat" and panel["options"]["textMode"] == "value_and_name":
                    self.assertFalse(panel["options"]["wideLayout"], panel["title"])

    def test_a_telephone_shows_which_since_when_and_how_bad_without_pushing(self):
        for language, since, times in (("es", "Desde hace", "Veces"), ("en", "For", "Times")):
            (table,) = [p for p in panels_of(DASHBOARDS[language, "abandono"]) if p["title"].startswith("Skills, ")]
            names, widths = columns(table)
            self.assertEqual(names[:3], ["Skill", since, times])
            self.assertLessEqual(sum(widths[name] for name in names[:3]), 380)

    def test_names_of_operations_have_room(self):
        """Three operations that name their skills alike are told apart by nothing else."""
        for dashboard in DASHBOARDS.values():
            for panel in panels_of(dashboard):
                if panel["type"] == "table" and "groupingToMatrix" not in str(panel["transformations"]):
                    names, widths = columns(panel)
                    for name in {"Operación", "Operation"} & set(names):
                        self.assertGreaterEqual(widths[name], 95, panel["title"])
                        if "Skill" in names:
                            self.assertGreaterEqual(widths[name], 110, panel["title"])

    def test_what_stands_for_many_skills_is_in_no_legend(self):
        """Together they may be more than the one skill that matters, and stand above it."""
        for language, others in (("es", "Los demás"), ("en", "The others")):
            for panel, target in expressions(DASHBOARDS[language, "abandono"]):
                if target["legendFormat"] == others:
                    (override,) = [o for o in panel["fieldConfig"]["overrides"] if o["matcher"]["options"] == others]
                    hidden = {item["id"]: item["value"] for item in override["properties"]}["custom.hideFrom"]
                    self.assertTrue(hidden["legend"] and not hidden["viz"])
                    self.assertIn("gris" if language == "es" else "grey", panel["title"])

    def test_a_skill_has_its_colour_in_every_chart(self):
        self.check_colours("{{skill_name}}", "SKILL_COLORS")

    def test_an_operation_has_its_colour_in_every_chart(self):
        self.check_colours("{{operation}}", "OPERATION_COLORS")

    def test_every_name_of_an_operation_has_one_colour(self):
        from source.promql import OPERATION_COLORS

        for name in ("ventas", "cobranza", "wv0042", "banco", "SUR", "línea-é", "x_", "ventas-norte"):
            self.assertEqual(sum(bool(re.fullmatch(ending, name)) for _, ending, _ in OPERATION_COLORS), 1, name)

    def check_colours(self, legend, colors):
        from source import promql

        for dashboard in DASHBOARDS.values():
            for panel in panels_of(dashboard):
                if panel["type"] != "timeseries":
                    continue
                mine = [t["refId"] for t in panel["targets"] if t["legendFormat"].startswith(legend)]
                colours = {
                    o["matcher"]["options"]: o["properties"][0]["value"]["fixedColor"]
                    for o in panel["fieldConfig"]["overrides"]
                    if o["matcher"]["id"] == "byFrameRefID"
                }
                if mine:
                    self.assertEqual({ref: colours.get(ref) for ref in mine}, {ref: color for ref, _, color in getattr(promql, colors)})

    def test_names_of_alerts_are_shown_in_the_boards_language(self):
        """The heading that a link goes to is English: it is in a column that is not shown."""
        from source.exporter.trust import ALERTS

        for dashboard in DASHBOARDS.values():
            for panel in panels_of(dashboard):
                for override in panel["fieldConfig"]["overrides"]:
                    properties = {item["id"]: item["value"] for item in override["properties"]}
                    shown = {text for path, text in strings(properties.get("mappings", [])) if path[-1] == "text"}
                    if shown & ({name.lower() for name in ALERTS} | set(ALERTS)):
                        self.assertTrue(properties["custom.hidden"] and properties["custom.hideFrom"]["viz"], panel["title"])

    def test_columns_fit_on_a_small_screen(self):
        for dashboard in DASHBOARDS.values():
            for panel in panels_of(dashboard):
                if panel["type"] != "table" or panel["title"] and "groupingToMatrix" in str(panel["transformations"]):
                    continue
                names, widths = columns(panel)
                self.assertEqual(set(names) - set(widths), set(), panel["title"])
                self.assertLessEqual(sum(widths[name] for name in names), panel["gridPos"]["w"] * 52 - 20, panel["title"])

    def test_the_hours_of_a_centre_that_never_closes_fit_on_a_small_screen(self):
        from source.promql import HOURS_SHOWN

        for language in ("es", "en"):
            (week,) = [p for p in panels_of(DASHBOARDS[language, "abandono"]) if "groupingToMatrix" in str(p.get("transformations"))]
            (day,) = columns_widths(week).values()
            hour = week["fieldConfig"]["defaults"]["custom"]["minWidth"]
            self.assertGreaterEqual(hour, 50, "Grafana makes no column narrower")
            self.assertIn(f"topk({HOURS_SHOWN}, ", week["targets"][0]["expr"])
            self.assertLessEqual(day + HOURS_SHOWN * hour, week["gridPos"]["w"] * 52 - 20)

    def test_a_spanish_board_is_in_spanish(self):
        """No English word of the other board, unless it is in brackets: a name of the API or of the exporter's own."""
        english = re.compile(
            r"\b(the|and|of|with|calls?|hours?|last|since|usual than|lost|rows?|seen|data|age|week|today|usual(?= )(?= at)"
            r"|counted|duplicate|rejected|empty|timeout|firing|alert|window|skills? with|answered(?! ?\)))\b"
        )
        allowed = {"answered"}
        for name in ("abandono", "exporter"):
            for path, text in strings(DASHBOARDS["es", name]):
                if path[:2] == ("templating", "list") and DASHBOARDS["es", name]["templating"]["list"][path[2]]["hide"]:
                    continue
                shown = path[-1] in ("title", "description", "label", "noValue", "displayName", "legendFormat", "text", "titleFormat")
                if not shown or "$" in text or "mappings" in path and text.startswith("wolkvox"):
                    continue
                plain = re.sub(r"\([^)]*\)|`[^`]*`|\{\{[^}]*\}\}|Wolkvox\w+|wolkvox·?", "", text)
                found = {word for word in english.findall(plain.lower())} - allowed
                self.assertEqual(found, set(), (path, text))

    def test_panels_of_counter_time_say_so(self):
        lag = {"es": "entre 5 y 6 minutos después", "en": "5 to 6 minutes after"}
        for language in ("es", "en"):
            for panel in panels_of(DASHBOARDS[language, "abandono"]):
                # The bars, today's numbers and the weekdays stand at the time of the calls.
                first = panel["targets"][0]["expr"]
                exact = "${today}" in first or "window_abandoned_calls" in first or "offset -" in first or "timestamp" in first
                if re.search("_total|_bucket", first) and not exact:
                    self.assertIn(lag[language], panel["description"], panel["title"])

    def test_every_alert_has_a_name_and_a_runbook(self):
        if not RUNBOOKS.exists() or not RULES:
            self.skipTest("alerts/ is not there")
        from source.exporter.trust import ALERTS

        rules = "".join(path.read_text(encoding="utf-8") for path in RULES)
        self.assertEqual(set(ALERTS), set(re.findall(r"alert: *(\w+)", rules)))
        headings = {
            line.lstrip("# ").strip().lower()
            for line in RUNBOOKS.read_text(encoding="utf-8").splitlines()
            if line.startswith("#")
        }
        self.assertEqual({name.lower() for name in ALERTS} - headings, set())

    def test_every_recorded_series_is_recorded(self):
        if not RULES:
            self.skipTest("alerts/ is not there")
        rules = "".join(path.read_text(encoding="utf-8") for path in RULES)
        recorded = set(re.findall(r"record: *([\w:]+)", rules))
        for dashboard in DASHBOARDS.values():
            used = {
                name for _, target in expressions(dashboard) for name in re.findall(r"wolkvox:[\w:]+", target["expr"])
            }
            self.assertEqual(used - recorded, set())


if __name__ == "__main__":
    unittest.main()
