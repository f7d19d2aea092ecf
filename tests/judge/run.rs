//! Plays a history through the real poller, holds and ledger. The one file that knows how these are called.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use domain::account::Account;
use domain::identity::RowHasher;
use domain::range::CivilRange;
use domain::report::{ABANDONED, ANSWERED};
use domain::server_time::Stamp;
use exposition::model::{Family, Series};
use exposition::prepared;
use wolkvox_exporter::clock::Clock;
use wolkvox_exporter::config::{OperationConfig, Reports, Server, Skills, Start, TokenSource};
use wolkvox_exporter::ledger::Ledger;
use wolkvox_exporter::metrics::Metrics;
use wolkvox_exporter::operation::{Operation, Snapshot};
use wolkvox_exporter::poller::{Poller, Turns, end_holds};
use wolkvox_exporter::shutdown::Shutdown;
use wolkvox_exporter::wolkvox::verdict::verdict;
use wolkvox_exporter::wolkvox::{Call, CallsReport, Failure, Token, answer};

use crate::disk::Disk;
use crate::history::{History, Kind, Life, Settings};
use crate::judge::{Bench, Seen};
use crate::trace::{self, Days, Event, OfDay, Scraped, When};
use crate::truth::Truth;
use crate::world::{BESIDE, Clocks, Look, World};

/// The last part, in which all is well: by its end all that can be made good has been, also where a part of the range must
/// be searched for a row that never comes.
const CALM_WINDOWS: u64 = 10;
const CALM_LEAST: u64 = 1_200;

/// Where it does not begin with a start: the call in flight may yet fail, and a pause may last for twelve windows.
const CALM_WINDOWS_WITHOUT_A_START: u64 = 24;
const LONGEST_CALL: u64 = 900;

/// A scrape comes at least so often, and besides before and after each call, and before and after the end of a hold; no
/// divisor of anything else.
const SCRAPE: Duration = Duration::from_millis(397_300);

/// After this what an answer has led to is stored.
const SOON: Duration = Duration::from_millis(10);

/// So long before the end of a hold, and after it, there is a scrape.
const MARGIN: Duration = Duration::from_secs(1);

/// By the contract what one report has read is shown by then, whatever the other one does.
const SHOWN_WITHIN: Duration = Duration::from_secs(15);

/// How much of what happened is told with a failure, unless `MODEL_LINES` says otherwise.
const LINES_TOLD: usize = 40;

/// Plays `history`; the error says which promise was broken, and what had happened before.
pub fn run(history: &History) -> Result<Seen, String> {
    play(history, |_, _| {}).map_err(|failure| {
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let most = std::env::var("MODEL_LINES").map_or(LINES_TOLD, |lines| lines.parse().expect("a number"));
        let seen = lines.clone();
        _ = play(history, move |now, event| {
            let mut lines = seen.lock().unwrap();
            let line = trace::line(now, event);
            // Scrapes that show what the one before them did tell nothing.
            let said = |line: &str| line.split_once("scraped: ").map(|(_, said)| said.to_owned());
            if said(&line).is_some() && lines.iter().rev().find_map(|line: &String| said(line)) == said(&line) {
                return;
            }
            lines.push_back(line);
            if lines.len() > most {
                lines.pop_front();
            }
        });
        let lines: Vec<String> = lines.lock().unwrap().iter().cloned().collect();
        format!("{failure}\n{}\n", lines.join("\n"))
    })
}

