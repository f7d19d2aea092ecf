//! What a scrape shows: the metric families of operations and of the process itself. Contract and code meet in
//! [`families`] and [`gauges`], and nowhere else.

mod families;
mod gauges;
mod instruments;
mod spelling;
mod view;

use std::sync::{Arc, Mutex, PoisonError};

use exposition::model::Family;
use exposition::prepared::{Group, Part, Prepared, Settings};
use jiff::Timestamp;

use crate::ledger::LedgerFigures;
use crate::operation::Snapshot;

pub use families::certificate_family;
use instruments::Instruments;
use view::View;

/// From so many reports on, looking through them takes longer than handing that to a thread.
const MANY_REPORTS: usize = 100;

/// Reports of a part where that changes with each poll: alone they have a line or two of each family, which packs badly; and
/// polls of many reports end at different times, so that a larger part would be written anew more often.
const REPORTS_OF_POLLS: usize = 4;

/// Reports of a part that seldom changes.
const REPORTS_OF_STATE: usize = 64;

/// Makes the families, and keeps those of reports until they change.
#[derive(Debug)]
pub struct Metrics {
    started: Timestamp,
    settings: Settings,
    instruments: Instruments,
    kept: Mutex<Kept>,
}

/// The families that are kept, and what they were made of.
#[derive(Default)]
struct Kept {
    views: Vec<View>,
    /// With a part for each view, for each [`REPORTS_OF_POLLS`] and for each [`REPORTS_OF_STATE`] of them.
    groups: [Group; 3],
    prepared: Option<Arc<Prepared>>,
}

impl Metrics {
    /// # Errors
    /// None that a user can cause: the instruments have fixed names.
    pub fn new(settings: Settings, started: Timestamp) -> Result<Self, prometheus::Error> {
        let instruments = Instruments::new(started)?;
        Ok(Self { started, settings, instruments, kept: Mutex::default() })
    }

    /// What a scrape shows: the families that are kept, and the others. Both are of the same moment.
    ///
    /// The former change with a read, not with a scrape. Of what has changed the bytes are made when they are needed.
    pub async fn families(
        self: &Arc<Self>,
        operations: Vec<Snapshot>,
        ledger: LedgerFigures,
    ) -> (Arc<Prepared>, Vec<Family>) {
        if operations.len() < MANY_REPORTS {
            return self.families_now(&operations, ledger);
        }
        let operations = Arc::new(operations);
        let (this, snapshots) = (self.clone(), operations.clone());
        let made = tokio::task::spawn_blocking(move || this.families_now(&snapshots, ledger)).await;
        // While the runtime shuts down it takes no work: a last scrape does its own.
        made.unwrap_or_else(|_| self.families_now(&operations, ledger))
    }

    /// Packs what has changed before the next scrape comes, where that may be much.
    pub async fn pack_ahead(self: &Arc<Self>, operations: Vec<Snapshot>) {
        if operations.len() >= MANY_REPORTS {
            let this = self.clone();
            // Where it fails, the next scrape does it.
            _ = tokio::task::spawn_blocking(move || this.prepared(&operations).pack_ahead()).await;
        }
    }

    /// As [`Metrics::families`], on the calling thread.
    pub fn families_now(&self, operations: &[Snapshot], ledger: LedgerFigures) -> (Arc<Prepared>, Vec<Family>) {
        let (prepared, mut others) = self.families_of(operations, ledger);
        others.push(families::log_family(self.started));
        others.extend(self.instruments.families());
        (prepared, others)
    }

    /// The same of the operations and their ledger, without the process.
    pub fn families_of(&self, operations: &[Snapshot], ledger: LedgerFigures) -> (Arc<Prepared>, Vec<Family>) {
        (self.prepared(operations), families::ledger_families(ledger, self.started))
    }

    /// Whether the configuration in the files is the one in force, and since when that one is.
    pub fn set_loaded(&self, good: bool, at: Timestamp) {
        self.instruments.set_loaded(good, at);
    }

