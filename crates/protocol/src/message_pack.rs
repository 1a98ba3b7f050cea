//! MessagePack as another dress of the same JSON frames: maps, arrays, texts, numbers, truths, nil.
//!
//! Both ways are one pass without a tree in memory, bounded in depth and in what comes out.

use std::io;

/// The sub-protocol that selects this version in MessagePack.
pub const SUBPROTOCOL: &str = "vigil.v1.msgpack";

/// How deep a client's message may be nested: enough for what is refused with a reason when it is read.
const MAX_DEPTH: usize = 100;

/// How much longer than the message its JSON may become.
const MAX_GROWTH: usize = 8;

/// Why a message is no frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is no MessagePack map with text keys: {0}")]
pub struct NotMessagePack(String);

/// JSON as MessagePack. What is no JSON becomes nil: only the server's own frames come here.
pub fn from_json(json: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(json.len());
    let mut from = serde_json::Deserializer::from_slice(json);
    let mut into = rmp_serde::Serializer::new(&mut message);
    if serde_transcode::transcode(&mut from, &mut into).is_err() {
        return vec![0xc0];
    }
    message
}

/// Several frames of one channel in one message, as [`crate::batch`] in JSON. The frames are copied.
pub fn batch(channel: &str, frames: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let head = serde_json::json!({ "type": "batch", "channel": channel });
    let mut message = from_json(head.to_string().as_bytes());
    // A map of up to fifteen fields begins with their number in the low half of one byte.
    if let Some(first) = message.first_mut() {
        *first += 1;
    }
    message.extend_from_slice(b"\xa4data\xdd");
    message.extend_from_slice(&(frames.len() as u32).to_be_bytes());
    for frame in frames {
        message.extend_from_slice(frame.as_ref());
    }
    message
}

/// A client's message as JSON.
pub fn to_json(message: &[u8]) -> Result<String, NotMessagePack> {
    let refused = |error: &dyn std::fmt::Display| {
        NotMessagePack(error.to_string().chars().take(200).collect())
    };
    let mut rest = message;
    let mut from = rmp_serde::Deserializer::new(&mut rest);
    from.set_max_depth(MAX_DEPTH);
    let mut json = Bounded {
        bytes: Vec::with_capacity(message.len() + 64),
        limit: message.len().saturating_mul(MAX_GROWTH) + 64,
    };
    let mut into = serde_json::Serializer::new(&mut json);
    serde_transcode::transcode(&mut from, &mut into).map_err(|error| refused(&error))?;
    drop(from);
    if !rest.is_empty() {
        return Err(NotMessagePack("something follows the map".to_owned()));
    }
    String::from_utf8(json.bytes).map_err(|error| refused(&error))
}

/// Bytes up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > self.limit {
            return Err(io::Error::other("it is too long as JSON"));
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_and_back() {
        let json = r#"{"id":"7","type":"subscribe","data":{"since":{"epoch":"k","offset":18446744073709551615},"x":[1,-2,1.5,true,null,"ä"]}}"#;
        let message = from_json(json.as_bytes());
        assert!(message.len() < json.len());
        assert_eq!(to_json(&message).unwrap(), json);
    }

    /// What is published may be as deep as in JSON, and what is deeper is answered like there.
    #[test]
    fn depth_is_not_bounded_sooner_than_in_json() {
        let json = format!(
            r#"{{"data":{{"data":{}{}}}}}"#,
            "[".repeat(80),
            "]".repeat(80)
        );
        assert_eq!(to_json(&from_json(json.as_bytes())).unwrap(), json);
    }

    #[test]
    fn a_batch_is_the_same_as_in_json() {
        let frames = [r#"{"a":1}"#, r#"{"b":[2]}"#];
        let packed = frames.map(|frame| from_json(frame.as_bytes()));
        let json = String::from_utf8(crate::batch("threats", &frames)).unwrap();
        assert_eq!(to_json(&batch("threats", &packed)).unwrap(), json);
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let deep = [vec![0x91; 5_000], vec![0xc0]].concat();
        for message in [
            &b""[..],
            b"\xc1",
            b"\x81",
            b"\x81\x01\x02\x03",
            b"\xdf\xff\xff\xff\xff",
            b"\xdb\xff\xff\xff\xffabc",
            b"\x80\x80",
            b"\xa2\xff\xfe",
            &deep,
        ] {
            let read = to_json(message);
            let is_text = read
                .as_ref()
                .is_ok_and(|text| serde_json::from_str::<serde_json::Value>(text).is_ok());
            assert!(read.is_err() || is_text, "{message:?} {read:?}");
        }
        assert!(to_json(&deep).is_err());
        assert!(to_json(b"\x80\x80").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(json) = to_json(&bytes) {
                prop_assert!(json.len() <= bytes.len() * MAX_GROWTH + 64);
            }
        }

        #[test]
        fn any_json_comes_back(text in "\\PC{0,40}", number: i64, truth: bool) {
            let json = serde_json::json!({ "t": text, "n": [number, truth, null], "m": { "x": {} } }).to_string();
            prop_assert_eq!(to_json(&from_json(json.as_bytes())).unwrap(), json);
        }
    }
}
