use alloc::collections::BTreeMap;
use core::ops::RangeInclusive;

use jiff::SignedDuration;
use jiff::civil::DateTime;

use super::range::CivilRange;

/// What stays the same through this many polls is believed.
pub const POLLS_TO_BELIEVE: u32 = 3;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// Places that are remembered. A poll finds few, and a report that lacks more in a day has no places but a defect.
const MOST_PLACES: usize = 1_000;

/// Where answers announce rows that they don't deliver.
///
/// A row that is missing in one answer may come with the next. So its place is looked for, by asking for less and less;
/// when it is found the rows that did come have been used, and a later answer is whole but for what is known of its
/// range. What is still missing at the third poll is believed never to come, and counted once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shortfalls(BTreeMap<CivilRange, Shortfall>);

/// The rows missing at one place: at a second, asked for with the one before it, or at a part whose seconds were never
/// asked for one by one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shortfall {
    /// As it was looked at last. 0 where all have come that were counted as missing before.
    pub rows: u64,
    /// Polls in a row that saw just as many.
    pub polls: u32,
    /// The most that have been counted as missing: once missing, a row is not counted again.
    pub counted: u64,
}

impl Shortfalls {
    /// The least and the most rows that an answer to `asked` lacks, by what is known. A place at the edge of the range may
    /// be in it or not: it is two seconds wide, and whether the API includes `date_end` is unknown.
    pub fn expected(&self, asked: CivilRange) -> RangeInclusive<u64> {
        let (mut least, mut most) = (0u64, 0u64);
        for (place, shortfall) in self.0.iter().filter(|(place, _)| place.meets(asked)) {
            most = most.saturating_add(shortfall.rows);
            if asked.ini <= place.ini && place.end < asked.end {
                least = least.saturating_add(shortfall.rows);
            }
        }
        least..=most
    }

    /// The first end of places with missing rows that begin before `asked` and end within it: they may excuse rows that go
    /// missing behind them.
    pub fn first_end_of_straddled(&self, asked: CivilRange) -> Option<DateTime> {
        let straddles = |place: &CivilRange| place.ini < asked.ini && place.meets(asked) && place.end < asked.end;
        let lacking = self.0.iter().filter(|(place, shortfall)| shortfall.rows > 0 && straddles(place));
        lacking.map(|(place, _)| place.end).min()
    }

    /// Whether rows are known to be missing at just this place.
    pub fn lack_at(&self, place: CivilRange) -> bool {
        self.0.get(&place).is_some_and(|shortfall| shortfall.rows > 0)
    }

    /// A whole answer to `asked` lacked `rows`, which is what was expected. Of a place that only ends within, as many as are
    /// not lacked any more are before it: otherwise those would excuse as many that go missing later. Those that are may be
    /// the place's own or new ones behind it, and stay where they are known. Of one that goes on behind it, those that are
    /// lacked are not there: otherwise they would excuse as many in the part that is asked for next.
    pub fn narrow(&mut self, asked: CivilRange, rows: u64) {
        if let Ok(before) = asked.ini.checked_sub(SECOND)
            && let Some(place) = self.only_one(asked, |place| place.ini < asked.ini)
            && place.end < asked.end
        {
            let left = self.own(place, asked, rows);
            self.move_rows(place, CivilRange { end: before, ..place }, |whole| whole.saturating_sub(left));
        }
        if let Some(place) = self.only_one(asked, |place| asked.end < place.end) {
            let lacked = self.own(place, asked, rows);
            self.move_rows(place, CivilRange { end: asked.end, ..place }, |whole| whole.min(lacked));
        }
    }

    /// A whole answer to `asked` lacked what was expected: each place within was seen once more.
    pub fn confirm(&mut self, asked: CivilRange) {
        for (place, shortfall) in &mut self.0 {
            if asked.ini <= place.ini && place.end < asked.end {
                shortfall.polls = shortfall.polls.saturating_add(1);
            }
        }
    }

    /// An answer to `asked` lacked nothing: what was missing within has come.
    pub fn clear(&mut self, asked: CivilRange) {
        for (_, shortfall) in self.0.iter_mut().filter(|(place, _)| asked.ini <= place.ini && place.end < asked.end) {
            *shortfall = Shortfall { rows: 0, polls: 0, ..*shortfall };
        }
        self.drop_idle();
    }

    /// Notes that an answer to `asked` lacked `rows`, which is to say the second that it ends with, and that is `place` with
    /// the one before it: what its neighbours lack is not its own. Returns how many more that is than was known of it.
    pub fn look(&mut self, place: CivilRange, asked: CivilRange, rows: u64) -> u64 {
        let own = self.own(place, asked, rows);
        let shortfall = self.0.entry(place).or_default();
        let polls = if shortfall.rows == own { shortfall.polls.saturating_add(1) } else { 1 };
        let more = own.saturating_sub(shortfall.rows);
        *shortfall = Shortfall { rows: own, polls, ..*shortfall };
        self.drop_idle();
        more
    }

