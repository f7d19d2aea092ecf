use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::Offset;
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use wolkvox_exporter::wolkvox::http_time::{delay, stamp};

use super::judge::MAX_DELAY;

/// The lines of a head. Panics where a `Date` is taken for another, or of several dates one is believed, and where a
/// `Retry-After` is not what it says, or without bound.
pub fn headers(lines: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n').take(MOST_LINES) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let stamp = stamp(&headers);
    assert_eq!(stamp.server_time().is_some(), stamp.made_at().is_some());
    assert!(stamp.made_at() <= stamp.server_time(), "answered before it was made");
    let written = |name| headers.get_all(name).iter().map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let dates: Vec<_> = written(DATE).collect();
    match dates[..] {
        [date] => assert!(plain(date).is_none_or(|plain| stamp.date() == Some(plain)), "{date} is {:?}", stamp.date()),
        _ => assert_eq!(stamp.date(), None, "of {dates:?}"),
    }
    for text in written(RETRY_AFTER) {
        let waits = delay(text, stamp.date());
        assert!(waits.is_none_or(|delay| delay <= MAX_DELAY), "{text}: {waits:?}");
        let says = match (text.parse::<u64>(), plain(text).zip(stamp.date())) {
            (Ok(seconds), _) if !text.starts_with('+') => Duration::from_secs(seconds),
            (_, Some((until, date))) => {
                Duration::from_secs((until.as_second() - date.as_second()).max(0).unsigned_abs())
            }
            _ => continue,
        };
        assert_eq!(waits, Some(says.min(MAX_DELAY)), "{text} from {:?}", stamp.date());
    }
}

/// Hyper takes a hundred.
const MOST_LINES: usize = 100;

/// A date in one of the three forms (RFC 9110, 5.6.7).
fn plain(text: &str) -> Option<Timestamp> {
    const FORMS: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let in_form = |form: &str| {
        let date = strtime::parse(form, text).ok()?.to_datetime().ok()?;
        // What is read more freely, as in other cases, with less digits or a sign before the year, is another form.
        let is_plain = date.year() >= 0 && date.strftime(form).to_string() == text;
        is_plain.then(|| Offset::UTC.to_timestamp(date).ok()).flatten()
    };
    FORMS.into_iter().find_map(in_form)
}
