use std::env::var;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;

use super::network::NetworkError;

/// The proxy of the environment, for those servers that no `NO_PROXY` excepts.
#[derive(Clone)]
pub(super) struct Proxy(Uri);

/// A refusal comes at once; this is for lossy lines.
const PATIENCE: Duration = Duration::from_secs(5);

/// To ask it again, with its name to be resolved: whose system doesn't answer isn't waited for.
pub(super) const ASKED_WITHIN: Duration = Duration::from_secs(20);

/// `HTTP/1.1 403 Forbidden`: the status is among so many bytes.
const STATUS_BYTES: usize = 12;

impl Proxy {
    /// The HTTP client passes over a proxy that it can't use, and without a word. The first variable of each pair that is
    /// set counts.
    ///
    /// # Errors
    /// Where one is set and can't be used.
    pub fn from_environment() -> Result<Option<Self>, NetworkError> {
        Self::from_variables(|name| var(name).ok())
    }

    fn from_variables(var: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, NetworkError> {
        let mut used = None;
        for pair in [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]] {
            let first = pair.into_iter().find_map(|name| var(name).map(|value| (name, value)));
            let Some((name, value)) = first.filter(|(_, value)| !value.is_empty()) else { continue };
            let proxy = Self::at(&value).ok_or(NetworkError::Proxy(name))?;
            used.get_or_insert(proxy);
        }
        Ok(used)
    }

    fn at(address: &str) -> Option<Self> {
        let uri: Uri = address.parse().ok()?;
        let scheme = uri.scheme_str().unwrap_or("http");
        let usable = matches!(scheme, "http" | "https") && uri.host().is_some_and(|host| !host.is_empty());
        usable.then_some(Self(uri))
    }

    /// Asks once more, for the status with which `server` (`host:port`) is refused: the HTTP client doesn't tell it. `None`
    /// where it can't be learnt so, as from a proxy behind TLS. Blocks on the network for some seconds at most.
    pub fn refusal(&self, server: &str) -> Option<u16> {
        if self.0.scheme_str() == Some("https") {
            return None;
        }
        let host = self.0.host()?.trim_matches(['[', ']']);
        let address = (host, self.0.port_u16().unwrap_or(80)).to_socket_addrs().ok()?.next()?;
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let who = match self.0.authority()?.as_str().rsplit_once('@') {
            Some((who, _)) => format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(who)),
            None => String::new(),
        };
        // In one piece: a proxy that answers the first one and closes would reset the connection, and its answer be lost.
        let question = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n{who}\r\n");
        stream.write_all(question.as_bytes()).ok()?;
        let mut status = [0; STATUS_BYTES];
        stream.read_exact(&mut status).ok()?;
        let status: u16 = std::str::from_utf8(&status).ok()?.strip_prefix("HTTP/1.")?.get(2..)?.parse().ok()?;
        // One that lets it pass now has refused it before.
        (status >= 300).then_some(status)
    }
}

/// Its address may hold a password.
impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proxy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_can_not_be_used_is_an_error() {
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            let check = |value: &str| Proxy::from_variables(|asked| (asked == name).then(|| value.to_owned()));
            for usable in ["http://proxy:3128", "https://user:pass@proxy:3128/", "proxy:3128", "10.0.0.1:8080"] {
                assert!(check(usable).unwrap().is_some(), "{name}={usable}");
            }
            assert!(check("").unwrap().is_none());
            for unusable in ["socks5://proxy:1080", "http://", "proxy 3128", "htp:/proxy", "http://hush@:99999x/"] {
                let error = check(unusable).expect_err(unusable).to_string();
                assert!(error.contains(name) && !error.contains("hush"), "{error}");
            }
        }
        let both = |name: &str| match name {
            "HTTPS_PROXY" => Some("http://proxy:3128".to_owned()),
            "https_proxy" => Some("?".to_owned()),
            _ => None,
        };
        assert!(Proxy::from_variables(both).is_ok(), "the second is not looked at");
    }
}
