use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use crate::config::Config;
use crate::exporter::Exporter;
use crate::shutdown::{Shutdown, ShutdownTrigger};

/// Scrapes and polls are short; what takes long (decoding, the ledger, compression) has threads of its own.
const WORKER_THREADS: usize = 2;

/// For what still blocks a thread when all tasks have been given up.
pub const LAST_WORDS: Duration = Duration::from_secs(3);

/// `serve`: runs the exporter until it is told to stop.
pub fn run(config: Config) -> Result<(), Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let (trigger, shutdown) = Shutdown::new();
        stop_on_signal(trigger)?;
        Exporter::start(config).await?.run(shutdown).await
    });
    runtime.shutdown_timeout(LAST_WORDS);
    Ok(ended?)
}

pub fn runtime() -> anyhow::Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(WORKER_THREADS).enable_all().build()?)
}

/// Stops at SIGTERM and SIGINT. As PID 1 in a container neither has a default action, so both are handled from the
/// beginning.
pub fn stop_on_signal(trigger: ShutdownTrigger) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping");
        trigger.stop();
    });
    Ok(())
}
