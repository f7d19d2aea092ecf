use std::hash::Hasher as _;
use std::sync::Arc;

use siphasher::sip::SipHasher24;

/// The tables of a ledger but for the row identities. Each row belongs to a scope, an operation or an account, and has a key
/// within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    Operation,
    Skill,
    LabelSet,
    Account,
    Mark,
    Total,
    Series,
    Cell,
    Recent,
    Shortfall,
    Unreadable,
    Day,
    DayNote,
    Quarter,
    Unread,
    Reconciliation,
    Reconciled,
    Agreed,
}

impl Table {
    pub const ALL: [Self; 18] = [
        Self::Operation,
        Self::Skill,
        Self::LabelSet,
        Self::Account,
        Self::Mark,
        Self::Total,
        Self::Series,
        Self::Cell,
        Self::Recent,
        Self::Shortfall,
        Self::Unreadable,
        Self::Day,
        Self::DayNote,
        Self::Quarter,
        Self::Unread,
        Self::Reconciliation,
        Self::Reconciled,
        Self::Agreed,
    ];

    /// Of an operation; all others are of an account.
    pub const OF_OPERATION: [Self; 6] =
        [Self::Operation, Self::Skill, Self::LabelSet, Self::Reconciliation, Self::Reconciled, Self::Agreed];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Skill => "skill",
            Self::LabelSet => "label_set",
            Self::Account => "account",
            Self::Mark => "mark",
            Self::Total => "total",
            Self::Series => "series",
            Self::Cell => "cell",
            Self::Recent => "recent",
            Self::Shortfall => "shortfall",
            Self::Unreadable => "unreadable",
            Self::Day => "day",
            Self::DayNote => "day_note",
            Self::Quarter => "quarter",
            Self::Unread => "unread",
            Self::Reconciliation => "reconciliation",
            Self::Reconciled => "reconciled",
            Self::Agreed => "agreed",
        }
    }

    /// The column that says whose a row is.
    pub fn scope(self) -> &'static str {
        if Self::OF_OPERATION.contains(&self) { "operation" } else { "account" }
    }

    /// The columns, those of the key first, and how many these are.
    pub const fn columns(self) -> (&'static [&'static str], usize) {
        match self {
            Self::Operation => (&["name"], 0),
            Self::Skill => (&["skill_id", "name", "as_of"], 1),
            Self::LabelSet => (&["number", "skill_id", "type_interaction"], 1),
            Self::Account => (&["of_operation", "report", "zone"], 0),
            Self::Mark => (&["name", "value"], 1),
            Self::Total => (&["name", "value"], 1),
            Self::Series => (&["number", "calls", "sum", "held_calls", "held_sum"], 1),
            Self::Cell => (&["series", "held", "upper", "count"], 3),
            Self::Recent => (&["second", "series", "calls"], 2),
            Self::Shortfall => (&["ini", "until", "rows", "polls", "counted"], 2),
            Self::Unreadable => (&["second"], 1),
            Self::Day => (&["date", "series", "calls", "timed", "seconds"], 2),
            Self::DayNote => (&["date", "name", "value"], 2),
            Self::Quarter => (&["second", "calls"], 1),
            Self::Unread => (&["second", "until"], 1),
            Self::Reconciliation => (&["name", "value"], 1),
            Self::Reconciled => {
                (&["report", "skill_id", "name", "not_compared", "all_types", "voice", "inbound_only"], 2)
            }
            Self::Agreed => (&["report", "date", "all_types", "voice", "inbound_only"], 2),
        }
    }

    pub fn row<const N: usize>(self, scope: i64, columns: [Value; N]) -> Row {
        debug_assert_eq!(N, self.columns().0.len());
        Row { table: self, scope, columns: columns.into() }
    }
}

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub table: Table,
    pub scope: i64,
    pub columns: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(Arc<str>),
}

/// What becomes of a row: `before` was stored under its key, `after` is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    pub before: Option<Row>,
    pub after: Option<Row>,
}

impl Row {
    pub fn key(&self) -> &[Value] {
        self.columns.get(..self.table.columns().1).unwrap_or(&self.columns)
    }

    pub fn integer(&self, column: usize) -> i64 {
        match self.columns.get(column) {
            Some(Value::Integer(number)) => *number,
            _ => 0,
        }
    }

    pub fn optional(&self, column: usize) -> Option<i64> {
        matches!(self.columns.get(column), Some(Value::Integer(_))).then(|| self.integer(column))
    }

    pub fn real(&self, column: usize) -> f64 {
        match self.columns.get(column) {
            Some(Value::Real(number)) => *number,
            _ => 0.0,
        }
    }

    pub fn text(&self, column: usize) -> Arc<str> {
        match self.columns.get(column) {
            Some(Value::Text(text)) => text.clone(),
            _ => "".into(),
        }
    }

    /// A keyed digest of all that the row says. Those of all rows are combined by exclusive or, which adding and removing
    /// keeps up to date, whatever rows there are.
    pub fn digest(&self, key: &[u8; 16]) -> i64 {
        let mut hasher = SipHasher24::new_with_key(key);
        let mut part = |tag: u8, bytes: &[u8]| {
            hasher.write_u8(tag);
            hasher.write_u64(bytes.len() as u64);
            hasher.write(bytes);
        };
        part(0, self.table.name().as_bytes());
        part(1, &self.scope.to_le_bytes());
        for value in &self.columns {
            match value {
                Value::Null => part(2, &[]),
                Value::Integer(number) => part(3, &number.to_le_bytes()),
                Value::Real(number) => part(4, &number.to_bits().to_le_bytes()),
                Value::Text(text) => part(5, text.as_bytes()),
            }
        }
        hasher.finish() as i64
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

/// Kept bit by bit: counters beyond half of their range are none.
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Integer(number as i64)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&Arc<str>> for Value {
    fn from(text: &Arc<str>) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
