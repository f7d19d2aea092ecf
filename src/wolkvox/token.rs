use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use secrecy::{ExposeSecret as _, SecretString};
use siphasher::sip::SipHasher24;

use crate::config::TokenSource;

/// The longest token file, in bytes. Known tokens have some 70; a longer file is not a token but a mistake.
const MAX_TOKEN_BYTES: u64 = 4096;

/// A token as it was read for one call.
#[derive(Debug, Clone)]
pub struct Token {
    pub secret: SecretString,
    /// A number that changes with the token and tells nothing of it: a hash under a key that dies with the process.
    pub fingerprint: u64,
}

impl Token {
    pub fn new(secret: SecretString) -> Self {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let fingerprint = KEY.hash_one(secret.expose_secret());
        Self { secret, fingerprint }
    }

    /// A number for other processes that have the key too, in hexadecimal. It tells nothing of the token either.
    pub fn keyed_hash(&self, key: &[u8; 16]) -> String {
        let mut hasher = SipHasher24::new_with_key(key);
        hasher.write(self.secret.expose_secret().as_bytes());
        format!("{:016x}", hasher.finish())
    }
}

/// Reads the token, at each call afresh: a rotated file counts from the next call on. Blocks for one small file.
pub fn read(source: &TokenSource) -> Result<Token, TokenError> {
    let secret = match source {
        TokenSource::File(path) => usable(&read_file(path)?, || format!("the token file {}", path.display())),
        TokenSource::Env(name) => {
            let token = std::env::var(name).map_err(|_| TokenError::NoVariable(name.clone()))?;
            usable(&token.into(), || format!("the environment variable {name}"))
        }
        TokenSource::Held(token) => usable(token, || "the token".to_owned()),
    };
    secret.map(Token::new)
}

/// Why there is no token to send. Names the place, never the content.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token file {} can't be read: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("the environment variable {0}, which should hold the token, is not set or is not text")]
    NoVariable(String),
    #[error("{0} is empty")]
    Empty(String),
    #[error("{0} holds more than a token: a token has no spaces or line breaks inside, and only ASCII characters")]
    Unsendable(String),
}

fn read_file(path: &Path) -> Result<SecretString, TokenError> {
    let failed = |error| TokenError::File { path: path.to_owned(), error };
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_TOKEN_BYTES + 1).read_to_string(&mut text));
    match read.map_err(failed)? {
        length if length as u64 > MAX_TOKEN_BYTES => {
            Err(failed(io::Error::other(format!("it has more than {MAX_TOKEN_BYTES} bytes"))))
        }
        _ => Ok(text.into()),
    }
}

/// Trims what editors and `echo` leave at the end, and refuses what a header can't carry.
fn usable(token: &SecretString, place: impl Fn() -> String) -> Result<SecretString, TokenError> {
    let token = token.expose_secret().trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    if token.is_empty() {
        return Err(TokenError::Empty(place()));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TokenError::Unsendable(place()));
    }
    Ok(token.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> (tempfile::TempDir, TokenSource) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, content).unwrap();
        (folder, TokenSource::File(path))
    }

    #[test]
    fn a_file_is_trimmed_and_read_afresh() {
        let (folder, source) = file(b"\xef\xbb\xbfabc123\r\n");
        let before = read(&source).unwrap();
        assert_eq!(before.secret.expose_secret(), "abc123");
        assert_eq!(read(&source).unwrap().fingerprint, before.fingerprint);
        std::fs::write(folder.path().join("token"), "def456").unwrap();
        let after = read(&source).unwrap();
        assert_eq!(after.secret.expose_secret(), "def456");
        assert_ne!(after.fingerprint, before.fingerprint);
    }

    #[test]
    fn what_can_not_be_sent_is_refused_by_place_not_content() {
        for content in ["", " \n", "hush hush", "hush\nhush", "hüsh", "hush\u{7}hush"] {
            let (folder, source) = file(content.as_bytes());
            let error = read(&source).unwrap_err().to_string();
            assert!(error.contains(folder.path().to_str().unwrap()), "{error}");
            assert!(!error.contains("hush") && !error.contains("hüsh"), "{error}");
        }
        for content in [&b"\xff\xfe"[..], &[b'a'; 5000]] {
            let (folder, source) = file(content);
            let error = read(&source).unwrap_err().to_string();
            assert!(error.contains(folder.path().to_str().unwrap()), "{error}");
        }
    }

    #[test]
    fn a_missing_place_is_named() {
        let error = read(&TokenSource::File("/no/such/token".into())).unwrap_err();
        assert!(error.to_string().contains("/no/such/token"), "{error}");
        let error = read(&TokenSource::Env("WOLKVOX_NO_SUCH_VARIABLE".into())).unwrap_err();
        assert!(error.to_string().contains("WOLKVOX_NO_SUCH_VARIABLE"), "{error}");
    }

    #[test]
    fn debug_output_has_no_token() {
        let source = TokenSource::Held("hush".into());
        let shown = format!("{source:?} {:?}", read(&source));
        assert!(!shown.contains("hush"), "{shown}");
    }
}
