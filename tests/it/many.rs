//! Many operations that are due at the same time.

use crate::support::sim::quiet;
use crate::support::{Folder, Sim};

/// Far more than may be at work at the same time.
const OPERATIONS: usize = 150;

const MOST_THREADS: usize = 40;

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
}
