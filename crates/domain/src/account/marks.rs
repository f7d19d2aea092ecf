use core::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::DateTime};

use super::Account;
use crate::instant::earlier;
use crate::range::Stretch;
use crate::totals::Total;
use crate::zone::{differences, first_at, reads_from};

/// Where the reading stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Nothing dated before is counted: the beginning of the first window.
    pub start: Timestamp,
    /// The cursor: the data are complete up to here, and the next read begins here (but for the overlap).
    pub complete_until: Timestamp,
    /// Up to here both the host's clock and the server's said that all is over: the cursor goes back to here if a clock
    /// that took it further proves wrong. Never after the cursor; before the start where that was yet to come by the host's
    /// clock.
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
    /// When the ledger was copied, where it is a copy that has not been read on to its first now: see [`crate::copy`].
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

/// Where the cursor passed by one clock alone, reads reach back, and the overlap further, from where both have said that the
/// time was over: what was read too early may lack rows. A clock that never agrees must not make them reach back for ever.
const MOST_UNPROVEN: Duration = Duration::from_secs(24 * 3_600);

impl Marks {
    /// Where a read begins, but for the overlap, that brings what a `cursor` may have passed too early.
    pub fn unproven_from(&self, cursor: Timestamp) -> Timestamp {
        self.proven_until.max(self.start).max(earlier(cursor, MOST_UNPROVEN))
    }
}

impl Account {
    /// Gives up what lies between the cursor and `to`: nothing before `to` is asked for again. What a clock passed that may
    /// have been ahead was to be read once more, and is given up too.
    pub fn give_up(&mut self, to: Timestamp) {
        let marks = &mut self.marks;
        let from = marks.complete_until.min(marks.proven_until).max(marks.start);
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
            let unread = first_at(new, old.to_datetime(cursor)).unwrap_or(marks.start);
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
    use crate::window::Windows;
    use core::time::Duration;
    use jiff::SignedDuration;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn windows(interval: u64) -> Windows {
        Windows::new(Duration::from_secs(interval), Duration::from_secs(60))
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// Has read until second 100,000; the last row that came fresh was dated second 99,000.
    fn account_that_has_read() -> Account {
        let mut account = Account::new(&windows(300), at(0));
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

    /// Chile puts its clock forward over midnight, at 04:00 UTC of 6 September 2026.
    #[test]
    fn a_zone_that_was_behind_left_nothing_unread_where_the_clock_is_put_forward() {
        let new = zone("America/Santiago");
        for old in ["America/Mexico_City", "Pacific/Honolulu", "UTC", "America/Lima"] {
            for second in (0..12 * 3_600).step_by(300) {
                let mut account = account_that_has_read();
                let cursor = "2026-09-06T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second);
                account.marks.start = cursor - SignedDuration::from_hours(48);
                (account.marks.complete_until, account.marks.nothing_hidden_until) = (cursor, cursor);
                let unread = zone(old).to_datetime(cursor);
                account.change_zone(&zone(old), &new);
                let before = account.marks.complete_until;
                for back in (1..3_600).step_by(59) {
                    let date = new.to_datetime(before - SignedDuration::from_secs(back));
                    assert!(date < unread, "{old}: {date} is behind {before}, and nothing from {unread} on was read");
                }
            }
        }
    }

    #[test]
    fn a_zone_that_was_ahead_for_a_while_is_noticed_between_two_equal_offsets() {
        // Madrid is an hour ahead of Lagos in summer, and this year begins and ends in winter.
        let mut account = Account::new(&windows(300), at(0));
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
    fn nothing_before_the_start_is_given_up() {
        let mut account = account_that_has_read();
        (account.marks.start, account.marks.proven_until) = (at(99_000), at(90_000));
        account.give_up(at(105_000));
        assert_eq!(account.totals.get(Total::SkippedSeconds), 6_000);
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
}
