use std::sync::Arc;
use std::time::Duration;

use domain::identity::RowHasher;
use domain::instant::earlier;
use domain::offset::zones_that_fit;
use domain::outcome::Outcome;
use domain::range::Stretch;
use domain::report::ReportKind;
use domain::rules::{Rules, Skills};
use domain::server_time::{CLOCKS_MAY_DIFFER, Heard, Look};
use domain::zone::civil_range;
use jiff::{SignedDuration, Timestamp};

use super::checked::Checked;
use super::seen::Seen;
use crate::clock::{Clock as _, ServerClock, SystemClock};
use crate::config::OperationConfig;
use crate::operation::ended::Trouble;
use crate::operation::status::Concern;
use crate::operation::{ReportSettings, report_settings};
use crate::poller::{TokenInTurn, Turns};
use crate::web::page::{Explained, Lang};
use crate::wolkvox::client::{Client, Network, TokenUses};
use crate::wolkvox::{Answer, Call, CallsReport as _, Failure};

/// How far back is asked: every contact centre has had calls by then, and the API's limits on an answer are far.
const REACH: Duration = Duration::from_secs(7 * 86_400);

/// Asks for each report of an operation once, and then how many calls are left.
pub async fn operation(config: &OperationConfig, network: &Network, turns: Turns) -> anyhow::Result<Vec<Checked>> {
    let mut checked = Vec::new();
    let mut last_asked = None;
    for ReportSettings { kind, rules, .. } in report_settings(config) {
        let api = Arc::new(Client::new(config, kind, network)?);
        let mut token = TokenInTurn::new(api.clone(), turns.clone());
        checked.push(report(config, kind, &rules, &api, &mut token).await);
        last_asked = Some((api, token));
    }
    let answered = |checked: &Checked| {
        matches!(checked.outcome, Outcome::Ok | Outcome::Empty | Outcome::Incomplete | Outcome::QuotaExceeded)
    };
    // Each of these costs a call: none is made where the API could not be asked at all.
    if checked.iter().any(answered)
        && let Some(last) = checked.last_mut()
        && let Some((api, mut token)) = last_asked
    {
        last.message.push(' ');
        last.message.push_str(&uses_told(uses(&api, &mut token).await));
    }
    Ok(checked)
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
    let range = civil_range(&rules.zone, Stretch { from: earlier(now, REACH), to: now });
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
            seen = Seen::of(&answer.rows, range, rules);
            told.answer(&answer, &seen, rules, config, at.host);
            let look =
                seen.offset.is_none_or(|offset| !offset.mismatch).then_some(Look { until: now, newest: seen.newest });
            clock.time().heard(&Heard { stamp, asked, at, look }, &rules.windows);
        }
        Err(failure) => {
            let technical = failure.message.clone();
            told.trouble(&Trouble::Call(failure), &technical);
            clock.time().heard(&Heard { stamp, asked, at, look: None }, &rules.windows);
        }
    }
    if let Some(difference) = clock.time().told_difference(at) {
        told.clock(difference);
    }
    let Told { message, advice } = told;
    Checked {
        operation: config.name.clone(),
        report: kind.name,
        ok: advice.is_empty(),
        outcome,
        message: message.join(" "),
        advice: (!advice.is_empty()).then(|| advice.join(" ")),
        rows: seen.rows,
        skills: seen.skills,
        types: seen.types,
    }
}

/// Sentences.
#[derive(Debug, Default)]
struct Told {
    message: Vec<String>,
    advice: Vec<String>,
}

impl Told {
    fn say(&mut self, sentence: impl Into<String>) {
        self.message.push(sentence.into());
    }

    fn advise(&mut self, sentence: impl Into<String>) {
        self.advice.push(sentence.into());
    }

    /// In the page's words, and technically.
    fn trouble(&mut self, trouble: &Trouble, technical: &str) {
        let Explained { happened, to_do } = Explained::trouble(trouble, Lang::En);
        self.say(format!("{happened} Technically: {}.", technical.trim_end_matches('.')));
        self.advise(to_do);
    }

    fn concern(&mut self, concern: &Concern) {
        let Explained { happened, to_do } = Explained::concern(concern, Lang::En);
        self.say(happened);
        self.advise(to_do);
    }

