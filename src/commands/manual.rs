//! `completions` and `man`: what the command line knows of itself, for shells and for people.

use std::io::{self, ErrorKind, Write as _};

use anyhow::Context as _;
use clap_complete::Shell;
use clap_mangen::Man;

use super::Failure;
use crate::build_info::VERSION;
use crate::cli::Cli;

pub fn completions(shell: Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    let mut definition = Cli::definition();
    let name = definition.get_name().to_owned();
    clap_complete::generate(shell, &mut definition, name, &mut text);
    let mut text = String::from_utf8_lossy(&text).into_owned();
    match shell {
        // Of a program with a hyphen it sets one name and asks for another, so that no command's flags are completed
        // (clap issue 6421).
        Shell::Bash => text = text.replace("wolkvox__subcmd__exporter", "wolkvox__exporter"),
        Shell::Fish => text.push_str(&fish_needs_command(&definition)),
        _ => {}
    }
    print(text.as_bytes())
}

/// In the place of the function by which the script for fish tells where a command is wanted: that one has fish's own `argparse`
/// look at the flags, which refuses names with a dot, and then nothing at all is completed.
fn fish_needs_command(definition: &clap::Command) -> String {
    let names: Vec<_> = definition.get_subcommands().map(clap::Command::get_name).collect();
    format!(
        "function __fish_wolkvox_exporter_needs_command
    set -l cmd (commandline -opc)
    set -e cmd[1]
    for word in $cmd
        if contains -- $word {}
            echo $word
            return 1
        end
    end
    return 0
end
",
        names.join(" ")
    )
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
    let source = format!("wolkvox-exporter {VERSION}");
    Man::new(page).source(source).render(&mut text).context("the page could not be made")?;
    // No date is known, and an empty one is left out, so that what follows would stand in its place.
    let text = String::from_utf8_lossy(&text).replacen(" 1  \"", " 1 \"\" \"", 1);
    print(text.as_bytes())
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
