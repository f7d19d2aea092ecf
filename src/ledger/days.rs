//! What has been counted by day, as rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use domain::days::{Day, DayCounts, Days};

use super::account::{Edits, civil, civil_seconds};
use super::row::{Edit, Row, Table};

const UNCOUNTED_ROWS: &str = "uncounted_rows";
/// And the id of a skill.
const LEFT_OUT: &str = "left_out/";

/// What is to be stored when `new` follows `old`. Days that both share are unchanged and cost nothing.
pub fn difference(account: i64, old: Option<&Days>, new: &Days) -> Vec<Edit> {
    let mut edits = Edits(Vec::new());
    let none = Days::default();
    let old = old.unwrap_or(&none);
    let gone =
        old.days.iter().filter(|(date, _)| !new.days.contains_key(*date)).map(|(date, day)| (date, Some(day), None));
    let present = new.days.iter().map(|(date, day)| (date, old.days.get(date), Some(day)));
    for (date, before, after) in gone.chain(present) {
        if before.zip(after).is_some_and(|(before, after)| Arc::ptr_eq(before, after)) {
            continue;
        }
        let date = seconds(*date);
        let series = |day: &Arc<Day>| day.series.clone();
        edits.merge(before.map(series), after.map(series).unwrap_or_default(), |series, counts: DayCounts| {
            let DayCounts { calls, timed, seconds } = counts;
            Table::Day.row(account, [date.into(), series.into(), calls.into(), timed.into(), seconds.into()])
        });
        let notes = |day: &Arc<Day>| notes(day);
        edits.merge(before.map(notes), after.map(notes).unwrap_or_default(), |name: String, value: u64| {
            Table::DayNote.row(account, [date.into(), name.as_str().into(), value.into()])
        });
    }
    edits.merge(Some(old.quarters.clone()), new.quarters.clone(), |second, calls| {
        Table::Quarter.row(account, [second.into(), calls.into()])
    });
    edits.merge(Some(old.unread.iter().collect()), new.unread.iter().collect(), |second: i64, until: i64| {
        Table::Unread.row(account, [second.into(), until.into()])
    });
    edits.0
}

fn notes(day: &Day) -> BTreeMap<String, u64> {
    let uncounted = Some((UNCOUNTED_ROWS.to_owned(), day.uncounted_rows)).filter(|(_, rows)| *rows > 0);
    uncounted.into_iter().chain(day.left_out.iter().map(|skill_id| (format!("{LEFT_OUT}{skill_id}"), 1))).collect()
}

/// Adds a stored row. A note of a later version's name is left aside.
pub fn add(days: &mut Days, unread: &mut Vec<(i64, i64)>, row: &Row) {
    let number = |column| row.integer(column) as u64;
    match row.table {
        Table::Day => {
            let series = u32::try_from(row.integer(1)).unwrap_or(u32::MAX);
            day_of(days, row)
                .series
                .insert(series, DayCounts { calls: number(2), timed: number(3), seconds: row.real(4) });
        }
        Table::DayNote => match &*row.text(1) {
            UNCOUNTED_ROWS => day_of(days, row).uncounted_rows = number(2),
            name => {
                if let Some(skill_id) = name.strip_prefix(LEFT_OUT) {
                    day_of(days, row).left_out.insert(skill_id.into());
                }
            }
        },
        Table::Quarter => _ = days.quarters.insert(row.integer(0), number(1)),
        Table::Unread => unread.push((row.integer(0), row.integer(1))),
        _ => {}
    }
}

fn day_of<'a>(days: &'a mut Days, row: &Row) -> &'a mut Day {
    Arc::make_mut(days.days.entry(civil(row.integer(0)).date()).or_default())
}

fn seconds(date: Date) -> i64 {
    civil_seconds(date.at(0, 0, 0, 0))
}
