use std::io::Write as _;

use anyhow::Context as _;
use jiff::Timestamp;

use super::Failure;
use crate::cli::BackupArgs;
use crate::clock::{Clock as _, SystemClock};
use crate::config;
use crate::ledger::{self, Copied};

/// `backup FILE`: copies the ledger, whether an exporter runs on it or not.
pub fn run(args: &BackupArgs) -> Result<(), Failure> {
    let ledger = config::ledger(args).map_err(Failure::Configuration)?;
    let now: Timestamp = SystemClock.now();
    let Copied { ledger, operations, bytes } =
        ledger::copy(&ledger, &args.file, now).map_err(|error| Failure::Failed(error.into()))?;
    let (file, ledger) = (args.file.display(), ledger.display());
    let what = if operations == 1 { "operation" } else { "operations" };
    // Not `println!`, which panics when the reader has gone.
    writeln!(std::io::stdout(), "{file}: a copy of {ledger}, {operations} {what}, {bytes} bytes, read again and whole")
        .context("the copy is there and whole, but that could not be printed")?;
    Ok(())
}
