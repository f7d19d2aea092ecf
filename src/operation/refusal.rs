use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::outcome::Outcome;
use tokio::time::Instant;

use crate::wolkvox::Failure;

/// What the reports of an operation know together of their token: where it was refused to one of them, or its calls are used
/// up, the others don't ask before that one asks again.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Option<Refusal>>);

#[derive(Debug)]
struct Refusal {
    /// The token that was refused, by its fingerprint.
    token: u64,
    /// The report that heard it.
    report: &'static str,
    failure: Failure,
    /// When it was asked for.
    asked: Instant,
    until: Instant,
}

impl Refusals {
    /// Notes how a call with `token` ended that was `asked` then: `None` where it brought an answer. Other reports don't ask
    /// until `until`. Of a token that has been changed during a long call nothing takes the place of what is known of the new one.
    pub fn note(
        &self,
        report: &'static str,
        token: u64,
        refused: Option<&Failure>,
        (asked, until): (Instant, Instant),
    ) {
        let mut refusal = self.refusal();
        match refused {
            Some(failure) if concerns_all(failure.outcome) => {
                if refusal.as_ref().is_none_or(|known| known.asked <= asked) {
                    *refusal = Some(Refusal { token, report, failure: failure.clone(), asked, until });
                }
            }
            _ => _ = refusal.take_if(|refusal| refusal.token == token && refused.is_none()),
        }
    }

    /// Notes how a poll of `report` ended: what it was told stands until `until`, shortly before it asks again.
    pub fn poll_ended(&self, report: &'static str, outcome: Outcome, until: Instant) {
        if let Some(refusal) = self.refusal().as_mut()
            && refusal.report == report
            && concerns_all(outcome)
        {
            refusal.until = refusal.until.max(until);
        }
    }

    /// For how long `report`, whose poll has ended as `outcome`, is not to ask, if that is what another one was told.
    pub fn left(&self, report: &'static str, outcome: Outcome) -> Option<Duration> {
        let refusal = self.refusal();
        let heard =
            refusal.as_ref().filter(|refusal| refusal.report != report && refusal.failure.outcome == outcome)?;
        heard.until.checked_duration_since(Instant::now())
    }

    /// Why `report` is not to ask with `token` now.
    pub fn stands(&self, report: &'static str, token: u64) -> Option<Failure> {
        let refusal = self.refusal();
        let heard = refusal
            .as_ref()
            .filter(|refusal| refusal.token == token && refusal.report != report && Instant::now() < refusal.until)?;
        let message = format!("not asked, for the report `{}` was just told: {}", heard.report, heard.failure.message);
        Some(Failure { message: message.chars().take(Failure::MAX_MESSAGE_CHARS).collect(), ..heard.failure.clone() })
    }

    fn refusal(&self) -> MutexGuard<'_, Option<Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it is the token's matter, not the report's.
fn concerns_all(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Unauthorized | Outcome::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(outcome: Outcome) -> Failure {
        Failure::new(outcome, "no")
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_stands_for_the_others_until_its_time_or_another_token() {
        let refusals = Refusals::default();
        let stands = |report, token| refusals.stands(report, token).map(|failure| failure.outcome);
        for outcome in [Outcome::Unauthorized, Outcome::QuotaExceeded] {
            let until = Instant::now() + Duration::from_secs(150);
            refusals.note("abandoned", 7, Some(&failure(outcome)), (Instant::now(), until));
            assert_eq!(stands("answered", 7), Some(outcome));
            assert_eq!([stands("abandoned", 7), stands("answered", 8)], [None, None], "it asks itself; another token");
            refusals.poll_ended("answered", outcome, until + Duration::from_secs(900));
            refusals.poll_ended("abandoned", Outcome::Timeout, until + Duration::from_secs(900));
            refusals.poll_ended("abandoned", outcome, until + Duration::from_secs(300));
            tokio::time::advance(Duration::from_secs(449)).await;
            assert_eq!(stands("answered", 7), Some(outcome));
            assert_eq!(refusals.left("answered", outcome), Some(Duration::from_secs(1)));
            let others = [refusals.left("abandoned", outcome), refusals.left("answered", Outcome::Timeout)];
            assert_eq!(others, [None, None], "its own, and another matter");
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(stands("answered", 7), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_one_reports_own_matter_stops_no_other() {
        let refusals = Refusals::default();
        let until = Instant::now() + Duration::from_secs(150);
        for outcome in [Outcome::BadRequest, Outcome::Timeout, Outcome::Busy, Outcome::Malformed] {
            refusals.note("abandoned", 7, Some(&failure(outcome)), (Instant::now(), until));
            assert!(refusals.stands("answered", 7).is_none(), "{outcome}");
        }
        refusals.note("abandoned", 7, Some(&failure(Outcome::Unauthorized)), (Instant::now(), until));
        refusals.note("abandoned", 7, Some(&failure(Outcome::Timeout)), (Instant::now(), until));
        assert!(refusals.stands("answered", 7).is_some(), "a time-out says nothing of the token");
        refusals.note("answered", 7, None, (Instant::now(), until));
        assert!(refusals.stands("answered", 7).is_none(), "an answer does");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_of_a_token_that_was_changed_meanwhile_is_no_news() {
        let refusals = Refusals::default();
        let (asked, later) = (Instant::now(), Instant::now() + Duration::from_secs(60));
        let until = later + Duration::from_secs(150);
        for outcome in [Outcome::Unauthorized, Outcome::QuotaExceeded] {
            refusals.note("abandoned", 2, Some(&failure(outcome)), (later, until));
            refusals.note("answered", 1, Some(&failure(outcome)), (asked, until));
            assert!(refusals.stands("answered", 2).is_some() && refusals.stands("abandoned", 1).is_none());
            refusals.note("answered", 3, Some(&failure(outcome)), (later, until));
            assert!(refusals.stands("abandoned", 3).is_some());
        }
    }
}
