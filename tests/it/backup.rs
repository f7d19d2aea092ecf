//! Copies of the ledger, made while the exporter counts and is killed, and put back: the totals of a copy are those of one
//! commit, and after a restore nobody sees less than before, nor anything twice.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use jiff::Timestamp;
use simulator::call::Injected;
use simulator::faults::Fault;
use wolkvox_exporter::ledger::Ledger;

use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{ABANDONED, Cadence, wait_until_exact};
use crate::support::{Child, Folder, PATIENCE, Sim, child, http, run, wait_for};

const CADENCE: Cadence = Cadence { interval: 1.0, settle: 1.0 };
/// The holds are long: what a restore shows must not wait for them.
const DEFAULTS: [&str; 5] = ["interval: 1s", "settle: 1s", "overlap: 1m", "hold: 30s", "start_hold: 30s"];

#[test]
fn a_copy_under_load_is_one_commit_and_a_restore_shows_nothing_less() {
    let sim = Sim::start(vec![quiet("ventas")]);
    // Each second has as many calls, so that the totals say which second they are of.
    let calls = stream_of_calls(Timestamp::now(), Duration::from_millis(50), 2_400);
    sim.inject(calls.into_iter().map(Injected::from));
    let no_hold = ["interval: 1s", "settle: 1s", "overlap: 1m", "hold: 0s", "start_hold: 0s"];
    let folder = Folder::new(&sim, &no_hold, |_| vec![]);
    let exporter = folder.serve();
    wait_until_exact(&exporter, &sim, "ventas", CADENCE, Timestamp::now());

    // Some are killed while they copy, and the exporter is killed while one is made.
    let mut exporter = Some(exporter);
    let mut made = Vec::new();
    for number in 0..12 {
        let mut command = backup(&folder, &format!("copy-{number}.db"));
        let mut copying = command.spawn().expect("the binary");
        if number % 3 == 1 {
            std::thread::sleep(Duration::from_micros(900 * number));
            copying.kill().expect("a child of this process");
        }
        if number == 6 {
            let seen = exporter.take().expect("it runs").kill();
            assert!(!seen.contains("could not be written"), "{seen}");
        }
        let ended = copying.wait().expect("a child of this process");
        let copy = folder.path().join(format!("copy-{number}.db"));
        assert!(ended.success() || number % 3 == 1, "{ended}");
        assert!(copy.exists() || !ended.success());
        made.extend(copy.exists().then_some(copy));
        exporter.get_or_insert_with(|| folder.serve());
    }
    assert!(made.len() >= 8, "{made:?}");
    let exporter = exporter.expect("it runs");
    wait_until_exact(&exporter, &sim, "ventas", CADENCE, Timestamp::now() + Duration::from_secs(1));
    for copy in &made {
        assert_eq!(fs::metadata(copy).expect("a copy").permissions().mode() & 0o777, 0o600);
        let opened = folder.path().join("opened.db");
        fs::copy(copy, &opened).expect("a folder of this test");
        let ledger = Ledger::open(&opened, Timestamp::now()).expect("a whole copy");
        let begin = || panic!("the copy lacks the operation");
        let account =
            ledger.account("ventas", ABANDONED.name, "America/Bogota", Timestamp::now(), begin).expect("loaded");
        let marks = &account.account.marks;
        let calls: u64 = account.account.series.values().map(|series| series.counts.calls).sum();
        let truth = sim.operation("ventas").expect("simulated").truth(marks.start, marks.complete_until);
        assert_eq!(calls, truth.len() as u64, "{copy:?}, complete until {}", marks.complete_until);
        drop(ledger);
        fs::remove_file(opened).expect("a folder of this test");
    }

    // The oldest copy is put back as an operator does, with what the killed process has left beside it.
    let before = exporter.scrape().ledger_counters();
    exporter.kill();
    sim.set_fault(
        Fault::Status { status: 500, body: String::new(), content_type: String::new(), retry_after: None },
        None,
    );
    fs::copy(&made[0], folder.ledger()).expect("a folder of this test");
    let with_holds = fs::read_to_string(folder.config()).expect("the configuration");
    folder.write_config(&with_holds.replace("hold: 0s", "hold: 30s"));
    for _ in 0..2 {
        let restored = folder.serve();
        let asked = sim.requests().len();
        wait_for("calls that fail", PATIENCE, || {
            if sim.requests().len() > asked { Ok(()) } else { Err("none") }.map_err(str::to_owned)
        });
        let (status, words) = scraped(&restored);
        assert_eq!(status, 503, "{words}");
        assert!(words.contains("is a copy"), "{words}");
        let page = restored.get("/?lang=es", &[]).text();
        assert!(page.contains("copia restaurada") && page.contains("responde 503"), "{page}");
        assert_eq!(restored.get("/-/ready", &[]).status, 200);
        restored.kill();
    }
    sim.clear_faults();
    let restored = folder.serve();
    wait_for("what the copy lacked", PATIENCE, || match scraped(&restored) {
        (200, _) => Ok(()),
        other => Err(format!("{other:?}; {}", restored.said())),
    });
    let after = restored.scrape().ledger_counters();
    assert_none_fell(&before, &after);
    wait_until_exact(&restored, &sim, "ventas", CADENCE, Timestamp::now() + Duration::from_secs(1));
    let (status, _, said) = restored.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
}

