use std::sync::Arc;

use domain::account::Account;
use domain::coverage::{Coverage, Hour};
use domain::days::DayCounts;
use domain::range::Stretch;
use domain::zone::day_stretch;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The present local day of an operation so far, and its last hours.
#[derive(Debug, Clone)]
pub struct Today {
    /// When the day began.
    pub began: Timestamp,
    /// How much of the day until now has been counted.
    pub coverage: Coverage,
    /// Those with most calls first.
    pub skills: Vec<SkillToday>,
    /// Rows that are or may be of this day, and that could not be counted.
    pub uncounted_rows: u64,
    /// Skills of which calls are not among `skills`.
    pub left_out: usize,
    /// The oldest first; the last one is the present one.
    pub hours: Vec<Hour>,
}

/// A skill's abandoned calls of the day.
#[derive(Debug, Clone)]
pub struct SkillToday {
    /// Its id where it has no name.
    pub name: Arc<str>,
    pub counts: DayCounts,
}

impl Today {
    /// As of `now`, by the clock that windows are planned by. `None` only at the ends of the calendar.
    pub fn new(account: &Account, zone: &TimeZone, now: Timestamp) -> Option<Self> {
        let date = zone.to_datetime(now).date();
        let Stretch { from, to } = day_stretch(zone, date)?;
        let skills = account.day_by_skill(date, |_| true).into_iter().map(|(skill_id, counts)| SkillToday {
            name: account.skills.get(&skill_id).map_or(skill_id, |said| said.name.clone()),
            counts,
        });
        let mut skills: Vec<_> = skills.collect();
        skills.sort_by(|a, b| b.counts.calls.cmp(&a.counts.calls).then_with(|| a.name.cmp(&b.name)));
        let day = account.days.days.get(&date);
        Some(Self {
            began: from,
            coverage: account.coverage(Stretch { from, to: to.min(now) }),
            skills,
            uncounted_rows: day.map_or(0, |day| day.uncounted_rows),
            left_out: day.map_or(0, |day| day.left_out.len()),
            hours: account.last_hours(zone, now),
        })
    }
}
