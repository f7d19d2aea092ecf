use jiff::civil::DateTime;
use rusqlite::{OptionalExtension as _, Transaction, params};

use domain::identity::{RowContent, RowId};
use domain::tally::{SeenRows, Sighting, Verdict};

use super::digest;
use super::store::civil_seconds;

/// The row identities of one operation, inside a transaction.
pub struct SeenInLedger<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) operation: i64,
    pub(super) key: &'a [u8; 16],
    /// How the transaction changes the digest and the number of all seen rows.
    pub(super) digest: i64,
    pub(super) count: i64,
    /// What the last look-up found: a row is looked up and then put, and is searched for once.
    pub(super) looked_up: Option<(RowId, Option<SeenRow>)>,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRow {
    pub id: [u8; 16],
    pub date: i64,
    pub verdict: i64,
    pub content: i64,
}

impl SeenInLedger<'_> {
    fn find(&mut self, id: RowId) -> rusqlite::Result<Option<SeenRow>> {
        self.transaction
            .prepare_cached("SELECT id, date, verdict, content FROM seen WHERE operation = ?1 AND id = ?2")?
            .query_row(params![self.operation, id.0], SeenRow::from_sql)
            .optional()
    }
}

impl SeenRow {
    pub fn from_sql(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, date: row.get(1)?, verdict: row.get(2)?, content: row.get(3)? })
    }

    fn sighting(&self) -> Sighting {
        let verdict = match self.verdict {
            0 => Verdict::Counted,
            1 => Verdict::Passed,
            2 => Verdict::OutOfRange,
            _ => Verdict::BeforeStart,
        };
        Sighting { verdict, content: RowContent(self.content as u64) }
    }
}

impl SeenRows for SeenInLedger<'_> {
    type Error = rusqlite::Error;

    fn get(&mut self, id: RowId) -> rusqlite::Result<Option<Sighting>> {
        let found = self.find(id)?;
        let sighting = found.as_ref().map(SeenRow::sighting);
        self.looked_up = Some((id, found));
        Ok(sighting)
    }

    fn put(&mut self, id: RowId, date: DateTime, sighting: Sighting) -> rusqlite::Result<()> {
        let earlier = match self.looked_up.take() {
            Some((looked_up, found)) if looked_up == id => found,
            _ => self.find(id)?,
        };
        if let Some(earlier) = earlier {
            self.digest ^= digest::of_seen(self.key, &earlier);
            self.count -= 1;
        }
        let verdict = match sighting.verdict {
            Verdict::Counted => 0,
            Verdict::Passed => 1,
            Verdict::OutOfRange => 2,
            Verdict::BeforeStart => 3,
        };
        let row = SeenRow { id: id.0, date: civil_seconds(date), verdict, content: sighting.content.0 as i64 };
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO seen (operation, id, date, verdict, content) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![self.operation, row.id, row.date, row.verdict, row.content])?;
        self.digest ^= digest::of_seen(self.key, &row);
        self.count += 1;
        Ok(())
    }

    fn forget_before(&mut self, date: DateTime) -> rusqlite::Result<()> {
        self.looked_up = None;
        let mut statement = self.transaction.prepare_cached(
            "DELETE FROM seen WHERE operation = ?1 AND date < ?2 RETURNING id, date, verdict, content",
        )?;
        for row in statement.query_map(params![self.operation, civil_seconds(date)], SeenRow::from_sql)? {
            self.digest ^= digest::of_seen(self.key, &row?);
            self.count -= 1;
        }
        Ok(())
    }
}
