//! What RFC 6455 says of a client's frames, case by case.

use proptest::prelude::*;

use super::*;
use crate::websocket::deflate::Deflater;

/// A client's frame with that first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x11, 0x82, 0x00, 0x7f];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length @ 126..65_536 => {
            bytes.push(0xfe);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0xff);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    let masked = payload.iter().zip(mask.iter().cycle());
    bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
    bytes
}

fn read(reader: &mut Reader, bytes: &[u8], piece: usize) -> Result<Vec<FromClient>, Fault> {
    let mut messages = Vec::new();
    for piece in bytes.chunks(piece) {
        reader.feed(piece);
        while let Some(message) = reader.message()? {
            messages.push(message);
        }
    }
    Ok(messages)
}

/// What 1 KiB messages with compression make of it, whatever pieces it comes in.
fn reads(bytes: &[u8]) -> Result<Vec<FromClient>, Fault> {
    let mut results = [1, 3, bytes.len().max(1)].map(|piece| {
        let mut reader = Reader::new(1_024, true);
        read(&mut reader, bytes, piece)
    });
    let [first, second, third] = &results;
    assert_eq!(first, second);
    assert_eq!(first, third);
    std::mem::replace(&mut results[0], Ok(Vec::new()))
}

fn text(text: &str) -> FromClient {
    FromClient::Text(text.to_owned())
}

#[test]
fn whole_messages() {
    let mut bytes = frame(0x81, b"a");
    bytes.extend(frame(0x82, &[0xff]));
    bytes.extend(frame(0x81, b""));
    bytes.extend(frame(0x81, "é".repeat(100).as_bytes()));
    bytes.extend(frame(0x8a, b"pong"));
    bytes.extend(frame(0x89, b"ping"));
    let expected = [
        text("a"),
        FromClient::Binary(vec![0xff]),
        text(""),
        text(&"é".repeat(100)),
        FromClient::Pong,
        FromClient::Ping(b"ping".to_vec()),
    ];
    assert_eq!(reads(&bytes).unwrap(), expected);
}

#[test]
fn fragments_with_control_frames_between_them() {
    let mut bytes = frame(0x01, b"a\xc3");
    bytes.extend(frame(0x89, b"now"));
    bytes.extend(frame(0x00, b""));
    bytes.extend(frame(0x00, b"\xa9"));
    bytes.extend(frame(0x8a, b""));
    bytes.extend(frame(0x80, b"b"));
    bytes.extend(frame(0x81, b"c"));
    let ping = FromClient::Ping(b"now".to_vec());
    assert_eq!(
        reads(&bytes).unwrap(),
        [ping, FromClient::Pong, text("aéb"), text("c")]
    );
}

#[test]
fn what_breaks_the_rules() {
    let mut unmasked = frame(0x81, b"a");
    if let Some(second) = unmasked.get_mut(1) {
        *second &= 0x7f;
    }
    let within = [frame(0x01, b"a"), frame(0x01, b"b")].concat();
    let long_ping = frame(0x89, &[0; 126]);
    let twice = [frame(0xc1, b""), frame(0xc1, b"")];
    for (bytes, fault) in [
        (unmasked, "a frame is not masked"),
        (frame(0x83, b""), "an opcode is unknown"),
        (frame(0x8b, b""), "an opcode is unknown"),
        (frame(0xa1, b""), "a reserved bit is set"),
        (frame(0x91, b""), "a reserved bit is set"),
        (frame(0xc9, b""), "a reserved bit is set"),
        (
            [frame(0x01, b"a"), frame(0xc0, b"b")].concat(),
            "a reserved bit is set",
        ),
        (frame(0x80, b"a"), "nothing was begun that could go on"),
        (within, "a message begins within another one"),
        (
            frame(0x09, b"a"),
            "a control frame is fragmented or too long",
        ),
        (long_ping, "a control frame is fragmented or too long"),
        (frame(0x88, b"a"), "a close frame has half a code"),
        (
            frame(0x88, &1005_u16.to_be_bytes()),
            "a close code may not be sent",
        ),
        (
            frame(0x88, &999_u16.to_be_bytes()),
            "a close code may not be sent",
        ),
        (
            frame(0x88, &5000_u16.to_be_bytes()),
            "a close code may not be sent",
        ),
        (
            vec![0x81, 0xfe, 0, 125],
            "a length is written longer than needed",
        ),
        (
            vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 1, 0],
            "a length is written longer than needed",
        ),
    ] {
        assert_eq!(reads(&bytes), Err(Fault::Protocol(fault)), "{bytes:x?}");
    }
    // Without compression its bit is reserved too.
    let mut reader = Reader::new(1_024, false);
    assert_eq!(
        read(&mut reader, &twice[0], 100),
        Err(Fault::Protocol("a reserved bit is set"))
    );
}

