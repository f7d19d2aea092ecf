use super::distribution::WHOLE_HOURS_UNTIL;

/// The longest wait that is believed, in seconds: as long as the longest range that the API reports on. One absurd
/// value would otherwise stay in the histogram's sum for ever.
pub const MAX_SECONDS: f64 = WHOLE_HOURS_UNTIL as f64;

/// Seconds that a caller waited, from `37`, `37.0`, `00:37` or `00:00:37`; `None` where the text is empty, or no
/// finite number of seconds from 0 to [`MAX_SECONDS`].
pub fn seconds(text: &str) -> Option<f64> {
    let mut parts = text.trim().rsplit(':');
    let mut total = plain_number(parts.next()?)?;
    let mut unit = 60.0;
    // The part read before: only the leading one may be 60 or more.
    let mut smaller = total;
    for part in parts {
        if smaller >= 60.0 || unit > 3600.0 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        smaller = plain_number(part)?;
        total += smaller * unit;
        unit *= 60.0;
    }
    (total <= MAX_SECONDS).then_some(total)
}

/// Digits with at most one point among them. `str::parse` alone would also take `NaN`, `inf`, `1e9` and signs.
fn plain_number(text: &str) -> Option<f64> {
    let plain = text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok().filter(|value: &f64| value.is_finite()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::{String, ToString as _};
    use proptest::prelude::*;

    #[test]
    fn the_documented_forms_are_read() {
        for text in ["37", "37.0", " 37 ", "00:37", "00:00:37", "0037", "0:37.0"] {
            assert_eq!(seconds(text), Some(37.0), "{text:?}");
        }
        assert_eq!(seconds("0"), Some(0.0));
        assert_eq!(seconds("0.25"), Some(0.25));
        assert_eq!(seconds("90:00"), Some(5400.0));
        assert_eq!(seconds("01:02:03"), Some(3723.0));
        assert_eq!(seconds("2678400"), Some(MAX_SECONDS));
    }

    #[test]
    fn anything_else_is_unreadable() {
        let long = "9".repeat(400);
        for text in [
            "",
            " ",
            "-",
            "-1",
            "-0",
            "+1",
            "NaN",
            "inf",
            "infinity",
            "1e3",
            "0x10",
            "37s",
            "1,5",
            ".",
            "1.2.3",
            ":",
            ":37",
            "37:",
            "00:60",
            "00:60:00",
            "1:2:3:4",
            "-1:00",
            "1.5:00",
            "2678401",
            "999:00:00",
            "null",
            "[]",
            &long,
        ] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_can_be_summed(text in any::<String>()) {
            if let Some(read) = seconds(&text) {
                prop_assert!((0.0..=MAX_SECONDS).contains(&read));
            }
        }

        #[test]
        fn both_spellings_say_the_same(hours in 0u32..24, minutes in 0u32..60, secs in 0u32..60) {
            let total = hours * 3600 + minutes * 60 + secs;
            prop_assert_eq!(seconds(&format!("{hours:02}:{minutes:02}:{secs:02}")), seconds(&total.to_string()));
        }
    }
}
