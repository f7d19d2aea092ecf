use std::time::Duration;

use domain::outcome::Outcome;
use jiff::SignedDuration;

use super::Lang;
use super::polls::number;
use super::reports::Words;
use super::table::{Topic, entry};
use super::when::{When, age_text};
use crate::operation::ended::Trouble;
use crate::operation::status::{Concern, OperationStatus, State, Status};
use crate::wolkvox::{Cause, Failure};

/// What the page says of one report of an operation.
pub(super) struct Told<'a> {
    pub operation: &'a OperationStatus,
    /// The place in the page that the summary links to.
    pub id: String,
    /// How far the data go.
    pub data: String,
    /// Whether it is not known that nothing is missing, though polls may succeed.
    pub doubted: bool,
    /// Never empty; what matters most first.
    pub points: Vec<Point>,
}

/// One thing that is true of an operation, in words.
pub(super) struct Point {
    pub level: Level,
    pub word: &'static str,
    pub happened: String,
    pub follows: String,
    /// `None` where another point asks for something, and this one would say that there is nothing to do.
    pub to_do: Option<String>,
    pub technical: Option<Technical>,
}

/// What whoever helps wants to know.
pub(super) enum Technical {
    /// In the page's language.
    Ours(String),
    /// As the system or the server says it, which is English.
    English(String),
}

/// How a thing looks on the page, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Good,
    Working,
    /// Nothing is known that would make it good or bad.
    Unknown,
    Warning,
    Bad,
}

impl Level {
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Working => "working",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }

    /// Whether a person may have to act.
    pub fn is_trouble(self) -> bool {
        self >= Self::Warning
    }

    const fn of(topic: Topic) -> Self {
        match topic {
            Topic::Current => Self::Good,
            Topic::CatchingUp | Topic::StartHold => Self::Working,
            Topic::Starting | Topic::OnlyEmpty | Topic::NotLoaded => Self::Unknown,
            Topic::OnlyEmptyBeside | Topic::UnknownResults => Self::Warning,
            Topic::Copy | Topic::Zone | Topic::ClockAhead | Topic::ClockBehind => Self::Warning,
            Topic::TotalsDiffer | Topic::TotalsEmpty | Topic::TotalsUnread => Self::Warning,
            Topic::LogDropped | Topic::BadConfig | Topic::BadWebFile => Self::Warning,
            Topic::Call(_) | Topic::NoAnswer(_) | Topic::Incomplete | Topic::TooManyParts => Self::Bad,
            Topic::Broken | Topic::Unreadable | Topic::Ledger | Topic::LedgerGone | Topic::MostRejected => Self::Bad,
        }
    }
}

impl<'a> Told<'a> {
    /// `number` is its place in the configuration.
    pub fn new(operation: &'a OperationStatus, number: usize, lang: Lang, when: &When) -> Self {
        let topics = topics(operation);
        let alone = topics.len() == 1;
        let mut points: Vec<Point> = topics.iter().map(|&topic| point(topic, alone, operation, lang, when)).collect();
        points.sort_by_key(|point| std::cmp::Reverse(point.level));
        let doubted = topics.iter().any(|topic| {
            use Topic::{MostRejected, OnlyEmpty, OnlyEmptyBeside, TotalsDiffer, Zone};
            matches!(topic, Zone | OnlyEmpty | OnlyEmptyBeside | MostRejected | TotalsDiffer)
        });
        let data = data(operation, doubted, lang, when);
        Self { operation, id: format!("operation-{number}"), data, doubted, points }
    }

    pub fn level(&self) -> Level {
        self.points.iter().map(|point| point.level).max().unwrap_or(Level::Unknown)
    }
}

/// What is true of the operation. That it is current is said only where nothing contradicts it.
fn topics(operation: &OperationStatus) -> Vec<Topic> {
    let concerns = operation.concerns.iter().map(topic_of_concern);
    let state = match &operation.state {
        State::Starting => Topic::Starting,
        State::CatchingUp => Topic::CatchingUp,
        State::Failing(trouble) | State::Paused { trouble, .. } => topic_of(trouble),
        State::Current if operation.concerns.iter().all(is_no_doubt) => Topic::Current,
        State::Current => return concerns.collect(),
    };
    std::iter::once(state).chain(concerns).collect()
}

/// Whether all that was due has been read all the same: that scrapes see it later, or that nothing is known of the vendor's
/// totals, contradicts nothing.
fn is_no_doubt(concern: &Concern) -> bool {
    matches!(concern, Concern::StartHold | Concern::TotalsEmpty { .. } | Concern::TotalsUnread { .. })
}

