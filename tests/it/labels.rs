//! Names that break careless exporters, end to end: quotes, backslashes, line feeds, emoji, mark-up, 10 kB, bytes that
//! are not UTF-8.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use simulator::call::{Call, Injected};
use simulator::faults::{Armed, Fault};

use crate::support::scrape::check_with_promtool;
use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{Cadence, wait_until_exact};
use crate::support::{Folder, Sim};

const CADENCE: Cadence = Cadence { interval: 2.0, settle: 1.0 };
const DEFAULTS: [&str; 4] = ["interval: 2s", "settle: 1s", "overlap: 2m", "hold: 0s"];

/// The longest label value, in characters.
const LONGEST: usize = 200;

#[test]
fn odd_names_leave_the_exposition_and_the_page_whole() {
    let sim = Sim::start(vec![quiet("odd"), quiet("bytes"), quiet("own")]);
    for (name, fault) in [("odd", Fault::OddNames), ("bytes", Fault::InvalidUtf8)] {
        sim.world().set_fault(Armed { operation: Some(name.to_owned()), ..Armed::new(fault, None) });
    }
    let now = Timestamp::now();
    let second = |ahead: u64| Timestamp::from_second((now + Duration::from_secs(ahead)).as_second()).expect("now");
    for name in ["odd", "bytes"] {
        // Ids whose digits give each of the odd names, and the long one, to some.
        let mut calls = stream_of_calls(second(3), Duration::from_millis(100), 60);
        for (index, call) in calls.iter_mut().enumerate() {
            call.skill_id = (5_000 + index % 30).to_string().into();
        }
        sim.operation(name).expect("simulated").inject(calls.into_iter().map(Injected::from));
    }
    let own = sim.operation("own").expect("simulated");
    own.inject(own_calls(second(4)).into_iter().map(Injected::from));
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let exporter = folder.serve();
    for name in ["odd", "bytes", "own"] {
        wait_until_exact(&exporter, &sim, name, CADENCE, second(12));
    }

    let scrape = exporter.scrape();
    check_with_promtool(&scrape.text);
    let mut names = BTreeSet::new();
    for sample in scrape.all("wolkvox_abandoned_calls_total", &[]) {
        for (label, value) in &sample.labels {
            assert!(value.chars().count() <= LONGEST, "{label} has {} characters", value.chars().count());
            assert!(!value.contains(char::is_control), "{label} has a control character: {value:?}");
            assert_eq!(value.trim(), value, "{label}");
            assert_ne!(value, "", "{label}");
        }
        names.insert(sample.labels["skill_name"].clone());
    }
    for part in ["\"oro\" \\ plata", "dos líneas", "📞", "</script>", "# HELP", "Ventas \u{fffd}"] {
        assert!(names.iter().any(|name| name.contains(part)), "no name has {part:?}: {names:?}");
    }
    assert!(names.iter().any(|name| name.chars().count() >= LONGEST - 1), "no name was cut: {names:?}");
    // A missing name is the id.
    let unnamed = [("operation", "own"), ("skill_id", "7001"), ("skill_name", "7001")];
    assert_eq!(scrape.get("wolkvox_abandoned_calls_total", &unnamed), Some(1.0));

    for language in ["es", "en"] {
        let page = exporter.get("/", &[&format!("Accept-Language: {language}")]);
        assert_eq!(page.status, 200);
        assert_well_formed(&page.text());
    }
    let openmetrics = exporter.get("/metrics", &["Accept: application/openmetrics-text;version=1.0.0"]).text();
    assert!(openmetrics.ends_with("# EOF\n"));
}

/// Ids and types that are as odd as names.
fn own_calls(at: Timestamp) -> Vec<Call> {
    let call = |skill: &str, number: u32| Call::abandoned(at, skill, &format!("88{number}"), 9.0);
    let mut calls = vec![
        Call { type_interaction: "chat \"quoted\" \\ 🙂".into(), ..call("7000", 0) },
        Call { skill_name: "".into(), ..call("7001", 1) },
        Call { skill_name: "\u{feff}Ventas\u{2028}B\u{202e}".into(), ..call("7002", 2) },
    ];
    calls.push(Call { skill_name: "ñ".repeat(10_000).into(), ..call("7003", 3) });
    calls
}

/// Every tag that is opened is closed in its order, and no text has a bare `<` or `&`: a small checker, for the page is
/// written so that it is XML but for the void elements.
fn assert_well_formed(page: &str) {
    const VOID: [&str; 4] = ["meta", "link", "br", "hr"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.trim_start();
    while let Some(at) = rest.find('<') {
        let (text, after) = rest.split_at(at);
        if open.last().is_none_or(|tag| *tag != "style") {
            for (at, _) in text.match_indices('&') {
                assert!(text[at..].find(';').is_some_and(|end| end <= 7), "a bare & in {text:?}");
            }
        }
        let end = after.find('>').unwrap_or_else(|| panic!("a tag without end: {after:.80}"));
        let tag = &after[1..end];
        assert!(!tag.contains('<'), "a bare < before {tag:?}");
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap_or_default();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}>");
        } else if !tag.starts_with('!') && !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
        rest = &after[end + 1..];
    }
    assert_eq!(open, Vec::<&str>::new(), "not closed");
}
