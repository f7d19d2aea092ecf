//! What comes out of a ledger is what went in, or a refusal: after any number of commits, a crash at any instant, a file cut
//! anywhere, a byte changed anywhere, a full disk.

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
    ledger.commit_now(id, Arc::new(old.clone()), change).map(|(account, ())| account)
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
        _ => _ = account.gaps.shortfalls.look(place, u64::from(number)),
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

/// All places if `LEDGER_EVERY_BYTE` is set, else every so many.
fn places(length: usize, every: usize) -> impl Iterator<Item = usize> {
    let every = if std::env::var_os("LEDGER_EVERY_BYTE").is_some() { 1 } else { every };
    (0..length).step_by(every)
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

/// A hold begins when the ledger is loaded, so its beginning is not stored.
#[test]
fn a_ledger_cut_anywhere_is_whole_or_refused() {
    let (bytes, account, rows) = closed();
    for length in places(bytes.len(), 211) {
        let loaded = reopen(&bytes[..length], &[]);
        // The end of a page may have nothing in it.
        let same = loaded.as_ref().is_none_or(|(loaded, seen)| *loaded == account && *seen == rows);
        assert!(same, "cut to {length} of {} bytes", bytes.len());
    }
    assert_eq!(reopen(&bytes, &[]), Some((account, rows)));
}

#[test]
fn a_ledger_with_a_changed_byte_is_the_same_or_refused() {
    let (bytes, account, rows) = closed();
    for place in places(bytes.len(), 53) {
        for flip in [1u8 << (place % 8), 0xff] {
            let mut damaged = bytes.clone();
            damaged[place] ^= flip;
            if let Some(loaded) = reopen(&damaged, &[]) {
                assert_eq!(loaded, (account.clone(), rows.clone()), "byte {place} changed by {flip:#x}");
            }
        }
    }
}

#[test]
fn a_log_cut_anywhere_leaves_a_state_that_was_committed() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, now()).expect("a new ledger");
    let states = fill(&ledger, 9);
    let (database, log) = snapshot(&path);
    assert!(log.len() > 20_000, "the commits are in the log");
    let mut latest = 0;
    for length in places(log.len(), 307).chain([log.len()]) {
        let Some(account) = open_snapshot(&database, &log[..length]) else { continue };
        let state = states.iter().position(|state| *state == account).expect("a state that was committed");
        assert!(state >= latest, "more of the log holds no less");
        latest = state;
    }
    assert_eq!(latest, states.len() - 1, "the whole log holds all");
}

#[test]
fn a_log_with_a_changed_byte_leaves_a_state_that_was_committed() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, now()).expect("a new ledger");
    let states = fill(&ledger, 9);
    let (database, log) = snapshot(&path);
    for place in places(log.len(), 409) {
        let mut damaged = log.clone();
        damaged[place] ^= 1 << (place % 8);
        if let Some(account) = open_snapshot(&database, &damaged) {
            assert!(states.contains(&account), "byte {place}");
        }
    }
}

/// As [`reopen`], but the operation itself may not be in what is left of the log.
fn open_snapshot(database: &[u8], log: &[u8]) -> Option<Account> {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    fs::write(&path, database).expect("space");
    fs::write(file::beside(&path, "-wal"), log).expect("space");
    let ledger = Ledger::open(&path, now()).ok()?;
    Some(load(&ledger).account)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // After every commit of any sequence the files on the disk hold just that account, with or without a clean end.
    #[test]
    fn what_is_loaded_is_what_was_stored(numbers in prop::collection::vec(0u32..200, 1..12)) {
        let folder = folder();
        let path = folder.path().join("ledger.db");
        let mut ledger = Ledger::open(&path, now()).unwrap();
        let mut opened = load(&ledger);
        for number in numbers {
            opened.account = commit(&ledger, &opened.id, &opened.account, number).unwrap();
            let (database, log) = snapshot(&path);
            let rows = seen_rows(&ledger);
            prop_assert_eq!(reopen(&database, &log), Some((opened.account.clone(), rows.clone())));
            if number.is_multiple_of(3) {
                drop(ledger);
                ledger = Ledger::open(&path, now()).unwrap();
                let again = load(&ledger);
                prop_assert_eq!(&again.account, &opened.account);
                prop_assert_eq!(seen_rows(&ledger), rows);
                opened = again;
            }
        }
    }
}

