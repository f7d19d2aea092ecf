//! What a disk can do to a ledger: lose power with writes on their way, and fail. A shim (`shim.c`, for LD_PRELOAD) stands
//! between the real binary and its files; it is compiled by the C compiler that the build needs anyway.

mod cuts;
mod faults;
mod record;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Child, Folder};

/// The shim, compiled into a folder, and the files that it is told of.
struct Shim {
    library: PathBuf,
    log: PathBuf,
    faults: PathBuf,
}

impl Shim {
    fn compiled(folder: &Path) -> Self {
        let library = folder.join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/disk/shim.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&library).arg(source);
        let status = compiler.arg("-ldl").status().expect("cc, of build-essential, is installed");
        assert!(status.success(), "{compiler:?}: {status}");
        Self { library, log: folder.join("disk.log"), faults: folder.join("faults") }
    }

    /// Serves, with what it does to its ledger recorded.
    fn record(&self, folder: &Folder) -> Child {
        self.serve(folder, "DISK_LOG", &self.log)
    }

    /// Serves, on a disk that fails as [`Shim::fail`] says.
    fn with_faults(&self, folder: &Folder) -> Child {
        self.serve(folder, "DISK_FAULTS", &self.faults)
    }

    /// From now on: which error number, and in percent how many operations fail, how many writes are torn, and how many
    /// syncs fail.
    fn fail(&self, error: i32, failing: u32, torn: u32, unsynced: u32) {
        let new = self.faults.with_extension("new");
        std::fs::write(&new, format!("{error} {failing} {torn} {unsynced}\n")).expect("a folder of this test");
        std::fs::rename(new, &self.faults).expect("a folder of this test");
    }

    fn serve(&self, folder: &Folder, variable: &str, value: &Path) -> Child {
        Child::start(self.command(folder, variable, value))
    }

    fn command(&self, folder: &Folder, variable: &str, value: &Path) -> Command {
        let mut command = folder.command();
        // As SQLite knows it: without links.
        let ledger = folder.path().canonicalize().expect("a folder of this test").join("ledger.db");
        command.arg("--web.enable-lifecycle");
        command.env("LD_PRELOAD", &self.library).env("DISK_FILES", ledger).env(variable, value);
        command
    }
}
