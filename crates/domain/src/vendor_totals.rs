use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::label;
use super::report::{REPORTS, ReportKind};
use super::row_parse::Field;

/// What the API calls its report of totals.
pub const API: &str = "skill_1";

/// The label `report`, and its name in the configuration.
pub const NAME: &str = "totals";

/// The fields that a comparison hangs on. A list or an object in one of them makes the row unreadable.
pub const FIELDS: [&str; 3] = ["skill_id", "abandon_calls", "answer_calls"];

/// More skills than a configuration lets an operation have are no answer to be compared.
pub const MOST_SKILLS: usize = 20_000;

/// The vendor's own totals of a stretch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VendorTotals {
    /// By id.
    pub skills: BTreeMap<Arc<str>, VendorSkill>,
    /// Rows that are of nobody knows which skill.
    pub unreadable_rows: u64,
}

/// What the vendor says of one skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorSkill {
    pub name: Option<Arc<str>>,
    /// The calls of each of [`REPORTS`], in their order; `None` where the number can't be read.
    calls: [Option<u64>; REPORTS.len()],
}

/// One row; `None` where it is of nobody knows which skill: misshapen, or of another report.
pub type VendorRow = Option<(Arc<str>, VendorSkill)>;

/// Reads a row.
pub fn row(fields: &[Field<'_>]) -> VendorRow {
    // Where a name occurs twice the last one stands.
    let field =
        |wanted: &str| fields.iter().rev().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.trim());
    let skill = VendorSkill {
        name: label::skill_name(field("skill_name")).map(|name| Arc::from(&*name)),
        calls: REPORTS.map(|report| field(report.total_field).parse().ok()),
    };
    let skill_id = label::skill_id(field("skill_id"));
    (skill_id != label::UNKNOWN || !skill.is_unreadable()).then(|| (Arc::from(&*skill_id), skill))
}

impl VendorTotals {
    pub fn is_empty(&self) -> bool {
        self.skills.is_empty() && self.unreadable_rows == 0
    }

    /// The calls of a report in a skill: 0 where the vendor has no such skill, `None` where that is not known.
    pub fn calls(&self, report: &ReportKind, skill_id: &str) -> Option<u64> {
        match self.skills.get(skill_id) {
            Some(skill) => skill.calls(report),
            None => (self.unreadable_rows == 0).then_some(0),
        }
    }
}

impl VendorSkill {
    /// Whether none of its numbers can be read, as where the row is of another report.
    pub fn is_unreadable(&self) -> bool {
        self.calls.iter().all(Option::is_none)
    }

    fn calls(&self, report: &ReportKind) -> Option<u64> {
        REPORTS.iter().zip(self.calls).find(|(other, _)| other.name == report.name)?.1
    }
}

/// Of two rows of one skill that differ, nobody knows whether they are parts of it or one of them is old: its numbers are
/// then unreadable.
impl FromIterator<VendorRow> for VendorTotals {
    fn from_iter<I: IntoIterator<Item = VendorRow>>(rows: I) -> Self {
        let mut totals = Self::default();
        for row in rows {
            let Some((skill_id, skill)) = row else {
                totals.unreadable_rows = totals.unreadable_rows.saturating_add(1);
                continue;
            };
            let known = totals.skills.entry(skill_id).or_insert_with(|| skill.clone());
            for (calls, others) in known.calls.iter_mut().zip(skill.calls) {
                *calls = calls.filter(|calls| Some(*calls) == others);
            }
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{ABANDONED, ANSWERED};
    use alloc::vec::Vec;

    fn read(text: &[(&'static str, &'static str)]) -> VendorRow {
        row(&text.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect::<Vec<_>>())
    }

    fn both(totals: &VendorTotals, skill_id: &str) -> [Option<u64>; 2] {
        [&ABANDONED, &ANSWERED].map(|report| totals.calls(report, skill_id))
    }

    #[test]
    fn numbers_are_read_and_what_is_none_is_not_known() {
        let of = |abandoned, answered| {
            let row = read(&[("skill_id", " 7 "), ("abandon_calls", abandoned), ("answer_calls", answered)]);
            both(&[row].into_iter().collect(), "7")
        };
        assert_eq!(of("12", " 340 "), [Some(12), Some(340)]);
        assert_eq!(of("0", "00"), [Some(0), Some(0)]);
        for bad in ["", "-", "-1", "1.5", "1,200", "NaN", "many", "99999999999999999999999"] {
            assert_eq!(of(bad, "3"), [None, Some(3)], "{bad}");
        }
    }

    #[test]
    fn a_skill_that_is_not_there_has_no_calls_unless_a_row_was_lost() {
        let one = || read(&[("skill_id", "7"), ("abandon_calls", "1"), ("answer_calls", "2")]);
        let whole: VendorTotals = [one()].into_iter().collect();
        assert_eq!((both(&whole, "8"), whole.is_empty()), ([Some(0); 2], false));
        let spoilt: VendorTotals = [one(), None].into_iter().collect();
        assert_eq!([both(&spoilt, "7"), both(&spoilt, "8")], [[Some(1), Some(2)], [None; 2]]);
        assert!(VendorTotals::default().is_empty());
        assert!(!VendorTotals::from_iter([None]).is_empty());
    }

    #[test]
    fn a_skill_that_comes_twice_is_known_where_both_rows_say_the_same() {
        let row = |abandoned| read(&[("skill_id", "7"), ("abandon_calls", abandoned), ("answer_calls", "2")]);
        let totals: VendorTotals = [row("1"), row("1")].into_iter().collect();
        assert_eq!(both(&totals, "7"), [Some(1), Some(2)]);
        let totals: VendorTotals = [row("1"), row("3"), row("1")].into_iter().collect();
        assert_eq!(both(&totals, "7"), [None, Some(2)]);
    }

    #[test]
    fn what_has_no_skill_is_unknown() {
        for marker in ["", "-", "0"] {
            let totals: VendorTotals = [read(&[("skill_id", marker), ("abandon_calls", "1")])].into_iter().collect();
            assert_eq!(both(&totals, label::UNKNOWN), [Some(1), None], "{marker}");
        }
        for other in [&[][..], &[("skill_id", "-"), ("hour", "10:00")], &[("agent_id", "7"), ("calls", "12")]] {
            assert_eq!(read(other), None, "a row of another report: {other:?}");
        }
    }
}
