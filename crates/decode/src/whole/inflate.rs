//! Bodies that were sent compressed: as the application reads them.
//!
//! What: undoes `Content-Encoding`, the last that was applied first, as far as [`MAX_INFLATED`] each. Input:
//! what the header says, and the body, which may have been cut. Output: what it stands for; none where
//! nothing can be made of it. Example: `gzip, br`. Limits: gzip, deflate, br and zstd, [`MAX_LAYERS`] of them
//! on one another; behind what is not known or not so encoded the rest stays as it is.

use std::io::Read;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The most that is made of a body: as much as is looked at of one that was sent plainly, however little
/// it takes to say more.
const MAX_INFLATED: usize = 128 << 10;
/// So many encodings are undone.
const MAX_LAYERS: usize = 4;
/// The largest window of zstd that HTTP allows (RFC 9659), in bytes.
const MAX_WINDOW: u64 = 8 << 20;
/// So many frames of zstd are read.
const MAX_FRAMES: usize = 256;
/// What ends a frame of zstd: an empty last block, and room for a checksum.
const END_OF_FRAME: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// The body before it was compressed.
pub(super) fn inflated(encodings: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let mut made: Option<Vec<u8>> = None;
    let mut layers = 0;
    for encoding in encodings.rsplit(|byte| *byte == b',') {
        let encoding = encoding.trim_ascii().to_ascii_lowercase();
        if matches!(&*encoding, b"" | b"identity") {
            continue;
        }
        let inner = undone(&encoding, made.as_deref().unwrap_or(body));
        layers += 1;
        if inner.is_none() || layers > MAX_LAYERS {
            break;
        }
        made = inner;
    }
    made
}

fn undone(encoding: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    match encoding {
        b"gzip" | b"x-gzip" => read(MultiGzDecoder::new(body)),
        // Some programs mean it without the header of zlib (RFC 9110, 8.4.1.2).
        b"deflate" => read(ZlibDecoder::new(body)).or_else(|| read(DeflateDecoder::new(body))),
        b"br" => brotli(body),
        b"zstd" => zstd(body),
        _ => None,
    }
}

/// What can be read; what comes before a fault or the end of what was cut counts.
fn read(from: impl Read) -> Option<Vec<u8>> {
    let mut made = Vec::new();
    let ended = from.take(MAX_INFLATED as u64).read_to_end(&mut made);
    (!made.is_empty() || ended.is_ok()).then_some(made)
}

/// The same of brotli, which has no mark of its own: with a fault in it, or something behind it, it is
/// something else.
fn brotli(body: &[u8]) -> Option<Vec<u8>> {
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new(alloc(), alloc(), alloc());
    let mut made = vec![0; MAX_INFLATED];
    let (mut unread, mut at) = (body.len(), 0);
    let (mut room, mut length, mut total) = (MAX_INFLATED, 0, 0);
    let ended = BrotliDecompressStream(
        &mut unread,
        &mut at,
        body,
        &mut room,
        &mut length,
        &mut made,
        &mut total,
        &mut state,
    );
    made.truncate(length);
    match ended {
        BrotliResult::ResultSuccess => (unread == 0).then_some(made),
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {
            (!made.is_empty()).then_some(made)
        }
        BrotliResult::ResultFailure => None,
    }
}

