use std::io::Write;

use crate::cli::ServeArgs;
use crate::config;

use super::Failure;

/// Prints the effective configuration; what is wrong with it is the failure.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let config = super::load(args)?;
    let text = config::effective(&config);
    // Not `println!`, which panics when the reader has gone (`check-config | head -1`).
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| {
        Failure::Failed(anyhow::Error::new(error).context("the configuration is valid, but could not be printed"))
    })
}
