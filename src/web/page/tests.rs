use std::sync::Arc;
use std::time::Duration;

use domain::account::{Account, SkillName};
use domain::days::Days;
use domain::outcome::Outcome;
use domain::range::{CivilRange, Stretch};
use domain::reconciliation::{Compared, NotCompared, OfReport, Reading, Reconciled, Reconciliation};
use domain::report::{ABANDONED, ANSWERED};
use domain::series::{Series, SeriesKey};
use domain::window::Windows;
use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::table::{Topic, entry};
use super::*;
use crate::config::Links;
use crate::logging::Lost;
use crate::operation::ended::{EndedPoll, Trouble};
use crate::operation::status::{Concern, State};
use crate::operation::today::Today;
use crate::wolkvox::client::TokenUses;
use crate::wolkvox::{Cause, Failure};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An operation in Bogotá at 14:37:12 with three polls: one with rows, an empty one, a failed one.
fn operation(name: &str, state: State) -> OperationStatus {
    let poll = |hour: u64, minute: u64, outcome| EndedPoll {
        at: at("2026-01-18T05:00:02Z") + Duration::from_secs((hour * 60 + minute) * 60),
        range: CivilRange {
            ini: date(2026, 1, 18).at(hour as i8 - 1, minute as i8 - 1, 0, 0),
            end: date(2026, 1, 18).at(hour as i8, minute as i8 - 2, 59, 0),
        },
        outcome,
        calls: 1,
        rows: 0,
        counted: 0,
        took: Duration::from_millis(840),
        trouble: None,
    };
    OperationStatus {
        name: name.to_owned(),
        report: &ABANDONED,
        is_alone: true,
        server: "wv0042".to_owned(),
        timezone: "America/Bogota".to_owned(),
        interval: Duration::from_secs(300),
        state,
        concerns: Vec::new(),
        since: at("2026-01-18T05:00:00Z"),
        complete_until: Some(at("2026-01-18T19:35:00Z")),
        last_window_calls: Some(7),
        calls_total: 48_213,
        series: 34,
        series_on_hold: 0,
        today: Some(today()),
        token_uses: None,
        reconciliation: None,
        next_poll: Some(at("2026-01-18T19:41:00Z")),
        last_polls: vec![
            EndedPoll { rows: 12_050, counted: 7, took: Duration::from_millis(2310), ..poll(14, 36, Outcome::Ok) },
            poll(14, 31, Outcome::Empty),
            EndedPoll {
                calls: 3,
                took: Duration::from_secs(75),
                trouble: Some(call_failed(Outcome::Timeout, "no answer within 75 s")),
                ..poll(14, 26, Outcome::Timeout)
            },
        ],
    }
}

/// A day in Bogotá up to 14:35, and the hours before.
fn today() -> Today {
    today_of(&counted(24))
}

fn today_of(account: &Account) -> Today {
    Today::new(account, &TimeZone::get("America/Bogota").unwrap(), at("2026-01-18T19:37:12Z")).unwrap()
}

/// Has counted the calls of that many hours up to 14:35.
fn counted(hours: i64) -> Account {
    let until = at("2026-01-18T19:35:00Z");
    let windows = Windows::new(Duration::from_secs(300), Duration::from_secs(60));
    let mut account = Account::new(&windows, until - SignedDuration::from_hours(hours));
    account.marks.complete_until = until;
    for (number, name) in
        (0..).zip(["Ventas", "Soporte técnico de hogares", "Cobranzas", "Ventas corporativas, gobierno y aliados"])
    {
        let key =
            SeriesKey { skill_id: format!("{}", 4170 + number).as_str().into(), type_interaction: "inbound".into() };
        let said = SkillName { name: name.into(), as_of: date(2026, 1, 18).at(9, 0, 0, 0) };
        account.skills.insert(key.skill_id.clone(), said);
        account.series.insert(key, Arc::new(Series::new(number, until)));
        for hour in 0..hours {
            let call = until - SignedDuration::from_mins(60 * hour + 7);
            let local = TimeZone::get("America/Bogota").unwrap().to_datetime(call);
            for calls in 0..(hour * 7 + i64::from(number)) % 11 * 3 {
                account.days.count(local.date(), call, number, (number != 2).then_some((calls * 17) as f64));
            }
        }
    }
    account
}

