/// A shortfall that stays the same through this many polls is believed.
const POLLS_TO_BELIEVE: u32 = 3;

/// What an answer announced and didn't deliver, across the polls of one operation.
///
/// A row that is missing in one answer may come with the next, so the range is read in parts for a while, which shows
/// where the gap is. A shortfall that stays is a quirk of the report: the rows that did come are then counted, and the
/// difference once.
#[derive(Debug, Default)]
pub struct Shortfall {
    /// Missing rows beyond the believed ones, and the consecutive polls that saw just as many.
    pending: Option<(u64, u32)>,
}

/// What to do with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Count its rows; `missing` more rows are believed never to come.
    Use { missing: u64 },
    /// Read its range in halves.
    Split,
}

impl Shortfall {
    /// Judges the first answer of a poll, which is `missing` rows short. `believed` is the shortfall counted already.
    pub fn judge(&mut self, missing: u64, believed: &mut u64) -> Judgement {
        if missing <= *believed {
            // Some of those counted may have left the reach of the reads.
            *believed = missing;
            self.pending = None;
            return Judgement::Use { missing: 0 };
        }
        let more = missing - *believed;
        let polls = match self.pending {
            Some((same, polls)) if same == more => polls + 1,
            _ => 1,
        };
        if polls < POLLS_TO_BELIEVE {
            self.pending = Some((more, polls));
            return Judgement::Split;
        }
        self.pending = None;
        *believed = missing;
        Judgement::Use { missing: more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortfall_is_believed_at_the_third_poll_and_counted_once() {
        let (mut shortfall, mut believed) = (Shortfall::default(), 0);
        assert_eq!(shortfall.judge(5, &mut believed), Judgement::Split);
        assert_eq!(shortfall.judge(5, &mut believed), Judgement::Split);
        assert_eq!(shortfall.judge(5, &mut believed), Judgement::Use { missing: 5 });
        assert_eq!(shortfall.judge(5, &mut believed), Judgement::Use { missing: 0 });
        assert_eq!(shortfall.judge(2, &mut believed), Judgement::Use { missing: 0 });
        assert_eq!(shortfall.judge(3, &mut believed), Judgement::Split, "one more than the two still in reach");
    }

    #[test]
    fn a_shortfall_that_changes_is_not_believed() {
        let (mut shortfall, mut believed) = (Shortfall::default(), 0);
        for missing in [1, 2, 1, 2, 1, 2] {
            assert_eq!(shortfall.judge(missing, &mut believed), Judgement::Split);
        }
        assert_eq!(shortfall.judge(0, &mut believed), Judgement::Use { missing: 0 });
        assert_eq!(shortfall.judge(2, &mut believed), Judgement::Split, "a whole answer begins the count anew");
    }

    #[test]
    fn a_row_that_goes_missing_beside_believed_ones_is_counted_once() {
        let (mut shortfall, mut believed) = (Shortfall::default(), 2);
        assert_eq!(shortfall.judge(3, &mut believed), Judgement::Split);
        assert_eq!(shortfall.judge(3, &mut believed), Judgement::Split);
        assert_eq!(shortfall.judge(3, &mut believed), Judgement::Use { missing: 1 });
        assert_eq!(believed, 3);
    }
}
