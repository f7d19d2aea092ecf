use core::ops::RangeInclusive;
use core::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::instant::earlier;
use super::range::{CivilRange, Stretch};

/// The local range that covers `stretch`: the earliest and the latest local time that occur in it.
///
/// Where a clock is put back inside the stretch, its local times are not in order; taking those of its ends would ask
/// for a range that ends before it begins. Its end is then the second after the last of the first pass: if the API leaves
/// `date_end` out, that last second would otherwise come with no read of the hour that follows. Where a clock is put
/// forward, the range spans an hour that never was, which asks for nothing.
pub fn civil_range(zone: &TimeZone, stretch: Stretch) -> CivilRange {
    let last = earlier(stretch.to, Duration::from_secs(1));
    let mut range = CivilRange { ini: zone.to_datetime(stretch.from), end: zone.to_datetime(last) };
    for transition in zone.following(stretch.from) {
        let at = transition.timestamp();
        if at > last {
            break;
        }
        range.ini = range.ini.min(zone.to_datetime(at));
        let first_pass = zone.to_datetime(earlier(at, Duration::from_secs(1)));
        range.end = range.end.max(first_pass.saturating_add(Duration::from_secs(1)));
    }
    range
}

/// The instant of a row's local `date`; `None` only at the ends of the calendar.
///
/// A local time that occurs twice is of the second pass if the call's leg began after the first one (`began`, from the
/// epoch in `conn_id`), for nobody hangs up before calling. Without an epoch it is taken as of the first pass. A local
/// time that never was is read with the offset before the gap, as RFC 5545 does.
pub fn instant_of(zone: &TimeZone, date: DateTime, began: Option<Timestamp>) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(date);
    match ambiguous.offset() {
        AmbiguousOffset::Fold { before, after } => {
            let first = before.to_timestamp(date).ok()?;
            let second = after.to_timestamp(date).ok()?;
            Some(if began.is_some_and(|began| began > first) { second } else { first })
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => ambiguous.compatible().ok(),
    }
}

/// The same where it is known, so that it is evidence of the time: a local time that occurs twice tells only with the epoch of
/// the call (`began`).
pub fn told_instant_of(zone: &TimeZone, date: DateTime, began: Option<Timestamp>) -> Option<Timestamp> {
    let is_twice = || matches!(zone.to_ambiguous_timestamp(date).offset(), AmbiguousOffset::Fold { .. });
    // Most rows have an epoch, and an answer has many: the zone is asked once for these.
    if began.is_none() && is_twice() { None } else { instant_of(zone, date, began) }
}

/// The instant from which on no read asks for a date before `date`: the last one that has this date, or that has come to a
/// later one.
pub fn reads_from(zone: &TimeZone, date: DateTime) -> Option<Timestamp> {
    comes_to(zone, date).map(|[_, last]| last)
}

/// The instant before which there is no `date`, and none after it: the first one that has this date, or a later one.
pub fn first_at(zone: &TimeZone, date: DateTime) -> Option<Timestamp> {
    comes_to(zone, date).map(|[first, _]| first)
}

/// The first and the last instant at which a clock comes to `date`, or puts it behind itself without ever showing it.
fn comes_to(zone: &TimeZone, date: DateTime) -> Option<[Timestamp; 2]> {
    let ambiguous = zone.to_ambiguous_timestamp(date);
    let [first, last] = [ambiguous.earlier().ok()?, ambiguous.later().ok()?];
    if !matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
        return Some([first, last]);
    }
    // The clock is put forward between the two, or with the later one.
    let change = zone.following(first).next()?.timestamp();
    Some([change; 2])
}

/// A local day: from the first instant that can have its date to the last one, which overlaps with the next day's where the
/// clock is put back over midnight. `None` only at the ends of the calendar.
pub fn day_stretch(zone: &TimeZone, date: Date) -> Option<Stretch> {
    let from = first_at(zone, date.at(0, 0, 0, 0))?;
    let to = reads_from(zone, date.tomorrow().ok()?.at(0, 0, 0, 0))?;
    Some(Stretch { from, to })
}

