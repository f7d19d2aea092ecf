//! One call per token at a time: "the same token cannot be consumed simultaneously", says the API.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::outcome::Outcome;
use secrecy::SecretString;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::lane::{Lane, Stopped};
use crate::wolkvox::{CallsReport, Cause, Failure, Token};

/// The folder with the lock files, beside the ledger.
const FOLDER: &str = "wolkvox-exporter.turns";

/// A token or a lock file is a matter of microseconds.
const THREADS: usize = 4;

/// Where it has not come for so long, it hangs, and a call without a token is none.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// How often a turn that another process holds is asked for.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A call takes a minute at most, and a process that has gone holds no lock: whoever holds one for longer is stuck.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The token of one report, and the turn that each call with it needs.
#[derive(Debug)]
pub struct TokenInTurn<R> {
    api: Arc<R>,
    turns: Turns,
    /// What the last call was made with; `None` where there was no token to send.
    last: Option<Token>,
    /// A reading that hangs: another one would hang beside it.
    hanging: Option<JoinHandle<Result<Result<Token, Failure>, Stopped>>>,
}

impl<R: CallsReport> TokenInTurn<R> {
    pub fn new(api: Arc<R>, turns: Turns) -> Self {
        Self { api, turns, last: None, hanging: None }
    }

    pub fn api(&self) -> &R {
        &self.api
    }

    /// The token, and the right to use it until the turn is dropped.
    ///
    /// It is read once its turn has come. That is the turn of the token that was used last: where another one is read
    /// then, which begins to be used with this, that one's turn is waited for, and it is read again.
    pub async fn take(&mut self) -> Result<(Token, Turn), Failure> {
        loop {
            let turn = match &self.last {
                Some(token) => Some(self.turns.take(token).await?),
                None => None,
            };
            let token = self.read().await;
            let token = token.inspect_err(|_| self.last = None)?;
            let waited_for = self.last.replace(token.clone());
            if let (Some(turn), Some(waited_for)) = (turn, waited_for)
                && waited_for.fingerprint == token.fingerprint
            {
                return Ok((token, turn));
            }
        }
    }

    /// The token of the last call; `None` where there was none to send.
    pub fn last(&self) -> Option<&SecretString> {
        self.last.as_ref().map(|token| &token.secret)
    }

    /// Whether there is another token now than the one that the last call was made with.
    pub async fn has_changed(&mut self) -> bool {
        let fingerprint = |token: &Token| token.fingerprint;
        self.read().await.ok().as_ref().map(fingerprint) != self.last.as_ref().map(fingerprint)
    }

    async fn read(&mut self) -> Result<Token, Failure> {
        // One that has ended meanwhile has read what was there then.
        let mut reading = self.hanging.take().filter(|reading| !reading.is_finished()).unwrap_or_else(|| {
            let (api, threads) = (self.api.clone(), self.turns.threads.clone());
            tokio::spawn(async move { threads.run(move || api.token()).await })
        });
        match timeout(READ_WITHIN, &mut reading).await {
            Ok(Ok(Ok(read))) => read,
            Ok(Ok(Err(_)) | Err(_)) => {
                Err(Failure::new(Outcome::Unauthorized, format!("no token could be read: {Stopped}")))
            }
            Err(_) => {
                self.hanging = Some(reading);
                let message = format!(
                    "the token could not be read within {READ_WITHIN:?}: the disk or the network that its file is on hangs"
                );
                Err(Failure::new(Outcome::Connect, message).because(Cause::Machine))
            }
        }
    }
}

/// The queues before the tokens: within the process in the order in which calls come, and by a lock file for the other
/// processes of this machine.
#[derive(Debug, Clone)]
pub struct Turns {
    queues: Arc<Mutex<HashMap<u64, Arc<tokio::sync::Mutex<()>>>>>,
    files: Option<Arc<LockFiles>>,
    /// For tokens and lock files.
    threads: Lane,
}

impl Default for Turns {
    /// Without lock files.
    fn default() -> Self {
        Self { queues: Arc::default(), files: None, threads: Lane::of_waits(THREADS) }
    }
}

/// The right to use a token until this is dropped.
#[derive(Debug)]
pub struct Turn {
    _queue: OwnedMutexGuard<()>,
    _file: Option<File>,
}

