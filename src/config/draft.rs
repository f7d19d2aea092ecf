use std::collections::BTreeMap;
use std::time::Duration;

use super::load::Env;
use super::operation::{OWN, OperationConfig, SHARED};
use super::problem::{Origin, Problems, quoted};
use super::section::{Place, Section};
use super::{Server, Start, TokenSource, duration};
use domain::range::LONGEST_RANGE;

/// An operation while it is read: the defaults, over them the keys of `defaults`, over them its own.
#[derive(Debug, Clone)]
pub struct Draft {
    values: OperationConfig,
    /// Where each key that was written stands; `None` if its value was bad. That has been reported, and nothing is
    /// concluded from the value, so that one mistake gives one problem.
    written: BTreeMap<&'static str, Option<Place>>,
}

impl Draft {
    /// Nothing written yet: no name, no server, no token.
    pub fn new() -> Self {
        let server = Server { base_url: String::new(), name: String::new() };
        let values = OperationConfig::new(String::new(), server, TokenSource::Env(String::new()));
        Self { values, written: BTreeMap::new() }
    }

    /// Lays what `section` says over what has been read before.
    pub fn overlay(mut self, section: &Section<'_>, problems: &mut Problems) -> Self {
        for key in OWN.iter().chain(SHARED) {
            let Some(node) = section.value(key.name) else { continue };
            let place = section.place(key.name, node);
            let read = place.read(node, problems, |node| (key.read)(node, &mut self.values));
            self.written.insert(key.name, read.map(|()| place));
        }
        self
    }

    /// The operation, once `section`, the last layer, has said all that it must and the values fit each other. Where
    /// something is wrong, `problems` says so, and what comes back is not to be used.
    pub fn finish(mut self, section: &Section<'_>, env: Env<'_>, problems: &mut Problems) -> Finished {
        if !self.written.contains_key("server") {
            section.no_server(problems);
        }
        self.check_token(section, env, problems);
        if !self.written.contains_key("connect_timeout") {
            // Someone who bounds a call by 5 s has said enough about its connection.
            self.values.connect_timeout = self.values.connect_timeout.min(self.values.timeout);
        }
        if !self.written.contains_key("start_hold") {
            self.values.start_hold = self.values.hold;
        }
        self.compare(problems);
        let named = if self.written.contains_key("name") {
            "name"
        } else {
            self.values.name.clone_from(&self.values.server.name);
            "server"
        };
        let named_at = self.place(named).flatten().map(|place| place.origin);
        Finished { operation: self.values, named_at }
    }

    /// Exactly one of `token_file` and `token_env`. A variable that isn't set now never will be; a file may come later.
    fn check_token(&self, section: &Section<'_>, env: Env<'_>, problems: &mut Problems) {
        match (self.written.get("token_file"), self.written.get("token_env")) {
            (None, None) => section.no_token(problems),
            (Some(_), Some(_)) => {
                let origin = section.value("token_env").map_or(section.origin, |node| node.origin);
                problems.push(origin, format!("{} stands beside token_file; keep one", section.named("token_env")));
            }
            (None, Some(Some(place))) => {
                if let TokenSource::Env(name) = &self.values.token
                    && env(name).is_none_or(|value| value.trim().is_empty())
                {
                    let message = "this environment variable is not set, or empty: set it to the token";
                    problems.push(place.origin, format!("{} is {}: {message}", place.key, quoted(name)));
                }
            }
            (Some(_), None) | (None, Some(None)) => {}
        }
    }

    /// What must fit each other.
    fn compare(&self, problems: &mut Problems) {
        let OperationConfig { reports, interval, overlap, answered_overlap, max_catch_up, .. } = self.values;
        let OperationConfig { start, timeout, connect_timeout, .. } = self.values;
        let catch_up = ("max_catch_up", max_catch_up);
        if max_catch_up < interval {
            self.conflict(problems, catch_up, "shorter than", ("interval", interval), "");
        }
        let answered_overlap = reports.answered.then_some(("answered_overlap", answered_overlap));
        for other @ (_, overlap) in std::iter::once(("overlap", overlap)).chain(answered_overlap) {
            if max_catch_up + overlap > LONGEST_RANGE {
                let most = duration::show(LONGEST_RANGE.saturating_sub(overlap));
                let longest = duration::show(LONGEST_RANGE);
                let why = format!("; with this overlap at most {most}, for the API answers {longest} at once");
                self.conflict(problems, catch_up, "too long beside", other, &why);
            }
        }
        if let Start::History(history) = start
            && history > max_catch_up
        {
            self.conflict(problems, ("start", history), "longer than", catch_up, "");
        }
        if connect_timeout > timeout {
            self.conflict(problems, ("connect_timeout", connect_timeout), "longer than", ("timeout", timeout), "");
        }
    }

    /// Two values that can't stand together, reported where the first one is written, or else the second.
    fn conflict(
        &self,
        problems: &mut Problems,
        one: (&str, Duration),
        relation: &str,
        other: (&str, Duration),
        why: &str,
    ) {
        let (Some(place), Some(other_place)) = (self.place(one.0), self.place(other.0)) else { return };
        let origin = place.or(other_place).map_or(Origin::WholeFile, |place| place.origin);
        let named = |(key, value): (&str, Duration), place: Option<&Place>| match place {
            Some(place) => format!("{} ({})", place.key, duration::show(value)),
            None => format!("{key} ({}, the default)", duration::show(value)),
        };
        let (one, other) = (named(one, place), named(other, other_place));
        problems.push(origin, format!("{one} is {relation} {other}{why}"));
    }

    /// Where a value stands: nowhere if it is the default. `None` if it was bad.
    fn place(&self, key: &str) -> Option<Option<&Place>> {
        match self.written.get(key) {
            None => Some(None),
            Some(None) => None,
            Some(Some(place)) => Some(Some(place)),
        }
    }
}

/// An operation that has been read.
pub struct Finished {
    pub operation: OperationConfig,
    /// Where its name comes from; `None` if there is none.
    pub named_at: Option<Origin>,
}
