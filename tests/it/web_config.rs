//! Each key and value of the exporter-toolkit's web configuration, and what becomes of it here. They are the table of
//! `docs/web-config.md`, which is what the binary says: after a wanted change `MISTAKES=overwrite cargo test --test it
//! web_config` writes it anew.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::tls::{Authority, Identity, put};
use crate::support::{child, run};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/web-config.md");

const HEAD: &str = "\
# The web configuration, key by key

`--web.config.file` names a file in the format of Prometheus'
[exporter-toolkit](https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md). Paths in it are
relative to its folder. What the toolkit's documentation and its own test files have was given to the program, and this is
what it said. A test makes this table. A line without its section stands below `tls_server_config`, beside a certificate
and its key.

It is read again, with the files that it names, within a few seconds of a change. A file that can't be used, or asks for
less than before (no TLS, no password, no client certificate), changes nothing until it is mended or the exporter is
started again: a file that is half written must open nothing.

Not as in the toolkit: the two probes need no password and count against no limit; a value that has no effect, or that this
program's TLS (rustls) doesn't have, is said or refused and never passed over.

| what is written | what becomes of it |
|---|---|
";

/// A file, and what it is shown as.
struct Case {
    shown: String,
    text: String,
}

/// Below `tls_server_config`, beside a certificate and its key.
fn tls(lines: &str) -> Case {
    let text = format!("tls_server_config: {{cert_file: web.crt, key_file: web.key, {lines}}}\n");
    Case { shown: lines.to_owned(), text }
}

fn whole(text: &str) -> Case {
    Case { shown: text.trim().to_owned(), text: text.to_owned() }
}

const USER: &str = "$2y$10$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu";

fn cases(identity: &Identity) -> Vec<Case> {
    let within = |pem: String| pem.trim().lines().collect::<Vec<_>>().join("\n    ");
    let (inline, key) = (within(identity.certificate_pem()), within(identity.key_pem()));
    let auth = |kind: &str| tls(&format!("client_auth_type: {kind}"));
    let verified = |kind: &str| tls(&format!("client_auth_type: {kind}, client_ca_file: ca.crt"));
    let user = |hash: &str| {
        let text = format!("basic_auth_users: {{ana: {hash}}}\n");
        Case { shown: text.trim().replace(&USER[7..], "…"), text }
    };
    vec![
        Case { shown: "nothing: an empty file".to_owned(), text: String::new() },
        Case { shown: "`cert_file` and `key_file`".to_owned(), ..tls("") },
        Case {
            shown: "`cert` as PEM, and `key_file`".to_owned(),
            text: format!("tls_server_config:\n  cert: |\n    {inline}\n  key_file: web.key\n"),
        },
        Case {
            shown: "`cert`, `key` and `client_ca` as PEM, and `client_auth_type: RequireAndVerifyClientCert`"
                .to_owned(),
            text: format!(
                "tls_server_config:\n  cert: |\n    {inline}\n  key: |\n    {key}\n  client_ca: |\n    {inline}\n  \
                 client_auth_type: RequireAndVerifyClientCert\n"
            ),
        },
        whole("tls_server_config: {cert_file: web.crt}"),
        whole("tls_server_config: {key_file: web.key}"),
        whole("tls_server_config: {min_version: TLS13}"),
        whole("tls_server_config: {cert_file: '', key_file: web.key}"),
        whole("tls_server_config: {cert_file: none.crt, key_file: web.key}"),
        whole("tls_server_config: {cert_file: web.key, key_file: web.key}"),
        whole("tls_server_config: {cert_file: web.crt, key_file: other.key}"),
        whole("tls_server_config: {cert_file: p521.crt, key_file: p521.key}"),
        whole("tls_server_config: {cert_file: secp256k1.crt, key_file: secp256k1.key}"),
        whole("tls_server_config: {cert_file: rsa1024.crt, key_file: rsa1024.key}"),
        whole("tls_server_config: {cert_file: web.crt, key_file: locked.key}"),
        whole("tls_server_config: {cert: web.crt, key_file: web.key}"),
        tls("cert: x"),
        auth("NoClientCert"),
        auth("RequestClientCert"),
        auth("RequireAnyClientCert"),
        auth("RequireClientCert"),
        verified("VerifyClientCertIfGiven"),
        verified("RequireAndVerifyClientCert"),
        auth("RequireAndVerifyClientCert"),
        auth("Always"),
        tls("client_ca_file: ca.crt"),
        tls("client_auth_type: RequireAndVerifyClientCert, client_ca_file: none.crt"),
        tls("client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, client_allowed_sans: [prometheus]"),
        tls("client_auth_type: RequireAnyClientCert, client_allowed_sans: [prometheus]"),
        tls("client_allowed_sans: [prometheus]"),
        tls("client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, client_allowed_sans: []"),
        tls("min_version: TLS13"),
        tls("max_version: TLS12"),
        tls("min_version: TLS11"),
        tls("min_version: TLS10"),
        tls("min_version: TLS13, max_version: TLS12"),
        tls("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]"),
        tls(
            "cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256]",
        ),
        tls("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]"),
        tls("cipher_suites: [TLS_AES_128_GCM_SHA256]"),
        tls("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]"),
        tls("cipher_suites: [TLS_RSA_WITH_AES_128_GCM_SHA256]"),
        tls("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA]"),
        tls("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], max_version: TLS12"),
        tls("cipher_suites: [TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256], max_version: TLS12"),
        tls("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], min_version: TLS13"),
        tls("cipher_suites: []"),
        tls("prefer_server_cipher_suites: false"),
        tls("curve_preferences: [X25519, CurveP256, CurveP384]"),
        tls("curve_preferences: [CurveP521]"),
        tls("curve_preferences: [X25519MLKEM768]"),
        tls("cert_filse: x"),
        tls("").then("http_server_config: {http2: false}"),
        whole("http_server_config: {http2: true}"),
        whole("http_server_config: {headers: {X-Frame-Options: sameorigin, X-Content-Type-Options: nosniff}}"),
        whole("http_server_config: {headers: {X-XSS-Protection: 1, Content-Security-Policy: default-src 'self'}}"),
        whole("http_server_config: {headers: {Strict-Transport-Security: max-age=31536000}}"),
        whole("http_server_config: {headers: {X-Frame-Options: foo}}"),
        whole("http_server_config: {headers: {X-Content-Type-Options: sniff}}"),
        whole("http_server_config: {headers: {Content-Type: foo}}"),
        tls("").then(&format!("basic_auth_users: {{ana: {USER}}}")),
        user(USER),
        user("secret"),
        user("$2x$10$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"),
        user("$2a$10$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"),
        user("$2b$10$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"),
        user("$2$10$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"),
        user("$2y$+9$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"),
        user("$2y$03$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"),
        user("$2y$15$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"),
        user("$2y$20$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"),
        user("$2y$31$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"),
        whole("basic_auth_users: {}"),
        whole("basic_auth_users: {true: x}"),
        whole("basic_auth_users: {'ana:1': x}"),
        whole("rate_limit: {interval: 1s, burst: 20}"),
        whole("rate_limit: {interval: 0, burst: 0}"),
        whole("rate_limit: {interval: 1s, burst: 0}"),
        whole("rate_limit: {interval: 5, burst: 1}"),
        whole("ratelimit: {}"),
        whole("web.crt"),
    ]
}