#[test]
fn a_change_that_fails_or_panics_leaves_nothing() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, now()).expect("a new ledger");
    let account = Arc::new(fill(&ledger, 3).pop().expect("commits"));
    let (id, keys) = (load(&ledger).id, ledger.figures().keys);
    let failed = ledger.commit_now(&id, account.clone(), |account, seen| {
        change(account, seen, 50)?;
        Err::<(), _>(CommitError::Broken("half-way"))
    });
    assert!(failed.is_err());
    let panicked = ledger.commit_now(&id, account.clone(), |account, seen| {
        change(account, seen, 51)?;
        if account.totals.get(Total::Windows) > 0 {
            panic!("in the middle of a change");
        }
        Ok(())
    });
    assert!(panicked.is_err());
    assert_eq!((&load(&ledger).account, ledger.figures().keys), (&*account, keys));
    let next = commit(&ledger, &id, &account, 52).expect("the ledger goes on");
    let (database, log) = snapshot(&path);
    assert_eq!(reopen(&database, &log), Some((next, seen_rows(&ledger))));
}

/// All that a store holds.
fn content(store: &mut dyn Store) -> (Vec<String>, Vec<String>, Vec<(i64, i64)>) {
    let (mut rows, mut seen) = (Vec::new(), Vec::new());
    store.rows(&mut |row| rows.push(format!("{row:?}"))).unwrap();
    store.seen(&mut |account, row| seen.push(format!("{account} {row:?}"))).unwrap();
    rows.sort();
    seen.sort();
    (rows, seen, store.digests().unwrap().into_iter().collect())
}

fn sqlite(path: &Path) -> Sqlite {
    drop(Ledger::open(path, now()).expect("a new ledger"));
    let file = file::OwnFile::take(path).expect("ours").expect("it is there");
    Sqlite::new(open::connect(path).expect("a ledger"), file)
}

/// A change of an account that stands at `account`, made by `number`.
fn made(store: &mut dyn Store, scope: Scope, account: &mut Account, number: u32) -> Change {
    let old = account.clone();
    let mut seen = Seen::new(store, scope);
    change(account, &mut seen, number).unwrap();
    let mut change = seen.change;
    change.edits = difference(scope, (number > 0).then_some(&old), account);
    change
}

const KEY: [u8; 16] = [7; 16];

/// Whatever is stored, both engines hold the same, tell the same, and have the digest of what they hold.
#[test]
fn all_engines_store_the_same() {
    let folder = folder();
    let mut sqlite = sqlite(&folder.path().join("ledger.db"));
    let mut memory = Memory::default();
    let scopes = [Scope { operation: 1, account: 2 }, Scope { operation: 4, account: 5 }];
    let mut accounts = [begin(), begin()];
    for number in 0..40 {
        let changes = scopes.iter().zip(&mut accounts);
        let changes: Vec<_> = changes.map(|(scope, account)| made(&mut memory, *scope, account, number)).collect();
        let changes: Vec<_> = changes.iter().collect();
        assert!(memory.commit(&changes, &KEY).iter().all(Result::is_ok));
        assert!(sqlite.commit(&changes, &KEY).iter().all(Result::is_ok));
        assert_eq!(content(&mut memory), content(&mut sqlite));
        let ids: Vec<_> = changes.iter().flat_map(|change| &change.seen).map(|change| change.id).collect();
        for (scope, account) in scopes.into_iter().zip(&accounts) {
            assert_eq!(memory.sightings(scope.account, &ids), sqlite.sightings(scope.account, &ids));
            let before = account::civil_seconds(date(i64::from(number) * 300 - 400));
            assert_eq!(memory.seen_before(scope.account, before), sqlite.seen_before(scope.account, before));
            for store in [&mut memory as &mut dyn Store, &mut sqlite] {
                assert_eq!(super::load(store, scope, now()).unwrap().0, *account);
            }
        }
        let mut digests = std::collections::BTreeMap::<i64, i64>::new();
        let operation = |account: i64| if account == 5 { 4 } else { 1 };
        let of = |row: &Row| if Table::OF_OPERATION.contains(&row.table) { row.scope } else { operation(row.scope) };
        sqlite.rows(&mut |row| *digests.entry(of(&row)).or_default() ^= row.digest(&KEY)).unwrap();
        let mut add =
            |account, row: SeenRow| *digests.entry(operation(account)).or_default() ^= row.digest(&KEY, account);
        sqlite.seen(&mut add).unwrap();
        assert_eq!(sqlite.digests().unwrap(), digests);
    }
}

