use std::collections::BTreeMap;

use super::call::Call;
use super::profile;
use super::quirks::TotalsOf;
use super::report::Question;
use super::row::RowForm;

/// Service levels that every answer has, in seconds.
const SERVICE_LEVELS: [u32; 3] = [10, 20, 30];

/// What the report of totals says of one skill.
#[derive(Debug, Default)]
pub(super) struct SkillTotals<'a> {
    /// One of its calls, for the names.
    some: Option<&'a Call>,
    /// Seconds waited until an agent answered, and until the caller gave up.
    answered: Vec<f64>,
    abandoned: Vec<f64>,
    /// Calls without a time are counted all the same.
    answer_calls: usize,
    abandon_calls: usize,
}

/// One row for each skill that has calls, in the order of their ids.
pub(super) fn rows<'a>(calls: impl Iterator<Item = &'a Call>, question: &Question, form: &RowForm<'_>) -> Vec<Vec<u8>> {
    let mut skills: BTreeMap<&str, SkillTotals<'_>> = BTreeMap::new();
    for call in calls {
        if !counts(call, form.quirks().totals_of) {
            continue;
        }
        // A result that is still to be corrected is not counted as either.
        let abandoned = call.is_abandoned() && form.result(call) == call.result;
        if !abandoned && !call.is_answered() {
            continue;
        }
        let totals = skills.entry(&call.skill_id).or_default();
        totals.some = Some(call);
        if abandoned {
            totals.abandon_calls += 1;
            totals.abandoned.extend(call.waited);
        } else {
            totals.answer_calls += 1;
            totals.answered.extend(call.waited);
        }
    }
    skills.values().enumerate().filter_map(|(index, totals)| totals.row(index, question, form)).collect()
}

fn counts(call: &Call, totals_of: TotalsOf) -> bool {
    match totals_of {
        TotalsOf::All => true,
        TotalsOf::Voice => profile::is_voice(&call.type_interaction),
        TotalsOf::Inbound => call.type_interaction == "inbound",
    }
}

impl SkillTotals<'_> {
    fn row(&self, index: usize, question: &Question, form: &RowForm<'_>) -> Option<Vec<u8>> {
        let call = self.some?;
        let inbound = self.answer_calls + self.abandon_calls;
        let mut out = Vec::with_capacity(400);
        out.extend_from_slice(b"{\"skill_name\":");
        form.name(&mut out, call);
        out.extend_from_slice(b",\"skill_id\":");
        form.skill_id(&mut out, call);
        for (name, count) in
            [("inbound_calls", inbound), ("answer_calls", self.answer_calls), ("abandon_calls", self.abandon_calls)]
        {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            form.count(&mut out, count, index);
        }
        for seconds in SERVICE_LEVELS.into_iter().chain(question.services_time) {
            let within = self.answered.iter().filter(|waited| **waited <= f64::from(seconds)).count();
            out.extend_from_slice(format!(",\"service_level_{seconds}seg\":").as_bytes());
            form.text(&mut out, &percent(within, inbound));
        }
        out.extend_from_slice(b",\"abandon\":");
        form.text(&mut out, &percent(self.abandon_calls, inbound));
        for (name, times) in [("asa", &self.answered), ("ata", &self.abandoned)] {
            let mean = times.iter().sum::<f64>() / (times.len() as f64).max(1.0);
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            form.time(&mut out, Some(mean.round()), index);
        }
        out.push(b'}');
        Some(out)
    }
}

/// As the vendor writes it: `34.64 %`, `0 %`.
fn percent(part: usize, whole: usize) -> String {
    let hundredths = (part as f64 * 10_000.0 / (whole as f64).max(1.0)).round();
    format!("{} %", hundredths / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_have_two_decimals_at_most() {
        assert_eq!(percent(0, 7), "0 %");
        assert_eq!(percent(1, 3), "33.33 %");
        assert_eq!(percent(2, 3), "66.67 %");
        assert_eq!(percent(1, 2), "50 %");
        assert_eq!(percent(7, 7), "100 %");
        assert_eq!(percent(0, 0), "0 %");
    }
}
