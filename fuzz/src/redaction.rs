use wolkvox_exporter::wolkvox::redact::redacted;

use super::judge::{AT, shows};

/// A token, and behind the end of its line a text. Panics where what is shown of the text has a piece of the token, an
/// address, a control character, or is too long.
pub fn redaction(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    let (token, text) = input.split_once('\n').unwrap_or(("", &input));
    // Others are not sent.
    let is_token = token.len() >= 8 && token.bytes().all(|byte| byte.is_ascii_graphic());
    let shown = redacted(text, is_token.then(|| token.into()).as_ref());
    // What stands in a token's place is no piece of it, nor is a bracket of that with what is left behind it.
    let words = ["[token]", "[number]", "[address]"];
    let stands_in_words = |token: &str| token.contains(['[', ']']) || words.iter().any(|words| shows(words, token));
    assert!(!is_token || stands_in_words(token) || !shows(&shown, token), "{token}: {shown}");
    assert!(shown.chars().count() <= 160 && !shown.contains(char::is_control), "{shown:?}");
    assert!(!shown.contains(AT), "{shown}");
}
