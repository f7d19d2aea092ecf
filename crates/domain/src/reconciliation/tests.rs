use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::*;
use crate::range::Stretch;
use crate::report::{ABANDONED, ANSWERED};
use crate::rules::Skills;
use crate::rules::tests::rules;
use crate::series::{OTHER, Series, SeriesKey};
use crate::vendor_totals;
use jiff::SignedDuration;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

const DAY: &str = "2026-03-03";

/// Has counted 2 to 5 March in Bogotá; on the 3rd so many calls of each skill and type.
fn account(calls: &[(&str, &str, u64)]) -> Account {
    let mut account = Account::new(&rules("America/Bogota").windows, at("2026-03-02T05:00:00Z"));
    account.marks.complete_until = at("2026-03-06T05:00:00Z");
    for ((skill_id, type_interaction, calls), number) in calls.iter().zip(0..) {
        let key = SeriesKey { skill_id: (*skill_id).into(), type_interaction: (*type_interaction).into() };
        account.series.insert(key, Arc::new(Series::new(number, at("2026-03-03T12:00:00Z"))));
        (0..*calls).for_each(|_| account.days.count(date(DAY), at("2026-03-03T12:00:00Z"), number, None));
    }
    account
}

/// The vendor's totals; of each skill so many abandoned calls and ten times as many answered ones.
fn theirs(totals: &[(&str, u64)]) -> VendorTotals {
    let row = |(skill_id, calls): &(&str, u64)| {
        let fields = [
            ("skill_id", (*skill_id).to_owned()),
            ("skill_name", std::format!("Skill {skill_id}")),
            ("abandon_calls", std::format!("{calls}")),
            ("answer_calls", std::format!("{}", 10 * calls)),
        ];
        vendor_totals::row(&fields.map(|(name, value)| (name.into(), value.into())))
    };
    totals.iter().map(row).collect()
}

fn compare(account: &Account, theirs: &VendorTotals) -> Reconciled {
    let rules = rules("America/Bogota");
    Reconciled::new(&Book { kind: &ABANDONED, account, rules: &rules }, date(DAY), theirs)
}

fn by(day: &Reconciled, reading: Reading) -> Vec<(&str, i64)> {
    day.by(reading).map(|(skill_id, _, difference)| (&**skill_id, difference)).collect()
}

#[test]
fn a_row_that_one_side_lacks_is_a_difference_of_its_skill() {
    let account = account(&[("1", "inbound", 7), ("2", "inbound", 4), ("3", "inbound", 1)]);
    let day = compare(&account, &theirs(&[("1", 7), ("2", 5), ("4", 2)]));
    assert_eq!(by(&day, Reading::AllTypes), [("1", 0), ("2", 1), ("3", -1), ("4", 2)]);
    assert_eq!((&*day.skills["4"].name, &*day.skills["3"].name), ("Skill 4", "3"), "who knows a name");
    let same = compare(&account, &theirs(&[("1", 7), ("2", 4), ("3", 1)]));
    assert_eq!(by(&same, Reading::AllTypes), [("1", 0), ("2", 0), ("3", 0)]);
    assert_eq!((same.vendor_calls, same.not_compared().count()), (12, 0));
}

#[test]
fn each_report_has_its_own_number_of_the_vendors() {
    let (account, rules) = (account(&[("1", "inbound", 7)]), rules("America/Bogota"));
    let answered =
        Reconciled::new(&Book { kind: &ANSWERED, account: &account, rules: &rules }, date(DAY), &theirs(&[("1", 7)]));
    assert_eq!(by(&answered, Reading::AllTypes), [("1", 63)]);
}

#[test]
fn each_reading_is_tried() {
    let account = account(&[("1", "inbound", 900), ("1", "internalcall_que", 60), ("1", "chat-web", 40)]);
    for (vendor, expected) in [
        (1_000, Reading::AllTypes),
        (960, Reading::Voice),
        (900, Reading::InboundOnly),
        (991, Reading::AllTypes),
        (952, Reading::Voice),
    ] {
        let agrees = compare(&account, &theirs(&[("1", vendor)])).agrees_with();
        assert_eq!(agrees, Some(BTreeSet::from([expected])), "{vendor}");
    }
    assert_eq!(compare(&account, &theirs(&[("1", 800)])).agrees_with(), Some(BTreeSet::new()));
    let apart = |calls: u64| {
        let agrees = compare(&account, &theirs(&[("1", 1_000 + calls)])).agrees_with();
        agrees.unwrap().contains(&Reading::AllTypes)
    };
    assert!(apart(10) && !apart(11), "one in a hundred of the vendor's");
}

