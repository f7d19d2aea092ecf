use std::borrow::Cow;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rand_chacha::ChaCha8Rng;

use super::call::{Call, Skill};
use super::profile;
use super::random::{self, Stream, gamma, poisson, unit};

const HOUR: i64 = 3600;
/// The load changes every five minutes. Local hours begin on this grid in every zone of today.
const SLOT: i64 = 300;
const SLOTS: usize = (HOUR / SLOT) as usize;

/// The traffic of one operation: a function of its seed, from which any stretch of time can be asked for.
///
/// The calls of an hour of UTC (by their hang-up) depend on the seed, the skill, the hour and the incidents, and on
/// nothing that was asked before: any two stretches that meet give the calls of the stretch they form.
#[derive(Debug, Clone)]
pub struct Traffic {
    pub seed: u64,
    /// Decides which local hour it is, and with it how busy.
    pub zone: TimeZone,
    pub skills: Vec<Skill>,
    /// 1 is the measured volume of the whole centre, which the skills share; 0 is silence.
    pub rate: f64,
    /// Whether callers who gave up call again, 17 % within ten minutes and 36 % within the hour.
    pub redials: bool,
    /// Rows of answered calls, as a share of the abandoned ones.
    pub answered_share: f64,
    pub lateness: Lateness,
    pub incidents: Vec<Incident>,
}

/// How long after the hang-up the report shows a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lateness {
    /// Most calls come within this, and most of them much sooner.
    pub usual: Duration,
    /// The share of calls that come later than that, 0 to 1, ...
    pub late_share: f64,
    /// ... by up to this much more.
    pub late: Duration,
}

impl Default for Lateness {
    /// As observed: counts by hour never changed after 61 s.
    fn default() -> Self {
        Self { usual: Duration::from_secs(61), late_share: 0.0, late: Duration::ZERO }
    }
}

/// A time with more calls than usual, or fewer.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// The `skill_id`; all skills where it is missing.
    pub skill: Option<String>,
    /// Abandoned calls against the usual number: 2.5 for a rush, 0 for silence.
    pub factor: f64,
    pub from: Timestamp,
    /// Not included.
    pub until: Timestamp,
}

impl Traffic {
    /// The calls that ended in [`from`, `to`), in the order of their end.
    pub fn calls(&self, from: Timestamp, to: Timestamp) -> Vec<Call> {
        hours(from, to).flat_map(|hour| self.hour(hour)).filter(|call| from <= call.at && call.at < to).collect()
    }

    /// The calls that ended in one hour of UTC, counted from 1970, in the order of their end.
    pub fn hour(&self, hour: i64) -> Vec<Call> {
        if self.rate <= 0.0 || self.skills.is_empty() {
            return Vec::new();
        }
        let mut calls: Vec<Call> = self.first_calls(hour).into_iter().map(|first| first.call).collect();
        if self.redials {
            // A redial begins within the hour and then waits for less than another.
            for earlier in hour - 2..=hour {
                let redials = self.first_calls(earlier).into_iter().filter_map(|first| first.redial());
                calls.extend(redials.filter(|call| call.at.as_second().div_euclid(HOUR) == hour));
            }
        }
        calls.sort_by(|a, b| (a.at, &a.skill_id, &a.conn_id).cmp(&(b.at, &b.skill_id, &b.conn_id)));
        calls
    }

    fn first_calls(&self, hour: i64) -> Vec<FirstCall> {
        let load = self.load(hour);
        let mut calls = Vec::new();
        for (index, share) in profile::skill_shares(self.skills.len()).into_iter().enumerate() {
            let mut rng = random::stream(self.seed, Stream::Calls, index as u64, hour);
            let mean = load.iter().sum::<f64>() * share;
            // The abandoned calls first, so that they don't depend on how many others are wanted.
            for (kind, result, mean) in [(0, "ABANDON", mean), (1, "ANSWER", mean * self.answered_share)] {
                for count in 0..poisson(&mut rng, mean) {
                    let start = hour * HOUR + slot(&load, unit(&mut rng)) * SLOT;
                    let numbering = Numbering { kind, count: count as usize };
                    calls.push(self.call(&mut rng, index, start, SLOT, numbering, result));
                }
            }
            self.apply_incidents(&mut calls, &load, share, index, hour);
        }
        calls
    }

