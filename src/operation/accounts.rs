use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::account::Account;
use domain::identity::RowHasher;
use tokio::sync::{OwnedMutexGuard, oneshot, watch};
use tokio::time::Instant;

use crate::ledger::{AccountId, CommitError, Committed, Ledger, Seen};

/// Reports that are read at the same time are shown together where the last of them has been read this soon after the first.
const TOGETHER_WITHIN: Duration = Duration::from_secs(15);

/// The accounts of an operation's reports, in their order: what the ledger holds, and what of it is shown.
///
/// One change at a time, whichever report makes it: label sets and names of skills are the operation's, and a report that
/// has found a new one gives it to the others in the same transaction.
#[derive(Debug)]
pub(super) struct Accounts {
    ledger: Arc<Ledger>,
    stored: watch::Sender<Books>,
    /// Goes with each change until it is stored, whoever waits for it.
    committing: Arc<tokio::sync::Mutex<()>>,
    display: Mutex<Display>,
    /// The polls that go on.
    polls: watch::Sender<Vec<Poll>>,
}

/// One for each report of an operation, in the order in which they are asked for.
pub(super) type Books = Arc<[Book]>;

/// An account, and where the ledger has it.
#[derive(Debug, Clone)]
pub(super) struct Book {
    pub id: AccountId,
    pub account: Arc<Account>,
}

/// What scrapes and the page are shown.
#[derive(Debug)]
struct Display {
    books: Books,
    /// How long it has been behind what is stored.
    behind_since: Option<Instant>,
}

/// A poll of the report at `place`.
#[derive(Debug)]
struct Poll {
    place: usize,
    has_asked: bool,
}

impl Accounts {
    pub fn new(ledger: Arc<Ledger>, opened: Vec<(AccountId, Account)>) -> Self {
        let book = |(id, account)| Book { id, account: Arc::new(account) };
        let books: Books = opened.into_iter().map(book).collect();
        let display = Mutex::new(Display { books: books.clone(), behind_since: None });
        let (stored, polls) = (watch::Sender::new(books), watch::Sender::default());
        Self { ledger, stored, committing: Arc::default(), display, polls }
    }

    /// As they were last stored.
    pub fn stored(&self) -> Books {
        self.stored.borrow().clone()
    }

    /// That of the report at `place`, as it was last stored.
    pub fn book(&self, place: usize) -> Book {
        self.stored.borrow()[place].clone()
    }

    /// Follows what is stored.
    pub fn follow(&self) -> watch::Receiver<Books> {
        self.stored.subscribe()
    }

    /// What is to be shown now: all accounts as of one moment.
    pub fn shown(&self) -> Books {
        let mut display = self.display();
        if display.behind_since.is_some_and(|since| since.elapsed() >= TOGETHER_WITHIN) {
            display.show(self.stored());
        }
        display.books.clone()
    }

    /// The report at `place` is being polled, until this is dropped.
    pub fn polls(self: &Arc<Self>, place: usize) -> Polling {
        self.polls.send_modify(|polls| polls.push(Poll { place, has_asked: false }));
        Polling { accounts: self.clone(), place }
    }

    pub fn hasher(&self) -> RowHasher {
        self.ledger.hasher()
    }

    /// Waits until no other change is on its way.
    pub async fn turn(&self) -> OwnedMutexGuard<()> {
        self.committing.clone().lock_owned().await
    }

    /// Runs `change` on a copy of the account at `place`, stores what came of it and shows it. `done` is told, on the
    /// ledger's thread. Only who has the [turn](Self::turn) may.
    pub fn commit<T: Send + 'static>(
        self: &Arc<Self>,
        place: usize,
        change: impl FnOnce(&mut Account, &mut Seen<'_>) -> Result<T, CommitError> + Send + 'static,
        done: impl FnOnce(Result<T, CommitError>) + Send + 'static,
    ) {
        let old = self.stored();
        let Book { id, account } = old[place].clone();
        let others = old.iter().enumerate().filter(|(other, _)| *other != place);
        let siblings = others.map(|(_, Book { id, account })| (id.clone(), account.clone())).collect();
        let (accounts, now) = (self.clone(), Instant::now());
        self.ledger.commit(&id, account, siblings, change, move |committed| {
            let stored = committed.map(|Committed { account, siblings, outcome }| {
                let mut books = old.to_vec();
                books[place].account = account;
                let others = books.iter_mut().enumerate().filter(|(other, _)| *other != place);
                others.zip(siblings).for_each(|((_, book), sibling)| book.account = sibling);
                accounts.store(place, books.into(), now);
                outcome
            });
            // First: whoever is told may be the last to hold the ledger, and close it.
            drop(accounts);
            done(stored);
        });
    }

