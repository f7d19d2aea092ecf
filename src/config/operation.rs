//! The keys of an operation, each described once: its field, its default, and how it is read and shown.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::print::{Shown, text};
use super::section::Refusal;
use super::tree::Node;
use super::{Reports, Server, Skills, Start, TokenSource, server, values};
use domain::range::LONGEST_RANGE;
use values::within;

/// A key that can stand in an operation.
pub struct Key {
    pub name: &'static str,
    /// Reads the key's value into its field; why it can't be taken otherwise.
    pub read: fn(&Node, &mut OperationConfig) -> Result<(), Refusal>,
    /// The field's value as YAML that reads as the same again; `None` where another key says it.
    pub show: fn(&OperationConfig) -> Option<String>,
}

/// What an operation has of its own.
pub const OWN: [Key; 4] = [
    Key {
        name: "name",
        read: |node, to| set(&mut to.name, values::operation_name(node)),
        show: |of| Some(text(&of.name)),
    },
    Key {
        name: "server",
        read: |node, to| set(&mut to.server, server::server(node)),
        show: |of| Some(of.server.shown()),
    },
    Key {
        name: "token_file",
        read: |node, to| set(&mut to.token, values::path(node).map(TokenSource::File)),
        show: |of| match &of.token {
            TokenSource::File(path) => Some(text(&path.to_string_lossy())),
            _ => None,
        },
    },
    Key {
        name: "token_env",
        read: |node, to| set(&mut to.token, values::variable(node).map(TokenSource::Env)),
        show: |of| match &of.token {
            TokenSource::Env(name) => Some(text(name)),
            _ => None,
        },
    },
];

fn set<T>(field: &mut T, read: Result<T, impl Into<Refusal>>) -> Result<(), Refusal> {
    *field = read.map_err(Into::into)?;
    Ok(())
}

/// Makes the checked type, its defaults and the table of keys from one list: `field: type = default, how it is read;`.
macro_rules! shared_keys {
    ($($(#[$doc:meta])* $key:ident: $type:ty = $default:expr, $read:expr;)+) => {
        /// One operation (wolkvox's word for a customer's contact centre on a server) and how it is read.
        #[derive(Debug, Clone)]
        pub struct OperationConfig {
            /// The `operation` label.
            pub name: String,
            pub server: Server,
            pub token: TokenSource,
            $($(#[$doc])* pub $key: $type,)+
        }

        impl OperationConfig {
            /// An operation with the default for everything else.
            pub fn new(name: String, server: Server, token: TokenSource) -> Self {
                Self { name, server, token, $($key: $default,)+ }
            }
        }

        /// What can also stand in `defaults`.
        pub const SHARED: &[Key] = &[$(Key {
            name: stringify!($key),
            read: |node, to| set(&mut to.$key, $read(node)),
            show: |of| Some(of.$key.shown()),
        },)+];
    };
}

const INSTANT: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

shared_keys! {
    /// What is read. Each report costs a call per window, and the vendor's totals one a day.
    reports: Reports = Reports::default(), values::reports;

    /// The zone of the report's dates; its IANA name is in `timezone.iana_name()`.
    // Colombia's, where wolkvox is at home and most of its customers are. A wrong zone is found in the data.
    timezone: TimeZone = TimeZone::get("America/Bogota").unwrap_or(TimeZone::UTC), values::timezone;

    /// The length of a window: whole seconds, a divisor of an hour.
    // The cadence that the API's vendor advises.
    interval: Duration = 5 * MINUTE, values::interval;

    /// How long after its end a window is read.
    // Rows are late by about a minute at most; after a day a window is no news any more.
    settle: Duration = MINUTE, within(Duration::ZERO, DAY);

    /// How far back each read reaches again for late rows: whole seconds.
    // At least a second: whether the API includes `date_end` is unknown, and the overlap is what makes it harmless. At
    // most a day: a first read looks back so far, and no later one should do more.
    overlap: Duration = HOUR, values::whole_seconds(SECOND, DAY);

    /// The same for the report of answered calls.
    // Its rows may appear when the call ends; a chat may last for days, and then it takes a longer one. A week of answers
    // with every read is as much as a large centre can be asked for.
    answered_overlap: Duration = 3 * HOUR, values::whole_seconds(SECOND, 7 * DAY);

    /// How far back an outage is made good: whole seconds. With the overlap no longer than the API answers at once.
    max_catch_up: Duration = DAY, values::whole_seconds(SECOND, LONGEST_RANGE);

    /// Where a new ledger begins to count.
    start: Start = Start::Now, values::start;

    /// The bound on one call. May be longer than the interval.
    // The API gives a call 60 s. An hour is a wait that nobody would choose, and that still can't overflow a date.
    timeout: Duration = 75 * SECOND, within(INSTANT, HOUR);

    /// The bound on a call's connection; at most the call's own.
    connect_timeout: Duration = 10 * SECOND, within(INSTANT, HOUR);

    /// How long a new series shows its starting value first.
    // More than two of the widest usual scrape intervals, 30 s. For so long an alert can't see the calls of a new series:
    // beyond ten minutes it would come too late for anyone to act.
    hold: Duration = 90 * SECOND, within(Duration::ZERO, 10 * MINUTE);

    /// How long a new process shows what the one before it showed last; `hold`, if it isn't written.
    start_hold: Duration = 90 * SECOND, within(Duration::ZERO, 10 * MINUTE);

    /// Label sets before `__other__`.
    // With 16 bounds 20,000 sets are 380,000 lines, some 50 MB of text; beyond it scrapes begin to time out.
    max_series: usize = 2000, values::count(1, 20_000);

    /// Ascending bucket bounds in whole seconds, all on the grid of `domain::distribution`.
    abandon_time_buckets: Vec<u32> = vec![5, 10, 15, 20, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 600, 1200],
        values::buckets;

    /// The same for the time until an agent answered: a service level is the share up to one of these.
    answer_time_buckets: Vec<u32> = vec![5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600], values::buckets;

    /// How often the API is asked how many calls are left; zero: never.
    // Each question costs a call.
    quota_interval: Duration = Duration::ZERO, values::quota_interval;

    /// The skills that are counted.
    skills: Skills = Skills::All, values::skills;
}
