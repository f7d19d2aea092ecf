use domain::reconciliation::{NotCompared, OfReport, Reading, Reconciled, Reconciliation};
use maud::{Markup, html};

use super::polls::number;
use super::{Lang, prose};
use crate::operation::status::OperationStatus;

/// A page is read, not scrolled: the other skills are told by their number.
const MOST_SKILLS: usize = 15;

/// The last day of a report beside the vendor's own totals.
pub(super) fn compared(operation: &OperationStatus, kept: &Reconciliation, lang: Lang) -> Markup {
    let of_report = kept.reports.get(operation.report.name);
    let title = lang.pick("Beside wolkvox's own totals", "Frente a los totales de wolkvox");
    html! {
        div.compared {
            h3 { (title) @if let Some(day) = kept.day { ": " span.whole { (day) } } }
            @for sentence in sentences(kept, of_report, lang) { p { (prose(&sentence)) } }
        }
    }
}

fn sentences(kept: &Reconciliation, of_report: Option<&OfReport>, lang: Lang) -> Vec<String> {
    if kept.day.is_none() {
        let none = lang.pick(
            "No day has been compared yet. The first one will be the first that is counted whole, some hours after its end.",
            "Todavía no se ha comparado ningún día. El primero será el primero que se cuente entero, unas horas después de \
             terminar.",
        );
        return vec![none.to_owned()];
    }
    let Some(OfReport { reconciled: Some(day), readings }) = of_report else {
        let not_whole = lang.pick(
            "This report was not compared: it has not read all of that day.",
            "Este reporte no se comparó: no ha leído todo ese día.",
        );
        return vec![not_whole.to_owned()];
    };
    let reading = readings.shown();
    let mut told = vec![differences(day, reading, lang)];
    if readings.days() > 0 {
        let [all, voice, inbound] = Reading::ALL.map(|reading| number(readings.days_of(reading) as u64));
        let (days, by) = (number(readings.days() as u64), words(reading, lang));
        told.push(match lang {
            Lang::En => format!(
                "Nobody has published which calls those totals have. Days that agreed, of {days}: all types {all}, telephone \
                 {voice}, inbound only {inbound}. The differences are by: {by}."
            ),
            Lang::Es => format!(
                "Nadie ha publicado qué llamadas incluyen esos totales. Días que coincidieron, de {days}: todos los tipos \
                 {all}, solo telefonía {voice}, solo entrantes {inbound}. Las diferencias son según: {by}."
            ),
        });
    }
    told.extend(not_compared(day, lang));
    if day.uncounted_rows > 0 {
        let rows = number(day.uncounted_rows);
        told.push(match lang {
            Lang::En => {
                format!("Rows that may be of that day and could not be counted: {rows}. They may be a difference.")
            }
            Lang::Es => {
                format!("Filas que pueden ser de ese día y no se pudieron contar: {rows}. Pueden ser una diferencia.")
            }
        });
    }
    told
}

fn words(reading: Reading, lang: Lang) -> &'static str {
    match reading {
        Reading::AllTypes => lang.pick("all types", "todos los tipos"),
        Reading::Voice => lang.pick("telephone", "solo telefonía"),
        Reading::InboundOnly => lang.pick("inbound only", "solo entrantes"),
    }
}

fn differences(day: &Reconciled, reading: Reading, lang: Lang) -> String {
    let compared = day.by(reading).count();
    let mut differing: Vec<_> = day.by(reading).filter(|(_, _, difference)| *difference != 0).collect();
    differing.sort_by_key(|(_, _, difference)| std::cmp::Reverse(difference.unsigned_abs()));
    let skills = number(compared as u64);
    match (compared, day.skills.len(), lang) {
        (0, 0, Lang::En) => "Neither side has a call of that day.".to_owned(),
        (0, 0, Lang::Es) => "Ninguno de los dos tiene llamadas de ese día.".to_owned(),
        (0, _, Lang::En) => "Nothing of that day could be compared.".to_owned(),
        (0, _, Lang::Es) => "Nada de ese día se pudo comparar.".to_owned(),
        _ if differing.is_empty() => {
            let calls = number(day.vendor_calls);
            match lang {
                Lang::En => format!("They agree with what was counted, to the call. Calls: {calls}; skills: {skills}."),
                Lang::Es => {
                    format!("Coinciden con lo contado, llamada por llamada. Llamadas: {calls}; skills: {skills}.")
                }
            }
        }
        _ => {
            let named = differing.iter().map(|(_, name, difference)| format!("{name} {}", signed(*difference)));
            let list = listed(named.collect(), lang);
            let count = number(differing.len() as u64);
            match lang {
                Lang::En => format!(
                    "They differ from what was counted in {count} of {skills} skills (plus is what wolkvox has more): {list}."
                ),
                Lang::Es => format!(
                    "Difieren de lo contado en {count} de {skills} skills (con más, lo que wolkvox tiene de más): {list}."
                ),
            }
        }
    }
}

/// Which skills were not compared, and why.
fn not_compared(day: &Reconciled, lang: Lang) -> Vec<String> {
    let told = |(why, en, es): (NotCompared, &str, &str)| {
        let names: Vec<_> =
            day.not_compared().filter(|(_, other)| *other == why).map(|(name, _)| name.to_string()).collect();
        let (words, because) = (lang.pick("Not compared", "No se compararon"), lang.pick(en, es));
        (!names.is_empty()).then(|| format!("{words}: {}. {because}", listed(names, lang)))
    };
    let reasons = [
        (
            NotCompared::NoSkill,
            "These stand for calls without a skill, or beyond `max_series`.",
            "Representan llamadas sin skill, o por encima de `max_series`.",
        ),
        (
            NotCompared::LeftOut,
            "They are outside `skills`, or some of their calls went to `__other__`.",
            "Están fuera de `skills`, o parte de sus llamadas fue a `__other__`.",
        ),
        (NotCompared::Unreadable, "wolkvox's number can't be read.", "El número de wolkvox no se puede leer."),
    ];
    reasons.into_iter().filter_map(told).collect()
}

fn listed(mut names: Vec<String>, lang: Lang) -> String {
    let rest = names.len().saturating_sub(MOST_SKILLS);
    names.truncate(MOST_SKILLS);
    let names = names.join(", ");
    match rest {
        0 => names,
        rest => format!("{names}, {} {}", number(rest as u64), lang.pick("more", "más")),
    }
}

/// With its sign, as typography has it.
fn signed(difference: i64) -> String {
    format!("{}{}", if difference < 0 { '−' } else { '+' }, number(difference.unsigned_abs()))
}
