//! Compressed pieces that are made apart and sent as one stream.
//!
//! zstd frames follow one another (RFC 8878 §3). For gzip that would be legal as well (members, RFC 1952 §2.2), but browsers
//! and curl stop after the first member. So a piece is the inside of a member: raw deflate blocks that end on a byte
//! boundary and refer to nothing before them; the member's head and tail are put around all pieces, the checksum combined
//! from theirs.

use std::sync::Arc;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};

use super::negotiate::Encoding;

/// A part of a body, packed.
#[derive(Debug, Clone)]
pub struct Piece {
    /// One after another.
    pub bytes: Vec<Bytes>,
    /// Of the unpacked bytes.
    pub length: usize,
    /// CRC-32 and length of the unpacked bytes, which gzip's tail needs.
    crc: Option<Arc<Crc>>,
}

/// Fast before small: of the levels tried, 1 packs 13 MB ten times as fast as 6, and the first scrape after a change waits
/// for it.
const GZIP_LEVEL: u32 = 1;

/// As above; the packed bytes are nevertheless smaller than gzip's.
const ZSTD_LEVEL: i32 = 1;

/// Packs a part.
pub fn pack(encoding: Encoding, plain: &[u8]) -> Piece {
    Packer::new(encoding).pack(|out| out.extend_from_slice(plain))
}

/// Packs one part after another, each for itself. Beginning with a packer takes longer than packing a small part.
pub struct Packer {
    inner: Inner,
    /// Of the part before, and room for the next one: memory that is asked for anew for each part takes longer than packing it.
    plain: Vec<u8>,
    packed: Vec<u8>,
}

