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
    settle: 90
  - name: ventas
    server: http://example.com
    token_file: /run/secrets/ventas
";
    assert_snapshot!(check(yaml), @"");
}

#[test]
fn a_minimal_file_takes_the_contracts_defaults() {
    let config = loaded("operations:\n- {server: 0042, token_env: TOKEN, timezone: America/Bogota}\n");
    assert_snapshot!(effective(&config), @"");
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
    assert_snapshot!(check_line("intervall: 5m"), @"");
    assert_snapshot!(check_line("max-series: 5"), @"");
    assert_snapshot!(check_line("5: 5"), @"");
    assert_snapshot!(check_line("server: 3"), @"");
    assert_snapshot!(check("ledgre: x\n"), @"");
}

#[test]
fn a_token_in_the_file_is_refused_and_not_shown() {
    let token = "0123456789abcdef0123456789abcdef01234567";
    for line in
        [format!("token: {token}"), format!("skills: {token}"), format!("{token}: 1"), format!("hold: [{token}")]
    {
        let problems = check_line(&line);
        assert!(problems.starts_with("w.yml:6:") || problems.starts_with("w.yml:7:"), "{problems}");
        assert!(!problems.contains("0123456789"), "{problems}");
    }
}

#[test]
fn durations() {
    assert_snapshot!(check_line("settle: 90"), @"");
    assert_snapshot!(check_line("settle: 0"), @"");
    assert_snapshot!(check_line("hold: -1s"), @"");
    assert_snapshot!(check_line("timeout: 1M"), @"");
    assert_snapshot!(check_line("timeout: 0s"), @"");
    assert_snapshot!(check_line("interval: 7m"), @"");
    assert_snapshot!(check_line("interval: 2h"), @"");
    assert_snapshot!(check_line("interval: 1500ms"), @"");
    assert_snapshot!(check_line("overlap: 0s"), @"");
    assert_snapshot!(check_line("overlap: true"), @"");
}

#[test]
fn values_that_must_fit_each_other() {
    assert_snapshot!(check_line("max_catch_up: 1m"), @"");
    assert_snapshot!(check_line("max_catch_up: 31d"), @"");
    assert_snapshot!(check_line("start: 30h"), @"");
    assert_snapshot!(check_line("connect_timeout: 80s"), @"");
    assert_snapshot!(check_line("timeout: 5s"), @"");
    assert_snapshot!(check_line("{start: 5, max_catch_up: 1h}"), @"");
}

#[test]
fn a_bad_value_is_compared_with_nothing() {
    assert_snapshot!(check_line("start: 30h\n    max_catch_up: 2 days or so"), @"");
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
    assert_snapshot!(of("http://127.0.0.1.example.com"), @"");
    assert_snapshot!(of("https://u:p@host"), @"");
    assert_snapshot!(of("https://host/api"), @"");
    assert_snapshot!(of("ftp://host"), @"");
    assert_snapshot!(of("12345"), @"");
    assert_snapshot!(of("-42"), @"");
    assert_snapshot!(of("https://"), @"");
}

#[test]
fn tokens() {
    let with = |token: &str| check(&format!("operations:\n- server: 1\n  timezone: UTC\n{token}"));
    assert_snapshot!(with(""), @"");
    assert_snapshot!(with("  token_file: /a\n  token_env: TOKEN\n"), @"");
    assert_snapshot!(with("  token_env: NOT_SET\n"), @"");
    assert_snapshot!(with("  token_env: 0123456789abcdef0123456789abcdef01234567\n"), @"");
    assert_snapshot!(with("  token_file: /not/there/yet\n"), @"");
}

