//! Copies of a ledger: made while an exporter runs on it, and begun when one is put in its place.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use super::account::{Scope, difference};
use super::error::{CopyError, OpenError};
use super::file::{OwnFile, Proven, WAIT_FOR_OTHERS, beside, pause, resolve, sync_folder_of};
use super::open::{self, Checked};
use super::sqlite::Sqlite;
use super::store::{Change, Store as _};
use super::{load, schema};

/// A copy that was made, as it has been read again.
#[derive(Debug)]
pub struct Copied {
    /// The ledger, whatever links lead to it.
    pub ledger: PathBuf,
    pub operations: usize,
    pub bytes: u64,
}

/// Copies the ledger at `ledger` into a new file at `to`, as it is after one commit. Nothing is said to the exporter that runs
/// on it, if one does: SQLite lets others read what was committed last, for as long as they like, and a reader that is killed
/// or has no room stands in nobody's way. Blocks on the disk.
pub fn copy(ledger: &Path, to: &Path, now: Timestamp) -> Result<Copied, CopyError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(CopyError::Exists { to: to.to_owned() });
    }
    let ledger = resolve(ledger)?;
    let failed = |error| CopyError::Target { to: to.to_owned(), error };
    let new = open::new_file(to).map_err(failed)?;
    read_into(&ledger, &new, to)?;
    mark(&new, now).map_err(|why| CopyError::Bad { ledger: ledger.clone(), why })?;
    // As a stranger would, who has nothing but the file.
    let (_, checked) = examine(&new).map_err(|why| CopyError::Bad { ledger: ledger.clone(), why })?;
    let file = new.as_file();
    file.write_all_at(&schema::COPY_ID.to_be_bytes(), schema::APPLICATION_ID_AT).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    match open::persist(new, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(CopyError::Exists { to: to.to_owned() }),
        persisted => persisted.map_err(failed),
    }?;
    Ok(Copied { ledger, operations: checked.operations(), bytes })
}

/// Writes what the ledger holds after its last commit into a new file.
fn read_into(ledger: &Path, new: &NamedTempFile, to: &Path) -> Result<(), CopyError> {
    // First, so that it is closed after the connection: see `OwnFile`.
    let proven = Proven::at(ledger)?.ok_or_else(|| CopyError::NoLedger { ledger: ledger.to_owned() })?;
    if proven.is_copy {
        return Err(CopyError::IsCopy { ledger: ledger.to_owned() });
    }
    wait_for_side_files(ledger, &proven)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(ledger, flags).map_err(|error| OpenError::database(ledger, &error))?;
    super::keep::copy(&connection, new.path()).map_err(|error| CopyError::database(ledger, to, &error))
}

/// SQLite would begin a log beside a running exporter whose own is gone for a moment.
fn wait_for_side_files(ledger: &Path, proven: &Proven) -> Result<(), CopyError> {
    let since = Instant::now();
    while ["-wal", "-shm"].iter().any(|side| !beside(ledger, side).exists()) && proven.is_in_use() {
        if since.elapsed() > WAIT_FOR_OTHERS {
            return Err(CopyError::NoSideFiles { ledger: ledger.to_owned() });
        }
        pause();
    }
    Ok(())
}

/// Lets each account know that it is one of a copy.
fn mark(new: &NamedTempFile, now: Timestamp) -> Result<(), String> {
    let (mut store, key, checked) = open_alone(new)?;
    // A file that is thrown away if this fails needs no second one to roll back with.
    store.connection.pragma_update(None, "journal_mode", "MEMORY").map_err(|error| error.to_string())?;
    for scope in checked.scopes() {
        let Scope { operation, .. } = scope;
        let (account, _, _) =
            load(&mut store, scope, now).map_err(|error| format!("operation {operation}: {error}"))?;
        let mut copied = account.clone();
        copied.begin_copy(now);
        let change = Change { edits: difference(scope, Some(&account), &copied), ..Change::new(scope) };
        store.commit(&[&change], &key).into_iter().collect::<Result<(), _>>().map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Reads all of a copy and compares it with its digests.
fn examine(new: &NamedTempFile) -> Result<([u8; 16], Checked), String> {
    open_alone(new).map(|(_, key, checked)| (key, checked))
}

fn open_alone(new: &NamedTempFile) -> Result<(Sqlite, [u8; 16], Checked), String> {
    let said = |error: rusqlite::Error| super::error::told(&error);
    let file = new.as_file().try_clone().map_err(|error| error.to_string())?;
    let file = OwnFile::lock(new.path(), file).map_err(|error| error.to_string())?;
    let connection = Connection::open_with_flags(new.path(), open::FLAGS).map_err(said)?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(said)?;
    if version > schema::VERSION {
        let (path, found) = (new.path().to_owned(), version);
        return Err(OpenError::Newer { path, found, known: schema::VERSION }.to_string());
    }
    open::take_over(&connection, version).map_err(said)?;
    let key = open::whole_key(&connection).map_err(said)??;
    let mut store = Sqlite::new(connection, file);
    let checked = open::check(&mut store, &key)?;
    Ok((store, key, checked))
}

impl OwnFile {
    /// Makes a ledger of a copy that no exporter has run on yet. What another ledger has left beside it, as one does that was
    /// killed, is set aside: SQLite would play that log into this file.
    pub(super) fn begin_if_copy(&self, now: Timestamp) -> io::Result<()> {
        if !self.is_copy()? {
            return Ok(());
        }
        let stamp = now.strftime("%Y%m%dT%H%M%SZ");
        for side in ["-wal", "-journal"] {
            let aside = beside(self.path(), &format!("{side}.before-copy-{stamp}"));
            match fs::rename(beside(self.path(), side), &aside) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok(()) => tracing::warn!(
                    set_aside = %aside.display(),
                    "a copy has been put in the place of another ledger, of which this was left"
                ),
            }
        }
        _ = fs::remove_file(beside(self.path(), "-shm"));
        sync_folder_of(self.path())?;
        // Only then, and straight into the file: in a log the mark would be set aside with it.
        self.write_id(schema::APPLICATION_ID)?;
        tracing::info!(
            path = %self.path().display(),
            "the ledger is a copy that is begun now; /metrics answers 503 until what it lacks has been read"
        );
        Ok(())
    }
}