    /// Believes that `rows` more are missing somewhere in `place`.
    pub fn believe(&mut self, place: CivilRange, rows: u64) {
        if rows == 0 {
            return;
        }
        let shortfall = self.0.entry(place).or_default();
        shortfall.rows = shortfall.rows.saturating_add(rows);
        shortfall.polls = POLLS_TO_BELIEVE;
    }

    /// The rows that are believed to be missing from now on: those that stayed away through three polls, and those of a
    /// place that no read asks for any more, which begin at `reach`.
    pub fn settle(&mut self, reach: DateTime) -> u64 {
        let excess = self.0.len().saturating_sub(MOST_PLACES);
        let mut missing = 0u64;
        for (number, (place, shortfall)) in self.0.iter_mut().enumerate() {
            let is_believed = shortfall.polls >= POLLS_TO_BELIEVE || place.end < reach || number < excess;
            if is_believed && shortfall.rows > shortfall.counted {
                missing = missing.saturating_add(shortfall.rows - shortfall.counted);
                shortfall.counted = shortfall.rows;
            }
        }
        for _ in 0..excess {
            self.0.pop_first();
        }
        missing
    }

    /// Forgets the places before `date`, but for rows that are yet to be counted: after a long outage the poll that finds a
    /// place may come so far that the next one has it out of reach.
    pub fn forget_before(&mut self, date: DateTime) {
        self.0.retain(|place, shortfall| place.end >= date || shortfall.rows > shortfall.counted);
    }

    /// Rows that are missing, believed or not.
    pub fn rows(&self) -> u64 {
        self.0.values().fold(0, |sum, shortfall| sum.saturating_add(shortfall.rows))
    }

    pub fn iter(&self) -> impl Iterator<Item = (CivilRange, Shortfall)> {
        self.0.iter().map(|(place, shortfall)| (*place, *shortfall))
    }

    /// The wide place that `asked` meets and that extends beyond it in a way, if there is one and no other place does.
    fn only_one(&self, asked: CivilRange, extends: impl Fn(&CivilRange) -> bool) -> Option<CivilRange> {
        let mut places = self.0.keys().filter(|place| place.meets(asked) && extends(place));
        let place = places.next().copied().filter(|place| place.end.duration_since(place.ini) > SECOND)?;
        places.next().is_none().then_some(place)
    }

    /// How many of the `rows` that an answer to `asked` lacked no place explains besides `place`.
    fn own(&self, place: CivilRange, asked: CivilRange, rows: u64) -> u64 {
        let others = self.0.iter().filter(|(other, _)| **other != place && other.meets(asked));
        others.fold(rows, |rows, (_, shortfall)| rows.saturating_sub(shortfall.rows))
    }

    /// Moves as many rows as `share` says of those at a place to another, with what has been counted of them.
    fn move_rows(&mut self, from: CivilRange, to: CivilRange, share: impl Fn(u64) -> u64) {
        let Some(whole) = self.0.get_mut(&from) else { return };
        let polls = whole.polls;
        let moved = share(whole.rows);
        let counted = whole.counted.min(moved);
        (whole.rows, whole.counted) = (whole.rows - moved, whole.counted - counted);
        let part = self.0.entry(to).or_default();
        part.rows = part.rows.saturating_add(moved);
        part.counted = part.counted.saturating_add(counted);
        part.polls = part.polls.max(polls);
        self.drop_idle();
    }

    fn drop_idle(&mut self) {
        self.0.retain(|_, shortfall| shortfall.rows > 0 || shortfall.counted > 0);
    }
}