/// On a full disk, and where a statement can't be done, others are stored all the same, and what is not leaves nothing.
#[test]
fn one_change_that_cannot_be_stored_fails_no_other() {
    let folder = folder();
    let mut store = sqlite(&folder.path().join("ledger.db"));
    let mut memory = Memory::default();
    let scopes: [Scope; 3] = [1, 2, 3].map(|number| Scope { operation: number, account: number });
    let mut accounts = [begin(), begin(), begin()];
    let mut change =
        |memory: &mut Memory, which: usize, number| made(memory, scopes[which], &mut accounts[which], number);
    let first: Vec<_> = (0..3).map(|which| change(&mut memory, which, 0)).collect();
    let first: Vec<_> = first.iter().collect();
    store.commit(&first, &KEY);
    memory.commit(&first, &KEY);

    let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    for (round, room) in [0, 1, 2, 4_000].into_iter().enumerate() {
        store.connection.pragma_update(None, "max_page_count", pages + 20 + room).unwrap();
        let number = round as u32 + 1;
        let small = [change(&mut memory, 0, number), change(&mut memory, 2, number)];
        // Some thousand rows, so that they don't fit beside the others.
        let mut large = Change::new(scopes[1]);
        large.seen = (0..4_000u128)
            .map(|number| tally::Change {
                id: RowId((number << 64 | room as u128).to_le_bytes()),
                before: None,
                after: sighting(0, Verdict::Counted, [1]),
            })
            .collect();
        let stored = store.commit(&[&small[0], &large, &small[1]], &KEY);
        assert_eq!([0, 2].map(|place: usize| stored[place].clone()), [Ok(()), Ok(())], "round {round}");
        memory.commit(&[&small[0], &small[1]], &KEY);
        if let Err(error) = &stored[1] {
            assert!(room < 4_000 && error.to_string().contains("no room"), "{error}");
        } else {
            assert_eq!(room, 4_000);
            memory.commit(&[&large], &KEY);
        }
        assert_eq!(content(&mut store), content(&mut memory), "round {round}");
    }

    // A row that the table refuses.
    let mut wrong = Change::new(scopes[1]);
    let row = Row { table: Table::Total, scope: 2, columns: vec!["windows".into(), Value::Text("many".into())] };
    wrong.edits.push(Edit { before: None, after: Some(row) });
    let good = [change(&mut memory, 0, 9), change(&mut memory, 2, 9)];
    let stored = store.commit(&[&good[0], &wrong, &good[1]], &KEY);
    assert!(stored[0].is_ok() && stored[1].is_err() && stored[2].is_ok(), "{stored:?}");
    memory.commit(&[&good[0], &good[1]], &KEY);
    assert_eq!(content(&mut store), content(&mut memory));
}

