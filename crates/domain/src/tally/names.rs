use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::sync::Arc;

use jiff::Timestamp;

use crate::account::{Account, SkillName};
use crate::row::Row;
use crate::series::{Hold, SeriesKey};

/// The most recent name of each skill in an answer.
#[derive(Default)]
pub(super) struct Names(BTreeMap<Arc<str>, SkillName>);

impl Names {
    pub fn note(&mut self, row: &Row) {
        let Some(name) = &row.skill_name else { return };
        let said = SkillName { name: name.clone(), as_of: row.date };
        match self.0.entry(row.skill_id.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(said);
            }
            // Two names in one second: which one comes last says nothing, for no order is promised.
            Entry::Occupied(mut noted) if (noted.get().as_of, &noted.get().name) < (said.as_of, &said.name) => {
                noted.insert(said);
            }
            Entry::Occupied(_) => {}
        }
    }

    /// Takes them over. A series whose skill has a new name is a new one to Prometheus: it is held at what it showed
    /// `before`.
    pub fn rename_skills(self, account: &mut Account, before: &Account, now: Timestamp) {
        for (skill_id, said) in self.0 {
            let first = SeriesKey::first_of(&skill_id);
            let mut own = account.series.range_mut(first..).take_while(|(key, _)| key.skill_id == skill_id).peekable();
            if own.peek().is_none() {
                continue;
            }
            let known = account.skills.get(&skill_id);
            // At the same second the known name stays: a read that repeats both would otherwise rename at each poll.
            if known.is_some_and(|known| known.as_of >= said.as_of) {
                continue;
            }
            let shown_name = known.map_or(&skill_id, |known| &known.name);
            if *shown_name != said.name {
                for (key, series) in own {
                    if let Some(earlier) = before.series.get(key) {
                        let shown = earlier.shown().clone();
                        Arc::make_mut(series).hold = Some(Hold { shown, since: now });
                    }
                }
            }
            account.skills.insert(skill_id, said);
        }
    }
}
