//! An account as rows: loading it, and storing what changed from one to the next.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::Offset;
use jiff::{Timestamp, civil::DateTime};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use domain::account::{Account, CatchUp, Marks, SkillName};
use domain::distribution::Distribution;
use domain::gaps::Gaps;
use domain::range::CivilRange;
use domain::series::{Counts, Hold, Series, SeriesKey};
use domain::shortfall::Shortfall;
use domain::totals::Totals;

/// An operation as it stands in the ledger.
pub struct Stored {
    pub id: i64,
    /// IANA name of the zone that its marks were made in.
    pub zone: String,
    pub account: Account,
    pub account_digest: i64,
    pub seen_digest: i64,
    pub seen_count: i64,
}

/// Loads an operation by name. Its holds begin at `now`.
pub fn load(connection: &Connection, name: &str, now: Timestamp) -> rusqlite::Result<Option<Stored>> {
    let stored = connection
        .prepare("SELECT * FROM operation WHERE name = ?1")?
        .query_row([name], |row| {
            let civil = |column: &str| row.get::<_, Option<i64>>(column).map(|second| second.map(civil));
            let instant = |column: &str| row.get::<_, i64>(column).map(instant);
            let catch_up = match (row.get::<_, i64>("catch_up")?, row.get::<_, Option<i64>>("caught_up_at")?) {
                (0, _) => CatchUp::None,
                (_, None) => CatchUp::Behind,
                (_, Some(at)) => CatchUp::Done(from_nanoseconds(at)),
            };
            let marks = Marks {
                start: instant("start")?,
                complete_until: instant("complete_until")?,
                proven_until: instant("proven_until")?,
                nothing_hidden_until: instant("nothing_hidden_until")?,
                windows_until: instant("windows_until")?,
                recent_from: instant("recent_from")?,
                floor: row.get::<_, Option<i64>>("floor")?.map(self::instant),
                read_before: row.get("read_before")?,
                has_answered: row.get("has_answered")?,
                kept_from: civil("kept_from")?,
                catch_up,
            };
            Ok(Stored {
                id: row.get("id")?,
                zone: row.get("zone")?,
                account: Account {
                    marks,
                    totals: Totals::default(),
                    skills: Default::default(),
                    series: Default::default(),
                    recent: Default::default(),
                    gaps: Default::default(),
                },
                account_digest: row.get("account_digest")?,
                seen_digest: row.get("seen_digest")?,
                seen_count: row.get("seen_count")?,
            })
        })
        .optional()?;
    let Some(mut stored) = stored else { return Ok(None) };
    load_totals(connection, &mut stored)?;
    load_skills(connection, &mut stored)?;
    load_series(connection, &mut stored, now)?;
    load_recent(connection, &mut stored)?;
    load_gaps(connection, &mut stored)?;
    Ok(Some(stored))
}

fn load_totals(connection: &Connection, stored: &mut Stored) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT name, value FROM total WHERE operation = ?1")?;
    let mut rows = statement.query([stored.id])?;
    while let Some(row) = rows.next()? {
        stored.account.totals.set(&row.get::<_, String>(0)?, row.get::<_, i64>(1)? as u64);
    }
    Ok(())
}

fn load_skills(connection: &Connection, stored: &mut Stored) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT skill_id, name, as_of FROM skill WHERE operation = ?1")?;
    let mut rows = statement.query([stored.id])?;
    while let Some(row) = rows.next()? {
        let said = SkillName { name: row.get(1)?, as_of: civil(row.get(2)?) };
        stored.account.skills.insert(row.get(0)?, said);
    }
    Ok(())
}

