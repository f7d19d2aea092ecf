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

Each of these was made on the program, and the message is what it said; what to do is in bold. A test makes this table, so it
is what the program says today.

| mistake | message |
|---|---|
";

/// So many at least are told of.
const FEWEST: usize = 30;

/// One operation by flags, with a token file that is all right.
const SERVER: [&str; 4] = ["--wolkvox.server", "0042", "--wolkvox.token-file", "token"];

// What is to be done about several of them.
const FORMS: &str = "write the server's four digits (0042), wv0042 or https://host[:port]";
const ALONE: &str = "write the token alone";
const ZONES: &str = "write an IANA name such as America/Bogota, Europe/Madrid or UTC";
const ADDRESSES: &str = "write :10119, 127.0.0.1:10119 or [::]:10119";
const NAMED: &str = "a configuration file is named with --config.file";

#[derive(Clone)]
struct Mistake {
    what: &'static str,
    /// The part of the message that says what to do.
    remedy: &'static str,
    flags: Vec<String>,
    env: Option<(&'static str, &'static str)>,
    code: i32,
}

/// Made on the command line, from the command on.
fn mistake(what: &'static str, remedy: &'static str, flags: &[&str]) -> Mistake {
    let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
    Mistake { what, remedy, flags, env: None, code: 2 }
}

fn server(what: &'static str, remedy: &'static str, server: &str) -> Mistake {
    mistake(what, remedy, &["check-config", "--wolkvox.server", server, "--wolkvox.token-file", "token"])
}

/// One with a token file of this name.
fn token_file(what: &'static str, remedy: &'static str, name: &str) -> Mistake {
    mistake(what, remedy, &["check-config", "--wolkvox.server", "0042", "--wolkvox.token-file", name])
}

/// One besides an operation that is all right.
fn with(what: &'static str, remedy: &'static str, flags: &[&str]) -> Mistake {
    mistake(what, remedy, &[&["check-config"], &SERVER[..], flags].concat())
}

/// One that only shows when it serves.
fn served(what: &'static str, remedy: &'static str, flags: &[&str]) -> Mistake {
    Mistake { code: 1, ..mistake(what, remedy, &[&["serve"], &SERVER[..], flags].concat()) }
}

/// One that is served all the same.
fn remarked(mistake: Mistake) -> Mistake {
    Mistake { code: 0, ..mistake }
}

/// One in the configuration file, which is written to a file of a name of its own.
fn in_file(folder: &Path, what: &'static str, remedy: &'static str, yaml: &[u8]) -> Mistake {
    let number = fs::read_dir(folder).expect("a folder of this test").count();
    let name = format!("config-{number}.yml");
    fs::write(folder.join(&name), yaml).expect("a folder of this test");
    mistake(what, remedy, &["check-config", "--config.file", &name])
}

/// One operation in YAML, with these lines besides.
fn operation(lines: &str) -> String {
    format!("operations:\n- name: ventas\n  server: \"0042\"\n  token_file: token\n{lines}\n")
}

fn of_tokens(folder: &Path) -> Vec<Mistake> {
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
    let in_place_of =
        "put the token into a file of its own, and name that file in token_file or with --wolkvox.token-file";
    let token = "0123456789abcdef0123456789abcdef01234567";
    let file = |what, remedy, yaml: &str| in_file(folder, what, remedy, yaml.as_bytes());
    vec![
        mistake(
            "no token",
            "name its file with --wolkvox.token-file, or set WOLKVOX_TOKEN",
            &["check-config", "--wolkvox.server", "0042"],
        ),
        token_file("the token where the name of its file belongs", in_place_of, token),
        token_file(
            "a token file that is not there",
            "write the token into a file of that name, or name the right one",
            "missing",
        ),
        token_file("an empty token file", "put the token into it", "empty"),
        token_file("a folder as token file", "name the file in it", "folder"),
        token_file("two tokens in one file", ALONE, "two-lines"),
        remarked(token_file("a name and `=` in the token file", ALONE, "assigned")),
        remarked(token_file("quotes in the token file", ALONE, "quoted")),
        remarked(token_file("a token file that everybody can read", "take that right away (chmod o-r)", "open")),
        file(
            "a variable for the token that is not set",
            "set it to the token",
            "operations: [{server: \"0042\", token_env: VENTAS_TOKEN}]\n",
        ),
        file(
            "the token in the configuration file",
            "write the token into a file of its own, and the path of that file in `token_file`",
            "operations: [{server: \"0042\", token: \"0123456789\"}]\n",
        ),
        file(
            "the token where the name of its variable belongs",
            in_place_of,
            &format!("operations: [{{server: \"0042\", token_env: {token}}}]\n"),
        ),
        file("two places of the token", "keep one", &operation("  token_env: VENTAS_TOKEN")),
    ]
}

