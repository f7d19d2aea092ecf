use std::env::{split_paths, var_os};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

use super::names::Names;
use super::proxy::Proxy;
use crate::config::Server;
use crate::lane::Lane;

/// How servers are reached: by whom their certificates are vouched for, and by which proxy. Read from the environment once, for all operations.
#[derive(Debug, Clone)]
pub struct Network {
    pub(super) tls: ClientConfig,
    pub(super) proxy: Option<Proxy>,
    pub(super) names: Names,
    pub(super) decoding: Lane,
}

/// Answers that are decoded at a time: as many as are welcome beside the rest on a small machine, and as have room in memory.
const DECODED_AT_ONCE: usize = 2;

/// What in the environment can't be used. A start that went on without it would trust others, or leave the way that was
/// meant.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    #[error(
        "{variable} names {}, from which no certificate can be loaded: {why}; name certificates in PEM, or unset it to trust \
         those of this system", path.display()
    )]
    Certificates { variable: &'static str, path: PathBuf, why: String },
    #[error("{0} is set and names nothing: unset it to trust the certificates of this system")]
    NoPlace(&'static str),
    // The address may hold a password.
    #[error("{0} is not the address of a proxy, and calls would go without one: write http://host:port, or unset it")]
    Proxy(&'static str),
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

const FILE: &str = "SSL_CERT_FILE";
const FOLDER: &str = "SSL_CERT_DIR";

impl Network {
    /// Reads what reaching `servers` takes: nothing where all are on loopback and in clear. Blocks on the disk.
    ///
    /// # Errors
    /// Where `SSL_CERT_FILE`, `SSL_CERT_DIR` or the variable of a proxy is set and can't be used.
    pub fn from_environment<'s>(servers: impl IntoIterator<Item = &'s Server>) -> Result<Self, NetworkError> {
        if !servers.into_iter().any(|server| server.base_url.starts_with("https:")) {
            return Self::trusting(RootCertStore::empty());
        }
        let proxy = Proxy::from_environment()?;
        Ok(Self { proxy, ..Self::trusting(roots(var_os(FILE), var_os(FOLDER))?)? })
    }

    pub(super) fn trusting(roots: RootCertStore) -> Result<Self, NetworkError> {
        // Named here and not installed for the process: no code elsewhere can forget or change it.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { tls, proxy: None, names: Names::new(), decoding: Lane::of_work(DECODED_AT_ONCE) })
    }
}

/// The roots of the places that are named, and of no others. Where none is, the system's, which a company may have added
/// its own to; Mozilla's where there are none either, as in an empty container.
fn roots(file: Option<OsString>, folders: Option<OsString>) -> Result<RootCertStore, NetworkError> {
    let mut roots = RootCertStore::empty();
    if file.is_none() && folders.is_none() {
        roots.add_parsable_certificates(load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        return Ok(roots);
    }
    if let Some(file) = file {
        let path = named(FILE, file.into())?;
        add(&mut roots, FILE, &path, load_certs_from_paths(Some(&path), None))?;
    }
    if let Some(folders) = folders {
        let folders: Vec<_> = split_paths(&folders).filter(|path| !path.as_os_str().is_empty()).collect();
        if folders.is_empty() {
            return Err(NetworkError::NoPlace(FOLDER));
        }
        for path in folders {
            add(&mut roots, FOLDER, &path, load_certs_from_paths(None, Some(&path)))?;
        }
    }
    Ok(roots)
}

fn named(variable: &'static str, path: PathBuf) -> Result<PathBuf, NetworkError> {
    if path.as_os_str().is_empty() { Err(NetworkError::NoPlace(variable)) } else { Ok(path) }
}

fn add(
    roots: &mut RootCertStore,
    variable: &'static str,
    path: &Path,
    loaded: CertificateResult,
) -> Result<(), NetworkError> {
    let (added, _) = roots.add_parsable_certificates(loaded.certs);
    if added > 0 {
        return Ok(());
    }
    let why = loaded.errors.first().map_or_else(|| "there is none in it".to_owned(), ToString::to_string);
    Err(NetworkError::Certificates { variable, path: path.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_without_certificates_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| Some(folder.path().join(name).into_os_string());
        std::fs::write(folder.path().join("empty.pem"), "").unwrap();
        std::fs::write(folder.path().join("text.pem"), "no certificate").unwrap();
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(folder.path().join("broken.pem"), broken).unwrap();
        for name in ["missing.pem", "empty.pem", "text.pem", "broken.pem", ""] {
            let error = roots(path(name), None).unwrap_err().to_string();
            assert!(error.contains("SSL_CERT_FILE") && error.contains(folder.path().to_str().unwrap()), "{error}");
            assert!(roots(path(name), path("")).is_err(), "one that is good makes no other good");
        }
        for name in ["", "missing", "empty.pem"] {
            let error = roots(None, path(name)).unwrap_err().to_string();
            assert!(error.contains("SSL_CERT_DIR"), "{error}");
        }
        for (file, folders) in [(Some("".into()), None), (None, Some("".into())), (None, Some(":".into()))] {
            assert!(matches!(roots(file, folders), Err(NetworkError::NoPlace(_))));
        }
        assert!(!roots(None, None).unwrap().is_empty());
    }
}
