//! The file that a ledger is named to be in: nothing is touched that is not proven to be a ledger, and no other process has
//! one that is in use, by whatever name; what is removed meanwhile is put back, what is put in its place is left alone.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, chown, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use jiff::Timestamp;

use crate::support::config::ventas;
use crate::support::truth::{Cadence, shown, wait_until_exact};
use crate::support::{Folder, PATIENCE, child, run, wait_for};

const CADENCE: Cadence = Cadence { interval: 1.0, settle: 1.0 };
const DEFAULTS: [&str; 4] = ["interval: 1s", "settle: 1s", "overlap: 1m", "hold: 0s"];

/// A user who owns nothing else here.
const NOBODY: u32 = 65_534;

/// What is made, and what is said of it.
type Stranger = (&'static str, fn(&Path), &'static str);

const STRANGERS: [Stranger; 9] = [
    ("a device", |path| tool("mknod", path, &["c", "1", "3"]), "is a device, a pipe or a socket"),
    ("a pipe", |path| tool("mknod", path, &["p"]), "is a device, a pipe or a socket"),
    ("a folder", |path| fs::create_dir(path).expect("a folder"), "is a folder"),
    ("a text", |path| fs::write(path, "a: list\n".repeat(99)).expect("a file"), "is no ledger of this program"),
    ("a short text", |path| fs::write(path, "a").expect("a file"), "is no ledger of this program"),
    ("an empty file", |path| fs::write(path, "").expect("a file"), "mount its folder, not the file"),
    ("a database", |path| database(path, "DELETE"), "is a database of another program"),
    ("a database with a log", |path| database(path, "WAL"), "is a database of another program"),
    ("a dangling link", |path| symlink("nowhere.db", path).expect("a link"), "a file that doesn't exist"),
];

#[test]
fn nothing_is_touched_that_is_not_proven_to_be_a_ledger() {
    let (_sim, folder) = ventas(&DEFAULTS);
    for (what, make, said) in STRANGERS {
        let path = folder.ledger();
        make(&path);
        if what == "a device" && !path.exists() {
            println!("only root makes devices");
            continue;
        }
        let before = files(folder.path());
        let words = refused(&folder, &[]);
        assert!(words.contains(said) && words.contains("left as it is"), "{what}: {words}");
        assert_eq!(files(folder.path()), before, "{what}");
        if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) }.expect("it was there");
    }
    for name in [":memory:", "file:ledger.db", "file:/tmp/ledger.db?mode=memory"] {
        let mut command = folder.command();
        command.args(["--ledger", name]);
        let output = run(command);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(last_line(&output).contains("only a file is possible"), "{output:?}");
    }
}

