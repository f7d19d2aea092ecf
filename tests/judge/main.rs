//! The model test: generated histories through the real decoder, poller and ledger in paused time, held against the truth
//! of the history and the contract. Nothing is taken from the code under test.
//!
//! Of 500,000 histories, 100,000 of each kind, that were played on one state of the exporter five failed, all for something
//! that the judge did not know and now does. There may be more of that: a failure tells what happened last, and the history.
//!
//! - [`history`] says what happens and [`generate`] makes such histories up; [`truth`] is what a report then really has;
//! - [`world`] answers as the API does, with the bytes of [`body`]; [`run`] plays a history through the exporter;
//! - [`trace`] is what can be seen of that from outside, and all that the [`judge`] gets;
//! - [`delays`], [`folds`] and [`parts`] are histories written by hand.
//!
//! `cargo test --test judge` plays the same few histories each time; with `MODEL_HISTORIES=100000` and `--profile model` as
//! many others of each kind. A failure prints the shrunk history, and its seed is kept in tests/judge/regressions;
//! `MODEL_SHRINKS=0` prints it as it was generated. `tests/judge/seed-defects` shows that it can fail.

mod body;
mod delays;
mod disk;
mod folds;
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
use history::History;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, FileFailurePersistence, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// A third of the time is memory otherwise.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Of each kind, where nobody asks for more: ten seconds' worth in a debug build.
const FEW: u32 = 28;

/// Plays as many histories of a kind as the environment says, on all cores; without a word the same few, in two threads.
fn histories(scope: Scope) {
    let number = |name| std::env::var(name).ok().map(|number| number.parse::<u32>().expect("a number"));
    let asked = number("MODEL_HISTORIES");
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let threads = asked.map_or(2, |_| cores);
    let config = Config {
        cases: asked.unwrap_or(FEW).div_ceil(threads),
        max_shrink_iters: number("MODEL_SHRINKS").unwrap_or(4_000),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/judge/regressions"))),
        ..Config::default()
    };
    let play = |thread: u32| {
        let mut runner = match asked {
            Some(_) => TestRunner::new(config.clone()),
            None => {
                let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[thread as u8; 32]);
                TestRunner::new_with_rng(config.clone(), seed)
            }
        };
        let outcome = runner.run(&history(scope), |history| run::run(&history).map(drop).map_err(TestCaseError::fail));
        outcome.map_err(|failure| failure.to_string())
    };
    std::thread::scope(|scope| {
        let play = &play;
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || play(thread))).collect();
        let failures: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().unwrap().err()).collect();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    });
}

#[test]
fn histories_with_right_clocks() {
    histories(Scope::default());
}

#[test]
fn histories_with_a_wrong_host() {
    histories(Scope { host_clock: true, ..Scope::default() });
}

#[test]
fn histories_with_a_wrong_server() {
    histories(Scope { server_clock: true, ..Scope::default() });
}

#[test]
fn histories_with_no_clock_to_trust() {
    histories(Scope { host_clock: true, server_clock: true, ..Scope::default() });
}

#[test]
fn histories_with_wrong_zones() {
    histories(Scope { wrong_zones: true, ..Scope::default() });
}

/// Nothing but the history decides what happens, so what failed once can be played again. Of two reports this is not so to the
/// last commit: which of them ends a hold first, at one instant, is chance, and with it what is shown when.
#[test]
fn the_same_history_gives_the_same_trace() {
    let mut runner = TestRunner::deterministic();
    let kinds = [Scope::default(), Scope { host_clock: true, server_clock: true, wrong_zones: true }];
    for scope in kinds {
        for _ in 0..20 {
            let history = history(scope).new_tree(&mut runner).unwrap().current();
            let history = History { answered: None, ..history };
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
