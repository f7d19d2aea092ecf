use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::fmt::strtime;
use jiff::tz::Offset;
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

/// An HTTP date (RFC 9110, 5.6.7): in the form of RFC 2822, which every server of today writes, or in one of the two older ones
/// that are to be read as well. A year of two digits is one from 1969 to 2068; of another century the weekday would be wrong.
fn parse_date(header: &str) -> Option<Timestamp> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    const OLDER: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let header = header.trim();
    let older = |form| Offset::UTC.to_timestamp(strtime::parse(form, header).ok()?.to_datetime().ok()?).ok();
    PARSER.parse_timestamp(header).ok().or_else(|| OLDER.into_iter().find_map(older))
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
            ("Sunday, 18-Jan-26 19:02:00 GMT", Some(120)),
            ("Sun Jan 18 19:02:00 2026", Some(120)),
            ("Sun Feb  1 19:00:00 2026", Some(14 * 86_400)),
            ("Sunday, 18-Jan-26 18:00:00 GMT", Some(0)),
            ("Monday, 18-Jan-26 19:02:00 GMT", None),
            ("Sunday, 18-Jan-26 19:02:00 EST", None),
            ("Sunday, 18-Jan-26 19:02:00", None),
            ("Mon Jan 18 19:02:00 2026", None),
            ("Sun Jan 18 19:02:00 2026 GMT", None),
            ("Sat Feb 31 19:02:00 2026", None),
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

    #[test]
    fn a_date_is_the_same_in_each_of_its_forms() {
        for (forms, expected) in [
            (
                ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
                "1994-11-06T08:49:37Z",
            ),
            (
                ["Wed, 30 Dec 2026 23:59:59 GMT", "Wednesday, 30-Dec-26 23:59:59 GMT", "Wed Dec 30 23:59:59 2026"],
                "2026-12-30T23:59:59Z",
            ),
            (
                ["Thu, 01 Jan 1970 00:00:00 GMT", "Thursday, 01-Jan-70 00:00:00 GMT", "Thu Jan  1 00:00:00 1970"],
                "1970-01-01T00:00:00Z",
            ),
        ] {
            for form in forms {
                assert_eq!(parse_date(form), Some(expected.parse().unwrap()), "{form}");
                assert_eq!(stamp(&headers(&[(DATE, form)])).date(), parse_date(form), "{form}");
            }
        }
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
