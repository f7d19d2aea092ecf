use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Loaded};
use crate::cli::{ServeArgs, WebArgs};
use crate::config;
use crate::exporter::{Exporter, Read, Reloading, giving_way};
use crate::shutdown::{Shutdown, ShutdownTrigger};

/// Scrapes and polls are short; what takes long (decoding, the ledger, compression) has threads of its own.
const WORKER_THREADS: usize = 2;

/// For what still blocks a thread when all tasks have been given up.
pub const LAST_WORDS: Duration = Duration::from_secs(3);

/// `serve`: runs the exporter until it is told to stop.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let Loaded { config, secured, remarks } = super::load_secured(args)?;
    remarks.lines().iter().for_each(|remark| tracing::warn!("{remark}"));
    let runtime = threads().on_thread_start(giving_way()).build().map_err(anyhow::Error::from)?;
    let ended = runtime.block_on(async {
        let (trigger, shutdown) = Shutdown::new();
        let reloading = Reloading::new(file(args));
        let reloads = reloading.reloads();
        stop_on_signal(trigger, move || reloads.ask())?;
        Exporter::start(config, secured, reloading).await?.run(shutdown).await
    });
    runtime.shutdown_timeout(LAST_WORDS);
    Ok(ended?)
}

/// What a reload reads: the file, under the flags and variables that stay as they are. Those of the server are not looked at
/// again: a name among its addresses may have another address by now.
fn file(args: &ServeArgs) -> Option<Read> {
    args.config_file.as_ref()?;
    let args = ServeArgs { web: WebArgs::default(), ..args.clone() };
    Some(Arc::new(move || config::load(&args, &|name| std::env::var(name).ok())))
}

pub fn runtime() -> anyhow::Result<Runtime> {
    Ok(threads().build()?)
}

fn threads() -> Builder {
    let mut threads = Builder::new_multi_thread();
    threads.worker_threads(WORKER_THREADS).enable_all();
    threads
}

/// Stops at SIGTERM and SIGINT. As PID 1 in a container neither has a default action, so both are handled from the
/// beginning. So is SIGHUP, which would end the process.
pub fn stop_on_signal(trigger: ShutdownTrigger, on_hangup: impl Fn() + Send + 'static) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let name = loop {
            tokio::select! {
                _ = terminate.recv() => break "SIGTERM",
                _ = interrupt.recv() => break "SIGINT",
                _ = hangup.recv() => on_hangup(),
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
