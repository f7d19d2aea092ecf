//! The comparisons of an operation with the vendor's totals, as rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use domain::reconciliation::{Compared, NotCompared, OfReport, Reading, Reconciled, Reconciliation};

use super::account::{Edits, civil, civil_seconds};
use super::row::{Edit, Row, Table, Value};

const HAS_ANSWERED: &str = "has_answered";
const ASKED: &str = "asked";
const ASKED_AT: &str = "asked_at";
const ANSWERED: &str = "answered";
const DAY: &str = "day";
/// And the name of a report.
const VENDOR_CALLS: &str = "vendor_calls/";
const UNCOUNTED_ROWS: &str = "uncounted_rows/";

/// How the ledger knows why a skill was not compared.
const NOT_COMPARED: [(NotCompared, &str); 3] =
    [(NotCompared::NoSkill, "no_skill"), (NotCompared::LeftOut, "left_out"), (NotCompared::Unreadable, "unreadable")];

/// What is to be stored when `new` follows `old`.
pub fn difference(operation: i64, old: &Reconciliation, new: &Reconciliation) -> Vec<Edit> {
    let mut edits = Edits(Vec::new());
    edits.merge(Some(named(old)), named(new), |name: String, value: i64| {
        Table::Reconciliation.row(operation, [name.as_str().into(), value.into()])
    });
    edits.merge(Some(skills(old)), skills(new), |(report, skill_id), Compared { name, differences }| {
        let why = differences.err().and_then(|why| NOT_COMPARED.into_iter().find(|(other, _)| *other == why));
        let [all, voice, inbound]: [Value; 3] = match differences {
            Ok(differences) => differences.map(Value::from),
            Err(_) => [Value::Null, Value::Null, Value::Null],
        };
        let why = why.map(|(_, name)| name).into();
        Table::Reconciled
            .row(operation, [(&report).into(), (&skill_id).into(), (&name).into(), why, all, voice, inbound])
    });
    edits.merge(Some(agreed(old)), agreed(new), |(report, date), [all, voice, inbound]| {
        let columns = [(&report).into(), date.into(), all.into(), voice.into(), inbound.into()];
        Table::Agreed.row(operation, columns)
    });
    edits.0
}

/// All that is a number of its own.
fn named(of: &Reconciliation) -> BTreeMap<String, i64> {
    let polls = of.totals.iter().filter(|(_, value)| *value > 0).map(|(name, value)| (name, value as i64));
    let single = [
        (HAS_ANSWERED, of.has_answered.then_some(1)),
        (ASKED, of.asked.map(|(date, _)| seconds(date))),
        (ASKED_AT, of.asked.map(|(_, at)| at.as_second())),
        (ANSWERED, of.answered.map(seconds)),
        (DAY, of.day.map(seconds)),
    ];
    let single = single.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let reports = of.reports.iter().filter_map(|(name, report)| Some((name, report.reconciled.as_ref()?)));
    let reports = reports.flat_map(|(name, reconciled)| {
        [(VENDOR_CALLS, reconciled.vendor_calls), (UNCOUNTED_ROWS, reconciled.uncounted_rows)]
            .map(|(of, value)| (format!("{of}{name}"), value as i64))
    });
    polls.chain(single).chain(reports).collect()
}

fn skills(of: &Reconciliation) -> BTreeMap<(Arc<str>, Arc<str>), Compared> {
    let skills = of.reports.iter().flat_map(|(report, OfReport { reconciled, .. })| {
        let skills = reconciled.iter().flat_map(|reconciled| &reconciled.skills);
        skills.map(|(skill_id, compared)| ((report.clone(), skill_id.clone()), compared.clone()))
    });
    skills.collect()
}

fn agreed(of: &Reconciliation) -> BTreeMap<(Arc<str>, i64), [i64; Reading::ALL.len()]> {
    let days = of.reports.iter().flat_map(|(report, OfReport { readings, .. })| {
        readings.iter().map(|(date, agreed)| {
            ((report.clone(), seconds(date)), Reading::ALL.map(|reading| agreed.contains(&reading).into()))
        })
    });
    days.collect()
}

