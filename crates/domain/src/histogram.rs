use alloc::collections::BTreeMap;

/// Native buckets grow by 2^(1/8), about 1.09: a quantile is off by less than a tenth, and the grid of 31 days needs
/// at most 172 buckets.
pub const NATIVE_SCHEMA: i32 = 3;

/// What is no larger than this is in the zero bucket: 2^-128, client_golang's default.
pub const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;

/// Observations in exponential buckets, as Prometheus' native histograms have them at [`NATIVE_SCHEMA`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Native {
    pub zero: u64,
    /// Count by bucket index. Bucket i holds (2^((i-1)/8), 2^(i/8)].
    pub positive: BTreeMap<i32, u64>,
}

impl Native {
    /// Adds `count` observations of `value`, which is finite and not negative.
    pub fn add(&mut self, value: f64, count: u64) {
        if value <= ZERO_THRESHOLD {
            self.zero += count;
        } else {
            *self.positive.entry(index_of(value)).or_default() += count;
        }
    }

    pub fn count(&self) -> u64 {
        self.zero + self.positive.values().sum::<u64>()
    }
}

/// The bucket of a positive value. A power of two is the upper bound of its bucket, and its logarithm is exact; no other
/// bound is a float, so rounding can't put a value on the wrong side of one.
fn index_of(value: f64) -> i32 {
    libm::ceil(libm::log2(value) * f64::from(1 << NATIVE_SCHEMA)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_its_bucket() {
        for value in [1.0f64, 2.0, 7.0, 8.0, 9.0, 37.0, 600.0, 2_405.0, 2_678_400.0, 0.003] {
            let index = index_of(value);
            let bound = |i: i32| (f64::from(i) / 8.0).exp2();
            assert!(bound(index - 1) < value && value <= bound(index) * (1.0 + 1e-15), "{value} in bucket {index}");
        }
        assert_eq!(index_of(8.0), 24);
    }

    #[test]
    fn zero_has_a_bucket_of_its_own() {
        let mut native = Native::default();
        native.add(0.0, 2);
        native.add(ZERO_THRESHOLD, 1);
        native.add(8.0, 3);
        native.add(8.0, 1);
        assert_eq!(native, Native { zero: 3, positive: BTreeMap::from([(24, 4)]) });
        assert_eq!(native.count(), 7);
    }
}
