//! The plain reference: what must have been counted, given what the API told. It knows nothing of cursors, windows,
//! transactions or pruning.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::history::Settings;
use crate::world::{Shared, Told};

#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Outside,
    Passed(String),
    Counted,
}

/// What has been counted, by skill and type of interaction.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Counted {
    pub calls: u64,
    pub times: Vec<u16>,
}

#[derive(Debug, Default)]
pub struct Reference {
    seen: HashMap<String, Seen>,
    pub counted: BTreeMap<(String, String), Counted>,
    pub rows: u64,
    pub unreadable: u64,
    /// Set once an answer was told of which it can't be known from outside whether it was used.
    pub uncertain: bool,
}

impl Reference {
    /// Takes over an answer that was used in a life with these settings.
    pub fn take(&mut self, world: &Shared, told: &Told, zone: &TimeZone, start: Timestamp, settings: &Settings) {
        for row in &told.rows {
            self.rows += 1;
            let call = &world.calls[row.call];
            let content = world.content(row);
            let inside = told.asked.ini <= call.date && call.date <= told.asked.end;
            let identity = world.identity(row);
            let again = match self.seen.get(&identity) {
                None => false,
                Some(Seen::Counted) => true,
                Some(Seen::Passed(before)) => *before == content,
                Some(Seen::Outside) => !inside,
            };
            if again {
                continue;
            }
            let selected =
                settings.skills_below.is_none_or(|below| call.skill_id < format!("{}", 4_170 + u32::from(below)));
            let verdict = if !inside {
                Seen::Outside
            } else if placed(zone, call.date, call.began) < start || !selected || !row.abandoned {
                Seen::Passed(content)
            } else {
                let key = (call.skill_id.clone(), call.type_interaction.to_owned());
                let counted = self.counted.entry(key).or_default();
                counted.calls += 1;
                match call.waited {
                    Some(waited) => counted.times.push(waited),
                    None => self.unreadable += 1,
                }
                Seen::Counted
            };
            self.seen.insert(identity, verdict);
        }
    }
}

/// The instant of a date: the first one that reads so, unless the call began after it.
fn placed(zone: &TimeZone, date: jiff::civil::DateTime, began: Option<Timestamp>) -> Timestamp {
    let first = zone.to_ambiguous_timestamp(date).earlier().unwrap();
    let second = zone.to_ambiguous_timestamp(date).later().unwrap();
    let is_twice = zone.to_datetime(first) == date && zone.to_datetime(second) == date;
    match began {
        Some(began) if is_twice && began > first => second,
        _ if is_twice => first,
        _ => zone.to_ambiguous_timestamp(date).compatible().unwrap(),
    }
}
