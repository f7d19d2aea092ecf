use std::fmt;

use domain::token;

/// All that is wrong with a configuration, in the order in which it was found; one line each when displayed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Problems {
    file: Option<String>,
    list: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    origin: Origin,
    message: String,
}

/// Where a value was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In the configuration file; both count from 1.
    File { line: u64, column: u64 },
    /// On the command line, in the environment or in a file of its own, which the message names.
    Elsewhere,
    /// The file as a whole.
    WholeFile,
}

impl Problems {
    /// `file` is the name that the lines begin with.
    pub fn new(file: Option<String>) -> Self {
        Self { file, list: Vec::new() }
    }

    /// A problem that stands nowhere in the file, and names its place itself.
    pub fn elsewhere(message: impl fmt::Display) -> Self {
        [message.to_string()].into_iter().collect()
    }

    /// A problem that is there already is not added: a wrong default is wrong once, however many operations take it.
    pub fn push(&mut self, origin: Origin, message: impl Into<String>) {
        let problem = Problem { origin, message: message.into() };
        if !self.list.contains(&problem) {
            self.list.push(problem);
        }
    }

    /// These, and after them those of another file.
    pub fn and(mut self, others: &Self) -> Self {
        others.lines().into_iter().for_each(|line| self.push(Origin::Elsewhere, line));
        self
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Each as it is displayed.
    pub fn lines(&self) -> Vec<String> {
        let file = self.file.as_deref().unwrap_or("configuration");
        let line = |Problem { origin, message }: &Problem| match origin {
            Origin::File { line, column } => format!("{file}:{line}:{column}: {message}"),
            Origin::WholeFile => format!("{file}: {message}"),
            Origin::Elsewhere => message.clone(),
        };
        self.list.iter().map(line).collect()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Problems of the file in the order of its lines, then the others; `Ok` if there are none.
    pub fn into_result(mut self) -> Result<(), Self> {
        if self.list.is_empty() {
            return Ok(());
        }
        self.list.sort_by_key(|problem| match problem.origin {
            Origin::WholeFile => (0, 0, 0),
            Origin::File { line, column } => (1, line, column),
            Origin::Elsewhere => (2, 0, 0),
        });
        Err(self)
    }
}

impl FromIterator<String> for Problems {
    /// Problems that stand nowhere in the file.
    fn from_iter<T: IntoIterator<Item = String>>(messages: T) -> Self {
        let mut problems = Self::default();
        messages.into_iter().for_each(|message| problems.push(Origin::Elsewhere, message));
        problems
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl std::error::Error for Problems {}

/// A value as a problem quotes it: cut, control characters escaped, and whatever may be a token hidden.
///
/// People paste a token where its file or its variable is asked for; a problem ends up in logs and in bug reports.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    if token::may_be_in(text) {
        return "(hidden: it looks like a token)".to_owned();
    }
    if text.split_once("://").is_some_and(|(_, rest)| rest.contains('@')) {
        return "(hidden: it may hold a password)".to_owned();
    }
    let cut: String = text.chars().take(LONGEST).collect();
    let dots = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("`{}{dots}`", cut.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_the_wrong_place_is_not_quoted() {
        let token = "0123456789abcdef0123456789abcdef01234567";
        assert!(!quoted(token).contains("0123"));
        assert!(!quoted(&format!("https://x:{token}@host")).contains("0123"));
        assert_eq!(quoted("/run/secrets/ventas"), "`/run/secrets/ventas`");
    }

    #[test]
    fn a_long_or_odd_value_is_cut_and_escaped() {
        assert_eq!(quoted("a\u{1b}[31m"), "`a\\u{1b}[31m`");
        assert_eq!(quoted(&"x".repeat(100)), format!("`{}…`", "x".repeat(80)));
    }
}
