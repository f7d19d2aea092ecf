use domain::coverage::Hour;
use domain::days::DayCounts;
use maud::{Markup, html};

use super::Lang;
use super::polls::number;
use super::prose;
use super::reports::Words;
use super::when::{When, age_text};
use crate::operation::today::{SkillToday, Today};

/// A page is read, not scrolled: the other skills are told together.
const MOST_SKILLS: usize = 15;

/// The hours that are named below the picture: each sixth.
const NAMED_HOURS: usize = 6;

/// Heights are in parts of the busiest hour.
const HEIGHT: f64 = 100.0;

/// The day so far by skill, and the last hours as a picture. `doubted` is that nobody knows whether calls are missing.
pub(super) fn today(today: &Today, words: &Words, doubted: bool, lang: Lang, when: &When) -> Markup {
    html! {
        div.today {
            div {
                h3 { (prose(&title(today, words, lang, when))) }
                @for note in notes(today, doubted, lang, when) { p.muted { (prose(&note)) } }
                @if today.coverage.counted.is_some() && !today.skills.is_empty() { (skills(&today.skills, lang)) }
            }
            (hours(&today.hours, words, lang, when))
        }
    }
}

fn title(today: &Today, words: &Words, lang: Lang, when: &When) -> String {
    let Some(counted) = today.coverage.counted else {
        return lang.pick("Nothing of today has been read yet", "De hoy todavía no se ha leído nada").to_owned();
    };
    let words = if today.skills.is_empty() { words.none_today } else { words.today };
    let until = when.spoken(counted.to);
    if counted.from > today.began {
        let from = when.spoken(counted.from);
        return format!("{words} {} {from} {} {until}", lang.pick("from", "desde"), lang.pick("to", "hasta"));
    }
    format!("{words} {} {until}", lang.pick("up to", "hasta"))
}

/// What the numbers may lack.
fn notes(today: &Today, doubted: bool, lang: Lang, when: &When) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(counted) = today.coverage.counted.filter(|counted| counted.from > today.began) {
        let from = when.spoken(counted.from);
        notes.push(match lang {
            Lang::En => format!("Counting by day began at {from}: what came earlier today is not among them."),
            Lang::Es => format!("El conteo por día empezó a {from}: lo anterior de hoy no está incluido."),
        });
    }
    if today.coverage.unread > 0 {
        let unread = age_text(std::time::Duration::from_secs(today.coverage.unread));
        notes.push(match lang {
            Lang::En => {
                format!("{unread} of today were never read, and will not be: calls of that time are not among them.")
            }
            Lang::Es => {
                format!("{unread} de hoy no se leyeron ni se leerán: las llamadas de ese tiempo no están incluidas.")
            }
        });
    }
    if today.uncounted_rows > 0 {
        let rows = number(today.uncounted_rows);
        notes.push(match lang {
            Lang::En => format!("Rows that may be of today and could not be counted: {rows}."),
            Lang::Es => format!("Filas que pueden ser de hoy y no se pudieron contar: {rows}."),
        });
    }
    if today.left_out > 0 {
        let skills = number(today.left_out as u64);
        notes.push(match lang {
            Lang::En => format!("Skills with calls outside `skills`, or beyond `max_series`: {skills}."),
            Lang::Es => format!("Skills con llamadas fuera de `skills`, o por encima de `max_series`: {skills}."),
        });
    }
    if doubted {
        notes.push(lang.pick("Whether anything is missing is not known.", "No se sabe si falta algo.").to_owned());
    }
    notes
}

fn skills(skills: &[SkillToday], lang: Lang) -> Markup {
    let (shown, rest) = skills.split_at(skills.len().min(MOST_SKILLS));
    let sum = |skills: &[SkillToday]| {
        skills.iter().fold(DayCounts::default(), |mut sum, skill| {
            sum.add(skill.counts);
            sum
        })
    };
    let others = format!("{} {}", number(rest.len() as u64), lang.pick("more", "más"));
    html! {
        table.skills {
            thead {
                tr {
                    th scope="col" { (lang.pick("Skill", "Skill")) }
                    th.n scope="col" { (lang.pick("Calls", "Llamadas")) }
                    th.n scope="col" { (lang.pick("Mean wait", "Espera media")) }
                }
            }
            tbody {
                @for skill in shown { (row(&skill.name, skill.counts, lang)) }
                @if !rest.is_empty() { (row(&others, sum(rest), lang)) }
            }
            @if skills.len() > 1 { tfoot { (row(lang.pick("All", "Todos"), sum(skills), lang)) } }
        }
    }
}

