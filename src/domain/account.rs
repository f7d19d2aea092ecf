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

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn a_changed_zone_is_read_again_from_where_the_old_one_came_into_force() {
        let zone = |name| TimeZone::get(name).unwrap();
        let (bogota, lima, madrid) = (zone("America/Bogota"), zone("America/Lima"), zone("Europe/Madrid"));
        let mut account = account();
        account.marks.complete_until = at(100_000);
        account.change_zone(&bogota, &lima);
        assert_eq!(account.marks.complete_until, at(100_000), "the same time in both");
        account.marks.zone_since = at(300);
        account.change_zone(&madrid, &bogota);
        assert_eq!((account.marks.complete_until, account.marks.zone_since), (at(300), at(300)));

        account.marks.complete_until = at(100_000);
        account.marks.floor = Some(at(412));
        account.change_zone(&madrid, &bogota);
        assert_eq!(account.marks.complete_until, at(412), "not below what was given up");

        account.marks.complete_until = at(100_000);
        account.marks.kept_from = Some(bogota.to_datetime(at(777)));
        account.change_zone(&madrid, &bogota);
        assert_eq!(account.marks.complete_until, at(777), "not below the oldest identity");
    }
}
