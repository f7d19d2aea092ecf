//! The promises, checked at every scrape, at the end of every life and at the end of the history.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use domain::account::Account;
use domain::disposition::RejectReason;
use domain::outcome::Outcome;
use domain::range::CivilRange;
use domain::totals::Total;
use exposition::model::{Family, Kind, Series, Value};
use exposition::prepared::Prepared;
use wolkvox_exporter::config::OperationConfig;

use crate::history::{Life, Settings};
use crate::reference::{CatchUp, Held, Key, Reference, placed};
use crate::world::{Shared, Told, World, outcomes};

/// Clocks may differ by this much without a correction.
const CLOCKS_MAY_DIFFER: SignedDuration = SignedDuration::from_secs(5);

/// Timers of the runtime fire up to a millisecond late; whether a hold has just ended is not asked this close to its end.
const TIMER_GRAIN: Duration = Duration::from_millis(5);

pub struct Checker {
    world: World,
    reference: Option<Reference>,
    /// How many of the world's answers the reference has taken over, and how many there were when this life began.
    taken: usize,
    taken_before_life: usize,
    /// The highest value seen of everything that never falls.
    floor: HashMap<String, f64>,
    settings: Option<Settings>,
    zone: TimeZone,
    /// Whether the host's clock was right in this life; and in all.
    clock_is_right: bool,
    /// Whether it is set in this life.
    clock_is_set: bool,
    clocks_were_right: bool,
    zones_were_right: bool,
    /// Whether a later life reached further back than an earlier one, to a stretch whose reach had been left.
    overlap_grew: bool,
    /// The least overlap of all lives.
    overlap: u64,
    /// Whether every life selected every skill, and had room for every series.
    all_selected: bool,
    life_began_at: Timestamp,
    /// The server's time as the exporter can know it, and the true time at which it was so.
    server_time: Option<(Timestamp, Timestamp)>,
    /// Instants covered by used answers, as far as the API could know them.
    covered: Vec<(i64, i64)>,
    /// A call that was shown before had its read: one of the whole range, or the last of a range read in parts.
    last_whole_read: Timestamp,
    /// What the present poll asked for first.
    poll_asked: Option<CivilRange>,
    used_in_life: bool,
    /// Whether answers lacked rows that others delivered.
    others_were_short: bool,
    /// Whether an answer that held rows back was used.
    short_was_used: bool,
    history_begin: Timestamp,
    /// The zone of the report, and whether the exporter has found the configured one to be another.
    true_zone: TimeZone,
    pub mismatch_seen: bool,
}

/// The families with a series per label set, and the others.
pub type Shown = (Arc<Prepared>, Vec<Family>);

impl Checker {
    pub fn new(world: World) -> Self {
        Self {
            history_begin: world.clock.begin,
            true_zone: world.shared().zone.clone(),
            mismatch_seen: false,
            world,
            reference: None,
            taken: 0,
            taken_before_life: 0,
            floor: HashMap::new(),
            settings: None,
            zone: TimeZone::UTC,
            clock_is_right: true,
            clock_is_set: false,
            clocks_were_right: true,
            zones_were_right: true,
            overlap_grew: false,
            overlap: u64::MAX,
            all_selected: true,
            life_began_at: Timestamp::MIN,
            server_time: None,
            covered: Vec::new(),
            last_whole_read: Timestamp::MIN,
            poll_asked: None,
            used_in_life: false,
            others_were_short: false,
            short_was_used: false,
        }
    }

