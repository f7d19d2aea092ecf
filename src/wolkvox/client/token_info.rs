use std::io::Read as _;

use serde_json::{Deserializer, Value};

use super::super::{Failure, Token, answer, verdict::verdict};
use super::{Client, Received, fit_to_show};
use domain::identity::RowHasher;
use domain::outcome::Outcome;
use domain::report::ABANDONED;
use secrecy::SecretString;

/// A known answer has some 200 bytes.
const MAX_BYTES: u64 = 64 << 10;

/// What the API tells of a token's calls today (`token_info`): each number as far as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenUses {
    /// Calls that are left (`available_consumption_options`).
    pub remaining: Option<u64>,
    /// Calls that were made with this token (`token_use_today`).
    pub today: Option<u64>,
    /// Calls that may be made in a day (`token_limit`).
    pub limit: Option<u64>,
}

impl Client {
    /// Asks once how many calls are left, which costs one itself. As for a report, it is the caller's to have the turn of
    /// the token.
    ///
    /// # Errors
    /// As a call for a report; `malformed` too where the answer has none of the numbers.
    pub async fn token_uses(&self, token: &Token) -> Result<TokenUses, Failure> {
        let url = format!("{}/api/v2/information.php?api=token_info", self.base_url);
        let received = match self.receive(url, &token.secret).await {
            Ok(received) => received,
            Err(failure) => return Err(fit_to_show(failure, &token.secret)),
        };
        let retry_after = received.retry_after;
        let uses = uses(received, &token.secret);
        uses.map_err(|failure| Failure { retry_after, ..fit_to_show(failure, &token.secret) })
    }
}

/// What the answer says: refusals as of a report, and then the numbers in the first object of `data`.
fn uses(Received { status, packing, body, .. }: Received, token: &SecretString) -> Result<TokenUses, Failure> {
    let mut bytes = Vec::new();
    // What can't be unpacked ends early, and is no JSON then.
    _ = packing.unpacked(body).take(MAX_BYTES).read_to_end(&mut bytes);
    let said = String::from_utf8_lossy(&bytes);
    // Its rows are none of a report; that they are none is no refusal.
    let decoded = answer::decode(bytes.as_slice(), &ABANDONED, &RowHasher::new([0; 16]));
    verdict(status, decoded, &said, Some(token))?;
    let object = bytes.iter().position(|byte| *byte == b'{').and_then(|at| bytes.get(at..)).unwrap_or_default();
    let first = Deserializer::from_slice(object).into_iter::<Value>().next();
    let told = first.and_then(Result::ok).and_then(|answer| told(&answer));
    told.ok_or_else(|| Failure::new(Outcome::Malformed, "the answer says nothing of the token's calls"))
}

fn told(answer: &Value) -> Option<TokenUses> {
    let data = answer.get("data")?;
    let row = data.get(0).unwrap_or(data);
    let number = |name: &str| match row.get(name)? {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    };
    let uses = TokenUses {
        remaining: number("available_consumption_options"),
        today: number("token_use_today"),
        limit: number("token_limit"),
    };
    [uses.remaining, uses.today, uses.limit].iter().any(Option::is_some).then_some(uses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(data: &str) -> Option<TokenUses> {
        told(&serde_json::from_str(&format!("{{\"code\":\"200\",\"data\":{data}}}")).unwrap())
    }

    #[test]
    fn numbers_are_read_in_every_form_and_only_those() {
        let all = TokenUses { remaining: Some(992), today: Some(8), limit: Some(1000) };
        let none = TokenUses { remaining: None, today: None, limit: None };
        for (data, expected) in [
            (r#"[{"token_limit":"1000","token_use_today":"8","available_consumption_options":"992"}]"#, Some(all)),
            (r#"{"token_limit":1000,"token_use_today":8,"available_consumption_options":" 992 "}"#, Some(all)),
            (r#"[{"available_consumption_options":0}]"#, Some(TokenUses { remaining: Some(0), ..none })),
            (
                r#"[{"token_limit":-1,"token_use_today":"many","available_consumption_options":7}]"#,
                Some(TokenUses { remaining: Some(7), ..none }),
            ),
            (r#"[{"token_limit":"","description":"8"}]"#, None),
            ("[]", None),
            ("null", None),
            ("\"992\"", None),
        ] {
            assert_eq!(of(data), expected, "{data}");
        }
    }
}
