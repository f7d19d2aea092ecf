//! The file of a ledger: proven, locked, and kept in its place.

use super::*;

#[test]
fn a_second_process_is_refused() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let first = Ledger::open(&path, now()).expect("a new ledger");
    assert!(matches!(Ledger::open(&path, now()), Err(OpenError::InUse { .. })));
    drop(first);
    assert!(Ledger::open(&path, now()).is_ok());
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
    fs::write(file::beside(&path, "-wal"), "its log").unwrap();
    for number in [7, 8] {
        let error = commit(&ledger, &id, &account, number).expect_err("replaced");
        assert!(matches!(error, CommitError::Replaced(_)), "{error}");
    }
    drop(ledger);
    assert_eq!(fs::read(&path).unwrap(), b"something else");
    assert_eq!(fs::read(file::beside(&path, "-wal")).unwrap(), b"its log");
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