#[test]
fn a_copy_is_written_over_nothing_and_a_full_disk_says_so() {
    let sim = Sim::start(vec![quiet("ventas")]);
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let exporter = folder.serve();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("file"), "kept").expect("a folder of this test");
    symlink("nowhere", path("dangling")).expect("a folder of this test");
    symlink("/dev/null", path("null")).expect("a folder of this test");
    tool("mkfifo", &path("pipe"));
    for target in ["file", "dangling", "null", "pipe", "/dev/null", ".", "ledger.db"] {
        let words = refused(backup(&folder, target));
        assert!(words.contains("written over nothing"), "{target}: {words}");
    }
    assert_eq!(fs::read(path("file")).expect("it is there"), b"kept");
    assert!(!path("nowhere").exists());
    let words = refused(backup(&folder, "/proc/copy.db"));
    assert!(words.contains("/proc/copy.db") && words.contains("writable"), "{words}");
    // Whichever write finds no room: the copy has one page more than the ledger, for the marks.
    let size = fs::metadata(folder.ledger()).expect("the ledger").len() / 1_024;
    for blocks in [8, size / 2, size - 8, size - 4, size] {
        // `sh` counts in half of a kilobyte.
        let output = run(child::limited(&backup(&folder, "copy.db"), &format!("ulimit -f {}", 2 * blocks)));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            fs::remove_file(path("copy.db")).expect("a copy");
        } else {
            assert!(said.contains("the disk is full") && !said.contains("not whole"), "{blocks} kB: {said}");
        }
    }
    let mut elsewhere = child::command(&["backup", "copy.db", "--ledger", "no-such.db"]);
    elsewhere.current_dir(folder.path());
    assert!(refused(elsewhere).contains("there is no ledger"));
    let left = fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.file_name());
    let left: Vec<_> = left
        .filter(|name| name.to_string_lossy().contains("copy") || name.to_string_lossy().contains(".new"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(exporter.get("/metrics", &[]).status, 200);

    // The flag is enough, whatever else the configuration says; and who copies may have no token.
    fs::write(path("no-token.yml"), "ledger: ledger.db\noperations:\n  - server: '0042'\n    token_env: NOT_SET\n")
        .expect("space");
    for (number, arguments) in
        [&["--ledger", "ledger.db", "--config.file", "file"][..], &["--config.file", "no-token.yml"]]
            .into_iter()
            .enumerate()
    {
        let to = format!("copy-{number}.db");
        let mut command = child::command(&["backup", &to]);
        command.args(arguments).current_dir(folder.path());
        let output = run(command);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.starts_with(&format!("{to}: a copy of ")) && said.contains(", 1 operation, "), "{said}");
    }
}

fn backup(folder: &Folder, to: &str) -> Command {
    let mut command = child::command(&["backup", to]);
    command.arg("--config.file").arg(folder.config()).current_dir(folder.path());
    command
}

fn scraped(exporter: &Child) -> (u16, String) {
    let response = http::get(exporter.address(), "/metrics", &[]).expect("an answer");
    (response.status, response.text())
}

fn refused(command: Command) -> String {
    let output: Output = run(command);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned()
}

/// What a copy can't know are the calls that were made since, and rows that came again with them.
fn assert_none_fell(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) {
    let of_calls = ["wolkvox_abandoned_calls_total", "wolkvox_abandon_time_seconds", "wolkvox_windows_total"];
    let mut compared = 0;
    for (series, value) in before.iter().filter(|(name, _)| of_calls.iter().any(|of| name.starts_with(of))) {
        let now = after.get(series).unwrap_or_else(|| panic!("{series} is gone"));
        assert!(now >= value, "{series} fell from {value} to {now}");
        compared += 1;
    }
    assert!(compared > 10);
}

fn tool(name: &str, path: &Path) {
    assert!(Command::new(name).arg(path).status().expect("a tool that each machine has").success());
}
