use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex};
use std::thread;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::NamedTempFile;
use tokio::sync::Notify;

use super::account::Scope;
use super::error::OpenError;
use super::file::{FolderLock, OwnFile, beside, folder_of, resolve, sync_folder_of};
use super::row::Table;
use super::sqlite::Sqlite;
use super::store::{Store, StoreError};
use super::writer::{Shared, Writer};
use super::{Known, Ledger, schema};

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
    file.begin_if_copy(now).map_err(|error| OpenError::File { path: path.clone(), error })?;
    let loaded = match load(&path, file) {
        Err(Refusal::Damaged(why, file)) => load_again(&path, why, file),
        loaded => loaded,
    };
    match loaded {
        Ok((store, key, checked)) => {
            let shared = Arc::new(Shared {
                key,
                keys: AtomicI64::new(checked.keys),
                commit_errors: AtomicU64::new(0),
                turns: AtomicU64::new(0),
                stored: Notify::new(),
                size_bytes: AtomicU64::new(store.size()),
                next_id: AtomicI64::new(checked.next_id),
                is_gone: Default::default(),
                replaced: Default::default(),
            });
            let writer = Writer::start(store, shared.clone()).map_err(|error| OpenError::File { path, error })?;
            let known = Mutex::new(checked.known);
            Ok(Ledger { writer, shared, known, in_paused_time: false, _folder: folder })
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
    match persist(new, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(OpenError::InUse { path: path.to_owned() }),
        persisted => persisted.map_err(failed).map(|()| own),
    }
}

/// Gives a whole file its name, where nothing has it, and lets both reach the disk.
pub(super) fn persist(new: NamedTempFile, path: &Path) -> io::Result<()> {
    new.as_file().sync_all()?;
    new.persist_noclobber(path)?;
    sync_folder_of(path)
}

/// No file is made, and a name is a name: none is taken for an address.
pub(super) const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, FLAGS)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit is on the disk when it returns: what was exposed must not be forgotten.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
    Ok(connection)
}

type Loaded = (Sqlite, [u8; 16], Checked);

fn load(path: &Path, mut file: OwnFile) -> Result<Loaded, Refusal> {
    let connection = connect(path).and_then(|connection| {
        let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
        let numbers = (number("application_id")?, number("user_version")?);
        Ok((connection, numbers))
    });
    let (connection, (application_id, found)) = match connection {
        Ok(connected) => connected,
        Err(error) => return Err(refusal(path, file, error)),
    };
    if application_id != schema::APPLICATION_ID {
        return Err(Refusal::Damaged("its head does not fit".to_owned(), file));
    }
    if found > schema::VERSION {
        let path = path.to_owned();
        return Err(Refusal::Other(OpenError::Newer { path, found, known: schema::VERSION }));
    }
    if found < schema::OLDEST {
        return Err(Refusal::Damaged("it is of a time before the first release".to_owned(), file));
    }
    let key = match take_over(&connection, found).and_then(|()| key_in(&connection)) {
        Ok(key) => key,
        Err(error) => return Err(refusal(path, file, error)),
    };
    file.note_log();
    let mut store = Sqlite::new(connection, file);
    // Each reads all of it, so both at the same time: nothing is shown before.
    let (found, checked) = thread::scope(|scope| {
        let looking = thread::Builder::new().spawn_scoped(scope, || defect(&Connection::open_with_flags(path, FLAGS)?));
        let checked = check(&mut store, &key);
        (looking.map(|looking| looking.join().unwrap_or_else(|panic| resume_unwind(panic))), checked)
    });
    match (found, checked) {
        (Ok(Ok(None)), Ok(checked)) => Ok((store, key, checked)),
        (Ok(Ok(Some(why))), _) | (Ok(Ok(None)), Err(why)) => Err(Refusal::Damaged(why, store.into_file())),
        (Ok(Err(error)), _) => Err(refusal(path, store.into_file(), error)),
        (Err(error), _) => Err(Refusal::Other(OpenError::File { path: path.to_owned(), error })),
    }
}