    fn prepared(&self, operations: &[Snapshot]) -> Arc<Prepared> {
        let views: Vec<_> = operations.iter().map(View::new).collect();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { views: before, groups: [calls, polls, state], .. } = &*kept;
        let started = self.started;
        let of_polls = move |views: &[View]| families::poll_families(views, started);
        let groups = [
            parts(before, calls, &views, 1, View::shows_calls_as, families::call_families),
            parts(before, polls, &views, REPORTS_OF_POLLS, View::shows_polls_as, of_polls),
            parts(before, state, &views, REPORTS_OF_STATE, View::shows_state_as, families::state_families),
        ];
        kept.views = views;
        let same = kept.groups.iter().zip(&groups).all(|(before, now)| is_same(before, now));
        match &kept.prepared {
            Some(prepared) if same => prepared.clone(),
            before => {
                let prepared = match before {
                    Some(before) => before.followed_by(groups.to_vec()),
                    None => Prepared::new(groups.to_vec(), self.settings),
                };
                kept.groups = groups;
                kept.prepared.insert(prepared).clone()
            }
        }
    }
}

/// Parts of `size` views each: those of `before` that show the same, and new ones.
fn parts(
    views_before: &[View],
    before: &Group,
    views: &[View],
    size: usize,
    shows_as: fn(&View, &View) -> bool,
    families: impl Fn(&[View]) -> Vec<Family> + Copy + Send + Sync + 'static,
) -> Group {
    let mut before = views_before.chunks(size).zip(before);
    let part = |views: &[View]| {
        let same = before.next().filter(|(before, _)| {
            before.len() == views.len() && before.iter().zip(views).all(|(one, other)| shows_as(one, other))
        });
        let made = || {
            let views = views.to_vec();
            Part::new(move || families(&views))
        };
        same.map_or_else(made, |(_, part)| part.clone())
    };
    views.chunks(size).map(part).collect()
}

