//! What can happen to a ledger from outside: another process, a folder that can't be written, a full disk, a damaged
//! file. Totals stay the truth, or the exporter refuses in words; it never begins from zero without one.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use jiff::Timestamp;

use crate::support::config::ventas;
use crate::support::truth::{Cadence, shown, wait_until_exact};
use crate::support::{Child, Folder, child, run};

const CADENCE: Cadence = Cadence { interval: 1.0, settle: 1.0 };
const DEFAULTS: [&str; 4] = ["interval: 1s", "settle: 1s", "overlap: 1m", "hold: 0s"];

#[test]
fn a_second_process_on_one_ledger_is_refused() {
    let (sim, folder) = ventas(&DEFAULTS);
    let first = folder.serve();
    let output = run(folder.command());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let words = last_line(&output);
    assert!(words.contains("in use by another process") && words.contains("--ledger"), "{words}");
    wait_until_exact(&first, &sim, "ventas", CADENCE, Timestamp::now() + Duration::from_secs(2));

    // When the first is gone, even by kill -9, nothing stands in the way.
    let counted = shown(&first.scrape(), "ventas");
    first.kill();
    let second = folder.serve();
    let again = shown(&second.scrape(), "ventas");
    assert!(counted.iter().all(|(series, before)| again[series].calls >= before.calls), "{counted:?} {again:?}");
}

#[test]
fn a_place_that_cannot_be_written_is_refused() {
    let (_sim, folder) = ventas(&DEFAULTS);
    // `/proc` refuses new files to everybody, root included.
    for place in ["/proc/ledger.db", "/no/such/folder/ledger.db"] {
        let mut command = folder.command();
        command.args(["--ledger", place]);
        let output = run(command);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let words = last_line(&output);
        assert!(words.contains(place) && words.contains("must exist and be writable"), "{words}");
    }
}

/// A disk that is full, as far as a process can tell: no file may grow beyond a size. With room again everything is
/// counted, once.
#[test]
fn a_full_disk_loses_nothing() {
    let (sim, folder) = ventas(&DEFAULTS);
    let mut command = Command::new("bash");
    child::clean(&mut command);
    // 192 kB: enough for a new ledger, not for its log when calls come.
    command.args(["-c", "ulimit -S -f 192; exec \"$@\"", "bash"]);
    command.arg(child::binary()).args(["--web.listen-address", "127.0.0.1:0", "--config.file"]).arg(folder.config());
    command.current_dir(folder.path());
    let exporter = Child::start(command);
    exporter.wait_for("commits that fail", |scrape| match scrape.value("wolkvox_ledger_commit_errors_total", &[]) {
        errors if errors >= 2.0 => Ok(()),
        errors => Err(format!("{errors} errors, size {}", scrape.value("wolkvox_ledger_size_bytes", &[]))),
    });
    let shown_meanwhile = shown(&exporter.scrape(), "ventas");
    exporter.wait_for_lines(2, &["the ledger could not be written"]);
    assert_eq!(exporter.get("/-/healthy", &[]).status, 200);

    let id = exporter.id().to_string();
    let status = Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited"]).status();
    assert!(status.expect("prlimit, of util-linux, is installed").success());
    let until = Timestamp::now() + Duration::from_secs(2);
    wait_until_exact(&exporter, &sim, "ventas", CADENCE, until);
    let errors = exporter.scrape().value("wolkvox_ledger_commit_errors_total", &[]);
    let now = shown(&exporter.scrape(), "ventas");
    assert!(shown_meanwhile.iter().all(|(series, before)| now[series].calls >= before.calls));

    // What was shown has been stored.
    exporter.kill();
    let again = folder.serve();
    let stored = shown(&again.scrape(), "ventas");
    assert!(now.iter().all(|(series, before)| stored[series].calls >= before.calls), "{now:?} {stored:?}");
    assert!(errors >= 2.0);
    wait_until_exact(&again, &sim, "ventas", CADENCE, until);
}

