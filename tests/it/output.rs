//! What the exporter prints holds nothing up: readers that stop reading, and readers that have gone.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::child::{self, signal};
use crate::support::http::{self, Response};
use crate::support::scrape::Scrape;
use crate::support::sim::quiet;
use crate::support::wait::free_address;
use crate::support::{Folder, PATIENCE, Sim, wait_for};

/// A scrape takes milliseconds; one that waits for the reader of the log takes for ever.
const AT_ONCE: Duration = Duration::from_secs(5);
/// As promised.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A process whose readers are the test's affair. Killed when it is dropped.
struct Unread {
    process: std::process::Child,
    address: SocketAddr,
}

impl Unread {
    /// Starts what listens on `address`.
    fn start(mut command: Command, address: SocketAddr, stdout: Stdio, stderr: Stdio) -> Self {
        let process = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn();
        Self { process: process.unwrap_or_else(|error| panic!("{command:?}: {error}")), address }
    }

    fn get(&self, path: &str) -> io::Result<Response> {
        let began = Instant::now();
        let response = http::get_within(self.address, path, AT_ONCE);
        assert!(began.elapsed() < 2 * AT_ONCE, "{path} took {:?}", began.elapsed());
        response
    }

    fn wait_for<T>(&self, what: &str, path: &str, holds: impl Fn(Response) -> Result<T, String>) -> T {
        wait_for(what, PATIENCE, || holds(self.get(path).map_err(|error| format!("{path}: {error}"))?))
    }