#[test]
fn a_ledger_that_may_not_be_written_or_opened_says_why() {
    let (_sim, folder) = ventas(&DEFAULTS);
    folder.serve().kill();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 12; exec \"$0\" \"$@\""]);
    command.arg(folder.command().get_program()).args(folder.command().get_args()).current_dir(folder.path());
    let said = String::from_utf8_lossy(&run(command).stderr).into_owned();
    assert!(said.contains("oo many open files"), "{said}");
    fs::set_permissions(folder.ledger(), std::os::unix::fs::PermissionsExt::from_mode(0o444)).expect("our own file");
    let mut command = folder.command();
    // Whether this user is root, whom no mode stops, is seen by trying; then another one is asked.
    if fs::OpenOptions::new().append(true).open(folder.ledger()).is_ok() {
        for entry in fs::read_dir(folder.path()).expect("a folder of this test").flatten() {
            chown(entry.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
        let user = format!("--reuid={NOBODY}");
        command = within(&["setpriv", &user, "--clear-groups"], &command);
        if !run(within(&["setpriv", &user, "--clear-groups"], &child::command(&["--version"]))).status.success() {
            println!("the binary stands where no other user may look");
            return;
        }
    }
    let output = run(command);
    let words = last_line(&output);
    assert_eq!((output.status.code(), words.matches("ermission denied").count()), (Some(1), 1), "{words}");
    assert!(words.contains("writable for this user"), "{words}");
}

/// As `docker run -v FILE:FILE` does: what SQLite writes beside it would be elsewhere.
#[test]
fn a_file_that_is_mounted_alone_is_refused() {
    let (_sim, folder) = ventas(&DEFAULTS);
    let namespace = ["unshare", "--map-root-user", "--mount"];
    if !Command::new(namespace[0]).args(&namespace[1..]).arg("true").status().is_ok_and(|made| made.success()) {
        println!("no namespaces are to be had here");
        return;
    }
    assert_eq!(folder.serve().terminate().0.code(), Some(0));
    let elsewhere = folder.path().join("elsewhere.db");
    fs::rename(folder.ledger(), &elsewhere).expect("a folder of this test");
    let whole = fs::read(&elsewhere).expect("the ledger");
    for (content, said) in [(&whole[..], "is mounted by itself"), (b"", "is an empty file")] {
        fs::write(&elsewhere, content).expect("a folder of this test");
        fs::write(folder.ledger(), "").expect("a folder of this test");
        let mount = "mount --bind \"$0\" \"$1\" && shift && exec \"$@\"";
        let mut wrapper = namespace.to_vec();
        let paths = [elsewhere.to_str(), folder.ledger().to_str()].map(|path| path.expect("plain letters").to_owned());
        wrapper.extend(["sh", "-c", mount, &paths[0], &paths[1]]);
        let output = run(within(&wrapper, &folder.command()));
        let words = last_line(&output);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(words.contains(said) && words.contains("mount its folder, not the file"), "{words}");
        assert_eq!(fs::read(&elsewhere).expect("it is there"), content);
    }
}

/// By any name, and also while its files are gone, a ledger belongs to one process; and nothing is lost that it showed.
#[test]
fn a_ledger_that_is_removed_is_put_back_and_no_second_process_gets_it() {
    let (sim, folder) = ventas(&DEFAULTS);
    symlink("ledger.db", folder.path().join("link.db")).expect("a link");
    // Through the link it is made at the link's end, or not at all.
    let words = refused(&folder, &["--ledger", "link.db"]);
    assert!(words.contains("a symbolic link"), "{words}");
    let exporter = folder.serve();
    fs::hard_link(folder.ledger(), folder.path().join("hard.db")).expect("a link");
    for name in ["link.db", "hard.db", "./ledger.db"] {
        let words = refused(&folder, &["--ledger", name]);
        assert!(words.contains("in use by another process"), "{name}: {words}");
    }
    fs::remove_file(folder.path().join("hard.db")).expect("a link");
    wait_until_exact(&exporter, &sim, "ventas", CADENCE, Timestamp::now() + Duration::from_secs(2));

    for suffixes in [&["", "-wal", "-shm", ".lock"][..], &["-wal"]] {
        for suffix in suffixes {
            _ = fs::remove_file(folder.path().join(format!("ledger.db{suffix}")));
        }
        let words = refused(&folder, &[]);
        assert!(words.contains("in use by another process"), "{suffixes:?}: {words}");
        wait_until_exact(&exporter, &sim, "ventas", CADENCE, Timestamp::now() + Duration::from_secs(1));
        wait_for("the files", PATIENCE, || {
            let there = suffixes.iter().filter(|suffix| **suffix != ".lock");
            let missing: Vec<_> =
                there.filter(|suffix| !folder.path().join(format!("ledger.db{suffix}")).exists()).collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} are gone")) }
        });
    }
    let counted = shown(&exporter.scrape(), "ventas");
    exporter.kill();
    let again = folder.serve();
    let stored = shown(&again.scrape(), "ventas");
    assert!(counted.iter().all(|(series, before)| stored[series].calls >= before.calls), "{counted:?} {stored:?}");
    wait_until_exact(&again, &sim, "ventas", CADENCE, Timestamp::now() + Duration::from_secs(1));
}

#[test]
fn another_file_in_the_place_of_the_ledger_ends_the_process() {
    let (sim, folder) = ventas(&DEFAULTS);
    let mut exporter = folder.serve();
    wait_until_exact(&exporter, &sim, "ventas", CADENCE, Timestamp::now() + Duration::from_secs(1));
    fs::write(folder.path().join("other"), "something else").expect("a file");
    fs::rename(folder.path().join("other"), folder.ledger()).expect("a folder of this test");
    wait_for("the process to end", PATIENCE, || if exporter.is_running() { Err(exporter.said()) } else { Ok(()) });
    let said = exporter.kill();
    assert!(said.contains("replaced by another file") && said.contains("Start the exporter again"), "{said}");
    assert_eq!(fs::read(folder.ledger()).expect("it is there"), b"something else");
}

/// A command as the last words of another one.
fn within(wrapper: &[&str], command: &Command) -> Command {
    let mut wrapped = Command::new(wrapper[0]);
    wrapped.args(&wrapper[1..]).arg(command.get_program()).args(command.get_args());
    child::clean(&mut wrapped);
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    wrapped
}

/// The last words of an exporter that is to end at once.
fn refused(folder: &Folder, arguments: &[&str]) -> String {
    let mut command = folder.command();
    command.args(arguments);
    let output = run(command);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    last_line(&output)
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned()
}

/// What a folder holds: each name with what kind of thing it is, what it holds, and which one it is.
fn files(folder: &Path) -> BTreeMap<String, (String, Vec<u8>, u64)> {
    let entries = fs::read_dir(folder).expect("a folder of this test").flatten();
    let described = entries.map(|entry| {
        let metadata = entry.path().symlink_metadata().expect("it is there");
        let kind = metadata.file_type();
        let content = if kind.is_file() { fs::read(entry.path()).expect("readable") } else { Vec::new() };
        let what = format!("{kind:?} {} {}", kind.is_char_device(), metadata.rdev());
        (entry.file_name().to_string_lossy().into_owned(), (what, content, metadata.ino()))
    });
    described.collect()
}

fn tool(name: &str, path: &Path, arguments: &[&str]) {
    let made = Command::new(name).arg(path).args(arguments).status();
    made.expect("a tool that each machine has");
}

fn database(path: &Path, journal: &str) {
    let make = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute('PRAGMA journal_mode=' + sys.argv[2])\n\
                c.execute('CREATE TABLE other (value)')\nc.commit()";
    let status = Command::new("python3").args(["-c", make]).arg(path).arg(journal).status();
    assert!(status.expect("python3 is installed").success());
}
