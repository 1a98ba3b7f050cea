//! Sockets, by a client library that is not ours.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};
use vigil_testkit::{DEADLINE, wait_until};

use crate::site::{Site, line, threats};

/// The next message. A read that has a time-out is not gone on with by itself where a signal came, such as
/// the one that stops all processes of a machine for a moment.
pub(crate) fn next_message(socket: &mut WebSocket<impl Read + Write>) -> Message {
    loop {
        match socket.read() {
            Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {}
            read => return read.unwrap(),
        }
    }
}

/// A connected client.
pub(crate) struct Socket(WebSocket<TcpStream>);

impl Socket {
    pub(crate) fn open(base: &str, path: &str, token: &str) -> Self {
        Self::open_with(
            base,
            path,
            Some(("Authorization", format!("Bearer {token}"))),
        )
    }

    /// A client that shows what the header or the path says, or nothing.
    pub(crate) fn open_with(
        base: &str,
        path: &str,
        header: Option<(&'static str, String)>,
    ) -> Self {
        let authority = base.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(authority).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut request = format!("ws://{authority}{path}")
            .into_client_request()
            .unwrap();
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        Self(client(request, stream).unwrap().0)
    }

    /// A client of `/ws/{channel}` that hears everything published from now on.
    pub(crate) fn following(base: &str, channel: &str, token: &str) -> Self {
        let mut socket = Self::open(base, &format!("/ws/{channel}"), token);
        assert_eq!(socket.frame()["type"], "welcome");
        assert_eq!(socket.frame()["type"], "subscribed");
        socket
    }

    /// The next text frame.
    pub(crate) fn frame(&mut self) -> Value {
        loop {
            match next_message(&mut self.0) {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(reason) => panic!("closed: {reason:?}"),
                _ => {}
            }
        }
    }

    /// The next frame of that sort; others are passed over.
    pub(crate) fn frame_where(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        let mut passed = Vec::new();
        // Heartbeats keep coming, so the socket's own time-out does not end a wait in vain.
        while started.elapsed() < DEADLINE {
            let frame = self.frame();
            if wanted(&frame) {
                return frame;
            }
            passed.push(frame.to_string());
        }
        panic!("the frame did not come; these did:\n{}", passed.join("\n"));
    }

    /// The code that the server closes with, whatever comes before.
    pub(crate) fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(reason) = next_message(&mut self.0) {
                return reason.unwrap().code.into();
            }
        }
    }

    pub(crate) fn send(&mut self, frame: &Value) {
        self.0.send(Message::text(frame.to_string())).unwrap();
    }
}

#[test]
fn a_client_resumes_across_a_restart_of_the_server() {
    let site = Site::new();
    site.append("");
    let mut vigil = site.following().serve();
    let token = site.vigil().token("viewer");
    let mut socket = Socket::following(vigil.base(), "threats", &token);
    site.append(line("/1?q=%3Cscript%3Ealert(1)%3C/script%3E"));
    let first = socket.frame_where(|frame| frame["type"] == "threat.new");
    vigil.process().kill();
    site.append(line("/2?q=%3Cscript%3Ealert(1)%3C/script%3E"));
    let vigil = site.following().serve();
    wait_until("the second is stored", || threats(vigil.http()).len() == 2);

    let mut socket = Socket::open(vigil.base(), "/ws", &token);
    socket.send(&json!({"id": 1, "type": "subscribe", "channel": "threats",
        "data": {"since": {"epoch": first["epoch"], "offset": first["offset"]}}}));
    let second = socket.frame_where(|frame| frame["type"] == "threat.new");
    assert_eq!(second["data"]["url"]["path"], "/2");
    assert_eq!(second["offset"], first["offset"].as_u64().unwrap() + 1);
    assert_eq!(second["epoch"], first["epoch"]);
}

#[test]
fn who_restarts_the_server_has_its_clients_told_so() {
    let site = Site::new();
    site.append("");
    for (signal, told) in [(Signal::USR1, 1012), (Signal::TERM, 1001)] {
        let mut vigil = site.following().serve();
        let token = site.vigil().token("viewer");
        let mut socket = Socket::following(vigil.base(), "threats", &token);
        vigil.process().signal(signal);
        let last = socket.frame_where(|frame| frame["type"] == "ping");
        assert!(last["data"]["positions"]["threats"].is_object(), "{last}");
        assert_eq!(socket.close_code(), told);
        drop(socket);
        assert!(vigil.process().inner().wait().unwrap().success());
    }
}

