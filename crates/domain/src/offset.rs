use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::identity::RowId;
use super::row::Row;
use super::zone::instant_of;

/// Offsets are told to the quarter hour; no zone in use has a finer one.
const QUARTER: i64 = 900;

/// No zone is further from UTC: 12 hours behind it at sea, and 14 ahead in Kiribati.
const OFFSETS: RangeInclusive<i64> = -12 * 3_600..=14 * 3_600;

/// How much earlier than its call's begin a `date` may seem, for the two come from different clocks.
const CLOCK_DIFFERENCE: i64 = 60;

/// Fewer rows say nothing: one of them may have waited for longer than a quarter of an hour.
const ROWS_TO_JUDGE: usize = 5;

/// Only the latest rows count, so that a change of daylight saving time is noticed within a few windows.
const ROWS_KEPT: usize = 99;

/// The report's offset from UTC, worked out from voice calls: their `conn_id` holds the UTC second at which the leg
/// began, and their `date` is the local time of the hang-up, rarely more than some minutes later.
#[derive(Debug, Default)]
pub struct OffsetObserver {
    rows: VecDeque<Observed>,
    ids: BTreeSet<RowId>,
    known: Option<Observation>,
}

#[derive(Debug)]
struct Observed {
    id: RowId,
    offset: i64,
    configured: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// Seconds east of UTC.
    pub offset: i64,
    /// Whether the configured zone says otherwise.
    pub mismatch: bool,
}

impl OffsetObserver {
    /// Looks at the rows of an answer; those seen before are left out.
    pub fn observe<'a>(&mut self, rows: impl IntoIterator<Item = &'a Row>, zone: &TimeZone) {
        for row in rows {
            let Some(observed) = observed(row, zone) else { continue };
            if self.ids.insert(row.id) {
                self.rows.push_back(observed);
            }
            if self.rows.len() > ROWS_KEPT
                && let Some(oldest) = self.rows.pop_front()
            {
                self.ids.remove(&oldest.id);
            }
        }
        // Long waits and odd rows are a minority; where there is no majority, nothing new is known.
        if self.rows.len() >= ROWS_TO_JUDGE
            && let Some(offset) = self.majority(|row| row.offset)
            && let Some(difference) = self.majority(|row| row.offset - row.configured)
        {
            self.known = Some(Observation { offset, mismatch: difference != 0 });
        }
    }

    /// `None` until enough rows have been seen.
    pub fn known(&self) -> Option<Observation> {
        self.known
    }

    /// The value that more than half of the rows have.
    fn majority(&self, value: impl Fn(&Observed) -> i64) -> Option<i64> {
        let values: Vec<i64> = self.rows.iter().map(value).collect();
        let times = |wanted: i64| values.iter().filter(|&&value| value == wanted).count();
        values.iter().copied().find(|&value| times(value) * 2 > values.len())
    }
}

fn observed(row: &Row, zone: &TimeZone) -> Option<Observed> {
    let offset = told_offset(row.date, row.began?, row.waited)?;
    let at = instant_of(zone, row.date, row.began)?;
    let configured = i64::from(zone.to_offset(at).seconds()).div_euclid(QUARTER) * QUARTER;
    Some(Observed { id: row.id, offset, configured })
}

/// The offset from UTC by which `date` is the end of a call that `began` then, to the quarter hour; `None` where no zone has it:
/// one of the two is wrong then, and nothing is known from them.
pub fn told_offset(date: DateTime, began: Timestamp, waited: Option<f64>) -> Option<i64> {
    let date_as_utc = Offset::UTC.to_timestamp(date).ok()?.as_second();
    // Of the time from begin to hang-up the wait is known; what is left is a menu or a transfer.
    let waited = waited.map_or(0, |seconds| seconds as i64);
    let difference = date_as_utc.saturating_sub(began.as_second()).saturating_sub(waited);
    let offset = difference.saturating_add(CLOCK_DIFFERENCE).div_euclid(QUARTER).saturating_mul(QUARTER);
    OFFSETS.contains(&offset).then_some(offset)
}

