use domain::identity::RowHasher;
use domain::label::MAX_LABEL_CHARS;
use domain::report::REPORTS;
use domain::row::{ReadRow, Row};
use domain::row_parse::RowParser;
use wolkvox_exporter::wolkvox::answer::{Data, decode};

/// A whole body, of each report. Panics where a row breaks what its type promises.
pub fn answer(body: &[u8]) {
    for report in REPORTS {
        if let Ok(decoded) = decode(body, report, &hasher())
            && let Data::Rows(rows) = decoded.data
        {
            rows.iter().for_each(check);
        }
    }
}

/// The fields of one row of each report: lines of `name=value`.
pub fn row(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let fields = text.lines().filter_map(|line| line.split_once('='));
    for report in REPORTS {
        let fields: Vec<_> = fields.clone().map(|(name, value)| (name.into(), value.into())).collect();
        check(&RowParser::new(report).read(&hasher(), fields));
    }
}

pub(super) fn hasher() -> RowHasher {
    RowHasher::new([0; 16])
}

pub(super) fn check(row: &ReadRow) {
    let ReadRow::Row(Row { skill_id, skill_name, type_interaction, waited, .. }) = row else { return };
    for label in [Some(skill_id), skill_name.as_ref(), Some(type_interaction)].into_iter().flatten() {
        assert!(!label.is_empty() && !label.contains(char::is_control), "a label is clean text");
        assert!(label.chars().count() <= MAX_LABEL_CHARS, "a label is bounded");
    }
    assert!(waited.is_none_or(|time| time.is_finite() && time >= 0.0), "a time can be summed");
}
