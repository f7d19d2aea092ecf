use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::operation::Operation;
use crate::shutdown::Shutdown;

/// How long until a hold is tried to be ended again when the ledger could not be written.
const LEDGER_PAUSE: Duration = Duration::from_secs(10);

/// The host's clock may be set while a task sleeps; so no sleep is longer.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Ends the holds of new series when they have lasted for `hold`, until shutdown.
///
/// The end of a hold is stored before it is shown: after a crash a series must not show its starting value again.
pub async fn end_holds<C: Clock>(operation: Arc<Operation>, clock: C, shutdown: Shutdown) {
    let (report, hold) = (&operation.abandoned, operation.rules.hold);
    let mut account = report.follow();
    loop {
        let now = clock.now();
        let next = account.borrow_and_update().next_release(hold, now);
        let wait = next.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
        let wait = match wait {
            Some(Duration::ZERO) => match report.amend(move |account| account.release(hold, now)).await {
                Ok(()) => continue,
                Err(error) => {
                    tracing::error!(operation = %operation.name, %error, "new series stay at their starting values; trying again");
                    Some(LEDGER_PAUSE)
                }
            },
            other => other.map(|wait| wait.min(LONGEST_SLEEP)),
        };
        tokio::select! {
            () = shutdown.requested() => return,
            changed = account.changed() => if changed.is_err() { return },
            () = sleep(wait) => {}
        }
    }
}

/// Sleeps, or for `None` for ever.
async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
