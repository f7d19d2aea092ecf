use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::NamedTempFile;

use super::error::OpenError;
use super::file::{FolderLock, OwnFile, beside, folder_of, resolve, sync_folder_of};
use super::keep::Disk;
use super::seen::SeenRow;
use super::{Ledger, digest, schema, store};

/// Opens the ledger at `path`, or makes a new one where there is no file. A damaged one is set aside; what is not proven to
/// be a ledger is left as it is.
pub fn open(path: &Path, now: Timestamp) -> Result<Ledger, OpenError> {
    let path = resolve(path)?;
    let (file, folder) = match OwnFile::take(&path)? {
        Some(file) => (file, FolderLock::shared(&path)),
        None => {
            let alone = FolderLock::alone(&path);
            match OwnFile::take(&path)? {
                Some(file) => (file, FolderLock::shared(&path)),
                None => (create(&path)?, alone.share()),
            }
        }
    };
    match load(&path, file, now) {
        Ok((disk, key, keys)) => {
            let ledger = Ledger {
                path,
                key,
                disk: Mutex::new(disk),
                replaced: Default::default(),
                keys: AtomicI64::new(keys),
                commit_errors: AtomicU64::new(0),
                size_bytes: AtomicU64::new(0),
                _folder: folder,
            };
            ledger.size_bytes.store(ledger.size_on_disk(), Ordering::Relaxed);
            Ok(ledger)
        }
        Err(Refusal::Other(error)) => Err(error),
        Err(Refusal::Damaged(why, _file)) => Err(set_aside(&path, why, now)),
    }
}

enum Refusal {
    /// The file stays locked until it has been set aside.
    Damaged(String, OwnFile),
    Other(OpenError),
}

/// Makes a new ledger under another name and moves it into place when it is whole: a file of that name is then never a
/// half-made one.
fn create(path: &Path) -> Result<OwnFile, OpenError> {
    let failed = |error| OpenError::File { path: path.to_owned(), error };
    if let Some(set_aside) = damaged_before(path).map_err(failed)? {
        return Err(OpenError::DamagedBefore { path: path.to_owned(), set_aside });
    }
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|error| failed(io::Error::other(error.to_string())))?;
    let new = new_file(path).map_err(failed)?;
    let make = || -> rusqlite::Result<()> {
        let connection = Connection::open_with_flags(new.path(), FLAGS)?;
        connection.execute_batch(schema::CREATE)?;
        connection.execute("INSERT INTO meta (hash_key) VALUES (?1)", [key])?;
        connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", schema::VERSION)?;
        connection.close().map_err(|(_, error)| error)
    };
    make().map_err(|error| OpenError::database(path, &error))?;
    put_in_place(new, path)
}

/// A file with a name of its own in the folder of `path`, for nobody else to read; gone when it is dropped.
pub(super) fn new_file(path: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".wolkvox-exporter.").suffix(".new").tempfile_in(folder_of(path))
}

/// Gives a whole file its name, where nobody else has it, and lets both reach the disk. It is locked before anybody can find
/// it.
pub(super) fn put_in_place(new: NamedTempFile, path: &Path) -> Result<OwnFile, OpenError> {
    let failed = |error| OpenError::File { path: path.to_owned(), error };
    let lock = new.as_file().try_clone().map_err(failed)?;
    let own = OwnFile::lock(path, lock)?;
    own.sync().map_err(failed)?;
    match new.persist_noclobber(path) {
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(OpenError::InUse { path: path.to_owned() })
        }
        Err(error) => Err(failed(error.error)),
        Ok(_) => sync_folder_of(path).map_err(failed).map(|()| own),
    }
}

/// No file is made, and a name is a name: none is taken for an address.
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, FLAGS)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit is on the disk when it returns: what was exposed must not be forgotten.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
    Ok(connection)
}