#[test]
fn a_durable_subscription_goes_on_after_a_restart_where_it_was_acknowledged() {
    let site = Site::new();
    site.append("");
    let mut vigil = site.following().serve();
    let token = site.vigil().token("viewer");
    let durable = json!({"id": 1, "type": "subscribe", "channel": "threats",
        "data": {"durable": "mine"}});
    let mut socket = Socket::open(vigil.base(), "/ws", &token);
    socket.send(&durable);
    socket.frame_where(|frame| frame["type"] == "subscribed");
    for number in 1..=3 {
        site.append(line(&format!("/{number}?file=../../../../etc/passwd")));
    }
    let mut offsets = Vec::new();
    for _ in 0..3 {
        let frame = socket.frame_where(|frame| frame["type"] == "threat.new");
        offsets.push(frame["offset"].clone());
    }
    // One more is done with, and the server ends: first because it is told to, then by force.
    for (acknowledged, is_killed) in [(1, false), (2, true)] {
        socket.send(&json!({"id": 2, "type": "ack", "channel": "threats",
            "data": {"durable": "mine", "offset": offsets[acknowledged - 1]}}));
        let answer = socket.frame_where(|frame| frame["reply_to"] == 2);
        assert_eq!(answer["type"], "acked", "{answer}");
        if is_killed {
            let wanted = format!("\"offset\":{}", offsets[acknowledged - 1]);
            wait_until("the cursor is written down", || {
                let kept = fs_err::read_to_string(site.path("data/cursors.json"));
                kept.unwrap().contains(&wanted)
            });
            vigil.process().kill();
        } else {
            vigil.process().terminate();
        }
        vigil = site.following().serve();
        socket = Socket::open(vigil.base(), "/ws", &token);
        socket.send(&durable);
        let next = socket.frame_where(|frame| frame["type"] == "threat.new");
        assert_eq!(next["offset"], offsets[acknowledged]);
    }
}

/// Waits until what was said in a room is written down for good: what is not yet whole in the database's
/// own log is as good as not there.
fn is_kept(site: &Site, text: &str) {
    let database = rusqlite::Connection::open(site.path("data/vigil.db")).unwrap();
    let is_there = "SELECT EXISTS (SELECT * FROM room_item WHERE instr(data, ?1))";
    wait_until("it is written down", || {
        let found = database.query_row(is_there, [text], |row| row.get::<_, bool>(0));
        found.unwrap()
    });
}

/// Opens a chat after a position and gives everything up to and with the text, and whether all was there.
fn resumed(base: &str, token: &str, since: &Value, last: &str) -> (Vec<Value>, bool) {
    let mut socket = Socket::open(base, "/ws", token);
    socket.send(
        &json!({"id": 1, "type": "subscribe", "channel": "chat:1", "data": {"since": since}}),
    );
    let subscribed = socket.frame_where(|frame| frame["reply_to"] == 1);
    let mut said = Vec::new();
    loop {
        let frame = socket.frame_where(|frame| frame["type"] == "chat.message");
        said.push(frame["data"]["message"].clone());
        if said.last().unwrap() == last {
            return (said, subscribed["data"]["recovered"] == true);
        }
    }
}

#[test]
fn a_chat_goes_on_after_a_restart() {
    let site = Site::new();
    site.append("");
    let mut vigil = site.following().serve();
    let token = site.vigil().token("analyst");
    let say = |base: &str, message: &str| {
        let mut socket = Socket::open(base, "/ws", &token);
        socket.send(
            &json!({"id": 1, "type": "chat", "data": {"session_id": "1", "message": message}}),
        );
        let published = socket.frame_where(|frame| frame["reply_to"] == 1);
        published["data"]["position"].clone()
    };
    let first = say(vigil.base(), "one");
    let second = say(vigil.base(), "two");
    assert!(vigil.process().terminate().success());
    // After a good end it is the same log.
    let mut vigil = site.following().serve();
    let third = say(vigil.base(), "three");
    assert_eq!(third["epoch"], first["epoch"]);
    assert!(third["offset"].as_u64() > second["offset"].as_u64());
    let all = resumed(vigil.base(), &token, &first, "three");
    assert_eq!(all, (vec![json!("two"), json!("three")], true));
    // After a bad one it is another, since the last moment may be gone; what was kept is there.
    is_kept(&site, "\"three\"");
    vigil.process().kill();
    let vigil = site.following().serve();
    let fourth = say(vigil.base(), "four");
    assert_ne!(fourth["epoch"], first["epoch"]);
    let (said, recovered) = resumed(vigil.base(), &token, &third, "four");
    assert_eq!(said, ["one", "two", "three", "four"]);
    assert!(!recovered);
}

