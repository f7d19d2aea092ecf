use std::sync::Arc;
use std::time::Duration;

use domain::identity::RowHasher;
use domain::instant::earlier;
use domain::outcome::Outcome;
use domain::range::{CivilRange, Stretch};
use domain::report::ReportKind;
use domain::rules::Rules;
use domain::server_time::{Heard, Look};
use domain::zone::civil_range;
use jiff::Timestamp;

use super::checked::Checked;
use super::seen::Seen;
use super::told::Told;
use super::totals::totals;
use crate::clock::{Clock as _, ServerClock, SystemClock};
use crate::config::OperationConfig;
use crate::operation::{ReportSettings, report_settings};
use crate::poller::{TokenInTurn, Turns};
use crate::wolkvox::client::{Client, Network, TokenUses};
use crate::wolkvox::{Call, CallsReport as _, Failure};

/// How far back is asked: every contact centre has had calls by then, and the API's limits on an answer are far.
const REACH: Duration = Duration::from_secs(7 * 86_400);

/// The pause after a call that was given up: the server may still be at it, and refuses another one at the same time.
const AFTER_TIMEOUT: Duration = Duration::from_secs(1);

/// Asks for each report of an operation once, and then how many calls are left.
pub async fn operation(config: &OperationConfig, network: &Network, turns: Turns) -> anyhow::Result<Vec<Checked>> {
    let mut checked = Vec::new();
    let mut last_asked = None;
    for ReportSettings { kind, rules, .. } in report_settings(config) {
        let api = Arc::new(Client::new(config, kind, network)?);
        let mut token = TokenInTurn::new(api.clone(), turns.clone());
        last_call_ended(&checked).await;
        checked.push(report(config, kind, &rules, &api, &mut token).await);
        last_asked = Some((api, token, rules));
    }
    if config.reports.totals
        && let Some((api, token, rules)) = &mut last_asked
    {
        last_call_ended(&checked).await;
        checked.push(totals(config, rules, api, token).await);
    }
    let answered = |checked: &Checked| {
        matches!(checked.outcome, Outcome::Ok | Outcome::Empty | Outcome::Incomplete | Outcome::QuotaExceeded)
    };
    // Each of these costs a call: none is made where the API could not be asked at all.
    if checked.iter().any(answered)
        && let Some((api, mut token, _)) = last_asked
    {
        last_call_ended(&checked).await;
        let told = uses_told(uses(&api, &mut token).await);
        if let Some(last) = checked.last_mut() {
            last.message.push(' ');
            last.message.push_str(&told);
        }
    }
    Ok(checked)
}

async fn last_call_ended(checked: &[Checked]) {
    if checked.last().is_some_and(|last| last.outcome == Outcome::Timeout) {
        tokio::time::sleep(AFTER_TIMEOUT).await;
    }
}

async fn uses(api: &Client, token: &mut TokenInTurn<Client>) -> Result<TokenUses, Failure> {
    let (secret, _turn) = token.take().await?;
    api.token_uses(&secret).await
}

fn uses_told(uses: Result<TokenUses, Failure>) -> String {
    match uses {
        Ok(TokenUses { remaining: Some(remaining), limit: Some(limit), .. }) => {
            format!("Calls that are left today: {remaining} of {limit}.")
        }
        Ok(TokenUses { remaining: Some(remaining), .. }) => format!("Calls that are left today: {remaining}."),
        Ok(_) => "How many calls are left today isn't told.".to_owned(),
        Err(failure) => format!("How many calls are left today could not be learnt: {failure}."),
    }
}

/// Asks for one report.
async fn report(
    config: &OperationConfig,
    kind: &'static ReportKind,
    rules: &Rules,
    api: &Client,
    token: &mut TokenInTurn<Client>,
) -> Checked {
    let now = SystemClock.now();
    let range = last_days(rules, now);
    let clock = ServerClock::new(now, rules.windows.settle(), now);
    let moment = || clock.moment(SystemClock.now());
    // What the identities are hashed with is forgotten with them.
    let hasher = RowHasher::new([0; 16]);
    let (call, asked) = match token.take().await {
        Ok((secret, _turn)) => {
            let asked = moment();
            (api.fetch(range, &secret, &hasher).await, asked)
        }
        Err(failure) => (Call::not_made(failure), moment()),
    };
    let at = moment();
    // What this report has answered before is the exporter's to know.
    let call = call.judged_by(false);
    let (stamp, outcome) = (call.stamp, call.outcome());
    let mut told = Told::default();
    let mut seen = Seen::default();
    match call.result {
        Ok(answer) => {
            seen = Seen::of(&answer.rows, range, rules, token.last());
            told.answer(&answer, &seen, rules, config, at.host);
            // Of one answer nothing follows from what is not in it.
            let look = Look { whole: None, newest: seen.newest };
            let look = seen.offset.is_none_or(|offset| !offset.mismatch).then_some(look);
            clock.time().heard(&Heard { stamp, asked, at, look }, &rules.windows);
        }
        Err(failure) => {
            told.failure(failure);
            clock.time().heard(&Heard { stamp, asked, at, look: None }, &rules.windows);
        }
    }
    if let Some(difference) = clock.time().told_difference(at) {
        told.clock(difference);
    }
    Checked { rows: seen.rows, skills: seen.skills, types: seen.types, ..told.checked(config, kind.name, outcome) }
}

/// What is asked for.
pub fn last_days(rules: &Rules, now: Timestamp) -> CivilRange {
    civil_range(&rules.zone, Stretch { from: earlier(now, REACH), to: now })
}
