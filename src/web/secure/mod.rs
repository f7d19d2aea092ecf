//! Who may read what the server shows, and how it is kept from others: the file that `--web.config.file` names, in force.
//!
//! `load` reads it with all that it names, and makes [`Terms`]: of `tls` and `client`, `credentials` and `rate`. `watch`
//! reads it again when it has changed, and keeps the last good one. `gate` says what a request is answered instead.

mod client;
mod credentials;
mod gate;
mod load;
mod rate;
mod tls;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::{HeaderName, HeaderValue};
use jiff::Timestamp;
use tokio::sync::watch::{Receiver, Sender};

use crate::clock::{Clock as _, SystemClock};
use crate::config::Problems;

use credentials::Credentials;
use load::Stamps;
use rate::Rate;

pub(super) use gate::Turned;
pub(super) use tls::{HTTP2, Handshake};

/// What is in force at one moment. Nothing in it changes; a changed file makes others.
#[derive(Debug, Default)]
pub struct Terms {
    /// The same one as long as nothing of it changes. Without it the server speaks in clear.
    pub(super) tls: Option<Arc<Handshake>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    rate: Option<Rate>,
    /// Without them nobody needs a password.
    credentials: Option<Credentials>,
}

/// The terms in force, and the file that they are from.
#[derive(Debug, Default)]
pub struct Secured {
    /// Without a file all is in clear and open, and nothing ever changes.
    path: Option<PathBuf>,
    terms: Sender<Arc<Terms>>,
    /// Of the files, as they were when they were last read.
    stamps: Mutex<Stamps>,
    /// Held while the files are read.
    reading: Mutex<()>,
    state: Mutex<State>,
}

/// How it stands with the file.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// When it was last read and found good; `None` where there is no file.
    pub good_at: Option<Timestamp>,
    /// There since it has been changed into one that can't be used, until it is mended.
    pub bad: Option<Bad>,
}

/// A changed file that can't be used.
#[derive(Debug, Clone)]
pub struct Bad {
    pub since: Timestamp,
    /// As they are displayed; no secret is in them.
    pub problems: Vec<String>,
}

impl Secured {
    /// Reads the file; without one all is in clear and open. Beside it come remarks. Blocks on the disk.
    ///
    /// # Errors
    /// All that is wrong with it and with the files that it names.
    pub fn load(path: Option<&Path>) -> Result<(Self, Problems), Problems> {
        let Some(path) = path else { return Ok((Self::default(), Problems::default())) };
        let now = SystemClock.now();
        let load::Reading { stamps, result } = load::load(path, None, now);
        let (terms, remarks) = result?;
        let secured = Self {
            path: Some(path.to_owned()),
            terms: Sender::new(Arc::new(terms)),
            stamps: Mutex::new(stamps),
            reading: Mutex::default(),
            state: Mutex::new(State { good_at: Some(now), bad: None }),
        };
        Ok((secured, remarks))
    }

    /// What is in force, now and after each change.
    pub fn terms(&self) -> Receiver<Arc<Terms>> {
        self.terms.subscribe()
    }

    pub fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The end of the certificate that is being served.
    pub fn certificate_ends(&self) -> Option<Timestamp> {
        self.terms.borrow().tls.as_ref().map(|tls| tls.ends)
    }
}

impl Terms {
    /// For people, in one line: how the server speaks, and who may read.
    pub fn describe(&self) -> String {
        let tls = self.tls.as_ref().map_or_else(|| "in clear".to_owned(), |tls| tls.describe());
        let users = match &self.credentials {
            None => "without a password".to_owned(),
            Some(credentials) => format!("with a password (users: {})", credentials.len()),
        };
        let rate = self.rate.as_ref().map_or_else(String::new, |rate| format!(", {}", rate.describe()));
        format!("{tls}, {users}{rate}")
    }
}
