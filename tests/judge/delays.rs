//! What it costs that no clock is believed at once: how much later than at the end of its window, and of `settle`, a call is
//! counted. With clocks that are right it costs nothing, with a host's that is wrong neither.
//! `cargo test --test judge delayed -- --nocapture` prints it.

use std::sync::{Arc, Mutex};

use crate::history::{Answer, Call, History, Kind, Life, Says, Settings, What};
use crate::run;
use crate::trace::{Event, number};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The process lives so long, and calls are given up until an hour before its end.
const SECONDS: i64 = 5 * HOUR;

/// What goes wrong meanwhile goes wrong here, and a server's clock is right again there.
const FROM: i64 = HOUR;
const TO: i64 = FROM + HOUR + HOUR / 2;

struct Case {
    what: String,
    /// No call is delayed by more minutes.
    most: f64,
    /// Seconds from one call to the next.
    every: i64,
    life: Life,
    dates: Vec<(i64, Says)>,
    answers: Vec<Answer>,
}

fn case(what: impl Into<String>, most: f64) -> Case {
    let settings = Settings { hold: 0, buckets: vec![10], ..Settings::default() };
    let life = Life::plain(&settings, SECONDS as u64);
    Case { what: what.into(), most, every: 30, life, dates: Vec::new(), answers: Vec::new() }
}

fn cases() -> Vec<Case> {
    let mut cases = vec![case("all clocks are right", 0.0)];
    for error in [3 * HOUR, -3 * HOUR, 3 * DAY, -3 * DAY] {
        let mut wrong = case(format!("host {error:+} s, from the first start on"), 0.0);
        wrong.life.clock_error = error;
        let mut set = case(format!("host {error:+} s, set meanwhile"), 0.0);
        set.life.clock_step = Some((FROM as u64, error));
        cases.extend([wrong, set]);
    }
    for (off, first, later) in [(120, 3.0, 5.0), (-120, 0.0, 0.0), (2 * HOUR, 5.0, 0.0), (-2 * HOUR, 0.0, 0.0)] {
        let dates = vec![(0, Says::Off(off))];
        cases.push(Case { dates, ..case(format!("server {off:+} s, from the first start on"), first) });
        let dates = vec![(FROM, Says::Off(off)), (TO, Says::Right)];
        cases.push(Case { dates, ..case(format!("server {off:+} s, for 90 minutes"), later) });
    }
    // So few rows don't contradict it.
    let dates = vec![(0, Says::Off(-120))];
    cases.push(Case { dates, every: 60, ..case("server -120 s, a call a minute", 2.0) });
    for (says, what, most) in [
        (Says::Off(400 * DAY), "+400 days", 0.0),
        (Says::Off(-400 * DAY), "-400 days", 0.0),
        (Says::Stopped, "stops", 5.0),
        (Says::Nothing, "tells nothing", 0.0),
    ] {
        let dates = vec![(FROM, says), (TO, Says::Right)];
        cases.push(Case { dates, ..case(format!("server {what}, for 90 minutes"), most) });
    }
    for (times, most) in [(1, 5.0), (3, 15.0), (12, 15.0)] {
        let cached = Answer { what: What::Cached { age: 900 }, ..Answer::well(1) };
        let answers = [vec![Answer::well(1); 12], vec![cached; times]].concat();
        cases.push(Case { answers, ..case(format!("a cache answers {times} times, 15 minutes old"), most) });
    }
    cases
}

/// By how many minutes each call that is counted is delayed, first to last; and by how much the clocks are told to differ.
fn minutes(case: &Case) -> (Vec<f64>, f64) {
    let call = |at: i64| Call {
        at,
        chat: true,
        conn_id: Some((at / case.every).rem_euclid(256) as u8),
        waited: Some(1),
        ..Call::default()
    };
    let history = History {
        dates: case.dates.clone(),
        answers: case.answers.clone(),
        ..History::plain(dates(case).map(call).collect(), vec![case.life.clone()])
    };
    let all = Arc::new(Mutex::new((Vec::new(), 0.0)));
    let seen = all.clone();
    let begin = history.begin;
    let outcome = run::play(&history, move |now, event| {
        let Event::Scraped(scraped) = event else { return };
        let scrape = scraped.of(Kind::Abandoned);
        let series = &scrape.family("wolkvox_abandoned_calls_total").expect("a family").series;
        let calls: usize = series.iter().map(|series| number(&series.value) as usize).sum();
        let difference = scrape.gauge("wolkvox_api_clock_difference_seconds").expect("a family").unwrap_or(0.0);
        let (counted, most) = &mut *seen.lock().unwrap();
        let calls = calls.max(counted.len());
        counted.resize(calls, now.at.as_millisecond() - begin * 1_000);
        *most = difference.max(*most);
    });
    outcome.unwrap_or_else(|error| panic!("{}: {error}", case.what));
    let (counted, difference) = &*all.lock().unwrap();
    let Settings { interval, settle, .. } = case.life.settings;
    let due = |at: i64| at - at.rem_euclid(interval as i64) + (interval + settle) as i64;
    let minutes = dates(case).zip(counted).map(|(at, counted)| (counted - 1_000 * due(at)) as f64 / 60_000.0);
    (minutes.collect(), *difference)
}

/// When calls are given up.
fn dates(case: &Case) -> impl Iterator<Item = i64> + use<> {
    (0..SECONDS - HOUR).step_by(case.every as usize)
}

#[test]
fn no_call_is_delayed_by_right_clocks_and_none_for_long_by_others() {
    let mut wrong = Vec::new();
    for case in cases() {
        let (minutes, _) = minutes(&case);
        let most = minutes.iter().copied().fold(f64::MIN, f64::max);
        let delayed = minutes.iter().filter(|minutes| **minutes > 0.5).count();
        println!("{:<44} {most:>5.1} minutes at most, {delayed:>3} of {} calls", case.what, minutes.len());
        // A call takes a second.
        if most > case.most + 0.1 || minutes.len() != dates(&case).count() {
            wrong.push(case.what);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// It is believed, for no row contradicts it: counting begins when it is right, and what is wrong is told.
#[test]
fn a_servers_clock_that_is_days_ahead_from_the_first_start_on_is_told() {
    let ahead = 400 * DAY;
    let (minutes, difference) = minutes(&Case { dates: vec![(0, Says::Off(ahead))], ..case("400 days ahead", 0.0) });
    assert_eq!((minutes.len(), difference.round() as i64), (0, ahead));
}
