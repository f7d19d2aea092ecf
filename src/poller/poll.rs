use std::time::Duration;

use domain::account::Account;
use domain::disposition::Disposition;
use domain::evidence::Evidence;
use domain::outcome::Outcome;
use domain::plan::Plan;
use domain::range::{CivilRange, Stretch};
use domain::reading::{self, CALLS_PER_POLL, Judgement, Reading, ReadingEnd, Shape, Step};
use domain::row::ReadRow;
use domain::rules::Rules;
use domain::server_time::{FirstStart, Moment, Question, Testimony};
use domain::summary::ReadSummary;
use domain::tally::Read;
use domain::totals::Total;
use domain::zone::civil_range;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Poller, Wake};
use crate::clock::Clock;
use crate::ledger::CommitError;
use crate::operation::Report;
use crate::operation::ended::{EndedPoll, Trouble};
use crate::wolkvox::{Answer, Call, CallsReport};

/// What a step of a poll takes beside a call's `timeout` and a pause: to decode an answer, to ask a proxy why it refuses, and a few
/// commits, of which the watchdog lets each take a minute.
const OWN_STEP: Duration = Duration::from_secs(240);

/// A call that has ended, between these moments.
pub(super) struct Called {
    pub call: Call,
    pub asked: Moment,
    pub at: Moment,
}

/// Where a poll stands.
struct Progress {
    reading: Reading,
    /// The time when it began, and the instant: what it took is no matter of clocks that are set.
    began: Timestamp,
    began_at: Instant,
    rows: u64,
    counted_before: u64,
    skip_to: Option<Timestamp>,
}

impl<R: CallsReport, C: Clock> Poller<R, C> {
    /// Reads what `plan` says: in one call, or in parts where an answer is incomplete. `None` on shutdown.
    pub(super) async fn poll(&mut self, plan: Plan) -> Option<EndedPoll> {
        let account = self.report.account();
        let mut progress = Progress {
            reading: Reading::new(plan, &account, &self.report.rules, std::mem::take(&mut self.doubts)),
            began: self.now(),
            began_at: Instant::now(),
            rows: 0,
            counted_before: account.totals.get(Total::Rows(Disposition::Counted)),
            skip_to: plan.skip_to,
        };
        let mut outcome = Outcome::Ok;
        let mut trouble = None;
        while trouble.is_none() {
            let question = match progress.reading.step() {
                Step::Ask(question) => question,
                Step::End(end) => {
                    trouble = trouble_of(end);
                    break;
                }
            };
            let called = self.call(question.asked).await?;
            let testimony = self.hear(&called, question.stretch, question.asked);
            let Called { call, asked: asked_at, at } = called;
            let call = call.judged_by(self.report.account().marks.has_answered);
            outcome = call.outcome();
            self.report.pulse().last_call = Some(outcome);
            trouble = match call.result {
                Ok(answer) => match self.first_start(&mut progress).await {
                    Some(wait) => {
                        begins(&self.report, wait + OWN_STEP);
                        self.count_answer(outcome, answer.evidence).await;
                        self.sleep(wait).await?;
                        continue;
                    }
                    None => self.take(&mut progress, question, (asked_at, at), testimony, answer).await.err(),
                },
                Err(failure) => {
                    self.count_call(failure.outcome).await;
                    let elapsed = progress.began_at.elapsed();
                    let pause = progress.reading.failed(question, failure.outcome, failure.retry_after, elapsed);
                    if let Some(pause) = pause {
                        begins(&self.report, pause + OWN_STEP);
                        tracing::info!(
                            operation = %self.report.operation, report = self.report.kind.name, outcome = %failure.outcome, range = %question.asked,
                            error = %failure, "the call failed, trying again in {pause:?}"
                        );
                        self.sleep(pause).await?;
                        continue;
                    }
                    Some(Trouble::Call(failure))
                }
            };
        }
        Some(self.end(progress, outcome, trouble))
    }

    /// One call, in its turn for the token. `None` on shutdown: nothing is counted of a call in flight that is abandoned. Where
    /// the operation alone is to be left, it may end.
    async fn call(&mut self, range: CivilRange) -> Option<Called> {
        let hasher = self.report.hasher();
        let Self { token, clock, report, shutdown, polling, .. } = self;
        let moment = || report.clock.moment(clock.now());
        let not_made = |failure| {
            let at = moment();
            Some(Called { call: Call::not_made(failure), asked: at, at })
        };
        // The call that the token is waited for has an end, and so has whoever holds the token elsewhere.
        report.pulse().step_ends = None;
        let taken = tokio::select! {
            () = shutdown.requested() => return None,
            taken = token.take() => taken,
        };
        if let Some(polling) = polling {
            polling.asks();
        }
        let (secret, turn) = match taken {
            Ok(taken) => taken,
            Err(failure) => return not_made(failure),
        };
        let (kind, refusals) = (report.kind.name, &report.refusals);
        if let Some(failure) = refusals.stands(kind, secret.fingerprint) {
            return not_made(failure);
        }
        let (asked, asked_at) = (moment(), Instant::now());
        begins(report, report.timeout + OWN_STEP);
        let call = tokio::select! {
            () = shutdown.at_once() => return None,
            call = token.api().fetch(range, &secret, &hasher) => call,
        };
        begins(report, OWN_STEP);
        // Before another report has its turn.
        let until = Instant::now() + report.rules.windows.interval() / 2;
        refusals.note(kind, secret.fingerprint, call.result.as_ref().err(), (asked_at, until));
        drop(turn);
        if let Some(took) = call.took {
            report.pulse().call_took(took);
        }
        Some(Called { call, asked, at: moment() })
    }

