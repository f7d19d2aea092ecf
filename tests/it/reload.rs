//! The configuration is read again while the exporter runs: what changes, changes whole, and nothing else notices.
//!
//! `WOLKVOX_RELOADS=100 cargo test --test it reload -- --nocapture` reloads a hundred times under load and kills, instead of
//! a few, and prints figures.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use simulator::call::{Call, Injected};

use crate::support::child::{self, signal};
use crate::support::http::{self, Response};
use crate::support::scrape::{Scrape, check_with_promtool};
use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{ABANDONED, ANSWERED, Report, calls_of, shown_of};
use crate::support::wait::free_address;
use crate::support::{Child, Folder, PATIENCE, Sim, wait_for};

const DEFAULTS: &str = "{interval: 1s, settle: 0s, overlap: 5s, answered_overlap: 5s, hold: 0s, max_catch_up: 1h}";

/// A configuration of operations, each with lines of its own.
struct Setup {
    sim: Sim,
    folder: Folder,
}

impl Setup {
    /// Operations with two abandoned and two answered calls a second each, for as long as a test lasts.
    fn new(names: &[&str], seconds: usize) -> Self {
        let sim = Sim::start(names.iter().map(|name| quiet(name)).collect());
        let now = Timestamp::now() - Duration::from_secs(2);
        for name in names {
            let calls = stream_of_calls(now, Duration::from_millis(500), 2 * seconds);
            let answered = calls.iter().cloned().map(|call| Call {
                result: "ANSWER".into(),
                conn_id: format!("{}.7", call.conn_id),
                in_abandoned: false,
                in_answered: true,
                ..call
            });
            let all: Vec<_> = answered.chain(calls.iter().cloned()).map(Injected::from).collect();
            sim.operation(name).expect("simulated").inject(all);
        }
        let folder = Folder::new(&sim, &[], |_| Vec::new());
        Self { sim, folder }
    }

    /// The file with these operations, in this order: the name here, that of the simulator, and more keys.
    fn write(&self, operations: &[(&str, &str, &str)]) {
        let mut text = format!("ledger: {:?}\ndefaults: {DEFAULTS}\noperations:\n", self.folder.ledger());
        for (name, of, more) in operations {
            let (server, token) = (self.sim.base_url(), self.folder.token_file(of));
            text.push_str(&format!("  - {{name: {name}, server: {server:?}, token_file: {token:?}{more}}}\n"));
        }
        self.folder.write_config(&text);
    }

    fn serve(&self) -> Child {
        let mut command = self.folder.command();
        command.arg("--web.enable-lifecycle");
        Child::start(command)
    }

    /// Waits until what is shown of `name`, which counts the calls of the simulator's `of`, is the truth since `start`.
    fn is_exact(&self, exporter: &Child, report: &Report, (name, of): (&str, &str), start: Timestamp) {
        let until = Timestamp::now();
        exporter.wait_for(&format!("the truth of {name}, {}, up to {until}", report.name), |scrape| {
            let reached = complete_until(scrape, name, report).ok_or("no account")?;
            let calls = self.sim.operation(of).expect("simulated").truth(start, reached);
            let (shown, truth) = (shown_of(report, scrape, name), calls_of(report, &calls));
            match () {
                () if reached < until => Err(format!("complete until {reached}")),
                () if shown != truth => Err(format!("{shown:?} since {start} until {reached}, not {truth:?}")),
                () => Ok(()),
            }
        });
    }
}

fn reload(exporter: &Child) -> Response {
    http::post(exporter.address(), "/-/reload").unwrap_or_else(|error| panic!("{error}: {}", exporter.said()))
}

/// A reload that must succeed: its lines.
fn reloaded(exporter: &Child) -> Vec<String> {
    let answer = reload(exporter);
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), exporter.said());
    answer.text().lines().map(str::to_owned).collect()
}

fn complete_until(scrape: &Scrape, operation: &str, report: &Report) -> Option<Timestamp> {
    let labels = [("operation", operation), ("report", report.name)];
    let second = scrape.get("wolkvox_complete_until_timestamp_seconds", &labels)?;
    Some(Timestamp::from_second(second as i64).expect("this century"))
}

