//! A host whose clock is hours off, and is set while the exporter runs: the windows are read by the server's clock, and
//! each call is counted in its own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use simulator::call::Injected;

use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{Cadence, wait_until_exact};
use crate::support::{Child, Folder, Sim};

const CADENCE: Cadence = Cadence { interval: 1.0, settle: 1.0 };
const VENTAS: [(&str, &str); 1] = [("operation", "ventas")];

/// How long the clock stays as it is set: several windows.
const WHILE: Duration = Duration::from_secs(4);

#[test]
fn a_clock_that_is_hours_off_and_set_stops_nothing() {
    let sim = Sim::start(vec![quiet("ventas")]);
    sim.inject(stream_of_calls(Timestamp::now(), Duration::from_millis(500), 400).into_iter().map(Injected::from));
    let folder = Folder::new(&sim, &["interval: 1s", "settle: 1s", "overlap: 5s", "hold: 0s"], |_| vec![]);
    let clock = HostClock::new(&folder, "-3h");
    let exporter = Child::start(clock.of(folder.command()));
    for wrong_by in ["-3h", "+5h", "-30h", "+0"] {
        clock.set(wrong_by);
        let until = Timestamp::now() + WHILE;
        wait_until_exact(&exporter, &sim, "ventas", CADENCE, until);
        exporter.wait_for("the gauge of the last window", |scrape| {
            assert_eq!(scrape.value("wolkvox_skipped_seconds_total", &VENTAS), 0.0, "{wrong_by}");
            let gauges = scrape.all("wolkvox_window_abandoned_calls", &VENTAS).count();
            if gauges > 0 { Ok(()) } else { Err(format!("none while the clock is wrong by {wrong_by}")) }
        });
    }
    assert_eq!(exporter.lines_with(&["the clock of this host is"]).len(), 1, "told once: {}", exporter.said());
}

/// The wall clock of a process, by libfaketime; its monotonic clock is left alone.
struct HostClock {
    library: PathBuf,
    file: PathBuf,
}

impl HostClock {
    fn new(folder: &Folder, wrong_by: &str) -> Self {
        let places = std::fs::read_dir("/usr/lib").expect("a Unix").flatten().map(|place| place.path());
        let libraries = places.map(|place| place.join("faketime/libfaketime.so.1"));
        let library = libraries.into_iter().find(|library| library.exists());
        let library = library.expect("libfaketime is missing; install it with apt-get install faketime");
        let clock = Self { library, file: folder.path().join("clock") };
        clock.set(wrong_by);
        clock
    }

    fn set(&self, wrong_by: &str) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, wrong_by).expect("a folder of this test");
        std::fs::rename(new, &self.file).expect("a folder of this test");
    }

    fn of(&self, mut command: Command) -> Command {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    }
}
