//! A history: what callers, the API, its clock, the operator and the host do. Nothing else has a part in a run, so the
//! same history gives the same trace.

/// Everything that happens in one history. Times are in seconds; instants are relative to the history's begin.
#[derive(Debug, Clone)]
pub struct History {
    /// The zone that the report is in, and the UTC second at which the history begins: often just before a transition.
    pub zone: &'static str,
    pub begin: i64,
    pub start_history: u64,
    /// The report of abandoned calls, which each operation has.
    pub calls: Vec<Call>,
    pub report: Report,
    /// What befalls the answers about it, one after another; then all is well.
    pub answers: Vec<Answer>,
    /// The report of answered calls, where it is read as well.
    pub answered: Option<Answered>,
    pub renames: Vec<Rename>,
    /// From when on the heads of the answers say what of the time; before the first, and in the last life, the truth.
    pub dates: Vec<(i64, Says)>,
    /// When the token is replaced: by one that the API takes, or by one that it refuses.
    pub tokens: Vec<(i64, bool)>,
    /// The lives of the process, one after another. A last one follows, in which all is well.
    pub lives: Vec<Life>,
    /// Whether the last life is one more, or what is left of the one before it.
    pub calm_begins_with_a_start: bool,
    /// Whether a kill is a power cut: the ledger is then as it was when its content was last shown.
    pub power_cuts: bool,
}

/// Which of an operation's reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Abandoned,
    Answered,
}

/// The report of answered calls, as those of abandoned ones are told of in the history itself.
#[derive(Debug, Clone)]
pub struct Answered {
    pub calls: Vec<Call>,
    pub report: Report,
    pub answers: Vec<Answer>,
}

/// How this server's report behaves all the time.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Whether it includes `date_end`.
    pub end_included: bool,
    /// How many seconds beyond the range it brings rows of, on either side.
    pub spill: u16,
    /// Whether it names the skill of an old row as it is named now, or as it was at the time.
    pub old_rows_are_renamed: bool,
    /// Instants of rows that it announces from then on, and never delivers.
    pub phantoms: Vec<i64>,
    /// In which words it says that there is nothing, and how it writes its numbers.
    pub dialect: u8,
    /// Whether it sometimes says it with a 404 and nothing else.
    pub bare_404: bool,
}

/// A call as the report has it.
#[derive(Debug, Clone, Default)]
pub struct Call {
    pub at: i64,
    /// How long after the hang-up the report shows it.
    pub lateness: i64,
    pub skill: u8,
    pub chat: bool,
    /// A `conn_id` of this number may occur more than once; `None` is an empty one.
    pub conn_id: Option<u8>,
    /// Seconds after its end from which on its result is one that the report is about; before that it is that of the other
    /// report. `None`: from the first.
    pub counts_from: Option<i64>,
    pub waited: Option<u16>,
    /// The report has this row twice.
    pub twice: bool,
    /// It has it once more, with another number of the caller, and there the result may be that of the other report.
    pub twin: Option<bool>,
    /// The row can't be read until so many seconds after the hang-up, and why.
    pub spoilt: Option<(i64, Spoilt)>,
    /// There is a tab within one of its texts.
    pub tab: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoilt {
    /// The date is written in another way.
    Date,
    /// A quotation mark within a text: no JSON.
    Quote,
    /// Not an object.
    Shape,
}

/// From `at` on, `skill` has the name of this number.
#[derive(Debug, Clone)]
pub struct Rename {
    pub at: i64,
    pub skill: u8,
    pub name: u8,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub latency: u64,
    pub what: What,
    /// What this one answer's head says of the time, where it differs from the others.
    pub says: Option<Says>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Well,
    /// The process is killed when the answer has come and before it is counted.
    KilledBeforeCommit,
    /// The process is killed as soon as the answer is counted.
    KilledAfterCommit,
    /// A failure of this kind.
    Failure {
        kind: u8,
        retry_after: Option<u64>,
    },
    /// This many rows are announced and not delivered.
    Short {
        missing: u8,
    },
    /// What has nothing to do with the report, whatever its status.
    NoEvidence(u8),
    /// The body ends before its last byte.
    Cut,
    /// A cache's answer, made so many seconds ago.
    Cached {
        age: u64,
    },
}

/// What a head says of the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    Right,
    /// Wrong by so many seconds.
    Off(i64),
    /// The second at which it began to say so.
    Stopped,
    Nothing,
}

/// One life of the process.
#[derive(Debug, Clone)]
pub struct Life {
    pub seconds: u64,
    /// How long it is down afterwards.
    pub down: u64,
    /// Whether it is killed, or told to stop.
    pub killed: bool,
    /// By how much the host's clock is wrong in this life.
    pub clock_error: i64,
    /// The host's clock is set meanwhile: when, and by how much.
    pub clock_step: Option<(u64, i64)>,
    pub settings: Settings,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub interval: u64,
    pub settle: u64,
    pub overlap: u64,
    pub answered_overlap: u64,
    pub max_catch_up: u64,
    pub hold: u64,
    pub max_series: usize,
    pub buckets: Vec<u32>,
    pub answered_buckets: Vec<u32>,
    /// Skills that are selected: all, or those below this number.
    pub skills_below: Option<u8>,
    /// The zone that is configured, where it is not the report's.
    pub wrong_zone: Option<&'static str>,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Abandoned, Self::Answered];

    /// The label `report`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Abandoned => "abandoned",
            Self::Answered => "answered",
        }
    }

    /// Among the operation's reports: they are asked for in this order.
    pub fn place(self) -> usize {
        self as usize
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Abandoned => Self::Answered,
            Self::Answered => Self::Abandoned,
        }
    }
}

impl History {
    /// The reports that are read.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| *kind == Kind::Abandoned || self.answered.is_some())
    }

    /// A history without anything remarkable, for those that are written by hand.
    pub fn plain(calls: Vec<Call>, lives: Vec<Life>) -> Self {
        Self {
            zone: "America/Bogota",
            begin: 1_800_000_000,
            start_history: 0,
            calls,
            report: Report { end_included: true, ..Report::default() },
            answers: Vec::new(),
            answered: None,
            renames: Vec::new(),
            dates: Vec::new(),
            tokens: Vec::new(),
            lives,
            calm_begins_with_a_start: true,
            power_cuts: false,
        }
    }
}

impl Life {
    pub fn plain(settings: &Settings, seconds: u64) -> Self {
        Self { seconds, down: 0, killed: true, clock_error: 0, clock_step: None, settings: settings.clone() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: 300,
            settle: 60,
            overlap: 3_600,
            answered_overlap: 10_800,
            max_catch_up: 86_400,
            hold: 90,
            max_series: 2_000,
            buckets: vec![10, 60, 300],
            answered_buckets: vec![20],
            skills_below: None,
            wrong_zone: None,
        }
    }
}

impl Answer {
    pub fn well(latency: u64) -> Self {
        Self { latency, what: What::Well, says: None }
    }
}
