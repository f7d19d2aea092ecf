use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::day::{Day, SLOT};
use super::details::{Details, Kind};
use super::incident::{Cause, Effect, Incident, effect};
use super::load;
use super::patience::Patience;
use super::staff::{Staff, staff};
use super::{Traffic, second};
use crate::profile;
use crate::random::{self, Stream, exponential, unit};

/// More calls do not come to one skill in a second, whatever an incident's factor.
const MOST_CALLS: f64 = 1_000.0;

/// What happened in the queue of one skill on one day.
#[derive(Debug)]
pub(crate) struct SkillDay {
    /// One after the other, from the day's beginning to its end.
    pub(crate) stretches: Vec<Stretch>,
    /// In the order of their outcome.
    pub(crate) outcomes: Vec<Outcome>,
}

/// A time in which nothing about a queue changes but who waits in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stretch {
    /// In seconds since 1970.
    pub(crate) begin: i64,
    pub(crate) end: i64,
    /// Calls a second as planned for this hour and weekday.
    pub(crate) planned: f64,
    /// The share of them expected to give up.
    pub(crate) lost: f64,
    /// Calls a second, incidents apart.
    load: f64,
    staff: Staff,
    effect: Effect,
    /// Of the incidents of this time; `None`: there is none.
    pub(crate) factor: Option<f64>,
}

/// One call's way through the queue. 40 bytes, for a day can have a million.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outcome {
    /// When it ended: the caller gave up, or an agent answered. In seconds since 1970.
    pub(crate) at: i64,
    /// Seconds in the queue.
    pub(crate) waited: u32,
    pub(crate) answered: bool,
    /// Seconds that the agent was busy with it.
    pub(super) handled: u32,
    /// Decides all that the queue doesn't know.
    pub(super) details: u64,
    /// With the second of its arrival and `kind` it is unique in its skill.
    pub(super) number: u32,
    pub(super) kind: Kind,
}

impl Stretch {
    /// Calls a second.
    pub(crate) fn arrivals(&self) -> f64 {
        (self.load * self.effect.calls).min(MOST_CALLS)
    }

    pub(crate) fn agents(&self) -> u32 {
        self.effect.agents
    }

    /// Seconds that an agent spends on a call on the average.
    pub(crate) fn handling(&self) -> f64 {
        self.staff.handling
    }
}

/// Somebody who calls.
#[derive(Debug, Clone, Copy)]
struct Caller {
    /// Seconds since the day's beginning.
    at: f64,
    patience: f64,
    handling: f64,
    details: u64,
    number: u32,
    kind: Kind,
}

impl SkillDay {
    /// `number` is the day's; `skill` an index into the traffic's skills.
    pub(crate) fn new(traffic: &Traffic, number: i64, skill: usize) -> Self {
        let day = Day::new(&traffic.zone, number);
        if traffic.rate <= 0.0 {
            return Self { stretches: Vec::new(), outcomes: Vec::new() };
        }
        let scale = traffic.patience * profile::patience(skill, traffic.skills.len());
        let stretches = stretches(traffic, day, skill, scale);
        let callers = callers(traffic, day, skill, scale, &stretches);
        let mut outcomes = serve(traffic, day, scale, &stretches, callers);
        outcomes.sort_unstable_by_key(|outcome| (outcome.at, outcome.number, outcome.kind, outcome.details));
        Self { stretches, outcomes }
    }
}

/// The day, cut where anything changes: every five minutes, and where an incident begins or ends.
fn stretches(traffic: &Traffic, day: Day, skill: usize, scale: f64) -> Vec<Stretch> {
    let patience = Patience::new(scale);
    let (size, loss) = (profile::size(skill, traffic.skills.len()), profile::loss(skill, traffic.skills.len()));
    let incidents = traffic.incidents_of(day, skill);
    let slots: Vec<_> = day.slots(&traffic.zone).collect();
    let loads = load::factors(traffic.seed, skill as u64, day.number, slots.len());
    let mut stretches = Vec::with_capacity(slots.len());
    for ((start, weekday, hour), load) in slots.into_iter().zip(loads) {
        let planned = profile::offered(hour) * traffic.week.factor(weekday) * traffic.rate * size / 3600.0;
        let lost = profile::abandoned(hour, loss);
        let staff = staff(planned, lost, scale);
        let end = (start + SLOT).min(day.end);
        let mut edges: Vec<i64> = incidents
            .iter()
            .flat_map(|incident| [incident.from.as_second(), incident.until.as_second()])
            .filter(|edge| start < *edge && *edge < end)
            .chain([start, end])
            .collect();
        edges.sort_unstable();
        edges.dedup();
        for edge in edges.windows(2) {
            let now: Vec<&Incident> = incidents.iter().filter(|incident| incident.contains(second(edge[0]))).collect();
            let factor = (!now.is_empty()).then(|| now.iter().map(|incident| incident.factor).product());
            let cause = now.iter().map(|incident| incident.cause).find(|cause| *cause == Cause::Agents);
            let load = planned * load;
            let effect = match factor {
                Some(factor) => effect(factor, cause.unwrap_or_default(), load, staff, &patience),
                None => Effect { calls: 1.0, agents: staff.agents },
            };
            stretches.push(Stretch { begin: edge[0], end: edge[1], planned, lost, load, staff, effect, factor });
        }
    }
    stretches
}

