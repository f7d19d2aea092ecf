use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use jiff::{SignedDuration, Timestamp, civil::DateTime};

use super::account::{Account, CatchUp, SkillName};
use super::disposition::{Disposition, RejectReason};
use super::gaps::Findings;
use super::identity::{Contents, RowId};
use super::instant::{earlier, later};
use super::range::{CivilRange, Stretch};
use super::row::{ReadRow, Row};
use super::rules::Rules;
use super::series::{Hold, Series, SeriesKey};
use super::summary::ReadSummary;
use super::totals::Total;
use super::zone::{instant_of, told_instant_of};

/// Identities are kept this much longer than the overlap asks for: no two zones are further apart, so that a corrected
/// `timezone` brings no row whose identity is gone.
const WIDEST_CHANGE_OF_ZONE: SignedDuration = SignedDuration::from_hours(26);

/// A row dated less than this before it was read came fresh. Zones that differ are further apart, so an operation whose
/// zone is ahead of the report's sees no such row.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

const SECOND: Duration = Duration::from_secs(1);

/// Identities are forgotten in steps, for each step looks through all of them.
const FORGET_STEP: SignedDuration = SignedDuration::from_hours(1);

/// A whole answer to be counted: every row of `stretch` that the API had at the time.
#[derive(Debug)]
pub struct Read {
    pub stretch: Stretch,
    /// `stretch` as it was asked for.
    pub asked: CivilRange,
    pub rows: Vec<ReadRow>,
    /// What the answer told of what the report doesn't deliver.
    pub findings: Findings,
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

/// What earlier reads saw in the rows of one identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Kept until rows before a later date are forgotten.
    pub date: DateTime,
    pub verdict: Verdict,
    pub contents: Contents,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Counted,
    /// Looked at, and not a call to count.
    Passed,
    /// Outside the range asked for; to be looked at when a read asks for it.
    OutOfRange,
    /// Dated before the start; to be looked at again, for in a corrected zone it may not be.
    BeforeStart,
}

/// What is kept of rows, by identity.
pub type Sightings = BTreeMap<RowId, Sighting>;

/// What counting a read leads to, beside the account. To be stored with it.
#[derive(Debug, PartialEq)]
pub struct Tallied {
    pub summary: ReadSummary,
    /// At most one for each identity.
    pub changes: Vec<Change>,
    /// Sightings with an earlier date are to be forgotten.
    pub forget_before: Option<DateTime>,
}

/// What is kept of an identity from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub id: RowId,
    pub before: Option<Sighting>,
    pub after: Sighting,
}

