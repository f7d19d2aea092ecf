//! The judges, one for each report: they know the truth about the calls and the contract, see what is stored and shown, and
//! take nothing else from what they judge. See `trace` for what they get.
//!
//! `bench` is all of them: what the reports of an operation share. `published` compares what is shown with what is stored.
//! Before each call and after it there is a scrape, so what one answer led to is the difference of two scrapes.
//! `settle` holds that against the contract, with `counts` for the rows and `cursor` for what is claimed; `cadence`
//! looks at when what was asked, `shown` at the values of a scrape, `by_day` at what is kept of single days, and `end` at
//! what must be true when all is over.

mod bench;
mod by_day;
mod cadence;
mod counts;
mod cursor;
mod end;
mod numbers;
mod published;
mod settle;
mod shown;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::body::Meaning;
use crate::history::{Kind, Life, Settings};
use crate::trace::{Days, Scrape, Told, When};
use crate::truth::Truth;
pub use bench::Bench;
use cadence::Cadence;
use counts::Counts;
use cursor::Cursor;
use numbers::Numbers;

/// Clocks may differ by this much without a correction.
const CLOCKS_MAY_DIFFER: SignedDuration = SignedDuration::from_secs(5);

/// So many answers agree before a time is believed.
const ANSWERS_TO_BELIEVE: u32 = 3;

/// What one report has read is shown with what another one reads, where that ends this soon after it.
const TOGETHER_WITHIN: SignedDuration = SignedDuration::from_secs(15);

/// Whoever waits for something goes on this soon after it.
const AT_ONCE: SignedDuration = SignedDuration::from_millis(40);

/// What the contract calls the metrics that are a report's own.
struct Names {
    calls: &'static str,
    times: &'static str,
    last_window: &'static str,
    unreadable: &'static str,
}

pub struct Judge {
    truth: Arc<Truth>,
    counts: Counts,
    cursor: Cursor,
    cadence: Cadence,
    /// What the last scrape said.
    last: Option<Numbers>,
    /// Before this, and perhaps from later on too, identities have been forgotten, and nothing may be asked for.
    forgotten_before: Option<Timestamp>,
    scraped_at: Option<When>,
    shown: Shown,
    /// The call that has ended, and shows in no scrape yet.
    pending: Option<Told>,
    /// Whether the report has said, in an answer that was used for certain, or perhaps, that it is there.
    is_known: bool,
    may_be_known: bool,
    catch_up: CatchUp,
    /// The calls whose rows were held back by an answer that is counted as one that lacks rows.
    held_back: BTreeSet<usize>,
    /// How much history a first start counts, in seconds.
    start_history: u64,
    life: Option<OneLife>,
    /// Over all lives.
    all: AllLives,
    /// What the days looked like when they were last compared.
    days: Option<Arc<Days>>,
    /// The outcome by which another report was refused the token, or its use, and has heard nothing else since.
    another_was_refused: Option<&'static str>,
    calm_since: Option<Timestamp>,
    pub seen: Seen,
}

