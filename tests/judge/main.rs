//! The model test to come: generated histories through the real poller, decoder and ledger in paused time, held against
//! the truth of the history and the contract. Unlike `tests/model`, whose reference takes cursor and floor from the code
//! under test, it takes nothing from there.
//!
//! Its histories are ignored unless asked for, because the judge and the exporter are not in agreement yet: with right
//! clocks and with wrong zones some thousand histories pass, with clocks that lie one in some hundreds does not. What
//! that comes to is told by the failure: the last things that happened, and the history, whose seed is kept.
//!
//! - [`history`] says what happens and [`generate`] makes such histories up; [`truth`] is what the report then really has;
//! - [`world`] answers as the API does, with the bytes of [`body`]; [`run`] plays a history through the exporter;
//! - [`trace`] is what can be seen of that from outside, and all that the [`judge`] gets.
//!
//! `cargo test --test judge -- --include-ignored` runs a few hundred histories of each kind, and with
//! `MODEL_HISTORIES=100000` and `--profile model` as many as that. A failure prints the shrunk history, and its seed is
//! kept in tests/judge/regressions; `MODEL_SHRINKS=0` prints it as it was generated.

mod body;
mod disk;
mod generate;
mod history;
mod judge;
mod parts;
mod run;
mod trace;
mod truth;
mod world;
mod zones;

use std::sync::{Arc, Mutex};

use generate::{Scope, history};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};

/// Plays as many histories of a kind as the environment says, on all cores.
fn histories(scope: Scope) {
    let number = |name, default| std::env::var(name).map_or(default, |number| number.parse::<u32>().expect("a number"));
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let config = Config {
        cases: number("MODEL_HISTORIES", 100).div_ceil(cores),
        max_shrink_iters: number("MODEL_SHRINKS", 4_000),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/judge/regressions"))),
        ..Config::default()
    };
    let play = || {
        let outcome = TestRunner::new(config.clone())
            .run(&history(scope), |history| run::run(&history).map(drop).map_err(TestCaseError::fail));
        outcome.map_err(|failure| failure.to_string())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(play)).collect();
        let failures: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().unwrap().err()).collect();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    });
}

#[test]
#[ignore = "not in agreement with the exporter yet: see the head of this file"]
fn histories_with_right_clocks() {
    histories(Scope::default());
}

#[test]
#[ignore = "not in agreement with the exporter yet: see the head of this file"]
fn histories_with_a_wrong_host() {
    histories(Scope { host_clock: true, ..Scope::default() });
}

#[test]
#[ignore = "not in agreement with the exporter yet: see the head of this file"]
fn histories_with_a_wrong_server() {
    histories(Scope { server_clock: true, ..Scope::default() });
}

#[test]
#[ignore = "not in agreement with the exporter yet: see the head of this file"]
fn histories_with_no_clock_to_trust() {
    histories(Scope { host_clock: true, server_clock: true, ..Scope::default() });
}

#[test]
#[ignore = "not in agreement with the exporter yet: see the head of this file"]
fn histories_with_wrong_zones() {
    histories(Scope { wrong_zones: true, ..Scope::default() });
}

/// Nothing but the history decides what happens, so what failed once can be played again.
#[test]
fn the_same_history_gives_the_same_trace() {
    let mut runner = TestRunner::deterministic();
    let kinds = [Scope::default(), Scope { host_clock: true, server_clock: true, wrong_zones: true }];
    for scope in kinds {
        for _ in 0..20 {
            let history = history(scope).new_tree(&mut runner).unwrap().current();
            let trace = || {
                let lines = Arc::new(Mutex::new(Vec::new()));
                let seen = lines.clone();
                let outcome = run::play(&history, move |now, event| {
                    seen.lock().unwrap().push(format!("{now:?} {event:?}"));
                });
                (std::mem::take(&mut *lines.lock().unwrap()), outcome.err())
            };
            let (one, other) = (trace(), trace());
            for (one, other) in one.0.iter().zip(&other.0) {
                assert_eq!(one, other);
            }
            assert_eq!((one.0.len(), one.1), (other.0.len(), other.1));
        }
    }
}
