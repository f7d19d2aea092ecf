use core::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// What a row is recognised by: a keyed hash of (`conn_id`, `skill_id`, `date`), or of the whole row where `conn_id` is
/// empty. The clear values go no further than the hasher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId(pub [u8; 16]);

/// A keyed hash of all that a row says but `skill_name`: a change means that the row is to be looked at anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowContent(pub u64);

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
