use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::header::HeaderValue;
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use tokio::sync::Semaphore;

use crate::config::web_file::PasswordHash;

/// Passwords that are compared at a time. A comparison is work for a processor and nothing else; a scrape needs some too.
const AT_ONCE: usize = 2;

/// Those that are compared or wait for it. At the usual cost the last of them waits half a second.
const MOST_WAITING: usize = 16;

/// Of one host: who guesses leaves others their turn.
const MOST_WAITING_OF_ONE: usize = 4;

/// What came of looking at a request's user and password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Granted,
    Refused,
    /// Too many others wait to be looked at.
    Busy,
}

/// The users, and who of them has shown a good password.
#[derive(Debug)]
pub struct Credentials {
    users: BTreeMap<String, Arc<User>>,
    /// What is compared for a name that nobody has: its cost is the median of all, so that time tells little about names.
    decoy: Arc<User>,
    desk: Arc<Desk>,
}

#[derive(Debug)]
struct User {
    hash: PasswordHash,
    /// A keyed hash of the password that was found good. It is never waited for.
    good: Mutex<Option<u128>>,
}

/// Where passwords are compared, a few at a time.
#[derive(Debug)]
struct Desk {
    places: Arc<Semaphore>,
    waiting: Mutex<HashMap<IpAddr, usize>>,
    /// Of the hashes of good passwords: there is nothing to be learnt from one without it.
    key: [u8; 16],
}

impl Credentials {
    /// `None` without users. What is known of those who were there `before` and have the same password stays known.
    pub fn new(users: BTreeMap<String, PasswordHash>, before: Option<&Self>) -> Option<Self> {
        let mut costs: Vec<u32> = users.values().map(|hash| hash.cost).collect();
        costs.sort_unstable();
        let median = *costs.get(costs.len() / 2)?;
        let known = |name: &String, hash: &PasswordHash| {
            let user = before?.users.get(name)?;
            (user.hash == *hash).then(|| user.clone())
        };
        let users = users.into_iter().map(|(name, hash)| {
            let user = known(&name, &hash).unwrap_or_else(|| User::new(hash));
            (name, user)
        });
        let desk = before.map_or_else(Desk::new, |before| before.desk.clone());
        Some(Self { users: users.collect(), decoy: User::new(PasswordHash::decoy(median)), desk })
    }

    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Looks at what a request from `peer` says in `Authorization`.
    pub async fn check(&self, authorization: Option<&HeaderValue>, peer: IpAddr) -> Verdict {
        let Some((name, password)) = authorization.and_then(name_and_password) else { return Verdict::Refused };
        let user = std::str::from_utf8(&name).ok().and_then(|name| self.users.get(name));
        let digest = self.desk.digest(&password);
        if user.is_some_and(|user| user.remembers(digest)) {
            return Verdict::Granted;
        }
        let Some(waiting) = self.desk.clone().wait(peer) else { return Verdict::Busy };
        let Ok(place) = self.desk.places.clone().acquire_owned().await else { return Verdict::Busy };
        // Another request may have shown the same meanwhile.
        if user.is_some_and(|user| user.remembers(digest)) {
            return Verdict::Granted;
        }
        let (compared, is_known) = (user.unwrap_or(&self.decoy).clone(), user.is_some());
        // It goes on when the request is given up: the next one then finds the password known.
        let comparing = tokio::task::spawn_blocking(move || {
            let _held = (waiting, place);
            let granted = compared.hash.is_of(&password) && is_known;
            if granted {
                *lock(&compared.good) = Some(digest);
            }
            granted
        });
        if comparing.await.unwrap_or(false) { Verdict::Granted } else { Verdict::Refused }
    }
}

impl User {
    fn new(hash: PasswordHash) -> Arc<Self> {
        Arc::new(Self { hash, good: Mutex::default() })
    }

    fn remembers(&self, digest: u128) -> bool {
        *lock(&self.good) == Some(digest)
    }
}

impl Desk {
    fn new() -> Arc<Self> {
        let mut key = [0; 16];
        // Without random numbers there is no TLS either; a key that is known would only ease the work of who reads this
        // process's memory, where all passwords are anyway.
        let _ = getrandom::fill(&mut key);
        Arc::new(Self { places: Arc::new(Semaphore::new(AT_ONCE)), waiting: Mutex::default(), key })
    }

    fn digest(&self, password: &[u8]) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(password);
        hasher.finish128().as_u128()
    }

    /// `None` where too many wait, or too many of this host.
    fn wait(self: Arc<Self>, peer: IpAddr) -> Option<Waiting> {
        let mut waiting = lock(&self.waiting);
        let all: usize = waiting.values().sum();
        let of_this = waiting.get(&peer).copied().unwrap_or(0);
        if all >= MOST_WAITING || of_this >= MOST_WAITING_OF_ONE {
            return None;
        }
        waiting.insert(peer, of_this + 1);
        drop(waiting);
        Some(Waiting { desk: self, peer })
    }
}

