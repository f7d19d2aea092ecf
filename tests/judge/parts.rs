//! An incomplete answer, whose range is then read in parts: no second between two of them is lost, whether the API
//! includes `date_end` or not, and though no overlap reaches back.

use crate::history::{Answer, Call, History, Life, Settings, What};
use crate::run;

/// A call in each second of twenty minutes, which are read after an outage of as long.
fn history(end_included: bool, first: Vec<Answer>) -> History {
    let settings = Settings { settle: 0, overlap: 1, hold: 0, buckets: vec![10], ..Settings::default() };
    let life = |seconds, down| Life { down, ..Life::plain(&settings, seconds) };
    let call =
        |at: i64| Call { at, chat: true, conn_id: Some(at.rem_euclid(256) as u8), waited: Some(1), ..Call::default() };
    let mut history = History::plain((0..1_200).map(call).collect(), vec![life(2, 1_200), life(1_200, 0)]);
    history.report.end_included = end_included;
    History { answers: first, ..history }
}

#[test]
fn no_second_is_lost_between_the_parts_of_a_range() {
    let well = || Answer::well(1);
    let short = || Answer { what: What::Short { missing: 1 }, ..Answer::well(1) };
    for end_included in [true, false] {
        // Halves, quarters of the newer half, and so on to what the calls of one poll allow.
        for shorts in [1, 2, 3, 7] {
            let answers = [well()].into_iter().chain((0..shorts).flat_map(|_| [short(), well()])).collect();
            let seen = run::run(&history(end_included, answers)).unwrap_or_else(|error| panic!("{shorts}: {error}"));
            assert_eq!(seen.calls, 1_200);
        }
    }
}

/// A part that was complete before, and has a call that came late since: were it done with by what a cache had kept, from
/// before its end or after it, the cursor would move on, and no later read would reach back to it.
#[test]
fn no_late_call_is_lost_where_a_cache_answers_for_a_part() {
    let well = || Answer::well(1);
    let of = |what| Answer { what, ..well() };
    let short = || of(What::Short { missing: 1 });
    let settings =
        Settings { interval: 60, settle: 0, overlap: 900, hold: 0, buckets: vec![10], ..Settings::default() };
    let life = |seconds, down| Life { down, ..Life::plain(&settings, seconds) };
    let call = |at, lateness| Call {
        at,
        lateness,
        chat: true,
        conn_id: Some((at / 10) as u8),
        waited: Some(1),
        ..Call::default()
    };
    let calls = || (0..1_200).step_by(10).map(|at| call(at, 0)).chain([call(205, 1_020)]);
    let first = [well(), short(), well(), short(), well(), of(What::KilledBeforeCommit)];
    for age in [0, 300, 900] {
        let then = [short(), of(What::Cached { age })];
        let history = History {
            answers: first.iter().cloned().chain(then).collect(),
            ..History::plain(calls().collect(), vec![life(2, 1_200), life(60, 30), life(1_200, 0)])
        };
        assert_eq!(run::run(&history).unwrap_or_else(|error| panic!("{age}: {error}")).calls, 121);
    }
}
