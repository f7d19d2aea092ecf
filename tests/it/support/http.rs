use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A response whose body has arrived whole.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }
}

/// One GET on a connection of its own. `headers` are whole lines without their end.
pub fn get(address: SocketAddr, path: &str, headers: &[&str]) -> std::io::Result<Response> {
    get_on(TcpStream::connect(address)?, Duration::from_secs(30), path, headers)
}

/// The same, where each wait is short.
pub fn get_within(address: SocketAddr, path: &str, within: Duration) -> std::io::Result<Response> {
    get_on(TcpStream::connect_timeout(&address, within)?, within, path, &[])
}

fn get_on(stream: TcpStream, within: Duration, path: &str, headers: &[&str]) -> std::io::Result<Response> {
    let address = stream.peer_addr()?;
    stream.set_read_timeout(Some(within))?;
    get_over(stream, &address.to_string(), path, headers)
}

/// One POST without a body, on a connection of its own.
pub fn post(address: SocketAddr, path: &str) -> std::io::Result<Response> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    ask_over(stream, "POST", &address.to_string(), path, &["Content-Length: 0"])
}

/// The same over a connection of any kind.
pub fn get_over(stream: impl Read + Write, host: &str, path: &str, headers: &[&str]) -> std::io::Result<Response> {
    ask_over(stream, "GET", host, path, headers)
}

fn ask_over(
    mut stream: impl Read + Write,
    method: &str,
    host: &str,
    path: &str,
    headers: &[&str],
) -> std::io::Result<Response> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| std::io::Error::other(format!("no whole response in {} bytes", answer.len())))
}

fn parse(answer: &[u8]) -> Option<Response> {
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..at].to_vec()).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let mut rest = &answer[at + 4..];
    let lower = head.to_ascii_lowercase();
    if !lower.contains("transfer-encoding: chunked") {
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        let body = rest.get(..length.trim().parse().ok()?)?;
        return Some(Response { status, head, body: body.to_vec() });
    }
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?.trim(), 16).ok()?;
        rest = &rest[line + 2..];
        if length == 0 {
            return Some(Response { status, head, body });
        }
        body.extend_from_slice(rest.get(..length)?);
        rest = rest.get(length + 2..)?;
    }
}
