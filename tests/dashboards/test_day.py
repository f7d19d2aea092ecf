"""The supervisors' dashboard on a day of traffic with an incident and five weeks behind it, against the truth."""

import re
import unittest
from collections import Counter, defaultdict
from datetime import datetime

from traffic import BOGOTA, DAY, WINDOW, local
from scenarios import DAY as SCENARIO
from screen import Screen, panels_of
from stored import shared
from test_lint import DASHBOARDS

VERDICT, AGE, LAST_HOUR, TIMES, TODAY, WORST, SERVICE, RANKING = 2, 3, 4, 5, 6, 7, 8, 9
BARS, HEATMAP, WAITS, SHORT, BY_TYPE, WEEK, AGAINST, SHARE = 11, 12, 13, 14, 15, 17, 18, 19
# In the verdict, what is no number of calls.
NOBODY, LATE, NO_RULES, YOUNG = 0, -1, -2, -3
MIDNIGHT = local("2026-03-18 00:00")


def bars(panel):
    """The series of skills, whichever query draws their colour."""
    return [series for ref, found in panel.items() if ref not in "YZ" for series in found]


def setUpModule():
    global stored
    stored = shared(SCENARIO)


class OnTheDay(unittest.TestCase):
    name = None  # of the dashboard

    @classmethod
    def setUpClass(cls):
        if cls.name is None:
            raise unittest.SkipTest("a base class")
        cls.history, cls.prometheus = stored
        cls.end = SCENARIO.end
        cls.start = cls.end - 12 * 3600
        # The last window that has been read at the end.
        cls.complete = (cls.end - 70) // WINDOW * WINDOW
        cls.screen = cls.open()

    @classmethod
    def open(cls, hours=12, **chosen):
        # The other language has the same queries: the lint compares the files.
        return Screen(
            DASHBOARDS["es", cls.name], cls.prometheus, cls.end - hours * 3600, cls.end, SCENARIO.scrape, **chosen
        )

    def check_every_panel_shows_something_at_every_zoom(self, may_be_empty=()):
        for hours in (1, 12, 7 * 24):
            screen = self.open(hours)
            for panel in panels_of(screen.dashboard):
                for target in panel["targets"]:
                    series = screen.run(target)
                    with self.subTest(hours=hours, panel=panel["title"], ref=target["refId"]):
                        if (panel["id"], target["refId"]) not in may_be_empty:
                            self.assertTrue(series)
                        for _, values in series:
                            for value in values.values():
                                self.assertEqual(value, value, "NaN")

    def check_labels_are_the_ones_that_legends_and_columns_name(self):
        for panel in panels_of(self.screen.dashboard):
            names = set()  # none where a panel has nothing to show on this day
            for target in panel["targets"]:
                legend = target["legendFormat"]
                for labels, _ in self.screen.run(target):
                    names |= set(labels) | {"Value", f"Value #{target['refId']}"}
                    if legend.startswith("{{"):
                        self.assertLessEqual(set(re.findall(r"\{\{(\w+)\}\}", legend)), set(labels), panel["title"])
                    elif legend != "__auto":
                        self.assertEqual(labels, {}, panel["title"])
            for transformation in panel.get("transformations", ()):
                if transformation["id"] == "filterFieldsByName" and names:
                    self.assertEqual(set(transformation["options"]["include"]["names"]) - names, set())
                if transformation["id"] == "groupingToMatrix":
                    self.assertLessEqual({"day", "hour"}, names)


