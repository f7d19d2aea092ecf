//! A clock that is put back, with an overlap that does not reach across: the second before it is put back is the last one
//! of a window, and its date comes once more, an hour or half of one later. Where an outage then lasts longer than what is
//! caught up with, no read of that time brings it.

use crate::history::{Call, History, Life, Settings};
use crate::run;

/// A call in each second from ten minutes before the change to a quarter of an hour after it, when the outage begins.
fn history(zone: &'static str, change: i64, end_included: bool) -> History {
    let settings =
        Settings { settle: 0, overlap: 1, hold: 0, max_catch_up: 1_800, buckets: vec![10], ..Settings::default() };
    let call = |at: i64| Call { at, conn_id: Some(at.rem_euclid(256) as u8), waited: Some(1), ..Call::default() };
    let life = Life { down: 7_200, ..Life::plain(&settings, 1_502) };
    let mut history = History::plain((0..1_500).map(call).collect(), vec![life]);
    (history.zone, history.begin, history.report.end_included) = (zone, change - 600, end_included);
    history
}

#[test]
fn no_second_is_lost_where_the_clock_is_put_back() {
    for end_included in [true, false] {
        for (zone, change) in [
            ("America/Santiago", 1_775_358_000),
            ("Europe/Madrid", 1_792_890_000),
            ("Australia/Lord_Howe", 1_775_314_800),
        ] {
            let history = history(zone, change, end_included);
            let seen = run::run(&history).unwrap_or_else(|error| panic!("{zone}, {end_included}: {error}"));
            // The last second of all may have had to wait for a read that never came.
            assert_eq!(seen.calls, 1_499 + u64::from(end_included), "{zone}, {end_included}");
            assert!(seen.skipped_seconds > 0, "{zone}, {end_included}");
        }
    }
}
