//! The binary as a user meets it: what it prints, and its exit code. The sessions are in `tests/cmd`; after a wanted
//! change `TRYCMD=overwrite cargo test --test it cli` writes them anew.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::child::{self, Child};

#[test]
fn sessions() {
    trycmd::TestCases::new()
        .register_bin("wolkvox-exporter", Path::new(&child::binary()))
        .env("COLUMNS", "100")
        .env("VENTAS_TOKEN", "a-very-secret-token")
        .case("tests/cmd/*.trycmd");
}

/// Runs `check-config` in `folder` with the environment and the flags given, and with nothing else.
fn check_config(folder: &Path, env: &[(&str, &str)], flags: &[&str]) -> Output {
    Command::new(child::binary())
        .arg("check-config")
        .args(flags)
        .env_clear()
        .env("T", "a-very-secret-token")
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
    let operation = "operations: [{server: 1, token_env: T, timezone: UTC}]\n";
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
    let help =
        Command::new(child::binary()).args([subcommand, "--help"]).env_clear().env("COLUMNS", "500").output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let names = help.split("[env: ").skip(1).filter_map(|rest| rest.split(']').next());
    names.map(str::to_owned).collect()
}

#[test]
fn an_empty_variable_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let operation = "ledger: file.db\noperations: [{server: 1, token_env: T, timezone: UTC}]\n";
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
        let output = Command::new(child::binary())
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
    std::fs::write(folder.path().join("file.yml"), "operations: [{server: 1, token_env: T}]\n").unwrap();
    for (word, on) in [("1", true), ("yes", true), ("true", true), ("0", false), ("no", false), ("", false)] {
        let env = [("WOLKVOX_EXPORTER_WEB_OPENMETRICS_CREATED", word)];
        let output = check_config(folder.path(), &env, &["--config.file", "file.yml"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).contains("_created"), on, "{word:?}: {output:?}");
        let output = Command::new(child::binary())
            .args(["simulate", "--zone", "Bogota"])
            .env_clear()
            .env("WOLKVOX_EXPORTER_REDIALS", word)
            .output()
            .unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("`Bogota` is not"), "{word:?}: {output:?}");
    }
}

/// A place where a token should be, what `check-config` says of it, and whether that is an error.
fn token_files(folder: &Path) -> Vec<(&'static str, &'static str, bool)> {
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        std::fs::set_permissions(folder.join(name), Permissions::from_mode(0o600)).unwrap();
    };
    write("empty", " \n");
    write("two-lines", "hush\nhush");
    write("assigned", "WOLKVOX_TOKEN=hush");
    write("quoted", "'hush'");
    let made = Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap();
    assert!(made.success());
    write("open", "hush");
    std::fs::set_permissions(folder.join("open"), Permissions::from_mode(0o644)).unwrap();
    vec![
        ("missing", "No such file", true),
        (".", "Is a directory", true),
        // Nobody ever writes into it.
        ("pipe", "it is no file that", true),
        ("/dev/zero", "it is no file that", true),
        ("empty", "is empty", true),
        ("two-lines", "holds more than a token", true),
        ("assigned", "begins with a name and `=`", false),
        ("quoted", "has quotes around the token", false),
        ("open", "can be read by every user", false),
    ]
}

#[test]
fn check_config_looks_at_the_token_file() {
    let folder = tempfile::tempdir().unwrap();
    for (file, words, is_error) in token_files(folder.path()) {
        let flags = ["--wolkvox.server", "0042", "--wolkvox.operation", "ventas", "--wolkvox.token-file", file];
        let output = check_config(folder.path(), &[], &flags);
        assert_eq!(output.status.code(), Some(if is_error { 2 } else { 0 }), "{file}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        let begin = if is_error { "operation ventas: " } else { "warning: operation ventas: " };
        assert!(said.starts_with(begin) && said.contains(words) && !said.contains("hush"), "{file}: {said}");
        assert_eq!(said.lines().count(), 1, "{file}: {said}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("name: \"ventas\""), "{file}: {output:?}");
    }
}

