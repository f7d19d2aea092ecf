use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::error::{CommitError, Replaced};
use super::file::Standing;
use super::open;
use super::sqlite::Sqlite;

impl Sqlite {
    /// Makes sure that what is stored is in the file that the next start will find.
    pub(super) fn keep_in_place(&mut self) -> Result<(), CommitError> {
        let path = self.file.path().to_owned();
        let gone = |why: String| CommitError::Gone { path: path.clone(), why };
        match self.file.standing().map_err(|error| gone(error.to_string()))? {
            Standing::InPlace => {}
            Standing::WithoutLog => {
                self.begin_log().map_err(|error| gone(error.to_string()))?;
                tracing::warn!(path = %path.display(), "the ledger's side files were gone, and are there again");
            }
            Standing::Gone => {
                self.put_back(&path).map_err(|error| gone(error.to_string()))?;
                tracing::warn!(path = %path.display(), "the ledger was gone, and has been written back");
            }
            Standing::Replaced => {
                // To close it would write the log into what is there now, and remove the log that is there.
                let no_checkpoint = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                _ = self.connection.set_db_config(no_checkpoint, true);
                return Err(Replaced { path }.into());
            }
        }
        Ok(())
    }

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
        // The old ones are closed after that, and as they have no name any more SQLite removes nothing with them.
        *self = Self::new(connection, file);
        Ok(())
    }
}

/// Writes a consistent copy into the empty file at `to`.
pub(super) fn copy(connection: &Connection, to: &Path) -> rusqlite::Result<()> {
    let to = to.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(to.to_owned()))?;
    connection.execute("VACUUM INTO ?1", [to]).map(drop)
}