/// Where counting began: the first windows of an operation are complete one after the other.
fn start_of(exporter: &Child, operation: &str, report: &Report) -> Timestamp {
    exporter.wait_for("a first window", |scrape| {
        let reach = crate::support::truth::reach_of(report, scrape, operation, 1.0).ok_or("no account")?;
        if reach.complete_until > reach.start { Ok(reach.start) } else { Err(format!("{reach:?}")) }
    })
}

#[test]
fn each_kind_of_change_is_made_and_the_other_operations_notice_nothing() {
    let setup = Setup::new(&["ventas", "soporte", "cobros"], 600);
    let [ventas, soporte, cobros] = ["ventas", "soporte", "cobros"].map(|name| (name, name, ""));
    setup.write(&[ventas, soporte]);
    let exporter = setup.serve();
    let begun = start_of(&exporter, "soporte", &ABANDONED);
    let first = exporter.scrape().ledger_counters();
    assert_eq!(reloaded(&exporter), ["nothing has changed"]);

    // One is added.
    setup.write(&[cobros, ventas, soporte]);
    let [line] = &reloaded(&exporter)[..] else { panic!("one change") };
    assert!(line.starts_with("cobros: added, counts from "), "{line}");
    let cobros_begun = start_of(&exporter, "cobros", &ABANDONED);
    setup.is_exact(&exporter, &ABANDONED, ("cobros", "cobros"), cobros_begun);
    let page = exporter.get("/?lang=en", &[]).text();
    assert!(page.contains("<h2><bdi>cobros<"), "{page}");

    // Settings of one are changed, one after the other: all are in force at once, and nothing of its counts is lost.
    let changes = [
        (", abandon_time_buckets: [10, 20]", "soporte: abandon_time_buckets is [10, 20] (was [5, 10, "),
        (", reports: [abandoned, answered]", "soporte: reports is [abandoned, answered] (was [abandoned])"),
        (
            ", reports: [abandoned, answered, totals]",
            "reports is [abandoned, answered, totals] (was [abandoned, answered])",
        ),
        (", reports: [abandoned, totals]", "reports is [abandoned, totals] (was [abandoned, answered, totals])"),
        (", reports: [abandoned]", "soporte: reports is [abandoned] (was [abandoned, totals])"),
        (", reports: [abandoned, answered], interval: 2s", "interval is 2s (was 1s)"),
        (", timezone: America/Lima", "timezone is America/Lima (was America/Bogota)"),
        (", hold: 5m", "soporte: timezone is America/Bogota (was America/Lima), hold is 5m (was 0s)"),
        (", skills: [\"4173\"]", "skills is [\"4173\"] (was all)"),
    ];
    let mut answered_begun = None;
    for (more, expected) in changes {
        let before = exporter.scrape().ledger_counters();
        setup.write(&[cobros, ventas, ("soporte", "soporte", more)]);
        let [line] = &reloaded(&exporter)[..] else { panic!("one change") };
        assert!(line.starts_with("soporte: ") && line.contains(expected), "{line}");
        let scrape = exporter.scrape();
        assert_none_fell(&before, &scrape.ledger_counters());
        check_with_promtool(&scrape.text);
        let bounds =
            scrape.all("wolkvox_abandon_time_seconds_bucket", &[("operation", "soporte"), ("skill_id", "4173")]);
        let bounds = bounds.count();
        assert_eq!(bounds == 3, more.contains("[10, 20]"), "{bounds} bounds with {more}");
        let has_answered = complete_until(&scrape, "soporte", &ANSWERED).is_some();
        assert_eq!(has_answered, more.contains("answered"), "{more}: a report that is switched off vanishes");
        let totals = scrape.all("wolkvox_polls_total", &[("operation", "soporte"), ("report", "totals")]).count();
        assert_eq!(totals > 0, more.contains("totals"), "{more}: {totals} series of totals");
        assert_eq!(scrape.value("wolkvox_exporter_config_last_reload_successful", &[]), 1.0);
        assert_eq!(scrape.value("wolkvox_up", &[("operation", "soporte"), ("report", "abandoned")]), 1.0);
        if has_answered {
            let begun = *answered_begun.get_or_insert_with(|| start_of(&exporter, "soporte", &ANSWERED));
            setup.is_exact(&exporter, &ANSWERED, ("soporte", "soporte"), begun);
        }
        if more.contains("interval") || more.contains("Lima") {
            setup.is_exact(&exporter, &ABANDONED, ("soporte", "soporte"), begun);
        }
    }

    // The place of a token: the new file's is used.
    let elsewhere = setup.folder.path().join("elsewhere");
    std::fs::copy(setup.folder.token_file("soporte"), &elsewhere).expect("a folder of this test");
    let place = format!(", skills: [\"4173\"], token_file: {elsewhere:?}");
    let text = std::fs::read_to_string(setup.folder.config()).expect("just written");
    let old = format!("token_file: {:?}, skills: [\"4173\"]", setup.folder.token_file("soporte"));
    assert!(text.contains(&old), "{text}");
    setup.folder.write_config(&text.replace(&old, place.trim_start_matches(", ")));
    assert!(reloaded(&exporter)[0].starts_with("soporte: token_file is "));
    std::fs::remove_file(setup.folder.token_file("soporte")).expect("written by this test");
    let now = Timestamp::now();
    exporter.wait_for("reads with the token that has moved", |scrape| {
        match complete_until(scrape, "soporte", &ABANDONED) {
            Some(reached) if reached > now => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });

    // One is removed, and comes back.
    let removed_at = exporter.scrape();
    setup.write(&[ventas]);
    let mut lines = reloaded(&exporter);
    lines.sort();
    assert_eq!(lines, ["cobros: removed; its account is kept", "soporte: removed; its account is kept"]);
    let scrape = exporter.scrape();
    assert!(!scrape.text.contains("cobros") && !scrape.text.contains("soporte"), "{}", scrape.text);
    assert!(!exporter.get("/", &[]).text().contains("cobros"));
    let asked = |of: &str| setup.sim.requests().iter().filter(|it| it.operation.as_deref() == Some(of)).count();
    let asked_before = asked("cobros");
    let now = Timestamp::now();
    setup.is_exact(&exporter, &ABANDONED, ("ventas", "ventas"), start_of(&exporter, "ventas", &ABANDONED));
    assert!(Timestamp::now() > now && asked("cobros") == asked_before, "it is asked for no more");
    setup.write(&[ventas, cobros]);
    let [line] = &reloaded(&exporter)[..] else { panic!("one change") };
    assert!(line.starts_with("cobros: added, goes on from "), "{line}");
    let back = exporter.scrape();
    let of = |scrape: &Scrape, name: &str| -> BTreeMap<_, _> {
        scrape.ledger_counters().into_iter().filter(|(series, _)| series.contains(name)).collect()
    };
    assert_none_fell(&of(&removed_at, "\"cobros\""), &of(&back, "\"cobros\""));
    assert!(!of(&back, "\"cobros\"").is_empty());
    setup.is_exact(&exporter, &ABANDONED, ("cobros", "cobros"), cobros_begun);

    // A renamed one is removed and added, and the answer says so.
    setup.write(&[ventas, ("cartera", "cobros", "")]);
    let lines = reloaded(&exporter);
    assert_eq!(lines[0], "cobros: removed; its account is kept");
    assert!(lines[1].starts_with("cartera: added, counts from "), "{lines:?}");
    assert!(lines[1].ends_with("nothing of cobros is carried over") && lines.len() == 2, "{lines:?}");
    let cartera = start_of(&exporter, "cartera", &ABANDONED);
    setup.is_exact(&exporter, &ABANDONED, ("cartera", "cobros"), cartera);

    // The one that nobody has touched: each window was read once, when it was due, and every call counted.
    let scrape = exporter.scrape();
    assert_none_fell(&first, &scrape.ledger_counters());
    let windows = setup.sim.requests().into_iter().filter(|it| it.operation.as_deref() == Some("ventas"));
    let ends: Vec<_> = windows.map(|it| it.date_end.expect("a range")).collect();
    let mut distinct = ends.clone();
    distinct.dedup();
    assert_eq!(ends, distinct, "a window was asked for twice");
    assert!(!setup.sim.requests().iter().any(|request| request.overlapping));
    let (status, _, said) = exporter.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
}

#[test]
fn what_is_bad_or_cant_change_live_changes_nothing() {
    let setup = Setup::new(&["ventas", "soporte"], 300);
    setup.write(&[("ventas", "ventas", ""), ("soporte", "soporte", "")]);
    let web = setup.folder.path().join("web.yml");
    std::fs::write(&web, "http_server_config: {headers: {X-Content-Type-Options: nosniff}}\n")
        .expect("a folder of this test");
    let mut command = setup.folder.command();
    command.arg("--web.enable-lifecycle").arg("--web.config.file").arg(&web);
    let exporter = Child::start(command);
    let begun = ["ventas", "soporte"].map(|name| (name, start_of(&exporter, name, &ABANDONED)));
    let good = std::fs::read_to_string(setup.folder.config()).expect("just written");
    let loaded = |scrape: &Scrape| scrape.value("wolkvox_exporter_config_last_reload_successful", &[]);
    let loaded_at =
        |scrape: &Scrape| scrape.value("wolkvox_exporter_config_last_reload_success_timestamp_seconds", &[]);
    assert_eq!(loaded(&exporter.scrape()), 1.0);
    let since = loaded_at(&exporter.scrape());

    let (token, nowhere) = (setup.folder.token_file("soporte"), setup.folder.path().join("none"));
    let without_soporte: String = good.lines().filter(|line| !line.contains("soporte")).collect::<Vec<_>>().join("\n");
    let bad = [
        ("no YAML", "operations: [".to_owned(), vec!["config.yml:", "not valid YAML"]),
        ("empty", String::new(), vec!["no operation to read"]),
        (
            "several mistakes",
            good.replace("interval: 1s", "interval: 7s").replace("server:", "sever:"),
            vec!["interval", "config.yml:4:", "config.yml:5:", "did you mean `server`?"],
        ),
        ("another ledger", good.replace("ledger.db", "other.db"), vec!["ledger is ", "restart it"]),
        (
            "another ledger beside a change that could be made",
            without_soporte.replace("ledger.db", "other.db"),
            vec!["ledger is ", "restart it"],
        ),
        (
            "a token that can't come",
            good.replace(&format!("token_file: {token:?}"), "token_env: NOWHERE"),
            vec!["NOWHERE", "not set"],
        ),
    ];
    for (what, text, expected) in bad {
        setup.folder.write_config(&text);
        let answer = reload(&exporter);
        let said = answer.text();
        assert_eq!(answer.status, 500, "{what}: {said}");
        assert!(expected.iter().all(|part| said.contains(part)), "{what}: {said}");
        let scrape = exporter.scrape();
        assert_eq!((loaded(&scrape), loaded_at(&scrape)), (0.0, since), "{what}");
        let told = [("en", "The configuration was read again (SIGHUP or"), ("es", "La configuración se leyó de nuevo")];
        for (lang, words) in told {
            let page = exporter.get(&format!("/?lang={lang}"), &[]).text();
            assert!(page.contains(words), "{what}: {page}");
        }
        for line in said.lines() {
            exporter.wait_for_lines(1, &["level=error", &line.replace('"', "\\\"")]);
        }
        for (name, start) in begun {
            assert!(complete_until(&scrape, name, &ABANDONED).is_some_and(|reached| reached > start), "{what}: {name}");
        }
    }
    std::fs::remove_file(setup.folder.config()).expect("written by this test");
    assert!(reload(&exporter).text().contains("can't be opened"));
    // Nobody ever writes into it; reloads and the process go on beside what waits there.
    let made = std::process::Command::new("mkfifo").arg(setup.folder.config()).status().expect("mkfifo is installed");
    assert!(made.success());
    let answer = reload(&exporter);
    assert!(answer.status == 500 && answer.text().contains("or one is a pipe"), "{}", answer.text());
    std::fs::remove_file(setup.folder.config()).expect("written by this test");
    assert!(!nowhere.exists() && !setup.folder.path().join("other.db").exists());

    // The other file is read too, and what is wrong with it keeps a good configuration from being in force.
    setup.folder.write_config(&without_soporte);
    std::fs::write(&web, "basic_auth_users: 7\n").expect("a folder of this test");
    let answer = reload(&exporter);
    assert!(answer.status == 500 && answer.text().contains("web.yml:1:"), "{}", answer.text());
    assert!(exporter.scrape().text.contains("operation=\"soporte\""));
    std::fs::write(&web, "http_server_config: {headers: {X-Content-Type-Options: nosniff}}\n")
        .expect("a folder of this test");
    let lines = reloaded(&exporter);
    assert!(lines[0].contains("web.yml: in clear") && lines[1].starts_with("soporte: removed"), "{lines:?}");
    let scrape = exporter.scrape();
    assert_eq!(loaded(&scrape), 1.0);
    assert!(loaded_at(&scrape) > since && !scrape.text.contains("soporte"));
    assert!(!exporter.get("/?lang=en", &[]).text().contains("/-/reload"));

    // By a signal, without an answer.
    setup.folder.write_config(&good);
    signal(exporter.id(), "HUP");
    wait_for("the operation to be back", PATIENCE, || {
        if exporter.scrape().text.contains("soporte") { Ok(()) } else { Err(exporter.said()) }
    });
    for (name, start) in begun {
        setup.is_exact(&exporter, &ABANDONED, (name, name), start);
    }
    assert_eq!(exporter.terminate().0.code(), Some(0));
}

#[test]
fn a_request_needs_the_flag_and_a_reload_a_file() {
    let setup = Setup::new(&["ventas"], 60);
    let exporter = setup.folder.serve();
    let answer = reload(&exporter);
    assert!(answer.status == 404 && answer.text().contains("--web.enable-lifecycle"), "{}", answer.text());
    drop(exporter);

    let server = setup.sim.base_url();
    let token = setup.folder.token_file("ventas").display().to_string();
    let mut command = child::command(&["--web.listen-address", "127.0.0.1:0", "--web.enable-lifecycle"]);
    command.args(["--wolkvox.server", &server, "--wolkvox.token-file", &token]).current_dir(setup.folder.path());
    let exporter = Child::start(command);
    let got = exporter.get("/-/reload", &[]);
    assert_eq!(got.status, 405);
    assert!(got.head.to_lowercase().contains("allow: post"), "{}", got.head);
    let answer = reload(&exporter);
    assert!(answer.status == 500 && answer.text().contains("no configuration file"), "{}", answer.text());
    assert_eq!(exporter.scrape().value("wolkvox_exporter_config_last_reload_successful", &[]), 1.0);
    signal(exporter.id(), "HUP");
    exporter.wait_for_lines(2, &["no configuration file"]);
    assert_eq!(exporter.terminate().0.code(), Some(0));
}

/// What a scraper has seen.
#[derive(Default)]
struct Seen {
    scrapes: AtomicU64,
    slowest: Mutex<Duration>,
}

#[test]
fn many_reloads_under_load_and_kills_lose_no_scrape_and_no_count() {
    let reloads: usize = std::env::var("WOLKVOX_RELOADS").map_or(10, |number| number.parse().expect("a number"));
    let seed = Timestamp::now().as_second() as u64;
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let setup = Setup::new(&["ventas", "soporte", "cobros"], 120 + 4 * reloads);
    let ventas = ("ventas", "ventas", "");
    let soporte = [
        ("soporte", "soporte", ""),
        ("soporte", "soporte", ", interval: 2s"),
        ("soporte", "soporte", ", overlap: 20s, abandon_time_buckets: [10, 20, 60]"),
        ("soporte", "soporte", ", timezone: America/Lima"),
        ("soporte", "soporte", ", reports: [abandoned, answered]"),
    ];
    setup.write(&[ventas, soporte[0], ("cobros", "cobros", "")]);
    let address = free_address();
    let start = || {
        let mut command = setup.folder.command_on(address);
        command.arg("--web.enable-lifecycle");
        Child::start(command)
    };
    let exporter = start();
    let begun = ["ventas", "soporte", "cobros"].map(|name| (name, start_of(&exporter, name, &ABANDONED)));

    let (seen, over) = (Seen::default(), AtomicBool::new(false));
    // Held while the process is there to answer.
    let alive = RwLock::new(());
    let (mut kills, mut done, mut slowest) = (0, 0, Duration::ZERO);
    let exporter = std::thread::scope(|scope| {
        let mut exporter = exporter;
        for _ in 0..2 {
            scope.spawn(|| scrape_until(&over, &alive, address, &seen));
        }
        for reload_number in 0..reloads {
            let mut operations = vec![ventas];
            operations.extend(soporte.choose(&mut random).filter(|_| random.random_bool(0.8)));
            let cobros = random.random_bool(0.6);
            operations.extend(cobros.then_some(("cobros", "cobros", "")));
            setup.write(&operations);
            // A few are killed in the middle of a reload or soon after.
            if reload_number % 10 == 9 {
                let _gone = alive.write().expect("nobody panics with it");
                signal(exporter.id(), "HUP");
                std::thread::sleep(Duration::from_micros(random.random_range(0..80_000)));
                exporter.kill();
                exporter = start();
                kills += 1;
                continue;
            }
            let began = Instant::now();
            let answer = reload(&exporter);
            assert_eq!(answer.status, 200, "seed {seed}: {}\n{}", answer.text(), exporter.said());
            slowest = slowest.max(began.elapsed());
            done += 1;
            std::thread::sleep(Duration::from_millis(random.random_range(0..if reloads > 20 { 1_500 } else { 500 })));
        }
        setup.write(&[ventas, soporte[0], ("cobros", "cobros", "")]);
        reloaded(&exporter);
        over.store(true, Ordering::Relaxed);
        exporter
    });
    for (name, start) in begun {
        setup.is_exact(&exporter, &ABANDONED, (name, name), start);
    }
    let ventas = setup.sim.requests().into_iter().filter(|it| it.operation.as_deref() == Some("ventas"));
    let mut ends: Vec<_> = ventas.map(|it| it.date_end.expect("a range")).collect();
    let asked = ends.len();
    ends.dedup();
    // A start may ask again for what a kill has interrupted.
    assert!(asked - ends.len() <= kills, "{asked} calls for {} windows of the untouched operation", ends.len());
    let scrapes = seen.scrapes.load(Ordering::Relaxed);
    assert!(scrapes as usize > 2 * reloads, "{scrapes} scrapes");
    println!(
        "{done} reloads (the slowest took {slowest:?}), {kills} kills, {scrapes} scrapes of which none failed (the slowest \
         took {:?}); no counter fell, all counts are exact",
        seen.slowest.lock().expect("readers don't panic")
    );
}

fn scrape_until(over: &AtomicBool, alive: &RwLock<()>, address: SocketAddr, seen: &Seen) {
    let mut before = BTreeMap::new();
    while !over.load(Ordering::Relaxed) {
        let alive = alive.read().expect("nobody panics with it");
        let began = Instant::now();
        let answer = http::get(address, "/metrics", &[]).expect("an answer to a scrape");
        let took = began.elapsed();
        assert_eq!(answer.status, 200, "{}", answer.head);
        let scrape = Scrape::parse(answer.text());
        assert!(
            scrape.get("wolkvox_up", &[("operation", "ventas"), ("report", "abandoned")]).is_none_or(|up| up == 1.0)
        );
        assert!(complete_until(&scrape, "ventas", &ABANDONED).is_some(), "the untouched operation is always there");
        drop(alive);
        let now = scrape.ledger_counters();
        assert_none_fell(&before, &now);
        // What is away for a while must come back with as much.
        before.extend(now);
        seen.scrapes.fetch_add(1, Ordering::Relaxed);
        let mut slowest = seen.slowest.lock().expect("nobody panics with it");
        *slowest = took.max(*slowest);
        drop(slowest);
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn assert_none_fell(before: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) {
    for (series, value) in before {
        let now = now.get(series);
        assert!(now.is_none_or(|now| now >= value), "{series} fell from {value} to {now:?}");
    }
}
