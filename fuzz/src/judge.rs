use std::time::Duration;

use domain::evidence::Evidence;
use domain::outcome::Outcome;
use wolkvox_exporter::wolkvox::{Answer, Call, Failure};

use super::answer::check;
use super::configuration::SECRET;

/// Longer ones are cut down to this.
pub(super) const MAX_DELAY: Duration = Duration::from_secs(31 * 86_400);

/// What stands in the middle of an address.
pub(super) const AT: [char; 3] = ['@', '\u{ff20}', '\u{fe6b}'];

/// A piece of a token that is as long gives it away.
const TOKEN_PIECE: usize = 6;

pub(super) fn judge(call: &Call) {
    if let Some(stamp) = call.stamp {
        assert_eq!(stamp.server_time().is_some(), stamp.made_at().is_some());
    }
    match &call.result {
        Ok(answer) => judge_answer(answer),
        Err(failure) => judge_failure(failure),
    }
}

pub(super) fn judge_failure(Failure { outcome, message, retry_after, .. }: &Failure) {
    assert!(!matches!(outcome, Outcome::Ok | Outcome::Empty | Outcome::Incomplete), "{outcome:?}: {message}");
    assert!(!message.is_empty() && message.chars().count() <= Failure::MAX_MESSAGE_CHARS, "{message}");
    assert!(!message.contains(char::is_control), "{message:?}");
    assert!(!shows(message, SECRET), "{message}");
    let quoted = message.split_once("it says \"").map_or("", |(_, quoted)| quoted);
    assert!(!quoted.contains(AT), "an address: {message}");
    let count = quoted.ends_with(" records were found\"");
    assert!(count || quoted.split(|c: char| !c.is_numeric()).all(|run| run.chars().count() < 4), "a number: {message}");
    assert!(retry_after.is_none_or(|delay| delay <= MAX_DELAY), "{retry_after:?}");
}

pub(super) fn judge_answer(answer: &Answer) {
    answer.rows.iter().for_each(check);
    assert!(answer.rows.is_empty() || !answer.broken, "rows of an answer that is spoilt");
    assert!(answer.rows.is_empty() || answer.evidence == Evidence::Rows, "{:?} beside rows", answer.evidence);
}

/// Whether a piece of the token stands in the text, in whatever case.
pub(super) fn shows(text: &str, token: &str) -> bool {
    let mut pieces = token.as_bytes().windows(TOKEN_PIECE.min(token.len()));
    pieces.any(|piece| text.as_bytes().windows(piece.len()).any(|shown| shown.eq_ignore_ascii_case(piece)))
}
