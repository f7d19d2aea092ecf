use alloc::borrow::Cow;

/// What stands for an empty marker in `skill_id`, its name and `type_interaction`.
pub const UNKNOWN: &str = "unknown";

/// The longest label value, in characters: enough for any name of a person's making, and no more than a page can show.
pub const MAX_LABEL_CHARS: usize = 200;

/// The `skill_id` label. The API writes "no skill" as `""`, `-` or `0`.
pub fn skill_id(text: &str) -> Cow<'_, str> {
    let text = clean(text);
    if is_empty_id(&text) { Cow::Borrowed(UNKNOWN) } else { text }
}

/// The `type_interaction` label.
pub fn type_interaction(text: &str) -> Cow<'_, str> {
    let text = clean(text);
    if is_empty_text(&text) { Cow::Borrowed(UNKNOWN) } else { text }
}

/// The name of a skill; `None` where the API sent none.
pub fn skill_name(text: &str) -> Option<Cow<'_, str>> {
    let text = clean(text);
    (!is_empty_text(&text)).then_some(text)
}

/// Whether a clean id is one of the API's markers for "none".
pub fn is_empty_id(text: &str) -> bool {
    is_empty_text(text) || text == "0"
}

/// Label text: control characters are spaces, no spaces at the ends, at most [`MAX_LABEL_CHARS`] characters.
/// Clean text is returned as it is; cleaning it again changes nothing.
pub fn clean(text: &str) -> Cow<'_, str> {
    // Nearly all labels: nothing to do, and no character to look at twice.
    if let ([b'!'..=b'~', .., b'!'..=b'~'], ..=MAX_LABEL_CHARS) = (text.as_bytes(), text.len())
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    {
        return Cow::Borrowed(text);
    }
    let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    let end = text.char_indices().nth(MAX_LABEL_CHARS).map_or(text.len(), |(at, _)| at);
    // The cut may have laid bare a space.
    let text = text[..end].trim_end_matches(|c: char| c.is_whitespace() || c.is_control());
    if text.contains(char::is_control) { Cow::Owned(text.replace(char::is_control, " ")) } else { Cow::Borrowed(text) }
}

fn is_empty_text(text: &str) -> bool {
    text.is_empty() || text == "-"
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;
    use proptest::prelude::*;

    #[test]
    fn empty_markers_are_unknown() {
        for marker in ["", "-", " - ", "\t"] {
            assert_eq!(skill_id(marker), UNKNOWN, "{marker:?}");
            assert_eq!(type_interaction(marker), UNKNOWN, "{marker:?}");
            assert_eq!(skill_name(marker), None, "{marker:?}");
        }
        assert_eq!(skill_id("0"), UNKNOWN);
        assert_eq!(skill_id("00"), "00");
        assert_eq!(type_interaction("0"), "0");
        assert_eq!(skill_name("0").as_deref(), Some("0"));
    }

    #[test]
    fn control_characters_become_spaces_and_ends_are_trimmed() {
        assert_eq!(clean("\u{0} Ventas\nnuevas\u{85}\t"), "Ventas nuevas");
        assert_eq!(clean("a\r\nb"), "a  b");
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let name = "ñ".repeat(300);
        assert_eq!(clean(&name), "ñ".repeat(MAX_LABEL_CHARS));
        assert_eq!(clean(&format!("{} x", "a".repeat(MAX_LABEL_CHARS - 1))), "a".repeat(MAX_LABEL_CHARS - 1));
    }

    proptest! {
        #[test]
        fn clean_text_is_clean_for_good(text in any::<String>()) {
            let once = clean(&text).into_owned();
            prop_assert!(once.chars().count() <= MAX_LABEL_CHARS);
            prop_assert!(!once.contains(char::is_control));
            prop_assert_eq!(once.trim(), once.as_str());
            prop_assert_eq!(clean(&once), once.as_str());
        }
    }
}
