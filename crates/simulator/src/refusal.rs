use super::quirks::CodeForm;

/// An answer without data, in the API's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    NoSuchReport,
    ParametersRequired,
    TokenMissing,
    TokenRefused,
    QuotaExceeded,
    Busy,
    /// Another text under 403, such as during a backup.
    Maintenance(String),
    /// No rows in the range, or a range that is none.
    ValidateDates,
    /// A range of more than 31 days. The text is made up, for the API's own is not known.
    TooManyDays,
}

impl Refusal {
    pub fn status(&self) -> u16 {
        match self {
            Self::NoSuchReport | Self::ParametersRequired | Self::TooManyDays => 400,
            Self::TokenMissing => 401,
            Self::TokenRefused | Self::QuotaExceeded | Self::Busy | Self::Maintenance(_) => 403,
            Self::ValidateDates => 404,
        }
    }

    pub fn msg(&self) -> &str {
        match self {
            Self::NoSuchReport => "THE API YOU WANT TO CONSULT DOES NOT EXIST",
            Self::ParametersRequired => "SOME PARAMETERS ARE REQUIRED",
            Self::TokenMissing => "PLEASE ENTER THE WOLKVOX-TOKEN",
            Self::TokenRefused => "PLEASE VALIDATE TOKEN",
            Self::QuotaExceeded => "TOKEN LIMIT EXCEEDED",
            Self::Busy => "EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)",
            Self::Maintenance(msg) => msg,
            Self::ValidateDates => "Validate dates entered",
            Self::TooManyDays => "THE RANGE OF DATES EXCEEDS 31 DAYS",
        }
    }

    /// The JSON, with the code as the quirk says.
    pub fn body(&self, code: CodeForm) -> Vec<u8> {
        let mut body = head(self.status(), self.msg(), code);
        body.extend_from_slice(b",\"data\":null}");
        body
    }
}

/// The object up to `msg`, without its end.
pub(super) fn head(code: u16, msg: &str, form: CodeForm) -> Vec<u8> {
    let code = match form {
        CodeForm::Text => format!("\"code\":\"{code}\","),
        CodeForm::Number => format!("\"code\":{code},"),
        CodeForm::Missing => String::new(),
        CodeForm::Blank => "\"code\":\"\",".to_owned(),
    };
    let msg = serde_json::Value::from(msg);
    format!("{{{code}\"error\":null,\"msg\":{msg}").into_bytes()
}
