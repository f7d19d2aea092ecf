use std::path::Path;
use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
const HEAD: usize = 32;

/// What a process did to its files, as the shim has recorded it.
#[derive(Debug)]
pub struct Operation {
    /// Since 1970.
    pub at: Duration,
    file: usize,
    kind: Kind,
}

impl Operation {
    pub fn is_sync(&self) -> bool {
        self.kind == Kind::Sync
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { to: usize },
    Unlink,
    Sync,
}

/// The folder among the files: its sync makes the names durable.
const FOLDER: usize = 3;

pub fn read(log: &Path) -> Vec<Operation> {
    let bytes = std::fs::read(log).expect("the shim's log");
    let mut rest = &bytes[..];
    let mut operations = Vec::new();
    // The process may have been killed within a record.
    while let Some((head, more)) = rest.split_at_checked(HEAD) {
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        let Some((data, after)) = more.split_at_checked(number(24) as usize) else { break };
        let place = number(16) as usize;
        let kind = match head[8] {
            b'w' => Kind::Write { at: place, bytes: data.to_vec() },
            b't' => Kind::Truncate { to: place },
            b'u' => Kind::Unlink,
            b's' => Kind::Sync,
            other => panic!("no operation: {other}"),
        };
        operations.push(Operation { at: Duration::from_nanos(number(0)), file: head[9].into(), kind });
        rest = after;
    }
    operations
}

/// How much of what was not synced has reached the disk all the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Survives {
    Nothing,
    /// As after a kill.
    All,
    /// Each write, or not.
    Writes,
    /// Each sector of each write, or not.
    Sectors,
}

/// The files on a disk, and what is on its way to them.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    files: [File; 3],
}

#[derive(Debug, Clone, Default)]
struct File {
    /// Whether its name is on the disk, and what is.
    named: bool,
    durable: Vec<u8>,
    /// The name as the process sees it.
    exists: bool,
    pending: Vec<Kind>,
}

impl Disk {
    /// With a database alone.
    pub fn with(database: Vec<u8>) -> Self {
        let mut disk = Self::default();
        disk.files[0] = File { named: true, exists: true, durable: database, pending: Vec::new() };
        disk
    }

    pub fn apply(&mut self, operation: &Operation) {
        if operation.file == FOLDER {
            for file in &mut self.files {
                file.named = file.exists;
                if !file.named {
                    *file = File::default();
                }
            }
            return;
        }
        let file = &mut self.files[operation.file];
        match &operation.kind {
            Kind::Sync => {
                for change in std::mem::take(&mut file.pending) {
                    change.apply(&mut file.durable);
                }
            }
            Kind::Unlink => file.exists = false,
            change => {
                if !file.exists {
                    // A file of the same name that is new: the old one is gone, as soon as the new name is durable.
                    *file = File { exists: true, named: file.named, ..File::default() };
                }
                file.pending.push(change.clone());
            }
        }
    }

    /// What is there when the power is back: the database, and the log.
    pub fn cut(&self, survives: Survives, random: &mut ChaCha8Rng) -> [Option<Vec<u8>>; 3] {
        let reaches = |random: &mut ChaCha8Rng| match survives {
            Survives::Nothing => false,
            Survives::All => true,
            Survives::Writes | Survives::Sectors => random.random(),
        };
        self.files.each_ref().map(|file| {
            let named = if file.named == file.exists || !reaches(random) { file.named } else { file.exists };
            let mut bytes = file.durable.clone();
            for change in &file.pending {
                match change {
                    Kind::Write { at, bytes: written } if survives == Survives::Sectors => {
                        for (number, sector) in written.chunks(SECTOR).enumerate() {
                            if reaches(random) {
                                put(&mut bytes, at + number * SECTOR, sector);
                            }
                        }
                    }
                    change if reaches(random) => change.apply(&mut bytes),
                    _ => {}
                }
            }
            named.then_some(bytes)
        })
    }
}

impl Kind {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes: written } => put(bytes, *at, written),
            Self::Truncate { to } => bytes.resize(*to, 0),
            Self::Unlink | Self::Sync => {}
        }
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, written: &[u8]) {
    let end = at + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(written);
}