/// As [`run`], and shows all that happens.
pub fn play(history: &History, also: impl Fn(When, &Event<'_>) + Send + Sync + 'static) -> Result<Seen, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let folder = tempfile::tempdir_in(memory_folder()).unwrap();
    runtime.block_on(async {
        let truths: Vec<_> = history.kinds().map(|kind| Arc::new(Truth::new(history, kind))).collect();
        let court = Arc::new(Mutex::new(Court { bench: Bench::new(&truths, history.start_history), failure: None }));
        let watch = {
            let court = court.clone();
            move |now: When, event: Event<'_>| {
                let mut court = court.lock().unwrap();
                if court.failure.is_none() {
                    also(now, &event);
                    court.failure = court.bench.see(now, &event).err();
                }
            }
        };
        let clocks = Clocks::new(Timestamp::from_second(history.begin).unwrap());
        let world = Arc::new(World::new(history, truths, clocks, Box::new(watch)));
        Play { history, world, court: court.clone(), disk: Disk::new(folder.path(), history.power_cuts) }.all().await?;
        let mut court = court.lock().unwrap();
        court.failure.take().map_or_else(|| Ok(court.bench.seen()), Err)
    })
}

struct Court {
    bench: Bench,
    failure: Option<String>,
}

/// A folder in memory where there is one: the ledger's syncs are then free.
fn memory_folder() -> &'static Path {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory } else { Path::new("/tmp") }
}

struct Play<'h> {
    history: &'h History,
    world: Arc<World>,
    court: Arc<Mutex<Court>>,
    disk: Disk,
}

