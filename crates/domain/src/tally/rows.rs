use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Change, Sighting, Sightings, Tally, Verdict};
use crate::disposition::{Disposition, RejectReason};
use crate::identity::Contents;
use crate::row::{ReadRow, Row};
use crate::series::{Series, SeriesKey};
use crate::totals::Total;
use crate::zone::{instant_of, told_instant_of};

/// A row dated less than this before it was read came fresh. Zones that differ are further apart, so an operation whose
/// zone is ahead of the report's sees no such row.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

impl Tally<'_> {
    /// The rows of one identity are looked at together, the identities in the order of the answer.
    pub fn rows(&mut self, seen: &Sightings) {
        let mut rows: Vec<_> = self.read.rows.iter().enumerate().collect();
        rows.sort_by_key(|(_, row)| row.id());
        let mut identities: Vec<_> = rows.chunk_by(|(_, one), (_, other)| one.id() == other.id()).collect();
        identities.sort_by_key(|rows| rows.first().map(|(place, _)| *place));
        for rows in identities {
            self.identity(rows, seen);
        }
    }

    /// One of the rows gets the disposition of all, the others are duplicates of it. If they were seen before, all are.
    fn identity(&mut self, rows: &[(usize, &ReadRow)], seen: &Sightings) {
        let Some((_, first)) = rows.first() else { return };
        let id = first.id();
        let earlier = seen.get(&id);
        let calls: Vec<_> = rows.iter().filter_map(|(_, row)| row.row()).collect();
        let looked_at = match first {
            ReadRow::Row(row) => self.calls(row, &calls, earlier),
            ReadRow::Rejected { reason, .. } => self.rejected(*reason, rows.len(), earlier),
        };
        let mut duplicates = rows.len();
        if let Some((disposition, after)) = looked_at {
            duplicates = duplicates.saturating_sub(1);
            self.account.totals.add_row(disposition);
            self.changes.push(Change { id, before: earlier.cloned(), after });
        }
        self.account.totals.add(Total::Rows(Disposition::Duplicate), duplicates as u64);
        self.summary.rows = self.summary.rows.saturating_add(rows.len() as u64);
    }

    fn rejected(
        &mut self,
        reason: RejectReason,
        rows: usize,
        earlier: Option<&Sighting>,
    ) -> Option<(Disposition, Sighting)> {
        self.summary.rejected = self.summary.rejected.saturating_add(rows as u64);
        if earlier.is_some() {
            return None;
        }
        self.account.days.could_not_count(self.read.asked, 1);
        // Its date is unknown; the end of the range is the last one it can have.
        let sighting = Sighting { date: self.read.asked.end, verdict: Verdict::Passed, contents: Contents::default() };
        Some((Disposition::Rejected(reason), sighting))
    }

    /// Looks at the rows of one identity, which have date and skill in common; `None` if nothing in them is new.
    fn calls(&mut self, first: &Row, rows: &[&Row], earlier: Option<&Sighting>) -> Option<(Disposition, Sighting)> {
        let inside = self.read.asked.contains(first.date);
        if inside {
            rows.iter().for_each(|row| self.names.note(row));
        }
        let place = self.place(first, inside);
        if let Err(Disposition::Rejected(_)) = place {
            self.summary.rejected = self.summary.rejected.saturating_add(rows.len() as u64);
        }
        let is_first_seen = earlier.is_none_or(|earlier| earlier.verdict == Verdict::OutOfRange);
        if is_first_seen {
            self.first_seen(first, inside);
        }
        let mut contents = match earlier {
            None => Contents::default(),
            Some(earlier) if earlier.verdict == Verdict::Counted || !inside => return None,
            Some(earlier) if earlier.verdict == Verdict::OutOfRange => Contents::default(),
            Some(earlier) if earlier.verdict == Verdict::BeforeStart && place != Err(Disposition::BeforeStart) => {
                Contents::default()
            }
            Some(earlier) => earlier.contents.clone(),
        };
        let is_call = |row: &Row| place.is_ok() && row.counts;
        let is_new = |row: &Row| !contents.contains(row.content) && (is_call(row) || !contents.is_full());
        let new: Vec<_> = rows.iter().copied().filter(|row| is_new(row)).collect();
        if new.is_empty() {
            return None;
        }
        // The same one in any order.
        let call = new.iter().filter(|row| is_call(row)).min_by_key(|row| row.content);
        let (disposition, verdict) = match (place, call) {
            (Ok(at), Some(row)) => {
                self.count(row, at);
                (Disposition::Counted, Verdict::Counted)
            }
            (Ok(_), None) => (Disposition::OtherResult, Verdict::Passed),
            (Err(disposition @ Disposition::Rejected(RejectReason::Range)), _) => (disposition, Verdict::OutOfRange),
            (Err(disposition @ Disposition::BeforeStart), _) => (disposition, Verdict::BeforeStart),
            (Err(disposition), _) => {
                if disposition == Disposition::NotSelected && new.iter().any(|row| row.counts) {
                    self.account.days.leave_out(first.date.date(), &first.skill_id);
                }
                (disposition, Verdict::Passed)
            }
        };
        contents.extend(rows.iter().map(|row| row.content));
        // A row from outside is forgotten with the range, or a date in the year 9999 would be kept for ever.
        let date = first.date.clamp(self.read.asked.ini, self.read.asked.end);
        Some((disposition, Sighting { date, verdict, contents }))
    }

    /// The instant of a row that is counted if it is an abandoned call, or what it is instead.
    fn place(&mut self, row: &Row, inside: bool) -> Result<Timestamp, Disposition> {
        if !inside {
            return Err(Disposition::Rejected(RejectReason::Range));
        }
        let at = instant_of(&self.rules.zone, row.date, row.began).ok_or(Disposition::Rejected(RejectReason::Date))?;
        if self.read.server_now.duration_since(at).abs() < FRESH {
            self.fresh = self.fresh.max(Some(at));
        }
        if at < self.account.marks.start {
            return Err(Disposition::BeforeStart);
        }
        if !self.rules.skills.selects(&row.skill_id) {
            return Err(Disposition::NotSelected);
        }
        Ok(at)
    }

    /// Notes how late a row is. A read that reaches further than the last windows says nothing of that: the row may have
    /// been there for long. Nor does a date that occurs twice, of which nobody knows which it is: the row would seem an hour
    /// late, and refute the clock that is right.
    fn first_seen(&mut self, row: &Row, inside: bool) {
        let Some(at) = inside.then(|| told_instant_of(&self.rules.zone, row.date, row.began)).flatten() else { return };
        self.summary.newest = self.summary.newest.max(Some(at));
        self.summary.oldest = Some(self.summary.oldest.map_or(at, |oldest| oldest.min(at)));
        if self.before.marks.read_before && !self.read.catch_up {
            let lateness = Duration::try_from(self.read.server_now.duration_since(at)).unwrap_or_default();
            self.summary.lateness = self.summary.lateness.max(Some(lateness));
        }
    }

    fn count(&mut self, row: &Row, at: Timestamp) {
        let window_end = self.rules.windows.end_of(at);
        let late = window_end <= self.before.marks.windows_until;
        let number = self.add_to_series(row);
        self.account.days.count(row.date.date(), at, number, row.waited);
        self.summary.counted = self.summary.counted.saturating_add(1);
        if late {
            self.summary.late = self.summary.late.saturating_add(1);
            self.account.totals.add(Total::LateRows, 1);
        } else {
            let calls = self.account.recent.entry((at.as_second(), number)).or_default();
            *calls = calls.saturating_add(1);
        }
        if row.waited.is_none() {
            self.account.totals.add(Total::TimeUnreadable, 1);
        }
    }

    fn add_to_series(&mut self, row: &Row) -> u32 {
        let mut key = SeriesKey { skill_id: row.skill_id.clone(), type_interaction: row.type_interaction.clone() };
        if !self.account.series.contains_key(&key) && self.is_full() {
            self.account.totals.add(Total::SeriesOverflow, 1);
            self.account.days.leave_out(row.date.date(), &row.skill_id);
            key = SeriesKey::other();
        }
        let number = self.account.series.len() as u32;
        let series = self.account.series.entry(key).or_insert_with(|| Arc::new(Series::new(number, self.read.now)));
        let counts = &mut Arc::make_mut(series).counts;
        counts.calls = counts.calls.saturating_add(1);
        if let Some(seconds) = row.waited {
            counts.times.record(seconds);
        }
        series.number
    }

    fn is_full(&self) -> bool {
        let others = usize::from(self.account.series.contains_key(&SeriesKey::other()));
        self.account.series.len() - others >= self.rules.max_series
    }
}
