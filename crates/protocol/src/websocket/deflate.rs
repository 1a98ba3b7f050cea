//! permessage-deflate (RFC 7692) without context takeover in either direction.
//!
//! Nothing is kept from one message to the next: a compressed message is the same for everybody and is
//! made once, and what comes is inflated within the bound of a message.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::reader::Fault;

/// What the server answers when it takes an offer.
pub const ACCEPTED: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// How hard is tried. Higher levels gain a few per cent on JSON and cost twice the time.
const LEVEL: u32 = 3;

/// What a sync flush ends with, which is left out on the wire.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// How many offers of one client are looked at.
const MAX_OFFERS: usize = 16;

/// The answer to what stands in `Sec-WebSocket-Extensions`: the first offer that can be kept, if any.
///
/// The server's window has always 32 KiB, so an offer that wants a smaller one can't be kept.
pub fn negotiate(offers: &str) -> Option<String> {
    split(offers, ',').take(MAX_OFFERS).find_map(answer)
}

fn answer(offer: &str) -> Option<String> {
    let mut parts = split(offer, ';');
    (parts.next()?.trim() == "permessage-deflate").then_some(())?;
    let mut seen: Vec<&str> = Vec::new();
    let mut said = ACCEPTED.to_owned();
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(unquoted(value.trim()))),
            None => (part.trim(), None),
        };
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        match (name, value) {
            (
                "server_no_context_takeover"
                | "client_no_context_takeover"
                | "client_max_window_bits",
                None,
            ) => {}
            ("client_max_window_bits", Some(bits)) if is_window(bits) => {}
            ("server_max_window_bits", Some("15")) => said.push_str("; server_max_window_bits=15"),
            _ => return None,
        }
    }
    Some(said)
}

/// The parts of a list, which may be empty; a separator within quotes is none.
fn split(list: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    list.split(move |one: char| {
        is_quoted ^= one == '"';
        one == separator && !is_quoted
    })
}

fn unquoted(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value)
}