class Abandono(OnTheDay):
    name = "abandono"

    def test_every_panel_shows_something_at_every_zoom(self):
        # On this day all skills have a name among the eight, not each colour is needed, nothing was late, there is a
        # verdict with names in it, and a share.
        empty = {(BARS, target["refId"]) for panel in panels_of(self.screen.dashboard) for target in panel["targets"]}
        self.check_every_panel_shows_something_at_every_zoom(empty | {(VERDICT, ref) for ref in "BCDE"} | {(SERVICE, ref) for ref in "CDE"})

    def test_labels_are_the_ones_that_legends_and_columns_name(self):
        self.check_labels_are_the_ones_that_legends_and_columns_name()

    def read_between(self, start, end):
        """Calls that came to /metrics between the first and the last scrape in [start, end]; and windows, of one operation."""
        scrapes = [t for t in range(self.history.detail + 7, end + 1, SCENARIO.scrape) if t >= start]
        first, last = scrapes[0], scrapes[-1]
        calls = [call for call in self.history.calls if first < call.shown_at <= last]
        reads = self.history.series.steps("wolkvox_windows_total", operation="ventas", report="abandoned").at
        return calls, sum(first < at <= last for at in reads)

    def test_variables(self):
        self.assertEqual({value for value, _ in self.screen.options["operation"]}, {"ventas", "cobranza"})
        self.assertEqual(set(self.screen.options["skill"]), {(skill.id, skill.name) for skill in SCENARIO.skills})
        chained = self.open(operation=["cobranza"])
        self.assertEqual({value for value, _ in chained.options["skill"]}, {"77", "78"})
        self.assertEqual([value for value, _ in self.screen.options["bar"]], ["300"])
        self.assertEqual([value for value, _ in self.open(7 * 24).options["bar"]], ["3600"])

    def test_the_usual_stands_beside_what_is_now(self):
        usual = {ref: values for ref, ((_, values),) in self.screen.panel(LAST_HOUR).items()}
        mean = sum(
            self.history.count(self.end - week * 7 * DAY - 7200, self.end - week * 7 * DAY + 3600) / 3
            for week in range(1, 5)
        ) / 4
        self.assertAlmostEqual(*usual["B"].values(), mean, delta=0.15 * mean)
        ((_, today),) = self.screen.panel(TODAY)["B"]
        days = sum(self.history.count(MIDNIGHT - w * 7 * DAY, self.end - w * 7 * DAY) for w in range(1, 5)) / 4
        self.assertAlmostEqual(*today.values(), days, delta=0.1 * days)
        times = self.screen.single(TIMES)
        self.assertAlmostEqual(times, self.history.count(self.complete - 3600, self.complete) / mean, delta=0.3 * times)

    def test_last_hour(self):
        calls, windows = self.read_between(self.end - 3600, self.end)
        self.assertAlmostEqual(self.screen.single(LAST_HOUR), 12 * len(calls) / windows, delta=0.5)

    def test_today_is_true_to_the_call(self):
        truth = self.history.count(MIDNIGHT, self.complete, known_at=self.end)
        self.assertGreater(truth, 100)
        self.assertEqual(round(self.screen.single(TODAY)), truth)

    def test_today_follows_the_variables(self):
        screen = self.open(operation=["ventas"], skill=["4310"])
        truth = self.history.count(MIDNIGHT, self.complete, keep=lambda call: call.skill.id == "4310")
        self.assertEqual(round(screen.single(TODAY)), truth)

    def test_age_in_minutes(self):
        self.assertAlmostEqual(self.screen.single(AGE), (self.end - self.complete) / 60, delta=0.01)

    def test_bars_add_up_to_the_truth_and_stand_where_the_calls_ended(self):
        panel = self.screen.panel(BARS)
        self.assertEqual(panel["Y"], [])
        named = bars(panel)
        for labels, values in named:
            for at, value in values.items():
                truth = self.history.count(at - WINDOW, at, keep=lambda call: call.skill.id == labels["skill_id"])
                self.assertEqual(value, truth, (labels, at))
        first = self.start // WINDOW * WINDOW - WINDOW
        shown = sum(sum(values.values()) for _, values in named)
        self.assertEqual(shown, self.history.count(first, self.complete))

    def test_bars_of_a_week_add_up_too(self):
        wide = self.open(3 * 24)
        self.assertEqual(wide.step({"interval": "${bar}s"}), 3600)
        shown = Counter()
        for labels, values in bars(wide.panel(BARS)):
            shown[labels["skill_id"]] += sum(values.values())
        last = self.end // 3600 * 3600
        # Window gauges are there for the detailed stretch only.
        first = self.history.detail
        for skill in SCENARIO.skills:
            truth = self.history.count(first, last, keep=lambda call: call.skill == skill)
            self.assertEqual(shown[skill.id], truth, skill)

    def test_a_colour_is_the_skills_own_whatever_is_filtered(self):
        def drawn(**chosen):
            return {labels["skill_id"]: ref for ref, found in self.open(**chosen).panel(BARS).items() for labels, _ in found if labels}

        everything = drawn()
        self.assertEqual(set(everything), {skill.id for skill in SCENARIO.skills})
        for chosen in (dict(skill=["4173"]), dict(operation=["cobranza"]), dict(hours=3)):
            for id, ref in drawn(**chosen).items():
                self.assertEqual(ref, everything[id], chosen)

    def test_more_than_usual(self):
        panel = self.screen.panel(AGAINST)
        at = self.end // WINDOW * WINDOW
        for ref, week in (("A", 0), ("B", 1)):
            ((_, values),) = panel[ref]
            # What was counted in the hour before, give or take one window.
            end = at - week * 7 * DAY
            near = [
                sum(end - 3600 - slip < c.shown_at <= end - slip for c in self.history.calls) for slip in (-120, 0, 120)
            ]
            self.assertTrue(min(near) * 0.9 <= values[at] <= max(near) * 1.1, (values[at], near))
        ((_, usual),) = panel["C"]
        mean = sum(self.history.count(at - w * 7 * DAY - 7200, at - w * 7 * DAY + 3600) / 3 for w in range(1, 5)) / 4
        self.assertAlmostEqual(usual[at], mean, delta=0.15 * mean)

    def test_heat_map_columns_hold_each_call_once(self):
        columns = self.screen.panel(HEATMAP)["A"]
        bounds = {labels["le"] for labels, _ in columns}
        self.assertIn("10.0", bounds)
        (total,) = [values for labels, values in columns if labels["le"] == "+Inf"]
        truth = sum(
            self.start // 900 * 900 - 900 < call.shown_at <= self.end // 900 * 900 for call in self.history.calls
        )
        self.assertAlmostEqual(sum(total.values()), truth, delta=0.02 * truth)

    def test_by_type(self):
        shown = {
            labels["type_interaction"]: round(*values.values()) for labels, values in self.screen.panel(BY_TYPE)["A"]
        }
        truth = Counter(call.skill.type for call in self.history.calls if self.start < call.shown_at <= self.end)
        self.assertEqual(shown, truth)

    def test_weekday_and_hour(self):
        cells = {(int(l["day"]), l["hour"]): value for l, v in self.screen.panel(WEEK)["A"] for value in v.values()}
        # Hours that never had a call are left out.
        self.assertEqual({hour for _, hour in cells}, {f"{hour:02}" for hour in range(7, 24)})
        self.assertEqual(len(cells), 7 * 17)
        hours = defaultdict(list)  # of the counts of each whole hour in the four weeks
        for end in range((self.end - 28 * DAY) // 3600 * 3600 + 3600, self.end + 1, 3600):
            when = datetime.fromtimestamp(end - 1800, BOGOTA)
            count = self.history.count(end - 3600, end)
            hours[when.weekday(), f"{when.hour:02}"].append(count)
        for key, value in cells.items():
            truth = sum(hours[key]) / len(hours[key])
            self.assertAlmostEqual(value, truth, delta=0.01 + 0.002 * truth, msg=str(key))

    def test_annotations(self):
        expected = {0: "WolkvoxAbandonmentSpike", 1: None, 2: None}
        for i, annotation in enumerate(self.screen.dashboard["annotations"]["list"]):
            answer = self.prometheus.range(self.screen.fill(annotation["expr"]), self.start, self.end, 60)
            if expected[i]:
                self.assertEqual({series["metric"]["alertname"] for series in answer}, {expected[i]})
            if annotation["useValueForTime"]:
                at = {float(value) for series in answer for _, value in series["values"]}
                self.assertIn(SCENARIO.restarts[0] * 1000, at)
            elif i == 1:
                self.assertEqual(answer, [], "no outage, no time without data")


class Exporter(OnTheDay):
    name = "exporter"

    def test_every_panel_shows_something_at_every_zoom(self):
        # Not each colour is needed.
        colours = {(id, target["refId"]) for panel in panels_of(self.screen.dashboard) for target in panel["targets"] for id in (11, 20, 28)}
        self.check_every_panel_shows_something_at_every_zoom(colours)

    def test_the_difference_from_the_vendors_total(self):
        panel = self.screen.panel(27)
        shown = {(labels["operation"], labels["skill_id"]): value for labels, values in panel["A"] for value in values.values()}
        self.assertEqual(shown, self.history.differences)
        # Sorted by how far apart they are, whichever way; of yesterday's local midnight.
        self.assertEqual(sorted(value for _, values in panel["C"] for value in values.values()), sorted(map(abs, shown.values())))
        self.assertEqual({value for _, values in panel["B"] for value in values.values()}, {(MIDNIGHT - DAY) * 1000})

    def test_what_is_left_of_the_quota_and_the_certificate(self):
        for labels, values in self.screen.series(28):
            self.assertIn(labels["operation"], ("ventas", "cobranza"))
            self.assertEqual(values[self.end // WINDOW * WINDOW], 1000 - 13 * (SCENARIO.hours - 1))
        self.assertEqual((self.screen.single(29), self.screen.single(30)), (1, 20))

    def test_the_skills_nearest_to_their_limit(self):
        drawn = {labels["skill_id"] for found in self.screen.panel(20).values() for labels, _ in found}
        self.assertEqual(len(drawn), 5)
        self.assertLessEqual({"4173", "4180"}, drawn)

    def test_labels_are_the_ones_that_legends_and_columns_name(self):
        self.check_labels_are_the_ones_that_legends_and_columns_name()

    def test_stats(self):
        shown = {id: self.screen.single(id) for id in (2, 3, 4, 5, 6, 7)}
        age = (self.end - self.complete) / 60
        self.assertAlmostEqual(shown.pop(3), age, delta=0.01)
        self.assertEqual(shown, {2: 2, 4: 1, 5: 1, 6: 0, 7: 1})

    def test_firing_alerts_have_a_runbook(self):
        lines = {labels["alertname"]: labels for labels, _ in self.screen.panel(8)["A"]}
        self.assertEqual(set(lines), {"WolkvoxAbandonmentSpike", "WolkvoxRowsRejected"})
        for name, labels in lines.items():
            self.assertEqual(labels["anchor"], name)
        self.assertEqual(lines["WolkvoxAbandonmentSpike"]["skill_name"], "Ventas")

    def test_alerts_follow_the_operation(self):
        screen = self.open(operation=["cobranza"])
        self.assertEqual(screen.single(2), 0)

    def test_both_operations_are_well(self):
        for labels, values in self.screen.panel(9)["A"]:
            self.assertEqual(set(values.values()), {0}, labels)

    def test_windows_in_fifteen_minutes(self):
        self.assertEqual({labels["operation"] for labels, _ in self.screen.series(11)}, {"ventas", "cobranza"})
        for labels, values in self.screen.series(11):
            self.assertAlmostEqual(min(values.values()), 3, delta=0.1)
            self.assertAlmostEqual(max(values.values()), 3, delta=0.1)

    def test_calls_to_the_api(self):
        outcomes = {labels["outcome"]: values for labels, values in self.screen.panel(12)["A"]}
        at = self.end // WINDOW * WINDOW
        self.assertAlmostEqual(sum(values.get(at, 0) for values in outcomes.values()), 2 * 12, delta=1.5)

    def test_rows_counted_are_the_calls(self):
        counted = next(values for labels, values in self.screen.panel(15)["A"] if labels["disposition"] == "counted")
        at = self.end // WINDOW * WINDOW
        truth = sum(at - 1200 < call.read_at <= at for call in self.history.calls)
        self.assertAlmostEqual(counted[at], 3 * truth, delta=0.07 * 3 * truth)

    def test_out_of_the_ordinary(self):
        panel = self.screen.panel(17)
        names = [
            target["expr"].split("increase(")[1].split("{")[0]
            for target in next(p for p in panels_of(self.screen.dashboard) if p["id"] == 17)["targets"]
        ]
        for (ref, ((_, values),)), name in zip(panel.items(), names):
            truth = 0
            for (metric, labels), steps in self.history.series.items():
                if metric == name:
                    truth += steps.get(self.end) - (steps.get(self.start) or 0)
            self.assertEqual(*values.values(), truth, name)

    def test_the_spike_rules_numbers(self):
        panel = self.screen.panel(19)
        now = {labels["skill_id"]: value for labels, values in panel["A"] for value in values.values()}
        expected = {labels["skill_id"]: value for labels, values in panel["B"] for value in values.values()}
        surprise = {labels["skill_id"]: value for labels, values in panel["E"] for value in values.values()}
        limit = {labels["skill_id"]: value for labels, values in panel["C"] for value in values.values()}
        share = {labels["skill_id"]: value for labels, values in panel["D"] for value in values.values()}
        self.assertEqual(set(now), {skill.id for skill in SCENARIO.skills})
        self.assertGreater(share["4173"], 1)
        for id in now:
            self.assertAlmostEqual(share[id], surprise[id] / limit[id])
            self.assertAlmostEqual(surprise[id], 2 * (now[id] + 0.375) ** 0.5 - 2 * (expected[id] + 0.375) ** 0.5)
        for labels, _ in panel["A"]:
            self.assertIn("skill_name", labels)

    def test_operations(self):
        panel = self.screen.panel(22)
        for ref in "ABCDEFGH":
            self.assertEqual({labels["operation"] for labels, _ in panel[ref]}, {"ventas", "cobranza"}, ref)
        offsets = {value for _, values in panel["F"] for value in values.values()}
        self.assertEqual(offsets, {-5})
        sets = {labels["operation"]: value for labels, values in panel["H"] for value in values.values()}
        self.assertEqual(sets, {"ventas": 6, "cobranza": 2})

    def test_annotations(self):
        for annotation in self.screen.dashboard["annotations"]["list"]:
            answer = self.prometheus.range(self.screen.fill(annotation["expr"]), self.start, self.end, 60)
            if "ALERTS" in annotation["expr"]:
                self.assertEqual(
                    {series["metric"]["alertname"] for series in answer},
                    {"WolkvoxAbandonmentSpike", "WolkvoxRowsRejected"},
                )
            elif annotation["useValueForTime"]:
                at = {float(value) for series in answer for _, value in series["values"]}
                self.assertEqual(at, {SCENARIO.restarts[0] * 1000, (self.history.detail - 3600) * 1000})


if __name__ == "__main__":
    unittest.main()