/// The next window is an hour away, and nobody looks at a log then.
#[test]
fn the_start_looks_at_the_token_file() {
    let folder = tempfile::tempdir().unwrap();
    let files = token_files(folder.path());
    let mut yaml = String::from("defaults: {interval: 1h}\noperations:\n");
    for (file, ..) in &files {
        yaml += &format!("- {{name: 'with {file}', server: 'http://127.0.0.1:1', token_file: {file}}}\n");
    }
    std::fs::write(folder.path().join("file.yml"), yaml).unwrap();
    let mut command = child::command(&["--web.listen-address", "127.0.0.1:0", "--config.file", "file.yml"]);
    command.current_dir(folder.path());
    let exporter = Child::start(command);
    for (file, words, _) in files {
        exporter.wait_for_lines(1, &["level=warn", &format!("with {file}\""), words]);
    }
    assert_eq!(exporter.get("/-/ready", &[]).status, 200);
    assert!(!exporter.said().contains("hush"), "{}", exporter.said());
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

/// These tests are built in a checkout, or are told what they are built from.
#[test]
fn the_version_has_the_revision() {
    let output = Command::new(child::binary()).arg("--version").env_clear().output().unwrap();
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let git = |arguments: &[&str]| Command::new("git").args(arguments).output().ok().filter(|out| out.status.success());
    let told = option_env!("WOLKVOX_EXPORTER_REVISION").filter(|told| !told.is_empty()).map(str::to_owned);
    let head =
        git(&["rev-parse", "--short=12", "HEAD"]).map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    let revision = told.or(head).unwrap_or_else(|| "unknown".to_owned());
    assert!(line.contains(&format!("revision {revision}")), "{line}");
}

/// What a command prints that succeeds.
fn printed(arguments: &[&str]) -> String {
    let output = Command::new(child::binary()).args(arguments).env_clear().output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completions_and_manual_pages_know_each_command_and_flag() {
    let definition = wolkvox_exporter::cli::Cli::definition();
    let flags = |command: &clap::Command| {
        command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect::<Vec<_>>()
    };
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = printed(&["completions", shell]);
        for command in definition.get_subcommands() {
            assert!(text.contains(command.get_name()), "{shell}: {}", command.get_name());
            for flag in flags(command) {
                assert!(text.contains(&flag), "{shell}: {} --{flag}", command.get_name());
            }
        }
    }
    // What each offers after these words, by the script that it was given.
    let offered = |shell: &str, script: &str| {
        let mut command = Command::new(shell);
        command.args(if shell == "zsh" { &["-f"][..] } else { &[] });
        let output = command.args(["-c", script, &printed(&["completions", shell])]).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let bash = r#"eval "$0"; of() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _wolkvox__exporter "$1" "${@: -1}"
        printf '%s\n' "${COMPREPLY[@]}"; }; of wolkvox-exporter c; of wolkvox-exporter check-api --j"#;
    let fish = r#"echo $argv[1] | source; complete -C "wolkvox-exporter c"; complete -C "wolkvox-exporter check-api --j"
        complete -C "wolkvox-exporter --config.file f c"; complete -C "wolkvox-exporter --web.e""#;
    let zsh = r#"autoload -U compinit; compinit -u -D; eval "$0"; print -r -- $_comps[wolkvox-exporter]"#;
    for (shell, script, expected) in [
        ("bash", bash, &["check-api", "check-config", "completions", "--json"][..]),
        ("fish", fish, &["check-api", "check-config", "completions", "--json", "--web.enable-lifecycle"]),
        ("zsh", zsh, &["_wolkvox-exporter"]),
    ] {
        let offered = offered(shell, script);
        for word in expected {
            assert!(offered.split_whitespace().any(|one| one == *word), "{shell}: no {word} in {offered}");
        }
    }

    // Hyphens are escaped there.
    let page = |arguments: &[&str]| printed(arguments).replace('\\', "");
    let root = page(&["man"]);
    assert!(root.contains(".TH wolkvox-exporter 1 \"\" \"wolkvox-exporter 0."), "{root}");
    for command in definition.get_subcommands() {
        let name = command.get_name();
        assert!(root.contains(&format!("wolkvox-exporter-{name}(1)")), "{name}: {root}");
        let page = page(&["man", name]);
        assert!(page.contains(&format!(".TH wolkvox-exporter-{name} 1 \"\" \"wolkvox-exporter 0.")), "{page}");
        for flag in flags(command) {
            assert!(page.contains(&format!("--{flag}")), "{name} --{flag}: {page}");
        }
    }
    let output = Command::new(child::binary()).args(["man", "serv"]).env_clear().output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("serve, check-config, check-api"), "{output:?}");
}

#[test]
fn help_shows_no_value_of_the_environment() {
    for arguments in
        [&["--help"][..], &["man", "serve"], &["serve", "--help"], &["check-config", "--help"], &["demo", "--help"]]
    {
        let output = Command::new(child::binary())
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
