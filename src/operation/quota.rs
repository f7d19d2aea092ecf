use std::sync::{Mutex, PoisonError};

use crate::wolkvox::client::TokenUses;

/// The calls that an operation's token may make, as the API told them last. `None` until it has, and when it has not: an
/// old number would be taken for what is left now.
#[derive(Debug, Default)]
pub struct Quota(Mutex<Option<TokenUses>>);

impl Quota {
    pub fn told(&self) -> Option<TokenUses> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn tell(&self, uses: Option<TokenUses>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = uses;
    }
}
