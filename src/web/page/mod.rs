//! The status page: what the exporter knows and doesn't know, for a person. Plain HTML, no script, nothing loaded.
//!
//! [`render`] lays the page out; `words` and `advice` say things in the reader's language, `when` writes times in the
//! operation's zone, `html` keeps text from becoming markup.

mod advice;
mod html;
mod lang;
mod when;
mod words;

#[cfg(test)]
mod tests;

pub use lang::Lang;

use self::advice::{advice, of_outcome};
use self::html::Html;
use self::when::{When, age_text, took};
use self::words::{Told, number, summary, tell};
use crate::operation::ended::EndedPoll;
use crate::operation::status::{OperationStatus, State, Status};

/// The whole page. Links are relative, so that they also hold behind a proxy that serves it under a prefix.
pub fn render(status: &Status, lang: Lang, telemetry_path: &str) -> String {
    let mut h = Html::default();
    head(&mut h, status, lang);
    if !status.ready {
        h.element(
            "<p class=\"notice\">",
            lang.pick("The ledger is not open and loaded yet.", "El registro (ledger) aún no está abierto y cargado."),
            "</p>\n",
        );
    }
    h.element("<p class=\"summary\">", &summary(&status.operations, lang), "</p>\n");
    for operation in &status.operations {
        section(&mut h, operation, lang, &When::new(lang, &operation.timezone, status.now));
    }
    foot(&mut h, status, lang, telemetry_path);
    h.into_string()
}

fn head(h: &mut Html, status: &Status, lang: Lang) {
    h.raw("<!DOCTYPE html>\n<html lang=\"").raw(lang.code()).raw("\">\n<head>\n<meta charset=\"utf-8\">\n");
    h.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    h.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    h.raw("<title>wolkvox-exporter: ").text(&summary(&status.operations, lang)).raw("</title>\n");
    h.raw("<style>\n").raw(include_str!("style.css")).raw("</style>\n</head>\n<body>\n<header>\n");
    h.raw("<h1>wolkvox-exporter</h1>\n<nav aria-label=\"").text(lang.pick("Language", "Idioma")).raw("\">");
    for other in Lang::ALL {
        if other == lang {
            h.element("<span aria-current=\"true\">", other.name(), "</span>");
        } else {
            h.raw("<a href=\"?lang=").raw(other.code()).raw("\" hreflang=\"").raw(other.code()).raw("\" lang=\"");
            h.raw(other.code()).raw("\">").text(other.name()).raw("</a>");
        }
    }
    h.raw("</nav>\n</header>\n<main>\n");
}