fn call_failed(outcome: Outcome, message: &str) -> Trouble {
    Trouble::Call(Failure { outcome, cause: None, message: message.to_owned(), retry_after: None })
}

fn status(operations: Vec<OperationStatus>) -> Status {
    Status {
        version: "0.1.0",
        now: at("2026-01-18T19:37:12Z"),
        started: at("2026-01-18T11:05:00Z"),
        ready: true,
        operations,
        links: Links {
            dashboards: Some("https://grafana.example.com/d/wolkvox".to_owned()),
            alerts: Some("https://alerts.example.com/#/alerts?filter=a&b".to_owned()),
        },
        ledger_is_gone: false,
        log_lost: None,
        bad_config: None,
        bad_web_file: None,
    }
}

/// An operation that gets no answer for this cause.
fn unanswered(cause: Cause) -> OperationStatus {
    let cause = if cause == Cause::ProxyRefused(None) { Cause::ProxyRefused(Some(403)) } else { cause };
    let outcome = if cause == Cause::Page { Outcome::Maintenance } else { Outcome::Connect };
    let message = format!("no connection to the server: {cause:?}");
    let trouble = Trouble::Call(Failure { outcome, cause: Some(cause), message, retry_after: None });
    let last_polls = Vec::new();
    OperationStatus { today: None, last_polls, ..operation("sin-respuesta", State::Failing(trouble)) }
}