    pub fn life_began(&mut self, life: &Life, operation: &OperationConfig, account: &Account, now: Timestamp) {
        if self.reference.is_none() {
            self.reference = Some(Reference::new(account.marks.start));
        }
        self.reference().restart_holds(now);
        let other_zone = self.settings.as_ref().is_some_and(|before| before.wrong_zone != life.settings.wrong_zone);
        self.zone = operation.timezone.clone();
        if other_zone {
            self.zone_changed(account);
        }
        self.clock_is_right = life.clock_error == 0 && life.clock_step.is_none();
        self.clock_is_set = life.clock_step.is_some();
        self.clocks_were_right &= self.clock_is_right;
        self.zones_were_right &= life.settings.wrong_zone.is_none();
        self.overlap_grew |= self.settings.as_ref().is_some_and(|before| before.overlap < life.settings.overlap);
        self.overlap = self.overlap.min(life.settings.overlap);
        self.all_selected &= life.settings.skills_below.is_none();
        self.life_began_at = self.world.clock.true_time();
        // A host's clock that is behind what has been read is behind.
        let read = account.marks.complete_until;
        let is_behind = account.marks.read_before && read > now + CLOCKS_MAY_DIFFER;
        self.server_time = is_behind.then_some((read, self.life_began_at));
        self.taken_before_life = self.taken;
        self.used_in_life = false;
        self.settings = Some(life.settings.clone());
    }

    /// A change of zone gives up no more than what it must: up to the oldest identity.
    fn zone_changed(&mut self, account: &Account) {
        let skipped = account.totals.get(Total::SkippedSeconds);
        if skipped > self.reference().skipped {
            let oldest = account.marks.kept_from.map(|date| self.zone.to_ambiguous_timestamp(date).later().unwrap());
            assert_eq!(
                Some(account.marks.complete_until),
                oldest,
                "what the zone may have hidden is given up up to there"
            );
            self.reference().given_up_for_the_zone(account.marks.complete_until, skipped);
        }
    }

    fn reference(&mut self) -> &mut Reference {
        self.reference.as_mut().expect("a life has begun")
    }

    fn settings(&self) -> Settings {
        self.settings.clone().expect("a life has begun")
    }

    /// `calls` and `others` are the families that a scrape at `now` shows.
    pub fn scrape(&mut self, (calls, others): &Shown, account: &Account, now: Timestamp) -> Result<(), String> {
        self.take_answers()?;
        if let Some(offence) = self.world.shared().offence.lock().unwrap().take() {
            return Err(offence);
        }
        let calls = calls.families();
        self.nothing_falls(calls.iter().chain(others))?;
        self.totals(account)?;
        let current = self.server_time(now).duration_since(account.marks.complete_until)
            <= SignedDuration::from_secs((2 * self.settings().interval + self.settings().settle) as i64);
        self.label_sets(calls, now, current)?;
        let complete_until = account.marks.complete_until;
        let truth = self.world.clock.true_time();
        if account.marks.read_before && complete_until > truth + CLOCKS_MAY_DIFFER {
            return Err(format!("complete until {complete_until}, which is yet to come at {truth}"));
        }
        self.zone_is_observed(others)?;
        if self.clocks_were_right {
            let hold = Duration::from_secs(self.settings().hold);
            let expected = match self.reference().catch_up {
                CatchUp::None => false,
                CatchUp::Behind => true,
                CatchUp::Done(at) => now < at + hold,
            };
            let gauge = others.iter().find(|family| family.name == "wolkvox_catching_up").ok_or("no catching_up")?;
            let is = number(&gauge.series[0]) as u64;
            equal(&format!("catching_up at {now}, {:?}", account.marks.catch_up), is, u64::from(expected))?;
        }
        Ok(())
    }

    /// The server's time when the host's clock says `host`.
    fn server_time(&self, host: Timestamp) -> Timestamp {
        let carried_on = self.server_time.map(|(time, at)| time + self.world.clock.true_time().duration_since(at));
        carried_on.filter(|time| time.duration_since(host).abs() > CLOCKS_MAY_DIFFER).unwrap_or(host)
    }