fn section(h: &mut Html, operation: &OperationStatus, lang: Lang, when: &When) {
    let told = tell(operation, lang, when);
    h.raw("<section>\n<h2>").text(&operation.name).raw(" <span class=\"badge ").raw(class(&operation.state));
    h.raw("\">").text(told.word).raw("</span></h2>\n");
    state(h, &told, lang);
    facts(h, operation, lang);
    if operation.last_polls.is_empty() {
        let none = lang.pick("No poll has ended yet.", "Todavía no ha terminado ninguna consulta.");
        h.element("<p class=\"muted\">", none, "</p>\n");
    } else {
        polls(h, operation, lang, when);
    }
    h.raw("</section>\n");
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

fn state(h: &mut Html, told: &Told, lang: Lang) {
    h.raw("<p>");
    for (i, sentence) in told.sentences.iter().enumerate() {
        h.raw(if i == 0 { "" } else { " " });
        prose(h, sentence);
    }
    h.raw("</p>\n");
    let Some(trouble) = &told.trouble else { return };
    h.raw("<dl class=\"trouble\">\n");
    for (term, text) in [
        (lang.pick("What happened", "Qué pasó"), trouble.happened),
        (lang.pick("What happens next", "Qué sigue"), &trouble.next),
        (lang.pick("What to do", "Qué hacer"), trouble.to_do),
    ] {
        h.element("<dt>", term, "</dt>").raw("<dd>");
        prose(h, text);
        h.raw("</dd>\n");
    }
    if !trouble.message.is_empty() {
        h.element("<dt>", lang.pick("In technical terms", "En términos técnicos"), "</dt>");
        h.element("<dd lang=\"en\"><code>", &trouble.message, "</code></dd>\n");
    }
    h.raw("</dl>\n");
}

/// A sentence in which no date and no offset is broken at its hyphen. (A hyphen that does not break would, but a page
/// can't be searched for a date written with it.)
fn prose(h: &mut Html, sentence: &str) {
    for (i, word) in sentence.split(' ').enumerate() {
        h.raw(if i == 0 { "" } else { " " });
        if word.contains('-') && word.contains(|c: char| c.is_ascii_digit()) {
            h.element("<span class=\"whole\">", word, "</span>");
        } else {
            h.text(word);
        }
    }
}

fn facts(h: &mut Html, operation: &OperationStatus, lang: Lang) {
    let last_window = operation.last_window_calls.map_or("—".to_owned(), number);
    let series = match (operation.series_on_hold, lang) {
        (0, _) => number(operation.series as u64),
        (held, Lang::En) => format!("{}, {} of them new", number(operation.series as u64), number(held as u64)),
        (held, Lang::Es) => format!("{}, {} de ellas nuevas", number(operation.series as u64), number(held as u64)),
    };
    h.raw("<dl class=\"facts\">\n");
    for (term, fact) in [
        (lang.pick("Abandoned in the last window", "Abandonadas en la última ventana"), last_window),
        (lang.pick("Abandoned in total", "Abandonadas en total"), number(operation.calls_total)),
        (lang.pick("Series", "Series"), series),
        (lang.pick("Window", "Ventana"), age_text(operation.interval)),
        (lang.pick("Server", "Servidor"), operation.server.clone()),
    ] {
        h.element("<div><dt>", term, "</dt>").element("<dd>", &fact, "</dd></div>\n");
    }
    h.raw("</dl>\n");
}

/// The last polls, newest first. On a narrow screen each row becomes a block whose cells are named by `data-label`.
fn polls(h: &mut Html, operation: &OperationStatus, lang: Lang, when: &When) {
    let labels = [
        lang.pick("Time", "Hora"),
        lang.pick("Range asked for", "Rango consultado"),
        lang.pick("Outcome", "Resultado"),
        lang.pick("Rows", "Filas"),
        lang.pick("Counted", "Contadas"),
        lang.pick("Calls to the API", "Llamadas a la API"),
        lang.pick("Duration", "Duración"),
    ];
    h.raw("<table>\n<caption>").text(lang.pick("Last polls", "Últimas consultas")).raw("</caption>\n<thead><tr>");
    for (i, label) in labels.into_iter().enumerate() {
        h.raw(if i < 3 { "<th scope=\"col\">" } else { "<th scope=\"col\" class=\"n\">" }).text(label).raw("</th>");
    }
    h.raw("</tr></thead>\n<tbody>\n");
    for poll in &operation.last_polls {
        h.raw("<tr><td data-label=\"").text(labels[0]).raw("\"><time datetime=\"").text(&when.machine(poll.at));
        h.raw("\">").text(&when.brief(poll.at)).raw(" <small>").text(&when.offset(poll.at)).raw("</small></time></td>");
        h.raw("<td data-label=\"").text(labels[1]).raw("\">");
        h.text(&when.range(poll.range.ini, poll.range.end)).raw("</td>");
        h.raw("<td data-label=\"").text(labels[2]).raw("\">");
        outcome(h, poll, lang);
        h.raw("</td>");
        let numbers = [number(poll.rows), number(poll.counted), number(poll.calls.into()), took(lang, poll.took)];
        for (label, number) in labels[3..].iter().zip(numbers) {
            h.raw("<td class=\"n\" data-label=\"").text(label).raw("\">").text(&number).raw("</td>");
        }
        h.raw("</tr>\n");
    }
    h.raw("</tbody>\n</table>\n");
}

fn outcome(h: &mut Html, poll: &EndedPoll, lang: Lang) {
    let (markup, short, name) = match &poll.trouble {
        None => ("<span>", of_outcome(poll.outcome, lang).short, poll.outcome.as_str()),
        Some(trouble) => ("<span class=\"bad\">", advice(trouble, lang).short, trouble.name()),
    };
    h.raw(markup).text(short).raw(" <code>").text(name).raw("</code>");
    if let Some(trouble) = &poll.trouble {
        h.element("<small lang=\"en\">", &trouble.to_string(), "</small>");
    }
    h.raw("</span>");
}

fn foot(h: &mut Html, status: &Status, lang: Lang, telemetry_path: &str) {
    const PROJECT: &str = env!("CARGO_PKG_REPOSITORY");
    let utc = When::utc(lang, status.now);
    h.raw("</main>\n<footer>\n<p><a href=\"./").text(telemetry_path.trim_start_matches('/')).raw("\">");
    h.text(lang.pick("Metrics", "Métricas")).raw("</a> <a href=\"./-/healthy\">");
    h.text(lang.pick("Liveness", "Vitalidad")).raw("</a> <a href=\"./-/ready\">");
    h.text(lang.pick("Readiness", "Disponibilidad")).raw("</a>");
    if !PROJECT.is_empty() {
        h.raw(" <a href=\"").raw(PROJECT).raw("\">").text(lang.pick("Project", "Proyecto")).raw("</a>");
    }
    h.raw("</p>\n<p class=\"muted\">").text(lang.pick("As of ", "Estado del "));
    h.raw("<time datetime=\"").text(&utc.machine(status.now)).raw("\">");
    h.text(&status.now.strftime("%Y-%m-%d %H:%M:%S").to_string()).raw(" UTC</time>. ");
    let running = age_text(status.now.duration_since(status.started).unsigned_abs());
    h.text(&match lang {
        Lang::En => format!("Version {}, running for {running}.", status.version),
        Lang::Es => format!("Versión {}, en marcha desde hace {running}.", status.version),
    });
    h.raw("</p>\n</footer>\n</body>\n</html>\n");
}
