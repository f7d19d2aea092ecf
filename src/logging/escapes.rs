use std::io::{self, Write};
use std::str::Chars;

/// Passes on lines of logfmt with other escapes: readers of logfmt take a quoted value for a string of JSON, and
/// `tracing-logfmt` writes those of Rust, of which some are none in JSON (`\'`, `\0`, `\u{1b}`).
#[derive(Debug)]
pub struct Escapes<W>(pub W);

impl<W: Write> Write for Escapes<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(as_in_json(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn as_in_json(line: &str) -> String {
    let (mut written, mut chars, mut is_quoted) = (String::with_capacity(line.len()), line.chars(), false);
    while let Some(char) = chars.next() {
        // Outside quotes it is itself.
        if char == '\\' && is_quoted {
            escape(&mut chars, &mut written);
            continue;
        }
        is_quoted ^= char == '"';
        written.push(char);
    }
    written
}

/// Writes the escape that begins behind the backslash.
fn escape(chars: &mut Chars<'_>, written: &mut String) {
    match chars.next() {
        Some('\'') => written.push('\''),
        Some('0') => written.push_str("\\u0000"),
        Some('u') => {
            let digits: String = chars.by_ref().skip(1).take_while(|&char| char != '}').collect();
            let char = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
            for unit in char.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf16(&mut [0; 2]) {
                written.push_str(&format!("\\u{unit:04x}"));
            }
        }
        other => written.extend(['\\'].into_iter().chain(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_json() {
        for (rust, json) in [
            (r#"a=1 message="it\'s \"so\"\n" b=c"#, r#"a=1 message="it's \"so\"\n" b=c"#),
            (r#"a="\u{1b}[31m\0 \t\r\\""#, r#"a="\u001b[31m\u0000 \t\r\\""#),
            (r#"a="\u{202e} \u{e0001}\\u{301}""#, r#"a="\u202e \udb40\udc01\\u{301}""#),
            // None of them is in quotes, or an escape.
            (r"path=C:\'\0\u{1b} b=\", r"path=C:\'\0\u{1b} b=\"),
            (r#"a="x" b=\' c="\'""#, r#"a="x" b=\' c="'""#),
            ("", ""),
        ] {
            assert_eq!(as_in_json(rust), json);
        }
    }

    /// Whatever is logged.
    #[test]
    fn what_is_quoted_is_read_as_it_was() {
        for char in ('\0'..='\u{3000}').chain(['\u{feff}', '\u{1f600}', '\u{e0041}', char::MAX]) {
            let value = format!(" {char}\"\\{char}'");
            let line = as_in_json(&format!("\"{}\"", value.escape_debug()));
            assert_eq!(serde_json::from_str::<String>(&line).ok(), Some(value), "{line}");
        }
    }
}