impl Turns {
    /// With lock files beside the ledger at `ledger`. Where they can't be made, only this process takes turns. Blocks on
    /// the disk.
    pub fn beside(ledger: &Path) -> Self {
        let folder = ledger.parent().unwrap_or(Path::new("")).join(FOLDER);
        let files = LockFiles::open(folder.clone()).inspect_err(|error| {
            tracing::warn!(
                folder = %folder.display(), %error,
                "no lock files can be kept there; other programs of this machine are not kept from using a token at the \
                 same time"
            );
        });
        Self { files: files.ok().map(Arc::new), ..Self::default() }
    }

    /// With the lock files that an exporter whose ledger is at `ledger` has made, if one has. Makes no folder: whoever asks
    /// once leaves nothing behind that the exporter may not be allowed to use later. Blocks on the disk.
    ///
    /// # Errors
    /// Where there are lock files that can't be used: a call could then meet one of the exporter.
    pub fn joining(ledger: &Path) -> io::Result<Self> {
        let folder = ledger.parent().unwrap_or(Path::new("")).join(FOLDER);
        match LockFiles::join(folder) {
            Ok(files) => Ok(Self { files: Some(Arc::new(files)), ..Self::default() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Waits for the turn of whoever wants to use `token`.
    pub(super) async fn take(&self, token: &Token) -> Result<Turn, Failure> {
        let queue = {
            let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            // Tokens are rotated; those that nobody holds or waits for are forgotten.
            queues.retain(|_, queue| Arc::strong_count(queue) > 1);
            queues.entry(token.fingerprint).or_default().clone()
        };
        let queue = queue.lock_owned().await;
        let file = match &self.files {
            Some(files) => files.take(token, &self.threads).await?,
            None => None,
        };
        Ok(Turn { _queue: queue, _file: file })
    }
}

/// A folder with a file per token, named by a hash under a key that is in the folder too.
#[derive(Debug)]
struct LockFiles {
    folder: PathBuf,
    key: [u8; 16],
    /// User and group of the folder.
    owner: (u32, u32),
}

impl LockFiles {
    fn open(folder: PathBuf) -> io::Result<Self> {
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let place = folder.join("key");
        if !place.try_exists()? {
            let mut key = [0; 16];
            getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            file.write_all(&key)?;
            // Another process may have been faster, and its key is as good.
            match file.persist_noclobber(&place) {
                Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => return Err(error.error),
                _ => {}
            }
        }
        Self::join(folder)
    }

    /// Those of a folder that is there.
    fn join(folder: PathBuf) -> io::Result<Self> {
        let owner = fs::metadata(&folder)?;
        let key = fs::read(folder.join("key"))?.try_into().map_err(|_| io::Error::other("its key has not 16 bytes"))?;
        Ok(Self { folder, key, owner: (owner.uid(), owner.gid()) })
    }

    /// Waits until no other process has the token's turn. `None` where the file can't be had.
    async fn take(&self, token: &Token, threads: &Lane) -> Result<Option<File>, Failure> {
        let place = self.folder.join(format!("{}.lock", token.keyed_hash(&self.key)));
        let (user, group) = self.owner;
        let since = Instant::now();
        loop {
            let place = place.clone();
            let tried = threads.run(move || {
                let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&place);
                let file = file.map_err(TryLockError::Error)?;
                // One that root has made is to be the exporter's too; nobody else can give a file away.
                _ = fchown(&file, Some(user), Some(group));
                file.try_lock().map(|()| file)
            });
            match tried.await {
                Ok(Ok(file)) => return Ok(Some(file)),
                Ok(Err(TryLockError::WouldBlock)) if since.elapsed() < LONGEST_WAIT => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Ok(Err(TryLockError::WouldBlock)) => {
                    let message = format!("another program of this machine has held the token for {LONGEST_WAIT:?}");
                    return Err(Failure::new(Outcome::Busy, message));
                }
                Ok(Err(TryLockError::Error(error))) => {
                    tracing::warn!(folder = %self.folder.display(), %error, "a token is used without a lock file");
                    return Ok(None);
                }
                Err(_) => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use domain::identity::RowHasher;
    use domain::range::CivilRange;

    use super::*;
    use crate::wolkvox::Call;

    fn token(text: &str) -> Token {
        Token::new(text.into())
    }

    #[tokio::test]
    async fn one_token_is_used_once_at_a_time_and_in_order() {
        let turns = Turns::default();
        let first = turns.take(&token("1")).await.unwrap();
        let one = token("1");
        let mut second = Box::pin(turns.take(&one));
        let mut third = Box::pin(turns.take(&one));
        assert!(is_pending(&mut second).await && is_pending(&mut third).await);
        turns.take(&token("2")).await.unwrap();
        drop(first);
        let second = second.await.unwrap();
        assert!(is_pending(&mut third).await);
        drop(second);
        third.await.unwrap();
        turns.take(&token("3")).await.unwrap();
        assert_eq!(turns.queues.lock().unwrap().len(), 1, "forgets the tokens that nobody uses");
    }

    #[tokio::test]
    async fn another_process_takes_its_turn_too() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger.db");
        // Two processes are two sets of queues that share a folder.
        let (ours, theirs) = (Turns::beside(&ledger), Turns::beside(&ledger));
        let (one, other) = (token("hush"), token("other"));
        let held = theirs.take(&one).await.unwrap();
        let mut waiting = Box::pin(ours.take(&one));
        assert!(is_pending(&mut waiting).await);
        ours.take(&other).await.unwrap();
        drop(held);
        waiting.await.unwrap();
        for entry in fs::read_dir(folder.path().join(FOLDER)).unwrap() {
            assert!(!entry.unwrap().file_name().to_string_lossy().contains("hush"));
        }
    }

    #[tokio::test]
    async fn whoever_joins_takes_turns_with_those_who_are_there_and_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger.db");
        assert!(Turns::joining(&ledger).unwrap().files.is_none());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let (theirs, one) = (Turns::beside(&ledger), token("hush"));
        let held = theirs.take(&one).await.unwrap();
        let ours = Turns::joining(&ledger).unwrap();
        let mut waiting = Box::pin(ours.take(&one));
        assert!(is_pending(&mut waiting).await);
        drop(held);
        waiting.await.unwrap();
        fs::write(folder.path().join(FOLDER).join("key"), "short").unwrap();
        assert!(Turns::joining(&ledger).is_err());
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(Turns::joining(&file.join("ledger.db")).is_err());
    }

    #[tokio::test]
    async fn without_lock_files_the_process_itself_takes_turns() {
        let turns = Turns::beside(Path::new("/dev/null/ledger.db"));
        assert!(turns.files.is_none());
        turns.take(&token("1")).await.unwrap();
    }

    /// Reads a token that is there when the channel is closed, or has something in it.
    #[derive(Debug)]
    struct Hangs(Mutex<mpsc::Receiver<()>>, AtomicUsize);

    impl CallsReport for Hangs {
        fn token(&self) -> Result<Token, Failure> {
            self.1.fetch_add(1, Ordering::Relaxed);
            _ = self.0.lock().unwrap().recv();
            Ok(token("1"))
        }

        async fn fetch(&self, _: CivilRange, _: &Token, _: &RowHasher) -> Call {
            Call::not_made(Failure::new(Outcome::Connect, "never asked"))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_can_not_be_read_in_time_is_none_and_is_waited_for_once() {
        let (let_go, hold) = mpsc::channel();
        let api = Arc::new(Hangs(Mutex::new(hold), AtomicUsize::new(0)));
        let mut token = TokenInTurn::new(api.clone(), Turns::default());
        for tried in 1..=3 {
            let failing = async { token.take().await.map(|_| ()).unwrap_err() };
            let (failure, ()) = tokio::join!(failing, async {
                while api.1.load(Ordering::Relaxed) == 0 {
                    tokio::task::yield_now().await;
                }
                tokio::time::advance(READ_WITHIN).await;
            });
            assert_eq!((failure.outcome, failure.cause), (Outcome::Connect, Some(Cause::Machine)), "{tried}");
            assert!(failure.message.contains("10s"), "{failure}");
        }
        assert_eq!(api.1.load(Ordering::Relaxed), 1, "one thread hangs, however often it is tried");
        drop(let_go);
        token.take().await.unwrap();
        assert!(!token.has_changed().await);
    }

    async fn is_pending<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
        tokio::time::timeout(Duration::from_millis(300), future).await.is_err()
    }
}
