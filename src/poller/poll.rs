use std::time::Duration;

use domain::account::Account;
use domain::cadence::retry_pause;
use domain::disposition::Disposition;
use domain::outcome::Outcome;
use domain::plan::Plan;
use domain::range::{CivilRange, Stretch};
use domain::row::ReadRow;
use domain::server_time::{Passage, Stamp};
use domain::shortfall::Judgement;
use domain::tally::{Read, tally};
use domain::totals::Total;
use domain::zone::civil_range;
use jiff::Timestamp;
use tokio::time::Instant;

use super::Poller;
use crate::clock::{CLOCKS_MAY_DIFFER, Clock};
use crate::ledger::CommitError;
use crate::operation::ended::{EndedPoll, Trouble};
use crate::wolkvox::{AbandonedCallsReport, Answer, Call};

/// Calls in one poll: enough to find the place of a gap in a window, few enough to keep the token for its other users.
const CALLS_PER_POLL: u32 = 16;

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
            let call = self.call(asked).await?;
            progress.calls += 1;
            outcome = call.outcome();
            self.operation.abandoned.pulse().last_call = Some(outcome);
            trouble = match call.result {
                Ok(answer) => self.take(&mut progress, stretch, asked, call.stamp.map(Stamp::date), answer).await.err(),
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
    async fn call(&mut self, asked: CivilRange) -> Option<Call> {
        let hasher = self.operation.abandoned.hasher();
        let token = &mut self.token;
        let fetch = async {
            let (secret, _turn) = match token.take().await {
                Ok(taken) => taken,
                Err(failure) => return (Call::not_made(failure), Duration::ZERO),
            };
            let asked_at = Instant::now();
            (token.api().fetch(asked, &secret, &hasher).await, asked_at.elapsed())
        };
        let (call, took) = tokio::select! {
            () = self.shutdown.requested() => return None,
            ended = fetch => ended,
        };
        match call.stamp.map(Stamp::date) {
            Some(server_time) => self.note_server_time(server_time, took),
            None if call.result.is_ok() => self.operation.clock.forget(),
            None => {}
        }
        if let Some(took) = call.took {
            self.operation.abandoned.pulse().durations.record(took);
        }
        Some(call)
    }

    /// Uses an answer or sets its halves to be read. The trouble is the end of the poll.
    async fn take(
        &mut self,
        progress: &mut Progress,
        stretch: Stretch,
        asked: CivilRange,
        server_time: Option<Timestamp>,
        answer: Answer,
    ) -> Result<(), Trouble> {
        if stretch.to > server_time.unwrap_or_else(|| self.now()) + CLOCKS_MAY_DIFFER {
            return Err(self.refuse_future().await);
        }
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
        let read = Read {
            stretch,
            asked,
            rows: answer.rows,
            missing,
            passage: Passage::proven(stretch.to),
            catch_up: progress.plan.catch_up,
            due_end: progress.plan.due_end,
            skip_to: progress.skip_to,
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

    /// Refuses an answer about a time that has yet to come: the host's clock is ahead. A new account that was begun by
    /// that clock is begun again.
    async fn refuse_future(&self) -> Trouble {
        let (windows, host) = (self.operation.rules.windows, self.clock.now());
        let ahead = self.operation.clock.ahead(host);
        let now = host - ahead;
        let counted = self.operation.abandoned.amend(move |account| {
            account.totals.add(Total::Polls(Outcome::Ok), 1);
            if !account.marks.read_before {
                // Where the clock has been set right since, `ahead` is zero.
                let first = (account.marks.start - ahead).min(now);
                let totals = account.totals.clone();
                *account = Account { totals, ..Account::new(&windows, first) };
            }
        });
        match counted.await {
            Ok(()) => Trouble::Early { ahead },
            Err(error) => Trouble::Ledger(error.to_string()),
        }
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
