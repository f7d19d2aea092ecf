use std::sync::LazyLock;

use domain::range::CivilRange;
use jiff::civil::datetime;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use wolkvox_exporter::config::TokenSource;
use wolkvox_exporter::wolkvox::client::{Client, Network};
use wolkvox_exporter::wolkvox::{Call, CallsReport as _, Token};

use super::answer::hasher;
use super::configuration::{SECRET, load};
use super::judge::{judge, judge_failure};

/// All that a wolkvox server sends over a connection: a head, and a body in any encoding. Panics where the outcome, what
/// is said of it, or a row is none that the types allow.
pub fn response(sent: &[u8]) {
    judge(&fetch(sent));
}

/// All that a server sends when it is asked how many calls are left. Panics where what is said of it is none that the types
/// allow.
pub fn token_info(sent: &[u8]) {
    let told = ask(sent, async |client, token| client.token_uses(token).await);
    match told {
        Ok(uses) => assert!([uses.remaining, uses.today, uses.limit].iter().any(Option::is_some), "told nothing"),
        Err(failure) => judge_failure(&failure),
    }
}

/// What the exporter's client makes of a server that sends this in answer to a question for calls.
fn fetch(sent: &[u8]) -> Call {
    let range = CivilRange { ini: datetime(2026, 1, 18, 19, 30, 0, 0), end: datetime(2026, 1, 18, 19, 34, 59, 0) };
    ask(sent, async |client, token| client.fetch(range, token, &hasher()).await)
}

/// Asks a server that sends this, whatever it is asked, and closes the connection.
fn ask<T>(sent: &[u8], question: impl AsyncFnOnce(&Client, &Token) -> T) -> T {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));
    static SERVER: LazyLock<(TcpListener, Client)> = LazyLock::new(|| {
        let listener = RUNTIME.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let file = format!("operations: [{{name: o, server: 'http://{address}', token_env: TOKEN, timezone: UTC}}]");
        let mut config = load(file.as_bytes()).expect("it is complete");
        config.operations[0].token = TokenSource::Held(SECRET.into());
        let network = Network::from_environment([&config.operations[0].server]).expect("nothing is needed on loopback");
        (
            listener,
            Client::new(&config.operations[0], &domain::report::ABANDONED, &network).expect("the address is one"),
        )
    });
    let (listener, client) = &*SERVER;
    let serve = async {
        let (connection, _) = listener.accept().await.expect("the client connects");
        let mut connection = BufStream::new(connection);
        let mut line = String::new();
        // The head of a question ends with an empty line.
        while connection.read_line(&mut line).await.is_ok_and(|bytes| bytes > 2) {
            line.clear();
        }
        // The client may have had enough.
        let _ = connection.write_all(sent).await;
        let _ = connection.shutdown().await;
    };
    RUNTIME.block_on(async {
        let token = client.token().expect("it is held");
        tokio::join!(question(client, &token), serve).0
    })
}
