use std::sync::Arc;

use jiff::Timestamp;

use super::{Judge, equal, holds};
use crate::trace::Days;

/// Quarters of an hour are kept for at least so long before the cursor: a day of 25 hours is shown.
const QUARTERS_KEPT: i64 = 25 * 3_600;

impl Judge {
    /// What is kept of single days is what was counted, by the rows' own dates.
    pub(super) fn by_day(&mut self, days: &Arc<Days>) -> Result<(), String> {
        if self.days.as_ref().is_some_and(|last| Arc::ptr_eq(last, days)) {
            return Ok(());
        }
        self.days = Some(days.clone());
        let oldest = self.life().zone.to_datetime(days.from).date();
        let counted = self.counts.days.iter().filter(|((date, _), _)| *date >= oldest);
        let kept = days.calls.iter().filter(|((date, _), _)| *date >= oldest);
        holds(kept.clone().eq(counted.clone()), || {
            let differ = kept.clone().find(|(key, of_day)| self.counts.days.get(key) != Some(of_day));
            let lacks = counted.clone().find(|(key, _)| !days.calls.contains_key(key));
            format!("from {oldest} on the days have {differ:?} wrong, and lack {lacks:?}")
        })?;
        if self.cursor.may_be_ahead || self.was_in_doubt() {
            return Ok(());
        }
        let complete = self.last.as_ref().map_or(i64::MAX, |last| last.complete.as_second());
        let from = complete.saturating_sub(QUARTERS_KEPT);
        let kept = days.quarters.range(from..);
        let counted = self.counts.quarters.range(from..);
        holds(kept.clone().eq(counted.clone()), || {
            format!(
                "the quarters from {from} on have {:?}, and not {:?}",
                Vec::from_iter(kept),
                Vec::from_iter(counted)
            )
        })
    }

    /// What is said to have been counted by day was read: an answer has proven each second of it.
    pub(super) fn days_are_covered(&self, complete: Timestamp) -> Result<(), String> {
        let Some(days) = self.days.as_ref().filter(|_| self.all.zones_were_right && !self.was_in_doubt()) else {
            return Ok(());
        };
        let mut from = days.from;
        let instant = |second| Timestamp::from_second(second).unwrap();
        for (begin, end) in days.unread.iter().map(|&(begin, end)| (instant(begin), instant(end))) {
            equal(
                "seconds that a day is said to have and that were never read",
                self.cursor.never_read(from, begin)[0],
                0,
            )?;
            from = from.max(end);
        }
        equal(
            "seconds that a day is said to have and that were never read",
            self.cursor.never_read(from, complete)[0],
            0,
        )
    }
}
