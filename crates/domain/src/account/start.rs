use jiff::{SignedDuration, Timestamp};

use super::{Account, Marks};
use crate::disposition::Disposition;
use crate::instant::shifted;
use crate::totals::Total;
use crate::window::Windows;

impl Account {
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
        // A start that the host's clock has not come to proves nothing.
        let proven_until = start.min(windows.start_of(first));
        self.marks = Marks { has_answered, copied_at, proven_until, ..Self::beginning_at(start).marks };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn windows(interval: u64) -> Windows {
        Windows::new(Duration::from_secs(interval), Duration::from_secs(60))
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
                let right = Account::new(&windows(300), at(1_000)).marks;
                let proven_until = right.start.min(before);
                assert_eq!(
                    account.marks,
                    Marks { proven_until, ..right },
                    "{wrong}: proven is what the host has come to"
                );
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
