//! The engine that keeps a ledger in a SQLite file.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ToSql, TransactionBehavior, params, params_from_iter};

use domain::identity::RowId;
use domain::tally::{self, Sightings};

use super::error::{CommitError, told};
use super::file::{OwnFile, beside};
use super::row::{Edit, Row, Table, Value};
use super::seen::SeenRow;
use super::store::{Change, Store, StoreError};

/// Statements that are kept ready: two for each table, and some.
const STATEMENTS: usize = 64;

/// An identity that comes so many after another one is come to by going on from there, and is not looked up for itself: a
/// long answer has most of those that are stored, a short one few.
const NEAR: u32 = 2;

/// An open database. In this order, for closing it needs the locks that go with the file.
#[derive(Debug)]
pub struct Sqlite {
    pub(super) connection: Connection,
    pub(super) file: OwnFile,
}

impl Sqlite {
    pub fn new(connection: Connection, file: OwnFile) -> Self {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Self { connection, file }
    }

    /// Closes the database, and keeps the lock.
    pub fn into_file(self) -> OwnFile {
        self.file
    }

    /// One transaction, with a savepoint for each change. An error is of the transaction, and nothing was stored.
    fn together(&mut self, changes: &[&Change], key: &[u8; 16]) -> rusqlite::Result<Vec<Result<(), StoreError>>> {
        let mut transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut stored = Vec::with_capacity(changes.len());
        for change in changes {
            let mut savepoint = transaction.savepoint()?;
            match store(&savepoint, change, key) {
                Ok(()) => {
                    savepoint.commit()?;
                    stored.push(Ok(()));
                }
                Err(error) => {
                    // An error that has ended the transaction leaves none to go back to.
                    if savepoint.rollback().is_err() {
                        return Err(error);
                    }
                    stored.push(Err(error.into()));
                }
            }
        }
        transaction.commit()?;
        Ok(stored)
    }
}

fn store(connection: &Connection, change: &Change, key: &[u8; 16]) -> rusqlite::Result<()> {
    for edit in &change.edits {
        match edit {
            Edit { after: Some(row), .. } => {
                let mut statement = connection.prepare_cached(&insert(row.table))?;
                statement.execute(params_from_iter(
                    std::iter::once(&row.scope as &dyn ToSql).chain(columns(&row.columns)),
                ))?;
            }
            Edit { before: Some(row), after: None } => {
                let mut statement = connection.prepare_cached(&delete(row.table))?;
                statement
                    .execute(params_from_iter(std::iter::once(&row.scope as &dyn ToSql).chain(columns(row.key()))))?;
            }
            Edit { before: None, after: None } => {}
        }
    }
    let account = change.scope.account;
    // In the order of the table: it then grows at one place after another.
    let mut seen: Vec<_> = change.seen.iter().collect();
    seen.sort_unstable_by_key(|change| change.id);
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO seen (account, id, date, verdict, contents) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for tally::Change { id, after, .. } in seen {
        let SeenRow { id, date, verdict, contents } = SeenRow::new(*id, after);
        statement.execute(params![account, id, date, verdict, contents])?;
    }
    if let Some(date) = change.forget_before {
        connection.prepare_cached("DELETE FROM seen WHERE account = ?1 AND date < ?2")?.execute([account, date])?;
    }
    // SQLite has no exclusive or: (a | b) - (a & b).
    connection
        .prepare_cached(
            "INSERT INTO digest (operation, digest) VALUES (?1, ?2)
                ON CONFLICT DO UPDATE SET digest = (digest | ?2) - (digest & ?2)",
        )?
        .execute([change.scope.operation, change.digest(key)])?;
    Ok(())
}

impl Store for Sqlite {
    fn keep(&mut self) -> Result<(), CommitError> {
        self.keep_in_place()
    }

    fn commit(&mut self, changes: &[&Change], key: &[u8; 16]) -> Vec<Result<(), StoreError>> {
        match self.together(changes, key) {
            Ok(stored) => stored,
            Err(error) if changes.len() == 1 => vec![Err(error.into())],
            // A full disk ends a transaction whole: each by itself then, for some may still fit.
            Err(_) => changes.iter().flat_map(|change| self.commit(&[change], key)).collect(),
        }
    }

