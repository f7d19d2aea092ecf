//! A client that shows what really came over the socket.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::PATIENCE;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub body: Vec<u8>,
    /// The body ended as its head said.
    pub whole: bool,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn msg(&self) -> String {
        self.json()["msg"].as_str().unwrap_or_default().to_owned()
    }

    pub fn rows(&self) -> Vec<Value> {
        self.json()["data"].as_array().cloned().unwrap_or_default()
    }
}

/// Sends a request and reads until the server closes; `None` without an answer's head.
fn exchange(address: SocketAddr, head: &str, body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(stream, "{head}host: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes).is_ok();
    let split = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let headers = String::from_utf8(bytes[..split].to_vec()).unwrap().to_ascii_lowercase();
    let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
    let raw = &bytes[split + 4..];
    let (body, whole) = if headers.contains("transfer-encoding: chunked") {
        dechunk(raw)
    } else {
        let length = headers.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse::<usize>();
        (raw.to_vec(), length == Ok(raw.len()))
    };
    Some(Answer { status, headers, body, whole: whole && ended })
}

fn dechunk(mut raw: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = raw.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&raw[..line]).unwrap(), 16).unwrap();
        let chunk = &raw[line + 2..];
        if size == 0 {
            return (body, true);
        }
        body.extend_from_slice(&chunk[..size.min(chunk.len())]);
        raw = chunk.get(size + 2..).unwrap_or_default();
    }
    (body, false)
}

/// Off the runtime's threads, for it blocks.
pub async fn send(address: SocketAddr, head: String, body: String) -> Option<Answer> {
    tokio::task::spawn_blocking(move || exchange(address, &head, &body)).await.unwrap()
}
