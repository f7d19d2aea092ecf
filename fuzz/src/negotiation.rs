use exposition::negotiate::{Encoding, Format, encoding, format};

/// `Accept`, and behind the end of its line `Accept-Encoding`. Panics where what is sent was not asked for.
pub fn negotiation(headers: &[u8]) {
    let headers = String::from_utf8_lossy(headers);
    let (accept, accept_encoding) = headers.split_once('\n').unwrap_or((&headers, ""));
    let names = |header: &str, name: &str| header.to_ascii_lowercase().contains(name);
    let accepted = format(Some(accept));
    let media_type = match accepted.format {
        Format::Text => "text/plain",
        Format::OpenMetrics => "application/openmetrics-text",
        Format::Protobuf => "application/vnd.google.protobuf",
    };
    assert!(accepted.content_type.starts_with(media_type), "{accepted:?}");
    assert!(accepted.format == Format::Text || names(accept, media_type), "{accepted:?} for {accept:?}");
    let packing = encoding(Some(accept_encoding));
    let asked_for = match packing {
        Encoding::Identity => true,
        Encoding::Gzip => names(accept_encoding, "gzip") || names(accept_encoding, "*"),
        Encoding::Zstd => names(accept_encoding, "zstd"),
    };
    assert!(asked_for, "{packing:?} for {accept_encoding:?}");
}