fn row(name: &str, counts: DayCounts, lang: Lang) -> Markup {
    let mean = counts.mean().map_or_else(|| lang.pick("no time", "sin tiempo").replace(' ', "\u{a0}"), wait);
    html! {
        tr {
            th.name scope="row" { bdi { (name) } }
            td.n { (number(counts.calls)) }
            td.n { (mean) }
        }
    }
}

/// Seconds as people say them: `89 s`, `3 min 5 s`, `1 h 2 min`.
fn wait(seconds: f64) -> String {
    // A cast from a float saturates.
    let seconds = seconds.round() as u64;
    let text = match seconds {
        0..120 => format!("{seconds} s"),
        120..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => return age_text(std::time::Duration::from_secs(seconds)),
    };
    text.replace(' ', "\u{a0}")
}

/// Bars in a box that is stretched to its place; what is to be read stands beside it, in the page's own letters.
fn hours(hours: &[Hour], words: &Words, lang: Lang, when: &When) -> Markup {
    // What lies outside what was counted may have calls all the same, of before a cursor went back.
    let calls = |hour: &Hour| hour.coverage.counted.map_or(0, |_| hour.calls);
    let most = hours.iter().map(calls).max().unwrap_or(0);
    let height = |calls: u64| if most == 0 { 0.0 } else { calls as f64 * HEIGHT / most as f64 };
    let all = hours.iter().map(calls).fold(0, u64::saturating_add);
    let count = hours.len();
    html! {
        figure {
            figcaption {
                strong { (words.by_hour) }
                " "
                span.muted {
                    (lang.pick("The busiest:", "La mayor:")) " " span.whole { (number(most)) } ". "
                    (lang.pick("Together:", "En total:")) " " span.whole { (number(all)) } "."
                }
            }
            svg viewBox={ "0 0 " (count) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label=(label(hours, words, lang, when)) {
                @for (place, hour) in hours.iter().enumerate() {
                    g {
                        title { (told(hour, lang, when)) }
                        @if !hour.coverage.is_whole() {
                            rect.gap x=(place) y="0" width="1" height=(HEIGHT) {}
                        }
                        rect.bar x={ (place) ".1" } y=(shortened(HEIGHT - height(calls(hour)))) width="0.8"
                            height=(shortened(height(calls(hour)))) {}
                    }
                }
            }
            div.axis aria-hidden="true" {
                @for hour in hours.iter().step_by(NAMED_HOURS) { span { (when.clock(hour.stretch.from)) } }
            }
            @if hours.iter().any(|hour| !hour.coverage.is_whole()) {
                p.muted { span.gap {} " " (lang.pick("not read, or only in part", "sin leer, o solo en parte")) }
            }
        }
    }
}

fn shortened(height: f64) -> String {
    format!("{height:.1}")
}

/// `14:00: 7`, `15:00: not read`.
fn told(hour: &Hour, lang: Lang, when: &When) -> String {
    let calls = match hour.coverage.counted {
        None => lang.pick("not read", "sin leer").to_owned(),
        Some(_) if hour.coverage.is_whole() => number(hour.calls),
        Some(_) => format!("{} ({})", number(hour.calls), lang.pick("in part", "en parte")),
    };
    format!("{}: {calls}", when.clock(hour.stretch.from))
}

/// The picture in words.
fn label(hours: &[Hour], words: &Words, lang: Lang, when: &When) -> String {
    let told: Vec<_> = hours.iter().map(|hour| told(hour, lang, when)).collect();
    format!("{} {}", words.by_hour_aloud, told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::wait;

    #[test]
    fn a_wait_is_told_in_the_units_that_it_has() {
        let told = |seconds| wait(seconds).replace('\u{a0}', " ");
        assert_eq!(
            [0.0, 0.4, 37.5, 119.4, 125.0, 3_599.0, 3_725.0].map(told),
            ["0 s", "0 s", "38 s", "119 s", "2 min 5 s", "59 min 59 s", "1 h 2 min"]
        );
        assert!([f64::MAX, f64::NAN].map(wait).iter().all(|text| !text.is_empty()));
    }
}
