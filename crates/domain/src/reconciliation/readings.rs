use alloc::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::DAYS;

/// Which calls the vendor's totals have. Nobody has published it, so each is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    AllTypes,
    /// Calls by telephone: neither chats nor messages.
    Voice,
    InboundOnly,
}

impl Reading {
    /// The widest first: of two that agree equally often it is said to be the vendor's.
    pub const ALL: [Self; 3] = [Self::AllTypes, Self::Voice, Self::InboundOnly];

    /// A word for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllTypes => "all_types",
            Self::Voice => "voice",
            Self::InboundOnly => "inbound_only",
        }
    }

    pub fn has(self, type_interaction: &str) -> bool {
        let begins_with =
            |prefix: &str| type_interaction.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        match self {
            Self::AllTypes => true,
            Self::Voice => !["chat-", "omni-"].into_iter().any(begins_with),
            Self::InboundOnly => type_interaction.eq_ignore_ascii_case("inbound"),
        }
    }
}

/// Which readings the days agreed with, for as long as days are kept. A day on which nothing could be compared is not among
/// them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readings(BTreeMap<Date, BTreeSet<Reading>>);

impl Readings {
    /// Notes a day. `None` where nothing was compared.
    pub fn note(&mut self, date: Date, agreed: Option<BTreeSet<Reading>>) {
        self.0.extend(agreed.map(|agreed| (date, agreed)));
        while self.0.len() > DAYS {
            self.0.pop_first();
        }
    }

    /// The reading that agreed on most days; `None` while none has.
    pub fn vendors(&self) -> Option<Reading> {
        // The last one of several is taken, so the widest is to be last.
        let most = Reading::ALL.into_iter().rev().max_by_key(|reading| self.days_of(*reading))?;
        (self.days_of(most) > 0).then_some(most)
    }

    /// The reading by which differences are shown: the vendor's, or while none has agreed the widest.
    pub fn shown(&self) -> Reading {
        self.vendors().unwrap_or(Reading::AllTypes)
    }

    /// Whether a day that was compared does not agree with what is shown: with no reading, or with another one than before.
    pub fn differs(&self, date: Date) -> bool {
        self.0.get(&date).is_some_and(|agreed| !agreed.contains(&self.shown()))
    }

    /// On how many days a reading agreed.
    pub fn days_of(&self, reading: Reading) -> usize {
        self.0.values().filter(|agreed| agreed.contains(&reading)).count()
    }

    pub fn on(&self, date: Date) -> Option<&BTreeSet<Reading>> {
        self.0.get(&date)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Date, &BTreeSet<Reading>)> {
        self.0.iter().map(|(date, agreed)| (*date, agreed))
    }

    pub fn days(&self) -> usize {
        self.0.len()
    }
}