/// Looks at what seems damaged once more. A disk that fails to read looks like that too, to SQLite as well, and what is on
/// it may be whole: a ledger is set aside for what was read of it twice.
fn load_again(path: &Path, why: String, file: OwnFile) -> Result<Loaded, Refusal> {
    if let Err(error) = file.read_whole() {
        return Err(Refusal::Other(OpenError::File { path: path.to_owned(), error }));
    }
    match load(path, file) {
        Err(Refusal::Damaged(again, _)) if again != why => {
            let why = format!("read twice, it is not the same ({why}; {again}): the disk fails, see the system's log");
            Err(Refusal::Other(OpenError::Database { path: path.to_owned(), why }))
        }
        loaded => loaded,
    }
}

/// Gives a ledger of an older version the tables that it lacks.
pub(super) fn take_over(connection: &Connection, version: i32) -> rusqlite::Result<()> {
    if version == schema::VERSION {
        return Ok(());
    }
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {} PRAGMA user_version = {}; COMMIT",
        schema::CREATE,
        schema::VERSION
    ))
}

pub(super) fn key_in(connection: &Connection) -> rusqlite::Result<[u8; 16]> {
    connection.query_row("SELECT hash_key FROM meta", [], |row| row.get(0))
}

/// What SQLite finds wrong.
pub(super) fn defect(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let whole: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((whole != "ok").then(|| whole.replace('\n', " ")))
}

/// What reading a ledger once has shown.
#[derive(Debug, Default)]
pub(super) struct Checked {
    known: Known,
    keys: i64,
    next_id: i64,
}

impl Checked {
    pub fn operations(&self) -> usize {
        self.known.operations.len()
    }

    /// Of all accounts.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.known.accounts.iter().map(|((operation, _), account)| Scope { operation: *operation, account: *account })
    }
}

/// Reads all of the ledger once and compares it with its digests, whatever rows there are. The error says what is wrong.
pub(super) fn check(store: &mut dyn Store, key: &[u8; 16]) -> Result<Checked, String> {
    let mut checked = Checked::default();
    let mut digests = BTreeMap::<i64, i64>::new();
    let mut operation_of = HashMap::new();
    let mut whole = true;
    // Operations and accounts come before what belongs to them.
    let rows = store.rows(&mut |row| {
        let operation = match row.table {
            Table::Operation => {
                checked.known.operations.insert(row.text(0).to_string(), row.scope);
                Some(row.scope)
            }
            Table::Account => {
                checked.known.accounts.insert((row.integer(0), row.text(1).to_string()), row.scope);
                operation_of.insert(row.scope, row.integer(0));
                Some(row.integer(0))
            }
            table if Table::OF_OPERATION.contains(&table) => Some(row.scope),
            _ => operation_of.get(&row.scope).copied(),
        };
        checked.next_id = checked.next_id.max(row.scope.saturating_add(1));
        match operation {
            Some(operation) => *digests.entry(operation).or_default() ^= row.digest(key),
            None => whole = false,
        }
    });
    let said = |error: StoreError| error.to_string();
    rows.map_err(said)?;
    let seen = store.seen(&mut |account, row| match operation_of.get(&account) {
        Some(operation) => {
            *digests.entry(*operation).or_default() ^= row.digest(key, account);
            checked.keys += 1;
        }
        None => whole = false,
    });
    seen.map_err(said)?;
    let stored = store.digests().map_err(said)?;
    let name = |operation| checked.known.operations.iter().find(|(_, id)| **id == operation).map(|(name, _)| name);
    for operation in digests.keys().chain(stored.keys()) {
        if digests.get(operation) != stored.get(operation) {
            let name = name(*operation).map_or("unknown", String::as_str);
            return Err(format!("what is stored of operation {name:?} does not match its digest"));
        }
    }
    if whole { Ok(checked) } else { Err("rows of no operation".to_owned()) }
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
