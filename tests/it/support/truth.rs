use std::collections::BTreeMap;

use jiff::Timestamp;
use simulator::call::Call;

use super::child::Child;
use super::scrape::Scrape;
use super::sim::Sim;

/// How a report shows its calls.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// The label.
    pub name: &'static str,
    calls: &'static str,
    times: &'static str,
    /// The default bounds of its histogram, as the labels have them.
    pub buckets: &'static [f64],
    is_call: fn(&Call) -> bool,
}

pub const ABANDONED: Report = Report {
    name: "abandoned",
    calls: "wolkvox_abandoned_calls_total",
    times: "wolkvox_abandon_time_seconds",
    buckets: &[5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 75.0, 90.0, 120.0, 150.0, 180.0, 240.0, 300.0, 600.0, 1200.0],
    is_call: |call| call.in_abandoned && call.is_abandoned(),
};

pub const ANSWERED: Report = Report {
    name: "answered",
    calls: "wolkvox_answered_calls_total",
    times: "wolkvox_answer_time_seconds",
    buckets: &[5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0],
    is_call: Call::is_answered,
};

/// What is counted of one skill and type.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted {
    pub calls: u64,
    pub sum: f64,
    pub count: u64,
    /// Cumulative, in the order of the report's bounds.
    pub buckets: Vec<u64>,
}

/// By `skill_id` and `type_interaction`.
pub type Totals = BTreeMap<(String, String), Counted>;

/// What the exposition says of an operation's abandoned calls; without what it shows as 0.
pub fn shown(scrape: &Scrape, operation: &str) -> Totals {
    shown_of(&ABANDONED, scrape, operation)
}

/// The same of any report.
pub fn shown_of(report: &Report, scrape: &Scrape, operation: &str) -> Totals {
    let mut totals = Totals::new();
    let time = |part: &str| format!("{}_{part}", report.times);
    for sample in scrape.all(report.calls, &[("operation", operation)]) {
        if sample.value == 0.0 {
            continue;
        }
        let (skill, kind) = (&sample.labels["skill_id"], &sample.labels["type_interaction"]);
        let labels = [("operation", operation), ("skill_id", skill), ("type_interaction", kind)];
        let bucket = |le: &str| {
            let labels: Vec<_> = labels.into_iter().chain([("le", le)]).collect();
            scrape.value(&time("bucket"), &labels) as u64
        };
        let counted = Counted {
            calls: sample.value as u64,
            sum: scrape.value(&time("sum"), &labels),
            count: scrape.value(&time("count"), &labels) as u64,
            buckets: report.buckets.iter().map(|bound| bucket(&format!("{bound:?}"))).collect(),
        };
        assert_eq!(bucket("+Inf"), counted.count, "{labels:?}");
        assert!(totals.insert((skill.clone(), kind.clone()), counted).is_none(), "two names of one id: {labels:?}");
    }
    totals
}

/// What must be shown once exactly these calls have been counted.
pub fn of_calls<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Totals {
    calls_of(&ABANDONED, calls)
}

/// The same of any report.
pub fn calls_of<'a>(report: &Report, calls: impl IntoIterator<Item = &'a Call>) -> Totals {
    let mut totals = Totals::new();
    for call in calls.into_iter().filter(|call| (report.is_call)(call)) {
        let counted = totals.entry((call.skill_id.to_string(), call.type_interaction.to_string())).or_default();
        counted.buckets.resize(report.buckets.len(), 0);
        counted.calls += 1;
        let Some(time) = call.waited else { continue };
        counted.sum += time;
        counted.count += 1;
        for (bucket, bound) in counted.buckets.iter_mut().zip(report.buckets) {
            *bucket += u64::from(time <= *bound);
        }
    }
    totals
}

/// Where the exporter's windows stand, by its own account.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    /// The beginning of the first window.
    pub start: Timestamp,
    pub complete_until: Timestamp,
}

/// `None` until the exporter has an account of the operation.
pub fn reach(scrape: &Scrape, operation: &str, interval: f64) -> Option<Reach> {
    reach_of(&ABANDONED, scrape, operation, interval)
}

/// The same of any report.
pub fn reach_of(report: &Report, scrape: &Scrape, operation: &str, interval: f64) -> Option<Reach> {
    let labels = [("operation", operation), ("report", report.name)];
    let complete_until = scrape.get("wolkvox_complete_until_timestamp_seconds", &labels)?;
    let windows = scrape.value("wolkvox_windows_total", &labels);
    let skipped = scrape.value("wolkvox_skipped_seconds_total", &labels);
    let second = |second: f64| Timestamp::from_second(second as i64).expect("this century");
    Some(Reach { start: second(complete_until - windows * interval - skipped), complete_until: second(complete_until) })
}

/// The calls of the complete windows: those that were in the report for certain when they were read, and those that may
/// have been. A window is read `settle` after its end, and not before.
pub fn windows_of(report: &Report, sim: &Sim, operation: &str, reach: Reach, settle: f64) -> (Totals, Totals) {
    let calls = sim.operation(operation).expect("simulated").truth(reach.start, reach.complete_until);
    let read_after = reach.complete_until.as_second() as f64 + settle;
    let visible = |call: &&Call| {
        let at = call.corrected_at.map_or(call.visible_at, |corrected| corrected.max(call.visible_at));
        at.as_millisecond() as f64 / 1_000.0 <= read_after
    };
    (calls_of(report, calls.iter().filter(visible)), calls_of(report, &calls))
}

/// Panics if any series shows more than the calls that there were. True at every moment, whatever happens.
pub fn assert_nothing_twice(shown: &Totals, possible: &Totals) {
    for (series, counted) in shown {
        let most = possible.get(series).map_or(0, |most| most.calls);
        assert!(counted.calls <= most, "{series:?} shows {} calls, and there were {most}", counted.calls);
    }
}

/// Waits until the windows up to `until` are complete, and what is shown is the truth of the complete windows.
pub fn wait_until_exact(child: &Child, sim: &Sim, operation: &str, cadence: Cadence, until: Timestamp) -> Reach {
    wait_until_exact_of(&ABANDONED, child, sim, operation, cadence, until)
}

/// The same of any report.
pub fn wait_until_exact_of(
    report: &Report,
    child: &Child,
    sim: &Sim,
    operation: &str,
    cadence: Cadence,
    until: Timestamp,
) -> Reach {
    child.wait_for(&format!("the truth of {operation}, {}, up to {until}", report.name), |scrape| {
        let reach = reach_of(report, scrape, operation, cadence.interval);
        let Some(reach) = reach else { return Err("no account yet".into()) };
        let (certain, possible) = windows_of(report, sim, operation, reach, cadence.settle);
        let shown = shown_of(report, scrape, operation);
        assert_nothing_twice(&shown, &possible);
        if reach.complete_until < until {
            return Err(format!("complete until {}", reach.complete_until));
        }
        if certain != possible {
            return Err("calls that may or may not have been visible".to_owned());
        }
        if shown == possible { Ok(reach) } else { Err(difference(&shown, &possible)) }
    })
}

/// Seconds, as configured.
#[derive(Debug, Clone, Copy)]
pub struct Cadence {
    pub interval: f64,
    pub settle: f64,
}

fn difference(shown: &Totals, truth: &Totals) -> String {
    let series: std::collections::BTreeSet<_> = shown.keys().chain(truth.keys()).collect();
    let mut text = String::new();
    for key in series.into_iter().filter(|key| shown.get(*key) != truth.get(*key)) {
        text.push_str(&format!("{key:?}: shown {:?}, true {:?}\n", shown.get(key), truth.get(key)));
    }
    text
}