/// A ledger as an older version would have written it: without a table, a mark and a counter of today. All that it holds is
/// taken over, and what it doesn't know is as if it had never been.
#[test]
fn a_ledger_of_an_older_version_is_taken_over() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, now()).unwrap();
    let mut account = fill(&ledger, 8).pop().unwrap();
    let rows = seen_rows(&ledger);
    let key = ledger.shared.key;
    drop(ledger);
    let mut store = {
        let file = file::OwnFile::take(&path).unwrap().unwrap();
        Sqlite::new(open::connect(&path).unwrap(), file)
    };
    let unknown = |row: &Row| {
        let name = row.text(0);
        matches!(row.table, Table::Shortfall | Table::Unreadable)
            || matches!(row.table, Table::Day | Table::DayNote | Table::Quarter | Table::Unread)
            || row.table == Table::Mark && ["proven_until", "has_answered", "by_day_from"].contains(&&*name)
            || row.table == Table::Total && *name == *"late_rows"
    };
    let mut gone = Vec::new();
    store.rows(&mut |row| gone.extend(Some(row).filter(unknown))).unwrap();
    assert!(gone.len() >= 4, "{gone:?}");
    // And with a counter that today's version doesn't know.
    let extra = Table::Total.row(gone[0].scope, ["polls/of_another_version".into(), 5i64.into()]);
    let mut change = Change::new(Scope { operation: 0, account: gone[0].scope });
    change.scope.operation = store.digests().unwrap().into_keys().next().unwrap();
    change.edits = gone.into_iter().map(|row| Edit { before: Some(row), after: None }).collect();
    change.edits.push(Edit { before: None, after: Some(extra) });
    assert_eq!(store.commit(&[&change], &key), [Ok(())]);
    for table in ["shortfall", "unreadable", "day", "day_note", "quarter", "unread"] {
        store.connection.execute_batch(&format!("DROP TABLE {table}")).unwrap();
    }
    store.connection.pragma_update(None, "user_version", schema::OLDEST).unwrap();
    drop(store);

    account.gaps = Gaps::default();
    account.marks.proven_until = account.marks.complete_until;
    account.marks.has_answered = false;
    // What was counted before days were is in no day, and no day that it may be of is taken for whole.
    account.days = Days::default();
    account.marks.by_day_from = account.marks.windows_until;
    account.totals.set("late_rows", 0);
    let ledger = Ledger::open(&path, now()).unwrap();
    assert_eq!((load(&ledger).account, seen_rows(&ledger)), (account.clone(), rows));
    let id = load(&ledger).id;
    let next = commit(&ledger, &id, &account, 9).unwrap();
    drop(ledger);
    assert_eq!(load(&Ledger::open(&path, now()).unwrap()).account, next);
}

#[test]
fn a_second_process_is_refused() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let first = Ledger::open(&path, now()).expect("a new ledger");
    assert!(matches!(Ledger::open(&path, now()), Err(OpenError::InUse { .. })));
    drop(first);
    assert!(Ledger::open(&path, now()).is_ok());
}

#[test]
fn a_newer_ledger_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, now()).expect("a new ledger");
    fill(&ledger, 2);
    drop(ledger);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    let before = fs::read(&path).unwrap();
    let found = match Ledger::open(&path, now()) {
        Err(OpenError::Newer { found, known, .. }) => (found, known),
        other => panic!("{other:?}"),
    };
    assert_eq!(found, (schema::VERSION + 1, schema::VERSION));
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// What is not proven to be a ledger is refused by what it is, and not touched: neither it nor anything beside it.
#[test]
fn what_is_no_ledger_is_left_as_it_is() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let other = Connection::open(folder.path().join("other")).unwrap();
    other.execute_batch("CREATE TABLE other (value)").unwrap();
    drop(other);
    let other = fs::read(folder.path().join("other")).unwrap();
    let script = b"# a shell script\n".repeat(9);
    let contents = [
        (&b""[..], NoLedger::Empty),
        (b"short", NoLedger::OtherFile),
        (&script, NoLedger::OtherFile),
        (&[0; 5_000], NoLedger::OtherFile),
        (&other, NoLedger::OtherDatabase),
    ];
    for (content, what) in contents {
        fs::write(&path, content).unwrap();
        refused(&path, what);
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused(&path, NoLedger::Folder);
    refused(&folder.path().join("."), NoLedger::Folder);
    fs::remove_dir(&path).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    refused(&path, NoLedger::NoFile);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &path).unwrap();
    refused(&path, NoLedger::Dangling);
    fs::remove_file(&path).unwrap();
    drop(Ledger::open(&path, now()).unwrap());
    fs::create_dir(file::beside(&path, "-wal")).unwrap();
    refused(&path, NoLedger::OddSideFile);
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["ledger.db", "ledger.db-wal", "other"]);
}

