//! A process that is replaced by another, which Prometheus knows by another `instance`: nothing that was read between the
//! last scrape of the one and the first of the other is missing from what Prometheus sees grow.
//!
//! `WOLKVOX_REPLACEMENTS=1000 cargo test --test it start_hold` replaces a thousand times instead of some.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use jiff::Timestamp;
use simulator::call::Injected;

use crate::support::prometheus::{Options, Prometheus};
use crate::support::sim::{quiet, stream_of_calls};
use crate::support::{Child, Folder, PATIENCE, Sim, wait_for};

/// Places that Prometheus looks at beforehand: it takes seconds to begin with new ones, and a series that is born before is
/// none that it could see grow.
const AHEAD: usize = 20;

/// `hold` is some scrapes long.
const DEFAULTS: [&str; 5] = ["interval: 1s", "settle: 0s", "overlap: 1m", "hold: 3s", "start_hold: 2s"];

#[test]
fn nothing_is_missing_where_one_process_follows_another() {
    let lives: u32 = std::env::var("WOLKVOX_REPLACEMENTS").map_or(6, |lives| lives.parse().expect("a number"));
    let sim = Sim::start(vec![quiet("ventas")]);
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    // Each at an address of its own: Linux has all of 127.0.0.0/8.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let place = |number: u32| SocketAddr::from(([127, 1, (number >> 8) as u8, number as u8], free.port()));
    let places: Vec<_> = (1..=lives + 1).map(place).collect();
    let options = Options { interval: "400ms", ..Options::default() };
    let prometheus = Prometheus::start(&folder.path().join("prometheus"), places[0], &options);

    // From the first life on until the last but one, a call every fifty milliseconds.
    let mut calls = 0;
    for (number, place) in places.iter().enumerate() {
        prometheus.look_for(&places[number.max(1)..places.len().min(number + AHEAD)]);
        let looked_for = format!("count(up{{instance=\"{place}\"}})");
        wait_for("Prometheus to look for it", PATIENCE, || match prometheus.query(&looked_for, None).first() {
            Some(_) => Ok(()),
            None => Err(prometheus.said()),
        });
        let exporter = serve(&folder, *place);
        if number < places.len() - 1 {
            let now = Timestamp::now() + Duration::from_secs(1);
            let more = stream_of_calls(now, Duration::from_millis(50), 20 + 11 * (number % 4));
            calls += more.len();
            let own = |mut call: simulator::call::Call| {
                call.conn_id.push_str(&format!("{number}"));
                call
            };
            sim.inject(more.into_iter().map(own).map(Injected::from));
            // Some lives end within the start hold, others after it.
            let scrapes = 3 + 3 * (number % 3);
            let seen = format!("sum(sum_over_time(up{{instance=\"{place}\"}}[12h]))");
            wait_for("some scrapes", PATIENCE, || match prometheus.query(&seen, None).first() {
                Some((_, count)) if *count >= scrapes as f64 => Ok(()),
                other => Err(format!("{other:?}; {}", exporter.said())),
            });
            let (status, _, said) = exporter.terminate();
            assert_eq!(status.code(), Some(0), "{said}");
        } else {
            // No counter falls, so the last less the first is what it has grown by; in each life, all series together.
            let of_life = |metric: &str, place: &SocketAddr| {
                let series = prometheus.samples(&format!("{metric}{{instance=\"{place}\"}}[12h]"));
                let ends = series.iter().map(|values| (values[0], values[values.len() - 1]));
                ends.fold((0.0, 0.0), |(first, last), (from, to)| (first + from, last + to))
            };
            let shown = format!("sum(wolkvox_abandoned_calls_total{{instance=\"{place}\"}})");
            wait_for("all calls to be shown", PATIENCE, || match prometheus.query(&shown, None).first() {
                Some((_, value)) if *value == calls as f64 => Ok(()),
                other => Err(format!("{other:?} of {calls}; {}", exporter.said())),
            });
            for metric in ["wolkvox_abandoned_calls_total", "wolkvox_abandon_time_seconds_count"] {
                let lives: Vec<_> = places.iter().map(|place| of_life(metric, place)).collect();
                let grown: f64 = lives.iter().map(|(first, last)| last - first).sum();
                assert_eq!(grown, calls as f64, "{metric}, at the beginning and the end of each life: {lives:?}");
            }
        }
    }
}

fn serve(folder: &Folder, place: SocketAddr) -> Child {
    let mut command = crate::support::child::command(&["--web.listen-address", &place.to_string()]);
    command.arg("--config.file").arg(folder.config()).current_dir(folder.path());
    Child::start(command)
}
