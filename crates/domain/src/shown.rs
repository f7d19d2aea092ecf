//! What a scrape sees of an account while a start hold is on, and what the next process is to show first.

use alloc::sync::Arc;
use core::time::Duration;

use jiff::Timestamp;

use super::account::{Account, CatchUp};
use super::series::{Counts, Hold, Series};
use super::start_hold::StartHold;
use super::totals::Total;

/// A hold that has lasted already, and ends with the start hold.
const LASTED: Timestamp = Timestamp::MIN;

impl Account {
    /// Shows what is shown now for as long as the start hold lasts: what an earlier one left, or what was stored.
    pub fn begin_start_hold(&mut self, now: Timestamp) {
        match &mut self.start_hold {
            Some(earlier) => earlier.since = now,
            None => {
                let (windows, complete_until) = (self.totals.get(Total::Windows), self.marks.complete_until);
                self.start_hold = Some(StartHold { windows, complete_until, since: now, is_stored: false });
            }
        }
    }

    /// Keeps showing what `before` shows, if a start hold is on. To be called with each change.
    pub fn keep_shown(&mut self, before: &Self) {
        let Some(start_hold) = &mut self.start_hold else { return };
        start_hold.is_stored = true;
        for (key, series) in &mut self.series {
            if let Some(earlier) = before.series.get(key)
                && series.hold.is_none()
                && !Arc::ptr_eq(earlier, series)
            {
                Arc::make_mut(series).hold = Some(Hold { shown: earlier.shown().clone(), since: LASTED });
            }
        }
    }

    /// Shows all that was read meanwhile in one step, but for the series whose own holds have yet to last.
    pub fn end_start_hold(&mut self, hold: Duration, now: Timestamp) {
        let Some(StartHold { since, .. }) = self.start_hold.take() else { return };
        if matches!(self.marks.catch_up, CatchUp::Done(at) if at >= since) {
            // What was caught up is seen only now.
            self.marks.catch_up = CatchUp::Done(now);
        }
        self.release(hold, now);
    }

    /// Goes on with the holds of `before`, the same account as this process knew it: the ledger doesn't keep since when they
    /// last.
    pub fn resume_holds(&mut self, before: &Self) {
        self.start_hold.clone_from(&before.start_hold);
        for (key, series) in &mut self.series {
            let since = |series: &Series| series.hold.as_ref().map(|hold| hold.since);
            if let (Some(now), Some(Some(then))) = (since(series), before.series.get(key).map(|series| since(series)))
                && now != then
                && let Some(hold) = &mut Arc::make_mut(series).hold
            {
                hold.since = then;
            }
        }
    }

    /// Lets the next process begin with what `served` shows, which is what was served last.
    pub fn show_again(&mut self, served: &Self) {
        for (key, series) in &mut self.series {
            let shown = served.series.get(key).map_or_else(Counts::default, |served| served.shown().clone());
            if *series.shown() != shown {
                Arc::make_mut(series).hold = Some(Hold { shown, since: LASTED });
            }
        }
        let (windows, complete_until) = (served.shown_windows(), served.shown_complete_until());
        self.start_hold = Some(StartHold { windows, complete_until, since: LASTED, is_stored: true });
    }

    /// Whether a scrape of `other` would tell the same calls, windows and cursor.
    pub fn shows_as(&self, other: &Self) -> bool {
        let shown = |of: &Self| (of.shown_windows(), of.shown_complete_until());
        shown(self) == shown(other)
            && self.series.len() == other.series.len()
            && self.series.values().zip(other.series.values()).all(|(one, other)| one.shown() == other.shown())
    }

    /// The windows that a scrape sees.
    pub fn shown_windows(&self) -> u64 {
        self.start_hold.as_ref().map_or_else(|| self.totals.get(Total::Windows), |shown| shown.windows)
    }

