use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::shutdown::Shutdown;

/// Files of some kilobytes. Less than a request for a reload waits.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// Readings that hang, each on a thread. Another one may be of a file that has been mended.
const MOST_HANGING: usize = 4;

/// Work that reads files, each on a thread, and has not ended in its time.
#[derive(Default)]
pub struct Hanging(Vec<AbortHandle>);

impl Hanging {
    /// Has `work` done that reads files: one that hangs keeps neither the next reload waiting nor the end of the process.
    pub async fn in_time<T: Send + 'static>(
        &mut self,
        shutdown: &Shutdown,
        what: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        self.0.retain(|work| !work.is_finished());
        if self.0.len() >= MOST_HANGING {
            return Err(format!(
                "{what} hangs since earlier, {MOST_HANGING} times: mend the disk or network that its files are on"
            ));
        }
        let mut working = tokio::task::spawn_blocking(work);
        tokio::select! {
            () = shutdown.requested() => Err("the exporter is stopping".to_owned()),
            done = timeout(READ_WITHIN, &mut working) => match done {
                Ok(done) => done.map_err(|_| format!("{what} panicked; this is a defect")),
                Err(_) => {
                    self.0.push(working.abort_handle());
                    Err(format!(
                        "{what} takes longer than {READ_WITHIN:?}: the disk or the network that one of its files is on hangs, \
                         or one is a pipe"
                    ))
                }
            },
        }
    }
}
