use jiff::civil::DateTime;
use rusqlite::{OptionalExtension as _, Transaction, params};

use domain::account::Account;
use domain::identity::{RowContent, RowId};
use domain::rules::Rules;
use domain::summary::ReadSummary;
use domain::tally::{Change, Read, Sighting, Sightings, Verdict, identities, tally};

use super::digest;
use super::store::{civil, civil_seconds};

/// The row identities of one operation, inside a transaction.
pub struct SeenInLedger<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) operation: i64,
    pub(super) key: &'a [u8; 16],
    /// How the transaction changes the digest and the number of all seen rows.
    pub(super) digest: i64,
    pub(super) count: i64,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRow {
    pub id: [u8; 16],
    pub date: i64,
    pub verdict: i64,
    /// Eight bytes each, in their order.
    pub contents: Vec<u8>,
}

impl SeenInLedger<'_> {
    /// Counts a read into `account`, and keeps what was seen.
    pub fn tally(&mut self, account: &mut Account, rules: &Rules, read: &Read) -> rusqlite::Result<ReadSummary> {
        let seen = self.sightings(&identities(&read.rows))?;
        let tallied = tally(account, rules, read, &seen);
        self.keep(&tallied.changes)?;
        if let Some(date) = tallied.forget_before {
            self.forget_before(date)?;
        }
        Ok(tallied.summary)
    }

    /// What is kept of those of `ids` that were seen.
    pub(super) fn sightings(&self, ids: &[RowId]) -> rusqlite::Result<Sightings> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT id, date, verdict, contents FROM seen WHERE operation = ?1 AND id = ?2")?;
        let mut sightings = Sightings::new();
        for id in ids {
            let found = statement.query_row(params![self.operation, id.0], SeenRow::from_sql).optional()?;
            sightings.extend(found.map(|row| (*id, row.sighting())));
        }
        Ok(sightings)
    }

    pub(super) fn keep(&mut self, changes: &[Change]) -> rusqlite::Result<()> {
        let mut statement = self.transaction.prepare_cached(
            "INSERT OR REPLACE INTO seen (operation, id, date, verdict, contents) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for Change { id, before, after } in changes {
            if let Some(before) = before {
                self.digest ^= digest::of_seen(self.key, &SeenRow::new(*id, before));
                self.count -= 1;
            }
            let row = SeenRow::new(*id, after);
            statement.execute(params![self.operation, row.id, row.date, row.verdict, row.contents])?;
            self.digest ^= digest::of_seen(self.key, &row);
            self.count += 1;
        }
        Ok(())
    }

    pub(super) fn forget_before(&mut self, date: DateTime) -> rusqlite::Result<()> {
        let mut statement = self.transaction.prepare_cached(
            "DELETE FROM seen WHERE operation = ?1 AND date < ?2 RETURNING id, date, verdict, contents",
        )?;
        for row in statement.query_map(params![self.operation, civil_seconds(date)], SeenRow::from_sql)? {
            self.digest ^= digest::of_seen(self.key, &row?);
            self.count -= 1;
        }
        Ok(())
    }
}

impl SeenRow {
    fn new(id: RowId, sighting: &Sighting) -> Self {
        let verdict = match sighting.verdict {
            Verdict::Counted => 0,
            Verdict::Passed => 1,
            Verdict::OutOfRange => 2,
            Verdict::BeforeStart => 3,
        };
        let contents = sighting.contents.iter().flat_map(|RowContent(content)| content.to_le_bytes()).collect();
        Self { id: id.0, date: civil_seconds(sighting.date), verdict, contents }
    }

    pub fn from_sql(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, date: row.get(1)?, verdict: row.get(2)?, contents: row.get(3)? })
    }

    fn sighting(&self) -> Sighting {
        let verdict = match self.verdict {
            0 => Verdict::Counted,
            1 => Verdict::Passed,
            2 => Verdict::OutOfRange,
            _ => Verdict::BeforeStart,
        };
        let (contents, _) = self.contents.as_chunks();
        let contents = contents.iter().map(|bytes| RowContent(u64::from_le_bytes(*bytes))).collect();
        Sighting { date: civil(self.date), verdict, contents }
    }
}