#[test]
fn texts_are_utf_8() {
    assert_eq!(reads(&frame(0x81, b"\xc3")), Err(Fault::BadPayload));
    assert_eq!(reads(&frame(0x81, b"\xed\xa0\x80")), Err(Fault::BadPayload));
    let reason = [&1000_u16.to_be_bytes()[..], b"\xff"].concat();
    assert_eq!(reads(&frame(0x88, &reason)), Err(Fault::BadPayload));
}

#[test]
fn nothing_comes_after_the_end() {
    let mut bytes = frame(0x01, b"begun");
    bytes.extend(frame(0x88, &[&4001_u16.to_be_bytes()[..], b"bye"].concat()));
    bytes.extend(frame(0x81, b"more"));
    assert_eq!(reads(&bytes).unwrap(), [FromClient::Close(Some(4001))]);
    assert_eq!(reads(&frame(0x88, b"")).unwrap(), [FromClient::Close(None)]);
}

#[test]
fn what_is_too_long_is_refused_by_its_head() {
    // No payload follows: the head is enough.
    for head in [
        vec![0x82, 0xfe, 0x04, 0x01],
        vec![0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0],
        vec![0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert_eq!(reads(&head), Err(Fault::TooBig), "{head:x?}");
    }
    assert_eq!(reads(&frame(0x82, &[0; 1_024])).unwrap().len(), 1);
    let parts = [
        frame(0x02, &[0; 600]),
        frame(0x00, &[0; 424]),
        frame(0x80, b"x"),
    ]
    .concat();
    assert_eq!(reads(&parts), Err(Fault::TooBig));
}

#[test]
fn compressed_messages() {
    let said = "threat ".repeat(100);
    let small = Deflater::default().deflate(said.as_bytes()).unwrap();
    let (one, other) = small.split_at(small.len() / 2);
    let mut bytes = frame(0xc1, &small);
    bytes.extend(frame(0x41, one));
    bytes.extend(frame(0x89, b""));
    bytes.extend(frame(0x80, other));
    bytes.extend(frame(0x81, b"plain"));
    let ping = FromClient::Ping(Vec::new());
    let expected = [text(&said), ping, text(&said), text("plain")];
    assert_eq!(reads(&bytes).unwrap(), expected);
    let bomb = Deflater::default().deflate(&[b'x'; 1_025]).unwrap();
    assert_eq!(reads(&frame(0xc1, &bomb)), Err(Fault::TooBig));
    assert_eq!(reads(&frame(0xc1, &[0xff; 9])), Err(Fault::BadPayload));
}

#[test]
fn an_idle_reader_holds_nothing() {
    let mut reader = Reader::new(1_024, true);
    let messages = read(&mut reader, &frame(0x81, &[b'x'; 1_000]), 7).unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(reader.buffer.capacity(), 0);
    assert!(!reader.has_more());
}

proptest! {
    /// Messages cut into frames and pieces of any size come out as they went in.
    #[test]
    fn any_cut_gives_the_same(
        messages in proptest::collection::vec(("[a-zé]{0,200}", 1_usize..80), 0..8),
        piece in 1_usize..64,
    ) {
        let mut bytes = Vec::new();
        for (said, size) in &messages {
            let parts: Vec<&[u8]> = said.as_bytes().chunks(*size).collect();
            let last = parts.len().saturating_sub(1);
            for (place, part) in parts.iter().enumerate() {
                let opcode = u8::from(place == 0);
                let fin = if place == last { 0x80 } else { 0 };
                bytes.extend(frame(fin | opcode, part));
            }
        }
        let expected: Vec<_> = messages
            .iter()
            .filter(|(said, _)| !said.is_empty())
            .map(|(said, _)| text(said))
            .collect();
        let mut reader = Reader::new(1_024, false);
        prop_assert_eq!(read(&mut reader, &bytes, piece).unwrap(), expected);
        prop_assert_eq!(reader.buffer.capacity(), 0);
    }

    #[test]
    fn nothing_panics_and_little_is_kept(bytes: Vec<u8>, piece in 1_usize..64, inflates: bool) {
        let mut reader = Reader::new(128, inflates);
        for piece in bytes.chunks(piece) {
            reader.feed(piece);
            while let Ok(Some(message)) = reader.message() {
                if let FromClient::Text(said) = &message {
                    prop_assert!(said.len() <= 128);
                }
            }
            prop_assert!(reader.buffer.len() <= 128 + 14 + 64);
        }
    }
}
