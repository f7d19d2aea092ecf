use std::sync::Arc;

use domain::account::Account;
use domain::instant::earlier;
use domain::totals::Total;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Operation, Report, rules};
use crate::clock::ServerClock;
use crate::config::{OperationConfig, Start};
use crate::ledger::{ABANDONED, CommitError, Ledger};

impl Operation {
    /// Takes the operation's account from the ledger, or begins it where the configuration says. Blocks on the disk.
    pub fn open(ledger: &Arc<Ledger>, config: &OperationConfig, now: Timestamp) -> Result<Arc<Self>, CommitError> {
        let rules = Arc::new(rules(config));
        let zone = rules.zone.iana_name().unwrap_or("UTC");
        let first = match config.start {
            Start::Now => now,
            Start::History(duration) => earlier(now, duration),
        };
        let opened = ledger.account(&config.name, ABANDONED, zone, now, || Account::new(&rules.windows, first))?;
        let mut account = opened.account;
        // A new account has shown nothing yet, and what a copy has is older than what was shown.
        let has_shown = account.marks.read_before && account.marks.copied_at.is_none();
        if has_shown && !rules.start_hold.is_zero() {
            account.begin_start_hold(now);
        }
        let report = Report::new(ledger.clone(), opened.id, account);
        if report.account().begins_after(now) {
            let (windows, before) = (rules.windows, report.account().marks.start);
            report
                .commit_now(move |_, account, _| account.begin_again(&windows, first, before, SignedDuration::ZERO))?;
            tracing::warn!(
                operation = %config.name, start = %report.account().marks.start,
                "the ledger was begun by a clock that was ahead, and has read nothing; counting begins with this start"
            );
        }
        if let Some(old) = opened.other_zone {
            change_zone(&report, &config.name, &old, &rules.zone)?;
        }
        Ok(Arc::new(Self {
            name: config.name.as_str().into(),
            server: config.server.name.clone(),
            clock: ServerClock::new(report.account().marks.proven_until, rules.windows.settle(), now),
            rules,
            buckets: config.abandon_time_buckets.clone(),
            first,
            start_at_open: report.account().marks.start,
            abandoned: Arc::new(report),
        }))
    }
}

fn change_zone(report: &Report, operation: &str, old_timezone: &str, zone: &TimeZone) -> Result<(), CommitError> {
    let skipped = |account: &Account| account.totals.get(Total::SkippedSeconds);
    let before = skipped(&report.account());
    let (old_name, new) = (old_timezone.to_owned(), zone.clone());
    report.commit_now(move |id, account, seen| {
        // A zone that this build's database lacks is taken for one that hides nothing differs from.
        if let Ok(old) = TimeZone::get(&old_name) {
            account.change_zone(&old, &new);
        }
        id.change_zone(seen, &old_name, new.iana_name().unwrap_or("UTC"));
    })?;
    let account = report.account();
    tracing::info!(
        operation, old_timezone, timezone = zone.iana_name().unwrap_or("UTC"),
        complete_until = %account.marks.complete_until,
        "the time zone has changed since the last start; reading again from complete_until"
    );
    let seconds = skipped(&account) - before;
    if seconds > 0 {
        tracing::warn!(
            operation, old_timezone, seconds, before = %account.marks.complete_until,
            "the old time zone may have hidden rows for longer than row identities are kept; that time is given up"
        );
    }
    Ok(())
}