enum Inner {
    Identity,
    Gzip(Compress),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Packer {
    pub fn new(encoding: Encoding) -> Self {
        let inner = match encoding {
            Encoding::Identity => Inner::Identity,
            Encoding::Gzip => Inner::Gzip(Compress::new(Compression::new(GZIP_LEVEL), false)),
            Encoding::Zstd => Inner::Zstd(
                zstd::bulk::Compressor::new(ZSTD_LEVEL).expect("it is made of memory alone, for a level that exists"),
            ),
        };
        Self { inner, plain: Vec::new(), packed: Vec::new() }
    }

    /// Packs what `write` appends.
    pub fn pack(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Piece {
        let Self { inner, plain, packed } = self;
        plain.clear();
        write(plain);
        let length = plain.len();
        if length == 0 {
            return Piece { bytes: Vec::new(), length, crc: None };
        }
        packed.clear();
        let (bytes, crc) = match inner {
            Inner::Identity => (&*plain, None),
            Inner::Gzip(deflater) => {
                let mut crc = Crc::new();
                crc.update(plain);
                deflate(deflater, plain, packed);
                (&*packed, Some(Arc::new(crc)))
            }
            Inner::Zstd(packer) => {
                packed.reserve(zstd::zstd_safe::compress_bound(length));
                packer.compress_to_buffer(plain, packed).expect("compressing into memory knows no error");
                (&*packed, None)
            }
        };
        Piece { bytes: vec![Bytes::copy_from_slice(bytes)], length, crc }
    }
}

impl FromIterator<Piece> for Piece {
    /// The pieces, which must have been packed in the same encoding, as one.
    fn from_iter<I: IntoIterator<Item = Self>>(pieces: I) -> Self {
        let mut all = Self { bytes: Vec::new(), length: 0, crc: None };
        let mut crc = Crc::new();
        let mut has_crc = false;
        for piece in pieces {
            all.bytes.extend(piece.bytes);
            all.length += piece.length;
            if let Some(more) = &piece.crc {
                crc.combine(more);
                has_crc = true;
            }
        }
        all.crc = has_crc.then(|| Arc::new(crc));
        all
    }
}

/// The body that the pieces make together. All must have been packed in this encoding.
pub fn join(encoding: Encoding, pieces: impl IntoIterator<Item = Piece>) -> Vec<Bytes> {
    let Piece { bytes, crc, .. } = pieces.into_iter().collect();
    match encoding {
        // Whoever unpacks it waits for a frame.
        Encoding::Zstd if bytes.is_empty() => return vec![Bytes::from_static(&EMPTY_FRAME)],
        Encoding::Identity | Encoding::Zstd => return bytes,
        Encoding::Gzip => {}
    }
    let crc = crc.unwrap_or_default();
    let mut body = Vec::with_capacity(bytes.len() + 2);
    body.push(Bytes::from_static(&GZIP_HEAD));
    body.extend(bytes);
    let mut tail = LAST_BLOCK.to_vec();
    tail.extend_from_slice(&crc.sum().to_le_bytes());
    // Modulo 2^32, both here and in the format.
    tail.extend_from_slice(&crc.amount().to_le_bytes());
    body.push(tail.into());
    body
}

/// RFC 8878 §3.1.1: magic, a single segment of no bytes, and a last block of none.
const EMPTY_FRAME: [u8; 9] = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0];

/// RFC 1952 §2.3: magic, deflate, no flags, no time, fastest algorithm, unknown system.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// An empty block with fixed codes and the "last" bit, padded to a byte.
const LAST_BLOCK: [u8; 2] = [3, 0];

fn deflate(deflater: &mut Compress, plain: &[u8], packed: &mut Vec<u8>) {
    deflater.reset();
    // Text shrinks to less than a tenth; what doesn't fit grows below.
    packed.reserve(plain.len() / 8);
    loop {
        let read = deflater.total_in() as usize;
        packed.reserve(LEAST_ROOM);
        deflater
            .compress_vec(&plain[read..], packed, FlushCompress::Sync)
            .expect("deflating from memory into memory knows no error");
        // Room left over means that all has been read and flushed.
        if deflater.total_in() as usize == plain.len() && packed.len() < packed.capacity() {
            break;
        }
    }
}

/// The room that each step of packing has at least. More than a flush's marker of five bytes, lest one be written twice.
const LEAST_ROOM: usize = 4096;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    fn unpacked(encoding: Encoding, body: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match encoding {
            Encoding::Identity => plain = body.to_vec(),
            // Reads one member only, as browsers and curl do.
            Encoding::Gzip => {
                let mut rest = body;
                flate2::bufread::GzDecoder::new(&mut rest).read_to_end(&mut plain).map(|_| ()).unwrap();
                assert!(rest.is_empty(), "bytes after the member");
            }
            Encoding::Zstd => plain = zstd::stream::decode_all(body).unwrap(),
        }
        plain
    }

    #[test]
    fn nothing_unpacks_to_nothing() {
        for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd] {
            for pieces in [0, 1, 3] {
                let pieces = (0..pieces).map(|_| pack(encoding, b""));
                assert_eq!(unpacked(encoding, &join(encoding, pieces).concat()), b"", "{encoding:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_unpack_to_the_whole(
            parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), 0usize..200), 1..5),
            encoding in prop::sample::select(vec![Encoding::Identity, Encoding::Gzip, Encoding::Zstd]),
        ) {
            // Bytes that don't shrink, and repetitions that do, over several windows.
            let parts: Vec<Vec<u8>> = parts.into_iter().map(|(bytes, times)| bytes.repeat(times)).collect();
            let mut packer = Packer::new(encoding);
            let mut pieces: Vec<_> = parts.iter().map(|part| packer.pack(|out| out.extend_from_slice(part))).collect();
            prop_assert!(unpacked(encoding, &join(encoding, pieces.clone()).concat()) == parts.concat());
            // Pieces that were put together before are no different, nor is their order that in which they were packed.
            pieces.reverse();
            let (some, others) = pieces.split_at(pieces.len() / 2);
            let body = join(encoding, [some.iter().cloned().collect(), others.iter().cloned().collect()]).concat();
            let reversed: Vec<_> = parts.iter().rev().cloned().collect();
            prop_assert!(unpacked(encoding, &body) == reversed.concat());
        }
    }
}
