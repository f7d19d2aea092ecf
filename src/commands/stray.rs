use std::ffi::OsString;

use crate::cli::{Cli, VARIABLES};

/// Kubernetes sets variables of such names for a service `wolkvox-exporter`.
const OF_A_SERVICE: [&str; 2] = ["SERVICE_", "PORT"];

/// What is set for a flag that there is not: misspelt, perhaps, and nobody would hear of it.
pub fn variables(set: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<String> {
    let known = Cli::variables();
    let is_stray = |name: &String| {
        let flag = name.strip_prefix(VARIABLES);
        flag.is_some_and(|flag| !OF_A_SERVICE.iter().any(|service| flag.starts_with(service))) && !known.contains(name)
    };
    let names = set.into_iter().filter_map(|(name, _)| name.into_string().ok()).filter(is_stray);
    let remark = |name: String| {
        let flag = name.trim_start_matches(VARIABLES);
        let alike = |known: &str| strsim::jaro(known.trim_start_matches(VARIABLES), flag);
        let nearest = known.iter().find(|known| known.contains(flag));
        let nearest = nearest.or_else(|| known.iter().max_by(|a, b| alike(a).total_cmp(&alike(b))));
        let nearest = nearest.map(String::as_str).unwrap_or_default();
        format!("the environment variable {name} is that of no flag, and has no effect: did you mean {nearest}?")
    };
    names.map(remark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_for_no_flag_is_remarked() {
        let stray = |name: &str| variables([(name.into(), "value".into())]);
        for (name, meant) in [
            ("WOLKVOX_EXPORTER_WEB_LISTEN_ADRESS", "WOLKVOX_EXPORTER_WEB_LISTEN_ADDRESS"),
            ("WOLKVOX_EXPORTER_TIMEZONE", "WOLKVOX_EXPORTER_WOLKVOX_TIMEZONE"),
            ("WOLKVOX_EXPORTER_CONFIG", "WOLKVOX_EXPORTER_CONFIG_FILE"),
            ("WOLKVOX_EXPORTER_web_config_file", "WOLKVOX_EXPORTER_"),
        ] {
            let remarks = stray(name);
            assert!(remarks.len() == 1 && remarks[0].contains(&format!("mean {meant}")), "{remarks:?}");
            assert!(!remarks[0].contains("value"), "{remarks:?}");
        }
        for name in [
            "WOLKVOX_EXPORTER_WEB_LISTEN_ADDRESS",
            "WOLKVOX_EXPORTER_LATE_SHARE",
            "WOLKVOX_EXPORTER_SERVICE_HOST",
            "WOLKVOX_EXPORTER_PORT_10119_TCP_ADDR",
            "WOLKVOX_TOKEN",
            "PATH",
        ] {
            assert!(stray(name).is_empty(), "{name}");
        }
    }
}