#[test]
fn types_are_told_apart_in_any_case() {
    for (type_interaction, voice, inbound) in [
        ("inbound", true, true),
        ("Inbound", true, true),
        ("out_pre", true, false),
        ("unknown", true, false),
        ("chat-web", false, false),
        ("CHAT-whatsapp", false, false),
        ("omni-email", false, false),
        ("chatà", true, false),
    ] {
        let has = Reading::ALL.map(|reading| reading.has(type_interaction));
        assert_eq!(has, [true, voice, inbound], "{type_interaction}");
    }
}

#[test]
fn differences_of_several_skills_do_not_make_up_for_each_other() {
    let account = account(&[("1", "inbound", 20), ("2", "inbound", 20)]);
    let agrees = |one, two| compare(&account, &theirs(&[("1", one), ("2", two)])).agrees_with().unwrap().len();
    assert_eq!(agrees(21, 18), 3, "three calls apart");
    assert_eq!(agrees(22, 18), 0);
}

#[test]
fn what_can_t_be_compared_says_why() {
    let mut account =
        account(&[("1", "inbound", 1), ("unknown", "inbound", 9), (OTHER, OTHER, 9), ("5", "inbound", 2)]);
    account.days.leave_out(date(DAY), &"4".into());
    account.days.could_not_count(range_of(date(DAY)), 2);
    let unreadable = vendor_totals::row(&[("skill_id".into(), "5".into()), ("abandon_calls".into(), "many".into())]);
    let mut vendor = theirs(&[("1", 1), ("4", 3), ("6", 3)]);
    vendor.skills.extend(unreadable);
    let skills = Skills::Only(["1", "4", "5"].map(str::to_owned).into());
    let rules = Rules { skills, ..rules("America/Bogota") };
    let book = Book { kind: &ABANDONED, account: &account, rules: &rules };
    let day = Reconciled::new(&book, date(DAY), &vendor);
    let told: Vec<_> = day.skills.iter().filter_map(|(id, skill)| Some((&**id, skill.differences.err()?))).collect();
    let expected = [
        ("4", NotCompared::LeftOut),
        ("5", NotCompared::Unreadable),
        ("6", NotCompared::LeftOut),
        (OTHER, NotCompared::NoSkill),
        ("unknown", NotCompared::NoSkill),
    ];
    assert_eq!(told, expected);
    assert_eq!((by(&day, Reading::AllTypes), day.vendor_calls, day.uncounted_rows), (Vec::from([("1", 0)]), 1, 2));
    vendor.unreadable_rows = 1;
    let lacks = Reconciled::new(&book, date(DAY), &VendorTotals { skills: Default::default(), ..vendor });
    assert_eq!(lacks.agrees_with(), None, "a row of nobody knows which skill may be of any");
}

/// A reconciliation over both reports of Bogotá, and the books of one day.
struct Case {
    abandoned: Account,
    answered: Account,
    rules: [Rules; 2],
    reconciliation: Reconciliation,
}

impl Case {
    fn new(abandoned: &[(&str, &str, u64)]) -> Self {
        let rule = |hours: u64| Rules { overlap: Duration::from_secs(hours * 3_600), ..rules("America/Bogota") };
        let tenfold: Vec<_> = abandoned.iter().map(|(id, kind, calls)| (*id, *kind, 10 * calls)).collect();
        Self {
            abandoned: account(abandoned),
            answered: account(&tenfold),
            rules: [rule(1), rule(3)],
            reconciliation: Reconciliation::default(),
        }
    }

    fn books(&self) -> [Book<'_>; 2] {
        let [abandoned, answered] = &self.rules;
        [
            Book { kind: &ABANDONED, account: &self.abandoned, rules: abandoned },
            Book { kind: &ANSWERED, account: &self.answered, rules: answered },
        ]
    }

