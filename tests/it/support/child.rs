use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::http::{self, Response};
use super::scrape::Scrape;
use super::wait::{PATIENCE, wait_for};

/// The binary of this build, or for a measurement the one that `BINARY` names.
pub fn binary() -> OsString {
    std::env::var_os("BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_wolkvox-exporter").into())
}

/// The binary, running. Killed when it is dropped.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    address: SocketAddr,
    /// Of the probes, where they have one of their own.
    probes: Option<SocketAddr>,
    /// Everything that it has written, stdout and stderr each in its order.
    said: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// The binary with nothing of this process's environment.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments);
    clean(&mut command);
    command
}

/// Takes everything out of a command's environment but what finds programs and temporary folders.
pub fn clean(command: &mut Command) {
    let kept = ["PATH", "TMPDIR"].map(|name| (name, std::env::var_os(name)));
    command.env_clear();
    command.envs(kept.into_iter().filter_map(|(name, value)| Some((name, value?))));
}

/// The same, after `limit` in a shell: `ulimit -n 64`. A file that is too large is an error, and no signal.
pub fn limited(command: &Command, limit: &str) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("trap '' XFSZ; {limit}; exec \"$0\" \"$@\"")]);
    limited.arg(command.get_program()).args(command.get_args());
    clean(&mut limited);
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    limited
}

impl Child {
    /// Starts a command that serves, and waits until it listens and has loaded its ledger.
    pub fn start(mut command: Command) -> Self {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = Arc::<Mutex<String>>::default();
        let stdout = collect(process.stdout.take().expect("piped"), said.clone());
        let stderr = collect(process.stderr.take().expect("piped"), said.clone());
        let address = wait_for("the address that the exporter listens on", PATIENCE, || {
            let text = said.lock().expect("readers don't panic").clone();
            if let Ok(Some(status)) = process.try_wait() {
                panic!("the exporter has ended with {status} instead of listening:\n{text}");
            }
            address_in(&text, "listening").ok_or(text)
        });
        let has_probes = command.get_args().any(|argument| argument == "--web.probe-address");
        let probes = has_probes.then(|| {
            wait_for("the address of the probes", PATIENCE, || {
                let text = said.lock().expect("readers don't panic").clone();
                address_in(&text, "answering the probes").ok_or(text)
            })
        });
        let mut child = Self { process, address, probes, said, readers: vec![stdout, stderr] };
        child.wait_until_ready();
        child
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the probes are.
    pub fn probes(&self) -> SocketAddr {
        self.probes.unwrap_or(self.address)
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn get(&self, path: &str, headers: &[&str]) -> Response {
        http::get(self.address, path, headers)
            .unwrap_or_else(|error| panic!("GET {path}: {error}; the exporter said:\n{}", self.said()))
    }

    pub fn scrape(&self) -> Scrape {
        let response = self.get("/metrics", &[]);
        assert_eq!(response.status, 200, "{}", response.head);
        Scrape::parse(response.text())
    }

    /// Scrapes until `holds` has no objection.
    pub fn wait_for<T>(&self, what: &str, holds: impl FnMut(&Scrape) -> Result<T, String>) -> T {
        self.wait_at_most(PATIENCE, what, holds)
    }

    pub fn wait_at_most<T>(
        &self,
        within: Duration,
        what: &str,
        mut holds: impl FnMut(&Scrape) -> Result<T, String>,
    ) -> T {
        wait_for(what, within, || {
            holds(&self.scrape()).map_err(|why| format!("{why}; the exporter said:\n{}", self.said()))
        })
    }

    fn wait_until_ready(&mut self) {
        wait_for("the exporter to be ready", PATIENCE, || {
            assert!(self.is_running(), "the exporter has ended:\n{}", self.said());
            match http::get(self.probes(), "/-/ready", &[]) {
                Ok(response) if response.status == 200 => Ok(()),
                other => Err(format!("{other:?}; it said:\n{}", self.said())),
            }
        });
    }

    /// What it has written so far.
    pub fn said(&self) -> String {
        self.said.lock().expect("readers don't panic").clone()
    }

    /// The lines so far that have all of `parts`.
    pub fn lines_with(&self, parts: &[&str]) -> Vec<String> {
        self.said().lines().filter(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned).collect()
    }

    /// The lines that have all of `parts`, once there are as many as `least`: a line may be read a moment after what it
    /// tells of is shown.
    pub fn wait_for_lines(&self, least: usize, parts: &[&str]) -> Vec<String> {
        wait_for(&format!("{least} times {parts:?}"), PATIENCE, || {
            let lines = self.lines_with(parts);
            if lines.len() < least { Err(self.said()) } else { Ok(lines) }
        })
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("a child of this process").is_none()
    }

    /// `kill -9`, and waits until it is gone. Returns all that it wrote.
    pub fn kill(mut self) -> String {
        self.process.kill().expect("a child of this process");
        self.process.wait().expect("a child of this process");
        self.all_said()
    }

    /// SIGTERM, and waits until it is gone. Returns how it ended, after how long, and all that it wrote.
    pub fn terminate(mut self) -> (ExitStatus, Duration, String) {
        let began = Instant::now();
        signal(self.id(), "TERM");
        let status = wait_for("the exporter to end after SIGTERM", PATIENCE, || {
            let said = || self.said.lock().expect("readers don't panic").clone();
            self.process.try_wait().expect("a child of this process").ok_or_else(said)
        });
        (status, began.elapsed(), self.all_said())
    }

    fn all_said(&mut self) -> String {
        for reader in self.readers.drain(..) {
            reader.join().expect("readers don't panic");
        }
        self.said()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a command that is expected to end by itself.
pub fn run(mut command: Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // Its few lines fit into the pipes, so that it can end before they are read.
    let ended = wait_or_kill(&mut child);
    let output = child.wait_with_output().expect("a child of this process");
    assert!(ended, "{command:?} did not end by itself: {output:?}");
    output
}

fn wait_or_kill(child: &mut std::process::Child) -> bool {
    let began = Instant::now();
    while child.try_wait().expect("a child of this process").is_none() {
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// Sends a signal, by its name without `SIG`.
pub fn signal(id: u32, name: &str) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status().expect("kill is installed");
    assert!(status.success(), "kill -{name} {id}: {status}");
}

fn collect(from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            into.lock().expect("readers don't panic").push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

fn address_in(log: &str, words: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains(words))?;
    let from = line.find("address=").map(|at| at + "address=".len())?;
    line[from..].split_whitespace().next()?.trim_matches('"').parse().ok()
}
