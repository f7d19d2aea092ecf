use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::{AbortHandle, Id};
use tokio::time::Instant;

use super::limits::Limits;

/// A client that has not taken a byte of its answer for this long is slow, and makes room where nobody else can. A scrape
/// is read in milliseconds.
const SLOW: Duration = Duration::from_secs(1);

/// The connections that are open. However many clients there are, a new one gets a place: one that waits for its client
/// is closed for it.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    open: HashMap<Id, Open>,
}

#[derive(Debug)]
struct Open {
    peer: IpAddr,
    pace: Arc<Pace>,
    task: AbortHandle,
}

impl Places {
    pub fn new(most: usize) -> Self {
        Self { most, open: HashMap::new() }
    }

    pub fn are_taken(&self) -> bool {
        self.open.len() >= self.most
    }

    pub fn take(&mut self, task: AbortHandle, peer: IpAddr, pace: Arc<Pace>) {
        self.open.insert(task.id(), Open { peer: counted_as(peer), pace, task });
    }

    /// A connection has ended.
    pub fn leave(&mut self, id: Id) {
        self.open.remove(&id);
    }

    /// Closes a connection that keeps its place waiting, and says whose it was. `None` where all are being answered, and
    /// take their answers.
    ///
    /// It is one of the peer that has most places. Of that peer's, one that waits for a request, the longest waiting first;
    /// where nobody waits, one whose client doesn't read.
    pub fn make_room(&mut self) -> Option<IpAddr> {
        let now = Instant::now();
        let mut places: HashMap<IpAddr, usize> = HashMap::new();
        for open in self.open.values() {
            *places.entry(open.peer).or_default() += 1;
        }
        let candidates = self.open.iter().filter_map(|(id, open)| {
            let (is_idle, since) = open.pace.in_the_way(now)?;
            let waits = now.saturating_duration_since(since);
            Some(((is_idle, places.get(&open.peer), waits), *id))
        });
        let (_, id) = candidates.max_by_key(|(rank, _)| *rank)?;
        let Open { peer, task, .. } = self.open.remove(&id)?;
        task.abort();
        Some(peer)
    }
}

/// A host with IPv6 has all the addresses of its network.
pub(super) fn counted_as(peer: IpAddr) -> IpAddr {
    const NETWORK: u128 = !0 << 64;
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        v4 => v4,
    }
}

/// What one connection waits for, as its parts tell.
#[derive(Debug)]
pub(super) struct Pace(Mutex<Step>);

#[derive(Debug, Clone, Copy)]
struct Step {
    /// Requests whose head was complete.
    turn: usize,
    /// Since when the next request is waited for; `None` while one is answered.
    waiting: Option<Instant>,
    /// The next request has begun to come. That of a new connection is waited for as if it had.
    begun: bool,
    /// When the last one was complete; of a new connection, when it began.
    asked: Instant,
    /// All of the answer has been handed over to be sent.
    said: bool,
    /// Since when the client has taken nothing of its answer.
    blocked: Option<Instant>,
}

impl Pace {
    /// Of a new connection, whose first request is waited for.
    pub fn new() -> Arc<Self> {
        let now = Instant::now();
        let step = Step { turn: 0, waiting: Some(now), begun: true, asked: now, said: false, blocked: None };
        Arc::new(Self(Mutex::new(step)))
    }

    /// How many requests had a complete head.
    pub fn turn(&self) -> usize {
        self.step().turn
    }

    /// The first byte of a request has come; in HTTP/2, of anything. Later ones are nothing new: they prolong no wait.
    pub fn begun(&self) {
        let mut step = self.step();
        if step.waiting.is_some() && !step.begun {
            (step.waiting, step.begun) = (Some(Instant::now()), true);
        }
    }

    /// A request's head is complete. Returns what says, when it is dropped, that all of its answer has been made.
    pub fn asked(self: &Arc<Self>) -> Answering {
        let mut step = self.step();
        let asked = Instant::now();
        let turn = step.turn.wrapping_add(1);
        *step = Step { turn, waiting: None, begun: false, asked, said: false, blocked: None };
        Answering(self.clone())
    }

    /// The client takes a part of its answer, or (`false`) lets it wait.
    pub fn written(&self, taken: bool) {
        let mut step = self.step();
        step.blocked = if taken { None } else { step.blocked.or_else(|| Some(Instant::now())) };
    }

    /// Nothing is left to be sent.
    pub fn flushed(&self) {
        let mut step = self.step();
        if step.said && step.waiting.is_none() {
            step.waiting = Some(Instant::now());
        }
    }