/// One operation in each state.
fn all_states() -> Status {
    let behind = |complete_until: &str, name, state| OperationStatus {
        complete_until: Some(at(complete_until)),
        last_window_calls: None,
        today: None,
        last_polls: Vec::new(),
        ..operation(name, state)
    };
    let concerned = |name, concerns| OperationStatus {
        concerns,
        today: None,
        last_polls: Vec::new(),
        ..operation(name, State::Current)
    };
    let starting = OperationStatus {
        complete_until: None,
        last_window_calls: None,
        calls_total: 0,
        series: 0,
        today: None,
        next_poll: None,
        last_polls: Vec::new(),
        ..operation("arranque", State::Starting)
    };
    // Counting by day began in the morning; half an hour of the day was given up, and some rows could not be counted.
    let mut begun = counted(6);
    let (from, to) = (at("2026-01-18T15:10:00Z"), at("2026-01-18T15:40:00Z"));
    begun.days.unread.note(Stretch { from, to });
    begun.days.could_not_count(CivilRange { ini: date(2026, 1, 18).into(), end: date(2026, 1, 18).into() }, 12_050);
    begun.days.leave_out(date(2026, 1, 18), &"4199".into());
    begun.marks.complete_until = at("2026-01-18T18:05:00Z");
    let catching_up = OperationStatus {
        series_on_hold: 3,
        today: Some(today_of(&begun)),
        ..behind("2026-01-18T18:05:00Z", "cobranzas", State::CatchingUp)
    };
    // After an outage over midnight, and of a skill that has a long name.
    let mut long_ago = counted(24);
    long_ago.marks.complete_until = at("2026-01-18T04:10:00Z");
    long_ago.days.days.clear();
    let mut quiet = counted(24);
    quiet.days = Days::default();
    let refused = OperationStatus {
        timezone: "Europe/Madrid".to_owned(),
        ..behind(
            "2026-01-17T23:30:00Z",
            "madrid",
            State::Paused {
                trouble: call_failed(Outcome::Unauthorized, "403: PLEASE VALIDATE TOKEN"),
                until: at("2026-01-18T20:35:00Z"),
            },
        )
    };
    let failing = |name, trouble| behind("2026-01-18T19:10:00Z", name, State::Failing(trouble));
    let ahead = SignedDuration::from_mins(7);
    let zone = Concern::Zone {
        observed_offset: -3 * 3600,
        zones_that_fit: vec!["America/Santiago", "America/Argentina/Buenos_Aires"],
    };
    let failures = [
        Outcome::QuotaExceeded,
        Outcome::Busy,
        Outcome::Maintenance,
        Outcome::BadRequest,
        Outcome::ServerError,
        Outcome::Timeout,
        Outcome::Malformed,
    ];
    let failures = failures.map(|outcome| failing("fallida", call_failed(outcome, "SERVER BACKUP IN PROGRESS")));
    let unreadable = Trouble::Unreadable { second: date(2026, 1, 18).at(14, 3, 7, 0) };
    let copy =
        OperationStatus { concerns: vec![Concern::Copy { made: at("2026-01-18T03:10:00Z") }], ..starting.clone() };
    let token_uses = Some(TokenUses { remaining: Some(11_040), today: Some(288), limit: Some(12_000) });
    let operations = vec![
        OperationStatus { token_uses, ..operation("ventas", State::Current) },
        starting,
        catching_up,
        OperationStatus {
            today: Some(today_of(&long_ago)),
            ..failing("soporte", call_failed(Outcome::Connect, "tcp connect error: connection timed out"))
        },
        refused,
        failing("pedidos", Trouble::Incomplete { delivered: 59_000, announced: Some(80_000) }),
        failing("nacional", Trouble::TooManyParts { calls: 16 }),
        failing("dañada", Trouble::Broken { calls: 16 }),
        failing("disco-lleno", Trouble::Ledger("database or disk is full".to_owned())),
        concerned("santiago", vec![zone, Concern::Clock { ahead: -ahead }]),
        concerned("reloj", vec![Concern::Clock { ahead }]),
        OperationStatus { today: Some(today_of(&quiet)), ..concerned("nueva", vec![Concern::OnlyEmpty]) },
        concerned("rotas", vec![Concern::MostRejected { rows: 12_050, rejected: 12_049 }]),
        failing("ilegible", unreadable),
        OperationStatus { name: "copia".to_owned(), ..copy },
        concerned("recién", vec![Concern::StartHold]),
        concerned("vacía", vec![Concern::OnlyEmptyBeside { calls: 1_207 }]),
        concerned("otra", vec![Concern::UnknownResults(vec!["CONTESTADA".to_owned(), String::new()])]),
        OperationStatus {
            reconciliation: Some(compared_with(&[("Ventas", Ok(0)), ("Soporte técnico", Ok(0))], 30)),
            ..concerned("igual", Vec::new())
        },
        OperationStatus {
            reconciliation: Some(compared_with(&differing(), 3)),
            ..concerned("distinta", vec![Concern::TotalsDiffer { day: date(2026, 1, 17) }])
        },
        OperationStatus {
            reconciliation: Some(Arc::default()),
            ..concerned("sin-totales", vec![Concern::TotalsEmpty { day: date(2026, 1, 17) }])
        },
        concerned(
            "totales-fallidos",
            vec![Concern::TotalsUnread {
                trouble: call_failed(Outcome::Timeout, "no answer within 75 s"),
                next: Some(at("2026-01-18T20:07:00Z")),
            }],
        ),
    ];
    let all = operations.into_iter().chain(failures).chain(Cause::ALL.map(unanswered));
    let problem =
        |line: u32| format!("/etc/wolkvox-exporter/web.yml:{line}:3: basic_auth_users: `ana` stands here twice");
    let bad_web_file = Some(vec![problem(7), problem(8), problem(9)]);
    let bad_config = Some(vec![
        "wolkvox-exporter.yml:6:15: operations[1].interval is `5`: write a duration such as 5m or 1h 30m".to_owned(),
        "wolkvox-exporter.yml: ledger is b.db (was a.db); that takes a restart".to_owned(),
    ]);
    let log_lost = Some(Lost { lines: 1_234, ago: Duration::from_secs(250) });
    Status { ledger_is_gone: true, log_lost, bad_config, bad_web_file, ..status(all.collect()) }
}

