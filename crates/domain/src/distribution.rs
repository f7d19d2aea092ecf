use super::histogram::Native;
use super::range::LONGEST_RANGE;
use alloc::vec::Vec;

/// Times up to here are kept to the second, rounded up.
pub const WHOLE_SECONDS_UNTIL: u32 = 3_600;
/// From there up to here they are kept to the minute, rounded up.
pub const WHOLE_MINUTES_UNTIL: u32 = 86_400;
/// From there up to here they are kept to the hour, rounded up. No range of the API is longer, and a longer time is
/// unreadable.
pub const WHOLE_HOURS_UNTIL: u32 = LONGEST_RANGE.as_secs() as u32;

/// The distribution of times to abandon in one series.
///
/// It keeps the times themselves, on a grid, and not the cells of a configured histogram: every histogram, classic or
/// native, is a view of it. So a changed list of buckets is right for the past too, and no bucket ever falls. The grid
/// bounds its size: at most 3,600 + 1,380 + 720 cells and the one for 0, of which a series uses some hundreds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distribution {
    /// Upper bound of the cell in seconds, and how many times are in it; ascending, no zeros.
    cells: Vec<(u32, u64)>,
    /// Of the times as they came, before rounding.
    sum: f64,
}

impl Distribution {
    /// Puts a stored distribution together again. `cells` may come in any order.
    pub fn from_cells(mut cells: Vec<(u32, u64)>, sum: f64) -> Self {
        cells.sort_unstable();
        Self { cells, sum }
    }

    /// Adds one time in seconds: finite, not negative, at most 31 days (the row parser sees to that).
    pub fn record(&mut self, seconds: f64) {
        let cell = cell_of(seconds);
        match self.cells.binary_search_by_key(&cell, |&(upper, _)| upper) {
            Ok(at) => self.cells[at].1 += 1,
            Err(at) => self.cells.insert(at, (cell, 1)),
        }
        self.sum += seconds;
    }

    pub fn count(&self) -> u64 {
        self.cells.iter().map(|&(_, count)| count).sum()
    }

    pub fn sum(&self) -> f64 {
        self.sum
    }

    pub fn cells(&self) -> &[(u32, u64)] {
        &self.cells
    }

    /// How many times are at most each bound. `bounds` ascend and lie on the grid.
    pub fn cumulative(&self, bounds: &[u32]) -> Vec<u64> {
        let mut cells = self.cells.iter().peekable();
        let mut below = 0;
        let up_to = |bound: &u32| {
            while let Some((_, count)) = cells.next_if(|(upper, _)| upper <= bound) {
                below += count;
            }
            below
        };
        bounds.iter().map(up_to).collect()
    }

    /// The same times in exponential buckets.
    pub fn native(&self) -> Native {
        let mut native = Native::default();
        for &(upper, count) in &self.cells {
            native.add(f64::from(upper), count);
        }
        native
    }
}

/// Whether a bound lies on the grid, so that it is known of every time whether it is above it.
pub fn is_exact(bound: u32) -> bool {
    cell_of(f64::from(bound)) == bound
}

/// The upper bound, in seconds, of the grid's cell that `seconds` is in.
fn cell_of(seconds: f64) -> u32 {
    let up_to_whole = |step: u32| libm::ceil(seconds / f64::from(step)) * f64::from(step);
    let upper = if seconds <= f64::from(WHOLE_SECONDS_UNTIL) {
        up_to_whole(1)
    } else if seconds <= f64::from(WHOLE_MINUTES_UNTIL) {
        up_to_whole(60)
    } else {
        up_to_whole(3_600)
    };
    // A cast from a float saturates; the row parser has refused what is negative, infinite or longer than the grid.
    (upper as u32).min(WHOLE_HOURS_UNTIL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_on_a_bound_is_within_it() {
        let mut times = Distribution::default();
        for seconds in [0.0, 9.5, 10.0, 10.2, 3_600.0, 3_600.5, 100_000.0] {
            times.record(seconds);
        }
        assert_eq!(times.cumulative(&[5, 10, 11, 3_600, 3_660, 86_400]), [1, 3, 4, 5, 6, 6]);
        assert_eq!(times.count(), 7);
        assert_eq!(times.sum(), 0.0 + 9.5 + 10.0 + 10.2 + 3_600.0 + 3_600.5 + 100_000.0);
    }

    #[test]
    fn a_bound_is_exact_to_the_second_the_minute_or_the_hour() {
        for bound in [1, 5, 3_599, 3_600, 3_660, 86_400, 90_000, WHOLE_HOURS_UNTIL] {
            assert!(is_exact(bound), "{bound}");
        }
        for bound in [3_601, 3_659, 86_399, 86_460, WHOLE_HOURS_UNTIL + 1, u32::MAX] {
            assert!(!is_exact(bound), "{bound}");
        }
    }

    fn any_time() -> impl Strategy<Value = f64> {
        prop_oneof![(0u32..=2_678_400).prop_map(f64::from), 0.0..=2_678_400.0, (0u32..700).prop_map(f64::from)]
    }

    proptest! {
        // What the classic buckets say is what counting the times themselves says, for every bound on the grid.
        #[test]
        fn buckets_are_exact(times in prop::collection::vec(any_time(), 0..200), mut bounds in prop::collection::btree_set(
            prop_oneof![1u32..=3_600, (61u32..=1_440).prop_map(|minutes| minutes * 60)], 1..20)) {
            let mut distribution = Distribution::default();
            times.iter().for_each(|&seconds| distribution.record(seconds));
            bounds.insert(5);
            let bounds: Vec<u32> = bounds.into_iter().collect();
            let expected: Vec<u64> =
                bounds.iter().map(|&le| times.iter().filter(|&&seconds| seconds <= f64::from(le)).count() as u64).collect();
            prop_assert_eq!(distribution.cumulative(&bounds), expected);
            prop_assert_eq!(distribution.count(), times.len() as u64);
            let native = distribution.native();
            prop_assert_eq!(native.count(), times.len() as u64);
        }
    }

    #[test]
    fn cells_put_together_again_are_the_same_distribution() {
        let mut times = Distribution::default();
        for seconds in [90.0, 3.25, 0.0, 90.5, 4_000.0, 90.0] {
            times.record(seconds);
        }
        assert_eq!(times.cells(), [(0, 1), (4, 1), (90, 2), (91, 1), (4_020, 1)]);
        let cells = times.cells().iter().rev().copied().collect();
        assert_eq!(Distribution::from_cells(cells, times.sum()), times);
    }

    #[test]
    fn the_longest_time_has_a_cell_of_its_own_hour() {
        let mut times = Distribution::default();
        for seconds in [31.0 * 86_400.0, 31.0 * 86_400.0 - 3_600.0] {
            times.record(seconds);
        }
        assert_eq!(times.cells(), [(2_674_800, 1), (2_678_400, 1)]);
        assert_eq!(WHOLE_HOURS_UNTIL, 2_678_400);
    }
}
