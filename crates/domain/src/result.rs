use alloc::sync::Arc;

use super::label;

/// What a row says that became of its call. The API documents the values as "abandoned – answered", and neighbouring
/// reports have `ABANDON` and `ANSWER`: what begins like one of these, in any case, is that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallResult {
    Abandoned,
    Answered,
    /// Something else, as clean text; perhaps nothing.
    Unknown(Arc<str>),
}

impl CallResult {
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        let begins =
            |prefix: &[u8]| text.as_bytes().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if begins(b"abandon") {
            Self::Abandoned
        } else if begins(b"answer") {
            Self::Answered
        } else {
            Self::Unknown(label::clean(text).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_known_by_its_beginning() {
        for text in ["ABANDON", "abandon", "Abandoned", " ABANDON\n", "abandoned - queue", "ABANDONÓ"] {
            assert_eq!(CallResult::read(text), CallResult::Abandoned, "{text:?}");
        }
        for text in ["ANSWER", "answered", " Answer", "ANSWERED - AGENT"] {
            assert_eq!(CallResult::read(text), CallResult::Answered, "{text:?}");
        }
        for text in ["", "-", "abando", "not abandoned", "ábandon", "ñññabandon", "answe", "TRANSFER"] {
            assert_eq!(CallResult::read(text), CallResult::Unknown(text.into()), "{text:?}");
        }
        assert_eq!(CallResult::read("a\nb"), CallResult::Unknown("a b".into()));
    }
}