#[test]
fn a_publisher_that_tries_again_after_a_crash_does_not_double_its_message() {
    let site = Site::new();
    site.append("");
    let mut vigil = site.following().serve();
    let token = site.vigil().token("analyst");
    let say = |base: &str| {
        let mut socket = Socket::open(base, "/ws", &token);
        socket.send(&json!({"id": 1, "type": "chat",
            "data": {"session_id": "1", "message": "only once", "idempotency_key": "k"}}));
        socket.frame_where(|frame| frame["reply_to"] == 1)["data"].clone()
    };
    let said = say(vigil.base());
    assert_eq!(said["duplicate"], false);
    is_kept(&site, "only once");
    vigil.process().kill();
    let vigil = site.following().serve();
    let again = say(vigil.base());
    assert_eq!(again["duplicate"], true, "{again}");
    assert_eq!(again["id"], said["id"]);
}

#[test]
fn who_was_in_a_room_when_the_process_was_killed_has_left_it() {
    let site = Site::new();
    site.append("");
    let mut vigil = site.following().serve();
    let token = site.vigil().token("analyst");
    let mut socket = Socket::open(vigil.base(), "/api/v1/ws/chat/1", &token);
    let joined = socket.frame_where(|frame| frame["type"] == "presence.join");
    let who = joined["data"]["connection_id"].as_str().unwrap().to_owned();
    // A room in which nothing was said is not written down.
    socket.send(&json!({"type": "chat", "channel": "chat:1", "data": {"message": "hi"}}));
    is_kept(&site, &who);
    vigil.process().kill();
    let vigil = site.following().serve();
    let mut socket = Socket::open(vigil.base(), "/api/v1/ws/chat/1?last=100", &token);
    let left = socket.frame_where(|frame| frame["type"] == "presence.leave");
    assert_eq!(left["data"], joined["data"]);
}

#[test]
fn an_alert_is_acknowledged_on_the_socket_and_told_to_all() {
    let site = Site::new();
    site.append("");
    let vigil = site.following().serve();
    let mut viewer = Socket::following(vigil.base(), "alerts", &site.vigil().token("viewer"));
    let mut analyst = Socket::following(vigil.base(), "alerts", &site.vigil().token("analyst"));
    site.append(line("/x?file=../../../../etc/passwd"));
    let alert = viewer.frame_where(|frame| frame["type"] == "alert.new")["data"].clone();
    let acknowledge = json!({"id": "a", "type": "acknowledge", "data": {"alert_id": alert["id"], "id": alert["id"]}});
    viewer.send(&acknowledge);
    let refused = viewer.frame_where(|frame| frame["type"] == "error");
    assert_eq!(refused["data"]["code"], "forbidden");
    analyst.send(&acknowledge);
    let told = viewer.frame_where(|frame| frame["type"] == "alert.acknowledged");
    assert_eq!(told["data"]["state"], "acknowledged");
    assert_eq!(told["data"]["assignee"], "analyst");
    let stored = vigil
        .http()
        .get(&format!("/api/v1/alerts/{}", alert["id"].as_str().unwrap()))
        .json();
    assert_eq!(stored["changes"][0]["by"], "analyst");
}

#[test]
fn server_sent_events_follow_a_channel() {
    use std::io::BufRead as _;
    let site = Site::new();
    site.append("");
    let vigil = site.following().serve();
    let response = ureq::get(format!("{}/sse/threats", vigil.base()))
        .header(
            "Authorization",
            format!("Bearer {}", site.vigil().token("viewer")),
        )
        .config()
        .timeout_global(Some(Duration::from_mins(1)))
        .build()
        .call()
        .unwrap();
    site.append(line("/x?file=../../../../etc/passwd"));
    let lines = std::io::BufReader::new(response.into_body().into_reader()).lines();
    let data = lines
        .map(Result::unwrap)
        .find(|line| line.starts_with("data:") && line.contains("threat.new"))
        .unwrap();
    assert!(data.contains("/etc/passwd"));
}
