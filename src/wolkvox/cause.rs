/// Why a call got no answer of the API, where its outcome has several causes: what a person does about each is another
/// thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The way to the server, or the server, doesn't answer at all: so it is for hosts that are not registered.
    NoAnswer,
    /// The server's name is not known.
    Name,
    /// The server is reached, and nothing listens there.
    NothingListens,
    NoRoute,
    /// There is no way to the proxy.
    NoProxy,
    /// The proxy asks for a password (407).
    ProxyPassword,
    /// The proxy refuses to connect to the server, with this status where it could be learnt.
    ProxyRefused(Option<u16>),
    /// The certificate is of an authority that this host doesn't trust.
    UnknownIssuer,
    /// The certificate is for another name.
    WrongHost,
    /// The certificate has expired, or is not valid yet.
    Expired,
    /// TLS failed otherwise.
    Tls,
    /// The connection was lost before an answer began.
    Lost,
    /// This machine could not do its part: descriptors, disk or memory.
    Machine,
    /// A page refused the call before it came to the API, as a firewall does.
    Page,
}

impl Cause {
    /// One of each.
    pub const ALL: [Self; 14] = [
        Self::NoAnswer,
        Self::Name,
        Self::NothingListens,
        Self::NoRoute,
        Self::NoProxy,
        Self::ProxyPassword,
        Self::ProxyRefused(None),
        Self::UnknownIssuer,
        Self::WrongHost,
        Self::Expired,
        Self::Tls,
        Self::Lost,
        Self::Machine,
        Self::Page,
    ];
}
