/// Whether a row's `result` says that the caller gave up: `abandon…` in any case (`ABANDON`, `abandoned`). The API
/// documents the values as "abandoned – answered"; anything else is another result, never an abandonment.
pub fn is_abandonment(result: &str) -> bool {
    const PREFIX: &[u8] = b"abandon";
    result.trim().as_bytes().get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_prefix_counts() {
        for text in ["ABANDON", "abandon", "Abandoned", " ABANDON\n", "abandoned - queue", "ABANDONÓ"] {
            assert!(is_abandonment(text), "{text:?}");
        }
        for text in ["", "ANSWER", "answered", "-", "abando", "not abandoned", "ábandon", "ñññabandon"] {
            assert!(!is_abandonment(text), "{text:?}");
        }
    }
}
