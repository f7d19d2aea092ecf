//! What comes out of a ledger is what went in, or a refusal: after any number of commits, a crash at any instant, a file cut
//! anywhere, a byte changed anywhere, a full disk.

mod copies;
mod damage;
mod engines;
mod place;
mod stored;
mod versions;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::error::NoLedger;
use super::memory::Memory;
use super::row::{Row, Value};
use super::seen::SeenRow;
use super::sqlite::Sqlite;
use super::*;
use domain::account::{CatchUp, SkillName};
use domain::days::Days;
use domain::gaps::Gaps;
use domain::identity::{RowContent, RowId};
use domain::range::{CivilRange, Stretch};
use domain::series::{Counts, Hold, Series, SeriesKey};
use domain::tally::{self, Sighting, Verdict};
use domain::totals::Total;
use domain::window::Windows;

const ABANDONED: &str = "abandoned";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn date(second: i64) -> DateTime {
    jiff::tz::Offset::UTC.to_datetime(now() + SignedDuration::from_secs(second))
}

fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a temporary folder")
}

fn begin() -> Account {
    Account::new(&Windows::new(std::time::Duration::from_secs(300), std::time::Duration::from_secs(60)), now())
}

fn load(ledger: &Ledger) -> Opened {
    ledger.account("ventas", ABANDONED, "America/Bogota", now(), begin).expect("a ledger that is open")
}

fn sighting(second: i64, verdict: Verdict, contents: impl IntoIterator<Item = u64>) -> Sighting {
    Sighting { date: date(second), verdict, contents: contents.into_iter().map(RowContent).collect() }
}

fn put(seen: &mut Seen<'_>, id: RowId, after: Sighting) -> Result<(), CommitError> {
    let before = get(seen, id)?;
    seen.keep([tally::Change { id, before, after }]);
    Ok(())
}

fn get(seen: &mut Seen<'_>, id: RowId) -> Result<Option<Sighting>, CommitError> {
    Ok(seen.sightings(&[id])?.remove(&id))
}

fn commit(ledger: &Ledger, id: &AccountId, old: &Account, number: u32) -> Result<Account, CommitError> {
    let change = move |account: &mut Account, seen: &mut Seen<'_>| change(account, seen, number);
    ledger.commit_now(id, Arc::new(old.clone()), change).map(|(account, ())| Account::clone(&account))
}

/// Changes of every kind, from a number.
fn change(account: &mut Account, seen: &mut Seen<'_>, number: u32) -> Result<(), CommitError> {
    let second = i64::from(number) * 300;
    account.totals.add(Total::Windows, 1);
    account.totals.add(Total::LateRows, u64::from(number % 2));
    let marks = &mut account.marks;
    marks.complete_until = now() + SignedDuration::from_secs(second);
    marks.proven_until = marks.complete_until - SignedDuration::from_secs(4);
    marks.windows_until = marks.complete_until + SignedDuration::from_secs(1);
    marks.recent_from = marks.complete_until - SignedDuration::from_secs(2);
    marks.nothing_hidden_until = marks.complete_until - SignedDuration::from_secs(3);
    marks.read_before = true;
    marks.has_answered = true;
    marks.floor = number.is_multiple_of(3).then_some(marks.start);
    marks.kept_from = (!number.is_multiple_of(4)).then(|| date(second - 100_000));
    marks.catch_up = match number % 3 {
        0 => CatchUp::None,
        1 => CatchUp::Behind,
        _ => CatchUp::Done(marks.complete_until + SignedDuration::from_millis(1_234)),
    };
    let place = CivilRange { ini: date(second - 1), end: date(second) };
    match number % 5 {
        0 => account.gaps = Gaps::default(),
        1 => _ = account.gaps.note_unreadable(date(second)),
        _ => _ = account.gaps.shortfalls.look(place, place, u64::from(number)),
    }
    let key = SeriesKey { skill_id: format!("{}", number % 3).into(), type_interaction: "inbound".into() };
    account
        .skills
        .insert(key.skill_id.clone(), SkillName { name: format!("name {number}").into(), as_of: date(second) });
    let place = account.series.len() as u32;
    let series = account.series.entry(key).or_insert_with(|| std::sync::Arc::new(Series::new(place, now())));
    let series = std::sync::Arc::make_mut(series);
    series.counts.calls += 1;
    series.counts.times.record(f64::from(number % 90) + 0.25);
    series.hold = match number % 4 {
        0 => None,
        1 => Some(Hold { shown: Counts::default(), since: now() }),
        _ => Some(Hold { shown: series.counts.clone(), since: now() }),
    };
    let place = series.number;
    account.recent.retain(|&(earlier, _), _| earlier >= second - 600);
    account.recent.insert((second, place), 2);
    let at = account.marks.complete_until;
    account.marks.by_day_from = at - SignedDuration::from_secs(5);
    // Some days apart, so that some are forgotten.
    let day = date(second * 1_000);
    account.days.count(day.date(), at, place, (!number.is_multiple_of(3)).then_some(0.25));
    account.days.could_not_count(CivilRange { ini: day, end: day }, u64::from(number % 2));
    account.days.leave_out(day.date(), &format!("skill {}", number % 2).as_str().into());
    account.days.unread.note(Stretch { from: at, to: at + SignedDuration::from_secs(60) });
    let oldest = at - SignedDuration::from_secs(1_200);
    account.days.unread.forget(oldest);
    account.days.forget_before(date(second * 1_000 - 1_000_000).date(), at + SignedDuration::from_hours(49));
    for (index, verdict) in
        [Verdict::Counted, Verdict::Passed, Verdict::OutOfRange, Verdict::BeforeStart].iter().enumerate()
    {
        let mut id = [index as u8; 16];
        id[..4].copy_from_slice(&(number / 2).to_le_bytes());
        put(seen, RowId(id), sighting(second, *verdict, 0..u64::from(number % 3)))?;
    }
    if number % 7 == 6 {
        seen.forget_before(date(second - 900))?;
    }
    Ok(())
}

