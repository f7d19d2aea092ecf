//! One read after another into one account, with the seen rows in a map. The endless combinations are the model test's.

use alloc::borrow::ToOwned as _;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString as _;
use alloc::vec;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::time::Duration;

use jiff::tz::TimeZone;

use super::*;
use crate::rules::Skills;
use crate::series::OTHER;
use crate::zone::civil_range;

#[derive(Default)]
struct Seen(BTreeMap<[u8; 16], (DateTime, Sighting)>);

impl SeenRows for Seen {
    type Error = Infallible;

    fn get(&mut self, id: RowId) -> Result<Option<Sighting>, Infallible> {
        Ok(self.0.get(&id.0).map(|(_, sighting)| *sighting))
    }

    fn put(&mut self, id: RowId, date: DateTime, sighting: Sighting) -> Result<(), Infallible> {
        self.0.insert(id.0, (date, sighting));
        Ok(())
    }

    fn forget_before(&mut self, date: DateTime) -> Result<(), Infallible> {
        self.0.retain(|_, (dated, _)| *dated >= date);
        Ok(())
    }
}

/// Second 0 is 12:00 UTC, 07:00 in Bogota, and begins the first window.
fn at(second: i64) -> Timestamp {
    "2026-03-02T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
}

fn date(second: i64) -> DateTime {
    rules().zone.to_datetime(at(second))
}

fn rules() -> Rules {
    crate::rules::tests::rules("America/Bogota")
}

/// A row of its own for each number: an abandoned call of skill 1 that hung up in `second`.
fn call(number: u8, second: i64) -> Row {
    Row {
        id: RowId([number; 16]),
        content: RowContent(0),
        date: date(second),
        began: None,
        skill_id: "1".into(),
        skill_name: Some("Ventas".into()),
        type_interaction: "inbound".into(),
        abandoned: true,
        abandon_time: Some(10.0),
    }
}

struct Counting {
    account: Account,
    rules: Rules,
    seen: Seen,
}

impl Counting {
    fn begin() -> Self {
        Self { account: Account::new(&rules().windows, at(0)), rules: rules(), seen: Seen::default() }
    }

    fn read(&mut self, from: i64, to: i64, rows: impl IntoIterator<Item = Row>) {
        self.read_as(from, to, rows.into_iter().map(ReadRow::Row), |_| {});
    }

    /// A minute after the end of the stretch.
    fn read_as(&mut self, from: i64, to: i64, rows: impl IntoIterator<Item = ReadRow>, change: impl Fn(&mut Read)) {
        let stretch = Stretch { from: at(from), to: at(to) };
        let mut read = Read {
            stretch,
            asked: civil_range(&self.rules.zone, stretch),
            rows: rows.into_iter().collect(),
            missing: 0,
            proven: stretch.to,
            catch_up: false,
            due_end: stretch.to,
            skip_to: None,
            now: at(to + 60),
            server_now: at(to + 60),
        };
        change(&mut read);
        let Ok(()) = tally(&mut self.account, &self.rules, &read, &mut self.seen);
    }

    fn rows<const N: usize>(&self, labels: [&str; N]) -> [u64; N] {
        labels.map(|label| self.account.totals.rows(label))
    }

    fn calls(&self, skill_id: &str) -> u64 {
        let of_skill = self.account.series.iter().filter(|(key, _)| &*key.skill_id == skill_id);
        of_skill.map(|(_, series)| series.counts.calls).sum()
    }

    fn series(&self, skill_id: &str) -> &Series {
        self.account.series.iter().find(|(key, _)| &*key.skill_id == skill_id).expect("a series").1
    }
}

#[test]
fn a_call_counts_once_however_often_it_is_read() {
    let mut counting = Counting::begin();
    counting.read(-3_600, 300, [call(1, 10), call(1, 10), call(2, 299)]);
    counting.read(-3_300, 600, [call(1, 10), call(2, 299), call(3, 300)]);
    assert_eq!(counting.rows(["counted", "duplicate"]), [3, 3]);
    assert_eq!(counting.calls("1"), 3);
    assert_eq!(counting.series("1").counts.times.cells(), [(10, 3)]);
}

