use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::day::Day;
use super::erlang::abandoned_share;
use super::patience::Patience;
use super::second;
use super::staff::Staff;
use crate::random::{self, Stream, unit};

/// A time in which a known number of times as many callers give up as would have.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// The `skill_id`; all skills where it is missing.
    pub skill: Option<String>,
    /// Abandoned calls against those without it, in the long run: 2.5 for a rush, 0 for silence. Callers need some minutes
    /// to give up, so the first minutes have fewer, and the ones after its end more.
    pub factor: f64,
    pub cause: Cause,
    pub from: Timestamp,
    /// Not included.
    pub until: Timestamp,
}

/// What makes callers give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// More calls, or fewer.
    #[default]
    Calls,
    /// Fewer agents; more calls as well where those alone can't make that many give up.
    Agents,
}

/// What an incident does to a queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Effect {
    /// Calls against those without it.
    pub(super) calls: f64,
    pub(super) agents: u32,
}

/// The sizes of the incidents that a seed places.
const SIZES: [f64; 3] = [2.0, 3.0, 6.0];
/// One in so many weeks' worth of a skill's incidents is the whole centre's.
const CENTRE_WIDE: f64 = 0.2;
/// Two incidents of a skill are at least this far apart, so that the end of one is not taken for the other.
const APART: SignedDuration = SignedDuration::from_hours(3);
/// Fewer agents make this share give up at most: somebody is always there.
const MOST_LOST: f64 = 0.85;

impl Incident {
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    pub(super) fn concerns(&self, skill_id: &str) -> bool {
        self.skill.as_ref().is_none_or(|id| id == skill_id)
    }
}

/// The incidents that the seed places on a day: on working days between 8 and 19 h, of 20 to 45 minutes; `per_week` for
/// each skill, and some for the whole centre.
pub(super) fn placed(seed: u64, per_week: f64, zone: &TimeZone, day: Day, skill_ids: &[&str]) -> Vec<Incident> {
    if per_week <= 0.0 || matches!(day.date().weekday(), Weekday::Saturday | Weekday::Sunday) {
        return Vec::new();
    }
    let place = |skill: Option<&str>, number: u64, per_week: f64| {
        let mut rng = random::stream(seed, Stream::Placement, number, day.number);
        let [happens, start, length, size, cause] = std::array::from_fn(|_| unit(&mut rng));
        if happens >= per_week / 5.0 {
            return None;
        }
        let eight = zone.to_timestamp(day.date().at(8, 0, 0, 0)).ok()?.as_second();
        let from = second(eight + (start * 10.25 * 3600.0) as i64);
        Some(Incident {
            skill: skill.map(str::to_owned),
            factor: SIZES[(size * SIZES.len() as f64) as usize],
            cause: if cause < 0.5 { Cause::Calls } else { Cause::Agents },
            from,
            until: from + SignedDuration::from_secs((1200.0 + length * 1500.0) as i64),
        })
    };
    let centre = place(None, u64::MAX, per_week * CENTRE_WIDE);
    let far = |own: &Incident| centre.as_ref().is_none_or(|centre| own.from.duration_since(centre.from).abs() >= APART);
    let own = skill_ids.iter().enumerate().filter_map(|(index, id)| place(Some(id), index as u64, per_week));
    let mut placed: Vec<Incident> = own.filter(far).collect();
    placed.extend(centre);
    placed.sort_by_key(|incident| incident.from);
    placed
}

/// What makes `factor` times as many give up of `arrivals` a second.
pub(super) fn effect(factor: f64, cause: Cause, arrivals: f64, staff: Staff, patience: &Patience) -> Effect {
    let share = |calls: f64, agents| abandoned_share(arrivals * calls, agents, staff.handling, patience);
    let usual = share(1.0, staff.agents);
    let mut agents = staff.agents;
    if cause == Cause::Agents && factor > 1.0 {
        let most = (usual * factor).min(MOST_LOST);
        while agents > 1 && share(1.0, agents - 1) <= most {
            agents -= 1;
        }
    }
    // What is abandoned grows with the calls, and is at least what is more than can be answered.
    let wanted = usual * factor;
    let (mut low, mut high) = (0.0, wanted + f64::from(agents) / staff.handling / arrivals.max(1e-9) + 1.0);
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if middle * share(middle, agents) < wanted { low = middle } else { high = middle }
    }
    Effect { calls: if factor == 0.0 { 0.0 } else { high }, agents }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effect_is_of_the_size_that_was_asked_for() {
        let patience = Patience::new(1.0);
        let staff = Staff { agents: 5, handling: 210.0 };
        let share = |calls: f64, agents| abandoned_share(calls, agents, 210.0, &patience);
        for factor in [0.0, 0.3, 1.0, 2.0, 3.0, 6.0, 40.0] {
            for cause in [Cause::Calls, Cause::Agents] {
                let effect = effect(factor, cause, 0.03, staff, &patience);
                let got = effect.calls * share(0.03 * effect.calls, effect.agents) / share(0.03, 5);
                assert!((got - factor).abs() < 0.01 * factor + 1e-9, "{factor} {cause:?}: {got} by {effect:?}");
                assert_eq!(effect.agents < 5, cause == Cause::Agents && factor > 1.0, "{effect:?}");
            }
        }
    }

    #[test]
    fn a_seed_places_as_many_as_it_is_told_to() {
        let zone = TimeZone::get("America/Bogota").unwrap();
        let skills = ["1", "2", "3", "4"];
        let days = (20_000..20_000 + 7 * 400).map(|number| Day::new(&zone, number));
        let all: Vec<Incident> = days.flat_map(|day| placed(7, 1.0, &zone, day, &skills)).collect();
        // 1,600 for the skills less those too near one of the centre's 80; by chance within 10 %.
        let of_skills = all.iter().filter(|incident| incident.skill.is_some()).count();
        assert!((1_350..1_750).contains(&of_skills), "{of_skills}");
        assert!((50..110).contains(&(all.len() - of_skills)), "{}", all.len() - of_skills);
        for pair in all.windows(2) {
            assert!(
                pair[0].skill != pair[1].skill
                    || pair[1].from.duration_since(pair[0].until) > SignedDuration::from_hours(1)
            );
        }
        for size in SIZES {
            let share = all.iter().filter(|incident| incident.factor == size).count() as f64 / all.len() as f64;
            assert!((0.28..0.39).contains(&share), "{size}: {share}");
        }
        let hours = all.iter().map(|incident| zone.to_datetime(incident.from).hour());
        assert!(hours.into_iter().all(|hour| (8..19).contains(&hour)));
        let none = placed(7, 0.0, &zone, Day::new(&zone, 20_000), &skills);
        assert_eq!(none, []);
    }
}
