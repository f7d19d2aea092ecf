use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// One sample of the text exposition.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// What a GET of `/metrics` said at one moment.
#[derive(Debug, Clone)]
pub struct Scrape {
    pub text: String,
    samples: Vec<Sample>,
}

impl Scrape {
    pub fn parse(text: String) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(|line| sample(line).unwrap_or_else(|| panic!("no sample: {line}"))).collect();
        Self { text, samples }
    }

    /// The samples of a name that have all of `labels`.
    pub fn all<'a>(&'a self, name: &'a str, labels: &'a [(&str, &str)]) -> impl Iterator<Item = &'a Sample> {
        let has = |sample: &Sample, (label, value): (&str, &str)| sample.labels.get(label).is_some_and(|v| v == value);
        self.samples.iter().filter(move |sample| {
            sample.name == name && labels.iter().all(|&(label, value)| has(sample, (label, value)))
        })
    }

    /// The one sample of a name that has all of `labels`; `None` without any.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let found: Vec<_> = self.all(name, labels).collect();
        assert!(found.len() < 2, "{name} {labels:?} is several samples: {found:?}");
        found.first().map(|sample| sample.value)
    }

    /// The one sample, which must be there.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.get(name, labels).unwrap_or_else(|| panic!("no {name} {labels:?} in\n{}", self.text))
    }

    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.all(name, labels).map(|sample| sample.value).sum()
    }

    /// Every counter of an operation, histograms included: what lives in the ledger and may never fall.
    pub fn ledger_counters(&self) -> BTreeMap<String, f64> {
        let of_ledger = |sample: &&Sample| {
            sample.labels.contains_key("operation")
                && (sample.name.ends_with("_total")
                    || sample.name.starts_with("wolkvox_abandon_time_seconds")
                    || sample.name.starts_with("wolkvox_answer_time_seconds"))
        };
        let counters = self.samples.iter().filter(of_ledger);
        counters.map(|sample| (format!("{} {:?}", sample.name, sample.labels), sample.value)).collect()
    }
}

/// Reads `name{label="value",...} 1`.
fn sample(line: &str) -> Option<Sample> {
    let name_end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            assert!(labels.insert(label.to_owned(), value).is_none(), "{label} twice in {line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = match rest.strip_prefix(' ')? {
        "+Inf" => f64::INFINITY,
        number => number.parse().ok()?,
    };
    Some(Sample { name: name.to_owned(), labels, value })
}

/// The text up to the closing quote, unescaped, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other @ ('\\' | '"') => other,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}

/// Has `promtool check metrics` read a text exposition; it must have nothing to say.
pub fn check_with_promtool(text: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is needed: install Debian's package prometheus");
    // Larger than a pipe's buffer: promtool reads to the end before it writes.
    promtool.stdin.take().expect("piped").write_all(text.as_bytes()).expect("promtool reads all of it");
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.is_empty(), "promtool says:\n{said}");
}

#[test]
fn samples_are_read_with_their_escapes() {
    let scrape = Scrape::parse("# HELP a b\na{x=\"q\\\"\\\\\\n}, \",y=\"\"} 2\nb +Inf\n".to_owned());
    assert_eq!(scrape.get("a", &[("x", "q\"\\\n}, "), ("y", "")]), Some(2.0));
    assert_eq!((scrape.get("b", &[]), scrape.get("c", &[])), (Some(f64::INFINITY), None));
}
