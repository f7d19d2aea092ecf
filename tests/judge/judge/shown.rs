//! The values of one scrape.

use std::time::Duration;

use exposition::model::{Series, Value};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{CLOCKS_MAY_DIFFER, CatchUp, Judge, equal, holds, names};
use crate::trace::{Key, Scrape, When, number};

/// Timers of the runtime fire up to a millisecond late; whether a hold has just ended is not asked this close to its end.
const TIMER_GRAIN: Duration = Duration::from_millis(5);

impl Judge {
    pub(super) fn shown(&mut self, now: When, scrape: &Scrape<'_>) -> Result<(), String> {
        self.label_sets(now, scrape)?;
        self.last_window(now, scrape)?;
        self.zone_is_observed(scrape)?;
        self.catching_up(now, scrape)?;
        let complete = scrape.gauge("wolkvox_complete_until_timestamp_seconds")?.unwrap_or(f64::MAX) as i64;
        // A host whose clock is hardly ahead is right.
        let latest = if now.host.duration_since(now.at) <= CLOCKS_MAY_DIFFER { now.host.max(now.at) } else { now.at };
        holds(complete <= latest.as_second() || self.cursor.may_be_ahead || !self.cursor.read_before, || {
            format!("complete until {complete}, which is yet to come at {}", now.at)
        })
    }

    /// Each label set shows exactly what it must: its starting value while it is on hold, and then its own.
    fn label_sets(&mut self, now: When, scrape: &Scrape<'_>) -> Result<(), String> {
        let calls = &scrape.family(names(scrape.kind).calls)?.series;
        let times = &scrape.family(names(scrape.kind).times)?.series;
        equal("label sets", calls.len() as u64, self.counts.series.len() as u64)?;
        equal("histograms", times.len() as u64, self.counts.series.len() as u64)?;
        for (calls, times) in calls.iter().zip(times) {
            holds(calls.labels == times.labels, || format!("{:?} and its histogram differ", calls.labels))?;
            self.label_set(now, calls, times)?;
        }
        Ok(())
    }

    fn label_set(&mut self, now: When, calls: &Series, times: &Series) -> Result<(), String> {
        let life = self.life.as_ref().expect("a life has begun");
        let hold = Duration::from_secs(life.settings.hold);
        let (key, name) = key(calls);
        let named = self.counts.name(&key.0).to_owned();
        let counted = self.counts.series.get_mut(&key).ok_or_else(|| format!("{key:?} is not to be there"))?;
        holds(named == name, || format!("{key:?} is named {name:?} instead of {named:?}"))?;
        let ends = counted.held.as_ref().map(|held| held.since + hold);
        let own = (counted.calls, counted.times.len());
        let doubted = counted.held.as_ref().is_some_and(|held| held.may_have_ended);
        let may_be = match ends {
            Some(_) if doubted => vec![own, counted.shown()],
            Some(ends) if !life.host_is_right || now.host.duration_since(ends).unsigned_abs() < TIMER_GRAIN => {
                vec![own, counted.shown()]
            }
            Some(ends) if now.host < ends => vec![counted.shown()],
            _ => vec![own],
        };
        let Value::Histogram(histogram) = &times.value else { return Err("no histogram".to_owned()) };
        let shows = (number(&calls.value) as u64, histogram.count as usize);
        let found = may_be.iter().find(|(calls, times)| (*calls, *times) == shows);
        let Some(&(_, shown)) = found else {
            return Err(format!("{key:?} at {} shows {shows:?} instead of {may_be:?}", now.host));
        };
        // Where both are the same, the next scrapes tell.
        if may_be.len() > 1 && own != counted.shown() {
            match &mut counted.held {
                Some(held) if shows != own => held.may_have_ended = false,
                held => *held = None,
            }
        }
        let waits = &counted.times[..shown];
        let sum: u64 = waits.iter().map(|&wait| u64::from(wait)).sum();
        equal(format_args!("{key:?} sum"), histogram.sum as u64, sum)?;
        equal("buckets", histogram.buckets.len() as u64, life.settings.buckets.len() as u64)?;
        for (bound, count) in &histogram.buckets {
            let below = waits.iter().filter(|&&wait| f64::from(wait) <= *bound).count() as u64;
            equal(format_args!("{key:?} le {bound}"), *count, below)?;
        }
        Ok(())
    }

