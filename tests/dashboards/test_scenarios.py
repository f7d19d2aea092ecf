"""The dashboards where things are not as usual: a night without calls, outages, one skill, sixty skills with long names, the
first hour of an installation, neither rules nor exporter."""

import dataclasses
import unittest

import scenarios
from traffic import WINDOW, local
from screen import Screen, panels_of
from stored import serve
from test_day import AGE, BARS, BY_TYPE, HEATMAP, LAST_HOUR, LATE, NO_RULES, RANKING, SERVICE, SHARE, TODAY, VERDICT, WORST, YOUNG, bars
from test_lint import DASHBOARDS

MIDNIGHT = local("2026-03-18 00:00")
# In place of the share.
FEW, NOT_WHOLE = -1, -3


class Case(unittest.TestCase):
    scenario = None

    @classmethod
    def setUpClass(cls):
        if cls.scenario is None:
            raise unittest.SkipTest("a base class")
        cls.history, cls.prometheus = cls.enterClassContext(serve(cls.scenario))
        cls.end = cls.scenario.end
        cls.complete = (cls.end - 70) // WINDOW * WINDOW

    def open(self, name="abandono", hours=None, end=None, **chosen):
        end = end or self.end
        hours = hours or min(12, self.scenario.hours - 1)
        return Screen(DASHBOARDS["es", name], self.prometheus, end - hours * 3600, end, self.scenario.scrape, **chosen)

    def check_the_first_screen_makes_nothing_up(self):
        """What it can't know here it doesn't say: since when, how bad, how long they waited on few calls, what share is lost."""
        screen = self.open()
        table = screen.panel(RANKING)
        # Since when, how many times the usual, surprise: without history and without a verdict there is none of these.
        self.assertEqual((table["C"], table["D"], table["F"]), ([], [], []))
        # The share: without the report of answered calls.
        self.assertEqual(table["G"], [])
        for id in (SERVICE, SHARE):
            self.assertEqual([series for found in screen.panel(id).values() for series in found], [], id)
        # How long they waited.
        for labels, values in table["E"]:
            waits = [
                call.wait
                for call in self.history.calls
                if call.skill.id == labels["skill_id"] and self.cursor - 1800 <= call.ended < self.cursor
            ]
            self.assertGreater(len(waits), 4)
            self.assertAlmostEqual(*values.values(), sum(waits) / len(waits), delta=0.1)
        # How old the data are.
        self.assertAlmostEqual(screen.single(AGE), (self.end - self.cursor) / 60, delta=0.02)
        # At what hour most are lost.
        hours = [self.history.count(at, min(at + 3600, self.cursor)) for at in range(MIDNIGHT, self.cursor, 3600)]
        shown = [(int(labels["hour"]), value) for labels, values in screen.panel(WORST)["A"] for value in values.values()]
        self.assertEqual(len(shown), int(any(hours)))
        for hour, value in shown:
            # An hour that was made good later is read as the mean of what came with it.
            self.assertGreater(value, 0)
            self.assertGreater(hours[hour], 0)

    def verdict(self):
        """All that the verdict says."""
        return {value for found in self.open().panel(VERDICT).values() for _, values in found for value in values.values()}

    def reasons(self):
        """What stands in the panels, of both boards, that have nothing to show."""
        for name in ("abandono", "exporter"):
            screen = self.open(name)
            for panel in panels_of(screen.dashboard):
                if not any(screen.run(target) for target in panel["targets"]):
                    yield panel["fieldConfig"]["defaults"]["noValue"]

    @property
    def cursor(self):
        """Up to where the operation that is furthest behind has been read."""
        operations = self.history.operations.values()
        return min(operation.steps("complete_until_timestamp_seconds").get(self.end) for operation in operations)

    def check_runs_without_nan(self):
        for name in ("abandono", "exporter"):
            screen = self.open(name)
            for panel in panels_of(screen.dashboard):
                for target in panel["targets"]:
                    for _, values in screen.run(target):
                        for value in values.values():
                            self.assertEqual(value, value, f"NaN in {panel['title']}")


