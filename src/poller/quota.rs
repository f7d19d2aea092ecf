use std::sync::Arc;
use std::time::Duration;

use domain::outcome::Outcome;
use domain::totals::Total;
use domain::window::Windows;
use jiff::Timestamp;

use super::holds::LONGEST_SLEEP;
use super::turn::{TokenInTurn, Turns};
use crate::clock::Clock;
use crate::operation::Operation;
use crate::shutdown::Shutdown;
use crate::wolkvox::client::Client;

/// Asks how many calls the token has left, every `interval`, until shutdown.
///
/// It asks at full intervals of UTC, as windows end, and never at the start: a process that is started again and again makes
/// no more of these calls than one that stays.
pub async fn watch_quota<C: Clock>(
    api: Arc<Client>,
    operation: Arc<Operation>,
    turns: Turns,
    clock: C,
    interval: Duration,
    shutdown: Shutdown,
) {
    let mut token = TokenInTurn::new(api, turns);
    let mut pause = Duration::ZERO;
    loop {
        let due = async {
            // However the clock is set meanwhile.
            tokio::time::sleep(pause).await;
            wait_until(next(clock.now(), interval), &clock).await;
        };
        tokio::select! {
            () = shutdown.requested() => return,
            () = due => {}
        }
        tokio::select! {
            () = shutdown.at_once() => return,
            () = ask(&mut token, &operation) => {}
        }
        pause = interval / 2;
    }
}

/// The first full interval after `now`.
fn next(now: Timestamp, interval: Duration) -> Timestamp {
    Windows::new(interval, Duration::ZERO).next_due(now)
}

async fn wait_until<C: Clock>(due: Timestamp, clock: &C) {
    while let Ok(left) = Duration::try_from(due.duration_since(clock.now()))
        && !left.is_zero()
    {
        tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
    }
}

/// One question, in its turn for the token; it is counted as every call is.
async fn ask(token: &mut TokenInTurn<Client>, operation: &Operation) {
    let (told, is_call) = match token.take().await {
        Ok((secret, _turn)) => (token.api().token_uses(&secret).await, true),
        Err(failure) => (Err(failure), false),
    };
    operation.quota.tell(told.as_ref().ok().copied());
    let outcome = match &told {
        Ok(_) => Outcome::Ok,
        Err(failure) => failure.outcome,
    };
    match &told {
        Ok(uses) => tracing::info!(
            operation = %operation.name, remaining = uses.remaining, today = uses.today, limit = uses.limit,
            "asked how many calls are left"
        ),
        Err(error) => tracing::warn!(
            operation = %operation.name, %outcome, %error,
            "how many calls are left could not be learnt; it is asked again at its next time"
        ),
    }
    if is_call {
        let counted = operation.abandoned.amend(move |account| account.totals.add(Total::Polls(outcome), 1)).await;
        if let Err(error) = counted {
            tracing::error!(operation = %operation.name, %error, "a call could not be counted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::config::{OperationConfig, Server, TokenSource};
    use crate::ledger::Ledger;
    use crate::wolkvox::client::{Network, TokenUses};
    use simulator::faults::Fault;
    use simulator::{OperationOptions, Options, Simulator};

    #[tokio::test]
    async fn what_is_told_is_kept_until_a_question_fails_and_each_is_counted() {
        let options =
            OperationOptions { quota: Some(1_000), ..OperationOptions::new("ventas", jiff::tz::TimeZone::UTC, 1, 1) };
        let sim = Simulator::start(Options { operations: vec![options], ..Options::default() }).await.unwrap();
        let server = Server { name: "wv0042".into(), base_url: sim.base_url() };
        let config = OperationConfig::new("ventas".into(), server, TokenSource::Held(sim.token().into()));
        let folder = tempfile::tempdir().unwrap();
        let now = SystemClock.now();
        let ledger = Arc::new(Ledger::open(&folder.path().join("ledger.db"), now).unwrap());
        let operation = Operation::open(&ledger, &config, now).unwrap();
        let network = Network::from_environment([&config.server]).unwrap();
        let mut token = TokenInTurn::new(
            Arc::new(Client::new(&config, &domain::report::ABANDONED, &network).unwrap()),
            Turns::default(),
        );
        let polls = |outcome| operation.abandoned.account().totals.get(Total::Polls(outcome));

        assert_eq!(operation.quota.told(), None);
        ask(&mut token, &operation).await;
        ask(&mut token, &operation).await;
        let told = TokenUses { remaining: Some(998), today: Some(2), limit: Some(1_000) };
        assert_eq!((operation.quota.told(), polls(Outcome::Ok)), (Some(told), 2));
        sim.set_fault(Fault::Maintenance { msg: "BACKUP".into() }, None);
        ask(&mut token, &operation).await;
        assert_eq!((operation.quota.told(), polls(Outcome::Ok), polls(Outcome::Maintenance)), (None, 2, 1));
        sim.shutdown().await;
    }

    #[test]
    fn a_new_process_asks_when_the_old_one_would_have() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let hour = Duration::from_secs(3_600);
        for start in ["2026-01-18T10:00:00Z", "2026-01-18T10:00:01Z", "2026-01-18T10:59:59.9Z"] {
            assert_eq!(next(at(start), hour), at("2026-01-18T11:00:00Z"), "{start}");
        }
        assert_eq!(next(at("2026-01-18T10:00:00Z"), 24 * hour), at("2026-01-19T00:00:00Z"));
    }
}
