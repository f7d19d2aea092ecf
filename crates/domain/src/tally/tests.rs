//! One read after another into one account, with the seen rows in a map. The endless combinations are the model test's.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::string::ToString as _;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::*;
use crate::account::CatchUp;
use crate::disposition::RejectReason;
use crate::identity::RowContent;
use crate::row::Row;
use crate::rules::Skills;
use crate::series::{OTHER, Series};
use crate::totals::Total;
use crate::zone::civil_range;

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
        counts: true,
        unknown_result: None,
        waited: Some(10.0),
    }
}

struct Counting {
    account: Account,
    rules: Rules,
    seen: Sightings,
}

impl Counting {
    fn begin() -> Self {
        Self { account: Account::new(&rules().windows, at(0)), rules: rules(), seen: Sightings::new() }
    }

    fn read(&mut self, from: i64, to: i64, rows: impl IntoIterator<Item = Row>) -> ReadSummary {
        self.read_as(from, to, rows.into_iter().map(ReadRow::Row), |_| {})
    }

    /// A minute after the end of the stretch.
    fn read_as(
        &mut self,
        from: i64,
        to: i64,
        rows: impl IntoIterator<Item = ReadRow>,
        change: impl Fn(&mut Read),
    ) -> ReadSummary {
        let stretch = Stretch { from: at(from), to: at(to) };
        let mut read = Read {
            stretch,
            asked: civil_range(&self.rules.zone, stretch),
            rows: rows.into_iter().collect(),
            findings: Findings::default(),
            proven: stretch.to,
            catch_up: false,
            due_end: stretch.to,
            skip_to: None,
            now: at(to + 60),
            server_now: at(to + 60),
        };
        change(&mut read);
        let tallied = tally(&mut self.account, &self.rules, &read, &self.seen);
        for Change { id, before, after } in tallied.changes {
            assert_eq!(self.seen.insert(id, after), before, "what was kept");
        }
        if let Some(date) = tallied.forget_before {
            self.seen.retain(|_, sighting| sighting.date >= date);
        }
        tallied.summary
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
        Row { counts: false, ..call(4, 10) },
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
    let answered = Row { counts: false, content: RowContent(1), ..call(1, 10) };
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
    counting.read(-3_300, 600, [call(3, 299), call(4, 300), Row { waited: None, ..call(5, 599) }]);
    let total = |total| counting.account.totals.get(total);
    assert_eq!([Total::LateRows, Total::TimeUnreadable, Total::Windows].map(total), [1, 1, 2]);
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

/// A part that a cache answered may have been read too early, whatever proves the part behind it.
#[test]
fn what_is_proven_has_no_hole_either() {
    let mut counting = Counting::begin();
    let mut read = |from, to, proven| {
        counting.read_as(from, to, [], |read| read.proven = at(proven));
        let marks = &counting.account.marks;
        (marks.complete_until, marks.proven_until)
    };
    assert_eq!(read(-3_600, 900, 300), (at(900), at(300)));
    assert_eq!(read(900, 1_800, 1_800), (at(1_800), at(300)), "behind what is not proven");
    assert_eq!(read(301, 2_100, 2_100), (at(2_100), at(300)), "a second was left out");
    assert_eq!(read(300, 2_100, 1_800), (at(2_100), at(1_800)));
    assert_eq!(read(1_800, 200_000, 2_100), (at(200_000), at(2_100)));
    assert_eq!(read(200_000 - 86_400, 200_100, 200_100), (at(200_100), at(200_100)), "no read reaches back further");
}

#[test]
fn what_is_given_up_is_counted_and_no_window() {
    let mut counting = Counting::begin();
    counting.read_as(6_000, 6_300, [], |read| {
        read.skip_to = Some(at(6_000));
        read.findings.missing = 4;
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
fn a_copy_is_one_until_what_was_due_has_been_read() {
    let mut counting = Counting::begin();
    counting.account.begin_copy(at(-60));
    counting.read_as(0, 300, [ReadRow::Row(call(1, 10))], |read| read.due_end = at(900));
    assert_eq!(counting.account.marks.copied_at, Some(at(-60)));
    counting.read_as(300, 900, [], |read| read.due_end = at(900));
    assert_eq!((counting.account.marks.copied_at, &counting.series("1").hold), (None, &None));
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
    counting.read(0, 300, [Row { skill_id: "2".into(), counts: false, ..call(3, 20) }]);
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
    assert_eq!(counting.seen.len(), 2);
    counting.read(3_600, 10_800, []);
    assert_eq!(counting.seen.len(), 2, "a second after the oldest date that is kept");
    counting.read(3_600, 14_400, []);
    assert_eq!(counting.seen.len(), 1);
}

/// A date in the year 9999 would otherwise be kept for ever, and one in 1999 be new with each read.
#[test]
fn what_has_no_place_in_the_range_is_kept_as_long_as_the_range() {
    let mut counting = Counting::begin();
    let far = |number, year: i16| Row { date: jiff::civil::date(year, 1, 1).at(0, 0, 0, 0), ..call(number, 0) };
    let rejected = ReadRow::Rejected { id: RowId([3; 16]), reason: RejectReason::Date };
    let rows = [far(1, 9999), far(2, 1999)].map(ReadRow::Row).into_iter().chain([rejected]);
    counting.read_as(0, 300, rows, |_| {});
    let mut dates: Vec<_> = counting.seen.values().map(|sighting| sighting.date).collect();
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
    assert_eq!(until(vec![Row { counts: false, ..call(5, 2_999) }], 0), at(2_999), "whatever it is");
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
        let mut counting = Counting { account, rules: rules.clone(), seen: Sightings::new() };
        let began = began.map(|began| began.parse().unwrap());
        let row = Row { date: jiff::civil::date(2026, 10, 25).at(2, 30, 0, 0), began, ..call(1, 0) };
        let from = start.duration_since(at(0)).as_secs();
        counting.read(from, from + 3_000, [row]);
        assert_eq!(counting.rows([label]), [1], "{began:?}");
    }
}

/// The rows of one identity, by what they say.
fn contents(contents: impl IntoIterator<Item = (u64, bool)>) -> Vec<ReadRow> {
    let row = |(content, counts)| Row { content: RowContent(content), counts, ..call(1, 10) };
    contents.into_iter().map(|content| ReadRow::Row(row(content))).collect()
}

#[test]
fn rows_of_one_identity_are_one_row_however_often_they_are_read() {
    let labels = ["counted", "other_result", "duplicate"];
    for (rows, once) in [
        (contents([(1, false), (2, false)]), [0, 1, 1]),
        (contents([(1, true), (2, true), (3, true)]), [1, 0, 2]),
        (contents([(1, false), (2, true)]), [1, 0, 1]),
        (contents([(2, true), (1, false), (2, true)]), [1, 0, 2]),
        (contents((0..20).map(|content| (content, false))), [0, 1, 19]),
    ] {
        let mut counting = Counting::begin();
        for reads in 0..4 {
            counting.read_as(0, 300, rows.clone(), |_| {});
            let expected = [once[0], once[1], once[2] + reads * rows.len() as u64];
            assert_eq!(counting.rows(labels), expected, "{rows:?}");
        }
    }
}

#[test]
fn what_was_seen_once_is_known_after_something_else_was_seen() {
    let mut counting = Counting::begin();
    let mut read = |rows: &[(u64, bool)]| {
        counting.read_as(0, 300, contents(rows.iter().copied()), |_| {});
        counting.rows(["counted", "other_result", "duplicate"])
    };
    assert_eq!(read(&[(1, false), (2, false)]), [0, 1, 1]);
    assert_eq!(read(&[(2, false)]), [0, 1, 2]);
    assert_eq!(read(&[(1, false)]), [0, 1, 3]);
    assert_eq!(read(&[(3, false)]), [0, 2, 3], "looked at anew");
    assert_eq!(read(&[(3, false), (1, false)]), [0, 2, 5]);
    assert_eq!(read(&[(1, false), (4, true)]), [1, 2, 6], "an abandonment at last");
    assert_eq!(read(&[(5, false), (6, true)]), [1, 2, 8], "counted for ever");
}

#[test]
fn an_abandonment_is_counted_however_much_the_row_has_changed_before() {
    let mut counting = Counting::begin();
    for content in 0..50 {
        counting.read_as(0, 300, contents([(content, false)]), |_| {});
    }
    assert_eq!(counting.rows(["counted", "other_result", "duplicate"]), [0, 8, 42], "there is room for so many");
    counting.read_as(0, 300, contents([(99, true)]), |_| {});
    assert_eq!(counting.rows(["counted"]), [1]);
}

proptest::proptest! {
    // In any order, and however often the answer comes again: nothing but `duplicate` grows, each identity with an
    // abandonment in it is counted once, and what is counted of it is the same.
    #[test]
    fn no_order_and_no_repetition_counts_anything_again(
        rows in proptest::collection::vec((0u8..4, 0u64..12, proptest::bool::ANY, 0u16..3), 1..30),
        seeds in proptest::collection::vec(proptest::num::u64::ANY, 1..4),
    ) {
        let rows: Vec<_> = rows.iter().map(|&(number, content, abandoned, kind)| ReadRow::Row(Row {
            // What a row says and its content go together.
            content: RowContent(content * 6 + u64::from(abandoned) * 3 + u64::from(kind)),
            counts: abandoned,
            type_interaction: alloc::format!("type {kind}").as_str().into(),
            waited: Some((content * 7) as f64),
            ..call(number, 10)
        })).collect();
        let mut first = Counting::begin();
        first.read_as(0, 300, rows.clone(), |_| {});
        let labels = ["counted", "other_result"];
        let abandoned: BTreeSet<_> = rows.iter().filter_map(ReadRow::row).filter(|row| row.counts).map(|row| row.id).collect();
        let identities: BTreeSet<_> = rows.iter().map(ReadRow::id).collect();
        let (calls, all) = (abandoned.len() as u64, identities.len() as u64);
        proptest::prop_assert_eq!(first.rows(labels), [calls, all - calls]);
        let mut shuffled = Counting::begin();
        for (reads, seed) in seeds.iter().enumerate() {
            let mut rows = rows.clone();
            rows.sort_by_key(|row| row.row().map_or(0, |row| (row.content.0 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            shuffled.read_as(0, 300, rows.clone(), |_| {});
            proptest::prop_assert_eq!(shuffled.rows(labels), [calls, all - calls]);
            let duplicates = (reads as u64 + 1) * rows.len() as u64 - all;
            proptest::prop_assert_eq!(shuffled.rows(["duplicate"]), [duplicates]);
            let counted = |counting: &Counting| -> Vec<_> {
                counting.account.series.iter().map(|(key, series)| (key.clone(), series.counts.clone())).collect()
            };
            proptest::prop_assert_eq!(counted(&shuffled), counted(&first));
        }
    }
}

#[test]
fn a_read_tells_what_it_brought() {
    let mut counting = Counting::begin();
    let summary = counting.read(-3_600, 300, [call(1, 10), call(1, 10), call(2, 290)]);
    assert_eq!((summary.rows, summary.counted, summary.rejected, summary.late), (3, 2, 0, 0));
    assert_eq!((summary.oldest, summary.newest), (Some(at(10)), Some(at(290))));
    assert_eq!(summary.lateness, None, "the first read says nothing of that");
    let answered = Row { counts: false, ..call(3, 310) };
    let summary = counting.read(-3_300, 600, [call(1, 10), answered, call(4, 30)]);
    assert_eq!((summary.rows, summary.counted, summary.late), (3, 1, 1));
    assert_eq!((summary.oldest, summary.newest), (Some(at(30)), Some(at(310))), "of what was not seen before");
    assert_eq!(summary.lateness, Some(Duration::from_secs(630)));
    let summary = counting.read(-3_300, 600, [call(1, 10)]);
    assert_eq!((summary.newest, summary.lateness), (None, None));
    let summary = counting.read_as(0, 900, [call(5, 15)].map(ReadRow::Row), |read| read.catch_up = true);
    assert_eq!((summary.late, summary.lateness), (1, None), "it may have been there for long");
}

/// Chile puts its clock back from 24:00 to 23:00, at 03:00 UTC of 5 April 2026. A chat has no epoch.
#[test]
fn a_date_that_occurs_twice_says_nothing_of_the_time() {
    let change: Timestamp = "2026-04-05T03:00:00Z".parse().unwrap();
    for (minute, is_twice) in [(-90, false), (-30, true), (10, true), (50, true), (61, false)] {
        for began in [None, Some(change + SignedDuration::from_mins(minute - 2))] {
            let mut counting = Counting::begin();
            counting.rules.zone = jiff::tz::TimeZone::get("America/Santiago").unwrap();
            counting.account.marks.read_before = true;
            let hung_up = change + SignedDuration::from_mins(minute);
            let row = Row { date: counting.rules.zone.to_datetime(hung_up), began, ..call(1, 0) };
            let to = hung_up.as_second() - at(0).as_second() + 60;
            let summary = counting.read(to - 3_600, to, [row]);
            let told = (!is_twice || began.is_some()).then_some(hung_up);
            assert_eq!((summary.newest, summary.oldest), (told, told), "{minute}, {began:?}");
            let late = Duration::from_secs(120);
            assert_eq!(summary.lateness, told.map(|_| late), "{minute}, {began:?}");
        }
    }
}

#[test]
fn most_rows_rejected_is_told_at_each_read() {
    let rejected = |number| ReadRow::Rejected { id: RowId([number; 16]), reason: RejectReason::Date };
    let outside = |number| ReadRow::Row(call(number, 300));
    for rows in [
        [rejected(1), rejected(2), rejected(3), ReadRow::Row(call(4, 10)), ReadRow::Row(call(5, 10))],
        [outside(1), outside(2), outside(3), ReadRow::Row(call(4, 10)), ReadRow::Row(call(5, 10))],
        [rejected(1), rejected(1), rejected(1), outside(2), ReadRow::Row(call(5, 10))],
    ] {
        let mut counting = Counting::begin();
        for _ in 0..3 {
            assert!(counting.read_as(0, 300, rows.clone(), |_| {}).is_mostly_rejected(), "{rows:?}");
        }
        let few: Vec<_> =
            rows.into_iter().skip(1).chain([ReadRow::Row(call(7, 11)), ReadRow::Row(call(8, 11))]).collect();
        assert!(counting.rows(["counted"]) >= [1], "what is sound is counted");
        assert!(!counting.read_as(0, 300, few.into_iter().skip(1), |_| {}).is_mostly_rejected());
    }
}

#[test]
fn a_known_row_from_outside_the_range_stays_what_it_was() {
    let mut counting = Counting::begin();
    let answered = Row { counts: false, ..call(1, 10) };
    for (from, to) in [(0, 300), (300, 600), (0, 300), (300, 600)] {
        counting.read(from, to, [answered.clone()]);
    }
    assert_eq!(counting.rows(["other_result", "duplicate", "rejected"]), [1, 3, 0]);
}

#[test]
fn the_cursor_passes_a_second_that_is_asked_around() {
    let mut counting = Counting::begin();
    counting.read_as(0, 100, [], |read| {
        read.findings.unreadable_seconds = 1;
        read.findings.gaps.note_unreadable(date(100));
    });
    assert_eq!(counting.account.marks.complete_until, at(101));
    let gaps = counting.account.gaps.clone();
    counting.read_as(101, 300, [], |read| read.findings.gaps = gaps.clone());
    assert_eq!(counting.account.marks.complete_until, at(300));
    assert_eq!(counting.account.totals.get(Total::SkippedSeconds), 1);
}

fn calls_of_day(counting: &Counting, day: &str) -> u64 {
    counting.account.day_by_skill(day.parse().unwrap(), |_| true).values().map(|counts| counts.calls).sum()
}

#[test]
fn a_late_row_changes_the_day_that_it_belongs_to() {
    let mut counting = Counting::begin();
    // Midnight in Bogota is second 61,200.
    counting.read(0, 60_900, [call(1, 10)]);
    counting.read(57_300, 61_200, [call(2, 61_199)]);
    counting.read(57_600, 61_500, [call(2, 61_199), call(3, 61_200), call(4, 61_000)]);
    assert_eq!(counting.account.totals.get(Total::LateRows), 1);
    assert_eq!([calls_of_day(&counting, "2026-03-02"), calls_of_day(&counting, "2026-03-03")], [3, 1]);
}

#[test]
fn a_renamed_skill_keeps_its_day() {
    let mut counting = Counting::begin();
    counting.read(0, 300, [call(1, 10)]);
    counting.read(0, 600, [Row { skill_name: Some("Ventas Norte".into()), ..call(2, 310) }]);
    let day = counting.account.day_by_skill(date(0).date(), |_| true);
    assert_eq!(day.get("1").map(|counts| (counts.calls, counts.mean())), Some((2, Some(10.0))));
}

#[test]
fn what_a_day_may_lack_stands_in_it() {
    let mut counting = Counting::begin();
    counting.rules.skills = Skills::Only(BTreeSet::from(["1".to_owned(), "3".to_owned()]));
    counting.rules.max_series = 1;
    let of_skill = |number, skill: &str| Row { skill_id: skill.into(), ..call(number, 10) };
    let rows = [of_skill(1, "1"), of_skill(2, "2"), of_skill(3, "3"), Row { counts: false, ..of_skill(4, "4") }];
    let rejected = ReadRow::Rejected { id: RowId([7; 16]), reason: RejectReason::Shape };
    let rows: Vec<_> = rows.map(ReadRow::Row).into_iter().chain([rejected]).collect();
    for _ in 0..2 {
        counting.read_as(0, 300, rows.clone(), |_| {});
    }
    let day = &counting.account.days.days[&date(0).date()];
    let left_out: Vec<_> = day.left_out.iter().map(|skill| &**skill).collect();
    assert_eq!((left_out, day.uncounted_rows), (vec!["2", "3"], 1), "each once");
}

#[test]
fn rows_that_never_come_are_lacking_where_they_were_announced() {
    let mut counting = Counting::begin();
    let place = crate::range::CivilRange { ini: date(-86_400), end: date(-86_399) };
    let mut gaps = crate::gaps::Gaps::default();
    gaps.shortfalls.believe(place, 2);
    let missing = gaps.shortfalls.settle(place.ini);
    counting.read_as(0, 300, [], |read| {
        read.findings = Findings { gaps: gaps.clone(), missing: missing + 5, unreadable_seconds: 0 }
    });
    counting.read_as(0, 600, [], |read| read.findings.gaps = gaps.clone());
    let lacking = |second| counting.account.days.days[&date(second).date()].uncounted_rows;
    assert_eq!([lacking(-86_400), lacking(0)], [2, 5], "those without a place are in the range that was asked for");
}

#[test]
fn what_is_known_to_be_missing_or_comes_to_nothing_is_lacking_in_no_other_day() {
    let mut counting = Counting::begin();
    let place = crate::range::CivilRange { ini: date(-86_400), end: date(-86_399) };
    let shortfalls = &mut counting.account.gaps.shortfalls;
    shortfalls.believe(place, 2);
    shortfalls.settle(place.ini);
    let gaps = counting.account.gaps.clone();
    counting.read_as(0, 300, [], |read| read.findings.gaps = gaps.clone());
    assert!(counting.account.days.days.is_empty());
}

#[test]
fn a_day_is_whole_when_all_of_it_was_read() {
    let mut counting = Counting::begin();
    let zone = counting.rules.zone.clone();
    let whole = |counting: &Counting, day: &str| {
        counting.account.coverage(crate::zone::day_stretch(&zone, day.parse().unwrap()).unwrap()).is_whole()
    };
    counting.read(0, 147_600 - 300, []);
    assert!(!whole(&counting, "2026-03-02"), "counting began at seven");
    assert!(!whole(&counting, "2026-03-03"), "its last window is missing");
    counting.read(140_000, 147_600, []);
    assert!(whole(&counting, "2026-03-03"));
    counting.read_as(147_600 + 900, 320_400, [], |read| read.skip_to = Some(at(147_600 + 900)));
    assert!(!whole(&counting, "2026-03-04"), "a part was given up");
    assert!(whole(&counting, "2026-03-05"));
    counting.read_as(320_400, 406_800, [], |read| _ = read.findings.gaps.note_unreadable(date(330_000)));
    assert!(!whole(&counting, "2026-03-06"), "a second could not be read");
    assert!(whole(&counting, "2026-03-03") && whole(&counting, "2026-03-05"));
}

proptest::proptest! {
    // Whatever is read, late, twice, or in stretches of days: what is counted by day is what is counted, no more and no
    // less, for as long as days are kept; and what is older is never taken for counted.
    #[test]
    fn days_are_as_exact_as_the_counters(
        reads in proptest::collection::vec((1i64..400_000, proptest::collection::vec((0u8..=255, 0i64..500_000), 0..12)), 1..20),
    ) {
        let mut counting = Counting::begin();
        let mut cursor = 0;
        let mut counted = std::collections::BTreeMap::<u8, i64>::new();
        for (length, rows) in reads {
            let to = cursor + length;
            let from = (cursor - 90_000).max(0);
            // An identity keeps its date.
            let rows = rows.into_iter().filter_map(|(number, back)| {
                let second = *counted.get(&number).unwrap_or(&(to - 1 - back));
                (from..to).contains(&second).then(|| { counted.insert(number, second); call(number, second) })
            });
            let rows: Vec<_> = rows.collect();
            counting.read(from, to, rows);
            // Identities are kept for a day and some hours.
            counted.retain(|_, second| *second >= to - 90_000);
            cursor = to;
            let account = &counting.account;
            let zone = &counting.rules.zone;
            let by_day: u64 = account.days.days.keys().map(|day| calls_of_day(&counting, &day.to_string())).sum();
            let all = counting.rows(["counted"])[0];
            if account.marks.by_day_from == account.marks.start {
                proptest::prop_assert_eq!(by_day, all);
            } else {
                proptest::prop_assert!(by_day <= all);
                proptest::prop_assert!(account.days.days.keys().all(|day| day.at(0, 0, 0, 0) >= zone.to_datetime(account.marks.by_day_from)));
            }
            proptest::prop_assert!(account.days.days.len() <= crate::days::DAYS_KEPT as usize + 1);
            proptest::prop_assert!(account.days.quarters.len() <= 201);
        }
    }
}