    fn rows_of(&mut self, scope: i64, is_operation: bool, each: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        for table in Table::ALL.into_iter().filter(|table| Table::OF_OPERATION.contains(table) == is_operation) {
            let select = format!("{} WHERE {} = ?1", select(table), table.scope());
            let mut statement = self.connection.prepare_cached(&select)?;
            let mut rows = statement.query([scope])?;
            while let Some(row) = rows.next()? {
                each(read(table, row)?);
            }
        }
        Ok(())
    }

    fn rows(&mut self, each: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        for table in Table::ALL {
            let mut statement = self.connection.prepare(&select(table))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                each(read(table, row)?);
            }
        }
        Ok(())
    }

    fn sightings(&mut self, account: i64, ids: &[RowId]) -> Result<Sightings, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, date, verdict, contents FROM seen WHERE account = ?1 AND id >= ?2 ORDER BY id",
        )?;
        debug_assert!(ids.is_sorted());
        let mut sightings = Sightings::new();
        let mut ids = ids.iter().peekable();
        while let Some(id) = ids.peek() {
            let mut rows = statement.query(params![account, id.0])?;
            let mut passed = 0;
            while passed <= NEAR {
                let Some(row) = rows.next()? else { return Ok(sightings) };
                let stored = RowId(row.get(0)?);
                while ids.next_if(|id| **id < stored).is_some() {}
                match ids.next_if(|id| **id == stored) {
                    Some(id) => {
                        sightings.insert(*id, seen_row(row)?.sighting());
                        passed = 0;
                    }
                    None => passed += 1,
                }
            }
        }
        Ok(sightings)
    }

    fn seen_before(&mut self, account: i64, date: i64) -> Result<Vec<SeenRow>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, date, verdict, contents FROM seen WHERE account = ?1 AND date < ?2")?;
        let rows = statement.query_map([account, date], seen_row)?.collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }

    fn seen(&mut self, each: &mut dyn FnMut(i64, SeenRow)) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare("SELECT id, date, verdict, contents, account FROM seen")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(row.get(4)?, seen_row(row)?);
        }
        Ok(())
    }

    fn digests(&mut self) -> Result<BTreeMap<i64, i64>, StoreError> {
        let mut statement = self.connection.prepare("SELECT operation, digest FROM digest")?;
        let digests = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(digests.collect::<rusqlite::Result<_>>()?)
    }

    fn size(&self) -> u64 {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        size(self.file.path()) + size(&beside(self.file.path(), "-wal"))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self(told(&error))
    }
}

fn insert(table: Table) -> String {
    let (columns, _) = table.columns();
    let places: String = (0..columns.len()).map(|at| format!(", ?{}", at + 2)).collect();
    format!("INSERT OR REPLACE INTO {} ({}, {}) VALUES (?1{places})", table.name(), table.scope(), columns.join(", "))
}

fn delete(table: Table) -> String {
    let (columns, keys) = table.columns();
    let keys: String =
        columns.iter().take(keys).enumerate().map(|(at, name)| format!(" AND {name} = ?{}", at + 2)).collect();
    format!("DELETE FROM {} WHERE {} = ?1{keys}", table.name(), table.scope())
}

fn select(table: Table) -> String {
    format!("SELECT {}, {} FROM {}", table.scope(), table.columns().0.join(", "), table.name())
}

fn columns(values: &[Value]) -> impl Iterator<Item = &dyn ToSql> {
    values.iter().map(|value| match value {
        Value::Null => &rusqlite::types::Null as &dyn ToSql,
        Value::Integer(number) => number,
        Value::Real(number) => number,
        Value::Text(text) => text,
    })
}

fn read(table: Table, row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let count = table.columns().0.len();
    let mut columns = Vec::with_capacity(count);
    for column in 1..=count {
        columns.push(match row.get_ref(column)? {
            ValueRef::Null | ValueRef::Blob(_) => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(text) => Value::Text(std::str::from_utf8(text)?.into()),
        });
    }
    Ok(Row { table, scope: row.get(0)?, columns })
}

fn seen_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<SeenRow> {
    Ok(SeenRow { id: row.get(0)?, date: row.get(1)?, verdict: row.get(2)?, contents: row.get(3)? })
}
