//! An incomplete answer, whose range is then read in parts: no second between two of them is lost, whether the API
//! includes `date_end` or not, and though no overlap reaches back.

use crate::history::{Answer, Call, History, Life, Settings};
use crate::run;

/// A call in each second of twenty minutes, which are read after an outage of as long.
fn history(end_included: bool, first: Vec<Answer>) -> History {
    let settings = Settings {
        interval: 300,
        settle: 0,
        overlap: 1,
        max_catch_up: 86_400,
        hold: 0,
        max_series: 2_000,
        buckets: vec![10],
        skills_below: None,
        wrong_zone: None,
    };
    let life = |seconds, down| Life {
        seconds,
        down,
        killed: true,
        clock_error: 0,
        clock_step: None,
        settings: settings.clone(),
    };
    let call = |at: i64| Call {
        at,
        lateness: 0,
        skill: 0,
        chat: true,
        conn_id: Some(at.rem_euclid(256) as u8),
        answered_until: None,
        waited: Some(1),
        twice: false,
    };
    History {
        zone: "America/Bogota",
        begin: 1_800_000_000,
        start_history: 0,
        end_included,
        calls: (0..1_200).map(call).collect(),
        renames: Vec::new(),
        old_rows_are_renamed: false,
        phantom: None,
        answers: first,
        lives: vec![life(2, 1_200), life(1_200, 0)],
    }
}

#[test]
fn no_second_is_lost_between_the_parts_of_a_range() {
    let well = || Answer::Well { latency: 1 };
    let short = || Answer::Short { missing: 1 };
    for end_included in [true, false] {
        // Halves, quarters of the newer half, and so on to what the calls of one poll allow.
        for shorts in [1, 2, 3, 7] {
            let answers = [well()].into_iter().chain((0..shorts).flat_map(|_| [short(), well()])).collect();
            let seen = run::run(&history(end_included, answers)).unwrap_or_else(|error| panic!("{shorts}: {error}"));
            assert_eq!(seen.calls, 1_200);
        }
    }
}