    /// At a first start, where the clocks are not known to agree: how long to wait before the same is asked again. `None`
    /// where the answer can be used. Once the host's clock is known to be wrong, the account begins where it should have.
    async fn first_start(&self, progress: &mut Progress) -> Option<Duration> {
        if self.report.account().marks.read_before {
            return None;
        }
        let moment = self.moment();
        let decided = self.report.clock.time().first_start(moment, progress.reading.calls());
        match decided {
            FirstStart::Agreed => None,
            FirstStart::Probe { after } => {
                if progress.reading.calls() == 1 {
                    tracing::warn!(
                        operation = %self.report.operation, report = self.report.kind.name,
                        "the clock of this host and that of the server differ; nothing is counted until it is clear which \
                         is right, within a minute or two"
                    );
                }
                let plan = *progress.reading.plan();
                progress.reading.begin_again(plan, &self.report.account());
                Some(after)
            }
            FirstStart::Settled { later } => {
                let Report { rules, first, start_at_open, .. } = &*self.report;
                let mut account = Account::clone(&self.report.account());
                let before = account.marks.start;
                account.begin_again(&rules.windows, *first, *start_at_open, later);
                if account.marks.start == before {
                    return None;
                }
                self.begin_again(moment, later).await;
                let plan = self.plan(Wake::Window)?;
                progress.reading.begin_again(plan, &self.report.account());
                progress.skip_to = plan.skip_to;
                Some(Duration::ZERO)
            }
        }
    }

    /// Uses an answer, if it is to be used; `moments` are those of its question and of its end. The trouble is the end of
    /// the poll.
    async fn take(
        &mut self,
        progress: &mut Progress,
        question: reading::Question,
        moments: (Moment, Moment),
        testimony: Testimony,
        answer: Answer,
    ) -> Result<(), Trouble> {
        let reading::Question { stretch, asked } = question;
        let delivered = answer.rows.len() as u64;
        let (outcome, evidence) = (answer.outcome(), answer.evidence);
        let Plan { catch_up, due_end, .. } = *progress.reading.plan();
        let is_early = testimony.is_early(stretch.to.min(due_end), &self.report.rules.windows);
        let shape = Shape { is_early, ..answer.shape() };
        let Judgement::Use(findings) = progress.reading.answered(question, shape) else {
            self.count_answer(outcome, evidence).await;
            return Ok(());
        };
        self.observe_offset(&answer.rows);
        self.tell_of_results(&answer.rows);
        let question = Question { to: stretch.to, due_end, asked: moments.0, answered: moments.1 };
        let passage = self.report.clock.time().passage(&self.report.rules.windows, question, testimony);
        self.tell_of_delay(passage, due_end);
        let Rules { windows, max_catch_up, .. } = &*self.report.rules;
        // What one clock alone says is old is not given up, nor is anything after it counted: the next poll asks for all.
        let is_too_old =
            |to| to <= passage.to && (passage.is_overruled || testimony.agrees_to_give_up(to, windows, *max_catch_up));
        let usable = if progress.skip_to.is_none_or(is_too_old) {
            self.up_to(passage.to, stretch, asked, answer.rows)
        } else {
            None
        };
        if usable.as_ref().is_none_or(|(used, _)| used.to < stretch.to) {
            progress.reading.leave_the_rest();
        }
        let Some((stretch, rows)) = usable else {
            self.count_answer(outcome, evidence).await;
            return Ok(());
        };
        let read = Read {
            stretch,
            asked,
            rows,
            findings,
            proven: passage.proven,
            catch_up,
            due_end,
            skip_to: progress.skip_to,
            now: self.clock.now(),
            server_now: self.now(),
        };
        let counted = self.count(read, outcome, evidence).await;
        self.tell_of_rows(counted.map_err(|error| Trouble::Ledger(error.to_string()))?);
        progress.reading.stored();
        progress.skip_to = None;
        progress.rows += delivered;
        Ok(())
    }

