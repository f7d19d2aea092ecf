//! An account in a copy of a ledger: what it shows is older than what was shown since the copy was made.

use alloc::sync::Arc;

use jiff::Timestamp;

use super::account::Account;

impl Account {
    /// Marks the account as one of a copy that was made at `at`; nobody is to see it until it has been read on to now. A copy
    /// of a copy stays as old as that one.
    pub fn begin_copy(&mut self, at: Timestamp) {
        self.marks.copied_at.get_or_insert(at);
    }

    /// Ends that. What was new since the copy has been shown before at its value, and 0 would be a fall: no hold goes on.
    pub fn end_copy(&mut self) {
        self.marks.copied_at = None;
        self.start_hold = None;
        for series in self.series.values_mut().filter(|series| series.hold.is_some()) {
            Arc::make_mut(series).hold = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::series::{Series, SeriesKey};
    use crate::window::Windows;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn at_its_end_everything_is_shown_at_its_value() {
        let mut account = Account::new(&Windows::new(Duration::from_secs(300), Duration::from_secs(60)), at(0));
        let key = SeriesKey { skill_id: "1".into(), type_interaction: "inbound".into() };
        account.series.insert(key.clone(), Arc::new(Series::new(0, at(0))));
        account.begin_start_hold(at(10));
        account.begin_copy(at(20));
        account.begin_copy(at(30));
        assert_eq!(account.marks.copied_at, Some(at(20)), "as old as the first copy");
        Arc::make_mut(account.series.get_mut(&key).unwrap()).counts.calls = 7;
        account.end_copy();
        assert_eq!((account.marks.copied_at, &account.start_hold), (None, &None));
        assert_eq!(account.series[&key].shown().calls, 7);
    }
}
