use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use domain::outcome::Outcome;
use secrecy::{ExposeSecret as _, SecretString};
use siphasher::sip::SipHasher24;

use super::Cause;
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
        TokenSource::File(path) => read_file(path)?,
        TokenSource::Env(name) => std::env::var(name).map_err(|_| TokenError::NoVariable(name.clone()))?.into(),
        TokenSource::Held(token) => token.clone(),
    };
    usable(&secret, || place(source)).map(Token::new)
}

/// Why there is no token to send. Names the place, never the content.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token file {} can't be read: {error}{}", path.display(), remedy(error))]
    File { path: PathBuf, error: io::Error },
    #[error("the environment variable {0}, which should hold the token, is not set or is not text")]
    NoVariable(String),
    #[error("{0} is empty: put the token into it")]
    Empty(String),
    #[error(
        "{0} holds more than a token, which has no spaces or line breaks and only ASCII characters: write the token alone"
    )]
    Unsendable(String),
}

/// What to do about a file that can't be read, where the system's words don't say it.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; write the token into a file of that name, or name the right one",
        io::ErrorKind::PermissionDenied => "; let the exporter's user or group read it",
        io::ErrorKind::IsADirectory => "; name the file in it",
        _ => "",
    }
}

impl TokenError {
    /// How a call that was not made for this counts, and its cause. What keeps this machine from reading a file (no more descriptors, a
    /// disk or a network that fails) says nothing of the token.
    pub fn counts_as(&self) -> (Outcome, Option<Cause>) {
        use io::ErrorKind as Kind;
        match self {
            Self::File { error, .. } => match error.kind() {
                Kind::NotFound | Kind::PermissionDenied | Kind::IsADirectory | Kind::NotADirectory => {
                    (Outcome::Unauthorized, None)
                }
                // What is no text, and our own words.
                Kind::InvalidData | Kind::Other if error.raw_os_error().is_none() => (Outcome::Unauthorized, None),
                _ => (Outcome::Connect, Some(Cause::Machine)),
            },
            Self::NoVariable(_) | Self::Empty(_) | Self::Unsendable(_) => (Outcome::Unauthorized, None),
        }
    }
}

/// What is odd about a token that can be read, and where. Names the place, never the content.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    #[error("{0} begins with a name and `=`, which are sent too: write the token alone")]
    Assignment(String),
    #[error("{0} has quotes around the token, which are sent too: write the token alone")]
    Quotes(String),
    #[error("the token file {} can be read by every user of this machine: take that right away (chmod o-r)", .0.display())]
    Exposed(PathBuf),
}

/// Looks at a token as a careful person would, before it is needed. Blocks as [`read`] does.
pub fn look(source: &TokenSource) -> Result<Vec<Remark>, TokenError> {
    let token = read(source)?;
    let text = token.secret.expose_secret();
    let mut remarks = Vec::new();
    if is_assignment(text) {
        remarks.push(Remark::Assignment(place(source)));
    } else if text.starts_with(['"', '\'']) || text.ends_with(['"', '\'']) {
        remarks.push(Remark::Quotes(place(source)));
    }
    if let TokenSource::File(path) = source
        && std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & READ_BY_OTHERS != 0)
    {
        remarks.push(Remark::Exposed(path.clone()));
    }
    Ok(remarks)
}

/// The bit of a file's mode that lets all users read it.
const READ_BY_OTHERS: u32 = 0o004;

/// `WOLKVOX_TOKEN=…`, as in a file of variables. What ends in `=` may be a token in base 64.
fn is_assignment(text: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    text.split_once('=').is_some_and(|(name, rest)| is_name(name) && !rest.trim_matches('=').is_empty())
}

/// Where the token is, as a message names it.
fn place(source: &TokenSource) -> String {
    match source {
        TokenSource::File(path) => format!("the token file {}", path.display()),
        TokenSource::Env(name) => format!("the environment variable {name}"),
        TokenSource::Held(_) => "the token".to_owned(),
    }
}

fn read_file(path: &Path) -> Result<SecretString, TokenError> {
    let failed = |error| TokenError::File { path: path.to_owned(), error };
    // Opening a pipe waits until somebody writes into it, and a device may have no end.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(failed(io::Error::other("it is no file that could be read again for each call")));
    }
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
    fn what_is_odd_is_remarked_by_place_not_content() {
        let remarks = |content: &str, mode: u32| {
            let (folder, source) = file(content.as_bytes());
            let path = folder.path().join("token");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let remarks = look(&source).unwrap();
            for remark in &remarks {
                let said = remark.to_string();
                assert!(said.contains(path.to_str().unwrap()) && !said.contains("hush"), "{said}");
            }
            remarks
        };
        for content in ["hush\n", "hush==", "hu=", "=hush", "a.b=hush"] {
            assert_eq!(remarks(content, 0o600), [], "{content}");
        }
        for content in ["WOLKVOX_TOKEN=hush", "token=hush==", "X=\"hush\"\n"] {
            assert!(matches!(remarks(content, 0o640)[..], [Remark::Assignment(_)]), "{content}");
        }
        for content in ["\"hush\"", "'hush'", "hush\""] {
            assert!(matches!(remarks(content, 0o400)[..], [Remark::Quotes(_)]), "{content}");
        }
        assert!(matches!(remarks("hush", 0o644)[..], [Remark::Exposed(_)]));
        assert!(matches!(remarks("'hush'", 0o604)[..], [Remark::Quotes(_), Remark::Exposed(_)]));
    }

    #[test]
    fn what_can_not_be_read_is_no_remark() {
        let folder = tempfile::tempdir().unwrap();
        let error = look(&TokenSource::File(folder.path().into())).unwrap_err().to_string();
        assert!(error.contains("Is a directory"), "{error}");
        assert!(matches!(look(&file(b"\n").1), Err(TokenError::Empty(_))));
        assert!(matches!(look(&TokenSource::File("/no/such/token".into())), Err(TokenError::File { .. })));
        assert_eq!(look(&TokenSource::Held("hush".into())).unwrap(), []);
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [socket, "/dev/zero".into(), "/dev/null".into()] {
            let error = look(&TokenSource::File(path)).unwrap_err();
            assert!(error.to_string().contains("no file"), "{error}");
            assert_eq!(error.counts_as(), (Outcome::Unauthorized, None));
        }
    }

    #[test]
    fn trouble_of_the_machine_is_no_refusal() {
        let outcome = |error: io::Error| TokenError::File { path: "token".into(), error }.counts_as().0;
        // EIO, ENFILE, EMFILE, ESTALE and ETIMEDOUT of Linux.
        for code in [5, 23, 24, 116, 110] {
            assert_eq!(outcome(io::Error::from_raw_os_error(code)), Outcome::Connect, "{code}");
        }
        // ENOENT, EACCES, EISDIR and ENOTDIR.
        for code in [2, 13, 21, 20] {
            assert_eq!(outcome(io::Error::from_raw_os_error(code)), Outcome::Unauthorized, "{code}");
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
