use insta::assert_snapshot;
use proptest::prelude::*;

use super::load::from_text;
use super::*;
use crate::cli::{ServeArgs, WolkvoxArgs};

/// Two variables are set: `TOKEN` and `WOLKVOX_TOKEN`.
fn env(name: &str) -> Option<String> {
    matches!(name, "TOKEN" | "WOLKVOX_TOKEN").then(|| "s3cret-value".to_owned())
}

/// What is wrong with a file, one problem a line; `fine` if nothing is.
fn check(yaml: &str) -> String {
    match from_text(Some(("w.yml", yaml)), &ServeArgs::default(), &env) {
        Ok(_) => "fine".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

/// What is wrong with one more line in an operation that is fine without it.
fn check_line(line: &str) -> String {
    check(&format!(
        "operations:\n  - {{server: 1, token_env: TOKEN, timezone: UTC}}\n  - server: 2\n    token_env: TOKEN\n    timezone: UTC\n    {line}\n"
    ))
}

fn loaded(yaml: &str) -> Config {
    from_text(Some(("w.yml", yaml)), &ServeArgs::default(), &env).unwrap_or_else(|problems| panic!("{problems}"))
}

fn flags(server: &str) -> ServeArgs {
    let wolkvox =
        WolkvoxArgs { server: Some(server.into()), timezone: Some("America/Bogota".into()), ..Default::default() };
    ServeArgs { wolkvox, ..Default::default() }
}

#[test]
fn five_mistakes_are_five_problems() {
    let yaml = "\
defaults:
  timezone: America/Bogata
  intervall: 5m
operations:
  - name: ventas
    server: \"0042\"
    token_env: TOKEN
    settle: 90
  - name: ventas
    server: http://example.com
    token_file: /run/secrets/ventas
";
    assert_snapshot!(check(yaml), @"
    w.yml:2:13: defaults.timezone is `America/Bogata`: no such time zone; write an IANA name such as America/Bogota, Europe/Madrid or UTC
    w.yml:3:3: defaults: `intervall` is no known key; did you mean `interval`?
    w.yml:8:13: operations[0].settle is `90`: a duration needs a unit: write 90s for seconds, or such as 5m
    w.yml:9:11: operations[1] is named `ventas` like that of line 5; give it a `name` of its own
    w.yml:10:13: operations[1].server is `http://example.com`: plain http would send the token in clear; only loopback may have it. Write https://
    ");
}

#[test]
fn a_minimal_file_takes_the_contracts_defaults() {
    let config = loaded("operations:\n- {server: 0042, token_env: TOKEN, timezone: America/Bogota}\n");
    assert_snapshot!(effective(&config), @r#"
    # listening on [::]:10119 (0.0.0.0:10119 without IPv6)
    # metrics at /metrics
    ledger: "wolkvox-exporter.db"
    operations:
      - name: "wv0042"
        server: "wv0042"
        token_env: "TOKEN"
        reports: [abandoned]
        timezone: America/Bogota
        interval: 5m
        settle: 1m
        overlap: 1h
        answered_overlap: 3h
        max_catch_up: 1d
        start: now
        timeout: 1m 15s
        connect_timeout: 10s
        hold: 1m 30s
        start_hold: 1m 30s
        max_series: 2000
        abandon_time_buckets: [5, 10, 15, 20, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 600, 1200]
        answer_time_buckets: [5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600]
        quota_interval: 0s
        skills: all
    "#);
}

#[test]
fn an_operations_key_beats_the_defaults() {
    let config = loaded(
        "defaults: {timezone: UTC, interval: 1m, settle: 5s}\n\
         operations:\n- {server: 1, token_env: TOKEN, interval: 15m}\n- {server: 2, token_env: TOKEN, timezone: Asia/Tokyo}\n",
    );
    let seen: Vec<_> = config
        .operations
        .iter()
        .map(|o| (o.timezone.iana_name().unwrap_or("?"), o.interval.as_secs(), o.settle.as_secs()))
        .collect();
    assert_eq!(seen, [("UTC", 900, 5), ("Asia/Tokyo", 60, 5)]);
}

#[test]
fn keys_that_are_unknown_or_stand_twice() {
    assert_snapshot!(check_line("intervall: 5m"), @"w.yml:6:5: operations[1]: `intervall` is no known key; did you mean `interval`?");
    assert_snapshot!(check_line("max-series: 5"), @"w.yml:6:5: operations[1]: `max-series` is no known key; did you mean `max_series`?");
    assert_snapshot!(check_line("5: 5"), @"w.yml:6:5: operations[1]: `5` is no key; the keys are name, server, token_file, token_env, reports, timezone, interval, settle, overlap, answered_overlap, max_catch_up, start, timeout, connect_timeout, hold, start_hold, max_series, abandon_time_buckets, answer_time_buckets, quota_interval, skills");
    assert_snapshot!(check_line("server: 3"), @"w.yml:6:5: operations[1].server stands here twice; keep one");
    assert_snapshot!(check("ledgre: x\n"), @"
    w.yml: no operation to read: list one under `operations`, each with server and token_file or token_env
    w.yml:1:1: `ledgre` is no known key; did you mean `ledger`?
    ");
}

#[test]
fn a_token_in_the_file_is_refused_and_not_shown() {
    let token = "0123456789abcdef0123456789abcdef01234567";
    for line in [
        format!("token: {token}"),
        format!("name: {token}"),
        format!("name: {}", token.replace(|c: char| c.is_alphabetic(), "7").get(..38).unwrap()),
        format!("skills: {token}"),
        format!("skills: [{token}]"),
        format!("{token}: 1"),
        format!("hold: [{token}"),
    ] {
        let problems = check_line(&line);
        assert!(problems.starts_with("w.yml:6:") || problems.starts_with("w.yml:7:"), "{problems}");
        assert!(!problems.contains("0123456789"), "{problems}");
    }
}

#[test]
fn durations() {
    assert_snapshot!(check_line("settle: 90"), @"w.yml:6:13: operations[1].settle is `90`: a duration needs a unit: write 90s for seconds, or such as 5m");
    assert_snapshot!(check_line("settle: 0"), @"fine");
    assert_snapshot!(check_line("hold: -1s"), @"w.yml:6:11: operations[1].hold is `-1s`: not a duration; write such as 5m, 90s or 1h 30m");
    assert_snapshot!(check_line("timeout: 1M"), @"w.yml:6:14: operations[1].timeout is `1M`: `M` is a unit of no fixed length; write days (30d), or `m` for minutes");
    assert_snapshot!(check_line("timeout: 0s"), @"w.yml:6:14: operations[1].timeout is `0s`: it must be from 1ms to 1h");
    assert_snapshot!(check_line("interval: 7m"), @"w.yml:6:15: operations[1].interval is `7m`: an hour must be a multiple of it, as of 1m, 2m, 5m, 10m, 15m");
    assert_snapshot!(check_line("interval: 2h"), @"w.yml:6:15: operations[1].interval is `2h`: it must be from 1s to 1h");
    assert_snapshot!(check_line("interval: 1500ms"), @"w.yml:6:15: operations[1].interval is `1500ms`: write whole seconds");
    assert_snapshot!(check_line("hold: 10m"), @"fine");
    assert_snapshot!(check_line("start_hold: 11m"), @"w.yml:6:17: operations[1].start_hold is `11m`: it must be from 0s to 10m");
    assert_snapshot!(check_line("hold: 601s"), @"w.yml:6:11: operations[1].hold is `601s`: it must be from 0s to 10m");
    assert_snapshot!(check_line("overlap: 0s"), @"w.yml:6:14: operations[1].overlap is `0s`: it must be from 1s to 1d");
    assert_snapshot!(check_line("overlap: true"), @"w.yml:6:14: operations[1].overlap is `true`: write a duration such as 5m or 1h 30m");
}

#[test]
fn values_that_must_fit_each_other() {
    assert_snapshot!(check_line("max_catch_up: 1m"), @"w.yml:6:19: operations[1].max_catch_up (1m) is shorter than interval (5m, the default)");
    assert_snapshot!(check_line("reports: [abandoned, answered]\n    max_catch_up: 30d 22h"), @"w.yml:7:19: operations[1].max_catch_up (30d 22h) is too long beside answered_overlap (3h, the default); with this overlap at most 30d 21h, for the API answers 31d at once");
    assert_snapshot!(check_line("max_catch_up: 30d 22h"), @"fine");
    assert_snapshot!(check_line("max_catch_up: 31d"), @"w.yml:6:19: operations[1].max_catch_up (31d) is too long beside overlap (1h, the default); with this overlap at most 30d 23h, for the API answers 31d at once");
    assert_snapshot!(check_line("start: 30h"), @"w.yml:6:12: operations[1].start (1d 6h) is longer than max_catch_up (1d, the default)");
    assert_snapshot!(check_line("connect_timeout: 80s"), @"w.yml:6:22: operations[1].connect_timeout (1m 20s) is longer than timeout (1m 15s, the default)");
    assert_snapshot!(check_line("timeout: 5s"), @"fine");
    assert_snapshot!(check_line("timeout: 59m"), @"fine");
    // Reported where the values stand, once, though two operations take them.
    assert_snapshot!(check("defaults: {max_catch_up: 1h, start: 2h, timezone: UTC}\noperations:\n- {server: 1, token_env: TOKEN}\n- {server: 2, token_env: TOKEN}"), @"w.yml:1:37: defaults.start (2h) is longer than defaults.max_catch_up (1h)");
}

#[test]
fn a_mistake_in_the_defaults_is_one_problem() {
    let with = |defaults: &str, own: &str| {
        check(&format!(
            "defaults: {{{defaults}}}\noperations:\n- {{server: 1, token_env: TOKEN{own}}}\n- {{server: 2, token_env: TOKEN{own}}}"
        ))
    };
    assert_snapshot!(with("hold: 1h", ""), @"w.yml:1:18: defaults.hold is `1h`: it must be from 0s to 10m");
    assert_snapshot!(with("hold: 1h", ", hold: 1m"), @"w.yml:1:18: defaults.hold is `1h`: it must be from 0s to 10m");
    assert_snapshot!(with("skills: [1, 1]", ", skills: all"), @"w.yml:1:24: defaults.skills: `1` stands here twice; keep one");
    assert_snapshot!(with("max_catch_up: 1m", ", interval: 1m"), @"fine");
    assert_snapshot!(with("server: 3", ""), @"w.yml:1:12: defaults: `server` is no known key; the keys are reports, timezone, interval, settle, overlap, answered_overlap, max_catch_up, start, timeout, connect_timeout, hold, start_hold, max_series, abandon_time_buckets, answer_time_buckets, quota_interval, skills");
    assert_snapshot!(check("defaults: {hold: 1h}"), @"
    w.yml: no operation to read: list one under `operations`, each with server and token_file or token_env
    w.yml:1:18: defaults.hold is `1h`: it must be from 0s to 10m
    ");
}

#[test]
fn a_bad_value_is_compared_with_nothing() {
    assert_snapshot!(check_line("start: 30h\n    max_catch_up: 2 days or so"), @"w.yml:7:19: operations[1].max_catch_up is `2 days or so`: not a duration; write such as 5m, 90s or 1h 30m");
}

#[test]
fn servers() {
    let of = |server: &str| {
        let yaml = format!("operations: [{{server: {server}, token_env: TOKEN, timezone: UTC}}]");
        match from_text(Some(("w.yml", &yaml)), &ServeArgs::default(), &env) {
            Ok(config) => format!("{} {}", config.operations[0].server.name, config.operations[0].server.base_url),
            Err(problems) => problems.to_string(),
        }
    };
    for same in
        ["0042", "42", "\"0042\"", "wv0042", "WV42", "https://wv0042.wolkvox.com/", "https://WV0042.wolkvox.com:443"]
    {
        assert_eq!(of(same), "wv0042 https://wv0042.wolkvox.com", "{same}");
    }
    assert_eq!(of("http://127.0.0.1:8042"), "127.0.0.1:8042 http://127.0.0.1:8042");
    assert_eq!(of("\"http://[::1]:8042\""), "[::1]:8042 http://[::1]:8042");
    assert_eq!(of("http://localhost:8042"), "localhost:8042 http://localhost:8042");
    assert_snapshot!(of("http://127.0.0.1.example.com"), @"w.yml:1:23: operations[0].server is `http://127.0.0.1.example.com`: plain http would send the token in clear; only loopback may have it. Write https://");
    assert_snapshot!(of("https://u:p@host"), @"w.yml:1:23: operations[0].server is (hidden: it may hold a password): remove the user and password from the address");
    assert_snapshot!(of("https://host/api"), @"w.yml:1:23: operations[0].server is `https://host/api`: remove everything after the host and port; the exporter adds the path itself");
    assert_snapshot!(of("ftp://host"), @"w.yml:1:23: operations[0].server is `ftp://host`: write the server's four digits (0042), wv0042 or https://host[:port]");
    assert_snapshot!(of("12345"), @"w.yml:1:23: operations[0].server is `12345`: write the server's four digits (0042), wv0042 or https://host[:port]");
    assert_snapshot!(of("-42"), @"w.yml:1:23: operations[0].server is `-42`: write the server's four digits (0042), wv0042 or https://host[:port]");
    assert_snapshot!(of("https://"), @"w.yml:1:23: operations[0].server is `https://`: empty host; write the server's four digits (0042), wv0042 or https://host[:port]");
}

#[test]
fn tokens() {
    let with = |token: &str| check(&format!("operations:\n- server: 1\n  timezone: UTC\n{token}"));
    assert_snapshot!(with(""), @"w.yml:2:3: operations[0].token_file or operations[0].token_env is missing: name the token's file, or its variable");
    assert_snapshot!(with("  token_file: /a\n  token_env: TOKEN\n"), @"w.yml:5:14: operations[0].token_env stands beside token_file; keep one");
    assert_snapshot!(with("  token_env: NOT_SET\n"), @"w.yml:4:14: operations[0].token_env is `NOT_SET`: this environment variable is not set, or empty: set it to the token");
    assert_snapshot!(with("  token_env: 0123456789abcdef0123456789abcdef01234567\n"), @"w.yml:4:14: operations[0].token_env is (hidden: it looks like a token): put the token into a file of its own, and name that file in token_file or with --wolkvox.token-file");
    assert_snapshot!(with("  token_file: 0123456789abcdef0123456789abcdef01234567\n"), @"w.yml:4:15: operations[0].token_file is (hidden: it looks like a token): put the token into a file of its own, and name that file in token_file or with --wolkvox.token-file");
    assert_snapshot!(with("  token_env: not-a-name\n"), @"w.yml:4:14: operations[0].token_env is `not-a-name`: write the name of an environment variable, such as VENTAS_TOKEN (not the token itself)");
    assert_snapshot!(with("  token_file: /not/there/yet\n"), @"fine");
}

#[test]
fn names_skills_series_and_buckets() {
    assert_snapshot!(check_line("name: \"a\\tb\""), @r#"w.yml:6:11: operations[1].name is `a\tb`: control characters can't be in a label"#);
    assert_snapshot!(check_line("name: ' a'"), @"w.yml:6:11: operations[1].name is ` a`: remove the blanks at its ends");
    assert_snapshot!(check_line("name: wv0001"), @"w.yml:6:11: operations[1] is named `wv0001` like that of line 2; give it a `name` of its own");
    assert_snapshot!(check_line("skills: []"), @r#"w.yml:6:13: operations[1].skills is a list: it is empty; write `all`, or a list of ids such as ["4173", "4174"]"#);
    assert_snapshot!(check_line("skills: [4173, '4173']"), @"w.yml:6:20: operations[1].skills: `4173` stands here twice; keep one");
    assert_snapshot!(check_line("skills: [1.5]"), @r#"w.yml:6:14: operations[1].skills: `1.5` is no id; write `all`, or a list of ids such as ["4173", "4174"]"#);
    assert_snapshot!(check_line("max_series: 0"), @"w.yml:6:17: operations[1].max_series is `0`: write a whole number from 1 to 20000");
    assert_snapshot!(check_line("reports: answered"), @"w.yml:6:14: operations[1].reports is `answered`: write [abandoned] or [abandoned, answered], and totals with either");
    assert_snapshot!(check_line("reports: []"), @"w.yml:6:14: operations[1].reports is a list: `abandoned` is always read; write [abandoned] or [abandoned, answered], and totals with either");
    assert_snapshot!(check_line("reports: [answered]"), @"w.yml:6:14: operations[1].reports is a list: `abandoned` is always read; write [abandoned] or [abandoned, answered], and totals with either");
    assert_snapshot!(check_line("reports: [abandoned, answerd]"), @"w.yml:6:26: operations[1].reports: `answerd` is no report; write [abandoned] or [abandoned, answered], and totals with either");
    assert_snapshot!(check_line("reports: [abandoned, abandoned]"), @"w.yml:6:26: operations[1].reports: `abandoned` stands here twice; keep one");
    assert_snapshot!(check_line("reports: [abandoned, 5]"), @"w.yml:6:26: operations[1].reports: `5` is no report; write [abandoned] or [abandoned, answered], and totals with either");
    assert_snapshot!(check_line("reports: [answered, abandoned]"), @"fine");
    assert_snapshot!(check_line("reports: [totals, abandoned]"), @"fine");
    assert_snapshot!(check_line("reports: [totals]"), @"w.yml:6:14: operations[1].reports is a list: `abandoned` is always read; write [abandoned] or [abandoned, answered], and totals with either");
    assert_snapshot!(check_line("answered_overlap: 8d"), @"w.yml:6:23: operations[1].answered_overlap is `8d`: it must be from 1s to 7d");
    assert_snapshot!(check_line("answer_time_buckets: [5, 5]"), @"w.yml:6:30: operations[1].answer_time_buckets: `5` comes after 5; write ascending bounds, each once");
    assert_snapshot!(check_line("abandon_time_buckets: []"), @"w.yml:6:27: operations[1].abandon_time_buckets is a list: write from 1 to 100 bounds; this has 0");
    assert_snapshot!(check_line("abandon_time_buckets: [5, 5]"), @"w.yml:6:31: operations[1].abandon_time_buckets: `5` comes after 5; write ascending bounds, each once");
    assert_snapshot!(check_line("abandon_time_buckets: [5, 2.5]"), @"w.yml:6:31: operations[1].abandon_time_buckets: `2.5` is no bound; write whole seconds");
    assert_snapshot!(check_line("abandon_time_buckets: [0, 5]"), @"w.yml:6:28: operations[1].abandon_time_buckets: `0` is no bound; write from 1 to 86400 seconds");
    assert_snapshot!(check_line("abandon_time_buckets: [5, 3660, 3661]"), @"w.yml:6:37: operations[1].abandon_time_buckets: `3661` can't be a bound: the ledger keeps times above an hour to the minute, rounded up; above 3600 write multiples of 60");
    assert_snapshot!(check_line("abandon_time_buckets: [5.0, 3600, 86400]"), @"fine");
}

#[test]
fn what_is_no_yaml_or_has_another_shape_is_one_problem() {
    assert_snapshot!(check("operations:\n  - name: [a\n"), @"w.yml:2:11: not valid YAML: unclosed bracket '['");
    assert_snapshot!(check("operations:\n\t- name: a\n"), @"w.yml:2:2: not valid YAML: a tab stands here; write spaces");
    assert_snapshot!(check("a: 1\n---\nb: 2\n"), @"w.yml:3:1: a second YAML document begins here; the file must hold one");
    assert_snapshot!(check("operations: *nowhere\n"), @"w.yml:1:13: not valid YAML: alias references unknown anchor");
    assert_snapshot!(check("operations: &a [*a]\n"), @"w.yml:1:17: not valid YAML: an alias refers to what it stands in");
    assert_snapshot!(check("operations: *0123456789abcdef0123456789abcdef01234567\n"), @"w.yml:1:13: not valid YAML: alias references unknown anchor");
    assert_snapshot!(check("- a\n- b\n"), @"w.yml:1:1: the file is a list; write a mapping of keys and values");
    assert_snapshot!(check("operations: []\n"), @"w.yml: no operation to read: list one under `operations`, each with server and token_file or token_env");
    assert_snapshot!(check("operations: {}\n"), @"w.yml:1:13: operations is a mapping; write a list of 1 to 5000 mappings, each after `-`");
    assert_snapshot!(check(""), @"w.yml: no operation to read: list one under `operations`, each with server and token_file or token_env");
}

#[test]
fn anchors_merges_and_many_comments_are_allowed() {
    let comments = "# one more line\n".repeat(500);
    let yaml = format!(
        "{comments}operations:\n{comments}- &a {{server: 1, token_env: TOKEN, timezone: UTC}}\n{comments}- <<: *a\n  server: 2\n"
    );
    assert_snapshot!(check(&yaml), @"fine");
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut yaml = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..9 {
        let list = vec![format!("*a{}", level - 1); 10].join(",");
        yaml += &format!("a{level}: &a{level} [{list}]\n");
    }
    let problems = check(&yaml);
    assert!(problems.contains("not valid YAML"), "{problems}");
}

#[test]
fn flags_alone_give_one_operation() {
    let config = from_text(None, &flags("42"), &env).unwrap();
    let [operation] = config.operations.as_slice() else { panic!("one operation") };
    assert_eq!(operation.name, "wv0042");
    assert!(matches!(&operation.token, TokenSource::Env(name) if name == "WOLKVOX_TOKEN"));
    assert_eq!(config.ledger, PathBuf::from("wolkvox-exporter.db"));
}

#[test]
fn flags_take_the_defaults_of_a_file_without_operations() {
    let config = from_text(Some(("w.yml", "defaults: {interval: 1m, timezone: UTC}")), &flags("42"), &env).unwrap();
    assert_eq!(config.operations[0].interval, Duration::from_secs(60));
    assert_eq!(config.operations[0].timezone.iana_name(), Some("America/Bogota"));
}

#[test]
fn flags_and_the_operations_of_a_file_exclude_each_other() {
    let yaml = "operations: [{server: 1, token_env: TOKEN, timezone: UTC}]";
    let problems = from_text(Some(("w.yml", yaml)), &flags("42"), &env).unwrap_err();
    assert_snapshot!(problems, @"w.yml:1:13: the file has operations, and so have the --wolkvox flags (or WOLKVOX_EXPORTER_WOLKVOX_… variables); use either");
}

#[test]
fn all_problems_of_flags_are_reported_at_once() {
    let mut args = flags("https://host/path");
    args.wolkvox.timezone = Some("Bogota".into());
    args.web.listen_addresses = vec![":10119".into(), "nonsense".into(), "[::1]:99999".into()];
    args.web.telemetry_path = Some("/".into());
    let problems = from_text(None, &args, &|_| None).unwrap_err();
    assert_snapshot!(problems, @"
    --wolkvox.server is `https://host/path`: remove everything after the host and port; the exporter adds the path itself
    --wolkvox.timezone is `Bogota`: no such time zone; write an IANA name such as America/Bogota, Europe/Madrid or UTC
    no token: name its file with --wolkvox.token-file, or set WOLKVOX_TOKEN
    --web.listen-address is `nonsense`: write :10119, 127.0.0.1:10119 or [::]:10119
    --web.listen-address is `[::1]:99999`: its port is no number from 0 to 65535; write :10119, 127.0.0.1:10119 or [::]:10119
    --web.telemetry-path is `/`: the exporter needs this path itself; write another, such as /metrics
    ");
}

#[test]
fn a_token_among_the_flags_is_refused_and_not_shown() {
    let token = || Some("0123456789abcdef0123456789abcdef01234567".to_owned());
    let refused = |change: &dyn Fn(&mut ServeArgs)| {
        let mut args = flags("42");
        change(&mut args);
        let problems = load(&args, &env).unwrap_err().to_string();
        assert!(!problems.contains("0123456789"), "{problems}");
        problems
    };
    assert_snapshot!(refused(&|args| args.wolkvox.token_file = token()), @"--wolkvox.token-file is (hidden: it looks like a token): put the token into a file of its own, and name that file in token_file or with --wolkvox.token-file");
    refused(&|args| args.wolkvox.operation = token());
    refused(&|args| args.wolkvox.server = token());
    refused(&|args| args.ledger.ledger = token());
    refused(&|args| args.config_file = token());
    refused(&|args| args.web.telemetry_path = token());
    refused(&|args| args.web.dashboards_url = token());
    refused(&|args| args.web.alerts_url = token());
    refused(&|args| args.web.listen_addresses = token().into_iter().collect());

    let mut args = flags("42");
    args.wolkvox.token_file = Some("/run/secrets/0123456789abcdef0123456789abcdef".into());
    assert!(load(&args, &env).is_ok(), "a path may be what it is");
}

#[test]
fn the_page_links_to_web_addresses_only() {
    for (url, taken) in [
        ("https://grafana.example.com/d/x?orgId=1", true),
        ("http://10.0.0.1:9093/#/alerts", true),
        ("grafana.example.com", false),
        ("javascript:alert(1)", false),
        ("file:///etc/passwd", false),
        ("https://user:hush@grafana.example.com", false),
    ] {
        let args = crate::cli::WebArgs { dashboards_url: Some(url.into()), ..Default::default() };
        assert_eq!(web(&args).map(|web| web.links.dashboards).ok(), taken.then(|| Some(url.to_owned())), "{url}");
    }
}

#[test]
fn listen_addresses() {
    let args = |text: &str| crate::cli::WebArgs { listen_addresses: vec![text.into()], ..Default::default() };
    for (text, expected) in [
        (":10119", "[::]:10119"),
        ("[::]:10119", "[::]:10119"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("localhost:1", "127.0.0.1:1"),
    ] {
        let web = web(&args(text)).unwrap();
        assert_eq!(web.listen_addresses[0].to_string(), expected);
        assert_eq!(web.telemetry_path, "/metrics");
    }
}

#[test]
fn nothing_at_all_says_how_to_start() {
    assert_snapshot!(from_text(None, &ServeArgs::default(), &env).unwrap_err(), @"
    no operation to read. The shortest way to start:
        WOLKVOX_TOKEN=… wolkvox-exporter --wolkvox.server 0042 --wolkvox.timezone America/Bogota
    or list operations in a file and name it with --config.file; or see it work without wolkvox: wolkvox-exporter demo
    ");
}

#[test]
fn files_that_can_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let args = ServeArgs { config_file: Some(path.display().to_string()), ..Default::default() };
        load(&args, &env).unwrap_err().to_string().replace(&path.display().to_string(), name)
    };
    assert_snapshot!(of("latin1.yml", b"# a\n# Bogot\xe1\n"), @"latin1.yml: line 2 is not UTF-8 text; save the file as UTF-8");
    assert_snapshot!(of("large.yml", &vec![b'#'; 5 << 20]), @"large.yml: is larger than 4194304 bytes; is it the right file?");
    let args =
        ServeArgs { config_file: Some(folder.path().join("none.yml").display().to_string()), ..Default::default() };
    assert!(load(&args, &env).unwrap_err().to_string().contains("none.yml: can't be opened: "));
}

// The example promises that its values are the defaults; a file without them must give the same.
#[test]
fn the_example_is_valid_and_its_values_are_the_defaults() {
    let example = include_str!("../../wolkvox-exporter.example.yml");
    let with_token = |name: &str| (name == "SOPORTE_TOKEN").then(|| "x".to_owned());
    let config = from_text(Some(("example", example)), &ServeArgs::default(), &with_token).unwrap();
    let [ventas, soporte] = config.operations.as_slice() else { panic!("two operations") };
    let plain = OperationConfig::new("ventas".into(), ventas.server.clone(), ventas.token.clone());
    assert_eq!(format!("{ventas:?}"), format!("{plain:?}"));
    assert!(soporte.skills.selects("4173") && !soporte.skills.selects("4175"));
    let keys = operation::OWN.iter().chain(operation::SHARED).map(|key| key.name);
    for key in keys.chain(["ledger"]) {
        assert!(example.contains(&format!("{key}:")), "the example has no {key}");
    }
}

fn seconds(from: u64, to: u64) -> impl Strategy<Value = String> {
    (from..=to).prop_map(|seconds| show_duration(Duration::from_secs(seconds)))
}

fn operation() -> impl Strategy<Value = String> {
    let name = "[a-zA-Z0-9áñ\u{2028}\u{feff}\"\\\\#:{}' -]{0,20}"
        .prop_map(|middle| format!("\"x{}x\"", middle.replace('\\', "\\\\").replace('"', "\\\"")));
    let server = prop_oneof![
        Just("42".to_owned()),
        Just("wv0007".into()),
        Just("http://127.0.0.1:81".into()),
        Just("https://h".into())
    ];
    let token = prop_oneof![Just("token_env: TOKEN".to_owned()), Just("token_file: '/a b/é'".into())];
    let zone = prop::sample::select(vec!["UTC", "America/Bogota", "Europe/Madrid", "Australia/Lord_Howe"]);
    let interval = prop::sample::select(vec!["1s", "2s", "1m", "5m", "15m", "1h"]);
    let start = prop_oneof![Just("now".to_owned()), seconds(1, 3600)];
    let skills = prop_oneof![Just("all".to_owned()), Just("[4173, '0012', x y]".into())];
    let buckets = prop::collection::btree_set(1u32..3600, 1..30)
        .prop_map(|set| format!("{set:?}").replace(['{'], "[").replace('}', "]"));
    let times = (0u64..86_400_000, 0u64..=600_000, seconds(1, 86_400), seconds(3600, 30 * 86_400));
    (name, server, token, zone, interval, start, skills, buckets, times, 1usize..=20_000).prop_map(
        |(name, server, token, zone, interval, start, skills, buckets, (settle, hold, overlap, catch_up), series)| {
            let millis = |millis| show_duration(Duration::from_millis(millis));
            format!(
                "- name: {name}\n  server: {server}\n  {token}\n  timezone: {zone}\n  interval: {interval}\n  \
                 start: {start}\n  skills: {skills}\n  abandon_time_buckets: {buckets}\n  settle: {}\n  hold: {}\n  \
                 overlap: {overlap}\n  max_catch_up: {catch_up}\n  max_series: {series}\n",
                millis(settle),
                millis(hold)
            )
        },
    )
}

proptest! {
    #[test]
    fn an_effective_configuration_loads_again_as_the_same(operation in operation()) {
        let config = loaded(&format!("ledger: 'a: b'\noperations:\n{operation}"));
        let printed = effective(&config);
        let again = loaded(&printed);
        prop_assert_eq!(format!("{:?}", &config), format!("{:?}", &again));
        prop_assert_eq!(effective(&again), printed);
    }

    #[test]
    fn no_file_panics(text in "(?s)[-a-z0-9:{}\\[\\]&*!|>'\"%@#, \n\t?<~.é]{0,80}") {
        let _ = check(&text);
    }
}
