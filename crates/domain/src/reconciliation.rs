//! What was counted beside the vendor's own totals of the same local day. Shown, and never corrected by.

mod day;
mod readings;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::account::Account;
use super::days::DAYS_KEPT;
use super::instant::{earlier, later};
use super::outcome::Outcome;
use super::range::CivilRange;
use super::report::ReportKind;
use super::rules::Rules;
use super::totals::{Total, Totals};
use super::vendor_totals::VendorTotals;
use super::zone::day_stretch;

pub use day::{Compared, NotCompared, Reconciled};
pub use readings::{Reading, Readings};

/// After a call that failed the same day is asked for again so much later, until the next one is due.
pub const TRY_AGAIN_AFTER: Duration = Duration::from_secs(3_600);

/// A report that has fallen behind the others is waited for so long from when the first of them had read a day. Not by their data:
/// after an outage of all of them one is ahead of the others for a moment, and by hours.
pub const WAIT_FOR_REPORTS: Duration = Duration::from_secs(3_600);

/// All that is kept of an operation's comparisons. In the ledger first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reconciliation {
    /// Of the calls for the vendor's totals; no other counter of these is one of theirs.
    pub totals: Totals,
    /// Whether the vendor's totals have ever had a skill in them.
    pub has_answered: bool,
    /// The day that was asked for last, and when.
    pub asked: Option<(Date, Timestamp)>,
    /// The last day whose totals came, if only empty ones: it is not asked for again.
    pub answered: Option<Date>,
    /// The last day that was compared with a report.
    pub day: Option<Date>,
    /// By name. What of them is not of a report of now is that of one which was switched off.
    pub reports: BTreeMap<Arc<str>, OfReport>,
}

/// The comparisons of one report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OfReport {
    /// That of [`Reconciliation::day`]; `None` where this report did not cover it whole.
    pub reconciled: Option<Reconciled>,
    pub readings: Readings,
}

/// What has been counted of a report.
#[derive(Debug, Clone, Copy)]
pub struct Book<'a> {
    pub kind: &'static ReportKind,
    pub account: &'a Account,
    pub rules: &'a Rules,
}

impl Reconciliation {
    /// The day that is to be asked for, and how long after `now`, by the clock that windows are planned by. `None` while
    /// there is none: a day is due when it is over, and the longest overlap has been read after it, so that all that was
    /// late has been asked for; one that no report covers whole is not asked for at all. Where not all reports have read as
    /// far, it is due once those that have not were `waited` for.
    pub fn due(&self, books: &[Book<'_>], now: Timestamp, waited: bool) -> Option<(Date, Duration)> {
        let overlap = books.iter().map(|book| book.rules.overlap).max()?;
        let read = books.iter().map(|book| {
            let until = book.account.marks.complete_until.min(now);
            last_day_before(&book.rules.zone, earlier(until, overlap))
        });
        let date = if waited { read.max() } else { read.min() }.flatten();
        let date = date.filter(|date| self.answered.is_none_or(|answered| answered < *date))?;
        books.iter().any(|book| book.covers(date)).then_some(())?;
        let wait = match self.asked {
            // A clock that was put back since then must not make anybody wait for it.
            Some((asked, at)) if asked == date && at <= now => {
                Duration::try_from(later(at, TRY_AGAIN_AFTER).duration_since(now)).unwrap_or_default()
            }
            _ => Duration::ZERO,
        };
        Some((date, wait))
    }

    /// Notes how a call for a day's totals ended, and compares them with each report that covers the day whole.
    pub fn ended(&mut self, date: Date, at: Timestamp, told: Result<&VendorTotals, Outcome>, books: &[Book<'_>]) {
        self.asked = Some((date, at));
        let totals = match told {
            Ok(totals) => totals,
            Err(outcome) => return self.totals.add(Total::Polls(outcome), 1),
        };
        self.totals.add(Total::Polls(if totals.is_empty() { Outcome::Empty } else { Outcome::Ok }), 1);
        self.has_answered |= !totals.is_empty();
        // A server without the report says so by the same words as one that has no calls.
        if totals.is_empty() && !(self.has_answered && books.iter().all(|book| book.calls(date) == 0)) {
            self.answered = Some(date);
            return;
        }
        let compared: BTreeMap<_, _> = books
            .iter()
            .filter(|book| book.covers(date))
            .map(|book| (book.kind.name, Reconciled::new(book, date, totals)))
            .collect();
        // None, where the account was taken back meanwhile.
        if compared.is_empty() {
            return;
        }
        (self.answered, self.day) = (Some(date), Some(date));
        self.reports.values_mut().for_each(|report| report.reconciled = None);
        for (name, reconciled) in compared {
            let report = self.reports.entry(name.into()).or_default();
            report.readings.note(date, reconciled.agrees_with());
            report.reconciled = Some(reconciled);
        }
    }

    /// The last day, if its answer had nothing in it beside calls that were counted, and is no comparison for that.
    pub fn told_nothing_of(&self) -> Option<Date> {
        self.answered.filter(|answered| Some(*answered) > self.day)
    }
}

impl Book<'_> {
    /// Whether it has read all of the day, whose rows are asked for by its dates.
    pub fn covers(&self, date: Date) -> bool {
        day_stretch(&self.rules.zone, date).is_some_and(|day| self.account.coverage(day).is_whole())
    }

    fn calls(&self, date: Date) -> u64 {
        let day = self.account.days.days.get(&date);
        day.map_or(0, |day| day.series.values().fold(0, |sum, counts| sum.saturating_add(counts.calls)))
    }
}

/// All seconds of a local day.
pub fn range_of(date: Date) -> CivilRange {
    CivilRange { ini: date.at(0, 0, 0, 0), end: date.at(23, 59, 59, 0) }
}

/// The last local day that is over at an instant.
fn last_day_before(zone: &TimeZone, at: Timestamp) -> Option<Date> {
    let mut date = zone.to_datetime(at).date();
    // Yesterday, as a rule; where a calendar left a day out, the one before.
    for _ in 0..=2 {
        if day_stretch(zone, date).is_some_and(|day| day.to <= at) {
            return Some(date);
        }
        date = date.yesterday().ok()?;
    }
    None
}

/// Of how many days the readings are remembered: of all whose calls are.
const DAYS: usize = DAYS_KEPT as usize;

#[cfg(test)]
mod tests;