fn topic_of_concern(concern: &Concern) -> Topic {
    match concern {
        Concern::OnlyEmpty => Topic::OnlyEmpty,
        Concern::OnlyEmptyBeside { .. } => Topic::OnlyEmptyBeside,
        Concern::UnknownResults(_) => Topic::UnknownResults,
        Concern::MostRejected { .. } => Topic::MostRejected,
        Concern::Zone { .. } => Topic::Zone,
        Concern::Clock { ahead } if ahead.is_negative() => Topic::ClockBehind,
        Concern::Clock { .. } => Topic::ClockAhead,
        Concern::Copy { .. } => Topic::Copy,
        Concern::StartHold => Topic::StartHold,
        Concern::TotalsDiffer { .. } => Topic::TotalsDiffer,
        Concern::TotalsEmpty { .. } => Topic::TotalsEmpty,
        Concern::TotalsUnread { .. } => Topic::TotalsUnread,
    }
}

pub(super) fn topic_of(trouble: &Trouble) -> Topic {
    match trouble {
        Trouble::Call(failure) => failure.cause.map_or(Topic::Call(failure.outcome), Topic::NoAnswer),
        Trouble::Incomplete { .. } => Topic::Incomplete,
        Trouble::Broken { .. } => Topic::Broken,
        Trouble::TooManyParts { .. } => Topic::TooManyParts,
        Trouble::Unreadable { .. } => Topic::Unreadable,
        Trouble::Ledger(_) => Topic::Ledger,
    }
}

fn point(topic: Topic, alone: bool, operation: &OperationStatus, lang: Lang, when: &When) -> Point {
    let entry = entry(topic, lang);
    let level = Level::of(topic);
    let filled = |text: &str| fill(text, operation, lang, when);
    let trouble = match topic {
        Topic::TotalsUnread => operation.concerns.iter().find_map(|concern| match concern {
            Concern::TotalsUnread { trouble, .. } => Some(trouble),
            _ => None,
        }),
        _ => operation.state.trouble().filter(|trouble| topic_of(trouble) == topic),
    };
    Point {
        level,
        word: entry.word,
        happened: filled(entry.happened),
        follows: filled(entry.follows),
        to_do: (alone || !matches!(topic, Topic::Current | Topic::CatchingUp)).then(|| filled(entry.to_do)),
        technical: trouble.and_then(|trouble| technical(trouble, lang)),
    }
}

fn technical(trouble: &Trouble, lang: Lang) -> Option<Technical> {
    let ours = match (trouble, lang) {
        (Trouble::Call(_) | Trouble::Ledger(_), _) | (_, Lang::En) => {
            let text = trouble.to_string();
            return (!text.is_empty()).then_some(Technical::English(text));
        }
        (Trouble::Incomplete { delivered, announced: Some(announced) }, Lang::Es) => {
            format!("La respuesta trajo {} de {} filas anunciadas.", number(*delivered), number(*announced))
        }
        (Trouble::Incomplete { delivered, announced: None }, Lang::Es) => {
            format!("La respuesta trajo {} filas y no anunció cuántas eran.", number(*delivered))
        }
        (Trouble::Broken { calls }, Lang::Es) => {
            format!("La respuesta está dañada, y {calls} llamadas no alcanzaron para encontrar dónde.")
        }
        (Trouble::TooManyParts { calls }, Lang::Es) => {
            format!("{calls} llamadas no alcanzaron para este rango; el resto sigue.")
        }
        (Trouble::Unreadable { second }, Lang::Es) => {
            let second = second.strftime("%F %T");
            format!("La respuesta sobre el segundo {second} está dañada, y también cada una más pequeña.")
        }
    };
    Some(Technical::Ours(ours))
}

/// A log that has lost nothing for so long is read and written again; its metric knows more.
const LATELY: Duration = Duration::from_secs(3_600);

