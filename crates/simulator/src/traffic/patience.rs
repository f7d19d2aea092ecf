/// Share of callers who would have given up by then, and seconds of waiting: the Kaplan–Meier curve of that month, in which
/// callers who were answered count as long as they had waited. It is steepest at about 10 and 60 s, where announcements
/// are played.
const GIVEN_UP: [(f64, f64); POINTS] = [
    (0.0, 0.0),
    (0.012, 5.0),
    (0.045, 10.0),
    (0.10, 26.0),
    (0.19, 60.0),
    (0.23, 75.0),
    (0.25, 89.0),
    (0.5, 363.0),
    (0.75, 1007.0),
    (1.0, LONGEST),
];
const POINTS: usize = 10;
/// Nobody waits for longer, in seconds.
pub(crate) const LONGEST: f64 = 3600.0;
/// Beyond it the last part of the curve would fall back.
const MOST_SCALE: f64 = 3.0;

/// How long the callers of a skill wait before they give up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Patience([(f64, f64); POINTS]);

impl Patience {
    /// `scale` is how patient they are against the measured callers.
    pub(super) fn new(scale: f64) -> Self {
        let scale = scale.clamp(0.0, MOST_SCALE);
        Self(GIVEN_UP.map(|(share, seconds)| (share, (seconds * scale).min(LONGEST))))
    }

    /// The seconds after which the share `u` of callers has given up; between the points of the curve a straight line.
    pub(super) fn seconds(&self, u: f64) -> f64 {
        let next = self.0.partition_point(|&(share, _)| share <= u).clamp(1, POINTS - 1);
        let ((low, from), (high, to)) = (self.0[next - 1], self.0[next]);
        from + (to - from) * ((u - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// The straight parts of the curve, as (share, seconds) at both of their ends.
    pub(super) fn parts(&self) -> impl Iterator<Item = ((f64, f64), (f64, f64))> + '_ {
        self.0.windows(2).map(|pair| (pair[0], pair[1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_that_which_was_measured() {
        let measured = Patience::new(1.0);
        for (share, seconds) in [(0.0, 0.0), (0.1, 26.0), (0.25, 89.0), (0.5, 363.0), (0.75, 1007.0)] {
            assert!((measured.seconds(share) - seconds).abs() < 1e-9, "{share}");
        }
        assert!(measured.seconds(0.999_999) < LONGEST && measured.seconds(1.0) == LONGEST);
        let patient = Patience::new(1.5);
        assert_eq!(patient.seconds(0.5), 544.5);
        assert_eq!(Patience::new(0.01).seconds(1.0), 36.0);
        let ordered = |patience: &Patience| patience.parts().all(|(a, b)| a.0 < b.0 && a.1 < b.1);
        assert!(ordered(&patient) && ordered(&Patience::new(99.0)));
    }
}
