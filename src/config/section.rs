use super::problem::{Origin, Problems, quoted};
use super::tree::{Node, Value};

/// A mapping of the file whose keys are known.
#[derive(Debug)]
pub struct Section<'a> {
    /// What its keys are called in problems: empty at the top, else `operations[0]`.
    path: String,
    pub origin: Origin,
    entries: Vec<(&'a str, &'a Node)>,
}

/// A key's value, read: what it was or why there is none, and where it stands.
///
/// `Bad` has been reported; nothing is concluded from it, so that one mistake gives one problem.
#[derive(Debug, Clone, PartialEq)]
pub enum Field<T> {
    Absent,
    Bad,
    Good(T, Place),
}

/// Where a value stands and what it is called there, for problems that show only when values are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// `operations[0].interval`, or a flag.
    pub key: String,
    pub origin: Origin,
}

/// Why a value can't be taken, as an instruction; in a list, which element it is.
#[derive(Debug)]
pub struct Refusal {
    pub element: Option<Origin>,
    pub reason: String,
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self { element: None, reason }
    }
}

impl<'a> Section<'a> {
    /// Reports unknown, repeated and non-text keys.
    pub fn open(node: &'a Node, path: &str, known: &[&'static str], problems: &mut Problems) -> Option<Self> {
        let map = match &node.value {
            Value::Map(map) => map.as_slice(),
            Value::Null => &[],
            _ => {
                let name = if path.is_empty() { "the file" } else { path };
                problems.push(node.origin, format!("{name} is {}; write a mapping of keys and values", node.shown()));
                return None;
            }
        };
        let mut section = Self { path: path.to_owned(), origin: node.origin, entries: Vec::new() };
        for (key, value) in map {
            let Value::Text(name) = &key.value else {
                problems.push(key.origin, format!("{}{} is no key; {}", section.prefix(), key.shown(), one_of(known)));
                continue;
            };
            if !known.contains(&name.as_str()) {
                let unknown = format!("{}{}", section.prefix(), quoted(name));
                problems.push(key.origin, format!("{unknown} is no known key; {}", did_you_mean(name, known)));
            } else if section.node(name).is_some() {
                problems.push(key.origin, format!("{} stands here twice; keep one", section.named(name)));
            } else {
                section.entries.push((name, value));
            }
        }
        Some(section)
    }

    pub fn node(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, node)| *node)
    }

    /// Reads a key; `read` says why not. An empty value counts as absent, as YAML users expect.
    pub fn read<T, R: Into<Refusal>>(
        &self,
        key: &str,
        problems: &mut Problems,
        read: impl FnOnce(&Node) -> Result<T, R>,
    ) -> Field<T> {
        match self.node(key) {
            None | Some(Node { value: Value::Null, .. }) => Field::Absent,
            Some(node) => Field::from_node(node, self.named(key), problems, read),
        }
    }

    /// For what can't follow a dot.
    fn prefix(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) }
    }

    pub fn named(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl<T> Field<T> {
    pub fn from_node<R: Into<Refusal>>(
        node: &Node,
        key: String,
        problems: &mut Problems,
        read: impl FnOnce(&Node) -> Result<T, R>,
    ) -> Self {
        match read(node).map_err(Into::into) {
            Ok(value) => return Self::Good(value, Place { key, origin: node.origin }),
            // The reason names the element.
            Err(Refusal { element: Some(origin), reason }) => problems.push(origin, format!("{key}: {reason}")),
            Err(Refusal { element: None, reason }) => {
                problems.push(node.origin, format!("{key} is {}: {reason}", node.shown()));
            }
        }
        Self::Bad
    }

    /// Reads a flag that may not have been given; an empty one (an empty environment variable) was not.
    pub fn from_flag(
        text: Option<&str>,
        flag: &str,
        problems: &mut Problems,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> Self {
        match text.filter(|text| !text.is_empty()) {
            None => Self::Absent,
            Some(text) => Self::from_node(&Node::from_flag(text), flag.to_owned(), problems, read),
        }
    }

    /// This value, or where it is absent the other one.
    pub fn or(self, other: &Self) -> Self
    where
        T: Clone,
    {
        match self {
            Self::Absent => other.clone(),
            present => present,
        }
    }

    /// The value with its place, the default without one, nothing where it was bad.
    pub fn resolve(self, default: impl FnOnce() -> T) -> Option<(T, Option<Place>)> {
        match self {
            Self::Absent => Some((default(), None)),
            Self::Bad => None,
            Self::Good(value, place) => Some((value, Some(place))),
        }
    }
}

fn did_you_mean(name: &str, known: &[&'static str]) -> String {
    // From this similarity on (0 to 1) a guess helps more often than it misleads; clap uses 0.7 as well.
    const ALIKE: f64 = 0.7;
    let wanted = name.trim().to_lowercase().replace('-', "_");
    let nearest = known.iter().map(|key| (strsim::jaro(key, &wanted), key)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((alike, key)) if alike > ALIKE => format!("did you mean `{key}`?"),
        _ => one_of(known),
    }
}

fn one_of(known: &[&'static str]) -> String {
    format!("the keys are {}", known.join(", "))
}