    /// The part of a stretch that is complete up to `to` (or was before), and its rows; `None` where there is none. What is
    /// beyond is read again, when it is over.
    fn up_to(
        &self,
        to: Timestamp,
        stretch: Stretch,
        asked: CivilRange,
        mut rows: Vec<ReadRow>,
    ) -> Option<(Stretch, Vec<ReadRow>)> {
        let to = to.max(self.report.account().marks.complete_until).min(stretch.to);
        if to <= stretch.from {
            return None;
        }
        let used = Stretch { to, ..stretch };
        if used != stretch {
            let end = civil_range(&self.report.rules.zone, used).end;
            rows.retain(|row| !matches!(row, ReadRow::Row(row) if row.date > end && asked.contains(row.date)));
        }
        Some((used, rows))
    }

    /// Counts the rows of an answer and its outcome.
    async fn count(&self, read: Read, outcome: Outcome, evidence: Evidence) -> Result<ReadSummary, CommitError> {
        let rules = self.report.rules.clone();
        let counted = self.report.commit(move |account, seen| {
            note_answer(account, outcome, evidence);
            seen.tally(account, &rules, &read)
        });
        counted.await
    }

    /// Keeps what a read says about the rows as a whole, and says once that most of them can't be counted.
    fn tell_of_rows(&self, summary: ReadSummary) {
        let now = self.clock.now();
        let mut pulse = self.report.pulse();
        if let Some(lateness) = summary.lateness {
            pulse.lateness.note(now, lateness);
        }
        let rejected = summary.is_mostly_rejected().then_some(summary);
        let before = std::mem::replace(&mut pulse.mostly_rejected, rejected);
        match (before, rejected) {
            (None, Some(ReadSummary { rows, rejected, .. })) => tracing::warn!(
                operation = %self.report.operation, report = self.report.kind.name, rows, rejected,
                "most rows of the answer can't be used, so calls among them are not counted; see \
                 wolkvox_rows_rejected_total for the reason"
            ),
            (Some(_), None) => {
                tracing::info!(operation = %self.report.operation, report = self.report.kind.name, "most rows of the answer can be used again");
            }
            _ => {}
        }
    }

    /// Counts the outcome of an answer that is not used.
    async fn count_answer(&self, outcome: Outcome, evidence: Evidence) {
        self.amend(outcome, move |account| note_answer(account, outcome, evidence)).await;
    }

    /// Counts the outcome of a call that brought no answer.
    async fn count_call(&self, outcome: Outcome) {
        self.amend(outcome, move |account| account.totals.add(Total::Polls(outcome), 1)).await;
    }

    /// A ledger that can't be written loses this one count; it has its own metric, and the log says so.
    async fn amend(&self, outcome: Outcome, change: impl FnOnce(&mut Account) + Send + 'static) {
        if let Err(error) = self.report.amend(change).await {
            tracing::error!(operation = %self.report.operation, report = self.report.kind.name, %outcome, %error, "the outcome of a call could not be counted");
        }
    }

    fn observe_offset(&mut self, rows: &[ReadRow]) {
        self.offsets.observe(rows.iter().filter_map(ReadRow::row), &self.report.rules.zone);
        let known = self.offsets.known();
        let before = std::mem::replace(&mut self.report.pulse().offset, known);
        if let Some(observed) = known
            && observed.mismatch
            && !before.is_some_and(|before| before.mismatch)
        {
            self.warn_of_zone(observed);
        }
    }

    fn end(&mut self, progress: Progress, outcome: Outcome, trouble: Option<Trouble>) -> EndedPoll {
        let counted = self.report.account().totals.get(Total::Rows(Disposition::Counted));
        let (calls, stretch) = (progress.reading.calls(), progress.reading.plan().stretch);
        self.doubts = progress.reading.into_doubts();
        EndedPoll {
            at: progress.began,
            range: civil_range(&self.report.rules.zone, stretch),
            outcome,
            calls,
            rows: progress.rows,
            counted: counted - progress.counted_before,
            took: progress.began_at.elapsed(),
            trouble,
        }
    }
}

/// What begins now ends within `time`, whatever the API does. So a poll has an end, and one that goes on no more is noticed.
fn begins(report: &Report, time: Duration) {
    report.pulse().step_ends = Some(Instant::now() + time);
}

fn note_answer(account: &mut Account, outcome: Outcome, evidence: Evidence) {
    account.totals.add(Total::Polls(outcome), 1);
    account.marks.has_answered |= evidence.is_proof();
}

/// Why the stretch was not read to its end.
fn trouble_of(end: ReadingEnd) -> Option<Trouble> {
    match end {
        ReadingEnd::Whole => None,
        ReadingEnd::Incomplete(Shape { delivered, announced, .. }) => {
            Some(Trouble::Incomplete { delivered, announced })
        }
        ReadingEnd::Broken => Some(Trouble::Broken { calls: CALLS_PER_POLL }),
        ReadingEnd::TooManyParts => Some(Trouble::TooManyParts { calls: CALLS_PER_POLL }),
        ReadingEnd::Unreadable(second) => Some(Trouble::Unreadable { second }),
    }
}
