use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// As documented. What the API says to more is not; this one refuses.
pub const MOST_DAYS: i64 = 31;

/// What can be asked of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The abandoned calls, row by row.
    #[default]
    Abandoned,
    /// The answered calls, row by row.
    Answered,
    /// The number of both, a row for each skill.
    Totals,
    /// What the token may and has done today.
    TokenInfo,
}

/// What a client asks for: a report on the calls whose local `date` is within `ini` and `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub report: Report,
    /// `None`: all skills.
    pub skill: Option<String>,
    pub ini: DateTime,
    pub end: DateTime,
    /// Seconds of one more service level that the totals are to have.
    pub services_time: Option<u32>,
}

impl Report {
    const ALL: [Self; 4] = [Self::Abandoned, Self::Answered, Self::Totals, Self::TokenInfo];

    /// The API's name for it.
    pub fn api(self) -> &'static str {
        match self {
            Self::Abandoned => "skill_2",
            Self::Answered => "skill_10",
            Self::Totals => "skill_1",
            Self::TokenInfo => "token_info",
        }
    }

    /// Where it is asked for.
    pub fn path(self) -> &'static str {
        match self {
            Self::TokenInfo => "/api/v2/information.php",
            _ => "/api/v2/reports_manager.php",
        }
    }

    pub(super) fn is_path(path: &str) -> bool {
        Self::ALL.iter().any(|report| report.path() == path)
    }

    /// The report that a request is for; refuses as the API does.
    pub fn from_parameters(path: &str, parameters: &[(String, String)]) -> Result<Self, Refusal> {
        match value(parameters, "api") {
            Some(api) if !api.is_empty() => {
                let known = Self::ALL.into_iter().find(|report| report.path() == path && report.api() == api);
                known.ok_or(Refusal::NoSuchReport)
            }
            _ => Err(Refusal::ParametersRequired),
        }
    }
}

impl Question {
    /// Reads the parameters of a request, as (name, value); refuses as the API does.
    pub fn from_parameters(report: Report, parameters: &[(String, String)]) -> Result<Self, Refusal> {
        let date = |name| value(parameters, name).and_then(|text| DateTime::strptime("%Y%m%d%H%M%S", text).ok());
        let skill = value(parameters, "skill_id");
        let (Some(skill), Some(ini), Some(end)) = (skill, date("date_ini"), date("date_end")) else {
            return Err(Refusal::ParametersRequired);
        };
        if end < ini {
            return Err(Refusal::ValidateDates);
        }
        if ini.checked_add(Span::new().days(MOST_DAYS)).is_ok_and(|most| most <= end) {
            return Err(Refusal::TooManyDays);
        }
        let services_time = value(parameters, "services_time").and_then(|seconds| seconds.parse().ok());
        Ok(Self { report, skill: (skill != "all").then(|| skill.to_owned()), ini, end, services_time })
    }

    /// The instants whose local time can be in the range, the end not included. A time that occurs twice, or never,
    /// counts as the wider of its two readings.
    pub fn reach(&self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let readings = |date| {
            let ambiguous = zone.to_ambiguous_timestamp(date);
            [ambiguous.earlier().unwrap_or(Timestamp::MIN), ambiguous.later().unwrap_or(Timestamp::MAX)]
        };
        let [a, b] = readings(self.ini);
        let [c, d] = readings(self.end);
        (a.min(b), c.max(d).checked_add(Span::new().seconds(1)).unwrap_or(Timestamp::MAX))
    }
}

fn value<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        text.split('&').filter_map(|pair| pair.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    }

    #[test]
    fn each_report_is_asked_for_by_its_name_at_its_place() {
        let manager = "/api/v2/reports_manager.php";
        let ask = |path: &str, text: &str| Report::from_parameters(path, &pairs(text));
        for report in Report::ALL {
            assert_eq!(ask(report.path(), &format!("api={}", report.api())), Ok(report));
        }
        assert_eq!(ask(manager, "api=skill_77"), Err(Refusal::NoSuchReport));
        assert_eq!(ask(manager, "api=token_info"), Err(Refusal::NoSuchReport));
        assert_eq!(ask("/api/v2/information.php", "api=skill_2"), Err(Refusal::NoSuchReport));
        assert_eq!(ask(manager, "api="), Err(Refusal::ParametersRequired));
        assert_eq!(ask(manager, ""), Err(Refusal::ParametersRequired));
    }

    #[test]
    fn what_the_api_can_t_read_it_refuses() {
        let ask = |text: &str| Question::from_parameters(Report::Totals, &pairs(text));
        let january = Question {
            report: Report::Totals,
            skill: None,
            ini: "2026-01-01T00:00:00".parse().unwrap(),
            end: "2026-01-31T23:59:59".parse().unwrap(),
            services_time: Some(45),
        };
        let dates = "skill_id=all&date_ini=20260101000000&date_end=20260131235959";
        assert_eq!(ask(&format!("{dates}&services_time=45")), Ok(january));
        assert_eq!(ask("skill_id=all&date_ini=20260101000000"), Err(Refusal::ParametersRequired));
        assert_eq!(ask("skill_id=all&date_ini=20260101000000&date_end=20260201000000"), Err(Refusal::TooManyDays));
        assert_eq!(ask("skill_id=1&date_ini=20260102000000&date_end=20260101000000"), Err(Refusal::ValidateDates));
    }
}
