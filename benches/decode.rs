//! From the bytes of the largest answer to rows, and on into the ledger: 60,000 rows, some 18 MB. Beside it, on the same
//! machine in the same minute, what Python takes to count them and store nothing (`rows.py`), where it has
//! `prometheus_client`.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use domain::account::Account;
use domain::gaps::Findings;
use domain::identity::RowHasher;
use domain::range::Stretch;
use domain::report::ABANDONED;
use domain::row::ReadRow;
use domain::rules::{Rules, Skills};
use domain::tally::Read;
use domain::window::Windows;
use domain::zone::civil_range;
use jiff::tz::TimeZone;
use wolkvox_exporter::ledger::{Ledger, Opened};
use wolkvox_exporter::wolkvox::answer::{Data, decode};

const ROWS: usize = 60_000;

fn largest_answer() -> String {
    let mut body = format!(r#"{{"code":"200","error":null,"msg":"{ROWS} records were found","data":["#);
    for n in 0..ROWS {
        let (hour, minute, second) = (n / 3600 % 24, n / 60 % 60, n % 60);
        let comma = if n == 0 { "" } else { "," };
        let skill = n % 40;
        // `write!` to a string doesn't fail.
        let _ = write!(
            body,
            r#"{comma}{{"skill_name":"Atenci\u00f3n al cliente, l\u00ednea {skill} (Bogot\u00e1)","skill_id":"{}","conn_id":"6736.4628.1040.{}.{n}","date":"2026-01-18 {hour:02}:{minute:02}:{second:02}","result":"ABANDON","ani":"57300{n:07}","abandon_time":"{}","type_interaction":"inbound","customer_id":"{n:010}"}}"#,
            4000 + skill,
            1_768_700_000 + n,
            n % 300,
        );
    }
    body.push_str("]}");
    body
}

fn bench(criterion: &mut Criterion) {
    let body = largest_answer();
    let hasher = RowHasher::new([1; 16]);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(20);
    group.bench_function("60,000 rows", |bencher| {
        bencher.iter(|| match decode(black_box(body.as_bytes()), &ABANDONED, &hasher) {
            Ok(decoded) => match decoded.data {
                Data::Rows(rows) => assert_eq!(rows.len(), ROWS),
                other => panic!("no rows: {other:?}"),
            },
            Err(why) => panic!("{why}"),
        });
    });
    group.bench_function("60,000 rows, counted and stored", |bencher| {
        bencher.iter_batched(
            new_ledger,
            |(folder, ledger, opened)| {
                let decoded = decode(black_box(body.as_bytes()), &ABANDONED, &ledger.hasher()).expect("a whole answer");
                let Data::Rows(rows) = decoded.data else { panic!("no rows") };
                let counted = count(&ledger, &opened, rows);
                assert_eq!(counted.totals.rows("counted"), ROWS as u64);
                (folder, counted)
            },
            BatchSize::PerIteration,
        );
    });
    if by_python(&body, 1).is_some() {
        group.sample_size(10).bench_function("60,000 rows, counted by Python", |bencher| {
            bencher.iter_custom(|times| by_python(&body, times).expect("it did so before"));
        });
    } else {
        println!("python3 has no prometheus_client: it is left out");
    }
    group.finish();
}

/// How long Python took to count the rows so often, by its own clock.
fn by_python(body: &str, times: u64) -> Option<Duration> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/rows.py");
    let mut python = Command::new("python3");
    let python = python.args([script, &times.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.stderr(Stdio::null()).spawn().ok()?;
    child.stdin.take()?.write_all(body.as_bytes()).ok()?;
    let said = child.wait_with_output().ok()?.stdout;
    let (seconds, resident) = std::str::from_utf8(&said).ok()?.trim().split_once(' ')?;
    if times == 1 {
        println!("Python: at most {resident} kB resident");
    }
    seconds.parse().ok().map(Duration::from_secs_f64)
}

/// An empty ledger on the disk, with an account that begins before the first row.
fn new_ledger() -> (tempfile::TempDir, Ledger, Opened) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let now = "2026-01-19T12:00:00Z".parse().expect("an instant");
    let ledger = Ledger::open(&folder.path().join("ledger.db"), now).expect("a new ledger");
    let first = now - Duration::from_secs(48 * 3600);
    let opened =
        ledger.account("bench", ABANDONED.name, "America/Bogota", now, || Account::new(&rules().windows, first));
    (folder, ledger, opened.expect("a new operation"))
}

fn count(ledger: &Ledger, opened: &Opened, rows: Vec<ReadRow>) -> Account {
    let rules = rules();
    let from = opened.account.marks.complete_until;
    let stretch = Stretch { from, to: from + Duration::from_secs(48 * 3600) };
    let read = Read {
        stretch,
        asked: civil_range(&rules.zone, stretch),
        rows,
        findings: Findings::default(),
        proven: stretch.to,
        catch_up: true,
        due_end: stretch.to,
        skip_to: None,
        now: stretch.to,
        server_now: stretch.to,
    };
    let old = Arc::new(opened.account.clone());
    let counted = ledger.commit_now(&opened.id, old, move |account, seen| seen.tally(account, &rules, &read));
    Account::clone(&counted.expect("room on the disk").0)
}

fn rules() -> Rules {
    Rules {
        zone: TimeZone::get("America/Bogota").expect("a zone that exists"),
        windows: Windows::new(Duration::from_secs(300), Duration::from_secs(60)),
        overlap: Duration::from_secs(3_600),
        max_catch_up: Duration::from_secs(86_400),
        hold: Duration::from_secs(90),
        start_hold: Duration::ZERO,
        max_series: 2_000,
        skills: Skills::All,
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
