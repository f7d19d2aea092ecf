use alloc::sync::Arc;

use jiff::Timestamp;

use super::distribution::Distribution;

/// What takes the calls of label sets beyond `max_series`: all three labels of that series.
pub const OTHER: &str = "__other__";

/// What identifies a series within its operation. The name is not part of it, for skills are renamed at will.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesKey {
    pub skill_id: Arc<str>,
    pub type_interaction: Arc<str>,
}

impl SeriesKey {
    pub fn other() -> Self {
        Self { skill_id: OTHER.into(), type_interaction: OTHER.into() }
    }

    /// Before every series of a skill, and after those of the skills before it.
    pub fn first_of(skill_id: &Arc<str>) -> Self {
        Self { skill_id: skill_id.clone(), type_interaction: "".into() }
    }
}

/// The calls of one label set.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its place in the order of creation within the operation: a short name for the ledger.
    pub number: u32,
    pub counts: Counts,
    /// While Prometheus has yet to see the starting value.
    pub hold: Option<Hold>,
}

/// What a series counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Calls, those without a readable time included.
    pub calls: u64,
    pub times: Distribution,
}

/// A series that shows a starting value instead of its own: zero when it is new, the old value when it has moved to
/// another name. Prometheus can't see the first step of a series that appears with a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    pub shown: Counts,
    /// When the series was first exposed in this process.
    pub since: Timestamp,
}

impl Series {
    pub fn new(number: u32, now: Timestamp) -> Self {
        Self { number, counts: Counts::default(), hold: Some(Hold { shown: Counts::default(), since: now }) }
    }

    /// Lets a hold begin at `now`.
    pub fn restart_hold(&mut self, now: Timestamp) {
        if let Some(hold) = &mut self.hold {
            hold.since = now;
        }
    }

    /// What a scrape sees.
    pub fn shown(&self) -> &Counts {
        self.hold.as_ref().map_or(&self.counts, |hold| &hold.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_shows_what_it_began_with_until_its_hold_ends() {
        let mut series = Series::new(0, Timestamp::UNIX_EPOCH);
        series.counts.calls = 5;
        assert_eq!(series.shown().calls, 0);
        series.hold.as_mut().unwrap().shown.calls = 3;
        assert_eq!(series.shown().calls, 3);
        series.hold = None;
        assert_eq!(series.shown().calls, 5);
    }
}