#[test]
fn each_row_has_one_disposition() {
    let mut counting = Counting::begin();
    counting.rules.skills = Skills::Only(BTreeSet::from(["1".to_owned()]));
    let rows = [
        call(1, 10),
        call(2, -1),
        Row { skill_id: "2".into(), ..call(3, 10) },
        Row { abandoned: false, ..call(4, 10) },
        call(5, 300),
        call(6, -3_601),
    ];
    let rejected = ReadRow::Rejected { id: RowId([7; 16]), reason: RejectReason::Date };
    let rows: Vec<_> = rows.map(ReadRow::Row).into_iter().chain([rejected]).collect();
    let labels = ["counted", "duplicate", "other_result", "before_start", "not_selected", "rejected"];
    counting.read_as(-3_600, 300, rows.clone(), |_| {});
    assert_eq!(counting.rows(labels), [1, 0, 1, 1, 1, 3]);
    let rejected = |reason| counting.account.totals.get(Total::RowsRejected(reason));
    assert_eq!([RejectReason::Range, RejectReason::Date].map(rejected), [2, 1]);
    counting.read_as(-3_600, 300, rows, |_| {});
    assert_eq!(counting.rows(labels), [1, 7, 1, 1, 1, 3], "once each");
}

#[test]
fn a_row_is_looked_at_again_where_it_may_be_a_call_to_count() {
    let mut counting = Counting::begin();
    let answered = Row { abandoned: false, content: RowContent(1), ..call(1, 10) };
    counting.read(-3_600, 300, [answered.clone(), call(2, 300)]);
    assert_eq!(counting.rows(["counted", "other_result", "rejected"]), [0, 1, 1]);
    counting.read(-3_300, 600, [call(1, 10), call(2, 300)]);
    assert_eq!(counting.rows(["counted", "duplicate"]), [2, 0], "turned into an abandonment, and within the range");
    counting.read(-3_000, 900, [answered, call(1, 10), call(2, 300)]);
    assert_eq!(counting.rows(["counted", "duplicate"]), [2, 3], "counted for ever");

    // In a zone further west the same date is later, and after the start.
    let mut counting = Counting::begin();
    counting.read(-7_200, 300, [call(1, -60)]);
    counting.rules.zone = TimeZone::get("America/Mexico_City").unwrap();
    counting.read(-7_200, 3_900, [call(1, -60)]);
    assert_eq!(counting.rows(["counted", "before_start"]), [1, 1]);
}

#[test]
fn a_call_of_a_complete_window_is_late_and_no_part_of_the_gauge() {
    let mut counting = Counting::begin();
    counting.read(-3_600, 300, [call(1, 0), call(2, 299)]);
    assert_eq!(counting.account.last_window(&rules().windows).values().sum::<u64>(), 2);
    counting.read(-3_300, 600, [call(3, 299), call(4, 300), Row { abandon_time: None, ..call(5, 599) }]);
    let total = |total| counting.account.totals.get(total);
    assert_eq!([Total::LateRows, Total::AbandonTimeUnreadable, Total::Windows].map(total), [1, 1, 2]);
    assert_eq!(counting.account.last_window(&rules().windows).values().sum::<u64>(), 2);
    assert_eq!((counting.calls("1"), counting.series("1").counts.times.count()), (5, 4));
    assert_eq!(counting.account.recent.keys().map(|(second, _)| *second).min(), Some(at(300).as_second()));
}

#[test]
fn the_cursor_moves_with_what_is_read_and_leaves_no_hole() {
    let mut counting = Counting::begin();
    let mut read = |from, to| {
        counting.read(from, to, []);
        let marks = &counting.account.marks;
        (marks.complete_until, counting.account.totals.get(Total::Windows))
    };
    assert_eq!(read(-3_600, 900), (at(900), 3));
    assert_eq!(read(901, 1_200), (at(900), 3), "a second was left out");
    assert_eq!(read(900, 1_200), (at(1_200), 4));
    assert_eq!(read(0, 600), (at(1_200), 4), "an older part");
    assert_eq!(read(0, 1_350), (at(1_350), 4), "not to the end of a window");
}

