//! The largest answers that the API gives: 60,000 rows, 18 MB.
//!
//! Here it is only seen that they are counted. Time and memory are a matter of the release binary, and are measured by
//! hand:
//!
//!     cargo build --release
//!     BINARY=$PWD/target/release/wolkvox-exporter cargo test --test it measure -- --ignored --nocapture
//!
//! prints how long the exporter took from the last byte of 58,999 rows until they were counted and stored, its peak
//! memory, and its memory when idle.

use std::process::Command;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use simulator::call::{Call, Injected};

use crate::support::child::binary;
use crate::support::scrape::Scrape;
use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{Cadence, wait_until_exact};
use crate::support::wait::free_address;
use crate::support::{Child, Folder, PATIENCE, Sim, http};

/// From this on an answer may have been cut off.
const SUSPICIOUS: usize = 59_000;

const CADENCE: Cadence = Cadence { interval: 3_600.0, settle: 0.0 };

/// The calls are spread over this. An hour less than a day, so that an hour that begins meanwhile makes no difference.
const SPAN: Duration = Duration::from_secs(23 * 3_600);

#[test]
fn the_largest_answer_is_counted_in_one_call() {
    let history = History::of(SUSPICIOUS - 1);
    let exporter = history.serve();
    history.wait_until_counted(&exporter);
    assert_eq!(incomplete(&exporter), 0.0);
    assert_eq!(history.sim.requests()[0].rows, SUSPICIOUS - 1);

    // It takes a moment to load that many identities. Until then there is nothing to scrape, and then there is all.
    assert_eq!(exporter.terminate().0.code(), Some(0));
    let address = free_address();
    std::thread::scope(|scope| {
        let _again = scope.spawn(|| Child::start(history.folder.command_on(address)));
        let began = Instant::now();
        let mut refused = 0;
        let first = loop {
            assert!(began.elapsed() < PATIENCE, "no answer but {refused} times 503");
            match http::get(address, "/metrics", &[]) {
                Ok(answer) if answer.status == 503 => refused += 1,
                Ok(answer) => break answer,
                // It doesn't listen yet.
                Err(_) => std::thread::yield_now(),
            }
        };
        assert_eq!(first.status, 200);
        let counted = Scrape::parse(first.text()).sum("wolkvox_abandoned_calls_total", &[]);
        assert_eq!((counted, refused > 0), (history.calls as f64, true), "after {refused} times 503");
    });
}

/// Who builds it elsewhere than in its folder may lose what `.cargo/config.toml` says.
#[test]
fn free_memory_goes_back_at_once() {
    let setting = ["--quiet", "--text", "--fixed-strings", "narenas:2,dirty_decay_ms:0"];
    let found = Command::new("grep").args(setting).arg(binary()).status().expect("grep is installed");
    assert!(found.success(), "the allocator keeps what is free for ten seconds");
}

#[test]
fn an_answer_that_may_be_cut_is_counted_in_parts() {
    let history = History::of(65_000);
    let exporter = history.serve();
    history.wait_until_counted(&exporter);
    // The API cuts it off at 60,000; its halves are whole.
    assert_eq!(incomplete(&exporter), 1.0);
    let rows: Vec<_> = history.sim.requests().iter().map(|request| request.rows).take(3).collect();
    assert_eq!((rows[0], rows[1] + rows[2]), (60_000, 65_000));
}

#[test]
#[ignore = "a measurement: see the head of this file"]
fn measure() {
    let idle = History::of(0);
    let exporter = idle.serve();
    exporter.wait_for("a poll", |scrape| match scrape.get("wolkvox_up", &[]) {
        Some(1.0) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    println!("idle, nothing counted:     {} kB resident", memory(&exporter, "VmRSS:"));

    let history = History::of(SUSPICIOUS - 1);
    let exporter = history.serve();
    history.wait_until_counted(&exporter);
    let request = &history.sim.requests()[0];
    let line = exporter.wait_for_lines(1, &["the poll succeeded"]).remove(0);
    let logged: Timestamp = line["ts=".len()..].split(' ').next().expect("a time").parse().expect("a time");
    let received = exporter.scrape().value("wolkvox_poll_duration_seconds_sum", &[]);
    let counted = logged.duration_since(request.at).as_secs_f64() - received;
    println!("{} rows received in:    {received:.3} s (the simulator writes them meanwhile)", request.rows);
    println!("decoded, counted, stored:  {counted:.3} s");
    println!("peak:                      {} kB resident", memory(&exporter, "VmHWM:"));
    println!("just afterwards:           {} kB resident", memory(&exporter, "VmRSS:"));
    // The allocator gives pages back over some ten seconds; this waits for the last of them, or for a minute.
    let mut least = u64::MAX;
    let mut unchanged = 0;
    let looks = (0..60).take_while(|_| {
        std::thread::sleep(Duration::from_secs(1));
        let now = memory(&exporter, "VmRSS:");
        unchanged = if now < least { 0 } else { unchanged + 1 };
        least = least.min(now);
        unchanged < 15
    });
    println!("idle, {:2} s afterwards:     {} kB resident", looks.count(), memory(&exporter, "VmRSS:"));
}

/// An operation with a history of most of a day, which is read at the start.
struct History {
    sim: Sim,
    folder: Folder,
    calls: usize,
    /// The end of the last window.
    until: Timestamp,
}

impl History {
    fn of(calls: usize) -> Self {
        let sim = Sim::start(vec![quiet("ventas")]);
        let until = Timestamp::from_second(Timestamp::now().as_second() / 3_600 * 3_600).expect("this century");
        let every = SPAN / calls.max(1) as u32;
        let history = stream_of_calls(until - SPAN, every, calls);
        // As long as real rows are: some 300 bytes.
        sim.inject(history.into_iter().map(|call| {
            Injected::from(Call {
                ani: "3001234567".into(),
                customer_id: "c".repeat(90),
                skill_name: "Ventas".into(),
                ..call
            })
        }));
        let defaults = ["interval: 1h", "settle: 0s", "start: 24h", "hold: 0s"];
        let folder = Folder::new(&sim, &defaults, |_| vec![]);
        Self { sim, folder, calls, until }
    }

    fn serve(&self) -> Child {
        self.folder.serve()
    }

    fn wait_until_counted(&self, exporter: &Child) {
        // A debug binary takes its time, and on a busy machine more of it.
        exporter.wait_at_most(Duration::from_secs(300), "all calls to be counted", |scrape| {
            let counted = scrape.sum("wolkvox_abandoned_calls_total", &[]);
            if counted == self.calls as f64 { Ok(()) } else { Err(format!("{counted}")) }
        });
        wait_until_exact(exporter, &self.sim, "ventas", CADENCE, self.until);
    }
}

fn incomplete(exporter: &Child) -> f64 {
    exporter.scrape().value("wolkvox_polls_total", &[("operation", "ventas"), ("outcome", "incomplete")])
}

/// A line of the process's status, in kB.
fn memory(exporter: &Child, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", exporter.id())).expect("a running process");
    let found = status.lines().find_map(|text| text.strip_prefix(line)).expect("Linux says it");
    found.trim().trim_end_matches("kB").trim().parse().expect("a number")
}
