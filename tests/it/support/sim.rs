use std::ops::Deref;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use simulator::call::Call;
use simulator::operation::Operation;
use simulator::options::Clock;
use simulator::traffic::{Cause, Incident, Lateness};
use simulator::{Handle, OperationOptions, Options, Simulator};
use tokio::runtime::Runtime;

/// A simulator on a runtime of its own; the tests are plain threads.
#[derive(Debug)]
pub struct Sim {
    handle: Handle,
    _runtime: Runtime,
}

impl Sim {
    pub fn start(operations: Vec<OperationOptions>) -> Self {
        Self::start_at(operations, Clock::default())
    }

    /// With a time of its own.
    pub fn start_at(operations: Vec<OperationOptions>, clock: Clock) -> Self {
        let runtime = Runtime::new().expect("threads");
        let options = Options { operations, clock, ..Options::default() };
        let handle = runtime.block_on(Simulator::start(options)).expect("a free port of loopback");
        Self { handle, _runtime: runtime }
    }
}

impl Deref for Sim {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

/// An operation in Bogotá that has no calls but those that a test injects, each visible as soon as it says.
pub fn quiet(name: &str) -> OperationOptions {
    let zone = TimeZone::get("America/Bogota").expect("a zone that exists");
    let lateness = Lateness { usual: Duration::ZERO, ..Lateness::default() };
    OperationOptions { rate: 0.0, lateness, ..OperationOptions::new(name, zone, 1, 8) }
}

/// An operation with several abandoned calls a second from now on for `rush`, and few before: the first look at the day
/// before is small then. Queues of the measured traffic, in which an incident makes so many give up.
pub fn busy(name: &str, seed: u64, lateness: Lateness, rush: Duration) -> OperationOptions {
    let now = Timestamp::from_second(Timestamp::now().as_second()).expect("now");
    let until = now + rush;
    // Callers need some seconds to give up, and all have done so soon after the end.
    let (from, patience) = (now - Duration::from_secs(10), 0.01);
    // The measured volume depends on the hour, the weekday and the seed; which zone, rate and factor give enough is found
    // by trying. A seed of small skills needs a higher rate, and has few calls before all the same.
    let zones = zones_with_calls(now);
    let pairs = [1.0, 8.0, 64.0].into_iter().flat_map(|rate| zones.iter().map(move |zone| (rate, zone)));
    let tries = pairs.flat_map(|(rate, zone)| (6..14).map(move |doubling| (rate, zone, 1u32 << doubling)));
    let mut operations = tries.map(|(rate, zone, factor)| {
        let factor = f64::from(factor).min(10_000.0);
        let incident = Incident { skill: None, factor, cause: Cause::Calls, from, until };
        let whole = OperationOptions::new(name, zone.clone(), seed, 8);
        OperationOptions { rate, patience, lateness, incidents: vec![incident], ..whole }
    });
    let abandoned = |options: &OperationOptions| {
        let calls = Operation::new(options.clone()).truth(now, until);
        calls.iter().filter(|call| call.is_abandoned()).count() as f64
    };
    let found = operations.find(|options| abandoned(options) >= 3.0 * rush.as_secs_f64());
    found.unwrap_or_else(|| panic!("no incident makes an operation busy at {now}"))
}

/// Zones around the world, those first in which it is nearest to three in the afternoon: contact centres sleep at night.
fn zones_with_calls(now: Timestamp) -> Vec<TimeZone> {
    let zones =
        ["America/Bogota", "America/Los_Angeles", "Pacific/Auckland", "Asia/Tokyo", "Asia/Kolkata", "Europe/Madrid"];
    let mut zones: Vec<_> = zones.iter().map(|name| TimeZone::get(name).expect("a zone that exists")).collect();
    zones.sort_by_key(|zone| (zone.to_datetime(now).hour() - 15).abs());
    zones
}

/// Abandoned voice calls, one after each `every` from `from` on, of five skills in turn.
pub fn stream_of_calls(from: Timestamp, every: Duration, count: usize) -> Vec<Call> {
    (0..count)
        .map(|index| {
            let exact = from + every * index as u32;
            let at = Timestamp::from_second(exact.as_second()).expect("this century");
            let waited = 1 + (index * 37) % 400;
            let skill = (4173 + index % 5).to_string();
            let conn_id = format!("6736.4628.1040.{}.{index}", at.as_second() - waited as i64);
            Call::abandoned(at, &skill, &conn_id, waited as f64)
        })
        .collect()
}

/// The same calls as those of one skill, each with a `conn_id` of its own across skills.
pub fn of_skill(skill: u64, calls: impl IntoIterator<Item = Call>) -> impl Iterator<Item = Call> {
    let id = skill.to_string();
    calls.into_iter().enumerate().map(move |(index, call)| Call {
        skill_id: id.as_str().into(),
        skill_name: id.as_str().into(),
        conn_id: format!("{id}77{index}"),
        ..call
    })
}
