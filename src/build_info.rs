//! What is known about this build: the labels of `wolkvox_exporter_build_info` and the text of `--version`.

/// The crate's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The revision of the sources: of the checkout, with `-dirty` where something in it had changed, or as the build was told
/// through `WOLKVOX_EXPORTER_REVISION`; else `unknown`.
pub const REVISION: &str = env!("EXPORTER_BUILT_FROM");

/// The version of the compiler.
pub const RUSTC: &str = env!("EXPORTER_BUILT_BY");

/// What `--version` shows after the name.
pub const VERSION_LINE: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("EXPORTER_BUILT_FROM"),
    ", rustc ",
    env!("EXPORTER_BUILT_BY"),
    ")"
);
