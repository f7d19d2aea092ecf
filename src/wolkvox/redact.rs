use secrecy::{ExposeSecret, SecretString};

/// The longest text from outside that is shown, in characters: a message has room for it and its own words.
const MAX_CHARS: usize = 160;

/// How much of a text is looked at, in bytes.
const MAX_BYTES: usize = 4096;

/// wolkvox tokens look like `[0-9a-f]{40,}`.
const TOKEN_DIGITS: usize = 40;

/// From so many digits on, a number may be a telephone number, a person's id or a part of a `conn_id`.
const PERSONAL_DIGITS: usize = 7;

/// A text from outside, fit for a log or a page: no token (neither `token` nor anything that looks like one), no long
/// number, no control characters, at most 160 characters.
pub fn redacted(text: &str, token: Option<&SecretString>) -> String {
    let text = head(text);
    let text = match token.map(ExposeSecret::expose_secret) {
        Some(token) if !token.is_empty() => text.replace(token, "[token]"),
        _ => text.to_owned(),
    };
    let text = mask(&text, |c| c.is_ascii_hexdigit(), |c| c.is_ascii_hexdigit(), TOKEN_DIGITS, "[token]");
    // Numbers are also written in groups: 300 123 4567, 6736.4628.1040.
    let grouped = |c: char| c.is_numeric() || matches!(c, ' ' | '.' | '-' | '(' | ')' | '+' | '/');
    let text = mask(&text, grouped, char::is_numeric, PERSONAL_DIGITS, "[number]");
    let text = text.replace(char::is_control, " ");
    let mut shown: String = text.trim().chars().take(MAX_CHARS).collect();
    if text.trim().chars().nth(MAX_CHARS).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// The first [`MAX_BYTES`]; a word that the cut goes through is left out, for half a token doesn't look like one.
fn head(text: &str) -> &str {
    if text.len() <= MAX_BYTES {
        return text;
    }
    // Up to three bytes back there is a boundary: no character has more than four.
    let cut = (0..=MAX_BYTES).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text[..cut].trim_end_matches(|c: char| !c.is_whitespace())
}

/// Replaces each run of characters `within` that has `least` or more that `count`. What doesn't count at the run's ends
/// stays.
fn mask(
    text: &str,
    within: impl Fn(char) -> bool,
    count: impl Fn(char) -> bool,
    least: usize,
    replacement: &str,
) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(&count) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let run = &rest[..rest.find(|c| !within(c)).unwrap_or(rest.len())];
        let run = run.trim_end_matches(|c| !count(c));
        if run.chars().filter(|c| count(*c)).count() >= least {
            out.push_str(replacement)
        } else {
            out.push_str(run)
        }
        rest = &rest[run.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_private_is_masked() {
        let hex = "0123456789abcdef".repeat(3);
        for (text, expected) in [
            ("1 records were found", "1 records were found"),
            ("EXCEEDS THE LIMIT (2)", "EXCEEDS THE LIMIT (2)"),
            ("call 3001234567 now", "call [number] now"),
            ("call +57 300 123 4567, now", "call +[number], now"),
            ("id 6736.4628.1040.1768782812.1814.", "id [number]."),
            ("os error 111", "os error 111"),
            ("line\nbreak\u{7}", "line break"),
        ] {
            assert_eq!(redacted(text, None), expected);
        }
        assert_eq!(redacted(&format!("bad token={hex}!"), None), "bad token=[token]!");
        assert_eq!(redacted(&hex.to_uppercase(), None), "[token]");
        assert_eq!(redacted("my hush word", Some(&"hush".into())), "my [token] word");
    }

    #[test]
    fn a_long_text_is_cut_without_laying_half_a_token_bare() {
        let hex = "a1".repeat(40);
        for before in 0..120 {
            let text = format!("{}{hex} and more {}", "1".repeat(MAX_BYTES - before), "x ".repeat(100));
            assert!(!redacted(&text, None).contains("a1a1"), "{before}");
        }
        let long = redacted(&"palabra ".repeat(100), None);
        assert_eq!(long.chars().count(), MAX_CHARS);
        assert!(long.ends_with('…'));
    }

    proptest! {
        #[test]
        fn no_token_survives(before in ".{0,50}", token in "[0-9a-f]{40,80}", after in ".{0,50}") {
            let shown = redacted(&format!("{before} {token} {after}"), None);
            prop_assert!(!shown.contains(&token[..20]));
            prop_assert!(shown.chars().count() <= MAX_CHARS);
            prop_assert!(!shown.contains(char::is_control));
        }
    }
}