fn refused(path: &Path, what: NoLedger) {
    match Ledger::open(path, now()) {
        Err(error @ OpenError::NoLedger { is, .. }) if is == what => {
            assert!(error.to_string().contains("left as it is"), "{error}");
        }
        other => panic!("{path:?}: {other:?}"),
    }
}

#[test]
fn a_ledger_is_the_same_by_any_name() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let linked = folder.path().join("linked");
    std::os::unix::fs::symlink(folder.path(), &linked).unwrap();
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink("ledger.db", &link).unwrap();
    let ledger = Ledger::open(&linked.join("ledger.db"), now()).unwrap();
    let account = fill(&ledger, 2).pop().unwrap();
    let hard = folder.path().join("hard.db");
    fs::hard_link(&path, &hard).unwrap();
    for name in [&path, &link, &hard, &linked.join("link.db")] {
        assert!(matches!(Ledger::open(name, now()), Err(OpenError::InUse { .. })), "{name:?}");
    }
    drop(ledger);
    assert_eq!(load(&Ledger::open(&link, now()).unwrap()).account, account);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && !file::beside(&link, "-wal").exists());
}

/// Whatever of its files is removed while it is open, all that was stored is in its place again, and under lock.
#[test]
fn what_is_removed_is_put_back() {
    for removed in [&["", "-wal", "-shm"][..], &[""], &["-wal"], &["-shm"], &["-wal", "-shm"]] {
        for commits_first in [true, false] {
            let folder = folder();
            let path = folder.path().join("ledger.db");
            let ledger = Ledger::open(&path, now()).unwrap();
            let mut account = fill(&ledger, 3).pop().unwrap();
            let id = load(&ledger).id;
            removed.iter().for_each(|suffix| fs::remove_file(file::beside(&path, suffix)).unwrap());
            if commits_first {
                account = commit(&ledger, &id, &account, 7).unwrap();
            } else {
                // Whatever the writer does, it looks first.
                seen_rows(&ledger);
            }
            assert!(matches!(Ledger::open(&path, now()), Err(OpenError::InUse { .. })), "{removed:?}");
            let (database, log) = snapshot(&path);
            assert_eq!(reopen(&database, &log), Some((account.clone(), seen_rows(&ledger))), "{removed:?}");
            account = commit(&ledger, &id, &account, 8).unwrap();
            drop(ledger);
            assert_eq!(load(&Ledger::open(&path, now()).unwrap()).account, account, "{removed:?}");
        }
    }
}

#[test]
fn a_folder_that_is_removed_stops_the_commits_until_it_is_there_again() {
    let above = folder();
    let folder = above.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("ledger.db");
    let ledger = Ledger::open(&path, now()).unwrap();
    let account = fill(&ledger, 3).pop().unwrap();
    let id = load(&ledger).id;
    fs::remove_dir_all(&folder).unwrap();
    let commit = |number| commit(&ledger, &id, &account, number);
    let error = commit(7).expect_err("there is no place to store it");
    assert!(matches!(error, CommitError::Gone { .. }), "{error}");
    fs::create_dir(&folder).unwrap();
    let account = commit(8).unwrap();
    let (database, log) = snapshot(&path);
    assert_eq!(reopen(&database, &log), Some((account, seen_rows(&ledger))));
}

