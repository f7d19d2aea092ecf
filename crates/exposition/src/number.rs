//! Numbers as both text formats spell them.
//!
//! Prometheus reads them with Go's `strconv.ParseFloat`, OpenMetrics parsers by the grammar of its specification
//! ("realnumber": digits, fraction, exponent): what is written here is legal in both and reads back to the same bits.

use std::io::Write;

/// Above this, not every integer is a double, and digits would suggest a precision that isn't there.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// Below this (and from [`EXACT_INTEGERS`] on) a number is written with an exponent, lest it grow to 300 digits.
const SMALLEST_PLAIN: f64 = 1e-5;

/// Appends the shortest spelling that reads back to `value`: `12`, `0.1`, `1e300`, `+Inf`, `-Inf`, `NaN`.
pub fn write_value(out: &mut Vec<u8>, value: f64) {
    let size = value.abs();
    if size < EXACT_INTEGERS && value.trunc() == value && !(value == 0.0 && value.is_sign_negative()) {
        if value < 0.0 {
            out.push(b'-');
        }
        write_integer(out, size as u64);
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if value == 0.0 {
        // Python's parsers try an integer first, which has no negative zero.
        out.extend_from_slice(b"-0.0");
    } else if (SMALLEST_PLAIN..EXACT_INTEGERS).contains(&size) {
        write!(out, "{value}").expect("a vector takes any number of bytes");
    } else {
        write!(out, "{value:e}").expect("a vector takes any number of bytes");
    }
}

/// Appends a bucket's bound, always recognisable as a float: `10.0`, `0.5`, `1e300`, `+Inf`.
///
/// Prometheus 3 stores `le="10"` as `le="10.0"`, Prometheus 2 as it came; this spelling gives both the same label. It is
/// also the one that OpenMetrics 1.0 prescribes ("Canonical Numbers").
pub fn write_bound(out: &mut Vec<u8>, bound: f64) {
    let start = out.len();
    write_value(out, bound);
    if bound.is_finite() && !out[start..].iter().any(|byte| matches!(byte, b'.' | b'e')) {
        out.extend_from_slice(b".0");
    }
}

/// Appends a whole number.
pub fn write_integer(out: &mut Vec<u8>, mut value: u64) {
    /// Digits of `u64::MAX`.
    const LONGEST: usize = 20;
    let mut digits = [0u8; LONGEST];
    let mut first = LONGEST;
    loop {
        first -= 1;
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spelled(write: fn(&mut Vec<u8>, f64), value: f64) -> String {
        let mut out = Vec::new();
        write(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_spelled_as_the_parsers_take_them() {
        let cases: &[(f64, &str, &str)] = &[
            (0.0, "0", "0.0"),
            (-0.0, "-0.0", "-0.0"),
            (1.0, "1", "1.0"),
            (-7.0, "-7", "-7.0"),
            (0.1, "0.1", "0.1"),
            (0.00001, "0.00001", "0.00001"),
            (0.0000099, "9.9e-6", "9.9e-6"),
            (1764055200.0, "1764055200", "1764055200.0"),
            (1764055200.25, "1764055200.25", "1764055200.25"),
            (9_007_199_254_740_991.0, "9007199254740991", "9007199254740991.0"),
            (9_007_199_254_740_992.0, "9.007199254740992e15", "9.007199254740992e15"),
            (1e300, "1e300", "1e300"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308", "2.2250738585072014e-308"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
            (f64::NAN, "NaN", "NaN"),
        ];
        for (value, plain, bound) in cases {
            assert_eq!(spelled(write_value, *value), *plain);
            assert_eq!(spelled(write_bound, *value), *bound);
        }
    }

    #[test]
    fn the_largest_integer_is_whole() {
        let mut out = Vec::new();
        write_integer(&mut out, u64::MAX);
        assert_eq!(out, u64::MAX.to_string().into_bytes());
    }

    proptest! {
        #[test]
        fn every_number_reads_back_to_the_same_bits(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(!value.is_nan());
            for text in [spelled(write_value, value), spelled(write_bound, value)] {
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), bits, "{}", text);
                prop_assert!(text.len() <= 25, "{}", text);
            }
        }

        #[test]
        fn whole_numbers_read_back(value in any::<i32>()) {
            prop_assert_eq!(spelled(write_value, f64::from(value)), value.to_string());
        }
    }
}
