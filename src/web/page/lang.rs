use exposition::negotiate;

/// The languages of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    En,
    Es,
}

impl Lang {
    pub const ALL: [Self; 2] = [Self::Es, Self::En];

    /// The language for a request: `lang` in the query if it names one of ours, else what `Accept-Language` prefers,
    /// else English.
    pub fn chosen(query: Option<&str>, accept_language: Option<&str>) -> Self {
        let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let asked = pairs.find_map(|(name, value)| if name == "lang" { Self::of_tag(&value) } else { None });
        asked.or_else(|| preferred(accept_language?)).unwrap_or(Self::En)
    }

    /// The language tag (RFC 5646).
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
        }
    }

    /// The language's name for itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Es => "Español",
        }
    }

    /// The text in this language.
    pub const fn pick<'a>(self, en: &'a str, es: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::Es => es,
        }
    }

    /// `es`, `es-CO`, `ES_419`: the part before the region decides.
    fn of_tag(tag: &str) -> Option<Self> {
        let language = tag.split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|lang| language.eq_ignore_ascii_case(lang.code()))
    }
}

/// The first of the languages with the highest weight (RFC 9110, section 12.5.4); `None` if ours are not among them.
fn preferred(accept_language: &str) -> Option<Lang> {
    let mut best: Option<(Lang, u16)> = None;
    for range in negotiate::ranges(accept_language) {
        let Some(lang) = Lang::of_tag(&range.value) else { continue };
        if range.weight > best.map_or(0, |(_, weight)| weight) {
            best = Some((lang, range.weight));
        }
    }
    best.map(|(lang, _)| lang)
}

#[cfg(test)]
mod tests {
    use super::Lang;

    #[track_caller]
    fn check(query: Option<&str>, accept_language: Option<&str>, expected: Lang) {
        assert_eq!(Lang::chosen(query, accept_language), expected);
    }

    #[test]
    fn the_query_beats_the_browser_which_beats_english() {
        check(None, None, Lang::En);
        check(None, Some("es-CO,es;q=0.9,en;q=0.8"), Lang::Es);
        check(Some("lang=en"), Some("es"), Lang::En);
        check(Some("a=b&lang=es"), Some("en"), Lang::Es);
        check(Some("lang=tlh"), Some("es"), Lang::Es);
        check(Some("lang=tlh&lang=%65s"), None, Lang::Es);
        check(Some("lang"), Some("es"), Lang::Es);
    }

    #[test]
    fn the_highest_weight_wins_and_nonsense_is_passed_over() {
        check(None, Some("en;q=0.2, es-419;q=0.7"), Lang::Es);
        check(None, Some("de-CH, fr;q=0.9, *;q=0.1"), Lang::En);
        check(None, Some("es;q=0"), Lang::En);
        check(None, Some("es;Q=0.1, en;q=0.2"), Lang::En);
        check(None, Some("es;q=NaN, en;q=0.1"), Lang::Es);
        check(None, Some(";;,,q=,es;q=2,ES"), Lang::Es);
    }
}
