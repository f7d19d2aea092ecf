use std::fmt;

use domain::outcome::Outcome;
use serde::{Serialize, Serializer};

/// How many skills or types are listed as text, those with most calls first; `--json` has all.
const LISTED: usize = 20;

/// What a check of one report of one operation has shown: an object of `--json`. Of what the API said it has names of
/// skills and types, as `/metrics` has them, and nothing else that is not redacted.
#[derive(Debug, Serialize)]
pub struct Checked {
    pub operation: String,
    pub report: &'static str,
    /// Whether the report was seen to work as it is configured: true exactly where there is no `advice`.
    pub ok: bool,
    #[serde(serialize_with = "as_label")]
    pub outcome: Outcome,
    /// What was found, in sentences.
    pub message: String,
    /// What to do, in sentences.
    pub advice: Option<String>,
    /// Of the answer.
    pub rows: u64,
    pub skills: Vec<Skill>,
    pub types: Vec<Type>,
}

/// A skill, and its calls of the report. The one with most is first.
#[derive(Debug, Serialize)]
pub struct Skill {
    pub skill_id: String,
    pub skill_name: String,
    pub calls: u64,
}

/// A type of interaction, and its calls of the report. The one with most is first.
#[derive(Debug, Serialize)]
pub struct Type {
    pub type_interaction: String,
    pub calls: u64,
}

fn as_label<S: Serializer>(outcome: &Outcome, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(outcome.as_str())
}

/// As text for a terminal: a line that says which and how, and indented lines of what was found.
impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.ok { "ok" } else { "to be looked at" };
        writeln!(f, "{}, {}: {word} ({})", self.operation, self.report, self.outcome)?;
        writeln!(f, "    {}", self.message)?;
        let skills = self.skills.iter().map(|skill| match &skill.skill_name {
            name if *name == skill.skill_id => format!("{name} ({})", skill.calls),
            name => format!("{} {name} ({})", skill.skill_id, skill.calls),
        });
        list(f, "Skills", skills)?;
        list(f, "Types", self.types.iter().map(|kind| format!("{} ({})", kind.type_interaction, kind.calls)))?;
        match &self.advice {
            Some(advice) => writeln!(f, "    What to do: {advice}"),
            None => Ok(()),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, what: &str, items: impl ExactSizeIterator<Item = String>) -> fmt::Result {
    let more = items.len().saturating_sub(LISTED);
    let listed: Vec<String> = items.take(LISTED).collect();
    match (listed.is_empty(), more) {
        (true, _) => Ok(()),
        (_, 0) => writeln!(f, "    {what}: {}", listed.join(", ")),
        (_, more) => writeln!(f, "    {what}: {}, and {more} more", listed.join(", ")),
    }
}
