//! What a name and a label's value may be, and how values are escaped.
//!
//! A value may be any text. Trimming, control characters and length are the business of whoever takes a value from
//! outside; what is written here is legal whatever comes.

use std::borrow::Cow;

/// Whether this is a metric name of the character set that every version of Prometheus takes:
/// `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_metric_name(name: &str) -> bool {
    is_name(name, |byte| byte == b':')
}

/// Whether this is a label name that an exporter may use: `[a-zA-Z_][a-zA-Z0-9_]*`, not beginning with `__`, which
/// Prometheus keeps for itself.
pub fn is_label_name(name: &str) -> bool {
    is_name(name, |_| false) && !name.starts_with("__")
}

fn is_name(name: &str, also: fn(u8) -> bool) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || also(byte))
}

/// The value as it goes out, the same in every format: NUL becomes U+FFFD.
///
/// Prometheus's lexer of the text format takes NUL as the end of its input and refuses the whole scrape; no escape exists
/// for it. Everything else can be written.
pub fn presentable(value: &str) -> Cow<'_, str> {
    if value.contains('\0') { Cow::Owned(value.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(value) }
}

/// Appends a label's value, or OpenMetrics help, with `\`, `"` and line feed escaped (the same rule in text 0.0.4 and
/// OpenMetrics 1.0).
pub fn write_escaped(out: &mut Vec<u8>, value: &str) {
    escape(out, value, true);
}

/// Appends the help of text 0.0.4, where `"` is not escaped.
pub fn write_help(out: &mut Vec<u8>, help: &str) {
    escape(out, help, false);
}

fn escape(out: &mut Vec<u8>, value: &str, quotes: bool) {
    let bytes = value.as_bytes();
    let mut written = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let replacement: &[u8] = match byte {
            b'\\' => br"\\",
            b'\n' => br"\n",
            b'"' if quotes => b"\\\"",
            0 => "\u{fffd}".as_bytes(),
            _ => continue,
        };
        out.extend_from_slice(&bytes[written..at]);
        out.extend_from_slice(replacement);
        written = at + 1;
    }
    out.extend_from_slice(&bytes[written..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(value: &str) -> String {
        let mut out = Vec::new();
        write_escaped(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    /// As the formats define it: a backslash before `\`, `"` or `n`.
    fn unescaped(text: &str) -> String {
        let mut value = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => value.push(match chars.next().unwrap() {
                    'n' => '\n',
                    other => other,
                }),
                other => value.push(other),
            }
        }
        value
    }

    #[test]
    fn values_are_escaped() {
        assert_eq!(escaped("C:\\dir \"quoted\"\nnext\tñ😀\0"), "C:\\\\dir \\\"quoted\\\"\\nnext\tñ😀\u{fffd}");
        let mut help = Vec::new();
        write_help(&mut help, "a \"b\" \\ \n c");
        assert_eq!(help, b"a \"b\" \\\\ \\n c");
    }

    #[test]
    fn names_are_judged() {
        for good in ["a", "_a", "a1", "a_b", "A"] {
            assert!(is_metric_name(good) && is_label_name(good), "{good}");
        }
        for bad in ["", "1a", "a-b", "ñ", "a b"] {
            assert!(!is_metric_name(bad) && !is_label_name(bad), "{bad}");
        }
        assert!(is_metric_name("a:b") && !is_label_name("a:b"));
        assert!(!is_label_name("__name__"));
    }

    proptest! {
        #[test]
        fn any_value_survives(value in any::<String>()) {
            let text = escaped(&value);
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(unescaped(&text), presentable(&value));
        }
    }
}
