//! Binds the addresses that the exporter answers on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// The exporter's port where no address is configured.
pub const DEFAULT_PORT: u16 = 10119;

/// Binds `addresses`, or `[::]:10119` (IPv4 as well) where there are none, or `0.0.0.0:10119` on a machine without IPv6.
/// With port 0 the system chooses one; the log and `local_addr` say which.
///
/// # Errors
/// The first address that can't be bound, with what a person can do about it. Nothing stays bound then.
pub async fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let listeners = if addresses.is_empty() {
        bind_everywhere(DEFAULT_PORT, TcpListener::bind).await?
    } else {
        let mut listeners = Vec::with_capacity(addresses.len());
        for &address in addresses {
            let listener = TcpListener::bind(address).await.map_err(|source| ListenError { address, source })?;
            listeners.push(listener);
        }
        listeners
    };
    for listener in &listeners {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "listening");
        }
    }
    Ok(listeners)
}

/// Binds the address of the probes.
///
/// # Errors
/// As for [`bind`].
pub async fn bind_probes(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let listener = TcpListener::bind(address).await.map_err(|source| ListenError { address, source })?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "answering the probes here as well");
    }
    Ok(listener)
}

/// An address that could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", reason(.source))]
pub struct ListenError {
    pub address: SocketAddr,
    pub source: io::Error,
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another process listens there already, perhaps a second exporter; stop it, or \
                                     choose another address with --web.listen-address"
            .to_owned(),
        io::ErrorKind::PermissionDenied => "the system does not allow it (ports below 1024 need a privilege); choose \
                                            another port with --web.listen-address"
            .to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address; choose one that it has, or [::] for all \
                                            of them, with --web.listen-address"
            .to_owned(),
        _ => format!("{error}; choose another address with --web.listen-address"),
    }
}

/// Binds `port` on all addresses of both families, by one socket where the system lets an IPv6 socket serve IPv4.
async fn bind_everywhere<F>(port: u16, bind: impl Fn(SocketAddr) -> F) -> Result<Vec<TcpListener>, ListenError>
where
    F: Future<Output = io::Result<TcpListener>>,
{
    let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let v4 = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    match bind(v6).await {
        Ok(listener) => {
            let mut listeners = vec![listener];
            // Where the system keeps the families apart (`net.ipv6.bindv6only`), IPv4 needs a socket of its own. Where
            // it does not, the attempt fails, for the first socket has the port in both.
            let bound = listeners[0].local_addr().map_or(port, |address| address.port());
            listeners.extend(bind(v4(bound)).await);
            Ok(listeners)
        }
        Err(source) if matches!(source.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {
            Err(ListenError { address: v6, source })
        }
        Err(error) => {
            tracing::info!(%error, "no IPv6 on this machine, listening on IPv4 only");
            let address = v4(port);
            let listener = bind(address).await.map_err(|source| ListenError { address, source })?;
            Ok(vec![listener])
        }
    }
}

/// Where this machine reaches what listens on an address.
pub fn reached_at(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}

/// A bound address, and what is behind it.
#[derive(Debug)]
pub struct Listener {
    pub socket: TcpListener,
    pub door: Door,
}

impl From<TcpListener> for Listener {
    /// One for everything.
    fn from(socket: TcpListener) -> Self {
        Self { socket, door: Door::All }
    }
}

/// What can be asked for at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Everything, by those who may.
    All,
    /// The two probes, in clear.
    Probes,
    /// Nothing: a client speaks in clear where there is TLS.
    Wrong,
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn by_default_both_families_are_served() {
        let listeners = bind_everywhere(0, TcpListener::bind).await.unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        // Where the machine has no IPv6 the fallback has been taken, and there is nothing more to see.
        if listeners[0].local_addr().unwrap().is_ipv6() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn without_ipv6_ipv4_is_served() {
        let only_v4 = |address: SocketAddr| async move {
            if address.is_ipv6() {
                return Err(io::Error::from_raw_os_error(97)); // EAFNOSUPPORT on Linux
            }
            TcpListener::bind(address).await
        };
        let listeners = bind_everywhere(0, only_v4).await.unwrap();
        assert_eq!(listeners.len(), 1);
        assert!(listeners[0].local_addr().unwrap().is_ipv4());
    }

    #[tokio::test]
    async fn an_address_in_use_is_told_with_what_to_do() {
        let first = bind(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        let taken = first[0].local_addr().unwrap();
        assert_ne!(taken.port(), 0);
        let error = bind(&["127.0.0.1:0".parse().unwrap(), taken]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot listen on {taken}: another process listens there already, perhaps a second exporter; stop it, \
                 or choose another address with --web.listen-address"
            )
        );
    }

    #[tokio::test]
    async fn the_default_port_in_use_is_no_reason_for_the_fallback() {
        let taken = |address: SocketAddr| async move {
            assert!(address.is_ipv6(), "tried {address}");
            Err(io::Error::from(io::ErrorKind::AddrInUse))
        };
        assert!(bind_everywhere(0, taken).await.is_err());
    }
}
