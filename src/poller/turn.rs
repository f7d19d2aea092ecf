use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// The queue before each token: "the same token cannot be consumed simultaneously", says the API, so two operations with
/// one token take turns, in the order in which they came.
#[derive(Debug, Default, Clone)]
pub struct Turns(Arc<Mutex<HashMap<u64, Arc<tokio::sync::Mutex<()>>>>>);

/// The right to use a token until this is dropped.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held for its drop")] OwnedMutexGuard<()>);

impl Turns {
    /// Waits for the turn of whoever wants to use the token with this fingerprint.
    pub async fn take(&self, token: u64) -> Turn {
        let queue = {
            let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Tokens are rotated; those that nobody holds or waits for are forgotten.
            queues.retain(|_, queue| Arc::strong_count(queue) > 1);
            queues.entry(token).or_default().clone()
        };
        Turn(queue.lock_owned().await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_token_is_used_once_at_a_time_and_in_order() {
        let turns = Turns::default();
        let first = turns.take(1).await;
        let mut second = Box::pin(turns.take(1));
        let mut third = Box::pin(turns.take(1));
        assert!(futures_are_pending(&mut second, &mut third).await);
        turns.take(2).await;
        drop(first);
        let second = second.await;
        assert!(tokio::time::timeout(std::time::Duration::ZERO, &mut third).await.is_err());
        drop(second);
        third.await;
        turns.take(3).await;
        assert_eq!(turns.0.lock().unwrap().len(), 1, "forgets the tokens that nobody uses");
    }

    async fn futures_are_pending(one: &mut (impl Future + Unpin), two: &mut (impl Future + Unpin)) -> bool {
        let pending = |future| tokio::time::timeout(std::time::Duration::ZERO, future);
        pending(one).await.is_err() && tokio::time::timeout(std::time::Duration::ZERO, two).await.is_err()
    }
}