#[test]
fn what_is_given_up_is_counted_and_no_window() {
    let mut counting = Counting::begin();
    counting.read_as(6_000, 6_300, [], |read| {
        read.skip_to = Some(at(6_000));
        read.missing = 4;
    });
    let total = |total| counting.account.totals.get(total);
    assert_eq!([Total::SkippedSeconds, Total::Windows, Total::RowsMissing].map(total), [6_000, 1, 4]);
    let marks = &counting.account.marks;
    assert_eq!((marks.floor, marks.complete_until), (Some(at(6_000)), at(6_300)));
}

#[test]
fn a_catch_up_lasts_until_what_was_due_has_been_read() {
    let mut counting = Counting::begin();
    let mut read = |from, to, catch_up, due_end| {
        counting.read_as(from, to, [], |read| (read.catch_up, read.due_end) = (catch_up, at(due_end)));
        counting.account.marks.catch_up
    };
    assert_eq!(read(0, 300, false, 300), CatchUp::None);
    assert_eq!(read(300, 600, true, 1_200), CatchUp::Behind);
    assert_eq!(read(600, 900, false, 1_200), CatchUp::Behind);
    assert_eq!(read(900, 1_200, false, 1_200), CatchUp::Done(at(1_260)));
    assert_eq!(read(1_200, 1_500, false, 1_500), CatchUp::Done(at(1_260)));
}

#[test]
fn series_beyond_the_most_are_counted_together() {
    let mut counting = Counting::begin();
    counting.rules.max_series = 2;
    let of_skill = |number, skill: &str| Row { skill_id: skill.into(), ..call(number, 10) };
    counting.read(0, 300, [of_skill(1, "1"), of_skill(2, "2"), of_skill(3, "3"), of_skill(4, "4"), of_skill(5, "1")]);
    assert_eq!(["1", "2", "3", OTHER].map(|skill| counting.calls(skill)), [2, 1, 0, 2]);
    assert_eq!(counting.account.totals.get(Total::SeriesOverflow), 2);
    counting.rules.max_series = 3;
    counting.read(0, 600, [of_skill(6, "3"), of_skill(7, "4")]);
    assert_eq!(["3", "4", OTHER].map(|skill| counting.calls(skill)), [1, 0, 3], "the other series takes no place");
}

#[test]
fn a_new_name_holds_the_series_at_what_it_showed() {
    let mut counting = Counting::begin();
    let named = |number, second, name: &str| Row { skill_name: Some(name.into()), ..call(number, second) };
    let name = |counting: &Counting| counting.account.skills["1"].name.to_string();
    counting.read(0, 300, [named(1, 20, "Ventas"), named(2, 10, "Antes")]);
    assert_eq!(name(&counting), "Ventas", "of the most recent row");
    assert_eq!(counting.series("1").shown().calls, 0, "a new series shows its birth");
    counting.account.release(Duration::ZERO, at(1_000));

    counting.read(0, 600, [named(3, 15, "Antes"), named(4, 20, "Otra")]);
    assert_eq!((name(&counting), counting.series("1").shown().calls), ("Ventas".to_owned(), 4), "nothing more recent");
    counting.read(0, 600, [named(5, 30, "Ventas")]);
    assert_eq!(counting.series("1").hold, None, "the same name");
    counting.read(0, 600, [named(6, 40, "Nueva")]);
    assert_eq!((name(&counting), counting.series("1").shown().calls), ("Nueva".to_owned(), 5));
    assert_eq!(counting.series("1").hold.as_ref().map(|hold| hold.since), Some(at(660)));
}

#[test]
fn of_two_names_in_one_second_the_same_one_is_taken_in_any_order() {
    let named = |number, name: &str| Row { skill_name: Some(name.into()), ..call(number, 10) };
    for rows in [[named(1, "A"), named(2, "B")], [named(2, "B"), named(1, "A")]] {
        let mut counting = Counting::begin();
        counting.read(0, 300, rows);
        assert_eq!(&*counting.account.skills["1"].name, "B");
    }
}

