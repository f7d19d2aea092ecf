//! The shape of real traffic: one month of a bank's call centre, 38,711 offered calls.

use jiff::civil::Weekday;

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

/// Time to abandon in seconds: share of calls, and the time that they had waited at most. Between the points the
/// logarithm of the time is interpolated. The one at 0.997 is not measured: it bends the tail so that the mean fits.
const TIME_TO_ABANDON: [(f64, f64); 14] = [
    (0.0, 0.5),
    (0.048, 5.0),
    (0.1, 8.9),
    (0.137, 10.0),
    (0.25, 18.0),
    (0.35, 30.0),
    (0.5, 54.0),
    (0.75, 109.0),
    (0.9, 209.0),
    (0.95, 295.0),
    (0.99, 551.0),
    (0.997, 900.0),
    (0.9999, 2000.0),
    (1.0, 2405.0),
];

/// The longest wait, in seconds.
pub(super) const LONGEST_WAIT: i64 = 2405;

/// Gamma shapes of the load of a whole hour and of five minutes in it. Together with the hours and weekdays they give
/// the measured variance: 5.4 at a mean of 1.40 abandoned calls in five minutes, 15 to 27 times the mean in an hour.
pub(super) const HOUR_SHAPE: f64 = 2.0;
pub(super) const SLOT_SHAPE: f64 = 1.95;

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

/// Abandoned calls expected in one hour of the whole centre.
pub(super) fn abandoned_per_hour(weekday: Weekday, hour: usize) -> f64 {
    OFFERED[hour] * ABANDONED[hour] / 100.0 * weekday_factor(weekday)
}

/// Of that month: working days about equal, Friday a third, Saturday a tenth; 1 on the average of a week.
fn weekday_factor(weekday: Weekday) -> f64 {
    const WORKING_DAY: f64 = 7.0 / (5.0 + 1.0 / 3.0 + 0.1);
    match weekday {
        Weekday::Friday => WORKING_DAY / 3.0,
        Weekday::Saturday => WORKING_DAY / 10.0,
        _ => WORKING_DAY,
    }
}

/// The time to abandon that the share `u` of calls does not exceed: whole seconds, 1 to 2,405.
pub(super) fn time_to_abandon(u: f64) -> i64 {
    let next = TIME_TO_ABANDON.partition_point(|&(share, _)| share <= u).clamp(1, TIME_TO_ABANDON.len() - 1);
    let ((low, from), (high, to)) = (TIME_TO_ABANDON[next - 1], TIME_TO_ABANDON[next]);
    let part = ((u - low) / (high - low)).clamp(0.0, 1.0);
    let seconds = (from.ln() + part * (to.ln() - from.ln())).exp();
    (seconds.ceil() as i64).clamp(1, LONGEST_WAIT)
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

/// Each skill's share of the centre's abandoned calls, adding up to 1: a few large ones and a tail, times an abandoned
/// share of their own between 8 % and 38 % of the offered calls.
pub(super) fn skill_shares(skills: usize) -> Vec<f64> {
    // Steps by the golden ratio spread any number of skills evenly over the range.
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let (least, most) = (8.0 / 18.9, 38.0 / 18.9_f64);
    let raw: Vec<f64> = (0..skills)
        .map(|index| {
            let volume = 1.0 / (index as f64 + 1.0).powf(0.7);
            volume * least * (most / least).powf((0.5 + GOLDEN * index as f64).fract())
        })
        .collect();
    let total: f64 = raw.iter().sum();
    raw.iter().map(|share| share / total).collect()
}