fn is_same(one: &Group, other: &Group) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| Arc::ptr_eq(one, other))
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("reports", &self.views.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::account::CatchUp;
    use domain::disposition::RejectReason;
    use domain::offset::Observation;
    use domain::outcome::Outcome;
    use domain::range::CivilRange;
    use domain::reconciliation::Reconciliation;
    use domain::report::ABANDONED;
    use domain::series::SeriesKey;
    use domain::totals::Total;
    use exposition::negotiate::{Encoding, format};
    use exposition::prepared::compose;
    use jiff::civil::{DateTime, date};
    use rand::seq::IteratorRandom as _;
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::config::{OperationConfig, Reports, Server, TokenSource};
    use crate::ledger::Ledger;
    use crate::operation::Operation;
    use crate::operation::ended::{EndedPoll, Trouble};
    use crate::wolkvox::client::TokenUses;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn operation(number: usize) -> OperationConfig {
        let server = Server { base_url: "http://127.0.0.1:1".to_owned(), name: "wv0042".to_owned() };
        OperationConfig {
            reports: Reports { answered: number.is_multiple_of(3), totals: number.is_multiple_of(2) },
            ..OperationConfig::new(format!("op{number}"), server, TokenSource::Env("UNUSED".to_owned()))
        }
    }

    /// A change of any kind that a scrape may see.
    async fn change(operation: &Operation, now: Timestamp, rng: &mut ChaCha8Rng) {
        let reports: Vec<_> = operation.reports().cloned().collect();
        let report = &reports[rng.random_range(0..reports.len())];
        let (number, calls) = (rng.random_range(0..4_u32), rng.random_range(1..9));
        let key = SeriesKey { skill_id: format!("{number}").into(), type_interaction: "inbound".into() };
        match rng.random_range(0..16) {
            0 => report.pulse().last_call = Some(Outcome::Timeout),
            1 => report.pulse().call_took(Duration::from_millis(calls)),
            2 => {
                let totals = [Total::Polls(Outcome::Ok), Total::RowsRejected(RejectReason::Date), Total::RowsMissing]
                    .into_iter()
                    .chain([Total::LateRows, Total::SkippedSeconds, Total::SeriesOverflow, Total::TimeUnreadable]);
                let total = totals.choose(&mut *rng).expect("there are some");
                report.amend(move |account| account.totals.add(total, 1)).await.unwrap();
            }
            3 => {
                let read = move |account: &mut domain::account::Account| {
                    account.marks.complete_until = account.marks.complete_until.max(at(calls as i64 * 300));
                    account.marks.windows_until = account.marks.complete_until;
                    account.marks.recent_from = at(0);
                    account.recent.insert((at(calls as i64 * 300 - 1).as_second(), 0), calls);
                };
                report.amend(read).await.unwrap();
            }
            4 => {
                let range = CivilRange { ini: DateTime::constant(2026, 1, 1, 0, 0, 0, 0), end: DateTime::MAX };
                let trouble = rng.random::<bool>().then_some(Trouble::TooManyParts { calls: 16 });
                let (outcome, took) = (Outcome::Ok, Duration::ZERO);
                let poll = EndedPoll { at: now, range, outcome, calls: 1, rows: 0, counted: 0, took, trouble };
                report.pulse().poll_ended(poll, now);
            }
            5 => report.pulse().lateness.note(now, Duration::from_secs(calls)),
            6 => report.pulse().offset = Some(Observation { offset: calls as i64 * 900, mismatch: rng.random() }),
            7 => {
                let uses = TokenUses { remaining: Some(calls), today: None, limit: Some(9) };
                operation.quota.tell(rng.random::<bool>().then_some(uses));
            }
            8 => {
                let Some(comparisons) = &operation.comparisons else { return };
                comparisons.pulse().last_poll = Some(now);
                let compared = move |kept: &mut Reconciliation| {
                    kept.totals.add(Total::Polls(Outcome::Ok), 1);
                    kept.day = Some(date(2026, 1, calls as i8));
                };
                comparisons.amend(compared).await.unwrap();
            }
            9 => {
                let behind = move |account: &mut domain::account::Account| account.marks.catch_up = CatchUp::Done(now);
                report.amend(behind).await.unwrap();
            }
            _ => {
                let count = move |account: &mut domain::account::Account| {
                    let next = account.series.len() as u32;
                    account.add_label_sets([(next, key.clone())], at(0));
                    let series = account.series.get_mut(&key).expect("it was added");
                    Arc::make_mut(series).counts.calls += calls;
                    Arc::make_mut(series).counts.times.record(calls as f64);
                    Arc::make_mut(series).hold = None;
                };
                report.amend(count).await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn what_is_kept_shows_what_would_be_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Ledger::open(&folder.path().join("ledger.db"), at(0)).unwrap());
        let open = |number| Operation::open(&ledger, &operation(number), at(0)).unwrap();
        let mut operations: Vec<_> = (0..20).map(open).collect();
        let metrics = || Metrics::new(Settings::default(), at(0)).unwrap();
        let kept = metrics();
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        for step in 0..120 {
            let now = at(step * 40);
            if step == 80 {
                // As after a reload.
                operations.remove(3);
                operations.swap(0, 7);
            }
            for _ in 0..rng.random_range(0..3) {
                let changed = rng.random_range(0..operations.len());
                change(&operations[changed], now, &mut rng).await;
            }
            let snapshots: Vec<_> = operations.iter().flat_map(|operation| Snapshot::all(operation, now)).collect();
            if rng.random() {
                kept.prepared(&snapshots).pack_ahead();
            }
            let (calls, others) = kept.families_now(&snapshots, ledger.figures());
            let (anew, _) = metrics().families_now(&snapshots, ledger.figures());
            assert_eq!(calls.families(), anew.families(), "step {step}");
            for encoding in [Encoding::Identity, Encoding::Gzip] {
                let text = format(None);
                let kept = compose(&calls, &[], text, encoding).await;
                let anew = compose(&anew, &[], text, encoding).await;
                assert_eq!(kept.body.concat(), anew.body.concat(), "step {step}");
            }
            let (again, _) = kept.families_now(&snapshots, ledger.figures());
            assert!(Arc::ptr_eq(&calls, &again), "nothing has changed");
            let name = ABANDONED.metrics.calls.0;
            assert!(others.iter().all(|family| family.name != name));
        }
    }
}
