use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers is for. Each purpose has a stream of its own, so that switching one kind of traffic
/// on or off leaves every other call as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    /// How busy the whole centre is.
    Load,
    /// The calls of a skill.
    Calls,
    /// The extra (or removed) calls of the incident with this number.
    Incident(u32),
    Token,
    /// The order of rows.
    Order,
}

impl Stream {
    fn tag(self) -> u64 {
        match self {
            Self::Load => 0,
            Self::Calls => 1,
            Self::Token => 3,
            Self::Order => 4,
            Self::Incident(number) => 16 + u64::from(number),
        }
    }
}

/// A generator that depends on nothing but its arguments, the same on every machine.
pub(super) fn stream(seed: u64, stream: Stream, skill: u64, hour: i64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&stream.tag().to_le_bytes());
    key[16..24].copy_from_slice(&skill.to_le_bytes());
    key[24..].copy_from_slice(&hour.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// Uniform in [0, 1).
pub(super) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    rng.random::<f64>()
}

/// A Poisson number. Large means are the sum of small ones, for `exp(-mean)` vanishes beyond some hundreds; the cost is
/// proportional to the mean, and so is that of the calls it stands for.
pub(super) fn poisson(rng: &mut ChaCha8Rng, mean: f64) -> u64 {
    const STEP: f64 = 16.0;
    let mut rest = mean.max(0.0);
    let mut count = 0;
    while rest > 0.0 {
        let limit = (-rest.min(STEP)).exp();
        rest -= STEP;
        let mut product = unit(rng);
        while product > limit {
            count += 1;
            product *= unit(rng);
        }
    }
    count
}

/// A gamma number with mean 1 and variance 1/`shape`, by Marsaglia and Tsang (2000); `shape` is at least 1.
pub(super) fn gamma(rng: &mut ChaCha8Rng, shape: f64) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        // Box and Muller; 1 - u, for the logarithm of 0 is not finite.
        let normal = (-2.0 * (1.0 - unit(rng)).ln()).sqrt() * (std::f64::consts::TAU * unit(rng)).cos();
        let v = (1.0 + c * normal).powi(3);
        if v > 0.0 && (1.0 - unit(rng)).ln() < 0.5 * normal * normal + d - d * v + d * v.ln() {
            return d * v / shape;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: impl Iterator<Item = f64>) -> (f64, f64) {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64)
    }

    // 20,000 draws: the error of a mean is below 1 % and that of a variance below 3 %; five of them are allowed.
    #[test]
    fn poisson_numbers_have_equal_mean_and_variance() {
        for expected in [0.3, 4.0, 90.0] {
            let mut rng = stream(7, Stream::Load, 0, 0);
            let (mean, variance) = moments((0..20_000).map(|_| poisson(&mut rng, expected) as f64));
            assert!((mean / expected - 1.0).abs() < 0.05, "{mean} for {expected}");
            assert!((variance / expected - 1.0).abs() < 0.1, "{variance} for {expected}");
        }
    }

    #[test]
    fn gamma_numbers_have_mean_one_and_the_variance_of_their_shape() {
        let mut rng = stream(7, Stream::Load, 0, 0);
        let (mean, variance) = moments((0..20_000).map(|_| gamma(&mut rng, 2.0)));
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
        assert!((variance - 0.5).abs() < 0.06, "{variance}");
    }

    #[test]
    fn no_calls_come_of_a_mean_of_zero() {
        assert_eq!(poisson(&mut stream(7, Stream::Load, 0, 0), 0.0), 0);
    }
}