class Night(Case):
    scenario = scenarios.NIGHT

    def test_every_query_runs(self):
        self.check_runs_without_nan()

    def test_the_first_screen_makes_nothing_up(self):
        self.check_the_first_screen_makes_nothing_up()

    def test_nothing_is_zero_and_not_unknown(self):
        screen = self.open()
        self.assertEqual(self.history.count(MIDNIGHT, self.end), 0)
        for id in (LAST_HOUR, TODAY):
            self.assertEqual(screen.single(id), 0, id)

    def test_nobody_loses_more_than_usual_and_nothing_is_compared_without_history(self):
        self.assertEqual(self.verdict(), {YOUNG})
        table = self.open().panel(RANKING)
        self.assertEqual({value for _, values in table["A"] for value in values.values()}, {0})
        self.assertEqual(table["F"], [])

    def test_today_is_right_at_every_minute_after_midnight(self):
        for minute in range(1, 20):
            at = MIDNIGHT + 60 * minute + 20
            # The first window of the day is read at 00:06; until the one before it is surely read, the day is yesterday.
            if minute < 4:
                continue
            self.assertEqual(self.open(end=at, hours=6).single(TODAY), 0, minute)

    def test_yesterday_counts_up_to_its_last_window(self):
        at = MIDNIGHT + 200
        start = MIDNIGHT - 6 * 3600
        shown = self.open(end=at, hours=6).panel(BY_TYPE)["A"]
        truth = self.history.count(start, MIDNIGHT, known_at=at)
        late = sum(call.ended < start and call.shown_at > at - 6 * 3600 for call in self.history.calls)
        self.assertEqual(round(sum(value for _, values in shown for value in values.values())), truth + late)


class NewLedger(Case):
    """The first minutes: windows are read, no call has ever been seen."""

    scenario = scenarios.Scenario(name="new", skills=scenarios.CENTRE[:1], end=local("2026-03-18 03:12"), hours=2)

    def test_zero_is_shown(self):
        self.assertEqual(self.history.calls, [])
        screen = Screen(DASHBOARDS["es", "abandono"], self.prometheus, self.end - 3600, self.end)
        for id in (LAST_HOUR, TODAY):
            self.assertEqual(screen.single(id), 0, id)

    def test_every_query_runs(self):
        self.check_runs_without_nan()


class FirstHour(Case):
    """An installation of forty minutes, the rules loaded with it."""

    scenario = scenarios.FIRST_HOUR

    def test_every_query_runs(self):
        self.check_runs_without_nan()

    def test_the_first_screen_makes_nothing_up(self):
        self.check_the_first_screen_makes_nothing_up()

    def test_the_verdict_is_that_there_is_no_history(self):
        self.assertEqual(self.verdict(), {YOUNG})

    def test_calls_are_shown_as_they_were(self):
        truth = self.history.count(self.history.detail, self.complete, known_at=self.end)
        self.assertGreater(truth, 0)
        self.assertEqual(round(self.open().single(TODAY)), truth)

    def test_the_beginning_is_no_outage(self):
        ((_, windows),) = self.open("exporter").series(11)
        self.assertGreater(min(windows.values()), 2.5)

    def test_quiet_is_said_by_the_rules(self):
        screen = self.open("exporter")
        self.assertEqual(screen.single(2), 0)
        self.assertEqual([labels["alertname"] for labels, _ in screen.panel(8)["A"]], ["none"])

    def test_no_reason_is_given_that_is_not_so(self):
        for reason in self.reasons():
            self.assertNotRegex(reason, "(?i)^(faltan las reglas|sin reglas|sin datos$|no responde|no hay exportador)")


class NoRules(Case):
    scenario = scenarios.NO_RULES

    def test_every_query_runs(self):
        self.check_runs_without_nan()

    def test_there_is_no_verdict_and_it_says_why(self):
        self.assertEqual(self.verdict(), {NO_RULES})

    def test_nothing_firing_is_not_known_without_rules(self):
        screen = self.open("exporter")
        self.assertEqual((screen.panel(2)["A"], screen.panel(8)["A"]), ([], []))

    def test_no_reason_is_given_that_is_not_so(self):
        for reason in self.reasons():
            self.assertNotRegex(reason, "(?i)^(sin historia|sin datos$|no responde|no hay exportador|ningun[ao] alerta)")


class Nothing(Case):
    """Neither exporter nor rules."""

    scenario = scenarios.NOTHING

    def test_no_panel_has_a_number(self):
        for name in ("abandono", "exporter"):
            screen = self.open(name, hours=6)
            for panel in panels_of(screen.dashboard):
                for target in panel["targets"]:
                    self.assertEqual(screen.run(target), [], panel["title"])

    def test_nothing_is_said_to_be_well(self):
        for reason in self.reasons():
            self.assertNotRegex(reason, "(?i)^(sin (abandonos|llamadas)|ningun[ao] alerta|ningún skill|al día)")


