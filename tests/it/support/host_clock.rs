use std::path::PathBuf;
use std::process::Command;

use super::config::Folder;

/// The wall clock of a process, by libfaketime; its monotonic clock is left alone.
#[derive(Debug)]
pub struct HostClock {
    library: PathBuf,
    file: PathBuf,
}

impl HostClock {
    pub fn new(folder: &Folder, wrong_by: &str) -> Self {
        let places = std::fs::read_dir("/usr/lib").expect("a Unix").flatten().map(|place| place.path());
        let libraries = places.map(|place| place.join("faketime/libfaketime.so.1"));
        let library = libraries.into_iter().find(|library| library.exists());
        let library = library.expect("libfaketime is missing; install it with apt-get install faketime");
        let clock = Self { library, file: folder.path().join("clock") };
        clock.set(wrong_by);
        clock
    }

    pub fn set(&self, wrong_by: &str) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, wrong_by).expect("a folder of this test");
        std::fs::rename(new, &self.file).expect("a folder of this test");
    }

    /// The command with this clock.
    pub fn of(&self, mut command: Command) -> Command {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    }
}
