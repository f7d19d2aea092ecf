//! `check-api`: one careful call per operation and report, each in its turn for the token, and in words what it shows.
//!
//! [`check`] makes the calls, `totals` that for the vendor's own, `seen` is what the rows of an answer show, `told` what is said
//! of it, [`checked`] what a program reads.

mod check;
mod checked;
mod seen;
mod told;
mod totals;

use std::io::{self, ErrorKind, Write as _};

use anyhow::{Context as _, anyhow};
use futures_util::{StreamExt as _, stream};

use self::checked::Checked;
use super::Failure;
use super::serve::{LAST_WORDS, runtime};
use crate::cli::CheckApiArgs;
use crate::config::Config;
use crate::poller::Turns;
use crate::wolkvox::client::Network;

/// Operations that are asked at the same time: where one doesn't answer, many would take minutes one after another.
const AT_ONCE: usize = 8;

/// Calls the API as an exporter of this configuration would, once. Fails where something is to be done.
pub fn run(args: &CheckApiArgs) -> Result<(), Failure> {
    let config = super::load(&args.serve)?;
    let runtime = runtime()?;
    let checked = runtime.block_on(check_all(&config, args.json));
    runtime.shutdown_timeout(LAST_WORDS);
    let checked = checked?;
    match checked.iter().filter(|checked| !checked.ok).count() {
        0 => Ok(()),
        bad => Err(anyhow!("{bad} of {} checks ask for something to be done", checked.len()).into()),
    }
}

/// Checks all operations; as text each is printed as soon as it and those before it are done.
async fn check_all(config: &Config, json: bool) -> anyhow::Result<Vec<Checked>> {
    let network = Network::from_environment(config.operations.iter().map(|operation| &operation.server))?;
    let turns = Turns::joining(&config.ledger).with_context(|| {
        format!(
            "the exporter's lock files beside {} can't be used, so a call could meet one of the exporter: run this as the \
             exporter's user",
            config.ledger.display()
        )
    })?;
    let checks = config.operations.iter().map(|operation| check::operation(operation, &network, turns.clone()));
    let mut checks = stream::iter(checks).buffered(AT_ONCE);
    let mut all = Vec::new();
    while let Some(checked) = checks.next().await {
        let checked = checked?;
        if !json {
            checked.iter().try_for_each(|checked| print(&checked.to_string()))?;
        }
        all.extend(checked);
    }
    if json {
        print(&format!("{}\n", serde_json::to_string_pretty(&all)?))?;
    }
    Ok(all)
}

/// Prints, unless the reader has gone: whoever reads the pipe has seen enough then, and the exit code still tells.
fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("what was found could not be printed")
        }
        _ => Ok(()),
    }
}
