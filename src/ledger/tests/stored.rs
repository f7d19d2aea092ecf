//! What is loaded is what was stored: all of it, or after a change that fails nothing.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // After every commit of any sequence the files on the disk hold just that account, with or without a clean end.
    #[test]
    fn what_is_loaded_is_what_was_stored(numbers in prop::collection::vec(0u32..200, 1..12)) {
        let folder = folder();
        let path = folder.path().join("ledger.db");
        let mut ledger = Ledger::open(&path, now()).unwrap();
        let mut opened = load(&ledger);
        for number in numbers {
            opened.account = commit(&ledger, &opened.id, &opened.account, number).unwrap();
            let (database, log) = snapshot(&path);
            let rows = seen_rows(&ledger);
            prop_assert_eq!(reopen(&database, &log), Some((opened.account.clone(), rows.clone())));
            if number.is_multiple_of(3) {
                drop(ledger);
                ledger = Ledger::open(&path, now()).unwrap();
                let again = load(&ledger);
                prop_assert_eq!(&again.account, &opened.account);
                prop_assert_eq!(seen_rows(&ledger), rows);
                opened = again;
            }
        }
    }
}

#[test]
fn a_change_that_fails_or_panics_leaves_nothing() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, now()).expect("a new ledger");
    let account = Arc::new(fill(&ledger, 3).pop().expect("commits"));
    let (id, keys) = (load(&ledger).id, ledger.figures().keys);
    let failed = ledger.commit_now(&id, account.clone(), |account, seen| {
        change(account, seen, 50)?;
        Err::<(), _>(CommitError::Broken("half-way"))
    });
    assert!(failed.is_err());
    let panicked = ledger.commit_now(&id, account.clone(), |account, seen| {
        change(account, seen, 51)?;
        if account.totals.get(Total::Windows) > 0 {
            panic!("in the middle of a change");
        }
        Ok(())
    });
    assert!(panicked.is_err());
    assert_eq!((&load(&ledger).account, ledger.figures().keys), (&*account, keys));
    let next = commit(&ledger, &id, &account, 52).expect("the ledger goes on");
    let (database, log) = snapshot(&path);
    assert_eq!(reopen(&database, &log), Some((next, seen_rows(&ledger))));
}

#[test]
fn a_ledger_tells_its_size_and_its_identities() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, now()).unwrap();
    fill(&ledger, 20);
    let (database, log) = snapshot(&path);
    assert!(!log.is_empty());
    assert_eq!(ledger.figures().size_bytes, (database.len() + log.len()) as u64);
    let rows = seen_rows(&ledger);
    assert!(rows.len() > 10);
    drop(ledger);
    assert_eq!(seen_rows(&Ledger::open(&path, now()).unwrap()), rows, "and their number is that of the rows");
}

fn id(number: u8) -> RowId {
    RowId([number; 16])
}

fn sighting_of(number: u8, second: i64) -> Sighting {
    let verdicts = [Verdict::Counted, Verdict::Passed, Verdict::OutOfRange, Verdict::BeforeStart];
    sighting(second, verdicts[usize::from(number)], (0..u64::from(number)).map(|content| u64::MAX - content))
}

#[test]
fn a_row_is_known_until_its_date_is_forgotten() {
    let folder = folder();
    let ledger = Ledger::open(&folder.path().join("ledger.db"), now()).unwrap();
    let opened = load(&ledger);
    let commit = |change: fn(&mut Seen<'_>) -> Result<(), CommitError>| {
        let committed = ledger.commit_now(&opened.id, Arc::new(begin()), move |_, seen| change(seen));
        committed.expect("a commit");
    };
    commit(|seen| (0..4).try_for_each(|number| put(seen, id(number), sighting_of(number, number.into()))));
    commit(|seen| {
        let found = seen.sightings(&[0, 1, 2, 3, 9].map(id))?;
        assert_eq!(found, (0..4).map(|number| (id(number), sighting_of(number, number.into()))).collect());
        put(seen, id(1), sighting_of(3, 9))?;
        seen.forget_before(date(2))
    });
    assert_eq!(ledger.figures().keys, 3);
    commit(|seen| {
        assert_eq!(get(seen, id(0))?, None);
        assert_eq!(get(seen, id(1))?, Some(sighting_of(3, 9)), "looked at anew, it has a later date now");
        assert_eq!(get(seen, id(2))?, Some(sighting_of(2, 2)), "of that very date");
        Ok(())
    });
    drop(ledger);
    assert_eq!(Ledger::open(&folder.path().join("ledger.db"), now()).unwrap().figures().keys, 3, "the digests fit");
}

