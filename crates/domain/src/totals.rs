use super::disposition::{Disposition, RejectReason};
use super::outcome::Outcome;
use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;

/// The counters of one report that live in the ledger, beside those of its call series.
///
/// A closed list: each has a name for the ledger and a place in one array, so that loading, saving and comparing need
/// no code of their own per counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals([u64; Total::COUNT]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    Windows,
    Polls(Outcome),
    /// By the label of the disposition, for `rejected` has reasons of its own.
    Rows(Disposition),
    RowsRejected(RejectReason),
    RowsMissing,
    TimeUnreadable,
    LateRows,
    SkippedSeconds,
    SeriesOverflow,
}

const OUTCOMES: usize = Outcome::ALL.len();
const DISPOSITIONS: usize = Disposition::LABELS.len();
const REASONS: usize = RejectReason::ALL.len();
const SINGLE: usize = 6;

impl Total {
    pub const COUNT: usize = SINGLE + OUTCOMES + DISPOSITIONS + REASONS;

    fn index(self) -> usize {
        match self {
            Self::Windows => 0,
            Self::RowsMissing => 1,
            Self::TimeUnreadable => 2,
            Self::LateRows => 3,
            Self::SkippedSeconds => 4,
            Self::SeriesOverflow => 5,
            // The lists of both are in the order of their variants.
            Self::Polls(outcome) => SINGLE + outcome as usize,
            Self::Rows(disposition) => SINGLE + OUTCOMES + disposition.index(),
            Self::RowsRejected(reason) => SINGLE + OUTCOMES + DISPOSITIONS + reason as usize,
        }
    }
}

impl Totals {
    pub fn get(&self, total: Total) -> u64 {
        self.0.get(total.index()).copied().unwrap_or_default()
    }

    pub fn add(&mut self, total: Total, amount: u64) {
        if let Some(value) = self.0.get_mut(total.index()) {
            *value = value.saturating_add(amount);
        }
    }

    /// Counts one row under its disposition, and under its reason if it was rejected.
    pub fn add_row(&mut self, disposition: Disposition) {
        self.add(Total::Rows(disposition), 1);
        if let Disposition::Rejected(reason) = disposition {
            self.add(Total::RowsRejected(reason), 1);
        }
    }

    /// The rows counted under a disposition's label.
    pub fn rows(&self, label: &str) -> u64 {
        let rows = self.0.iter().skip(SINGLE + OUTCOMES);
        Disposition::LABELS.iter().zip(rows).find(|(other, _)| **other == label).map_or(0, |(_, rows)| *rows)
    }

    /// Every counter under the name that the ledger knows it by.
    pub fn iter(&self) -> impl Iterator<Item = (String, u64)> {
        names().zip(self.0)
    }

    /// Sets a counter by its name in the ledger; false for a name that this version doesn't know.
    pub fn set(&mut self, name: &str, value: u64) -> bool {
        let found = names().zip(&mut self.0).find(|(other, _)| other == name);
        found.map(|(_, place)| *place = value).is_some()
    }
}

impl Default for Totals {
    fn default() -> Self {
        Self([0; Total::COUNT])
    }
}

/// The names, in the order of [`Total::index`].
fn names() -> impl Iterator<Item = String> {
    let single = ["windows", "rows_missing", "time_unreadable", "late_rows", "skipped_seconds", "series_overflow"];
    let polls = Outcome::ALL.map(|outcome| format!("polls/{outcome}"));
    let rows = Disposition::LABELS.map(|label| format!("rows/{label}"));
    let rejected = RejectReason::ALL.map(|reason| format!("rows_rejected/{}", reason.as_str()));
    single.into_iter().map(str::to_owned).chain(polls).chain(rows).chain(rejected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn every_counter_has_its_own_place_and_name() {
        let mut totals = Totals::default();
        for outcome in Outcome::ALL {
            totals.add(Total::Polls(outcome), 1);
        }
        for reason in RejectReason::ALL {
            totals.add_row(Disposition::Rejected(reason));
        }
        for disposition in [
            Disposition::Counted,
            Disposition::Duplicate,
            Disposition::OtherResult,
            Disposition::BeforeStart,
            Disposition::NotSelected,
        ] {
            totals.add_row(disposition);
        }
        for total in [
            Total::Windows,
            Total::RowsMissing,
            Total::TimeUnreadable,
            Total::LateRows,
            Total::SkippedSeconds,
            Total::SeriesOverflow,
        ] {
            totals.add(total, 1);
        }
        totals.add(Total::Polls(Outcome::Incomplete), u64::MAX);
        assert!(totals.set("polls/incomplete", 1), "which did not overflow");
        let all: Vec<_> = totals.iter().collect();
        assert_eq!(all.len(), Total::COUNT);
        assert!(all.iter().all(|(name, value)| *value == if name == "rows/rejected" { 3 } else { 1 }), "{all:?}");

        let mut again = Totals::default();
        assert!(all.iter().all(|(name, value)| again.set(name, *value)));
        assert_eq!(again, totals);
    }

    #[test]
    fn every_counter_is_stored_under_its_own_name() {
        let named = |total| {
            let mut totals = Totals::default();
            totals.add(total, 1);
            totals.iter().find(|(_, value)| *value == 1).map(|(name, _)| name).expect("it was counted")
        };
        for outcome in Outcome::ALL {
            assert_eq!(named(Total::Polls(outcome)), format!("polls/{outcome}"));
        }
        for reason in RejectReason::ALL {
            assert_eq!(named(Total::RowsRejected(reason)), format!("rows_rejected/{}", reason.as_str()));
            let disposition = Disposition::Rejected(reason);
            assert_eq!(named(Total::Rows(disposition)), format!("rows/{}", disposition.as_str()));
        }
        for disposition in [Disposition::Duplicate, Disposition::BeforeStart, Disposition::NotSelected] {
            assert_eq!(named(Total::Rows(disposition)), format!("rows/{}", disposition.as_str()));
        }
    }

    #[test]
    fn rows_are_told_by_the_label_of_their_disposition() {
        let mut totals = Totals::default();
        totals.add(Total::Rows(Disposition::Counted), 7);
        totals.add(Total::Rows(Disposition::NotSelected), 3);
        totals.add_row(Disposition::Rejected(RejectReason::Date));
        assert_eq!(
            ["counted", "not_selected", "rejected", "duplicate", "none"].map(|l| totals.rows(l)),
            [7, 3, 1, 0, 0]
        );
    }
}
