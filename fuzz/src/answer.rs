use domain::identity::RowHasher;
use domain::label::MAX_LABEL_CHARS;
use domain::report::{ABANDONED, REPORTS, ReportKind};
use domain::row::{ReadRow, Row};
use domain::row_parse::RowParser;
use domain::vendor_totals::VendorTotals;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use wolkvox_exporter::wolkvox::answer::{Data, Decoded, NotReadable, TotalsRows, decode, decode_rows};

use super::strict::Strict;

/// A whole body, of each report. Panics where a row breaks what its type promises, where JSON is read otherwise than it
/// says, where a cut answer is taken for an answer, and where it matters which pieces a body is read in.
pub fn answer(body: &[u8]) {
    for report in REPORTS {
        let decoded = decode(body, report, &hasher());
        if let Ok(Decoded { data: Data::Rows(rows), .. }) = &decoded {
            rows.iter().for_each(check);
        }
        if let Some(strict) = Strict::of(body) {
            strict.judge(decoded.as_ref(), report);
        }
    }
    // It takes as long as many bodies do.
    if at_will(body, 9).is_multiple_of(16) {
        in_pieces(body, &ABANDONED);
    }
    for end in cuts(body) {
        let cut = decode(&body[..end], &ABANDONED, &hasher());
        assert!(cut.is_err(), "cut at {end}: {cut:?}");
    }
    if let Ok(Decoded { data: Data::Rows(rows), .. }) = decode_rows(body, TotalsRows) {
        let _ = VendorTotals::from_iter(rows);
    }
}

/// The fields of one row of each report: lines of `name=value`.
pub fn row(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let fields = text.lines().filter_map(|line| line.split_once('='));
    for report in REPORTS {
        let read = |fields: Vec<(&str, &str)>| {
            let fields = fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
            RowParser::new(report).read(&hasher(), fields)
        };
        let row = read(fields.clone().collect());
        check(&row);
        if let ReadRow::Row(row) = &row {
            let written = fields.clone().rfind(|(name, _)| *name == "date").map_or("", |(_, value)| value.trim());
            // Without its fraction.
            let date: DateTime = written[..19].parse().expect("jiff reads more forms of a date, and this one too");
            assert_eq!(row.date, date, "{written}");
        }
        let named: Vec<_> = fields.clone().filter(|(name, _)| *name != "skill_name").collect();
        let renamed = named.iter().copied().chain([("skill_name", "Another")]).collect();
        assert_eq!(read(renamed).id(), row.id(), "a skill's name is no part of what a row says");
        let mut others = named;
        others.reverse();
        others.sort_by_key(|(name, _)| *name);
        others.dedup_by_key(|(name, _)| *name);
        assert_eq!(
            read(others).id(),
            row.id(),
            "the order of fields says nothing, and of equal names the last one counts"
        );
    }
}

/// Reads the body once more, behind so much blank that a piece of what is read at once ends somewhere in its object.
fn in_pieces(body: &[u8], report: &'static ReportKind) {
    const PIECE: usize = 64 << 10;
    let Some(object) = object_start(body) else { return };
    let Some(blank) = PIECE.checked_sub(object + 1 + at_will(body, 0) % (body.len() - object)) else { return };
    let behind = decode([vec![b' '; blank].as_slice(), body].concat().as_slice(), report, &hasher());
    let behind = behind.map_err(|why| match why {
        NotReadable::Cut(place) => NotReadable::Cut(place - blank),
        NotReadable::Broken(place) => NotReadable::Broken(place - blank),
        NotReadable::Spoilt(place) => NotReadable::Spoilt(place - blank),
        NotReadable::Trailing(place) => NotReadable::Trailing(place - blank),
        NotReadable::Twice(place) => NotReadable::Twice(place - blank),
        other => other,
    });
    assert_eq!(behind, decode(body, report, &hasher()), "behind {blank} bytes of nothing");
}

/// Where the name of the first object's first member begins, or the object ends: from there on it is known to be one.
fn object_start(body: &[u8]) -> Option<usize> {
    let braces = body.iter().enumerate().filter(|(_, byte)| **byte == b'{');
    let behind = |(at, _)| Some(at + 1 + body.get(at + 1..)?.iter().position(|byte| *byte > b' ')?);
    braces.filter_map(behind).find(|&at| matches!(body[at], b'"' | b'}'))
}

/// Some places before the end of a body, if it is JSON from its first byte to its last: what is left by a cut there is no
/// answer. (Where a byte is bad, the end of the rows is a guess, and a cut may look like one.)
pub(super) fn cuts(body: &[u8]) -> Vec<usize> {
    let whole = body.trim_ascii_end().len();
    if whole == 0 || Strict::of(body).is_none() {
        return Vec::new();
    }
    let mut cuts: Vec<_> = (0..4).map(|place| at_will(body, place) % whole).collect();
    cuts.push(whole - 1);
    cuts
}

/// A number that depends on all of the input, and on nothing else.
fn at_will(input: &[u8], place: u8) -> usize {
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64 ^ u64::from(place), |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 16) as usize
}

pub(super) fn hasher() -> RowHasher {
    RowHasher::new([0; 16])
}

pub(super) fn check(row: &ReadRow) {
    let ReadRow::Row(Row { skill_id, skill_name, type_interaction, date, began, waited, .. }) = row else { return };
    for label in [Some(skill_id), skill_name.as_ref(), Some(type_interaction)].into_iter().flatten() {
        assert!(!label.is_empty() && !label.contains(char::is_control), "a label is clean text");
        assert!(label.chars().count() <= MAX_LABEL_CHARS, "a label is bounded");
    }
    assert!(waited.is_none_or(|time| time.is_finite() && time >= 0.0), "a time can be summed");
    if let Some(began) = began {
        let date = Offset::UTC.to_timestamp(*date).expect("the epoch was compared with it").as_second() as f64;
        let hours = (date - began.as_second() as f64 - waited.unwrap_or(0.0)) / 3_600.0;
        assert!((-12.1..14.3).contains(&hours), "an epoch by which the zone is {hours} hours from UTC");
    }
}
