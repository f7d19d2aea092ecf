use alloc::collections::BTreeMap;

use jiff::civil::DateTime;

use crate::range::Stretch;
use crate::shortfall::POLLS_TO_BELIEVE;

/// What the polls of one report have come upon and not proved yet. Kept in memory from one poll to the next; without it
/// a search takes longer, and nothing is lost.
#[derive(Debug, Clone, Default)]
pub struct Doubts {
    /// The smallest part that was known to lack rows, or not to be readable, when the calls were used up.
    pub(super) suspect: Option<Suspect>,
    pub(super) unexplained: Option<Unexplained>,
    /// Seconds that could not be read, and in how many polls.
    pub(super) unreadable: BTreeMap<DateTime, u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suspect {
    pub part: Stretch,
    /// The rows that it lacks beyond what is known.
    pub rows: u64,
}

/// What first answers lacked beyond what is known by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unexplained {
    pub rows: u64,
    /// Polls in a row that saw just as many, though the search got no closer.
    pub polls: u32,
    /// Where the search had come when the last of them began.
    pub searched: Option<Stretch>,
}

impl Doubts {
    /// So many of the rows that nothing explained have found their place, which is no hint where the others are.
    pub(super) fn explain(&mut self, place: Stretch, found: u64) {
        if let Some(unexplained) = &mut self.unexplained {
            unexplained.rows = unexplained.rows.saturating_sub(found);
        }
        if let Some(Suspect { part, rows }) = &mut self.suspect
            && part.covers(place)
        {
            *rows = rows.saturating_sub(found);
        }
        self.suspect = self.suspect.filter(|suspect| found == 0 || suspect.rows > 0);
    }

    /// Whether a first answer lacks `rows` that nothing explains, as the first ones of the polls before did, and the search
    /// for them gets no closer.
    pub(super) fn see(&mut self, rows: u64) -> bool {
        let searched = self.suspect.map(|suspect| suspect.part);
        let polls = match self.unexplained {
            Some(before) if before.rows == rows => {
                let is_closer = searched
                    .is_some_and(|part| before.searched.is_none_or(|before| before.covers(part) && before != part));
                before.polls.saturating_add(u32::from(!is_closer))
            }
            _ => 1,
        };
        self.unexplained = Some(Unexplained { rows, polls, searched });
        rows > 0 && polls >= POLLS_TO_BELIEVE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn stretch(from: i64, to: i64) -> Stretch {
        let at = |second| Timestamp::from_second(1_800_000_000 + second).unwrap();
        Stretch { from: at(from), to: at(to) }
    }

    fn suspect((from, to): (i64, i64)) -> Suspect {
        Suspect { part: stretch(from, to), rows: 1 }
    }

    /// The search for the one may end with the last call of a poll.
    #[test]
    fn a_row_that_found_its_place_is_no_hint_where_others_are() {
        let suspect = |rows| Suspect { part: stretch(10, 12), rows };
        let unexplained = |rows| Some(Unexplained { rows, polls: 2, searched: None });
        for (lacked, place, found, left) in [
            (1, stretch(10, 11), 1, None),
            (1, stretch(11, 12), 1, None),
            (3, stretch(10, 11), 1, Some(suspect(2))),
            (1, stretch(12, 13), 1, Some(suspect(1))),
            (1, stretch(10, 11), 0, Some(suspect(1))),
            (0, stretch(9, 10), 0, Some(suspect(0))),
        ] {
            let mut doubts =
                Doubts { suspect: Some(suspect(lacked)), unexplained: unexplained(2), ..Doubts::default() };
            doubts.explain(place, found);
            assert_eq!((doubts.suspect, doubts.unexplained), (left, unexplained(2 - found)), "{lacked} {place:?}");
        }
    }

    /// One that is given up before its end leaves a place as wide as the range, which hides what goes missing beside it.
    #[test]
    fn a_search_is_given_up_when_it_gets_no_closer() {
        type Polls<'a> = &'a [Option<(i64, i64)>];
        let given_up: [(Polls<'_>, bool); 7] = [
            (&[None, None, None], true),
            (&[None, Some((0, 100)), Some((0, 50)), Some((20, 30)), Some((21, 23))], false),
            (&[None, Some((0, 100)), Some((0, 100)), Some((0, 100))], true),
            (&[None, Some((0, 100)), Some((100, 200)), Some((0, 50))], true),
            (&[None, Some((0, 50)), Some((0, 100)), Some((0, 200))], true),
            (&[None, Some((0, 100)), None, Some((0, 50)), Some((0, 25))], false),
            (&[None, Some((0, 100)), None, None], true),
        ];
        for (searched, is_given_up) in given_up {
            let mut doubts = Doubts::default();
            let mut sees = searched.iter().map(|part| {
                doubts.suspect = part.map(suspect);
                doubts.see(1)
            });
            assert_eq!(sees.any(|is_given_up| is_given_up), is_given_up, "{searched:?}");
        }
        let mut doubts = Doubts::default();
        assert!([1, 2, 3, 1, 2, 2].iter().all(|&rows| !doubts.see(rows)), "never as many in three polls");
        assert!([0, 0, 0, 0].iter().all(|&rows| !doubts.see(rows)), "none");
    }
}
