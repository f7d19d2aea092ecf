use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::load::{self, Reading, Stamps, stamps};
use super::{Bad, Secured, State, Terms};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Origin, Problems};

/// Between two looks whether a file has changed. A look asks the system for a few dates, and reads nothing.
const LOOK: Duration = Duration::from_secs(1);

impl Secured {
    /// Reads the file again whenever it, or one that it names, has changed; what is no good changes nothing. Never ends.
    pub async fn keep(self: Arc<Self>) {
        // Without a file there is nothing to look at.
        if self.path.is_none() {
            return std::future::pending().await;
        }
        let mut looked = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let this = self.clone();
            // A folder on a network may hang: nothing but this waits for it. What panics has said so in the log.
            looked = tokio::task::spawn_blocking(move || this.look(looked)).await.unwrap_or_default();
        }
    }

    /// One look; `before` is what the last one saw, if that was a change. What has changed is read once two looks agree:
    /// who writes a file or several may not have come to the end.
    fn look(&self, before: Option<Stamps>) -> Option<Stamps> {
        let read = self.stamps.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let seen = stamps(read.iter().map(|(path, _)| path));
        if seen == read {
            return None;
        }
        if before.as_ref() != Some(&seen) {
            return Some(seen);
        }
        self.read_again();
        None
    }

    /// Reads the file and what it names, changed or not; what is no good changes nothing. Says how the server speaks then,
    /// or all that is wrong; `None` without a file. Blocks on the disk.
    pub fn read_again(&self) -> Option<Result<String, Vec<String>>> {
        let path = self.path.as_ref()?;
        // Who reads last has the last word.
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemClock.now();
        let in_force = self.terms.borrow().clone();
        let Reading { stamps, result } = load::load(path, Some(&in_force), now);
        *self.stamps.lock().unwrap_or_else(PoisonError::into_inner) = stamps;
        let result = result.and_then(|(terms, remarks)| {
            let mut problems = Problems::new(Some(path.display().to_string()));
            in_force.given_up_by(&terms).into_iter().for_each(|what| problems.push(Origin::WholeFile, what));
            problems.into_result().map(|()| (terms, remarks))
        });
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok((terms, remarks)) => {
                *state = State { good_at: Some(now), bad: None };
                drop(state);
                let described = terms.describe();
                tracing::info!(file = %path.display(), "read again: {described}");
                remarks.lines().iter().for_each(|remark| tracing::warn!("{remark}"));
                self.terms.send_replace(Arc::new(terms));
                Some(Ok(format!("{}: {described}", path.display())))
            }
            Err(problems) => {
                let since = state.bad.as_ref().map_or(now, |bad| bad.since);
                state.bad = Some(Bad { since, problems: problems.lines() });
                drop(state);
                for problem in problems.lines() {
                    tracing::error!("{problem}; what was read before stays in force");
                }
                Some(Err(problems.lines()))
            }
        }
    }
}

impl Terms {
    /// What `new` no longer asks of those who read. It takes a restart: a file that is cut or half written must not open to
    /// everybody what was closed.
    fn given_up_by(&self, new: &Self) -> Vec<&'static str> {
        let mut given_up = Vec::new();
        if self.tls.is_some() != new.tls.is_some() {
            given_up.push("whether there is TLS can't change while the exporter runs: restart it");
        }
        if self.credentials.is_some() && new.credentials.is_none() {
            given_up.push(
                "basic_auth_users is gone, so nobody would need a password: if that is meant, restart the exporter",
            );
        }
        if let (Some(old), Some(new)) = (&self.tls, &new.tls) {
            let (was, is) = (old.client(), new.client());
            if (was.is_mandatory() && !is.is_mandatory()) || (was.is_verified() && !is.is_verified()) {
                given_up.push("client_auth_type asks for less than before: if that is meant, restart the exporter");
            }
            if old.names_matter() && !new.names_matter() {
                given_up.push("client_allowed_sans is gone: if that is meant, restart the exporter");
            }
        }
        given_up
    }
}
