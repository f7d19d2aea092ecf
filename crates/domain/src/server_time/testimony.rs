use core::time::Duration;

use jiff::Timestamp;

use super::CLOCKS_MAY_DIFFER;
use crate::instant::{earlier, shifted};
use crate::window::Windows;

/// What an answer says about how late it is; it can know of nothing later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Testimony {
    /// Nothing that a clock can have said, or that its own rows do not contradict.
    None,
    Server(Timestamp),
    /// A cache has kept the answer. It was `made` then by the server's clock, or so it says; when it was asked for it was
    /// `age` old at the most, by the host's clock.
    Cache {
        made: Timestamp,
        age: Duration,
    },
    /// So too, but when it was `made` only the planning clock says: nothing that a server's clock can have said is with it.
    Kept {
        made: Timestamp,
        age: Duration,
    },
}

impl Testimony {
    /// Whether, as far as the answer tells the time, all before `to` is older than `max_catch_up`: no single clock decides
    /// that calls are given up.
    pub fn agrees_to_give_up(self, to: Timestamp, windows: &Windows, max_catch_up: Duration) -> bool {
        self.completes(windows).is_none_or(|due_end| to <= windows.start_of(earlier(due_end, max_catch_up)))
    }

    /// Whether a cache had kept the answer from before all until `to` was over.
    pub fn is_early(self, to: Timestamp, windows: &Windows) -> bool {
        self.is_kept() && self.completes(windows).is_some_and(|due_end| due_end < to)
    }

    /// The end of the last window that was due when the answer was made, as far as it says when. What clocks may differ by is
    /// taken off the time to settle; a window that had not ended is never among them.
    pub(super) fn completes(self, windows: &Windows) -> Option<Timestamp> {
        self.made().map(|made| windows.last_due_end(shifted(made, CLOCKS_MAY_DIFFER)).min(windows.start_of(made)))
    }

    /// Whether a cache has kept the answer.
    pub(super) fn is_kept(self) -> bool {
        matches!(self, Self::Cache { .. } | Self::Kept { .. })
    }

    /// When the answer was made, as far as it says so: by the planning clock, where that is hardly ahead of what it says.
    pub fn made(self) -> Option<Timestamp> {
        match self {
            Self::None => None,
            Self::Server(made) | Self::Cache { made, .. } | Self::Kept { made, .. } => Some(made),
        }
    }

    /// How old the answer was at the most when it was asked for.
    pub(super) fn age(self) -> Duration {
        match self {
            Self::None | Self::Server(_) => Duration::ZERO,
            Self::Cache { age, .. } | Self::Kept { age, .. } => age,
        }
    }
}
