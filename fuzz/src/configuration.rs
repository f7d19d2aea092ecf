use std::io::{Seek as _, Write as _};
use std::sync::{LazyLock, Mutex, PoisonError};

use tempfile::NamedTempFile;
use wolkvox_exporter::cli::ServeArgs;
use wolkvox_exporter::config::{self, Config, Problems, effective};

/// What a token would be in the environment.
pub(super) const SECRET: &str = "s3cret-value";

/// A configuration file. Panics where a good one, written out, is not the same one again, and where what is said of a
/// bad one does not belong on a terminal.
pub fn configuration(file: &[u8]) {
    match load(file) {
        Ok(config) => {
            let written = effective(&config);
            let again = load(written.as_bytes()).unwrap_or_else(|problems| panic!("{problems}\n{written}"));
            assert_eq!(effective(&again), written);
        }
        Err(problems) => {
            let said = problems.to_string();
            assert!(!said.is_empty() && !said.contains(SECRET), "{said}");
            assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
        }
    }
}

/// As `--config.file` would.
pub(super) fn load(text: &[u8]) -> Result<Config, Problems> {
    static FILE: LazyLock<Mutex<NamedTempFile>> =
        LazyLock::new(|| Mutex::new(NamedTempFile::new().expect("a temporary file")));
    let mut file = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    file.as_file()
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(text))
        .expect("room on the disk");
    let args = ServeArgs { config_file: Some(file.path().display().to_string()), ..ServeArgs::default() };
    config::load(&args, &|name| (name == "TOKEN").then(|| SECRET.to_owned()))
}
