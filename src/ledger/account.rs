//! An account as rows: what changes from one to the next, and an account made of its rows again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::tz::Offset;
use jiff::{Timestamp, civil::DateTime};

use domain::account::{Account, CatchUp, Marks, SkillName};
use domain::days::Days;
use domain::distribution::Distribution;
use domain::gaps::Gaps;
use domain::range::CivilRange;
use domain::series::{Counts, Hold, Series, SeriesKey};
use domain::shortfall::Shortfall;
use domain::start_hold::StartHold;
use domain::totals::Totals;

use super::days;
use super::row::{Edit, Row, Table, Value};

/// Whose rows they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    pub operation: i64,
    pub account: i64,
}

/// What is to be stored when `new` follows `old`, all of it where there was none: of the account, and of the operation that
/// it is the first to tell of. Series that both share are unchanged and cost nothing.
pub fn difference(scope: Scope, old: Option<&Account>, new: &Account) -> Vec<Edit> {
    let mut edits = Edits(own_difference(scope, old, new));
    let operation = scope.operation;
    let skills = |of: &Account| of.skills.clone();
    edits.merge(old.map(skills), skills(new), |skill_id, said| {
        Table::Skill.row(operation, [(&skill_id).into(), (&said.name).into(), civil_seconds(said.as_of).into()])
    });
    for (key, series) in new.series.iter().filter(|(key, _)| old.is_none_or(|old| !old.series.contains_key(key))) {
        let columns = [series.number.into(), (&key.skill_id).into(), (&key.type_interaction).into()];
        edits.0.push(Edit { before: None, after: Some(Table::LabelSet.row(operation, columns)) });
    }
    edits.0
}

/// As [`difference`], but for what is the operation's: another account tells of that.
pub fn own_difference(scope: Scope, old: Option<&Account>, new: &Account) -> Vec<Edit> {
    let mut edits = Edits(Vec::new());
    let account = scope.account;
    let marks = |of: &Account| marks(&of.marks, of.start_hold.as_ref());
    edits.merge(old.map(marks), marks(new), |name, value| mark_row(scope, name, value));
    let totals = |of: &Account| of.totals.iter().filter(|(_, value)| *value > 0).collect();
    edits.merge(old.map(totals), totals(new), |name: String, value| {
        Table::Total.row(account, [name.as_str().into(), value.into()])
    });
    for (key, series) in &new.series {
        let before = old.and_then(|old| old.series.get(key));
        if before.is_none_or(|before| !Arc::ptr_eq(before, series)) {
            edits.series(account, before.map(Arc::as_ref), series);
        }
    }
    if old.is_none_or(|old| old.recent != new.recent) {
        let recent = |of: &Account| of.recent.clone();
        edits.merge(old.map(recent), recent(new), |(second, series), calls| {
            Table::Recent.row(account, [second.into(), series.into(), calls.into()])
        });
    }
    if old.is_none_or(|old| old.gaps != new.gaps) {
        let shortfalls = |of: &Account| of.gaps.shortfalls.iter().collect();
        edits.merge(old.map(shortfalls), shortfalls(new), |place: CivilRange, Shortfall { rows, polls, counted }| {
            let (ini, until) = (civil_seconds(place.ini), civil_seconds(place.end));
            Table::Shortfall.row(account, [ini.into(), until.into(), rows.into(), polls.into(), counted.into()])
        });
        let unreadable = |of: &Account| of.gaps.unreadable.iter().map(|second| (*second, ())).collect();
        edits.merge(old.map(unreadable), unreadable(new), |second, ()| {
            Table::Unreadable.row(account, [civil_seconds(second).into()])
        });
    }
    edits.0.extend(days::difference(account, old.map(|old| &old.days), &new.days));
    edits.0
}

pub(super) struct Edits(pub Vec<Edit>);

impl Edits {
    pub fn merge<K: Ord + Clone, V: PartialEq>(
        &mut self,
        old: Option<BTreeMap<K, V>>,
        new: BTreeMap<K, V>,
        row: impl Fn(K, V) -> Row,
    ) {
        let mut old = old.unwrap_or_default();
        for (key, after) in new {
            let before = old.remove(&key);
            if before.as_ref() != Some(&after) {
                let before = before.map(|before| row(key.clone(), before));
                self.0.push(Edit { before, after: Some(row(key, after)) });
            }
        }
        let gone = old.into_iter().map(|(key, before)| Edit { before: Some(row(key, before)), after: None });
        self.0.extend(gone);
    }

