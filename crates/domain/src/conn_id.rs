use jiff::Timestamp;

/// 2015, before the vendor's service, and 2100: a number outside is a sequence or a telephone number, not an epoch.
const PLAUSIBLE: core::ops::Range<i64> = 1_420_070_400..4_102_444_800;

/// When a voice call's leg began: `conn_id` is then dot-separated numbers ending in `{UTC epoch seconds}.{sequence}`.
/// `None` for the plain integers of chats and for anything else.
pub fn began(conn_id: &str) -> Option<Timestamp> {
    let conn_id = conn_id.trim();
    if !conn_id.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let epoch = conn_id.rsplit('.').nth(1)?.parse().ok()?;
    if PLAUSIBLE.contains(&epoch) { Timestamp::from_second(epoch).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_before_the_last_is_the_epoch() {
        let expected: Timestamp = "2026-01-19T00:33:32Z".parse().unwrap();
        for text in ["6736.4628.1040.1768782812.1814", "1768782812.1814", " 1.1768782812.0 "] {
            assert_eq!(began(text), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn anything_else_has_no_epoch() {
        for text in [
            "",
            "-",
            "0",
            "1768782812",
            "81234567",
            "1.2.3.4",
            "1768782812.",
            ".1768782812.1",
            "a.1768782812.1",
            "1..1768782812.1",
            "1.1420070399.1",
            "1.4102444800.1",
            "1.99999999999999999999999.1",
            "1.+1768782812.1",
        ] {
            assert_eq!(began(text), None, "{text:?}");
        }
    }
}
