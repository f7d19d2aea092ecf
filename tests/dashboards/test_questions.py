"""Three scenes, and of each the eight questions that the first screen answers: the panel, its value, the truth.

    is something wrong now · which skill · since when · how bad against the usual · how long did they wait ·
    what share is lost · at what hour most · too few calls, or no data
"""

import unittest

import scenarios
from screen import Screen
from stored import shared
from test_day import AGE, RANKING, SERVICE, VERDICT, WORST
from test_lint import DASHBOARDS
from traffic import DAY, WINDOW, local

MIDNIGHT = local("2026-03-18 00:00")


def key(labels):
    return labels["operation"], labels["skill_id"]


def number(values):
    (value,) = values.values()
    return value


class Questions:
    scenario = None

    @classmethod
    def setUpClass(cls):
        cls.history, cls.prometheus = shared(cls.scenario)
        cls.end = cls.scenario.end
        # The last window that has been read at the end.
        cls.complete = (cls.end - 70) // WINDOW * WINDOW
        cls.screen = Screen(
            DASHBOARDS["es", "abandono"], cls.prometheus, cls.end - 12 * 3600, cls.end, cls.scenario.scrape
        )
        (cls.incident,) = cls.scenario.incidents
        cls.struck = {
            (skill.operation, skill.id): skill for skill in cls.scenario.skills if skill.struck_by(cls.incident, cls.incident.start)
        }
        cls.table = {
            ref: {key(labels): number(values) for labels, values in found}
            for ref, found in cls.screen.panel(RANKING).items()
        }

    def count(self, start, end, skill=None):
        return self.history.count(start, end, keep=lambda call: skill in (None, call.skill))

    def usual(self, skill):
        """Calls an hour: the mean of the same three hours in the weeks that are known."""
        weeks = range(1, min(self.scenario.weeks, 4) + 1)
        around = [(self.end - week * 7 * DAY - 5400, self.end - week * 7 * DAY + 5400) for week in weeks]
        return sum(self.count(start, end, skill) for start, end in around) / 3 / len(around)

    def test_is_something_wrong_now_and_which_skill(self):
        verdict = self.screen.panel(VERDICT)
        self.assertEqual({key(labels): labels["skill_name"] for labels, _ in verdict["A"]}, {id: s.name for id, s in self.struck.items()})
        for ref in "BCDE":
            self.assertEqual(verdict[ref], [], "no other verdict beside it")
        for labels, values in verdict["A"]:
            self.assertEqual(number(values), self.count(self.complete - 900, self.complete, self.struck[key(labels)]))
        # They come first in the table, however many calls another skill has; after them by surprise.
        rank, surprise = self.table["I"], self.table["F"]
        order = sorted(rank, key=lambda id: -rank[id])
        self.assertEqual(set(order[: len(self.struck)]), set(self.struck))
        rest = [surprise[id] for id in order[len(self.struck) :]]
        self.assertEqual(rest, sorted(rest, reverse=True))
        self.assertEqual(len(order), len(self.scenario.skills))

    def test_since_when(self):
        self.assertEqual(set(self.table["D"]), set(self.struck))
        for minutes in self.table["D"].values():
            self.assertLess(abs(minutes - (self.end - self.incident.start) / 60), 20)

    def test_how_bad_against_the_usual(self):
        for id, skill in self.struck.items():
            usual = self.usual(skill)
            self.assertAlmostEqual(self.table["B"][id], usual / 4, delta=0.1 + 0.15 * usual / 4)
            truth = self.count(self.complete - 900, self.complete, skill) / (usual / 4 + 0.5)
            self.assertAlmostEqual(self.table["C"][id], truth, delta=0.15 * truth)
            self.assertGreater(self.table["C"][id], 3)

    def test_how_long_they_waited(self):
        for skill in self.scenario.skills:
            id = (skill.operation, skill.id)
            waits = [
                call.wait
                for call in self.history.calls
                if call.skill == skill and self.complete - 1800 <= call.ended < self.complete
            ]
            if len(waits) < 5:
                # A mean of fewer is no answer, and none is shown; what is stored here has no staleness, and stands for 5 minutes.
                if self.count(self.complete - 1800 - WINDOW, self.complete - WINDOW, skill) < 5:
                    self.assertNotIn(id, self.table["E"])
                continue
            self.assertAlmostEqual(self.table["E"][id], sum(waits) / len(waits), delta=0.1)
            self.assertAlmostEqual(self.table["H"][id], sum(wait <= 10 for wait in waits) / len(waits))
        self.assertLessEqual(set(self.struck), set(self.table["E"]))

    def test_what_share_is_lost(self):
        shown = {ref: number(values) for ref, found in self.screen.panel(SERVICE).items() for _, values in found}
        if not self.scenario.answered:
            # The panel says that the report is missing.
            self.assertEqual((shown, self.table["G"]), ({}, {}))
            return

        def truth(keep=lambda skill: True):
            lost = self.history.count(self.complete - 3600, self.complete, keep=lambda call: keep(call.skill))
            served, in_time = self.history.served(self.complete - 3600, self.complete, keep)
            return lost / (lost + served), in_time / (lost + served)

        self.assertEqual(set(shown), {"A", "B"})
        self.assertAlmostEqual(shown["A"], truth()[0])
        self.assertAlmostEqual(shown["B"], truth()[1])
        for skill in self.scenario.skills:
            self.assertAlmostEqual(self.table["G"][skill.operation, skill.id], truth(lambda other: other == skill)[0])
        one = Screen(
            DASHBOARDS["es", "abandono"], self.prometheus, self.end - 3600, self.end, self.scenario.scrape,
            skill=[next(iter(self.struck))[1]],
        )  # fmt: skip
        self.assertAlmostEqual(one.single(SERVICE), truth(lambda skill: skill == next(iter(self.struck.values())))[0])

    def test_at_what_hour_most_are_lost(self):
        ((labels, values),) = self.screen.panel(WORST)["A"]
        # The one that goes on counts with what it has so far.
        hours = [self.count(at, min(at + 3600, self.complete)) for at in range(MIDNIGHT, self.complete, 3600)]
        self.assertEqual(hours[int(labels["hour"])], max(hours))
        self.assertAlmostEqual(number(values), max(hours), delta=0.6)

    def test_too_few_calls_or_no_data(self):
        self.assertAlmostEqual(self.screen.single(AGE), (self.end - self.complete) / 60, delta=0.01)
        self.assertLess(self.screen.single(AGE), 7)
        for ref in "CDE":
            self.assertEqual(self.screen.panel(SERVICE)[ref], [])


class ADay(Questions, unittest.TestCase):
    scenario = scenarios.DAY


class FortySkills(Questions, unittest.TestCase):
    scenario = scenarios.FORTY


class ThreeOperations(Questions, unittest.TestCase):
    scenario = scenarios.THREE


if __name__ == "__main__":
    unittest.main()
