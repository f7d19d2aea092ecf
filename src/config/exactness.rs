use std::time::Duration;

use super::{Config, OperationConfig, show_duration};

/// Between two scrapes of Prometheus, in this project's examples: the exporter doesn't know the real one.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(30);

/// An outage that begins in the evening is noticed in the morning.
const A_NIGHT: Duration = Duration::from_secs(12 * 3_600);

/// Abandons up to here are short, and calls answered up to here within the service level: the bounds that the rules of this
/// project ask for by name.
const SHORT: u32 = 10;
const SERVICE: u32 = 20;

/// As comments of a configuration have them.
const LINE_WIDTH: usize = 100;

/// How exact this configuration is, as comments in YAML: under which conditions each call is counted exactly once, and
/// which settings lose or hide calls. Operations of which the same is true are told together.
pub fn exactness(config: &Config) -> String {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for operation in &config.operations {
        let text = text(operation);
        match told.iter_mut().find(|(other, _)| *other == text) {
            Some((_, names)) => names.push(&operation.name),
            None => told.push((text, vec![&operation.name])),
        }
    }
    let is_one = told.len() == 1;
    let paragraph = |(text, names): &(String, Vec<&str>)| {
        let whose = if is_one { "this is".to_owned() } else { format!("the reading of {} is", names.join(", ")) };
        commented(&format!("How exact {whose}: {text}"))
    };
    told.iter().map(paragraph).collect()
}

fn text(operation: &OperationConfig) -> String {
    let late = show_duration(operation.settle.saturating_add(operation.overlap));
    let catch_up = show_duration(operation.max_catch_up);
    let conditions = format!(
        "each abandoned call is counted exactly once if the report shows it within {late} of its date and no outage is \
         longer than {catch_up}; of a longer one the older part is given up, and counted in wolkvox_skipped_seconds_total."
    );
    let answered = if operation.reports.answered {
        let late = show_duration(operation.settle.saturating_add(operation.answered_overlap));
        format!(" So is each answered call that its report shows within {late}.")
    } else {
        String::new()
    };
    let losses = losses(operation);
    let rest = if losses.is_empty() { "No setting makes it lose or hide more.".to_owned() } else { losses.join(" ") };
    let unasked: String = unasked(operation).into_iter().map(|unasked| format!(" {unasked}")).collect();
    format!("{conditions}{answered} {rest}{unasked}")
}

/// What alerts and dashboards ask for, and this can't tell.
fn unasked(operation: &OperationConfig) -> Vec<String> {
    let OperationConfig { reports, abandon_time_buckets, answer_time_buckets, .. } = operation;
    let lacks = |is_read: bool, setting: &str, bounds: &[u32], bound: u32, what: &str| {
        (is_read && !bounds.contains(&bound)).then(|| format!("`{setting}` lacks {bound}: {what}."))
    };
    let short = "the rules of this project know no short abandons then, nor shares without them";
    let service = "the rules of this project record no service level then";
    let abandoned = lacks(true, "abandon_time_buckets", abandon_time_buckets, SHORT, short);
    let answered = lacks(reports.answered, "answer_time_buckets", answer_time_buckets, SERVICE, service);
    abandoned.into_iter().chain(answered).collect()
}

/// What single settings make it lose, or hide from Prometheus.
fn losses(operation: &OperationConfig) -> Vec<String> {
    let OperationConfig { settle, overlap, max_catch_up, hold, start_hold, .. } = *operation;
    let scrapes = 2 * SCRAPE_INTERVAL;
    let mut losses = Vec::new();
    let mut lose = |is_lost: bool, setting: &str, value: Duration, what: &str| {
        if is_lost {
            losses.push(format!("`{setting}: {}` {what}.", show_duration(value)));
        }
    };
    lose(
        overlap < settle,
        "overlap",
        overlap,
        "is shorter than `settle`: few late calls are waited for, and nothing shows those that come later",
    );
    lose(
        max_catch_up < A_NIGHT,
        "max_catch_up",
        max_catch_up,
        "is shorter than a night: an outage that nobody mends until the morning loses calls",
    );
    lose(
        hold < scrapes,
        "hold",
        hold,
        "is shorter than two scrapes 30 s apart: the counters are right, but `increase()` may miss the first calls of a \
         new series",
    );
    lose(
        start_hold < scrapes,
        "start_hold",
        start_hold,
        "is shorter than two scrapes 30 s apart: where `instance` changes with the process, `increase()` may miss what was \
         read around its replacement",
    );
    losses
}

