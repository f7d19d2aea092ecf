//! Families encoded and packed once per change and kept, and the scrape that joins them with what changes all the time.
//!
//! The series of calls are many and change once per window; they are scraped every few seconds. So they are kept in parts,
//! such as those of one operation, and a part's bytes are made at the first scrape after it has changed, in the format that
//! the scrape asks for, and copied from then on; or they are made before it ([`Prepared::pack_ahead`]). A family is written
//! whole: its head, and the series of each part. At most nine copies exist (three formats in three packings); they go when
//! the last scrape that uses them is done.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Mutex;

use super::check;
use super::compress::{Packer, Piece, join, pack};
use super::model::Family;
use super::negotiate::{self, Accepted, Encoding, Format};
use super::{openmetrics, protobuf, text};

/// Families that won't change, with their bytes as far as they have been asked for.
pub struct Prepared {
    groups: Vec<Group>,
    settings: Settings,
    asked: Arc<Asked>,
    kept: Slots<Making>,
}

/// How scrapes wanted it, and when one last did.
type Asked = std::sync::Mutex<HashMap<(Format, Encoding), Instant>>;

/// What nobody has asked for within this is not packed before somebody does: longer than between any two scrapes.
const ASKED_LATELY: Duration = Duration::from_secs(300);

/// Parts that have the same families.
pub type Group = Vec<Arc<Part>>;

/// Some of the series of each family of a list.
pub struct Part {
    source: Box<dyn Fn() -> Vec<Family> + Send + Sync>,
    kept: Slots<OnceLock<Encoded>>,
}

/// A part in one format and packing.
struct Encoded {
    /// Without their series.
    families: Vec<Family>,
    /// The series of each of them.
    series: Vec<Piece>,
}

/// One for each format in each packing.
type Slots<T> = [T; FORMATS * ENCODINGS];

const FORMATS: usize = 3;
const ENCODINGS: usize = 3;

#[derive(Default)]
struct Making {
    /// Held by the scrape that has the piece made; the others wait for it here, without a thread.
    making: Mutex<()>,
    piece: OnceLock<Piece>,
}

/// An answer to a scrape.
#[derive(Debug, Clone)]
pub struct Exposed {
    pub content_type: &'static str,
    pub content_encoding: Option<&'static str>,
    /// Written one after another.
    pub body: Vec<Bytes>,
}

/// How the user wants expositions to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// Whether OpenMetrics says by `_created` samples when a counter or histogram was 0.
    pub created_lines: bool,
}

impl Part {
    /// Of `source`, which says the same each time: the families in the order of all parts of its group.
    pub fn new(source: impl Fn() -> Vec<Family> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { source: Box::new(source), kept: Default::default() })
    }

    fn encoded(&self, format: Format, encoding: Encoding, settings: Settings, packer: &mut Packer) -> &Encoded {
        self.kept[place(format, encoding)].get_or_init(|| self.encode(format, settings, packer))
    }

    fn encode(&self, format: Format, settings: Settings, packer: &mut Packer) -> Encoded {
        let mut families = (self.source)();
        let series = families.iter_mut().map(|family| {
            let piece = packer.pack(|out| match format {
                Format::Text => text::series(family, out),
                Format::OpenMetrics => openmetrics::series(family, settings.created_lines, out),
                Format::Protobuf => protobuf::series(family, out),
            });
            family.series = Vec::new();
            piece
        });
        let series = series.collect();
        Encoded { families, series }
    }
}

impl Prepared {
    /// The families of one group after those of the other.
    pub fn new(groups: Vec<Group>, settings: Settings) -> Arc<Self> {
        Arc::new(Self { groups, settings, asked: Arc::default(), kept: Default::default() })
    }

    /// What the same scrapes are shown next.
    pub fn followed_by(&self, groups: Vec<Group>) -> Arc<Self> {
        Arc::new(Self { groups, settings: self.settings, asked: self.asked.clone(), kept: Default::default() })
    }

    /// Packs what no scrape has asked for yet, as scrapes have asked for it lately. Takes the processor.
    pub fn pack_ahead(&self) {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for ((format, encoding), _) in asked.into_iter().filter(|(_, at)| at.elapsed() < ASKED_LATELY) {
            let mut packer = Packer::new(encoding);
            // From the end: a scrape that comes meanwhile meets this once, and does not follow behind it part by part.
            for part in self.groups.iter().rev().flat_map(|group| group.iter().rev()) {
                part.encoded(format, encoding, self.settings, &mut packer);
            }
        }
    }

    /// All families.
    pub fn families(&self) -> Vec<Family> {
        let of_group = |group: &Group| {
            group.iter().map(|part| (part.source)()).reduce(|mut all, part| {
                for (family, more) in all.iter_mut().zip(part) {
                    debug_assert_eq!(family.name, more.name);
                    family.series.extend(more.series);
                }
                all
            })
        };
        self.groups.iter().filter_map(of_group).flatten().collect()
    }

