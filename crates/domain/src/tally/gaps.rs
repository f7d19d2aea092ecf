use alloc::collections::BTreeMap;
use core::time::Duration;

use super::Tally;
use crate::instant::later;
use crate::range::Stretch;
use crate::totals::Total;

const SECOND: Duration = Duration::from_secs(1);

impl Tally<'_> {
    /// Takes over what is known of the gaps, and notes the days that they are in.
    pub fn note_gaps(&mut self) {
        let found = &self.read.findings;
        self.account.totals.add(Total::RowsMissing, found.missing);
        self.account.totals.add(Total::SkippedSeconds, found.unreadable_seconds);
        let (old, account) = (&self.before.gaps, &mut *self.account);
        let mut missing = found.missing;
        let counted: BTreeMap<_, _> = old.shortfalls.iter().map(|(place, known)| (place, known.counted)).collect();
        for (place, shortfall) in found.gaps.shortfalls.iter() {
            let more = shortfall.counted.saturating_sub(counted.get(&place).copied().unwrap_or_default());
            if more > 0 {
                account.days.could_not_count(place, more);
                missing = missing.saturating_sub(more);
            }
        }
        if missing > 0 {
            // Of places that there was no room to remember.
            account.days.could_not_count(self.read.asked, missing);
        }
        for second in found.gaps.unreadable.difference(&old.unreadable) {
            let ambiguous = self.rules.zone.to_ambiguous_timestamp(*second);
            if let (Ok(from), Ok(last)) = (ambiguous.compatible(), ambiguous.later()) {
                account.days.unread.note(Stretch { from, to: later(last, SECOND) });
            }
        }
        account.gaps = found.gaps.clone();
    }
}