/// A paragraph as comments.
fn commented(text: &str) -> String {
    let mut lines = String::from("#");
    let mut width = 1;
    for word in text.split(' ') {
        let length = word.chars().count() + 1;
        if width + length > LINE_WIDTH {
            lines.push_str("\n#");
            width = 1;
        }
        lines.push(' ');
        lines.push_str(word);
        width += length;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Links, Server, TokenSource, Web};

    fn operation(name: &str) -> OperationConfig {
        let server = Server { base_url: "https://wv0042.wolkvox.com".into(), name: "wv0042".into() };
        OperationConfig::new(name.into(), server, TokenSource::Env("TOKEN".into()))
    }

    fn told(operations: Vec<OperationConfig>) -> String {
        let web = Web {
            probe_address: None,
            listen_addresses: Vec::new(),
            telemetry_path: "/metrics".into(),
            links: Links::default(),
            openmetrics_created: false,
            lifecycle: false,
        };
        exactness(&Config { ledger: "ledger.db".into(), operations, web })
    }

    #[test]
    fn the_defaults_lose_nothing_more_than_they_say() {
        assert_eq!(
            told(vec![operation("a"), operation("b")]),
            "# How exact this is: each abandoned call is counted exactly once if the report shows it within 1h 1m\n\
             # of its date and no outage is longer than 1d; of a longer one the older part is given up, and\n\
             # counted in wolkvox_skipped_seconds_total. No setting makes it lose or hide more.\n"
        );
    }

    #[test]
    fn each_setting_that_loses_is_named_and_no_other() {
        let seconds = Duration::from_secs;
        type Change = fn(&mut OperationConfig, Duration);
        let settings: [(&str, Change, u64); 4] = [
            ("overlap", |operation, value| operation.overlap = value, 60),
            ("max_catch_up", |operation, value| operation.max_catch_up = value, 12 * 3_600),
            ("hold", |operation, value| operation.hold = value, 60),
            ("start_hold", |operation, value| operation.start_hold = value, 60),
        ];
        for (name, change, least) in settings {
            for (value, loses) in [(least, false), (least - 1, true), (1, true)] {
                let mut changed = operation("a");
                change(&mut changed, seconds(value));
                let text = losses(&changed).join(" ");
                assert_eq!(text.contains(&format!("`{name}: ")), loses, "{name} {value}: {text}");
                assert_eq!(text.matches("s` is shorter").count(), usize::from(loses), "{name} {value}: {text}");
            }
        }
    }

    #[test]
    fn a_bound_that_the_rules_ask_for_is_missed() {
        for (abandoned, answered, is_read, missed) in [
            (vec![10], vec![20], true, vec![]),
            (vec![5, 20], vec![20], true, vec!["abandon_time_buckets"]),
            (vec![10, 20], vec![10], true, vec!["answer_time_buckets"]),
            (vec![10, 20], vec![10], false, vec![]),
            (vec![9, 11], vec![19, 21], true, vec!["abandon_time_buckets", "answer_time_buckets"]),
        ] {
            let mut changed = operation("a");
            changed.reports.answered = is_read;
            (changed.abandon_time_buckets, changed.answer_time_buckets) = (abandoned, answered);
            let told = text(&changed);
            let lacks = |setting: &&str| told.contains(&format!("`{setting}` lacks "));
            let all = ["abandon_time_buckets", "answer_time_buckets"];
            assert_eq!(all.into_iter().filter(lacks).collect::<Vec<_>>(), missed, "{told}");
        }
    }

    #[test]
    fn operations_that_differ_are_told_apart_in_lines_of_comments() {
        let mut other = operation("b");
        other.hold = Duration::ZERO;
        let told = told(vec![operation("a"), other, operation("c")]);
        assert!(told.contains("How exact the reading of a, c is: ") && told.contains("reading of b is: "), "{told}");
        assert!(told.lines().all(|line| line.starts_with("# ") && line.len() <= LINE_WIDTH), "{told}");
    }
}