    fn terminate(mut self) -> ExitStatus {
        let began = Instant::now();
        signal(self.process.id(), "TERM");
        let status = wait_for("an end after SIGTERM", PATIENCE, || {
            self.process.try_wait().expect("a child of this process").ok_or("none".to_owned())
        });
        assert!(began.elapsed() < ENDS_WITHIN, "SIGTERM took {:?}", began.elapsed());
        status
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Something to write to that takes nothing until the other end has been read.
fn full() -> (Stdio, UnixStream) {
    let (mut written, read) = UnixStream::pair().expect("a pair of sockets");
    written.set_nonblocking(true).expect("a socket");
    loop {
        match written.write(&[b'\n'; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    written.set_nonblocking(false).expect("a socket");
    (OwnedFd::from(written).into(), read)
}

/// Something to write to whose reader has gone.
fn closed() -> Stdio {
    let (written, _) = UnixStream::pair().expect("a pair of sockets");
    OwnedFd::from(written).into()
}

/// A file on a disk that is full.
fn no_room() -> Stdio {
    File::options().write(true).open("/dev/full").expect("a device of Linux").into()
}

fn polls_of_both(response: Response) -> Result<Scrape, String> {
    if response.status != 200 {
        return Err(response.head);
    }
    let scrape = Scrape::parse(response.text());
    let polls = ["ventas", "soporte"].map(|name| scrape.sum("wolkvox_polls_total", &[("operation", name)]));
    if polls.iter().all(|&polls| polls >= 4.0) { Ok(scrape) } else { Err(format!("{polls:?}")) }
}

#[test]
fn a_log_that_nobody_reads_holds_no_poll_no_scrape_and_no_end() {
    let sim = Sim::start(vec![quiet("ventas"), quiet("soporte")]);
    let start = |level| {
        let folder = Folder::new(&sim, &["interval: 1s", "settle: 0s", "hold: 0s"], |_| Vec::new());
        let address = free_address();
        let mut command = folder.command_on(address);
        command.args(["--log.level", level]);
        let (stderr, reader) = full();
        (Unread::start(command, address, Stdio::null(), stderr), reader, folder)
    };
    let (never_read, _reader, _folder) = start("info");
    let (read_again, mut reader, _folder) = start("debug");
    for exporter in [&never_read, &read_again] {
        exporter.wait_for("polls of both operations", "/metrics", polls_of_both);
        for path in ["/", "/-/healthy", "/-/ready"] {
            assert_eq!(exporter.get(path).expect("an answer").status, 200);
        }
    }
    assert_eq!(never_read.terminate().code(), Some(0));

    wait_for("lines to be dropped", PATIENCE, || {
        // At this level each is told of.
        for _ in 0..200 {
            let mut client = TcpStream::connect(read_again.address).map_err(|error| error.to_string())?;
            client.write_all(b"no request\r\n\r\n").map_err(|error| error.to_string())?;
        }
        let scrape = Scrape::parse(read_again.get("/metrics").expect("an answer").text());
        let lines = scrape.value("wolkvox_log_lines_dropped_total", &[]);
        if lines > 0.0 { Ok(()) } else { Err("none".to_owned()) }
    });
    // The reader is back.
    reader.set_read_timeout(Some(Duration::from_secs(1))).expect("a socket");
    let (mut log, mut piece) = (Vec::new(), vec![0; 1 << 20]);
    wait_for("the log to say what it lost", PATIENCE, || {
        let length = reader.read(&mut piece).map_err(|error| error.to_string())?;
        log.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&log);
        if text.contains("lines of the log were dropped") { Ok(()) } else { Err(format!("{} bytes", log.len())) }
    });
    drop(reader);
    assert_eq!(read_again.terminate().code(), Some(0));
}

#[test]
fn a_log_on_a_full_disk_is_counted_as_lost() {
    let sim = Sim::start(vec![quiet("ventas"), quiet("soporte")]);
    let folder = Folder::new(&sim, &["interval: 1s", "settle: 0s", "hold: 0s"], |_| Vec::new());
    let address = free_address();
    let exporter = Unread::start(folder.command_on(address), address, Stdio::null(), no_room());
    let scrape = exporter.wait_for("polls of both operations", "/metrics", polls_of_both);
    assert!(scrape.value("wolkvox_log_lines_dropped_total", &[]) > 4.0);
    for (lang, words) in [("en", "lines of the log were lost"), ("es", "líneas del log desde el arranque")] {
        let page = exporter.get(&format!("/?lang={lang}")).expect("a page").text();
        assert!(page.contains(words), "{page}");
    }
    assert_eq!(exporter.terminate().code(), Some(0));
}

#[test]
fn readers_that_have_gone_or_stopped_end_nothing() {
    for make in [closed as fn() -> Stdio, || full().0, no_room] {
        let flags = [
            ("serve", vec!["--wolkvox.server", "http://127.0.0.1:1", "--wolkvox.token-file", "/dev/null"]),
            ("demo", vec![]),
            ("simulate", vec![]),
        ];
        let started = flags.map(|(name, flags)| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let address = free_address();
            let mut command = child::command(&[name]);
            command.args(flags).current_dir(folder.path());
            let listen = if name == "simulate" { "--listen" } else { "--web.listen-address" };
            command.arg(listen).arg(address.to_string());
            (Unread::start(command, address, make(), make()), folder)
        });
        for (process, _folder) in started {
            process.wait_for("an answer", "/", |_| Ok(()));
            assert_eq!(process.terminate().code(), Some(0));
        }
    }
}

/// One operation on a server that is not there.
const NOBODY: [&str; 4] = ["--wolkvox.server", "http://127.0.0.1:1", "--wolkvox.token-file", "/dev/null"];

#[test]
fn commands_keep_their_exit_codes_without_a_reader_and_do_not_panic() {
    let check_api = [&["check-api"][..], &NOBODY].concat();
    let check_api_json = [&["check-api", "--json"][..], &NOBODY].concat();
    let check_config = ["check-config", "--wolkvox.server", "0042", "--wolkvox.token-file", "/no/such/token"];
    // Whether what they print is all that they are for, so that a disk without room for it is a failure.
    let (prints, tells) = (true, false);
    for (arguments, code, only) in [
        (&check_config[..], 1, prints),
        (&["check-config", "--wolkvox.server", "?"][..], 2, tells),
        (&check_api[..], 1, tells),
        (&check_api_json[..], 1, tells),
        (&["backup", "--ledger", "/no/such/ledger.db", "/no/such/copy.db"][..], 1, tells),
        (&["healthcheck", "--web.listen-address", "127.0.0.1:1"][..], 1, tells),
        (&["completions", "bash"][..], 0, prints),
        (&["man"][..], 0, prints),
        (&["simulate", "--zone", "Bogota"][..], 2, tells),
        (&["demo", "--zone", "Bogota"][..], 2, tells),
        (&["--config.file", "/no/such/file"][..], 2, tells),
        (&["--nonsense"][..], 2, tells),
        (&["--help"][..], 0, tells),
        (&["--version"][..], 0, tells),
    ] {
        let status = |stdout: Stdio, stderr: Stdio| {
            let mut command = child::command(arguments);
            command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).output().expect("the binary")
        };
        assert_eq!(status(closed(), closed()).status.code(), Some(code), "{arguments:?}");
        let output = status(closed(), Stdio::piped());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(code) && !said.contains("panicked"), "{arguments:?}: {said}");
        let output = status(no_room(), Stdio::piped());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = if only { code.max(1) } else { code };
        assert!(output.status.code() == Some(code) && !said.contains("panicked"), "{arguments:?}: {said}");
    }
}
