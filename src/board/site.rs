use std::sync::Arc;

use super::Board;
use super::status::Status;
use crate::clock::{Clock as _, SystemClock};
use crate::web;
use exposition::prepared::{Exposed, expose};

/// The board as the HTTP server shows it.
#[derive(Debug)]
pub struct Site(Arc<Board>);

impl Site {
    pub fn new(board: Arc<Board>) -> Self {
        Self(board)
    }
}

impl web::Site for Site {
    async fn metrics(&self, accept: Option<&str>, accept_encoding: Option<&str>) -> Exposed {
        let now = SystemClock.now();
        let board = self.0.clone();
        let (calls, others) = if board.is_outdated(now) {
            let again = board.clone();
            let made = tokio::task::spawn_blocking(move || again.exposition(now)).await;
            made.unwrap_or_else(|_| board.exposition(now))
        } else {
            board.exposition(now)
        };
        expose(&calls, &others, accept, accept_encoding).await
    }

    fn status(&self) -> Status {
        self.0.status(SystemClock.now())
    }

    fn ready(&self) -> bool {
        self.0.ready()
    }
}