impl Case {
    fn then(self, line: &str) -> Self {
        let shown = format!("`cert_file` and `key_file`, and `{}`", line.replace(&USER[7..], "…"));
        Self { shown, text: format!("{}{line}\n", self.text) }
    }
}

/// What `check-config` says of it in one line.
fn said(folder: &Path, case: &Case) -> String {
    put(&folder.join("web.yml"), &case.text);
    let mut command = child::command(&["check-config", "--web.config.file", "web.yml"]);
    command.args(["--wolkvox.server", "0042", "--wolkvox.token-file", "token"]).current_dir(folder);
    let output = run(command);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("; ");
    match output.status.code() {
        Some(0) => {
            let serving =
                out.lines().find_map(|line| line.strip_prefix("# serving ")).unwrap_or_else(|| panic!("{out}"));
            let remarks = lines(&err);
            if remarks.is_empty() { format!("accepted: {serving}") } else { format!("accepted: {serving}. {remarks}") }
        }
        Some(2) => format!("refused: {}", lines(&err)),
        other => panic!("{other:?} {}: {err}", case.shown),
    }
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl is installed");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

#[test]
fn each_key_and_value_of_the_toolkit_is_accepted_or_refused_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    put(&folder.join("token"), "0123456789");
    for name in ["token", "web.key", "other.key"] {
        fs::write(folder.join(name), "0123456789").expect("a folder of this test");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(folder.join(name), mode).expect("a folder of this test");
    }
    let authority = Authority::new("ours");
    let identity = authority.issue(&["localhost"], 2040);
    put(&folder.join("web.crt"), &identity.certificate_pem());
    put(&folder.join("ca.crt"), &authority.pem());
    fs::write(folder.join("web.key"), identity.key_pem()).expect("a folder of this test");
    fs::write(folder.join("other.key"), authority.issue(&["x"], 2040).key_pem()).expect("a folder of this test");
    // Of kinds that the library of these tests doesn't make.
    for (name, kind) in [
        ("p521", &["ec", "-pkeyopt", "ec_paramgen_curve:secp521r1"][..]),
        ("secp256k1", &["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"]),
        ("rsa1024", &["rsa:1024"]),
    ] {
        let (certificate, key) = (format!("{name}.crt"), format!("{name}.key"));
        openssl(
            folder,
            &[&["req", "-x509", "-noenc", "-subj", "/CN=x", "-out", &certificate, "-keyout", &key, "-newkey"], kind]
                .concat(),
        );
    }
    openssl(folder, &["pkey", "-in", "web.key", "-aes256", "-passout", "pass:secret", "-out", "locked.key"]);

    let mut page = HEAD.to_owned();
    for case in cases(&identity) {
        let said = said(folder, &case);
        for secret in [&USER[7..], "secret", "PRIVATE", &identity.key_pem()[30..60]] {
            assert!(!said.contains(secret), "{said}");
        }
        let shown =
            if case.shown.contains('`') || case.text.is_empty() { case.shown } else { format!("`{}`", case.shown) };
        page += &format!("| {shown} | {} |\n", said.replace('|', "\\|"));
    }
    // No key that the program takes is left out: it tells them where one is written that nobody knows.
    for text in ["x: 1", "tls_server_config: {x: 1}", "http_server_config: {x: 1}", "rate_limit: {x: 1}"] {
        let said = said(folder, &whole(text));
        let (_, keys) = said.split_once("the keys are ").expect("a list of keys");
        for key in keys.split(", ") {
            assert!(page.contains(key), "{key} is not in the table");
        }
    }
    if std::env::var("MISTAKES").is_ok_and(|wish| wish == "overwrite") {
        fs::write(PAGE, &page).expect("a file of the project");
    }
    let told = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(page.lines().count() > 60 && page == told, "docs/web-config.md is not what the program says:\n{page}");
}