/// Waits, or is compared, until it is dropped.
struct Waiting {
    desk: Arc<Desk>,
    peer: IpAddr,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiting = lock(&self.desk.waiting);
        match waiting.get_mut(&self.peer) {
            Some(of_this) if *of_this > 1 => *of_this -= 1,
            _ => {
                waiting.remove(&self.peer);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a header says, as RFC 7617 has it: `Basic` and, in base64, a name without a colon, a colon, and the password.
fn name_and_password(header: &HeaderValue) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let (name, password) = decoded.split_at(colon);
    Some((name.to_vec(), password.get(1..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::web_file;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// Users, each with a password and its cost.
    fn users(list: &[(&str, &str, u32)]) -> BTreeMap<String, PasswordHash> {
        let line = |(name, password, cost): &(&str, &str, u32)| {
            format!("  {name}: {}\n", bcrypt::hash(password, *cost).unwrap())
        };
        let text: String = list.iter().map(line).collect();
        web_file::read("web.yml".as_ref(), &format!("basic_auth_users:\n{text}")).unwrap().0.users
    }

    fn header(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).unwrap()
    }

    fn basic(pair: &str) -> HeaderValue {
        header(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
    }

    #[tokio::test]
    async fn only_a_known_pair_is_granted() {
        let credentials = Credentials::new(users(&[("ana", "s:1", 4), ("beto", "s2", 4)]), None).unwrap();
        let check = async |value: &HeaderValue| credentials.check(Some(value), PEER).await;
        for _ in 0..2 {
            // The second time from memory.
            for good in ["ana:s:1", "beto:s2"] {
                assert_eq!(check(&basic(good)).await, Verdict::Granted, "{good}");
            }
            for bad in ["ana:s2", "beto:s:1", "ana:", "ana", ":s2", "", "Ana:s:1", "eva:s2", "ana:s:1 "] {
                assert_eq!(check(&basic(bad)).await, Verdict::Refused, "{bad}");
            }
        }
        let encoded = BASE64_STANDARD.encode("beto:s2");
        assert_eq!(check(&header(&format!("bAsIc {encoded}"))).await, Verdict::Granted);
        for bad in
            [format!("Bearer {encoded}"), encoded.clone(), "Basic".into(), "Basic !".into(), format!("Basic{encoded}")]
        {
            assert_eq!(check(&header(&bad)).await, Verdict::Refused, "{bad}");
        }
        assert_eq!(credentials.check(None, PEER).await, Verdict::Refused);
    }

    #[test]
    fn a_name_that_nobody_has_costs_the_median() {
        for (costs, median) in [(&[4][..], 4), (&[4, 6, 9], 6), (&[9, 4, 5, 6], 6), (&[4, 4, 9], 4)] {
            let list: Vec<_> = costs.iter().zip(["a", "b", "c", "d"]).map(|(&cost, name)| (name, "x", cost)).collect();
            let credentials = Credentials::new(users(&list), None).unwrap();
            assert_eq!(credentials.decoy.hash.cost, median, "{costs:?}");
            assert!(!credentials.decoy.hash.is_of(b""));
        }
        assert!(Credentials::new(BTreeMap::new(), None).is_none());
    }

    #[tokio::test]
    async fn a_known_password_never_waits_and_guesses_are_few() {
        let credentials = Credentials::new(users(&[("ana", "s1", 4)]), None).unwrap();
        let ana = basic("ana:s1");
        assert_eq!(credentials.check(Some(&ana), PEER).await, Verdict::Granted);
        let _taken = credentials.desk.places.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        let peer = |n: u8| IpAddr::from([10, 0, 0, n]);
        let waiting: Vec<_> = (0..=u8::MAX).map_while(|n| credentials.desk.clone().wait(peer(n / 4))).collect();
        assert_eq!(waiting.len(), MOST_WAITING);
        assert_eq!(credentials.check(Some(&basic("ana:s2")), PEER).await, Verdict::Busy);
        assert_eq!(credentials.check(Some(&ana), PEER).await, Verdict::Granted);
        drop(waiting);
        let of_one: Vec<_> = (0..9).map_while(|_| credentials.desk.clone().wait(PEER)).collect();
        assert_eq!(of_one.len(), MOST_WAITING_OF_ONE);
        assert!(credentials.desk.clone().wait(peer(1)).is_some(), "another host has its turn");
        drop(of_one);
        assert!(lock(&credentials.desk.waiting).is_empty());
    }

    #[tokio::test]
    async fn a_changed_password_is_not_known_any_more() {
        let before = users(&[("ana", "s1", 4), ("beto", "s2", 4), ("eva", "s3", 4)]);
        let old = Credentials::new(before.clone(), None).unwrap();
        for pair in ["ana:s1", "beto:s2", "eva:s3"] {
            assert_eq!(old.check(Some(&basic(pair)), PEER).await, Verdict::Granted);
        }
        let mut after = before;
        after.insert("beto".to_owned(), users(&[("x", "new", 4)])["x"].clone());
        after.remove("eva");
        let new = Credentials::new(after, Some(&old)).unwrap();
        let _taken = new.desk.places.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        assert_eq!(new.check(Some(&basic("ana:s1")), PEER).await, Verdict::Granted, "still known");
        drop(_taken);
        for pair in ["beto:s2", "eva:s3"] {
            assert_eq!(new.check(Some(&basic(pair)), PEER).await, Verdict::Refused, "{pair}");
        }
        assert_eq!(new.check(Some(&basic("beto:new")), PEER).await, Verdict::Granted);
    }
}