fn of_files(folder: &Path) -> Vec<Mistake> {
    let file = |what, remedy, yaml: &str| in_file(folder, what, remedy, yaml.as_bytes());
    let both = "an operation in the file and another by flags";
    let both = in_file(folder, both, "use either", operation("").as_bytes());
    vec![
        mistake(
            "a configuration file that is not there",
            "name the file that there is with --config.file",
            &["check-config", "--config.file", "wolkvox.yaml"],
        ),
        mistake("a folder as configuration file", "name the file in it", &["check-config", "--config.file", "folder"]),
        mistake("the configuration file without its flag", NAMED, &["wolkvox.yml"]),
        mistake("the same of a command", NAMED, &["check-config", "wolkvox.yml"]),
        file("a tab in the configuration file", "write spaces", "operations:\n\t- server: \"0042\"\n"),
        in_file(
            folder,
            "a configuration file of Windows' editor",
            "save the file as UTF-8",
            b"# operaci\xf3n\noperations: []\n",
        ),
        file(
            "no operation in the configuration file",
            "list one under `operations`, each with server and token_file or token_env",
            "ledger: ledger.db\n",
        ),
        file(
            "a list that is none",
            "write a list of 1 to 5000 mappings, each after `-`",
            "operations: {name: ventas}\n",
        ),
        file("a misspelt key", "did you mean `timezone`?", &operation("  timezon: UTC")),
        file("a key that stands twice", "keep one", &operation("  interval: 5m\n  interval: 1m")),
        file("a duration without a unit", "write 300s for seconds, or such as 5m", &operation("  interval: 300")),
        file(
            "an interval that is no part of an hour",
            "an hour must be a multiple of it, as of 1m, 2m, 5m, 10m, 15m",
            &operation("  interval: 7m"),
        ),
        file("a hold longer than Prometheus needs", "it must be from 0s to 10m", &operation("  hold: 1h")),
        file(
            "a start that is no duration",
            "write such as 5m, 90s or 1h 30m; or write `now`",
            &operation("  start: yesterday"),
        ),
        file(
            "a report that there is not",
            "write [abandoned] or [abandoned, answered], and totals with either",
            &operation("  reports: [abandoned, missed]"),
        ),
        file("a skill by its name", "write `all`, or a list of ids such as", &operation("  skills: Ventas")),
        file(
            "two operations of one name",
            "give it a `name` of its own",
            &operation("- {name: ventas, server: \"0043\", token_file: token}"),
        ),
        Mistake { flags: [both.flags, SERVER.map(str::to_owned).to_vec()].concat(), ..both },
    ]
}