/// What a history led to, for those who know what it must be.
#[derive(Debug, Default)]
pub struct Seen {
    pub mismatch: bool,
    pub calls: u64,
    pub skipped_seconds: u64,
    pub missing: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum CatchUp {
    None,
    Behind,
    /// By the host's clock.
    Done(Timestamp),
    /// It could not be told from outside where one poll ended and the next began.
    Unknown,
}

/// What is known of the present life.
struct OneLife {
    settings: Settings,
    zone: TimeZone,
    began: When,
    /// Whether the host's clock is right all the time, and whether it is set meanwhile.
    host_is_right: bool,
    host_is_set: bool,
    /// Answers whose head told another time than the true one.
    lies: u32,
    /// No scrape has come yet.
    is_new: bool,
    zone_is_new: bool,
    /// When the last fresh answer that was used was asked for, and how many were used in all.
    used: Option<Timestamp>,
    answers_used: u32,
}

/// What the last scrape showed.
#[derive(Default)]
struct Shown {
    polls: u64,
    /// Since when, and since when what was shown before had been behind what is stored.
    at: Timestamp,
    behind_since: Option<Timestamp>,
}

struct AllLives {
    hosts_were_right: bool,
    heads_were_right: bool,
    /// Whether each answer had a time.
    heads_told: bool,
    /// Whether a cache kept none of them.
    all_were_fresh: bool,
    /// Whether one of the clocks was right whenever an answer came.
    one_was_right: bool,
    zones_were_right: bool,
    zone_changes_soon: bool,
    /// Whether a later life reached further back than an earlier one, to a stretch whose reach had been left.
    overlap_grew: bool,
    overlap: u64,
    all_selected: bool,
    settings: Option<Settings>,
}

impl Judge {
    pub fn new(truth: Arc<Truth>, start_history: u64) -> Self {
        Self {
            all: AllLives {
                hosts_were_right: true,
                heads_were_right: true,
                heads_told: true,
                all_were_fresh: true,
                one_was_right: true,
                zones_were_right: true,
                zone_changes_soon: changes_soon(&truth.zone, truth.begin),
                overlap_grew: false,
                overlap: u64::MAX,
                all_selected: true,
                settings: None,
            },
            truth,
            counts: Counts::default(),
            cursor: Cursor::default(),
            cadence: Cadence::default(),
            last: None,
            forgotten_before: None,
            scraped_at: None,
            shown: Shown::default(),
            pending: None,
            is_known: false,
            may_be_known: false,
            catch_up: CatchUp::None,
            held_back: BTreeSet::new(),
            start_history,
            life: None,
            days: None,
            another_was_refused: None,
            calm_since: None,
            seen: Seen::default(),
        }
    }

    fn life_began(&mut self, now: When, life: &Life) {
        let settings = settings_of(self.truth.kind, life);
        let zone = TimeZone::get(settings.wrong_zone.unwrap_or(self.truth.zone.iana_name().unwrap_or("UTC"))).unwrap();
        self.counts.restart_holds(now.host);
        self.cadence.life_began(now);
        self.another_was_refused = None;
        let all = &mut self.all;
        let before = all.settings.replace(settings.clone());
        if before.as_ref().is_some_and(|before| before.interval != settings.interval) {
            self.cursor.windows_change();
        }
        let host_is_right = life.clock_error == 0 && life.clock_step.is_none();
        all.hosts_were_right &= host_is_right;
        all.zones_were_right &= settings.wrong_zone.is_none();
        all.zone_changes_soon |= changes_soon(&zone, self.truth.begin);
        all.overlap_grew |= before.as_ref().is_some_and(|before| before.overlap < settings.overlap);
        all.overlap = all.overlap.min(settings.overlap);
        all.all_selected &= settings.skills_below.is_none();
        self.life = Some(OneLife {
            zone_is_new: before.is_some_and(|before| before.wrong_zone != settings.wrong_zone),
            settings,
            zone,
            began: now,
            host_is_right,
            host_is_set: life.clock_step.is_some(),
            lies: 0,
            is_new: true,
            used: None,
            answers_used: 0,
        });
    }

    fn life(&self) -> &OneLife {
        self.life.as_ref().expect("a life has begun")
    }

    fn answered(&mut self, told: &Told) {
        let lies = told.head.date.is_some() && !told.time_is_right;
        if let Some(life) = &mut self.life
            && lies
        {
            life.lies += 1;
        }
        self.all.heads_were_right &= told.time_is_right || told.head.date.is_none();
        let nothing_came = matches!(told.meaning, Meaning::Outcome("timeout" | "connect"));
        self.all.one_was_right &= nothing_came || self.one_clock_is_right(told);
        self.all.heads_told &= told.head.date.is_some() || nothing_came;
        self.all.all_were_fresh &= told.head.age == Duration::ZERO;
        self.cadence.answered(told);
        self.pending = Some(told.clone());
    }

