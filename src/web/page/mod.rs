//! The status page: what the exporter knows and doesn't know, for a person. Plain HTML, no script, nothing loaded.
//!
//! [`render`] lays the page out; `told` finds what is true of an operation and takes the words from `table`, where all
//! states stand in both languages; `reports` has the words for each report, `today` is the day so far and the last 24 hours,
//! `compared` the last day beside the vendor's own totals, `polls` the table of the last polls, `when` writes times in the operation's zone,
//! `clean` keeps characters out that could make the page look like another one.

mod clean;
mod compared;
mod lang;
mod polls;
mod reports;
mod table;
mod today;
mod told;
mod when;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use jiff::Timestamp;
pub use lang::Lang;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::polls::{number, polls};
use self::reports::Words;
use self::told::{Group, Point, Technical, Told, summary};
use self::when::{When, age_text};
use crate::operation::status::{OperationStatus, Status};
use crate::wolkvox::client::TokenUses;
pub use told::Explained;

/// The whole page. Links are relative, so that they also hold behind a proxy that serves it under a prefix.
pub fn render(status: &Status, lang: Lang, telemetry_path: &str) -> String {
    let when = |operation: &OperationStatus| When::new(lang, &operation.timezone, status.now);
    let numbered = status.operations.iter().zip(1..);
    let mut all: Vec<_> = numbered.map(|(each, number)| Told::new(each, number, lang, &when(each))).collect();
    all.sort_by_key(|told| Reverse(told.level()));
    let groups = summary(&all, lang);
    let own = told::of_exporter(status, lang);
    let page = html! {
        (DOCTYPE)
        html lang=(lang.code()) {
            head { (head(&own, &groups)) }
            body {
                header {
                    h1 { "wolkvox-exporter" }
                    (languages(lang))
                }
                main {
                    @if !own.is_empty() { (exporter(&own, lang)) }
                    @for group in &groups { (sentence(group, lang)) }
                    @for told in &all { (section(told, lang, &when(told.operation))) }
                }
                footer { (foot(status, lang, telemetry_path)) }
            }
        }
    };
    clean::clean(page.into_string())
}

fn head(own: &[Point], groups: &[Group]) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="color-scheme" content="light dark";
        title {
            "wolkvox-exporter"
            @for point in own { ": " (point.word) }
            @for group in groups { ": " (group.sentence) }
        }
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

/// What is true of the exporter itself.
fn exporter(own: &[Point], lang: Lang) -> Markup {
    html! {
        section id="exporter" {
            h2 {
                (lang.pick("The exporter itself", "El exportador mismo"))
                (badges(own))
            }
            @for point in own { (explained(point, lang)) }
        }
    }
}

fn badges(points: &[Point]) -> Markup {
    html! { @for point in points { " " span.badge.(point.level.class()) { (point.word) } } }
}

/// A sentence of the summary, with links to those that it is about; those of which the same is said stand together.
fn sentence(group: &Group, lang: Lang) -> Markup {
    let mut alike: Vec<(&str, Vec<&Told>)> = Vec::new();
    for told in &group.members {
        let word = told.points.first().map_or("", |point| point.word);
        match alike.iter_mut().find(|(known, _)| *known == word) {
            Some((_, members)) => members.push(told),
            None => alike.push((word, vec![told])),
        }
    }
    html! {
        p.summary {
            (group.sentence)
            @for (i, (word, members)) in alike.iter().enumerate() {
                (if i == 0 { ": " } else { "; " })
                @for (i, told) in members.iter().enumerate() {
                    @if i > 0 { ", " }
                    a href={ "#" (told.id) } { (name(told.operation, lang)) }
                }
                " (" (word) ")"
            }
            "."
        }
    }
}

/// An operation's name, with that of the report where it has several. Names may be written from right to left, and what
/// stands beside them is not.
fn name(operation: &OperationStatus, lang: Lang) -> Markup {
    html! {
        bdi { (operation.name) }
        @if !operation.is_alone { ", " (Words::of(operation.report, lang).calls) }
    }
}

fn section(told: &Told, lang: Lang, when: &When) -> Markup {
    let calm = told.points.iter().filter(|point| !point.level.is_trouble());
    let trouble = told.points.iter().filter(|point| point.level.is_trouble());
    html! {
        section id=(told.id) {
            h2 {
                (name(told.operation, lang))
                (badges(&told.points))
            }
            p { (prose(&told.data)) }
            @for point in calm {
                p {
                    (prose(&point.happened)) " " (prose(&point.follows))
                    @if let Some(to_do) = &point.to_do { " " (prose(to_do)) }
                }
            }
            @for point in trouble { (explained(point, lang)) }
            (facts(told.operation, lang, when))
            @if let Some(today) = &told.operation.today { (today::today(today, Words::of(told.operation.report, lang), told.doubted, lang, when)) }
            @if let Some(kept) = &told.operation.reconciliation { (compared::compared(told.operation, kept, lang)) }
            @if told.operation.last_polls.is_empty() {
                p.muted { (lang.pick("No poll has ended yet.", "Todavía no ha terminado ninguna consulta.")) }
            } @else {
                (polls(&told.operation.last_polls, lang, when))
            }
        }
    }
}

