use std::fmt::Write;
use std::time::Duration;

/// Reads a duration such as `5m` or `1h 30m`. The reason for a refusal says what to write.
pub fn parse(text: &str) -> Result<Duration, String> {
    // Ten digits of the largest unit are still far from overflowing; more make `humantime` add up to a panic.
    const MOST_DIGITS: usize = 10;
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("a duration needs a unit: write {text}s for seconds, or such as 5m"));
    }
    if text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > MOST_DIGITS) {
        return Err("a number in it is too large".to_owned());
    }
    if let Some(unit) = calendar_unit(text) {
        return Err(format!("`{unit}` is a unit of no fixed length; write days (30d), or `m` for minutes"));
    }
    humantime::parse_duration(text).map_err(|error| {
        use humantime::DurationError as E;
        match error {
            E::UnknownUnit { unit, value, .. } if unit.is_empty() => {
                format!("a duration needs a unit: write {value}s for seconds, or such as 5m")
            }
            E::UnknownUnit { .. } => "not a unit; write ms, s, m, h or d, such as 5m or 1h 30m".to_owned(),
            E::NumberOverflow => "a number in it is too large, or finer than a nanosecond".to_owned(),
            E::InvalidCharacter(_) | E::NumberExpected(_) | E::Empty => {
                "not a duration; write such as 5m, 90s or 1h 30m".to_owned()
            }
        }
    })
}

/// A month or a year in it, which `humantime` would take for 30.44 and 365.25 days.
fn calendar_unit(text: &str) -> Option<&str> {
    const UNITS: [&str; 9] = ["M", "mo", "month", "months", "y", "yr", "yrs", "year", "years"];
    text.split(|c: char| !c.is_alphabetic()).find(|word| UNITS.contains(word))
}

/// Writes a duration so that `parse` reads the same again: `1h 30m`.
///
/// `humantime`'s own form uses months and years, which are refused here.
pub fn show(duration: Duration) -> String {
    const UNITS: [(u128, &str); 7] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    let mut rest = duration.as_nanos();
    let mut text = String::new();
    for (unit, name) in UNITS {
        if rest >= unit {
            let gap = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{gap}{}{name}", rest / unit);
            rest %= unit;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [("5m", 300), ("1h 30m", 5400), ("1h30m", 5400), ("0", 0), ("0s", 0), ("1day", 86_400)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        let reason = |text| parse(text).unwrap_err();
        assert_eq!(reason("300"), "a duration needs a unit: write 300s for seconds, or such as 5m");
        assert_eq!(reason("1M"), "`M` is a unit of no fixed length; write days (30d), or `m` for minutes");
        assert!(reason("1h 2years").starts_with("`years` is a unit"));
        assert_eq!(reason("5 fortnights"), "not a unit; write ms, s, m, h or d, such as 5m or 1h 30m");
        assert_eq!(reason("-5m"), "not a duration; write such as 5m, 90s or 1h 30m");
        assert_eq!(reason(""), "not a duration; write such as 5m, 90s or 1h 30m");
        assert_eq!(reason("1h 5"), "a duration needs a unit: write 5s for seconds, or such as 5m");
        assert_eq!(reason("18446744073709551615s 500ms 500ms"), "a number in it is too large");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(seconds in 0u64..10_000_000, nanos in 0u32..1_000_000_000) {
            let duration = Duration::new(seconds, nanos);
            prop_assert_eq!(parse(&show(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            let _ = parse(&text);
        }
    }
}
