//! What the fuzz targets run: the four places where bytes from outside become something of ours. The corpus goes through
//! the same functions in the ordinary tests.

use std::sync::{Arc, LazyLock};

use crate::cli::ServeArgs;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Problems, effective, from_text};
use crate::exporter::{Loaded, Site};
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::operation::Operation;
use crate::web::server::{self, Limits};
use crate::wolkvox::Answer;
use crate::wolkvox::answer::{self, Data};
use crate::wolkvox::verdict::verdict;
use domain::identity::RowHasher;
use domain::label::MAX_LABEL_CHARS;
use domain::row::{ReadRow, Row};
use domain::row_parse::RowParser;
use exposition::prepared;

/// Panics where the bytes lead to something that must never be.
pub type Target = fn(&[u8]);

/// By the name of the target and of the folder with its corpus.
pub const TARGETS: [(&str, Target); 4] =
    [("answer", answer), ("configuration", configuration), ("requests", requests), ("row", row)];

/// A whole body, under each status that reads one. Panics where a row breaks what its type promises.
pub fn answer(body: &[u8]) {
    let hasher = RowHasher::new([0; 16]);
    for status in [200, 403, 404] {
        let said = String::from_utf8_lossy(body);
        let decoded = answer::decode(body, &hasher);
        if let Ok(answer::Decoded { data: Data::Rows(rows), .. }) = &decoded {
            rows.iter().for_each(check);
        }
        if let Ok(Answer { rows, .. }) = verdict(status, decoded, &said, None) {
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

/// What a token would be in the environment.
const SECRET: &str = "s3cret-value";

fn load(yaml: &str) -> Result<Config, Problems> {
    let env = |name: &str| (name == "TOKEN").then(|| SECRET.to_owned());
    from_text(Some(("w.yml", yaml)), &ServeArgs::default(), &env)
}

/// A configuration file. Panics where a good one, written out, is not the same one again, and where what is said of a
/// bad one does not belong on a terminal.
pub fn configuration(file: &[u8]) {
    // A file that is not UTF-8 is refused before it is read as YAML.
    let Ok(yaml) = std::str::from_utf8(file) else { return };
    match load(yaml) {
        Ok(config) => {
            let written = effective(&config);
            let again = load(&written).unwrap_or_else(|problems| panic!("{problems}\n{written}"));
            assert_eq!(effective(&again), written);
        }
        Err(problems) => {
            let said = problems.to_string();
            assert!(!said.is_empty() && !said.contains(SECRET), "{said}");
            assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
        }
    }
}

/// What a client sends over one connection to the HTTP server. Panics where the server has nothing better to say than
/// that it has failed.
pub fn requests(sent: &[u8]) {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime needs no permission")
    });
    static SITE: LazyLock<Arc<Site>> = LazyLock::new(|| {
        let config = load("operations: [{server: 1, token_env: TOKEN, timezone: UTC}]").expect("it is complete");
        let now = SystemClock.now();
        // Its file is gone as soon as it is open.
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ledger = Arc::new(Ledger::open(&folder.path().join("ledger.db"), now).expect("a new ledger"));
        let open = |config| Operation::open(&ledger, config, now).expect("a new operation");
        let operations = config.operations.iter().map(open).collect();
        let metrics = Metrics::new(prepared::Settings::default(), now).expect("its metrics are distinct");
        let site = Site::new(metrics, now);
        site.show(Loaded { ledger, operations });
        Arc::new(site)
    });
    let options = server::Options { telemetry_path: "/metrics".to_owned(), limits: Limits::default() };
    let answers = RUNTIME.block_on(server::answers_to(SITE.clone(), options, sent));
    assert!(answers.is_empty() || answers.starts_with(b"HTTP/1."), "an answer is one of HTTP");
    assert!(!answers.windows(12).any(|words| words == b"HTTP/1.1 500"), "answering panicked");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuzzers_corpus_is_survived() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        for (target, run) in TARGETS {
            let mut files = 0;
            for entry in std::fs::read_dir(corpus.join(target)).unwrap() {
                run(&std::fs::read(entry.unwrap().path()).unwrap());
                files += 1;
            }
            assert!(files > 0, "{target} is empty");
        }
    }
}
