//! Who may do what, in full: every route of the REST interface and of the gateway, and every command
//! of a socket, for each role and for each kind of token that must open nothing. A route or a command
//! that is not in the tables fails the test, so that none is added without a thought about rights.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
use vigil_testkit::{DEADLINE, Vigil};

use crate::site::Site;
use crate::socket::Socket;
use crate::tokens::{Provider, RSA, bad_tokens, configured, set};

/// The roles, in the order of the columns.
const ROLES: [&str; 4] = ["viewer", "analyst", "admin", "service"];

/// An id that nothing has.
const NOTHING: &str = "0192f0c1-0000-7000-8000-000000000000";

/// A route: its method, its path as documented, the body that is sent, and what each role is
/// answered. What is there only for those who may says 404 or 4xx to them, never 401 or 403.
struct Route(&'static str, &'static str, &'static str, [u16; 4]);

const REST: [Route; 33] = [
    Route("get", "/health", "", [200, 200, 200, 200]),
    Route("get", "/ready", "", [200, 200, 200, 200]),
    Route("get", "/metrics", "", [200, 200, 200, 200]),
    Route("get", "/api/v1/openapi.json", "", [200, 200, 200, 200]),
    Route("get", "/api/v1/alerts", "", [200, 200, 200, 403]),
    Route("get", "/api/v1/alerts/{id}", "", [404, 404, 404, 403]),
    Route(
        "post",
        "/api/v1/alerts/{id}/acknowledge",
        "",
        [403, 404, 404, 403],
    ),
    Route(
        "post",
        "/api/v1/alerts/{id}/note",
        r#"{"note":"x"}"#,
        [403, 404, 404, 403],
    ),
    Route(
        "post",
        "/api/v1/alerts/{id}/resolve",
        "",
        [403, 404, 404, 403],
    ),
    Route("get", "/api/v1/threats", "", [200, 200, 200, 403]),
    Route("get", "/api/v1/threats/{id}", "", [404, 404, 404, 403]),
    Route("get", "/api/v1/stats", "", [200, 200, 200, 403]),
    Route("get", "/api/v1/rules", "", [200, 200, 200, 403]),
    Route("get", "/api/v1/rules/{id}", "", [404, 404, 404, 403]),
    Route("get", "/api/v1/rules/coverage", "", [200, 200, 200, 403]),
    Route("post", "/api/v1/rules/reload", "", [403, 403, 200, 403]),
    Route("get", "/api/v1/models/status", "", [200, 200, 200, 403]),
    Route("get", "/api/v1/models", "", [200, 200, 200, 403]),
    Route("get", "/api/v1/models/{site}", "", [404, 404, 404, 403]),
    Route(
        "get",
        "/api/v1/models/{site}/export",
        "",
        [403, 403, 404, 403],
    ),
    Route("delete", "/api/v1/models/{site}", "", [403, 403, 404, 403]),
    Route("post", "/api/v1/models/retrain", "{}", [403, 403, 202, 403]),
    Route(
        "post",
        "/api/v1/models/{site}/rollback",
        r#"{"version":1}"#,
        [403, 403, 404, 403],
    ),
    Route("get", "/api/v1/suppressions", "", [200, 200, 200, 403]),
    Route("post", "/api/v1/suppressions", "{}", [403, 400, 400, 403]),
    Route(
        "delete",
        "/api/v1/suppressions/{id}",
        "",
        [403, 404, 404, 403],
    ),
    Route("post", "/api/v1/tickets", "", [200, 200, 200, 403]),
    Route(
        "get",
        "/api/v1/tokens/revocations",
        "",
        [403, 403, 200, 403],
    ),
    Route(
        "post",
        "/api/v1/tokens/revocations",
        "{}",
        [403, 403, 400, 403],
    ),
    Route(
        "delete",
        "/api/v1/tokens/revocations/{id}",
        "",
        [403, 403, 404, 403],
    ),
    Route(
        "post",
        "/api/v1/ingest/batch",
        r#"{"lines":[]}"#,
        [403, 403, 200, 200],
    ),
    Route("post", "/api/v1/ingest/mirror", "", [403, 403, 204, 204]),
    Route(
        "post",
        "/api/v1/ingest/requests",
        r#"{"requests":[]}"#,
        [403, 403, 200, 200],
    ),
];

const GATEWAY: [Route; 20] = [
    Route("get", "/ws", "", [101, 101, 101, 403]),
    Route("get", "/ws/{channel}", "", [101, 101, 101, 403]),
    Route("get", "/api/v1/ws", "", [101, 101, 101, 403]),
    Route(
        "get",
        "/api/v1/ws/investigations/{id}",
        "",
        [101, 101, 101, 403],
    ),
    Route("get", "/api/v1/ws/analysis/{id}", "", [101, 101, 101, 403]),
    Route("get", "/api/v1/ws/chat/{id}", "", [101, 101, 101, 403]),
    Route("get", "/sse/{channel}", "", [200, 200, 200, 403]),
    Route("get", "/api/v1/ws/health", "", [200, 200, 200, 403]),
    Route("get", "/asyncapi.json", "", [200, 200, 200, 403]),
    Route("get", "/ws/connections", "", [403, 403, 200, 403]),
    Route("delete", "/ws/connections/{id}", "", [403, 403, 404, 403]),
    Route("get", "/ws/stats", "", [403, 403, 200, 403]),
    Route("get", "/ws/channels", "", [403, 403, 200, 403]),
    Route(
        "get",
        "/ws/channels/{channel}/presence",
        "",
        [403, 403, 200, 403],
    ),
    Route(
        "get",
        "/ws/channels/{channel}/history",
        "",
        [403, 403, 200, 403],
    ),
    Route(
        "post",
        "/ws/channels/{channel}/subscribe",
        r#"{"user":"nobody"}"#,
        [403, 403, 404, 403],
    ),
    Route(
        "post",
        "/ws/channels/{channel}/unsubscribe",
        r#"{"user":"nobody"}"#,
        [403, 403, 404, 403],
    ),
    Route(
        "post",
        "/ws/broadcast",
        r#"{"message":1}"#,
        [403, 403, 200, 403],
    ),
    Route(
        "post",
        "/ws/notify/{client_id}",
        r#"{"message":1}"#,
        [403, 403, 404, 403],
    ),
    Route(
        "post",
        "/ws/publish",
        r#"{"channel":"chat:1","data":1}"#,
        [403, 403, 200, 403],
    ),
];

/// A command: its type, whose channel or alert it names, and for viewer, analyst and admin the type
/// of the answer or the code of the error. A service opens no socket.
struct Said(&'static str, Value, [&'static str; 3]);

