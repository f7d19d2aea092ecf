//! The status page: what the exporter knows and doesn't know, for a person. Plain HTML, no script, nothing loaded.
//!
//! [`render`] lays the page out; `words` and `advice` say things in the reader's language, `when` writes times in the
//! operation's zone, `clean` keeps characters out that could make it look like another page.

mod advice;
mod clean;
mod lang;
mod when;
mod words;

#[cfg(test)]
mod tests;

pub use lang::Lang;

use maud::{DOCTYPE, Markup, PreEscaped, display, html};

use self::advice::{advice, of_outcome};
use self::when::{When, age_text, took};
use self::words::{Told, number, summary, tell};
use crate::operation::ended::EndedPoll;
use crate::operation::status::{OperationStatus, State, Status};

/// The whole page. Links are relative, so that they also hold behind a proxy that serves it under a prefix.
pub fn render(status: &Status, lang: Lang, telemetry_path: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(lang.code()) {
            head { (head(status, lang)) }
            body {
                header {
                    h1 { "wolkvox-exporter" }
                    (languages(lang))
                }
                main {
                    @if !status.ready {
                        p.notice {
                            (lang.pick(
                                "The ledger is not open and loaded yet.",
                                "El registro (ledger) aún no está abierto y cargado.",
                            ))
                        }
                    }
                    p.summary { (summary(&status.operations, lang)) }
                    @for operation in &status.operations {
                        (section(operation, lang, &When::new(lang, &operation.timezone, status.now)))
                    }
                }
                footer { (foot(status, lang, telemetry_path)) }
            }
        }
    };
    clean::clean(page.into_string())
}

fn head(status: &Status, lang: Lang) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="color-scheme" content="light dark";
        title { "wolkvox-exporter: " (summary(&status.operations, lang)) }
        style { (PreEscaped(include_str!("style.css"))) }
    }
}

fn languages(lang: Lang) -> Markup {
    html! {
        nav aria-label=(lang.pick("Language", "Idioma")) {
            @for other in Lang::ALL {
                @if other == lang {
                    span aria-current="true" { (other.name()) }
                } @else {
                    a href={ "?lang=" (other.code()) } hreflang=(other.code()) lang=(other.code()) { (other.name()) }
                }
            }
        }
    }
}

fn section(operation: &OperationStatus, lang: Lang, when: &When) -> Markup {
    let told = tell(operation, lang, when);
    html! {
        section {
            h2 { (operation.name) " " span.badge.(class(&operation.state)) { (told.word) } }
            (state(&told, lang))
            (facts(operation, lang))
            @if operation.last_polls.is_empty() {
                p.muted { (lang.pick("No poll has ended yet.", "Todavía no ha terminado ninguna consulta.")) }
            } @else {
                (polls(operation, lang, when))
            }
        }
    }
}

const fn class(state: &State) -> &'static str {
    match state {
        State::Starting => "starting",
        State::Current => "current",
        State::CatchingUp => "catching-up",
        State::Failing(_) => "failing",
        State::Paused { .. } => "paused",
    }
}

fn state(told: &Told, lang: Lang) -> Markup {
    html! {
        p { @for sentence in &told.sentences { (prose(sentence)) " " } }
        @if let Some(trouble) = &told.trouble {
            dl.trouble {
                dt { (lang.pick("What happened", "Qué pasó")) }
                dd { (prose(trouble.happened)) }
                dt { (lang.pick("What happens next", "Qué sigue")) }
                dd { (prose(&trouble.next)) }
                dt { (lang.pick("What to do", "Qué hacer")) }
                dd { (prose(trouble.to_do)) }
                @if !trouble.message.is_empty() {
                    dt { (lang.pick("In technical terms", "En términos técnicos")) }
                    dd lang="en" { code { (trouble.message) } }
                }
            }
        }
    }
}

/// A sentence in which no date and no offset is broken at its hyphen. (A hyphen that does not break would, but a page
/// can't be searched for a date written with it.)
fn prose(sentence: &str) -> Markup {
    html! {
        @for (i, word) in sentence.split(' ').enumerate() {
            @if i > 0 { " " }
            @if word.contains('-') && word.contains(|c: char| c.is_ascii_digit()) {
                span.whole { (word) }
            } @else {
                (word)
            }
        }
    }
}

