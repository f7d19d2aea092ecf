use jiff::{SignedDuration, civil::DateTime};

use super::Tally;
use crate::account::CatchUp;
use crate::instant::earlier;
use crate::totals::Total;

/// Identities are kept this much longer than the overlap asks for: no two zones are further apart, so that a corrected
/// `timezone` brings no row whose identity is gone.
const WIDEST_CHANGE_OF_ZONE: SignedDuration = SignedDuration::from_hours(26);

/// Identities are forgotten in steps, for each step looks through all of them.
const FORGET_STEP: SignedDuration = SignedDuration::from_hours(1);

impl Tally<'_> {
    /// To the end of the stretch, as far as all before it has been read.
    pub fn move_cursor(&mut self) {
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
    pub fn end_copy(&mut self) {
        let marks = &self.account.marks;
        if marks.copied_at.is_some() && marks.complete_until >= self.read.due_end {
            self.account.end_copy();
        }
    }

    /// Forgets what no read can bring again: what is dated before the next read's beginning. Returns the date where
    /// identities are to go.
    pub fn forget(&mut self) -> Option<DateTime> {
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