/// The account after each of `commits` commits, the new one first.
fn fill(ledger: &Ledger, commits: u32) -> Vec<Account> {
    let opened = load(ledger);
    let mut states = vec![opened.account];
    for number in 0..commits {
        let old = states.last().expect("the new one");
        states.push(commit(ledger, &opened.id, old, number).expect("a commit"));
    }
    states
}

/// Puts the files of a ledger, as they are at this moment, into another folder: what a crash leaves on the disk.
fn snapshot(path: &Path) -> (Vec<u8>, Vec<u8>) {
    (fs::read(path).expect("the ledger"), fs::read(file::beside(path, "-wal")).unwrap_or_default())
}

/// All row identities of a ledger with what is kept of them.
fn seen_rows(ledger: &Ledger) -> Vec<SeenRow> {
    let rows = ledger.now(|store| {
        let mut rows = Vec::new();
        store.seen(&mut |_, row| rows.push(row))?;
        Ok((rows, None))
    });
    let rows = rows.expect("a ledger that is open");
    assert_eq!(ledger.figures().keys, rows.len() as u64);
    rows
}

/// Opens a ledger made of these bytes; `None` if it is refused, and then it must have been set aside.
fn reopen(database: &[u8], log: &[u8]) -> Option<(Account, Vec<SeenRow>)> {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    fs::write(&path, database).expect("space");
    if !log.is_empty() {
        fs::write(file::beside(&path, "-wal"), log).expect("space");
    }
    match Ledger::open(&path, now()) {
        Ok(ledger) => {
            let mut began = false;
            let opened = ledger.account("ventas", ABANDONED, "America/Bogota", now(), || {
                began = true;
                begin()
            });
            assert!(!began, "a silent restart from zero");
            Some((opened.expect("a ledger that is open").account, seen_rows(&ledger)))
        }
        Err(OpenError::Damaged { set_aside, .. }) => {
            assert!(set_aside.exists() && !path.exists(), "a damaged ledger is set aside");
            None
        }
        Err(OpenError::Newer { .. } | OpenError::NoLedger { .. }) => {
            assert_eq!(fs::read(&path).expect("it is there"), database, "what is not ours to judge is left alone");
            None
        }
        Err(other) => panic!("neither loaded nor damaged: {other}"),
    }
}

/// A ledger that was closed, and its content.
fn closed() -> (Vec<u8>, Account, Vec<SeenRow>) {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, now()).expect("a new ledger");
    let account = fill(&ledger, 9).pop().expect("commits");
    let rows = seen_rows(&ledger);
    drop(ledger);
    (fs::read(path).expect("the ledger"), account, rows)
}

const KEY: [u8; 16] = [7; 16];
