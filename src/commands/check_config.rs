use std::io::Write;

use super::{Failure, Loaded};
use crate::cli::ServeArgs;
use crate::config;
use crate::wolkvox::client::Network;
use crate::wolkvox::token;

/// Prints the effective configuration and how exact it is; what is wrong with it is the failure.
///
/// A token that can't be read is wrong here, unlike at the start, where it may still come: someone who asks whether all is
/// in place is to be told that it is not. So are certificates and a proxy of the environment that can't be used.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let Loaded { config, secured, remarks } = super::load_secured(args)?;
    let serving = secured.terms().borrow().describe();
    let text = format!("# serving {serving}\n{}{}", config::effective(&config), config::exactness(&config));
    // Not `println!`, which panics when the reader has gone (`check-config | head -1`).
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| {
        Failure::Failed(anyhow::Error::new(error).context("the configuration is valid, but could not be printed"))
    })?;
    for remark in remarks.lines() {
        // Who has closed standard error doesn't want to know.
        let _ = writeln!(std::io::stderr(), "warning: {remark}");
    }
    let mut problems = Vec::new();
    for operation in &config.operations {
        let name = &operation.name;
        match token::look(&operation.token) {
            Ok(remarks) => {
                for remark in remarks {
                    // As above.
                    let _ = writeln!(std::io::stderr(), "warning: operation {name}: {remark}");
                }
            }
            Err(error) => problems.push(format!("operation {name}: {error}")),
        }
    }
    let servers = config.operations.iter().map(|operation| &operation.server);
    problems.extend(Network::from_environment(servers).err().map(|error| error.to_string()));
    if problems.is_empty() { Ok(()) } else { Err(Failure::Configuration(problems.into_iter().collect())) }
}
