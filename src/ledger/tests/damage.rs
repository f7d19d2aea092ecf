//! A file cut anywhere, a byte changed anywhere: what is opened is a state that was committed, or it is refused.

use super::*;

/// All places if `LEDGER_EVERY_BYTE` is set, else every so many.
fn places(length: usize, every: usize) -> impl Iterator<Item = usize> {
    let every = if std::env::var_os("LEDGER_EVERY_BYTE").is_some() { 1 } else { every };
    (0..length).step_by(every)
}

/// A hold begins when the ledger is loaded, so its beginning is not stored.
#[test]
fn a_ledger_cut_anywhere_is_whole_or_refused() {
    let (bytes, account, rows) = closed();
    for length in places(bytes.len(), 293) {
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
    for place in places(bytes.len(), 73) {
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
    for length in places(log.len(), 419).chain([log.len()]) {
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
    for place in places(log.len(), 557) {
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
