use std::sync::Arc;
use std::time::Duration;

use domain::outcome::Outcome;
use domain::reconciliation::{OfReport, TRY_AGAIN_AFTER, range_of};
use domain::vendor_totals::{MOST_SKILLS, NAME, VendorRow, VendorTotals};
use jiff::civil::Date;
use tokio::time::Instant;

use super::TOKEN_LOOK;
use super::holds::LONGEST_SLEEP;
use super::turn::{TokenInTurn, Turns};
use crate::clock::Clock;
use crate::operation::Operation;
use crate::operation::comparisons::Comparisons;
use crate::operation::ended::Trouble;
use crate::shutdown::Shutdown;
use crate::wolkvox::client::Client;
use crate::wolkvox::{Answer, Failure};

/// Asks once for each local day that is over for the vendor's own totals, and compares them with what was counted, until
/// shutdown.
pub async fn reconcile<C: Clock>(
    api: Arc<Client>,
    operation: Arc<Operation>,
    comparisons: Arc<Comparisons>,
    turns: Turns,
    clock: C,
    shutdown: Shutdown,
) {
    let mut task = Reconciler { token: TokenInTurn::new(api, turns), operation, comparisons, clock };
    tokio::select! {
        () = shutdown.requested() => {}
        () = task.run() => {}
    }
}

struct Reconciler<C> {
    token: TokenInTurn<Client>,
    operation: Arc<Operation>,
    comparisons: Arc<Comparisons>,
    clock: C,
}

impl<C: Clock> Reconciler<C> {
    async fn run(&mut self) {
        let mut followed = self.operation.abandoned.follow();
        loop {
            // What changes from here on wakes it.
            followed.account();
            let now = self.operation.abandoned.clock.now(self.clock.now());
            let due = self.operation.with_books(|books| self.comparisons.kept().due(books, now));
            let refused = self.was_refused();
            let wait = match due {
                Some((date, Duration::ZERO)) => {
                    if self.ask(date).await.is_err() {
                        tokio::time::sleep(TRY_AGAIN_AFTER).await;
                    }
                    continue;
                }
                Some((_, wait)) => wait.min(if refused { TOKEN_LOOK } else { LONGEST_SLEEP }),
                None => LONGEST_SLEEP,
            };
            self.comparisons.pulse().next = due.map(|(_, wait)| domain::instant::later(self.clock.now(), wait));
            tokio::select! {
                _ = followed.changed() => {}
                () = tokio::time::sleep(wait) => {
                    if let Some((date, _)) = due
                        && refused
                        && self.token.has_changed().await
                    {
                        tracing::info!(operation = %self.operation.name, report = NAME, "the token has changed, trying it now");
                        _ = self.ask(date).await;
                    }
                }
            }
        }
    }

    fn was_refused(&self) -> bool {
        matches!(&self.comparisons.pulse().trouble, Some(Trouble::Call(failure)) if failure.outcome == Outcome::Unauthorized)
    }

    /// One question, in its turn for the token, and what comes of it. An error where that could not be stored.
    async fn ask(&mut self, date: Date) -> Result<(), ()> {
        self.comparisons.pulse().next = None;
        let told = self.call(date).await;
        let now = self.clock.now();
        let asked_at = self.operation.abandoned.clock.now(now);
        let noted = match &told {
            Ok(totals) => Ok(totals),
            Err((outcome, _)) => Err(*outcome),
        };
        let operation = self.operation.clone();
        let ended = move |kept: &mut domain::reconciliation::Reconciliation| {
            operation.with_books(|books| kept.ended(date, asked_at, noted, books));
        };
        let stored = self.comparisons.amend(ended).await;
        {
            let mut pulse = self.comparisons.pulse();
            pulse.last_poll = Some(now);
            if told.is_ok() && stored.is_ok() {
                pulse.last_success = Some(now);
            }
            pulse.trouble = match (&told, &stored) {
                (Err((_, trouble)), _) => Some(trouble.clone()),
                (_, Err(error)) => Some(Trouble::Ledger(error.to_string())),
                _ => None,
            };
        }
        self.tell(date);
        stored.map_err(|_| ())
    }

    async fn call(&mut self, date: Date) -> Result<VendorTotals, (Outcome, Trouble)> {
        let failed = |failure: Failure| (failure.outcome, Trouble::Call(failure));
        let (secret, _turn) = self.token.take().await.map_err(failed)?;
        let report = &self.operation.abandoned;
        if let Some(failure) = report.refusals.stands(NAME, secret.fingerprint) {
            return Err(failed(failure));
        }
        let called = self.token.api().vendor_totals(range_of(date), &secret).await;
        // The reports ask again for themselves, at their own times.
        let until = Instant::now() + report.rules.windows.interval() / 2;
        report.refusals.note(NAME, secret.fingerprint, called.as_ref().err(), until);
        let answer = called.and_then(|answer| answer.judged_by(self.comparisons.kept().has_answered));
        usable(answer.map_err(failed)?)
    }

    /// Says in the log how it stands after a call.
    fn tell(&self, date: Date) {
        let (kept, pulse) = (self.comparisons.kept(), self.comparisons.pulse().clone());
        let operation = &self.operation.name;
        if let Some(trouble) = &pulse.trouble {
            return tracing::warn!(
                %operation, report = NAME, cause = trouble.name(), %date, error = %trouble,
                "the vendor's totals of a day could not be read; they are asked for again in an hour, until the next day is due"
            );
        }
        if kept.told_nothing_of() == Some(date) {
            return tracing::warn!(
                %operation, report = NAME, %date,
                "the vendor's totals of a day are empty, which proves nothing: perhaps this server doesn't have that report"
            );
        }
        for (report, OfReport { reconciled, readings }) in &kept.reports {
            let Some(reconciled) = reconciled else { continue };
            let reading = readings.shown();
            let differing = reconciled.by(reading).filter(|(_, _, difference)| *difference != 0).count();
            let (compared, left_aside) = (reconciled.by(reading).count(), reconciled.not_compared().count());
            let (differs, reading) = (readings.differs(date), reading.as_str());
            if differs {
                tracing::warn!(
                    %operation, %report, %date, reading, compared, differing, left_aside,
                    "the vendor's totals of a day differ from what was counted"
                );
            } else {
                tracing::info!(
                    %operation, %report, %date, reading, compared, differing, left_aside,
                    "the vendor's totals of a day were compared with what was counted"
                );
            }
        }
    }
}

/// The totals of an answer, if all of them came.
fn usable(answer: Answer<VendorRow>) -> Result<VendorTotals, (Outcome, Trouble)> {
    let malformed = |message: &str| {
        let outcome = Outcome::Malformed;
        let failure = Failure { outcome, cause: None, message: message.to_owned(), retry_after: None };
        Err((outcome, Trouble::Call(failure)))
    };
    match answer.outcome() {
        Outcome::Incomplete => {
            let (delivered, announced) = (answer.rows.len() as u64, answer.announced);
            Err((Outcome::Incomplete, Trouble::Incomplete { delivered, announced }))
        }
        Outcome::Malformed => malformed("a bad byte spoils the answer from some row on"),
        _ if answer.rows.len() > MOST_SKILLS => malformed("it has more skills than an operation can have"),
        _ => Ok(answer.rows.into_iter().collect()),
    }
}
