use std::time::Duration;

use domain::account::Account;
use domain::cadence::retry_pause;
use domain::disposition::Disposition;
use domain::outcome::Outcome;
use domain::plan::Plan;
use domain::range::{CivilRange, Stretch};
use domain::row::ReadRow;
use domain::server_time::{FirstStart, Moment, Question, Testimony};
use domain::shortfall::Judgement;
use domain::tally::{Read, tally};
use domain::totals::Total;
use domain::zone::civil_range;
use jiff::Timestamp;
use tokio::time::Instant;

use super::Poller;
use crate::clock::Clock;
use crate::ledger::CommitError;
use crate::operation::Operation;
use crate::operation::ended::{EndedPoll, Trouble};
use crate::wolkvox::{AbandonedCallsReport, Answer, Call};

/// Calls in one poll: enough to find the place of a gap in a window, few enough to keep the token for its other users.
const CALLS_PER_POLL: u32 = 16;

/// A call that has ended, between these moments.
pub(super) struct Called {
    pub call: Call,
    pub asked: Moment,
    pub at: Moment,
}

/// Where a poll stands.
struct Progress {
    plan: Plan,
    /// The time when it began, and the instant: what it took is no matter of clocks that are set.
    began: Timestamp,
    began_at: Instant,
    /// What is still to be read, the oldest part last.
    parts: Vec<Stretch>,
    calls: u32,
    retries: u32,
    rows: u64,
    /// Believed shortfall that no part of this poll has shown yet.
    believed_left: u64,
    /// The shortfall of the part before: the same row may be missing from the second that the next part repeats.
    short_before: u64,
    counted_before: u64,
    skip_to: Option<Timestamp>,
}

impl Progress {
    /// A part as it is asked for: if the API leaves `date_end` out, the last second of the part before has yet to come,
    /// and no overlap of a later read may reach back to it.
    fn with_the_second_before(&self, part: Stretch) -> Stretch {
        Stretch { from: (part.from - Duration::from_secs(1)).max(self.plan.stretch.from), ..part }
    }
}

impl<R: AbandonedCallsReport, C: Clock> Poller<R, C> {
    /// Reads what `plan` says: in one call, or in parts where an answer is incomplete. `None` on shutdown.
    pub(super) async fn poll(&mut self, plan: Plan) -> Option<EndedPoll> {
        let account = self.operation.abandoned.account();
        let mut progress = Progress {
            plan,
            began: self.now(),
            began_at: Instant::now(),
            parts: vec![plan.stretch],
            calls: 0,
            retries: 0,
            rows: 0,
            believed_left: account.marks.missing_believed,
            short_before: 0,
            counted_before: account.totals.get(Total::Rows(Disposition::Counted)),
            skip_to: plan.skip_to,
        };
        let mut outcome = Outcome::Ok;
        let mut trouble = None;
        while let Some(stretch) = progress.parts.pop() {
            let asked = civil_range(&self.operation.rules.zone, progress.with_the_second_before(stretch));
            let called = self.call(asked).await?;
            progress.calls += 1;
            let testimony = self.hear(&called, stretch, asked);
            let Called { call, asked: asked_at, .. } = called;
            outcome = call.outcome();
            self.operation.abandoned.pulse().last_call = Some(outcome);
            trouble = match call.result {
                Ok(_) if let Some(wait) = self.first_start(&mut progress).await => {
                    self.count_call(outcome).await;
                    self.sleep(wait).await?;
                    continue;
                }
                Ok(answer) => {
                    let question = Question { to: stretch.to, due_end: progress.plan.due_end, asked: asked_at };
                    self.take(&mut progress, stretch, asked, question, testimony, answer).await.err()
                }
                Err(failure) => {
                    self.count_call(failure.outcome).await;
                    let windows = &self.operation.rules.windows;
                    let elapsed = progress.began_at.elapsed();
                    let pause = retry_pause(failure.outcome, progress.retries, failure.retry_after, windows, elapsed);
                    if let Some(pause) = pause
                        && progress.calls < CALLS_PER_POLL
                    {
                        tracing::info!(
                            operation = %self.operation.name, outcome = %failure.outcome, range = %asked, error = %failure,
                            "the call failed, trying again in {pause:?}"
                        );
                        progress.retries += 1;
                        progress.parts.push(stretch);
                        self.sleep(pause).await?;
                        continue;
                    }
                    Some(Trouble::Call(failure))
                }
            };
            if trouble.is_some() {
                break;
            }
        }
        Some(self.end(progress, outcome, trouble))
    }

