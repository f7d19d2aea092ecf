use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::DateTime};

use super::range::Stretch;
use super::series::{Series, SeriesKey};
use super::totals::Totals;
use super::window::Windows;
use super::zone::instant_of;

/// All that has been counted for one operation, and how far it reaches: the ledger's content but for the row identities.
///
/// A read makes a new account from the old one (cloning is cheap: series are shared until they change), the ledger
/// stores the difference, and only then does the new one replace the old.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    pub marks: Marks,
    pub totals: Totals,
    /// By `skill_id`. Only skills that have a series.
    pub skills: BTreeMap<Arc<str>, SkillName>,
    pub series: BTreeMap<SeriesKey, Arc<Series>>,
    /// Abandoned calls by second of the hang-up and series number, from [`Marks::recent_from`] on: what the window gauges
    /// are made of. By second, so that a shorter `interval` leaves them right.
    pub recent: BTreeMap<(i64, u32), u64>,
}

/// Where the reading stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Nothing dated before is counted: the beginning of the first window.
    pub start: Timestamp,
    /// The cursor: the data are complete up to here, and the next read begins here (but for the overlap).
    pub complete_until: Timestamp,
    /// The cursor when the operation's present zone came into force: what is newer was read in that zone.
    pub zone_since: Timestamp,
    /// Windows have been counted up to here. Differs from the cursor only after that had to go back.
    pub windows_until: Timestamp,
    /// [`Account::recent`] is whole from here on: the beginning of the last complete window at the last read.
    pub recent_from: Timestamp,
    /// Nothing before is asked for: the end of the last stretch that was given up.
    pub floor: Option<Timestamp>,
    /// Whether a read was committed; the first one looks back a day.
    pub read_before: bool,
    /// The identities of rows dated before are gone, so no read may bring such a row.
    pub kept_from: Option<DateTime>,
    pub catch_up: CatchUp,
    /// Rows that answers within reach announce and don't deliver, and that have been counted as missing.
    pub missing_believed: u64,
}

/// Whether an outage (or a start with history) is being made good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUp {
    None,
    /// A read of a catch-up was committed, and more is due.
    Behind,
    /// The last read of a catch-up was committed at this time.
    Done(Timestamp),
}

/// The name of a skill, and how recent the row was that said so: a late row with an old name doesn't bring it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillName {
    pub name: Arc<str>,
    pub as_of: DateTime,
}

impl Account {
    /// An account that begins to count with the window that `first` is in.
    pub fn new(windows: &Windows, first: Timestamp) -> Self {
        let start = windows.start_of(first);
        Self {
            marks: Marks {
                start,
                complete_until: start,
                zone_since: start,
                windows_until: start,
                recent_from: start,
                floor: None,
                read_before: false,
                kept_from: None,
                catch_up: CatchUp::None,
                missing_believed: 0,
            },
            totals: Totals::default(),
            skills: BTreeMap::new(),
            series: BTreeMap::new(),
            recent: BTreeMap::new(),
        }
    }

    /// Abandoned calls in the last complete window, by series number; none for a series without any.
    pub fn last_window(&self, windows: &Windows) -> BTreeMap<u32, u64> {
        let Stretch { from, to } = self.last_window_stretch(windows);
        let mut calls = BTreeMap::new();
        for (&(_, number), count) in self.recent.range((from.as_second(), 0)..(to.as_second(), 0)) {
            *calls.entry(number).or_default() += count;
        }
        calls
    }

    /// The last complete window. The cursor may have gone back since it was completed.
    pub fn last_window_stretch(&self, windows: &Windows) -> Stretch {
        let to = windows.start_of(self.marks.windows_until);
        Stretch { from: to - windows.interval(), to }
    }

    /// Whether the last complete window is known whole, and recent enough to stand for "now". After a change to a
    /// longer `interval` the first window began before what is kept.
    pub fn last_window_is_current(&self, windows: &Windows, now: Timestamp) -> bool {
        self.last_window_stretch(windows).from >= self.marks.recent_from && now <= self.last_window_expires(windows)
    }

    /// When the last complete window stops standing for "now": two intervals and `settle` after its end.
    pub fn last_window_expires(&self, windows: &Windows) -> Timestamp {
        self.marks.complete_until + 2 * windows.interval() + windows.settle()
    }

    /// The `wolkvox_catching_up` gauge.
    pub fn catching_up(&self, hold: Duration, now: Timestamp) -> bool {
        match self.marks.catch_up {
            CatchUp::None => false,
            CatchUp::Behind => true,
            // Either way round: where the host's clock was put back since, `at` is yet to come.
            CatchUp::Done(at) => now.duration_since(at).unsigned_abs() < hold,
        }
    }

    /// Ends the holds that have lasted. One that is yet to begin, for the host's clock was put back since, begins again:
    /// it would otherwise last until that time comes.
    pub fn release(&mut self, hold: Duration, now: Timestamp) {
        for series in self.series.values_mut() {
            let Some(since) = series.hold.as_ref().map(|held| held.since) else { continue };
            if since > now {
                Arc::make_mut(series).restart_hold(now);
            } else if since + hold <= now {
                Arc::make_mut(series).hold = None;
            }
        }
    }

    /// When [`Account::release`] has something to do next; `now` or earlier: at once.
    pub fn next_release(&self, hold: Duration, now: Timestamp) -> Option<Timestamp> {
        let due = |since: Timestamp| if since > now { now } else { since + hold };
        self.series.values().filter_map(|series| series.hold.as_ref()).map(|held| due(held.since)).min()
    }

    /// Takes the cursor back to where `old` came into force, if the two zones differ: a report whose dates are hours
    /// behind the ranges asked for has hidden rows since then. What is read again is recognised by its identity, so
    /// nothing before the oldest identity is.
    pub fn change_zone(&mut self, old: &TimeZone, new: &TimeZone) {
        let marks = &mut self.marks;
        let same = |at| old.to_offset(at) == new.to_offset(at);
        if !(same(marks.zone_since) && same(marks.complete_until)) {
            let known_from = marks.kept_from.and_then(|date| instant_of(new, date, None));
            let from = [Some(marks.zone_since), known_from, marks.floor].into_iter().flatten().max();
            let from = from.unwrap_or(marks.start).min(marks.complete_until);
            // Not from the beginning of a window: what was forgotten or given up is not to be asked for again.
            marks.complete_until = from.max(marks.start);
        }
        marks.zone_since = marks.complete_until;
    }
}