fn load_series(connection: &Connection, stored: &mut Stored, now: Timestamp) -> rusqlite::Result<()> {
    let mut cells: HashMap<(u32, bool), Vec<(u32, u64)>> = HashMap::new();
    let mut statement = connection.prepare("SELECT series, held, upper, count FROM cell WHERE operation = ?1")?;
    let mut rows = statement.query([stored.id])?;
    while let Some(row) = rows.next()? {
        let cell = (row.get(2)?, row.get::<_, i64>(3)? as u64);
        cells.entry((row.get(0)?, row.get(1)?)).or_default().push(cell);
    }
    let mut counts = |number, held, calls: i64, sum| {
        let cells = cells.remove(&(number, held)).unwrap_or_default();
        Counts { calls: calls as u64, times: Distribution::from_cells(cells, sum) }
    };
    let mut statement = connection.prepare(
        "SELECT number, skill_id, type_interaction, calls, sum, held_calls, held_sum FROM series WHERE operation = ?1",
    )?;
    let mut rows = statement.query([stored.id])?;
    while let Some(row) = rows.next()? {
        let number = row.get(0)?;
        let key = SeriesKey { skill_id: row.get(1)?, type_interaction: row.get(2)? };
        let hold = match row.get::<_, Option<i64>>(5)? {
            Some(calls) => Some(Hold { shown: counts(number, true, calls, row.get(6)?), since: now }),
            None => None,
        };
        let series = Series { number, counts: counts(number, false, row.get(3)?, row.get(4)?), hold };
        stored.account.series.insert(key, Arc::new(series));
    }
    Ok(())
}

fn load_recent(connection: &Connection, stored: &mut Stored) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT second, series, calls FROM recent WHERE operation = ?1")?;
    let mut rows = statement.query([stored.id])?;
    while let Some(row) = rows.next()? {
        stored.account.recent.insert((row.get(0)?, row.get(1)?), row.get::<_, i64>(2)? as u64);
    }
    Ok(())
}

fn load_gaps(connection: &Connection, stored: &mut Stored) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT ini, until, rows, polls, counted FROM shortfall WHERE operation = ?1")?;
    let shortfalls = statement.query_map([stored.id], |row| {
        let place = CivilRange { ini: civil(row.get(0)?), end: civil(row.get(1)?) };
        let (rows, counted) = (row.get::<_, i64>(2)? as u64, row.get::<_, i64>(4)? as u64);
        Ok((place, Shortfall { rows, polls: row.get(3)?, counted }))
    })?;
    stored.account.gaps.shortfalls = shortfalls.collect::<rusqlite::Result<_>>()?;
    let mut statement = connection.prepare("SELECT second FROM unreadable WHERE operation = ?1")?;
    let seconds = statement.query_map([stored.id], |row| row.get(0).map(civil))?;
    stored.account.gaps.unreadable = seconds.collect::<rusqlite::Result<_>>()?;
    Ok(())
}

/// Stores a new operation's row with nothing in it, and returns its id. [`save`] fills in the marks.
pub fn insert(transaction: &Transaction<'_>, name: &str, zone: &str) -> rusqlite::Result<i64> {
    transaction.execute(
        "INSERT INTO operation (name, zone, start, complete_until, proven_until, nothing_hidden_until, windows_until,
            recent_from, read_before, has_answered, catch_up, account_digest, seen_digest, seen_count)
            VALUES (?1, ?2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
        params![name, zone],
    )?;
    Ok(transaction.last_insert_rowid())
}

/// Stores the difference between two accounts of an operation. Series that `new` shares with `old` are unchanged and
/// cost nothing.
pub fn save(transaction: &Transaction<'_>, operation: i64, old: &Account, new: &Account) -> rusqlite::Result<()> {
    save_marks(transaction, operation, &new.marks)?;
    let mut total =
        transaction.prepare_cached("INSERT OR REPLACE INTO total (operation, name, value) VALUES (?1, ?2, ?3)")?;
    for ((name, value), (_, before)) in new.totals.iter().zip(old.totals.iter()) {
        if value != before {
            total.execute(params![operation, name, value as i64])?;
        }
    }
    let mut skill = transaction
        .prepare_cached("INSERT OR REPLACE INTO skill (operation, skill_id, name, as_of) VALUES (?1, ?2, ?3, ?4)")?;
    for (skill_id, said) in &new.skills {
        if old.skills.get(skill_id) != Some(said) {
            skill.execute(params![operation, skill_id, said.name, civil_seconds(said.as_of)])?;
        }
    }
    for (key, series) in &new.series {
        let before = old.series.get(key);
        if before.is_none_or(|before| !Arc::ptr_eq(before, series)) {
            save_series(transaction, operation, key, before.map(Arc::as_ref), series)?;
        }
    }
    if new.recent != old.recent {
        transaction.prepare_cached("DELETE FROM recent WHERE operation = ?1")?.execute([operation])?;
        let mut recent = transaction
            .prepare_cached("INSERT INTO recent (operation, second, series, calls) VALUES (?1, ?2, ?3, ?4)")?;
        for (&(second, series), &calls) in &new.recent {
            recent.execute(params![operation, second, series, calls as i64])?;
        }
    }
    if new.gaps != old.gaps {
        save_gaps(transaction, operation, &new.gaps)?;
    }
    Ok(())
}

