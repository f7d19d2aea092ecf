use domain::offset::zones_that_fit;
use domain::outcome::Outcome;
use domain::rules::{Rules, Skills};
use domain::server_time::CLOCKS_MAY_DIFFER;
use jiff::{SignedDuration, Timestamp};

use super::checked::Checked;
use super::seen::Seen;
use crate::config::OperationConfig;
use crate::operation::ended::Trouble;
use crate::operation::status::Concern;
use crate::web::page::{Explained, Lang};
use crate::wolkvox::{Answer, Failure};

/// What is told of one report, in sentences.
#[derive(Debug, Default)]
pub struct Told {
    message: Vec<String>,
    advice: Vec<String>,
}

impl Told {
    pub fn say(&mut self, sentence: impl Into<String>) {
        self.message.push(sentence.into());
    }

    pub fn advise(&mut self, sentence: impl Into<String>) {
        self.advice.push(sentence.into());
    }

    /// All that was told, of a report of which nothing was found.
    pub fn checked(self, config: &OperationConfig, report: &'static str, outcome: Outcome) -> Checked {
        let Self { message, advice } = self;
        Checked {
            operation: config.name.clone(),
            report,
            ok: advice.is_empty(),
            outcome,
            message: message.join(" "),
            advice: (!advice.is_empty()).then(|| advice.join(" ")),
            rows: 0,
            skills: Vec::new(),
            types: Vec::new(),
        }
    }

    pub fn failure(&mut self, failure: Failure) {
        let technical = failure.message.clone();
        self.trouble(&Trouble::Call(failure), &technical);
    }

    /// An answer without a row; `what` would be in it.
    pub fn only_empty(&mut self, what: &str) {
        self.say(format!("No {what} in the last seven days, or this server doesn't have the report."));
        self.advise(Explained::concern(&Concern::OnlyEmpty, Lang::En).to_do);
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

    pub fn answer(&mut self, answer: &Answer, seen: &Seen, rules: &Rules, config: &OperationConfig, now: Timestamp) {
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
                self.only_empty("calls");
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
    pub fn clock(&mut self, difference: SignedDuration) {
        if difference.abs() > CLOCKS_MAY_DIFFER {
            self.concern(&Concern::Clock { ahead: -difference });
        }
    }
}

pub fn counted(count: u64, what: &str) -> String {
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
