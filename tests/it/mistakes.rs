//! Mistakes of a newcomer, each with the one message that it gets. They are the table of `docs/mistakes.md`, which is what
//! the binary says: after a wanted change `MISTAKES=overwrite cargo test --test it mistakes` writes it anew.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::{child, run};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mistakes.md");

const HEAD: &str = "\
# Mistakes, and what the exporter says

Each of these was made on the program, and the message is what it said. A test makes this table, so it is what the
program says today.

| mistake | message |
|---|---|
";

/// One operation by flags, with a token file that is all right.
const SERVER: [&str; 4] = ["--wolkvox.server", "0042", "--wolkvox.token-file", "token"];

struct Mistake {
    what: &'static str,
    command: &'static str,
    flags: Vec<String>,
    env: Option<(&'static str, &'static str)>,
    code: i32,
}

fn mistake(what: &'static str, flags: &[&str]) -> Mistake {
    let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
    Mistake { what, command: "check-config", flags, env: None, code: 2 }
}

/// One with a token file of this name.
fn token_file(what: &'static str, name: &str) -> Mistake {
    mistake(what, &["--wolkvox.server", "0042", "--wolkvox.token-file", name])
}

/// One in the configuration file, which is written to a file of a name of its own.
fn in_file(folder: &Path, what: &'static str, yaml: &str) -> Mistake {
    let number = fs::read_dir(folder).expect("a folder of this test").count();
    let name = format!("config-{number}.yml");
    fs::write(folder.join(&name), yaml).expect("a folder of this test");
    mistake(what, &["--config.file", &name])
}

/// One operation in YAML, with these lines besides.
fn operation(lines: &str) -> String {
    format!("operations:\n- name: ventas\n  server: \"0042\"\n  token_file: token\n{lines}\n")
}

fn mistakes(folder: &Path, taken: &TcpListener) -> Vec<Mistake> {
    let write = |name: &str, text: &str, mode: u32| {
        fs::write(folder.join(name), text).expect("a folder of this test");
        fs::set_permissions(folder.join(name), Permissions::from_mode(mode)).expect("a folder of this test");
    };
    write("token", "0123456789", 0o600);
    write("empty", "", 0o600);
    write("two-lines", "0123456789\n9876543210", 0o600);
    write("assigned", "WOLKVOX_TOKEN=0123456789", 0o600);
    write("quoted", "\"0123456789\"", 0o600);
    write("open", "0123456789", 0o644);
    fs::create_dir(folder.join("folder")).expect("a folder of this test");
    let file = |what, yaml: &str| in_file(folder, what, yaml);
    let with = |what, flags: &[&str]| mistake(what, &[&SERVER[..], flags].concat());
    let remark = |mistake| Mistake { code: 0, ..mistake };
    let served = |mistake| Mistake { command: "serve", code: 1, ..mistake };
    let env = |what, variable, value| {
        let free = ["--web.listen-address", "127.0.0.1:0"];
        Mistake { env: Some((variable, value)), ..served(with(what, &free)) }
    };
    let taken = taken.local_addr().expect("bound").to_string();
    vec![
        mistake("nothing is configured", &[]),
        mistake("no token", &["--wolkvox.server", "0042"]),
        mistake("the company's name as server", &["--wolkvox.server", "acme", "--wolkvox.token-file", "token"]),
        mistake(
            "http instead of https",
            &["--wolkvox.server", "http://wv0042.wolkvox.com", "--wolkvox.token-file", "token"],
        ),
        mistake(
            "the address of the API as server",
            &["--wolkvox.server", "https://wv0042.wolkvox.com/api/v2", "--wolkvox.token-file", "token"],
        ),
        token_file("the token where the name of its file belongs", "0123456789abcdef0123456789abcdef01234567"),
        token_file("a token file that is not there", "missing"),
        token_file("an empty token file", "empty"),
        token_file("a folder as token file", "folder"),
        token_file("two tokens in one file", "two-lines"),
        remark(token_file("a name and `=` in the token file", "assigned")),
        remark(token_file("quotes in the token file", "quoted")),
        remark(token_file("a token file that everybody can read", "open")),
        file("a variable for the token that is not set", "operations: [{server: \"0042\", token_env: VENTAS_TOKEN}]\n"),
        file("the token in the configuration file", "operations: [{server: \"0042\", token: \"0123456789\"}]\n"),
        with("a town as time zone", &["--wolkvox.timezone", "Bogota"]),
        with("an offset as time zone", &["--wolkvox.timezone", "GMT-5"]),
        mistake("a configuration file that is not there", &["--config.file", "wolkvox.yaml"]),
        file("a tab in the configuration file", "operations:\n\t- server: \"0042\"\n"),
        file("no operation in the configuration file", "ledger: ledger.db\n"),
        file("a list that is none", "operations: {name: ventas}\n"),
        file("a misspelt key", &operation("  timezon: UTC")),
        file("a duration without a unit", &operation("  interval: 300")),
        file("an interval that is no part of an hour", &operation("  interval: 7m")),
        file("a hold longer than Prometheus needs", &operation("  hold: 1h")),
        file("a start that is no duration", &operation("  start: yesterday")),
        file("two operations of one name", &operation("- {name: ventas, server: \"0043\", token_file: token}")),
        {
            let both = file("an operation in the file and another by flags", &operation(""));
            Mistake { flags: [both.flags, SERVER.map(str::to_owned).to_vec()].concat(), ..both }
        },
        with("an address to listen on that is none", &["--web.listen-address", "all"]),
        with("the metrics where the page is", &["--web.telemetry-path", "/"]),
        with("a link without https://", &["--web.dashboards-url", "grafana.example.com"]),
        with("a misspelt level", &["--log.level", "dbug"]),
        with("a misspelt flag", &["--web.listen-adress", ":10119"]),
        served(with("a second exporter on the same port", &["--web.listen-address", &taken])),
        served(with(
            "a ledger in a folder that is not there",
            &["--ledger", "no/such/ledger.db", "--web.listen-address", "127.0.0.1:0"],
        )),
        env("certificates that are not there", "SSL_CERT_FILE", "company.pem"),
        env("a proxy of a kind that is not known", "HTTPS_PROXY", "socks5://proxy:1080"),
    ]
}

