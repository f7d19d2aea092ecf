use std::collections::VecDeque;
use std::sync::Arc;

use exposition::model::Family;
use jiff::Timestamp;

use super::{AT_ONCE, TOGETHER_WITHIN, holds};
use crate::trace::{Scraped, number};

/// What has been stored lately, and what of it is shown: all reports as of one moment, which never goes back and is not
/// long ago.
#[derive(Default)]
pub struct Published {
    /// With when it was seen first. The first one is what was shown last.
    stored: VecDeque<(Timestamp, Arc<Vec<Family>>)>,
    /// After which scrape something was not shown any more, be it only the end of a hold.
    not_all_since: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Published {
    /// A process shows what is stored.
    pub fn life_began(&mut self) {
        *self = Self::default();
    }

    /// Since when, at the earliest, what is shown has been behind what is stored.
    pub fn not_all_since(&self) -> Option<Timestamp> {
        self.not_all_since.or(self.last)
    }

    pub fn scraped(&mut self, now: Timestamp, scraped: &Scraped) -> Result<(), String> {
        let last = self.last.replace(now).unwrap_or(now);
        let Some(shown) = &scraped.shown else {
            self.stored.clear();
            self.stored.push_back((now, scraped.families.clone()));
            self.not_all_since = None;
            return Ok(());
        };
        self.not_all_since.get_or_insert(last);
        let before = self.stored.back().map_or(0, |(_, last)| polls(last));
        let is_new = |stored: &VecDeque<(_, Arc<Vec<Family>>)>, families: &Vec<Family>| {
            stored.iter().all(|(_, known)| !are_of_one_moment(known, families))
        };
        // Polls that end without a call, for another report was refused the token, have no scrape between them.
        if polls(&scraped.families) > before + 1 && polls(shown) > before && is_new(&self.stored, shown) {
            self.stored.push_back((now, Arc::new(shown.clone())));
        }
        if is_new(&self.stored, &scraped.families) {
            self.stored.push_back((now, scraped.families.clone()));
        }
        let place = self.stored.iter().position(|(_, stored)| are_of_one_moment(stored, shown));
        let place = place.ok_or("what is shown was not stored at any one moment, or is older than what was shown")?;
        self.stored.drain(..place);
        // Since when what was shown last has been behind what calls have led to.
        let behind_since = self.stored.get(1).map_or(now, |(since, _)| *since);
        holds(now.duration_since(behind_since) <= TOGETHER_WITHIN + AT_ONCE, || {
            format!("what was stored at {behind_since} is not yet shown at {now}")
        })
    }
}

/// The polls of all reports.
fn polls(families: &[Family]) -> u64 {
    let polls = families.iter().filter(|family| family.name == "wolkvox_polls_total");
    polls.flat_map(|family| &family.series).map(|series| number(&series.value) as u64).sum()
}

/// Whether the accounts are the same, as far as calls have changed them: before each there is a scrape, and after it. What ends
/// a hold, takes a cursor back or begins an account again, and so its counters' `created`, may come between two.
fn are_of_one_moment(one: &[Family], other: &[Family]) -> bool {
    by_calls(one).eq(by_calls(other))
}

/// The counters that each call changes one of.
fn by_calls(families: &[Family]) -> impl Iterator<Item = impl PartialEq> {
    const BY_CALLS: [&str; 3] = ["wolkvox_polls_total", "wolkvox_rows_total", "wolkvox_windows_total"];
    let families = families.iter().filter(|family| BY_CALLS.contains(&&*family.name));
    families.flat_map(|family| &family.series).map(|series| (&series.labels, &series.value))
}
