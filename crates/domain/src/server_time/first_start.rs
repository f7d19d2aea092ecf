use core::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::run::SPREAD_TO_BELIEVE;
use super::{CLOCKS_MAY_DIFFER, Moment, ServerTime, time};
use crate::instant;

/// A start that is wrong by less is hardly seen: it is less than a window. Nothing but a start hangs on it.
const START_MAY_DIFFER: SignedDuration = SignedDuration::from_secs(60);

/// Calls until the server's clock is believed, if it is right.
const CALLS_PER_ROUND: u32 = 3;

/// Calls that find out the time at a first start. A server whose answers agree on none after three rounds never will, and
/// the host's clock is all there is.
const MOST_CALLS: u32 = 3 * CALLS_PER_ROUND;

/// Whether an account that has never read anything can begin. Its start is a promise about which calls are counted, and
/// can't be mended later: so this is the one decision for which calls are made only to find out the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstStart {
    /// The answer can be used: the host's clock is right as far as anyone can say.
    Agreed,
    /// The answer is not to be used. Ask again after this.
    Probe { after: Duration },
    /// The host's clock is wrong: the start is this much later than that said, and the account is to begin there.
    Settled { later: SignedDuration },
}

impl ServerTime {
    /// What the answers so far, of `calls` that were made, say about a first start. It is told by the host's clock as that
    /// was when the process began: whoever sets it meanwhile does not move a start.
    pub fn first_start(&self, now: Moment, calls: u32) -> FirstStart {
        // One answer that disagrees with a clock that is believed settles nothing.
        let believed = self.believed.map(|believed| time(believed, now));
        let Some(told) = believed.or_else(|| self.told(now)) else { return FirstStart::Agreed };
        let later = self.later_than_began(told, now);
        if later.abs() <= START_MAY_DIFFER {
            FirstStart::Agreed
        } else if self.is_believed() || told.duration_since(now.host).abs() <= CLOCKS_MAY_DIFFER {
            FirstStart::Settled { later }
        } else if calls < MOST_CALLS {
            FirstStart::Probe { after: SPREAD_TO_BELIEVE / (CALLS_PER_ROUND - 1) }
        } else {
            FirstStart::Agreed
        }
    }

    /// By how much the clock that windows are planned by is ahead of the host's as that was when the process began.
    pub fn later(&self, now: Moment) -> SignedDuration {
        self.later_than_began(self.now(now), now)
    }

    fn later_than_began(&self, told: Timestamp, now: Moment) -> SignedDuration {
        let passed = now.monotonic.saturating_sub(self.began.monotonic);
        told.duration_since(instant::later(self.began.host, passed))
    }
}
