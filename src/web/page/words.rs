use super::Lang;
use super::advice::advice;
use super::when::When;
use crate::operation::ended::Trouble as Cause;
use crate::operation::status::{OperationStatus, State};
use domain::outcome::Outcome;

/// An operation's state in words.
pub(super) struct Told {
    /// One or two words, for the badge.
    pub word: &'static str,
    /// What is true of the data.
    pub sentences: Vec<String>,
    /// Present where something has failed.
    pub trouble: Option<Trouble>,
}

/// A failure in words.
pub(super) struct Trouble {
    pub happened: &'static str,
    pub next: String,
    pub to_do: &'static str,
    /// The technical text, in English.
    pub message: String,
}

/// Tells the state of `operation`.
pub(super) fn tell(operation: &OperationStatus, lang: Lang, when: &When) -> Told {
    let complete = complete(operation, lang, when);
    let next = next_poll(operation, lang, when);
    match &operation.state {
        State::Starting => Told {
            word: lang.pick("starting", "iniciando"),
            sentences: vec![
                lang.pick(
                    "The first poll since the start has not ended yet.",
                    "La primera consulta desde el arranque no ha terminado.",
                )
                .to_owned(),
                complete,
            ],
            trouble: None,
        },
        State::Current => Told {
            word: lang.pick("current", "al día"),
            sentences: [Some(complete), next].into_iter().flatten().collect(),
            trouble: None,
        },
        State::CatchingUp => Told {
            word: lang.pick("catching up", "recuperando"),
            sentences: vec![
                lang.pick(
                    "The API answers again; the stretch that was missed is being read, or was read a moment ago. \
                     Totals may rise in one step, for calls that are older.",
                    "La API responde de nuevo; el tramo que faltaba se está leyendo, o se leyó hace un momento. Los \
                     totales pueden subir de golpe, por llamadas anteriores.",
                )
                .to_owned(),
                complete,
            ],
            trouble: None,
        },
        State::Failing(cause) => Told {
            word: lang.pick("failing", "con fallas"),
            sentences: vec![complete],
            trouble: Some(trouble(cause, next_after_failure(next, lang), lang)),
        },
        State::Paused { trouble: cause, until } => Told {
            word: lang.pick("paused", "en pausa"),
            sentences: vec![complete],
            trouble: Some(trouble(cause, next_after_pause(cause, *until, lang, when), lang)),
        },
    }
}

fn trouble(cause: &Cause, next: String, lang: Lang) -> Trouble {
    let advice = advice(cause, lang);
    Trouble { happened: advice.happened, next, to_do: advice.to_do, message: cause.to_string() }
}

fn complete(operation: &OperationStatus, lang: Lang, when: &When) -> String {
    let Some(until) = operation.complete_until else {
        return lang.pick("Nothing has been read yet.", "Todavía no se ha leído nada.").to_owned();
    };
    format!(
        "{} {} ({}), {}.",
        lang.pick("The data are complete up to", "Los datos están completos hasta"),
        when.spoken(until),
        when.zone(until),
        when.ago(until)
    )
}

fn next_poll(operation: &OperationStatus, lang: Lang, when: &When) -> Option<String> {
    let next = operation.next_poll?;
    Some(format!(
        "{} {} ({}).",
        lang.pick("The next poll is at", "La próxima consulta es a"),
        when.spoken(next),
        when.ahead(next)
    ))
}

fn next_after_failure(next_poll: Option<String>, lang: Lang) -> String {
    let kept = lang.pick(
        "It asks for all that is missing, as far back as max_catch_up (24 hours unless configured).",
        "Pedirá todo lo que falta, hasta donde alcance max_catch_up (24 horas si no se configura otra cosa).",
    );
    let next = next_poll
        .unwrap_or_else(|| lang.pick("The next poll is under way.", "La próxima consulta está en curso.").to_owned());
    format!("{next} {kept}")
}

fn next_after_pause(cause: &Cause, until: jiff::Timestamp, lang: Lang, when: &When) -> String {
    let pause = format!(
        "{} {} ({}).",
        lang.pick("No call is made until", "No se consulta hasta"),
        when.spoken(until),
        when.ahead(until)
    );
    let outcome = match cause {
        Cause::Call(failure) => Some(failure.outcome),
        _ => None,
    };
    let more = match outcome {
        Some(Outcome::Unauthorized) => lang.pick(
            "Each further refusal doubles the pause; a changed token ends it within 10 seconds.",
            "Cada nuevo rechazo duplica la pausa; un token distinto la termina en 10 segundos.",
        ),
        Some(Outcome::BadRequest) => lang.pick(
            "Each further refusal doubles the pause; a changed configuration ends it.",
            "Cada nuevo rechazo duplica la pausa; una configuración distinta la termina.",
        ),
        Some(Outcome::QuotaExceeded) => lang.pick(
            "Until the operation's midnight it is tried now and then only; what is missing is read afterwards.",
            "Hasta la medianoche de la operación solo se intenta de vez en cuando; lo que falta se lee después.",
        ),
        _ => lang.pick("wolkvox asked for it.", "Así lo pidió wolkvox."),
    };
    format!("{pause} {more}")
}

/// The whole exporter in one sentence.
pub(super) fn summary(operations: &[OperationStatus], lang: Lang) -> String {
    let troubled: Vec<&str> = operations.iter().filter(|operation| in_trouble(operation)).map(|o| &*o.name).collect();
    match (operations.len(), troubled.as_slice(), lang) {
        (0, _, _) => lang.pick("No operation is being read yet.", "Todavía no se lee ninguna operación.").to_owned(),
        (1, [], _) => {
            lang.pick("The operation is being read without trouble.", "La operación se lee sin problemas.").to_owned()
        }
        (all, [], Lang::En) => format!("All {all} operations are being read without trouble."),
        (all, [], Lang::Es) => format!("Las {all} operaciones se leen sin problemas."),
        (all, some, Lang::En) => format!("{} of {all} in trouble: {}.", some.len(), some.join(", ")),
        (all, some, Lang::Es) => format!("{} de {all} con problemas: {}.", some.len(), some.join(", ")),
    }
}

fn in_trouble(operation: &OperationStatus) -> bool {
    matches!(operation.state, State::Failing { .. } | State::Paused { .. })
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