    /// All families, with the series of one part.
    fn some_series(&self) -> Vec<Family> {
        self.groups.iter().filter_map(|group| group.first()).flat_map(|part| (part.source)()).collect()
    }

    /// The bytes in this format, packed; without what closes an exposition. To be joined by [`compose`].
    async fn piece(self: &Arc<Self>, format: Format, encoding: Encoding) -> Piece {
        let place = place(format, encoding);
        let slot = &self.kept[place];
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert((format, encoding), Instant::now());
        if let Some(piece) = slot.piece.get() {
            return piece.clone();
        }
        let _making = slot.making.lock().await;
        if let Some(piece) = slot.piece.get() {
            return piece.clone();
        }
        let this = Arc::clone(self);
        let make = move || this.kept[place].piece.get_or_init(|| this.make(format, encoding)).clone();
        // Should this scrape's client go away, the thread finishes its work; the next scrape then waits for it in the cell.
        match tokio::task::spawn_blocking(make).await {
            Ok(piece) => piece,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is shutting down and takes no work: do it here, for a last scrape.
            Err(_) => self.make(format, encoding),
        }
    }

    fn make(&self, format: Format, encoding: Encoding) -> Piece {
        let mut packer = Packer::new(encoding);
        let mut pieces = Vec::new();
        for group in &self.groups {
            let encoded = |part| Part::encoded(part, format, encoding, self.settings, &mut packer);
            let parts: Vec<_> = group.iter().map(|part| &**part).map(encoded).collect();
            let families = parts.first().map_or(&[][..], |part| &part.families);
            for (number, family) in families.iter().enumerate() {
                let series = parts.iter().filter_map(|part| part.series.get(number));
                let series: Piece = series.cloned().collect();
                if series.length > 0 {
                    pieces.push(packer.pack(|out| head(format, family, series.length, out)));
                    pieces.push(series);
                }
            }
        }
        pieces.into_iter().collect()
    }
}

fn place(format: Format, encoding: Encoding) -> usize {
    format as usize * ENCODINGS + encoding as usize
}

/// The answer to a scrape with these request headers: the prepared families, followed by `small`, which is encoded now, on
/// the calling task (some hundred series take less time than handing them to a thread).
///
/// No name may stand in both: Prometheus takes a family that comes twice for an error (seen to in debug builds).
pub async fn expose(
    prepared: &Arc<Prepared>,
    small: &[Family],
    accept: Option<&str>,
    accept_encoding: Option<&str>,
) -> Exposed {
    compose(prepared, small, negotiate::format(accept), negotiate::encoding(accept_encoding)).await
}

/// As [`expose`], for a client whose wishes are known.
pub async fn compose(prepared: &Arc<Prepared>, small: &[Family], accepted: Accepted, encoding: Encoding) -> Exposed {
    let Accepted { format, content_type } = accepted;
    debug_assert_eq!(check::shared_names(&prepared.some_series(), small), Vec::<String>::new());
    let mut end = encode(format, small, prepared.settings);
    if format == Format::OpenMetrics {
        end.extend_from_slice(openmetrics::EOF);
    }
    let pieces = [prepared.piece(format, encoding).await, pack(encoding, &end)];
    Exposed { content_type, content_encoding: encoding.token(), body: join(encoding, pieces) }
}

fn encode(format: Format, families: &[Family], settings: Settings) -> Vec<u8> {
    let mut out = Vec::new();
    match format {
        Format::Text => text::encode(families, &mut out),
        Format::OpenMetrics => openmetrics::encode(families, settings.created_lines, &mut out),
        Format::Protobuf => protobuf::encode(families, &mut out),
    }
    out
}

