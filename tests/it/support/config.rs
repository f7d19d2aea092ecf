use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use simulator::call::Injected;
use tempfile::TempDir;

use super::child::{self, Child};
use super::sim::{Sim, quiet, stream_of_calls};

/// An operation `ventas` with calls for more than a test lasts, and its folder. `defaults` as in [`Folder::new`].
pub fn ventas(defaults: &[&str]) -> (Sim, Folder) {
    let sim = Sim::start(vec![quiet("ventas")]);
    let calls = stream_of_calls(Timestamp::now(), Duration::from_millis(50), 2_400);
    sim.inject(calls.into_iter().map(Injected::from));
    let folder = Folder::new(&sim, defaults, |_| vec![]);
    (sim, folder)
}

/// A folder with a configuration, its token files and a ledger.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// Writes a configuration for all operations of `sim`. `defaults` are lines of its `defaults`; `own` gives the lines
    /// that an operation has besides.
    pub fn new(sim: &Sim, defaults: &[&str], own: impl Fn(&str) -> Vec<String>) -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        let mut text = format!("ledger: {:?}\ndefaults:\n", folder.ledger());
        for line in defaults {
            text.push_str(&format!("  {line}\n"));
        }
        text.push_str("operations:\n");
        for operation in &sim.world().operations {
            let name = &operation.name;
            folder.write_token(name, &operation.token().unwrap_or_default());
            text.push_str(&format!(
                "  - name: {name:?}\n    server: {:?}\n    token_file: {:?}\n    timezone: {}\n",
                sim.base_url(),
                folder.token_file(name),
                operation.zone().iana_name().expect("a named zone"),
            ));
            for line in own(name) {
                text.push_str(&format!("    {line}\n"));
            }
        }
        folder.write_config(&text);
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn ledger(&self) -> PathBuf {
        self.path().join("ledger.db")
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("config.yml")
    }

    pub fn token_file(&self, operation: &str) -> PathBuf {
        self.path().join(format!("token-{operation}"))
    }

    pub fn write_token(&self, operation: &str, token: &str) {
        // Moved into place whole, as tools that rotate tokens do.
        let new = self.path().join("token.new");
        std::fs::write(&new, token).expect("a folder of this test");
        std::fs::rename(new, self.token_file(operation)).expect("a folder of this test");
    }

    pub fn write_config(&self, text: &str) {
        std::fs::write(self.config(), text).expect("a folder of this test");
    }

    /// The command that serves this configuration on a free port.
    pub fn command(&self) -> Command {
        self.command_on(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    pub fn command_on(&self, address: SocketAddr) -> Command {
        let mut command = child::command(&["--web.listen-address", &address.to_string()]);
        command.arg("--config.file").arg(self.config()).current_dir(self.path());
        command
    }

    /// Serves this configuration.
    pub fn serve(&self) -> Child {
        Child::start(self.command())
    }
}
