//! Who is slow on purpose, or never reads, or comes and goes without end: bounded, and told.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vigil_testkit::{DEADLINE, Vigil, wait_until};

use crate::site::{Site, line};
use crate::socket::Socket;

fn connect(vigil: &Vigil) -> TcpStream {
    let stream = TcpStream::connect(vigil.base().strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// The value of a metric, or the sum over its labels.
fn metric(vigil: &Vigil, name: &str) -> f64 {
    let metrics = vigil.http().get("/metrics").text;
    let of_line = |line: &str| -> Option<f64> {
        let (labelled, value) = line.rsplit_once(' ')?;
        let is_it = labelled.split('{').next() == Some(name);
        is_it.then(|| value.parse().unwrap())
    };
    metrics.lines().filter_map(of_line).sum()
}

/// A number out of `/proc/PID`.
fn open_files(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .count()
}

fn resident_kib(process: u32) -> u64 {
    let status = fs_err::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// How long it takes until the server ends a connection on which `trickle` is sent again and again.
fn ends_after(vigil: &Vigil, first: &[u8], trickle: &[u8]) -> Duration {
    let begun = Instant::now();
    let mut stream = connect(vigil);
    stream
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    stream.write_all(first).unwrap();
    while begun.elapsed() < DEADLINE {
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes) {
            Ok(0) => break,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Ok(_) | Err(_) => {}
        }
        if stream.write_all(trickle).is_err() {
            break;
        }
    }
    begun.elapsed()
}

#[test]
fn slow_heads_slow_bodies_and_idle_connections_are_ended() {
    let site = Site::new();
    let vigil = site.vigil().serve();
    let token = site.vigil().token("service");
    let head = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    let asked = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let body = format!(
        "POST /api/v1/ingest/batch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    );
    let admin = site.vigil().token("admin");
    let other = body
        .replace("/api/v1/ingest/batch", "/api/v1/suppressions")
        .replace(&token, &admin);
    let ends = std::thread::scope(|scope| {
        let started = [
            scope.spawn(|| ("nothing", ends_after(&vigil, b"", b""))),
            scope.spawn(|| ("a head by bytes", ends_after(&vigil, head, b"x"))),
            scope.spawn(|| ("no second request", ends_after(&vigil, asked, b""))),
            scope.spawn(|| {
                (
                    "a batch by bytes",
                    ends_after(&vigil, body.as_bytes(), b" "),
                )
            }),
            scope.spawn(|| {
                (
                    "a body by bytes",
                    ends_after(&vigil, other.as_bytes(), b" "),
                )
            }),
        ];
        started.map(|one| one.join().unwrap())
    });
    for (what, took) in ends {
        assert!(took < Duration::from_secs(55), "{what}: {took:?}");
    }
    // Others were served all the time.
    assert_eq!(vigil.http().get("/health").status, 200);
}

/// Whether the frame tells of everything up to that offset: what stands there, or a gap.
fn reaches(frame: &Value, offset: u64) -> bool {
    frame["offset"].as_u64() >= Some(offset) || frame["data"]["to"].as_u64() >= Some(offset)
}

#[test]
fn a_client_that_never_reads_costs_bounded_memory() {
    let site = Site::new();
    site.append("");
    let config = site.path("vigil.toml");
    fs_err::write(&config, "[stream]\nhistory_messages = 100\n").unwrap();
    let config = config.to_str().unwrap();
    let mut vigil = site.following().arg("--config").arg(config).serve();
    let process = vigil.process().inner().id();
    let token = site.vigil().token("viewer");
    let mut stuck: Vec<_> = (0..8).map(|_| connect(&vigil)).collect();
    for stream in &mut stuck {
        let request = format!(
            "GET /ws/threats HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
    }
    let mut reader = Socket::following(vigil.base(), "threats", &token);
    let padding = "y".repeat(4_000);
    let threat = |number: usize| {
        line(&format!(
            "/{number}?file=../../../../etc/passwd&p={padding}"
        ))
    };
    site.append((0..500).map(threat).collect::<String>());
    reader.frame_where(|frame| reaches(frame, 500));
    let before = resident_kib(process);
    site.append((500..3_000).map(threat).collect::<String>());
    reader.frame_where(|frame| reaches(frame, 3_000));
    // What the eight do not read is some 100 MB; they share one log, which is bounded.
    let grown = resident_kib(process).saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB more");
    reader.send(&json!({"id": 1, "type": "ping"}));
    reader.frame_where(|frame| frame["reply_to"] == 1);
}

#[test]
fn thousands_who_come_and_go_leave_nothing_behind() {
    /// Visits after which it is looked what they left.
    const ROUND: usize = 1_000;
    /// So many rounds are compared with so many before them, after as many for the allocator to settle.
    const APART: usize = 6;
    /// Resident memory that those may add by chance: about 100 bytes a visit.
    const CHANCE_KIB: u64 = 640;
    let site = Site::new();
    site.append("");
    let config = site.path("vigil.toml");
    // What rooms keep is full soon, so that what grows after that was left behind; and nobody is told
    // to come back later, however quick the machine is.
    let kept = "[stream]\nconnections_per_user = 1000\nconnections_per_second = 1000000\n\
                [stream.namespaces.chat]\nhistory_messages = 5\n";
    fs_err::write(&config, kept).unwrap();
    let config = config.to_str().unwrap();
    let mut vigil = site.following().arg("--config").arg(config).serve();
    let process = vigil.process().inner().id();
    let token = site.vigil().token("analyst");
    let come_and_go = || {
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let (vigil, token) = (&vigil, &token);
                scope.spawn(move || {
                    for round in 0..ROUND / 4 {
                        visit(vigil, token, worker * 100_000 + round);
                    }
                });
            }
        });
        let is_calm = || {
            ["vigil_gateway_connections", "vigil_gateway_subscriptions"]
                .iter()
                .all(|gauge| metric(&vigil, gauge) == 0.0)
        };
        wait_until("all are gone", is_calm);
    };
    come_and_go();
    let files = open_files(process);
    let told = || vigil.http().get("/metrics").text.lines().count();
    let lines = told();
    let mut seen = vec![resident_kib(process)];
    // What the allocator takes ahead and caches keep ends some time; what each visit leaves does not.
    let is_level = |seen: &[u64]| {
        let least = |rounds: &[u64]| rounds.iter().copied().min();
        let (_, late) = seen.split_at(seen.len().saturating_sub(2 * APART));
        let (before, after) = late.split_at(late.len() / 2);
        seen.len() > 3 * APART && least(after) <= least(before).map(|kib| kib + CHANCE_KIB)
    };
    while !is_level(&seen) {
        assert!(
            seen.len() < 8 * APART,
            "each round leaves something: {seen:?} KiB"
        );
        come_and_go();
        seen.push(resident_kib(process));
    }
    wait_until("every file is closed", || open_files(process) <= files + 2);
    assert_eq!(told(), lines, "no client is a line of the metrics");
    let opened = metric(&vigil, "websocket_connections_total");
    assert!(opened >= (seen.len() * ROUND) as f64 * 0.5, "{opened}");
}

#[test]
fn metrics_are_there_from_the_start_and_name_no_client() {
    const MARK: &str = "marked-7f3a";
    let site = Site::new();
    let vigil = site.vigil().serve();
    let grant = ["--role", "analyst", "--subject", MARK];
    let output = site.vigil().command("token").args(grant).output().unwrap();
    let token = String::from_utf8(output.stdout).unwrap();
    let mut socket = Socket::open(vigil.base(), "/ws", token.trim());
    for frame in [
        json!({"id": MARK, "type": "subscribe", "channel": format!("chat:{MARK}")}),
        json!({"id": MARK, "type": MARK}),
        json!({"id": MARK, "type": "publish", "channel": format!("chat:{MARK}"),
            "data": {"type": MARK, "data": {"x": MARK}, "idempotency_key": MARK}}),
    ] {
        socket.send(&frame);
        socket.frame_where(|frame| frame["reply_to"] == MARK);
    }
    vigil.http().get(&format!("/{MARK}?{MARK}={MARK}"));
    let metrics = vigil.http().get("/metrics").text;
    assert!(!metrics.contains(MARK), "{metrics}");
    for name in [
        "websocket_connections_total",
        "websocket_messages_sent_total",
        "websocket_messages_received_total",
        "websocket_errors_total",
        "websocket_message_latency_seconds_bucket",
        "vigil_http_connections",
        "vigil_http_connections_refused_total",
        "vigil_gateway_greeting",
        "vigil_gateway_connections",
        "vigil_gateway_subscriptions",
        "vigil_gateway_refused_total",
        "vigil_gateway_closed_total",
        "vigil_gateway_gaps_total",
        "vigil_gateway_dropped_total",
        "vigil_gateway_sse_events_total",
        "vigil_key_fetches_total",
    ] {
        let is_there = |line: &str| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
        };
        assert!(metrics.lines().any(is_there), "{name} is not in\n{metrics}");
    }
}

