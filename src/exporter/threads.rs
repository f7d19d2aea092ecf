use std::io;

use rustix::process::{getpriority_process, setpriority_process};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// As many as answer a scrape and a probe at the same time.
const WORKERS: usize = 2;

/// For families, encoding, and passwords.
const BLOCKING: usize = 8;

/// How much nicer than the server's threads those are that read and count: each of them has a third of a processor that both
/// want.
const NICER: i32 = 5;

/// What has a thread give way to the server's, and those that it begins. For threads that read and count: a window has minutes
/// for that, and whoever scrapes does not wait so long.
pub fn giving_way() -> impl Fn() + Send + Sync + 'static {
    // None is this thread. A thread begins as nice as the one that begins it, which may have given way itself.
    let nice = getpriority_process(None).map(|nice| nice.saturating_add(NICER));
    // Who may not is as quick as the others.
    move || _ = nice.and_then(|nice| setpriority_process(None, nice))
}

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