/// Each is said on a connection of its own, after a subscription to `chat:1`.
fn commands() -> Vec<Said> {
    let data = |channel: &str, data: Value| json!({"channel": channel, "data": data});
    vec![
        Said("subscribe", data("threats", json!({})), ["subscribed"; 3]),
        // Another user's room is heard by nobody but an admin.
        Said(
            "subscribe",
            data("user:somebody", json!({})),
            ["forbidden", "forbidden", "subscribed"],
        ),
        Said(
            "unsubscribe",
            data("chat:1", json!({})),
            ["unsubscribed"; 3],
        ),
        Said("history", data("threats", json!({})), ["history"; 3]),
        Said(
            "history",
            data("user:somebody", json!({})),
            ["forbidden", "forbidden", "history"],
        ),
        Said("presence", data("chat:1", json!({})), ["presence"; 3]),
        Said(
            "presence",
            data("user:somebody", json!({})),
            ["forbidden", "forbidden", "unsupported"],
        ),
        Said(
            "publish",
            data("chat:1", json!({"a": 1})),
            ["forbidden", "published", "published"],
        ),
        Said(
            "publish",
            data("user:somebody", json!({"a": 1})),
            ["forbidden", "forbidden", "published"],
        ),
        Said(
            "publish",
            data("threats", json!({"a": 1})),
            ["unsupported"; 3],
        ),
        Said(
            "chat",
            data("chat:1", json!({"message": "x"})),
            ["forbidden", "published", "published"],
        ),
        Said(
            "typing",
            data("chat:1", json!({"typing": true})),
            ["forbidden", "published", "published"],
        ),
        Said(
            "acknowledge",
            json!({"data": {"alert_id": NOTHING}}),
            ["forbidden", "not_found", "not_found"],
        ),
        Said(
            "ack",
            data("threats", json!({"durable": "none", "offset": 1})),
            ["not_subscribed"; 3],
        ),
        Said("status", json!({}), ["status"; 3]),
        Said("ping", json!({}), ["pong"; 3]),
        Said(
            "auth",
            json!({"data": {"token": "nonsense"}}),
            ["unauthenticated"; 3],
        ),
    ]
}

/// The status that a request is answered with.
fn ask(vigil: &Vigil, route: &Route, headers: &str) -> u16 {
    let Route(method, path, body, _) = route;
    let path = path
        .replace(
            "{channel}",
            if path.starts_with("/ws/channels") {
                "chat:1"
            } else {
                "threats"
            },
        )
        .replace("{id}", NOTHING)
        .replace("{client_id}", "nobody");
    let is_socket = path.contains("/ws") && route.3[0] == 101;
    let kind = if path.ends_with("/mirror") {
        "X-Original-URI: /\r\nX-Original-Method: GET\r\n"
    } else {
        ""
    };
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let connection = if is_socket {
        upgrade
    } else {
        "Connection: close\r\n"
    };
    let json = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/json\r\n"
    };
    let request = format!(
        "{} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{connection}{json}{kind}{headers}\r\n{body}",
        method.to_uppercase(),
        body.len(),
    );
    let mut stream = TcpStream::connect(vigil.base().strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    std::str::from_utf8(&head[9..]).unwrap().parse().unwrap()
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn routes() -> impl Iterator<Item = &'static Route> {
    REST.iter().chain(&GATEWAY)
}