    /// One call, in its turn for the token. `None` on shutdown: the call in flight is abandoned and nothing is counted.
    async fn call(&mut self, range: CivilRange) -> Option<Called> {
        let hasher = self.operation.abandoned.hasher();
        let Self { token, clock, operation, shutdown, .. } = self;
        let moment = || operation.clock.moment(clock.now());
        let fetch = async {
            let (secret, _turn) = match token.take().await {
                Ok(taken) => taken,
                Err(failure) => return (Call::not_made(failure), moment()),
            };
            let asked = moment();
            (token.api().fetch(range, &secret, &hasher).await, asked)
        };
        let (call, asked) = tokio::select! {
            () = shutdown.requested() => return None,
            ended = fetch => ended,
        };
        if let Some(took) = call.took {
            operation.abandoned.pulse().durations.record(took);
        }
        Some(Called { call, asked, at: moment() })
    }

    /// At a first start, where the clocks are not known to agree: how long to wait before the same is asked again. `None`
    /// where the answer can be used. Once the host's clock is known to be wrong, the account begins where it should have.
    async fn first_start(&self, progress: &mut Progress) -> Option<Duration> {
        if self.operation.abandoned.account().marks.read_before {
            return None;
        }
        let moment = self.moment();
        let decided = self.operation.clock.time().first_start(moment, progress.calls);
        match decided {
            FirstStart::Agreed => None,
            FirstStart::Probe { after } => {
                if progress.calls == 1 {
                    tracing::warn!(
                        operation = %self.operation.name,
                        "the clock of this host and that of the server differ; nothing is counted until it is clear which \
                         is right, within a minute or two"
                    );
                }
                progress.parts = vec![progress.plan.stretch];
                Some(after)
            }
            FirstStart::Settled { later } => {
                let Operation { rules, abandoned, first, clock, .. } = &*self.operation;
                let (windows, first) = (rules.windows, *first);
                let mut account = Account::clone(&abandoned.account());
                let before = account.marks.start;
                account.begin_again(&windows, first, later);
                let start = account.marks.start;
                if start == before {
                    return None;
                }
                tracing::info!(operation = %self.operation.name, %start, "counting begins by the server's clock");
                let begun = abandoned.amend(move |account| account.begin_again(&windows, first, later)).await;
                if let Err(error) = begun {
                    tracing::error!(operation = %self.operation.name, %error, "the account could not be begun");
                }
                clock.time().prove_from(start, moment);
                let plan = self.plan()?;
                (progress.plan, progress.parts, progress.skip_to) = (plan, vec![plan.stretch], plan.skip_to);
                Some(Duration::ZERO)
            }
        }
    }