/// What is true of the exporter as a whole, where anything is to be said.
pub(super) fn of_exporter(status: &Status, lang: Lang) -> Vec<Point> {
    let not_loaded = (!status.ready).then_some(Topic::NotLoaded);
    let gone = status.ledger_is_gone.then_some(Topic::LedgerGone);
    let lost = status.log_lost.filter(|lost| lost.ago < LATELY);
    let dropped = lost.map(|_| Topic::LogDropped);
    let problems = |topic| match topic {
        Topic::BadConfig => status.bad_config.as_deref(),
        Topic::BadWebFile => status.bad_web_file.as_deref(),
        _ => None,
    };
    let bad = [Topic::BadConfig, Topic::BadWebFile].map(|topic| problems(topic).map(|_| topic));
    let (lines, ago) = lost.map_or_else(Default::default, |lost| (number(lost.lines), age_text(lost.ago)));
    let point = |topic| {
        let entry = entry(topic, lang);
        Point {
            level: Level::of(topic),
            word: entry.word,
            happened: entry.happened.replace("{lines}", &lines).replace("{ago}", &ago),
            follows: entry.follows.to_owned(),
            to_do: Some(entry.to_do.to_owned()),
            technical: problems(topic).map(|problems| Technical::English(problems.join("\n"))),
        }
    };
    [not_loaded, gone].into_iter().chain(bad).chain([dropped]).flatten().map(point).collect()
}

/// What happened and what to do, of a trouble or a concern: the page's words for whoever tells of them elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    pub happened: String,
    pub to_do: String,
}

impl Explained {
    pub fn trouble(trouble: &Trouble, lang: Lang) -> Self {
        Self::of(topic_of(trouble), Some(trouble), &[], lang)
    }

    pub fn concern(concern: &Concern, lang: Lang) -> Self {
        Self::of(topic_of_concern(concern), None, std::slice::from_ref(concern), lang)
    }

    fn of(topic: Topic, trouble: Option<&Trouble>, concerns: &[Concern], lang: Lang) -> Self {
        let entry = entry(topic, lang);
        let filled = |text: &str| fill_known(text, trouble, concerns, lang);
        Self { happened: filled(entry.happened), to_do: filled(entry.to_do) }
    }
}

/// Puts what is known at run time in the places that the table leaves for it.
fn fill(text: &str, operation: &OperationStatus, lang: Lang, when: &When) -> String {
    let missing = lang.pick(
        "It asks for all that is missing, as far back as `max_catch_up` (24 hours unless configured).",
        "Pedirá todo lo que falta, hasta donde alcance `max_catch_up` (24 horas si no se configura otra cosa).",
    );
    let copied = operation.concerns.iter().find_map(|concern| match concern {
        Concern::Copy { made } => Some(when.spoken(*made)),
        _ => None,
    });
    let again = operation.concerns.iter().find_map(|concern| match concern {
        Concern::TotalsUnread { next: Some(at), .. } => Some(when.spoken(*at)),
        _ => None,
    });
    let again = match again {
        Some(at) => format!("{} {at}.", lang.pick("The next call for them is at", "La próxima consulta de ellos es a")),
        None => lang.pick("They are being asked for again.", "Se están consultando de nuevo.").to_owned(),
    };
    let calls = Words::of(operation.report, lang).calls;
    let text = text
        .replace("{next}", &next(operation, lang, when))
        .replace("{missing}", missing)
        .replace("{calls}", calls)
        .replace("{again}", &again)
        .replace("{copied}", &copied.unwrap_or_default());
    fill_known(&text, operation.state.trouble(), &operation.concerns, lang)
}

/// The same for what is known of a trouble and of concerns alone.
fn fill_known(text: &str, trouble: Option<&Trouble>, concerns: &[Concern], lang: Lang) -> String {
    let (mut difference, mut offset, mut zones) = (SignedDuration::ZERO, String::new(), String::new());
    let (mut unusable, mut beside, mut results, mut day) = ((0, 0), 0, String::new(), String::new());
    for concern in concerns {
        match concern {
            Concern::Clock { ahead } => difference = *ahead,
            Concern::Zone { observed_offset, zones_that_fit } => {
                offset = offset_text(*observed_offset);
                zones = zones_text(zones_that_fit, lang);
            }
            Concern::MostRejected { rows, rejected } => unusable = (*rejected, *rows),
            Concern::OnlyEmptyBeside { calls } => beside = *calls,
            Concern::UnknownResults(unknown) => results = results_text(unknown),
            Concern::TotalsDiffer { day: of } | Concern::TotalsEmpty { day: of } => day = of.to_string(),
            Concern::OnlyEmpty | Concern::Copy { .. } | Concern::StartHold | Concern::TotalsUnread { .. } => {}
        }
    }
    let status = match trouble {
        Some(Trouble::Call(Failure { cause: Some(Cause::ProxyRefused(Some(status))), .. })) => {
            format!(" ({} {status})", lang.pick("status", "estado"))
        }
        _ => String::new(),
    };
    text.replace("{status}", &status)
        .replace("{difference}", &age_text(difference.unsigned_abs()))
        .replace("{offset}", &offset)
        .replace("{zones}", &zones)
        .replace("{rejected}", &number(unusable.0))
        .replace("{rows}", &number(unusable.1))
        .replace("{calls}", lang.pick("calls", "llamadas"))
        .replace("{beside}", &number(beside))
        .replace("{results}", &results)
        .replace("{day}", &day)
        .trim_end()
        .to_owned()
}

