use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::Lang;

/// Writes instants as people of an operation read them: in its zone, with the date where it is not today's.
pub(super) struct When {
    lang: Lang,
    zone: TimeZone,
    zone_name: String,
    now: Timestamp,
}

impl When {
    /// `timezone` is an IANA name. One that is not known (it has been checked long before) is shown in UTC, and says so.
    pub fn new(lang: Lang, timezone: &str, now: Timestamp) -> Self {
        match TimeZone::get(timezone) {
            Ok(zone) => Self { lang, zone, zone_name: timezone.to_owned(), now },
            Err(_) => Self::utc(lang, now),
        }
    }

    pub fn utc(lang: Lang, now: Timestamp) -> Self {
        Self { lang, zone: TimeZone::UTC, zone_name: "UTC".to_owned(), now }
    }

    /// `14:35`, `14:35:10`, `2026-01-17 14:35`: for a table.
    pub fn brief(&self, at: Timestamp) -> String {
        let local = self.zone.to_datetime(at);
        if local.date() == self.today() { clock(local) } else { self.dated(at) }
    }

    /// `14:35`, whatever day it is.
    pub fn clock(&self, at: Timestamp) -> String {
        clock(self.zone.to_datetime(at))
    }

    /// `14:35 on 2026-01-17`, `las 14:35 del 2026-01-17`: for a sentence, after "at", "up to", "a", "hasta".
    pub fn spoken(&self, at: Timestamp) -> String {
        let local = self.zone.to_datetime(at);
        let article = match self.lang {
            Lang::En => "",
            Lang::Es if local.hour() == 1 => "la ",
            Lang::Es => "las ",
        };
        let day = if local.date() == self.today() {
            String::new()
        } else {
            format!(" {} {}", self.lang.pick("on", "del"), local.date())
        };
        format!("{article}{}{day}", clock(local))
    }

    /// `2026-01-18 14:35`: with the date, whatever day it is.
    pub fn dated(&self, at: Timestamp) -> String {
        let local = self.zone.to_datetime(at);
        format!("{} {}", local.date(), clock(local))
    }