fn head(format: Format, family: &Family, series_bytes: usize, out: &mut Vec<u8>) {
    match format {
        Format::Text => text::head(family, out),
        Format::OpenMetrics => openmetrics::head(family, out),
        Format::Protobuf => protobuf::head(family, series_bytes, out),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::model::{Kind, Series, Value};
    use crate::samples;

    const FORMATS: [Format; 3] = [Format::Text, Format::OpenMetrics, Format::Protobuf];
    const ENCODINGS: [Encoding; 3] = [Encoding::Identity, Encoding::Gzip, Encoding::Zstd];

    /// Every kind, the series of each family in one part or in two.
    fn prepared(settings: Settings) -> Arc<Prepared> {
        let families = samples::every_kind();
        let half = |is_second: bool| {
            let mut families = families.clone();
            for family in &mut families {
                let middle = family.series.len() / 2;
                family.series =
                    if is_second { family.series.split_off(middle) } else { family.series[..middle].to_vec() };
            }
            Part::new(move || families.clone())
        };
        Prepared::new(vec![vec![half(false), half(true)], Vec::new()], settings)
    }

    fn small() -> Vec<Family> {
        let series = vec![Series { labels: Vec::new(), value: Value::Gauge(1.0), created: None }];
        vec![Family { name: "up".into(), help: "Up.".into(), kind: Kind::Gauge, series }]
    }

    fn unpacked(encoding: Encoding, body: &[Bytes]) -> Vec<u8> {
        let body = body.concat();
        let mut plain = Vec::new();
        match encoding {
            Encoding::Identity => plain = body,
            Encoding::Gzip => {
                flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain).unwrap();
            }
            Encoding::Zstd => plain = zstd::stream::decode_all(body.as_slice()).unwrap(),
        }
        plain
    }

    #[tokio::test]
    async fn a_scrape_is_the_prepared_part_and_the_small_one() {
        for format in FORMATS {
            // The encoding that is asked for first may or may not be made from kept plain bytes.
            for order in [[0, 1, 2], [2, 1, 0]] {
                let prepared = prepared(Settings::default());
                for encoding in order.map(|place| ENCODINGS[place]) {
                    let accepted = Accepted { format, content_type: "x" };
                    let exposed = compose(&prepared, &small(), accepted, encoding).await;
                    let mut expected = encode(format, &[samples::every_kind(), small()].concat(), Settings::default());
                    if format == Format::OpenMetrics {
                        expected.extend_from_slice(b"# EOF\n");
                    }
                    assert_eq!(unpacked(encoding, &exposed.body), expected, "{format:?} {encoding:?}");
                    assert_eq!(exposed.content_encoding, encoding.token());
                }
            }
        }
    }

    #[tokio::test]
    async fn headers_decide() {
        let prepared = prepared(Settings { created_lines: true });
        let accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.2";
        let exposed = expose(&prepared, &small(), Some(accept), Some("gzip")).await;
        assert_eq!(
            exposed.content_type,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
        );
        assert_eq!(exposed.content_encoding, Some("gzip"));
        let text = String::from_utf8(unpacked(Encoding::Gzip, &exposed.body)).unwrap();
        assert!(text.contains("calls_created{") && text.ends_with("up 1\n# EOF\n"), "{text}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn concurrent_first_scrapes_encode_once() {
        let prepared = prepared(Settings::default());
        let scrapes: Vec<_> = (0..32)
            .map(|_| {
                let prepared = Arc::clone(&prepared);
                tokio::spawn(async move { prepared.piece(Format::Text, Encoding::Gzip).await.bytes.remove(1) })
            })
            .collect();
        let mut places = std::collections::HashSet::new();
        for scrape in scrapes {
            places.insert(scrape.await.unwrap().as_ptr() as usize);
        }
        assert_eq!(places.len(), 1, "each scrape should get the same bytes in memory");
    }

    #[tokio::test]
    async fn what_is_packed_ahead_is_what_was_asked_for_and_is_not_made_again() {
        let made = Arc::new(AtomicUsize::new(0));
        let group = || {
            let made = made.clone();
            let source = move || {
                made.fetch_add(1, Ordering::Relaxed);
                samples::every_kind()
            };
            vec![Part::new(source.clone()), Part::new(source)]
        };
        let made_by = |work: &dyn Fn()| {
            let before = made.load(Ordering::Relaxed);
            work();
            made.load(Ordering::Relaxed) - before
        };
        let first = Prepared::new(vec![group()], Settings::default());
        assert_eq!(made_by(&|| first.pack_ahead()), 0, "nobody has asked");
        let mut last = first;
        for (asked, format, encoding) in [
            (1, Format::Text, Encoding::Gzip),
            (1, Format::Text, Encoding::Gzip),
            (2, Format::OpenMetrics, Encoding::Zstd),
            (3, Format::Protobuf, Encoding::Identity),
        ] {
            last.piece(format, encoding).await;
            last = last.followed_by(vec![group()]);
            assert_eq!(made_by(&|| last.pack_ahead()), 2 * asked, "each part as each was asked for");
            assert_eq!(made_by(&|| last.pack_ahead()), 0);
            let before = made.load(Ordering::Relaxed);
            let ahead = last.piece(format, encoding).await;
            assert_eq!(made.load(Ordering::Relaxed), before, "{format:?} {encoding:?}");
            let anew = Prepared::new(vec![group()], Settings::default()).piece(format, encoding).await;
            assert_eq!(ahead.bytes.concat(), anew.bytes.concat(), "{format:?} {encoding:?}");
        }
    }

    #[tokio::test]
    async fn bytes_go_with_the_last_reference() {
        let prepared = prepared(Settings::default());
        let weak = Arc::downgrade(&prepared);
        compose(&prepared, &small(), negotiate::format(None), Encoding::Identity).await;
        drop(prepared);
        assert!(weak.upgrade().is_none());
    }

    #[tokio::test]
    #[should_panic(expected = "offset_seconds")]
    async fn a_name_in_both_parts_is_noticed() {
        let prepared = prepared(Settings::default());
        compose(&prepared, &samples::every_kind()[1..2], negotiate::format(None), Encoding::Identity).await;
    }
}
