use std::net::ToSocketAddrs as _;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::lane::Lane;

/// Asks the system for the addresses of names, as the HTTP client would by itself, but with a few threads: where nobody
/// answers, each question takes its seconds.
#[derive(Debug, Clone)]
pub(super) struct Names(pub Lane);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let lane = self.0.clone();
        Box::pin(async move {
            // The port is the client's affair.
            let found = lane.run(move || (name.as_str(), 0).to_socket_addrs()).await??;
            Ok(Box::new(found) as Addrs)
        })
    }
}
