//! How many calls are left, as the binary learns and shows it: at a full hour, which comes soon by its clock.

use jiff::Timestamp;
use simulator::OperationOptions;

use crate::support::host_clock::HostClock;
use crate::support::sim::quiet;
use crate::support::{Child, Folder, Sim};

/// For the start, on a busy machine too: who misses the hour waits for the next one.
const BEFORE_THE_HOUR: i64 = 12;

#[test]
fn the_calls_that_are_left_are_shown_and_counted_where_they_are_asked_for() {
    let limited = |name| OperationOptions { quota: Some(1_000), ..quiet(name) };
    let sim = Sim::start(vec![limited("ventas"), limited("soporte")]);
    let folder = Folder::new(&sim, &["interval: 1h"], |name| {
        let asks = name == "ventas";
        asks.then(|| "quota_interval: 1h".to_owned()).into_iter().collect()
    });
    let left = 3_600 - Timestamp::now().as_second() % 3_600;
    let clock = HostClock::new(&folder, &format!("{:+}", left - BEFORE_THE_HOUR));
    let exporter = Child::start(clock.of(folder.command()));
    exporter.wait_for("the calls that are left", |scrape| {
        let told = |name: &str| scrape.get(&format!("wolkvox_token_{name}"), &[("operation", "ventas")]);
        let told = [told("limit"), told("uses_remaining"), told("uses_today")];
        let [Some(limit), Some(remaining), Some(today)] = told else { return Err(format!("{told:?}")) };
        assert!(limit == 1_000.0 && remaining + today == limit && today > 0.0, "{told:?}");
        let made = sim.requests().iter().filter(|it| it.operation.as_deref() == Some("ventas")).count();
        match scrape.sum("wolkvox_polls_total", &[("operation", "ventas")]) {
            counted if counted == made as f64 => Ok(()),
            counted => Err(format!("{counted} of {made} calls are counted")),
        }
    });
    let scrape = exporter.scrape();
    for name in ["limit", "uses_remaining", "uses_today"] {
        assert_eq!(scrape.get(&format!("wolkvox_token_{name}"), &[("operation", "soporte")]), None, "nobody has asked");
    }
}
