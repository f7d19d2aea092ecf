//! The tables. All integers but the sums; instants are UTC epoch seconds (with nanoseconds where a clock gave them),
//! local dates are counted in seconds as if they were UTC. A row says whose it is first: its operation's or account's id.

/// Marks a SQLite file as a ledger of this program: "wolk".
pub const APPLICATION_ID: i32 = 0x776f_6c6b;
/// Marks a copy of a ledger that no exporter has run on yet: "wolc".
pub const COPY_ID: i32 = 0x776f_6c63;
/// Where SQLite's format has it.
pub const APPLICATION_ID_AT: u64 = 68;

/// How a file of SQLite begins.
pub const SQLITE: &[u8] = b"SQLite format 3\0";
/// The bytes of a file up to the end of its application id.
pub const HEAD: usize = 72;

/// Grows with every change that an older version would get wrong. A ledger with a higher one was written by a newer version
/// and is refused; one with a lower one is taken over: the tables that it lacks are made, and are empty.
pub const VERSION: i32 = 4;
/// That of the first release.
pub const OLDEST: i32 = 2;

/// `STRICT`, so that a damaged value is an error and not a surprise. Keys and columns are as `row::Table` has them.
pub const CREATE: &str = "
CREATE TABLE IF NOT EXISTS meta (
    hash_key            BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS operation (
    operation           INTEGER PRIMARY KEY,
    name                TEXT NOT NULL UNIQUE
) STRICT;
-- What all rows of an operation amount to.
CREATE TABLE IF NOT EXISTS digest (
    operation           INTEGER PRIMARY KEY,
    digest              INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS skill (
    operation           INTEGER NOT NULL,
    skill_id            TEXT NOT NULL,
    name                TEXT NOT NULL,
    as_of               INTEGER NOT NULL,
    PRIMARY KEY (operation, skill_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS label_set (
    operation           INTEGER NOT NULL,
    number              INTEGER NOT NULL,
    skill_id            TEXT NOT NULL,
    type_interaction    TEXT NOT NULL,
    PRIMARY KEY (operation, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account (
    account             INTEGER PRIMARY KEY,
    of_operation        INTEGER NOT NULL,
    report              TEXT NOT NULL,
    zone                TEXT NOT NULL,
    UNIQUE (of_operation, report)
) STRICT;
-- The cursor and the others, by name; one that is not there is not set.
CREATE TABLE IF NOT EXISTS mark (
    account             INTEGER NOT NULL,
    name                TEXT NOT NULL,
    value               INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
-- By name; one that is not there is 0.
CREATE TABLE IF NOT EXISTS total (
    account             INTEGER NOT NULL,
    name                TEXT NOT NULL,
    value               INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
-- Of the label set of that number. `held_calls` and `held_sum` are NULL unless the series shows a starting value.
CREATE TABLE IF NOT EXISTS series (
    account             INTEGER NOT NULL,
    number              INTEGER NOT NULL,
    calls               INTEGER NOT NULL,
    sum                 REAL NOT NULL,
    held_calls          INTEGER,
    held_sum            REAL,
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;
-- The distribution of a series (held = 0), and the one that it shows meanwhile (held = 1).
CREATE TABLE IF NOT EXISTS cell (
    account             INTEGER NOT NULL,
    series              INTEGER NOT NULL,
    held                INTEGER NOT NULL,
    upper               INTEGER NOT NULL,
    count               INTEGER NOT NULL,
    PRIMARY KEY (account, series, held, upper)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recent (
    account             INTEGER NOT NULL,
    second              INTEGER NOT NULL,
    series              INTEGER NOT NULL,
    calls               INTEGER NOT NULL,
    PRIMARY KEY (account, second, series)
) STRICT, WITHOUT ROWID;
-- Where answers announce rows that they don't deliver, and the seconds that can't be read.
CREATE TABLE IF NOT EXISTS shortfall (
    account             INTEGER NOT NULL,
    ini                 INTEGER NOT NULL,
    until               INTEGER NOT NULL,
    rows                INTEGER NOT NULL,
    polls               INTEGER NOT NULL,
    counted             INTEGER NOT NULL,
    PRIMARY KEY (account, ini, until)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unreadable (
    account             INTEGER NOT NULL,
    second              INTEGER NOT NULL,
    PRIMARY KEY (account, second)
) STRICT, WITHOUT ROWID;
-- What a series counted of a local day: of its calls, those that have a time and the sum of these.
CREATE TABLE IF NOT EXISTS day (
    account             INTEGER NOT NULL,
    date                INTEGER NOT NULL,
    series              INTEGER NOT NULL,
    calls               INTEGER NOT NULL,
    timed               INTEGER NOT NULL,
    seconds             REAL NOT NULL,
    PRIMARY KEY (account, date, series)
) STRICT, WITHOUT ROWID;
-- What a local day lacks, by name: rows that could not be counted, skills that were left out.
CREATE TABLE IF NOT EXISTS day_note (
    account             INTEGER NOT NULL,
    date                INTEGER NOT NULL,
    name                TEXT NOT NULL,
    value               INTEGER NOT NULL,
    PRIMARY KEY (account, date, name)
) STRICT, WITHOUT ROWID;
-- The calls of a quarter of an hour, by its first second.
CREATE TABLE IF NOT EXISTS quarter (
    account             INTEGER NOT NULL,
    second              INTEGER NOT NULL,
    calls               INTEGER NOT NULL,
    PRIMARY KEY (account, second)
) STRICT, WITHOUT ROWID;
-- What was never read and never will be, from second to second.
CREATE TABLE IF NOT EXISTS unread (
    account             INTEGER NOT NULL,
    second              INTEGER NOT NULL,
    until               INTEGER NOT NULL,
    PRIMARY KEY (account, second)
) STRICT, WITHOUT ROWID;
-- Of the comparisons with the vendor's totals: by name. One that is not there is 0, or not set.
CREATE TABLE IF NOT EXISTS reconciliation (
    operation           INTEGER NOT NULL,
    name                TEXT NOT NULL,
    value               INTEGER NOT NULL,
    PRIMARY KEY (operation, name)
) STRICT, WITHOUT ROWID;
-- The day that was compared last: the vendor's calls of a skill less ours in each reading, or why it was not compared.
CREATE TABLE IF NOT EXISTS reconciled (
    operation           INTEGER NOT NULL,
    report              TEXT NOT NULL,
    skill_id            TEXT NOT NULL,
    name                TEXT NOT NULL,
    not_compared        TEXT,
    all_types           INTEGER,
    voice               INTEGER,
    inbound_only        INTEGER,
    PRIMARY KEY (operation, report, skill_id)
) STRICT, WITHOUT ROWID;
-- With which readings a local day agreed: 1 or 0.
CREATE TABLE IF NOT EXISTS agreed (
    operation           INTEGER NOT NULL,
    report              TEXT NOT NULL,
    date                INTEGER NOT NULL,
    all_types           INTEGER NOT NULL,
    voice               INTEGER NOT NULL,
    inbound_only        INTEGER NOT NULL,
    PRIMARY KEY (operation, report, date)
) STRICT, WITHOUT ROWID;
-- No index by date: rows are forgotten once an hour, and a second index would double the cost of each row.
CREATE TABLE IF NOT EXISTS seen (
    account             INTEGER NOT NULL,
    id                  BLOB NOT NULL,
    date                INTEGER NOT NULL,
    verdict             INTEGER NOT NULL,
    contents            BLOB NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
";
