/// The tags of PHP's own warnings.
const WARNING_TAGS: [&str; 3] = ["a", "b", "br"];

/// Whether a text is of a page: it has other mark-up than a warning of PHP, or begins as no text does.
pub(in crate::wolkvox) fn is_page(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        let tag = text[at + 1..].trim_start_matches('/');
        let name = &tag[..tag.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(tag.len())];
        match tag.chars().next() {
            Some('!' | '?') => true,
            Some(c) if c.is_ascii_alphabetic() => !WARNING_TAGS.iter().any(|known| name.eq_ignore_ascii_case(known)),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_from_a_warning() {
        for page in [
            "<!doctype html>",
            "<!-- login -->",
            "\n<?xml version=\"1.0\"?>",
            "<HTML>",
            "<script>",
            "<title>Log in</title>",
            "<div>",
            "<center>nginx</center>",
            "text and <p>",
            "</body>",
            "<bdo>",
        ] {
            assert!(is_page(page), "{page}");
        }
        for text in ["", "Warning: a < b", "<br />\n<b>Warning</b>: x", "<a href='function.x'>x</a>", "<BR>", "3 <4"] {
            assert!(!is_page(text), "{text}");
        }
    }
}
