use std::ffi::OsString;
use std::fs::{self, File, Metadata, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};

use super::error::{NoLedger, OpenError};
use super::schema;

/// How often a running exporter looks whether its ledger is still in its place, and puts it back.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a new ledger is not begun in a folder where an exporter runs: should it be that one's ledger that is missing,
/// it is back by then.
pub const WAIT_FOR_OTHERS: Duration = Duration::from_secs(3);

/// Files of SQLite's own beside a database.
const SIDE_FILES: [&str; 2] = ["-wal", "-shm"];

/// A file that has proved to be a ledger, open and locked for this process: by its inode, and so by whatever name.
///
/// It must outlive the connection of SQLite to the same file, for to close it drops the locks that SQLite has on it.
#[derive(Debug)]
pub struct OwnFile {
    path: PathBuf,
    file: File,
    place: Inode,
    /// Of the write-ahead log, once there is one.
    log: Option<Inode>,
}

/// A file whose head says that it is a ledger, open and not locked. Nothing has been written.
#[derive(Debug)]
pub struct Proven {
    file: File,
    /// Whether no exporter has run on it yet.
    pub is_copy: bool,
}

/// Whether the open ledger is what stands at its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    InPlace,
    /// The database is; its write-ahead log or that one's index is gone.
    WithoutLog,
    Gone,
    /// Another file is there, or something was written over this one.
    Replaced,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Inode {
    device: u64,
    number: u64,
}

impl Proven {
    /// Proves that what is at `path` is a ledger; `None` where nothing is.
    pub fn at(path: &Path) -> Result<Option<Self>, OpenError> {
        let failed = |error| OpenError::File { path: path.to_owned(), error };
        let found = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(failed)?,
        };
        // Before anything is opened, for to open a device or a pipe may do something.
        regular(&found).map_err(|is| is.at(path))?;
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(|error| failed(error.into()))?);
        let opened = file.metadata().map_err(failed)?;
        regular(&opened).map_err(|is| is.at(path))?;
        let is_copy = prove(&file, opened.len()).map_err(failed)?.map_err(|is| is.at(path))?;
        for side in SIDE_FILES {
            match fs::symlink_metadata(beside(path, side)) {
                Ok(side) if !side.is_file() => return Err(NoLedger::OddSideFile.at(path)),
                _ => {}
            }
        }
        if is_mount_point(path) {
            return Err(NoLedger::MountedAlone.at(path));
        }
        Ok(Some(Self { file, is_copy }))
    }

    /// Whether a process has it locked.
    pub fn is_in_use(&self) -> bool {
        let is_locked = matches!(self.file.try_lock_shared(), Err(TryLockError::WouldBlock));
        _ = self.file.unlock();
        is_locked
    }
}

impl OwnFile {
    /// Proves that what is at `path` is a ledger, and locks it; `None` where nothing is. Nothing is written.
    pub fn take(path: &Path) -> Result<Option<Self>, OpenError> {
        Proven::at(path)?.map(|proven| Self::lock(path, proven.file)).transpose()
    }

    /// Locks a file that was proven or has just been made.
    pub fn lock(path: &Path, file: File) -> Result<Self, OpenError> {
        let failed = |error| OpenError::File { path: path.to_owned(), error };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let place = Inode::of(&file.metadata().map_err(failed)?);
        Ok(Self { path: path.to_owned(), file, place, log: None })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether no exporter has run on it yet, as its head says now.
    pub fn is_copy(&self) -> io::Result<bool> {
        let mut id = [0; 4];
        self.file.read_exact_at(&mut id, schema::APPLICATION_ID_AT)?;
        Ok(id == schema::COPY_ID.to_be_bytes())
    }

    /// Reads all of it and of its log, to learn whether the disk lets that be done.
    pub fn read_whole(&self) -> io::Result<()> {
        for path in [self.path.clone(), beside(&self.path, "-wal")] {
            match File::open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => {
                    let (mut file, mut page) = (opened?, [0; 4_096]);
                    while file.read(&mut page)? > 0 {}
                }
            }
        }
        Ok(())
    }

    /// Whether the head is that of a ledger in use: `cp` writes over a file that is open.
    fn is_still_ours(&self) -> io::Result<bool> {
        Ok(matches!(prove(&self.file, self.file.metadata()?.len())?, Ok(false)))
    }

    /// Writes another `application_id` into the head, and lets it reach the disk. No connection may be open.
    pub fn write_id(&self, id: i32) -> io::Result<()> {
        self.file.write_all_at(&id.to_be_bytes(), schema::APPLICATION_ID_AT)?;
        self.file.sync_all()
    }

    /// Remembers the write-ahead log that a connection has just opened.
    pub fn note_log(&mut self) {
        self.log = fs::symlink_metadata(beside(&self.path, "-wal")).ok().as_ref().map(Inode::of);
    }