    /// As [`Accounts::commit`], before anybody else has them. Blocks.
    pub fn commit_now<T: Send + 'static>(
        &self,
        place: usize,
        change: impl FnOnce(&mut Account, &mut Seen<'_>) -> Result<T, CommitError> + Send + 'static,
    ) -> Result<T, CommitError> {
        let mut books = self.stored().to_vec();
        let book = &mut books[place];
        let (account, outcome) = self.ledger.commit_now(&book.id, book.account.clone(), change)?;
        book.account = account;
        self.store(place, books.into(), Instant::now());
        Ok(outcome)
    }

    /// Where a commit's `done` has told.
    pub async fn told<T: Send + 'static>(
        &self,
        told: oneshot::Receiver<Result<T, CommitError>>,
    ) -> Result<T, CommitError> {
        self.ledger.told(told).await
    }

    /// `now`: when the change began, by the clock of whoever made it.
    fn store(&self, place: usize, books: Books, now: Instant) {
        self.stored.send_replace(books.clone());
        let mut display = self.display();
        let another_is_polled = self.polls.borrow().iter().any(|poll| poll.place != place);
        // What waits to be shown with what this report reads waits until its poll has ended.
        if another_is_polled || display.behind_since.is_some() {
            display.behind_since.get_or_insert(now);
        } else {
            display.show(books);
        }
    }

    fn display(&self) -> MutexGuard<'_, Display> {
        self.display.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Display {
    fn show(&mut self, books: Books) {
        self.books = books;
        self.behind_since = None;
    }
}

/// A poll of a report that goes on.
#[derive(Debug)]
pub struct Polling {
    accounts: Arc<Accounts>,
    place: usize,
}

impl Polling {
    /// Waits until the reports that come before this one, and are being polled, have begun to ask.
    pub async fn is_next(&self) {
        let mut polls = self.accounts.polls.subscribe();
        let asked = polls.wait_for(|polls| polls.iter().all(|poll| poll.place >= self.place || poll.has_asked));
        // One that can't ask for so long is waited for no longer.
        _ = tokio::time::timeout(TOGETHER_WITHIN, asked).await;
    }

    /// Notes that it has its turn.
    pub fn asks(&self) {
        self.accounts.polls.send_modify(|polls| {
            polls.iter_mut().filter(|poll| poll.place == self.place).for_each(|poll| poll.has_asked = true);
        });
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.accounts.polls.send_modify(|polls| polls.retain(|poll| poll.place != self.place));
        let mut display = self.accounts.display();
        if self.accounts.polls.borrow().is_empty() {
            display.show(self.accounts.stored());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::outcome::Outcome;
    use domain::report::{ABANDONED, ANSWERED};
    use domain::series::SeriesKey;
    use domain::totals::Total;
    use domain::window::Windows;
    use jiff::Timestamp;
    use std::sync::mpsc;

    fn now() -> Timestamp {
        "2026-01-18T10:00:00Z".parse().unwrap()
    }

    /// Those of two reports, in a new ledger.
    fn accounts() -> (tempfile::TempDir, Arc<Accounts>) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Ledger::open(&folder.path().join("ledger.db"), now()).unwrap());
        let windows = Windows::new(Duration::from_secs(300), Duration::from_secs(60));
        let open = |name| {
            let opened = ledger.account("ventas", name, "UTC", now(), || Account::new(&windows, now())).unwrap();
            (opened.id, opened.account)
        };
        let opened = [ABANDONED.name, ANSWERED.name].map(open);
        (folder, Arc::new(Accounts::new(ledger, opened.into())))
    }

