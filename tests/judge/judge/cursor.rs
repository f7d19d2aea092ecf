use std::collections::BTreeMap;

use jiff::Timestamp;

/// What is claimed, and what proves it. Instants in seconds, stretches half-open.
#[derive(Default)]
pub struct Cursor {
    /// Nothing dated before is counted.
    pub start: Option<Timestamp>,
    /// A read was committed.
    pub read_before: bool,
    /// Windows have been completed up to here; and perhaps to there, where one answer may have completed windows that were
    /// taken back at once.
    pub windows_until: i64,
    pub windows_until_at_most: i64,
    /// What whole answers covered that were made after it.
    proven: Stretches,
    /// And those of them that are known to have been used.
    used: Stretches,
    /// What was given up.
    pub given_up: Stretches,
    /// Nothing before is asked for again.
    pub floor: Option<Timestamp>,
    /// Whole counts of single windows are known from here on.
    pub known_from: i64,
    /// And perhaps from here on only: windows have another length now, or it is not known which was the last.
    pub known_for_certain_from: i64,
    /// A claim that no clock could refute when it was made.
    pub may_be_ahead: bool,
    /// When a call that was shown before had its read: one of the whole range, or the last of a range read in parts.
    pub last_whole_read: Option<Timestamp>,
}

impl Cursor {
    /// What is known of the start of a ledger that has read nothing.
    pub fn begins_at(&mut self, start: Timestamp) {
        self.start = Some(start);
        self.known_from = start.as_second();
        self.completed_windows(start.as_second(), start.as_second());
    }

    pub fn start(&self) -> Timestamp {
        self.start.expect("the first scrape has told")
    }

    /// A whole answer covered a stretch, and `was_used` for certain or may have been.
    pub fn prove(&mut self, from: Timestamp, to: Timestamp, was_used: bool) {
        self.proven.add(from.as_second(), to.as_second());
        if was_used {
            self.used.add(from.as_second(), to.as_second());
        }
    }

    /// Up to `to`, and perhaps to `most`: up to there no window is completed any more.
    pub fn give_up(&mut self, from: Timestamp, to: Timestamp, most: Timestamp) {
        self.given_up.add(from.as_second(), most.as_second());
        self.floor = Some(to);
        let until = |from: i64, end: Timestamp| from.max(end.as_second());
        self.completed_windows(until(self.windows_until, to), until(self.windows_until_at_most, most));
        self.known_from = until(self.known_from, to);
    }

    /// Windows have another length from now on: of those that begin earlier, only a part may be kept.
    pub fn windows_change(&mut self) {
        self.known_for_certain_from = self.windows_until_at_most;
    }

    /// What is dated before `from` is not kept any more, or perhaps what is before `at_most`.
    pub fn forgets_before(&mut self, from: i64, at_most: i64) {
        self.known_from = self.known_from.max(from);
        self.known_for_certain_from = self.known_for_certain_from.max(at_most);
    }

    /// Windows are completed up to `until`, or up to `at_most`.
    pub fn completed_windows(&mut self, until: i64, at_most: i64) {
        (self.windows_until, self.windows_until_at_most) = (until, at_most);
    }

    /// The seconds of [`from`, `to`) that are neither proven nor given up.
    pub fn unproven(&self, from: Timestamp, to: Timestamp) -> i64 {
        let mut all = self.proven.clone();
        for (&from, &to) in &self.given_up.0 {
            all.add(from, to);
        }
        all.lacks(from.as_second(), to.as_second())
    }

    /// The seconds of [`from`, `to`) that no answer has proven, the least and the most.
    pub fn never_read(&self, from: Timestamp, to: Timestamp) -> [u64; 2] {
        [&self.proven, &self.used].map(|read| read.lacks(from.as_second(), to.as_second()) as u64)
    }
}

/// Disjoint stretches, by their begin.
#[derive(Default, Clone)]
pub struct Stretches(BTreeMap<i64, i64>);

impl Stretches {
    fn add(&mut self, mut from: i64, mut to: i64) {
        if from >= to {
            return;
        }
        while let Some((&begin, &end)) = self.0.range(..=to).next_back()
            && end >= from
        {
            self.0.remove(&begin);
            (from, to) = (from.min(begin), to.max(end));
        }
        self.0.insert(from, to);
    }

    pub fn contain(&self, at: Timestamp) -> bool {
        self.0.range(..=at.as_second()).next_back().is_some_and(|(_, &end)| at.as_second() < end)
    }

    fn lacks(&self, from: i64, to: i64) -> i64 {
        let covered: i64 = self.0.iter().map(|(&begin, &end)| (end.min(to) - begin.max(from)).max(0)).sum();
        (to - from).max(0) - covered
    }
}