    /// `2026-01-18 14:35:10`: with the date and the second.
    pub fn full(&self, at: Timestamp) -> String {
        self.zone.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `America/Bogota, UTC-05:00`: the zone, and its offset at that instant.
    pub fn zone(&self, at: Timestamp) -> String {
        if self.zone_name == "UTC" {
            return "UTC".to_owned();
        }
        format!("{}, UTC{}", self.zone_name, self.offset(at))
    }

    /// `-05:00`.
    pub fn offset(&self, at: Timestamp) -> String {
        ZonedDateTime::new(at, self.zone.clone()).strftime("%:z").to_string()
    }

    /// `2026-01-18T14:35:00-05:00`: for machines.
    pub fn machine(&self, at: Timestamp) -> String {
        ZonedDateTime::new(at, self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// Both ends of a local range, included: `14:30:00` and `14:34:59`, with dates where they are not today's.
    pub fn range(&self, ini: DateTime, end: DateTime) -> (String, String) {
        let full = |at: DateTime| at.strftime("%H:%M:%S").to_string();
        let dated = |at: DateTime| format!("{} {}", at.date(), full(at));
        let first = if ini.date() == self.today() && end.date() == self.today() { full(ini) } else { dated(ini) };
        (first, if end.date() == ini.date() { full(end) } else { dated(end) })
    }

    /// `2 min ago`, `hace 2 min`. What is ahead is now.
    pub fn ago(&self, at: Timestamp) -> String {
        let age = age_text(between(at, self.now));
        match self.lang {
            Lang::En => format!("{age} ago"),
            Lang::Es => format!("hace {age}"),
        }
    }

    /// `in 2 min`, `dentro de 2 min`. What is past is now.
    pub fn ahead(&self, at: Timestamp) -> String {
        format!("{} {}", self.lang.pick("in", "dentro de"), age_text(between(self.now, at)))
    }

    fn today(&self) -> Date {
        self.zone.to_datetime(self.now).date()
    }
}

/// How long a call took: `840 ms`, `2.3 s`, `75 s`.
pub(super) fn took(lang: Lang, took: Duration) -> String {
    if took < Duration::from_secs(1) {
        return format!("{} ms", took.as_millis());
    }
    if took >= Duration::from_secs(10) {
        return format!("{:.0} s", took.as_secs_f64());
    }
    format!("{:.1} s", took.as_secs_f64()).replace('.', lang.pick(".", ","))
}

/// The two largest units that say something: `45 s`, `2 min`, `3 h 5 min`, `4 d 2 h`. Its spaces break no line.
pub(super) fn age_text(age: Duration) -> String {
    let seconds = age.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |large: u64, large_unit, small: u64, small_unit| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    let text = match () {
        () if minutes == 0 => format!("{seconds} s"),
        () if hours == 0 => format!("{minutes} min"),
        () if days == 0 => pair(hours, "h", minutes % 60, "min"),
        () => pair(days, "d", hours % 24, "h"),
    };
    text.replace(' ', "\u{a0}")
}

/// Minutes; seconds too where they are not zero, for windows end at whole minutes in most configurations.
fn clock(local: DateTime) -> String {
    local.strftime(if local.second() == 0 { "%H:%M" } else { "%H:%M:%S" }).to_string()
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_instant_is_told_in_the_operations_zone_with_the_date_where_it_is_another() {
        let now = at("2026-01-18T19:37:12Z");
        let en = When::new(Lang::En, "America/Bogota", now);
        let es = When::new(Lang::Es, "America/Bogota", now);
        assert_eq!(en.spoken(at("2026-01-18T19:35:00Z")), "14:35");
        assert_eq!(es.spoken(at("2026-01-18T19:35:00Z")), "las 14:35");
        assert_eq!(es.spoken(at("2026-01-18T06:05:00Z")), "la 01:05");
        // Yesterday there, though today in UTC.
        assert_eq!(en.spoken(at("2026-01-18T04:35:07Z")), "23:35:07 on 2026-01-17");
        assert_eq!(es.spoken(at("2026-01-18T04:35:07Z")), "las 23:35:07 del 2026-01-17");
        assert_eq!(en.brief(at("2026-01-18T04:35:00Z")), "2026-01-17 23:35");
        assert_eq!(en.zone(now), "America/Bogota, UTC-05:00");
        assert_eq!(en.machine(now), "2026-01-18T14:37:12-05:00");
    }

    #[test]
    fn the_offset_is_that_of_the_instant() {
        let when = When::new(Lang::En, "America/Santiago", at("2026-04-05T12:00:00Z"));
        assert_eq!(when.offset(at("2026-04-05T02:30:00Z")), "-03:00");
        assert_eq!(when.offset(at("2026-04-05T03:30:00Z")), "-04:00");
    }

    #[test]
    fn an_unknown_zone_is_shown_as_utc() {
        let when = When::new(Lang::En, "Mars/Olympus", at("2026-01-18T19:37:12Z"));
        assert_eq!(when.zone(at("2026-01-18T19:35:00Z")), "UTC");
    }

    #[test]
    fn ages_have_at_most_two_units() {
        let age = |seconds| age_text(Duration::from_secs(seconds)).replace('\u{a0}', " ");
        assert_eq!(
            [0, 59, 60, 3599, 3600, 11_100, 86_399, 86_400, 356_400].map(age),
            ["0 s", "59 s", "1 min", "59 min", "1 h", "3 h 5 min", "23 h 59 min", "1 d", "4 d 3 h"]
        );
        let when = When::utc(Lang::Es, at("2026-01-18T19:37:12Z"));
        assert_eq!(when.ago(at("2026-01-18T19:35:00Z")), "hace 2\u{a0}min");
        assert_eq!(when.ago(at("2026-01-18T19:40:00Z")), "hace 0\u{a0}s");
        assert_eq!(when.ahead(at("2026-01-18T19:41:00Z")), "dentro de 3\u{a0}min");
    }

    #[test]
    fn durations_have_the_languages_comma() {
        assert_eq!(took(Lang::En, Duration::from_millis(2310)), "2.3 s");
        assert_eq!(took(Lang::Es, Duration::from_millis(2310)), "2,3 s");
        assert_eq!(took(Lang::Es, Duration::from_millis(840)), "840 ms");
        assert_eq!(took(Lang::Es, Duration::from_secs(75)), "75 s");
    }
}
