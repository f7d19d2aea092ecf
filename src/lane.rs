//! Work that blocks a thread, a few at a time: a thousand operations that are due together then take a handful of threads.

use std::collections::VecDeque;
use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Work that asks a disk or a network takes milliseconds. Where none has ended for so long, it hangs.
const PATIENCE: Duration = Duration::from_secs(1);

/// Threads for work of one kind. Each does one work after the other, and leaves when there is none: a runtime that is given
/// them one by one begins a thread for each that comes before another has quite ended.
#[derive(Debug, Clone)]
pub struct Lane {
    queue: Arc<Mutex<Queue>>,
    may_hang: bool,
}

struct Queue {
    waiting: VecDeque<Work>,
    /// At work.
    threads: usize,
    /// As many may be.
    places: usize,
    /// Of these, those that were added beside what hangs.
    added: usize,
    /// Grows when a work has ended, and with each place that is added.
    steps: u64,
}

type Work = Box<dyn FnOnce() + Send>;

/// The work panicked, or the runtime shuts down.
#[derive(Debug, PartialEq, Eq)]
pub struct Stopped;

impl Lane {
    /// For work that asks a disk or a network, and may hang. Beside what hangs the lane gets another place: one operation's
    /// file or name that can't be had keeps no other from its own.
    pub fn of_waits(threads: usize) -> Self {
        Self { may_hang: true, ..Self::of_work(threads) }
    }

    /// For work that takes the processor, and ends.
    pub fn of_work(threads: usize) -> Self {
        let queue = Queue { waiting: VecDeque::new(), threads: 0, places: threads, added: 0, steps: 0 };
        Self { queue: Arc::new(Mutex::new(queue)), may_hang: false }
    }

    /// Has `work` done. Once it has begun it goes on when nobody waits for it any more.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopped> {
        let (tell, told) = oneshot::channel();
        let has_begun = Arc::new(AtomicBool::new(false));
        let begins = has_begun.clone();
        self.queue().waiting.push_back(Box::new(move || {
            begins.store(true, Ordering::Relaxed);
            if !tell.is_closed() {
                _ = tell.send(work());
            }
        }));
        self.begin_thread();
        let mut told = pin!(told);
        while self.may_hang && !has_begun.load(Ordering::Relaxed) {
            let steps = self.queue().steps;
            match timeout(PATIENCE, &mut told).await {
                Ok(done) => return done.map_err(|_| Stopped),
                Err(_) if !has_begun.load(Ordering::Relaxed) => self.widen(steps),
                Err(_) => {}
            }
        }
        told.await.map_err(|_| Stopped)
    }

    /// Adds a place, unless there was a step since: one of those that wait adds it for all of them.
    fn widen(&self, steps: u64) {
        let mut queue = self.queue();
        if queue.steps == steps {
            queue.steps += 1;
            queue.places += 1;
            queue.added += 1;
            drop(queue);
            self.begin_thread();
        }
    }

    /// Begins another thread if there may be one, and work is waiting.
    fn begin_thread(&self) {
        let mut queue = self.queue();
        if queue.threads < queue.places && !queue.waiting.is_empty() {
            queue.threads += 1;
            drop(queue);
            let lane = self.clone();
            spawn_blocking(move || lane.work());
        }
    }

    /// Does what is waiting, until there is nothing.
    fn work(&self) {
        while let Some(work) = self.next() {
            let began = Instant::now();
            // Whoever waits is told, for the sender is dropped; the panic has said in the log what it was.
            _ = catch_unwind(AssertUnwindSafe(work));
            let mut queue = self.queue();
            queue.steps += 1;
            // What has hung takes the place along that was added for it.
            if began.elapsed() >= PATIENCE && queue.added > 0 {
                queue.added -= 1;
                queue.places -= 1;
                queue.leave();
                return;
            }
        }
    }

    fn next(&self) -> Option<Work> {
        let mut queue = self.queue();
        let work = queue.waiting.pop_front();
        if work.is_none() {
            queue.leave();
        }
        work
    }

    /// Held for a moment only, and nothing in it can be left half done.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// A thread leaves. With the last one nothing hangs, and no place that was added has any more use.
    fn leave(&mut self) {
        self.threads -= 1;
        if self.threads == 0 {
            self.places -= std::mem::take(&mut self.added);
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiting, threads, places, .. } = self;
        write!(f, "{} waiting, {threads} threads of {places}", waiting.len())
    }
}

