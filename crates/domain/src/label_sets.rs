//! Label sets and names of skills are the operation's: each of its accounts has all of them.

use alloc::sync::Arc;

use jiff::Timestamp;

use super::account::Account;
use super::series::{Hold, Series, SeriesKey};

impl Account {
    /// The account with the label sets and names that another report of the operation has found since; `None` where there
    /// are none. They are shown when the other one shows them: what is new at 0, what has moved to another name with its old
    /// value.
    pub fn with_label_sets_of(&self, other: &Self) -> Option<Self> {
        let has_all = self.series.len() == other.series.len();
        if has_all && self.skills == other.skills {
            return None;
        }
        let mut account = self.clone();
        for (skill_id, said) in &other.skills {
            if self.skills.get(skill_id).is_some_and(|known| known.name != said.name) {
                account.move_skill(skill_id, other);
            }
        }
        account.skills.clone_from(&other.skills);
        for (key, theirs) in &other.series {
            account.series.entry(key.clone()).or_insert_with(|| Arc::new(Series::new(theirs.number, since(theirs))));
        }
        Some(account)
    }

    /// Gives the account the label sets that its operation has, by number, and that it lacks: new ones, from `now` on.
    pub fn add_label_sets(&mut self, sets: impl IntoIterator<Item = (u32, SeriesKey)>, now: Timestamp) {
        for (number, key) in sets {
            self.series.entry(key).or_insert_with(|| Arc::new(Series::new(number, now)));
        }
    }

    fn move_skill(&mut self, skill_id: &Arc<str>, other: &Self) {
        let first = SeriesKey::first_of(skill_id);
        for (key, series) in self.series.range_mut(first..).take_while(|(key, _)| key.skill_id == *skill_id) {
            let Some(theirs) = other.series.get(key) else { continue };
            let shown = series.shown().clone();
            Arc::make_mut(series).hold = Some(Hold { shown, since: since(theirs) });
        }
    }
}

/// Since when a series that has just changed is on hold.
fn since(series: &Series) -> Timestamp {
    series.hold.as_ref().map_or(Timestamp::MIN, |hold| hold.since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::SkillName;
    use crate::window::Windows;
    use core::time::Duration;
    use jiff::civil::date;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn key(skill: &str) -> SeriesKey {
        SeriesKey { skill_id: skill.into(), type_interaction: "inbound".into() }
    }

    fn named(name: &str) -> SkillName {
        SkillName { name: name.into(), as_of: date(2026, 3, 1).at(12, 0, 0, 0) }
    }

    /// Two reports that both have skill 1, the first with three calls and the second with eight.
    fn reports() -> (Account, Account) {
        let mut one = Account::new(&Windows::new(Duration::from_secs(300), Duration::from_secs(60)), at(0));
        one.add_label_sets([(0, key("1"))], at(0));
        one.skills.insert("1".into(), named("Ventas"));
        one.release(Duration::ZERO, at(0));
        let mut other = one.clone();
        for (account, calls) in [(&mut one, 3), (&mut other, 8)] {
            Arc::make_mut(account.series.get_mut(&key("1")).unwrap()).counts.calls = calls;
        }
        (one, other)
    }

    fn shown(account: &Account) -> alloc::vec::Vec<u64> {
        account.series.values().map(|series| series.shown().calls).collect()
    }

    #[test]
    fn nothing_new_changes_nothing() {
        let (one, other) = reports();
        assert_eq!(one.with_label_sets_of(&other), None);
    }

    #[test]
    fn a_set_of_one_report_stands_in_the_other_at_0_and_under_the_same_number() {
        let (mut one, other) = reports();
        one.add_label_sets([(1, key("2"))], at(500));
        one.skills.insert("2".into(), named("Soporte"));
        let other = other.with_label_sets_of(&one).unwrap();
        assert_eq!((shown(&other), other.series[&key("2")].number), (alloc::vec![8, 0], 1));
        assert_eq!(other.skills, one.skills);
        // Both end their holds at the same time.
        let next = |account: &Account| account.next_release(Duration::from_secs(90), at(501));
        assert_eq!((next(&one), next(&other)), (Some(at(590)), Some(at(590))));
    }

    #[test]
    fn a_rename_moves_the_series_of_both_with_what_they_showed() {
        let (mut one, mut other) = reports();
        one.skills.insert("1".into(), named("Ventas 2"));
        let series = Arc::make_mut(one.series.get_mut(&key("1")).unwrap());
        series.hold = Some(Hold { shown: series.counts.clone(), since: at(700) });
        other = other.with_label_sets_of(&one).unwrap();
        Arc::make_mut(other.series.get_mut(&key("1")).unwrap()).counts.calls += 4;
        assert_eq!(shown(&other), [8]);
        other.release(Duration::from_secs(90), at(790));
        assert_eq!(shown(&other), [12]);
    }
}
