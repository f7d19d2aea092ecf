use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::OpenError;
use super::seen::SeenRow;
use super::{Ledger, digest, schema, store};

/// Opens the ledger at `path`, or makes a new one where there is no file. A damaged one is set aside.
pub fn open(path: &Path, now: Timestamp) -> Result<Ledger, OpenError> {
    let folder_error = |source| OpenError::Folder { path: path.to_owned(), source };
    let lock = lock(path)?;
    if !path.try_exists().map_err(folder_error)? {
        if let Some(set_aside) = damaged_before(path).map_err(folder_error)? {
            return Err(OpenError::DamagedBefore { path: path.to_owned(), set_aside });
        }
        create(path)?;
    }
    match load(path, now) {
        Ok((connection, key, keys)) => {
            let ledger = Ledger {
                path: path.to_owned(),
                key,
                connection: Mutex::new(connection),
                keys: AtomicI64::new(keys),
                commit_errors: AtomicU64::new(0),
                size_bytes: AtomicU64::new(0),
                _lock: lock,
            };
            ledger.size_bytes.store(ledger.size_on_disk(), Ordering::Relaxed);
            Ok(ledger)
        }
        Err(Refusal::Other(error)) => Err(error),
        Err(Refusal::Damaged(why)) => Err(set_aside(path, why, now)),
    }
}

enum Refusal {
    Damaged(String),
    Other(OpenError),
}

/// A lock of our own beside the ledger, for SQLite's says neither at once nor in plain words that there are two of us.
fn lock(path: &Path) -> Result<File, OpenError> {
    let folder_error = |source| OpenError::Folder { path: path.to_owned(), source };
    let file = File::options().create(true).truncate(false).write(true).open(beside(path, ".lock"));
    let file = file.map_err(folder_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(folder_error(source)),
    }
}

/// Makes a new ledger under another name and moves it into place when it is whole: a file of that name is then never a
/// half-made one, and an empty one is known to be damaged.
fn create(path: &Path) -> Result<(), OpenError> {
    let new = beside(path, ".new");
    let folder_error = |source| OpenError::Folder { path: path.to_owned(), source };
    for leftover in [new.clone(), beside(&new, "-journal")] {
        match fs::remove_file(leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(folder_error(error)),
            _ => {}
        }
    }
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|error| folder_error(io::Error::other(error.to_string())))?;
    let make = || -> rusqlite::Result<()> {
        let connection = Connection::open(&new)?;
        connection.execute_batch(schema::CREATE)?;
        connection.execute("INSERT INTO meta (hash_key) VALUES (?1)", [key])?;
        connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", schema::VERSION)?;
        connection.close().map_err(|(_, error)| error)
    };
    make().map_err(|source| OpenError::Database { path: path.to_owned(), source })?;
    fs::rename(&new, path).map_err(folder_error)?;
    File::open(folder_of(path)).and_then(|folder| folder.sync_all()).map_err(folder_error)
}

fn load(path: &Path, now: Timestamp) -> Result<(Connection, [u8; 16], i64), Refusal> {
    // SQLite takes an empty file for a new database.
    let length = fs::metadata(path).map_err(|source| Refusal::Other(folder(path, source)))?.len();
    if length == 0 {
        return Err(Refusal::Damaged("the file is empty".to_owned()));
    }
    let connect = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        // With an exclusive lock the write-ahead log needs no shared memory, and no stranger can write.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // A commit is on the disk when it returns: what was exposed must not be forgotten.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
        Ok(connection)
    };
    let connection = connect().map_err(|error| refusal(path, error))?;
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let (application, version) = number("application_id")
        .and_then(|application| Ok((application, number("user_version")?)))
        .map_err(|error| refusal(path, error))?;
    if application != schema::APPLICATION_ID {
        return Err(Refusal::Damaged("it is not a ledger of this program".to_owned()));
    }
    if version > schema::VERSION {
        let path = path.to_owned();
        return Err(Refusal::Other(OpenError::Newer { path, found: version, known: schema::VERSION }));
    }
    let (key, keys) = check(&connection, now).map_err(|error| match error {
        Check::Failed(why) => Refusal::Damaged(why),
        Check::Database(error) => refusal(path, error),
    })?;
    Ok((connection, key, keys))
}

enum Check {
    Failed(String),
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
fn refusal(path: &Path, error: rusqlite::Error) -> Refusal {
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
        ) => Refusal::Other(OpenError::Database { path: path.to_owned(), source: error }),
        // Not a database, a damaged page, a missing table, a value of the wrong kind.
        _ => Refusal::Damaged(error.to_string()),
    }
}

fn set_aside(path: &Path, why: String, now: Timestamp) -> OpenError {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let set_aside = beside(path, &format!(".damaged-{stamp}"));
    let path = path.to_owned();
    for (from, to) in [(beside(&path, "-wal"), beside(&set_aside, "-wal")), (path.clone(), set_aside.clone())] {
        match fs::rename(&from, &to) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return OpenError::DamagedAndStuck { path, set_aside, why, source };
            }
            _ => {}
        }
    }
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

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn folder(path: &Path, source: io::Error) -> OpenError {
    OpenError::Folder { path: path.to_owned(), source }
}

/// The file beside `path` whose name has `suffix` added.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}
