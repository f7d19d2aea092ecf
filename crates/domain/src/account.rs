//! What has been counted of one report, and where its reading stands ([`Marks`]): how it begins is in `start`, and what
//! moves its cursor, but for a read, in `marks`.

mod marks;
mod start;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::time::Duration;

use jiff::{Timestamp, civil::DateTime};

use super::days::Days;
use super::gaps::Gaps;
use super::instant::{earlier, later};
use super::range::Stretch;
use super::series::{Series, SeriesKey};
use super::start_hold::StartHold;
use super::totals::Totals;
use super::window::Windows;
pub use marks::{CatchUp, Marks};

/// All that has been counted of one report of an operation, and how far it reaches: the ledger's content but for the row identities.
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
    /// Calls by second of their date and series number, from [`Marks::recent_from`] on: what the window gauges
    /// are made of. By second, so that a shorter `interval` leaves them right.
    pub recent: BTreeMap<(i64, u32), u64>,
    /// The same calls by local day and by quarter of an hour.
    pub days: Days,
    /// What the report is known not to deliver.
    pub gaps: Gaps,
    /// While a scrape sees what an earlier process showed.
    pub start_hold: Option<StartHold>,
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
        Self::beginning_at(windows.start_of(first))
    }

    fn beginning_at(start: Timestamp) -> Self {
        Self {
            marks: Marks {
                start,
                complete_until: start,
                proven_until: start,
                nothing_hidden_until: start,
                windows_until: start,
                recent_from: start,
                by_day_from: start,
                floor: None,
                read_before: false,
                has_answered: false,
                kept_from: None,
                catch_up: CatchUp::None,
                copied_at: None,
            },
            totals: Totals::default(),
            skills: BTreeMap::new(),
            series: BTreeMap::new(),
            recent: BTreeMap::new(),
            days: Days::default(),
            gaps: Gaps::default(),
            start_hold: None,
        }
    }

    /// Calls in the last complete window, by series number; none for a series without any.
    pub fn last_window(&self, windows: &Windows) -> BTreeMap<u32, u64> {
        let Stretch { from, to } = self.last_window_stretch(windows);
        let mut calls = BTreeMap::new();
        for (&(_, number), count) in self.recent.range((from.as_second(), 0)..(to.as_second(), 0)) {
            *calls.entry(number).or_default() += count;
        }
        calls
    }

    /// The last window that was completed. The cursor may have gone back since.
    pub fn last_window_stretch(&self, windows: &Windows) -> Stretch {
        let to = windows.start_of(self.marks.windows_until);
        Stretch { from: earlier(to, windows.interval()), to }
    }

    /// Whether the last complete window is known whole, and stands for "now": for two intervals and `settle` after its
    /// end. After a change to a longer `interval` the first window began before what is kept; and what a clock completed
    /// that has proved wrong is not complete.
    pub fn last_window_is_current(&self, windows: &Windows, now: Timestamp) -> bool {
        let Stretch { from, to } = self.last_window_stretch(windows);
        from >= self.marks.recent_from
            && to <= self.marks.complete_until
            && now <= later(self.marks.complete_until, 2 * windows.interval() + windows.settle())
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
        if self.start_hold.is_some() {
            return;
        }
        for series in self.series.values_mut() {
            let Some(since) = series.hold.as_ref().map(|held| held.since) else { continue };
            if since > now {
                Arc::make_mut(series).restart_hold(now);
            } else if later(since, hold) <= now {
                Arc::make_mut(series).hold = None;
            }
        }
    }

    /// When [`Account::release`] has something to do next; `now` or earlier: at once.
    pub fn next_release(&self, hold: Duration, now: Timestamp) -> Option<Timestamp> {
        if self.start_hold.is_some() {
            return None;
        }
        let due = |since: Timestamp| if since > now { now } else { later(since, hold) };
        self.series.values().filter_map(|series| series.hold.as_ref()).map(|held| due(held.since)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const HOLD: Duration = Duration::from_secs(90);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn windows(interval: u64) -> Windows {
        Windows::new(Duration::from_secs(interval), Duration::from_secs(60))
    }

    /// With one series, held since second 1,000.
    fn account() -> Account {
        let mut account = Account::new(&windows(300), at(0));
        let key = SeriesKey { skill_id: "1".into(), type_interaction: "inbound".into() };
        account.series.insert(key, Arc::new(Series::new(0, at(1_000))));
        account
    }

    fn is_held(account: &Account) -> bool {
        account.series.values().any(|series| series.hold.is_some())
    }

    #[test]
    fn a_hold_ends_when_it_has_lasted() {
        let mut account = account();
        assert_eq!(account.next_release(HOLD, at(1_010)), Some(at(1_090)));
        account.release(HOLD, at(1_089));
        assert!(is_held(&account));
        account.release(HOLD, at(1_090));
        assert!(!is_held(&account));
        assert_eq!(account.next_release(HOLD, at(1_090)), None);
        let mut account = self::account();
        account.release(Duration::ZERO, at(1_000));
        assert!(!is_held(&account), "a hold of nothing has no instant");
    }

    #[test]
    fn a_hold_begins_again_when_the_clock_is_put_back() {
        let mut account = account();
        assert_eq!(account.next_release(HOLD, at(-5_000)), Some(at(-5_000)), "at once");
        account.release(HOLD, at(-5_000));
        assert_eq!(account.next_release(HOLD, at(-5_000)), Some(at(-4_910)));
        account.release(HOLD, at(-4_910));
        assert!(!is_held(&account));
    }

    #[test]
    fn catching_up_lasts_for_a_hold_and_not_until_a_wrong_clocks_time_comes() {
        let mut account = account();
        account.marks.catch_up = CatchUp::Done(at(1_000));
        let told: Vec<_> = [1_000, 1_089, 1_090, 911, 910, -9_000].map(|now| account.catching_up(HOLD, at(now))).into();
        assert_eq!(told, [true, true, false, true, false, false]);
        account.marks.catch_up = CatchUp::Behind;
        assert!(account.catching_up(HOLD, at(1_000_000)));
    }

    #[test]
    fn the_last_window_is_whole_and_recent_or_not_shown() {
        let mut account = account();
        account.marks.complete_until = at(900);
        account.marks.windows_until = at(900);
        account.marks.recent_from = at(600);
        account.recent = [((599, 0), 7), ((600, 0), 2), ((899, 0), 3), ((900, 0), 5)]
            .map(|((s, n), c)| ((at(s).as_second(), n), c))
            .into();
        assert_eq!(account.last_window(&windows(300)), BTreeMap::from([(0, 5)]));
        assert!(account.last_window_is_current(&windows(300), at(900 + 660)));
        assert!(!account.last_window_is_current(&windows(300), at(900 + 661)));
        assert!(!account.last_window_is_current(&windows(900), at(900)), "kept only from its middle on");
        assert!(account.last_window_is_current(&windows(60), at(900)));
        for taken_back_to in [0, 600, 899] {
            account.marks.complete_until = at(taken_back_to);
            assert!(!account.last_window_is_current(&windows(300), at(taken_back_to)), "read again before it is shown");
        }
    }

    // The first change takes the cursor back; at the second, the oldest identity may be dated after it.
}
