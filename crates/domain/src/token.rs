/// Known tokens have 40 hexadecimal digits and more. To be on the safe side, from so many in a row on nothing is shown.
pub const SHORTEST: usize = 32;

/// Whether something that looks like a token stands in `text`.
pub fn may_be_in(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_hexdigit()).any(|run| run.len() >= SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_of_hexadecimal_digits_are_like_tokens() {
        let token = "0123456789abcdef0123456789abcdef01234567";
        for text in [token, &token.to_uppercase(), &token[..SHORTEST], &alloc::format!("https://x:{token}@host")] {
            assert!(may_be_in(text), "{text}");
        }
        for text in ["", "ventas", &token[1..SHORTEST], "/run/secrets/ventas", "6736.4628.1040.1768782812.1814"] {
            assert!(!may_be_in(text), "{text}");
        }
    }
}
