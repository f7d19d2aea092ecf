use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::second;

/// When a queue's day begins. Nobody waits then, for hardly anybody calls: the day's queue begins empty, and those who wait
/// at its end are answered by the agents of its last hour.
const BEGINS: i8 = 4;
/// The load and the agents change every five minutes at most. Local hours begin on this grid in every zone of today.
pub(super) const SLOT: i64 = 300;

/// One local day of the queues, from 4 in the morning to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    /// Of its date, in days since 1970.
    pub(super) number: i64,
    /// In seconds since 1970.
    pub(super) begin: i64,
    /// Not included.
    pub(super) end: i64,
}

impl Day {
    pub(super) fn new(zone: &TimeZone, number: i64) -> Self {
        Self { number, begin: begin(zone, number), end: begin(zone, number + 1) }
    }

    /// The day's number that an instant belongs to.
    pub(super) fn number(zone: &TimeZone, at: Timestamp) -> i64 {
        let date = zone.to_datetime(at).date();
        let noon = TimeZone::UTC.to_timestamp(date.at(12, 0, 0, 0)).unwrap_or(at);
        let number = noon.as_second().div_euclid(86_400);
        if at.as_second() < begin(zone, number) { number - 1 } else { number }
    }

    /// The starts of its five minutes, each with its local weekday and hour.
    pub(super) fn slots(self, zone: &TimeZone) -> impl Iterator<Item = (i64, Weekday, usize)> + '_ {
        (self.begin..self.end).step_by(SLOT as usize).map(|start| {
            let local = zone.to_datetime(second(start));
            (start, local.weekday(), local.hour() as usize)
        })
    }

    /// The date that it is called by.
    pub(super) fn date(self) -> Date {
        date(self.number)
    }
}

fn begin(zone: &TimeZone, number: i64) -> i64 {
    let four = date(number).at(BEGINS, 0, 0, 0);
    zone.to_timestamp(four).map_or(number * 86_400, |begin| begin.as_second())
}

fn date(number: i64) -> Date {
    Date::constant(1970, 1, 1).saturating_add(Span::new().try_days(number).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other_in_every_zone() {
        for name in
            ["America/Bogota", "America/Santiago", "Europe/Madrid", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
        {
            let zone = TimeZone::get(name).unwrap();
            let mut day = Day::new(&zone, 20_400);
            for _ in 0..400 {
                let next = Day::new(&zone, day.number + 1);
                assert_eq!(next.begin, day.end, "{name}");
                for (at, number) in
                    [(day.begin, day.number), (day.end - 1, day.number), (day.begin - 1, day.number - 1)]
                {
                    assert_eq!(Day::number(&zone, second(at)), number, "{name} {at}");
                }
                let hours = (day.end - day.begin) / 1800;
                assert!((46..=50).contains(&hours), "{name}: {hours} half hours");
                day = next;
            }
        }
    }
}
