use alloc::collections::BTreeMap;

use jiff::Timestamp;

use super::range::Stretch;

/// Stretches that are remembered. An outage leaves one, and seconds that can't be read stand beside each other as a rule; a
/// report that has more in 40 days has none to be proud of.
const MOST: usize = 1_000;

/// The stretches that were never read and never will be: given up, or unreadable. From second to second of UTC, half-open;
/// none touches another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unread(BTreeMap<i64, i64>);

impl Unread {
    pub fn note(&mut self, stretch: Stretch) {
        let (mut from, mut to) = (stretch.from.as_second(), stretch.to.as_second());
        if from >= to {
            return;
        }
        while let Some((&known_from, &known_to)) = self.0.range(..=to).next_back()
            && known_to >= from
        {
            self.0.remove(&known_from);
            (from, to) = (from.min(known_from), to.max(known_to));
        }
        self.0.insert(from, to);
    }

    /// The seconds of `stretch` that were never read.
    pub fn within(&self, stretch: Stretch) -> u64 {
        let (from, to) = (stretch.from.as_second(), stretch.to.as_second());
        let common = self.0.range(..to).map(|(&a, &b)| b.min(to).saturating_sub(a.max(from)).max(0) as u64);
        common.fold(0, u64::saturating_add)
    }

    /// Forgets what ended before `at`, and the oldest ones where there are too many. Returns from where on all is known.
    pub fn forget(&mut self, at: Timestamp) -> Timestamp {
        self.0.retain(|_, to| *to > at.as_second());
        let mut known_from = at.as_second();
        while self.0.len() > MOST
            && let Some((_, to)) = self.0.pop_first()
        {
            known_from = known_from.max(to);
        }
        Timestamp::from_second(known_from).unwrap_or(at)
    }

    pub fn iter(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().map(|(&from, &to)| (from, to))
    }
}

/// Of what [`Unread::iter`] gave.
impl FromIterator<(i64, i64)> for Unread {
    fn from_iter<I: IntoIterator<Item = (i64, i64)>>(stretches: I) -> Self {
        Self(stretches.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn stretch(from: i64, to: i64) -> Stretch {
        let at = |second| Timestamp::from_second(second).unwrap();
        Stretch { from: at(from), to: at(to) }
    }

    proptest! {
        #[test]
        fn each_second_is_told_once(noted in prop::collection::vec((0i64..200, 0i64..30), 0..20), (a, b) in (0i64..240, 0i64..240)) {
            let mut unread = Unread::default();
            let mut seconds = [false; 240];
            for (from, length) in noted {
                unread.note(stretch(from, from + length));
                (from..from + length).for_each(|second| seconds[second as usize] = true);
            }
            let expected = (a..b.max(a)).filter(|&second| seconds[second as usize]).count() as u64;
            prop_assert_eq!(unread.within(stretch(a, b.max(a))), expected);
            let all: Vec<_> = unread.iter().collect();
            prop_assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].0), "{:?}", all);
            prop_assert_eq!(all.into_iter().collect::<Unread>(), unread);
        }
    }

    #[test]
    fn what_is_too_much_to_remember_takes_all_before_it_along() {
        let mut unread = Unread::default();
        for place in 0..=MOST as i64 {
            unread.note(stretch(10 * place, 10 * place + 5));
        }
        assert_eq!(unread.clone().forget(Timestamp::MIN), stretch(5, 5).from, "the oldest one");
        assert_eq!(unread.forget(stretch(12, 12).from), stretch(12, 12).from);
        assert_eq!(unread.within(stretch(0, 30)), 10, "one that is partly older stays");
    }
}
