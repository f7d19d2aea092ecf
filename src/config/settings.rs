use std::time::Duration;

use jiff::tz::TimeZone;

use super::problem::{Origin, Problems};
use super::section::{Field, Place, Section};
use super::{OperationConfig, Server, Skills, Start, TokenSource, duration, values};

/// The keys that can stand both in `defaults` and in an operation.
pub const KEYS: [&str; 11] = [
    "timezone",
    "interval",
    "settle",
    "overlap",
    "max_catch_up",
    "start",
    "timeout",
    "connect_timeout",
    "hold",
    "max_series",
    "abandon_time_buckets",
];

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// The longest range that the API answers.
const LONGEST_RANGE: Duration = Duration::from_secs(31 * 86_400);

/// Every read repeats the overlap; a first read looks back a day, and no later one should do more.
const LONGEST_OVERLAP: Duration = DAY;

/// Later than this a window is no news any more.
const LONGEST_SETTLE: Duration = DAY;

/// A wait that nobody would choose, and that still can't overflow a date.
const LONGEST_TIMEOUT: Duration = HOUR;

/// What `OperationConfig::new` and a file without the key take.
pub(super) mod default {
    use super::{DAY, Duration, HOUR, MINUTE, TimeZone};

    /// Colombia's, where wolkvox is at home and most of its customers are. A wrong zone is found in the data.
    pub fn timezone() -> TimeZone {
        TimeZone::get("America/Bogota").unwrap_or(TimeZone::UTC)
    }

    /// The cadence that the API's vendor advises.
    pub const INTERVAL: Duration = Duration::from_secs(300);
    /// Rows are late by about a minute at most.
    pub const SETTLE: Duration = MINUTE;
    pub const OVERLAP: Duration = HOUR;
    pub const MAX_CATCH_UP: Duration = DAY;
    /// The API gives a call 60 s.
    pub const TIMEOUT: Duration = Duration::from_secs(75);
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// More than two of the widest usual scrape intervals, 30 s.
    pub const HOLD: Duration = Duration::from_secs(90);
    pub const MAX_SERIES: usize = 2000;
    pub const ABANDON_TIME_BUCKETS: [u32; 16] = [5, 10, 15, 20, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 600, 1200];
}

/// The shared keys of one mapping, read but not yet compared with each other.
#[derive(Debug, Clone)]
pub struct Settings {
    timezone: Field<TimeZone>,
    interval: Field<Duration>,
    settle: Field<Duration>,
    overlap: Field<Duration>,
    max_catch_up: Field<Duration>,
    start: Field<Start>,
    timeout: Field<Duration>,
    connect_timeout: Field<Duration>,
    hold: Field<Duration>,
    max_series: Field<usize>,
    abandon_time_buckets: Field<Vec<u32>>,
}

/// What an operation has besides the shared keys.
pub struct Identity {
    pub name: String,
    pub server: Server,
    pub token: TokenSource,
    pub skills: Skills,
}

impl Settings {
    pub fn none() -> Self {
        Self::of_zone(Field::Absent)
    }

    pub fn of_zone(timezone: Field<TimeZone>) -> Self {
        Self {
            timezone,
            interval: Field::Absent,
            settle: Field::Absent,
            overlap: Field::Absent,
            max_catch_up: Field::Absent,
            start: Field::Absent,
            timeout: Field::Absent,
            connect_timeout: Field::Absent,
            hold: Field::Absent,
            max_series: Field::Absent,
            abandon_time_buckets: Field::Absent,
        }
    }

    pub fn read(section: &Section<'_>, problems: &mut Problems) -> Self {
        let mut within =
            |key, from, to, whole| section.read(key, problems, |node| values::duration_within(node, from, to, whole));
        let settle = within("settle", Duration::ZERO, LONGEST_SETTLE, false);
        // At least a second: whether the API includes `date_end` is unknown, and the overlap is what makes it harmless.
        let overlap = within("overlap", SECOND, LONGEST_OVERLAP, true);
        let max_catch_up = within("max_catch_up", SECOND, LONGEST_RANGE, true);
        let timeout = within("timeout", Duration::from_millis(1), LONGEST_TIMEOUT, false);
        let connect_timeout = within("connect_timeout", Duration::from_millis(1), LONGEST_TIMEOUT, false);
        let hold = within("hold", Duration::ZERO, DAY, false);
        Self {
            timezone: section.read("timezone", problems, values::timezone),
            interval: section.read("interval", problems, values::interval),
            settle,
            overlap,
            max_catch_up,
            start: section.read("start", problems, values::start),
            timeout,
            connect_timeout,
            hold,
            max_series: section.read("max_series", problems, values::max_series),
            abandon_time_buckets: section.read("abandon_time_buckets", problems, values::abandon_time_buckets),
        }
    }