fn save_gaps(transaction: &Transaction<'_>, operation: i64, gaps: &Gaps) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM shortfall WHERE operation = ?1")?.execute([operation])?;
    let mut shortfall = transaction.prepare_cached(
        "INSERT INTO shortfall (operation, ini, until, rows, polls, counted) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (place, Shortfall { rows, polls, counted }) in gaps.shortfalls.iter() {
        let (ini, until) = (civil_seconds(place.ini), civil_seconds(place.end));
        shortfall.execute(params![operation, ini, until, rows as i64, polls, counted as i64])?;
    }
    transaction.prepare_cached("DELETE FROM unreadable WHERE operation = ?1")?.execute([operation])?;
    let mut unreadable = transaction.prepare_cached("INSERT INTO unreadable (operation, second) VALUES (?1, ?2)")?;
    for second in &gaps.unreadable {
        unreadable.execute(params![operation, civil_seconds(*second)])?;
    }
    Ok(())
}

fn save_marks(transaction: &Transaction<'_>, operation: i64, marks: &Marks) -> rusqlite::Result<()> {
    let (catch_up, caught_up_at) = match marks.catch_up {
        CatchUp::None => (0, None),
        CatchUp::Behind => (1, None),
        CatchUp::Done(at) => (1, Some(nanoseconds(at))),
    };
    transaction
        .prepare_cached(
            "UPDATE operation SET start = ?2, complete_until = ?3, windows_until = ?4, floor = ?5, read_before = ?6,
                kept_from = ?7, catch_up = ?8, caught_up_at = ?9, nothing_hidden_until = ?10, recent_from = ?11,
                proven_until = ?12, has_answered = ?13 WHERE id = ?1",
        )?
        .execute(params![
            operation,
            marks.start.as_second(),
            marks.complete_until.as_second(),
            marks.windows_until.as_second(),
            marks.floor.map(|at| at.as_second()),
            marks.read_before,
            marks.kept_from.map(civil_seconds),
            catch_up,
            caught_up_at,
            marks.nothing_hidden_until.as_second(),
            marks.recent_from.as_second(),
            marks.proven_until.as_second(),
            marks.has_answered,
        ])?;
    Ok(())
}

fn save_series(
    transaction: &Transaction<'_>,
    operation: i64,
    key: &SeriesKey,
    before: Option<&Series>,
    series: &Series,
) -> rusqlite::Result<()> {
    let held = series.hold.as_ref().map(|hold| &hold.shown);
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO series (operation, number, skill_id, type_interaction, calls, sum, held_calls,
                held_sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            operation,
            series.number,
            key.skill_id,
            key.type_interaction,
            series.counts.calls as i64,
            series.counts.times.sum(),
            held.map(|held| held.calls as i64),
            held.map(|held| held.times.sum()),
        ])?;
    let mut cell = transaction.prepare_cached(
        "INSERT OR REPLACE INTO cell (operation, series, held, upper, count) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let stored = before.map_or(&[][..], |before| before.counts.times.cells());
    for &(upper, count) in series.counts.times.cells() {
        if stored.binary_search(&(upper, count)).is_err() {
            cell.execute(params![operation, series.number, false, upper, count as i64])?;
        }
    }
    let held_before = before.and_then(|before| before.hold.as_ref()).map(|hold| &hold.shown);
    if held != held_before {
        transaction
            .prepare_cached("DELETE FROM cell WHERE operation = ?1 AND series = ?2 AND held = 1")?
            .execute(params![operation, series.number])?;
        for &(upper, count) in held.map_or(&[][..], |held| held.times.cells()) {
            cell.execute(params![operation, series.number, true, upper, count as i64])?;
        }
    }
    Ok(())
}

/// A local date as a number that keeps its order.
pub fn civil_seconds(date: DateTime) -> i64 {
    Offset::UTC.to_timestamp(date).map_or(i64::MAX, |at| at.as_second())
}

pub fn civil(seconds: i64) -> DateTime {
    Offset::UTC.to_datetime(instant(seconds))
}

/// A damaged number that is no instant becomes the epoch; the digest then refuses the ledger.
fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

pub fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}

fn from_nanoseconds(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or_default()
}
