/// What became of one row of an answer: the `disposition` label of `wolkvox_rows_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disposition {
    Counted,
    /// Seen in an earlier read, or earlier in the same answer, whatever it was then.
    Duplicate,
    /// Not a call that the report is about.
    OtherResult,
    /// Dated before the moment this ledger began to count.
    BeforeStart,
    /// Of a skill outside the configured list.
    NotSelected,
    Rejected(RejectReason),
}

/// Why a row was rejected: the `reason` label of `wolkvox_rows_rejected_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// No readable `date`.
    Date,
    /// Not an object of plain values.
    Shape,
    /// Dated outside the range that was asked for.
    Range,
}

impl Disposition {
    /// One of each label value, in the order in which they are exposed.
    pub const LABELS: [&str; 6] = ["counted", "duplicate", "other_result", "before_start", "not_selected", "rejected"];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Duplicate => "duplicate",
            Self::OtherResult => "other_result",
            Self::BeforeStart => "before_start",
            Self::NotSelected => "not_selected",
            Self::Rejected(_) => "rejected",
        }
    }

    /// Its place in [`Disposition::LABELS`].
    pub const fn index(self) -> usize {
        match self {
            Self::Counted => 0,
            Self::Duplicate => 1,
            Self::OtherResult => 2,
            Self::BeforeStart => 3,
            Self::NotSelected => 4,
            Self::Rejected(_) => 5,
        }
    }
}

impl RejectReason {
    pub const ALL: [Self; 3] = [Self::Date, Self::Shape, Self::Range];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Shape => "shape",
            Self::Range => "range",
        }
    }
}