class FewAnswered(Case):
    """The share where it can't be had, and the reason beside it."""

    scenario = dataclasses.replace(scenarios.DAY, name="few", weeks=0, hours=20, end=local("2026-03-18 07:40"), incidents=(), alerts=())

    def shown(self, end):
        found = self.open(end=end).panel(SERVICE)
        return {value for series in found.values() for _, values in series for value in values.values()}

    def test_few_calls_are_said_to_be_few(self):
        self.assertEqual(self.shown(local("2026-03-18 04:12")), {FEW})

    def test_an_hour_that_is_not_whole_is_said_to_be_so(self):
        self.assertEqual(self.shown(self.history.detail + 1500), {NOT_WHOLE})


class Outages(Case):
    scenario = scenarios.OUTAGE

    def test_every_query_runs(self):
        self.check_runs_without_nan()

    def test_the_first_screen_makes_nothing_up(self):
        self.check_the_first_screen_makes_nothing_up()

    def test_there_is_no_verdict_while_the_data_are_late(self):
        verdict = self.open().panel(VERDICT)
        self.assertEqual(verdict["A"] + verdict["B"] + verdict["D"], [])
        self.assertEqual({(labels["operation"], *values.values()) for labels, values in verdict["C"]}, {("ventas", LATE), ("cobranza", LATE)})

    def test_outages_are_shaded_where_the_data_are_missing(self):
        ((_, shaded),) = self.open(hours=12).panel(BARS)["Z"]
        missing = {at for at, value in shaded.items() if value}
        for begin, end in (("10:15", "10:50"), ("13:45", "14:05")):
            self.assertLessEqual(set(range(local(f"2026-03-18 {begin}"), local(f"2026-03-18 {end}"), WINDOW)), missing)
        # Not where they were made good.
        for time in ("09:00", "11:05", "11:30", "12:30", "14:25", "14:50"):
            self.assertNotIn(local(f"2026-03-18 {time}"), missing)

    def test_the_last_hour_is_unknown_when_most_of_it_was_not_read(self):
        self.assertIsNone(self.open(end=local("2026-03-18 10:55"), hours=8).single(LAST_HOUR))
        self.assertIsNotNone(self.open(end=local("2026-03-18 10:30"), hours=8).single(LAST_HOUR))

    def test_a_bar_is_the_truth_or_it_is_not_there(self):
        shown = 0
        for labels, values in bars(self.open().panel(BARS)):
            for at, value in values.items():
                truth = self.history.count(at - WINDOW, at, keep=lambda call: call.skill.id == labels["skill_id"])
                self.assertEqual(value, truth, (labels, at))
                shown += value
        self.assertGreater(shown, 50)
        self.assertLess(shown, self.history.count(self.end - 12 * 3600, self.end))

    def test_today_counts_what_was_caught_up(self):
        at = local("2026-03-18 11:10")  # after the first outage
        complete = (at - 70) // WINDOW * WINDOW
        truth = self.history.count(MIDNIGHT, complete, known_at=at)
        self.assertEqual(round(self.open(end=at, hours=10).single(TODAY)), truth)

    def test_a_catch_up_is_no_spike(self):
        at = local("2026-03-18 11:10")
        after = self.open(end=at, hours=10).single(LAST_HOUR)
        # 50 minutes came at once; read as calls an hour they are the mean over all of them.
        reads = [call for call in self.history.calls if at - 3600 < call.shown_at <= at]
        self.assertLess(after, len(reads) * 1.02)
        busiest = max(
            self.history.count(hour, hour + 3600) for hour in range(local("2026-03-18 08:00"), at - 3600, WINDOW)
        )
        self.assertLess(after, 1.5 * busiest)

    def test_the_heat_map_shows_no_burst(self):
        (total,) = [v for labels, v in self.open().panel(HEATMAP)["A"] if labels["le"] == "+Inf"]
        catch_up = local("2026-03-18 11:15")
        mean = self.history.count(local("2026-03-18 10:00"), local("2026-03-18 11:05")) / 13 * 3
        self.assertLess(total[catch_up], 2.5 * mean)

    def states(self):
        panel = self.open("exporter").panel(9)["A"]
        return {labels["operation"]: values for labels, values in panel}

    def test_the_state_tells_each_phase(self):
        state = self.states()["ventas"]

        def at(time):
            return state[local(f"2026-03-18 {time}")]

        self.assertEqual(at("10:10"), 0)
        self.assertEqual(at("10:40"), 1, "late after the first outage")
        self.assertEqual(at("11:08"), 2, "catching up")
        self.assertEqual(at("12:00"), 0)
        self.assertEqual(at("14:00"), 3, "token refused")
        self.assertEqual(at("14:40"), 0)
        self.assertEqual(at("15:30"), 1, "the last outage is not the token's")

    def test_calls_by_outcome(self):
        shown = {labels["outcome"]: values for labels, values in self.open("exporter").panel(12)["A"]}
        self.assertLessEqual({"ok", "empty", "timeout", "unauthorized", "connect"}, set(shown))
        self.assertNotIn("quota_exceeded", shown)
        # Two operations, three tries each in five minutes.
        self.assertAlmostEqual(shown["timeout"][local("2026-03-18 10:40")], 72, delta=4)

    def test_windows_are_three_but_for_the_outages(self):
        panel = {labels["operation"]: values for labels, values in self.open("exporter").series(11)}
        self.assertAlmostEqual(panel["ventas"][local("2026-03-18 09:00")], 3, delta=0.1)
        self.assertEqual(panel["ventas"][local("2026-03-18 10:50")], 0)