/// More skills than a page names, and some that were not compared.
fn differing() -> Vec<(&'static str, Result<i64, NotCompared>)> {
    let mut skills = vec![("Ventas", Ok(12)), ("Soporte técnico de hogares", Ok(-12_050)), ("Cobranzas", Ok(0))];
    skills.extend(["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N"].map(|name| (name, Ok(1))));
    skills.extend([
        ("unknown", Err(NotCompared::NoSkill)),
        ("Ventas corporativas", Err(NotCompared::LeftOut)),
        ("Pedidos", Err(NotCompared::Unreadable)),
    ]);
    skills
}

/// The comparison of a day whose calls are all by telephone, after as many days.
fn compared_with(skills: &[(&str, Result<i64, NotCompared>)], days: i64) -> Arc<Reconciliation> {
    let skills = skills.iter().zip(4170..).map(|((name, difference), id)| {
        let differences = difference.map(|difference| [difference; 3]);
        (id.to_string().as_str().into(), Compared { name: (*name).into(), differences })
    });
    let reconciled = Reconciled { skills: skills.collect(), vendor_calls: 12_050, uncounted_rows: days as u64 % 2 };
    let mut of_report = OfReport::default();
    let last = date(2026, 1, 17);
    for day in 0..days {
        let agreed = if day == 0 { reconciled.agrees_with() } else { Some([Reading::AllTypes].into()) };
        of_report.readings.note(last - SignedDuration::from_hours(24 * day), agreed);
    }
    of_report.reconciled = Some(reconciled);
    let reports = [(ABANDONED.name.into(), of_report)].into();
    Arc::new(Reconciliation { day: Some(last), reports, ..Reconciliation::default() })
}

/// The page with its tags on lines of their own, to be read.
fn in_lines(page: String) -> String {
    page.replace("><", ">\n<")
}

#[test]
fn all_states_in_english() {
    insta::assert_snapshot!(in_lines(render(&all_states(), Lang::En, "/metrics")));
}

#[test]
fn all_states_in_spanish() {
    insta::assert_snapshot!(in_lines(render(&all_states(), Lang::Es, "/metrics")));
}

#[test]
fn before_the_ledger_is_open_the_page_says_so() {
    let status = Status { ready: false, ..status(Vec::new()) };
    let page = render(&status, Lang::En, "/metrics");
    assert!(page.contains("The ledger is not open and loaded yet."));
    assert!(page.contains("No operation is being read yet."));
    insta::assert_snapshot!("not_loaded_in_english", in_lines(page));
    insta::assert_snapshot!("not_loaded_in_spanish", in_lines(render(&status, Lang::Es, "/metrics")));
}

/// A topic that no picture shows is a text that nobody has looked at.
#[test]
fn the_pictures_have_every_topic() {
    for lang in Lang::ALL {
        let pages = [all_states(), Status { ready: false, ..status(Vec::new()) }];
        let pages = pages.map(|status| render(&status, lang, "/metrics")).concat();
        for topic in topics() {
            let word = entry(topic, lang).word;
            // A poll that failed so is said to be by its parts, and answers are no trouble.
            let shown_otherwise = matches!(topic, Topic::Call(Outcome::Ok | Outcome::Empty | Outcome::Incomplete));
            assert!(
                shown_otherwise || pages.contains(entry(topic, lang).to_do.split(['`', '{']).next().unwrap()),
                "{topic:?}: {word}"
            );
        }
    }
}

#[test]
fn links_to_dashboards_and_alerts_stand_where_they_are_configured() {
    let page = render(&status(Vec::new()), Lang::Es, "/metrics");
    assert!(page.contains("href=\"https://grafana.example.com/d/wolkvox\" rel=\"noreferrer\">Tableros</a>"));
    assert!(page.contains("filter=a&amp;b\" rel=\"noreferrer\">Alertas</a>"));
    let page = render(&Status { links: Links::default(), ..status(Vec::new()) }, Lang::Es, "/metrics");
    assert!(!page.contains("Tableros") && !page.contains("Alertas"));
}

