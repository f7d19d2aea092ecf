//! Simulated weeks: the clocks of server and exporter go ahead by hours between one life of the process and the next, with
//! outages of all reports and of one, late rows, kills and orderly restarts, over a change of the clocks. Of each day that was
//! over the vendor's own totals say the same as the exporter, to the call, and at the end so does the truth.
//!
//! `WOLKVOX_WEEKS=4 cargo test --test it weeks -- --nocapture` plays four weeks in place of a day and a half.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use simulator::OperationOptions;
use simulator::faults::{Armed, Fault};
use simulator::options::Clock;
use simulator::report::Report;
use simulator::traffic::Lateness;

use crate::support::host_clock::HostClock;
use crate::support::scrape::Scrape;
use crate::support::{Child, Folder, Sim};

/// Its clocks are put back at the end of 4 April 2026, a day of 25 hours.
const ZONE: &str = "America/Santiago";
const FIRST_DAY: Date = date(2026, 4, 2);

/// Of the second one row of skill_2 is left out.
const OPERATIONS: [&str; 2] = ["semana", "falta"];
const REPORTS: [(&str, &str, Report); 2] = [
    ("abandoned", "wolkvox_abandoned_calls_total", Report::Abandoned),
    ("answered", "wolkvox_answered_calls_total", Report::Answered),
];

/// Some rows come after their window was read; the overlap reaches them.
const LATENESS: Lateness =
    Lateness { usual: Duration::from_secs(61), late_share: 0.1, late: Duration::from_secs(40 * 60) };

/// The totals of a day are asked for when it has been over for as long as the longest overlap.
const LONGEST_OVERLAP: SignedDuration = SignedDuration::from_hours(3);

const SEED_OF_A_DAY: u64 = 1;

/// The clocks go ahead by so many seconds at least: a call for totals that failed is made again after an hour.
const AT_LEAST: i64 = 3_900;

const DEFAULTS: [&str; 4] = ["reports: [abandoned, answered, totals]", "hold: 0s", "start_hold: 0s", "timeout: 5s"];

#[test]
fn each_day_of_simulated_weeks_agrees_to_the_call() {
    let weeks: Option<i64> = std::env::var("WOLKVOX_WEEKS").ok().map(|weeks| weeks.parse().expect("a number of weeks"));
    // A day and a half is the same one each time, with an outage in it; weeks have outages whatever the seed is.
    let seed = weeks.map_or(SEED_OF_A_DAY, |_| Timestamp::now().as_second() as u64);
    println!("seed {seed}");
    let mut play = Play::new(seed);
    let begin = play.now();
    // Until the second day, the first one that is known whole, has been over for as long as it takes.
    let end = begin + SignedDuration::from_hours(weeks.map_or(38, |weeks| 24 * (7 * weeks + 1)));
    let lost = play.leave_a_row_out(FIRST_DAY.tomorrow().expect("a day"));
    let (mut lives, mut compared) = (0, BTreeSet::new());
    let mut was_trouble = false;
    while play.now() < end {
        was_trouble = !was_trouble && play.random.random_bool(0.5);
        let exporter = play.start();
        lives += 1;
        if was_trouble {
            play.trouble(&exporter);
        } else {
            play.wait_until_read(&exporter);
            compared.extend(play.check_the_day(&exporter, &lost));
        }
        play.end(exporter);
        let by = play.random.random_range(AT_LEAST..6 * 3_600);
        play.go_ahead(SignedDuration::from_secs(by));
    }
    let exporter = play.start();
    play.wait_until_read(&exporter);
    compared.extend(play.check_the_day(&exporter, &lost));
    let scrape = exporter.scrape();
    play.check_all(&scrape, begin, &lost);
    let late: f64 = scrape.sum("wolkvox_late_rows_total", &[]);
    let polls: f64 = scrape.sum("wolkvox_polls_total", &[]);
    let good: f64 =
        ["ok", "empty"].map(|outcome| scrape.sum("wolkvox_polls_total", &[("outcome", outcome)])).iter().sum();
    let calls = REPORTS.map(|(_, counter, _)| scrape.sum(counter, &[]));
    println!(
        "{lives} lives, {} days compared, {calls:?} calls, {late} late rows, {polls} polls of which {good} good",
        compared.len()
    );
    assert!(late > 0.0 && polls > good, "no row was late, or nothing failed: {late}, {polls}, {good}");
    assert!(!compared.is_empty());
    // All that are over but the first, of which the ledger does not know the beginning.
    let mut day = FIRST_DAY.tomorrow().expect("a day");
    while play.midnight(day.tomorrow().expect("a day")) + LONGEST_OVERLAP + SignedDuration::from_hours(12) < end {
        assert!(compared.contains(&day), "{day} was never compared: {compared:?}");
        day = day.tomorrow().expect("a day");
    }
    assert!(!play.sim.requests().iter().any(|request| request.overlapping));
}

