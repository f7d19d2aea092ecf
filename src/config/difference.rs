use super::operation::{OWN, OperationConfig, SHARED};

/// A list of skills may be long, and a line is to be read.
const LONGEST_VALUE: usize = 80;

/// A key of an operation that has another value than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub key: &'static str,
    was: String,
    is: String,
}

/// How `new` differs from `old`, key by key. Of a token it is the place that counts.
pub fn differences(old: &OperationConfig, new: &OperationConfig) -> Vec<Difference> {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "not set".to_owned());
    let both = OWN.iter().chain(SHARED).map(|key| (key.name, (key.show)(old), (key.show)(new)));
    both.filter(|(_, was, is)| was != is)
        .map(|(key, was, is)| Difference { key, was: shown(was), is: shown(is) })
        .collect()
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cut = |value: &str| match value.char_indices().nth(LONGEST_VALUE) {
            Some((at, _)) => format!("{}…", &value[..at]),
            None => value.to_owned(),
        };
        write!(f, "{} is {} (was {})", self.key, cut(&self.is), cut(&self.was))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Server, Skills, TokenSource};
    use std::time::Duration;

    fn told(change: impl FnOnce(&mut OperationConfig)) -> String {
        let server = Server { base_url: "https://wv0042.wolkvox.com".into(), name: "wv0042".into() };
        let old = OperationConfig::new("ventas".into(), server, TokenSource::File("/run/ventas".into()));
        let mut new = old.clone();
        change(&mut new);
        differences(&old, &new).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn each_key_that_differs_is_told_with_both_values() {
        assert_eq!(told(|_| ()), "");
        assert_eq!(
            told(|new| {
                new.interval = Duration::from_secs(60);
                new.reports.answered = true;
            }),
            "reports is [abandoned, answered] (was [abandoned]); interval is 1m (was 5m)"
        );
        assert_eq!(
            told(|new| new.token = TokenSource::Env("VENTAS".into())),
            "token_file is not set (was \"/run/ventas\"); token_env is \"VENTAS\" (was not set)"
        );
    }

    #[test]
    fn a_long_value_is_cut_and_still_differs() {
        let skills = |last: &str| Skills::Only((0..100).map(|id| format!("skill-{id}")).chain([last.into()]).collect());
        let long = told(|new| new.skills = skills("ñ"));
        assert!(
            long.starts_with("skills is [\"skill-0\", ") && long.ends_with("… (was all)") && long.len() < 120,
            "{long}"
        );
    }
}
