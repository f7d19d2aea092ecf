use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use super::account::Account;
use super::days::{DAYS_KEPT, DayCounts};
use super::instant::shifted;
use super::range::Stretch;
use super::series::SeriesKey;
use super::zone::day_stretch;

/// How many hours are shown, the present one included.
const HOURS_SHOWN: usize = 24;

/// How much of a stretch has been counted by day: nothing that lies outside is known, however many calls there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// The part that counting by day has passed; `None` where there is none.
    pub counted: Option<Stretch>,
    /// Seconds of that part that were never read.
    pub unread: u64,
    is_whole: bool,
}

impl Coverage {
    /// Whether all of the stretch was read.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }
}

/// The calls of one local hour (or of what a change of daylight saving time leaves of one).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hour {
    pub stretch: Stretch,
    pub calls: u64,
    pub coverage: Coverage,
}

impl Account {
    pub fn coverage(&self, stretch: Stretch) -> Coverage {
        let from = stretch.from.max(self.marks.by_day_from);
        let to = stretch.to.min(self.marks.complete_until);
        let counted = (from < to).then_some(Stretch { from, to });
        let unread = counted.map_or(0, |counted| self.days.unread.within(counted));
        Coverage { counted, unread, is_whole: unread == 0 && counted == Some(stretch) }
    }

    /// The calls of a local day by skill, of the types of interaction that `counts` says.
    pub fn day_by_skill(&self, date: Date, counts: impl Fn(&str) -> bool) -> BTreeMap<Arc<str>, DayCounts> {
        let mut skills: BTreeMap<Arc<str>, DayCounts> = BTreeMap::new();
        let Some(day) = self.days.days.get(&date) else { return skills };
        for (SeriesKey { skill_id, type_interaction }, series) in &self.series {
            if let Some(of_day) = day.series.get(&series.number).filter(|_| counts(type_interaction)) {
                skills.entry(skill_id.clone()).or_default().add(*of_day);
            }
        }
        skills
    }

    /// The last hours, the oldest first: the last one is that which `now` is in.
    pub fn last_hours(&self, zone: &TimeZone, now: Timestamp) -> Vec<Hour> {
        let mut hours = Vec::with_capacity(HOURS_SHOWN);
        let mut from = hour_of(zone, now);
        let mut to = shifted(from, SignedDuration::from_hours(1));
        while hours.len() < HOURS_SHOWN {
            let stretch = Stretch { from, to };
            let quarters = self.days.quarters.range(from.as_second()..to.as_second());
            let calls = quarters.fold(0u64, |sum, (_, calls)| sum.saturating_add(*calls));
            hours.push(Hour { stretch, calls, coverage: self.coverage(stretch) });
            to = from;
            from = hour_of(zone, shifted(from, -SignedDuration::from_secs(1)));
        }
        hours.reverse();
        hours
    }

    /// Forgets the days that are older than is kept.
    pub(crate) fn forget_days(&mut self, zone: &TimeZone) {
        let cursor = self.marks.complete_until;
        let today = zone.to_datetime(cursor).date();
        let Ok(oldest) = today.checked_sub(Span::new().days(DAYS_KEPT)) else { return };
        let Some(kept) = day_stretch(zone, oldest) else { return };
        self.days.forget_before(oldest, cursor);
        let known_from = self.days.unread.forget(kept.from);
        self.marks.by_day_from = self.marks.by_day_from.max(known_from);
    }
}

/// The beginning of the local hour that `at` is in.
fn hour_of(zone: &TimeZone, at: Timestamp) -> Timestamp {
    let local = zone.to_datetime(at);
    let into = i64::from(local.minute()) * 60 + i64::from(local.second());
    shifted(Timestamp::from_second(at.as_second()).unwrap_or(at), SignedDuration::from_secs(-into))
}

#[cfg(test)]
mod tests;