    fn series(&mut self, account: i64, before: Option<&Series>, series: &Series) {
        let number = series.number;
        let row = |series: &Series| {
            let held = series.hold.as_ref().map(|hold| &hold.shown);
            let (calls, sum) = (series.counts.calls, series.counts.times.sum());
            let held = [held.map(|held| held.calls).into(), held.map(|held| held.times.sum()).into()];
            let [held_calls, held_sum]: [Value; 2] = held;
            Table::Series.row(account, [number.into(), calls.into(), sum.into(), held_calls, held_sum])
        };
        let (before_row, after_row) = (before.map(row), row(series));
        if before_row.as_ref() != Some(&after_row) {
            self.0.push(Edit { before: before_row, after: Some(after_row) });
        }
        let held = |series: &Series| series.hold.as_ref().map(|hold| hold.shown.times.clone());
        let parts = [
            (false, before.map(|before| before.counts.times.clone()), Some(series.counts.times.clone())),
            (true, before.and_then(held), held(series)),
        ];
        for (is_held, before, after) in parts {
            let cells = |times: Option<Distribution>| {
                times.map(|times| times.cells().iter().copied().collect::<BTreeMap<_, _>>()).unwrap_or_default()
            };
            self.merge(Some(cells(before)), cells(after), |upper, count| {
                let held = i64::from(is_held);
                Table::Cell.row(account, [number.into(), held.into(), upper.into(), count.into()])
            });
        }
    }
}

fn mark_row(scope: Scope, name: &str, value: i64) -> Row {
    Table::Mark.row(scope.account, [name.into(), value.into()])
}

