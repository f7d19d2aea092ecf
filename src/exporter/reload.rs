//! The wish to have the configuration read again: by a signal, or by a request that waits for the answer.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::config::{Config, Problems};
use crate::web::Reloaded;

/// Each that waits reads the file when its turn comes, so more would find nothing new.
const MOST_WAITING: usize = 4;

/// Reads the configuration as it is now. Blocks on the disk.
pub type Read = Arc<dyn Fn() -> Result<Config, Problems> + Send + Sync>;

/// Those that ask for a reload, one after the other.
#[derive(Debug, Clone)]
pub struct Reloads(mpsc::Sender<Asked>);

/// Whom to tell, where somebody waits.
pub(super) type Asked = Option<oneshot::Sender<Reloaded>>;

/// What a running exporter can read again, and at whose wish.
pub struct Reloading {
    pub(super) read: Option<Read>,
    pub(super) reloads: Reloads,
    pub(super) asked: mpsc::Receiver<Asked>,
}

impl Reloading {
    /// `read` is `None` where there is no file: all is said by flags then, which can't change.
    pub fn new(read: Option<Read>) -> Self {
        let (sender, asked) = mpsc::channel(MOST_WAITING);
        Self { read, reloads: Reloads(sender), asked }
    }

    pub fn reloads(&self) -> Reloads {
        self.reloads.clone()
    }
}

impl Reloads {
    /// Asks, and waits for nothing. Where the queue is full, one that waits in it has yet to read the file.
    pub fn ask(&self) {
        _ = self.0.try_send(None);
    }

    /// Asks, and waits until it has been done. Who stops waiting stops nothing.
    pub async fn done(&self) -> Reloaded {
        let (tell, told) = oneshot::channel();
        match self.0.try_send(Some(tell)) {
            Ok(()) => told.await.unwrap_or_else(|_| Reloaded::Refused(vec!["the exporter is stopping".to_owned()])),
            Err(_) => Reloaded::Busy,
        }
    }
}

impl std::fmt::Debug for Reloading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloading").field("has_file", &self.read.is_some()).finish_non_exhaustive()
    }
}
