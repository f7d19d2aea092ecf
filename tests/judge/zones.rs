//! A zone that is configured wrongly, in each direction, and then corrected: nothing is silently lost.
//!
//! While it is wrong by hours to the east, the ranges asked for are ahead of the report's dates and every answer is empty;
//! by hours to the west, calls are counted hours late. Either way the first look of a day shows the mismatch, and the
//! corrected zone reads again from where the wrong one came into force.

use crate::history::{Answer, Call, History, Life, Settings, What};
use crate::run;

fn history(wrong_zone: &'static str, wrong_for: u64, max_catch_up: u64) -> History {
    let life = |seconds, wrong_zone| Life {
        down: 30,
        ..Life::plain(&Settings { max_catch_up, wrong_zone, ..Settings::default() }, seconds)
    };
    // From a day before, so that the first look has something to see.
    let call = |at: i64| Call {
        at,
        lateness: 40,
        skill: (at.rem_euclid(3)) as u8,
        chat: at % 5 == 0,
        conn_id: Some(at.rem_euclid(251) as u8),
        waited: Some((at.rem_euclid(200)) as u16),
        twice: at % 11 == 0,
        ..Call::default()
    };
    History::plain(
        (-86_400..wrong_for as i64 + 3_600).step_by(397).map(call).collect(),
        vec![life(wrong_for, Some(wrong_zone)), life(3_600, None)],
    )
}

#[test]
fn a_wrong_zone_is_noticed_and_loses_nothing_once_corrected() {
    // West by seven hours and by one, east by one, by six and by seven; Bogota is at -5.
    for zone in ["Etc/GMT+12", "America/Mexico_City", "America/La_Paz", "Europe/Madrid", "Europe/Athens"] {
        for wrong_for in [1_800, 14_400] {
            let seen = run::run(&history(zone, wrong_for, 86_400)).unwrap_or_else(|error| panic!("{zone}: {error}"));
            assert!(seen.mismatch, "{zone} was not noticed");
            assert_eq!(seen.skipped_seconds, 0, "{zone}");
            assert!(seen.calls >= wrong_for / 397, "{zone}: {} calls", seen.calls);
        }
    }
}

/// What can't be made good any more is counted as given up.
#[test]
fn a_zone_that_is_corrected_too_late_says_what_it_gives_up() {
    let seen = run::run(&history("Europe/Athens", 14_400, 3_600)).expect("a history like any other");
    assert!(seen.mismatch);
    assert!((10_000..14_400).contains(&seen.skipped_seconds), "{} s", seen.skipped_seconds);
}

/// What the wrong zone hid before the oldest identity kept can't be told from what was counted.
#[test]
fn a_zone_that_hid_rows_for_days_says_what_it_gives_up() {
    let seen = run::run(&history("Europe/Athens", 150_000, 400_000)).expect("a history like any other");
    assert!(seen.mismatch);
    // Identities are kept for 27 to 28 hours, of which Athens had not yet come to seven.
    assert!((74_000..79_000).contains(&seen.skipped_seconds), "{} s", seen.skipped_seconds);
}

/// Rows that came fresh have shown that the right zone hid nothing, so a slip of the pen gives nothing up.
#[test]
fn a_right_zone_that_is_changed_by_mistake_gives_nothing_up() {
    let whole = history("America/Mexico_City", 200_000, 400_000);
    let lives = [(150_000, None), (3_600, whole.lives[0].settings.wrong_zone), (3_600, None)].map(|(seconds, zone)| {
        Life { seconds, settings: Settings { wrong_zone: zone, ..whole.lives[0].settings.clone() }, ..whole.lives[0] }
    });
    let seen = run::run(&History { lives: lives.into(), ..whole }).expect("a history like any other");
    assert_eq!(seen.skipped_seconds, 0);
}

/// The first change takes the cursor back to the oldest identity, and by the second zone's clock that is later still.
#[test]
fn a_zone_that_is_changed_again_before_it_was_read_in_counts_nothing_twice() {
    let whole = history("UTC", 1_000, 86_400);
    let life = |seconds, down, wrong_zone| {
        let settings = Settings { wrong_zone, ..whole.lives[0].settings.clone() };
        Life { seconds, down, settings, ..whole.lives[0].clone() }
    };
    let lives = vec![life(1, 200_000, None), life(1_000, 0, Some("UTC")), life(0, 0, Some("Europe/Madrid"))];
    let answers = vec![Answer { what: What::KilledBeforeCommit, ..Answer::well(0) }];
    run::run(&History { answers, lives, ..whole }).expect("a history like any other");
}
