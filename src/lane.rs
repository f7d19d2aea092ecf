//! Work that blocks a thread, a few at a time: a thousand operations that are due together then take a handful of threads.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

/// Work that asks a disk or a network takes milliseconds. Where none has ended for so long, it hangs.
const PATIENCE: Duration = Duration::from_secs(1);

/// Threads for work of one kind.
#[derive(Debug, Clone)]
pub struct Lane {
    places: Arc<Semaphore>,
    may_hang: bool,
    /// Grows when a work has ended, and with each place that is added.
    steps: Arc<AtomicU64>,
    /// Places that were added.
    added: Arc<AtomicU64>,
}

impl Lane {
    /// For work that asks a disk or a network, and may hang. Beside what hangs the lane gets another place: one operation's
    /// file or name that can't be had keeps no other from its own.
    pub fn of_waits(threads: usize) -> Self {
        Self { may_hang: true, ..Self::of_work(threads) }
    }

    /// For work that takes the processor, and ends.
    pub fn of_work(threads: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(threads)),
            may_hang: false,
            steps: Arc::default(),
            added: Arc::default(),
        }
    }

    /// Has `work` done. It goes on when nobody waits for it any more.
    ///
    /// # Errors
    /// Where it panics, or while the runtime shuts down.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
        let (place, lane) = (self.place().await, self.clone());
        spawn_blocking(move || {
            let _occupied = Occupied { place, lane, began: Instant::now() };
            work()
        })
        .await
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        let mut place = pin!(self.places.clone().acquire_owned());
        if !self.may_hang {
            return place.await.ok();
        }
        loop {
            let steps = self.steps.load(Ordering::Relaxed);
            match timeout(PATIENCE, &mut place).await {
                Ok(place) => return place.ok(),
                // One of those that wait adds a place for all of them.
                Err(_) if self.step_from(steps) => {
                    self.added.fetch_add(1, Ordering::Relaxed);
                    self.places.add_permits(1);
                }
                Err(_) => {}
            }
        }
    }

    fn step_from(&self, steps: u64) -> bool {
        let next = steps.wrapping_add(1);
        self.steps.compare_exchange(steps, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Takes an added place away.
    fn narrow(&self) -> bool {
        let less = |added: u64| added.checked_sub(1);
        self.added.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// A place on which a work is done.
struct Occupied {
    place: Option<OwnedSemaphorePermit>,
    lane: Lane,
    began: Instant,
}

impl Drop for Occupied {
    /// What has hung takes the place along that was added for it.
    fn drop(&mut self) {
        self.lane.steps.fetch_add(1, Ordering::Relaxed);
        if self.began.elapsed() >= PATIENCE && self.lane.narrow() {
            self.place.take().into_iter().for_each(OwnedSemaphorePermit::forget);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::{Mutex, mpsc};

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
            assert_eq!(lane.places.available_permits(), 2);
        }
    }

    #[tokio::test]
    async fn a_panic_leaves_its_place() {
        let lane = Lane::of_work(1);
        assert!(lane.run(|| panic!("on purpose")).await.unwrap_err().is_panic());
        assert_eq!(lane.run(|| 7).await.unwrap(), 7);
    }
}
