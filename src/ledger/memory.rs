//! An engine in memory: the contract of [`Store`] in the fewest words, for the tests that hold SQLite against it.

use std::collections::BTreeMap;

use domain::identity::RowId;
use domain::tally::Sightings;

use super::error::CommitError;
use super::row::{Row, Table};
use super::seen::SeenRow;
use super::store::{Change, Store, StoreError};

#[derive(Debug, Default)]
pub struct Memory {
    rows: BTreeMap<(Table, i64, String), Row>,
    seen: BTreeMap<(i64, [u8; 16]), SeenRow>,
    digests: BTreeMap<i64, i64>,
}

fn key(row: &Row) -> (Table, i64, String) {
    (row.table, row.scope, format!("{:?}", row.key()))
}

impl Store for Memory {
    fn keep(&mut self) -> Result<(), CommitError> {
        Ok(())
    }

    fn commit(&mut self, changes: &[&Change], hash_key: &[u8; 16]) -> Vec<Result<(), StoreError>> {
        for change in changes {
            for edit in &change.edits {
                edit.before.as_ref().map(|row| self.rows.remove(&key(row)));
                edit.after.as_ref().map(|row| self.rows.insert(key(row), row.clone()));
            }
            let account = change.scope.account;
            for seen in &change.seen {
                self.seen.insert((account, seen.id.0), SeenRow::new(seen.id, &seen.after));
            }
            if let Some(date) = change.forget_before {
                self.seen.retain(|(of, _), row| *of != account || row.date >= date);
            }
            *self.digests.entry(change.scope.operation).or_default() ^= change.digest(hash_key);
        }
        changes.iter().map(|_| Ok(())).collect()
    }

    fn rows_of(&mut self, scope: i64, is_operation: bool, each: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        let of_scope = |row: &&Row| row.scope == scope && Table::OF_OPERATION.contains(&row.table) == is_operation;
        self.rows.values().filter(of_scope).cloned().for_each(each);
        Ok(())
    }

    fn rows(&mut self, each: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        self.rows.values().cloned().for_each(each);
        Ok(())
    }

    fn sightings(&mut self, account: i64, ids: &[RowId]) -> Result<Sightings, StoreError> {
        let found = ids.iter().filter_map(|id| Some((*id, self.seen.get(&(account, id.0))?.sighting())));
        Ok(found.collect())
    }

    fn seen_before(&mut self, account: i64, date: i64) -> Result<Vec<SeenRow>, StoreError> {
        let old = self.seen.iter().filter(|((of, _), row)| *of == account && row.date < date);
        Ok(old.map(|(_, row)| row.clone()).collect())
    }

    fn seen(&mut self, each: &mut dyn FnMut(i64, SeenRow)) -> Result<(), StoreError> {
        self.seen.iter().for_each(|((account, _), row)| each(*account, row.clone()));
        Ok(())
    }

    fn digests(&mut self) -> Result<BTreeMap<i64, i64>, StoreError> {
        Ok(self.digests.clone())
    }

    fn size(&self) -> u64 {
        0
    }
}