#[test]
fn another_file_in_its_place_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, now()).unwrap();
    let account = fill(&ledger, 3).pop().unwrap();
    let id = load(&ledger).id;
    fs::write(folder.path().join("other"), "something else").unwrap();
    fs::rename(folder.path().join("other"), &path).unwrap();
    for number in [7, 8] {
        let error = commit(&ledger, &id, &account, number).expect_err("replaced");
        assert!(matches!(error, CommitError::Replaced(_)), "{error}");
    }
    drop(ledger);
    assert_eq!(fs::read(&path).unwrap(), b"something else");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    // Not a read-only one of our own making: tests may run as root, whom that does not stop.
    for path in ["/proc/ledger.db", "/no/such/folder/ledger.db"].map(PathBuf::from) {
        let error = Ledger::open(&path, now()).expect_err("nothing can be written there");
        assert!(matches!(error, OpenError::File { .. }), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_ledger_tells_its_size_and_its_identities() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, now()).unwrap();
    fill(&ledger, 20);
    let (database, log) = snapshot(&path);
    assert!(!log.is_empty());
    assert_eq!(ledger.figures().size_bytes, (database.len() + log.len()) as u64);
    let rows = seen_rows(&ledger);
    assert!(rows.len() > 10);
    drop(ledger);
    assert_eq!(seen_rows(&Ledger::open(&path, now()).unwrap()), rows, "and their number is that of the rows");
}

fn id(number: u8) -> RowId {
    RowId([number; 16])
}

fn sighting_of(number: u8, second: i64) -> Sighting {
    let verdicts = [Verdict::Counted, Verdict::Passed, Verdict::OutOfRange, Verdict::BeforeStart];
    sighting(second, verdicts[usize::from(number)], (0..u64::from(number)).map(|content| u64::MAX - content))
}

#[test]
fn a_row_is_known_until_its_date_is_forgotten() {
    let folder = folder();
    let ledger = Ledger::open(&folder.path().join("ledger.db"), now()).unwrap();
    let opened = load(&ledger);
    let commit = |change: fn(&mut Seen<'_>) -> Result<(), CommitError>| {
        let committed = ledger.commit_now(&opened.id, Arc::new(begin()), move |_, seen| change(seen));
        committed.expect("a commit");
    };
    commit(|seen| (0..4).try_for_each(|number| put(seen, id(number), sighting_of(number, number.into()))));
    commit(|seen| {
        let found = seen.sightings(&[0, 1, 2, 3, 9].map(id))?;
        assert_eq!(found, (0..4).map(|number| (id(number), sighting_of(number, number.into()))).collect());
        put(seen, id(1), sighting_of(3, 9))?;
        seen.forget_before(date(2))
    });
    assert_eq!(ledger.figures().keys, 3);
    commit(|seen| {
        assert_eq!(get(seen, id(0))?, None);
        assert_eq!(get(seen, id(1))?, Some(sighting_of(3, 9)), "looked at anew, it has a later date now");
        assert_eq!(get(seen, id(2))?, Some(sighting_of(2, 2)), "of that very date");
        Ok(())
    });
    drop(ledger);
    assert_eq!(Ledger::open(&folder.path().join("ledger.db"), now()).unwrap().figures().keys, 3, "the digests fit");
}