fn facts(operation: &OperationStatus, lang: Lang) -> Markup {
    let last_window = operation.last_window_calls.map_or("—".to_owned(), number);
    let series = match (operation.series_on_hold, lang) {
        (0, _) => number(operation.series as u64),
        (held, Lang::En) => format!("{}, {} of them new", number(operation.series as u64), number(held as u64)),
        (held, Lang::Es) => format!("{}, {} de ellas nuevas", number(operation.series as u64), number(held as u64)),
    };
    let facts = [
        (lang.pick("Abandoned in the last window", "Abandonadas en la última ventana"), last_window),
        (lang.pick("Abandoned in total", "Abandonadas en total"), number(operation.calls_total)),
        (lang.pick("Series", "Series"), series),
        (lang.pick("Window", "Ventana"), age_text(operation.interval)),
        (lang.pick("Server", "Servidor"), operation.server.clone()),
    ];
    html! {
        dl.facts { @for (term, fact) in facts { div { dt { (term) } dd { (fact) } } } }
    }
}

/// The last polls, newest first. On a narrow screen each row becomes a block whose cells are named by `data-label`.
fn polls(operation: &OperationStatus, lang: Lang, when: &When) -> Markup {
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
        table {
            caption { (lang.pick("Last polls", "Últimas consultas")) }
            thead {
                tr {
                    @for label in words { th scope="col" { (label) } }
                    @for label in numbers { th.n scope="col" { (label) } }
                }
            }
            tbody { @for poll in &operation.last_polls { (row(poll, words, numbers, lang, when)) } }
        }
    }
}

fn row(poll: &EndedPoll, [time, range, result]: [&str; 3], numbers: [&str; 4], lang: Lang, when: &When) -> Markup {
    let counts = [number(poll.rows), number(poll.counted), number(poll.calls.into()), took(lang, poll.took)];
    html! {
        tr {
            td data-label=(time) {
                time datetime=(when.machine(poll.at)) { (when.brief(poll.at)) " " small { (when.offset(poll.at)) } }
            }
            td data-label=(range) { (when.range(poll.range.ini, poll.range.end)) }
            td data-label=(result) { (outcome(poll, lang)) }
            @for (label, count) in numbers.into_iter().zip(counts) { td.n data-label=(label) { (count) } }
        }
    }
}

fn outcome(poll: &EndedPoll, lang: Lang) -> Markup {
    let (short, name) = match &poll.trouble {
        None => (of_outcome(poll.outcome, lang).short, poll.outcome.as_str()),
        Some(trouble) => (advice(trouble, lang).short, trouble.name()),
    };
    html! {
        span class=[poll.trouble.as_ref().map(|_| "bad")] {
            (short) " " code { (name) }
            @if let Some(trouble) = &poll.trouble { small lang="en" { (display(trouble)) } }
        }
    }
}

fn foot(status: &Status, lang: Lang, telemetry_path: &str) -> Markup {
    let utc = When::utc(lang, status.now);
    let running = age_text(status.now.duration_since(status.started).unsigned_abs());
    let version = match lang {
        Lang::En => format!("Version {}, running for {running}.", status.version),
        Lang::Es => format!("Versión {}, en marcha desde hace {running}.", status.version),
    };
    html! {
        p {
            a href={ "./" (telemetry_path.trim_start_matches('/')) } { (lang.pick("Metrics", "Métricas")) } " "
            a href="./-/healthy" { (lang.pick("Liveness", "Vitalidad")) } " "
            a href="./-/ready" { (lang.pick("Readiness", "Disponibilidad")) }
        }
        p.muted {
            (lang.pick("As of ", "Estado del "))
            time datetime=(utc.machine(status.now)) { (status.now.strftime("%Y-%m-%d %H:%M:%S").to_string()) " UTC" }
            ". " (version)
        }
    }
}
