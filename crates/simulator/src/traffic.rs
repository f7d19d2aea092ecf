use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::call::Skill;

pub use self::incident::{Cause, Incident};
pub(super) use self::queue::{SkillDay, Stretch};
pub use self::week::Week;

mod day;
mod details;
mod erlang;
mod incident;
mod load;
mod patience;
mod queue;
mod staff;
mod week;

/// The traffic of one operation: a queue for each skill, and a function of the seed, from which any stretch of time can
/// be asked for.
///
/// Callers come at random, as many as the hour, the weekday and the day's load say. They wait for one of the skill's
/// agents, who answer in the order of coming, or give up when their patience ends. So abandoned calls, answered calls and
/// waiting times come of one thing. Each local day of a skill is played for itself and begins with an empty queue at 4 in
/// the morning: what a day was depends on nothing that was asked before.
#[derive(Debug, Clone)]
pub struct Traffic {
    pub seed: u64,
    /// Decides which local hour it is, and with it how busy.
    pub zone: TimeZone,
    pub skills: Vec<Skill>,
    /// 1 is the measured volume of the whole centre, which the skills share; 0 is silence.
    pub rate: f64,
    pub week: Week,
    /// How patient callers are against the measured ones; skills differ about it.
    pub patience: f64,
    /// Whether callers who gave up call again, 17 % within ten minutes and 36 % within the hour.
    pub redials: bool,
    /// The share of calls that are rows of both detailed reports, with the `result` that they have.
    pub strays: f64,
    pub lateness: Lateness,
    pub answered_rows: AnsweredRows,
    /// The share of answered chats that last half a day to three days, and are rows only then. The others last up to two
    /// hours.
    pub long_chats: f64,
    pub incidents: Vec<Incident>,
    /// Incidents a week that the seed places in each skill, besides those of the list.
    pub incidents_per_week: f64,
}

/// How long after its end the report shows a call.
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

/// When the row of an answered call appears; its date is that of the answer in either case. Nobody has said in public
/// which it is. Rows of chats always appear at their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum AnsweredRows {
    #[default]
    AtAnswer,
    AtHangUp,
}

impl Traffic {
    /// The numbers of the days whose calls can have ended in [`from`, `to`).
    pub(super) fn days(&self, from: Timestamp, to: Timestamp) -> std::ops::RangeInclusive<i64> {
        let earlier = second(from.as_second() - patience::LONGEST as i64);
        day::Day::number(&self.zone, earlier)..=day::Day::number(&self.zone, to)
    }

    /// The incidents that touch [`from`, `to`), in the order of their beginning.
    pub(super) fn incidents_within(&self, from: Timestamp, to: Timestamp) -> Vec<Incident> {
        let placed = self.days(from, to).flat_map(|number| self.placed(day::Day::new(&self.zone, number)));
        let all = self.incidents.iter().cloned().chain(placed);
        let mut touching: Vec<_> = all.filter(|incident| incident.from < to && from < incident.until).collect();
        touching.sort_by_key(|incident| incident.from);
        touching
    }

    /// The incidents that concern one skill and touch a day.
    fn incidents_of(&self, day: day::Day, skill: usize) -> Vec<Incident> {
        let touches = |incident: &Incident| {
            incident.concerns(&self.skills[skill].id)
                && incident.from.as_second() < day.end
                && day.begin < incident.until.as_second()
        };
        self.incidents.iter().cloned().chain(self.placed(day)).filter(touches).collect()
    }

    fn placed(&self, day: day::Day) -> Vec<Incident> {
        let ids: Vec<&str> = self.skills.iter().map(|skill| &*skill.id).collect();
        incident::placed(self.seed, self.incidents_per_week, &self.zone, day, &ids)
    }
}

/// An instant of this century; the calendar's ends are far away.
fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
