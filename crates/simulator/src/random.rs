use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers is for. Each purpose has a stream of its own, so that switching one kind of traffic
/// on or off leaves every other draw as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    /// How busy the whole centre is on a day.
    Load,
    /// How busy one skill is besides.
    OwnLoad,
    /// The calls of a skill on a day.
    Calls,
    /// The calls that an incident adds to a stretch.
    Incident,
    /// A caller who calls again.
    Redial,
    /// When incidents are.
    Placement,
    Token,
    /// The order of rows.
    Order,
}

/// A generator that depends on nothing but its arguments, the same on every machine.
pub(super) fn stream(seed: u64, stream: Stream, skill: u64, time: i64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(stream as u64).to_le_bytes());
    key[16..24].copy_from_slice(&skill.to_le_bytes());
    key[24..].copy_from_slice(&time.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// Uniform in [0, 1).
pub(super) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    rng.random::<f64>()
}

/// All bits of a number at random.
pub(super) fn bits(rng: &mut ChaCha8Rng) -> u64 {
    rng.random()
}

/// Exponentially distributed, with mean 1.
pub(super) fn exponential(rng: &mut ChaCha8Rng) -> f64 {
    // 1 - u, for the logarithm of 0 is not finite.
    -(1.0 - unit(rng)).ln()
}

/// Normally distributed, with mean 0 and variance 1; by Box and Muller.
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (2.0 * exponential(rng)).sqrt() * (std::f64::consts::TAU * unit(rng)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    // 20,000 draws: the error of a mean is below 1 % and that of a variance below 3 %; five of them are allowed.
    #[test]
    fn numbers_have_the_mean_and_the_variance_of_their_kind() {
        type Draw = fn(&mut ChaCha8Rng) -> f64;
        for (draw, expected_mean, expected_variance) in
            [(unit as Draw, 0.5, 1.0 / 12.0), (exponential, 1.0, 1.0), (normal, 0.0, 1.0)]
        {
            let mut rng = stream(7, Stream::Load, 0, 0);
            let values: Vec<f64> = (0..20_000).map(|_| draw(&mut rng)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
            assert!((mean - expected_mean).abs() < 0.05, "{mean}");
            assert!((variance / expected_variance - 1.0).abs() < 0.15, "{variance}");
        }
    }
}
