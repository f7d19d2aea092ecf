//! The generated traffic beside the measured one: months of a centre with one skill, as busy as that bank. Averages over a
//! year of such traffic are known to some per cent; the tolerances are about three times what seeds differ by.

use std::sync::LazyLock;

use jiff::SignedDuration;

use super::*;
use crate::OperationOptions;
use crate::call::Call;
use crate::operation::Operation;

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