/// What the program says of it: the message alone, in one line.
fn message(mistake: &Mistake, folder: &Path) -> String {
    let mut command = child::command(&[mistake.command]);
    command.args(&mistake.flags).current_dir(folder).envs(mistake.env);
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(mistake.code), "{}: {said}", mistake.what);
    // Lines of the log have a time, and what the command line's reader says of usage is no part of the message.
    let is_message =
        |line: &&str| !line.is_empty() && !["ts=", "Usage:", "For more"].iter().any(|is| line.starts_with(is));
    let message = said.lines().map(str::trim).filter(is_message).collect::<Vec<_>>().join(" ");
    let message = match &*mistake.flags {
        [flag, file, ..] if flag == "--config.file" && file.starts_with("config-") => {
            message.replace(file, "wolkvox.yml")
        }
        _ => message,
    };
    let programs = ["wolkvox-exporter: ", "warning: ", "error: "];
    programs.iter().fold(message.as_str(), |rest, name| rest.strip_prefix(name).unwrap_or(rest)).to_owned()
}

#[test]
fn each_mistake_of_a_newcomer_has_one_message() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let mut page = HEAD.to_owned();
    for mistake in mistakes(folder.path(), &taken) {
        let message = message(&mistake, folder.path()).replace(&address, "127.0.0.1:10119");
        assert!(!message.is_empty() && message.len() < 400, "{}: {message}", mistake.what);
        assert!(!message.contains("0123456789"), "{}: {message}", mistake.what);
        page += &format!("| {} | {} |\n", mistake.what, message.replace('|', "\\|"));
    }
    if std::env::var("MISTAKES").is_ok_and(|wish| wish == "overwrite") {
        fs::create_dir_all(Path::new(PAGE).parent().expect("a folder")).expect("a folder of the project");
        fs::write(PAGE, &page).expect("a file of the project");
    }
    let told = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(page.lines().count() > 36 && page == told, "docs/mistakes.md is not what the program says:\n{page}");
}