#[test]
fn rows_outside_the_range_and_skills_without_a_series_give_no_name() {
    let mut counting = Counting::begin();
    counting.read(0, 300, [call(1, 10), Row { skill_name: Some("Fuera".into()), ..call(2, 300) }]);
    counting.read(0, 300, [Row { skill_id: "2".into(), abandoned: false, ..call(3, 20) }]);
    let names: Vec<_> = counting.account.skills.iter().map(|(id, said)| (&**id, &*said.name)).collect();
    assert_eq!(names, [("1", "Ventas")]);
}

#[test]
fn identities_are_kept_for_the_overlap_and_the_widest_change_of_zone() {
    let mut counting = Counting::begin();
    let day = 86_400;
    counting.read(-day, 0, [call(1, -day + 1), call(2, -1)]);
    assert_eq!(counting.account.marks.kept_from, Some(date(-27 * 3_600)));
    counting.read(-3_600, 3_599, []);
    assert_eq!(counting.account.marks.kept_from, Some(date(-27 * 3_600)), "in steps of an hour");
    counting.read(-3_600, 3_600, []);
    assert_eq!(counting.account.marks.kept_from, Some(date(-26 * 3_600)));
    assert_eq!(counting.seen.0.len(), 2);
    counting.read(3_600, 10_800, []);
    assert_eq!(counting.seen.0.len(), 2, "a second after the oldest date that is kept");
    counting.read(3_600, 14_400, []);
    assert_eq!(counting.seen.0.len(), 1);
}

/// A date in the year 9999 would otherwise be kept for ever, and one in 1999 be new with each read.
#[test]
fn what_has_no_place_in_the_range_is_kept_as_long_as_the_range() {
    let mut counting = Counting::begin();
    let far = |number, year: i16| Row { date: jiff::civil::date(year, 1, 1).at(0, 0, 0, 0), ..call(number, 0) };
    let rejected = ReadRow::Rejected { id: RowId([3; 16]), reason: RejectReason::Date };
    let rows = [far(1, 9999), far(2, 1999)].map(ReadRow::Row).into_iter().chain([rejected]);
    counting.read_as(0, 300, rows, |_| {});
    let mut dates: Vec<_> = counting.seen.0.values().map(|(dated, _)| *dated).collect();
    dates.sort();
    assert_eq!(dates, [date(0), date(299), date(299)]);
}

#[test]
fn a_row_that_comes_fresh_shows_that_the_zone_hides_nothing() {
    let mut counting = Counting::begin();
    let mut until = |rows: Vec<Row>, late: i64| {
        counting.read_as(0, 3_000, rows.into_iter().map(ReadRow::Row), |read| read.server_now = at(3_000 + late));
        counting.account.marks.nothing_hidden_until
    };
    assert_eq!(until(vec![call(1, 2_000)], 0), at(0), "a quarter of an hour old and more");
    assert_eq!(until(vec![call(2, 2_100)], 0), at(0), "to the second");
    assert_eq!(until(vec![call(3, 2_101), call(4, 2_101 - 60)], 0), at(2_101));
    assert_eq!(until(vec![call(1, 2_000)], -500), at(2_101), "never back");
    assert_eq!(until(vec![Row { abandoned: false, ..call(5, 2_999) }], 0), at(2_999), "whatever it is");
}

// Madrid's clock is put back at 01:00 UTC of 25 October 2026; counting begins in the second pass of the hour.
#[test]
fn a_first_start_in_a_repeated_hour_counts_what_may_be_of_the_first_pass_as_before_it() {
    let start: Timestamp = "2026-10-25T01:10:00Z".parse().unwrap();
    let rules = crate::rules::tests::rules("Europe/Madrid");
    for (began, label) in [
        (None, "before_start"),
        (Some("2026-10-25T00:29:00Z"), "before_start"),
        (Some("2026-10-25T01:29:00Z"), "counted"),
    ] {
        let account = Account::new(&rules.windows, start);
        let mut counting = Counting { account, rules: rules.clone(), seen: Seen::default() };
        let began = began.map(|began| began.parse().unwrap());
        let row = Row { date: jiff::civil::date(2026, 10, 25).at(2, 30, 0, 0), began, ..call(1, 0) };
        let from = start.duration_since(at(0)).as_secs();
        counting.read(from, from + 3_000, [row]);
        assert_eq!(counting.rows([label]), [1], "{began:?}");
    }
}
