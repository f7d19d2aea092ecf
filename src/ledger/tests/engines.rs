//! Both engines store the same.

use std::collections::BTreeSet;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::*;

/// All that a store holds.
fn content(store: &mut dyn Store) -> (Vec<String>, Vec<String>, Vec<(i64, i64)>) {
    let (mut rows, mut seen) = (Vec::new(), Vec::new());
    store.rows(&mut |row| rows.push(format!("{row:?}"))).unwrap();
    store.seen(&mut |account, row| seen.push(format!("{account} {row:?}"))).unwrap();
    rows.sort();
    seen.sort();
    (rows, seen, store.digests().unwrap().into_iter().collect())
}

fn sqlite(path: &Path) -> Sqlite {
    drop(Ledger::open(path, now()).expect("a new ledger"));
    let file = file::OwnFile::take(path).expect("ours").expect("it is there");
    Sqlite::new(open::connect(path).expect("a ledger"), file)
}

/// A change of an account that stands at `account`, made by `number`.
fn made(store: &mut dyn Store, scope: Scope, account: &mut Account, number: u32) -> Change {
    let old = account.clone();
    let mut seen = Seen::new(store, scope);
    change(account, &mut seen, number).unwrap();
    let mut change = seen.change;
    change.edits = difference(scope, (number > 0).then_some(&old), account);
    change
}

/// Whatever is stored, both engines hold the same, tell the same, and have the digest of what they hold.
#[test]
fn all_engines_store_the_same() {
    let folder = folder();
    let mut sqlite = sqlite(&folder.path().join("ledger.db"));
    let mut memory = Memory::default();
    let scopes = [Scope { operation: 1, account: 2 }, Scope { operation: 4, account: 5 }];
    let mut accounts = [begin(), begin()];
    for number in 0..40 {
        let changes = scopes.iter().zip(&mut accounts);
        let changes: Vec<_> = changes.map(|(scope, account)| made(&mut memory, *scope, account, number)).collect();
        let changes: Vec<_> = changes.iter().collect();
        assert!(memory.commit(&changes, &KEY).iter().all(Result::is_ok));
        assert!(sqlite.commit(&changes, &KEY).iter().all(Result::is_ok));
        assert_eq!(content(&mut memory), content(&mut sqlite));
        let ids: BTreeSet<_> = changes.iter().flat_map(|change| &change.seen).map(|change| change.id).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        for (scope, account) in scopes.into_iter().zip(&accounts) {
            assert_eq!(memory.sightings(scope.account, &ids), sqlite.sightings(scope.account, &ids));
            let before = account::civil_seconds(date(i64::from(number) * 300 - 400));
            assert_eq!(memory.seen_before(scope.account, before), sqlite.seen_before(scope.account, before));
            for store in [&mut memory as &mut dyn Store, &mut sqlite] {
                assert_eq!(crate::ledger::load(store, scope, now()).unwrap().0, *account);
            }
        }
        let mut digests = std::collections::BTreeMap::<i64, i64>::new();
        let operation = |account: i64| if account == 5 { 4 } else { 1 };
        let of = |row: &Row| if Table::OF_OPERATION.contains(&row.table) { row.scope } else { operation(row.scope) };
        sqlite.rows(&mut |row| *digests.entry(of(&row)).or_default() ^= row.digest(&KEY)).unwrap();
        let mut add =
            |account, row: SeenRow| *digests.entry(operation(account)).or_default() ^= row.digest(&KEY, account);
        sqlite.seen(&mut add).unwrap();
        assert_eq!(sqlite.digests().unwrap(), digests);
    }
}

/// Of many that are stored few are asked for, or all, or as many that are not stored, near to each other and far.
#[test]
fn all_engines_find_the_same_identities() {
    let folder = folder();
    let mut sqlite = sqlite(&folder.path().join("ledger.db"));
    let mut memory = Memory::default();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut some = |share: f64| -> Vec<RowId> {
        let id = |number: u128| RowId((number << 64).to_be_bytes());
        (0..600).filter(|_| rng.random_bool(share)).map(id).collect()
    };
    for (account, share) in [(2, 0.0), (5, 0.02), (7, 0.5), (9, 1.0)] {
        let mut change = Change::new(Scope { operation: 1, account });
        let seen = |id: &RowId| sighting(i64::from(id.0[7]), Verdict::Counted, [id.0[7].into()]);
        change.seen = some(share).iter().map(|id| tally::Change { id: *id, before: None, after: seen(id) }).collect();
        for store in [&mut memory as &mut dyn Store, &mut sqlite] {
            assert_eq!(store.commit(&[&change], &KEY), [Ok(())]);
        }
    }
    for account in [1, 2, 5, 7, 9, 11] {
        for share in [0.0, 0.01, 0.1, 0.3, 0.6, 1.0] {
            let ids = some(share);
            assert_eq!(memory.sightings(account, &ids), sqlite.sightings(account, &ids), "{account}, {share}");
        }
    }
}

/// On a full disk, and where a statement can't be done, others are stored all the same, and what is not leaves nothing.
#[test]
fn one_change_that_cannot_be_stored_fails_no_other() {
    let folder = folder();
    let mut store = sqlite(&folder.path().join("ledger.db"));
    let mut memory = Memory::default();
    let scopes: [Scope; 3] = [1, 2, 3].map(|number| Scope { operation: number, account: number });
    let mut accounts = [begin(), begin(), begin()];
    let mut change =
        |memory: &mut Memory, which: usize, number| made(memory, scopes[which], &mut accounts[which], number);
    let first: Vec<_> = (0..3).map(|which| change(&mut memory, which, 0)).collect();
    let first: Vec<_> = first.iter().collect();
    store.commit(&first, &KEY);
    memory.commit(&first, &KEY);

    let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    for (round, room) in [0, 1, 2, 4_000].into_iter().enumerate() {
        store.connection.pragma_update(None, "max_page_count", pages + 20 + room).unwrap();
        let number = round as u32 + 1;
        let small = [change(&mut memory, 0, number), change(&mut memory, 2, number)];
        // Some thousand rows, so that they don't fit beside the others.
        let mut large = Change::new(scopes[1]);
        large.seen = (0..4_000u128)
            .map(|number| tally::Change {
                id: RowId((number << 64 | room as u128).to_le_bytes()),
                before: None,
                after: sighting(0, Verdict::Counted, [1]),
            })
            .collect();
        let stored = store.commit(&[&small[0], &large, &small[1]], &KEY);
        assert_eq!([0, 2].map(|place: usize| stored[place].clone()), [Ok(()), Ok(())], "round {round}");
        memory.commit(&[&small[0], &small[1]], &KEY);
        if let Err(error) = &stored[1] {
            assert!(room < 4_000 && error.to_string().contains("no room"), "{error}");
        } else {
            assert_eq!(room, 4_000);
            memory.commit(&[&large], &KEY);
        }
        assert_eq!(content(&mut store), content(&mut memory), "round {round}");
    }

    // A row that the table refuses.
    let mut wrong = Change::new(scopes[1]);
    let row = Row { table: Table::Total, scope: 2, columns: vec!["windows".into(), Value::Text("many".into())] };
    wrong.edits.push(Edit { before: None, after: Some(row) });
    let good = [change(&mut memory, 0, 9), change(&mut memory, 2, 9)];
    let stored = store.commit(&[&good[0], &wrong, &good[1]], &KEY);
    assert!(stored[0].is_ok() && stored[1].is_err() && stored[2].is_ok(), "{stored:?}");
    memory.commit(&[&good[0], &good[1]], &KEY);
    assert_eq!(content(&mut store), content(&mut memory));
}
