//! From the bytes of the largest answer to rows: 60,000 rows, some 18 MB.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wolkvox_exporter::domain::identity::RowHasher;
use wolkvox_exporter::wolkvox::answer::{Data, decode};

const ROWS: usize = 60_000;

fn largest_answer() -> String {
    let mut body = format!(r#"{{"code":"200","error":null,"msg":"{ROWS} records were found","data":["#);
    for n in 0..ROWS {
        let (hour, minute, second) = (n / 3600 % 24, n / 60 % 60, n % 60);
        let comma = if n == 0 { "" } else { "," };
        let skill = n % 40;
        // `write!` to a string doesn't fail.
        let _ = write!(
            body,
            r#"{comma}{{"skill_name":"Atenci\u00f3n al cliente, l\u00ednea {skill} (Bogot\u00e1)","skill_id":"{}","conn_id":"6736.4628.1040.{}.{n}","date":"2026-01-18 {hour:02}:{minute:02}:{second:02}","result":"ABANDON","ani":"57300{n:07}","abandon_time":"{}","type_interaction":"inbound","customer_id":"{n:010}"}}"#,
            4000 + skill,
            1_768_700_000 + n,
            n % 300,
        );
    }
    body.push_str("]}");
    body
}

fn bench(criterion: &mut Criterion) {
    let body = largest_answer();
    let hasher = RowHasher::new([1; 16]);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(20);
    group.bench_function("60,000 rows", |bencher| {
        bencher.iter(|| match decode(black_box(body.as_bytes()), &hasher) {
            Ok(decoded) => match decoded.data {
                Data::Rows(rows) => assert_eq!(rows.len(), ROWS),
                other => panic!("no rows: {other:?}"),
            },
            Err(why) => panic!("{why}"),
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
