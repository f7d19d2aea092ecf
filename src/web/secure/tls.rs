use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerConfig;
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::client::ClientCheck;
use crate::config::web_file::{ClientCertificate, Tls};

/// The protocols that are offered, the best first.
pub const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// How a connection is made secret, and what a client must show for it.
#[derive(Debug)]
pub struct Handshake {
    pub config: Arc<ServerConfig>,
    /// The end of the server's certificate.
    pub ends: Timestamp,
    material: Material,
}

/// All that a handshake is made of.
#[derive(Debug, PartialEq, Eq)]
pub struct Material {
    pub settings: Tls,
    pub http2: bool,
    /// The server's certificate, and those between it and its authority.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    /// Who vouches for clients.
    pub authorities: Vec<CertificateDer<'static>>,
}

impl Handshake {
    /// The one `before` where it is made of the same.
    ///
    /// # Errors
    /// What doesn't fit, in words.
    pub fn new(material: Material, before: Option<&Arc<Self>>) -> Result<Arc<Self>, String> {
        if let Some(before) = before.filter(|before| before.material == material) {
            return Ok(before.clone());
        }
        let ends = end_of(&material.chain)?;
        let config = Arc::new(server_config(&material)?);
        Ok(Arc::new(Self { config, ends, material }))
    }

    /// What is asked of a client.
    pub fn client(&self) -> ClientCertificate {
        self.material.settings.client
    }

    /// Whether clients are told apart by the names in their certificates.
    pub fn names_matter(&self) -> bool {
        self.material.settings.allowed_names.is_some()
    }

    /// For people.
    pub fn describe(&self) -> String {
        let Tls { client, tls12, tls13, .. } = self.material.settings;
        let versions = match (tls12, tls13) {
            (true, true) => "TLS 1.2 and 1.3",
            (true, false) => "TLS 1.2",
            _ => "TLS 1.3",
        };
        let client = match client {
            ClientCertificate::NotAsked => "",
            ClientCertificate::Asked => ", clients asked for a certificate of any kind",
            ClientCertificate::Required => ", clients with a certificate of any kind",
            ClientCertificate::VerifiedIfGiven => ", a client's certificate verified if there is one",
            ClientCertificate::Verified => ", clients with a verified certificate only",
        };
        let http2 = if self.material.http2 { " with HTTP/2" } else { "" };
        format!("{versions}{http2}, certificate until {}{client}", self.ends)
    }
}

/// The end of the first certificate, which is the server's.
fn end_of(chain: &[CertificateDer<'_>]) -> Result<Timestamp, String> {
    const UNREADABLE: &str = "the certificate is none that can be read (X.509)";
    let first = chain.first().ok_or(UNREADABLE)?;
    let (_, certificate) = X509Certificate::from_der(first).map_err(|_| UNREADABLE)?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).map_err(|_| UNREADABLE.to_owned())
}

const UNKNOWN_KEY: &str = "the key is of a kind that rustls, which does TLS here, doesn't have: make one for ECDSA (P-256 or P-384), \
                           Ed25519, or RSA with 2048 bits or more";

fn server_config(material: &Material) -> Result<ServerConfig, String> {
    let settings = &material.settings;
    let provider = Arc::new(provider(settings));
    let versions: Vec<&'static SupportedProtocolVersion> = [(settings.tls12, &TLS12), (settings.tls13, &TLS13)]
        .into_iter()
        .filter_map(|(on, version)| on.then_some(version))
        .collect();
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .map_err(|error| format!("these versions, suites and curves give no TLS: {error}"))?;
    let config = match settings.client {
        ClientCertificate::NotAsked => config.with_no_client_auth(),
        client => {
            let names = settings.allowed_names.clone();
            config.with_client_cert_verifier(Arc::new(ClientCheck::new(
                client,
                &material.authorities,
                names,
                &provider,
            )?))
        }
    };
    let key = provider.key_provider.load_private_key(material.key.clone_key()).map_err(|_| UNKNOWN_KEY)?;
    let is_of_key = |suite: &SupportedCipherSuite| suite.usable_for_signature_algorithm(key.algorithm());
    if !provider.cipher_suites.iter().any(|suite| versions.contains(&suite.version()) && is_of_key(suite)) {
        return Err(format!("no client could connect: none of cipher_suites goes with a key of {:?}", key.algorithm()));
    }
    let mut config =
        config.with_single_cert(material.chain.clone(), material.key.clone_key()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                "the key is not that of the certificate (a renewed certificate comes with its key)".to_owned()
            }
            error => format!("the certificate and its key can't be used: {error}"),
        })?;
    config.ignore_client_order = settings.server_order;
    config.alpn_protocols = if material.http2 { vec![HTTP2.into(), HTTP1.into()] } else { vec![HTTP1.into()] };
    Ok(config)
}

/// ring's, with what is chosen of it.
fn provider(settings: &Tls) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if let Some(chosen) = &settings.suites {
        let all = std::mem::take(&mut provider.cipher_suites);
        let is_of_tls13 = |suite: &SupportedCipherSuite| suite.version().version == ProtocolVersion::TLSv1_3;
        provider.cipher_suites.extend(all.iter().filter(|suite| is_of_tls13(suite)));
        let find = |chosen| all.iter().find(|suite| suite.suite() == chosen).copied();
        provider.cipher_suites.extend(chosen.iter().copied().filter_map(find));
    }
    if let Some(chosen) = &settings.groups {
        let all = std::mem::take(&mut provider.kx_groups);
        let find = |chosen| all.iter().find(|group| group.name() == chosen).copied();
        provider.kx_groups.extend(chosen.iter().copied().filter_map(find));
    }
    provider
}
