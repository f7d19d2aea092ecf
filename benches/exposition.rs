//! Encoding 100,000 series, beside what the `prometheus` crate needs to gather and encode the same.
//!
//! `cargo bench --bench exposition`; `-- --quick` for a look.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use exposition::compress::pack;
use exposition::model::Family;
use exposition::negotiate::Encoding;
use exposition::{openmetrics, protobuf, registry, text};
use prometheus::{Encoder, IntCounterVec, Opts, Registry, TextEncoder};

const SERIES: u64 = 100_000;
const LABELS: [&str; 4] = ["operation", "skill_id", "skill_name", "type_interaction"];

type Encode = fn(&[Family], &mut Vec<u8>);

fn filled() -> Registry {
    let registry = Registry::new();
    let options = Opts::new("wolkvox_abandoned_calls_total", "Abandoned calls.");
    let calls = IntCounterVec::new(options, &LABELS).expect("the names are legal");
    for number in 0..SERIES {
        let (id, name) = (number.to_string(), format!("Atención {number} \"ventas\""));
        calls.with_label_values(&["ventas", &id, &name, "Inbound"]).inc_by(number * 37 % 10_007);
    }
    registry.register(Box::new(calls)).expect("nothing else is registered");
    registry
}

fn encoders(criterion: &mut Criterion) {
    let registry = filled();
    let families = registry::gather(&registry);
    let mut group = criterion.benchmark_group("encode 100,000 series");
    group.throughput(Throughput::Elements(SERIES)).sample_size(20);
    group.bench_function("prometheus crate: gather and text", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            out.clear();
            TextEncoder::new().encode(black_box(&registry).gather().as_slice(), &mut out).expect("into memory");
            black_box(out.len())
        });
    });
    let ours: [(&str, Encode); 3] = [
        ("text", text::encode),
        ("openmetrics", |families, out| openmetrics::encode(families, false, out)),
        ("protobuf", protobuf::encode),
    ];
    for (name, encode) in ours {
        group.bench_function(name, |bencher| {
            let mut out = Vec::new();
            bencher.iter(|| {
                out.clear();
                encode(black_box(&families), &mut out);
                black_box(out.len())
            });
        });
    }
    group.finish();
}

fn packing(criterion: &mut Criterion) {
    let families = registry::gather(&filled());
    let mut plain = Vec::new();
    text::encode(&families, &mut plain);
    let mut group = criterion.benchmark_group("pack 100,000 series of text");
    group.throughput(Throughput::Bytes(plain.len() as u64)).sample_size(20);
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let packed: usize = pack(encoding, &plain).bytes.iter().map(Bytes::len).sum();
        group.bench_function(format!("{encoding:?}, to {} of {} bytes", packed, plain.len()), |bencher| {
            bencher.iter(|| black_box(pack(encoding, black_box(&plain))));
        });
    }
    group.finish();
}

criterion_group!(benches, encoders, packing);
criterion_main!(benches);
