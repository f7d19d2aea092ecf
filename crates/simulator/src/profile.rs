//! The shape of real traffic: one month of a bank's call centre, 38,711 offered calls.

/// Offered calls by local hour, from midnight, on the average of all days. From 7h to 23h as measured; the night was
/// not measured and is given a few calls, so that a trial at night shows something.
const OFFERED: [f64; 24] = [
    6.0, 4.0, 3.0, 3.0, 4.0, 6.0, 12.0, 31.0, 67.0, 101.0, 117.0, 105.0, 95.0, 89.0, 92.0, 87.0, 87.0, 72.0, 64.0,
    46.0, 43.0, 52.0, 58.0, 40.0,
];

/// Abandoned per hundred offered, by local hour.
const ABANDONED: [f64; 24] = [
    12.0, 12.0, 12.0, 12.0, 12.0, 12.0, 9.0, 7.0, 12.0, 19.0, 22.0, 22.0, 19.0, 14.0, 17.0, 25.0, 25.0, 24.0, 22.0,
    16.0, 11.0, 16.0, 18.0, 15.0,
];

/// A skill that lost more would have nobody who calls it.
const MOST_ABANDONED: f64 = 0.6;

/// Types of interaction and their share. Not measured: a mix that has voice, chats and mail in it.
const TYPES: [(&str, f64); 8] = [
    ("inbound", 0.78),
    ("internalcall_que", 0.03),
    ("out_pre", 0.04),
    ("chat-whatsapp", 0.08),
    ("chat-web", 0.04),
    ("chat-facebook", 0.01),
    ("chat-instagram", 0.01),
    ("omni-email", 0.01),
];

/// Names of the first skills, as contact centres give them; more skills get a number as well.
const NAMES: [&str; 12] = [
    "Ventas",
    "Soporte técnico",
    "Atención al cliente",
    "Retención",
    "Cobranzas",
    "Tarjetas",
    "Siniestros",
    "Citas médicas",
    "Reclamos",
    "Portabilidad",
    "Facturación",
    "Mesa de ayuda",
];

/// Offered calls of the whole centre in one hour of the day.
pub(super) fn offered(hour: usize) -> f64 {
    OFFERED[hour]
}

/// The share of the offered calls that is abandoned in one hour of the day; `loss` is the skill's.
pub(super) fn abandoned(hour: usize, loss: f64) -> f64 {
    (ABANDONED[hour] / 100.0 * loss).min(MOST_ABANDONED)
}

pub(super) fn type_interaction(u: f64) -> &'static str {
    let mut rest = u;
    for (name, share) in TYPES {
        rest -= share;
        if rest < 0.0 {
            return name;
        }
    }
    TYPES[0].0
}

/// Whether a call of this type has a `conn_id` with the epoch in it; chats and mail have plain integers.
pub(super) fn is_voice(type_interaction: &str) -> bool {
    !type_interaction.starts_with("chat-") && !type_interaction.starts_with("omni-")
}

pub(super) fn skill_name(index: usize) -> String {
    let name = NAMES[index % NAMES.len()];
    match index / NAMES.len() {
        0 => name.to_owned(),
        round => format!("{name} {}", round + 1),
    }
}

/// A skill's share of the centre's offered calls, all adding up to 1: a few large ones and a tail.
pub(super) fn size(skill: usize, skills: usize) -> f64 {
    volume(skill) / (0..skills).map(volume).sum::<f64>()
}

fn volume(skill: usize) -> f64 {
    1.0 / (skill as f64 + 1.0).powf(0.7)
}

/// How patient the callers of a skill are against those of the whole centre. Not measured per skill.
pub(super) fn patience(skill: usize, skills: usize) -> f64 {
    if skills < 2 { 1.0 } else { 0.7 * (1.4 / 0.7_f64).powf(spread(skill + 3)) }
}

/// How much of a skill's calls is abandoned against the whole centre's: measured were 8 % to 38 %, and 18.9 % in all.
pub(super) fn loss(skill: usize, skills: usize) -> f64 {
    let (least, most) = (8.0 / 18.9, 38.0 / 18.9_f64);
    let own = |index: usize| least * (most / least).powf(spread(index));
    let centre: f64 = (0..skills).map(|index| own(index) * volume(index)).sum();
    own(skill) * (0..skills).map(volume).sum::<f64>() / centre
}

/// Steps by the golden ratio spread any number of skills evenly over [0, 1).
fn spread(index: usize) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    (0.5 + GOLDEN * index as f64).fract()
}