#[test]
fn every_route_answers_each_role_as_the_table_says() {
    let site = Site::new();
    let vigil = site.vigil().serve();
    let mut wrong = Vec::new();
    for (column, role) in ROLES.into_iter().enumerate() {
        let token = bearer(&site.vigil().token(role));
        for route in routes() {
            let status = ask(&vigil, route, &token);
            if status != route.3[column] {
                wrong.push(format!("{role} {} {}: {status}", route.0, route.1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_route_opens_to_a_token_that_does_not_hold() {
    let provider = Provider::start(set(RSA, "one"));
    let site = Site::new();
    let vigil = configured(&site, &provider).serve();
    let mut wrong = Vec::new();
    for (name, token) in bad_tokens(&site, &vigil) {
        let header = bearer(&token);
        for route in routes().filter(|route| route.1 != "/health") {
            let status = ask(&vigil, route, &header);
            if status != 401 {
                wrong.push(format!("{name} {} {}: {status}", route.0, route.1));
            }
        }
    }
    // Without any token a socket may still send it in its first frame; nothing else may be asked.
    for route in routes().filter(|route| route.1 != "/health") {
        let status = ask(&vigil, route, "");
        if status != if route.3[0] == 101 { 101 } else { 401 } {
            wrong.push(format!("nobody {} {}: {status}", route.0, route.1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pages_of_other_sites_open_no_stream() {
    let site = Site::new();
    let vigil = site.vigil().serve();
    let token = bearer(&site.vigil().token("admin"));
    for route in &GATEWAY {
        let is_stream = route.3[0] == 101 || route.1.starts_with("/sse/");
        let expected = if is_stream { 403 } else { route.3[2] };
        let status = ask(
            &vigil,
            route,
            &format!("{token}Origin: https://evil.example\r\n"),
        );
        assert_eq!(status, expected, "{}", route.1);
    }
    // What a browser adds by itself counts for no change that another site's page asks for.
    let session = format!("Cookie: vigil_session={}\r\n", site.vigil().token("admin"));
    for route in routes().filter(|route| route.0 != "get") {
        for from in [
            "Origin: https://evil.example\r\n",
            "Sec-Fetch-Site: cross-site\r\n",
            "",
        ] {
            let status = ask(&vigil, route, &format!("{session}{from}"));
            assert_eq!(status, 403, "{} {from}", route.1);
        }
    }
}

#[test]
fn every_command_answers_each_role_as_the_table_says() {
    let site = Site::new();
    let vigil = site.vigil().serve();
    let mut wrong = Vec::new();
    for (column, role) in ROLES[..3].iter().enumerate() {
        let token = site.vigil().token(role);
        for Said(kind, frame, expected) in commands() {
            let mut socket = Socket::open(vigil.base(), "/api/v1/ws/chat/1", &token);
            socket.frame_where(|frame| frame["type"] == "subscribed");
            let mut frame = frame;
            frame["type"] = json!(kind);
            frame["id"] = json!("asked");
            socket.send(&frame);
            let answer = socket.frame_where(|frame| frame["reply_to"] == "asked");
            let said = match answer["type"].as_str().unwrap() {
                "error" => answer["data"]["code"].as_str().unwrap(),
                kind => kind,
            };
            if said != expected[column] {
                wrong.push(format!("{role} {kind} {frame}: {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_missing_in_the_tables() {
    let site = Site::new();
    let vigil = site.vigil().serve();
    let named = |routes: &[Route]| -> BTreeSet<String> {
        routes
            .iter()
            .map(|route| format!("{} {}", route.0, route.1))
            .collect()
    };
    let document = vigil.http().get("/api/v1/openapi.json").json();
    let documented = document["paths"].as_object().unwrap().iter();
    let documented: BTreeSet<String> = documented
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{method} {path}"))
        })
        .collect();
    assert_eq!(named(&REST), documented);

    // The gateway's routes stand in its source.
    let source = [
        include_str!("../../../gateway/src/route.rs"),
        include_str!("../../../gateway/src/manage.rs"),
    ]
    .concat();
    let written: BTreeSet<String> = source
        .lines()
        .filter_map(|line| {
            let (path, method) = line.trim().strip_prefix(".route(\"")?.split_once("\", ")?;
            Some(format!("{} {path}", method.split('(').next()?))
        })
        .collect();
    assert_eq!(named(&GATEWAY), written);

    let document = vigil.http().get("/asyncapi.json").json();
    let messages = document["channels"]["socket"]["messages"]
        .as_object()
        .unwrap();
    let documented: BTreeSet<&str> = messages
        .keys()
        .filter_map(|name| name.strip_prefix("client."))
        .collect();
    let said: BTreeSet<&str> = commands().iter().map(|said| said.0).collect();
    assert_eq!(said, documented);
}