/// The marks that are set, by the names that the ledger knows them by.
fn marks(marks: &Marks, start_hold: Option<&StartHold>) -> BTreeMap<&'static str, i64> {
    let start_hold = start_hold.filter(|shown| shown.is_stored);
    let (behind, caught_up_at) = match marks.catch_up {
        CatchUp::None => (None, None),
        CatchUp::Behind => (Some(1), None),
        CatchUp::Done(at) => (Some(1), Some(nanoseconds(at))),
    };
    let all = [
        ("start", Some(marks.start.as_second())),
        ("complete_until", Some(marks.complete_until.as_second())),
        ("proven_until", Some(marks.proven_until.as_second())),
        ("nothing_hidden_until", Some(marks.nothing_hidden_until.as_second())),
        ("windows_until", Some(marks.windows_until.as_second())),
        ("recent_from", Some(marks.recent_from.as_second())),
        ("by_day_from", Some(marks.by_day_from.as_second())),
        ("floor", marks.floor.map(|at| at.as_second())),
        ("read_before", marks.read_before.then_some(1)),
        ("has_answered", marks.has_answered.then_some(1)),
        ("kept_from", marks.kept_from.map(civil_seconds)),
        ("catch_up", behind),
        ("caught_up_at", caught_up_at),
        ("copied_at", marks.copied_at.map(|at| at.as_second())),
        ("shown_windows", start_hold.map(|shown| shown.windows as i64)),
        ("shown_complete_until", start_hold.map(|shown| shown.complete_until.as_second())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// An account that is being put together of its rows, in any order. Rows of a later version's names are left aside.
#[derive(Debug, Default)]
pub struct Loading {
    marks: HashMap<Arc<str>, i64>,
    totals: Totals,
    skills: BTreeMap<Arc<str>, SkillName>,
    labels: HashMap<i64, SeriesKey>,
    series: Vec<Row>,
    cells: HashMap<(i64, bool), Vec<(u32, u64)>>,
    recent: BTreeMap<(i64, u32), u64>,
    shortfalls: Vec<(CivilRange, Shortfall)>,
    unreadable: Vec<DateTime>,
    days: Days,
    unread: Vec<(i64, i64)>,
}

impl Loading {
    pub fn add(&mut self, row: Row) {
        let number = |column| row.integer(column) as u64;
        let short = |column| u32::try_from(row.integer(column)).unwrap_or(u32::MAX);
        match row.table {
            Table::Operation | Table::Account => {}
            // The operation's, which no account has.
            Table::Reconciliation | Table::Reconciled | Table::Agreed => {}
            Table::Mark => _ = self.marks.insert(row.text(0), row.integer(1)),
            Table::Total => _ = self.totals.set(&row.text(0), number(1)),
            Table::Skill => {
                let said = SkillName { name: row.text(1), as_of: civil(row.integer(2)) };
                self.skills.insert(row.text(0), said);
            }
            Table::LabelSet => {
                let key = SeriesKey { skill_id: row.text(1), type_interaction: row.text(2) };
                self.labels.insert(row.integer(0), key);
            }
            Table::Series => self.series.push(row),
            Table::Cell => {
                let cells = self.cells.entry((row.integer(0), row.integer(1) != 0)).or_default();
                cells.push((short(2), number(3)));
            }
            Table::Recent => _ = self.recent.insert((row.integer(0), short(1)), number(2)),
            Table::Shortfall => {
                let place = CivilRange { ini: civil(row.integer(0)), end: civil(row.integer(1)) };
                let shortfall = Shortfall { rows: number(2), polls: short(3), counted: number(4) };
                self.shortfalls.push((place, shortfall));
            }
            Table::Day | Table::DayNote | Table::Quarter | Table::Unread => {
                days::add(&mut self.days, &mut self.unread, &row)
            }
            Table::Unreadable => self.unreadable.push(civil(row.integer(0))),
        }
    }

    /// Gives an account that has just begun what its operation knows already.
    pub fn introduce(self, account: &mut Account, now: Timestamp) {
        account.add_label_sets(label_sets(self.labels), now);
        account.skills = self.skills;
    }

    /// The account, and what is to be stored before it changes: the marks that its version didn't know, which are as far as
    /// what it knew, and the label sets that other reports found while it was switched off. Holds begin at `now`.
    pub fn account(mut self, scope: Scope, now: Timestamp) -> (Account, Vec<Edit>) {
        let mark = |name: &str| self.marks.get(name).copied();
        let at = |name: &str| mark(name).map(instant);
        let complete_until = at("complete_until").unwrap_or_default();
        let windows_until = at("windows_until").unwrap_or(complete_until);
        let marks = Marks {
            start: at("start").unwrap_or(complete_until),
            complete_until,
            proven_until: at("proven_until").unwrap_or(complete_until),
            nothing_hidden_until: at("nothing_hidden_until").unwrap_or(complete_until),
            windows_until,
            recent_from: at("recent_from").unwrap_or(windows_until),
            by_day_from: at("by_day_from").unwrap_or(windows_until),
            floor: at("floor"),
            read_before: mark("read_before").is_some(),
            has_answered: mark("has_answered").is_some(),
            kept_from: mark("kept_from").map(civil),
            catch_up: match (mark("catch_up"), mark("caught_up_at")) {
                (None, _) => CatchUp::None,
                (_, None) => CatchUp::Behind,
                (_, Some(at)) => CatchUp::Done(from_nanoseconds(at)),
            },
            copied_at: at("copied_at"),
        };
        let start_hold = at("shown_complete_until").zip(mark("shown_windows")).map(|(complete_until, windows)| {
            StartHold { windows: windows as u64, complete_until, since: now, is_stored: true }
        });
        let mut counts = |number, held, calls: i64, sum| {
            let cells = self.cells.remove(&(number, held)).unwrap_or_default();
            Counts { calls: calls as u64, times: Distribution::from_cells(cells, sum) }
        };
        let mut series = BTreeMap::new();
        for row in &self.series {
            let number = row.integer(0);
            let Some(key) = self.labels.get(&number) else { continue };
            let shown = row.optional(3).map(|calls| counts(number, true, calls, row.real(4)));
            let counts = counts(number, false, row.integer(1), row.real(2));
            let hold = shown.map(|shown| Hold { shown, since: now });
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            series.insert(key.clone(), Arc::new(Series { number, counts, hold }));
        }
        let gaps = Gaps {
            shortfalls: self.shortfalls.into_iter().collect(),
            unreadable: self.unreadable.into_iter().collect(),
        };
        let mut settled = Edits(Vec::new());
        let stored = self::marks(&marks, start_hold.as_ref())
            .into_iter()
            .filter(|(name, _)| self.marks.contains_key(*name))
            .collect();
        settled
            .merge(Some(stored), self::marks(&marks, start_hold.as_ref()), |name, value| mark_row(scope, name, value));
        let days = Days { unread: self.unread.into_iter().collect(), ..self.days };
        let (totals, skills, recent) = (self.totals, self.skills, self.recent);
        let mut account = Account { marks, totals, skills, series, recent, days, gaps, start_hold };
        let stored = account.series.clone();
        account.add_label_sets(label_sets(self.labels), now);
        for (_, series) in account.series.iter().filter(|(key, _)| !stored.contains_key(key)) {
            settled.series(scope.account, None, series);
        }
        (account, settled.0)
    }
}

fn label_sets(labels: HashMap<i64, SeriesKey>) -> impl Iterator<Item = (u32, SeriesKey)> {
    labels.into_iter().map(|(number, key)| (u32::try_from(number).unwrap_or(u32::MAX), key))
}

/// A local date as a number that keeps its order.
pub fn civil_seconds(date: DateTime) -> i64 {
    Offset::UTC.to_timestamp(date).map_or(i64::MAX, |at| at.as_second())
}

pub fn civil(seconds: i64) -> DateTime {
    Offset::UTC.to_datetime(instant(seconds))
}

/// A damaged number that is no instant becomes the epoch; the digest then refuses the ledger.
fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}

fn from_nanoseconds(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or_default()
}
