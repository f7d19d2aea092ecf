//! The wolkvox of a history: it answers as the API does, and tells whoever watches what it was asked and what it said.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use domain::range::CivilRange;

use crate::body::{self, Meaning, Written};
use crate::history::{Answer, History, Kind, Says, What};
use crate::trace::{Event, Head, Told, When};
use crate::truth::{SentRow, Truth};

/// True time, and the host's idea of it.
#[derive(Clone)]
pub struct Clocks {
    begin: Timestamp,
    began: Instant,
    /// Seconds by which the host's clock is ahead.
    pub error: Arc<AtomicI64>,
}

impl Clocks {
    pub fn new(begin: Timestamp) -> Self {
        Self { begin, began: Instant::now(), error: Arc::default() }
    }

    pub fn now(&self) -> When {
        let at = self.begin + self.began.elapsed();
        When { at, host: at + SignedDuration::from_secs(self.error.load(Ordering::Relaxed)) }
    }
}

/// Sees what happens, in its order.
pub type Watch = Box<dyn Fn(When, Event<'_>) + Send + Sync>;

/// Has a scrape made and watched.
pub type Look = Arc<dyn Fn() + Send + Sync>;

pub struct World {
    /// Of each report, in their order.
    pub truths: Vec<Arc<Truth>>,
    pub clocks: Clocks,
    watch: Watch,
    /// Before each call there is a scrape.
    look: Mutex<Option<Look>>,
    answers: Vec<Mutex<std::vec::IntoIter<Answer>>>,
    dates: Vec<(Timestamp, Says)>,
    asked: AtomicUsize,
    /// The tokens of the calls that are being made: each makes one at a time.
    in_flight: Mutex<BTreeSet<usize>>,
    /// From then on all is well.
    calm: AtomicBool,
    /// Ends the life.
    pub kill: Notify,
    /// A call has ended.
    pub answered: Notify,
    /// Set when something was asked that must never be.
    pub offence: Mutex<Option<String>>,
}

/// A moment, beside the instant at which something else happens.
pub const BESIDE: Duration = Duration::from_millis(1);

/// What comes back on one question.
pub struct Reply {
    pub took: Duration,
    pub head: Head,
    pub retry_after: Option<Duration>,
    /// Status and body, or why nothing came.
    pub response: Result<Written, &'static str>,
}

impl World {
    pub fn new(history: &History, truths: Vec<Arc<Truth>>, clocks: Clocks, watch: Watch) -> Self {
        let dates = history.dates.iter();
        let answered = history.answered.as_ref().map(|answered| &answered.answers);
        let answers = std::iter::once(&history.answers).chain(answered);
        Self {
            dates: dates.map(|&(at, says)| (clocks.begin + SignedDuration::from_secs(at), says)).collect(),
            truths,
            clocks,
            watch,
            look: Mutex::default(),
            answers: answers.map(|answers| Mutex::new(answers.clone().into_iter())).collect(),
            asked: AtomicUsize::default(),
            in_flight: Mutex::default(),
            calm: AtomicBool::default(),
            kill: Notify::new(),
            answered: Notify::new(),
            offence: Mutex::default(),
        }
    }

    pub fn watch(&self, event: Event<'_>) {
        (self.watch)(self.clocks.now(), event);
    }

    /// A process begins to live, or (`None`) lives no more.
    pub fn lives(&self, look: Option<Look>) {
        *self.look.lock().unwrap() = look;
        self.in_flight.lock().unwrap().clear();
    }

    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// Answers the question for what a report has of `range`, made with a token.
    pub async fn ask(self: &Arc<Self>, kind: Kind, range: CivilRange, token: usize) -> Reply {
        let truth = &self.truths[kind.place()];
        // Paused time goes on when what is on its way is stored, or it would show by chance.
        tokio::time::sleep(BESIDE).await;
        let look = self.look.lock().unwrap().clone();
        if let Some(look) = look {
            look();
        }
        if !self.in_flight.lock().unwrap().insert(token) {
            *self.offence.lock().unwrap() = Some("two calls at once with one token".to_owned());
        }
        self.watch(Event::Asked { kind, range, token });
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let from = self.clocks.now();
        let calm = self.calm.load(Ordering::Relaxed);
        let next = if calm { None } else { self.answers[kind.place()].lock().unwrap().next() };
        let Answer { latency, what, says } = next.unwrap_or(Answer::well(1));
        let took = Duration::from_secs(latency);
        // Nor is the end of a hold that begins with the answer ever at the instant of a question.
        tokio::time::sleep(took + 2 * BESIDE).await;
        if what == What::KilledBeforeCommit {
            self.kill.notify_one();
            std::future::pending::<()>().await;
        }
        let to = self.clocks.now();
        let (head, time_is_right) = self.head(from.at, to.at, number, says.filter(|_| !calm), calm);
        let mut told = Told {
            kind,
            asked: range,
            from,
            to,
            made: to.at,
            token,
            meaning: Meaning::EmptyIfKnown,
            rows: Vec::new(),
            short: 0,
            held_back: Vec::new(),
            retry_after: None,
            head,
            time_is_right,
        };
        // Like the API, the world looks at the token first, and at nothing else where that is bad.
        let refused = !calm && !truth.token_is_good(token);
        let response = if refused { body::failure(3) } else { self.respond(truth, &what, number, &mut told) };
        match &response {
            Ok(written) => told.meaning = written.meaning,
            Err(outcome) => {
                told.meaning = Meaning::Outcome(outcome);
                (told.head, told.time_is_right) = (Head::default(), false);
            }
        }
        let (head, retry_after) = (told.head, told.retry_after);
        self.in_flight.lock().unwrap().remove(&token);
        self.watch(Event::Answered(Box::new(told)));
        self.answered.notify_one();
        if what == What::KilledAfterCommit {
            let world = self.clone();
            tokio::spawn(async move {
                // Paused time stands still while the commit is on its blocking thread.
                tokio::time::sleep(Duration::from_nanos(1)).await;
                world.kill.notify_one();
            });
        }
        Reply { took, head, retry_after, response }
    }

    fn respond(&self, truth: &Truth, what: &What, number: usize, told: &mut Told) -> Result<Written, &'static str> {
        match *what {
            What::Failure { kind, retry_after } => {
                let failure = body::failure(kind)?;
                told.retry_after = retry_after.map(Duration::from_secs);
                return Ok(failure);
            }
            What::NoEvidence(kind) => return Ok(body::no_evidence(kind)),
            What::Cached { age } => {
                told.made = told.to.at - Duration::from_secs(age);
                told.head.age = Duration::from_secs(age);
                told.head.date = told.head.date.map(|date| date - Duration::from_secs(age));
            }
            _ => {}
        }
        let (mut rows, announced) = truth.rows(told.asked, told.made);
        if let What::Short { missing } = *what {
            let mut held_back = rows.split_off(rows.len().saturating_sub(missing.into()));
            if rows.iter().all(SentRow::is_no_json) {
                // Nobody could say of what is left whether more were to come.
                held_back.append(&mut rows);
            }
            told.held_back = held_back.iter().map(|row| row.call).collect();
        }
        let mut written = body::rows(truth, &rows, announced, number);
        if *what == What::Cut && announced > 0 {
            let about = written.body.len() * 2 / 3;
            let half = (0..=about).rev().find(|&at| written.body.is_char_boundary(at)).unwrap_or(0);
            written.body.truncate(half);
            written.meaning = Meaning::Outcome("malformed");
            return Ok(written);
        }
        told.short = announced - rows.len() as u64;
        told.rows = rows;
        Ok(written)
    }

    /// The head of an answer that was asked for at `from` and is whole at `to`.
    fn head(&self, from: Timestamp, to: Timestamp, number: usize, says: Option<Says>, calm: bool) -> (Head, bool) {
        let phase = self.dates.iter().rev().find(|&&(at, _)| at <= to).filter(|_| !calm);
        let since = phase.map_or(self.clocks.begin, |&(at, _)| at);
        let says = says.or(phase.map(|&(_, says)| says)).unwrap_or(Says::Right);
        // When in between the server looked at its clock is unknown.
        let looked = if number.is_multiple_of(2) { to } else { from };
        let looked = Timestamp::from_second(looked.as_second()).unwrap();
        let (date, right) = match says {
            Says::Right => (Some(looked), true),
            Says::Off(by) => (looked.checked_add(SignedDuration::from_secs(by)).ok(), by.abs() <= 2),
            Says::Stopped => (Some(since), to.duration_since(since).as_secs() <= 2),
            Says::Nothing => (None, false),
        };
        (Head { date, age: Duration::ZERO }, right)
    }
}
