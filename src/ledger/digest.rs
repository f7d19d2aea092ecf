//! Checks that what is loaded is what was stored. SQLite finds a damaged page, not a flipped bit in a count or in an
//! identity, and either would make a counter wrong without a word.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use domain::account::{Account, CatchUp};
use domain::series::Counts;
use domain::shortfall::Shortfall;

use super::seen::SeenRow;
use super::store::{civil_seconds, nanoseconds};

/// A digest of all that the account of the operation `name` holds.
pub fn of_account(key: &[u8; 16], name: &str, zone: &str, account: &Account) -> i64 {
    let mut digest = Digest(SipHasher24::new_with_key(key));
    let marks = &account.marks;
    digest.text(name);
    digest.text(zone);
    digest.number(marks.start.as_second());
    digest.number(marks.complete_until.as_second());
    digest.number(marks.proven_until.as_second());
    digest.number(marks.nothing_hidden_until.as_second());
    digest.number(marks.windows_until.as_second());
    digest.number(marks.recent_from.as_second());
    digest.option(marks.floor.map(|at| at.as_second()));
    digest.number(i64::from(marks.read_before));
    digest.number(i64::from(marks.has_answered));
    digest.option(marks.kept_from.map(civil_seconds));
    match marks.catch_up {
        CatchUp::None => digest.number(0),
        CatchUp::Behind => digest.number(1),
        CatchUp::Done(at) => digest.number(nanoseconds(at)),
    }
    for (name, value) in account.totals.iter() {
        digest.text(&name);
        digest.number(value as i64);
    }
    for (skill_id, said) in &account.skills {
        digest.text(skill_id);
        digest.text(&said.name);
        digest.number(civil_seconds(said.as_of));
    }
    for (key, series) in &account.series {
        digest.text(&key.skill_id);
        digest.text(&key.type_interaction);
        digest.number(i64::from(series.number));
        digest.counts(Some(&series.counts));
        digest.counts(series.hold.as_ref().map(|hold| &hold.shown));
    }
    for (&(second, series), calls) in &account.recent {
        digest.number(second);
        digest.number(i64::from(series));
        digest.number(*calls as i64);
    }
    for (place, Shortfall { rows, polls, counted }) in account.gaps.shortfalls.iter() {
        digest.number(civil_seconds(place.ini));
        digest.number(civil_seconds(place.end));
        digest.number(rows as i64);
        digest.number(i64::from(polls));
        digest.number(counted as i64);
    }
    digest.number(account.gaps.unreadable.len() as i64);
    for second in &account.gaps.unreadable {
        digest.number(civil_seconds(*second));
    }
    digest.0.finish() as i64
}

/// A digest of one seen row. Those of all rows are combined by exclusive or, which adding and removing keeps up to date.
pub fn of_seen(key: &[u8; 16], row: &SeenRow) -> i64 {
    let mut digest = Digest(SipHasher24::new_with_key(key));
    digest.0.write(&row.id);
    digest.number(row.date);
    digest.number(row.verdict);
    digest.number(row.contents.len() as i64);
    digest.0.write(&row.contents);
    digest.0.finish() as i64
}

struct Digest(SipHasher24);

impl Digest {
    fn number(&mut self, number: i64) {
        self.0.write(&number.to_le_bytes());
    }

    fn option(&mut self, number: Option<i64>) {
        self.number(i64::from(number.is_some()));
        self.number(number.unwrap_or(0));
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as i64);
        self.0.write(text.as_bytes());
    }

    fn counts(&mut self, counts: Option<&Counts>) {
        self.option(counts.map(|counts| counts.calls as i64));
        let Some(counts) = counts else { return };
        self.number(counts.times.sum().to_bits() as i64);
        self.number(counts.times.cells().len() as i64);
        for &(upper, count) in counts.times.cells() {
            self.number(i64::from(upper));
            self.number(count as i64);
        }
    }
}
