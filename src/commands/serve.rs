use std::io::{self, Write as _};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Loaded};
use crate::cli::ServeArgs;
use crate::config::TokenSource;
use crate::exporter::Exporter;
use crate::shutdown::{Shutdown, ShutdownTrigger};
use crate::wolkvox::token;

/// Scrapes and polls are short; what takes long (decoding, the ledger, compression) has threads of its own.
const WORKER_THREADS: usize = 2;

/// For what still blocks a thread when all tasks have been given up.
pub const LAST_WORDS: Duration = Duration::from_secs(3);

/// `serve`: runs the exporter until it is told to stop.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let Loaded { config, secured, remarks } = super::load_secured(args)?;
    remarks.lines().iter().for_each(|remark| tracing::warn!("{remark}"));
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let (trigger, shutdown) = Shutdown::new();
        stop_on_signal(trigger)?;
        let tokens: Vec<_> = config.operations.iter().map(|each| (each.name.clone(), each.token.clone())).collect();
        // A file, perhaps on a network that hangs: nothing waits for it.
        tokio::task::spawn_blocking(move || look_at(&tokens));
        Exporter::start(config, secured).await?.run(shutdown).await
    });
    runtime.shutdown_timeout(LAST_WORDS);
    Ok(ended?)
}

/// Says what is wrong with a token before the first poll needs it, which may be an hour away. It may still be mended: the
/// exporter goes on.
fn look_at(tokens: &[(String, TokenSource)]) {
    for (operation, source) in tokens {
        match token::look(source) {
            Ok(remarks) => remarks.iter().for_each(|remark| tracing::warn!(operation, "{remark}")),
            Err(error) => {
                tracing::warn!(operation, "{error}; it is read again for each call, so it can still be put there")
            }
        }
    }
}

pub fn runtime() -> anyhow::Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(WORKER_THREADS).enable_all().build()?)
}

/// Stops at SIGTERM and SIGINT. As PID 1 in a container neither has a default action, so both are handled from the
/// beginning. SIGHUP, which would end the process, is a line of the log.
pub fn stop_on_signal(trigger: ShutdownTrigger) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let name = loop {
            tokio::select! {
                _ = terminate.recv() => break "SIGTERM",
                _ = interrupt.recv() => break "SIGINT",
                _ = hangup.recv() => tracing::warn!(
                    signal = "SIGHUP",
                    "the configuration is not read again while the exporter runs: start it anew for a changed one"
                ),
            }
        };
        trigger.stop();
        tracing::info!(signal = name, "stopping");
    });
    Ok(())
}

/// Prints on stdout without waiting for whoever reads it: one text for each process, on a thread that its end leaves.
pub fn print(text: String) {
    // As `println!`, which panics when the reader has gone.
    tokio::task::spawn_blocking(move || io::stdout().write_all(text.as_bytes()));
}