#[test]
fn each_mark_and_each_gap_is_stored() {
    let account = begin();
    let later = |at: Timestamp| at + SignedDuration::from_secs(300);
    let start = account.marks.start;
    let changes: [fn(&mut Account, Timestamp); 27] = [
        |account, at| account.marks.start = at,
        |account, at| account.marks.complete_until = at,
        |account, at| account.marks.proven_until = at,
        |account, at| account.marks.nothing_hidden_until = at,
        |account, at| account.marks.windows_until = at,
        |account, at| account.marks.recent_from = at,
        |account, at| account.marks.floor = Some(at),
        |account, _| account.marks.floor = Some(Timestamp::UNIX_EPOCH),
        |account, _| account.marks.read_before = true,
        |account, _| account.marks.has_answered = true,
        |account, _| account.marks.kept_from = Some(date(7)),
        |account, at| account.marks.catch_up = CatchUp::Done(at),
        |account, _| account.marks.catch_up = CatchUp::Behind,
        |account, _| _ = account.gaps.shortfalls.look(CivilRange { ini: date(0), end: date(1) }, 1),
        |account, _| _ = account.gaps.shortfalls.look(CivilRange { ini: date(0), end: date(2) }, 1),
        |account, _| _ = account.gaps.shortfalls.look(CivilRange { ini: date(1), end: date(1) }, 1),
        |account, _| _ = account.gaps.shortfalls.look(CivilRange { ini: date(0), end: date(1) }, 2),
        |account, _| account.gaps.shortfalls.believe(CivilRange { ini: date(0), end: date(1) }, 1),
        |account, _| {
            account.gaps.shortfalls.look(CivilRange { ini: date(0), end: date(1) }, 1);
            account.gaps.shortfalls.settle(date(9));
        },
        |account, _| _ = account.gaps.note_unreadable(date(0)),
        |account, _| _ = account.gaps.note_unreadable(date(1)),
        |account, at| account.marks.by_day_from = at,
        |account, at| account.days.count(date(0).date(), at, 0, Some(2.5)),
        |account, at| account.days.count(date(0).date(), at, 1, None),
        |account, _| account.days.could_not_count(CivilRange { ini: date(0), end: date(86_400) }, 1),
        |account, _| account.days.leave_out(date(0).date(), &"4173".into()),
        |account, at| account.days.unread.note(Stretch { from: Timestamp::UNIX_EPOCH, to: at }),
    ];
    let scope = Scope { operation: 1, account: 2 };
    for change in changes {
        let mut changed = account.clone();
        change(&mut changed, later(start));
        let mut store = Memory::default();
        for (old, new) in [(None, &account), (Some(&account), &changed)] {
            let mut change = Change::new(scope);
            change.edits = difference(scope, old, new);
            assert!(!change.edits.is_empty() && change.digest(&KEY) != 0);
            store.commit(&[&change], &KEY);
        }
        assert_eq!(super::load(&mut store, scope, now()).unwrap().0, changed);
    }
}

#[test]
fn after_a_damaged_ledger_every_start_is_refused_until_someone_decides() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    drop(Ledger::open(&path, now()).unwrap());
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(4_096).unwrap();
    let Err(OpenError::Damaged { set_aside, .. }) = Ledger::open(&path, now()) else { panic!("it is damaged") };
    let again = Ledger::open(&path, now()).expect_err("nobody has decided");
    assert!(again.to_string().contains(&set_aside.display().to_string()), "{again}");
    assert!(!path.exists() && set_aside.exists());
    fs::remove_file(set_aside).unwrap();
    Ledger::open(&path, now()).expect("begun anew");
}

#[test]
fn what_is_the_machines_doing_is_no_damage() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    drop(Ledger::open(&path, now()).unwrap());
    let stranger = Connection::open(&path).unwrap();
    stranger.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = Ledger::open(&path, now()).expect_err("another program writes to it");
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(stranger);
    drop(Ledger::open(&path, now()).expect("it is free again"));
}

#[test]
fn operations_don_t_mix() {
    let folder = folder();
    let ledger = Ledger::open(&folder.path().join("ledger.db"), now()).expect("a new ledger");
    let ventas = fill(&ledger, 4).pop().expect("commits");
    let other = ledger.account("soporte", ABANDONED, "Europe/Madrid", now(), begin).expect("room");
    assert_eq!(other.account, begin());
    let changed = ledger.commit_now(&other.id, Arc::new(other.account), |account, seen| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&0u32.to_le_bytes());
        assert_eq!(get(seen, RowId(id))?, None, "the identities of another operation");
        change(account, seen, 1)?;
        seen.forget_before(date(1_000_000))
    });
    let changed = changed.expect("a commit").0;
    assert_eq!(load(&ledger).account, ventas);
    let zone_changed = ledger.account("soporte", ABANDONED, "America/Bogota", now(), begin).expect("it is there");
    assert_eq!(zone_changed.other_zone.as_deref(), Some("Europe/Madrid"));
    // Another report of the same operation has an account of its own.
    let answered = ledger.account("soporte", "answered", "America/Bogota", now(), begin).expect("room");
    assert_eq!((answered.account.marks, answered.other_zone), (begin().marks, None));
    drop(ledger);
    let again = Ledger::open(&folder.path().join("ledger.db"), now()).expect("its digests fit");
    let loaded = again.account("soporte", ABANDONED, "Europe/Madrid", now(), begin).expect("it is there");
    assert_eq!((loaded.account, loaded.other_zone), (changed, None));
}