/// The identities in an answer, each once, in the order of the ledger.
pub fn identities(rows: &[ReadRow]) -> Vec<RowId> {
    let mut ids: Vec<_> = rows.iter().map(ReadRow::id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Counts a read into `account`: each row gets exactly one disposition, each call is counted once, the cursor
/// moves to the end of the stretch. `seen` is what is kept of [`identities`].
pub fn tally(account: &mut Account, rules: &Rules, read: &Read, seen: &Sightings) -> Tallied {
    let mut tally = Tally {
        before: account.clone(),
        account,
        rules,
        read,
        names: BTreeMap::new(),
        fresh: None,
        summary: ReadSummary::default(),
        changes: Vec::new(),
    };
    if let Some(to) = read.skip_to {
        tally.account.give_up(to);
    }
    tally.rows(seen);
    tally.rename_skills();
    tally.account.totals.add(Total::RowsMissing, read.findings.missing);
    tally.account.totals.add(Total::SkippedSeconds, read.findings.unreadable_seconds);
    tally.note_gaps();
    tally.move_cursor();
    tally.end_copy();
    let forget_before = tally.forget();
    Tallied { summary: tally.summary, changes: tally.changes, forget_before }
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
    summary: ReadSummary,
    changes: Vec<Change>,
}

impl Tally<'_> {
    /// The rows of one identity are looked at together, the identities in the order of the answer.
    fn rows(&mut self, seen: &Sightings) {
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
            rows.iter().for_each(|row| self.note_name(row));
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
            let first = SeriesKey::first_of(&skill_id);
            let mut own =
                self.account.series.range_mut(first..).take_while(|(key, _)| key.skill_id == skill_id).peekable();
            if own.peek().is_none() {
                continue;
            }
            let known = self.account.skills.get(&skill_id);
            // At the same second the known name stays: a read that repeats both would otherwise rename at each poll.
            if known.is_some_and(|known| known.as_of >= said.as_of) {
                continue;
            }
            let shown_name = known.map_or(&skill_id, |known| &known.name);
            if *shown_name != said.name {
                for (key, series) in own {
                    if let Some(earlier) = self.before.series.get(key) {
                        let shown = earlier.shown().clone();
                        Arc::make_mut(series).hold = Some(Hold { shown, since: self.read.now });
                    }
                }
            }
            self.account.skills.insert(skill_id, said);
        }
    }

    /// Takes over what is known of the gaps, and notes the days that they are in.
    fn note_gaps(&mut self) {
        let found = &self.read.findings;
        let (old, account) = (&self.before.gaps, &mut *self.account);
        let mut missing = found.missing;
        let counted: BTreeMap<_, _> = old.shortfalls.iter().map(|(place, known)| (place, known.counted)).collect();
        for (place, shortfall) in found.gaps.shortfalls.iter() {
            let more = shortfall.counted.saturating_sub(counted.get(&place).copied().unwrap_or_default());
            if more > 0 {
                account.days.could_not_count(place, more);
                missing = missing.saturating_sub(more);
            }
        }
        if missing > 0 {
            // Of places that there was no room to remember.
            account.days.could_not_count(self.read.asked, missing);
        }
        for second in found.gaps.unreadable.difference(&old.unreadable) {
            let ambiguous = self.rules.zone.to_ambiguous_timestamp(*second);
            if let (Ok(from), Ok(last)) = (ambiguous.compatible(), ambiguous.later()) {
                account.days.unread.note(Stretch { from, to: later(last, SECOND) });
            }
        }
        account.gaps = found.gaps.clone();
    }

    fn move_cursor(&mut self) {
        let windows = &self.rules.windows;
        let marks = &mut self.account.marks;
        marks.read_before = true;
        let (zone, gaps) = (&self.rules.zone, &self.account.gaps);
        let reached = gaps.passed(zone, marks.complete_until);
        let proven = gaps.passed(zone, marks.unproven_from(marks.complete_until));
        // A stretch that begins after the cursor would leave a hole behind it.
        if self.read.stretch.from <= reached {
            marks.complete_until = gaps.passed(zone, reached.max(self.read.stretch.to));
            // So would one that begins after what is proven: the part before it was read too early.
            if self.read.stretch.from <= proven {
                marks.proven_until = marks.proven_until.max(self.read.proven.min(marks.complete_until));
            }
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
        self.account.forget_days(&self.rules.zone);
    }

    /// Once the first catch-up is whole, or as whole as it can be.
    fn end_copy(&mut self) {
        let marks = &self.account.marks;
        if marks.copied_at.is_some() && marks.complete_until >= self.read.due_end {
            self.account.end_copy();
        }
    }

    /// Forgets what no read can bring again: what is dated before the next read's beginning. Returns the date where
    /// identities are to go.
    fn forget(&mut self) -> Option<DateTime> {
        let marks = &mut self.account.marks;
        let overlap = SignedDuration::try_from(self.rules.overlap).unwrap_or(SignedDuration::MAX);
        let reach = overlap.saturating_add(WIDEST_CHANGE_OF_ZONE);
        // The cursor may have to go back to where it is proven.
        let limit = self.rules.zone.to_datetime(marks.proven_until).checked_sub(reach).ok()?;
        let is_due = |kept_from: DateTime| kept_from.checked_add(FORGET_STEP).is_ok_and(|next| next <= limit);
        if !marks.kept_from.is_none_or(is_due) {
            return None;
        }
        marks.kept_from = Some(limit);
        self.account.gaps.forget_before(limit);
        Some(limit)
    }
}

#[cfg(test)]
mod tests;