impl FromIterator<(CivilRange, Shortfall)> for Shortfalls {
    fn from_iter<I: IntoIterator<Item = (CivilRange, Shortfall)>>(places: I) -> Self {
        Self(places.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// A second that lacks rows, asked for as its own place.
    fn look(known: &mut Shortfalls, place: CivilRange, rows: u64) {
        known.look(place, place, rows);
    }

    fn date(second: i64) -> DateTime {
        jiff::civil::date(2026, 3, 2).at(7, 0, 0, 0) + SignedDuration::from_secs(second)
    }

    fn range(ini: i64, end: i64) -> CivilRange {
        CivilRange { ini: date(ini), end: date(end) }
    }

    /// Rows of a place that was never searched do not excuse others that go missing when it is left.
    #[test]
    fn a_place_that_a_read_leaves_behind_is_narrowed_to_what_is_still_missing() {
        for (still, counted) in [(0, 3), (1, 3), (2, 0), (3, 1)] {
            let mut known = Shortfalls::from_iter([(range(0, 100), Shortfall { rows: 3, polls: 3, counted })]);
            let before = known.rows();
            known.narrow(range(40, 200), still);
            assert_eq!(known.rows(), before, "none is forgotten");
            assert_eq!(known.iter().map(|(_, part)| part.counted).sum::<u64>(), counted, "nor counted again");
            assert_eq!(known.expected(range(40, 200)), 0..=still);
            assert_eq!(known.expected(range(0, 30)), 0..=3);
            known.narrow(range(60, 200), still);
            assert_eq!((known.rows(), known.expected(range(60, 300))), (before, 0..=still));
        }
        // What is beside it, and what is as narrow as can be, stays as it is.
        let places = [(range(0, 50), 2), (range(49, 50), 1), (range(10, 300), 1)];
        for (place, rows) in places {
            let mut known = Shortfalls::from_iter([(place, Shortfall { rows, polls: 3, counted: 0 })]);
            let before = known.clone();
            known.narrow(range(if place.ini == date(49) { 50 } else { 60 }, 200), 0);
            assert_eq!(known, before, "{place}");
        }
    }

    /// A read that leaves a place behind, and reaches further than it does, may lack what is new: who took that for the
    /// place's own would lose where the place is, and count its row once more when a longer read finds it again.
    #[test]
    fn what_is_lacked_behind_a_place_does_not_move_it() {
        for (steps, between, end) in [(vec![40, 60, 90], 30, 200), (vec![99], 50, 101), (vec![1, 2, 50], 20, 1_000)] {
            let mut known = Shortfalls::from_iter([(range(0, 100), Shortfall { rows: 1, polls: 3, counted: 1 })]);
            for ini in steps {
                known.narrow(range(ini, end), 1);
            }
            // A longer read lacks both: the new one somewhere in what it reaches.
            let long = range(-500, end + 100);
            known.believe(long, 1);
            assert_eq!(known.settle(date(-500)), 1);
            // The next short ones lack the new one only, and soon the old place is not in their reach.
            known.narrow(range(between, end + 100), 1);
            known.narrow(range(101, end + 200), 1);
            assert_eq!(known.expected(range(101, end + 200)), 0..=1, "the one that a longer read has counted");
        }
    }

    #[test]
    fn what_is_known_of_a_range_is_expected_of_it() {
        let mut known = Shortfalls::default();
        look(&mut known, range(9, 10), 2);
        look(&mut known, range(19, 20), 1);
        assert_eq!(known.expected(range(0, 100)), 3..=3);
        assert_eq!(known.expected(range(0, 15)), 2..=2);
        assert_eq!(known.expected(range(0, 8)), 0..=0);
        assert_eq!(known.expected(range(0, 9)), 0..=2, "at either edge it may be in or out");
        assert_eq!(known.expected(range(0, 10)), 0..=2);
        assert_eq!(known.expected(range(10, 19)), 0..=3);
        assert_eq!(known.expected(range(11, 18)), 0..=0);
    }

    #[test]
    fn what_stays_through_three_polls_is_counted_once() {
        let mut known = Shortfalls::default();
        look(&mut known, range(9, 10), 2);
        assert_eq!(known.settle(date(0)), 0);
        known.confirm(range(0, 100));
        assert_eq!(known.settle(date(0)), 0);
        look(&mut known, range(9, 10), 2);
        assert_eq!(known.settle(date(0)), 2);
        known.confirm(range(0, 100));
        assert_eq!(known.settle(date(50)), 0);
        look(&mut known, range(9, 10), 3);
        assert_eq!(known.settle(date(0)), 0, "one more is another matter");
        known.confirm(range(0, 100));
        known.confirm(range(0, 100));
        assert_eq!(known.settle(date(0)), 1);
    }

    #[test]
    fn what_comes_and_goes_is_counted_at_most_once() {
        let mut known = Shortfalls::default();
        look(&mut known, range(9, 10), 2);
        known.clear(range(0, 100));
        assert_eq!(known, Shortfalls::default(), "all has come");
        for _ in 0..3 {
            look(&mut known, range(9, 10), 2);
        }
        assert_eq!(known.settle(date(0)), 2);
        known.clear(range(0, 100));
        assert_eq!(known.expected(range(0, 100)), 0..=0);
        for _ in 0..3 {
            look(&mut known, range(9, 10), 2);
        }
        assert_eq!(known.settle(date(0)), 0, "missing again");
    }

    #[test]
    fn what_no_read_asks_for_any_more_is_missing() {
        let mut known = Shortfalls::default();
        look(&mut known, range(9, 10), 2);
        assert_eq!(known.settle(date(10)), 0);
        assert_eq!(known.settle(date(11)), 2);
        assert_eq!(known.settle(date(12)), 0, "once");
    }

    #[test]
    fn a_row_that_two_seconds_were_asked_for_is_missing_from_one() {
        let mut known = Shortfalls::default();
        for (second, rows) in [(9, 0), (10, 1), (11, 1), (12, 0)] {
            look(&mut known, range(second - 1, second), rows);
        }
        assert_eq!(known.iter().map(|(place, _)| place).collect::<alloc::vec::Vec<_>>(), [range(9, 10)]);
    }

    #[test]
    fn no_more_places_are_remembered_than_there_is_room_for_and_none_is_lost() {
        let mut known = Shortfalls::default();
        let mut missing = 0;
        for second in 0..MOST_PLACES as i64 + 5 {
            look(&mut known, range(2 * second, 2 * second), 1);
            missing += known.settle(date(-1));
        }
        assert_eq!((known.iter().count(), missing), (MOST_PLACES, 5));
    }
}
