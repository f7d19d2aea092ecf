//! `completions` and `man`: what the command line knows of itself, for shells and for people.

use std::io::{self, ErrorKind, Write as _};

use anyhow::Context as _;
use clap_complete::Shell;
use clap_mangen::Man;

use super::Failure;
use crate::cli::Cli;

pub fn completions(shell: Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    let mut definition = Cli::definition();
    let name = definition.get_name().to_owned();
    clap_complete::generate(shell, &mut definition, name, &mut text);
    print(&text)
}

/// Prints the page of a command, or that of the program, which refers to the others.
pub fn man(command: Option<&str>) -> Result<(), Failure> {
    let mut definition = Cli::definition().disable_help_subcommand(true);
    definition.build();
    let page = match command {
        None => definition,
        Some(name) => match definition.find_subcommand(name) {
            Some(command) => command.clone(),
            None => {
                let names: Vec<_> = definition.get_subcommands().map(clap::Command::get_name).collect();
                return Err(Failure::usage(format!("`{name}` is no command; write one of {}", names.join(", "))));
            }
        },
    };
    let mut text = Vec::new();
    Man::new(page).render(&mut text).context("the page could not be made")?;
    print(&text)
}

fn print(text: &[u8]) -> Result<(), Failure> {
    match io::stdout().write_all(text) {
        // Whoever reads the pipe has seen enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("it could not be printed").into())
        }
        _ => Ok(()),
    }
}
