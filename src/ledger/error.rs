use std::path::PathBuf;

/// Why a ledger could not be opened. The process ends with it; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the ledger {path:?} is in use by another process: two exporters can't share one; stop the other, or give this \
         one a ledger of its own with --ledger"
    )]
    InUse { path: PathBuf },

    #[error(
        "the ledger {path:?} was written by a newer version of wolkvox-exporter (format {found}, this one knows \
         {known}): run that version, or set the file aside to begin again from zero"
    )]
    Newer { path: PathBuf, found: i32, known: i32 },

    #[error(
        "the ledger {path:?} is damaged ({why}) and was set aside, unchanged, as {set_aside:?}. Its totals can't be \
         trusted, so nothing was taken over. Put back a copy of the ledger to go on from there, or move the damaged file \
         to another folder to begin again from zero; until then the exporter does not start, for counters that begin \
         again would look like true ones"
    )]
    Damaged { path: PathBuf, set_aside: PathBuf, why: String },

    #[error(
        "there is no ledger {path:?}, and beside its place is a damaged one, {set_aside:?}, that was set aside earlier: \
         put back a copy of the ledger to go on from there, or move the damaged file to another folder to begin again \
         from zero"
    )]
    DamagedBefore { path: PathBuf, set_aside: PathBuf },

    #[error("the ledger {path:?} is damaged ({why}) and could not be set aside as {set_aside:?}: {source}")]
    DamagedAndStuck { path: PathBuf, set_aside: PathBuf, why: String, source: std::io::Error },

    #[error("cannot write the ledger {path:?}: {source}; the folder must exist and be writable for this user")]
    Folder { path: PathBuf, source: std::io::Error },

    #[error("cannot open the ledger {path:?}: {source}")]
    Database { path: PathBuf, source: rusqlite::Error },
}

/// Why a transaction failed. Nothing of it was stored; the same rows are read and counted again by the next poll.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    #[error("the ledger could not be written: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("the ledger's transaction ended early: {0}")]
    Broken(String),
}