/// The same of frames of zstd. The decoder gives a frame's last window away only once the frame has ended:
/// one that was cut, or of which there is enough, is ended by hand.
fn zstd(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut made = Vec::new();
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(MAX_WINDOW);
    let mut is_any = false;
    for _ in 0..MAX_FRAMES {
        if body.is_empty() || made.len() >= MAX_INFLATED {
            break;
        }
        match decoder.reset(&mut body) {
            Ok(()) => is_any = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                body = body.get(length as usize..).unwrap_or_default();
                continue;
            }
            Err(_) => break,
        }
        let wanted = BlockDecodingStrategy::UptoBytes(MAX_INFLATED - made.len());
        let is_whole = decoder
            .decode_blocks(&mut body, wanted)
            .is_ok_and(|ended| ended);
        if !is_whole {
            body = &[];
            let end = decoder.decode_blocks(&END_OF_FRAME[..], BlockDecodingStrategy::All);
            if end.is_err() {
                break;
            }
        }
        made.extend(decoder.collect().unwrap_or_default());
    }
    made.truncate(MAX_INFLATED);
    is_any.then_some(made)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    /// `q=1 union select` fifty times, by the program `brotli`.
    const BROTLI: [u8; 22] = [
        0xa1, 0xf8, 0x18, 0xc0, 0x2f, 0x19, 0xd3, 0x13, 0x97, 0x84, 0x6c, 0x52, 0x58, 0x0e, 0x70,
        0x8a, 0x3a, 0x9d, 0x27, 0x62, 0x65, 0x00,
    ];
    /// The same by `zstd`: with a checksum and a single segment, and as it comes from a pipe.
    const ZSTD: [u8; 37] = [
        0x28, 0xb5, 0x2f, 0xfd, 0x64, 0x20, 0x02, 0xbd, 0x00, 0x00, 0x80, 0x71, 0x3d, 0x31, 0x20,
        0x75, 0x6e, 0x69, 0x6f, 0x6e, 0x20, 0x73, 0x65, 0x6c, 0x65, 0x63, 0x74, 0x01, 0x00, 0x1a,
        0x4e, 0x35, 0x97, 0x82, 0xac, 0xc7, 0x69,
    ];
    const ZSTD_OF_PIPE: [u8; 32] = [
        0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0xbd, 0x00, 0x00, 0x80, 0x71, 0x3d, 0x31, 0x20, 0x75,
        0x6e, 0x69, 0x6f, 0x6e, 0x20, 0x73, 0x65, 0x6c, 0x65, 0x63, 0x74, 0x01, 0x00, 0x1a, 0x4e,
        0x35, 0x97,
    ];
    /// Fifty million times `a`, by `brotli -q 5`.
    const BOMB: &str = "cfffff7f0024c2e2b14072effff9ffff0f8004401c1680eefd3fffffff01900088c302d0bdffcfffff0f001200715800baf71f";

    fn text() -> Vec<u8> {
        b"q=1 union select".repeat(50)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd_of(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    #[test]
    fn what_was_compressed_is_read_as_it_was() {
        let text = text();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&text).unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(&text).unwrap();
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7][..], &ZSTD].concat();
        for (encoding, body) in [
            (&b"gzip"[..], gzip(&text)),
            (b" X-GZip", gzip(&text)),
            (b"deflate", zlib.finish().unwrap()),
            (b"deflate", bare.finish().unwrap()),
            (b"br", BROTLI.to_vec()),
            (b"zstd", ZSTD.to_vec()),
            (b"zstd", ZSTD_OF_PIPE.to_vec()),
            (b"zstd", zstd_of(&text)),
            (b"zstd", skipped),
            (b"br, gzip", gzip(&BROTLI)),
            (b"identity,br , , GZIP", gzip(&BROTLI)),
            (b"gzip,gzip,zstd", zstd_of(&gzip(&gzip(&text)))),
        ] {
            assert_eq!(inflated(encoding, &body).as_deref(), Some(&text[..]));
        }
        let twice = [ZSTD, ZSTD].concat();
        assert_eq!(inflated(b"zstd", &twice), Some(text.repeat(2)));
        for encoding in [&b"identity"[..], b"br", b"zstd", b"compress", b""] {
            assert_eq!(inflated(encoding, &gzip(&text)), None);
        }
        for encoding in [&b"gzip"[..], b"br", b"zstd"] {
            for plain in [
                &b"q=1 union select"[..],
                b"{\"id\": \"1' or 1=1\"}",
                b"<a>b</a>",
            ] {
                assert_eq!(inflated(encoding, plain), None);
            }
        }
    }

    #[test]
    fn behind_what_is_not_known_the_rest_stays() {
        let text = text();
        for encodings in [&b"compress, gzip"[..], b"br, gzip"] {
            assert_eq!(inflated(encodings, &gzip(&text)).as_ref(), Some(&text));
        }
        let deep = (0..=MAX_LAYERS).fold(text.clone(), |text, _| gzip(&text));
        assert_eq!(
            inflated(b"gzip,gzip,gzip,gzip,gzip", &deep),
            Some(gzip(&text))
        );
    }

    #[test]
    fn what_was_cut_is_read_so_far_and_a_bomb_is_bounded() {
        let varied: Vec<u8> = (0..20_000_u32).flat_map(u32::to_be_bytes).collect();
        let text = text();
        for (encoding, whole, all, least) in [
            (&b"gzip"[..], gzip(&varied), &varied, 10_000),
            // Two blocks, of which the second is cut.
            (
                b"zstd",
                zstd_of(&varied.repeat(3)),
                &varied.repeat(3),
                100_000,
            ),
            (b"br", BROTLI.to_vec(), &text, 5),
        ] {
            let cut = whole.len() * 19 / 20;
            let part = inflated(encoding, whole.split_at(cut).0).unwrap();
            assert!(
                part.len() >= least && all.starts_with(&part),
                "{}",
                part.len()
            );
        }
        let plain = vec![b'a'; 50 << 20];
        let brotli: Vec<u8> = BOMB
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        for (encoding, bomb) in [
            (&b"gzip"[..], gzip(&plain)),
            (b"br", brotli),
            (b"zstd", zstd_of(&plain)),
            (b"zstd", ZSTD.repeat(10_000)),
            (b"gzip, gzip", gzip(&gzip(&plain))),
        ] {
            let made = inflated(encoding, &bomb).map(|made| made.len());
            assert!(
                made.is_some_and(|made| made > 100_000 && made <= MAX_INFLATED),
                "{made:?}"
            );
        }
        // A window that HTTP does not allow is not made room for.
        let mut wide = ZSTD_OF_PIPE.to_vec();
        wide.splice(5..=5, [0xa0]);
        assert_eq!(inflated(b"zstd", &wide), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            cut in 0_usize..60,
            (place, byte) in (0_usize..22, any::<u8>()),
        ) {
            for encoding in [&b"gzip"[..], b"deflate", b"br", b"zstd", b"br,zstd"] {
                inflated(encoding, &bytes);
            }
            for (encoding, whole) in [(&b"gzip"[..], gzip(&bytes)), (b"zstd", zstd_of(&bytes))] {
                inflated(encoding, whole.get(..cut).unwrap_or(&whole));
            }
            for (encoding, mut whole) in [(&b"br"[..], BROTLI.to_vec()), (b"zstd", ZSTD.to_vec())] {
                whole.splice(place..=place, [byte]);
                inflated(encoding, &whole);
            }
        }
    }
}