/// Notes that `rows` are missing between two seconds.
fn look(account: &mut Account, (ini, end): (i64, i64), rows: u64) {
    let place = CivilRange { ini: date(ini), end: date(end) };
    _ = account.gaps.shortfalls.look(place, place, rows);
}

#[test]
fn each_mark_and_each_gap_is_stored() {
    let account = begin();
    let later = |at: Timestamp| at + SignedDuration::from_secs(300);
    let start = account.marks.start;
    let changes: [fn(&mut Account, Timestamp); 28] = [
        |account, at| account.marks.start = at,
        |account, at| account.marks.complete_until = at,
        |account, at| account.marks.proven_until = at,
        |account, at| account.marks.nothing_hidden_until = at,
        |account, at| account.marks.windows_until = at,
        |account, at| account.marks.recent_from = at,
        |account, at| account.marks.floor = Some(at),
        |account, _| account.marks.floor = Some(Timestamp::UNIX_EPOCH),
        |account, _| account.marks.read_before = true,
        |account, _| account.marks.has_answered = true,
        |account, _| account.marks.kept_from = Some(date(7)),
        |account, at| account.marks.catch_up = CatchUp::Done(at),
        |account, _| account.marks.catch_up = CatchUp::Behind,
        |account, at| account.marks.copied_at = Some(at),
        |account, _| look(account, (0, 1), 1),
        |account, _| look(account, (0, 2), 1),
        |account, _| look(account, (1, 1), 1),
        |account, _| look(account, (0, 1), 2),
        |account, _| account.gaps.shortfalls.believe(CivilRange { ini: date(0), end: date(1) }, 1),
        |account, _| {
            look(account, (0, 1), 1);
            account.gaps.shortfalls.settle(date(9));
        },
        |account, _| _ = account.gaps.note_unreadable(date(0)),
        |account, _| _ = account.gaps.note_unreadable(date(1)),
        |account, at| account.marks.by_day_from = at,
        |account, at| account.days.count(date(0).date(), at, 0, Some(2.5)),
        |account, at| account.days.count(date(0).date(), at, 1, None),
        |account, _| account.days.could_not_count(CivilRange { ini: date(0), end: date(86_400) }, 1),
        |account, _| account.days.leave_out(date(0).date(), &"4173".into()),
        |account, at| account.days.unread.note(Stretch { from: Timestamp::UNIX_EPOCH, to: at }),
    ];
    let scope = Scope { operation: 1, account: 2 };
    for change in changes {
        let mut changed = account.clone();
        change(&mut changed, later(start));
        let mut store = Memory::default();
        for (old, new) in [(None, &account), (Some(&account), &changed)] {
            let mut change = Change::new(scope);
            change.edits = difference(scope, old, new);
            assert!(!change.edits.is_empty() && change.digest(&KEY) != 0);
            store.commit(&[&change], &KEY);
        }
        assert_eq!(crate::ledger::load(&mut store, scope, now()).unwrap().0, changed);
    }
}

#[test]
fn operations_don_t_mix() {
    let folder = folder();
    let ledger = Ledger::open(&folder.path().join("ledger.db"), now()).expect("a new ledger");
    let ventas = fill(&ledger, 4).pop().expect("commits");
    let other = ledger.account("soporte", ABANDONED, "Europe/Madrid", now(), begin).expect("room");
    assert_eq!(other.account, begin());
    let changed = ledger.commit_now(&other.id, Arc::new(other.account), |account, seen| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&0u32.to_le_bytes());
        assert_eq!(get(seen, RowId(id))?, None, "the identities of another operation");
        change(account, seen, 1)?;
        seen.forget_before(date(1_000_000))
    });
    let changed = Account::clone(&changed.expect("a commit").0);
    assert_eq!(load(&ledger).account, ventas);
    let zone_changed = ledger.account("soporte", ABANDONED, "America/Bogota", now(), begin).expect("it is there");
    assert_eq!(zone_changed.other_zone.as_deref(), Some("Europe/Madrid"));
    // Another report of the same operation has an account of its own.
    let answered = ledger.account("soporte", "answered", "America/Bogota", now(), begin).expect("room");
    assert_eq!((answered.account.marks, answered.other_zone), (begin().marks, None));
    drop(ledger);
    let again = Ledger::open(&folder.path().join("ledger.db"), now()).expect("its digests fit");
    let loaded = again.account("soporte", ABANDONED, "Europe/Madrid", now(), begin).expect("it is there");
    assert_eq!((loaded.account, loaded.other_zone), (changed, None));
}
