use std::borrow::Cow;
use std::time::Duration;

use jiff::SignedDuration;

use super::queue::{Outcome, SkillDay};
use super::{AnsweredRows, Traffic, second};
use crate::call::Call;
use crate::profile;

/// One in fifty abandoned calls is spelt in small letters.
const SMALL_LETTERS: f64 = 0.02;
/// A chat goes on for so many seconds after it was answered, ...
const CHAT: (f64, f64) = (180.0, 7_200.0);
/// ... or, where it lasts long, for so many.
const LONG_CHAT: (f64, f64) = (43_200.0, 259_200.0);

/// Where a caller came from; with the second of the arrival and the number it tells all calls of a skill apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Usual,
    /// Added by an incident.
    Incident,
    /// Gave up before, having called in this second, of which the last five digits are kept.
    Again {
        first: u32,
    },
}

/// All of a call that the queue doesn't know, from one number: made when it is asked for, and the same each time.
pub(super) struct Details<'a> {
    outcome: &'a Outcome,
    state: u64,
}

impl<'a> Details<'a> {
    pub(super) fn new(outcome: &'a Outcome) -> Self {
        Self { outcome, state: outcome.details }
    }

    /// Seconds until a caller who gave up calls again: 17 % within ten minutes, 36 % within the hour. Chats don't.
    pub(super) fn calls_again_after(mut self) -> Option<f64> {
        let (kind, again, after) = (self.unit(), self.unit(), self.unit());
        match again {
            _ if !profile::is_voice(profile::type_interaction(kind)) => None,
            again if again < 0.17 => Some(after * 600.0),
            again if again < 0.36 => Some(600.0 + after * 3_000.0),
            _ => None,
        }
    }

    /// The call as it really was. `skill` is an index into the traffic's skills.
    pub(super) fn call(mut self, traffic: &Traffic, skill: usize) -> Call {
        let outcome = *self.outcome;
        let type_interaction = profile::type_interaction(self.unit());
        let (_again, _after) = (self.unit(), self.unit());
        let (soon, late, late_by, chat, long) = (self.unit(), self.unit(), self.unit(), self.unit(), self.unit());
        let (spelling, stray) = (self.unit(), self.unit());
        let (ani, customer, agent) = (self.unit(), self.unit(), self.unit());

        // Few calls take as long as `usual`.
        let mut lateness = traffic.lateness.usual.mul_f64(soon.powi(3));
        if late < traffic.lateness.late_share {
            lateness = traffic.lateness.usual + traffic.lateness.late.mul_f64(late_by);
        }
        let is_voice = profile::is_voice(type_interaction);
        let goes_on = match traffic.answered_rows {
            _ if !outcome.answered => 0.0,
            _ if !is_voice && long < traffic.long_chats => between(LONG_CHAT, chat),
            _ if !is_voice => between(CHAT, chat),
            AnsweredRows::AtAnswer => 0.0,
            AnsweredRows::AtHangUp => f64::from(outcome.handled),
        };
        let visible_after = lateness + Duration::from_secs(goes_on as u64);
        let result = match (outcome.answered, spelling < SMALL_LETTERS) {
            (true, _) => "ANSWER",
            (false, false) => "ABANDON",
            (false, true) => "abandon",
        };
        let at = second(outcome.at);
        Call {
            at,
            visible_at: at + SignedDuration::from_millis(visible_after.as_millis().min(i64::MAX as u128) as i64),
            corrected_at: None,
            skill_id: traffic.skills[skill].id.clone(),
            skill_name: traffic.skills[skill].name.clone(),
            conn_id: conn_id(&outcome, skill, is_voice),
            type_interaction: Cow::Borrowed(type_interaction),
            result: Cow::Borrowed(result),
            waited: Some(f64::from(outcome.waited)),
            ani: format!("3{:09}", 10_000_000 + (ani * 1e8) as u64),
            customer_id: format!("{}", 1_000_000_000 + (customer * 1e9) as u64),
            agent_id: if outcome.answered { format!("{}", 10_000 + (agent * 1e3) as u64) } else { String::new() },
            in_abandoned: !outcome.answered || stray < traffic.strays,
            in_answered: outcome.answered || stray < traffic.strays,
        }
    }

    /// Uniform in [0, 1); SplitMix64 (Steele, Lea and Flood, 2014), for a whole generator for each call would cost more
    /// than the call.
    fn unit(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl SkillDay {
    /// The outcomes in [`from`, `to`), in seconds since 1970.
    pub(crate) fn between(&self, from: i64, to: i64) -> &[Outcome] {
        let before = |at: i64| self.outcomes.partition_point(|outcome| outcome.at < at);
        let begin = before(from);
        &self.outcomes[begin..before(to).max(begin)]
    }
}

impl Outcome {
    /// In seconds since 1970.
    pub(crate) fn arrived(&self) -> i64 {
        self.at - i64::from(self.waited)
    }

    pub(crate) fn call(&self, traffic: &Traffic, skill: usize) -> Call {
        Details::new(self).call(traffic, skill)
    }
}

/// Evenly between two numbers, as their logarithms go.
fn between((least, most): (f64, f64), u: f64) -> f64 {
    least * (most / least).powf(u)
}

/// For voice, numbers with dots that end in the second when the call came in and a sequence; for the rest an integer.
fn conn_id(outcome: &Outcome, skill: usize, is_voice: bool) -> String {
    let (kind, third) = match outcome.kind {
        Kind::Usual => (0, 1_000 + outcome.number % 97),
        Kind::Incident => (1, 1_000 + outcome.number % 97),
        Kind::Again { first } => (2, first),
    };
    let (arrived, sequence) = (outcome.arrived(), u64::from(outcome.number) * 4 + kind);
    if is_voice {
        format!("6736.{}.{third}.{arrived}.{sequence}", 4_000 + skill)
    } else {
        // Second, skill and sequence side by side.
        format!("{arrived}{skill:03}{sequence:07}")
    }
}
