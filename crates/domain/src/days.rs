use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use jiff::civil::Date;
use jiff::{Span, Timestamp};

use super::range::CivilRange;
use super::unread::Unread;

/// Whole days that are kept beside the present one.
pub const DAYS_KEPT: i32 = 40;

/// Parts of an hour, for no zone of today has another offset than whole ones.
pub const QUARTER_SECONDS: i64 = 900;

/// Quarters of an hour are kept for so long before the cursor: a day and its first hour are shown, and the cursor may have
/// been ahead of the time by a day, as far as one clock alone takes it.
const QUARTERS_KEPT_SECONDS: i64 = 50 * 3_600;

/// Skills of a day that are remembered as left out: as many as `max_series` has by default.
const MOST_LEFT_OUT: usize = 2_000;

/// What has been counted, by local day and by quarter of an hour. It changes with the counters, in the same commit; a late
/// row changes the day that it belongs to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Days {
    /// By the date of the rows, as the report has it: no zone has a part in it.
    pub days: BTreeMap<Date, Arc<Day>>,
    /// The calls of a quarter of an hour, by the second of UTC that it begins with.
    pub quarters: BTreeMap<i64, u64>,
    pub unread: Unread,
}

/// One local day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Day {
    /// By series number.
    pub series: BTreeMap<u32, DayCounts>,
    /// Rows that are or may be of this day, and that could not be counted: unreadable ones, and those that were announced
    /// and never came.
    pub uncounted_rows: u64,
    /// The skills of which calls are not among `series`: they were outside `skills`, or counted as `__other__`.
    pub left_out: BTreeSet<Arc<str>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DayCounts {
    pub calls: u64,
    /// Those of them that have a time, and the sum of their times.
    pub timed: u64,
    pub seconds: f64,
}

impl DayCounts {
    pub fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.timed = self.timed.saturating_add(other.timed);
        self.seconds += other.seconds;
    }

    /// In seconds; `None` where no call has a time.
    pub fn mean(&self) -> Option<f64> {
        (self.timed > 0).then(|| self.seconds / self.timed as f64)
    }
}

impl Days {
    /// Counts a call of the series of that number, which waited so many seconds if that is known.
    pub fn count(&mut self, date: Date, at: Timestamp, number: u32, waited: Option<f64>) {
        let counts = self.day(date).series.entry(number).or_default();
        counts.add(DayCounts { calls: 1, timed: waited.is_some().into(), seconds: waited.unwrap_or_default() });
        let calls = self.quarters.entry(quarter_of(at)).or_default();
        *calls = calls.saturating_add(1);
    }

    /// Notes rows that are of one of the days of `range` and could not be counted.
    pub fn could_not_count(&mut self, range: CivilRange, rows: u64) {
        for date in range.ini.date().series(Span::new().days(1)).take_while(|date| *date <= range.end.date()) {
            let uncounted = &mut self.day(date).uncounted_rows;
            *uncounted = uncounted.saturating_add(rows);
        }
    }

    /// Notes a call of a skill that is not counted as its own.
    pub fn leave_out(&mut self, date: Date, skill_id: &Arc<str>) {
        let day = self.day(date);
        if day.left_out.len() < MOST_LEFT_OUT || day.left_out.contains(skill_id) {
            day.left_out.insert(skill_id.clone());
        } else {
            day.uncounted_rows = day.uncounted_rows.saturating_add(1);
        }
    }

    /// Forgets the days before `oldest`, and the quarters that are too old where the cursor is at `cursor`.
    pub fn forget_before(&mut self, oldest: Date, cursor: Timestamp) {
        if self.days.first_key_value().is_some_and(|(date, _)| *date < oldest) {
            self.days = self.days.split_off(&oldest);
        }
        let kept_from = cursor.as_second().saturating_sub(QUARTERS_KEPT_SECONDS);
        if self.quarters.first_key_value().is_some_and(|(quarter, _)| *quarter < kept_from) {
            self.quarters = self.quarters.split_off(&kept_from);
        }
    }

    fn day(&mut self, date: Date) -> &mut Day {
        Arc::make_mut(self.days.entry(date).or_default())
    }
}

fn quarter_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(QUARTER_SECONDS).saturating_mul(QUARTER_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_mean_is_of_the_calls_that_have_a_time() {
        let mut days = Days::default();
        let today = date(2026, 3, 2);
        for waited in [Some(10.0), None, Some(20.0)] {
            days.count(today, Timestamp::from_second(899).unwrap(), 7, waited);
        }
        assert_eq!(days.quarters, BTreeMap::from([(0, 3)]));
        let counts = days.days[&today].series[&7];
        assert_eq!((counts.calls, counts.mean()), (3, Some(15.0)));
        assert_eq!(DayCounts { calls: 3, ..DayCounts::default() }.mean(), None);
    }

    #[test]
    fn more_skills_than_there_is_room_for_are_rows_that_were_not_counted() {
        let mut days = Days::default();
        let today = date(2026, 3, 2);
        for skill in (0..MOST_LEFT_OUT).chain([0, 9_999, 1]) {
            days.leave_out(today, &std::format!("{skill}").as_str().into());
        }
        assert_eq!((days.days[&today].left_out.len(), days.days[&today].uncounted_rows), (MOST_LEFT_OUT, 1));
    }

    #[test]
    fn a_row_without_a_date_may_be_of_each_day_that_was_asked_for() {
        let mut days = Days::default();
        let at = |day, hour| date(2026, 3, day).at(hour, 0, 0, 0);
        days.could_not_count(CivilRange { ini: at(1, 23), end: at(3, 0) }, 2);
        assert!([1, 2, 3].iter().all(|day| days.days[&date(2026, 3, *day)].uncounted_rows == 2));
        assert_eq!(days.days.len(), 3);
    }
}
