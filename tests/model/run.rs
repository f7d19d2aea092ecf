//! Plays a history through the real poller, holds and ledger.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use domain::account::Account;
use domain::totals::Total;
use exposition::prepared;
use wolkvox_exporter::clock::Clock;
use wolkvox_exporter::config::{OperationConfig, Server, Skills, Start, TokenSource};
use wolkvox_exporter::ledger::Ledger;
use wolkvox_exporter::metrics::Metrics;
use wolkvox_exporter::operation::{Operation, Snapshot};
use wolkvox_exporter::poller::{Poller, Turns, end_holds};
use wolkvox_exporter::shutdown::Shutdown;

use crate::check::Checker;
use crate::history::{History, Life, Settings};
use crate::world::{ModelClock, World};

/// How often a scrape comes; no divisor of anything else.
pub const SCRAPE: Duration = Duration::from_millis(97_300);

/// The last life, in seconds and in windows, whichever is longer: by its end all that can be made good has been, also
/// where a part of the range must be searched for a row that never comes.
const CALM: u64 = 5_400;
const CALM_WINDOWS: u64 = 10;

/// What a history led to, for those who know what it must be.
#[derive(Debug)]
pub struct Seen {
    pub mismatch: bool,
    pub calls: u64,
    pub skipped_seconds: u64,
}

/// Plays `history`; the error says which promise was broken.
pub fn run(history: &History) -> Result<Seen, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let folder = tempfile::tempdir_in(memory_folder()).unwrap();
    runtime.block_on(play(history, &folder.path().join("ledger.db")))
}

/// A folder in memory where there is one: the ledger's syncs are then free.
fn memory_folder() -> &'static Path {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory } else { Path::new("/tmp") }
}

async fn play(history: &History, ledger: &Path) -> Result<Seen, String> {
    let begin = Timestamp::from_second(history.begin).unwrap();
    let clock = ModelClock { begin, began: Instant::now(), error: Arc::default() };
    let world = World::new(history, clock);
    let mut checker = Checker::new(world.clone());
    let mut lives = history.lives.clone();
    let settings = Settings { wrong_zone: None, ..lives.last().unwrap().settings.clone() };
    let seconds = CALM.max(CALM_WINDOWS * settings.interval);
    lives.push(Life { seconds, down: 0, killed: true, clock_error: 0, clock_step: None, settings });
    let mut account = None;
    for (number, life) in lives.iter().enumerate() {
        world.shared().calm.store(number + 1 == lives.len(), Ordering::Relaxed);
        account = Some(live(history, life, &world, ledger, &mut checker).await?);
        // Never the very instant of something else.
        tokio::time::sleep(Duration::from_secs(life.down) + Duration::from_nanos(7)).await;
    }
    let account = account.expect("a history has a life");
    checker.history_ended(&account)?;
    Ok(Seen {
        mismatch: checker.mismatch_seen,
        calls: account.series.values().map(|series| series.counts.calls).sum(),
        skipped_seconds: account.totals.get(Total::SkippedSeconds),
    })
}

async fn live(
    history: &History,
    life: &Life,
    world: &World,
    path: &Path,
    checker: &mut Checker,
) -> Result<Arc<Account>, String> {
    let operation = operation(history, life);
    world.clock.error.store(life.clock_error, Ordering::Relaxed);
    let clock = world.clock.clone();
    let ledger = Arc::new(Ledger::open(path, clock.now()).map_err(|error| error.to_string())?.in_paused_time());
    let live = Operation::open(&ledger, &operation, clock.now()).map_err(|error| error.to_string())?;
    let metrics = Metrics::new(prepared::Settings::default(), clock.now()).unwrap();
    let (trigger, shutdown) = Shutdown::new();
    checker.life_began(life, &operation, &live.abandoned.account(), clock.now());
    world.life_began(&live);
    _ = tokio::time::timeout(Duration::ZERO, world.shared().kill.notified()).await;

    let poller = Poller::new(Arc::new(world.clone()), live.clone(), Turns::default(), clock.clone(), shutdown.clone());
    let poller = tokio::spawn(poller.run());
    let holds = tokio::spawn(end_holds(live.clone(), clock.clone(), shutdown));
    let began = Instant::now();
    let ends = began + Duration::from_secs(life.seconds) + Duration::from_nanos(3);
    let mut step =
        life.clock_step.map(|(after, by)| (began + Duration::from_secs(after) + Duration::from_nanos(5), by));
    let mut result = Ok(());
    while result.is_ok() && Instant::now() < ends {
        if let Some((at, by)) = step
            && at <= Instant::now()
        {
            world.clock.error.fetch_add(by, Ordering::Relaxed);
            step = None;
        }
        let snapshot = Snapshot::new(&live, clock.now());
        let shown = metrics.families_now(std::slice::from_ref(&snapshot), ledger.figures());
        result = checker.scrape(&shown, &snapshot.account, snapshot.now);
        let next = ends.min(Instant::now() + SCRAPE);
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = world.shared().kill.notified() => break,
        }
    }

    if life.killed {
        poller.abort();
        holds.abort();
    } else {
        trigger.stop();
    }
    for task in [poller, holds] {
        match task.await {
            Err(error) if error.is_panic() => return Err(format!("a task panicked: {error}")),
            _ => {}
        }
    }
    // A commit that had begun finishes whoever waits for it; it has the report, as has the operation.
    while Arc::strong_count(&live.abandoned) > 1 {
        tokio::task::yield_now().await;
    }
    let snapshot = Snapshot::new(&live, clock.now());
    let shown = metrics.families_now(std::slice::from_ref(&snapshot), ledger.figures());
    let last = snapshot.account;
    result = result.and_then(|()| checker.scrape(&shown, &last, snapshot.now));
    world.life_ended();
    result?;
    checker.life_ended(&last, clock.now(), ledger.figures().keys)?;
    Ok(last)
}

fn operation(history: &History, life: &Life) -> OperationConfig {
    let settings = &life.settings;
    let seconds = Duration::from_secs;
    OperationConfig {
        name: "ventas".to_owned(),
        server: Server { base_url: "http://127.0.0.1:1".to_owned(), name: "wv0042".to_owned() },
        token: TokenSource::Env("UNUSED".to_owned()),
        timezone: TimeZone::get(settings.wrong_zone.unwrap_or(history.zone)).unwrap(),
        interval: seconds(settings.interval),
        settle: seconds(settings.settle),
        overlap: seconds(settings.overlap),
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
        skills: match settings.skills_below {
            None => Skills::All,
            Some(below) => Skills::Only((0..below).map(|skill| format!("{}", 4_170 + u32::from(skill))).collect()),
        },
    }
}