#[test]
fn each_report_of_an_operation_has_a_state_of_its_own() {
    let concerned = |concern| OperationStatus {
        report: &ANSWERED,
        is_alone: false,
        concerns: vec![concern],
        last_polls: Vec::new(),
        ..operation("ventas", State::Current)
    };
    let abandoned = OperationStatus { is_alone: false, ..operation("ventas", State::Current) };
    let answered = |concern| status(vec![abandoned.clone(), concerned(concern)]);
    let beside = answered(Concern::OnlyEmptyBeside { calls: 1_207 });
    let unknown = answered(Concern::UnknownResults(vec!["CONTESTADA".to_owned(), String::new()]));
    let fine = OperationStatus { concerns: Vec::new(), ..beside.operations[1].clone() };
    let page = |status: &Status, lang| {
        let page = render(status, lang, "/metrics");
        let text = page.split_once("</style>").unwrap().1.replace("<span class=\"whole\">", "").replace("</span>", "");
        assert!(!text.contains(['{', '}']), "a place that was not filled");
        text
    };
    let both = |status: &Status, [en, es]: [&[&str]; 2]| {
        for (lang, words) in [(Lang::En, en), (Lang::Es, es)] {
            let page = page(status, lang);
            words.iter().for_each(|words| assert!(page.contains(words), "{words:?} in {page}"));
        }
    };
    both(
        &beside,
        [
            &[
                "1 of 2 reports in trouble",
                "<bdi>ventas</bdi>, answered calls</a> (perhaps not there)",
                "have brought 1207 calls",
            ],
            &[
                "1 de 2 reportes con problemas",
                "<bdi>ventas</bdi>, llamadas atendidas</a> (quizá no existe)",
                "1207 llamadas",
            ],
        ],
    );
    both(
        &unknown,
        [&["(unknown results)", "&quot;CONTESTADA&quot;, &quot;&quot;"], &["(resultados desconocidos)", "CONTESTADA"]],
    );
    both(
        &status(vec![abandoned.clone(), fine]),
        [
            &["All 2 reports are read without trouble", "Answered in total", "Abandoned in total"],
            &["Los 2 reportes se leen sin problemas", "Atendidas en total", "Abandonadas en total"],
        ],
    );
}

/// What no page may say of an operation for which there is no evidence of it.
const GOOD: [&str; 8] = [
    "complete up to",
    "completos hasta",
    "All that was due",
    "Se leyó todo",
    "without trouble",
    "sin problemas",
    "nothing to do",
    "nada que hacer",
];

#[test]
fn nothing_good_is_said_without_evidence() {
    let call = || call_failed(Outcome::Malformed, "x");
    let zone = || Concern::Zone { observed_offset: 0, zones_that_fit: Vec::new() };
    let unread = |state| OperationStatus { complete_until: None, ..operation("a", state) };
    let concerned = |state, concern| OperationStatus { concerns: vec![concern], ..operation("a", state) };
    for unproven in [
        unread(State::Starting),
        unread(State::Failing(call())),
        unread(State::Failing(Trouble::Ledger("x".to_owned()))),
        unread(State::Paused { trouble: call(), until: at("2026-01-18T20:35:00Z") }),
        concerned(State::Current, Concern::OnlyEmpty),
        concerned(State::Current, Concern::OnlyEmptyBeside { calls: 20 }),
        concerned(State::Current, Concern::MostRejected { rows: 9, rejected: 8 }),
        concerned(State::Current, zone()),
        concerned(State::CatchingUp, zone()),
        OperationStatus {
            concerns: vec![Concern::Copy { made: at("2026-01-18T03:10:00Z") }],
            ..unread(State::Starting)
        },
        concerned(State::Failing(call()), zone()),
    ] {
        for lang in Lang::ALL {
            let page = render(&status(vec![unproven.clone()]), lang, "/metrics");
            for good in GOOD {
                assert!(!page.contains(good), "{good:?} of {unproven:?}");
            }
        }
    }
}

#[test]
fn nothing_to_do_is_said_only_of_what_mends_itself() {
    for lang in Lang::ALL {
        let calm = entry(Topic::Current, lang).to_do;
        for topic in topics() {
            let is_calm =
                matches!(topic, Topic::Current | Topic::CatchingUp | Topic::Call(Outcome::Ok | Outcome::Empty));
            let to_do = entry(topic, lang).to_do;
            assert_eq!(to_do == calm, is_calm, "{topic:?}: {to_do}");
            assert!(is_calm || !to_do.starts_with("Nothing") && !to_do.starts_with("Nada"), "{topic:?}: {to_do}");
        }
    }
}

