use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{AGE, DATE, HeaderMap};

use domain::server_time::Stamp;

/// The longest delay that is passed on. The poller bounds it far lower; this only keeps a mad number out of sums.
const MAX_DELAY: Duration = Duration::from_secs(31 * 86_400);

/// A `Retry-After` header as a delay: seconds, or an HTTP date (RFC 9110, 10.2.3), which is taken against the `date` of
/// the answer itself, for both are of one clock. A date gone by is no delay; without a `date` none is known.
pub fn delay(header: &str, date: Option<Timestamp>) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a u64 holds is a long time.
        return Some(header.parse().map_or(MAX_DELAY, Duration::from_secs).min(MAX_DELAY));
    }
    let until = parse_date(header)?;
    Some(Duration::try_from(until.duration_since(date?)).unwrap_or_default().min(MAX_DELAY))
}

/// When an answer was made, from its `Date` and `Age` headers. Of several dates nobody knows which is right. An age that
/// is missing or unreadable is none: the server itself has answered.
pub fn stamp(headers: &HeaderMap) -> Stamp {
    let mut dates = headers.get_all(DATE).iter();
    let date = dates.next().filter(|_| dates.next().is_none()).and_then(|date| parse_date(date.to_str().ok()?));
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok()).unwrap_or(0);
    Stamp::new(date, Duration::from_secs(age))
}

/// An HTTP date (RFC 9110, 5.6.7), which has the form of RFC 2822.
fn parse_date(header: &str) -> Option<Timestamp> {
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
            assert_eq!(delay(header, Some(now)), seconds.map(Duration::from_secs), "{header:?}");
        }
        assert_eq!(delay("120", None), Some(Duration::from_secs(120)));
        assert_eq!(delay("Sun, 18 Jan 2026 19:02:00 GMT", None), None, "the host's clock is not asked");
    }

    #[test]
    fn dates_of_other_years_are_bounded() {
        let [first, last] = ["Sat, 01 Jan 0000 00:00:00 GMT", "Thu, 30 Dec 9999 21:59:57 GMT"];
        for date in [first, last] {
            let date = parse_date(date);
            assert!(delay(last, date).is_none_or(|delay| delay <= MAX_DELAY));
            assert!(delay(first, date).is_none_or(|delay| delay <= MAX_DELAY));
        }
        assert!(parse_date("Fri, 31 Dec 9999 23:59:59 GMT").is_none_or(|date| date <= Timestamp::MAX));
    }

    fn headers(list: &[(reqwest::header::HeaderName, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn an_answer_is_stamped_by_one_date_and_its_age() {
        const NOON: &str = "Sun, 18 Jan 2026 12:00:00 GMT";
        let noon = parse_date(NOON).unwrap();
        for (age, seconds) in [("900", 900), (" 0 ", 0), ("", 0), ("-5", 0), ("soon", 0), ("1.5", 0)] {
            let stamp = stamp(&headers(&[(DATE, NOON), (AGE, age)]));
            assert_eq!(stamp, Stamp::new(noon, Duration::from_secs(seconds)), "{age:?}");
        }
        assert_eq!(stamp(&headers(&[(DATE, NOON)])), Stamp::new(noon, Duration::ZERO));
        for date in ["", "yesterday", "2026-01-18T12:00:00Z", "0", "Sun, 31 Feb 2026 12:00:00 GMT"] {
            assert_eq!(
                stamp(&headers(&[(DATE, date), (AGE, "9")])),
                Stamp::new(None, Duration::from_secs(9)),
                "{date:?}"
            );
        }
        let mut two = headers(&[(DATE, NOON)]);
        two.append(DATE, NOON.replace("12:00", "13:00").parse().unwrap());
        assert_eq!(stamp(&two), Stamp::new(None, Duration::ZERO));
    }
}
