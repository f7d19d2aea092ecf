use std::fmt;
use std::path::{Path, PathBuf};

use rustls::{CipherSuite, NamedGroup};

use super::super::problem::{Origin, Problems};
use super::super::section::Section;
use super::super::tree::Value;
use super::{boolean, choice, list, one};

/// How the server proves who it is, and what it asks of its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    pub certificate: Pem,
    pub key: Pem,
    pub client: ClientCertificate,
    /// The authorities that a client's certificate may be from. There, where one is verified.
    pub client_ca: Option<Pem>,
    /// A client's certificate must have one of these names.
    pub allowed_names: Option<Vec<String>>,
    pub tls12: bool,
    pub tls13: bool,
    /// For TLS 1.2, in order of preference; `None`: all that rustls has. Those of TLS 1.3 can't be chosen.
    pub suites: Option<Vec<CipherSuite>>,
    /// For the exchange of keys, in order of preference; `None`: all that rustls has.
    pub groups: Option<Vec<NamedGroup>>,
    /// Whether the server's order of suites counts, or the client's.
    pub server_order: bool,
}

/// Where certificates or a key are.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// In the file itself, as PEM.
    Text(String),
    File(PathBuf),
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // It may be the key.
            Self::Text(_) => f.write_str("Text(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// What is asked of a client: Go's `ClientAuthType`. Each asks for as much as the one before, or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientCertificate {
    NotAsked,
    /// Asked for; any will do, or none.
    Asked,
    /// Any will do.
    Required,
    /// None will do; one that is given must be by a known authority.
    VerifiedIfGiven,
    /// By a known authority.
    Verified,
}

impl ClientCertificate {
    pub fn is_verified(self) -> bool {
        matches!(self, Self::VerifiedIfGiven | Self::Verified)
    }

    pub fn is_mandatory(self) -> bool {
        matches!(self, Self::Required | Self::Verified)
    }
}

pub const KEYS: [&str; 13] = [
    "cert",
    "cert_file",
    "key",
    "key_file",
    "client_ca",
    "client_ca_file",
    "client_auth_type",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
];

const CLIENT_AUTH_TYPES: [(&str, ClientCertificate); 6] = [
    ("NoClientCert", ClientCertificate::NotAsked),
    ("RequestClientCert", ClientCertificate::Asked),
    ("RequireAnyClientCert", ClientCertificate::Required),
    // An older name of the same.
    ("RequireClientCert", ClientCertificate::Required),
    ("VerifyClientCertIfGiven", ClientCertificate::VerifiedIfGiven),
    ("RequireAndVerifyClientCert", ClientCertificate::Verified),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    Tls12,
    Tls13,
}

const VERSIONS: [(&str, Version); 2] = [("TLS12", Version::Tls12), ("TLS13", Version::Tls13)];

