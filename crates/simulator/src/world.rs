use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Notify;

use super::faults::{Armed, Fault, Faults};
use super::operation::{Operation, lock};
use super::options::{Clock, Options, OptionsError};
use super::report::Report;

/// Requests kept in the log; the oldest go first.
const MOST_LOGGED: usize = 100_000;

/// All that a running simulator knows; shared by its connections and by the test that started it.
#[derive(Debug)]
pub struct World {
    pub operations: Vec<Operation>,
    pub clock: Clock,
    faults: Mutex<Faults>,
    log: Mutex<VecDeque<Request>>,
    refuse_for: Mutex<Duration>,
    pub(super) refuse: Notify,
}

/// A request for a report, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Request {
    #[serde(serialize_with = "super::wire::instant")]
    pub at: Timestamp,
    /// `None` without a valid token.
    pub operation: Option<String>,
    /// `None` where it names none that there is.
    pub report: Option<Report>,
    /// The query as it came.
    pub query: String,
    pub date_ini: Option<String>,
    pub date_end: Option<String>,
    /// `None` where none was sent.
    pub status: Option<u16>,
    /// Rows in `data`.
    pub rows: usize,
    /// The API's words, where it refused.
    pub refusal: Option<String>,
    /// The names of the faults that spoilt the answer.
    pub faults: Vec<String>,
    /// The token was in use: whoever asked broke the rule of one call at a time.
    pub overlapping: bool,
}

impl World {
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        options.check()?;
        let mut faults = Faults::default();
        for armed in options.faults {
            faults.set(armed);
        }
        Ok(Self {
            operations: options.operations.into_iter().map(Operation::new).collect(),
            clock: options.clock,
            faults: Mutex::new(faults),
            log: Mutex::default(),
            refuse_for: Mutex::default(),
            refuse: Notify::new(),
        })
    }

    /// The operation of this name; without a name the first one.
    pub fn operation(&self, name: Option<&str>) -> Option<&Operation> {
        self.operations.iter().find(|operation| name.is_none_or(|name| operation.name == name))
    }

    pub fn set_fault(&self, armed: Armed) {
        lock(&self.faults).set(armed);
    }

    pub fn clear_faults(&self) {
        lock(&self.faults).clear();
    }

    pub fn faults(&self) -> Vec<Armed> {
        lock(&self.faults).armed().to_vec()
    }

    pub(super) fn take_faults(&self, operation: &str, report: Option<Report>) -> Vec<Fault> {
        lock(&self.faults).take(operation, report)
    }

    /// The requests so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.log).iter().cloned().collect()
    }

    pub(super) fn record(&self, request: Request) {
        let mut log = lock(&self.log);
        if log.len() == MOST_LOGGED {
            log.pop_front();
        }
        log.push_back(request);
    }

    /// Closes the listening socket for a while: connections are refused, those that exist stay.
    pub fn refuse_connections(&self, duration: Duration) {
        *lock(&self.refuse_for) = duration;
        self.refuse.notify_one();
    }

    pub(super) fn refuse_for(&self) -> Duration {
        *lock(&self.refuse_for)
    }
}
