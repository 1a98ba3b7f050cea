//! Bodies that were sent compressed: as the application reads them.
//!
//! What: undoes one `Content-Encoding`, as far as [`MAX_INFLATED`]. Input: what the header says, and the
//! body, which may have been cut. Output: what it stands for; none where nothing can be made of it.
//! Example: `gzip`. Limits: gzip and deflate; other encodings, and several on one another, stay as they are.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// The most that is made of a body: as much as is looked at of one that was sent plainly, however little
/// it takes to say more.
const MAX_INFLATED: usize = 128 << 10;

/// The body before it was compressed.
pub(super) fn inflated(encoding: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    match encoding.trim_ascii().to_ascii_lowercase().as_slice() {
        b"gzip" | b"x-gzip" => read(MultiGzDecoder::new(body)),
        // Some programs mean it without the header of zlib (RFC 9110, 8.4.1.2).
        b"deflate" => read(ZlibDecoder::new(body)).or_else(|| read(DeflateDecoder::new(body))),
        _ => None,
    }
}

/// What can be read; what comes before a fault or the end of what was cut counts.
fn read(from: impl Read) -> Option<Vec<u8>> {
    let mut made = Vec::new();
    let ended = from.take(MAX_INFLATED as u64).read_to_end(&mut made);
    (!made.is_empty() || ended.is_ok()).then_some(made)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_was_compressed_is_read_as_it_was() {
        let text = b"q=1 union select".repeat(50);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&text).unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(&text).unwrap();
        for (encoding, body) in [
            (&b"gzip"[..], gzip(&text)),
            (b" X-GZip", gzip(&text)),
            (b"deflate", zlib.finish().unwrap()),
            (b"deflate", bare.finish().unwrap()),
        ] {
            assert_eq!(inflated(encoding, &body).as_deref(), Some(&text[..]));
        }
        for encoding in [&b"identity"[..], b"br", b"gzip, gzip", b""] {
            assert_eq!(inflated(encoding, &gzip(&text)), None);
        }
        assert_eq!(inflated(b"gzip", b"q=1 union select"), None);
    }

    #[test]
    fn what_was_cut_is_read_so_far_and_a_bomb_is_bounded() {
        let varied: Vec<u8> = (0..20_000_u32).flat_map(u32::to_be_bytes).collect();
        let whole = gzip(&varied);
        let half = inflated(b"gzip", whole.split_at(whole.len() / 2).0).unwrap();
        assert!(half.len() > 10_000 && varied.starts_with(&half));
        let bomb = gzip(&vec![b'a'; 50 << 20]);
        assert_eq!(
            inflated(b"gzip", &bomb).map(|made| made.len()),
            Some(MAX_INFLATED)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            cut in 0_usize..60,
        ) {
            inflated(b"gzip", &bytes);
            inflated(b"deflate", &bytes);
            let whole = gzip(&bytes);
            inflated(b"gzip", whole.get(..cut).unwrap_or(&whole));
        }
    }
}