/// Suites of TLS 1.2 that rustls has, by the names that Go has for them.
const SUITES: [(&str, CipherSuite); 6] = [
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

/// Suites of TLS 1.3: as with Go, they are there whatever is written.
const SUITES_OF_TLS13: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

const GROUPS: [(&str, NamedGroup); 3] =
    [("X25519", NamedGroup::X25519), ("CurveP256", NamedGroup::secp256r1), ("CurveP384", NamedGroup::secp384r1)];

/// The settings, where there is no problem in them.
pub fn read(section: &Section<'_>, folder: &Path, problems: &mut Problems, remarks: &mut Problems) -> Option<Tls> {
    if !KEYS.iter().any(|key| section.value(key).is_some()) {
        return None;
    }
    let certificate = pem(section, "cert", folder, problems);
    let key = pem(section, "key", folder, problems);
    for (key, found) in [("cert", &certificate), ("key", &key)] {
        if let Found::Nothing = found {
            let missing = format!("{} or {} is missing", section.named(&format!("{key}_file")), section.named(key));
            problems.push(section.origin, missing);
        }
    }
    let (client, client_ca) = client_certificate(section, folder, problems);
    let allowed_names = allowed_names(section, client, problems, remarks);

    let version = |key, problems: &mut Problems| {
        one(section, key, problems, |node| {
            choice(node, &VERSIONS).map_err(|_| "rustls, which does TLS here, has TLS12 and TLS13 only".to_owned())
        })
    };
    let least = version("min_version", problems).unwrap_or(Version::Tls12);
    let most = version("max_version", problems).unwrap_or(Version::Tls13);
    if least > most {
        let origin = section.value("min_version").map_or(section.origin, |node| node.origin);
        problems.push(origin, format!("{} is above {}", section.named("min_version"), section.named("max_version")));
    }
    let suites = suites(section, problems, remarks);
    if least == Version::Tls13 && suites.as_ref().is_some_and(|suites| !suites.is_empty()) {
        let origin = section.value("cipher_suites").map_or(section.origin, |node| node.origin);
        let path = section.named("cipher_suites");
        remarks.push(origin, format!("{path}: they are for TLS 1.2, which min_version leaves out; this has no effect"));
    }
    let group = |name: &str| known(name, &GROUPS);
    let groups = list(section, "curve_preferences", problems, group).map(without_places);
    let server_order = one(section, "prefer_server_cipher_suites", problems, boolean).unwrap_or(true);
    let (Found::Pem(certificate), Found::Pem(key)) = (certificate, key) else { return None };
    Some(Tls {
        certificate,
        key,
        client: client.unwrap_or(ClientCertificate::NotAsked),
        client_ca,
        allowed_names,
        tls12: least == Version::Tls12,
        tls13: most == Version::Tls13,
        suites,
        // Nothing in the list is as no list.
        groups: groups.filter(|groups| !groups.is_empty()),
        server_order,
    })
}

/// What a client's certificate must be, where that is not wrong, and by whom.
fn client_certificate(
    section: &Section<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> (Option<ClientCertificate>, Option<Pem>) {
    let client = match section.value("client_auth_type") {
        None => Some(ClientCertificate::NotAsked),
        Some(_) => one(section, "client_auth_type", problems, |node| choice(node, &CLIENT_AUTH_TYPES)),
    };
    let ca = pem(section, "client_ca", folder, problems);
    let named = section.named("client_ca_file");
    match (&ca, client) {
        (Found::Pem(_), Some(ClientCertificate::NotAsked)) => problems.push(
            section.origin,
            format!("{named} is there and client_auth_type is not: write RequireAndVerifyClientCert, or remove the authority"),
        ),
        (Found::Nothing, Some(client)) if client.is_verified() => problems.push(
            section.origin,
            format!("{named} is missing: without it a certificate of any public authority would be good enough"),
        ),
        _ => {}
    }
    let Found::Pem(ca) = ca else { return (client, None) };
    (client, Some(ca))
}

fn allowed_names(
    section: &Section<'_>,
    client: Option<ClientCertificate>,
    problems: &mut Problems,
    remarks: &mut Problems,
) -> Option<Vec<String>> {
    let names = list(section, "client_allowed_sans", problems, |name| Ok(name.to_owned()))?;
    let origin = section.value("client_allowed_sans").map_or(section.origin, |node| node.origin);
    let path = section.named("client_allowed_sans");
    match client {
        _ if names.is_empty() => problems.push(origin, format!("{path} is empty: no client could connect")),
        Some(ClientCertificate::NotAsked) => {
            problems.push(origin, format!("{path} needs a client_auth_type that asks for a certificate"));
        }
        Some(client) if !client.is_verified() => remarks.push(
            origin,
            format!("{path} keeps nobody away: with this client_auth_type a client may write its certificate itself"),
        ),
        _ => {}
    }
    Some(without_places(names))
}

fn suites(section: &Section<'_>, problems: &mut Problems, remarks: &mut Problems) -> Option<Vec<CipherSuite>> {
    let suite = |name: &str| {
        if SUITES_OF_TLS13.contains(&name) {
            return Ok(None);
        }
        if name.ends_with("_CBC_SHA") || name.ends_with("_CBC_SHA256") {
            return Err(format!("is not in rustls, which has no suites with CBC; write of {}", names(&SUITES)));
        }
        known(name, &SUITES).map(Some)
    };
    let listed = list(section, "cipher_suites", problems, suite)?;
    for (_, origin) in listed.iter().filter(|(suite, _)| suite.is_none()) {
        let path = section.named("cipher_suites");
        remarks.push(*origin, format!("{path}: the suites of TLS 1.3 are always there; this has no effect"));
    }
    // Nothing in the list is as no list.
    if listed.is_empty() { None } else { Some(listed.into_iter().filter_map(|(suite, _)| suite).collect()) }
}

fn known<T: Copy>(name: &str, table: &[(&str, T)]) -> Result<T, String> {
    let found = table.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value).ok_or_else(|| format!("is not in rustls; write of {}", names(table)))
}

fn names<T>(table: &[(&str, T)]) -> String {
    table.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn without_places<T>(list: Vec<(T, Origin)>) -> Vec<T> {
    list.into_iter().map(|(value, _)| value).collect()
}

enum Found {
    Nothing,
    Pem(Pem),
    /// What is there can't be taken; that has been reported.
    Wrong,
}

/// What stands under `key` as PEM, or in the file that `key` and `_file` names. Never quoted: people mistake one for the other.
fn pem(section: &Section<'_>, key: &str, folder: &Path, problems: &mut Problems) -> Found {
    let file_key = format!("{key}_file");
    let (inline, file) = (section.value(key), section.value(&file_key));
    let (node, wrong) = match (inline, file) {
        (None, None) => return Found::Nothing,
        (Some(_), Some(node)) => {
            (node, format!("{} stands beside {}; keep one", section.named(&file_key), section.named(key)))
        }
        (Some(node), None) => match &node.value {
            Value::Text(text) if text.contains("-----BEGIN ") => return Found::Pem(Pem::Text(text.clone())),
            _ => (node, format!("{} holds no PEM; a file is named with {file_key}", section.named(key))),
        },
        (None, Some(node)) => match &node.value {
            Value::Text(text) if text.contains("-----BEGIN ") => {
                (node, format!("{} is PEM, not a path: that is written under {key}", section.named(&file_key)))
            }
            Value::Text(text) if !text.trim().is_empty() => return Found::Pem(Pem::File(folder.join(text))),
            _ => (node, format!("{} is empty or no text: write a path", section.named(&file_key))),
        },
    };
    problems.push(node.origin, wrong);
    Found::Wrong
}
