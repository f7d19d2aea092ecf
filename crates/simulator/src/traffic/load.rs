use rand_chacha::ChaCha8Rng;

use crate::random::{self, Stream, normal};

/// The load of a day against its plan: a level of the day, which all skills share, and a wandering about it over hours;
/// all of them normal as logarithms. With queues behind them these give the measured variation of the abandoned calls.
const DAY_SPREAD: f64 = 0.12;
/// The wandering that all skills share.
const HOURS_SPREAD: f64 = 0.23;
/// The wandering of each skill for itself.
const OWN_SPREAD: f64 = 0.10;
/// How much of the wandering is left after five minutes.
const MEMORY: f64 = 0.97;

/// The load's factor so many standard deviations from its middle; 1 on the average of all.
pub(super) fn factor(deviations: f64) -> f64 {
    let variance = DAY_SPREAD.powi(2) + HOURS_SPREAD.powi(2) + OWN_SPREAD.powi(2);
    (deviations * variance.sqrt() - variance / 2.0).exp()
}

/// Logarithms of the load of one skill on a day, for each of its five minutes.
pub(super) fn factors(seed: u64, skill: u64, day: i64, slots: usize) -> Vec<f64> {
    let mut centre = random::stream(seed, Stream::Load, 0, day);
    let level = DAY_SPREAD * normal(&mut centre);
    let mut hours = Wandering::new(HOURS_SPREAD, centre);
    let mut own = Wandering::new(OWN_SPREAD, random::stream(seed, Stream::OwnLoad, skill, day));
    let variance = DAY_SPREAD.powi(2) + HOURS_SPREAD.powi(2) + OWN_SPREAD.powi(2);
    (0..slots).map(|_| (level + hours.next() + own.next() - variance / 2.0).exp()).collect()
}

/// A first-order process that is as wide at its first step as at any other.
struct Wandering {
    spread: f64,
    level: f64,
    rng: ChaCha8Rng,
}

impl Wandering {
    fn new(spread: f64, mut rng: ChaCha8Rng) -> Self {
        Self { spread, level: spread * normal(&mut rng), rng }
    }

    fn next(&mut self) -> f64 {
        let now = self.level;
        let step = self.spread * (1.0 - MEMORY * MEMORY).sqrt();
        self.level = MEMORY * now + step * normal(&mut self.rng);
        now
    }
}
