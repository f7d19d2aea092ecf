use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use jiff::{SignedDuration, Timestamp, civil::DateTime};

use super::account::{Account, CatchUp, SkillName};
use super::disposition::{Disposition, RejectReason};
use super::identity::{RowContent, RowId};
use super::instant::earlier;
use super::range::{CivilRange, Stretch};
use super::row::{ReadRow, Row};
use super::rules::Rules;
use super::series::{Hold, Series, SeriesKey};
use super::totals::Total;
use super::zone::instant_of;

/// Identities are kept this much longer than the overlap asks for: no two zones are further apart, so that a corrected
/// `timezone` brings no row whose identity is gone.
const WIDEST_CHANGE_OF_ZONE: SignedDuration = SignedDuration::from_hours(26);

/// A row dated less than this before it was read came fresh. Zones that differ are further apart, so an operation whose
/// zone is ahead of the report's sees no such row.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

/// Identities are forgotten in steps, for each step looks through all of them.
const FORGET_STEP: SignedDuration = SignedDuration::from_hours(1);

/// A whole answer to be counted: every row of `stretch` that the API had at the time.
#[derive(Debug)]
pub struct Read {
    pub stretch: Stretch,
    /// `stretch` as it was asked for.
    pub asked: CivilRange,
    pub rows: Vec<ReadRow>,
    /// Rows that the answer announced, never delivered, and that are believed to be missing now.
    pub missing: u64,
    /// Up to here all is proven to be over: [`super::account::Marks::proven_until`].
    pub proven: Timestamp,
    /// Whether the poll found more than one window due.
    pub catch_up: bool,
    /// The end of the last window that was due when the poll began.
    pub due_end: Timestamp,
    /// The end of a stretch that is given up with this read, for being older than `max_catch_up`.
    pub skip_to: Option<Timestamp>,
    /// The time of the commit, by the host's clock.
    pub now: Timestamp,
    /// The same by the server's clock.
    pub server_now: Timestamp,
}

/// What an earlier read saw in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    pub verdict: Verdict,
    pub content: RowContent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Counted,
    /// Looked at, and not an abandoned call to count.
    Passed,
    /// Outside the range asked for; to be looked at when a read asks for it.
    OutOfRange,
    /// Dated before the start; to be looked at again, for in a corrected zone it may not be.
    BeforeStart,
}

/// The rows seen so far. Kept by the ledger, in the transaction that the account is stored in.
pub trait SeenRows {
    type Error;
    fn get(&mut self, id: RowId) -> Result<Option<Sighting>, Self::Error>;
    /// Keeps a row until [`SeenRows::forget_before`] is called with a later date than `date`.
    fn put(&mut self, id: RowId, date: DateTime, sighting: Sighting) -> Result<(), Self::Error>;
    fn forget_before(&mut self, date: DateTime) -> Result<(), Self::Error>;
}

/// Counts a read into `account`: each row gets exactly one disposition, each abandoned call is counted once, the cursor
/// moves to the end of the stretch, and identities that no read can bring again are forgotten.
pub fn tally<S: SeenRows>(account: &mut Account, rules: &Rules, read: &Read, seen: &mut S) -> Result<(), S::Error> {
    let mut tally = Tally { before: account.clone(), account, rules, read, names: BTreeMap::new(), fresh: None };
    if let Some(to) = read.skip_to {
        tally.account.give_up(to);
    }
    for row in &read.rows {
        let disposition = match row {
            ReadRow::Row(row) => tally.row(row, seen)?,
            ReadRow::Rejected { id, reason } => tally.rejected(*id, *reason, seen)?,
        };
        tally.account.totals.add_row(disposition);
    }
    tally.rename_skills();
    tally.account.totals.add(Total::RowsMissing, read.missing);
    tally.move_cursor();
    tally.forget(seen)
}

struct Tally<'a> {
    account: &'a mut Account,
    /// The account as it was before this read.
    before: Account,
    rules: &'a Rules,
    read: &'a Read,
    /// The most recent name of each skill in this answer.
    names: BTreeMap<Arc<str>, SkillName>,
    /// The newest row that came fresh.
    fresh: Option<Timestamp>,
}