/// When the next call is made.
fn next(operation: &OperationStatus, lang: Lang, when: &When) -> String {
    let (words, at) = match (&operation.state, operation.next_poll) {
        (State::Paused { until, .. }, _) => (lang.pick("No call is made until", "No se consulta hasta"), *until),
        (_, Some(at)) => (lang.pick("The next poll is at", "La próxima consulta es a"), at),
        (_, None) => return lang.pick("The next poll is under way.", "La próxima consulta está en curso.").to_owned(),
    };
    let asked = match &operation.state {
        State::Paused { trouble: Trouble::Call(failure), .. } => {
            !matches!(failure.outcome, Outcome::Unauthorized | Outcome::BadRequest | Outcome::QuotaExceeded)
        }
        _ => false,
    };
    let reason =
        if asked { lang.pick(", for wolkvox asked for a pause", ", pues wolkvox pidió una pausa") } else { "" };
    format!("{words} {} ({}){reason}.", when.spoken(at), when.ahead(at))
}

/// How far the data go, and whether that is all of them: without evidence it is not said.
fn data(operation: &OperationStatus, doubted: bool, lang: Lang, when: &When) -> String {
    let Some(until) = operation.complete_until else {
        return lang.pick("Nothing has been read yet.", "Todavía no se ha leído nada.").to_owned();
    };
    let (words, doubt) = if doubted {
        (
            lang.pick("Read up to", "Se ha leído hasta"),
            lang.pick("; whether anything is missing is not known", "; no se sabe si falta algo"),
        )
    } else {
        (lang.pick("The data are complete up to", "Los datos están completos hasta"), "")
    };
    format!("{words} {} ({}), {}{doubt}.", when.spoken(until), when.zone(until), when.ago(until))
}

fn offset_text(seconds: i64) -> String {
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

fn zones_text(zones: &[&str], lang: Lang) -> String {
    match zones {
        [] => String::new(),
        zones => format!("{} {}.", lang.pick("These fit now:", "Ahora coinciden:"), zones.join(", ")),
    }
}

fn results_text(results: &[String]) -> String {
    results.iter().map(|result| format!("\"{result}\"")).collect::<Vec<_>>().join(", ")
}

/// Some operations that have something in common, and the sentence that says what.
pub(super) struct Group<'a> {
    pub sentence: String,
    pub members: Vec<&'a Told<'a>>,
}

/// The whole exporter in a sentence or two, by its operations or, where one has several, by reports: those in trouble first, then those of which nothing is known.
pub(super) fn summary<'a>(all: &'a [Told<'a>], lang: Lang) -> Vec<Group<'a>> {
    let number = all.len();
    let alone = all.iter().all(|told| told.operation.is_alone);
    let group = |is_member: fn(Level) -> bool, en: &str, es: &str| {
        let members: Vec<_> = all.iter().filter(|told| is_member(told.level())).collect();
        let sentence = match lang {
            Lang::En => format!("{} of {number}{} {en}", members.len(), if alone { "" } else { " reports" }),
            Lang::Es => format!("{} de {number}{} {es}", members.len(), if alone { "" } else { " reportes" }),
        };
        (!members.is_empty()).then_some(Group { sentence, members })
    };
    let groups = [
        group(Level::is_trouble, "in trouble", "con problemas"),
        group(|level| level == Level::Unknown, "not confirmed yet", "por confirmar"),
    ];
    let groups: Vec<_> = groups.into_iter().flatten().collect();
    if !groups.is_empty() {
        return groups;
    }
    let sentence = match (number, lang) {
        (0, _) => lang.pick("No operation is being read yet", "Todavía no se lee ninguna operación").to_owned(),
        (1, _) => lang.pick("The operation is read without trouble", "La operación se lee sin problemas").to_owned(),
        (_, Lang::En) if alone => format!("All {number} operations are read without trouble"),
        (_, Lang::Es) if alone => format!("Las {number} operaciones se leen sin problemas"),
        (_, Lang::En) => format!("All {number} reports are read without trouble"),
        (_, Lang::Es) => format!("Los {number} reportes se leen sin problemas"),
    };
    vec![Group { sentence, members: Vec::new() }]
}
