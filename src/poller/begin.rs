use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::board::rules;
use crate::config::{OperationConfig, Start};
use crate::ledger::{CommitError, Ledger, OperationId};
use domain::account::Account;
use domain::totals::Total;

/// Takes an operation's account from the ledger, or begins it where the configuration says. Blocks on the disk.
pub fn open_account(
    ledger: &Ledger,
    operation: &OperationConfig,
    now: Timestamp,
) -> Result<(OperationId, Account), CommitError> {
    let rules = rules(operation);
    let zone = rules.zone.iana_name().unwrap_or("UTC");
    let opened = ledger.operation(&operation.name, zone, now, || {
        let first = match operation.start {
            Start::Now => now,
            Start::History(duration) => now - duration,
        };
        Account::new(&rules.windows, first)
    })?;
    let Some(old) = opened.other_zone else { return Ok((opened.id, opened.account)) };
    let account = ledger.commit(&opened.id, &opened.account, |account, _| {
        // A zone that this build's database lacks is taken for one that hides nothing differs from.
        if let Ok(old) = TimeZone::get(&old) {
            account.change_zone(&old, &rules.zone);
        }
        Ok::<(), CommitError>(())
    })?;
    tracing::info!(
        operation = operation.name, old_timezone = old, timezone = zone, complete_until = %account.marks.complete_until,
        "the time zone has changed since the last start; reading again from complete_until"
    );
    let given_up = account.totals.get(Total::SkippedSeconds) - opened.account.totals.get(Total::SkippedSeconds);
    if given_up > 0 {
        tracing::warn!(
            operation = operation.name, old_timezone = old, seconds = given_up, before = %account.marks.complete_until,
            "the old time zone may have hidden rows for longer than row identities are kept; that time is given up"
        );
    }
    Ok((opened.id, account))
}
