//! Ledgers of other versions.

use super::*;

/// A ledger as an older version would have written it: without a table, a mark and a counter of today. All that it holds is
/// taken over, and what it doesn't know is as if it had never been.
#[test]
fn a_ledger_of_an_older_version_is_taken_over() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, now()).unwrap();
    let mut account = fill(&ledger, 8).pop().unwrap();
    let rows = seen_rows(&ledger);
    let key = ledger.shared.key;
    drop(ledger);
    let mut store = {
        let file = file::OwnFile::take(&path).unwrap().unwrap();
        Sqlite::new(open::connect(&path).unwrap(), file)
    };
    let unknown = |row: &Row| {
        let name = row.text(0);
        matches!(row.table, Table::Shortfall | Table::Unreadable)
            || matches!(row.table, Table::Day | Table::DayNote | Table::Quarter | Table::Unread)
            || row.table == Table::Mark && ["proven_until", "has_answered", "by_day_from"].contains(&&*name)
            || row.table == Table::Total && *name == *"late_rows"
    };
    let mut gone = Vec::new();
    store.rows(&mut |row| gone.extend(Some(row).filter(unknown))).unwrap();
    assert!(gone.len() >= 4, "{gone:?}");
    // And with a counter that today's version doesn't know.
    let extra = Table::Total.row(gone[0].scope, ["polls/of_another_version".into(), 5i64.into()]);
    let mut change = Change::new(Scope { operation: 0, account: gone[0].scope });
    change.scope.operation = store.digests().unwrap().into_keys().next().unwrap();
    change.edits = gone.into_iter().map(|row| Edit { before: Some(row), after: None }).collect();
    change.edits.push(Edit { before: None, after: Some(extra) });
    assert_eq!(store.commit(&[&change], &key), [Ok(())]);
    let tables = ["shortfall", "unreadable", "day", "day_note", "quarter", "unread"];
    for table in tables.into_iter().chain(["reconciliation", "reconciled", "agreed"]) {
        store.connection.execute_batch(&format!("DROP TABLE {table}")).unwrap();
    }
    store.connection.pragma_update(None, "user_version", schema::OLDEST).unwrap();
    drop(store);

    account.gaps = Gaps::default();
    account.marks.proven_until = account.marks.complete_until;
    account.marks.has_answered = false;
    // What was counted before days were is in no day, and no day that it may be of is taken for whole.
    account.days = Days::default();
    account.marks.by_day_from = account.marks.windows_until;
    account.totals.set("late_rows", 0);
    let ledger = Ledger::open(&path, now()).unwrap();
    assert_eq!((load(&ledger).account, seen_rows(&ledger)), (account.clone(), rows));
    let id = load(&ledger).id;
    let next = commit(&ledger, &id, &account, 9).unwrap();
    drop(ledger);
    assert_eq!(load(&Ledger::open(&path, now()).unwrap()).account, next);
}

#[test]
fn a_newer_ledger_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, now()).expect("a new ledger");
    fill(&ledger, 2);
    drop(ledger);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    let before = fs::read(&path).unwrap();
    let found = match Ledger::open(&path, now()) {
        Err(OpenError::Newer { found, known, .. }) => (found, known),
        other => panic!("{other:?}"),
    };
    assert_eq!(found, (schema::VERSION + 1, schema::VERSION));
    assert_eq!(fs::read(&path).unwrap(), before);
}
