use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::account::Account;
use domain::instant::earlier;
use domain::report::{ABANDONED, ANSWERED, ReportKind};
use domain::rules::Rules;
use domain::totals::Total;
use domain::window::Windows;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::accounts::Accounts;
use super::comparisons::Comparisons;
use super::quota::Quota;
use super::refusal::Refusals;
use super::report::and_keep_shown;
use super::{Operation, Report};
use crate::clock::ServerClock;
use crate::config::{OperationConfig, Start};
use crate::ledger::{AccountId, CommitError, Ledger};

/// When an operation is opened.
#[derive(Clone, Copy)]
enum Begin<'a> {
    /// With the process, which may have a new `instance` for Prometheus.
    Start,
    /// While the process runs: where it has been read before, it goes on from there.
    Reload(Option<&'a Operation>),
}

impl Operation {
    /// Takes the accounts of the operation's reports from the ledger, or begins them where the configuration says. Blocks on
    /// the disk.
    pub fn open(ledger: &Arc<Ledger>, config: &OperationConfig, now: Timestamp) -> Result<Arc<Self>, CommitError> {
        Self::begin(ledger, config, now, Begin::Start)
    }

    /// As [`Operation::open`], while the process runs. `before` is the same operation as it was read so far, by whatever
    /// configuration: nobody reads it any more, and it [is settled](Operation::is_settled). Its holds go on, and so does what
    /// is known of its polls.
    pub fn reopen(
        ledger: &Arc<Ledger>,
        config: &OperationConfig,
        now: Timestamp,
        before: Option<&Self>,
    ) -> Result<Arc<Self>, CommitError> {
        Self::begin(ledger, config, now, Begin::Reload(before))
    }

    fn begin(
        ledger: &Arc<Ledger>,
        config: &OperationConfig,
        now: Timestamp,
        begin: Begin<'_>,
    ) -> Result<Arc<Self>, CommitError> {
        let before = |kind: &ReportKind| match begin {
            Begin::Reload(Some(before)) => before.reports().find(|report| report.kind.name == kind.name),
            Begin::Reload(None) | Begin::Start => None,
        };
        let first = match config.start {
            Start::Now => now,
            Start::History(duration) => earlier(now, duration),
        };
        let name: Arc<str> = config.name.as_str().into();
        let settings = report_settings(config);
        let zone = config.timezone.iana_name().unwrap_or("UTC");
        let mut accounts = Vec::new();
        let mut other_zones = Vec::new();
        for ReportSettings { kind, rules, .. } in &settings {
            let opened = ledger.account(&config.name, kind.name, zone, now, || Account::new(&rules.windows, first))?;
            let mut account = opened.account;
            if let Some(before) = before(kind) {
                account.resume_holds(&before.account());
            }
            // A new account has shown nothing yet, and what a copy has is older than what was shown.
            let has_shown = account.marks.read_before && account.marks.copied_at.is_none();
            if matches!(begin, Begin::Start) && has_shown && !rules.start_hold.is_zero() {
                account.begin_start_hold(now);
            }
            accounts.push((opened.id, account));
            other_zones.push(opened.other_zone);
        }
        let accounts = Arc::new(Accounts::new(ledger.clone(), accounts));
        let refusals = Arc::new(Refusals::default());
        let report = |(place, (settings, other_zone)): (usize, (ReportSettings, Option<String>))| {
            let ReportSettings { kind, rules, buckets } = settings;
            let opening = Opening { accounts: &accounts, place, operation: &config.name, report: kind.name };
            if opening.account().begins_after(now) {
                opening.begin_again(rules.windows, first)?;
            }
            if let Some(old) = other_zone {
                opening.change_zone(&old, &rules.zone)?;
            }
            if matches!(begin, Begin::Reload(_)) && before(kind).is_none() {
                opening.end_start_hold(rules.hold, now)?;
            }
            let clock = ServerClock::new(opening.account().marks.proven_until, rules.windows.settle(), now);
            Ok::<_, CommitError>(Arc::new(Report {
                operation: name.clone(),
                kind,
                rules: Arc::new(rules),
                timeout: config.timeout,
                buckets: buckets.into(),
                clock,
                first,
                start_at_open: opening.account().marks.start,
                place,
                refusals: refusals.clone(),
                accounts: accounts.clone(),
                pulse: Mutex::new(before(kind).map(|before| before.pulse().resumed()).unwrap_or_default()),
                served: before(kind).map(|before| before.served.clone()).unwrap_or_default(),
            }))
        };
        let mut reports = settings.into_iter().zip(other_zones).enumerate().map(report);
        let Some(abandoned) = reports.next() else { return Err(CommitError::broken()) };
        let quota = Quota::default();
        if let Begin::Reload(Some(before)) = begin
            && !config.quota_interval.is_zero()
        {
            quota.tell(before.quota.told());
        }
        let compared = match begin {
            Begin::Reload(Some(before)) => before.comparisons.as_deref(),
            Begin::Reload(None) | Begin::Start => None,
        };
        let comparisons = || Comparisons::open(ledger, accounts.book(0).id, compared);
        let comparisons = config.reports.totals.then(comparisons).transpose()?;
        Ok(Arc::new(Self {
            name: name.clone(),
            server: config.server.name.clone(),
            quota,
            comparisons,
            abandoned: abandoned?,
            others: reports.collect::<Result<_, _>>()?,
            accounts,
        }))
    }
}