    /// The cursor that a scrape sees.
    pub fn shown_complete_until(&self) -> Timestamp {
        self.start_hold.as_ref().map_or(self.marks.complete_until, |shown| shown.complete_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::SeriesKey;
    use crate::window::Windows;

    const HOLD: Duration = Duration::from_secs(90);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn key(skill: &str) -> SeriesKey {
        SeriesKey { skill_id: skill.into(), type_interaction: "inbound".into() }
    }

    /// With one series that shows two calls.
    fn account() -> Account {
        let mut account = Account::new(&Windows::new(Duration::from_secs(300), Duration::from_secs(60)), at(0));
        account.series.insert(key("1"), Arc::new(Series::new(0, at(0))));
        count(&mut account, "1", 2);
        account.release(HOLD, at(1_000));
        account.totals.add(Total::Windows, 3);
        account
    }

    fn count(account: &mut Account, skill: &str, calls: u64) {
        Arc::make_mut(account.series.get_mut(&key(skill)).unwrap()).counts.calls += calls;
        account.totals.add(Total::Windows, 1);
        account.marks.complete_until = account.marks.complete_until.max(at(300 * calls as i64));
    }

    fn shown(account: &Account) -> (alloc::vec::Vec<u64>, u64, Timestamp) {
        let calls = account.series.values().map(|series| series.shown().calls).collect();
        (calls, account.shown_windows(), account.shown_complete_until())
    }

    #[test]
    fn what_is_read_in_a_start_hold_is_shown_in_one_step() {
        let mut account = account();
        let first = shown(&account);
        account.begin_start_hold(at(2_000));
        for calls in [5, 7] {
            let before = account.clone();
            count(&mut account, "1", calls);
            account.keep_shown(&before);
            account.release(HOLD, at(9_000));
            assert_eq!(shown(&account), first);
            assert_eq!(account.next_release(HOLD, at(9_000)), None);
        }
        // A series of its own is new at the end, and shows its own beginning for its own time.
        let before = account.clone();
        account.series.insert(key("2"), Arc::new(Series::new(1, at(2_050))));
        count(&mut account, "2", 4);
        account.keep_shown(&before);
        account.marks.catch_up = CatchUp::Done(at(2_010));
        account.end_start_hold(HOLD, at(2_100));
        assert_eq!(shown(&account).0, [14, 0]);
        assert!(account.catching_up(HOLD, at(2_180)), "until what was caught up has been seen for a while");
        account.release(HOLD, at(2_140));
        assert_eq!(shown(&account), (alloc::vec![14, 4], 7, at(2_100)));
    }

    #[test]
    fn holds_go_on_where_an_account_is_loaded_anew_while_the_process_runs() {
        // As the ledger has it: with the holds, and not since when.
        let loaded = |account: &Account| {
            let mut loaded = account.clone();
            loaded.start_hold = loaded.start_hold.filter(|shown| shown.is_stored);
            for series in loaded.series.values_mut() {
                Arc::make_mut(series).hold = series.hold.clone().map(|hold| Hold { since: at(7_000), ..hold });
            }
            loaded
        };
        let mut new = account();
        new.series.insert(key("2"), Arc::new(Series::new(1, at(6_950))));
        let mut started = account();
        started.begin_start_hold(at(6_900));
        let mut changed = started.clone();
        count(&mut changed, "1", 5);
        changed.keep_shown(&started);
        for account in [account(), new, started, changed] {
            let mut loaded = loaded(&account);
            loaded.resume_holds(&account);
            assert_eq!(loaded, account);
        }
    }

    #[test]
    fn the_next_process_shows_what_was_served_last_and_again_when_it_is_interrupted() {
        let served = account();
        let mut account = served.clone();
        count(&mut account, "1", 5);
        account.series.insert(key("2"), Arc::new(Series::new(1, at(500))));
        count(&mut account, "2", 4);
        account.release(Duration::ZERO, at(500));
        assert!(!account.shows_as(&served) && served.shows_as(&served.clone()));
        account.show_again(&served);
        for start in [3_000, 4_000] {
            account.begin_start_hold(at(start));
            let (calls, windows, complete_until) = shown(&account);
            assert_eq!(calls, [2, 0]);
            assert_eq!((windows, complete_until), (served.shown_windows(), served.shown_complete_until()));
            let before = account.clone();
            count(&mut account, "1", 1);
            account.keep_shown(&before);
        }
        account.end_start_hold(HOLD, at(4_090));
        assert_eq!(shown(&account).0, [9, 4]);
    }
}