    /// When the client will have taken too long, as it stands now.
    pub fn is_over_at(&self, limits: &Limits) -> Instant {
        let step = self.step();
        match step.waiting {
            Some(since) if step.turn == 0 => since + limits.head_time,
            Some(since) => since + limits.idle_time,
            None => step.asked + limits.handle_time + limits.answer_time,
        }
    }

    /// Whether it waits for a request (`true`) or for its client to read (`false`), and since when.
    fn in_the_way(&self, now: Instant) -> Option<(bool, Instant)> {
        let step = self.step();
        let slow = step.blocked.filter(|&since| now.saturating_duration_since(since) >= SLOW);
        step.waiting.map(|since| (true, since)).or(slow.map(|since| (false, since)))
    }

    fn step(&self) -> MutexGuard<'_, Step> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that is being made.
#[derive(Debug)]
pub(super) struct Answering(Arc<Pace>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.step().said = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    struct Test {
        places: Places,
        paces: Vec<Arc<Pace>>,
    }

    impl Test {
        /// A place for each of `peers`, taken a second after the other.
        async fn with(peers: &[&str]) -> Self {
            let mut test = Self { places: Places::new(100), paces: Vec::new() };
            for name in peers {
                let pace = Pace::new();
                let task = tokio::spawn(std::future::pending::<()>()).abort_handle();
                test.places.take(task, peer(name), pace.clone());
                test.paces.push(pace);
                later(1).await;
            }
            test
        }

        fn places_of(&self, name: &str) -> usize {
            self.places.open.values().filter(|open| open.peer == peer(name)).count()
        }
    }

    async fn later(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_waiting_of_the_peer_with_most_makes_room() {
        let mut test = Test::with(&["10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3"]).await;
        let left = |test: &Test| ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|name| test.places_of(name));
        assert_eq!(test.places.make_room(), Some(peer("10.0.0.2")));
        assert_eq!(left(&test), [1, 1, 1]);
        // All have as many now: the oldest goes first, and the peers of the others keep theirs.
        assert_eq!(test.places.make_room(), Some(peer("10.0.0.1")));
        assert_eq!(test.places.make_room(), Some(peer("10.0.0.2")));
        assert_eq!(left(&test), [0, 0, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_answered_keeps_the_place_until_the_answer_is_read() {
        let mut test = Test::with(&["10.0.0.1"]).await;
        let pace = test.paces[0].clone();
        let answering = pace.asked();
        later(1_000).await;
        assert_eq!(test.places.make_room(), None, "being answered");
        drop(answering);
        pace.written(true);
        assert_eq!(test.places.make_room(), None, "not all is sent");
        pace.written(false);
        pace.written(false);
        later(1).await;
        pace.written(true);
        assert_eq!(test.places.make_room(), None, "slow, and goes on");
        pace.flushed();
        assert_eq!(test.places.make_room(), Some(peer("10.0.0.1")), "idle");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_makes_room_where_nobody_waits() {
        let mut test = Test::with(&["10.0.0.1", "10.0.0.1", "10.0.0.2"]).await;
        let answering = [0, 1].map(|i| test.paces[i].asked());
        test.paces[0].written(false);
        later(2).await;
        assert_eq!(test.places.make_room(), Some(peer("10.0.0.2")), "waits");
        assert_eq!(test.places.make_room(), Some(peer("10.0.0.1")), "does not read");
        assert_eq!(test.places.make_room(), None, "is answered");
        drop(answering);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_has_begun_counts_from_its_first_byte() {
        let mut test = Test::with(&["10.0.0.1", "10.0.0.2"]).await;
        for pace in &test.paces {
            drop(pace.asked());
            pace.flushed();
            later(1).await;
        }
        let pace = test.paces[0].clone();
        pace.begun();
        assert_eq!(test.places.make_room(), Some(peer("10.0.0.2")));
        let over = pace.is_over_at(&Limits::default());
        later(1).await;
        pace.begun();
        assert_eq!(pace.is_over_at(&Limits::default()), over, "what comes later prolongs nothing");
        drop(pace.asked());
        pace.begun();
        assert_eq!(test.places.make_room(), None, "a byte while it is answered is none of the next request");
    }

    #[test]
    fn a_peer_is_a_host_and_not_an_address() {
        for (one, other, same) in [
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            assert_eq!(counted_as(peer(one)) == counted_as(peer(other)), same, "{one}, {other}");
        }
    }
}