fn load(path: &Path, mut file: OwnFile, now: Timestamp) -> Result<(Disk, [u8; 16], i64), Refusal> {
    let checked = connect(path).map_err(Check::Database).and_then(|connection| {
        let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
        if number("application_id")? != schema::APPLICATION_ID {
            return Err(Check::Failed("its head does not fit".to_owned()));
        }
        let found = number("user_version")?;
        if found > schema::VERSION {
            return Err(Check::Newer(found));
        }
        let (key, keys) = check(&connection, now)?;
        Ok((connection, key, keys))
    });
    match checked {
        Ok((connection, key, keys)) => {
            file.note_log();
            Ok((Disk { connection, file }, key, keys))
        }
        Err(Check::Failed(why)) => Err(Refusal::Damaged(why, file)),
        Err(Check::Newer(found)) => {
            let path = path.to_owned();
            Err(Refusal::Other(OpenError::Newer { path, found, known: schema::VERSION }))
        }
        Err(Check::Database(error)) => Err(refusal(path, file, error)),
    }
}

enum Check {
    Failed(String),
    Newer(i32),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Check {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Reads all of the ledger once and compares it with its digests. Returns its key and the number of row identities.
fn check(connection: &Connection, now: Timestamp) -> Result<([u8; 16], i64), Check> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(Check::Failed(found.replace('\n', " ")));
    }
    let key: [u8; 16] = connection.query_row("SELECT hash_key FROM meta", [], |row| row.get(0))?;
    let mut statement = connection.prepare("SELECT name FROM operation")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut keys = 0;
    for name in names {
        let stored = store::load(connection, &name, now)?;
        let stored = stored.ok_or_else(|| Check::Failed("an operation has no name".to_owned()))?;
        if digest::of_account(&key, &name, &stored.zone, &stored.account) != stored.account_digest {
            return Err(Check::Failed(format!("the totals of operation {name:?} do not match their digest")));
        }
        let mut statement = connection.prepare("SELECT id, date, verdict, contents FROM seen WHERE operation = ?1")?;
        let (mut digest, mut count) = (0, 0);
        for row in statement.query_map([stored.id], SeenRow::from_sql)? {
            digest ^= digest::of_seen(&key, &row?);
            count += 1;
        }
        if (digest, count) != (stored.seen_digest, stored.seen_count) {
            return Err(Check::Failed(format!("the row identities of operation {name:?} do not match their digest")));
        }
        keys += count;
    }
    Ok((key, keys))
}

/// What a database error means for opening.
fn refusal(path: &Path, file: OwnFile, error: rusqlite::Error) -> Refusal {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Refusal::Other(OpenError::InUse { path: path.to_owned() })
        }
        // These are the machine's doing, and the file may be whole.
        Some(
            ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed,
        ) => Refusal::Other(OpenError::database(path, &error)),
        // Not a database, a damaged page, a missing table, a value of the wrong kind.
        _ => Refusal::Damaged(error.to_string(), file),
    }
}

fn set_aside(path: &Path, why: String, now: Timestamp) -> OpenError {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let set_aside = beside(path, &format!(".damaged-{stamp}"));
    let path = path.to_owned();
    for suffix in ["-wal", ""] {
        match fs::rename(beside(&path, suffix), beside(&set_aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return OpenError::DamagedAndStuck { path, set_aside, why, error };
            }
            _ => {}
        }
    }
    // An index of the log, of no use without it; the next ledger would make another in its place.
    _ = fs::remove_file(beside(&path, "-shm"));
    OpenError::Damaged { path, set_aside, why }
}

/// The damaged ledger that was set aside from `path`. A supervisor starts a process again that has refused to run; that
/// must not begin the counters from zero without anybody having decided so.
fn damaged_before(path: &Path) -> io::Result<Option<PathBuf>> {
    let Some(name) = path.file_name() else { return Ok(None) };
    let prefix = format!("{}.damaged-", name.to_string_lossy());
    for entry in fs::read_dir(folder_of(path))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}