    fn due(&self, now: &str) -> Option<(Date, u64)> {
        self.due_after(false, now)
    }

    fn due_after(&self, waited: bool, now: &str) -> Option<(Date, u64)> {
        let (date, wait) = self.reconciliation.due(&self.books(), at(now), waited)?;
        Some((date, wait.as_secs()))
    }

    fn ended(&mut self, day: &str, now: &str, told: Result<&VendorTotals, Outcome>) {
        let mut after = self.reconciliation.clone();
        after.ended(date(day), at(now), told, &self.books());
        self.reconciliation = after;
    }

    fn compared(&self) -> Vec<(&str, usize)> {
        let reports = self.reconciliation.reports.iter();
        reports.filter_map(|(name, report)| Some((&**name, report.reconciled.as_ref()?.skills.len()))).collect()
    }
}

#[test]
fn a_day_is_due_when_all_that_was_late_has_been_asked_for() {
    let mut case = Case::new(&[]);
    assert_eq!(case.due("2026-03-05T07:59:59Z"), Some((date("2026-03-03"), 0)));
    assert_eq!(case.due("2026-03-05T08:00:00Z"), Some((date("2026-03-04"), 0)), "three hours after midnight");
    case.answered.marks.complete_until = at("2026-03-05T07:00:00Z");
    assert_eq!(case.due("2026-03-09T00:00:00Z"), Some((date("2026-03-03"), 0)), "one has not read so far");
    assert_eq!(case.due_after(true, "2026-03-05T09:00:00Z"), Some((date("2026-03-04"), 0)), "it was waited for");
    case.abandoned.marks.complete_until = at("2026-03-04T22:00:00Z");
    assert_eq!(case.due_after(true, "2026-03-09T00:00:00Z"), Some((date("2026-03-03"), 0)), "read no further");
    // Santiago's day of 25 hours.
    for rules in &mut case.rules {
        rules.zone = TimeZone::get("America/Santiago").unwrap();
    }
    for account in [&mut case.abandoned, &mut case.answered] {
        account.marks.complete_until = at("2026-04-06T00:00:00Z");
    }
    assert_eq!(case.due("2026-04-05T06:59:59Z"), Some((date("2026-04-03"), 0)));
    assert_eq!(case.due("2026-04-05T07:00:00Z"), Some((date("2026-04-04"), 0)));
}

#[test]
fn a_day_that_no_report_covers_is_not_asked_for() {
    let refused = |change: fn(&mut Account)| {
        let mut case = Case::new(&[]);
        [&mut case.abandoned, &mut case.answered].into_iter().for_each(change);
        case.due("2026-03-04T12:00:00Z").is_none()
    };
    assert!(!refused(|_| {}));
    assert!(refused(|account| account.marks.by_day_from = at("2026-03-03T05:00:01Z")));
    assert!(refused(|account| account
        .days
        .unread
        .note(Stretch { from: at("2026-03-03T15:00:00Z"), to: at("2026-03-03T15:00:01Z") })));
    let mut case = Case::new(&[("1", "inbound", 1)]);
    case.answered.days.unread.note(Stretch { from: at("2026-03-03T15:00:00Z"), to: at("2026-03-03T15:00:01Z") });
    assert_eq!(case.due("2026-03-04T12:00:00Z"), Some((date(DAY), 0)), "each report for itself");
    case.ended(DAY, "2026-03-04T12:00:00Z", Ok(&theirs(&[("1", 1)])));
    assert_eq!(case.compared(), [("abandoned", 1)]);
}