    fn settle_scrape(&mut self, now: When, scrape: &Scrape<'_>) -> Result<(), String> {
        let numbers = Numbers::of(scrape)?;
        self.settle(now, &numbers)?;
        self.forgotten_before = self.forgotten_before.max(Some(numbers.complete - end::kept(&self.life().settings)));
        self.last = Some(numbers);
        self.scraped_at = Some(now);
        Ok(())
    }

    /// Whether either clock was right when this answer came: then nothing is claimed that is not so.
    fn one_clock_is_right(&self, told: &Told) -> bool {
        let host_is_right = told.to.host.duration_since(told.to.at).abs() <= CLOCKS_MAY_DIFFER
            && told.from.host.duration_since(told.from.at).abs() <= CLOCKS_MAY_DIFFER;
        host_is_right || told.time_is_right
    }

    /// Whether the head has told a wrong time so often in this life that it may be believed: nothing refutes it.
    fn a_lie_may_be_believed(&self) -> bool {
        self.life().lies >= ANSWERS_TO_BELIEVE
    }

    /// Whether the cursor may have passed what was yet to come: what both clocks said, or the one that is believed.
    fn claims_may_be_wrong(&self) -> bool {
        !self.all.one_was_right || self.a_lie_may_be_believed()
    }

    /// Whether there ever was reason to doubt a clock, or one that told nothing.
    fn was_in_doubt(&self) -> bool {
        !self.all.hosts_were_right || !self.all.heads_were_right || !self.all.heads_told
    }

    /// Whether windows may have been passed that nothing proves to have settled: they are given up with what follows.
    fn may_be_unproven(&self) -> bool {
        self.was_in_doubt() || !self.all.all_were_fresh
    }

    /// Whether there was reason in this life to doubt a clock.
    fn in_doubt(&self) -> bool {
        !self.life().host_is_right || self.life().lies > 0
    }
}

/// The settings of a life, as they are for one report.
fn settings_of(kind: Kind, life: &Life) -> Settings {
    let settings = life.settings.clone();
    match kind {
        Kind::Abandoned => settings,
        Kind::Answered => {
            Settings { overlap: settings.answered_overlap, buckets: settings.answered_buckets.clone(), ..settings }
        }
    }
}

fn names(kind: Kind) -> Names {
    match kind {
        Kind::Abandoned => Names {
            calls: "wolkvox_abandoned_calls_total",
            times: "wolkvox_abandon_time_seconds",
            last_window: "wolkvox_window_abandoned_calls",
            unreadable: "wolkvox_abandon_time_unreadable_total",
        },
        Kind::Answered => Names {
            calls: "wolkvox_answered_calls_total",
            times: "wolkvox_answer_time_seconds",
            last_window: "wolkvox_window_answered_calls",
            unreadable: "wolkvox_answer_time_unreadable_total",
        },
    }
}

impl OneLife {
    fn interval(&self) -> Duration {
        Duration::from_secs(self.settings.interval)
    }

    /// Two intervals and `settle`: the time for which the last window stands for "now".
    fn two_windows(&self) -> Duration {
        2 * self.interval() + Duration::from_secs(self.settings.settle)
    }

    fn number_of(&self, at: Timestamp) -> i64 {
        at.as_second().div_euclid(self.settings.interval as i64)
    }
}

/// Whether a zone has a change of its clock about the time of a history. A local time that occurs twice is asked for twice.
fn changes_soon(zone: &TimeZone, begin: Timestamp) -> bool {
    let (first, soon) = (begin - SignedDuration::from_hours(48), begin + SignedDuration::from_hours(24 * 15));
    zone.following(first).next().is_some_and(|change| change.timestamp() < soon)
}

fn equal(what: impl std::fmt::Display, is: u64, should: u64) -> Result<(), String> {
    if is == should { Ok(()) } else { Err(format!("{what}: {is} instead of {should}")) }
}

fn holds(true_: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if true_ { Ok(()) } else { Err(what()) }
}
