use core::fmt;

/// How one call to the API ended: the `outcome` label of `wolkvox_polls_total`.
///
/// The list is closed. Every outcome is exposed at 0 from the start, so that a first failure is a step and not a birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Rows came, as many as announced.
    Ok,
    /// No rows in the range: the API says so with a 404, `null`, `[]` or nothing at all.
    Empty,
    /// The token was refused, or there was none to send. A person must act.
    Unauthorized,
    /// The day's calls are used up.
    QuotaExceeded,
    /// Somebody else uses the token at this moment, or a 429.
    Busy,
    /// A 403 with an unknown text, such as a server backup.
    Maintenance,
    /// The API refused the question itself: configuration, or a defect of ours.
    BadRequest,
    /// 5xx.
    ServerError,
    /// The call took longer than `timeout`.
    Timeout,
    /// No connection, or one that was lost before the answer's head.
    Connect,
    /// The answer could not be read: not JSON, cut, oversized, a redirect, an unknown 404.
    Malformed,
    /// Fewer rows than announced, or so many that the API may have cut them off.
    Incomplete,
}

impl Outcome {
    pub const ALL: [Self; 12] = [
        Self::Ok,
        Self::Empty,
        Self::Unauthorized,
        Self::QuotaExceeded,
        Self::Busy,
        Self::Maintenance,
        Self::BadRequest,
        Self::ServerError,
        Self::Timeout,
        Self::Connect,
        Self::Malformed,
        Self::Incomplete,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Empty => "empty",
            Self::Unauthorized => "unauthorized",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Busy => "busy",
            Self::Maintenance => "maintenance",
            Self::BadRequest => "bad_request",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Malformed => "malformed",
            Self::Incomplete => "incomplete",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