fn is_window(bits: &str) -> bool {
    matches!(bits, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
}

/// Compresses messages, each by itself. Holds some 300 KiB, so there is one for many connections.
#[derive(Debug)]
pub struct Deflater(Compress);

impl Default for Deflater {
    fn default() -> Self {
        Self(Compress::new(Compression::new(LEVEL), false))
    }
}

impl Deflater {
    /// The payload of a compressed message; none where it would be no shorter.
    pub fn deflate(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        self.0.reset();
        // What is not shorter is of no use, so there is no more room than that.
        let mut out = Vec::with_capacity(payload.len() + TAIL.len());
        let flush = FlushCompress::Sync;
        let status = self.0.compress_vec(payload, &mut out, flush).ok()?;
        let is_whole = status == Status::Ok
            && self.0.total_in() == payload.len() as u64
            && out.ends_with(&TAIL);
        out.truncate(out.len().saturating_sub(TAIL.len()));
        (is_whole && out.len() < payload.len()).then_some(out)
    }
}

/// What a compressed message says, if it is at most so long.
pub fn inflate(payload: &[u8], max: usize) -> Result<Vec<u8>, Fault> {
    let mut inflater = Decompress::new(false);
    let mut out = Vec::with_capacity(payload.len().saturating_mul(3).min(max).max(64));
    for part in [payload, TAIL.as_slice()] {
        let before = inflater.total_in();
        loop {
            let taken = usize::try_from(inflater.total_in() - before).unwrap_or(usize::MAX);
            let rest = part.get(taken..).unwrap_or_default();
            let (had, read) = (out.len(), inflater.total_in());
            let status = inflater
                .decompress_vec(rest, &mut out, FlushDecompress::Sync)
                .map_err(|_| Fault::BadPayload)?;
            if out.len() > max {
                return Err(Fault::TooBig);
            }
            if status == Status::StreamEnd {
                // A client may end the stream with the message; what follows is only the tail.
                return Ok(out);
            }
            if out.len() == out.capacity() {
                // One more than allowed, to tell the longest message from one that is too long.
                let more = out
                    .capacity()
                    .min((max + 1).saturating_sub(out.len()).max(1));
                out.reserve(more);
            } else if (had, read) == (out.len(), inflater.total_in()) || rest.is_empty() {
                break;
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn offers_are_taken_or_left() {
        let with_window = format!("{ACCEPTED}; server_max_window_bits=15");
        for (offers, answer) in [
            ("permessage-deflate", Some(ACCEPTED)),
            ("permessage-deflate; client_max_window_bits", Some(ACCEPTED)),
            (
                "permessage-deflate;client_max_window_bits=\"10\"",
                Some(ACCEPTED),
            ),
            ("x-webkit-deflate-frame, permessage-deflate", Some(ACCEPTED)),
            (
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                Some(ACCEPTED),
            ),
            (
                "permessage-deflate; server_max_window_bits=15",
                Some(with_window.as_str()),
            ),
            // The first can't be kept, the second can.
            (
                "permessage-deflate; server_max_window_bits=10, permessage-deflate",
                Some(ACCEPTED),
            ),
            ("permessage-deflate; server_max_window_bits=10", None),
            ("permessage-deflate; server_max_window_bits", None),
            ("permessage-deflate; client_max_window_bits=7", None),
            ("permessage-deflate; client_max_window_bits=16", None),
            ("permessage-deflate; server_no_context_takeover=1", None),
            (
                "permessage-deflate; client_max_window_bits; client_max_window_bits",
                None,
            ),
            ("permessage-deflate; secret", None),
            ("permessage-deflate;", None),
            (
                "permessage-bzip2, \"permessage-deflate, permessage-deflate\"",
                None,
            ),
            ("", None),
        ] {
            assert_eq!(negotiate(offers).as_deref(), answer, "{offers}");
        }
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        // RFC 7692, 7.2.3.1, 7.2.3.3 and 7.2.3.4: a usual block, one that is stored, and a final one.
        for bytes in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[
                0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
            ],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[
                0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
            ],
        ] {
            assert_eq!(inflate(bytes, 5).unwrap(), b"Hello", "{bytes:x?}");
            assert_eq!(inflate(bytes, 4), Err(Fault::TooBig), "{bytes:x?}");
        }
        assert_eq!(inflate(&[0xff; 8], 100), Err(Fault::BadPayload));
    }

    #[test]
    fn a_bomb_costs_no_more_than_a_message() {
        let bomb = Deflater::default().deflate(&vec![0; 10 << 20]).unwrap();
        assert!(bomb.len() < 64 << 10, "{}", bomb.len());
        assert_eq!(inflate(&bomb, 1 << 20), Err(Fault::TooBig));
        assert_eq!(inflate(&bomb, 10 << 20).unwrap().len(), 10 << 20);
    }

    #[test]
    fn what_gets_no_shorter_stays_as_it_is() {
        assert_eq!(Deflater::default().deflate(b"ab"), None);
        assert_eq!(Deflater::default().deflate(b""), None);
    }

    proptest! {
        #[test]
        fn what_is_compressed_is_read_back(
            words in proptest::collection::vec("[a-d]{1,6}", 0..400),
        ) {
            let text = words.concat();
            let mut deflater = Deflater::default();
            for _ in 0..2 {
                if let Some(small) = deflater.deflate(text.as_bytes()) {
                    prop_assert!(small.len() < text.len());
                    prop_assert_eq!(inflate(&small, text.len()).unwrap(), text.as_bytes());
                }
            }
        }

        #[test]
        fn nothing_panics(bytes: Vec<u8>, max in 0_usize..4_096) {
            if let Ok(said) = inflate(&bytes, max) {
                prop_assert!(said.len() <= max);
            }
        }

        #[test]
        fn no_offer_panics(offers: String) {
            negotiate(&offers);
        }
    }
}
