//! Copies of a ledger: made while an exporter runs on it, and begun when one is put in its place.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::NamedTempFile;

use super::account::difference;
use super::error::{CopyError, OpenError, told};
use super::file::{OwnFile, Proven, WAIT_FOR_OTHERS, beside, pause, resolve, sync_folder_of};
use super::open::{self, Checked};
use super::sqlite::Sqlite;
use super::store::{Change, Store as _, StoreError};
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
    let ledger = &resolve(ledger)?;
    let failed = |error| CopyError::Target { to: to.to_owned(), error };
    let copying = Copying { ledger, to, new: open::new_file(to).map_err(failed)? };
    copying.read()?;
    copying.mark(now)?;
    // As a stranger would, who has nothing but the file.
    let operations = copying.open()?.checked.operations();
    let file = copying.new.as_file();
    file.write_all_at(&schema::COPY_ID.to_be_bytes(), schema::APPLICATION_ID_AT).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    match open::persist(copying.new, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(CopyError::Exists { to: to.to_owned() }),
        persisted => persisted.map_err(failed),
    }?;
    Ok(Copied { ledger: ledger.clone(), operations, bytes })
}

/// A copy that has no name yet, and is gone when it is dropped.
struct Copying<'a> {
    ledger: &'a Path,
    to: &'a Path,
    new: NamedTempFile,
}

/// What a copy holds.
struct Content {
    store: Sqlite,
    key: [u8; 16],
    checked: Checked,
}

impl Copying<'_> {
    /// Writes what the ledger holds after its last commit into the new file.
    fn read(&self) -> Result<(), CopyError> {
        let ledger = self.ledger;
        // First, so that it is closed after the connection: see `OwnFile`.
        let proven = Proven::at(ledger)?.ok_or_else(|| CopyError::NoLedger { ledger: ledger.to_owned() })?;
        if proven.is_copy {
            return Err(CopyError::IsCopy { ledger: ledger.to_owned() });
        }
        wait_for_side_files(ledger, &proven)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(ledger, flags).map_err(|error| OpenError::database(ledger, &error))?;
        super::keep::copy(&connection, self.new.path()).map_err(|error| self.failed(&error))
    }

    /// Lets each account know that it is one of a copy.
    fn mark(&self, now: Timestamp) -> Result<(), CopyError> {
        let Content { mut store, key, checked } = self.open()?;
        // A file that is thrown away if this fails needs no second one to roll back with.
        store.connection.pragma_update(None, "journal_mode", "MEMORY").map_err(|error| self.failed(&error))?;
        for scope in checked.scopes() {
            let (account, _, _) = load(&mut store, scope, now).map_err(|error| self.bad(error.to_string()))?;
            let mut copied = account.clone();
            copied.begin_copy(now);
            let change = Change { edits: difference(scope, Some(&account), &copied), ..Change::new(scope) };
            let stored: Result<(), StoreError> = store.commit(&[&change], &key).into_iter().collect();
            stored.map_err(|StoreError(why)| self.not_copied(why))?;
        }
        Ok(())
    }

    /// Opens the new file, reads all of it and compares it with its digests.
    fn open(&self) -> Result<Content, CopyError> {
        let failed = |error: rusqlite::Error| self.failed(&error);
        let path = self.new.path();
        let file = self.new.as_file().try_clone();
        let file = OwnFile::lock(path, file.map_err(|error| CopyError::Target { to: self.to.to_owned(), error })?)?;
        let connection = Connection::open_with_flags(path, open::FLAGS).map_err(failed)?;
        let found = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
        if found > schema::VERSION {
            let path = self.ledger.to_owned();
            return Err(OpenError::Newer { path, found, known: schema::VERSION }.into());
        }
        open::take_over(&connection, found).map_err(failed)?;
        if let Some(why) = open::defect(&connection).map_err(failed)? {
            return Err(self.bad(why));
        }
        let key = open::key_in(&connection).map_err(failed)?;
        let mut store = Sqlite::new(connection, file);
        let checked = open::check(&mut store, &key).map_err(|why| self.bad(why))?;
        Ok(Content { store, key, checked })
    }

    fn failed(&self, error: &rusqlite::Error) -> CopyError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => self.bad(error.to_string()),
            _ => self.not_copied(told(error)),
        }
    }

    /// Where nothing is known to be wrong with the ledger.
    fn not_copied(&self, why: String) -> CopyError {
        CopyError::Database { ledger: self.ledger.to_owned(), to: self.to.to_owned(), why }
    }

    fn bad(&self, why: String) -> CopyError {
        CopyError::Bad { ledger: self.ledger.to_owned(), why }
    }
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
