use std::time::Duration;

/// What a client can take of the server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; above it those that wait make room. See [`Limits::within`].
    pub connections: usize,
    /// A request's head, from its first byte (the first one: from the connection) to its last. A head is one packet;
    /// this is for lossy lines, and short enough that silent clients can't hold all places for long.
    pub head_time: Duration,
    /// Between an answer and the next request. Longer than the scrape intervals in use, which are up to a minute, so
    /// that a scrape finds its connection open.
    pub idle_time: Duration,
    /// Finding the answer. It takes milliseconds; where it does not, the client hears so before its own time-out, which
    /// for a scrape is 10 s by default.
    pub handle_time: Duration,
    /// The same of a reload. It waits for calls that are under way, up to ten seconds, and for reloads that were asked for
    /// before; where it takes longer, it goes on without its client.
    pub reload_time: Duration,
    /// From the moment that an answer first waits for the client to its end. A scrape takes a minute at most.
    pub answer_time: Duration,
    /// Bytes in a request's head, of which Prometheus needs about 500. Above it the answer is 431.
    pub head_bytes: usize,
    /// Header lines in a request's head. Above it the answer is 431.
    pub head_lines: usize,
    /// From the shutdown to the cutting of what is still open. Half of the 10 s in which the process must have ended,
    /// for the poller and the ledger stop in the same time.
    pub shutdown_time: Duration,
    /// After a failure to accept that concerns the process (no more open files), so as not to spin until it passes.
    pub accept_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: MOST_CONNECTIONS,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(120),
            handle_time: Duration::from_secs(9),
            reload_time: Duration::from_secs(30),
            answer_time: Duration::from_secs(60),
            head_bytes: 16 * 1024,
            head_lines: 64,
            shutdown_time: Duration::from_secs(5),
            accept_pause: Duration::from_millis(100),
        }
    }
}

/// Several Prometheus servers, probes and readers of the page are a few dozen; at some 30 kB each this many are 15 MB, and
/// half of the usual 1,024 open files.
const MOST_CONNECTIONS: usize = 512;

/// As many are served where there may be fewer files than everything else needs: without any there is no metric to say so.
const FEWEST_CONNECTIONS: usize = 8;

/// Descriptors of the process itself: the runtime, the log, listeners, the ledger with its side files, the clocks' names.
const FILES: u64 = 40;

/// Of an operation whose call is under way: its connection, a question for the server's name, the token and its lock file.
const FILES_PER_OPERATION: u64 = 4;

impl Limits {
    /// What leaves the ledger, the tokens and the calls of `operations` their descriptors, where the process may have
    /// `open_files`.
    pub fn within(open_files: u64, operations: usize) -> Self {
        let others = FILES.saturating_add(FILES_PER_OPERATION.saturating_mul(operations as u64));
        let left = open_files.saturating_sub(others).saturating_sub(LEAVING as u64);
        let connections = usize::try_from(left).map_or(MOST_CONNECTIONS, |left| left.min(MOST_CONNECTIONS));
        if connections < FEWEST_CONNECTIONS {
            tracing::warn!(
                open_files,
                needed = others.saturating_add((LEAVING + FEWEST_CONNECTIONS) as u64),
                "this process may open too few files (ulimit -n, LimitNOFILE): calls or the ledger may fail for the want of one"
            );
        }
        Self { connections: connections.max(FEWEST_CONNECTIONS), ..Self::default() }
    }
}

/// Connections that have made room and whose tasks have not ended yet, which takes them no longer than a moment.
pub(super) const LEAVING: usize = 16;
