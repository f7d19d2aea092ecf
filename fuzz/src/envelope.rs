use domain::outcome::Outcome;
use domain::report::ABANDONED;
use secrecy::SecretString;
use wolkvox_exporter::wolkvox::answer::decode;
use wolkvox_exporter::wolkvox::verdict::verdict;
use wolkvox_exporter::wolkvox::{Answer, Failure};

use super::answer::{cuts, hasher};
use super::configuration::SECRET;
use super::judge::{judge_answer, judge_failure};

/// A status, and behind the end of its line a body: what the two mean together. Panics where a refusal is taken for an
/// answer, a cut answer for one that is whole, and where what is said is not fit to be shown.
pub fn envelope(text: &[u8]) {
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let status = std::str::from_utf8(&text[..end]).ok().and_then(|line| line.trim().parse().ok()).unwrap_or(200);
    let body = text.get(end + 1..).unwrap_or_default();
    match meaning(status, body) {
        Ok(answer) => {
            assert!((200..300).contains(&status) || status == 404, "an answer under {status}");
            // Rows that were announced and didn't come are `Incomplete`.
            assert!(answer.outcome() != Outcome::Empty || matches!(status, 200 | 404), "nothing, under {status}");
            judge_answer(&answer);
        }
        Err(failure) => judge_failure(&failure),
    }
    for end in cuts(body) {
        let cut = meaning(status, &body[..end]);
        // Nothing at all, under 404, is no proof of anything; what seems to be spoilt is asked for in parts.
        let counts = |answer: &Answer| answer.evidence.is_proof() && !answer.broken;
        assert!(!cut.as_ref().is_ok_and(counts), "cut at {end}: {cut:?}");
    }
}

fn meaning(status: u16, body: &[u8]) -> Result<Answer, Failure> {
    // As much as the client looks at.
    let said = String::from_utf8_lossy(&body[..body.len().min(16 << 10)]);
    verdict(status, decode(body, &ABANDONED, &hasher()), &said, Some(&SecretString::from(SECRET)))
}