#[test]
fn a_call_that_failed_is_made_again_after_an_hour_and_one_that_did_not_is_not() {
    let mut case = Case::new(&[("1", "inbound", 7)]);
    case.ended(DAY, "2026-03-04T12:00:00Z", Err(Outcome::Timeout));
    assert_eq!(case.due("2026-03-04T12:10:00Z"), Some((date(DAY), 3_000)));
    assert_eq!(case.due("2026-03-04T13:00:00Z"), Some((date(DAY), 0)));
    assert_eq!(case.due("2026-03-04T11:00:00Z"), Some((date(DAY), 0)), "a clock that was put back");
    assert_eq!(case.due("2026-03-05T08:00:00Z"), Some((date("2026-03-04"), 0)), "the next one is due");
    case.ended(DAY, "2026-03-04T13:00:00Z", Ok(&theirs(&[("1", 7)])));
    assert_eq!((case.due("2026-03-04T23:00:00Z"), case.reconciliation.day), (None, Some(date(DAY))));
    assert_eq!(case.compared(), [("abandoned", 1), ("answered", 1)]);
    let polls = |outcome| case.reconciliation.totals.get(Total::Polls(outcome));
    assert_eq!([polls(Outcome::Timeout), polls(Outcome::Ok), polls(Outcome::Empty)], [1, 1, 0]);
}

#[test]
fn the_last_day_stays_while_the_next_one_can_t_be_compared() {
    let mut case = Case::new(&[("1", "inbound", 7)]);
    case.ended(DAY, "2026-03-04T12:00:00Z", Ok(&theirs(&[("1", 7)])));
    let before = case.reconciliation.clone();
    case.ended("2026-03-04", "2026-03-05T12:00:00Z", Err(Outcome::Malformed));
    assert_eq!((case.reconciliation.day, &case.reconciliation.reports), (Some(date(DAY)), &before.reports));
    // A report that doesn't cover the next one shows no difference of an older day beside it.
    case.answered.days.unread.note(Stretch { from: at("2026-03-04T15:00:00Z"), to: at("2026-03-04T15:00:01Z") });
    case.ended("2026-03-04", "2026-03-05T13:00:00Z", Ok(&theirs(&[("1", 0)])));
    assert_eq!((case.reconciliation.day, case.compared()), (Some(date("2026-03-04")), Vec::from([("abandoned", 1)])));
}

#[test]
fn nothing_is_no_number_where_calls_were_counted() {
    let nothing = VendorTotals::default();
    let mut case = Case::new(&[("1", "inbound", 7)]);
    case.ended(DAY, "2026-03-04T12:00:00Z", Ok(&nothing));
    assert_eq!((case.reconciliation.day, case.reconciliation.told_nothing_of()), (None, Some(date(DAY))));
    assert_eq!(case.due("2026-03-04T20:00:00Z"), None, "it is not asked for again");
    // Nor where nothing was counted, while nothing has shown that the report is there.
    case.ended("2026-03-04", "2026-03-05T12:00:00Z", Ok(&nothing));
    assert_eq!(case.reconciliation.day, None);
    case.ended(DAY, "2026-03-05T12:00:00Z", Ok(&theirs(&[("1", 7)])));
    case.ended("2026-03-04", "2026-03-05T12:00:00Z", Ok(&nothing));
    assert_eq!(
        (case.reconciliation.day, case.compared()),
        (Some(date("2026-03-04")), Vec::from([("abandoned", 0), ("answered", 0)]))
    );
    assert_eq!(case.reconciliation.told_nothing_of(), None);
    assert_eq!(case.reconciliation.reports["abandoned"].readings.days(), 1, "a day of nothing agrees with nothing");
}

#[test]
fn the_vendors_reading_is_the_one_that_agreed_on_most_days() {
    let mut readings = Readings::default();
    let mut note = |number: i64, agreed: &[Reading]| {
        let date = date(DAY) + SignedDuration::from_hours(24 * number);
        readings.note(date, Some(agreed.iter().copied().collect()));
        (readings.vendors(), readings.days())
    };
    assert_eq!(note(0, &[]), (None, 1), "a day that agrees with nothing");
    assert_eq!(note(1, &[Reading::InboundOnly]), (Some(Reading::InboundOnly), 2));
    assert_eq!(note(2, &[Reading::AllTypes]), (Some(Reading::AllTypes), 3), "the wider one of two");
    let last = (3..50).map(|number| note(number, &[Reading::Voice, Reading::InboundOnly])).last();
    assert_eq!(last, Some((Some(Reading::Voice), DAYS)));
    readings.note(date("2027-01-01"), None);
    assert_eq!(readings.on(date("2027-01-01")), None);
}
