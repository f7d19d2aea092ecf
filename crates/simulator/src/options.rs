use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::call::Skill;
use super::faults::Armed;
use super::profile;
use super::quirks::Quirks;
use super::random::{self, Stream, unit};
use super::traffic::{AnsweredRows, Incident, Lateness, Week};

/// What the simulator is to be. `Default` is one operation of eight skills in Bogotá on a free port of loopback.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port 0: any free port.
    pub listen: SocketAddr,
    pub operations: Vec<OperationOptions>,
    pub faults: Vec<Armed>,
    pub clock: Clock,
}

/// A customer's contact centre, recognised by its token.
#[derive(Debug, Clone)]
pub struct OperationOptions {
    pub name: String,
    /// `None`: one made up from the name and the seed.
    pub token: Option<String>,
    pub zone: TimeZone,
    pub seed: u64,
    pub skills: Vec<Skill>,
    /// Against the measured volume of a whole centre, which the skills share; 0: no calls but injected ones.
    pub rate: f64,
    pub week: Week,
    /// Of the callers, against the measured ones.
    pub patience: f64,
    pub redials: bool,
    pub strays: f64,
    pub lateness: Lateness,
    pub answered_rows: AnsweredRows,
    pub long_chats: f64,
    pub incidents: Vec<Incident>,
    pub incidents_per_week: f64,
    /// Calls per local day.
    pub quota: Option<u32>,
    /// Calls at the same time.
    pub simultaneous: u32,
    pub quirks: Quirks,
}

/// The simulator's idea of now; a test can put in its own.
#[derive(Clone)]
pub struct Clock(pub Arc<dyn Fn() -> Timestamp + Send + Sync>);

/// More skills than a `conn_id` has room for.
const MOST_SKILLS: usize = 999;
/// At this rate a day has more than a million calls and takes a second; a question can be for a month.
const HIGHEST_RATE: f64 = 1_000.0;
/// One on each working day.
const MOST_INCIDENTS: f64 = 5.0;

/// Why a simulator can't be as the options say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    #[error("no operation to simulate: name at least one")]
    NoOperation,
    #[error("two operations share the {0}: each needs its own")]
    Shared(&'static str),
    #[error("{0} skills are too many: {MOST_SKILLS} at most")]
    TooManySkills(usize),
    #[error("{what} is {value}: write a number from {least} to {most}")]
    OutOfRange { what: &'static str, value: String, least: String, most: String },
    #[error("{0}")]
    Unreadable(String),
}

impl Options {
    /// Checks what the types leave open.
    pub fn check(&self) -> Result<(), OptionsError> {
        if self.operations.is_empty() {
            return Err(OptionsError::NoOperation);
        }
        for (index, operation) in self.operations.iter().enumerate() {
            let others = &self.operations[..index];
            if others.iter().any(|other| other.name == operation.name) {
                return Err(OptionsError::Shared("name"));
            }
            if others.iter().any(|other| other.token() == operation.token()) {
                return Err(OptionsError::Shared("token"));
            }
            operation.check()?;
        }
        for armed in &self.faults {
            armed.fault.check().map_err(OptionsError::Unreadable)?;
        }
        Ok(())
    }
}

impl OperationOptions {
    pub fn new(name: &str, zone: TimeZone, seed: u64, skills: usize) -> Self {
        Self {
            name: name.to_owned(),
            token: None,
            zone,
            seed,
            skills: made_up_skills(skills),
            rate: 1.0,
            week: Week::default(),
            patience: 1.0,
            redials: false,
            strays: 0.005,
            lateness: Lateness::default(),
            answered_rows: AnsweredRows::default(),
            long_chats: 0.0,
            incidents: Vec::new(),
            incidents_per_week: 0.0,
            quota: None,
            simultaneous: 1,
            quirks: Quirks::default(),
        }
    }

    /// The token given, or one made up: 40 hexadecimal digits.
    pub fn token(&self) -> String {
        self.token.clone().unwrap_or_else(|| made_up_token(&self.name, self.seed))
    }

    fn check(&self) -> Result<(), OptionsError> {
        if self.skills.len() > MOST_SKILLS {
            return Err(OptionsError::TooManySkills(self.skills.len()));
        }
        within("the rate", self.rate, 0.0, HIGHEST_RATE)?;
        within("the patience", self.patience, 0.001, 2.0)?;
        within("the share of strays", self.strays, 0.0, 1.0)?;
        within("the share of long chats", self.long_chats, 0.0, 1.0)?;
        within("the number of incidents a week", self.incidents_per_week, 0.0, MOST_INCIDENTS)?;
        within("the share of late calls", self.lateness.late_share, 0.0, 1.0)?;
        within("the number of calls at the same time", f64::from(self.simultaneous), 1.0, 100.0)?;
        self.incidents.iter().try_for_each(Incident::check)
    }
}

impl Incident {
    /// Refuses what would never end, or never begin.
    pub fn check(&self) -> Result<(), OptionsError> {
        if self.until <= self.from {
            return Err(OptionsError::Unreadable("an incident ends before it begins".to_owned()));
        }
        within("an incident's factor", self.factor, 0.0, 10_000.0)
    }
}

impl Default for Options {
    fn default() -> Self {
        let zone = TimeZone::get("America/Bogota").unwrap_or(TimeZone::UTC);
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            operations: vec![OperationOptions::new("simulated", zone, 1, 8)],
            faults: Vec::new(),
            clock: Clock::default(),
        }
    }
}

impl Clock {
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

/// The host's clock.
impl Default for Clock {
    fn default() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a simulated server has a clock of its own")]
        Self(Arc::new(Timestamp::now))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Skills `4173`, `4174`, ... with names of contact centres.
pub fn made_up_skills(count: usize) -> Vec<Skill> {
    (0..count)
        .map(|index| Skill { id: (4173 + index).to_string().into(), name: profile::skill_name(index).into() })
        .collect()
}

/// A token of the API's form: 40 hexadecimal digits.
pub(super) fn made_up_token(name: &str, seed: u64) -> String {
    let key = name.bytes().fold(0u64, |key, byte| key.wrapping_mul(257).wrapping_add(u64::from(byte)));
    let mut rng = random::stream(seed, Stream::Token, key, 0);
    (0..40).map(|_| char::from(b"0123456789abcdef"[(unit(&mut rng) * 16.0) as usize])).collect()
}

fn within(what: &'static str, value: f64, least: f64, most: f64) -> Result<(), OptionsError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(OptionsError::OutOfRange { what, value: value.to_string(), least: least.to_string(), most: most.to_string() })
}
