//! What is true of the exporter though its polls succeed: the page says it in both languages as long as it is true.

use std::fs;

use crate::support::page::{Badge, wait_for_badge};
use crate::support::sim::quiet;
use crate::support::{Child, Folder, PATIENCE, Sim, wait_for};

/// With a start hold that outlasts the test.
const DEFAULTS: [&str; 4] = ["interval: 1s", "settle: 0s", "hold: 0s", "start_hold: 10m"];

const EMPTY: Badge = ["no calls so far", "sin llamadas hasta ahora"];
const STARTED: Badge = ["just started", "recién iniciado"];

#[test]
fn empty_answers_a_start_and_a_ledger_that_is_gone_are_told_while_they_last() {
    let sim = Sim::start(vec![quiet("ventas")]);
    let folder = Folder::new(&sim, &DEFAULTS, |_| Vec::new());
    let place = folder.path().join("place");
    let serve = || {
        let mut command = folder.command();
        command.arg("--ledger").arg(place.join("ledger.db"));
        Child::start(command)
    };
    fs::create_dir(&place).expect("a folder of this test");
    let first = serve();
    wait_for_badge(&first, "ventas", EMPTY, true);
    wait_for_badge(&first, "ventas", STARTED, false);
    assert_eq!(first.terminate().0.code(), Some(0));

    let second = serve();
    wait_for_badge(&second, "ventas", STARTED, true);
    let gone = |is_gone: bool| {
        for (lang, words) in [("en", "The ledger is missing from its place"), ("es", "El registro (ledger) no está")] {
            wait_for(words, PATIENCE, || {
                let page = second.get(&format!("/?lang={lang}"), &[]).text();
                if page.contains(words) == is_gone { Ok(()) } else { Err(page) }
            });
        }
    };
    gone(false);
    fs::remove_dir_all(&place).expect("a folder of this test");
    gone(true);
    fs::create_dir(&place).expect("a folder of this test");
    gone(false);
    assert!(place.join("ledger.db").exists());
}
