//! How far the quantiles that Prometheus works out of the two histograms are from those of the times themselves, on a
//! month of the traffic that was measured in a bank's call centre.
//!
//! `cargo test --test it quantiles -- --nocapture` prints the figures.

use domain::distribution::Distribution;
use domain::histogram::NATIVE_SCHEMA;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use simulator::OperationOptions;
use simulator::operation::Operation;

use crate::support::truth::ABANDONED;

#[test]
fn native_quantiles_are_within_a_bucket_of_the_exact_ones() {
    let zone = TimeZone::get("America/Bogota").expect("a zone that exists");
    let from: Timestamp = "2026-03-01T05:00:00Z".parse().expect("an instant");
    let operation = Operation::new(OperationOptions { rate: 4.0, ..OperationOptions::new("bank", zone, 1, 8) });
    let calls = operation.truth(from, from + std::time::Duration::from_secs(30 * 86_400));
    let mut times: Vec<f64> = calls.iter().filter(|call| call.is_abandoned()).filter_map(|call| call.waited).collect();
    times.sort_by(f64::total_cmp);
    assert!(times.len() > 10_000, "{} calls", times.len());
    let mut kept = Distribution::default();
    times.iter().for_each(|&time| kept.record(time));

    println!("{} times; quantile, exact, classic and native with their errors", times.len());
    for quantile in [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99] {
        let rank = quantile * times.len() as f64;
        let exact = times[(rank.ceil() as usize).max(1) - 1];
        let (classic, native) = (classic(&kept, rank), native(&kept, rank));
        let error = |value: f64| (value / exact - 1.0) * 100.0;
        println!(
            "p{:<3} {exact:7.1} s   {classic:7.1} s {:+6.1} %   {native:7.1} s {:+6.1} %",
            quantile * 100.0,
            error(classic),
            error(native)
        );
        assert!((native / exact).ln().abs() <= growth().ln() + 1e-9, "p{quantile}: {native} instead of {exact}");
    }
}

fn growth() -> f64 {
    (1.0 / f64::from(1 << NATIVE_SCHEMA)).exp2()
}

/// `histogram_quantile` over classic buckets: linear within the bucket; above the last bound, that bound.
fn classic(kept: &Distribution, rank: f64) -> f64 {
    let bounds: Vec<_> = ABANDONED.buckets.iter().map(|bound| *bound as u32).collect();
    let counts = kept.cumulative(&bounds);
    let Some(bucket) = counts.iter().position(|&count| count as f64 >= rank) else {
        return ABANDONED.buckets[ABANDONED.buckets.len() - 1];
    };
    let (low, below) = if bucket == 0 { (0.0, 0) } else { (ABANDONED.buckets[bucket - 1], counts[bucket - 1]) };
    low + (ABANDONED.buckets[bucket] - low) * (rank - below as f64) / (counts[bucket] - below) as f64
}

/// `histogram_quantile` over a native histogram: exponential within the bucket, as Prometheus 3 has it.
fn native(kept: &Distribution, rank: f64) -> f64 {
    let native = kept.native();
    let mut below = native.zero as f64;
    for (&index, &count) in &native.positive {
        if below + count as f64 >= rank {
            let low = growth().powi(index - 1);
            return low * growth().powf((rank - below) / count as f64);
        }
        below += count as f64;
    }
    0.0
}