impl Play<'_> {
    async fn all(mut self) -> Result<(), String> {
        let settings = Settings { wrong_zone: None, ..self.history.lives.last().unwrap().settings.clone() };
        let seconds = |windows: u64| CALM_LEAST.max(windows * settings.interval);
        let mut lives = self.history.lives.clone();
        let last = lives.last().unwrap();
        let goes_on = !self.history.calm_begins_with_a_start
            && (last.clock_error, last.clock_step, last.settings.wrong_zone) == (0, None, None);
        if !goes_on {
            lives.push(Life::plain(&settings, 0));
        }
        let mut lives = VecDeque::from(lives);
        while let Some(life) = lives.pop_front() {
            let calm = if life.seconds > 0 {
                seconds(CALM_WINDOWS_WITHOUT_A_START) + LONGEST_CALL
            } else {
                seconds(CALM_WINDOWS)
            };
            let calm = lives.is_empty().then_some(Duration::from_secs(calm));
            let end = self.live(&life, calm).await?;
            if matches!(end, End::Killed) && lives.is_empty() {
                lives.push_back(Life::plain(&settings, 0));
            }
            if !lives.is_empty() {
                // Never the very instant of something else.
                tokio::time::sleep(Duration::from_secs(life.down) + Duration::from_nanos(7)).await;
            }
        }
        self.world.watch(Event::HistoryEnded);
        self.failed()
    }

    fn failed(&self) -> Result<(), String> {
        if let Some(offence) = self.world.offence.lock().unwrap().take() {
            return Err(offence);
        }
        self.court.lock().unwrap().failure.clone().map_or(Ok(()), Err)
    }

    async fn live(&mut self, life: &Life, calm: Option<Duration>) -> Result<End, String> {
        let config = config(self.history, life);
        let world = self.world.clone();
        world.clocks.error.store(life.clock_error, Ordering::Relaxed);
        let clock = HostClock(world.clocks.clone());
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let ledger =
            Arc::new(Ledger::open(&self.disk.ledger(), clock.now()).map_err(|error| text(&error))?.in_paused_time());
        let operation = Operation::open(&ledger, &config, clock.now()).map_err(|error| text(&error))?;
        let metrics = Metrics::new(prepared::Settings::default(), clock.now()).unwrap();
        let (trigger, shutdown) = Shutdown::new();

        let calm_from_the_start = calm.is_some() && life.seconds == 0;
        if calm_from_the_start {
            world.calm_down();
        }
        world.watch(Event::LifeBegan { life });
        if calm_from_the_start {
            world.watch(Event::CalmBegan);
        }
        let process = Process { operation: operation.clone(), ledger: ledger.clone(), metrics };
        let holds = Arc::new(AtomicBool::new(false));
        let look = look(&world, process, &self.disk, &holds);
        look();
        world.lives(Some(look.clone()));
        _ = tokio::time::timeout(Duration::ZERO, world.kill.notified()).await;

        let turns = Turns::default();
        let tasks: Vec<_> = self
            .history
            .kinds()
            .zip(operation.reports())
            .flat_map(|(kind, report)| {
                let api = Arc::new(Api { world: world.clone(), kind });
                let poller = Poller::new(api, report.clone(), turns.clone(), clock.clone(), shutdown.clone());
                let holds = end_holds(report.clone(), clock.clone(), shutdown.clone());
                [tokio::spawn(poller.run()), tokio::spawn(holds)]
            })
            .collect();
        drop(shutdown);
        let mut killed = life.killed;
        let mut ended = self.watch_until(life, Duration::from_secs(life.seconds), (&look, &holds)).await;
        if let Ok(End::Time) = ended
            && let Some(calm) = calm
        {
            if !calm_from_the_start {
                world.calm_down();
                world.watch(Event::CalmBegan);
            }
            ended = self.watch_until(life, calm, (&look, &holds)).await;
        }
        if !matches!(ended, Ok(End::Time)) {
            killed = true;
        }

        if killed {
            tasks.iter().for_each(tokio::task::JoinHandle::abort);
        } else {
            trigger.stop();
        }
        for task in tasks {
            match task.await {
                Err(error) if error.is_panic() => return Err(format!("a task panicked: {error}")),
                _ => {}
            }
        }
        // A commit that had begun finishes whoever waits for it; it has the report, as has the operation.
        while operation.reports().any(|report| Arc::strong_count(report) > 1) {
            tokio::task::yield_now().await;
        }
        world.watch(Event::PollsEnded);
        look();
        world.lives(None);
        world.watch(Event::LifeEnded);
        drop((operation, ledger, look));
        if killed {
            self.disk.crash();
        }
        let ended = ended?;
        self.failed()?;
        Ok(ended)
    }

    /// Scrapes for a while, or until the world kills the process.
    async fn watch_until(
        &self,
        life: &Life,
        time: Duration,
        (look, holds): (&Look, &AtomicBool),
    ) -> Result<End, String> {
        let began = Instant::now();
        let ends = began + time + Duration::from_nanos(3);
        let mut step =
            life.clock_step.map(|(after, by)| (began + Duration::from_secs(after) + Duration::from_nanos(5), by));
        let hold = Duration::from_secs(life.settings.hold);
        let mut looks = BTreeSet::new();
        while Instant::now() < ends {
            if let Some((at, by)) = step
                && at <= Instant::now()
            {
                self.world.clocks.error.fetch_add(by, Ordering::Relaxed);
                step = None;
            }
            self.failed()?;
            let next = [Some(Instant::now() + SCRAPE), step.map(|(at, _)| at), looks.first().copied()];
            let next = next.into_iter().flatten().fold(ends, Instant::min);
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(next) => {}
                () = self.world.answered.notified() => {
                    // What it led to is there, and shown with what the other report has read.
                    let then = Instant::now() + SOON;
                    looks.insert(then);
                    if self.history.answered.is_some() {
                        looks.insert(then + SHOWN_WITHIN);
                    }
                    continue;
                }
                () = self.world.kill.notified() => return Ok(End::Killed),
            }
            looks = looks.split_off(&(Instant::now() + Duration::from_nanos(1)));
            // When what is on its way is stored.
            tokio::select! {
                () = tokio::time::sleep(BESIDE) => look(),
                () = self.world.kill.notified() => return Ok(End::Killed),
            }
            if holds.swap(false, Ordering::Relaxed) {
                let now = Instant::now();
                looks.extend([now + hold.saturating_sub(MARGIN), now + hold + MARGIN]);
            }
        }
        Ok(End::Time)
    }
}

enum End {
    Time,
    Killed,
}

