//! The binary as a user meets it: what it prints, and its exit code. The sessions are in `tests/cmd`; after a wanted
//! change `TRYCMD=overwrite cargo test --test it cli` writes them anew.

use std::path::Path;
use std::process::{Command, Output};

const BINARY: &str = env!("CARGO_BIN_EXE_wolkvox-exporter");

#[test]
fn sessions() {
    trycmd::TestCases::new()
        .register_bin("wolkvox-exporter", Path::new(BINARY))
        .env("COLUMNS", "100")
        .case("tests/cmd/*.trycmd");
}

/// Runs `check-config` in `folder` with the environment and the flags given, and with nothing else.
fn check_config(folder: &Path, env: &[(&str, &str)], flags: &[&str]) -> Output {
    Command::new(BINARY)
        .arg("check-config")
        .args(flags)
        .env_clear()
        .envs(env.iter().copied())
        .current_dir(folder)
        .output()
        .expect("the binary was built for this test")
}

fn ledger_line(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().find(|line| line.starts_with("ledger: ")).expect("a ledger is always printed").to_owned()
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let operation = "operations: [{server: 1, token_file: t, timezone: UTC}]\n";
    std::fs::write(folder.path().join("none.yml"), operation).unwrap();
    std::fs::write(folder.path().join("file.yml"), format!("ledger: file.db\n{operation}")).unwrap();
    let env = ("WOLKVOX_EXPORTER_LEDGER", "env.db");
    let of = |env: &[(&str, &str)], flags: &[&str]| ledger_line(&check_config(folder.path(), env, flags));

    assert_eq!(of(&[], &["--config.file", "none.yml"]), "ledger: \"wolkvox-exporter.db\"");
    assert_eq!(of(&[], &["--config.file", "file.yml"]), "ledger: \"file.db\"");
    assert_eq!(of(&[env], &["--config.file", "file.yml"]), "ledger: \"env.db\"");
    assert_eq!(of(&[env], &["--config.file", "file.yml", "--ledger", "flag.db"]), "ledger: \"flag.db\"");
}

/// What a container tool passes for each flag when nothing is set: a variable, and nothing in it.
fn empty_variables(subcommand: &str) -> Vec<String> {
    let help = Command::new(BINARY).args([subcommand, "--help"]).env_clear().env("COLUMNS", "500").output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let names = help.split("[env: ").skip(1).filter_map(|rest| rest.split(']').next());
    names.map(str::to_owned).collect()
}

#[test]
fn an_empty_variable_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let operation = "ledger: file.db\noperations: [{server: 1, token_file: t, timezone: UTC}]\n";
    std::fs::write(folder.path().join("file.yml"), operation).unwrap();
    let names = empty_variables("check-config");
    assert!(names.len() > 10 && names.contains(&"WOLKVOX_EXPORTER_WOLKVOX_TOKEN_FILE".to_owned()), "{names:?}");
    let empty: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let output = check_config(folder.path(), &empty, &["--config.file", "file.yml"]);
    assert_eq!(ledger_line(&output), "ledger: \"file.db\"");

    // The simulator's flags are numbers, switches and texts; it gets as far as to look at the only one that was given.
    for subcommand in ["simulate", "demo"] {
        let names = empty_variables(subcommand);
        assert!(names.contains(&"WOLKVOX_EXPORTER_SEED".to_owned()), "{names:?}");
        let output = Command::new(BINARY)
            .args([subcommand, "--zone", "Bogota"])
            .env_clear()
            .envs(names.iter().map(|name| (name, "")))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("`Bogota` is not a time zone"), "{output:?}");
    }
}

#[test]
fn a_switch_is_on_for_any_word_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file.yml"), "operations: [{server: 1, token_file: t}]\n").unwrap();
    for (word, on) in [("1", true), ("yes", true), ("true", true), ("0", false), ("no", false), ("", false)] {
        let env = [("WOLKVOX_EXPORTER_WEB_OPENMETRICS_CREATED", word)];
        let output = check_config(folder.path(), &env, &["--config.file", "file.yml"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).contains("_created"), on, "{word:?}: {output:?}");
        let output = Command::new(BINARY)
            .args(["simulate", "--zone", "Bogota"])
            .env_clear()
            .env("WOLKVOX_EXPORTER_REDIALS", word)
            .output()
            .unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("`Bogota` is not"), "{word:?}: {output:?}");
    }
}

#[test]
fn everything_can_come_from_the_environment_and_no_token_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let env = [
        ("WOLKVOX_EXPORTER_WOLKVOX_SERVER", "0042"),
        ("WOLKVOX_EXPORTER_WOLKVOX_TIMEZONE", "America/Bogota"),
        ("WOLKVOX_EXPORTER_WOLKVOX_OPERATION", "ventas"),
        ("WOLKVOX_EXPORTER_WEB_LISTEN_ADDRESS", "127.0.0.1:1,127.0.0.1:2"),
        ("WOLKVOX_TOKEN", "a-very-secret-token"),
    ];
    let output = check_config(folder.path(), &env, &[]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "# listening on 127.0.0.1:1, 127.0.0.1:2",
        "name: \"ventas\"",
        "server: \"wv0042\"",
        "token_env: \"WOLKVOX_TOKEN\"",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let all = format!("{output:?}");
    assert!(!all.contains("a-very-secret-token"), "{all}");
}

#[test]
fn help_shows_no_value_of_the_environment() {
    for arguments in [&["--help"][..], &["serve", "--help"], &["check-config", "--help"], &["demo", "--help"]] {
        let output = Command::new(BINARY)
            .args(arguments)
            .env("WOLKVOX_TOKEN", "a-very-secret-token")
            .env("WOLKVOX_EXPORTER_WOLKVOX_TOKEN_FILE", "/a/private/place")
            .output()
            .unwrap();
        assert!(output.status.success());
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!text.contains("a-very-secret-token") && !text.contains("/a/private/place"), "{text}");
    }
}
