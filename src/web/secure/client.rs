use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::config::web_file::ClientCertificate;

/// What a client's certificate must be. That the client has its key is proven in any case.
#[derive(Debug)]
pub struct ClientCheck {
    client: ClientCertificate,
    /// Where it must be by one of them.
    authorities: Option<Arc<dyn ClientCertVerifier>>,
    /// A certificate that is listed itself needs nobody to vouch for it.
    listed: Vec<CertificateDer<'static>>,
    /// Where it must have one of these names.
    names: Option<Vec<String>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCheck {
    /// # Errors
    /// Where nothing could be verified by `authorities`.
    pub fn new(
        client: ClientCertificate,
        authorities: &[CertificateDer<'static>],
        names: Option<Vec<String>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let unusable = |error: &dyn std::fmt::Display| format!("the authority of clients can't be used: {error}");
        let verifier = if client.is_verified() {
            let mut roots = RootCertStore::empty();
            for authority in authorities {
                roots.add(authority.clone()).map_err(|error| unusable(&error))?;
            }
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
            Some(builder.build().map_err(|error| unusable(&error))?)
        } else {
            None
        };
        let algorithms = provider.signature_verification_algorithms;
        Ok(Self { client, authorities: verifier, listed: authorities.to_vec(), names, algorithms })
    }
}

impl ClientCertVerifier for ClientCheck {
    fn client_auth_mandatory(&self) -> bool {
        self.client.is_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.authorities.as_ref().map_or(&[], |authorities| authorities.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(authorities) = &self.authorities {
            // What `openssl req -x509` writes is an authority, which webpki takes for no client; Go does.
            if self.listed.iter().any(|listed| listed == end_entity) {
                in_its_time(end_entity, now)?;
            } else {
                authorities.verify_client_cert(end_entity, intermediates, now)?;
            }
        }
        match &self.names {
            Some(names) if !has_one_of(end_entity, names)? => {
                // The client hears no more than that it was refused.
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            _ => Ok(ClientCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn parsed<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    let parsed = X509Certificate::from_der(certificate);
    parsed.map(|(_, certificate)| certificate).map_err(|_| CertificateError::BadEncoding.into())
}

fn in_its_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let certificate = parsed(certificate)?;
    let validity = certificate.validity();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

/// Whether one of the certificate's alternative names is one of `names`, letter by letter, as in the toolkit.
fn has_one_of(certificate: &CertificateDer<'_>, names: &[String]) -> Result<bool, Error> {
    let certificate = parsed(certificate)?;
    let bad = |_| Error::from(CertificateError::BadEncoding);
    let Some(alternatives) = certificate.subject_alternative_name().map_err(bad)? else { return Ok(false) };
    let is_allowed = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            names.iter().any(|allowed| allowed == name)
        }
        GeneralName::IPAddress(bytes) => {
            let address = match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes).map(IpAddr::from),
                _ => <[u8; 16]>::try_from(*bytes).map(IpAddr::from),
            };
            address.is_ok_and(|address| names.contains(&address.to_string()))
        }
        _ => false,
    };
    Ok(alternatives.value.general_names.iter().any(is_allowed))
}
