use alloc::string::{String, ToString as _};
use alloc::vec;
use core::time::Duration;

use super::*;
use crate::window::Windows;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// Has counted everything from `from` to `until`.
fn account(from: &str, until: &str) -> Account {
    let mut account = Account::new(&Windows::new(Duration::from_secs(300), Duration::ZERO), at(from));
    account.marks.complete_until = at(until);
    account
}

#[test]
fn what_lies_outside_is_not_known() {
    let mut account = account("2026-03-02T12:00:00Z", "2026-03-03T12:00:00Z");
    let coverage = |account: &Account, from: &str, to: &str| account.coverage(Stretch { from: at(from), to: at(to) });
    let counted = |from: &str, to: &str| Some(Stretch { from: at(from), to: at(to) });
    let before = coverage(&account, "2026-03-02T11:00:00Z", "2026-03-02T12:00:00Z");
    assert_eq!((before.counted, before.is_whole()), (None, false));
    let begun = coverage(&account, "2026-03-02T11:00:00Z", "2026-03-02T13:00:00Z");
    assert_eq!(begun.counted, counted("2026-03-02T12:00:00Z", "2026-03-02T13:00:00Z"));
    assert!(!begun.is_whole());
    assert!(coverage(&account, "2026-03-02T12:00:00Z", "2026-03-03T12:00:00Z").is_whole());
    assert!(!coverage(&account, "2026-03-02T12:00:00Z", "2026-03-03T12:00:01Z").is_whole());
    account.days.unread.note(Stretch { from: at("2026-03-02T14:00:00Z"), to: at("2026-03-02T14:30:00Z") });
    let holed = coverage(&account, "2026-03-02T13:00:00Z", "2026-03-02T14:10:00Z");
    assert_eq!((holed.unread, holed.is_whole()), (600, false));
    assert!(coverage(&account, "2026-03-02T14:30:00Z", "2026-03-02T15:00:00Z").is_whole());
    account.marks.by_day_from = at("2026-03-02T20:00:00Z");
    assert!(!coverage(&account, "2026-03-02T19:00:00Z", "2026-03-02T21:00:00Z").is_whole(), "counted before days were");
}

/// The local hours shown at `now` and how long each is, the latest ones.
fn hours(name: &str, now: &str, latest: usize) -> Vec<(String, i64)> {
    let account = account("2026-01-01T00:00:00Z", now);
    let zone = zone(name);
    let hours = account.last_hours(&zone, at(now));
    assert_eq!(hours.len(), 24);
    assert!(hours.windows(2).all(|pair| pair[0].stretch.to == pair[1].stretch.from), "no hole and no overlap");
    let told =
        |hour: &Hour| (zone.to_datetime(hour.stretch.from).strftime("%H:%M").to_string(), hour.stretch.seconds());
    hours.iter().skip(24 - latest).map(told).collect()
}

#[test]
fn hours_are_those_of_the_operation_also_where_its_clock_is_changed() {
    let hour = |text: &str| (text.to_string(), 3_600);
    assert_eq!(hours("Asia/Kolkata", "2026-03-02T12:00:00Z", 2), [hour("16:00"), hour("17:00")]);
    let repeated = ["22:00", "23:00", "23:00", "00:00"].map(hour);
    assert_eq!(hours("America/Santiago", "2026-04-05T04:59:59Z", 4), repeated);
    assert_eq!(hours("Europe/Madrid", "2026-03-29T01:30:00Z", 2), [hour("01:00"), hour("03:00")]);
    // Half an hour is put back: the hour before 02:00 begins at 01:30 of the first pass.
    let half = vec![hour("00:00"), ("01:00".to_string(), 1_800), hour("01:30"), hour("02:00")];
    assert_eq!(hours("Australia/Lord_Howe", "2026-04-04T15:45:00Z", 4), half);
}

#[test]
fn each_call_is_in_one_hour() {
    let mut account = account("2026-03-01T00:00:00Z", "2026-03-02T12:20:00Z");
    let kathmandu = zone("Asia/Kathmandu");
    for (number, second) in ["2026-03-02T12:14:59Z", "2026-03-02T12:15:00Z", "2026-03-02T11:15:00Z"].iter().zip(0..) {
        let at = at(number);
        account.days.count(kathmandu.to_datetime(at).date(), at, second, None);
    }
    let hours = account.last_hours(&kathmandu, at("2026-03-02T12:30:00Z"));
    let calls: Vec<_> = hours.iter().skip(21).map(|hour| (hour.calls, hour.coverage.is_whole())).collect();
    assert_eq!(calls, [(0, true), (2, true), (1, false)], "a quarter to seven is the hour from six on");
}
