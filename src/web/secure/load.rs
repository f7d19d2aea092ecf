use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Terms;
use super::credentials::Credentials;
use super::rate::Rate;
use super::tls::{Handshake, Material};
use crate::config::web_file::{self, Pem, Tls, WebFile};
use crate::config::{Origin, Problems};

/// What came of reading the file and all that it names.
pub struct Reading {
    /// Taken before anything was read: what changes meanwhile is read again.
    pub stamps: Stamps,
    /// Beside the terms, remarks.
    pub result: Result<(Terms, Problems), Problems>,
}

/// Files, and by what a change of each is known; `None` where there is none.
pub type Stamps = Vec<(PathBuf, Option<Stamp>)>;

/// A file that is written again, replaced, or reached by another link has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The stamps of `paths` as they are now.
pub fn stamps<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> Stamps {
    let stamp = |path: &Path| fs::metadata(path).ok().map(|metadata| Stamp::of(&metadata));
    paths.into_iter().map(|path| (path.clone(), stamp(path))).collect()
}

/// Hundreds of certificates fit.
const LARGEST_FILE: u64 = 1 << 20;

/// Reads the file at `path`. What is as it was `before` is taken over: a session goes on, a password stays known.
pub fn load(path: &Path, before: Option<&Terms>, now: Timestamp) -> Reading {
    let mut paths = vec![path.to_owned()];
    let mut seen = stamps(&paths);
    let shown = path.display().to_string();
    let text = match read(path).and_then(|bytes| String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())) {
        Ok(text) => text,
        Err(reason) => {
            let mut problems = Problems::new(Some(shown));
            problems.push(Origin::WholeFile, reason);
            return Reading { stamps: seen, result: Err(problems) };
        }
    };
    let (file, mut remarks) = match web_file::read(path, &text) {
        Ok(read) => read,
        Err(problems) => return Reading { stamps: seen, result: Err(problems) },
    };
    paths.extend(file.tls.iter().flat_map(named));
    seen.extend(stamps(paths.iter().skip(1)));
    let mut problems = Problems::new(Some(shown));
    let WebFile { tls, http2, headers, rate_limit, users } = file;
    let tls = tls.and_then(|settings| {
        let material = material(settings, http2, &mut problems, &mut remarks)?;
        let handshake = Handshake::new(material, before.and_then(|before| before.tls.as_ref()));
        handshake.map_err(|reason| problems.push(Origin::WholeFile, reason)).ok()
    });
    if let Some(tls) = tls.as_ref().filter(|tls| tls.ends <= now) {
        remarks.push(Origin::WholeFile, format!("the certificate has ended, at {}", tls.ends));
    }
    let result = problems.into_result().map(|()| {
        let credentials = Credentials::new(users, before.and_then(|before| before.credentials.as_ref()));
        (Terms { tls, headers, rate: rate_limit.map(Rate::new), credentials }, remarks)
    });
    Reading { stamps: seen, result }
}

/// The files that TLS needs.
fn named(tls: &Tls) -> Vec<PathBuf> {
    let pems = [Some(&tls.certificate), Some(&tls.key), tls.client_ca.as_ref()];
    let file = |pem: &Pem| match pem {
        Pem::File(path) => Some(path.clone()),
        Pem::Text(_) => None,
    };
    pems.into_iter().flatten().filter_map(file).collect()
}

/// Reads certificates and key. `None` where one can't be; that is among the problems then.
fn material(settings: Tls, http2: bool, problems: &mut Problems, remarks: &mut Problems) -> Option<Material> {
    let mut read = |what: &str, pem: &Pem| {
        bytes(pem).map_err(|reason| problems.push(Origin::WholeFile, format!("{what} {}{reason}", place(pem)))).ok()
    };
    let chain = read("the certificate", &settings.certificate);
    let key = read("the key", &settings.key);
    let authorities = settings.client_ca.as_ref().map(|pem| read("the authority of clients", pem));
    if let Pem::File(path) = &settings.key
        && fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
    {
        remarks.push(Origin::WholeFile, format!("the key {}: all users of this machine can read it", path.display()));
    }
    let mut taken = |what: &str, pem: &Pem, bytes: Option<Vec<u8>>| {
        let certificates = certificates(&bytes?);
        certificates.map_err(|reason| problems.push(Origin::WholeFile, format!("{what} {}{reason}", place(pem)))).ok()
    };
    let chain = taken("the certificate", &settings.certificate, chain);
    let authorities = match (&settings.client_ca, authorities) {
        (Some(pem), Some(bytes)) => taken("the authority of clients", pem, bytes),
        _ => Some(Vec::new()),
    };
    let key = key.and_then(|bytes| {
        let key = private_key(&bytes);
        let shown = place(&settings.key);
        key.map_err(|reason| problems.push(Origin::WholeFile, format!("the key {shown}{reason}"))).ok()
    });
    Some(Material { chain: chain?, key: key?, authorities: authorities?, http2, settings })
}

/// `web.key: `, or nothing for what stands in the file itself.
fn place(pem: &Pem) -> String {
    match pem {
        Pem::File(path) => format!("{}: ", path.display()),
        Pem::Text(_) => String::new(),
    }
}

fn bytes(pem: &Pem) -> Result<Vec<u8>, String> {
    match pem {
        Pem::File(path) => read(path),
        Pem::Text(text) => Ok(text.clone().into_bytes()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| format!("can't be read: {error}");
    // To open a pipe would wait for its writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err("is no file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(format!("is larger than {LARGEST_FILE} bytes; is it the right file?"));
    }
    Ok(bytes)
}

fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(bytes).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("holds no certificate in PEM".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err("is damaged: a certificate in PEM begins there and can't be read".to_owned()),
    }
}

fn private_key(bytes: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let is_encrypted = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
    };
    match PrivateKeyDer::from_pem_slice(bytes) {
        _ if is_encrypted(bytes) => {
            Err("is encrypted, and nobody is there to type its password; write it decrypted (openssl pkey)".to_owned())
        }
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => Err("holds no key in PEM".to_owned()),
        Err(_) => Err("is damaged: a key in PEM begins there and can't be read".to_owned()),
    }
}