impl Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the work for it stopped with a panic; this is a defect, and the log tells where")
    }
}

impl std::error::Error for Stopped {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;

    use super::*;

    /// The most that were at work at the same time.
    async fn at_once(lane: Lane, works: usize) -> usize {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = |_| {
            let (now, most) = (now.clone(), most.clone());
            lane.run(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
            })
        };
        let done = futures_util::future::join_all((0..works).map(work)).await;
        assert!(done.iter().all(Result::is_ok));
        most.load(Ordering::SeqCst)
    }

    // Time stands still while a thread is at work, so that nobody's patience ends on a busy machine.
    #[tokio::test(start_paused = true)]
    async fn no_more_threads_work_than_a_lane_has() {
        for threads in [1, 3] {
            for lane in [Lane::of_work(threads), Lane::of_waits(threads)] {
                assert!(at_once(lane, 200).await <= threads);
            }
        }
    }

    #[tokio::test]
    async fn what_hangs_keeps_only_what_may_not_hang_waiting_and_leaves_no_place_behind() {
        for (lane, waits) in [(Lane::of_waits(2), false), (Lane::of_work(2), true)] {
            let (let_go, hold) = mpsc::channel::<()>();
            let hold = Arc::new(Mutex::new(hold));
            let hang = |_| {
                let (hold, lane) = (hold.clone(), lane.clone());
                tokio::spawn(async move { lane.run(move || _ = hold.lock().map(|hold| hold.recv())).await })
            };
            let hanging: Vec<_> = (0..2).map(hang).collect();
            tokio::task::yield_now().await;
            let others = futures_util::future::join_all((0..50).map(|_| lane.run(|| ())));
            assert_eq!(timeout(PATIENCE * 8, others).await.is_err(), waits);
            drop(let_go);
            for task in hanging {
                task.await.unwrap().unwrap();
            }
            // Whoever waited is told before the thread has left.
            let left = async {
                while lane.queue().threads > 0 {
                    tokio::task::yield_now().await;
                }
            };
            timeout(PATIENCE * 8, left).await.unwrap();
            let queue = lane.queue();
            assert_eq!((queue.waiting.len(), queue.threads, queue.places, queue.added), (0, 0, 2, 0));
        }
    }

    /// Many short works, one after the other from many tasks: a runtime that is given each of them begins tens of threads.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn short_works_are_done_by_as_many_threads_as_there_are_places() {
        let lane = Lane::of_work(2);
        let seen = Arc::new(Mutex::new(std::collections::HashSet::new()));
        let works = (0..2_000).map(|_| {
            let (lane, seen) = (lane.clone(), seen.clone());
            tokio::spawn(
                async move { lane.run(move || _ = seen.lock().unwrap().insert(std::thread::current().id())).await },
            )
        });
        for work in works.collect::<Vec<_>>() {
            work.await.unwrap().unwrap();
        }
        let threads = seen.lock().unwrap().len();
        assert!((1..=8).contains(&threads), "{threads} threads");
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_begun() {
        let lane = Lane::of_work(1);
        let (let_go, hold) = mpsc::channel::<()>();
        let first = lane.clone();
        let first = tokio::spawn(async move { first.run(move || _ = hold.recv()).await });
        tokio::task::yield_now().await;
        assert!(timeout(Duration::from_millis(1), lane.run(|| panic!("not to be begun"))).await.is_err());
        drop(let_go);
        first.await.unwrap().unwrap();
        assert_eq!(lane.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_leaves_its_place() {
        let lane = Lane::of_work(1);
        assert_eq!(lane.run(|| panic!("on purpose")).await, Err::<(), _>(Stopped));
        assert_eq!(lane.run(|| 7).await.unwrap(), 7);
    }
}
