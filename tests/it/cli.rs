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
    // Empty variables, as container tools pass them, are none.
    let names = [
        "LEDGER",
        "WOLKVOX_SERVER",
        "WOLKVOX_TOKEN_FILE",
        "WEB_LISTEN_ADDRESS",
        "WEB_TELEMETRY_PATH",
        "LOG_LEVEL",
        "LOG_FORMAT",
    ];
    let names = names.map(|name| format!("WOLKVOX_EXPORTER_{name}"));
    let empty: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(of(&empty, &["--config.file", "file.yml"]), "ledger: \"file.db\"");
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