/// Adds a stored row of an operation. What is none of a reconciliation, or of a later version's names, is left aside.
pub fn add(to: &mut Reconciliation, row: &Row) {
    match row.table {
        Table::Reconciliation => add_named(to, &row.text(0), row.integer(1)),
        Table::Reconciled => {
            let why = row.text(3);
            let why = NOT_COMPARED.into_iter().find(|(_, name)| **name == *why);
            let differences = match why {
                Some((why, _)) => Err(why),
                None => Ok([row.integer(4), row.integer(5), row.integer(6)]),
            };
            reconciled(to, &row.text(0)).skills.insert(row.text(1), Compared { name: row.text(2), differences });
        }
        Table::Agreed => {
            let agreed = Reading::ALL.into_iter().zip(2..).filter(|(_, column)| row.integer(*column) != 0);
            let agreed = agreed.map(|(reading, _)| reading).collect();
            to.reports.entry(row.text(0)).or_default().readings.note(date(row.integer(1)), Some(agreed));
        }
        _ => {}
    }
}

fn add_named(to: &mut Reconciliation, name: &str, value: i64) {
    match name {
        HAS_ANSWERED => to.has_answered = value != 0,
        ASKED => to.asked = Some((date(value), to.asked.map_or(Timestamp::UNIX_EPOCH, |(_, at)| at))),
        ASKED_AT => {
            let at = Timestamp::from_second(value).unwrap_or_default();
            to.asked = Some((to.asked.map_or(Date::ZERO, |(date, _)| date), at));
        }
        ANSWERED => to.answered = Some(date(value)),
        DAY => to.day = Some(date(value)),
        name => match (name.strip_prefix(VENDOR_CALLS), name.strip_prefix(UNCOUNTED_ROWS)) {
            (Some(report), _) => reconciled(to, report).vendor_calls = value as u64,
            (_, Some(report)) => reconciled(to, report).uncounted_rows = value as u64,
            _ => _ = to.totals.set(name, value as u64),
        },
    }
}

fn reconciled<'a>(of: &'a mut Reconciliation, report: &str) -> &'a mut Reconciled {
    of.reports.entry(report.into()).or_default().reconciled.get_or_insert_default()
}

fn seconds(date: Date) -> i64 {
    civil_seconds(date.at(0, 0, 0, 0))
}

fn date(seconds: i64) -> Date {
    civil(seconds).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::outcome::Outcome;
    use domain::totals::Total;

    #[test]
    fn what_is_stored_comes_back_and_what_is_gone_goes() {
        let day = jiff::civil::date(2026, 3, 3);
        let skill = |differences| Compared { name: "Ventas".into(), differences };
        let mut whole = Reconciliation {
            has_answered: true,
            asked: Some((day, "2026-03-04T08:00:00Z".parse().unwrap())),
            answered: Some(day),
            day: Some(day),
            ..Reconciliation::default()
        };
        whole.totals.add(Total::Polls(Outcome::Timeout), 3);
        for report in ["abandoned", "answered"] {
            let skills = [
                ("1".into(), skill(Ok([1, -2, 3]))),
                ("2".into(), skill(Err(NotCompared::LeftOut))),
                ("3".into(), skill(Err(NotCompared::NoSkill))),
                ("4".into(), skill(Err(NotCompared::Unreadable))),
            ];
            let reconciled = Reconciled { skills: skills.into(), vendor_calls: 12, uncounted_rows: 1 };
            let mut of_report = OfReport { reconciled: Some(reconciled), ..OfReport::default() };
            of_report.readings.note(day, Some([Reading::Voice].into()));
            of_report.readings.note(day.yesterday().unwrap(), Some(Default::default()));
            whole.reports.insert(report.into(), of_report);
        }
        let mut less = whole.clone();
        less.reports.get_mut("answered").unwrap().reconciled = None;
        let empty = Reconciliation::default();
        let mut rows: Vec<Row> = Vec::new();
        for (old, new) in [(&empty, &whole), (&whole, &less), (&less, &whole)] {
            for Edit { before, after } in difference(7, old, new) {
                rows.retain(|row| Some(row) != before.as_ref());
                rows.extend(after);
            }
            for reversed in [false, true] {
                let mut loaded = Reconciliation::default();
                if reversed {
                    rows.reverse()
                }
                rows.iter().for_each(|row| add(&mut loaded, row));
                assert_eq!(&loaded, new);
            }
        }
        assert_eq!(difference(7, &whole, &whole), []);
    }
}
