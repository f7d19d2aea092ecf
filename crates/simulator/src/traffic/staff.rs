use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::erlang::abandoned_share;
use super::load;
use super::patience::Patience;

/// Seconds that an agent spends on a call on the average, wrap-up included. Assumed.
const HANDLING: f64 = 200.0;
/// A skill too small for one agent has one who also works for others: a call then takes him longer, up to this.
const LONGEST_HANDLING: f64 = 1800.0;
/// Points at which the load's distribution is looked at, in standard deviations, and their weights (Gauss and Hermite).
const LOADS: [(f64, f64); 5] = [
    (-2.856_970_0, 0.011_257_4),
    (-1.355_626_2, 0.222_075_9),
    (0.0, 0.533_333_3),
    (1.355_626_2, 0.222_075_9),
    (2.856_970_0, 0.011_257_4),
];
/// Relative error of the share that is not worth another step.
const NEAR: f64 = 0.002;

/// Who answers the calls of a skill in one hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Staff {
    pub(super) agents: u32,
    /// Seconds that a call takes on the average.
    pub(super) handling: f64,
}

/// The fewest agents with whom no more than the share `lost` gives up, on the average of the days, and calls as long as
/// make it that share. `planned` is in calls a second.
pub(super) fn staff(planned: f64, lost: f64, scale: f64) -> Staff {
    // It is a function of its arguments, which few skills and hours have; a thousand operations ask for the same.
    static KNOWN: Mutex<Option<HashMap<[u64; 3], Staff>>> = Mutex::new(None);
    const MOST_KNOWN: usize = 100_000;
    let key = [planned, lost, scale].map(f64::to_bits);
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(staff) = known().get_or_insert_default().get(&key) {
        return *staff;
    }
    let found = solve(planned, lost, &Patience::new(scale));
    let mut known = known();
    let known = known.get_or_insert_default();
    if known.len() >= MOST_KNOWN {
        known.clear();
    }
    known.insert(key, found);
    found
}

fn solve(planned: f64, lost: f64, patience: &Patience) -> Staff {
    if planned <= 0.0 {
        return Staff { agents: 1, handling: HANDLING };
    }
    let share = |agents, handling| share_over_days(planned, agents, handling, patience);
    let mut agents = ((planned * HANDLING * (1.0 - lost)) as u32).max(1);
    while agents > 1 && share(agents - 1, HANDLING) <= lost {
        agents -= 1;
    }
    while share(agents, HANDLING) > lost {
        agents += 1;
    }
    // The false position between 200 s, where too few give up, and where too many do.
    let longest = if agents == 1 { LONGEST_HANDLING } else { HANDLING * f64::from(agents) / f64::from(agents - 1) };
    let (mut low, mut high) = ((HANDLING, share(agents, HANDLING)), (longest, share(agents, longest)));
    if high.1 <= lost {
        return Staff { agents, handling: longest };
    }
    for _ in 0..12 {
        if (low.1 / lost - 1.0).abs() < NEAR {
            break;
        }
        let handling = low.0 + (high.0 - low.0) * ((lost - low.1) / (high.1 - low.1)).clamp(0.05, 0.95);
        let middle = (handling, share(agents, handling));
        if middle.1 <= lost { low = middle } else { high = middle }
    }
    Staff { agents, handling: low.0 }
}

/// The share of all callers of many days who give up, for the load differs from day to day.
fn share_over_days(planned: f64, agents: u32, handling: f64, patience: &Patience) -> f64 {
    LOADS
        .iter()
        .map(|(deviations, weight)| {
            let load = load::factor(*deviations);
            weight * load * abandoned_share(planned * load, agents, handling, patience)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_lost_is_that_which_was_asked_for() {
        for (planned, lost) in [(0.03, 0.2), (0.002, 0.2), (0.3, 0.08), (1.5, 0.22), (0.0005, 0.3)] {
            let staff = staff(planned, lost, 1.0);
            let got = share_over_days(planned, staff.agents, staff.handling, &Patience::new(1.0));
            assert!((got / lost - 1.0).abs() < 0.05, "{planned} {lost}: {staff:?} lose {got}");
        }
    }

    #[test]
    fn a_skill_that_hardly_anybody_calls_has_one_agent() {
        assert_eq!(staff(1e-6, 0.2, 1.0), Staff { agents: 1, handling: LONGEST_HANDLING });
        assert_eq!(staff(0.0, 0.2, 1.0).agents, 1);
    }
}
