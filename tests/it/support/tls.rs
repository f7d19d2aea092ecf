use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    SupportedProtocolVersion,
};

use super::http::{self, Response};

/// Each wait of a client.
const WITHIN: Duration = Duration::from_secs(30);

/// An authority that issues certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.subject_alt_names.push(SanType::DnsName(name.try_into().expect("a name")));
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(parameters, key).expect("a certificate"))
    }

    pub fn pem(&self) -> String {
        pem("CERTIFICATE", self.0.der())
    }

    /// Its own certificate, as a client may show it: so does who has one from `openssl req -x509`.
    pub fn itself(&self) -> Identity {
        Identity { certificate: self.0.der().clone(), key: self.0.key().serialize_der() }
    }

    /// Names are addresses, URIs (`spiffe://…`), mail addresses or names of hosts.
    pub fn issue(&self, names: &[&str], until_year: i32) -> Identity {
        self.issue_for(names, 2020..until_year)
    }

    /// The same, for these years.
    pub fn issue_for(&self, names: &[&str], years: Range<i32>) -> Identity {
        let mut parameters = CertificateParams::default();
        let name = |name: &&str| match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) if name.contains("://") => SanType::URI((*name).try_into().expect("a URI")),
            Err(_) if name.contains('@') => SanType::Rfc822Name((*name).try_into().expect("an address")),
            Err(_) => SanType::DnsName((*name).try_into().expect("a name")),
        };
        parameters.subject_alt_names = names.iter().map(name).collect();
        parameters.not_before = date_time_ymd(years.start, 1, 1);
        parameters.not_after = date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.0).expect("a certificate").der().clone();
        Identity { certificate, key: key.serialize_der() }
    }
}

impl Identity {
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }

    /// Writes `NAME.crt` and `NAME.key`.
    pub fn write(&self, folder: &Path, name: &str) {
        put(&folder.join(format!("{name}.crt")), &self.certificate_pem());
        put(&folder.join(format!("{name}.key")), &self.key_pem());
    }
}

/// Moves a file into place whole.
pub fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).expect("a folder of this test");
    std::fs::rename(new, path).expect("a folder of this test");
}

/// A client that knows `authority`, shows `identity`, and speaks these versions of TLS.
pub fn client(
    authority: &Authority,
    identity: Option<&Identity>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).expect("versions");
    let config = config.with_root_certificates(roots);
    match identity {
        None => config.with_no_client_auth(),
        Some(Identity { certificate, key }) => {
            let key = PrivateKeyDer::Pkcs8(key.clone().into());
            config.with_client_auth_cert(vec![certificate.clone()], key).expect("a key")
        }
    }
}

/// A server that shows `identity` in each handshake and has nothing to say.
pub fn serve(identity: &Identity) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let key = PrivateKeyDer::Pkcs8(identity.key.clone().into());
    let config = config.with_no_client_auth().with_single_cert(vec![identity.certificate.clone()], key).expect("a key");
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(config.clone()).expect("a configuration");
            // Whoever doesn't like the certificate hangs up.
            let _ = StreamOwned::new(connection, stream).read(&mut [0; 1]);
        }
    });
    address
}

/// One GET over TLS, on a connection of its own.
pub fn get(address: SocketAddr, config: &ClientConfig, path: &str, headers: &[&str]) -> io::Result<Response> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(WITHIN))?;
    let name = ServerName::from(address.ip());
    let tls = ClientConnection::new(Arc::new(config.clone()), name).map_err(io::Error::other)?;
    http::get_over(StreamOwned::new(tls, stream), &address.to_string(), path, headers)
}

/// The header of a user and password.
pub fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}", BASE64_STANDARD.encode(pair))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned());
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.collect::<Vec<_>>().join("\n"))
}
