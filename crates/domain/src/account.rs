use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil::DateTime};

use super::days::Days;
use super::disposition::Disposition;
use super::gaps::Gaps;
use super::instant::{earlier, later, shifted};
use super::range::Stretch;
use super::series::{Series, SeriesKey};
use super::start_hold::StartHold;
use super::totals::{Total, Totals};
use super::window::Windows;
use super::zone::{differences, instant_of, reads_from};

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

/// Where the reading stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Nothing dated before is counted: the beginning of the first window.
    pub start: Timestamp,
    /// The cursor: the data are complete up to here, and the next read begins here (but for the overlap).
    pub complete_until: Timestamp,
    /// Up to here both the host's clock and the server's said that all is over: the cursor goes back to here if a clock
    /// that took it further proves wrong. Never after the cursor.
    pub proven_until: Timestamp,
    /// The operation's zone has hidden no row dated before: the date of the last row that came fresh, or the cursor when
    /// the zone came into force. A zone ahead of the report's asks for each date before it has come.
    pub nothing_hidden_until: Timestamp,
    /// Windows have been counted up to here. Differs from the cursor only after that had to go back.
    pub windows_until: Timestamp,
    /// [`Account::recent`] is whole from here on: the beginning of the last complete window at the last read.
    pub recent_from: Timestamp,
    /// [`Account::days`] has all calls that were counted and are dated from here on: the start, or the cursor when a version
    /// that counts by day took the account over, or the oldest day that is kept.
    pub by_day_from: Timestamp,
    /// Nothing before is asked for: the end of the last stretch that was given up.
    pub floor: Option<Timestamp>,
    /// Whether a read was committed; the first one looks back a day.
    pub read_before: bool,
    /// Whether the report has shown to be there, by [`crate::evidence::Evidence::is_proof`]. Until then an answer without
    /// anything in it is no empty window.
    pub has_answered: bool,
    /// The identities of rows dated before are gone, so no read may bring such a row.
    pub kept_from: Option<DateTime>,
    pub catch_up: CatchUp,
    /// When the ledger was copied, where it is a copy that has not been read on to its first now: see [`super::copy`].
    pub copied_at: Option<Timestamp>,
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

    /// Whether an account that has read nothing begins in the future, as one does that a clock began which was ahead.
    pub fn begins_after(&self, now: Timestamp) -> bool {
        !self.marks.read_before && self.marks.start > now
    }

    /// Whether an account that has counted nothing yet counts nothing for a while, for it begins after `now`: a clock began
    /// it that was ahead, and may have made it read on.
    pub fn waits_for_its_start(&self, now: Timestamp) -> bool {
        self.marks.start > now && self.totals.get(Total::Rows(Disposition::Counted)) == 0
    }

    /// Begins an account again that has counted nothing, because the time is `late` (or early) by the host's clock: where this
    /// process began, at `first` by that clock, or where an earlier one did, whose account began at `before` when this
    /// process took it over. Doing so twice changes nothing.
    pub fn begin_again(&mut self, windows: &Windows, first: Timestamp, before: Timestamp, late: SignedDuration) {
        let begun = shifted(first, late);
        let start = if before == windows.start_of(first) {
            windows.start_of(begun)
        } else if late.is_negative() && before <= begun {
            // Right already, or too late by less than is known. It began a window of another length, perhaps.
            before
        } else {
            windows.start_of(shifted(before, late).min(begun))
        };
        let Marks { has_answered, copied_at, .. } = self.marks;
        self.marks = Marks { has_answered, copied_at, ..Self::beginning_at(start).marks };
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

    /// Gives up what lies between the cursor and `to`: nothing before `to` is asked for again. What a clock passed that may
    /// have been ahead was to be read once more, and is given up too.
    pub fn give_up(&mut self, to: Timestamp) {
        let marks = &mut self.marks;
        let from = marks.complete_until.min(marks.proven_until);
        let seconds = to.as_second() - from.as_second();
        self.days.unread.note(Stretch { from, to });
        self.totals.add(Total::SkippedSeconds, seconds.max(0) as u64);
        marks.complete_until = to;
        marks.proven_until = marks.proven_until.max(to);
        marks.windows_until = marks.windows_until.max(to);
        marks.recent_from = marks.recent_from.max(to);
        marks.floor = Some(to);
    }

    /// Takes the cursor back to `to`, as far as rows from there on may be read: a clock that took it further has proved
    /// wrong. What was counted is recognised by its identity, and windows completed again add nothing.
    pub fn take_back(&mut self, to: Timestamp, zone: &TimeZone) {
        let marks = &mut self.marks;
        let known_from = marks.kept_from.and_then(|date| reads_from(zone, date));
        let to = to.max(marks.start).max(marks.floor.max(known_from).unwrap_or(Timestamp::MIN));
        marks.complete_until = marks.complete_until.min(to);
        marks.proven_until = marks.proven_until.min(marks.complete_until);
    }

    /// Takes the cursor back to the first row that `old` may have left unread if `new` is the report's zone.
    ///
    /// Where `old` was behind, that is the first date it did not come to; where it was ahead, each date may have been
    /// asked for too early. What is read again is recognised by its identity; what is older than the identities kept can
    /// only be given up.
    pub fn change_zone(&mut self, old: &TimeZone, new: &TimeZone) {
        let marks = &mut self.marks;
        let cursor = marks.complete_until;
        let unproven = Stretch { from: marks.nothing_hidden_until.min(cursor), to: cursor };
        let ahead = differences(old, new, unproven);
        let mut from = cursor;
        if ahead != (0..=0) {
            let unread = instant_of(new, old.to_datetime(cursor), None).unwrap_or(marks.start);
            let hidden = if *ahead.end() > 0 { unproven.from } else { cursor };
            // Not from the beginning of a window: what was given up is not to be asked for again.
            from = from.min(unread).min(hidden).max(marks.floor.unwrap_or(marks.start));
        }
        marks.complete_until = from;
        marks.proven_until = marks.proven_until.min(from);
        marks.nothing_hidden_until = unproven.from.min(from);
        if let Some(known_from) = marks.kept_from.and_then(|date| reads_from(new, date))
            && known_from > from
        {
            self.give_up(known_from);
        }
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

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// Has read until second 100,000; the last row that came fresh was dated second 99,000.
    fn account_that_has_read() -> Account {
        let mut account = account();
        account.marks.complete_until = at(100_000);
        account.marks.proven_until = at(100_000);
        account.marks.windows_until = at(100_000);
        account.marks.nothing_hidden_until = at(99_000);
        account
    }

    /// Where the cursor is after a change of zone.
    fn cursor(mut account: Account, old: &str, new: &str) -> Timestamp {
        account.change_zone(&zone(old), &zone(new));
        assert_eq!(account.totals.get(Total::SkippedSeconds), 0);
        account.marks.complete_until
    }

    #[test]
    fn a_changed_zone_is_read_again_from_the_first_row_that_the_old_one_may_have_left() {
        let account = account_that_has_read();
        assert_eq!(cursor(account.clone(), "America/Bogota", "America/Lima"), at(100_000), "the same time in both");
        assert_eq!(cursor(account.clone(), "Europe/Madrid", "America/Bogota"), at(99_000), "it was ahead");
        let mut account = account;
        account.marks.nothing_hidden_until = at(300);
        assert_eq!(
            cursor(account, "America/Mexico_City", "America/Bogota"),
            at(96_400),
            "it was behind, and hid nothing"
        );
    }

    #[test]
    fn a_zone_that_was_ahead_for_a_while_is_noticed_between_two_equal_offsets() {
        // Madrid is an hour ahead of Lagos in summer, and this year begins and ends in winter.
        let mut account = account();
        account.marks.complete_until = at(365 * 86_400);
        assert_eq!(cursor(account.clone(), "Europe/Madrid", "Africa/Lagos"), at(0));
        assert_eq!(cursor(account, "Africa/Lagos", "Europe/Madrid"), at(365 * 86_400), "behind, it hid nothing");
    }

    #[test]
    fn a_changed_zone_asks_for_nothing_that_was_given_up() {
        let mut account = account_that_has_read();
        account.marks.floor = Some(at(99_412));
        assert_eq!(cursor(account, "Europe/Madrid", "America/Bogota"), at(99_412));
        let mut account = account_that_has_read();
        account.marks.start = at(98_000);
        assert_eq!(cursor(account, "America/Mexico_City", "America/Bogota"), at(98_000));
    }

    #[test]
    fn what_a_clock_passed_too_early_is_given_up_with_what_follows() {
        for (proven, skipped) in [(100_000, 5_000), (99_100, 5_900), (200_000, 5_000)] {
            let mut account = account_that_has_read();
            account.marks.proven_until = at(proven);
            account.give_up(at(105_000));
            assert_eq!(account.totals.get(Total::SkippedSeconds), skipped, "{proven}");
            assert_eq!((account.marks.complete_until, account.marks.floor), (at(105_000), Some(at(105_000))));
        }
    }

    #[test]
    fn nothing_is_given_up_where_identities_are_kept() {
        let mut account = account_that_has_read();
        account.marks.kept_from = Some(zone("America/Bogota").to_datetime(at(99_000)));
        account.change_zone(&zone("Europe/Madrid"), &zone("America/Bogota"));
        assert_eq!((account.marks.complete_until, account.marks.floor), (at(99_000), None));
    }

    #[test]
    fn what_a_zone_may_have_hidden_is_given_up_where_no_identity_is_kept() {
        let mut account = account_that_has_read();
        account.marks.nothing_hidden_until = at(300);
        account.marks.kept_from = Some(zone("America/Bogota").to_datetime(at(777)));
        account.change_zone(&zone("Europe/Madrid"), &zone("America/Bogota"));
        assert_eq!(account.marks.complete_until, at(777));
        assert_eq!(account.marks.floor, Some(at(777)));
        assert_eq!(account.totals.get(Total::SkippedSeconds), 477);
    }

    // The first change takes the cursor back; at the second, the oldest identity may be dated after it.
    #[test]
    fn zones_changed_in_a_row_never_take_the_cursor_below_the_oldest_identity() {
        let zones =
            ["UTC", "Europe/Madrid", "America/Bogota", "Pacific/Kiritimati", "Etc/GMT+12", "Australia/Lord_Howe"];
        let kept_from = zone("UTC").to_datetime(at(100_000)) - SignedDuration::from_hours(27);
        for (one, two, three) in zones.iter().flat_map(|a| zones.iter().flat_map(move |b| zones.map(|c| (a, b, c)))) {
            let mut account = account_that_has_read();
            account.marks.nothing_hidden_until = at(0);
            account.marks.kept_from = Some(kept_from);
            account.change_zone(&zone("UTC"), &zone(one));
            account.change_zone(&zone(one), &zone(two));
            account.change_zone(&zone(two), &zone(three));
            let known_from = reads_from(&zone(three), kept_from).unwrap();
            assert!(account.marks.complete_until >= known_from, "{one}, {two}, {three}: {:?}", account.marks);
        }
    }

    #[test]
    fn no_account_that_has_read_nothing_begins_in_the_future() {
        for (begun, now, begins) in
            [(40_000_000, 300, 300), (900, 301, 300), (300, 300, 300), (300, 599, 300), (0, 900, 0), (60, 90, 0)]
        {
            let mut account = Account::new(&windows(if begun == 60 { 60 } else { 300 }), at(begun));
            let is_ahead = account.begins_after(at(now));
            assert_eq!(is_ahead, begun > now, "{begun}, {now}");
            if is_ahead {
                account.begin_again(&windows(300), at(now), at(begun), SignedDuration::ZERO);
                assert_eq!((account.marks.start, account.marks.complete_until), (at(begins), at(begins)));
            }
            account.marks.read_before = true;
            assert!(!account.begins_after(at(-9_000)), "what has been read stays");
        }
    }

    #[test]
    fn a_cursor_that_was_ahead_goes_back_to_where_rows_can_be_read_again() {
        let bogota = zone("America/Bogota");
        let back = |mut account: Account, to| {
            account.take_back(at(to), &bogota);
            assert_eq!(account.totals.get(Total::SkippedSeconds), 0);
            assert_eq!(account.marks.windows_until, at(100_000), "no window is completed twice");
            (account.marks.complete_until, account.marks.proven_until)
        };
        let mut account = account_that_has_read();
        account.marks.proven_until = at(95_000);
        assert_eq!(back(account.clone(), 95_000), (at(95_000), at(95_000)));
        assert_eq!(back(account.clone(), 90_000), (at(90_000), at(90_000)));
        assert_eq!(back(account.clone(), 200_000), (at(100_000), at(95_000)), "never forward");
        assert_eq!(back(account.clone(), -9_000).0, at(0), "the start");
        account.marks.floor = Some(at(50_000));
        assert_eq!(back(account.clone(), 0).0, at(50_000), "what was given up");
        account.marks.kept_from = Some(bogota.to_datetime(at(70_000)));
        assert_eq!(back(account, 0).0, at(70_000), "the oldest identity");
    }

    #[test]
    fn what_is_known_of_the_report_and_of_the_copy_outlasts_a_wrong_start() {
        let mut account = Account::new(&windows(300), at(9_000));
        account.marks.has_answered = true;
        account.begin_copy(at(100));
        account.begin_again(&windows(300), at(9_000), at(9_000), SignedDuration::from_secs(-3_000));
        assert_eq!((account.marks.start, account.marks.has_answered), (at(6_000), true));
        assert_eq!(account.marks.copied_at, Some(at(100)));
    }

    /// Of an earlier process, whose windows were shorter.
    #[test]
    fn a_start_that_is_right_stays_where_it_is() {
        for interval in [900, 1_800, 3_600] {
            let before = at(900 + 300);
            let mut account = Account::new(&windows(300), before);
            account.begin_again(&windows(interval), at(7_200), before, SignedDuration::from_secs(-61));
            assert_eq!(account.marks, Account::new(&windows(300), before).marks, "{interval}");
        }
    }

    /// A clock that was ahead by months made it read on, and nothing can be counted until then.
    #[test]
    fn an_account_waits_for_its_start_as_long_as_it_has_counted_nothing() {
        let mut account = Account::new(&windows(300), at(9_000));
        for read_before in [false, true] {
            account.marks.read_before = read_before;
            for (now, waits) in [(0, true), (8_999, true), (9_000, false), (10_000, false)] {
                assert_eq!(account.waits_for_its_start(at(now)), waits, "{now}");
            }
        }
        account.totals.add(Total::Rows(Disposition::BeforeStart), 5);
        assert!(account.waits_for_its_start(at(0)), "none of them was counted");
        account.totals.add(Total::Rows(Disposition::Counted), 1);
        assert!(!account.waits_for_its_start(at(0)), "the report has a call of that time");
    }

    #[test]
    fn an_account_that_a_wrong_clock_began_begins_where_the_process_did() {
        for wrong in [-300_000, -10_000, -61, 61, 10_000, 300_000] {
            let first = at(1_000 + wrong);
            let late = SignedDuration::from_secs(-wrong);
            let mut account = Account::new(&windows(300), first);
            let before = account.marks.start;
            for _ in 0..3 {
                account.begin_again(&windows(300), first, before, late);
                assert_eq!(account.marks, Account::new(&windows(300), at(1_000)).marks, "{wrong}");
            }
            // An earlier process began it by the same clock, 20 minutes before this one, or two days.
            for earlier in [1_200, 172_800] {
                let mut account = Account::new(&windows(300), first);
                for _ in 0..3 {
                    account.begin_again(&windows(300), at(1_000 + earlier + wrong), before, late);
                    let begins = account.marks.start;
                    // A clock that is ahead now may have been right then.
                    let may_be_right = wrong > 0 && before <= at(1_000 + earlier);
                    let expected = if may_be_right { before..=before } else { at(600)..=at(1_200) };
                    assert!(expected.contains(&begins), "{wrong}, {earlier}: {begins}");
                }
            }
        }
    }
}