/// How a request for a stream is answered that comes from that address of this machine.
fn answer_to(vigil: &Vigil, token: &str, address: &str) -> String {
    let port = vigil.base().rsplit(':').next().unwrap();
    let mut stream = TcpStream::connect(format!("{address}:{port}")).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!(
        "GET /sse/threats HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    String::from_utf8(answer).unwrap().to_lowercase()
}

#[test]
fn an_address_that_opens_streams_too_fast_waits_and_others_do_not() {
    // No packet is sent: this asks by which address the machine would speak to others.
    let asked = UdpSocket::bind("0.0.0.0:0").unwrap();
    asked
        .connect("198.51.100.1:9")
        .expect("this machine has an address beside 127.0.0.1");
    let own = asked.local_addr().unwrap().ip().to_string();
    let site = Site::new();
    let vigil = site.vigil().everywhere().serve();
    let token = site.vigil().token("viewer");
    for number in 1..=10 {
        let answer = answer_to(&vigil, &token, &own);
        assert!(answer.starts_with("http/1.1 200"), "{number}: {answer}");
    }
    for _ in 0..3 {
        let answer = answer_to(&vigil, &token, &own);
        assert!(answer.starts_with("http/1.1 429"), "{answer}");
        let (_, rest) = answer.split_once("\r\nretry-after: ").unwrap();
        let seconds: u32 = rest.split("\r\n").next().unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{answer}");
    }
    // What a proxy on this machine hands on is not held against it.
    for _ in 0..12 {
        let answer = answer_to(&vigil, &token, "127.0.0.1");
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
    }
    assert!(metric(&vigil, "vigil_gateway_refused_total") >= 3.0);
}

/// One visit, in one of several manners.
fn visit(vigil: &Vigil, token: &str, number: usize) {
    match number % 4 {
        // Comes, hears, says something, and goes without a word.
        0 | 1 => {
            let mut socket = Socket::open(vigil.base(), "/ws/threats", token);
            socket.frame_where(|frame| frame["type"] == "subscribed");
            let room = format!("chat:{}", number % 20);
            socket.send(&json!({"id": 1, "type": "subscribe", "channel": room}));
            socket.frame_where(|frame| frame["reply_to"] == 1);
            socket
                .send(&json!({"id": 2, "type": "chat", "channel": room, "data": {"message": "x"}}));
            socket.frame_where(|frame| frame["reply_to"] == 2);
        }
        // Goes in the middle of the handshake.
        2 => drop(connect(vigil).write_all(b"GET /ws HTTP/1.1\r\nHost: local")),
        // Follows events, and goes.
        _ => {
            let mut stream = connect(vigil);
            let request = format!(
                "GET /sse/threats HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).unwrap();
            stream.read_exact(&mut [0; 64]).unwrap();
        }
    }
}

#[test]
fn what_is_said_in_rooms_fills_neither_memory_nor_the_database() {
    const MESSAGES: usize = 600;
    let site = Site::new();
    site.append("");
    let config = site.path("vigil.toml");
    // Rooms have a quarter of the database in memory, 4 MiB, and a third of that on disk.
    let limits = "[store]\nmax_size_mib = 16\n[stream]\nmessage_burst = 10000\n";
    fs_err::write(&config, limits).unwrap();
    let config = config.to_str().unwrap();
    let mut vigil = site.following().arg("--config").arg(config).serve();
    let token = site.vigil().token("analyst");
    let mut socket = Socket::open(vigil.base(), "/ws", &token);
    let mut say = |channel: &str, text: &str| {
        let data = json!({"type": "chat.message", "data": {"message": text}});
        socket.send(&json!({"id": 1, "type": "publish", "channel": channel, "data": data}));
        let answer = socket.frame_where(|frame| frame["reply_to"] == 1);
        assert_eq!(answer["type"], "published", "{answer}");
    };
    say("chat:small", "it stays");
    let long = "x".repeat(50_000);
    for number in 0..MESSAGES {
        say(&format!("chat:large{}", number % 7), &long);
    }
    let channels = vigil.http().get("/ws/channels").json();
    let rooms = channels.as_array().unwrap().iter();
    let bytes: u64 = rooms.map(|room| room["bytes"].as_u64().unwrap()).sum();
    assert!(
        (1 << 20..5 << 20).contains(&bytes),
        "{bytes} bytes in memory"
    );
    assert!(vigil.process().terminate().success());
    let file = fs_err::metadata(site.path("data/vigil.db")).unwrap().len();
    assert!(file < 16 << 20, "{file} bytes on disk");
    let vigil = site.following().arg("--config").arg(config).serve();
    let history = |room: &str| -> Vec<Value> {
        let path = format!("/ws/channels/{room}/history");
        let answer = vigil.http().get(&path).json();
        answer["items"].as_array().unwrap().clone()
    };
    assert_eq!(history("chat:small")[0]["data"]["message"], "it stays");
    let kept = (0..7).map(|room| history(&format!("chat:large{room}")).len());
    let kept: usize = kept.sum();
    assert!((10..100).contains(&kept), "{kept} messages");
}

#[test]
fn who_has_all_the_rooms_they_may_has_them_after_a_restart_too() {
    let site = Site::new();
    site.append("");
    let config = site.path("vigil.toml");
    fs_err::write(&config, "[stream]\nrooms_per_user = 2\n").unwrap();
    let config = config.to_str().unwrap();
    let say = |vigil: &Vigil, rooms: [&str; 3]| {
        let mut socket = Socket::open(vigil.base(), "/ws", &site.vigil().token("analyst"));
        rooms.map(|room| {
            socket.send(&json!({"id": room, "type": "publish", "channel": room, "data": 1}));
            let answer = socket.frame_where(|frame| frame["reply_to"] == room);
            answer["data"]["code"].as_str().map(str::to_owned)
        })
    };
    let refused = Some("too_many_rooms".to_owned());
    let mut vigil = site.following().arg("--config").arg(config).serve();
    let said = say(&vigil, ["chat:1", "chat:2", "chat:3"]);
    assert_eq!(said, [None, None, refused.clone()]);
    // As at a good end, so when it is killed: rooms have another epoch then.
    assert!(vigil.process().terminate().success());
    let mut vigil = site.following().arg("--config").arg(config).serve();
    let said = say(&vigil, ["chat:4", "chat:1", "chat:2"]);
    assert_eq!(said, [refused.clone(), None, None]);
    vigil.process().kill();
    let vigil = site.following().arg("--config").arg(config).serve();
    assert_eq!(
        say(&vigil, ["chat:5", "chat:1", "chat:2"]),
        [refused, None, None]
    );
}