/// A row that skill_2 lacks.
struct Lost {
    conn_id: String,
    skill_id: String,
    day: Date,
}

struct Play {
    sim: Sim,
    folder: Folder,
    clock: HostClock,
    zone: TimeZone,
    /// Of both clocks, in seconds.
    ahead: Arc<AtomicI64>,
    lost: Option<String>,
    random: ChaCha8Rng,
}

impl Play {
    fn new(seed: u64) -> Self {
        let zone = TimeZone::get(ZONE).expect("a zone that exists");
        let begin = zone.to_timestamp(FIRST_DAY.at(15, 2, 0, 0)).expect("an instant");
        let ahead = Arc::new(AtomicI64::new(begin.as_second() - Timestamp::now().as_second()));
        let of_the_server = ahead.clone();
        let clock = move || Timestamp::now() + SignedDuration::from_secs(of_the_server.load(Ordering::SeqCst));
        let options = OPERATIONS
            .map(|name| OperationOptions { lateness: LATENESS, ..OperationOptions::new(name, zone.clone(), seed, 4) });
        let sim = Sim::start_at(options.into(), Clock(Arc::new(clock)));
        let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
        let clock = HostClock::new(&folder, &format!("{:+}", ahead.load(Ordering::SeqCst)));
        let play = Self { sim, folder, clock, zone, ahead, lost: None, random: ChaCha8Rng::seed_from_u64(seed) };
        play.only_what_is_always_wrong();
        play
    }

    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.ahead.load(Ordering::SeqCst))
    }

    fn go_ahead(&self, by: SignedDuration) {
        let ahead = self.ahead.fetch_add(by.as_secs(), Ordering::SeqCst) + by.as_secs();
        self.clock.set(&format!("{ahead:+}"));
    }

    fn midnight(&self, day: Date) -> Timestamp {
        self.zone.to_timestamp(day.at(0, 0, 0, 0)).expect("midnight")
    }

    fn start(&self) -> Child {
        Child::start(self.clock.of(self.folder.command()))
    }

    fn end(&mut self, exporter: Child) {
        if self.random.random_bool(0.5) {
            exporter.kill();
        } else {
            exporter.terminate();
        }
        self.only_what_is_always_wrong();
    }

    /// One call of the afternoon of `day`, of `falta`.
    fn leave_a_row_out(&mut self, day: Date) -> Lost {
        let noon = self.midnight(day) + SignedDuration::from_hours(12);
        let calls = self.sim.operation("falta").expect("simulated").truth(noon, noon + SignedDuration::from_hours(4));
        let lost = calls.iter().filter(|call| call.is_abandoned()).nth(5).expect("a call");
        self.lost = Some(lost.conn_id.clone());
        self.only_what_is_always_wrong();
        Lost { conn_id: lost.conn_id.clone(), skill_id: lost.skill_id.to_string(), day }
    }

    /// Answers are dated by the server's clock, and the row is not there.
    fn only_what_is_always_wrong(&self) {
        self.sim.clear_faults();
        let head = Fault::Head { date: None, date_by: Some(0), age: None, retry_after: None, retry_at: None };
        self.sim.set_fault(head, None);
        if let Some(conn_id) = self.lost.clone() {
            let of = Some("falta".to_owned());
            let armed = Armed::new(Fault::LeftOut { conn_id }, None);
            self.sim.world().set_fault(Armed { operation: of, report: Some(Report::Abandoned), ..armed });
        }
    }

    /// Something fails from some instant after the start on, of all reports or of one, or nothing does; the process ends in
    /// the midst of it.
    fn trouble(&mut self, exporter: &Child) {
        let status =
            Fault::Status { status: 503, body: String::new(), content_type: "text/html".to_owned(), retry_after: None };
        let faults = [status, Fault::CutBody, Fault::Disconnect, Fault::MissingRows { rows: 1 }, Fault::DuplicateRows];
        let fault = faults[self.random.random_range(0..faults.len())].clone();
        let reports = [None, Some(Report::Abandoned), Some(Report::Answered), Some(Report::Totals)];
        let report = reports[self.random.random_range(0..reports.len())];
        // The first calls are on their way.
        self.sim.world().set_fault(Armed { report, ..Armed::new(fault, None) });
        let before = exporter.scrape().sum("wolkvox_polls_total", &[]);
        if self.random.random_bool(0.7) {
            exporter.wait_for("calls to end", |scrape| match scrape.sum("wolkvox_polls_total", &[]) - before {
                ended if ended >= 2.0 => Ok(()),
                ended => Err(format!("{ended} have ended")),
            });
        } else {
            std::thread::sleep(Duration::from_millis(self.random.random_range(0..200)));
        }
    }

    fn wait_until_read(&self, exporter: &Child) {
        // One window may end, and settle, while this waits.
        let due = (self.now() - SignedDuration::from_secs(360)).as_second() as f64;
        exporter.wait_for("all that is due to be read", |scrape| {
            let behind: Vec<_> = scrape
                .all("wolkvox_complete_until_timestamp_seconds", &[])
                .filter(|sample| sample.value < due)
                .map(|sample| format!("{:?}", sample.labels))
                .collect();
            if behind.is_empty() { Ok(()) } else { Err(format!("{behind:?} are behind")) }
        });
    }

    /// If a day should have been compared by now it was, and it agrees in each skill: that day.
    fn check_the_day(&self, exporter: &Child, lost: &Lost) -> Option<Date> {
        // Perhaps a window more has to be read.
        let a_while = LONGEST_OVERLAP + SignedDuration::from_mins(10);
        let at_least = self.zone.to_datetime(self.now() - a_while).date().yesterday().expect("a day");
        if at_least <= FIRST_DAY {
            return None;
        }
        let (scrape, from) = exporter.wait_for("the day to be compared", |scrape| {
            let of = |name| scrape.get("wolkvox_reconciled_day_timestamp_seconds", &[("operation", name)]);
            match OPERATIONS.map(of) {
                [Some(one), Some(other)] if one == other && one >= self.midnight(at_least).as_second() as f64 => {
                    Ok((scrape.clone(), Timestamp::from_second(one as i64).expect("an instant")))
                }
                days => Err(format!("not {at_least}, but {days:?}")),
            }
        });
        let day = self.zone.to_datetime(from).date();
        let to = self.midnight(day.tomorrow().expect("a day"));
        for name in OPERATIONS {
            for (report, _, kind) in REPORTS {
                let labels = [("operation", name), ("report", report)];
                let truth = self.truth(name, kind, from, to, Timestamp::MAX);
                let vendor = scrape.value("wolkvox_reconciliation_vendor_calls", &labels);
                assert_eq!(vendor, truth.values().sum::<f64>(), "{name} {report} {day}");
                let differences = scrape.all("wolkvox_reconciliation_difference_calls", &labels);
                let differences: BTreeMap<_, _> =
                    differences.map(|sample| (sample.labels["skill_id"].clone(), sample.value)).collect();
                assert!(
                    truth.keys().all(|skill| differences.contains_key(skill)),
                    "{name} {report} {day}: {differences:?}"
                );
                for (skill, difference) in differences {
                    let is_lost = (name, report, day) == ("falta", "abandoned", lost.day) && skill == lost.skill_id;
                    assert_eq!(difference, f64::from(is_lost), "{name} {report} {day} {skill}:\n{}", exporter.said());
                }
            }
        }
        Some(day)
    }

    /// The counters are the true calls that had been in the reports when they were read last.
    fn check_all(&self, scrape: &Scrape, begin: Timestamp, lost: &Lost) {
        let begin = Timestamp::from_second(begin.as_second() / 300 * 300).expect("an instant");
        for name in OPERATIONS {
            for (report, counter, kind) in REPORTS {
                let labels = [("operation", name), ("report", report)];
                let until = scrape.value("wolkvox_complete_until_timestamp_seconds", &labels);
                let until = Timestamp::from_second(until as i64).expect("an instant");
                let requests = self.sim.requests();
                let last = requests.iter().rev().find(|request| {
                    request.operation.as_deref() == Some(name)
                        && request.report == Some(kind)
                        && request.status == Some(200)
                });
                let read = last.expect("it was read").at;
                let mut truth = self.truth(name, kind, begin, until, read);
                if (name, report) == ("falta", "abandoned") {
                    *truth.get_mut(&lost.skill_id).expect("it has calls") -= 1.0;
                }
                let mut counted = BTreeMap::new();
                for sample in scrape.all(counter, &[("operation", name)]).filter(|sample| sample.value > 0.0) {
                    *counted.entry(sample.labels["skill_id"].clone()).or_insert(0.0) += sample.value;
                }
                assert_eq!(counted, truth, "{name} {report}, without {} in {}", lost.conn_id, lost.skill_id);
            }
        }
    }

    /// Calls by skill that ended in [from, to) and were in the report by `seen`.
    fn truth(
        &self,
        name: &str,
        report: Report,
        from: Timestamp,
        to: Timestamp,
        seen: Timestamp,
    ) -> BTreeMap<String, f64> {
        let mut truth = BTreeMap::new();
        let calls = self.sim.operation(name).expect("simulated").truth(from, to);
        for call in calls.into_iter().filter(|call| call.visible_at <= seen) {
            if if report == Report::Abandoned { call.is_abandoned() } else { call.is_answered() } {
                *truth.entry(call.skill_id.to_string()).or_insert(0.0) += 1.0;
            }
        }
        truth
    }
}
