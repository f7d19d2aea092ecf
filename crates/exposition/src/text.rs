//! Prometheus's text format 0.0.4.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use super::label::write_help;
use super::lines::Lines;
use super::model::{Family, Kind};

/// Appends the families. A family without series is left out: it would say nothing.
pub fn encode(families: &[Family], out: &mut Vec<u8>) {
    for family in families.iter().filter(|family| !family.series.is_empty()) {
        head(family, out);
        series(family, out);
    }
}

/// Appends what stands before a family's series.
pub fn head(family: &Family, out: &mut Vec<u8>) {
    if !family.help.is_empty() {
        out.extend_from_slice(b"# HELP ");
        out.extend_from_slice(family.name.as_bytes());
        out.push(b' ');
        write_help(out, &family.help);
        out.push(b'\n');
    }
    out.extend_from_slice(b"# TYPE ");
    out.extend_from_slice(family.name.as_bytes());
    out.extend_from_slice(match family.kind {
        Kind::Counter => b" counter\n",
        Kind::Gauge => b" gauge\n",
        Kind::Histogram => b" histogram\n",
    });
}

/// Appends a family's series.
pub fn series(family: &Family, out: &mut Vec<u8>) {
    let mut lines = Lines::new(&family.name);
    for series in &family.series {
        lines.write(out, series);
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{Encoder, TextEncoder};
    use proptest::prelude::*;

    use super::*;
    use crate::samples;

    #[test]
    fn every_kind_is_written() {
        let mut out = Vec::new();
        encode(&samples::every_kind(), &mut out);
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn a_family_without_series_is_left_out() {
        let mut families = samples::every_kind();
        families.iter_mut().for_each(|family| family.series.clear());
        let mut out = Vec::new();
        encode(&families, &mut out);
        assert!(out.is_empty());
    }

    /// What the `prometheus` crate writes, with its two known differences taken out: it spells bounds and infinities its own
    /// way, and numbers with up to 301 digits.
    fn oracle(families: &[Family]) -> Vec<(String, u64)> {
        let mut out = Vec::new();
        TextEncoder::new().encode(&samples::as_proto(families), &mut out).unwrap();
        samples::parsed_lines(&out)
    }

    proptest! {
        #[test]
        fn it_says_what_the_prometheus_crate_says(families in samples::families()) {
            let families: Vec<Family> = families.into_iter().filter(|family| !family.series.is_empty()).collect();
            let mut out = Vec::new();
            encode(&families, &mut out);
            prop_assert_eq!(samples::parsed_lines(&out), oracle(&families));
        }
    }
}