    /// The abandoned calls expected in each five minutes of an hour. Busy and quiet times come over all skills at once.
    fn load(&self, hour: i64) -> [f64; SLOTS] {
        let mut rng = random::stream(self.seed, Stream::Load, 0, hour);
        let of_hour = gamma(&mut rng, profile::HOUR_SHAPE);
        std::array::from_fn(|slot| {
            let local = self.zone.to_datetime(second(hour * HOUR + slot as i64 * SLOT));
            let expected = profile::abandoned_per_hour(local.weekday(), local.hour() as usize);
            expected / SLOTS as f64 * self.rate * of_hour * gamma(&mut rng, profile::SLOT_SHAPE)
        })
    }

    /// Adds calls to the usual ones, or takes some away, from streams of their own: the others stay as they are.
    fn apply_incidents(&self, calls: &mut Vec<FirstCall>, load: &[f64; SLOTS], share: f64, skill: usize, hour: i64) {
        for (number, incident) in self.incidents.iter().enumerate() {
            let (from, until) = (incident.from.as_second(), incident.until.as_second());
            let of_all = incident.skill.as_ref().is_none_or(|id| **id == *self.skills[skill].id);
            if !of_all || until <= hour * HOUR || (hour + 1) * HOUR <= from {
                continue;
            }
            let mut rng = random::stream(self.seed, Stream::Incident(number as u32), skill as u64, hour);
            if incident.factor < 1.0 {
                let id = &self.skills[skill].id;
                calls.retain(|first| {
                    let of_it = first.call.skill_id == *id && incident.contains(first.call.at);
                    !of_it || unit(&mut rng) < incident.factor
                });
                continue;
            }
            let mut extra = 0;
            for (slot, load) in load.iter().enumerate() {
                let start = hour * HOUR + slot as i64 * SLOT;
                let (begin, end) = (start.max(from), (start + SLOT).min(until));
                if begin >= end {
                    continue;
                }
                let mean = load * share * (incident.factor - 1.0) * (end - begin) as f64 / SLOT as f64;
                for _ in 0..poisson(&mut rng, mean) {
                    extra += 1;
                    let numbering = Numbering { kind: 3 + number % 13, count: extra };
                    calls.push(self.call(&mut rng, skill, begin, end - begin, numbering, "ABANDON"));
                }
            }
        }
    }

    /// One call that ends within `seconds` of `start`. Takes the same number of draws whatever the options are.
    fn call(
        &self,
        rng: &mut ChaCha8Rng,
        skill: usize,
        start: i64,
        seconds: i64,
        numbering: Numbering,
        result: &'static str,
    ) -> FirstCall {
        let at = start + (unit(rng) * seconds as f64) as i64;
        let wait = profile::time_to_abandon(unit(rng));
        let type_interaction = profile::type_interaction(unit(rng));
        let (soon, late, late_by, spelling) = (unit(rng), unit(rng), unit(rng), unit(rng));
        let ani = (unit(rng) * 1e8) as u64;
        let customer = (unit(rng) * 1e9) as u64;
        let (redials, redial_after, redial_gives_up, redial_wait) = (unit(rng), unit(rng), unit(rng), unit(rng));

        // Few calls take as long as `usual`.
        let mut lateness = self.lateness.usual.mul_f64(soon.powi(3));
        if late < self.lateness.late_share {
            lateness = self.lateness.usual + self.lateness.late.mul_f64(late_by);
        }
        let result = if result == "ABANDON" && spelling < 0.02 { "abandon" } else { result };
        let sequence = numbering.sequence(at);
        let call = Call {
            at: second(at),
            visible_at: second(at) + milliseconds(lateness),
            corrected_at: None,
            skill_id: self.skills[skill].id.clone(),
            skill_name: self.skills[skill].name.clone(),
            conn_id: conn_id(type_interaction, skill, at - wait, sequence),
            type_interaction: Cow::Borrowed(type_interaction),
            result: Cow::Borrowed(result),
            abandon_time: Some(wait as f64),
            ani: format!("3{:09}", 10_000_000 + ani),
            customer_id: format!("{}", 1_000_000_000 + customer),
        };
        FirstCall {
            call,
            skill,
            redial: Redial {
                // 17 % within ten minutes, 36 % within the hour.
                after: match redials {
                    u if u < 0.17 => Some((redial_after * 600.0) as i64),
                    u if u < 0.36 => Some(600 + (redial_after * 3000.0) as i64),
                    _ => None,
                },
                gives_up: redial_gives_up < 0.189,
                wait: profile::time_to_abandon(redial_wait),
                sequence: Numbering { kind: 2, ..numbering }.sequence(at),
                lateness: milliseconds(lateness),
            },
        }
    }
}

