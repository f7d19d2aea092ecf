use std::path::Path;

use rusqlite::Connection;

use super::error::{CommitError, Replaced};
use super::file::{OwnFile, Standing};
use super::{Ledger, open};

/// The open database. In this order, for closing it needs the locks that go with the file.
#[derive(Debug)]
pub struct Disk {
    pub connection: Connection,
    pub file: OwnFile,
}

impl Ledger {
    /// Looks whether the ledger is still in its place, and puts it back where it is gone. To be called every
    /// [`super::LOOK_EVERY`]; blocks on the disk.
    pub fn look_after(&self) {
        if self.replaced.borrow().is_none()
            && let Err(error) = self.keep(&mut self.disk())
        {
            tracing::error!(%error, "the ledger is not in its place");
        }
    }

    /// Ends when another file has taken the ledger's place.
    pub async fn replaced(&self) -> Replaced {
        let mut replaced = self.replaced.subscribe();
        let found = replaced.wait_for(Option::is_some).await;
        match found.ok().and_then(|found| found.clone()) {
            Some(replaced) => replaced,
            None => std::future::pending().await,
        }
    }

    /// Makes sure that what is stored is in the file that the next start will find.
    pub(super) fn keep(&self, disk: &mut Disk) -> Result<(), CommitError> {
        let gone = |why: String| CommitError::Gone { path: self.path.clone(), why };
        match disk.file.standing().map_err(|error| gone(error.to_string()))? {
            Standing::InPlace => Ok(()),
            Standing::WithoutLog => {
                disk.begin_log()?;
                tracing::warn!(path = %self.path.display(), "the ledger's side files were gone, and are there again");
                Ok(())
            }
            Standing::Gone => {
                disk.put_back(&self.path).map_err(|error| gone(error.to_string()))?;
                tracing::warn!(path = %self.path.display(), "the ledger was gone, and has been written back");
                Ok(())
            }
            Standing::Replaced => {
                let replaced = Replaced { path: self.path.clone() };
                self.replaced.send_replace(Some(replaced.clone()));
                Err(replaced.into())
            }
        }
    }
}

impl Disk {
    /// Moves what is in the log into the database, and begins a new log.
    fn begin_log(&mut self) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "journal_mode", "DELETE")?;
        self.connection.pragma_update(None, "journal_mode", "WAL")?;
        self.connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
        self.file.note_log();
        Ok(())
    }

    /// Writes all that the open database holds into a new file at `path`, and goes on with that one.
    fn put_back(&mut self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let new = open::new_file(path)?;
        copy(&self.connection, new.path())?;
        let mut file = open::put_in_place(new, path)?;
        let connection = open::connect(path)?;
        file.note_log();
        // The old ones are closed in this order, and as they have no name any more SQLite removes nothing with them.
        self.connection = connection;
        self.file = file;
        Ok(())
    }
}

/// Writes a consistent copy into the empty file at `to`.
fn copy(connection: &Connection, to: &Path) -> rusqlite::Result<()> {
    let to = to.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(to.to_owned()))?;
    connection.execute("VACUUM INTO ?1", [to]).map(drop)
}