/// What the configuration says about one report.
pub struct ReportSettings {
    pub kind: &'static ReportKind,
    pub rules: Rules,
    /// Bucket bounds in whole seconds.
    pub buckets: Vec<u32>,
}

/// Of the reports that are switched on, in the order in which they are asked for.
pub fn report_settings(config: &OperationConfig) -> Vec<ReportSettings> {
    let settings = |kind, overlap, buckets: &Vec<u32>| ReportSettings {
        kind,
        rules: rules(config, overlap),
        buckets: buckets.clone(),
    };
    let mut all = vec![settings(&ABANDONED, config.overlap, &config.abandon_time_buckets)];
    if config.reports.answered {
        all.push(settings(&ANSWERED, config.answered_overlap, &config.answer_time_buckets));
    }
    all
}

fn rules(config: &OperationConfig, overlap: Duration) -> Rules {
    Rules {
        zone: config.timezone.clone(),
        windows: Windows::new(config.interval, config.settle),
        overlap,
        max_catch_up: config.max_catch_up,
        hold: config.hold,
        start_hold: config.start_hold,
        max_series: config.max_series,
        skills: config.skills.clone(),
    }
}

/// A report whose account has been found, and is changed before anybody sees it.
struct Opening<'a> {
    accounts: &'a Accounts,
    place: usize,
    operation: &'a str,
    report: &'static str,
}

impl Opening<'_> {
    fn account(&self) -> Arc<Account> {
        self.accounts.book(self.place).account
    }

    fn commit(
        &self,
        change: impl FnOnce(&AccountId, &mut Account, &mut crate::ledger::Seen<'_>) + Send + 'static,
    ) -> Result<(), CommitError> {
        let id = self.accounts.book(self.place).id;
        let change = and_keep_shown(self.account(), move |account, seen| {
            change(&id, account, seen);
            Ok(())
        });
        self.accounts.commit_now(self.place, change)
    }

    fn begin_again(&self, windows: Windows, first: Timestamp) -> Result<(), CommitError> {
        let before = self.account().marks.start;
        self.commit(move |_, account, _| account.begin_again(&windows, first, before, SignedDuration::ZERO))?;
        tracing::warn!(
            operation = self.operation, report = self.report, start = %self.account().marks.start,
            "the ledger was begun by a clock that was ahead, and has read nothing; counting begins with this start"
        );
        Ok(())
    }

    /// Ends the one that an earlier process has left: this one has its `instance` already.
    fn end_start_hold(&self, hold: Duration, now: Timestamp) -> Result<(), CommitError> {
        match self.account().start_hold {
            Some(_) => self.commit(move |_, account, _| account.end_start_hold(hold, now)),
            None => Ok(()),
        }
    }

    fn change_zone(&self, old_timezone: &str, zone: &TimeZone) -> Result<(), CommitError> {
        let skipped = |account: &Account| account.totals.get(Total::SkippedSeconds);
        let before = skipped(&self.account());
        let (old_name, new) = (old_timezone.to_owned(), zone.clone());
        self.commit(move |id, account, seen| {
            // A zone that this build's database lacks is taken for one that hides nothing differs from.
            if let Ok(old) = TimeZone::get(&old_name) {
                account.change_zone(&old, &new);
            }
            id.change_zone(seen, &old_name, new.iana_name().unwrap_or("UTC"));
        })?;
        let account = self.account();
        let (operation, report) = (self.operation, self.report);
        tracing::info!(
            operation, report, old_timezone, timezone = zone.iana_name().unwrap_or("UTC"),
            complete_until = %account.marks.complete_until,
            "the time zone has changed; reading again from complete_until"
        );
        let seconds = skipped(&account) - before;
        if seconds > 0 {
            tracing::warn!(
                operation, report, old_timezone, seconds, before = %account.marks.complete_until,
                "the old time zone may have hidden rows for longer than row identities are kept; that time is given up"
            );
        }
        Ok(())
    }
}
