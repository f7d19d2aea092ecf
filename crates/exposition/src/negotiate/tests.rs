//! What real clients send, and what they get.

use super::*;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const OPENMETRICS_0: &str = "application/openmetrics-text; version=0.0.1; charset=utf-8";
const PROTOBUF: &str = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// `scrapeAcceptHeader` of Prometheus 2.42's scrape/scrape.go.
const PROMETHEUS_2_42: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                               text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
/// The same with `--enable-feature=native-histograms`.
const PROMETHEUS_2_42_NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                                      encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,\
                                      application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,\
                                      */*;q=0.1";
/// 2.53 by its default `scrape_protocols`.
const PROMETHEUS_2_53: &str = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;\
                               version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
const PROMETHEUS_2_53_NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                                      encoding=delimited;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4,\
                                      application/openmetrics-text;version=0.0.1;q=0.3,text/plain;version=0.0.4;q=0.2,\
                                      */*;q=0.1";
/// 3.x, which adds the escaping scheme to the newer versions of the text formats only.
const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;\
                            escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
const PROMETHEUS_3_NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                                   encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;\
                                   escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
                                   text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,\
                                   */*;q=0.1";
const PROMETHEUS_3_TEXT_1: &str = "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.5";
const CHROME: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,\
                      application/signed-exchange;v=b3;q=0.7";

#[test]
fn each_client_gets_its_format() {
    let utf8 = format!("{OPENMETRICS}; escaping=allow-utf-8");
    let proto = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding";
    let cases: &[(&str, &str)] = &[
        ("", TEXT),
        ("*/*", TEXT),
        (PROMETHEUS_2_42, OPENMETRICS),
        (PROMETHEUS_2_42_NATIVE, PROTOBUF),
        (PROMETHEUS_2_53, OPENMETRICS),
        (PROMETHEUS_2_53_NATIVE, PROTOBUF),
        (PROMETHEUS_3, &utf8),
        (PROMETHEUS_3_NATIVE, PROTOBUF),
        (PROMETHEUS_3_TEXT_1, TEXT),
        (CHROME, TEXT),
        // As in the table of prometheus/common's tests.
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", PROTOBUF),
        ("application/vnd.google.protobuf;proto=illegal;encoding=delimited", TEXT),
        (&format!("{proto}=illegal"), TEXT),
        (&format!("{proto}=text"), TEXT),
        ("application/openmetrics-text", OPENMETRICS_0),
        ("application/openmetrics-text;version=0.0.1", OPENMETRICS_0),
        ("application/openmetrics-text;version=1.0.0", OPENMETRICS),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        ("text/plain", TEXT),
        ("text/plain;version=0.0.4", TEXT),
        ("application/json", TEXT),
        // Weights and wildcards.
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.6", TEXT),
        ("text/plain;q=0.5,application/openmetrics-text;version=1.0.0;q=0.6", OPENMETRICS),
        ("text/plain,application/openmetrics-text;version=1.0.0", TEXT),
        ("application/openmetrics-text;version=1.0.0,text/plain", OPENMETRICS),
        ("*/*,application/openmetrics-text;version=1.0.0", OPENMETRICS),
        ("*/*,application/openmetrics-text;version=1.0.0;q=0.9", TEXT),
        ("text/plain;q=0.1,*/*,application/openmetrics-text;version=1.0.0;q=0.9", OPENMETRICS),
        ("application/*", TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0", TEXT),
        ("text/plain;q=0", TEXT),
        ("APPLICATION/OpenMetrics-Text; Version=\"1.0.0\"", OPENMETRICS),
        (";;;,,q=,=", TEXT),
    ];
    for (accept, expected) in cases {
        assert_eq!(format(Some(accept)).content_type, *expected, "{accept}");
    }
    assert_eq!(format(None).content_type, TEXT);
    assert_eq!(format(None).format, Format::Text);
    assert_eq!(format(Some(PROMETHEUS_2_42)).format, Format::OpenMetrics);
    assert_eq!(format(Some(PROMETHEUS_2_42_NATIVE)).format, Format::Protobuf);
}

#[test]
fn the_escaping_scheme_is_answered() {
    let cases = [
        ("allow-utf-8", "; escaping=allow-utf-8"),
        ("underscores", "; escaping=underscores"),
        ("dots", "; escaping=underscores"),
        ("values", "; escaping=values"),
        ("unheard-of", ""),
    ];
    for (asked, answered) in cases {
        for (range, base) in [
            ("text/plain;version=0.0.4", TEXT),
            ("application/openmetrics-text;version=1.0.0", OPENMETRICS),
            ("application/openmetrics-text;version=0.0.1", OPENMETRICS_0),
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", PROTOBUF),
        ] {
            let answer = format(Some(&format!("{range};escaping={asked}"))).content_type;
            assert_eq!(answer, format!("{base}{answered}"), "{asked}");
        }
    }
}

#[test]
fn each_client_gets_its_packing() {
    use Encoding::{Gzip, Identity, Zstd};
    let cases = [
        ("", Identity),
        ("gzip", Gzip),
        ("x-gzip", Gzip),
        ("zstd", Zstd),
        ("identity", Identity),
        ("GZIP", Gzip),
        ("br", Identity),
        ("gzip, deflate, br, zstd", Zstd),
        ("gzip;q=1.0, zstd;q=0.5", Gzip),
        ("gzip;q=0.5, zstd;q=1.0", Zstd),
        ("gzip;q=0, zstd;q=0", Identity),
        ("gzip;q=0", Identity),
        ("identity, gzip;q=0.5", Identity),
        ("identity;q=0.5, gzip", Gzip),
        ("identity;q=0.5, gzip;q=0.5", Gzip),
        ("*", Identity),
        ("gzip;q=0.5, *;q=0.1", Gzip),
        ("gzip;q=0.1, *;q=0.5", Identity),
        ("identity;q=0, *", Gzip),
        ("*;q=0", Identity),
        ("*;q=0, gzip", Gzip),
        ("identity;q=0", Identity),
        ("gzip;q=0.001", Gzip),
    ];
    for (accept, expected) in cases {
        assert_eq!(encoding(Some(accept)), expected, "{accept}");
    }
    assert_eq!(encoding(None), Identity);
    assert_eq!([Identity, Gzip, Zstd].map(Encoding::token), [None, Some("gzip"), Some("zstd")]);
}
