use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};

/// How many calls the days of a week have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Week {
    /// As contact centres of Latin America have it: Monday first, Friday a day like others, half a Saturday, little on
    /// Sunday. Assumed.
    #[default]
    LatinAmerican,
    /// As in the month that was measured, of a bank elsewhere: Friday a third, Saturday a tenth.
    Measured,
    /// All days alike.
    Even,
}

impl Week {
    /// Calls of the day against the average of a week.
    pub(super) fn factor(self, weekday: Weekday) -> f64 {
        let from_monday = match self {
            Self::LatinAmerican => [1.25, 1.18, 1.12, 1.12, 1.18, 0.75, 0.40],
            Self::Measured => [1.0, 1.0, 1.0, 1.0, 1.0 / 3.0, 0.1, 1.0],
            Self::Even => [1.0; 7],
        };
        let week: f64 = from_monday.iter().sum();
        from_monday[weekday.to_monday_zero_offset() as usize] * 7.0 / week
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_has_seven_days_worth_of_calls() {
        let days = [
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
            Weekday::Saturday,
            Weekday::Sunday,
        ];
        for week in [Week::LatinAmerican, Week::Measured, Week::Even] {
            let sum: f64 = days.iter().map(|day| week.factor(*day)).sum();
            assert!((sum - 7.0).abs() < 1e-9, "{week:?}");
        }
        // Friday is no holiday, and as busy as a Tuesday.
        assert_eq!(Week::default().factor(Weekday::Friday), Week::default().factor(Weekday::Tuesday));
    }
}