/// The least and the most seconds that the clocks of `one` are ahead of those of `other` during `stretch`, its end
/// included.
pub fn differences(one: &TimeZone, other: &TimeZone, stretch: Stretch) -> RangeInclusive<i32> {
    let difference = |at| one.to_offset(at).seconds() - other.to_offset(at).seconds();
    let mut range = difference(stretch.from)..=difference(stretch.from);
    for zone in [one, other] {
        let changes = zone.following(stretch.from).map(|change| change.timestamp());
        for at in changes.take_while(|&at| at < stretch.to).chain([stretch.to]) {
            range = *range.start().min(&difference(at))..=*range.end().max(&difference(at));
        }
    }
    range
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString as _};
    use alloc::vec::Vec;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn asked(zone: &str, from: &str, to: &str) -> String {
        let zone = TimeZone::get(zone).unwrap();
        civil_range(&zone, Stretch { from: at(from), to: at(to) }).to_string()
    }

    #[test]
    fn a_stretch_is_asked_in_local_time_up_to_its_last_second() {
        assert_eq!(
            asked("America/Bogota", "2026-01-18T19:30:00Z", "2026-01-18T19:35:00Z"),
            "2026-01-18 14:30:00 to 2026-01-18 14:34:59"
        );
    }

    // Santiago puts its clock back at 24:00 of 4 April 2026 (03:00 UTC), from -3 to -4.
    #[test]
    fn a_stretch_over_a_fold_covers_both_passes() {
        assert_eq!(
            asked("America/Santiago", "2026-04-05T02:50:00Z", "2026-04-05T03:05:00Z"),
            "2026-04-04 23:00:00 to 2026-04-05 00:00:00"
        );
    }

    #[test]
    fn a_stretch_that_ends_with_the_first_second_of_a_fold_covers_the_pass_before() {
        assert_eq!(
            asked("Europe/Madrid", "2026-10-25T00:50:00Z", "2026-10-25T01:00:01Z"),
            "2026-10-25 02:00:00 to 2026-10-25 03:00:00"
        );
    }

    #[test]
    fn a_stretch_over_half_an_hour_of_fold_covers_both_passes() {
        // Lord Howe Island: from +11 to +10:30 at 15:00 UTC of 4 April 2026.
        assert_eq!(
            asked("Australia/Lord_Howe", "2026-04-04T14:55:00Z", "2026-04-04T15:05:00Z"),
            "2026-04-05 01:30:00 to 2026-04-05 02:00:00"
        );
    }

    #[test]
    fn a_stretch_over_a_gap_asks_across_it() {
        assert_eq!(
            asked("Europe/Madrid", "2026-03-29T00:55:00Z", "2026-03-29T01:05:00Z"),
            "2026-03-29 01:55:00 to 2026-03-29 03:04:59"
        );
    }

    #[test]
    fn an_ambiguous_time_is_placed_by_the_epoch_and_else_in_the_first_pass() {
        let zone = TimeZone::get("America/Santiago").unwrap();
        let date = jiff::civil::date(2026, 4, 4).at(23, 30, 0, 0);
        let (first, second) = (at("2026-04-05T02:30:00Z"), at("2026-04-05T03:30:00Z"));
        assert_eq!(instant_of(&zone, date, None), Some(first));
        assert_eq!(instant_of(&zone, date, Some(at("2026-04-05T02:28:00Z"))), Some(first));
        assert_eq!(instant_of(&zone, date, Some(first)), Some(first), "a call of no time");
        assert_eq!(instant_of(&zone, date, Some(at("2026-04-05T03:28:00Z"))), Some(second));
    }

    #[test]
    fn no_read_from_then_on_asks_for_an_earlier_date() {
        let madrid = TimeZone::get("Europe/Madrid").unwrap();
        let twice = jiff::civil::date(2026, 10, 25).at(2, 30, 0, 0);
        assert_eq!(reads_from(&madrid, twice), Some(at("2026-10-25T01:30:00Z")));
        let never = jiff::civil::date(2026, 3, 29).at(2, 30, 0, 0);
        assert_eq!(reads_from(&madrid, never), Some(at("2026-03-29T01:00:00Z")), "the next one is 03:00");
    }

    #[test]
    fn all_that_is_dated_then_or_later_is_behind_the_first_instant_and_nothing_earlier_is_behind_the_last() {
        for (name, from) in [
            ("America/Santiago", "2026-09-06T01:00:00Z"),
            ("Europe/Madrid", "2026-03-28T22:00:00Z"),
            ("Europe/Madrid", "2026-10-24T22:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T12:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-03T12:00:00Z"),
            ("America/Bogota", "2026-10-03T12:00:00Z"),
        ] {
            let zone = TimeZone::get(name).unwrap();
            // Every quarter, and the seconds beside it.
            let quarters = (0..28).flat_map(|quarter| [-1, 0, 1].map(|second| quarter * 900 + second));
            let instants: Vec<_> = quarters.map(|second| at(from) + jiff::SignedDuration::from_secs(second)).collect();
            let dates = (0..28).flat_map(|quarter| [-1, 0, 1].map(|second| quarter * 900 + second));
            let begin = zone.to_datetime(at(from));
            for date in dates.map(|second| begin + jiff::SignedDuration::from_secs(second)) {
                let [first, last] = [first_at(&zone, date).unwrap(), reads_from(&zone, date).unwrap()];
                for &instant in &instants {
                    let is_then_or_later = zone.to_datetime(instant) >= date;
                    assert!(!is_then_or_later || instant >= first, "{name}: {instant} is before {first}, of {date}");
                    assert!(is_then_or_later || instant < last, "{name}: {instant} is not before {last}, of {date}");
                }
            }
        }
    }

    #[test]
    fn zones_are_compared_at_the_ends_of_a_stretch_and_at_each_change_within() {
        let compared = |one, other, from: &str, to: &str| {
            let zone = |name| TimeZone::get(name).unwrap();
            differences(&zone(one), &zone(other), Stretch { from: at(from), to: at(to) })
        };
        let (january, june, december) = ("2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-12-01T00:00:00Z");
        assert_eq!(compared("Europe/Madrid", "UTC", january, january), 3_600..=3_600);
        assert_eq!(compared("Europe/Madrid", "UTC", january, june), 3_600..=7_200);
        assert_eq!(compared("Africa/Lagos", "Europe/Madrid", january, december), -3_600..=0);
        assert_eq!(compared("America/Bogota", "America/Lima", january, december), 0..=0);
    }
}