fn of_flags(taken: &TcpListener) -> Vec<Mistake> {
    let taken = taken.local_addr().expect("bound").to_string();
    let free = ["--web.listen-address", "127.0.0.1:0"];
    let web = "write a web address, such as https://grafana.example.com/dashboards";
    vec![
        mistake(
            "nothing is configured",
            "WOLKVOX_TOKEN=… wolkvox-exporter --wolkvox.server 0042 --wolkvox.timezone America/Bogota",
            &["check-config"],
        ),
        server("the company's name as server", FORMS, "acme"),
        server("the server's name without https://", FORMS, "wv0042.wolkvox.com"),
        server("http instead of https", "Write https://", "http://wv0042.wolkvox.com"),
        server(
            "the address of the API as server",
            "remove everything after the host and port",
            "https://wv0042.wolkvox.com/api/v2",
        ),
        with("a town as time zone", ZONES, &["--wolkvox.timezone", "Bogota"]),
        with("an offset as time zone", ZONES, &["--wolkvox.timezone", "GMT-5"]),
        with("an address to listen on that is none", ADDRESSES, &["--web.listen-address", "all"]),
        with("a port alone to listen on", ADDRESSES, &["--web.listen-address", "10119"]),
        with("the metrics where the page is", "write another, such as /metrics", &["--web.telemetry-path", "/"]),
        with("a link without https://", web, &["--web.dashboards-url", "grafana.example.com"]),
        with("a misspelt level", "write one of off, error, warn, info, debug, trace", &["--log.level", "dbug"]),
        with("a misspelt flag", "a similar argument exists: '--web.listen-address'", &["--web.listen-adress", ":1"]),
        mistake("flags before the command", "write flags after the command", &["--log.level", "debug", "check-config"]),
        Mistake {
            env: Some(("WOLKVOX_EXPORTER_WEB_LISTEN_ADRESS", ":10119")),
            ..remarked(with("a misspelt variable", "did you mean WOLKVOX_EXPORTER_WEB_LISTEN_ADDRESS?", &[]))
        },
        served(
            "a second exporter on the same port",
            "stop it, or choose another address with --web.listen-address",
            &["--web.listen-address", &taken],
        ),
        served(
            "an address of another machine to listen on",
            "choose one that it has, or [::] for all of them, with --web.listen-address",
            &["--web.listen-address", "192.0.2.1:10119"],
        ),
        served(
            "a ledger in a folder that is not there",
            "its folder must exist and be writable for this user",
            &[&["--ledger", "no/such/ledger.db"], &free[..]].concat(),
        ),
        Mistake {
            env: Some(("SSL_CERT_FILE", "company.pem")),
            ..served(
                "certificates that are not there",
                "name certificates in PEM, or unset it to trust those of this system",
                &free,
            )
        },
        Mistake {
            env: Some(("HTTPS_PROXY", "socks5://proxy:1080")),
            ..served("a proxy of a kind that is not known", "write http://host:port, or unset it", &free)
        },
    ]
}

/// What the program says of it: the message alone, in one line.
fn message(mistake: &Mistake, folder: &Path) -> String {
    let mut command = child::command(&[]);
    command.args(&mistake.flags).current_dir(folder).envs(mistake.env);
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(mistake.code), "{}: {said}", mistake.what);
    // Lines of the log have a time, and what the command line's reader says of usage is no part of the message.
    let lines = said.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let lines = lines.filter(|line| !line.is_empty() && !["ts=", "For more"].iter().any(|is| line.starts_with(is)));
    let message = lines.collect::<Vec<_>>().join(" ");
    let message = match &*mistake.flags {
        [_, flag, file, ..] if flag == "--config.file" && file.starts_with("config-") => {
            message.replace(file, "wolkvox.yml")
        }
        _ => message,
    };
    let programs = ["wolkvox-exporter: ", "warning: ", "error: "];
    programs.iter().fold(message.as_str(), |rest, name| rest.strip_prefix(name).unwrap_or(rest)).to_owned()
}

#[test]
fn each_mistake_of_a_newcomer_has_one_message_and_a_remedy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let mut page = HEAD.to_owned();
    let mistakes = [of_flags(&taken), of_tokens(folder.path()), of_files(folder.path())].concat();
    for mistake in &mistakes {
        let Mistake { what, remedy, .. } = mistake;
        let message = message(mistake, folder.path()).replace(&address, "127.0.0.1:10119");
        assert!(!message.is_empty() && message.len() < 400, "{what}: {message}");
        assert!(!message.contains("0123456789"), "{what}: {message}");
        assert!(message.contains(remedy), "{what}: what to do is not said: {message}");
        let message = message.replacen(remedy, &format!("**{remedy}**"), 1).replace('|', "\\|");
        page += &format!("| {what} | {message} |\n");
    }
    if std::env::var("MISTAKES").is_ok_and(|wish| wish == "overwrite") {
        fs::create_dir_all(Path::new(PAGE).parent().expect("a folder")).expect("a folder of the project");
        fs::write(PAGE, &page).expect("a file of the project");
    }
    assert!(mistakes.len() >= FEWEST, "{}", mistakes.len());
    let told = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(page == told, "docs/mistakes.md is not what the program says:\n{page}");
}
