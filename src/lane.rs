//! Work that blocks a thread, a few at a time: a thousand operations that are due together then take a handful of threads.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

/// Work that asks a disk or a network takes milliseconds. Who has waited for so long waits for work that hangs, and gets a
/// thread beside it: one operation's file or name that can't be had keeps no other from its own.
const PATIENCE: Duration = Duration::from_secs(1);

/// Threads for work of one kind.
#[derive(Debug, Clone)]
pub struct Lane {
    places: Arc<Semaphore>,
    patience: Option<Duration>,
}

impl Lane {
    /// For work that asks a disk or a network, and may hang.
    pub fn of_waits(threads: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(threads)), patience: Some(PATIENCE) }
    }

    /// For work that takes the processor, and ends.
    pub fn of_work(threads: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(threads)), patience: None }
    }

    /// Has `work` done. It goes on when nobody waits for it any more.
    ///
    /// # Errors
    /// Where it panics, or while the runtime shuts down.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
        let place = self.places.clone().acquire_owned();
        let place = match self.patience {
            Some(patience) => timeout(patience, place).await.ok(),
            None => Some(place.await),
        };
        spawn_blocking(move || {
            let _place = place;
            work()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
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
    async fn what_hangs_keeps_only_what_may_not_hang_waiting() {
        for (lane, waits) in [(Lane::of_waits(2), false), (Lane::of_work(2), true)] {
            let (let_go, hold) = mpsc::channel::<()>();
            let hold = Arc::new(std::sync::Mutex::new(hold));
            for _ in 0..2 {
                let hold = hold.clone();
                tokio::spawn({
                    let lane = lane.clone();
                    async move { lane.run(move || _ = hold.lock().map(|hold| hold.recv())).await }
                });
            }
            tokio::task::yield_now().await;
            let done = timeout(PATIENCE * 2, lane.run(|| 7)).await;
            assert_eq!(done.is_err(), waits);
            drop(let_go);
        }
    }

    #[tokio::test]
    async fn a_panic_leaves_its_place() {
        let lane = Lane::of_work(1);
        assert!(lane.run(|| panic!("on purpose")).await.unwrap_err().is_panic());
        assert_eq!(lane.run(|| 7).await.unwrap(), 7);
    }
}
