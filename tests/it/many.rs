//! Many operations that are due at the same time.

use crate::support::sim::quiet;
use crate::support::{Folder, Sim};

/// Far more than may be at work at the same time.
const OPERATIONS: usize = 150;

const MOST_THREADS: usize = 40;

/// The least that the system gives a processor to.
const NICEST: i32 = 19;

#[test]
fn many_operations_take_a_handful_of_threads() {
    let sim = Sim::start((0..OPERATIONS).map(|number| quiet(&format!("op{number}"))).collect());
    let folder = Folder::new(&sim, &["settle: 0s"], |_| vec![]);
    let exporter = folder.serve();
    let tasks = format!("/proc/{}/task", exporter.id());
    let mut most = 0;
    exporter.wait_for("all polls to succeed", |scrape| {
        most = most.max(std::fs::read_dir(&tasks).expect("a running process").count());
        let up = scrape.sum("wolkvox_up", &[]);
        if up == OPERATIONS as f64 { Ok(()) } else { Err(format!("{up} are up")) }
    });
    assert!(most <= MOST_THREADS, "{most} threads");

    let threads = threads(&tasks);
    let of = |names: &[&str]| -> Vec<i32> {
        threads.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, nice)| *nice).collect()
    };
    let (server, others) = (of(&["server"]), of(&["tokio-rt-worker", "ledger"]));
    let before = *server.first().expect("the server has threads");
    assert!(server.iter().all(|nice| *nice == before), "{threads:?}");
    assert!(others.len() >= 3 && others.iter().all(|nice| *nice == NICEST.min(before + 5)), "{threads:?}");
}

/// The threads' names, and how nice they are.
fn threads(tasks: &str) -> Vec<(String, i32)> {
    let nice = |stat: String| {
        let (before, after) = stat.rsplit_once(')')?;
        let (_, name) = before.split_once('(')?;
        // proc(5): the 19th field, the name being the second.
        Some((name.to_owned(), after.split_whitespace().nth(16)?.parse().ok()?))
    };
    let tasks = std::fs::read_dir(tasks).expect("a running process");
    // One that has ended meanwhile has no file any more.
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
    stats.map(|stat| nice(stat).expect("as proc(5) says")).collect()
}
