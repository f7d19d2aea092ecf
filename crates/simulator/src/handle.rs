use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::call::{Call, Injected};
use super::faults::{Armed, Fault};
use super::operation::Operation;
use super::options::{Options, OptionsError};
use super::server;
use super::world::{Request, World};

/// Starts simulators inside the process.
#[derive(Debug)]
pub struct Simulator;

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error("the simulator can't listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
}

/// A running simulator. It stops when the handle is dropped.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    world: Arc<World>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Simulator {
    /// Listens and serves on the current runtime.
    pub async fn start(options: Options) -> Result<Handle, StartError> {
        let listen = options.listen;
        let world = Arc::new(World::new(options)?);
        let failed = |source| StartError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            // A dropped handle is an order to stop, too.
            let _ = stopped.await;
        };
        let serving = tokio::spawn(server::run(listener, world.clone(), shutdown));
        Ok(Handle { address, world, stop, serving })
    }
}

/// Functions without the name of an operation are for the first one.
impl Handle {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// `None` if there is none of this name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.world.operation(Some(name))
    }

    pub fn first(&self) -> &Operation {
        // The options were checked to have at least one.
        &self.world.operations[0]
    }

    /// Empty once revoked.
    pub fn token(&self) -> String {
        self.first().token().unwrap_or_default()
    }

    /// The calls that ended in [`from`, `to`), visible or not.
    pub fn truth(&self, from: Timestamp, to: Timestamp) -> Vec<Call> {
        self.first().truth(from, to)
    }

    /// Spoils the next `answers` answers, or all until it is cleared.
    pub fn set_fault(&self, fault: Fault, answers: Option<u32>) {
        self.world.set_fault(Armed::new(fault, answers));
    }

    pub fn clear_faults(&self) {
        self.world.clear_faults();
    }

    pub fn inject(&self, injected: impl IntoIterator<Item = Injected>) {
        self.first().inject(injected);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.world.requests()
    }

    pub fn refuse_connections(&self, duration: Duration) {
        self.world.refuse_connections(duration);
    }

    /// Closes all connections and waits until nothing listens any more.
    pub async fn shutdown(self) {
        let _ = self.stop.send(());
        let _ = self.serving.await;
    }
}