class OneSkill(Case):
    scenario = scenarios.ONE_SKILL

    def test_every_query_runs(self):
        self.check_runs_without_nan()

    def test_there_are_no_others(self):
        panel = self.open().panel(BARS)
        self.assertEqual(len(bars(panel)), 1)
        self.assertEqual(panel["Y"], [])


class Renamed(Case):
    scenario = scenarios.RENAME

    def test_every_query_runs(self):
        self.check_runs_without_nan()

    def test_totals_go_on(self):
        screen = self.open()
        truth = self.history.count(MIDNIGHT, self.complete, known_at=self.end)
        self.assertEqual(round(screen.single(TODAY)), truth)
        mine = self.history.count(MIDNIGHT, self.complete, keep=lambda call: call.skill.id == "4173")
        self.assertEqual(round(self.open(skill=["4173"]).single(TODAY)), mine)

    def test_bars_have_both_names_and_lose_nothing(self):
        mine = [(labels, values) for labels, values in bars(self.open().panel(BARS)) if labels["skill_id"] == "4173"]
        self.assertEqual({labels["skill_name"] for labels, _ in mine}, {"Ventas", "Ventas y renovaciones"})
        shown = sum(sum(values.values()) for _, values in mine)
        self.assertEqual(shown, self.history.count(MIDNIGHT, self.complete, keep=lambda call: call.skill.id == "4173"))

    def test_the_ranking_has_the_present_name(self):
        names = [labels["skill_name"] for labels, _ in self.open().panel(RANKING)["A"] if labels["skill_id"] == "4173"]
        self.assertEqual(names, ["Ventas y renovaciones"])


class Sixty(Case):
    scenario = scenarios.SIXTY

    def test_every_query_runs(self):
        self.check_runs_without_nan()

    def test_eight_are_named_and_the_others_make_up_the_rest(self):
        screen = self.open()
        panel = screen.panel(BARS)
        self.assertEqual(len(bars(panel)), 8)
        shown = sum(sum(values.values()) for _, values in [*bars(panel), *panel["Y"]])
        first = screen.start // WINDOW * WINDOW - WINDOW
        self.assertEqual(shown, self.history.count(first, self.complete))

    def test_names_with_quotes_become_options(self):
        options = dict(self.open().options["skill"])
        self.assertEqual(options["4003"], self.scenario.skills[3].name)

    def test_one_skill_of_them(self):
        screen = self.open(skill=["4003"])
        truth = self.history.count(
            MIDNIGHT, self.complete, known_at=self.end, keep=lambda call: call.skill.id == "4003"
        )
        self.assertEqual(round(screen.single(TODAY)), truth)

    def test_half_an_hour_into_the_day_today_is_true(self):
        for at in (local("2026-03-18 08:31"), local("2026-03-18 10:04"), local("2026-03-18 11:59")):
            complete = (at - 70) // WINDOW * WINDOW
            truth = self.history.count(MIDNIGHT, complete, known_at=at)
            self.assertEqual(round(self.open(end=at, hours=2).single(TODAY)), truth, at)


if __name__ == "__main__":
    unittest.main()
