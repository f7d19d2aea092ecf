use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Files with what is in them.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The folder of a ledger, on a machine whose power can be cut: what was not on the disk when it was last shown is gone.
///
/// What a scrape shows must have been synced before, so each scrape keeps a copy of the files, and a crash brings it back.
/// It knows nothing of what a disk really does with writes that are on their way.
#[derive(Clone)]
pub struct Disk {
    folder: PathBuf,
    /// The files by name; `None` where there are no power cuts.
    synced: Option<Arc<Mutex<Files>>>,
}

impl Disk {
    pub fn new(folder: &Path, power_cuts: bool) -> Self {
        Self { folder: folder.to_owned(), synced: power_cuts.then(Arc::default) }
    }

    pub fn ledger(&self) -> PathBuf {
        self.folder.join("ledger.db")
    }

    pub fn keep(&self) {
        let Some(synced) = &self.synced else { return };
        let mut synced = synced.lock().unwrap();
        let paths = self.paths();
        synced.retain(|path, _| paths.contains(path));
        for path in paths {
            let mut file = File::open(&path).unwrap();
            // Into the memory of the copy before: fresh memory takes as long as the copying.
            let bytes = synced.entry(path).or_default();
            bytes.clear();
            file.read_to_end(bytes).unwrap();
        }
    }

    /// Brings back what was kept. Nobody may have the ledger open.
    pub fn crash(&self) {
        let Some(synced) = &self.synced else { return };
        for path in self.paths() {
            fs::remove_file(path).unwrap();
        }
        for (path, bytes) in &*synced.lock().unwrap() {
            fs::write(path, bytes).unwrap();
        }
    }

    fn paths(&self) -> Vec<PathBuf> {
        fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}
