use std::sync::Arc;
use std::time::Duration;

use domain::outcome::Outcome;
use domain::reconciliation::{OfReport, TRY_AGAIN_AFTER, WAIT_FOR_REPORTS, range_of};
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
    let token = TokenInTurn::new(api, turns);
    let mut task = Reconciler { token, operation, comparisons, clock, waits_since: None, shutdown: shutdown.clone() };
    tokio::select! {
        () = shutdown.at_once() => {}
        () = task.run() => {}
    }
}

struct Reconciler<C> {
    token: TokenInTurn<Client>,
    operation: Arc<Operation>,
    comparisons: Arc<Comparisons>,
    clock: C,
    /// Since when a report has read a day that another one has not.
    waits_since: Option<Instant>,
    shutdown: Shutdown,
}

impl<C: Clock> Reconciler<C> {
    async fn run(&mut self) {
        let mut followed = self.operation.abandoned.follow();
        while !self.shutdown.is_requested() {
            // What changes from here on wakes it.
            followed.account();
            let due = self.due();
            let refused = self.was_refused();
            let wait = match due {
                Some((date, Duration::ZERO)) => {
                    if self.ask(date).await.is_err() {
                        tokio::select! {
                            () = self.shutdown.requested() => {}
                            () = tokio::time::sleep(TRY_AGAIN_AFTER) => {}
                        }
                    }
                    continue;
                }
                Some((_, wait)) => wait.min(if refused { TOKEN_LOOK } else { LONGEST_SLEEP }),
                None => LONGEST_SLEEP,
            };
            self.comparisons.pulse().next = due.map(|(_, wait)| domain::instant::later(self.clock.now(), wait));
            tokio::select! {
                () = self.shutdown.requested() => return,
                _ = followed.changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
            // Whatever woke it: where the reports are polled more often than the token is looked at, no wait ends.
            if let Some((date, _)) = due
                && refused
                && self.token.has_changed().await
            {
                tracing::info!(operation = %self.operation.name, report = NAME, "the token has changed, trying it now");
                _ = self.ask(date).await;
            }
        }
    }

    /// The day that is to be asked for, and how long from now.
    fn due(&mut self) -> Option<(Date, Duration)> {
        let now = self.operation.abandoned.clock.now(self.clock.now());
        let kept = self.comparisons.kept();
        let [by_all, by_one] =
            self.operation.with_books(|books| [false, true].map(|waited| kept.due(books, now, waited)));
        if by_all.map(|(date, _)| date) == by_one.map(|(date, _)| date) {
            self.waits_since = None;
            return by_all;
        }
        let has_waited = self.waits_since.get_or_insert_with(Instant::now).elapsed() >= WAIT_FOR_REPORTS;
        if has_waited { by_one } else { by_all }
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
        let asked = Instant::now();
        let called = self.token.api().vendor_totals(range_of(date), &secret).await;
        // The reports ask again for themselves, at their own times.
        let until = Instant::now() + report.rules.windows.interval() / 2;
        report.refusals.note(NAME, secret.fingerprint, called.as_ref().err(), (asked, until));
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
    let malformed = |message: &str| Err((Outcome::Malformed, Trouble::Call(Failure::new(Outcome::Malformed, message))));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::config::{OperationConfig, Reports, Server, TokenSource};
    use crate::ledger::Ledger;
    use crate::wolkvox::client::Network;
    use domain::totals::Total;
    use simulator::faults::{Armed, Fault};
    use simulator::report::Report;
    use simulator::{OperationOptions, Options, Simulator};

    /// What a call for totals knows of the token it shares with the reports, and tells them.
    #[tokio::test]
    async fn a_refused_token_is_not_asked_with_and_each_poll_is_counted() {
        let options = OperationOptions::new("ventas", jiff::tz::TimeZone::UTC, 1, 1);
        let sim = Simulator::start(Options { operations: vec![options], ..Options::default() }).await.unwrap();
        let server = Server { name: "wv0042".into(), base_url: sim.base_url() };
        let reports = Reports { totals: true, ..Reports::default() };
        let config = OperationConfig {
            reports,
            ..OperationConfig::new("ventas".into(), server, TokenSource::Held(sim.token().into()))
        };
        let folder = tempfile::tempdir().unwrap();
        let now = SystemClock.now();
        let ledger = Arc::new(Ledger::open(&folder.path().join("ledger.db"), now).unwrap());
        let operation = Operation::open(&ledger, &config, now).unwrap();
        let network = Network::from_environment([&config.server]).unwrap();
        let client = Client::new(&config, &domain::report::ABANDONED, &network).unwrap();
        let comparisons = operation.comparisons.clone().unwrap();
        let mut task = Reconciler {
            token: TokenInTurn::new(Arc::new(client), Turns::default()),
            operation: operation.clone(),
            comparisons: comparisons.clone(),
            clock: SystemClock,
            waits_since: None,
            shutdown: Shutdown::new().1,
        };
        let date = jiff::tz::TimeZone::UTC.to_datetime(now).date().yesterday().unwrap();
        let polls = |outcome| comparisons.kept().totals.get(Total::Polls(outcome));
        let requests = || sim.requests().len();

        let (secret, turn) = task.token.take().await.unwrap();
        drop(turn);
        let refused = |outcome| Failure::new(outcome, "no");
        for outcome in [Outcome::Unauthorized, Outcome::QuotaExceeded] {
            let until = Instant::now() + Duration::from_secs(60);
            operation.abandoned.refusals.note(
                "abandoned",
                secret.fingerprint,
                Some(&refused(outcome)),
                (Instant::now(), until),
            );
            task.ask(date).await.unwrap();
            assert_eq!((requests(), polls(outcome), comparisons.pulse().up()), (0, 1, Some(false)));
        }
        operation.abandoned.refusals.note("abandoned", secret.fingerprint, None, (Instant::now(), Instant::now()));
        task.ask(date).await.unwrap();
        assert_eq!((requests(), polls(Outcome::Ok), comparisons.pulse().up()), (1, 1, Some(true)));
        sim.world().set_fault(Armed { report: Some(Report::Totals), ..Armed::new(Fault::TokenRefused, None) });
        task.ask(date).await.unwrap();
        assert_eq!((requests(), polls(Outcome::Unauthorized)), (2, 2));
        let stands = operation.abandoned.refusals.stands("answered", secret.fingerprint);
        assert_eq!(stands.map(|failure| failure.outcome), Some(Outcome::Unauthorized), "the reports hear of it");
        assert!(task.was_refused());
        sim.clear_faults();

        // What is not all of the totals is none of them.
        let bad = [(Fault::MissingRows { rows: 1 }, Outcome::Incomplete), (Fault::CutBody, Outcome::Malformed)];
        for (fault, outcome) in bad {
            sim.world().set_fault(Armed { report: Some(Report::Totals), ..Armed::new(fault, Some(1)) });
            let before = polls(outcome);
            task.ask(date).await.unwrap();
            assert_eq!((polls(outcome), comparisons.kept().day), (before + 1, None), "{outcome}");
        }
        drop(task);
        let kept = ledger_again(ledger, operation, comparisons, &folder, &config);
        assert_eq!(
            (kept.totals.get(Total::Polls(Outcome::Unauthorized)), kept.asked.map(|(date, _)| date)),
            (2, Some(date))
        );
        sim.shutdown().await;
    }

    /// What the next process finds.
    fn ledger_again(
        ledger: Arc<Ledger>,
        operation: Arc<Operation>,
        comparisons: Arc<Comparisons>,
        folder: &tempfile::TempDir,
        config: &OperationConfig,
    ) -> domain::reconciliation::Reconciliation {
        drop((operation, comparisons, ledger));
        let now = SystemClock.now();
        let ledger = Arc::new(Ledger::open(&folder.path().join("ledger.db"), now).unwrap());
        let operation = Operation::open(&ledger, config, now).unwrap();
        let kept = operation.comparisons.as_ref().unwrap().kept();
        domain::reconciliation::Reconciliation::clone(&kept)
    }
}
