//! The tables. All integers but the sums; instants are UTC epoch seconds (with nanoseconds where a clock gave them),
//! local dates are counted in seconds as if they were UTC.

/// Marks a SQLite file as a ledger of this program: "wolk".
pub const APPLICATION_ID: i32 = 0x776f_6c6b;

/// How a file of SQLite begins.
pub const SQLITE: &[u8] = b"SQLite format 3\0";
/// The bytes of a file up to the end of its application id, which is where SQLite's format has it.
pub const HEAD: usize = 72;

/// Grows with every change of the tables. A ledger with a higher one was written by a newer version and is refused.
pub const VERSION: i32 = 1;

/// `STRICT`, so that a damaged value is an error and not a surprise.
pub const CREATE: &str = "
CREATE TABLE meta (
    hash_key            BLOB NOT NULL
) STRICT;

CREATE TABLE operation (
    id                  INTEGER PRIMARY KEY,
    name                TEXT NOT NULL UNIQUE,
    zone                TEXT NOT NULL,
    start               INTEGER NOT NULL,
    complete_until      INTEGER NOT NULL,
    proven_until        INTEGER NOT NULL,
    nothing_hidden_until INTEGER NOT NULL,
    windows_until       INTEGER NOT NULL,
    recent_from         INTEGER NOT NULL,
    floor               INTEGER,
    read_before         INTEGER NOT NULL,
    has_answered        INTEGER NOT NULL,
    kept_from           INTEGER,
    catch_up            INTEGER NOT NULL,
    caught_up_at        INTEGER,
    account_digest      INTEGER NOT NULL,
    seen_digest         INTEGER NOT NULL,
    seen_count          INTEGER NOT NULL
) STRICT;

CREATE TABLE total (
    operation           INTEGER NOT NULL,
    name                TEXT NOT NULL,
    value               INTEGER NOT NULL,
    PRIMARY KEY (operation, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE skill (
    operation           INTEGER NOT NULL,
    skill_id            TEXT NOT NULL,
    name                TEXT NOT NULL,
    as_of               INTEGER NOT NULL,
    PRIMARY KEY (operation, skill_id)
) STRICT, WITHOUT ROWID;

-- `held_calls` and `held_sum` are NULL unless the series shows a starting value.
CREATE TABLE series (
    operation           INTEGER NOT NULL,
    number              INTEGER NOT NULL,
    skill_id            TEXT NOT NULL,
    type_interaction    TEXT NOT NULL,
    calls               INTEGER NOT NULL,
    sum                 REAL NOT NULL,
    held_calls          INTEGER,
    held_sum            REAL,
    PRIMARY KEY (operation, number)
) STRICT, WITHOUT ROWID;

-- The distribution of a series (held = 0), and the one that it shows meanwhile (held = 1).
CREATE TABLE cell (
    operation           INTEGER NOT NULL,
    series              INTEGER NOT NULL,
    held                INTEGER NOT NULL,
    upper               INTEGER NOT NULL,
    count               INTEGER NOT NULL,
    PRIMARY KEY (operation, series, held, upper)
) STRICT, WITHOUT ROWID;

CREATE TABLE recent (
    operation           INTEGER NOT NULL,
    second              INTEGER NOT NULL,
    series              INTEGER NOT NULL,
    calls               INTEGER NOT NULL,
    PRIMARY KEY (operation, second, series)
) STRICT, WITHOUT ROWID;

-- Where answers announce rows that they don't deliver, and the seconds that can't be read.
CREATE TABLE shortfall (
    operation           INTEGER NOT NULL,
    ini                 INTEGER NOT NULL,
    until               INTEGER NOT NULL,
    rows                INTEGER NOT NULL,
    polls               INTEGER NOT NULL,
    counted             INTEGER NOT NULL,
    PRIMARY KEY (operation, ini, until)
) STRICT, WITHOUT ROWID;

CREATE TABLE unreadable (
    operation           INTEGER NOT NULL,
    second              INTEGER NOT NULL,
    PRIMARY KEY (operation, second)
) STRICT, WITHOUT ROWID;

-- No index by date: rows are forgotten once an hour, and a second index would double the cost of each row.
CREATE TABLE seen (
    operation           INTEGER NOT NULL,
    id                  BLOB NOT NULL,
    date                INTEGER NOT NULL,
    verdict             INTEGER NOT NULL,
    contents            BLOB NOT NULL,
    PRIMARY KEY (operation, id)
) STRICT, WITHOUT ROWID;
";
