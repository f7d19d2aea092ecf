//! Passes what the binary says about its own build: the compiler, and the revision of its sources.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=WOLKVOX_EXPORTER_REVISION");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().ok().and_then(|out| String::from_utf8(out.stdout).ok());
    // `rustc 1.95.0 (…)`: the number alone, as the label `rustc` of the build info shows it.
    let number = version.as_deref().and_then(|text| text.split_whitespace().nth(1)).unwrap_or("unknown");
    // None of the names of flags: cargo hands these on to what it runs, which warns of those it does not know.
    println!("cargo:rustc-env=EXPORTER_BUILT_BY={number}");
    // A build without git, as in a container, is told.
    let told = std::env::var("WOLKVOX_EXPORTER_REVISION").ok().filter(|revision| !revision.is_empty());
    let revision = told.or_else(of_checkout).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=EXPORTER_BUILT_FROM={revision}");
}

/// The revision of the checkout that this is, with `-dirty` where something in it has changed.
fn of_checkout() -> Option<String> {
    let sources = std::path::absolute(".").ok()?;
    // Sources unpacked within another repository are none of its.
    if std::path::Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()?
        != sources.canonicalize().ok()?
    {
        return None;
    }
    // What a commit, a checkout or a change touches.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    for path in [log.as_str(), "src", "crates", "Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={path}");
    }
    git(&["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