    /// Uses an answer or sets its halves to be read. The trouble is the end of the poll.
    async fn take(
        &mut self,
        progress: &mut Progress,
        stretch: Stretch,
        asked: CivilRange,
        question: Question,
        testimony: Testimony,
        answer: Answer,
    ) -> Result<(), Trouble> {
        let delivered = answer.rows.len() as u64;
        let short = answer.shortfall();
        let mut believed = self.operation.abandoned.account().marks.missing_believed;
        let judgement = self.judge(progress, stretch, short, answer.may_be_cut(), &mut believed);
        let outcome = answer.outcome();
        let Judgement::Use { missing } = judgement else {
            self.count_call(outcome).await;
            let Some((older, newer)) = stretch.halves() else { unreachable!("a single second is used as it came") };
            progress.parts.extend([newer, older]);
            if progress.calls < CALLS_PER_POLL {
                return Ok(());
            }
            return Err(Trouble::Incomplete { delivered, announced: answer.announced });
        };
        self.observe_offset(&answer.rows);
        let passage = self.operation.clock.time().passage(&self.operation.rules.windows, question, testimony);
        self.tell_of_delay(passage.to < question.to.min(question.due_end), testimony);
        let Some((stretch, rows)) = self.up_to(passage.to, stretch, asked, answer.rows) else {
            self.count_call(outcome).await;
            return Ok(());
        };
        let read = Read {
            stretch,
            asked,
            rows,
            missing,
            proven: passage.proven,
            catch_up: progress.plan.catch_up,
            due_end: progress.plan.due_end,
            // What one clock alone says is old is not given up.
            skip_to: progress.skip_to.filter(|&to| to <= passage.to),
            now: self.clock.now(),
            server_now: self.now(),
        };
        self.count(read, outcome, believed).await.map_err(|error| Trouble::Ledger(error.to_string()))?;
        progress.skip_to = None;
        progress.rows += delivered;
        if !progress.parts.is_empty() && progress.calls >= CALLS_PER_POLL {
            return Err(Trouble::TooManyParts { calls: progress.calls });
        }
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
        let to = to.max(self.operation.abandoned.account().marks.complete_until).min(stretch.to);
        if to <= stretch.from {
            return None;
        }
        let used = Stretch { to, ..stretch };
        if used != stretch {
            let end = civil_range(&self.operation.rules.zone, used).end;
            rows.retain(|row| !matches!(row, ReadRow::Row(row) if row.date > end && asked.contains(row.date)));
        }
        Some((used, rows))
    }

    /// Counts the rows of an answer and its outcome. `missing_believed` rows of those within reach are believed never to
    /// come.
    async fn count(&self, read: Read, outcome: Outcome, missing_believed: u64) -> Result<(), CommitError> {
        let rules = self.operation.rules.clone();
        let counted = self.operation.abandoned.commit(move |account, seen| {
            account.totals.add(Total::Polls(outcome), 1);
            account.marks.missing_believed = missing_believed;
            tally(account, &rules, &read, seen).map_err(CommitError::from)
        });
        counted.await
    }

    fn judge(
        &mut self,
        progress: &mut Progress,
        stretch: Stretch,
        short: u64,
        may_be_cut: bool,
        believed: &mut u64,
    ) -> Judgement {
        let one_second = stretch.halves().is_none();
        if may_be_cut && !one_second {
            return Judgement::Split;
        }
        if stretch == progress.plan.stretch && !one_second {
            return self.shortfall.judge(short, believed);
        }
        // A part: its shortfall may be the one that is believed already, or that of the part before.
        let repeated = short.min(progress.short_before);
        let known = (short - repeated).min(progress.believed_left) + repeated;
        if short > known && !one_second {
            return Judgement::Split;
        }
        progress.believed_left -= known - repeated;
        progress.short_before = short;
        *believed += short - known;
        Judgement::Use { missing: short - known }
    }

    /// Counts the outcome of a call whose answer is not used. A ledger that can't be written loses this one count; it
    /// has its own metric, and the log says so.
    async fn count_call(&self, outcome: Outcome) {
        if let Err(error) =
            self.operation.abandoned.amend(move |account| account.totals.add(Total::Polls(outcome), 1)).await
        {
            tracing::error!(operation = %self.operation.name, %outcome, %error, "the outcome of a call could not be counted");
        }
    }

    fn observe_offset(&mut self, rows: &[ReadRow]) {
        let rows = rows.iter().filter_map(|row| match row {
            ReadRow::Row(row) => Some(row),
            ReadRow::Rejected { .. } => None,
        });
        self.offsets.observe(rows, &self.operation.rules.zone);
        let known = self.offsets.known();
        let before = std::mem::replace(&mut self.operation.abandoned.pulse().offset, known);
        if let Some(observed) = known
            && observed.mismatch
            && !before.is_some_and(|before| before.mismatch)
        {
            self.warn_of_zone(observed);
        }
    }

    fn end(&self, progress: Progress, outcome: Outcome, trouble: Option<Trouble>) -> EndedPoll {
        let counted = self.operation.abandoned.account().totals.get(Total::Rows(Disposition::Counted));
        EndedPoll {
            at: progress.began,
            range: civil_range(&self.operation.rules.zone, progress.plan.stretch),
            outcome,
            calls: progress.calls,
            rows: progress.rows,
            counted: counted - progress.counted_before,
            took: progress.began_at.elapsed(),
            trouble,
        }
    }
}
