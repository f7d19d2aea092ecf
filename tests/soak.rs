//! Ten thousand windows through the real poller and ledger in paused time: what is kept stays flat. Its own binary, for the
//! memory of the process is measured.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use tokio::time::Instant;

use domain::evidence::Evidence;
use domain::identity::{RowContent, RowHasher};
use domain::range::CivilRange;
use domain::row::{ReadRow, Row};
use domain::server_time::Stamp;
use domain::totals::Total;
use exposition::prepared;
use wolkvox_exporter::clock::Clock;
use wolkvox_exporter::config::{OperationConfig, Server, Skills, Start, TokenSource};
use wolkvox_exporter::ledger::Ledger;
use wolkvox_exporter::metrics::Metrics;
use wolkvox_exporter::operation::{Operation, Snapshot};
use wolkvox_exporter::poller::{Poller, Turns, end_holds};
use wolkvox_exporter::shutdown::Shutdown;
use wolkvox_exporter::wolkvox::{Answer, Call, CallsReport, Failure, Token};

const WINDOWS: u64 = 10_000;
const INTERVAL: u64 = 300;
/// A call every so many seconds.
const EVERY: i64 = 100;
const CALLS_PER_WINDOW: u64 = INTERVAL / EVERY as u64;
/// By then the overlap, the margin for a change of zone and the database's log have filled up.
const SETTLED: u64 = 2_000;

/// How long an identity is kept: an overlap of an hour, 26 for a change of zone, up to one until the next forgetting.
const HOURS_KEPT: u64 = 28;
/// The log of the database is written back at 1,000 pages of 4 KiB and used again from its beginning; a transaction more.
const LARGEST_LEDGER: u64 = 5_000_000;
/// The allocator keeps some of what is freed; a leak of 32 bytes a row would be 10 MB.
const MEMORY_GROWTH: u64 = 4_000_000;

#[derive(Clone)]
struct Paused {
    begin: Timestamp,
    began: Instant,
}

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        self.begin + self.began.elapsed()
    }
}

/// A report with a call every [`EVERY`] seconds, in UTC.
struct Steady(Paused);

impl CallsReport for Steady {
    async fn fetch(&self, range: CivilRange, _: &Token, hasher: &RowHasher) -> Call {
        let second = |date| Offset::UTC.to_timestamp(date).expect("a date of this century").as_second();
        let first = second(range.ini).div_euclid(EVERY) * EVERY;
        let rows =
            (first..=second(range.end)).step_by(EVERY as usize).filter(|at| *at >= second(range.ini)).map(|at| {
                let skill_id = format!("{}", at / EVERY % 7);
                ReadRow::Row(Row {
                    id: hasher.hash("row", [at.to_string().as_str()]),
                    content: RowContent(1),
                    date: Offset::UTC.to_datetime(Timestamp::from_second(at).expect("a time of this century")),
                    began: Timestamp::from_second(at - 30).ok(),
                    skill_id: skill_id.as_str().into(),
                    skill_name: Some(format!("skill {skill_id}").into()),
                    type_interaction: "inbound".into(),
                    counts: true,
                    unknown_result: None,
                    waited: Some((at / EVERY % 600) as f64),
                })
            });
        let rows: Vec<_> = rows.collect();
        let announced = Some(rows.len() as u64);
        let evidence = if rows.is_empty() { Evidence::EmptyData } else { Evidence::Rows };
        let answer = Answer { rows, announced, evidence, broken: false };
        let took = Duration::from_secs(1);
        tokio::time::sleep(took).await;
        let stamp = Stamp::new(self.0.now(), Duration::ZERO);
        Call { took: Some(took), stamp: Some(stamp), result: Ok(answer) }
    }

    fn token(&self) -> Result<Token, Failure> {
        Ok(Token::new("token".into()))
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    ledger_bytes: u64,
    keys: u64,
    memory: u64,
}

/// Bytes of the process in memory; zero where the system doesn't say.
fn memory() -> u64 {
    const PAGE: u64 = 4_096;
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_windows_leave_everything_flat() {
    let memory_folder = Path::new("/dev/shm");
    let folder = if memory_folder.is_dir() { tempfile::tempdir_in(memory_folder) } else { tempfile::tempdir() };
    let folder = folder.expect("a temporary folder");
    let clock = Paused { begin: Timestamp::from_second(1_800_000_000).expect("an instant"), began: Instant::now() };
    let operation = operation();
    let ledger =
        Arc::new(Ledger::open(&folder.path().join("ledger.db"), clock.now()).expect("a new ledger").in_paused_time());
    let live = Operation::open(&ledger, &operation, clock.now()).expect("a new account");
    let metrics = Metrics::new(prepared::Settings::default(), clock.now()).expect("its metrics are distinct");
    let (_trigger, shutdown) = Shutdown::new();
    let report = Arc::new(Steady(clock.clone()));
    let poller = Poller::new(report, live.abandoned.clone(), Turns::default(), clock.clone(), shutdown.clone());
    tokio::spawn(poller.run());
    tokio::spawn(end_holds(live.abandoned.clone(), clock.clone(), shutdown));

    // Settled, and two seconds after the answer.
    tokio::time::sleep(Duration::from_secs(63)).await;
    let (mut settled, mut last) = (Figures::default(), Figures::default());
    for window in 1..=WINDOWS {
        tokio::time::sleep(Duration::from_secs(INTERVAL)).await;
        if window % 100 != 0 {
            continue;
        }
        let snapshot = Snapshot::all(&live, clock.now()).remove(0);
        metrics.families_now(std::slice::from_ref(&snapshot), ledger.figures());
        let account = &snapshot.account;
        assert_eq!(account.totals.get(Total::Windows), window);
        let calls: u64 = account.series.values().map(|series| series.counts.calls).sum();
        assert_eq!(calls, window * CALLS_PER_WINDOW, "after {window} windows");
        last = Figures { ledger_bytes: ledger.figures().size_bytes, keys: ledger.figures().keys, memory: memory() };
        assert!(last.keys <= HOURS_KEPT * 3_600 / EVERY as u64 + CALLS_PER_WINDOW, "{last:?}");
        assert!(last.ledger_bytes <= LARGEST_LEDGER, "{last:?}");
        if window <= SETTLED {
            settled = last;
        }
        if window % 1_000 == 0 {
            println!("{window} windows, {calls} calls: {last:?}");
        }
    }
    assert!(last.memory <= settled.memory + MEMORY_GROWTH, "from {settled:?} to {last:?}");
    assert!(last.keys * 10 <= settled.keys * 11, "from {settled:?} to {last:?}");
}

fn operation() -> OperationConfig {
    let seconds = Duration::from_secs;
    let server = Server { base_url: "http://127.0.0.1:1".to_owned(), name: "wv0042".to_owned() };
    OperationConfig {
        timezone: TimeZone::UTC,
        interval: seconds(INTERVAL),
        settle: seconds(60),
        overlap: seconds(3_600),
        max_catch_up: seconds(86_400),
        start: Start::Now,
        timeout: seconds(75),
        connect_timeout: seconds(10),
        hold: seconds(90),
        start_hold: Duration::ZERO,
        max_series: 2_000,
        quota_interval: Duration::ZERO,
        abandon_time_buckets: vec![5, 10, 30, 60, 120, 300, 600],
        skills: Skills::All,
        ..OperationConfig::new("ventas".to_owned(), server, TokenSource::Env("UNUSED".to_owned()))
    }
}