#[test]
fn the_table_says_everything_in_both_languages() {
    let both =
        |topic| [entry(topic, Lang::En), entry(topic, Lang::Es)].map(|e| [e.word, e.happened, e.follows, e.to_do]);
    for topic in topics() {
        let [en, es] = both(topic);
        for (en, es) in en.into_iter().zip(es) {
            assert!(!en.is_empty() && !es.is_empty() && (en != es || en.starts_with('{')), "{topic:?}: {en:?} {es:?}");
        }
    }
    for lang in Lang::ALL {
        let page = render(&all_states(), lang, "/metrics");
        let (_, body) = page.split_once("</style>").unwrap();
        assert!(!body.contains(['{', '}']), "a place that was not filled");
    }
}

fn topics() -> impl Iterator<Item = Topic> {
    use Topic::{CatchingUp, ClockAhead, ClockBehind, Current, Incomplete, Ledger, OnlyEmpty, Starting};
    let rest = [Starting, Current, CatchingUp, OnlyEmpty, Incomplete, Topic::TooManyParts, Ledger, Topic::Zone];
    rest.into_iter()
        .chain([Topic::OnlyEmptyBeside, Topic::UnknownResults])
        .chain([ClockAhead, ClockBehind, Topic::Broken, Topic::Unreadable, Topic::MostRejected])
        .chain([Topic::NotLoaded, Topic::LogDropped, Topic::BadConfig, Topic::BadWebFile])
        .chain([Topic::Copy, Topic::StartHold, Topic::LedgerGone])
        .chain([Topic::TotalsDiffer, Topic::TotalsEmpty, Topic::TotalsUnread])
        .chain(Cause::ALL.map(Topic::NoAnswer))
        .chain(Outcome::ALL.map(Topic::Call))
}

#[test]
fn what_is_in_trouble_comes_first_and_is_linked() {
    let page = render(&all_states(), Lang::En, "/metrics");
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    let section = |number: usize| place(&format!("<section id=\"operation-{number}\">"));
    // ventas is the first in the configuration; soporte, the fourth, fails; the eleventh has a clock that is off.
    assert!(section(4) < section(11) && section(11) < section(12) && section(12) < section(1));
    assert!(
        place("37 of 43 in trouble: <a href=\"#operation-4\"><bdi>soporte</bdi></a> (no connection); ") < section(4)
    );
    assert!(place("2 of 43 not confirmed yet: <a href=\"#operation-2\"><bdi>arranque</bdi></a>") < section(4));
    assert!(!page.contains("without trouble"));
    // The same is said of several once.
    let fails = |name| operation(name, State::Failing(call_failed(Outcome::Busy, "x")));
    let page = render(&status(vec![fails("a"), operation("b", State::Starting), fails("c")]), Lang::En, "/metrics");
    let link = |number: u32, name: &str| format!("<a href=\"#operation-{number}\"><bdi>{name}</bdi></a>");
    let told = format!("2 of 3 in trouble: {}, {} (token in use elsewhere).", link(1, "a"), link(3, "c"));
    assert!(page.contains(&told), "{page}");
}

#[test]
fn the_page_is_of_a_moment_in_the_zones_of_its_operations() {
    let foot = |operations| {
        let page = render(&status(operations), Lang::En, "/metrics");
        page.split_once("<footer>").unwrap().1.replace("<span class=\"whole\">", "").replace("</span>", "")
    };
    let madrid = OperationStatus { timezone: "Europe/Madrid".to_owned(), ..operation("a", State::Current) };
    let bogota = || operation("b", State::Current);
    let bogota_says = "2026-01-18 14:37:12 (America/Bogota, UTC-05:00)";
    assert!(foot(vec![bogota(), bogota()]).contains(&format!("{bogota_says}</time>")));
    assert!(foot(vec![madrid, bogota()]).contains(&format!("{bogota_says}; 2026-01-18 20:37:12 (Europe/Madrid")));
    assert!(foot(Vec::new()).contains("2026-01-18 19:37:12 (UTC)</time>"));
}