impl Tally<'_> {
    fn rejected<S: SeenRows>(&self, id: RowId, reason: RejectReason, seen: &mut S) -> Result<Disposition, S::Error> {
        if seen.get(id)?.is_some() {
            return Ok(Disposition::Duplicate);
        }
        // Its date is unknown; the end of the range is the last one it can have.
        let sighting = Sighting { verdict: Verdict::Passed, content: RowContent(0) };
        seen.put(id, self.read.asked.end, sighting)?;
        Ok(Disposition::Rejected(reason))
    }

    fn row<S: SeenRows>(&mut self, row: &Row, seen: &mut S) -> Result<Disposition, S::Error> {
        let inside = self.read.asked.contains(row.date);
        if inside {
            self.note_name(row);
        }
        let judged = self.judge(row, inside);
        let again = seen.get(row.id)?.is_some_and(|earlier| match earlier.verdict {
            Verdict::Counted => true,
            Verdict::Passed => earlier.content == row.content,
            Verdict::OutOfRange => !inside,
            Verdict::BeforeStart => earlier.content == row.content && judged == Err(Disposition::BeforeStart),
        });
        if again {
            return Ok(Disposition::Duplicate);
        }
        let (disposition, verdict) = match judged {
            Ok(at) => {
                self.count(row, at);
                (Disposition::Counted, Verdict::Counted)
            }
            Err(disposition @ Disposition::Rejected(RejectReason::Range)) => (disposition, Verdict::OutOfRange),
            Err(disposition @ Disposition::BeforeStart) => (disposition, Verdict::BeforeStart),
            Err(disposition) => (disposition, Verdict::Passed),
        };
        // A row from outside is forgotten with the range, or a date in the year 9999 would be kept for ever.
        let date = row.date.clamp(self.read.asked.ini, self.read.asked.end);
        seen.put(row.id, date, Sighting { verdict, content: row.content })?;
        Ok(disposition)
    }

    /// The instant of an abandoned call to count, or what the row is instead.
    fn judge(&mut self, row: &Row, inside: bool) -> Result<Timestamp, Disposition> {
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
        if !row.abandoned {
            return Err(Disposition::OtherResult);
        }
        Ok(at)
    }

    fn count(&mut self, row: &Row, at: Timestamp) {
        let window_end = self.rules.windows.end_of(at);
        let late = window_end <= self.before.marks.windows_until;
        let number = self.add_to_series(row);
        if late {
            self.account.totals.add(Total::LateRows, 1);
        } else {
            *self.account.recent.entry((at.as_second(), number)).or_default() += 1;
        }
        if row.abandon_time.is_none() {
            self.account.totals.add(Total::AbandonTimeUnreadable, 1);
        }
    }

    fn add_to_series(&mut self, row: &Row) -> u32 {
        let mut key = SeriesKey { skill_id: row.skill_id.clone(), type_interaction: row.type_interaction.clone() };
        if !self.account.series.contains_key(&key) && self.is_full() {
            self.account.totals.add(Total::SeriesOverflow, 1);
            key = SeriesKey::other();
        }
        let number = self.account.series.len() as u32;
        let series = self.account.series.entry(key).or_insert_with(|| Arc::new(Series::new(number, self.read.now)));
        let counts = &mut Arc::make_mut(series).counts;
        counts.calls += 1;
        if let Some(seconds) = row.abandon_time {
            counts.times.record(seconds);
        }
        series.number
    }

    fn is_full(&self) -> bool {
        let others = usize::from(self.account.series.contains_key(&SeriesKey::other()));
        self.account.series.len() - others >= self.rules.max_series
    }

    fn note_name(&mut self, row: &Row) {
        let Some(name) = &row.skill_name else { return };
        let noted = self.names.entry(row.skill_id.clone());
        let said = SkillName { name: name.clone(), as_of: row.date };
        noted
            .and_modify(|noted| {
                // Two names in one second: which one comes last says nothing, for no order is promised.
                if (noted.as_of, &noted.name) < (said.as_of, &said.name) {
                    *noted = said.clone()
                }
            })
            .or_insert(said);
    }

    /// Takes over the names of this answer. A series whose skill has a new name is a new one to Prometheus: it is held
    /// at what it showed before.
    fn rename_skills(&mut self) {
        for (skill_id, said) in core::mem::take(&mut self.names) {
            let own = |key: &SeriesKey| key.skill_id == skill_id;
            if !self.account.series.keys().any(own) {
                continue;
            }
            let known = self.account.skills.get(&skill_id);
            // At the same second the known name stays: a read that repeats both would otherwise rename at each poll.
            if known.is_some_and(|known| known.as_of >= said.as_of) {
                continue;
            }
            let shown_name = known.map_or(&skill_id, |known| &known.name);
            if *shown_name != said.name {
                for (key, series) in self.account.series.iter_mut().filter(|(key, _)| own(key)) {
                    if let Some(earlier) = self.before.series.get(key) {
                        let shown = earlier.shown().clone();
                        Arc::make_mut(series).hold = Some(Hold { shown, since: self.read.now });
                    }
                }
            }
            self.account.skills.insert(skill_id, said);
        }
    }

    fn move_cursor(&mut self) {
        let windows = &self.rules.windows;
        let marks = &mut self.account.marks;
        marks.read_before = true;
        // A stretch that begins after the cursor would leave a hole behind it.
        if self.read.stretch.from <= marks.complete_until {
            marks.complete_until = marks.complete_until.max(self.read.stretch.to);
            marks.proven_until = marks.proven_until.max(self.read.proven.min(marks.complete_until));
        }
        if let Some(at) = self.fresh {
            marks.nothing_hidden_until = marks.nothing_hidden_until.max(at.min(marks.complete_until));
        }
        let completed = windows.ends_within(marks.windows_until, marks.complete_until);
        marks.windows_until = marks.windows_until.max(marks.complete_until);
        if self.read.catch_up || marks.catch_up == CatchUp::Behind {
            let current = marks.complete_until >= self.read.due_end;
            marks.catch_up = if current { CatchUp::Done(self.read.now) } else { CatchUp::Behind };
        }
        let gauge_from = earlier(windows.start_of(marks.windows_until), windows.interval());
        marks.recent_from = marks.recent_from.max(gauge_from);
        self.account.recent = self.account.recent.split_off(&(marks.recent_from.as_second(), 0));
        self.account.totals.add(Total::Windows, completed);
    }

    /// Forgets the rows that no read can bring again: those dated before the next read's beginning.
    fn forget<S: SeenRows>(&mut self, seen: &mut S) -> Result<(), S::Error> {
        let marks = &mut self.account.marks;
        let reach = SignedDuration::from_secs(self.rules.overlap.as_secs() as i64) + WIDEST_CHANGE_OF_ZONE;
        // The cursor may have to go back to where it is proven.
        let Ok(limit) = self.rules.zone.to_datetime(marks.proven_until).checked_sub(reach) else { return Ok(()) };
        if marks.kept_from.is_none_or(|kept_from| kept_from + FORGET_STEP <= limit) {
            marks.kept_from = Some(limit);
            seen.forget_before(limit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
