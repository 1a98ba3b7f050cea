//! A publication on the wire.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What is put around a publication's data. Borrowed: it lives for one encoding.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// What it tells, such as `threat.new`.
    pub kind: &'a str,
    /// The message's id: the same when it is sent again.
    pub id: &'a str,
    /// The channel.
    pub channel: &'a str,
    /// The channel's epoch.
    pub epoch: &'a str,
    /// Its place in the channel.
    pub offset: u64,
    /// When it was published, in RFC 3339.
    pub timestamp: &'a str,
    /// One JSON value, ready made. It is copied, never parsed.
    pub data: &'a [u8],
}

#[derive(Serialize)]
struct Head<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: &'a str,
    channel: &'a str,
    epoch: &'a str,
    offset: u64,
    timestamp: &'a str,
}

impl Envelope<'_> {
    /// The frame as JSON. It is valid UTF-8 whatever the data is: bytes that are none are replaced.
    pub fn encode(&self) -> Vec<u8> {
        let head = Head {
            kind: self.kind,
            id: self.id,
            channel: self.channel,
            epoch: self.epoch,
            offset: self.offset,
            timestamp: self.timestamp,
        };
        let mut frame = Vec::with_capacity(256 + self.data.len());
        // Writing strings and a number to memory has no way to fail.
        if serde_json::to_writer(&mut frame, &head).is_err() {
            return Vec::new();
        }
        frame.pop();
        frame.extend_from_slice(b",\"data\":");
        if self.data.is_empty() {
            frame.extend_from_slice(b"null");
        } else {
            frame.extend_from_slice(String::from_utf8_lossy(self.data).as_bytes());
        }
        frame.push(b'}');
        frame
    }
}

/// Several frames of one channel in one message: `{"type":"batch","channel":…,"data":[…]}`. The frames
/// are copied, never parsed.
pub fn batch(channel: &str, frames: &[impl AsRef<[u8]>]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Head<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        channel: &'a str,
    }

    let room: usize = frames.iter().map(|frame| frame.as_ref().len() + 1).sum();
    let mut message = Vec::with_capacity(64 + channel.len() + room);
    let head = Head {
        kind: "batch",
        channel,
    };
    // Writing strings to memory has no way to fail.
    if serde_json::to_writer(&mut message, &head).is_err() {
        return Vec::new();
    }
    message.pop();
    message.extend_from_slice(b",\"data\":[");
    for (place, frame) in frames.iter().enumerate() {
        if place > 0 {
            message.push(b',');
        }
        message.extend_from_slice(frame.as_ref());
    }
    message.extend_from_slice(b"]}");
    message
}

/// A publication as a client receives it.
#[derive(Clone, Debug, Deserialize)]
pub struct Received {
    /// See [`Envelope::kind`].
    #[serde(rename = "type")]
    pub kind: String,
    /// See [`Envelope::id`].
    pub id: String,
    /// See [`Envelope::channel`].
    pub channel: String,
    /// See [`Envelope::epoch`].
    pub epoch: String,
    /// See [`Envelope::offset`].
    pub offset: u64,
    /// See [`Envelope::timestamp`].
    pub timestamp: String,
    /// See [`Envelope::data`].
    pub data: Box<RawValue>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: Envelope<'_> = Envelope {
        kind: "threat.new",
        id: "0192",
        channel: "threats",
        epoch: "k3f9",
        offset: 1042,
        timestamp: "2026-11-20T12:00:00.123Z",
        data: br#"{"score":9.1}"#,
    };

    #[test]
    fn looks_like_this() {
        assert_eq!(
            String::from_utf8(EXAMPLE.encode()).unwrap(),
            r#"{"type":"threat.new","id":"0192","channel":"threats","epoch":"k3f9","offset":1042,"timestamp":"2026-11-20T12:00:00.123Z","data":{"score":9.1}}"#
        );
    }

    #[test]
    fn odd_data_stays_a_frame() {
        let empty = Envelope {
            data: b"",
            ..EXAMPLE
        }
        .encode();
        assert!(serde_json::from_slice::<Received>(&empty).is_ok());
        let no_utf8 = Envelope {
            data: b"\"\xff\"",
            ..EXAMPLE
        }
        .encode();
        let received: Received = serde_json::from_slice(&no_utf8).unwrap();
        assert_eq!(received.data.get(), "\"\u{fffd}\"");
    }

    #[test]
    fn frames_of_a_batch_are_read_back() {
        let text =
            String::from_utf8(batch("threats", &[EXAMPLE.encode(), EXAMPLE.encode()])).unwrap();
        assert!(
            text.starts_with(r#"{"type":"batch","channel":"threats","data":[{"type":"threat.new""#)
        );
        match crate::Incoming::decode(&text).unwrap() {
            crate::Incoming::Batch(items) => assert_eq!(items.len(), 2),
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn round_trip(channel in "\\PC{0,20}", id in "\\PC{0,20}", offset: u64, text in "\\PC{0,50}") {
            let data = serde_json::to_vec(&serde_json::json!({ "text": text })).unwrap();
            let frame = Envelope { channel: &channel, id: &id, offset, data: &data, ..EXAMPLE }.encode();
            let received: Received = serde_json::from_slice(&frame).unwrap();
            prop_assert_eq!(received.channel, channel);
            prop_assert_eq!(received.id, id);
            prop_assert_eq!(received.offset, offset);
            prop_assert_eq!(received.data.get().as_bytes(), &data[..]);
        }
    }
}