/// A ledger that is cut or has a flipped bit is refused and set aside. So is every later start, for a supervisor would
/// else begin the counters from zero, until somebody has moved the damaged one away.
#[test]
fn a_damaged_ledger_is_set_aside_in_words() {
    let (sim, folder) = ventas(&DEFAULTS);
    let exporter = folder.serve();
    wait_until_exact(&exporter, &sim, "ventas", CADENCE, Timestamp::now() + Duration::from_secs(3));
    let counted = shown(&exporter.scrape(), "ventas");
    // In order, so that all of it is in the one file.
    let (status, _, said) = exporter.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
    let whole = std::fs::read(folder.ledger()).expect("the ledger");

    let length = whole.len() as u64;
    let damages: [Damage<'_>; 4] = [
        ("cut to half", &|ledger| set_length(ledger, length / 2)),
        ("cut to a page", &|ledger| set_length(ledger, 4_096)),
        ("its head overwritten", &|ledger| flip(ledger, 3)),
        ("a byte of the skill's id flipped", &|ledger| flip(ledger, find(&whole, b"4173") as u64)),
    ];
    for (what, damage) in damages {
        std::fs::write(folder.ledger(), &whole).expect("a folder of this test");
        let _ = std::fs::remove_file(folder.path().join("ledger.db-wal"));
        damage(&folder.ledger());
        let damaged = std::fs::read(folder.ledger()).expect("the ledger");
        let output = run(folder.command());
        assert_eq!(output.status.code(), Some(1), "{what}: {output:?}");
        let words = last_line(&output);
        assert!(words.contains("is damaged") && words.contains("set aside"), "{what}: {words}");
        let aside = set_aside(&folder);
        let name = aside.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(words.contains(&name), "{what}: {words} does not name {name}");
        assert_eq!(std::fs::read(&aside).expect("set aside"), damaged, "{what}: it was changed");

        let output = run(folder.command());
        assert_eq!(output.status.code(), Some(1), "{what}: {output:?}");
        let words = last_line(&output);
        assert!(words.contains("no ledger") && words.contains(&name), "{what}: {words}");
        assert!(!folder.ledger().exists(), "{what}: a new ledger was begun");
        std::fs::remove_file(aside).expect("a folder of this test");
        folder.serve().kill();
    }

    // A copy that is put back goes on from where it was.
    std::fs::write(folder.ledger(), &whole).expect("a folder of this test");
    let _ = std::fs::remove_file(folder.path().join("ledger.db-wal"));
    let again = folder.serve();
    let stored = shown(&again.scrape(), "ventas");
    assert!(counted.iter().all(|(series, before)| stored[series].calls >= before.calls), "{counted:?} {stored:?}");
}

/// What is done to a ledger, in words and in deed.
type Damage<'a> = (&'a str, &'a dyn Fn(&Path));

/// What the process said last: its error.
fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned()
}

fn set_length(path: &Path, length: u64) {
    let file = std::fs::File::options().write(true).open(path).expect("the ledger");
    file.set_len(length).expect("a file of this test");
}

fn flip(path: &Path, at: u64) {
    let mut file = std::fs::File::options().read(true).write(true).open(path).expect("the ledger");
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut byte)).expect("within the ledger");
    file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(&[byte[0] ^ 1])).expect("a file of this test");
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    // The last one: pages are written anew, and the first may be a leftover that nobody reads.
    bytes.windows(part.len()).rposition(|window| window == part).expect("the skill is in the ledger")
}

fn set_aside(folder: &Folder) -> PathBuf {
    let entries = std::fs::read_dir(folder.path()).expect("a folder of this test").flatten().map(|entry| entry.path());
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("ledger.db.damaged-") && !name.ends_with("-wal")
    };
    let found: Vec<_> = entries.filter(is_one).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().expect("one")
}