/// Of the zones in which wolkvox has customers, those whose offset at `now` is the observed one.
pub fn zones_that_fit(observation: Observation, now: Timestamp) -> Vec<&'static str> {
    const ZONES: [&str; 20] = [
        "America/Bogota",
        "America/Mexico_City",
        "America/Lima",
        "America/Guayaquil",
        "America/Panama",
        "America/Santiago",
        "America/Argentina/Buenos_Aires",
        "America/Caracas",
        "America/La_Paz",
        "America/Asuncion",
        "America/Montevideo",
        "America/Sao_Paulo",
        "America/Santo_Domingo",
        "America/Costa_Rica",
        "America/Guatemala",
        "America/Tijuana",
        "America/New_York",
        "America/Los_Angeles",
        "Europe/Madrid",
        "UTC",
    ];
    let fits = |name: &&str| {
        TimeZone::get(name).is_ok_and(|zone| i64::from(zone.to_offset(now).seconds()) == observation.offset)
    };
    ZONES.into_iter().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{RowContent, RowHasher};
    use alloc::string::ToString as _;
    use alloc::vec;
    use core::time::Duration;

    /// A voice call that hung up at `hang_up` after `seconds`, as a report in `zone` tells it.
    fn row(zone: &str, hang_up: &str, seconds: u64) -> Row {
        let hang_up: Timestamp = hang_up.parse().unwrap();
        Row {
            id: RowHasher::new([0; 16]).hash("row", [hang_up.to_string().as_str(), seconds.to_string().as_str()]),
            content: RowContent(0),
            date: TimeZone::get(zone).unwrap().to_datetime(hang_up),
            began: Some(hang_up - Duration::from_secs(seconds)),
            skill_id: "1".into(),
            skill_name: None,
            type_interaction: "inbound".into(),
            counts: true,
            unknown_result: None,
            waited: None,
        }
    }

    fn observation(configured: &str, rows: &[Row]) -> Option<Observation> {
        let mut observer = OffsetObserver::default();
        observer.observe(rows, &TimeZone::get(configured).unwrap());
        observer.known()
    }

    fn some_calls(zone: &str) -> Vec<Row> {
        let waits = [0, 10, 54, 89, 300, 899, 2_400];
        waits.iter().map(|&seconds| row(zone, "2026-07-18T19:34:31Z", seconds)).collect()
    }

    #[test]
    fn the_configured_zone_fits_in_spite_of_long_waits() {
        for zone in ["America/Bogota", "America/Santiago", "Europe/Madrid", "Australia/Lord_Howe", "Asia/Kathmandu"] {
            let observed = observation(zone, &some_calls(zone)).unwrap();
            assert!(!observed.mismatch, "{zone}: {observed:?}");
        }
    }

    #[test]
    fn another_zone_is_noticed_and_named() {
        let observed = observation("America/Bogota", &some_calls("America/Mexico_City")).unwrap();
        assert_eq!(observed, Observation { offset: -6 * 3_600, mismatch: true });
        let fits = zones_that_fit(observed, "2026-07-18T19:34:31Z".parse().unwrap());
        assert_eq!(fits, ["America/Mexico_City", "America/Costa_Rica", "America/Guatemala"]);
    }

    #[test]
    fn waits_of_half_an_hour_are_no_other_zone() {
        let mut calls: Vec<Row> =
            (0..20).map(|call| row("America/Bogota", "2026-07-18T19:34:31Z", 1_700 + call)).collect();
        calls.iter_mut().zip(1_690..).for_each(|(call, waited)| call.waited = Some(f64::from(waited)));
        let observed = observation("America/Bogota", &calls);
        assert_eq!(observed, Some(Observation { offset: -5 * 3_600, mismatch: false }));
    }

    #[test]
    fn odd_rows_are_outvoted() {
        let mut calls = some_calls("America/Bogota");
        // In place of the two that waited long.
        for call in &mut calls[5..] {
            call.began = Some(Timestamp::UNIX_EPOCH);
        }
        assert!(!observation("America/Bogota", &calls).unwrap().mismatch);
    }

    #[test]
    fn an_offset_that_no_zone_has_is_no_observation() {
        let right = some_calls("America/Bogota");
        // As many again as there are rows to look at, with a wrong epoch, a wait that is none, and one of tomorrow.
        let wrong = |began: &str, waited| {
            let rows = (0..200).map(|call| row("America/Bogota", "2026-07-18T19:34:31Z", 5_000 + call));
            let began = Some(began.parse().unwrap());
            rows.map(move |row| Row { began, waited, ..row }).collect::<Vec<_>>()
        };
        for wrong in [
            wrong("2017-07-14T02:40:00Z", None),
            wrong("2026-07-18T19:34:00Z", Some(1_000_000.0)),
            wrong("2026-07-19T19:34:00Z", None),
            wrong("2099-07-18T19:34:00Z", Some(10.0)),
            wrong("2099-07-18T19:34:00Z", Some(f64::MAX)),
            wrong("2017-07-14T02:40:00Z", Some(f64::MAX)),
        ] {
            assert_eq!(observation("America/Bogota", &wrong), None);
            let with_right = [wrong.as_slice(), &right, &wrong].concat();
            let told = Some(Observation { offset: -5 * 3_600, mismatch: false });
            assert_eq!(observation("America/Bogota", &with_right), told, "these say nothing, and those what they say");
        }
    }

    #[test]
    fn every_zone_has_an_offset_that_is_possible() {
        let mut seen = BTreeSet::new();
        for year in 2015..2040 {
            for month in [1, 7] {
                let date = jiff::civil::date(year, month, 15).at(12, 0, 0, 0);
                for name in jiff::tz::db().available() {
                    let zone = TimeZone::get(name.as_str()).unwrap();
                    let at = zone.to_timestamp(date).unwrap();
                    let offset = i64::from(zone.to_offset(at).seconds());
                    assert_eq!(told_offset(date, at, None), Some(offset), "{name:?} in {year}");
                    seen.insert(offset);
                }
            }
        }
        assert_eq!((seen.first(), seen.last()), (Some(OFFSETS.start()), Some(OFFSETS.end())));
    }

    #[test]
    fn a_few_rows_say_nothing() {
        assert_eq!(observation("America/Bogota", &some_calls("America/Bogota")[..4]), None);
        let the_same_row = vec![row("America/Bogota", "2026-07-18T19:34:31Z", 10); 20];
        assert_eq!(observation("America/Bogota", &the_same_row), None);
    }

    #[test]
    fn a_change_of_daylight_saving_time_is_no_mismatch() {
        let mut calls = some_calls("Europe/Madrid");
        calls.extend([0, 1, 2, 3, 4, 5, 6, 7].map(|wait| row("Europe/Madrid", "2026-12-18T19:34:31Z", wait)));
        assert_eq!(observation("Europe/Madrid", &calls), Some(Observation { offset: 3_600, mismatch: false }));
    }

    #[test]
    fn only_the_latest_rows_count() {
        let (bogota, mexico) = ("America/Bogota", "America/Mexico_City");
        let calls = |zone, from| (from..from + 60).map(move |wait| row(zone, "2026-07-18T19:34:31Z", wait));
        let mut observer = OffsetObserver::default();
        let configured = TimeZone::get(bogota).unwrap();
        let mut observe = |rows: Vec<Row>| {
            observer.observe(&rows, &configured);
            observer.known().map(|known| known.offset / 3_600)
        };
        assert_eq!(observe(calls(bogota, 0).collect()), Some(-5));
        // 39 of the older rows are left beside 60 newer ones.
        assert_eq!(observe(calls(mexico, 100).collect()), Some(-6));
    }

    #[test]
    fn half_of_the_rows_is_no_majority() {
        let mut calls: Vec<Row> = (0..4).map(|wait| row("America/Bogota", "2026-07-18T19:34:31Z", wait)).collect();
        calls.extend((10..14).map(|wait| row("America/Mexico_City", "2026-07-18T19:34:31Z", wait)));
        assert_eq!(observation("America/Bogota", &calls), None);
    }
}
