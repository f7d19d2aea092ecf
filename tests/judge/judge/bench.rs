use std::sync::Arc;

use exposition::model::Family;
use jiff::{SignedDuration, Timestamp};

use super::published::Published;
use super::{AT_ONCE, Judge, Seen, Shown, TOGETHER_WITHIN, holds, numbers::Floor};
use crate::history::Kind;
use crate::trace::{Event, Scrape, Scraped, Told, When};
use crate::truth::Truth;

/// Whoever waits for the token asks this soon after the call before: what is planned anew begins by chance that soon.
const NEXT_TURN: SignedDuration = SignedDuration::from_millis(3);

/// A judge for each report of an operation, and what concerns all of them: they share label sets, names, the token and the
/// ledger, and are shown together.
pub struct Bench {
    judges: Vec<Judge>,
    /// The reports whose last call has yet to show in a counter, in the order in which they were answered.
    answered: Vec<Kind>,
    floor: Floor,
    published: Published,
    polls_have_ended: bool,
}

impl Bench {
    pub fn new(truths: &[Arc<Truth>], start_history: u64) -> Self {
        Self {
            judges: truths.iter().map(|truth| Judge::new(truth.clone(), start_history)).collect(),
            answered: Vec::new(),
            floor: Floor::default(),
            published: Published::default(),
            polls_have_ended: false,
        }
    }

    /// What a history led to in the report of abandoned calls.
    pub fn seen(&mut self) -> Seen {
        std::mem::take(&mut self.judges[0].seen)
    }

    /// Takes notice of an event; the error says which promise was broken.
    pub fn see(&mut self, now: When, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::LifeBegan { life } => {
                self.published.life_began();
                self.polls_have_ended = false;
                self.judges.iter_mut().for_each(|judge| judge.life_began(now, life));
            }
            Event::Scraped(scraped) => self.scraped(now, scraped)?,
            Event::Asked { kind, range, token } => {
                if let Some(other) = self.judges.get(kind.other().place()) {
                    self.judges[kind.place()].another_was_not_refused(now, *token, other)?;
                }
                self.judges[kind.place()].asked(now, *range, *token).map_err(|error| of(*kind, error))?;
            }
            Event::Answered(told) => self.answered(told),
            Event::CalmBegan => self.judges.iter_mut().for_each(|judge| judge.calm_since = Some(now.at)),
            Event::PollsEnded => self.polls_have_ended = true,
            Event::LifeEnded => {
                let is_in_flight = self.judges.iter().any(Judge::is_in_flight);
                for judge in &mut self.judges {
                    judge.life_ended(now, is_in_flight).map_err(|error| of(judge.truth.kind, error))?;
                }
                self.identities_are_kept()?;
            }
            Event::HistoryEnded => {
                for judge in &mut self.judges {
                    judge.history_ended(now).map_err(|error| of(judge.truth.kind, error))?;
                }
            }
        }
        Ok(())
    }

    fn answered(&mut self, told: &Told) {
        for judge in &mut self.judges {
            // A call that was in flight when all became well may yet bring the last fault, and others wait for it.
            judge.calm_since = judge.calm_since.map(|since| if told.from.at < since { told.to.at } else { since });
            if judge.truth.kind == told.kind {
                judge.answered(told);
            } else {
                judge.another_was_answered(told);
            }
        }
        self.answered.retain(|kind| *kind != told.kind);
        self.answered.push(told.kind);
    }

    fn scraped(&mut self, now: When, scraped: &Scraped) -> Result<(), String> {
        self.floor.nothing_falls(&scraped.families)?;
        // What was answered first was stored first, and found the label sets first.
        let mut kinds = std::mem::take(&mut self.answered);
        kinds.extend(Kind::ALL.into_iter().filter(|kind| !kinds.contains(kind)).collect::<Vec<_>>());
        for kind in kinds {
            let Some(judge) = self.judges.get_mut(kind.place()) else { continue };
            judge.settle_scrape(now, &scraped.of(kind)).map_err(|error| of(kind, error))?;
            if judge.pending.is_some() {
                self.answered.push(kind);
            }
            let hold = judge.life().settings.hold;
            if let Ok([one, other]) = self.judges.get_disjoint_mut([kind.place(), kind.other().place()]) {
                other.counts.share_label_sets_of(&one.counts, hold);
            }
        }
        for judge in &mut self.judges {
            let kind = judge.truth.kind;
            let shown = judge.shown(now, &scraped.of(kind)).and_then(|()| judge.is_current(now));
            shown.and_then(|()| judge.by_day(&scraped.days[kind.place()])).map_err(|error| of(kind, error))?;
        }
        let behind_since = self.published.not_all_since();
        self.published.scraped(now.at, scraped)?;
        if let [one, other] = &mut self.judges[..]
            && !self.polls_have_ended
        {
            let shown = scraped.shown.as_deref().unwrap_or(&scraped.families);
            one.is_shown_with(now.at, shown, behind_since, other)?;
            other.is_shown_with(now.at, shown, behind_since, one)?;
        }
        Ok(())
    }

    /// Identities are kept while a read can bring their rows, and no longer.
    fn identities_are_kept(&self) -> Result<(), String> {
        let (mut least, mut most) = (0, Some(0));
        for judge in &self.judges {
            let Some((few, many)) = judge.identities_to_keep() else { return Ok(()) };
            least += few;
            most = most.zip(many).map(|(most, many)| most + many);
        }
        let Some(kept) = self.judges[0].last.as_ref().map(|last| last.keys) else { return Ok(()) };
        holds(least <= kept && most.is_none_or(|most| kept <= most), || {
            format!("{kept} identities are kept, and not {least} to {most:?}")
        })
    }
}

fn of(kind: Kind, error: String) -> String {
    format!("{}: {error}", kind.name())
}

impl Judge {
    /// What was read of this report, while another one was being asked, is not shown before that one is done, or 15 seconds
    /// have gone by since what is shown is behind.
    fn is_shown_with(
        &mut self,
        now: Timestamp,
        shown: &[Family],
        behind_since: Option<Timestamp>,
        other: &Self,
    ) -> Result<(), String> {
        let scrape = Scrape { kind: self.truth.kind, families: shown };
        let polls: u64 = scrape.by_label("wolkvox_polls_total")?.iter().map(|(_, polls)| polls).sum();
        // The look before the other one's question may have shown it already.
        if self.shown.polls != polls {
            self.shown = Shown { polls, at: now, behind_since };
        }
        let Shown { at, behind_since, .. } = self.shown;
        let (Some(asked), Some([began, ended])) = (other.asked_since(), self.last_call()) else { return Ok(()) };
        // It had waited for its turn only if it asked at once, and for the first time since; after the shortest of calls it may
        // have done so by chance, and so may a poll whose time comes by a clock that is only told.
        let is_first = other.last_call().is_none_or(|[_, last]| last < ended);
        let is_at_once = asked >= ended && asked.duration_since(ended) < NEXT_TURN;
        let had_waited = is_first && is_at_once && ended.duration_since(began) > NEXT_TURN && !other.in_doubt();
        let since = behind_since.map_or(ended, |since| since.min(ended));
        let stored: u64 = self.last.as_ref().map_or(0, |last| last.polls.values().sum());
        let is_last = polls == stored && self.pending.is_none();
        holds(!had_waited || !is_last || at.duration_since(since) > TOGETHER_WITHIN - AT_ONCE, || {
            let (one, two) = (self.truth.kind.name(), other.truth.kind.name());
            format!("what was read of {one} is shown since {at}, and {two} is being asked since {asked}")
        })
    }
}