    /// The observed offset is the true one, and a mismatch is told where there is one.
    fn zone_is_observed(&mut self, families: &[Family]) -> Result<(), String> {
        let gauge = |name: &str| {
            let family = families.iter().find(|family| family.name == name).ok_or(format!("no {name}"))?;
            Ok::<_, String>(family.series.first().map(number))
        };
        let mismatch = gauge("wolkvox_timezone_mismatch")? == Some(1.0);
        self.mismatch_seen |= mismatch;
        let Some(observed) = gauge("wolkvox_observed_utc_offset_seconds")? else {
            return if mismatch { Err("a mismatch with an unknown offset".to_owned()) } else { Ok(()) };
        };
        if self.zone_changes_soon() {
            return Ok(());
        }
        let offset = |zone: &TimeZone| zone.to_offset(self.history_begin).seconds();
        equal("mismatch", u64::from(mismatch), u64::from(offset(&self.zone) != offset(&self.true_zone)))?;
        let right = observed == f64::from(offset(&self.true_zone));
        if right { Ok(()) } else { Err(format!("the offset is said to be {observed}")) }
    }

    /// Everything in a family that must never fall, by a name that a renamed skill keeps. A bucket that the
    /// configuration removed is not there, and may come back.
    fn nothing_falls<'a>(&mut self, families: impl Iterator<Item = &'a Family>) -> Result<(), String> {
        let lasting = |family: &&Family| family.kind != Kind::Gauge && family.name != "wolkvox_poll_duration_seconds";
        for family in families.filter(lasting) {
            for series in &family.series {
                let labels = series.labels.iter().filter(|(name, _)| name != "skill_name");
                let identity = labels.fold(family.name.to_string(), |all, (_, value)| all + "/" + value);
                let mut check = |part: String, value: f64| {
                    let floor = self.floor.entry(part).or_insert(value);
                    let fell = value < *floor;
                    *floor = value;
                    if fell { Err(format!("{identity} fell to {value}")) } else { Ok(()) }
                };
                match &series.value {
                    Value::Counter(value) | Value::Gauge(value) => check(identity.clone(), *value)?,
                    Value::Histogram(histogram) => {
                        check(format!("{identity} count"), histogram.count as f64)?;
                        check(format!("{identity} sum"), histogram.sum)?;
                        for (bound, count) in &histogram.buckets {
                            check(format!("{identity} le {bound}"), *count as f64)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The counters that are not per label set are exactly what the answers make them.
    fn totals(&mut self, account: &Account) -> Result<(), String> {
        let world = self.world.clone();
        let told = world.shared().told.lock().unwrap();
        let made = outcomes(&told);
        for outcome in Outcome::ALL {
            let expected = made.get(&outcome).copied().unwrap_or(0);
            // An answer about the future is not used, and counted as the success that the call was.
            equal_or(self.clocks_were_right, outcome.as_str(), account.totals.get(Total::Polls(outcome)), expected)?;
        }
        equal(
            "polls",
            Outcome::ALL.iter().map(|&outcome| account.totals.get(Total::Polls(outcome))).sum(),
            told.len() as u64,
        )?;
        let totals = &account.totals;
        let reference = self.reference();
        for label in ["counted", "duplicate", "other_result", "before_start", "not_selected", "rejected"] {
            equal(label, totals.rows(label), reference.rows.get(label).copied().unwrap_or(0))?;
        }
        equal("rejected/range", totals.get(Total::RowsRejected(RejectReason::Range)), totals.rows("rejected"))?;
        equal("windows", totals.get(Total::Windows), reference.windows)?;
        equal("late rows", totals.get(Total::LateRows), reference.late)?;
        equal("calls without a time", totals.get(Total::AbandonTimeUnreadable), reference.unreadable)?;
        equal("overflow", totals.get(Total::SeriesOverflow), reference.overflow)?;
        equal("skipped seconds", totals.get(Total::SkippedSeconds), reference.skipped)
    }

    /// Each label set shows exactly what it must: its starting value while it is on hold, and then its own.
    fn label_sets(&mut self, families: &[Family], now: Timestamp, current: bool) -> Result<(), String> {
        let settings = self.settings();
        let hold = Duration::from_secs(settings.hold);
        let exact = self.clock_is_right;
        let world_clock_is_right = self.clock_is_right;
        let reference = self.reference.as_ref().expect("a life has begun");
        let [calls, times, window] = families else { return Err("three families".to_owned()) };
        equal("label sets", calls.series.len() as u64, reference.series.len() as u64)?;
        equal("histograms", times.series.len() as u64, reference.series.len() as u64)?;
        let last_window = reference.last_window(&settings).filter(|_| current);
        let gauges = last_window.as_ref().map_or(0, |_| reference.series.len());
        equal("window gauges", window.series.len() as u64, gauges as u64)?;
        for series in &window.series {
            let (key, _) = key(series);
            let expected = last_window.as_ref().and_then(|window| window.get(&key)).copied().unwrap_or(0);
            equal(&format!("window gauge of {key:?}"), number(series) as u64, expected)?;
        }
        for (calls, times) in calls.series.iter().zip(&times.series) {
            let (key, name) = key(calls);
            if calls.labels != times.labels {
                return Err(format!("the histogram of {key:?} has other labels"));
            }
            let counted = reference.series.get(&key).ok_or_else(|| format!("{key:?} is not to be there"))?;
            if reference.name(&key.0) != name {
                return Err(format!("{key:?} is named {name:?} instead of {:?}", reference.name(&key.0)));
            }
            let ends = counted.held.as_ref().map(|held| held.since + hold);
            let close = ends.is_some_and(|ends| now.duration_since(ends).unsigned_abs() < TIMER_GRAIN);
            let own = (counted.calls, counted.times.len());
            let expected = if ends.is_some_and(|ends| now < ends) { counted.shown() } else { own };
            let shows = number(calls) as u64;
            if close || !exact {
                let may_be = [own.0, counted.shown().0];
                if world_clock_is_right && !may_be.contains(&shows) {
                    return Err(format!("{key:?} shows {shows}, neither of {may_be:?}"));
                }
                continue;
            }
            equal(&format!("{key:?} at {now}"), shows, expected.0)?;
            let Value::Histogram(histogram) = &times.value else { return Err("no histogram".to_owned()) };
            let waits = &counted.times[..expected.1];
            equal(&format!("{key:?} count"), histogram.count, waits.len() as u64)?;
            let sum: u64 = waits.iter().map(|&wait| u64::from(wait)).sum();
            equal(&format!("{key:?} sum"), histogram.sum as u64, sum)?;
            equal("buckets", histogram.buckets.len() as u64, settings.buckets.len() as u64)?;
            for (bound, count) in &histogram.buckets {
                let below = waits.iter().filter(|&&wait| f64::from(wait) <= *bound).count() as u64;
                equal(&format!("{key:?} le {bound}"), *count, below)?;
            }
        }
        Ok(())
    }

    /// Takes over the calls that have ended since the last time.
    fn take_answers(&mut self) -> Result<(), String> {
        self.world.note_after();
        let world = self.world.clone();
        let told = world.shared().told.lock().unwrap();
        for told in &told[self.taken..] {
            self.take_answer(world.shared(), told)?;
        }
        self.taken = told.len();
        Ok(())
    }

    fn take_answer(&mut self, world: &Shared, told: &Told) -> Result<(), String> {
        let settings = self.settings();
        let (before, after) = (&told.before, told.after.clone().expect("noted before"));
        self.asked_rightly(told)?;
        if told.first_of_poll {
            self.poll_asked = Some(told.asked);
        }
        if told.outcome != Outcome::Connect {
            let latest = told.at + told.at.duration_since(told.from);
            self.server_time = Some((told.host_at.clamp(told.at, latest), told.at));
        }
        self.reference().call_ended(told);
        self.others_were_short |= told.held_back;
        let is_answer = matches!(told.outcome, Outcome::Ok | Outcome::Empty | Outcome::Incomplete);
        let rows = |account: &Account| {
            ["counted", "duplicate", "other_result", "before_start", "not_selected", "rejected"]
                .iter()
                .map(|label| account.totals.rows(label))
                .sum::<u64>()
        };
        let counted = rows(&after) - rows(before);
        // Of an answer without rows it shows only in the marks; where those stay, nothing hangs on it.
        let is_used = is_answer
            && if told.rows.is_empty() {
                after.marks.read_before && after.marks != before.marks
                    || told.short == 0 && !self.is_about_the_future(told)
            } else {
                counted > 0
            };
        if counted != if is_used { told.rows.len() as u64 } else { 0 } {
            return Err(format!("{counted} rows of an answer with {} are counted", told.rows.len()));
        }
        if is_answer && told.short == 0 && !is_used && !self.is_about_the_future(told) {
            return Err(format!("a whole answer about {} was not used", told.asked));
        }
        let missing = after.totals.get(Total::RowsMissing) - before.totals.get(Total::RowsMissing);
        // What is known to be missing may be believed with any answer that is used.
        let known = before.gaps.shortfalls.rows();
        if missing > if is_used { told.short + known } else { 0 } {
            return Err(format!("{missing} rows are missing; the answer lacks {}, {known} were known", told.short));
        }
        if is_used && told.short > after.gaps.shortfalls.rows() {
            return Err(format!("{} rows short, of which {} are known", told.short, after.gaps.shortfalls.rows()));
        }
        if !before.marks.read_before && !is_used {
            self.reference().begins_anew(after.marks.start);
        }
        if !is_used {
            return if after.marks.complete_until > before.marks.complete_until && before.marks.read_before {
                Err(format!("the cursor moved to {} without an answer", after.marks.complete_until))
            } else {
                Ok(())
            };
        }
        if told.short > 0 {
            self.short_was_used = true;
        }
        if let Some(floor) = after.marks.floor
            && before.marks.floor != Some(floor)
            && floor > told.poll_began - Duration::from_secs(settings.settle + settings.max_catch_up)
            && self.clock_is_right
        {
            return Err(format!("{floor} was given up at {}", told.poll_began));
        }
        if self.poll_asked == Some(told.asked) {
            self.last_whole_read = told.at;
        } else if after.marks.complete_until > before.marks.complete_until {
            self.last_whole_read = told.poll_began;
        }
        self.used_in_life = true;
        let zone = self.zone.clone();
        self.reference().take(world, told, &after, &zone, &settings);
        let from = zone.to_ambiguous_timestamp(told.asked.ini).earlier().unwrap();
        let to = zone.to_ambiguous_timestamp(told.asked.end).later().unwrap();
        let to = (to + SignedDuration::from_secs(1)).min(told.at + CLOCKS_MAY_DIFFER);
        self.covered.push((from.as_second(), to.as_second()));
        Ok(())
    }

    /// Whether the range ends after the answer, so that it may have been refused.
    fn is_about_the_future(&self, told: &Told) -> bool {
        let end = self.zone.to_ambiguous_timestamp(told.asked.end).later().unwrap();
        end + SignedDuration::from_secs(1) > told.at + CLOCKS_MAY_DIFFER
    }

    /// What is asked is within the API's limits and within what can still be told apart.
    fn asked_rightly(&self, told: &Told) -> Result<(), String> {
        let (asked, marks) = (told.asked, &told.before.marks);
        if asked.end < asked.ini {
            return Err(format!("{asked} ends before it begins"));
        }
        if asked.end.duration_since(asked.ini) >= SignedDuration::from_hours(31 * 24) {
            return Err(format!("{asked} is longer than 31 days"));
        }
        let ini = self.zone.to_ambiguous_timestamp(asked.ini).later().unwrap();
        if marks.floor.is_some_and(|floor| ini < floor) {
            return Err(format!("{asked} reaches below {:?}, which was given up", marks.floor));
        }
        if marks.kept_from.is_some_and(|kept_from| asked.ini < kept_from) {
            return Err(format!("{asked} reaches below {:?}, from where on identities are kept", marks.kept_from));
        }
        Ok(())
    }

    pub fn life_ended(&mut self, account: &Account, now: Timestamp, keys: u64) -> Result<(), String> {
        if let Some(kept_from) = account.marks.kept_from {
            equal("identities kept", keys, self.reference().seen_from(kept_from))?;
            let reach = SignedDuration::from_secs(self.settings().overlap as i64) + SignedDuration::from_hours(28);
            let late = self.zone.to_datetime(account.marks.complete_until).checked_sub(reach).unwrap();
            // What a shorter overlap than before can forget is forgotten with the next read.
            if self.used_in_life && kept_from < late {
                return Err(format!("identities are kept from {kept_from} on"));
            }
        }
        let hold = self.settings().hold;
        self.reference().end_holds(now, hold);
        for (key, series) in &account.series {
            let key = (key.skill_id.to_string(), key.type_interaction.to_string());
            let counted = self.reference().series.get_mut(&key).ok_or_else(|| format!("{key:?} is not to be there"))?;
            equal(&format!("{key:?}"), series.counts.calls, counted.calls)?;
            // With a clock that was set, how long a hold lasted is not foretold; from here on it is again.
            counted.held = series.hold.as_ref().map(|hold| Held {
                calls: hold.shown.calls,
                times: hold.shown.times.count() as usize,
                since: now,
            });
        }
        self.days_are_exact(account)?;
        self.polls_went_on()?;
        if self.clock_is_right { self.cadence_was_kept() } else { Ok(()) }
    }

    /// The calls of each day that is kept, by the dates of their rows.
    fn days_are_exact(&mut self, account: &Account) -> Result<(), String> {
        let kept_from = self.zone.to_datetime(account.marks.by_day_from).date();
        let numbers: HashMap<_, _> = account.series.iter().map(|(key, series)| (series.number, key)).collect();
        let mut days = BTreeMap::new();
        for (date, day) in account.days.days.range(kept_from..) {
            let calls = day.series.iter().map(|(number, counts)| {
                let key = numbers[number];
                ((key.skill_id.to_string(), key.type_interaction.to_string()), counts.calls)
            });
            let calls: BTreeMap<_, _> = calls.collect();
            days.extend((!calls.is_empty()).then_some((*date, calls)));
        }
        let expected = self.reference().days.split_off(&kept_from);
        let told = (days != expected).then(|| format!("counted by day: {days:?}, and not {expected:?}"));
        self.reference().days.extend(expected);
        told.map_or(Ok(()), Err)
    }

    /// Whatever the host's clock says, and however it is set: a poll that was answered is followed by the next.
    fn polls_went_on(&self) -> Result<(), String> {
        let told = self.world.shared().told.lock().unwrap();
        // Before the first answer there is the host's clock only.
        let mut last = (!self.clock_is_set).then_some(self.life_began_at);
        for told in &told[self.taken_before_life..] {
            self.followed_in_time(last, told.from)?;
            let answered = matches!(told.outcome, Outcome::Ok | Outcome::Empty | Outcome::Incomplete);
            last = answered.then_some(told.at);
        }
        let in_flight = self.world.shared().in_flight.load(Ordering::Relaxed);
        if in_flight { Ok(()) } else { self.followed_in_time(last, self.world.clock.true_time()) }
    }

    fn followed_in_time(&self, last: Option<Timestamp>, next: Timestamp) -> Result<(), String> {
        let longest = SignedDuration::from_secs((self.settings().interval + self.settings().settle) as i64 + 60);
        match last {
            Some(last) if next.duration_since(last) > longest => {
                Err(format!("nothing was asked from {last} to {next}"))
            }
            _ => Ok(()),
        }
    }

    /// Never more calls than one per interval, two retries and the parts; and pauses are kept.
    fn cadence_was_kept(&self) -> Result<(), String> {
        let settings = self.settings();
        let told = self.world.shared().told.lock().unwrap();
        let told = &told[self.taken_before_life..];
        let interval = settings.interval as i64;
        let lasted = self.world.clock.true_time().duration_since(self.life_began_at).as_secs();
        let polls = told.iter().filter(|told| told.first_of_poll).count() as i64;
        if polls > lasted / interval + 2 {
            return Err(format!("{polls} polls in {lasted} s"));
        }
        let mut refusals = 0;
        let mut calls_of_poll = 0;
        for pair in told.windows(2) {
            let (last, next) = (&pair[0], &pair[1]);
            calls_of_poll = if last.first_of_poll { 1 } else { calls_of_poll + 1 };
            let gap = next.from.duration_since(last.at).as_secs();
            if !next.first_of_poll {
                let retried = !matches!(last.outcome, Outcome::Ok | Outcome::Empty | Outcome::Incomplete);
                let mendable =
                    !matches!(last.outcome, Outcome::Unauthorized | Outcome::BadRequest | Outcome::QuotaExceeded);
                if retried && (!mendable || last.retry_after.is_some() || next.asked != last.asked) {
                    return Err(format!("{} was tried again at once", last.outcome));
                }
                if calls_of_poll >= 16 || next.from.duration_since(next.poll_began).as_secs() > interval && retried {
                    return Err("a poll went on for too long".to_owned());
                }
                continue;
            }
            let refused = matches!(last.outcome, Outcome::Unauthorized | Outcome::BadRequest);
            refusals = if refused { refusals + 1 } else { 0 };
            let least = match last.outcome {
                Outcome::Unauthorized | Outcome::BadRequest => {
                    (interval << (refusals - 1).min(4)).min(12 * interval) - interval
                }
                Outcome::QuotaExceeded => {
                    let tomorrow = self.zone.to_datetime(last.at).date().tomorrow().unwrap();
                    let midnight = self.zone.to_ambiguous_timestamp(tomorrow.at(0, 0, 0, 0)).compatible().unwrap();
                    (11 * interval).min(midnight.duration_since(last.at).as_secs())
                }
                _ => 0,
            };
            let wished = last.retry_after.map_or(0, |wish| (wish.as_secs() as i64).min(12 * interval));
            if gap < least.max(wished) {
                return Err(format!("{} was followed by a poll after {gap} s", last.outcome));
            }
        }
        let retries =
            |poll: &[Told]| poll.iter().filter(|told| told.outcome != Outcome::Incomplete && told.short == 0).count();
        let polls = told.chunk_by(|_, next| !next.first_of_poll);
        for poll in polls.filter(|poll| !poll.iter().any(|told| told.outcome == Outcome::Incomplete)) {
            if retries(poll) > 3 {
                return Err(format!("a poll of {} calls", poll.len()));
            }
        }
        Ok(())
    }

    pub fn history_ended(&mut self, account: &Account) -> Result<(), String> {
        let settings = self.settings();
        let truth = self.world.clock.true_time();
        // A shortfall is believed at the third poll.
        let polls = if self.world.shared().phantom.is_some() { 4 } else { 0 };
        let due = truth - Duration::from_secs(settings.settle + 60 + polls * settings.interval);
        let due = due.as_second() - due.as_second().rem_euclid(settings.interval as i64);
        if account.marks.complete_until.as_second() < due {
            return Err(format!("complete until {} only, at {truth}", account.marks.complete_until));
        }
        let world = self.world.clone();
        let shared = world.shared();
        let reference = self.reference.as_ref().expect("a life has begun");
        let missing = account.totals.get(Total::RowsMissing);
        if !self.short_was_used {
            // What leaves the reach of the reads before its third poll is counted then.
            let announced = u64::from(shared.phantom.is_some());
            if missing > announced && !self.others_were_short {
                return Err(format!("{missing} rows are missing, and {announced} were announced"));
            }
        } else if let Some((_, from)) = shared.phantom
            && !self.others_were_short
            && !self.zone_changes_soon()
            && self.zones_were_right
            && !self.overlap_grew
        {
            // Announced in each answer that asks for its second, and counted as missing once. A row that never came can't
            // be recognised: where a stretch is read again after its reach was left, it is missing again.
            // It is believed at the third poll that has seen its second.
            let believed_after = Duration::from_secs(4 * settings.interval);
            let read = from >= reference.start && from + believed_after < account.marks.complete_until;
            if missing > 1 || read && account.marks.floor.is_none() && missing == 0 {
                return Err(format!("{missing} rows are missing instead of the one"));
            }
        }
        self.all_calls_are_counted(shared, reference, account)?;
        if !self.zones_were_right {
            return Ok(());
        }
        // Nothing is claimed that was not read: each second from the start on was asked for after it had passed, or
        // was skipped. A repeated hour is asked for as one, so what seems covered may be more than was.
        let until = account.marks.complete_until.as_second();
        let uncovered = uncovered(&mut self.covered, reference.start.as_second(), until);
        let skipped = account.totals.get(Total::SkippedSeconds) as i64;
        if uncovered > skipped || skipped > uncovered + if self.zone_changes_soon() { 7_200 } else { 0 } {
            return Err(format!("{uncovered} s were never read, and {skipped} s are said to be skipped"));
        }
        Ok(())
    }

    /// Whether the zone has a change of its clock during the history. A local time that occurs twice is asked for twice.
    fn zone_changes_soon(&self) -> bool {
        let first = self.history_begin - SignedDuration::from_hours(48);
        let soon = self.history_begin + SignedDuration::from_hours(24 * 15);
        let changes = |zone: &TimeZone| zone.following(first).next().is_some_and(|change| change.timestamp() < soon);
        changes(&self.zone) || changes(&self.true_zone)
    }

    /// By the truth alone: a call from after the start that the report showed within the overlap is counted, unless its
    /// time was given up.
    fn all_calls_are_counted(&self, shared: &Shared, reference: &Reference, account: &Account) -> Result<(), String> {
        if !self.all_selected || self.short_was_used {
            return Ok(());
        }
        let floor = account.marks.floor.unwrap_or(Timestamp::MIN).max(reference.start);
        for (number, call) in shared.calls.iter().enumerate() {
            let at = placed(&self.zone, call.date, call.began);
            let reach = call.at + Duration::from_secs(self.overlap.saturating_sub(1));
            let shown_in_time = call.visible_at.max(call.abandoned_at) <= reach.min(self.last_whole_read);
            // A repeated hour begins at its first pass.
            let after_start = at.min(call.at) >= floor;
            let read = at.max(call.at) < account.marks.complete_until - SignedDuration::from_secs(1);
            if after_start && read && shown_in_time && !reference.has_counted(shared, number) {
                return Err(format!("a call of {} ({}) is not counted", call.at, call.date));
            }
        }
        Ok(())
    }
}

fn key(series: &Series) -> (Key, String) {
    let label = |name: &str| {
        let found = series.labels.iter().find(|(label, _)| label == name);
        found.map_or(String::new(), |(_, value)| value.to_string())
    };
    ((label("skill_id"), label("type_interaction")), label("skill_name"))
}

fn number(series: &Series) -> f64 {
    match series.value {
        Value::Counter(value) | Value::Gauge(value) => value,
        Value::Histogram(_) => f64::NAN,
    }
}

fn equal(what: &str, is: u64, should: u64) -> Result<(), String> {
    if is == should { Ok(()) } else { Err(format!("{what}: {is} instead of {should}")) }
}

fn equal_or(applies: bool, what: &str, is: u64, should: u64) -> Result<(), String> {
    if applies { equal(what, is, should) } else { Ok(()) }
}

/// The seconds of [`from`, `until`) that no interval covers.
fn uncovered(intervals: &mut [(i64, i64)], from: i64, until: i64) -> i64 {
    intervals.sort_unstable();
    let (mut reached, mut missing) = (from, 0);
    for &(begin, end) in intervals.iter() {
        missing += (begin.min(until) - reached).max(0);
        reached = reached.max(end);
    }
    missing + (until - reached).max(0)
}
