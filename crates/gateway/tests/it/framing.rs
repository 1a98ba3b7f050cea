//! RFC 6455 at its edges, as bytes: what must be understood, and what must end the connection and
//! with which code.

use tokio::net::TcpStream;
use vigil_gateway::Limits;

use crate::raw::{
    BINARY, CLOSE, CONTINUATION, FIN, Frame, PING, PONG, Raw, TEXT, ask, frame, handshake, header,
    unmasked,
};
use crate::server::{Server, Setup};

/// A small limit, so that what is too long is quickly sent.
const MAX_BYTES: usize = 4_096;

async fn server() -> Server {
    let limits = Limits {
        max_message_bytes: MAX_BYTES,
        max_connections_per_user: 1_000,
        ..Limits::default()
    };
    Server::start(Setup {
        limits,
        ..Setup::default()
    })
    .await
}

fn all(frames: &[Vec<u8>]) -> Vec<u8> {
    frames.concat()
}

/// A command and its length in bytes, filled up with a letter of two bytes.
fn command(bytes: usize) -> String {
    let empty = "{\"id\":1,\"type\":\"ping\",\"more\":\"\"}".len();
    let filling = bytes - empty;
    format!(
        "{{\"id\":1,\"type\":\"ping\",\"more\":\"{}{}\"}}",
        "é".repeat(filling / 2),
        "x".repeat(filling % 2)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_well_formed_is_answered() {
    let server = server().await;
    let (short, long) = (command(101), command(MAX_BYTES));
    let (short, long) = (short.as_bytes(), long.as_bytes());
    let each_byte = |text: &[u8]| {
        let last = text.len() - 1;
        let mut frames = vec![frame(TEXT, &text[..1])];
        frames.extend((1..last).map(|at| frame(CONTINUATION, &text[at..=at])));
        frames.push(frame(FIN | CONTINUATION, &text[last..]));
        frames
    };
    for (what, bytes) in [
        ("in one frame", frame(FIN | TEXT, short)),
        ("as long as allowed", frame(FIN | TEXT, long)),
        // The letters of two bytes are cut in the middle.
        ("a frame for each byte", all(&each_byte(short))),
        (
            "with empty frames within",
            all(&[
                frame(TEXT, b""),
                frame(CONTINUATION, short),
                frame(CONTINUATION, b""),
                frame(FIN | CONTINUATION, b""),
            ]),
        ),
        (
            "as long as allowed, in two",
            all(&[
                frame(TEXT, &long[..2_000]),
                frame(FIN | CONTINUATION, &long[2_000..]),
            ]),
        ),
        (
            "after a pong that nobody asked for",
            all(&[frame(FIN | PONG, b"unasked"), frame(FIN | TEXT, short)]),
        ),
    ] {
        let mut raw = Raw::open(server.address, "/ws").await;
        raw.send(&bytes).await;
        let answer = raw.frame().await.unwrap_or_else(|| panic!("{what}"));
        let text = String::from_utf8(answer.payload).unwrap();
        assert!(text.starts_with("{\"type\":\"pong\""), "{what}: {text}");
    }
    // However the network cuts it.
    let mut raw = Raw::open(server.address, "/ws").await;
    raw.stream.set_nodelay(true).unwrap();
    for byte in all(&[frame(FIN | TEXT, short), frame(FIN | TEXT, short)]) {
        raw.send(&[byte]).await;
    }
    for _ in 0..2 {
        let answer = raw.frame().await.expect("an answer");
        assert!(answer.payload.starts_with(b"{\"type\":\"pong\""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_are_answered_with_what_they_carry_even_between_fragments() {
    let server = server().await;
    let mut raw = Raw::open(server.address, "/ws").await;
    let carried = [0xff; 125];
    for payload in [&b""[..], b"x", &carried] {
        raw.send(&frame(FIN | PING, payload)).await;
        let pong = Frame {
            opcode: PONG,
            is_compressed: false,
            payload: payload.to_vec(),
        };
        assert_eq!(raw.frame().await, Some(pong));
    }
    let text = command(200);
    let (one, two) = text.as_bytes().split_at(77);
    raw.send(&frame(TEXT, one)).await;
    raw.send(&frame(FIN | PING, b"between")).await;
    let pong = raw.frame().await.expect("the pong comes first");
    assert_eq!((pong.opcode, &pong.payload[..]), (PONG, &b"between"[..]));
    raw.send(&frame(FIN | CONTINUATION, two)).await;
    let answer = raw.frame().await.expect("the message is whole");
    assert!(answer.payload.starts_with(b"{\"type\":\"pong\""));
}

/// What is sent, its bytes, and the code that it ends with.
type Row = (String, Vec<u8>, u16);

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_the_protocol_ends_the_connection_with_its_code() {
    let server = server().await;
    let table = [broken_frames(), broken_closes(), broken_texts(), too_long()].concat();
    // At once: each is given a second to read why.
    let ended = table.into_iter().map(async |(what, bytes, code)| {
        let mut raw = Raw::open(server.address, "/ws").await;
        raw.send(&bytes).await;
        assert_eq!(raw.closed().await, Some(code), "{what}");
    });
    futures_util::future::join_all(ended).await;
    // A length whose first bit is set is wrong and too long: either may be said.
    let mut raw = Raw::open(server.address, "/ws").await;
    raw.send(&header(FIN | TEXT, u64::MAX)).await;
    assert!(matches!(raw.closed().await, Some(1002 | 1009)));
    let mut raw = Raw::open(server.address, "/ws").await;
    raw.send(&frame(FIN | TEXT, command(50).as_bytes())).await;
    assert!(raw.frame().await.is_some(), "others are served as before");
}

/// Frames that there must not be, alone or after each other.
fn broken_frames() -> Vec<Row> {
    let text = command(50);
    let text = text.as_bytes();
    let named = [
        ("text without a mask", unmasked(FIN | TEXT, text)),
        ("a ping without a mask", unmasked(FIN | PING, b"")),
        ("a ping of 126 bytes", frame(FIN | PING, &[0; 126])),
        ("a pong of 126 bytes", frame(FIN | PONG, &[0; 126])),
        ("a ping in fragments", frame(PING, b"a")),
        ("a close in fragments", frame(CLOSE, b"")),
        ("a continuation of nothing", frame(FIN | CONTINUATION, text)),
        (
            "a message within a message",
            all(&[frame(TEXT, text), frame(FIN | TEXT, text)]),
        ),
        (
            "binary within a message",
            all(&[frame(TEXT, text), frame(FIN | BINARY, b"")]),
        ),
    ];
    let mut rows = named
        .map(|(what, bytes)| (what.to_owned(), bytes, 1002))
        .to_vec();
    for bit in [0x40, 0x20, 0x10] {
        for opcode in [TEXT, BINARY, PING] {
            let what = format!("reserved bit {bit:#x} on opcode {opcode}");
            rows.push((what, frame(FIN | bit | opcode, b"{}"), 1002));
        }
    }
    for opcode in (0x3..=0x7).chain(0xb..=0xf) {
        rows.push((
            format!("opcode {opcode:#x}"),
            frame(FIN | opcode, b""),
            1002,
        ));
    }
    rows
}

fn broken_closes() -> Vec<Row> {
    let codes = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535];
    let mut rows = codes
        .map(|code: u16| {
            let close = frame(FIN | CLOSE, &code.to_be_bytes());
            (format!("a close with {code}"), close, 1002)
        })
        .to_vec();
    rows.push((
        "a close of one byte".to_owned(),
        frame(FIN | CLOSE, &[3]),
        1002,
    ));
    rows
}

/// What is no UTF-8, whole and cut in the middle.
fn broken_texts() -> Vec<Row> {
    let mut rows = Vec::new();
    for (what, bytes) in [
        ("a lone continuation byte", &b"\x80"[..]),
        ("an overlong slash", b"\xc0\xaf"),
        ("a surrogate", b"\xed\xa0\x80"),
        ("above the last letter", b"\xf4\x90\x80\x80"),
        ("a letter that never ends", b"\xce\xba\xe1\xbd"),
    ] {
        rows.push((what.to_owned(), frame(FIN | TEXT, bytes), 1007));
        let (one, two) = bytes.split_at(1);
        let cut = all(&[frame(TEXT, one), frame(FIN | CONTINUATION, two)]);
        rows.push((format!("{what}, in fragments"), cut, 1007));
    }
    rows
}

/// What is refused before it is there.
fn too_long() -> Vec<Row> {
    let most = [b'x'; MAX_BYTES];
    let cut = all(&[frame(TEXT, &most), frame(FIN | CONTINUATION, b"x")]);
    [
        (
            "one byte too long",
            header(FIN | TEXT, most.len() as u64 + 1),
        ),
        ("far too long", header(FIN | BINARY, 1 << 40)),
        ("too long by its last fragment", cut),
    ]
    .map(|(what, bytes)| (what.to_owned(), bytes, 1009))
    .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_is_answered_and_the_connection_ends() {
    let server = server().await;
    for (payload, expected) in [
        (&b""[..], None),
        (b"\x03\xe8", Some(1000)),
        (b"\x03\xe9going away", Some(1001)),
        (b"\x0b\xb8", Some(3000)),
        (b"\x13\x87", Some(4999)),
    ] {
        let mut raw = Raw::open(server.address, "/ws").await;
        raw.send(&frame(FIN | CLOSE, payload)).await;
        let answer = raw.frame().await.expect("a close frame");
        assert_eq!(answer.opcode, CLOSE);
        let code = answer
            .payload
            .first_chunk()
            .copied()
            .map(u16::from_be_bytes);
        // A server may say "normal" where the client said nothing.
        assert!(
            code == expected || (expected.is_none() && code == Some(1000)),
            "{payload:?}: {code:?}"
        );
        assert_eq!(raw.frame().await, None, "{payload:?}");
    }
    // A reason that is no text may be answered with either of two codes.
    let mut raw = Raw::open(server.address, "/ws").await;
    raw.send(&frame(FIN | CLOSE, b"\x03\xe8\xff\xff")).await;
    assert!(matches!(raw.closed().await, Some(1002 | 1007)));
    server
        .metric_falls_to("vigil_gateway_connections{transport=\"websocket\"}", 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_without_a_word_leaves_nothing_behind() {
    let server = server().await;
    let whole = frame(FIN | TEXT, command(300).as_bytes());
    for cut in [0, 1, 5, 9, 100] {
        let mut raw = Raw::open(server.address, "/ws/threats").await;
        raw.send(&whole[..cut]).await;
        drop(raw);
    }
    for gauge in [
        "vigil_gateway_connections{transport=\"websocket\"}",
        "vigil_gateway_subscriptions",
    ] {
        server.metric_falls_to(gauge, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handshake_is_checked() {
    let server = server().await;
    let right = handshake(server.address, "/ws", "");
    let answer = async |request: &str| {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        ask(&mut stream, request).await.to_ascii_lowercase()
    };
    let head = answer(&right).await;
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    // The example of RFC 6455, 1.3.
    assert!(
        head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
        "{head}"
    );
    assert!(
        !head.contains("sec-websocket-protocol"),
        "none was offered: {head}"
    );
    let head =
        answer(&right.replace("Connection: Upgrade", "Connection: keep-alive, uPgRaDe")).await;
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    for (what, request) in [
        ("no key", right.replace("Sec-WebSocket-Key", "X-Key")),
        ("version 8", right.replace("Version: 13", "Version: 8")),
        (
            "no version",
            right.replace("Sec-WebSocket-Version", "X-Version"),
        ),
        (
            "another upgrade",
            right.replace("Upgrade: websocket", "Upgrade: h2c"),
        ),
        (
            "no upgrade",
            right.replace("Connection: Upgrade", "Connection: close"),
        ),
        ("HTTP/1.0", right.replace("HTTP/1.1", "HTTP/1.0")),
        ("POST", right.replacen("GET", "POST", 1)),
    ] {
        let head = answer(&request).await;
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!((400..500).contains(&status), "{what}: {head}");
        if status == 426 {
            // RFC 6455, 4.4: a client learns which version would do.
            assert!(
                head.contains("\r\nupgrade: websocket\r\n"),
                "{what}: {head}"
            );
            assert!(
                head.contains("\r\nsec-websocket-version: 13\r\n"),
                "{what}: {head}"
            );
        } else {
            assert_eq!(what, "POST", "{head}");
        }
    }
}
