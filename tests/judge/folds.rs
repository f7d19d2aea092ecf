//! A clock that is put back, with an overlap that does not reach across: the second before it is put back is the last one
//! of a window, and its date comes once more, an hour or half of one later. No read of that time brings it again.

use crate::history::{Call, History, Life, Settings};
use crate::run;

/// A call in each second, from ten minutes before the change to ten minutes after the second pass.
fn history(zone: &'static str, change: i64, back: i64, end_included: bool) -> History {
    let settings = Settings { settle: 0, overlap: 1, hold: 0, buckets: vec![10], ..Settings::default() };
    let seconds = 600 + back + 600;
    let call = |at: i64| Call { at, conn_id: Some(at.rem_euclid(256) as u8), waited: Some(1), ..Call::default() };
    let mut history =
        History::plain((0..seconds).map(call).collect(), vec![Life::plain(&settings, seconds.unsigned_abs())]);
    (history.zone, history.begin, history.report.end_included) = (zone, change - 600, end_included);
    history
}

#[test]
fn no_second_is_lost_where_the_clock_is_put_back() {
    for end_included in [true, false] {
        for (zone, change, back) in [
            ("America/Santiago", 1_775_358_000, 3_600),
            ("Europe/Madrid", 1_792_890_000, 3_600),
            ("Australia/Lord_Howe", 1_775_314_800, 1_800),
        ] {
            let history = history(zone, change, back, end_included);
            let seen = run::run(&history).unwrap_or_else(|error| panic!("{zone}, {end_included}: {error}"));
            assert_eq!(seen.calls, history.calls.len() as u64, "{zone}, {end_included}");
        }
    }
}
