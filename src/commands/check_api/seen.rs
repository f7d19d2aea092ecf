use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::disposition::RejectReason;
use domain::offset::{Observation, OffsetObserver};
use domain::range::CivilRange;
use domain::row::{ReadRow, Row};
use domain::rules::{Rules, Skills};
use domain::summary::ReadSummary;
use domain::zone::told_instant_of;
use jiff::Timestamp;
use secrecy::SecretString;

use super::checked::{Skill, Type};
use crate::poller::MOST_UNKNOWN_RESULTS;
use crate::wolkvox::redact::redacted;

/// What the rows of an answer show. A call is a row that the report counts, each once.
#[derive(Debug, Default)]
pub struct Seen {
    pub rows: u64,
    pub calls: u64,
    /// Calls of skills that the configuration doesn't select.
    pub not_selected: u64,
    /// Label sets that the exporter would have for the calls.
    pub label_sets: usize,
    pub skills: Vec<Skill>,
    pub types: Vec<Type>,
    /// Calls without a time that can be read.
    pub untimed: u64,
    /// Rows with another result.
    pub other_results: u64,
    /// Results that count though nobody knows them, fit to be shown: a few.
    pub unknown_results: BTreeSet<String>,
    /// Rows that can't be used, by the reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// The offset of the dates; `None` where too few calls tell.
    pub offset: Option<Observation>,
    /// The latest date, in the configured zone.
    pub newest: Option<Timestamp>,
}

impl Seen {
    /// Looks at the rows of an answer to a question for `range`, which was asked with `token`.
    pub fn of(rows: &[ReadRow], range: CivilRange, rules: &Rules, token: Option<&SecretString>) -> Self {
        let mut seen = Self { rows: rows.len() as u64, ..Self::default() };
        let mut ids = BTreeSet::new();
        let mut readable = Vec::new();
        for row in rows {
            match row {
                ReadRow::Rejected { reason, .. } => seen.reject(*reason),
                ReadRow::Row(row) if !range.contains(row.date) => seen.reject(RejectReason::Range),
                ReadRow::Row(row) if ids.insert(row.id) => readable.push(row),
                ReadRow::Row(_) => {}
            }
        }
        let mut observer = OffsetObserver::default();
        observer.observe(readable.iter().copied(), &rules.zone);
        seen.offset = observer.known();
        seen.newest = readable.iter().filter_map(|row| told_instant_of(&rules.zone, row.date, row.began)).max();
        let (calls, others): (Vec<&Row>, Vec<&Row>) = readable.into_iter().partition(|row| row.counts);
        seen.other_results = others.len() as u64;
        let unknown: BTreeSet<_> = calls.iter().filter_map(|row| row.unknown_result.as_ref()).collect();
        seen.unknown_results =
            unknown.into_iter().take(MOST_UNKNOWN_RESULTS).map(|result| redacted(result, token)).collect();
        seen.count(&calls, &rules.skills);
        seen
    }

    fn reject(&mut self, reason: RejectReason) {
        let count = self.rejected.entry(reason.as_str()).or_default();
        *count = count.saturating_add(1);
    }

    fn count(&mut self, calls: &[&Row], selected: &Skills) {
        let mut skills: BTreeMap<&Arc<str>, (Option<&Arc<str>>, u64)> = BTreeMap::new();
        let mut types: BTreeMap<&Arc<str>, u64> = BTreeMap::new();
        let mut label_sets = BTreeSet::new();
        for row in calls {
            let (name, count) = skills.entry(&row.skill_id).or_default();
            *name = row.skill_name.as_ref().or(*name);
            *count = count.saturating_add(1);
            let count = types.entry(&row.type_interaction).or_default();
            *count = count.saturating_add(1);
            if selected.selects(&row.skill_id) {
                label_sets.insert((&row.skill_id, &row.type_interaction));
            } else {
                self.not_selected = self.not_selected.saturating_add(1);
            }
            self.untimed = self.untimed.saturating_add(u64::from(row.waited.is_none()));
        }
        self.calls = calls.len() as u64;
        self.label_sets = label_sets.len();
        let skill = |(id, (name, calls)): (&Arc<str>, (Option<&Arc<str>>, u64))| Skill {
            skill_id: id.to_string(),
            skill_name: name.unwrap_or(id).to_string(),
            calls,
        };
        self.skills = skills.into_iter().map(skill).collect();
        self.skills.sort_by_key(|skill| std::cmp::Reverse(skill.calls));
        self.types =
            types.into_iter().map(|(kind, calls)| Type { type_interaction: kind.to_string(), calls }).collect();
        self.types.sort_by_key(|kind| std::cmp::Reverse(kind.calls));
    }

    /// Whether most rows can't be used.
    pub fn is_mostly_rejected(&self) -> bool {
        let rejected = self.rejected.values().sum();
        ReadSummary { rows: self.rows, rejected, ..ReadSummary::default() }.is_mostly_rejected()
    }
}
