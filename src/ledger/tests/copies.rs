//! Copies of a ledger: made while it is written, and begun in its place.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::ledger::error::CopyError;

/// When a copy is made.
fn later() -> Timestamp {
    now() + SignedDuration::from_hours(1)
}

/// What the account becomes that a copy is made of.
fn copied(mut account: Account) -> Account {
    account.begin_copy(later());
    account
}

#[test]
fn a_copy_is_one_commit_and_knows_that_it_is_a_copy() {
    let folder = folder();
    let (path, to) = (folder.path().join("ledger.db"), folder.path().join("copy.db"));
    let ledger = Ledger::open(&path, now()).unwrap();
    let states = fill(&ledger, 20);
    let rows = seen_rows(&ledger);
    let made = copy(&path, &to, later()).unwrap();
    assert_eq!((made.operations, made.bytes), (1, fs::metadata(&to).unwrap().len()));
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    // The exporter goes on as if nothing had been.
    let id = load(&ledger).id;
    commit(&ledger, &id, states.last().unwrap(), 20).unwrap();
    drop(ledger);
    let begun = Ledger::open(&to, now()).unwrap();
    assert_eq!(load(&begun).account, copied(states.last().unwrap().clone()));
    assert_eq!(seen_rows(&begun), rows);
    drop(begun);
    // It is a copy until it is said not to be, however often it is opened.
    let again = Ledger::open(&to, now()).unwrap();
    let loaded = load(&again);
    let ended = again.commit_now(&loaded.id, Arc::new(loaded.account), |account, _| {
        account.end_copy();
        Ok(())
    });
    assert!(ended.unwrap().0.series.values().all(|series| series.hold.is_none()), "0 would be a fall");
    drop(again);
    assert_eq!(load(&Ledger::open(&to, now()).unwrap()).account.marks.copied_at, None);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_ledger_at_rest_is_copied_and_a_copy_of_a_copy_is_as_old_as_the_first() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let ledger = Ledger::open(&path("ledger.db"), now()).unwrap();
    let account = fill(&ledger, 5).pop().unwrap();
    drop(ledger);
    copy(&path("ledger.db"), &path("one.db"), later()).unwrap();
    let unbegun = copy(&path("one.db"), &path("two.db"), now()).unwrap_err();
    assert!(matches!(unbegun, CopyError::IsCopy { .. }), "{unbegun}");
    drop(Ledger::open(&path("one.db"), now()).unwrap());
    copy(&path("one.db"), &path("two.db"), now()).unwrap();
    assert_eq!(load(&Ledger::open(&path("two.db"), now()).unwrap()).account, copied(account));
}

#[test]
fn a_copy_is_written_over_nothing_and_nothing_else_is_copied() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    drop(Ledger::open(&path("ledger.db"), now()).unwrap());
    fs::write(path("file"), "kept").unwrap();
    fs::create_dir(path("folder")).unwrap();
    std::os::unix::fs::symlink("nowhere", path("dangling")).unwrap();
    for name in ["file", "folder", "dangling", "ledger.db"] {
        let error = copy(&path("ledger.db"), &path(name), now()).unwrap_err();
        assert!(matches!(error, CopyError::Exists { .. }), "{name}: {error}");
    }
    let nowhere = copy(&path("ledger.db"), &path("no/such/folder.db"), now()).unwrap_err();
    assert!(nowhere.to_string().contains("must exist and be writable"), "{nowhere}");
    for (name, said) in [("file", "no ledger of this program"), ("no", "there is no ledger"), ("folder", "is a folder")]
    {
        let error = copy(&path(name), &path("copy.db"), now()).unwrap_err();
        assert!(error.to_string().contains(said), "{name}: {error}");
    }
    assert_eq!(fs::read(path("file")).unwrap(), b"kept");
    assert!(!path("copy.db").exists() && !path("nowhere").exists());
}

/// As after a kill -9: SQLite alone would play the log that was left into the copy.
#[test]
fn what_another_ledger_has_left_beside_its_place_does_a_copy_no_harm() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let ledger = Ledger::open(&path("ledger.db"), now()).unwrap();
    let mut states = fill(&ledger, 8);
    copy(&path("ledger.db"), &path("copy.db"), later()).unwrap();
    let id = load(&ledger).id;
    for number in 8..30 {
        states.push(commit(&ledger, &id, states.last().unwrap(), number).unwrap());
    }
    let (database, log) = snapshot(&path("ledger.db"));
    drop(ledger);
    for left in [Some(&log), Some(&database), None] {
        for side in ["", "-wal", "-shm", "-journal"] {
            _ = fs::remove_file(path(&format!("ledger.db{side}")));
        }
        fs::copy(path("copy.db"), path("ledger.db")).unwrap();
        if let Some(left) = left {
            for side in ["-wal", "-shm", "-journal"] {
                fs::write(path(&format!("ledger.db{side}")), left).unwrap();
            }
        }
        // Twice: once it is begun, a log is its own.
        for _ in 0..2 {
            let ledger = Ledger::open(&path("ledger.db"), later()).unwrap();
            assert_eq!(load(&ledger).account, copied(states[8].clone()));
        }
        let set_aside = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().contains("-wal.before-copy-");
        let aside = fs::read_dir(folder.path()).unwrap().flatten().find(set_aside);
        assert_eq!(aside.is_some(), left.is_some());
        if let (Some(aside), Some(left)) = (aside, left) {
            assert_eq!(&fs::read(aside.path()).unwrap(), left, "it is set aside whole");
            fs::remove_file(aside.path()).unwrap();
        }
    }
}

/// As `cp copy.db ledger.db` does, while the exporter runs.
#[test]
fn what_is_written_over_an_open_ledger_is_left_alone() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let ledger = Ledger::open(&path("ledger.db"), now()).unwrap();
    let states = fill(&ledger, 8);
    copy(&path("ledger.db"), &path("copy.db"), later()).unwrap();
    drop(ledger);
    let copy = fs::read(path("copy.db")).unwrap();
    for over in [&b""[..], b"a: list\n", &[7; 9_000], &copy] {
        let ledger = Ledger::open(&path("ledger.db"), now()).unwrap();
        let loaded = load(&ledger);
        let last = commit(&ledger, &loaded.id, &loaded.account, 8).unwrap();
        let whole = fs::read(path("ledger.db")).unwrap();
        fs::write(path("ledger.db"), over).unwrap();
        let error = commit(&ledger, &loaded.id, &last, 9).expect_err("replaced");
        assert!(matches!(error, CommitError::Replaced(_)), "{error}");
        drop(ledger);
        assert_eq!(fs::read(path("ledger.db")).unwrap(), over, "not even closing writes there");
        if over != copy {
            fs::write(path("ledger.db"), whole).unwrap();
        }
    }
    let begun = Ledger::open(&path("ledger.db"), later()).unwrap();
    assert_eq!(load(&begun).account, copied(states[8].clone()));
}

#[test]
fn a_damaged_ledger_is_not_copied() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let (mut database, _, _) = closed();
    // The name of a skill, and what is left of it elsewhere.
    let places: Vec<_> = (0..database.len()).filter(|at| database[*at..].starts_with(b"name 8")).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| database[at] ^= 1);
    fs::write(&path, &database).unwrap();
    let error = copy(&path, &folder.path().join("copy.db"), now()).unwrap_err();
    assert!(matches!(error, CopyError::Bad { .. }), "{error}");
    assert!(
        fs::read_dir(folder.path())
            .unwrap()
            .flatten()
            .all(|entry| !entry.file_name().to_string_lossy().contains("new"))
    );
}
