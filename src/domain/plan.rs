use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::account::{Account, Marks};
use super::range::Stretch;
use super::rules::Rules;
use super::zone::{civil_range, instant_of};

/// How far back the first read of a new ledger looks: a day has calls in it, so that a wrong zone shows at once.
const FIRST_LOOK: Duration = Duration::from_secs(24 * 3_600);

/// The API's limit on one range, in local time.
const LONGEST_RANGE: SignedDuration = SignedDuration::from_hours(31 * 24);

/// What a poll is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// From the cursor, less the overlap, to the end of the last window that is due.
    pub stretch: Stretch,
    /// The end of a stretch that is given up with the first commit, for being older than `max_catch_up`.
    pub skip_to: Option<Timestamp>,
    /// Whether more than one window is due.
    pub catch_up: bool,
    /// The end of the last window that is due.
    pub due_end: Timestamp,
}

/// What is to be read at `now`; `None` while nothing is due.
pub fn plan(account: &Account, rules: &Rules, now: Timestamp) -> Option<Plan> {
    let marks = &account.marks;
    let windows = &rules.windows;
    let due_end = windows.last_due_end(now);
    if due_end <= marks.complete_until && marks.read_before {
        return None;
    }
    let oldest = windows.start_of(due_end - rules.max_catch_up);
    let skip_to = (marks.complete_until < oldest).then_some(oldest);
    let cursor = skip_to.unwrap_or(marks.complete_until);
    // Before the first window is due, the first look is at the day before it.
    let to = due_end.max(cursor);

    let mut from = cursor - rules.overlap;
    if !marks.read_before {
        from = from.min(windows.start_of(now) - FIRST_LOOK);
    }
    from = from.max(skip_to.or(marks.floor).unwrap_or(Timestamp::MIN));
    from = without_forgotten_rows(marks, rules, Stretch { from, to }).min(cursor);
    Some(Plan {
        stretch: not_too_long(rules, Stretch { from, to }),
        skip_to,
        catch_up: windows.ends_within(cursor, due_end) > 1,
        due_end,
    })
}

/// `stretch`, cut off where its local range would be longer than the API answers: clocks that are put forward in it make
/// that longer than the time that passes, by no more than a day.
fn not_too_long(rules: &Rules, stretch: Stretch) -> Stretch {
    let asked = civil_range(&rules.zone, stretch);
    let second = SignedDuration::from_secs(1);
    if asked.end.duration_since(asked.ini) + second <= LONGEST_RANGE {
        return stretch;
    }
    Stretch { to: stretch.to.min(stretch.from + LONGEST_RANGE - SignedDuration::from_hours(24)), ..stretch }
}

/// The beginning of `stretch`, moved on so far that it asks for no row whose identity is gone: such a row would be
/// counted twice. Only a longer `overlap` than before can reach that far.
fn without_forgotten_rows(marks: &Marks, rules: &Rules, stretch: Stretch) -> Timestamp {
    let Some(kept_from) = marks.kept_from else { return stretch.from };
    let mut from = stretch.from;
    if civil_range(&rules.zone, stretch).ini < kept_from {
        from = from.max(instant_of(&rules.zone, kept_from, None).unwrap_or(from));
    }
    from
}