    fn change(
        accounts: &Arc<Accounts>,
        place: usize,
        change: impl FnOnce(&mut Account) -> Result<(), CommitError> + Send + 'static,
    ) -> Result<(), CommitError> {
        let (tell, told) = mpsc::channel();
        accounts.commit(place, move |account, _| change(account), move |stored| tell.send(stored).unwrap());
        told.recv().unwrap()
    }

    fn poll(accounts: &Arc<Accounts>, place: usize) {
        let counted = change(accounts, place, |account| {
            account.totals.add(Total::Polls(Outcome::Ok), 1);
            Ok(())
        });
        counted.unwrap();
    }

    fn polls(books: &Books) -> [u64; 2] {
        [0, 1].map(|place| books[place].account.totals.get(Total::Polls(Outcome::Ok)))
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_has_read_is_shown_when_no_other_is_polled_any_more() {
        let (_folder, accounts) = accounts();
        poll(&accounts, 0);
        assert_eq!(polls(&accounts.shown()), [1, 0], "nobody to wait for");
        let (abandoned, answered) = (accounts.polls(0), accounts.polls(1));
        poll(&accounts, 0);
        assert_eq!((polls(&accounts.stored()), polls(&accounts.shown())), ([2, 0], [1, 0]));
        drop(abandoned);
        assert_eq!(polls(&accounts.shown()), [1, 0]);
        poll(&accounts, 1);
        assert_eq!(polls(&accounts.shown()), [1, 0], "it may have been a call that is tried again");
        drop(answered);
        assert_eq!(polls(&accounts.shown()), [2, 1], "the last one of them");
        // Alone, each call is shown as it comes.
        let answered = accounts.polls(1);
        poll(&accounts, 1);
        assert_eq!(polls(&accounts.shown()), [2, 2]);
        drop(answered);
        // One that brings nothing ends the wait too.
        let (abandoned, answered) = (accounts.polls(0), accounts.polls(1));
        poll(&accounts, 1);
        drop(answered);
        assert_eq!(polls(&accounts.shown()), [2, 2]);
        drop(abandoned);
        assert_eq!(polls(&accounts.shown()), [2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_takes_long_holds_nothing_back_for_longer() {
        let (_folder, accounts) = accounts();
        let _answered = accounts.polls(1);
        poll(&accounts, 0);
        tokio::time::advance(TOGETHER_WITHIN - Duration::from_secs(1)).await;
        poll(&accounts, 0);
        assert_eq!(polls(&accounts.shown()), [0, 0]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(polls(&accounts.shown()), [2, 0], "since the first of them");
        poll(&accounts, 0);
        assert_eq!(polls(&accounts.shown()), [2, 0], "the wait begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn one_asks_after_those_before_it_and_waits_for_none_for_long() {
        let (_folder, accounts) = accounts();
        let (abandoned, answered) = (accounts.polls(0), accounts.polls(1));
        let since = Instant::now();
        abandoned.is_next().await;
        assert_eq!(since.elapsed(), Duration::ZERO);
        let asked = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            abandoned.asks();
        };
        tokio::join!(answered.is_next(), asked);
        assert_eq!(since.elapsed(), Duration::from_secs(3));
        drop(abandoned);
        answered.is_next().await;
        let _abandoned = accounts.polls(0);
        answered.is_next().await;
        assert_eq!(since.elapsed(), Duration::from_secs(3) + TOGETHER_WITHIN);
    }

    #[test]
    fn a_label_set_is_every_accounts_in_the_same_commit() {
        let (_folder, accounts) = accounts();
        let key = SeriesKey { skill_id: "4173".into(), type_interaction: "inbound".into() };
        let new = key.clone();
        let found = change(&accounts, 1, move |account| {
            account.add_label_sets([(7, new)], now());
            Ok(())
        });
        found.unwrap();
        let books = accounts.stored();
        assert_eq!([0, 1].map(|place| books[place].account.series.get(&key).map(|series| series.number)), [Some(7); 2]);
    }

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let (_folder, accounts) = accounts();
        let failed = change(&accounts, 0, |account| {
            account.totals.add(Total::Polls(Outcome::Ok), 1);
            Err(CommitError::broken())
        });
        assert!(failed.is_err());
        assert_eq!((polls(&accounts.stored()), polls(&accounts.shown())), ([0, 0], [0, 0]));
    }
}