/// All who call of their own accord, in the order of their coming. Those of the plan come from a stream that knows no
/// incident, and those whom an incident adds from others, one for each stretch: whatever an incident does, what was
/// before it stays as it was.
fn callers(traffic: &Traffic, day: Day, skill: usize, scale: f64, stretches: &[Stretch]) -> Vec<Caller> {
    let patience = Patience::new(scale);
    let mut callers = Vec::new();
    let mut usual = random::stream(traffic.seed, Stream::Calls, skill as u64, day.number);
    let mut slot = 0;
    while slot < stretches.len() {
        // The stretches of one slot have one load.
        let of_slot = stretches[slot..].iter().take_while(|other| same_slot(day, &stretches[slot], other)).count();
        let parts = &stretches[slot..slot + of_slot];
        slot += of_slot;
        let (begin, end) = ((parts[0].begin - day.begin) as f64, (parts[of_slot - 1].end - day.begin) as f64);
        let mut at = begin;
        for number in 0.. {
            at += exponential(&mut usual) / parts[0].load;
            if at >= end {
                break;
            }
            let caller = Caller::draw(&mut usual, at, &patience, Kind::Usual, number);
            let kept = unit(&mut usual);
            let now = parts.iter().find(|part| at < (part.end - day.begin) as f64).unwrap_or(&parts[0]);
            if kept < now.effect.calls {
                callers.push(Caller { handling: caller.handling * now.staff.handling, ..caller });
            }
        }
        for part in parts {
            let more = part.arrivals() - part.load;
            if more <= 0.0 {
                continue;
            }
            let mut extra = random::stream(traffic.seed, Stream::Incident, skill as u64, part.begin);
            let mut at = (part.begin - day.begin) as f64;
            for number in 0.. {
                at += exponential(&mut extra) / more;
                if at >= (part.end - day.begin) as f64 {
                    break;
                }
                let caller = Caller::draw(&mut extra, at, &patience, Kind::Incident, number);
                callers.push(Caller { handling: caller.handling * part.staff.handling, ..caller });
            }
        }
    }
    callers.sort_by(|a, b| a.at.total_cmp(&b.at));
    callers
}

fn same_slot(day: Day, a: &Stretch, b: &Stretch) -> bool {
    (a.begin - day.begin) / SLOT == (b.begin - day.begin) / SLOT
}

impl Caller {
    /// `handling` is against the average.
    fn draw(rng: &mut rand_chacha::ChaCha8Rng, at: f64, patience: &Patience, kind: Kind, number: u32) -> Self {
        let (waits, handling) = (patience.seconds(unit(rng)), exponential(rng));
        Self { at, patience: waits, handling, details: random::bits(rng), number, kind }
    }
}

/// Lets the agents answer the callers in the order of their coming, until each has been answered or has given up.
fn serve(traffic: &Traffic, day: Day, scale: f64, stretches: &[Stretch], callers: Vec<Caller>) -> Vec<Outcome> {
    let patience = Patience::new(scale);
    let mut outcomes = Vec::with_capacity(callers.len());
    let mut first_calls = callers.into_iter().peekable();
    // Those who gave up and call again.
    let mut again: BinaryHeap<Reverse<ByTime<Caller>>> = BinaryHeap::new();
    // When each busy agent is free again.
    let mut busy: BinaryHeap<Reverse<ByTime<()>>> = BinaryHeap::new();
    // Nobody has been answered later, and nobody who comes now can be answered earlier: all agents were busy.
    let mut clock = 0.0_f64;
    let mut stretch = 0;
    loop {
        let second_call = again.peek().map(|Reverse(ByTime(at, _))| *at);
        let caller = match (first_calls.peek(), second_call) {
            (Some(first), Some(second)) if second < first.at => again.pop().map(|Reverse(ByTime(_, caller))| caller),
            (None, _) => again.pop().map(|Reverse(ByTime(_, caller))| caller),
            _ => first_calls.next(),
        };
        let Some(caller) = caller else { return outcomes };
        let gives_up = caller.at + caller.patience;
        clock = clock.max(caller.at);
        let answered = loop {
            while busy.peek().is_some_and(|Reverse(ByTime(free, ()))| *free <= clock) {
                busy.pop();
            }
            while stretches.get(stretch + 1).is_some_and(|next| (next.begin - day.begin) as f64 <= clock) {
                stretch += 1;
            }
            // After the day's end its last agents stay.
            if busy.len() < stretches[stretch].agents() as usize {
                break true;
            }
            let freed = busy.peek().map_or(f64::INFINITY, |Reverse(ByTime(free, ()))| *free);
            let changes = stretches.get(stretch + 1).map_or(f64::INFINITY, |next| (next.begin - day.begin) as f64);
            let next = freed.min(changes);
            if next >= gives_up {
                break false;
            }
            clock = next;
        };
        let end = if answered { clock } else { gives_up };
        let arrived = day.begin + caller.at as i64;
        let at = day.begin + end as i64;
        let outcome = Outcome {
            at,
            waited: (at - arrived) as u32,
            answered,
            handled: if answered { caller.handling as u32 } else { 0 },
            details: caller.details,
            number: caller.number,
            kind: caller.kind,
        };
        outcomes.push(outcome);
        if answered {
            busy.push(Reverse(ByTime(clock + caller.handling, ())));
        } else if traffic.redials
            && let Some(after) = Details::new(&outcome).calls_again_after()
            && gives_up + after < (day.end - day.begin) as f64
        {
            let mut rng = random::stream(caller.details, Stream::Redial, u64::from(caller.number), arrived);
            let kind = Kind::Again { first: (arrived % 100_000) as u32 };
            let caller = Caller {
                handling: caller.handling,
                ..Caller::draw(&mut rng, gives_up + after, &patience, kind, caller.number)
            };
            again.push(Reverse(ByTime(caller.at, caller)));
        }
    }
}

/// Ordered by its time alone.
#[derive(Debug, Clone, Copy)]
struct ByTime<T>(f64, T);

impl<T> PartialEq for ByTime<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for ByTime<T> {}

impl<T> PartialOrd for ByTime<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for ByTime<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
