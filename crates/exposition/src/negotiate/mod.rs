//! From a request's `Accept` and `Accept-Encoding` to what is sent.
//!
//! `Accept` is read as Prometheus's own library does (prometheus/common, `expfmt.NegotiateIncludingOpenMetrics`): only an
//! explicit, known media type asks for OpenMetrics or protobuf; everything else, and nothing at all, gets text 0.0.4. Two
//! things are done better: `q=0` forbids, and `*/*` or `text/*` ask for text with the weight they carry.

mod header;

pub use header::{Range, ranges};

/// How families are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Text,
    /// One body for 1.0.0 and 0.0.1: only the content type differs.
    OpenMetrics,
    Protobuf,
}

/// How bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// A format and the exact content type under which it goes to this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    pub format: Format,
    pub content_type: &'static str,
}

impl Encoding {
    /// The `Content-Encoding`; none for identity.
    pub fn token(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
            Encoding::Gzip => Some("gzip"),
            Encoding::Zstd => Some("zstd"),
        }
    }
}

/// The format for an `Accept` header, or for its absence.
///
/// The range with the highest weight wins; of equals, an explicit one before a wildcard, then the earlier one. A client
/// that allows none of the formats gets text all the same: a scrape that shows what is wrong is worth more than a 406.
pub fn format(accept: Option<&str>) -> Accepted {
    let ranges = ranges(accept.unwrap_or_default());
    let mut best = (Offer::Text, None, 0, false);
    for range in ranges.iter().filter(|range| range.weight > 0) {
        let Some(offer) = offer(range) else { continue };
        let explicit = !range.value.contains('*');
        // What a more specific range says about the text format replaces what a wildcard says.
        let overruled = !explicit && ranges.iter().any(|other| overrules(other, range));
        if !overruled && (range.weight, explicit) > (best.2, best.3) {
            best = (offer, escaping(range), range.weight, explicit);
        }
    }
    Accepted { format: best.0.format(), content_type: best.0.content_type(best.1) }
}

/// The packing for an `Accept-Encoding` header, or for its absence.
///
/// The highest weight wins; of equals zstd before gzip before identity, for packed bytes are kept ready and zstd's are the
/// cheaper to make. A bare `*` gets identity. Where identity is forbidden and nothing known is allowed, it is sent all the
/// same (RFC 9110 §12.5.3 leaves that to the server).
pub fn encoding(accept_encoding: Option<&str>) -> Encoding {
    let ranges = ranges(accept_encoding.unwrap_or_default());
    let weight = |names: &[&str]| ranges.iter().find(|range| names.contains(&range.value.as_str())).map(|r| r.weight);
    let any = weight(&["*"]);
    let identity = weight(&["identity"]).or(any);
    let named = [(Encoding::Zstd, weight(&["zstd"])), (Encoding::Gzip, weight(&["gzip", "x-gzip"]))];
    let mut best = (Encoding::Identity, identity.unwrap_or(0));
    for (encoding, weight) in named.into_iter().rev() {
        let weight = match weight {
            Some(weight) => weight,
            // `*` stands for what isn't named, but is only taken up where identity is out of the question.
            None if identity == Some(0) && encoding == Encoding::Gzip => any.unwrap_or(0),
            None => 0,
        };
        if weight > 0 && weight >= best.1 {
            best = (encoding, weight);
        }
    }
    best.0
}

/// What is on offer under a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    Text,
    OpenMetrics1,
    OpenMetrics0,
    Protobuf,
}

/// How names outside the old character set are to be written (Prometheus 3). All names here are inside it, so that the
/// answer repeats the scheme and nothing else changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escaping {
    AllowUtf8,
    Underscores,
    Values,
}

fn offer(range: &Range) -> Option<Offer> {
    match (range.value.as_str(), range.parameter("version")) {
        ("*/*" | "text/*", _) => Some(Offer::Text),
        ("text/plain", None | Some("0.0.4")) => Some(Offer::Text),
        ("application/openmetrics-text", Some("1.0.0")) => Some(Offer::OpenMetrics1),
        ("application/openmetrics-text", None | Some("0.0.1")) => Some(Offer::OpenMetrics0),
        ("application/vnd.google.protobuf", _) => {
            let is_ours = range.parameter("proto") == Some("io.prometheus.client.MetricFamily")
                && range.parameter("encoding") == Some("delimited");
            is_ours.then_some(Offer::Protobuf)
        }
        _ => None,
    }
}

fn overrules(specific: &Range, wildcard: &Range) -> bool {
    offer(specific) == Some(Offer::Text) && specific.value.matches('*').count() < wildcard.value.matches('*').count()
}

fn escaping(range: &Range) -> Option<Escaping> {
    match range.parameter("escaping")? {
        "allow-utf-8" => Some(Escaping::AllowUtf8),
        // `dots` would double each underscore of each name. The client may not choose other names than the documented ones:
        // it is told that they came as `underscores` leaves them, which is true.
        "underscores" | "dots" => Some(Escaping::Underscores),
        "values" => Some(Escaping::Values),
        _ => None,
    }
}

impl Offer {
    fn format(self) -> Format {
        match self {
            Offer::Text => Format::Text,
            Offer::OpenMetrics1 | Offer::OpenMetrics0 => Format::OpenMetrics,
            Offer::Protobuf => Format::Protobuf,
        }
    }

    fn content_type(self, escaping: Option<Escaping>) -> &'static str {
        macro_rules! with_escaping {
            ($base:literal) => {
                match escaping {
                    None => $base,
                    Some(Escaping::AllowUtf8) => concat!($base, "; escaping=allow-utf-8"),
                    Some(Escaping::Underscores) => concat!($base, "; escaping=underscores"),
                    Some(Escaping::Values) => concat!($base, "; escaping=values"),
                }
            };
        }
        match self {
            Offer::Text => with_escaping!("text/plain; version=0.0.4; charset=utf-8"),
            Offer::OpenMetrics1 => with_escaping!("application/openmetrics-text; version=1.0.0; charset=utf-8"),
            Offer::OpenMetrics0 => with_escaping!("application/openmetrics-text; version=0.0.1; charset=utf-8"),
            Offer::Protobuf => with_escaping!(
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
