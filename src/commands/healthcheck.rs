use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use super::Failure;
use crate::cli::{Cli, Command, WebArgs};
use crate::config;
use crate::paths::HEALTHY;
use crate::web::listen::{DEFAULT_PORT, reached_at};

/// Each wait. The answer takes milliseconds.
const WITHIN: Duration = Duration::from_secs(5);

/// `healthcheck`: asks this machine's exporter whether it is healthy, at the address of its probes or where it listens.
pub fn run(args: &WebArgs) -> Result<(), Failure> {
    let said_nothing = args.listen_addresses.is_empty() && args.probe_address.is_none();
    let first = if said_nothing { of_first_process() } else { None };
    let web = config::web(first.as_ref().unwrap_or(args)).map_err(Failure::Configuration)?;
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT));
    let address = reached_at(web.probe_address.or(web.listen_addresses.first().copied()).unwrap_or(default));
    let asking = || format!("asking {address} whether the exporter is healthy");
    let status = match ask(connect(address).with_context(asking)?) {
        // In clear, as at the address of the probes.
        Ok(200) => return Ok(()),
        // So it answers where there is TLS.
        Ok(400) => ask_secretly(address).with_context(asking)?,
        other => other.with_context(asking)?,
    };
    if status == 200 { Ok(()) } else { Err(anyhow!("{address} answers {status}: the exporter is not healthy").into()) }
}

/// The flags of a container's exporter, which is its first process; a check in the container is given none.
fn of_first_process() -> Option<WebArgs> {
    let first = std::fs::read_link("/proc/1/exe").ok()?;
    if std::process::id() == 1 || first != std::env::current_exe().ok()? {
        return None;
    }
    let line = std::fs::read_to_string("/proc/1/cmdline").ok()?;
    let flags = line.trim_end_matches('\0').split('\0');
    let cli: Cli = clap::FromArgMatches::from_arg_matches(&Cli::definition().try_get_matches_from(flags).ok()?).ok()?;
    match cli.command {
        None => Some(cli.serve.web),
        Some(Command::Serve(args)) => Some(args.web),
        Some(Command::Demo(command)) => Some(command.web),
        Some(_) => None,
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    Ok(stream)
}

/// The status of the answer.
fn ask(mut stream: impl Read + Write) -> anyhow::Result<u16> {
    write!(stream, "GET {HEALTHY} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    let status = head.strip_prefix(b"HTTP/1.1 ").and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    status.ok_or_else(|| anyhow!("what answers there does not speak HTTP"))
}

/// Asks over TLS. Whose certificate it is doesn't matter: nothing secret is said.
fn ask_secretly(address: SocketAddr) -> anyhow::Result<u16> {
    let provider = Arc::new(ring::default_provider());
    let anybody = Arc::new(Anybody(provider.signature_verification_algorithms));
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.dangerous().with_custom_certificate_verifier(anybody).with_no_client_auth();
    let tls = ClientConnection::new(Arc::new(config), ServerName::from(address.ip()))?;
    ask(StreamOwned::new(tls, connect(address)?)).context(
        "over TLS; where the server asks for a client's certificate, give the probes an address of their own with \
         --web.probe-address",
    )
}

/// Takes any certificate.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
