use std::io;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// As many as answer a scrape and a probe at the same time.
const WORKERS: usize = 2;

/// For families, encoding, and passwords.
const BLOCKING: usize = 8;

/// Threads on which the server answers: where a thousand polls begin at once, no scrape stands in their queue. They end when
/// this is dropped.
pub struct ServerThreads(Option<Runtime>);

impl ServerThreads {
    pub fn start() -> io::Result<Self> {
        let mut threads = Builder::new_multi_thread();
        let threads = threads.worker_threads(WORKERS).max_blocking_threads(BLOCKING).thread_name("server");
        Ok(Self(Some(threads.enable_all().build()?)))
    }

    /// Has `task` done by them, as one of `tasks`.
    pub fn spawn<T: Send + 'static>(&self, tasks: &mut JoinSet<T>, task: impl Future<Output = T> + Send + 'static) {
        if let Some(threads) = &self.0 {
            tasks.spawn_on(task, threads.handle());
        }
    }
}

impl Drop for ServerThreads {
    fn drop(&mut self) {
        // It waits for nothing, and so may be done on another runtime's thread.
        if let Some(threads) = self.0.take() {
            threads.shutdown_background();
        }
    }
}