impl Incident {
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

struct FirstCall {
    call: Call,
    skill: usize,
    redial: Redial,
}

/// What the caller does after giving up.
struct Redial {
    after: Option<i64>,
    gives_up: bool,
    wait: i64,
    sequence: i64,
    lateness: SignedDuration,
}

impl FirstCall {
    /// The second call of somebody who gave up and gives up again.
    fn redial(&self) -> Option<Call> {
        if !self.redial.gives_up || !self.call.is_abandoned() {
            return None;
        }
        let begin = self.call.at.as_second() + self.redial.after?;
        let at = second(begin + self.redial.wait);
        Some(Call {
            at,
            visible_at: at + self.redial.lateness,
            conn_id: conn_id(&self.call.type_interaction, self.skill, begin, self.redial.sequence),
            abandon_time: Some(self.redial.wait as f64),
            ..self.call.clone()
        })
    }
}

/// Makes `conn_id`s differ: two calls that began in the same second differ in one of its parts.
#[derive(Clone, Copy)]
struct Numbering {
    /// 0 first calls, 1 answered ones, 2 redials, from 3 the incidents.
    kind: usize,
    /// Differs among the calls of a skill, an hour and a kind.
    count: usize,
}

impl Numbering {
    fn sequence(self, at: i64) -> i64 {
        // Waits are shorter than an hour, but a redial reaches into the next but one: four hours are told apart.
        self.count as i64 * 64 + self.kind as i64 * 4 + at.div_euclid(HOUR).rem_euclid(4)
    }
}

/// The five minutes that a call falls into, in proportion to their load.
fn slot(load: &[f64; SLOTS], u: f64) -> i64 {
    let mut rest = u * load.iter().sum::<f64>();
    let before = load.iter().take(SLOTS - 1).take_while(|load| {
        rest -= **load;
        rest >= 0.0
    });
    before.count() as i64
}

/// For voice, numbers with dots that end in the second when the leg began and a sequence; for the rest an integer.
fn conn_id(type_interaction: &str, skill: usize, began: i64, sequence: i64) -> String {
    if profile::is_voice(type_interaction) {
        format!("6736.{}.{}.{began}.{sequence}", 4000 + skill, 1000 + sequence % 97)
    } else {
        // Hours, skill and sequence side by side.
        format!("{}{skill:03}{sequence:08}", began.div_euclid(HOUR))
    }
}

/// The hours of UTC that [`from`, `to`) touches.
pub(super) fn hours(from: Timestamp, to: Timestamp) -> std::ops::Range<i64> {
    let last = to.as_second() - i64::from(to.subsec_nanosecond() == 0);
    from.as_second().div_euclid(HOUR)..last.div_euclid(HOUR) + 1
}

/// An instant of this century; the calendar's ends are far away.
fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

fn milliseconds(duration: Duration) -> SignedDuration {
    SignedDuration::from_millis(duration.as_millis().min(i64::MAX as u128) as i64)
}

#[cfg(test)]
mod tests;
