use std::io;
use std::net::ToSocketAddrs as _;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::timeout;

use crate::lane::Lane;

/// Names that are looked up at a time. Each takes some milliseconds, or seconds where nobody answers.
const AT_ONCE: usize = 4;

/// Asks the system for the addresses of names, as the HTTP client would by itself, but with a few threads: where nobody
/// answers, each question takes its seconds.
#[derive(Debug, Clone)]
pub(super) struct Names {
    lane: Lane,
    within: Duration,
}

impl Names {
    pub fn new() -> Self {
        Self { lane: Lane::of_waits(AT_ONCE), within: Duration::MAX }
    }

    /// The same for connections that have so long, and no longer than a part of it: it is told then that no name is found, and
    /// not that the server doesn't answer. The system asks a second time after five seconds.
    pub fn for_connections_within(&self, connect_timeout: Duration) -> Self {
        Self { within: connect_timeout * 3 / 4, ..self.clone() }
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { lane, within } = self.clone();
        Box::pin(async move {
            // The port is the client's affair.
            let looking = lane.run(move || (name.as_str(), 0).to_socket_addrs());
            let found = answered(within, looking).await???;
            Ok(Box::new(found) as Addrs)
        })
    }
}

async fn answered<T>(within: Duration, looking: impl Future<Output = T>) -> io::Result<T> {
    timeout(within, looking).await.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no name server answers"))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_name_is_given_up_before_the_connection_would_be() {
        let connect_timeout = Duration::from_secs(10);
        let names = Names::new().for_connections_within(connect_timeout);
        let looked =
            timeout(connect_timeout, answered(names.within, pending::<()>())).await.expect("the name's own end");
        assert_eq!(looked.unwrap_err().to_string(), "no name server answers");
        assert_eq!(answered(Names::new().within, ready(7)).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_name_that_is_there_is_found() {
        assert!(Names::new().resolve("localhost".parse().unwrap()).await.unwrap().next().is_some());
    }
}
