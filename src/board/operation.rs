use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::pulse::Pulse;
use super::status::{OperationStatus, State};
use crate::clock::ServerClock;
use crate::config::OperationConfig;
use domain::account::Account;
use domain::rules::Rules;
use domain::window::Windows;

/// One operation on the board: what is fixed by the configuration, and the pulse of its polls.
#[derive(Debug)]
pub struct BoardOperation {
    /// The `operation` label.
    pub name: Arc<str>,
    pub server: String,
    pub rules: Rules,
    /// Bucket bounds in whole seconds.
    pub buckets: Vec<u32>,
    /// Set by the poller.
    pub server_clock: ServerClock,
    pulse: Mutex<Pulse>,
}

/// An operation and the account to show of it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub operation: &'a BoardOperation,
    pub account: &'a Account,
}

impl BoardOperation {
    pub fn new(operation: &OperationConfig) -> Self {
        Self {
            name: operation.name.as_str().into(),
            server: operation.server.name.clone(),
            rules: rules(operation),
            buckets: operation.abandon_time_buckets.clone(),
            server_clock: ServerClock::default(),
            pulse: Mutex::default(),
        }
    }

    /// Held for a moment only; a panic meanwhile leaves at worst a number of the old poll beside one of the new.
    pub fn pulse(&self) -> MutexGuard<'_, Pulse> {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the configuration says about reading and counting.
pub fn rules(operation: &OperationConfig) -> Rules {
    Rules {
        zone: operation.timezone.clone(),
        windows: Windows::new(operation.interval, operation.settle),
        overlap: operation.overlap,
        max_catch_up: operation.max_catch_up,
        hold: operation.hold,
        max_series: operation.max_series,
        skills: operation.skills.clone(),
    }
}

impl Shown<'_> {
    /// Calls in the last complete window by series number, if that window stands for "now" when the host's clock says so.
    pub fn last_window(&self, now: Timestamp) -> Option<BTreeMap<u32, u64>> {
        self.has_window(now).then(|| self.account.last_window(&self.operation.rules.windows))
    }

    pub fn has_window(&self, now: Timestamp) -> bool {
        self.account.last_window_is_current(&self.operation.rules.windows, self.operation.server_clock.now(now))
    }

    /// What the status page tells of the operation.
    pub fn status(&self, now: Timestamp) -> OperationStatus {
        let Shown { operation, account } = self;
        let rules = &operation.rules;
        let last_window = self.last_window(now).map(|calls| calls.values().sum());
        let pulse = operation.pulse();
        OperationStatus {
            name: operation.name.to_string(),
            server: operation.server.clone(),
            timezone: rules.zone.iana_name().unwrap_or("UTC").to_owned(),
            interval: rules.windows.interval(),
            state: self.state(&pulse, now),
            complete_until: account.marks.complete_until,
            last_window_calls: last_window,
            calls_total: account.series.values().map(|series| series.counts.calls).sum(),
            series: account.series.len(),
            series_on_hold: account.series.values().filter(|series| series.hold.is_some()).count(),
            next_poll: pulse.next_poll,
            last_polls: pulse.polls.iter().cloned().collect(),
        }
    }

    fn state(&self, pulse: &Pulse, now: Timestamp) -> State {
        match (&pulse.failure, pulse.pause, pulse.up) {
            (_, _, None) => State::Starting,
            (Some((_, message)), Some(pause), _) => {
                State::Paused { outcome: pause.outcome, message: message.clone(), until: pause.until }
            }
            (Some((outcome, message)), None, _) => State::Failing { outcome: *outcome, message: message.clone() },
            (None, ..) if self.account.catching_up(self.operation.rules.hold, now) => State::CatchingUp,
            (None, ..) => State::Current,
        }
    }
}
