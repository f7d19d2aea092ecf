use std::cmp::Reverse;
use std::sync::Arc;

use domain::outcome::Outcome;
use domain::report::{ABANDONED, ANSWERED, ReportKind};
use domain::rules::Rules;
use domain::vendor_totals::{NAME, VendorRow, VendorSkill, VendorTotals};

use super::check::last_days;
use super::checked::{Checked, Skill};
use super::told::{Told, counted};
use crate::clock::{Clock as _, SystemClock};
use crate::config::OperationConfig;
use crate::poller::TokenInTurn;
use crate::wolkvox::Answer;
use crate::wolkvox::client::Client;

/// Asks once for the vendor's own totals.
pub async fn totals(config: &OperationConfig, rules: &Rules, api: &Client, token: &mut TokenInTurn<Client>) -> Checked {
    let called = match token.take().await {
        Ok((secret, _turn)) => api.vendor_totals(last_days(rules, SystemClock.now()), &secret).await,
        Err(failure) => Err(failure),
    };
    let mut told = Told::default();
    // What this report has answered before is the exporter's to know.
    match called.and_then(|answer| answer.judged_by(false)) {
        Ok(answer) => {
            let (outcome, rows) = (answer.outcome(), answer.shape().delivered);
            let skills = tell(&mut told, answer);
            Checked { rows, skills, ..told.checked(config, NAME, outcome) }
        }
        Err(failure) => {
            let outcome = failure.outcome;
            told.failure(failure);
            told.checked(config, NAME, outcome)
        }
    }
}

/// Says what an answer shows: its skills, with the calls that the vendor has of both kinds.
fn tell(told: &mut Told, answer: Answer<VendorRow>) -> Vec<Skill> {
    let (outcome, shape) = (answer.outcome(), answer.shape());
    match outcome {
        Outcome::Empty => told.only_empty("totals"),
        Outcome::Incomplete => {
            let announced = shape.announced.unwrap_or_default();
            told.say(format!("{} came, and {announced} were announced.", counted(shape.delivered, "row")));
            told.advise("The exporter asks again each hour. If answers keep coming short, tell wolkvox support.");
        }
        Outcome::Malformed => {
            told.say("The answer can't be read from some row on.");
            told.advise("If it stays so, tell wolkvox support.");
        }
        _ => {}
    }
    let totals: VendorTotals = answer.rows.into_iter().collect();
    if !totals.is_empty() {
        let sum = |report: &ReportKind| {
            let calls = totals.skills.keys().filter_map(|id| totals.calls(report, id));
            calls.fold(0, u64::saturating_add)
        };
        told.say(format!(
            "By wolkvox's own totals there were {} abandoned and {} answered calls in the last seven days, of {}.",
            sum(&ABANDONED),
            sum(&ANSWERED),
            counted(totals.skills.len() as u64, "skill"),
        ));
    }
    let calls = |id: &str| [&ABANDONED, &ANSWERED].map(|report| totals.calls(report, id));
    let unreadable = totals.skills.keys().filter(|id| calls(id).contains(&None)).count() as u64;
    if totals.unreadable_rows > 0 || unreadable > 0 {
        told.say(format!(
            "Of {} some number can't be read, and {} are of nobody knows which skill: nothing is compared with these.",
            counted(unreadable, "skill"),
            counted(totals.unreadable_rows, "row"),
        ));
        told.advise("If wolkvox has changed the form of its report, please report it.");
    }
    let skill = |(id, skill): (&Arc<str>, &VendorSkill)| Skill {
        skill_id: id.to_string(),
        skill_name: skill.name.as_ref().unwrap_or(id).to_string(),
        calls: calls(id).into_iter().flatten().fold(0, u64::saturating_add),
    };
    let mut skills: Vec<_> = totals.skills.iter().map(skill).collect();
    skills.sort_by_key(|skill| Reverse(skill.calls));
    skills
}
