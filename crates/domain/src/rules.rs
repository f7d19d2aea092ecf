use alloc::collections::BTreeSet;
use alloc::string::String;
use core::time::Duration;

use jiff::tz::TimeZone;

use super::window::Windows;

/// What the configuration says about reading and counting one operation.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The zone of the report's dates.
    pub zone: TimeZone,
    pub windows: Windows,
    /// How far back each read reaches again for late rows.
    pub overlap: Duration,
    /// How far back an outage is made good.
    pub max_catch_up: Duration,
    /// How long a new series shows its starting value first.
    pub hold: Duration,
    /// How long a new process shows what the one before it showed last.
    pub start_hold: Duration,
    /// Label sets before `__other__`.
    pub max_series: usize,
    pub skills: Skills,
}

/// The skills that are counted. Either way one call asks for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skills {
    All,
    Only(BTreeSet<String>),
}

impl Skills {
    pub fn selects(&self, skill_id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(skill_id),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use alloc::borrow::ToOwned as _;

    /// What the configuration says by default.
    pub fn rules(zone: &str) -> Rules {
        let seconds = Duration::from_secs;
        Rules {
            zone: TimeZone::get(zone).unwrap(),
            windows: Windows::new(seconds(300), seconds(60)),
            overlap: seconds(3_600),
            max_catch_up: seconds(86_400),
            hold: seconds(90),
            start_hold: Duration::ZERO,
            max_series: 2_000,
            skills: Skills::All,
        }
    }

    #[test]
    fn all_skills_are_selected_or_those_named() {
        assert!(Skills::All.selects("4173"));
        let only = Skills::Only(BTreeSet::from(["4173".to_owned()]));
        assert!(only.selects("4173"));
        assert!(!only.selects("4174") && !only.selects("417"));
    }
}
