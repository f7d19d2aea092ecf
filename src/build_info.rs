//! What is known about this build: the labels of `wolkvox_exporter_build_info` and the text of `--version`.

/// The crate's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The source revision, where the build was told one through `WOLKVOX_EXPORTER_REVISION`; else `unknown`.
pub const REVISION: &str = match option_env!("WOLKVOX_EXPORTER_REVISION") {
    Some(revision) if !revision.is_empty() => revision,
    _ => "unknown",
};

/// The version of the compiler.
pub const RUSTC: &str = env!("WOLKVOX_EXPORTER_RUSTC");

/// What `--version` shows after the name.
pub const VERSION_LINE: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("WOLKVOX_EXPORTER_BUILT"), ")");