    /// These settings, and where one is absent that of `defaults`.
    pub fn or(self, defaults: &Self) -> Self {
        Self {
            timezone: self.timezone.or(&defaults.timezone),
            interval: self.interval.or(&defaults.interval),
            settle: self.settle.or(&defaults.settle),
            overlap: self.overlap.or(&defaults.overlap),
            max_catch_up: self.max_catch_up.or(&defaults.max_catch_up),
            start: self.start.or(&defaults.start),
            timeout: self.timeout.or(&defaults.timeout),
            connect_timeout: self.connect_timeout.or(&defaults.connect_timeout),
            hold: self.hold.or(&defaults.hold),
            max_series: self.max_series.or(&defaults.max_series),
            abandon_time_buckets: self.abandon_time_buckets.or(&defaults.abandon_time_buckets),
        }
    }

    /// The operation, once the values fit each other. A bad value has been reported, and is compared with nothing.
    ///
    /// Without `identity` the comparisons are made all the same: all problems are reported at once.
    pub fn check(self, identity: Option<Identity>, problems: &mut Problems) -> Option<OperationConfig> {
        let timezone = self.timezone.resolve(default::timezone);
        let interval = self.interval.resolve(|| default::INTERVAL);
        let settle = self.settle.resolve(|| default::SETTLE);
        let overlap = self.overlap.resolve(|| default::OVERLAP);
        let max_catch_up = self.max_catch_up.resolve(|| default::MAX_CATCH_UP);
        let start = self.start.resolve(|| Start::Now);
        let timeout = self.timeout.resolve(|| default::TIMEOUT);
        // Someone who bounds a call by 5 s has said enough about its connection.
        let shorter = timeout.as_ref().map_or(default::CONNECT_TIMEOUT, |(timeout, _)| *timeout);
        let connect_timeout = self.connect_timeout.resolve(|| default::CONNECT_TIMEOUT.min(shorter));
        let hold = self.hold.resolve(|| default::HOLD);
        let max_series = self.max_series.resolve(|| default::MAX_SERIES);
        let buckets = self.abandon_time_buckets.resolve(|| default::ABANDON_TIME_BUCKETS.to_vec());

        if let (Some(catch_up), Some(interval)) = (&max_catch_up, &interval)
            && catch_up.0 < interval.0
        {
            conflict(problems, ("max_catch_up", catch_up), "shorter than", ("interval", interval), "");
        }
        if let (Some(catch_up), Some(overlap)) = (&max_catch_up, &overlap)
            && catch_up.0 + overlap.0 > LONGEST_RANGE
        {
            let most = duration::show(LONGEST_RANGE.saturating_sub(overlap.0));
            let why = format!("; with this overlap at most {most}, for the API answers 31d at once");
            conflict(problems, ("max_catch_up", catch_up), "too long beside", ("overlap", overlap), &why);
        }
        if let (Some((Start::History(history), place)), Some(catch_up)) = (&start, &max_catch_up)
            && *history > catch_up.0
        {
            let start = (*history, place.clone());
            conflict(problems, ("start", &start), "longer than", ("max_catch_up", catch_up), "");
        }
        if let (Some(connect), Some(timeout)) = (&connect_timeout, &timeout)
            && connect.0 > timeout.0
        {
            conflict(problems, ("connect_timeout", connect), "longer than", ("timeout", timeout), "");
        }

        let Identity { name, server, token, skills } = identity?;
        Some(OperationConfig {
            name,
            server,
            token,
            timezone: timezone?.0,
            interval: interval?.0,
            settle: settle?.0,
            overlap: overlap?.0,
            max_catch_up: max_catch_up?.0,
            start: start?.0,
            timeout: timeout?.0,
            connect_timeout: connect_timeout?.0,
            hold: hold?.0,
            max_series: max_series?.0,
            abandon_time_buckets: buckets?.0,
            skills,
        })
    }
}

type Resolved = (Duration, Option<Place>);

/// Two values that can't stand together, reported where the first one is written, or else the second.
fn conflict(
    problems: &mut Problems,
    (key, value): (&str, &Resolved),
    relation: &str,
    (other_key, other): (&str, &Resolved),
    why: &str,
) {
    let place = value.1.as_ref().or(other.1.as_ref());
    let origin = place.map_or(Origin::WholeFile, |place| place.origin);
    let named = |key: &str, resolved: &Resolved| match &resolved.1 {
        Some(place) => format!("{} ({})", place.key, duration::show(resolved.0)),
        None => format!("{key} ({}, the default)", duration::show(resolved.0)),
    };
    problems.push(origin, format!("{} is {relation} {}{why}", named(key, value), named(other_key, other)));
}

impl OperationConfig {
    /// An operation with the default for everything else.
    pub fn new(name: String, server: Server, token: TokenSource, timezone: TimeZone) -> Self {
        Self {
            name,
            server,
            token,
            timezone,
            interval: default::INTERVAL,
            settle: default::SETTLE,
            overlap: default::OVERLAP,
            max_catch_up: default::MAX_CATCH_UP,
            start: Start::Now,
            timeout: default::TIMEOUT,
            connect_timeout: default::CONNECT_TIMEOUT,
            hold: default::HOLD,
            max_series: default::MAX_SERIES,
            abandon_time_buckets: default::ABANDON_TIME_BUCKETS.to_vec(),
            skills: Skills::All,
        }
    }
}
