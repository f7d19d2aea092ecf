use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::store::StoreError;

/// Why a ledger could not be opened. The process ends with it; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the ledger {path:?} is in use by another process: two exporters can't share one; stop the other, or give this \
         one a ledger of its own with --ledger"
    )]
    InUse { path: PathBuf },

    #[error("the ledger {path:?} {is}. It was left as it is; {advice}")]
    NoLedger { path: PathBuf, is: NoLedger, advice: &'static str },

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

    #[error("the ledger {path:?} is damaged ({why}) and could not be set aside as {set_aside:?}: {error}")]
    DamagedAndStuck { path: PathBuf, set_aside: PathBuf, why: String, error: io::Error },

    #[error("cannot use the ledger {path:?}: {error}; {}", remedy(error))]
    File { path: PathBuf, error: io::Error },

    #[error("cannot open the ledger {path:?}: {why}")]
    Database { path: PathBuf, why: String },
}

impl OpenError {
    /// To be called at once: what is behind the error may be gone soon.
    pub fn database(path: &Path, error: &rusqlite::Error) -> Self {
        Self::Database { path: path.to_owned(), why: told(error) }
    }
}

/// What stands where a ledger should be, and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoLedger {
    #[error("is a folder")]
    Folder,
    #[error("is a device, a pipe or a socket, and no file")]
    NoFile,
    #[error("is a symbolic link to a file that doesn't exist")]
    Dangling,
    #[error("is an empty file")]
    Empty,
    #[error("is a database of another program")]
    OtherDatabase,
    #[error("is no ledger of this program")]
    OtherFile,
    #[error("has a side file (-wal, -shm) that is no file")]
    OddSideFile,
    #[error("is mounted by itself, so that its side files would be kept elsewhere")]
    MountedAlone,
}

impl NoLedger {
    pub fn at(self, path: &Path) -> OpenError {
        let advice = match self {
            Self::Folder => "name a file within it with --ledger",
            Self::NoFile | Self::OtherDatabase | Self::OtherFile => "name another file with --ledger",
            Self::Dangling => "make the link right, or name the file itself with --ledger",
            Self::Empty => {
                "where it is mounted into a container, mount its folder, not the file; else put back a copy of the \
                 ledger, or remove the file to begin again from zero"
            }
            Self::OddSideFile => "move what is there away",
            Self::MountedAlone => "mount its folder, not the file",
        };
        OpenError::NoLedger { path: path.to_owned(), is: self, advice }
    }
}

/// Why a change was not stored. Nothing of it was; the same rows are read and counted again by the next poll.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    #[error("the ledger could not be written: {0}")]
    Store(StoreError),
    #[error("the ledger {path:?} is gone, and could not be written back: {why}")]
    Gone { path: PathBuf, why: String },
    #[error(transparent)]
    Replaced(#[from] Replaced),
    #[error("the ledger's transaction ended early: {0}")]
    Broken(&'static str),
}

impl CommitError {
    /// Of a job that was never done, or that panicked.
    pub fn broken() -> Self {
        Self::Broken("it was given up")
    }
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Why a ledger could not be copied. Nothing was written over, and nothing is left of the copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("there is something at {to:?} already, and a copy is written over nothing: name a file that doesn't exist")]
    Exists { to: PathBuf },

    #[error("there is no ledger {ledger:?}: name the one that the exporter runs on, by --ledger or its --config.file")]
    NoLedger { ledger: PathBuf },

    #[error(
        "{ledger:?} is a copy itself, which no exporter has run on: it is a file that can be copied like any other"
    )]
    IsCopy { ledger: PathBuf },

    #[error(
        "the side files (-wal, -shm) of the ledger {ledger:?} are gone, and the exporter that runs on it has not put them \
         back: see its log"
    )]
    NoSideFiles { ledger: PathBuf },

    #[error(
        "what was read of the ledger {ledger:?} is not whole ({why}), so no copy was made. Keep the copies that there are: \
         the exporter's next start will refuse a damaged ledger"
    )]
    Bad { ledger: PathBuf, why: String },

    #[error("cannot write the copy {to:?}: {error}; {}", remedy(error))]
    Target { to: PathBuf, error: io::Error },

    #[error("cannot copy the ledger {ledger:?} into {to:?}: {why}")]
    Database { ledger: PathBuf, to: PathBuf, why: String },

    #[error(transparent)]
    Ledger(#[from] OpenError),
}

/// Another file has taken the ledger's place while it was open. The process ends with it.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "the ledger {path:?} was replaced by another file while the exporter was running. That file is left alone, and \
     nothing is polled any more. Start the exporter again to go on from the file that is there now, if it is a copy of \
     this ledger; or put the right one there first. Stop the exporter before a ledger is exchanged"
)]
pub struct Replaced {
    pub path: PathBuf,
}

/// What to do about an error of the file system.
fn remedy(error: &io::Error) -> &'static str {
    use io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        _ if is_of_the_disk(error) => "the disk fails: see the system's log",
        _ if is_out_of_files(error) => "raise the limit on open files (ulimit -n, LimitNOFILE= in a unit)",
        ReadOnlyFilesystem => "mount its file system for writing",
        StorageFull | QuotaExceeded | FileTooLarge => "make room there",
        PermissionDenied => "it and its folder must be writable for this user",
        _ => "its folder must exist and be writable for this user",
    }
}

fn is_of_the_disk(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::IO | Errno::NXIO | Errno::NODEV))
}

fn is_out_of_files(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// An error of SQLite, and what is behind it where SQLite doesn't say.
pub(super) fn told(error: &rusqlite::Error) -> String {
    let cause = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "no room is left for it on the disk",
        Some(ErrorCode::SystemIoFailure) => {
            "the disk is full, a limit on the size of files is reached, or the disk fails: see the system's log"
        }
        Some(ErrorCode::ReadOnly) => "it, its side files and their folder must be writable for this user",
        Some(ErrorCode::CannotOpen) if no_file_can_be_opened() => {
            "too many open files: raise the limit on open files (ulimit -n, LimitNOFILE= in a unit)"
        }
        Some(ErrorCode::CannotOpen) => "its folder must exist and be writable for this user",
        _ => return error.to_string(),
    };
    format!("{error}; {cause}")
}

/// Whether as many files as SQLite needs, which has closed its own after the error, are too many.
fn no_file_can_be_opened() -> bool {
    let files: io::Result<Vec<_>> = (0..3).map(|_| std::fs::File::open("/")).collect();
    files.is_err_and(|error| is_out_of_files(&error))
}
