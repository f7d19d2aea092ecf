//! The generated traffic beside the measured one: months of a centre with one skill, as busy as that bank. Averages over a
//! year of such traffic are known to some per cent; the tolerances are about three times what seeds differ by.

use std::sync::LazyLock;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::OperationOptions;
use crate::call::Call;
use crate::operation::Operation;
use crate::profile;
use crate::windows::{Window, windows};

const WEEKS: usize = 52;
const DAYS: usize = 7 * WEEKS;

fn options(seed: u64, skills: usize, zone: &str) -> OperationOptions {
    OperationOptions::new("bank", TimeZone::get(zone).unwrap(), seed, skills)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The midnight of a Monday in Bogotá, where no clock is ever changed.
fn start() -> Timestamp {
    at("2026-01-05T05:00:00Z")
}

fn near(what: &str, got: f64, expected: f64, tolerance: f64) {
    assert!((got / expected - 1.0).abs() <= tolerance, "{what}: {got} instead of {expected} within {tolerance}");
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    mean_of(values.iter().map(|value| (value - mean).powi(2)))
}

fn mean_of(values: impl Iterator<Item = f64>) -> f64 {
    mean(&values.collect::<Vec<_>>())
}

/// A year of the bank, with its own week.
struct Year {
    calls: Vec<Call>,
    /// Abandoned calls in each five minutes since the start.
    five_minutes: Vec<f64>,
}

static YEAR: LazyLock<Year> = LazyLock::new(|| {
    let bank = OperationOptions { week: Week::Measured, ..options(11, 1, "America/Bogota") };
    let calls = Operation::new(bank).truth(start(), start() + SignedDuration::from_hours(24 * DAYS as i64));
    let mut five_minutes = vec![0.0; DAYS * 288];
    for call in calls.iter().filter(|call| call.is_abandoned()) {
        five_minutes[((call.at.as_second() - start().as_second()) / 300) as usize] += 1.0;
    }
    Year { calls, five_minutes }
});

impl Year {
    /// Abandoned calls of one hour on each day.
    fn hour(&self, hour: usize) -> Vec<f64> {
        let of_day = |day: &[f64]| day[hour * 12..(hour + 1) * 12].iter().sum();
        self.five_minutes.chunks(288).map(of_day).collect()
    }

    /// How much each hour differs from the mean of its hour and kind of day, by hour and day.
    fn surprises(&self) -> Vec<Vec<f64>> {
        let kind = |day: usize| [4, 5].iter().position(|other| day % 7 == *other).unwrap_or(2);
        let of_hour = |hour| {
            let counts = self.hour(hour);
            let usual = |wanted| {
                let alike = (0..DAYS).filter(|day| kind(*day) == wanted).map(|day| counts[day]);
                mean_of(alike)
            };
            let usual = [usual(0), usual(1), usual(2)];
            counts.iter().enumerate().map(|(day, count)| count - usual[kind(day)]).collect()
        };
        (0..24).map(of_hour).collect()
    }
}

#[test]
fn calls_come_and_are_lost_as_the_hours_say() {
    let hour_of = |call: &Call| ((call.at.as_second() - start().as_second()) / 3_600 % 24) as usize;
    let (mut offered, mut abandoned) = ([0.0; 24], [0.0; 24]);
    for call in &YEAR.calls {
        offered[hour_of(call)] += 1.0;
        abandoned[hour_of(call)] += f64::from(u8::from(call.is_abandoned()));
    }
    for (hour, calls, share) in
        [(8, 67.0, 0.12), (10, 117.0, 0.22), (13, 89.0, 0.14), (15, 87.0, 0.25), (21, 52.0, 0.16)]
    {
        near(&format!("offered at {hour}h"), offered[hour] / DAYS as f64, calls, 0.1);
        near(&format!("lost at {hour}h"), abandoned[hour] / offered[hour], share, 0.25);
    }
    let all = |hours: &[f64]| hours[7..].iter().sum::<f64>();
    near("lost", all(&abandoned) / all(&offered), 0.189, 0.1);
}

#[test]
fn the_time_to_abandon_is_what_the_queue_makes_of_patience() {
    let abandoned = YEAR.calls.iter().filter(|call| call.is_abandoned());
    let mut times: Vec<f64> = abandoned.map(|call| call.waited.unwrap()).collect();
    times.sort_by(f64::total_cmp);
    near("mean", mean(&times), 89.0, 0.1);
    // The measured quantiles; nothing but patience, agents and calls makes them.
    for (share, seconds, tolerance) in
        [(0.1, 9.0, 0.2), (0.25, 18.0, 0.2), (0.5, 54.0, 0.15), (0.75, 109.0, 0.2), (0.9, 209.0, 0.25)]
    {
        near(&format!("p{}", share * 100.0), times[(times.len() as f64 * share) as usize], seconds, tolerance);
    }
}

#[test]
fn abandoned_calls_are_as_uneven_as_measured() {
    let year = &*YEAR;
    let busy = |index: &usize| (96..240).contains(&(index % 288));
    let windows: Vec<f64> = (0..year.five_minutes.len()).filter(busy).map(|index| year.five_minutes[index]).collect();
    near("mean of five minutes", mean(&windows), 1.40, 0.1);
    near("variance of five minutes", variance(&windows), 5.4, 0.2);
    let empty = windows.iter().filter(|count| **count == 0.0).count() as f64 / windows.len() as f64;
    near("empty", empty, 0.56, 0.06);
    // 15 to 27 times the mean in a month; the hours of a year differ more, for the busiest days are in it.
    let dispersion: Vec<f64> = (8..20).map(|hour| variance(&year.hour(hour)) / mean(&year.hour(hour))).collect();
    println!("dispersion {dispersion:?}");
    assert!((15.0..27.0).contains(&mean(&dispersion)), "{dispersion:?}");
}

// Measured: 61 to 69 % of the variance of hourly counts lies between days, that is, the hour and the kind of day don't
// explain it; and how an hour from 8 to 20 h differs from its usual count has an autocorrelation of 0.34 after three hours.
#[test]
fn days_differ_as_measured() {
    let year = &*YEAR;
    let surprises = year.surprises();
    let hours: Vec<f64> = (0..24).flat_map(|hour| year.hour(hour)).collect();
    let own = mean_of(surprises.iter().flatten().map(|surprise| surprise * surprise));
    let share = own / variance(&hours);
    let correlation = |lag: usize| {
        let pairs = || (8..20 - lag).flat_map(|hour| surprises[hour].iter().zip(&surprises[hour + lag]));
        let product = mean_of(pairs().map(|(a, b)| a * b));
        product / (mean_of(pairs().map(|(a, _)| a * a)) * mean_of(pairs().map(|(_, b)| b * b))).sqrt()
    };
    println!("share {share} correlation {:?}", [1, 2, 3, 4, 6].map(correlation));
    assert!((0.61..0.69).contains(&share), "{share}");
    assert!((0.26..0.42).contains(&correlation(3)), "{}", correlation(3));
    assert!(correlation(1) > correlation(3) && correlation(3) > correlation(6));
}

#[test]
fn a_week_is_latin_american_unless_another_is_asked_for() {
    let operation = Operation::new(options(5, 1, "America/Bogota"));
    let calls = operation.truth(start(), start() + SignedDuration::from_hours(24 * 7 * 20));
    let mut days = [0.0; 7];
    for call in &calls {
        days[((call.at.as_second() - start().as_second()) / 86_400 % 7) as usize] += 1.0;
    }
    let all: f64 = days.iter().sum::<f64>() / 7.0;
    for (day, share) in days.iter().zip([1.25, 1.18, 1.12, 1.12, 1.18, 0.75, 0.40]) {
        near("a weekday", day / all, share, 0.1);
    }
}

#[test]
fn skills_differ_in_size_and_loss_and_together_are_the_centre() {
    let operation = Operation::new(options(3, 8, "America/Bogota"));
    let until = start() + SignedDuration::from_hours(24 * 7 * 8);
    let calls = operation.truth(start(), until);
    near("all calls", calls.len() as f64 / 56.0, 1_277.0, 0.1);
    let mut skills = std::collections::BTreeMap::new();
    for call in &calls {
        let (offered, abandoned) = skills.entry(call.skill_id.to_string()).or_insert((0.0, 0.0));
        *offered += 1.0;
        *abandoned += f64::from(u8::from(call.is_abandoned()));
    }
    println!("{skills:?}");
    let shares: Vec<f64> = skills.values().map(|(offered, abandoned)| abandoned / offered).collect();
    let least = shares.iter().copied().fold(1.0, f64::min);
    let most = shares.iter().copied().fold(0.0, f64::max);
    assert!(skills.len() == 8 && least < 0.12 && most > 0.28, "{shares:?}");
    let abandoned: f64 = skills.values().map(|(_, abandoned)| abandoned).sum();
    near("lost", abandoned / calls.len() as f64, 0.185, 0.15);
}

/// Incidents of each size and cause, many of them, beside the same days without: they raise what is abandoned by what they
/// say. Callers need time to give up, so the half hour after the end counts as well, less what it usually has.
#[test]
fn incidents_have_the_size_that_they_say() {
    for cause in [Cause::Calls, Cause::Agents] {
        for factor in [2.0, 3.0, 6.0] {
            let (mut with, mut without) = (0.0, 0.0);
            let usual = options(21, 1, "America/Bogota");
            let day = |number: i64| start() + SignedDuration::from_hours(24 * number);
            let incidents: Vec<Incident> = (0..60)
                .filter(|number| number % 7 < 5)
                .map(|number| {
                    let from = day(number) + SignedDuration::from_mins(60 * (9 + number % 9));
                    Incident { skill: None, factor, cause, from, until: from + SignedDuration::from_mins(30) }
                })
                .collect();
            let disturbed = Operation::new(OperationOptions { incidents: incidents.clone(), ..usual.clone() });
            let usual = Operation::new(usual);
            let abandoned = |operation: &Operation, from, to| {
                operation.truth(from, to).iter().filter(|call| call.is_abandoned()).count() as f64
            };
            for incident in incidents {
                let after = incident.until + SignedDuration::from_mins(30);
                let aftermath = abandoned(&usual, incident.until, after);
                with += abandoned(&disturbed, incident.from, after) - aftermath;
                without += abandoned(&usual, incident.from, incident.until);
            }
            println!("{cause:?} {factor}: {with} instead of {without}, {:.2}", with / without);
            near("factor", with / without, factor, 0.2);
        }
    }
}

#[test]
fn an_incident_leaves_what_was_before_it_and_other_skills_as_they_were() {
    let usual = options(9, 4, "America/Bogota");
    let (from, until) = (at("2026-01-06T15:02:07Z"), at("2026-01-06T15:40:00Z"));
    let told = |incidents: Vec<Incident>| {
        let operation = Operation::new(OperationOptions { incidents, redials: true, ..usual.clone() });
        operation.truth(at("2026-01-06T12:00:00Z"), at("2026-01-06T20:00:00Z"))
    };
    let before = told(Vec::new());
    let concerned = |call: &&Call| *call.skill_id == *"4174" && from <= call.at;
    for (factor, cause) in [(30.0, Cause::Calls), (5.0, Cause::Agents), (0.0, Cause::Calls)] {
        let incident = Incident { skill: Some("4174".to_owned()), factor, cause, from, until };
        let after = told(vec![incident.clone()]);
        let others = |calls: &[Call]| -> Vec<Call> { calls.iter().filter(|call| !concerned(call)).cloned().collect() };
        assert!(others(&before) == others(&after), "{factor} {cause:?}");
        let abandoned = |calls: &[Call]| calls.iter().filter(concerned).filter(|call| call.is_abandoned()).count();
        assert_eq!(abandoned(&after) > abandoned(&before), factor > 1.0, "{factor} {cause:?}");
        // Nor does a second one, later, change what the first did before it.
        let second = Incident { from: until, until: until + Duration::from_secs(600), ..incident.clone() };
        let both = told(vec![second, incident]);
        let early = |calls: &[Call]| -> Vec<Call> { calls.iter().filter(|call| call.at < until).cloned().collect() };
        assert!(early(&both) == early(&after), "{factor} {cause:?}");
    }
}

#[test]
fn those_who_gave_up_call_again() {
    let usual = OperationOptions { rate: 3.0, ..options(4, 2, "America/Bogota") };
    let until = start() + SignedDuration::from_hours(24 * 14);
    let once = Operation::new(usual.clone()).truth(start(), until);
    let again = Operation::new(OperationOptions { redials: true, ..usual }).truth(start(), until);
    let abandoned = once.iter().filter(|call| call.is_abandoned()).count() as f64;
    // 36 % of 86 % that are no chats, of whom some give up once more and call once more.
    near("redials", (again.len() - once.len()) as f64 / abandoned, 0.36 * 0.86, 0.3);
}

#[test]
fn lateness_and_chats_change_nothing_but_when_calls_are_seen() {
    let usual = options(1, 3, "America/Bogota");
    let told =
        |options: OperationOptions| Operation::new(options).truth(start(), start() + SignedDuration::from_hours(72));
    let strip = |calls: &[Call]| -> Vec<Call> {
        calls.iter().map(|call| Call { visible_at: call.at, ..call.clone() }).collect()
    };
    let plain = told(usual.clone());
    let delay = |call: &Call| call.visible_at.duration_since(call.at).as_secs();
    let is_chat = |call: &Call| call.is_answered() && !profile::is_voice(&call.type_interaction);
    for call in &plain {
        let chat = if is_chat(call) { 180..=7_261 } else { 0..=61 };
        assert!(chat.contains(&delay(call)), "{call:?}");
    }
    let lateness = Lateness { usual: Duration::ZERO, late_share: 0.5, late: Duration::from_secs(7_200) };
    let late = told(OperationOptions { lateness, long_chats: 1.0, answered_rows: AnsweredRows::AtHangUp, ..usual });
    assert!(strip(&plain) == strip(&late));
    let abandoned: Vec<_> = late.iter().filter(|call| call.is_abandoned()).collect();
    let delayed = abandoned.iter().filter(|call| delay(call) > 0).count() as f64;
    near("late share", delayed / abandoned.len() as f64, 0.5, 0.2);
    assert!(late.iter().filter(|call| is_chat(call)).all(|call| delay(call) >= 43_200));
    let talks: Vec<f64> =
        late.iter().filter(|call| call.is_answered() && !is_chat(call)).map(|call| delay(call) as f64).collect();
    assert!(mean(&talks) > 200.0, "{}", mean(&talks));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    // Any two stretches that meet give the calls of the stretch they form, whatever was asked for first, over folds and
    // gaps too; no two calls are one; and the windows count them.
    #[test]
    fn stretches_add_up(
        seed: u64,
        skills in 1usize..5,
        zone in prop::sample::select(vec!["America/Bogota", "America/Santiago", "Europe/Madrid", "Australia/Lord_Howe"]),
        begin in 1_770_000_000i64..1_800_000_000,
        first in 0i64..40_000,
        rest in 0i64..40_000,
        redials: bool,
        factor in 0.0f64..9.0,
        agents: bool,
        window in 1i64..4_000,
    ) {
        let (a, b, c) = (second(begin), second(begin + first), second(begin + first + rest));
        let cause = if agents { Cause::Agents } else { Cause::Calls };
        let incident = Incident { skill: None, factor, cause, from: second(begin + first - 500), until: b + Duration::from_secs(1) };
        let options = OperationOptions {
            rate: 3.0, redials, incidents: vec![incident], incidents_per_week: 2.0, ..options(seed, skills, zone)
        };
        let operation = Operation::new(options.clone());
        let late = operation.truth(b, c);
        let mut parts = operation.truth(a, b);
        parts.extend(late);
        let whole = Operation::new(options.clone()).truth(a, c);
        prop_assert!(parts == whole);

        let identities: std::collections::BTreeSet<_> = whole.iter().map(|call| (&call.skill_id, &call.conn_id)).collect();
        prop_assert_eq!(identities.len(), whole.len());
        for call in &whole {
            let arrived = call.at.as_second() - call.waited.unwrap() as i64;
            let began = format!(".{arrived}.");
            prop_assert!(!profile::is_voice(&call.type_interaction) || call.conn_id.contains(&began));
            prop_assert!(call.visible_at >= call.at && (0.0..=3_600.0).contains(&call.waited.unwrap()));
        }

        // Whole windows only: the first and the last can be in part outside.
        let grid = |at: i64| second(at.div_euclid(window) * window);
        let (from, to) = (grid(begin), grid(begin + first + rest));
        let counted = windows(&operation, from, to, window).unwrap();
        let truth = operation.truth(from, to);
        let sum = |value: fn(&Window) -> u64| counted.iter().map(value).sum::<u64>();
        prop_assert_eq!(sum(|window| window.abandoned), truth.iter().filter(|call| call.is_abandoned()).count() as u64);
        prop_assert_eq!(sum(|window| window.answered), truth.iter().filter(|call| call.is_answered()).count() as u64);
        prop_assert_eq!(sum(|window| window.offered), truth.len() as u64);
        // Whoever joins leaves, or still waits.
        for pair in counted.windows(2).filter(|pair| pair[0].skill_id == pair[1].skill_id) {
            prop_assert_eq!(pair[0].waiting + pair[1].arrived, pair[1].waiting + pair[1].offered);
        }
    }
}
