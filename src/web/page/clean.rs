/// The finished page without characters that could make it look like another one. It is done to the whole page, so that
/// no text gets past it, wherever it came from and whatever it stands in. (Markup is maud's to escape.)
///
/// Bidirectional controls (U+202A to U+202E, U+2066 to U+2069) would turn what stands beside them and become U+FFFD;
/// control characters, which HTML doesn't allow, become spaces.
pub(super) fn clean(page: String) -> String {
    if !page.contains(|c| replacement(c).is_some()) {
        return page;
    }
    page.chars().map(|c| replacement(c).unwrap_or(c)).collect()
}

fn replacement(c: char) -> Option<char> {
    match c {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some(char::REPLACEMENT_CHARACTER),
        '\n' => None,
        c if c.is_control() => Some(' '),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn what_would_turn_or_break_the_text_is_replaced() {
        for (text, cleaned) in [
            ("año\n5 ≥ 4", "año\n5 ≥ 4"),
            ("a\u{202e}b\u{2066}c\u{2069}", "a\u{fffd}b\u{fffd}c\u{fffd}"),
            ("a\u{0}b\tc\rd\u{7f}e\u{85}f", "a b c d e f"),
        ] {
            assert_eq!(clean(text.to_owned()), cleaned);
        }
    }
}
