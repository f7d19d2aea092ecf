use maud::{Markup, display, html};

use super::Lang;
use super::table::{Topic, entry};
use super::told::topic_of;
use super::when::{When, took};
use crate::operation::ended::EndedPoll;

/// The last polls, newest first. On a narrow screen each row becomes a block whose cells are named by `data-label`.
pub(super) fn polls(polls: &[EndedPoll], lang: Lang, when: &When) -> Markup {
    let words = [
        lang.pick("Time", "Hora"),
        lang.pick("Range asked for", "Rango consultado"),
        lang.pick("Outcome", "Resultado"),
    ];
    let numbers = [
        lang.pick("Rows", "Filas"),
        lang.pick("Counted", "Contadas"),
        lang.pick("Calls to the API", "Llamadas a la API"),
        lang.pick("Duration", "Duración"),
    ];
    html! {
        table.polls {
            caption { (lang.pick("Last polls", "Últimas consultas")) }
            thead {
                tr {
                    @for label in words { th scope="col" { (label) } }
                    @for label in numbers { th.n scope="col" { (label) } }
                }
            }
            tbody { @for poll in polls { (row(poll, words, numbers, lang, when)) } }
        }
    }
}

fn row(poll: &EndedPoll, [time, range, result]: [&str; 3], numbers: [&str; 4], lang: Lang, when: &When) -> Markup {
    let counts = [number(poll.rows), number(poll.counted), number(poll.calls.into()), took(lang, poll.took)];
    let (from, to) = when.range(poll.range.ini, poll.range.end);
    html! {
        tr {
            td data-label=(time) {
                time.whole datetime=(when.machine(poll.at)) {
                    (when.brief(poll.at)) " " small { (when.offset(poll.at)) }
                }
            }
            td data-label=(range) { span { span.whole { (from) " –" } " " span.whole { (to) } } }
            td data-label=(result) { (outcome(poll, lang)) }
            @for (label, count) in numbers.into_iter().zip(counts) { td.n data-label=(label) { (count) } }
        }
    }
}

fn outcome(poll: &EndedPoll, lang: Lang) -> Markup {
    let (topic, name) = match &poll.trouble {
        None => (Topic::Call(poll.outcome), poll.outcome.as_str()),
        Some(trouble) => (topic_of(trouble), trouble.name()),
    };
    html! {
        span {
            span class=[poll.trouble.as_ref().map(|_| "trouble")] { (entry(topic, lang).word) }
            " " code { (name) }
            @if let Some(trouble) = &poll.trouble {
                small {
                    (lang.pick("In technical terms", "En términos técnicos")) ": "
                    span.technical lang="en" { (display(trouble)) }
                }
            }
        }
    }
}

/// A whole number with its thousands set apart by a narrow space, which reads the same in both languages.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart_from_five_digits_on() {
        assert_eq!(number(0), "0");
        assert_eq!(number(9999), "9999");
        assert_eq!(number(12_345), "12\u{202f}345");
        assert_eq!(number(123_456), "123\u{202f}456");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
