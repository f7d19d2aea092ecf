use alloc::vec::Vec;
use core::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// What a row is recognised by: a keyed hash of (`conn_id`, `skill_id`, `date`), or of the whole row where `conn_id` is
/// empty. The clear values go no further than the hasher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId(pub [u8; 16]);

/// A keyed hash of all that a row says but `skill_name`: a change means that the row is to be looked at anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowContent(pub u64);

/// Contents that are remembered of one identity. One is the rule, two are a result that changed; beyond these a row tells
/// nothing new, unless it is a call to count.
const MOST_CONTENTS: usize = 8;

/// The contents that the rows of one identity have had, in any order: a few.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents(Vec<RowContent>);

impl Contents {
    pub fn contains(&self, content: RowContent) -> bool {
        self.0.binary_search(&content).is_ok()
    }

    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST_CONTENTS
    }

    pub fn iter(&self) -> impl Iterator<Item = RowContent> {
        self.0.iter().copied()
    }
}

impl Extend<RowContent> for Contents {
    /// Of more than there is room for, those with the least numbers: the same ones in any order.
    fn extend<I: IntoIterator<Item = RowContent>>(&mut self, contents: I) {
        let mut new: Vec<_> = contents.into_iter().filter(|content| !self.contains(*content)).collect();
        new.sort_unstable();
        new.dedup();
        self.0.extend(new.into_iter().take(MOST_CONTENTS.saturating_sub(self.0.len())));
        self.0.sort_unstable();
    }
}

impl FromIterator<RowContent> for Contents {
    fn from_iter<I: IntoIterator<Item = RowContent>>(contents: I) -> Self {
        let mut all = Self::default();
        all.extend(contents);
        all
    }
}

/// Hashes rows with the ledger's own key, so that neither a ledger nor a log can be matched against a list of calls.
#[derive(Clone)]
pub struct RowHasher {
    key: [u8; 16],
}

impl RowHasher {
    pub fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// Hashes a list of texts. Each is preceded by its length, so that no two lists run together into the same bytes.
    pub fn hash<'a>(&self, domain: &'a str, parts: impl IntoIterator<Item = &'a str>) -> RowId {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        for part in core::iter::once(domain).chain(parts) {
            hasher.write_u64(part.len() as u64);
            hasher.write(part.as_bytes());
        }
        RowId(hasher.finish128().as_bytes())
    }
}