fn explained(point: &Point, lang: Lang) -> Markup {
    html! {
        dl.point.(point.level.class()) {
            dt { (lang.pick("What happened", "Qué pasó")) }
            dd { (prose(&point.happened)) }
            dt { (lang.pick("What happens next", "Qué sigue")) }
            dd { (prose(&point.follows)) }
            @if let Some(to_do) = &point.to_do {
                dt { (lang.pick("What to do", "Qué hacer")) }
                dd { (prose(to_do)) }
            }
            @match &point.technical {
                Some(Technical::Ours(text)) => {
                    dt { (lang.pick("In technical terms", "En términos técnicos")) }
                    dd.technical { (prose(text)) }
                }
                Some(Technical::English(text)) => {
                    dt { (lang.pick("In technical terms", "En términos técnicos, en inglés")) }
                    dd.technical lang="en" { code { (text) } }
                }
                None => {}
            }
        }
    }
}

/// A sentence in which no date and no offset is broken at its hyphen, and a setting's name looks like one. (A hyphen that
/// does not break would keep them whole too, but a page can't be searched for a date written with it.)
fn prose(sentence: &str) -> Markup {
    html! {
        @for (i, part) in sentence.split('`').enumerate() {
            @if i % 2 == 1 {
                code.whole { (part) }
            } @else {
                @for (i, word) in part.split(' ').enumerate() {
                    @if i > 0 { " " }
                    @if word.contains('-') && word.contains(|c: char| c.is_ascii_digit()) {
                        span.whole { (word) }
                    } @else {
                        (word)
                    }
                }
            }
        }
    }
}

fn facts(operation: &OperationStatus, lang: Lang, when: &When) -> Markup {
    let last_window = operation.last_window_calls.map_or("—".to_owned(), number);
    let held = number(operation.series_on_hold as u64);
    let series = match (operation.series_on_hold, lang) {
        (0, _) => None,
        (_, Lang::En) => Some(format!("{held} of them new")),
        (_, Lang::Es) => Some(format!("{held} de ellas nuevas")),
    };
    let words = Words::of(operation.report, lang);
    let since = format!("{} {}", lang.pick("since", "desde"), when.dated(operation.since));
    let token_uses = operation.token_uses.map(|uses| token_uses(uses, lang));
    let facts = [
        (words.last_window, last_window, None),
        (words.total, number(operation.calls_total), Some(since)),
        (lang.pick("Series", "Series"), number(operation.series as u64), series),
        (lang.pick("Window", "Ventana"), age_text(operation.interval), None),
        (lang.pick("Server", "Servidor"), operation.server.clone(), None),
    ];
    html! {
        dl.facts {
            @for (term, fact, more) in facts.into_iter().chain(token_uses) {
                div {
                    dt { (term) }
                    dd { (fact) @if let Some(more) = more { " " small { (prose(&more)) } } }
                }
            }
        }
    }
}

/// How many calls of the API are left, as far as it was told.
fn token_uses(uses: TokenUses, lang: Lang) -> (&'static str, String, Option<String>) {
    let made = uses.today.map(|made| match lang {
        Lang::En => format!("{} made with this token", number(made)),
        Lang::Es => format!("{} hechas con este token", number(made)),
    });
    let limit = uses.limit.map(|limit| match lang {
        Lang::En => format!("limit {}", number(limit)),
        Lang::Es => format!("límite {}", number(limit)),
    });
    let more = [made, limit].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let left = uses.remaining.map_or("—".to_owned(), number);
    (lang.pick("API calls left today", "Llamadas a la API disponibles hoy"), left, (!more.is_empty()).then_some(more))
}

fn foot(status: &Status, lang: Lang, telemetry_path: &str) -> Markup {
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
            @if let Some(url) = &status.links.dashboards {
                " " a href=(url) rel="noreferrer" { (lang.pick("Dashboards", "Tableros")) }
            }
            @if let Some(url) = &status.links.alerts {
                " " a href=(url) rel="noreferrer" { (lang.pick("Alerts", "Alertas")) }
            }
        }
        p.muted {
            (lang.pick("As of ", "Estado del "))
            time datetime=(When::utc(lang, status.now).machine(status.now)) { (prose(&as_of(status, lang))) }
            ". " (version)
        }
    }
}

/// The page's moment, once in each zone of its operations.
fn as_of(status: &Status, lang: Lang) -> String {
    let now: Timestamp = status.now;
    let mut zones: Vec<&str> = status.operations.iter().map(|operation| operation.timezone.as_str()).collect();
    zones.sort_unstable();
    zones.dedup();
    if zones.is_empty() {
        zones.push("UTC");
    }
    let moments = zones.into_iter().map(|zone| {
        let when = When::new(lang, zone, now);
        format!("{} ({})", when.full(now), when.zone(now))
    });
    moments.collect::<Vec<_>>().join("; ")
}
