/// HTML in the making. What is in the program is markup, what comes at run time is text: `raw` takes nothing else than
/// literals, so that no name from outside can become markup.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    pub fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, between tags or inside an attribute's double quotes.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Not allowed in HTML, or (U+202A to U+202E, U+2066 to U+2069) would turn what stands beside them.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => self.0.push('\u{fffd}'),
                c if c.is_control() => self.0.push(' '),
                c => self.0.push(c),
            }
        }
        self
    }

    /// A whole element without attributes, for instance `element("<p>", text, "</p>")`.
    pub fn element(&mut self, open: &'static str, text: &str, close: &'static str) -> &mut Self {
        self.raw(open).text(text).raw(close)
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Html;

    #[test]
    fn text_can_not_leave_its_place() {
        let mut html = Html::default();
        html.raw("<a title=\"").text("\"><script>alert('&')</script>\n\u{0}\u{202e}é").raw("\">");
        assert_eq!(
            html.into_string(),
            "<a title=\"&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;  \u{fffd}é\">"
        );
    }
}
