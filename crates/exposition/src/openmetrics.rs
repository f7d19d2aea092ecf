//! OpenMetrics 1.0 (and 0.0.1, which Prometheus reads the same way).
//!
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use super::label::write_escaped;
use super::lines::Lines;
use super::model::{Family, Kind};

/// The last line of an exposition: without it a reader must take the answer as cut short.
pub const EOF: &[u8] = b"# EOF\n";

/// The units that a name may end in ("Units and Base Units" of the specification), as far as exporters use them.
const UNITS: [&str; 9] = ["seconds", "bytes", "ratio", "volts", "amperes", "joules", "grams", "meters", "celsius"];

/// Appends the families without the closing [`EOF`]. `created` adds a `_created` sample to each counter and histogram
/// whose beginning is known; Prometheus stores it as a series of its own, so this is a setting and off by default.
pub fn encode(families: &[Family], created: bool, out: &mut Vec<u8>) {
    for family in families.iter().filter(|family| !family.series.is_empty()) {
        head(family, out);
        series(family, created, out);
    }
}

/// Appends what stands before a family's series.
pub fn head(family: &Family, out: &mut Vec<u8>) {
    let name = family_name(family);
    descriptor(out, b"TYPE", name, |out| out.extend_from_slice(kind(family)));
    if let Some(unit) = unit(name) {
        descriptor(out, b"UNIT", name, |out| out.extend_from_slice(unit.as_bytes()));
    }
    if !family.help.is_empty() {
        descriptor(out, b"HELP", name, |out| write_escaped(out, &family.help));
    }
}

/// Appends a family's series; `created` as in [`encode`].
pub fn series(family: &Family, created: bool, out: &mut Vec<u8>) {
    let may_have_created = created && matches!(kind(family), b"counter" | b"histogram");
    let mut lines = Lines::new(&family.name);
    for series in &family.series {
        lines.write(out, series);
        if let Some(since) = series.created.filter(|_| may_have_created) {
            lines.write_created(out, family_name(family), series, since);
        }
    }
}

fn kind(family: &Family) -> &'static [u8] {
    match family.kind {
        Kind::Counter if family_name(family).len() == family.name.len() => b"unknown",
        Kind::Counter => b"counter",
        Kind::Gauge => b"gauge",
        Kind::Histogram => b"histogram",
    }
}

/// The name in OpenMetrics: a counter's is without `_total`. A counter whose name lacks that ending is of unknown type, for
/// its samples couldn't be told from its family.
pub fn family_name(family: &Family) -> &str {
    match family.kind {
        Kind::Counter => family.name.strip_suffix("_total").unwrap_or(&family.name),
        Kind::Gauge | Kind::Histogram => &family.name,
    }
}

/// The unit that the family's name (as in OpenMetrics) ends in.
pub fn unit(name: &str) -> Option<&'static str> {
    UNITS.into_iter().find(|unit| name.strip_suffix(unit).is_some_and(|rest| rest.len() > 1 && rest.ends_with('_')))
}

fn descriptor(out: &mut Vec<u8>, word: &[u8], name: &str, text: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"# ");
    out.extend_from_slice(word);
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.push(b' ');
    text(out);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{samples, text};

    #[test]
    fn every_kind_is_written() {
        let mut out = Vec::new();
        encode(&samples::every_kind(), false, &mut out);
        out.extend_from_slice(EOF);
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn created_lines_are_written_on_demand() {
        let mut out = Vec::new();
        encode(&samples::every_kind(), true, &mut out);
        let text = String::from_utf8(out).unwrap();
        let created: Vec<&str> = text.lines().filter(|line| line.contains("_created")).collect();
        assert_eq!(
            created,
            [
                r#"calls_created{skill="10",name="Ventas \"A\" \\ ñ\n2"} 1764055200.25"#,
                "wait_seconds_created 1764055200",
            ]
        );
    }

    #[test]
    fn units_are_read_from_names() {
        assert_eq!(unit("a_seconds"), Some("seconds"));
        assert_eq!(unit("a_bytes"), Some("bytes"));
        for none in ["seconds", "_seconds", "aseconds", "a_seconds_max", "a_info"] {
            assert_eq!(unit(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn samples_are_those_of_the_text_format(families in samples::families()) {
            let (mut ours, mut plain) = (Vec::new(), Vec::new());
            encode(&families, false, &mut ours);
            text::encode(&families, &mut plain);
            let samples = |bytes: Vec<u8>| -> Vec<String> {
                let text = String::from_utf8(bytes).unwrap();
                text.split('\n').filter(|line| !line.starts_with("# ")).map(str::to_owned).collect()
            };
            prop_assert_eq!(samples(ours), samples(plain));
        }
    }
}
