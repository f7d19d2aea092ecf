//! What the fuzz targets run: the two places where bytes from outside become something of ours. The corpus goes through
//! the same functions in the ordinary tests.

use super::Answer;
use super::answer::{self, Data};
use super::verdict::verdict;
use crate::domain::identity::RowHasher;
use crate::domain::label::MAX_LABEL_CHARS;
use crate::domain::row::{ReadRow, Row};
use crate::domain::row_parse::RowParser;

/// A whole body, under each status that reads one. Panics where a row breaks what its type promises.
pub fn answer(body: &[u8]) {
    let hasher = RowHasher::new([0; 16]);
    for status in [200, 403, 404] {
        let said = String::from_utf8_lossy(body);
        let decoded = answer::decode(body, &hasher);
        if let Ok(answer::Decoded { data: Data::Rows(rows), .. }) = &decoded {
            rows.iter().for_each(check);
        }
        if let Ok(Answer { rows, .. }) = verdict(status, decoded, &said) {
            assert!(status != 404 || rows.is_empty(), "an empty window has no rows");
        }
    }
}

/// The fields of one row: lines of `name=value`.
pub fn row(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let fields: Vec<_> =
        text.lines().filter_map(|line| line.split_once('=')).map(|(n, v)| (n.into(), v.into())).collect();
    check(&RowParser::default().read(&RowHasher::new([0; 16]), fields));
}

fn check(row: &ReadRow) {
    let ReadRow::Row(Row { skill_id, skill_name, type_interaction, abandon_time, .. }) = row else { return };
    for label in [Some(skill_id), skill_name.as_ref(), Some(type_interaction)].into_iter().flatten() {
        assert!(!label.is_empty() && !label.contains(char::is_control), "a label is clean text");
        assert!(label.chars().count() <= MAX_LABEL_CHARS, "a label is bounded");
    }
    assert!(abandon_time.is_none_or(|time| time.is_finite() && time >= 0.0), "a time can be summed");
}