#[test]
fn links_are_relative_and_keep_to_the_telemetry_path() {
    let page = render(&status(Vec::new()), Lang::En, "/internal/metrics");
    for link in ["./internal/metrics", "./-/healthy", "./-/ready", "?lang=es"] {
        assert!(page.contains(&format!("href=\"{link}\"")), "{link}");
    }
    assert!(!page.contains("href=\"/"));
}

#[test]
fn text_from_outside_is_never_markup() {
    let hostile = "</section><script>alert(1)</script>\" onload='x' &amp; \u{202e}";
    let mut operation = operation(hostile, State::Failing(call_failed(Outcome::Malformed, hostile)));
    operation.server = hostile.to_owned();
    operation.timezone = hostile.to_owned();
    operation.last_polls[0].trouble = Some(call_failed(Outcome::Malformed, hostile));
    let hostile_page = render(&status(vec![operation]), Lang::Es, hostile);
    let tags = check_well_formed(&hostile_page);
    assert!(!tags.iter().any(|tag| tag == "script"), "{tags:?}");
    assert_eq!(tags.iter().filter(|tag| *tag == "section").count(), 1);
    assert!(!hostile_page.contains('\u{202e}'));
    assert!(hostile_page.contains("&lt;script&gt;"));
}

#[test]
fn every_outcome_and_state_makes_a_well_formed_page_in_both_languages() {
    for lang in Lang::ALL {
        check_well_formed(&render(&all_states(), lang, "/metrics"));
        for outcome in Outcome::ALL {
            let failing = State::Failing(call_failed(outcome, "x"));
            let paused = State::Paused { trouble: call_failed(outcome, ""), until: at("2026-01-18T20:35:00Z") };
            let mut operations = vec![operation("a", failing), operation("b", paused)];
            operations[0].last_polls[0].outcome = outcome;
            let page = render(&status(operations), lang, "/metrics");
            check_well_formed(&page);
            assert!(page.contains(&format!("<code>{outcome}</code>")), "{outcome}");
        }
    }
}

/// Reads the page as a strict parser would: every tag closed in order, every attribute quoted and once, no stray `<`,
/// `>` or `&`, no attribute that runs a script. Gives the names of the elements.
#[track_caller]
fn check_well_formed(page: &str) -> Vec<String> {
    const VOID: [&str; 1] = ["meta"];
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    let (mut open, mut seen) = (Vec::<String>::new(), Vec::new());
    while !rest.is_empty() {
        let (text, tag_on) = rest.split_once('<').unwrap_or((rest, ""));
        // The style's text is not markup; nothing from outside is in it.
        if open.last().is_none_or(|name| name != "style") {
            check_text(text);
        }
        if tag_on.is_empty() {
            break;
        }
        let (tag, after) = tag_on.split_once('>').expect("a tag that ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed out of order");
            continue;
        }
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "<{tag}>");
        let mut names = Vec::new();
        while !attributes.is_empty() {
            let (attribute, value_on) = attributes.split_once("=\"").unwrap_or_else(|| panic!("<{tag}>"));
            let (value, more) = value_on.split_once('"').unwrap_or_else(|| panic!("<{tag}>"));
            assert!(!attribute.starts_with("on") && !names.contains(&attribute), "<{tag}>");
            let of_svg = ["viewBox", "preserveAspectRatio"].contains(&attribute);
            assert!(of_svg || attribute.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "<{tag}>");
            check_text(value);
            names.push(attribute);
            attributes = more.strip_prefix(' ').unwrap_or(more);
        }
        seen.push(name.to_owned());
        if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, Vec::<String>::new(), "left open");
    seen
}

#[track_caller]
fn check_text(text: &str) {
    assert!(!text.contains('>'), "stray > in {text:?}");
    for entity in text.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        assert!(known.iter().any(|known| entity.starts_with(known)), "stray & in {text:?}");
    }
}

