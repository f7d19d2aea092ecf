use std::sync::Arc;
use std::time::Duration;

use domain::account::Account;

use crate::clock::Clock;
use crate::operation::Report;
use crate::shutdown::Shutdown;

/// How long until a hold is tried to be ended again when the ledger could not be written.
const LEDGER_PAUSE: Duration = Duration::from_secs(10);

/// The host's clock may be set while a task sleeps; so no sleep is longer.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Ends the start hold when it has lasted since the first scrape, and those of new series when they have lasted for `hold`,
/// until shutdown.
///
/// The end of a hold is stored before it is shown: after a crash a series must not show its starting value again.
pub async fn end_holds<C: Clock>(report: Arc<Report>, clock: C, shutdown: Shutdown) {
    let rules = &report.rules;
    let hold = rules.hold;
    let (mut followed, mut served) = (report.follow(), report.follow_served());
    loop {
        let now = clock.now();
        let account = followed.account();
        let is_start_hold = account.start_hold.is_some();
        let wait = if is_start_hold {
            let since = served.borrow_and_update().since.map(|since| since.elapsed());
            // Where there is none there is nothing to wait for.
            let since = since.or(rules.start_hold.is_zero().then_some(Duration::ZERO));
            since.map(|since| rules.start_hold.saturating_sub(since))
        } else {
            let next = account.next_release(hold, now);
            next.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default())
        };
        let wait = match wait {
            Some(Duration::ZERO) => {
                let end = move |account: &mut Account| {
                    if is_start_hold { account.end_start_hold(hold, now) } else { account.release(hold, now) }
                };
                match report.amend(end).await {
                    Ok(()) => continue,
                    Err(error) => {
                        tracing::error!(
                            operation = %report.operation, report = report.kind.name, %error,
                            "new series stay at their starting values; trying again"
                        );
                        Some(LEDGER_PAUSE)
                    }
                }
            }
            other => other.map(|wait| wait.min(LONGEST_SLEEP)),
        };
        tokio::select! {
            () = shutdown.requested() => return,
            changed = followed.changed() => if !changed { return },
            first = served.changed() => if first.is_err() { return },
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