/// What a scrape is made of.
struct Process {
    operation: Arc<Operation>,
    ledger: Arc<Ledger>,
    metrics: Metrics,
}

/// Makes a scrape and has it watched; keeps what is then on the disk. Notes in `holds` where something may be held from now on.
fn look(world: &Arc<World>, process: Process, disk: &Disk, holds: &Arc<AtomicBool>) -> Look {
    let (world, disk, holds) = (world.clone(), disk.clone(), holds.clone());
    let held = Mutex::new(None);
    // The accounts as they were last stored, and their days.
    let known = Mutex::new(Vec::new());
    Arc::new(move || {
        let Process { operation, ledger, metrics } = &process;
        let families = |snapshots: &[Snapshot]| {
            let (calls, others) = metrics.families_of(snapshots, ledger.figures());
            let mut families = calls.families().to_vec();
            families.extend(others);
            families
        };
        let see = || {
            let shown = Snapshot::all(operation, world.clocks.now().host);
            let stored = |shown: &Snapshot| Snapshot { account: shown.report.account(), ..shown.clone() };
            let stored: Vec<_> = shown.iter().map(stored).collect();
            (shown, stored)
        };
        // Both as of one moment: a commit may be on its way.
        let (mut shown, mut stored) = see();
        loop {
            let again = see();
            if are_same(&again.0, &shown) && are_same(&again.1, &stored) {
                break;
            }
            (shown, stored) = again;
        }
        let is_all = are_same(&shown, &stored);
        let mut known = known.lock().unwrap();
        let is_kept = known.len() == stored.len()
            && known.iter().zip(&stored).all(|((account, _), stored)| Arc::ptr_eq(account, &stored.account));
        // Nothing else is written that a life goes on from.
        if !is_kept {
            disk.keep();
        }
        let days = days(&mut known, &stored);
        drop(known);
        let all = Arc::new(families(&stored));
        let may_be_held = what_may_be_held(&all);
        let mut held = held.lock().unwrap();
        if held.as_ref() != Some(&may_be_held) || (may_be_held.1 && !is_kept) {
            holds.store(true, Ordering::Relaxed);
            *held = Some(may_be_held);
        }
        drop(held);
        world.watch(Event::Scraped(Scraped { families: all, shown: (!is_all).then(|| families(&shown)), days }));
    })
}

/// Series and their names, of which a new one is held; and whether something is caught up with.
fn what_may_be_held(families: &[Family]) -> (Vec<Labels>, bool) {
    let of = |names: &[&str]| -> Vec<&Series> {
        families.iter().filter(|family| names.contains(&&*family.name)).flat_map(|family| &family.series).collect()
    };
    let calls = of(&["wolkvox_abandoned_calls_total", "wolkvox_answered_calls_total"]);
    let catching_up = of(&["wolkvox_catching_up"]);
    let is_caught_up_with = catching_up.iter().any(|series| trace::number(&series.value) > 0.0);
    (calls.iter().map(|series| series.labels.clone()).collect(), is_caught_up_with)
}

type Labels = Vec<(Cow<'static, str>, Arc<str>)>;

fn are_same(one: &[Snapshot], other: &[Snapshot]) -> bool {
    one.iter().zip(other).all(|(one, other)| Arc::ptr_eq(&one.account, &other.account))
}

/// What the accounts say of days; of those that are still the same, what was made of them before.
fn days(kept: &mut Vec<(Arc<Account>, Arc<Days>)>, stored: &[Snapshot]) -> Vec<Arc<Days>> {
    let of = |(place, Snapshot { account, .. }): (usize, &Snapshot)| match kept.get(place) {
        Some((known, days)) if Arc::ptr_eq(known, account) => (account.clone(), days.clone()),
        _ => (account.clone(), Arc::new(days_of(account))),
    };
    *kept = stored.iter().enumerate().map(of).collect();
    kept.iter().map(|(_, days)| days.clone()).collect()
}

fn days_of(account: &Account) -> Days {
    let text = |label: &Arc<str>| label.to_string();
    let calls = account.days.days.iter().flat_map(|(&date, day)| {
        account.series.iter().filter_map(move |(key, series)| {
            let counts = day.series.get(&series.number)?;
            let of_day = OfDay { calls: counts.calls, timed: counts.timed, seconds: counts.seconds };
            Some(((date, (text(&key.skill_id), text(&key.type_interaction))), of_day))
        })
    });
    Days {
        from: account.marks.by_day_from,
        calls: calls.collect(),
        quarters: account.days.quarters.clone(),
        unread: account.days.unread.iter().collect(),
    }
}

#[derive(Clone)]
struct HostClock(Clocks);

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        self.0.now().host
    }
}