/// A table of `docs/states.md` or `docs/estados.md`.
fn states_table(lang: Lang, title: &str, rows: impl Iterator<Item = (String, Topic)>) -> String {
    // What is known at run time only.
    let known_then = |text: &str| {
        let text = [("{next}", ""), ("{missing}", ""), ("{zones}", ""), ("{status}", "")]
            .into_iter()
            .chain([("{calls}", lang.pick("calls", "llamadas"))])
            .fold(text.to_owned(), |text, (place, words)| text.replace(place, words));
        let filled = text.split('{').enumerate().map(|(number, part)| match part.split_once('}') {
            Some((_, rest)) if number > 0 => format!("…{rest}"),
            _ => part.to_owned(),
        });
        filled.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
    };
    let head = lang.pick("what happened, and what follows | what to do", "qué pasó, y qué sigue | qué hacer");
    let mut table = format!("| {title} | {head} |\n|---|---|---|\n");
    for (name, topic) in rows {
        let entry = entry(topic, lang);
        let happened = known_then(&format!("{} {}", entry.happened, entry.follows));
        table += &format!("| {name} | {happened} | {} |\n", known_then(entry.to_do));
    }
    table
}

fn states_page(lang: Lang) -> String {
    let word = |topic: Topic| (entry(topic, lang).word.to_owned(), topic);
    let outcomes = Outcome::ALL.into_iter().map(|outcome| {
        let word = entry(Topic::Call(outcome), lang).word;
        (format!("`{outcome}`: {word}"), Topic::Call(outcome))
    });
    let causes = Cause::ALL.into_iter().map(|cause| word(Topic::NoAnswer(cause)));
    let others = topics().filter(|topic| !matches!(topic, Topic::Call(_) | Topic::NoAnswer(_))).map(word);
    let [outcome, cause, state] = [("outcome", "resultado"), ("cause", "causa"), ("state", "estado")];
    let table = |(en, es), rows: &mut dyn Iterator<Item = (String, Topic)>| states_table(lang, lang.pick(en, es), rows);
    let (head, why, rest) = match lang {
        Lang::En => (
            "# States\n\n\
             What the status page and `check-api` say, with `…` for what is known at run time only. A test writes this page from the\n\
             program's own table. [En español](estados.md)\n\n\
             ## How a call to the API ended\n\n\
             The values of the label `outcome`. A failed call loses nothing: its range is read again, as far back as `max_catch_up`.\n\n",
            "\n## Why there was no answer of the API\n\n\
             The causes of `connect`, and the page that is `maintenance` in numbers.\n\n",
            "\n## What else can be true of an operation, or of the exporter\n\n",
        ),
        Lang::Es => (
            "# Estados\n\n\
             Lo que dicen la página de estado y `check-api` (este, en inglés), con `…` en lugar de lo que solo se sabe en el momento.\n\
             Una prueba escribe esta página a partir de la tabla del programa. [In English](states.md)\n\n\
             ## Cómo terminó una consulta a la API\n\n\
             Los valores de la etiqueta `outcome`. Una consulta fallida no pierde nada: su rango se lee otra vez, hasta donde alcanza\n\
             `max_catch_up`.\n\n",
            "\n## Por qué no hubo respuesta de la API\n\n\
             Las causas de `connect`, y la página que en números es `maintenance`.\n\n",
            "\n## Qué más puede pasarle a una operación o al exportador\n\n",
        ),
    };
    let mut page = head.to_owned() + &table(outcome, &mut { outcomes });
    page += why;
    page += &table(cause, &mut { causes });
    page + rest + &table(state, &mut { others })
}

/// `DOCUMENTS=overwrite cargo test --lib documented` writes them anew.
#[test]
fn all_states_are_documented_as_the_page_says_them() {
    for (lang, name) in [(Lang::En, "states.md"), (Lang::Es, "estados.md")] {
        let page = states_page(lang);
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
        if std::env::var("DOCUMENTS").is_ok_and(|wish| wish == "overwrite") {
            std::fs::write(&path, &page).unwrap();
        }
        let told = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(told == page, "docs/{name} is not what the page says:\n{page}");
    }
}
