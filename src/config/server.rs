use std::net::IpAddr;

use reqwest::Url;

use super::print::{Shown, text};
use super::tree::Node;

/// What can be written for a server.
pub const FORMS: &str = "write the server's four digits (0042), wv0042 or https://host[:port]";

/// The server's base address: `https://wv0042.wolkvox.com`, or the loopback address of a simulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Scheme, host and port, without a trailing slash.
    pub base_url: String,
    /// `wv0042`, or the host and port of an address: for people, and the default name of an operation.
    pub name: String,
}

/// `0042`, `42` and `wv0042` name a server of wolkvox; an address is taken as it is, plain http only to loopback.
pub fn server(node: &Node) -> Result<Server, String> {
    let text = node.text()?;
    let text = text.trim();
    let digits = text.strip_prefix("wv").or_else(|| text.strip_prefix("WV")).unwrap_or(text);
    if (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(of_wolkvox(&format!("wv{digits:0>4}")));
    }
    if !text.contains("://") {
        return Err(FORMS.to_owned());
    }
    let url = Url::parse(text).map_err(|reason| format!("{reason}; {FORMS}"))?;
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return Err(FORMS.to_owned()) };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(host) => {}
        "http" => {
            return Err("plain http would send the token in clear; only loopback may have it. Write https://".into());
        }
        _ => return Err(FORMS.to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("remove the user and password from the address".to_owned());
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("remove everything after the host and port; the exporter adds the path itself".to_owned());
    }
    let base_url = url.as_str().trim_end_matches('/').to_owned();
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let name = match authority.strip_suffix(".wolkvox.com") {
        Some(name) if url.scheme() == "https" && !name.is_empty() => name.to_owned(),
        _ => authority,
    };
    Ok(Server { base_url, name })
}

fn of_wolkvox(name: &str) -> Server {
    Server { base_url: format!("https://{name}.wolkvox.com"), name: name.to_owned() }
}

/// Whether what is sent to a URL's host stays on this machine.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Shown for Server {
    /// A server of wolkvox by its name, any other by its address.
    fn shown(&self) -> String {
        let digits = self.name.strip_prefix("wv").unwrap_or_default();
        let four = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        text(if four && *self == of_wolkvox(&self.name) { &self.name } else { &self.base_url })
    }
}