#[test]
fn names_skills_series_and_buckets() {
    assert_snapshot!(check_line("name: \"a\\tb\""), @"");
    assert_snapshot!(check_line("name: ' a'"), @"");
    assert_snapshot!(check_line("name: wv0001"), @"");
    assert_snapshot!(check_line("skills: []"), @"");
    assert_snapshot!(check_line("skills: [4173, '4173']"), @"");
    assert_snapshot!(check_line("skills: [1.5]"), @"");
    assert_snapshot!(check_line("max_series: 0"), @"");
    assert_snapshot!(check_line("abandon_time_buckets: []"), @"");
    assert_snapshot!(check_line("abandon_time_buckets: [5, 5]"), @"");
    assert_snapshot!(check_line("abandon_time_buckets: [5, 2.5]"), @"");
    assert_snapshot!(check_line("abandon_time_buckets: [0, 5]"), @"");
    assert_snapshot!(check_line("abandon_time_buckets: [5, 3660, 3661]"), @"");
    assert_snapshot!(check_line("abandon_time_buckets: [5.0, 3600, 86400]"), @"");
}

#[test]
fn what_is_no_yaml_is_one_problem_with_its_place() {
    assert_snapshot!(check("operations:\n  - name: [a\n"), @"");
    assert_snapshot!(check("operations:\n\t- name: a\n"), @"");
    assert_snapshot!(check("a: 1\n---\nb: 2\n"), @"");
    assert_snapshot!(check("operations: *nowhere\n"), @"");
    assert_snapshot!(check("- a\n- b\n"), @"");
    assert_snapshot!(check("operations: {}\n"), @"");
    assert_snapshot!(check(""), @"");
}

#[test]
fn anchors_merges_and_many_comments_are_allowed() {
    let comments = "# one more line\n".repeat(500);
    let yaml = format!(
        "{comments}operations:\n{comments}- &a {{server: 1, token_env: TOKEN, timezone: UTC}}\n{comments}- <<: *a\n  server: 2\n"
    );
    assert_snapshot!(check(&yaml), @"");
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
    assert_snapshot!(problems, @"");
}

#[test]
fn all_problems_of_flags_are_reported_at_once() {
    let mut args = flags("https://host/path");
    args.wolkvox.timezone = Some("Bogota".into());
    args.web.listen_addresses = vec![":10119".into(), "nonsense".into(), "[::1]:99999".into()];
    args.web.telemetry_path = Some("/".into());
    let problems = from_text(None, &args, &|_| None).unwrap_err();
    assert_snapshot!(problems, @"");
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
    assert_snapshot!(from_text(None, &ServeArgs::default(), &env).unwrap_err(), @"");
}

#[test]
fn files_that_can_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let args = ServeArgs { config_file: Some(path.clone()), ..Default::default() };
        load(&args, &env).unwrap_err().to_string().replace(&path.display().to_string(), name)
    };
    assert_snapshot!(of("latin1.yml", b"# a\n# Bogot\xe1\n"), @"");
    assert_snapshot!(of("large.yml", &vec![b'#'; 2 << 20]), @"");
    let args = ServeArgs { config_file: Some(folder.path().join("none.yml")), ..Default::default() };
    assert!(load(&args, &env).unwrap_err().to_string().contains("none.yml: can't be opened: "));
}

// The example promises that its values are the defaults; a file without them must give the same.
#[test]
fn the_example_is_valid_and_its_values_are_the_defaults() {
    let example = include_str!("../../wolkvox-exporter.example.yml");
    let with_token = |name: &str| (name == "SOPORTE_TOKEN").then(|| "x".to_owned());
    let config = from_text(Some(("example", example)), &ServeArgs::default(), &with_token).unwrap();
    let [ventas, soporte] = config.operations.as_slice() else { panic!("two operations") };
    let plain = Operation::new("ventas".into(), ventas.server.clone(), ventas.token.clone(), ventas.timezone.clone());
    assert_eq!(format!("{ventas:?}"), format!("{plain:?}"));
    assert!(soporte.skills.selects("4173") && !soporte.skills.selects("4175"));
    for key in settings::KEYS.iter().chain(&["ledger", "name", "server", "token_file", "token_env", "skills"]) {
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
    let times = (0u64..86_400_000, 0u64..86_400_000, seconds(1, 86_400), seconds(3600, 30 * 86_400));
    (name, server, token, zone, interval, start, skills, buckets, times, 1usize..100_000).prop_map(
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
