use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Duration;

use domain::instant::{earlier, later};
use domain::range::Stretch;
use domain::zone::{civil_range, day_stretch, differences, instant_of, reads_from};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Calls in any zone, a line each: the zone's number, an instant at which a read begins and the seconds that it is long,
/// the seconds from there to the call's end and those that the caller waited. Panics where the read would not ask for the
/// call, where its date is taken for an instant that has another, and where a later read could still ask for it.
pub fn dates(lines: &[u8]) {
    for line in String::from_utf8_lossy(lines).lines().take(MOST_LINES) {
        let mut numbers: VecDeque<i64> = line.split_whitespace().map_while(|number| number.parse().ok()).collect();
        let mut next = |usual: i64| numbers.pop_front().unwrap_or(usual);
        let zone = &ZONES[next(0).rem_euclid(ZONES.len() as i64) as usize];
        let from = next(1_768_766_400);
        // A row may have any date at all; reads are of this age.
        let date = zone.to_datetime(instant(from));
        let _ = (instant_of(zone, date, None), reads_from(zone, date), day_stretch(zone, date.date()));
        let from = instant(from.rem_euclid(END_OF_AGE));
        let length = next(300).rem_euclid(LONGEST) + 1;
        let ended = later(from, seconds(next(0).rem_euclid(length)));
        let read = Stretch { from, to: later(from, seconds(length)) };
        let began = earlier(ended, seconds(next(0).rem_euclid(86_400)));
        call(zone, read, ended, began);
        let other = &ZONES[next(1).rem_euclid(ZONES.len() as i64) as usize];
        let difference = zone.to_offset(ended).seconds() - other.to_offset(ended).seconds();
        assert!(differences(zone, other, read).contains(&difference), "{difference} at {ended}");
    }
}

/// All of a day's calls would be no other test.
const MOST_LINES: usize = 16;

/// In 2100 no `Date` is believed any more.
const END_OF_AGE: i64 = 4_102_444_800;

/// The longest range of the API.
const LONGEST: i64 = 31 * 86_400;

static ZONES: LazyLock<Vec<TimeZone>> = LazyLock::new(|| {
    let zones = jiff::tz::db().available();
    zones.map(|name| TimeZone::get(name.as_str()).expect("it is available")).collect()
});

fn call(zone: &TimeZone, read: Stretch, ended: Timestamp, began: Timestamp) {
    let date = zone.to_datetime(ended);
    let name = zone.iana_name().unwrap_or("?");
    let asked = civil_range(zone, read);
    assert!(asked.contains(date), "{name}: {date} is not in {asked}");
    for began in [None, Some(began)] {
        let Some(taken) = instant_of(zone, date, began) else { panic!("{name}: {date} is no instant") };
        assert_eq!(zone.to_datetime(taken), date, "{name}: {taken} has another date");
        assert!(taken <= ended, "{name}: {date} was {ended}, taken for {taken}");
        // A call that began after the first pass of its date ended in the second one.
        assert!(taken == ended || began.is_none_or(|began| began <= taken), "{name}: {date} is {ended}, not {taken}");
    }
    let Some(gone) = reads_from(zone, date) else { panic!("{name}: {date} is no instant") };
    assert!(ended <= gone, "{name}: {date} was {ended}, after {gone}");
    let next = civil_range(zone, Stretch { from: later(gone, seconds(1)), to: later(read.to.max(gone), seconds(2)) });
    assert!(date < next.ini, "{name}: {date} comes again with {next}");
    if let Some(day) = day_stretch(zone, date.date()) {
        assert!(day.from <= ended && ended < day.to, "{name}: {ended} is not in its day {day:?}");
    }
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.unsigned_abs())
}

/// The nearest that there is.
fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
