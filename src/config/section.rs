use super::load::TOKEN_VARIABLE;
use super::problem::{Origin, Problems, quoted};
use super::tree::{Node, Value};

/// A mapping whose keys are known.
#[derive(Debug)]
pub struct Section<'a> {
    called: Called,
    pub origin: Origin,
    entries: Vec<(&'a str, &'a Node)>,
}

/// What the keys of a mapping are called in problems.
#[derive(Debug, Clone)]
pub enum Called {
    /// `ledger`.
    Top,
    /// `operations[0].interval`.
    In(String),
    /// `--wolkvox.timezone`: the flags of an operation are read as a mapping too.
    Flags,
}

/// Where a value stands and what it is called there.
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
    pub fn open(node: &'a Node, called: Called, known: &[&'static str], problems: &mut Problems) -> Option<Self> {
        let mut section = Self { called, origin: node.origin, entries: Vec::new() };
        let map = match &node.value {
            Value::Map(map) => map.as_slice(),
            Value::Null => &[],
            _ => {
                let name = if let Called::In(path) = &section.called { path } else { "the file" };
                problems.push(node.origin, format!("{name} is {}; write a mapping of keys and values", node.shown()));
                return None;
            }
        };
        for (key, value) in map {
            let Value::Text(name) = &key.value else {
                problems.push(key.origin, format!("{}{} is no key; {}", section.prefix(), key.shown(), one_of(known)));
                continue;
            };
            if !known.contains(&name.as_str()) {
                let unknown = format!("{}{}", section.prefix(), quoted(name));
                problems.push(key.origin, format!("{unknown} is no known key; {}", did_you_mean(name, known)));
            } else if section.entries.iter().any(|(entry, _)| entry == name) {
                problems.push(key.origin, format!("{} stands here twice; keep one", section.named(name)));
            } else {
                section.entries.push((name, value));
            }
        }
        Some(section)
    }

    /// A key's value; an empty one counts as absent, as YAML users expect.
    pub fn value(&self, key: &str) -> Option<&'a Node> {
        let found = self.entries.iter().find(|(name, _)| *name == key);
        found.map(|(_, node)| *node).filter(|node| node.value != Value::Null)
    }

    /// Says that nobody has named the server.
    pub fn no_server(&self, problems: &mut Problems) {
        problems.push(self.origin, format!("{} is missing: {}", self.named("server"), super::server::FORMS));
    }

    /// Says that nobody has named the token.
    pub fn no_token(&self, problems: &mut Problems) {
        let file = self.named("token_file");
        let message = match self.called {
            Called::Flags => format!("no token: name its file with {file}, or set {}", TOKEN_VARIABLE),
            _ => format!("{file} or {} is missing: name the token's file, or its variable", self.named("token_env")),
        };
        problems.push(self.origin, message);
    }

    /// For what can't follow a dot.
    fn prefix(&self) -> String {
        if let Called::In(path) = &self.called { format!("{path}: ") } else { String::new() }
    }

    /// Where a key's value stands.
    pub fn place(&self, key: &str, node: &Node) -> Place {
        Place { key: self.named(key), origin: node.origin }
    }

    pub fn named(&self, key: &str) -> String {
        match (&self.called, key) {
            (Called::Top, _) => key.to_owned(),
            (Called::In(path), _) => format!("{path}.{key}"),
            (Called::Flags, "name") => "--wolkvox.operation".to_owned(),
            (Called::Flags, _) => format!("--wolkvox.{}", key.replace('_', "-")),
        }
    }
}

impl Place {
    /// Reads the value that stands here, and reports why it can't be taken.
    pub fn read<T, R: Into<Refusal>>(
        &self,
        node: &Node,
        problems: &mut Problems,
        read: impl FnOnce(&Node) -> Result<T, R>,
    ) -> Option<T> {
        let key = &self.key;
        match read(node).map_err(Into::into) {
            Ok(value) => return Some(value),
            // The reason names the element.
            Err(Refusal { element: Some(origin), reason }) => problems.push(origin, format!("{key}: {reason}")),
            Err(Refusal { element: None, reason }) => {
                problems.push(self.origin, format!("{key} is {}: {reason}", node.shown()));
            }
        }
        None
    }
}

fn did_you_mean(name: &str, known: &[&'static str]) -> String {
    // From this similarity on (0 to 1) a guess helps more often than it misleads; clap uses 0.7, by which `server` would be
    // taken for `answered_overlap`.
    const ALIKE: f64 = 0.74;
    let wanted = name.trim().to_lowercase().replace('-', "_");
    // The nearest would be the name of a variable, and the token then stand there.
    if wanted.trim_start_matches("wolkvox_") == "token" && known.contains(&"token_file") {
        return "write the token into a file of its own, and the path of that file in `token_file`".to_owned();
    }
    let nearest = known.iter().map(|key| (strsim::jaro(key, &wanted), key)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((alike, key)) if alike > ALIKE => format!("did you mean `{key}`?"),
        _ => one_of(known),
    }
}

fn one_of(known: &[&'static str]) -> String {
    format!("the keys are {}", known.join(", "))
}
