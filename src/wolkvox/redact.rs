use domain::token;
use secrecy::{ExposeSecret, SecretString};

/// The longest text from outside that is shown, in characters: a message has room for it and its own words.
const MAX_CHARS: usize = 160;

/// How much of a text is looked at, in bytes.
const MAX_BYTES: usize = 4096;

/// How much of a text is searched for the token, in bytes: nothing behind it comes near what is shown.
const MAX_SEARCHED_BYTES: usize = 16 << 10;

/// Half of a token is still worth hiding.
const TOKEN_DIGITS: usize = token::SHORTEST / 2;

/// A piece of the token in use is hidden from so many characters on: shorter ones are in words too.
const TOKEN_PIECE: usize = 6;

/// From so many digits on, a number may be an extension, a part of a telephone number, of a person's id or of a `conn_id`.
const PERSONAL_DIGITS: usize = 4;

/// What stands between the halves of an address: also as wide and as small character, and as URLs, pages and JSON write it.
const AT: [&str; 7] = ["@", "\u{ff20}", "\u{fe6b}", "%40", "&#64;", "&commat;", "\\u0040"];

/// The end of the API's message of a count, the one documented text with a number that may be long.
const COUNT: &str = " records were found";

/// A text from outside, fit for a log or a page: nothing of `token`, nothing that looks like one, no word with `@` or
/// beside one that stands alone, no number of four digits or more, no control characters, at most 160 characters.
///
/// What is known is hidden first, and in the whole text: a mask or a cut before that would leave a half which nothing
/// recognises.
pub fn redacted(text: &str, token: Option<&SecretString>) -> String {
    let whole = text.len();
    let searched = start(text, MAX_SEARCHED_BYTES);
    let known = token.map_or_else(|| searched.to_owned(), |token| without_token(searched, token));
    if is_count(&known) {
        return known.trim().to_owned();
    }
    let looked_at = start(&known, MAX_BYTES);
    // Before what looks like a token: of `%40` and what follows that would leave a `%`.
    let text = without_addresses(looked_at);
    let is_cut = searched.len() < whole || looked_at.len() < known.len();
    let text = if is_cut { before_the_cut(&text) } else { &text };
    let text = mask(text, |c| c.is_ascii_hexdigit(), |c| c.is_ascii_hexdigit(), TOKEN_DIGITS, "[token]");
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

/// Takes out the token and longer pieces of it, however their characters are written.
pub fn without_token(text: &str, token: &SecretString) -> String {
    let bytes = text.as_bytes();
    let token = token.expose_secret().as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    let mut at = 0;
    while at < bytes.len() {
        match token_at(&bytes[at..], token) {
            // Both ends are ends of ASCII characters.
            Some(length) => {
                out.push_str(&text[from..at]);
                out.push_str("[token]");
                at += length;
                from = at;
            }
            None => at += 1,
        }
    }
    out.push_str(&text[from..]);
    out
}

/// How long what stands at the beginning of `bytes` and is of the token is: all of it, or a piece.
fn token_at(bytes: &[u8], token: &[u8]) -> Option<usize> {
    let least = token.len().clamp(1, TOKEN_PIECE);
    let length = |start: usize, same: fn(&[u8], u8) -> Option<usize>| {
        let mut ends = token[start..].iter().scan(0, |at, wanted| {
            *at += same(&bytes[*at..], *wanted)?;
            Some(*at)
        });
        let shortest = ends.nth(least - 1)?;
        Some(ends.last().unwrap_or(shortest))
    };
    // A backslash may be the token's own.
    let lengths = |start| [length(start, same_byte), length(start, same_character)];
    (0..token.len()).flat_map(lengths).flatten().max()
}

/// 1 if the byte at the beginning of `bytes` is `wanted`, in whatever case.
fn same_byte(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.first().is_some_and(|byte| byte.eq_ignore_ascii_case(&wanted)).then_some(1)
}

/// How long the character at the beginning of `bytes` is, if it is `wanted`: as it is, in the other case, with a backslash
/// before it, or as `%2F`.
fn same_character(bytes: &[u8], wanted: u8) -> Option<usize> {
    match bytes {
        [b'%', high, low, ..] if hex(*high).zip(hex(*low)).is_some_and(|(h, l)| h * 16 + l == wanted) => Some(3),
        [b'\\', other, ..] if *other == wanted => Some(2),
        _ => same_byte(bytes, wanted),
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn is_count(text: &str) -> bool {
    let count = text.trim().strip_suffix(COUNT);
    // Longer numbers may be of a person.
    count.is_some_and(|count| !count.is_empty() && count.len() <= 6 && count.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Takes out each word with an `@`; where that has no letter or digit on a side, the next word there as well.
fn without_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, sign)) = AT.iter().filter_map(|sign| Some((rest.find(sign)?, sign))).min() {
        out.push_str(rest[..at].trim_end_matches(is_sign).trim_end_matches(is_of_word));
        out.push_str("[address]");
        rest = rest[at + sign.len()..].trim_start_matches(is_sign).trim_start_matches(is_of_word);
    }
    out.push_str(rest);
    out
}

/// The text without the word that its cut goes through, for half a token doesn't look like one, and without the word before
/// that, for what follows may have been an `@`.
fn before_the_cut(text: &str) -> &str {
    text.trim_end_matches(is_of_word).trim_end_matches(is_sign).trim_end_matches(is_of_word)
}

fn is_of_word(c: char) -> bool {
    !c.is_whitespace()
}

fn is_sign(c: char) -> bool {
    !c.is_alphanumeric()
}

/// The first characters, of at most so many bytes.
fn start(text: &str, most: usize) -> &str {
    // Up to three bytes back there is a boundary: no character has more than four.
    let end = (0..=most.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
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
            ("60000 records were found", "60000 records were found"),
            ("3001234567 records were found", "[number] records were found"),
            (
                "EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)",
                "EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)",
            ),
            ("call 3001234567 now", "call [number] now"),
            ("extension 4711", "extension [number]"),
            ("room 471", "room 471"),
            ("call +57 300 123 4567, now", "call +[number], now"),
            ("id 6736.4628.1040.1768782812.1814.", "id [number]."),
            ("write to ana@example.com, please", "write to [address] please"),
            ("<ana.perez+1@example.com>\tnow", "[address] now"),
            ("user=ana1234@example.com", "[address]"),
            ("no user ana.perez @ example.com here", "no user [address] here"),
            ("no user ana.perez @example.com here", "no user [address] here"),
            ("no user ana.perez@ example.com here", "no user [address] here"),
            ("no user ana.perez\t (@)\n<example.com> here", "no user [address] here"),
            ("ana.perez\u{ff20}example.com, or ana.perez\u{fe6b}example.com", "[address] or [address]"),
            ("ana.perez \u{ff20} example.com", "[address]"),
            ("user=ana.perez%40example.com&page=2 is bad", "[address] is bad"),
            ("ana.perez%40abcdef0123456789.example", "[address]"),
            (
                "to ana&#64;example.com, bea&commat;example.com, eva\\u0040example.com.",
                "to [address] [address] [address]",
            ),
            ("ana@example.com bea @ example.com eva", "[address] [address] eva"),
            ("@", "[address]"),
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
    fn the_token_is_hidden_however_it_is_written() {
        let token = "Zq+1234567/x=ana@w.co~9";
        for written in [
            token,
            &token.to_uppercase(),
            "Zq%2B1234567%2Fx%3Dana%40w.co%7E9",
            "Zq%2b1234567%2fx%3dana%40w.co~9",
            "Zq+1234567\\/x=ana@w.co~9",
        ] {
            let shown = redacted(&format!("BAD TOKEN ({written})."), Some(&token.into()));
            assert_eq!(shown, "BAD TOKEN ([token]).", "{written}");
        }
    }

    #[test]
    fn a_piece_of_the_token_is_hidden_too() {
        let token = "correct-horse-battery-staple";
        for (text, expected) in [
            ("token correct-ho... is bad", "token [token]... is bad"),
            ("it ends in -STAPLE", "it ends in [token]"),
            ("it begins with %63%6f%72rect", "it begins with [token]"),
            ("and %63%6f%72re of that", "and %63%6f%72re of that"),
            ("horse", "horse"),
        ] {
            assert_eq!(redacted(text, Some(&token.into())), expected);
        }
        let token = "\\".repeat(8);
        assert_eq!(redacted(&format!("is it {token}?"), Some(&token.as_str().into())), "is it [token]?");
        assert_eq!(redacted("no token", Some(&"".into())), "no token");
    }

    #[test]
    fn a_long_text_is_cut_without_laying_half_a_token_bare() {
        let hex = "a1".repeat(40);
        for before in 0..120 {
            let text = format!("{}{hex} and more {}", "1".repeat(MAX_BYTES - before), "x ".repeat(100));
            assert!(!redacted(&text, None).contains("a1a1"), "{before}");
        }
        for before in 0..40 {
            let text = format!("{} ana.perez @ example.com", "1".repeat(MAX_BYTES - before));
            let shown = redacted(&text, None);
            assert!(!shown.contains("ana") && !shown.contains("example"), "{before}: {shown}");
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

        // Of any token, wherever it stands in a text of any length, no piece is left.
        #[test]
        fn no_piece_of_the_token_survives(before in ".{0,170}", token in "[!-Z^-~]{8,60}", after in ".{0,50}") {
            let shown = redacted(&format!("{before}{token}{after}"), Some(&token.as_str().into()));
            for piece in token.as_bytes().windows(TOKEN_PIECE) {
                prop_assert!(!shown.contains(std::str::from_utf8(piece).unwrap()), "{shown}");
            }
        }
    }
}
