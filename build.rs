//! Passes what the binary says about its own build: the compiler, and the revision where the build names one.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=WOLKVOX_EXPORTER_REVISION");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().ok().and_then(|out| String::from_utf8(out.stdout).ok());
    // `rustc 1.95.0 (…)`: the number alone, as the label `rustc` of the build info shows it.
    let number = version.as_deref().and_then(|text| text.split_whitespace().nth(1)).unwrap_or("unknown");
    println!("cargo:rustc-env=WOLKVOX_EXPORTER_RUSTC={number}");
    // Put together here, for `concat!` takes no constants and clap no text that is made at run time.
    let revision = std::env::var("WOLKVOX_EXPORTER_REVISION").unwrap_or_default();
    let revision = if revision.is_empty() { String::new() } else { format!("revision {revision}, ") };
    println!("cargo:rustc-env=WOLKVOX_EXPORTER_BUILT={revision}rustc {number}");
}
