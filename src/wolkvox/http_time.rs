use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// The longest delay that is passed on. The poller bounds it far lower; this only keeps a mad number out of sums.
const MAX_DELAY: Duration = Duration::from_secs(31 * 86_400);

/// A `Retry-After` header as a delay from `now`: seconds, or an HTTP date (RFC 9110, 10.2.3). A date
/// gone by is no delay.
pub fn delay(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a u64 holds is a long time.
        return Some(header.parse().map_or(MAX_DELAY, Duration::from_secs).min(MAX_DELAY));
    }
    let until = date(header)?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default().min(MAX_DELAY))
}

/// An HTTP date (RFC 9110, 5.6.7), which has the form of RFC 2822.
pub fn date(header: &str) -> Option<Timestamp> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    PARSER.parse_timestamp(header.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read() {
        let now: Timestamp = "2026-01-18T19:00:00Z".parse().unwrap();
        let table = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(31 * 86_400)),
            ("Sun, 18 Jan 2026 19:02:00 GMT", Some(120)),
            ("Sun, 18 Jan 2026 18:00:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("soon", None),
            ("1.5", None),
        ];
        for (header, seconds) in table {
            assert_eq!(delay(header, now), seconds.map(Duration::from_secs), "{header:?}");
        }
    }
}
