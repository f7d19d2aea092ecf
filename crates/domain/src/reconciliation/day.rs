use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use jiff::civil::Date;

use super::{Book, Reading};
use crate::days::Day;
use crate::label::UNKNOWN;
use crate::series::OTHER;
use crate::vendor_totals::VendorTotals;

/// A day agrees with a reading if the two are no further apart than this many calls,
const NEAR_CALLS: u64 = 3;
/// or than one call in so many.
const NEAR_SHARE: u64 = 100;

/// A local day of one report beside the vendor's totals.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reconciled {
    /// By id: all that the vendor or the ledger knows calls of.
    pub skills: BTreeMap<Arc<str>, Compared>,
    /// The vendor's calls of the skills that were compared.
    pub vendor_calls: u64,
    /// Rows that are or may be of this day, and that could not be counted: they may be a difference.
    pub uncounted_rows: u64,
}

/// What came of one skill.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// As the vendor's totals have it, where the ledger knew none; the id where neither does.
    pub name: Arc<str>,
    /// The vendor's total less ours by each of [`Reading::ALL`]. What one side lacks counts as 0 there.
    pub differences: Result<[i64; Reading::ALL.len()], NotCompared>,
}

/// Why a skill was not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotCompared {
    /// It is no skill of the vendor's, but where calls go that have none or no room.
    NoSkill,
    /// Outside `skills`, or partly counted as another one, on that day.
    LeftOut,
    /// The vendor's number can't be read.
    Unreadable,
}

impl Reconciled {
    /// Compares a day that the report covers whole.
    pub(super) fn new(book: &Book<'_>, date: Date, theirs: &VendorTotals) -> Self {
        let Book { kind, account, rules } = book;
        let day = account.days.days.get(&date);
        let ours =
            Reading::ALL.map(|reading| account.day_by_skill(date, |type_interaction| reading.has(type_interaction)));
        let ids: BTreeSet<&Arc<str>> = theirs.skills.keys().chain(ours.iter().flatten().map(|(id, _)| id)).collect();
        let left_out = |skill_id: &Arc<str>| {
            !rules.skills.selects(skill_id) || day.is_some_and(|day: &Arc<Day>| day.left_out.contains(skill_id))
        };
        let mut reconciled = Self { uncounted_rows: day.map_or(0, |day| day.uncounted_rows), ..Self::default() };
        for skill_id in ids {
            let told = theirs.calls(kind, skill_id);
            let differences = match told {
                _ if [OTHER, UNKNOWN].contains(&&**skill_id) => Err(NotCompared::NoSkill),
                _ if left_out(skill_id) => Err(NotCompared::LeftOut),
                None => Err(NotCompared::Unreadable),
                Some(told) => {
                    reconciled.vendor_calls = reconciled.vendor_calls.saturating_add(told);
                    let counted = ours.each_ref().map(|ours| ours.get(skill_id).map_or(0, |counts| counts.calls));
                    Ok(counted.map(|counted| signed(told).saturating_sub(signed(counted))))
                }
            };
            let said = account.skills.get(skill_id).map(|said| &said.name);
            let name = said.or_else(|| theirs.skills.get(skill_id)?.name.as_ref()).unwrap_or(skill_id).clone();
            reconciled.skills.insert(skill_id.clone(), Compared { name, differences });
        }
        reconciled
    }

    /// The differences by a reading, of the skills that were compared.
    pub fn by(&self, reading: Reading) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, i64)> {
        let place = Reading::ALL.iter().position(|other| *other == reading).unwrap_or_default();
        self.skills.iter().filter_map(move |(id, Compared { name, differences })| {
            Some((id, name, *differences.as_ref().ok()?.get(place)?))
        })
    }

    pub fn not_compared(&self) -> impl Iterator<Item = (&Arc<str>, NotCompared)> {
        self.skills.values().filter_map(|skill| Some((&skill.name, skill.differences.err()?)))
    }

    /// The readings that the day agrees with, to a few calls; `None` where nothing was compared.
    pub fn agrees_with(&self) -> Option<BTreeSet<Reading>> {
        let agrees = |reading: &Reading| {
            let apart =
                self.by(*reading).fold(0u64, |sum, (_, _, difference)| sum.saturating_add(difference.unsigned_abs()));
            apart <= NEAR_CALLS || apart.saturating_mul(NEAR_SHARE) <= self.vendor_calls
        };
        let something = self.skills.values().any(|skill| skill.differences.is_ok());
        something.then(|| Reading::ALL.into_iter().filter(agrees).collect())
    }
}

fn signed(calls: u64) -> i64 {
    i64::try_from(calls).unwrap_or(i64::MAX)
}
