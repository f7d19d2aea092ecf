use serde::{Deserialize, Serialize};

/// How the API writes what it says, where its documentation and the clients seen in public leave more than one reading.
/// A reader has to bear with every combination.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    pub code: CodeForm,
    pub empty: EmptyForm,
    pub data: DataForm,
    pub date_end: DateEnd,
    pub order: Order,
    pub time: TimeForm,
    /// Numbers in rows as JSON numbers instead of texts.
    pub numbers: bool,
    /// Everything outside ASCII as `\uXXXX` and `/` as `\/`, as PHP's `json_encode` does unless told otherwise.
    pub ascii: bool,
    /// `msg` is this text instead of the number of rows.
    pub msg: Option<String>,
    /// `result` of the answered calls is this text instead of `ANSWER`, which nobody has seen.
    pub answered: Option<String>,
    pub totals_of: TotalsOf,
}

/// `code` in the body: of the vendor's samples a third have a text, the others a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeForm {
    #[default]
    Text,
    Number,
    Missing,
    Blank,
}

/// An answer without rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyForm {
    /// HTTP 404 with "Validate dates entered", as two clients of the live API have it.
    #[default]
    NotFound,
    /// The same body under HTTP 200.
    BodyCode,
    /// HTTP 404 with no body at all.
    NoBody,
    /// HTTP 200 and `"data":null`.
    Null,
    /// HTTP 200 without `data`.
    Missing,
    /// HTTP 200 and `"data":[]`, as other reports document.
    Array,
}

/// `data` with rows in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataForm {
    #[default]
    Array,
    /// Rows under the keys "0", "1", ..., as in sibling reports.
    Object,
}

/// Whether a row dated `date_end` belongs to the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateEnd {
    #[default]
    Included,
    Excluded,
}

/// The API promises no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    #[default]
    Shuffled,
    Oldest,
    Newest,
}

/// The calls that the report of totals has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TotalsOf {
    #[default]
    All,
    /// Neither chats nor mail.
    Voice,
    /// The type `inbound` alone.
    Inbound,
}

/// `abandon_time` or `answer_time` of 37 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeForm {
    /// `37`
    #[default]
    Seconds,
    /// `37.0`
    Decimal,
    /// `00:00:37`
    Clock,
    /// `00:37`; the minutes go beyond 59.
    Minutes,
}