    /// # Errors
    /// Where the path can't be looked at.
    pub fn standing(&self) -> io::Result<Standing> {
        let at = |path: &Path| match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found.map(|found| Some(Inode::of(&found))),
        };
        Ok(match at(&self.path)? {
            None => Standing::Gone,
            Some(place) if place != self.place || !self.is_still_ours()? => Standing::Replaced,
            Some(_) => match (at(&beside(&self.path, "-wal"))?, at(&beside(&self.path, "-shm"))?) {
                _ if self.log.is_none() => Standing::InPlace,
                (None, _) | (_, None) => Standing::WithoutLog,
                (log, _) if log != self.log => Standing::Replaced,
                _ => Standing::InPlace,
            },
        })
    }
}

impl Drop for OwnFile {
    /// Not left to the descriptor's end: a program that this process is just starting has it too, until it begins to run.
    fn drop(&mut self) {
        _ = self.file.unlock();
    }
}

impl Inode {
    fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), number: metadata.ino() }
    }
}

/// The lock that exporters have on the folder of their ledgers: shared while they run, and alone while one makes a new
/// ledger.
#[derive(Debug)]
pub struct FolderLock(Option<File>);

impl FolderLock {
    /// Waits until a new ledger may be made at `path`: until nobody else has one in this folder, or has had the time to
    /// put his back; or until there is a file. Where folders can't be locked there is nothing to wait for.
    pub fn alone(path: &Path) -> Self {
        let folder = File::open(folder_of(path)).ok();
        let since = Instant::now();
        while let Some(folder) = &folder
            && matches!(folder.try_lock(), Err(TryLockError::WouldBlock))
            && !path.exists()
            && since.elapsed() < WAIT_FOR_OTHERS
        {
            pause();
        }
        Self(folder)
    }

    /// For the life of the process.
    pub fn shared(path: &Path) -> Self {
        Self(File::open(folder_of(path)).ok().filter(|folder| folder.try_lock_shared().is_ok()))
    }

    pub fn share(self) -> Self {
        Self(self.0.filter(|folder| folder.try_lock_shared().is_ok()))
    }
}

/// Between two looks at what another process does.
#[expect(clippy::disallowed_methods, reason = "there is no event; who calls this has a thread to wait on")]
pub fn pause() {
    std::thread::sleep(Duration::from_millis(100));
}

/// The path itself, whatever links lead to it: where the ledger is, or is to be made.
pub fn resolve(named: &Path) -> Result<PathBuf, OpenError> {
    let failed = |error| OpenError::File { path: named.to_owned(), error };
    match fs::canonicalize(named) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        resolved => return resolved.map_err(failed),
    }
    if fs::symlink_metadata(named).is_ok() {
        return Err(NoLedger::Dangling.at(named));
    }
    let Some(name) = named.file_name() else { return Err(NoLedger::Folder.at(named)) };
    Ok(fs::canonicalize(folder_of(named)).map_err(failed)?.join(name))
}

fn regular(found: &Metadata) -> Result<(), NoLedger> {
    let kind = found.file_type();
    match kind {
        _ if kind.is_file() => Ok(()),
        _ if kind.is_dir() => Err(NoLedger::Folder),
        _ if kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device() => {
            Err(NoLedger::NoFile)
        }
        _ => Err(NoLedger::OtherFile),
    }
}

/// Whether the head of a file says that it is a ledger, and if so whether a copy. What is behind may be damaged.
fn prove(file: &File, length: u64) -> io::Result<Result<bool, NoLedger>> {
    if length == 0 {
        return Ok(Err(NoLedger::Empty));
    }
    let mut head = [0; schema::HEAD];
    match file.read_exact_at(&mut head, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Err(NoLedger::OtherFile)),
        read => read?,
    }
    Ok(match head {
        _ if head.ends_with(&schema::APPLICATION_ID.to_be_bytes()) => Ok(false),
        _ if head.ends_with(&schema::COPY_ID.to_be_bytes()) => Ok(true),
        _ if head.starts_with(schema::SQLITE) => Err(NoLedger::OtherDatabase),
        _ => Err(NoLedger::OtherFile),
    })
}

/// Whether a file is mounted by itself, as `docker run -v FILE:FILE` does: what SQLite writes beside it is then elsewhere.
fn is_mount_point(path: &Path) -> bool {
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mut mounts = mounts.split(|byte| *byte == b'\n').filter_map(|mount| mount.split(|byte| *byte == b' ').nth(4));
    mounts.any(|mount| unescaped(mount).as_os_str() == path.as_os_str())
}

/// A path as the kernel writes it: space, tab, line feed and backslash in octal.
fn unescaped(text: &[u8]) -> OsString {
    let mut path = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                path.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                path.push(first);
                rest = after;
            }
        }
    }
    OsString::from_vec(path)
}

/// Writes to the disk which files a folder has.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file beside `path` whose name has `suffix` added.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn paths_of_the_kernel_are_read() {
        assert_eq!(unescaped(br"/a\040b\134\011/c"), "/a b\\\t/c");
        assert_eq!(unescaped(br"/a\04"), r"/a\04");
        assert_eq!(unescaped(b"/\xff\\999").as_bytes(), b"/\xff\\999");
    }

    #[test]
    fn a_mount_point_is_known() {
        assert!(is_mount_point(Path::new("/proc")) && !is_mount_point(Path::new("/proc/self/mountinfo")));
    }
}
