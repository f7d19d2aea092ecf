use std::path::Path;

use wolkvox_exporter::config::web_file::read;

/// A file for `--web.config.file`. Panics where what is said of it does not belong on a terminal.
pub fn web_config(file: &[u8]) {
    let text = String::from_utf8_lossy(file);
    let said = match read(Path::new("web.yml"), &text) {
        Ok((_, remarks)) => remarks,
        Err(problems) => {
            assert!(!problems.to_string().is_empty());
            problems
        }
    };
    assert!(!said.to_string().contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
}