/// The world, as the poller sees it.
struct Api {
    world: Arc<World>,
    kind: Kind,
}

impl CallsReport for Api {
    fn token(&self) -> Result<Token, Failure> {
        let number = self.world.truths[0].token(self.world.clocks.now().at);
        Ok(Token::new(format!("token {number}").into()))
    }

    async fn fetch(&self, range: CivilRange, token: &Token, hasher: &RowHasher) -> Call {
        let number = token_number(token);
        let reply = self.world.ask(self.kind, range, number).await;
        let failure = |failure: Failure| Failure { retry_after: reply.retry_after, ..failure };
        let result = match &reply.response {
            Err(outcome) => {
                let outcomes = domain::outcome::Outcome::ALL;
                let outcome = outcomes.into_iter().find(|known| known.as_str() == *outcome).expect("a known outcome");
                Err(failure(Failure::new(outcome, format!("{outcome} by the history"))))
            }
            Ok(written) => {
                let report = match self.kind {
                    Kind::Abandoned => &ABANDONED,
                    Kind::Answered => &ANSWERED,
                };
                let decoded = answer::decode(written.body.as_bytes(), report, hasher);
                verdict(written.status, decoded, &written.body, None).map_err(failure)
            }
        };
        Call { took: Some(reply.took), stamp: Some(Stamp::new(reply.head.date, reply.head.age)), result }
    }
}

fn token_number(token: &Token) -> usize {
    use secrecy::ExposeSecret as _;
    token.secret.expose_secret().trim_start_matches("token ").parse().expect("a token of this world")
}

fn config(history: &History, life: &Life) -> OperationConfig {
    let settings = &life.settings;
    let seconds = Duration::from_secs;
    let server = Server { base_url: "http://127.0.0.1:1".to_owned(), name: "wv0042".to_owned() };
    OperationConfig {
        timezone: TimeZone::get(settings.wrong_zone.unwrap_or(history.zone)).unwrap(),
        interval: seconds(settings.interval),
        settle: seconds(settings.settle),
        reports: Reports { answered: history.answered.is_some(), ..Reports::default() },
        overlap: seconds(settings.overlap),
        answered_overlap: seconds(settings.answered_overlap),
        max_catch_up: seconds(settings.max_catch_up),
        start: if history.start_history == 0 {
            Start::Now
        } else {
            Start::History(seconds(history.start_history.min(settings.max_catch_up)))
        },
        timeout: seconds(75),
        connect_timeout: seconds(10),
        hold: seconds(settings.hold),
        start_hold: Duration::ZERO,
        max_series: settings.max_series,
        abandon_time_buckets: settings.buckets.clone(),
        answer_time_buckets: settings.answered_buckets.clone(),
        quota_interval: Duration::ZERO,
        skills: match settings.skills_below {
            None => Skills::All,
            Some(below) => Skills::Only((0..below).map(|skill| format!("{}", 4_170 + u32::from(skill))).collect()),
        },
        ..OperationConfig::new("ventas".to_owned(), server, TokenSource::Env("UNUSED".to_owned()))
    }
}
