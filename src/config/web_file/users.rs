use std::collections::BTreeMap;
use std::fmt;

use super::super::problem::{Problems, quoted};
use super::super::tree::{Node, Value};

/// A password as bcrypt keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: String,
    /// The logarithm of the work that a comparison takes.
    pub cost: u32,
}

/// The least that bcrypt knows.
const LEAST_COST: u32 = 4;

/// A comparison takes a quarter of a minute with it, and twice that with each step above: those who wait would all have gone.
const MOST_COST: u32 = 18;

/// From here on a first request takes longer than many a client waits for it.
const SLOW_COST: u32 = 15;

/// Of salt and digest together.
const REST: usize = 53;

impl PasswordHash {
    /// A hash in the form `$2y$10$…`, as `htpasswd -B` writes it.
    fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "is no bcrypt hash; make one with `htpasswd -nBC 10 NAME`, and write what follows the colon";
        let mut parts = text.strip_prefix('$').unwrap_or_default().splitn(3, '$');
        let (Some(version), Some(cost), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(FORM.to_owned());
        };
        let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/';
        if rest.len() != REST
            || !rest.bytes().all(alphabet)
            || cost.len() != 2
            || !cost.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(FORM.to_owned());
        }
        if !matches!(version, "2a" | "2b" | "2y") {
            return Err("is of a kind that is not known ($2a$, $2b$ and $2y$ are)".to_owned());
        }
        match cost.parse() {
            Ok(cost @ LEAST_COST..=MOST_COST) => Ok(Self { text: text.to_owned(), cost }),
            Ok(cost) => Err(format!("has the cost {cost}; it must be from {LEAST_COST} to {MOST_COST}")),
            Err(_) => Err(FORM.to_owned()),
        }
    }

    /// One that takes as long as any of this cost, and that no password is known for.
    pub fn decoy(cost: u32) -> Self {
        let cost = cost.clamp(LEAST_COST, MOST_COST);
        Self { text: format!("$2b${cost:02}${}", ".".repeat(REST)), cost }
    }

    /// Whether it is that of `password`. Takes its time: the calling thread is busy with nothing else.
    pub fn is_of(&self, password: &[u8]) -> bool {
        // The only other errors are of a hash in another form.
        bcrypt::verify(password, &self.text).unwrap_or(false)
    }

    /// As it stands in the file.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash").field("cost", &self.cost).finish_non_exhaustive()
    }
}

/// Users by name. No value is quoted: who doesn't know about hashes writes the password itself.
pub fn read(node: &Node, problems: &mut Problems, remarks: &mut Problems) -> BTreeMap<String, PasswordHash> {
    let mut users = BTreeMap::new();
    let Value::Map(map) = &node.value else {
        problems.push(node.origin, "basic_auth_users must be a mapping of names and bcrypt hashes");
        return users;
    };
    if map.is_empty() {
        problems.push(node.origin, "basic_auth_users is empty: remove it, or write a user");
    }
    for (key, value) in map {
        let name = match &key.value {
            Value::Text(name) => name.clone(),
            Value::Integer(number) => number.to_string(),
            _ => String::new(),
        };
        let called = format!("basic_auth_users: {}", quoted(&name));
        if name.is_empty() {
            let shown = key.shown();
            problems.push(
                key.origin,
                format!("basic_auth_users: {shown} is no name; write one, and in quotes if it is no text"),
            );
            continue;
        }
        if name.contains(':') || name.contains(char::is_control) {
            problems.push(key.origin, format!("{called} is no name; write one without a colon"));
            continue;
        }
        let hash = match &value.value {
            Value::Text(text) => PasswordHash::parse(text),
            _ => PasswordHash::parse(""),
        };
        match hash {
            Err(reason) => {
                problems.push(value.origin, format!("basic_auth_users: the password of {} {reason}", quoted(&name)))
            }
            Ok(_) if users.contains_key(&name) => {
                problems.push(key.origin, format!("{called} stands here twice; keep one"))
            }
            Ok(hash) => {
                if hash.cost >= SLOW_COST {
                    let message = format!(
                        "basic_auth_users: the password of {} has the cost {}: its first request takes seconds, and may fail",
                        quoted(&name),
                        hash.cost
                    );
                    remarks.push(value.origin, message);
                }
                users.insert(name, hash);
            }
        }
    }
    users
}
