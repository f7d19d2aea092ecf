//! The grammar of `Accept`, `Accept-Encoding` and `Accept-Language` (RFC 9110 §12.4.2 and §12.5).

/// One element of the header: a media range, a coding or a language, with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// In lower case, without parameters.
    pub value: String,
    /// The `q` in thousandths: 1000 if absent. An unreadable one counts as absent.
    pub weight: u16,
    parameters: Vec<(String, String)>,
}

impl Range {
    /// The value of a parameter, by its name in lower case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(present, _)| present == name).map(|(_, value)| value.as_str())
    }
}

/// A client has no business to send more; the rest is not read.
const MOST_RANGES: usize = 64;

/// The header's elements in their order. What can't be read is left out.
pub fn ranges(header: &str) -> Vec<Range> {
    split(header, ',').filter_map(range).take(MOST_RANGES).collect()
}

fn range(text: &str) -> Option<Range> {
    let mut parts = split(text, ';');
    let value = parts.next()?.trim().to_ascii_lowercase();
    if value.is_empty() {
        return None;
    }
    let mut range = Range { value, weight: HEAVIEST, parameters: Vec::new() };
    for part in parts {
        let Some((name, value)) = part.split_once('=') else { continue };
        let (name, value) = (name.trim().to_ascii_lowercase(), unquoted(value.trim()));
        if name == "q" {
            range.weight = weight(&value).unwrap_or(HEAVIEST);
        } else {
            range.parameters.push((name, value));
        }
    }
    Some(range)
}

const HEAVIEST: u16 = 1000;

fn weight(text: &str) -> Option<u16> {
    let weight: f64 = text.parse().ok()?;
    (0.0..=1.0).contains(&weight).then(|| (weight * f64::from(HEAVIEST)).round() as u16)
}

fn unquoted(text: &str) -> String {
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(inside) => inside.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => text.to_owned(),
    }
}

/// Splits at a separator that isn't inside a quoted string.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let ends = c == separator && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        ends
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_and_weights_are_read() {
        let read = ranges("Text/Plain ; Version=\"0.0.4\" ; q=0.25 , a/b;x=\"1,2;3\\\"\", , c/d;q=nonsense;flag");
        let named = |value: &str, weight, parameters: &[(&str, &str)]| Range {
            value: value.to_owned(),
            weight,
            parameters: parameters.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        };
        assert_eq!(
            read,
            [
                named("text/plain", 250, &[("version", "0.0.4")]),
                named("a/b", 1000, &[("x", "1,2;3\"")]),
                named("c/d", 1000, &[]),
            ]
        );
    }

    #[test]
    fn weights_outside_the_scale_are_ignored() {
        for (text, expected) in [("0", Some(0)), ("1.000", Some(1000)), ("2", None), ("-1", None), ("NaN", None)] {
            assert_eq!(weight(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_read(header in any::<String>()) {
            prop_assert!(ranges(&header).len() <= MOST_RANGES);
        }
    }
}