    /// The window gauges are of the last window and on time, or absent.
    fn last_window(&self, now: When, scrape: &Scrape<'_>) -> Result<(), String> {
        let life = self.life();
        let gauges = &scrape.family(names(scrape.kind).last_window)?.series;
        let interval = life.settings.interval as i64;
        let to = self.cursor.windows_until - self.cursor.windows_until.rem_euclid(interval);
        let complete = scrape.gauge("wolkvox_complete_until_timestamp_seconds")?.unwrap_or(0.0) as i64;
        let age = |now: Timestamp| now.duration_since(Timestamp::from_second(complete).unwrap());
        let longest = SignedDuration::try_from(life.two_windows()).unwrap();
        let is_known = to - interval >= self.cursor.known_from && to <= complete;
        let is_current = age(now.host) <= longest;
        if self.cursor.windows_until != self.cursor.windows_until_at_most {
            // Which window was the last is not known.
            return Ok(());
        }
        let may_be_unknown = to - interval < self.cursor.known_for_certain_from && gauges.is_empty();
        if !self.in_doubt() && !may_be_unknown {
            let expected = if is_known && is_current { self.counts.series.len() as u64 } else { 0 };
            equal("window gauges", gauges.len() as u64, expected)?;
        }
        if gauges.is_empty() {
            return Ok(());
        }
        // By the true time there is a window that stands for "now", whatever the clocks say.
        let is_stale = self.life().host_is_right && !self.a_lie_may_be_believed() && age(now.at) > longest;
        holds(is_known && !is_stale, || {
            let why = if is_known { "is over" } else { "is not known whole" };
            format!("a gauge of the window up to {to}, which {why} (from {})", self.cursor.known_from)
        })?;
        let at = |second| Timestamp::from_second(second).unwrap();
        let window = self.counts.window(at(to - interval), at(to));
        for series in gauges {
            let (key, _) = key(series);
            let expected = window.get(&key).copied().unwrap_or(0);
            equal(format_args!("window gauge of {key:?}"), number(&series.value) as u64, expected)?;
        }
        Ok(())
    }

    /// The observed offset is the true one, and a mismatch is told where there is one.
    fn zone_is_observed(&mut self, scrape: &Scrape<'_>) -> Result<(), String> {
        let mismatch = scrape.gauge("wolkvox_timezone_mismatch")? == Some(1.0);
        self.seen.mismatch |= mismatch;
        let Some(observed) = scrape.gauge("wolkvox_observed_utc_offset_seconds")? else {
            return holds(!mismatch, || "a mismatch with an unknown offset".to_owned());
        };
        if self.all.zone_changes_soon {
            return Ok(());
        }
        let offset = |zone: &TimeZone| zone.to_offset(self.truth.begin).seconds();
        let (configured, right) = (offset(&self.life().zone), offset(&self.truth.zone));
        equal("mismatch", u64::from(mismatch), u64::from(configured != right))?;
        holds(observed == f64::from(right), || format!("the offset is said to be {observed}"))
    }

    fn catching_up(&self, now: When, scrape: &Scrape<'_>) -> Result<(), String> {
        if !self.all.hosts_were_right || !self.all.heads_were_right {
            return Ok(());
        }
        let hold = Duration::from_secs(self.life().settings.hold);
        let expected = match self.catch_up {
            CatchUp::None => false,
            CatchUp::Behind => true,
            CatchUp::Done(at) => now.host < at + hold,
            CatchUp::Unknown => return Ok(()),
        };
        let is = scrape.gauge("wolkvox_catching_up")?.ok_or("no catching_up")? as u64;
        equal(format_args!("catching_up at {}", now.host), is, u64::from(expected))
    }
}

fn key(series: &Series) -> (Key, String) {
    let label = |name: &str| {
        let found = series.labels.iter().find(|(label, _)| label == name);
        found.map_or(String::new(), |(_, value)| value.to_string())
    };
    ((label("skill_id"), label("type_interaction")), label("skill_name"))
}