    fn answer(&mut self, answer: &Answer, seen: &Seen, rules: &Rules, config: &OperationConfig, now: Timestamp) {
        let shape = answer.shape();
        if answer.broken {
            self.say("The answer can't be read from some row on; the exporter asks for such a range in parts.");
            self.advise("If it stays so, tell wolkvox support.");
        } else if shape.shortfall() > 0 {
            let (delivered, announced) = (shape.delivered, shape.announced);
            let technical = format!("{delivered} rows came, and {} were announced", announced.unwrap_or_default());
            self.trouble(&Trouble::Incomplete { delivered, announced }, &technical);
        } else if shape.may_be_cut() {
            self.say("So many rows came that some may be left out; the exporter asks for such a range in parts.");
        }
        if seen.rows == 0 {
            if answer.outcome() == Outcome::Empty {
                self.say("No calls in the last seven days, or this server doesn't have the report.");
                self.advise(Explained::concern(&Concern::OnlyEmpty, Lang::En).to_do);
            }
            return;
        }
        self.rows(seen);
        self.dates(seen, config, now);
        self.skills(seen, rules);
    }

    fn rows(&mut self, seen: &Seen) {
        let Seen { rows, calls, .. } = seen;
        let (skills, types) = (seen.skills.len(), seen.types.len());
        self.say(format!(
            "{} in the last seven days: {} of {}, in {}.",
            counted(*rows, "row"),
            counted(*calls, "call"),
            counted(skills as u64, "skill"),
            counted(types as u64, "type of interaction")
        ));
        if seen.other_results > 0 {
            self.say(format!("{} another result.", have(seen.other_results, "row")));
        }
        if !seen.unknown_results.is_empty() {
            self.concern(&Concern::UnknownResults(seen.unknown_results.iter().cloned().collect()));
        }
        if seen.untimed > 0 {
            self.say(format!("{} no time that can be read.", have(seen.untimed, "call")));
        }
        let reasons: Vec<_> = seen.rejected.iter().map(|(reason, rows)| format!("{reason} {rows}")).collect();
        let rejected: u64 = seen.rejected.values().sum();
        if seen.is_mostly_rejected() {
            self.concern(&Concern::MostRejected { rows: *rows, rejected });
        }
        if rejected > 0 {
            self.say(format!("{} can't be used ({}).", counted(rejected, "row"), reasons.join(", ")));
        }
    }

    fn dates(&mut self, seen: &Seen, config: &OperationConfig, now: Timestamp) {
        let zone = config.timezone.iana_name().unwrap_or("UTC");
        match seen.offset {
            Some(observed) if observed.mismatch => self.concern(&Concern::Zone {
                observed_offset: observed.offset,
                zones_that_fit: zones_that_fit(observed, now),
            }),
            Some(_) => self.say(format!("Their dates fit {zone}.")),
            None => self.say(format!("Too few of them tell whether their dates are in {zone}.")),
        }
    }

    fn skills(&mut self, seen: &Seen, rules: &Rules) {
        if let Skills::Only(ids) = &rules.skills {
            let found = |id: &&String| seen.skills.iter().any(|skill| skill.skill_id == **id);
            let missing: Vec<_> = ids.iter().filter(|id| !found(id)).map(String::as_str).collect();
            if seen.not_selected > 0 {
                self.say(format!("{} of skills outside `skills`.", are(seen.not_selected, "call")));
            }
            if !missing.is_empty() {
                self.say(format!("Of `skills` without a call: {}.", missing.join(", ")));
            }
            if missing.len() == ids.len() {
                self.advise("Check the ids under `skills`: no call is of one of them.");
            }
        }
        let most = rules.max_series;
        if seen.label_sets > most {
            self.say(format!(
                "They need {} label sets, and `max_series` is {most}: calls beyond go to skill_id=\"__other__\".",
                seen.label_sets
            ));
            self.advise(format!("Raise `max_series` above {}, or list the `skills` that matter.", seen.label_sets));
        }
    }

    /// By the one answer: the exporter believes three.
    fn clock(&mut self, difference: SignedDuration) {
        if difference.abs() > CLOCKS_MAY_DIFFER {
            self.concern(&Concern::Clock { ahead: -difference });
        }
    }
}

fn counted(count: u64, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("1 {what}"),
        (_, "type of interaction") => format!("{count} types of interaction"),
        _ => format!("{count} {what}s"),
    }
}

fn have(count: u64, what: &str) -> String {
    format!("{} {}", counted(count, what), if count == 1 { "has" } else { "have" })
}

fn are(count: u64, what: &str) -> String {
    format!("{} {}", counted(count, what), if count == 1 { "is" } else { "are" })
}
