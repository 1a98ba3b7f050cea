//! The AsyncAPI document is what the server really says: every frame of a conversation fits it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use vigil_auth::{Grant, Role};
use vigil_event::Severity;
use vigil_gateway::Limits;

use crate::client::{Client, Heard, connect, open};
use crate::raw::{ask, handshake};
use crate::server::{START, Server, Setup, principal};

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => panic!("type {other}"),
    }
}

/// Why a value does not fit a schema: as much of JSON Schema as the document uses.
fn misfit(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let found = document.pointer(reference.strip_prefix('#').unwrap());
        return misfit(
            document,
            found.unwrap_or_else(|| panic!("{reference}")),
            value,
            at,
        );
    }
    if let Some(ways) = schema["anyOf"].as_array()
        && !ways
            .iter()
            .any(|way| misfit(document, way, value, at).is_none())
    {
        return Some(format!("{at}: {value} is none of {ways:?}"));
    }
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        return Some(format!("{at}: {value} is not {constant}"));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        return Some(format!("{at}: {value} is none of {values:?}"));
    }
    let is = |kind| is_a(kind, value);
    let fits = match &schema["type"] {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().any(|kind| is(kind.as_str().unwrap())),
        _ => true,
    };
    if !fits {
        return Some(format!("{at}: {value} is no {}", schema["type"]));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap()).is_none() {
            return Some(format!("{at}: {name} is missing"));
        }
    }
    if let Some(items) = value.as_array() {
        if schema["minItems"]
            .as_u64()
            .is_some_and(|least| (items.len() as u64) < least)
        {
            return Some(format!("{at}: it is too short"));
        }
        let mut items = items.iter();
        return items.find_map(|item| misfit(document, &schema["items"], item, &format!("{at}[]")));
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        let known = schema["properties"].get(name);
        let known = known.or_else(|| schema.get("additionalProperties"));
        match known {
            Some(Value::Bool(false)) => {
                return Some(format!("{at}: {name} is not in the document"));
            }
            Some(schema) if schema.is_object() => {
                if let Some(wrong) = misfit(document, schema, field, &format!("{at}.{name}")) {
                    return Some(wrong);
                }
            }
            _ => {}
        }
    }
    None
}

fn check(document: &Value, frame: &Value, seen: &mut Vec<String>) {
    let kind = if frame["offset"].is_u64() {
        "publication"
    } else {
        frame["type"].as_str().unwrap()
    };
    let message = &document["components"]["messages"][format!("server.{kind}")];
    assert!(message.is_object(), "{kind} is not in the document");
    assert_eq!(
        misfit(document, &message["payload"], frame, kind),
        None,
        "{frame}"
    );
    seen.push(kind.to_owned());
}

/// Sends a command, checks it and every frame up to its answer.
async fn say(document: &Value, client: &mut Client, mut command: Value, seen: &mut Vec<String>) {
    command["id"] = json!(1);
    let name = command["type"].as_str().unwrap();
    let message = &document["components"]["messages"][format!("client.{name}")];
    assert_eq!(misfit(document, &message["payload"], &command, name), None);
    client.send(command).await;
    loop {
        let frame = client.frame().await;
        check(document, &frame, seen);
        if frame["reply_to"] == 1 {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_frame_of_a_conversation_fits_the_document() {
    let document: Value = serde_json::from_str(include_str!("../../asyncapi.json")).unwrap();
    let server = Server::start(Setup {
        principal: Some(principal(Role::Admin)),
        ..Setup::default()
    })
    .await;
    let (mut client, _) = open(&server, "/ws", &[]).await.unwrap();
    let mut seen = Vec::new();
    check(&document, &client.frame().await, &mut seen);
    server.publish(1, Severity::High, 0);
    server.publish(2, Severity::High, 0);
    for command in [
        json!({"type": "subscribe", "channel": "chat:1", "data": {"durable": "desk", "min_severity": "informational"}}),
        json!({"type": "chat", "channel": "chat:1", "data": {"message": "hi"}}),
        json!({"type": "typing", "data": {"session_id": "1", "typing": true}}),
        json!({"type": "publish", "channel": "chat:1", "data": {"type": "message", "data": [1]}}),
        json!({"type": "presence", "channel": "chat:1"}),
        json!({"type": "history", "channel": "chat:1", "data": {"limit": 3}}),
        json!({"type": "ack", "channel": "chat:1", "data": {"durable": "desk", "offset": 1}}),
        json!({"type": "subscribe", "channel": "threats", "data": {
            "since": {"epoch": "other", "offset": 1}, "batch": {"max_messages": 10}}}),
        json!({"type": "status"}),
        json!({"type": "ping"}),
        json!({"type": "acknowledge", "data": {"alert_id": server.alert.to_string()}}),
        json!({"type": "unsubscribe", "channel": "chat:1", "data": {"durable": "desk"}}),
        json!({"type": "subscribe", "channel": "nowhere"}),
        json!({"type": "auth", "data": {"token": "no"}}),
    ] {
        say(&document, &mut client, command, &mut seen).await;
    }
    for kind in [
        "welcome",
        "subscribed",
        "published",
        "publication",
        "presence",
        "history",
        "acked",
        "gap",
        "batch",
        "status",
        "pong",
        "acknowledged",
        "unsubscribed",
        "error",
    ] {
        assert!(
            seen.iter().any(|seen| seen == kind),
            "{kind} was not seen: {seen:?}"
        );
    }
    drop(connect(&server, "/ws").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_says_unasked_fits_the_document() {
    let document: Value = serde_json::from_str(include_str!("../../asyncapi.json")).unwrap();
    let grant = Grant {
        expires_at: Some(START.plus_millis(50_000)),
        ..Grant::new("root", Role::Admin)
    };
    let server = Server::start(Setup {
        principal: None,
        limits: Limits {
            ping_interval: Duration::from_millis(20),
            ..Limits::default()
        },
        ..Setup::default()
    })
    .await;
    let authority = &server.gatekeeper.authority;
    let token = authority.issue(&grant, START).unwrap();
    let (mut client, _) = open(&server, "/ws", &[]).await.unwrap();
    let mut seen = Vec::new();
    let command = json!({"type": "auth", "data": {"token": token}});
    say(&document, &mut client, command, &mut seen).await;
    let welcome = client.frame().await;
    check(&document, &welcome, &mut seen);
    for kind in ["ping", "expiring"] {
        while !seen.iter().any(|seen| seen == kind) {
            let Heard::Frame(frame) = client.hear().await else {
                panic!("no {kind} came: {seen:?}")
            };
            check(&document, &frame, &mut seen);
        }
    }
    assert!(seen.iter().any(|seen| seen == "authenticated"), "{seen:?}");
    let managed = Server::of(principal(Role::Admin)).await;
    let mut client = connect(&managed, "/ws").await;
    let mut stream = TcpStream::connect(managed.address).await.unwrap();
    let body = r#"{"message":{"a":1}}"#;
    let request = format!(
        "POST /ws/broadcast HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        managed.address,
        body.len()
    );
    let head = ask(&mut stream, &request).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    check(&document, &client.next("notification").await, &mut seen);
}

/// Whoever writes a client from the document alone asks for nothing that the server refuses as unknown.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_document_lets_a_client_ask_for_is_what_the_server_takes() {
    let document: Value = serde_json::from_str(include_str!("../../asyncapi.json")).unwrap();
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws").await;
    let schema = &document["components"]["messages"]["client.subscribe"]["payload"];
    let position = json!({"epoch": "e", "offset": 1});
    for (channel, data, is_taken) in [
        ("threats", json!({"since": position}), true),
        ("threats", json!({"since": "2026-11-20T12:00:00Z"}), true),
        ("threats", json!({"since": {"last": 5}}), true),
        (
            "chat:*",
            json!({"since": {"rooms": {"chat:1": position}}}),
            true,
        ),
        ("threats", json!({"since": {"epoch": "e"}}), false),
        ("threats", json!({"since": {"latest": 5}}), false),
        ("threats", json!({"since": 5}), false),
        ("threats", json!({"filter": "data.score > 8.0"}), true),
        (
            "threats",
            json!({"filter": {"severity": "high", "host": ["a.example"]}}),
            true,
        ),
        (
            "threats",
            json!({"filter": {"severity": ["high", "low"], "expression": "true"}}),
            true,
        ),
        ("threats", json!({"filter": {"severity": []}}), false),
        ("threats", json!({"filter": {"severity": "worst"}}), false),
        ("threats", json!({"filter": {"technique": 1190}}), false),
        (
            "threats",
            json!({"filter": {"source": "10.0.0.0/8"}}),
            false,
        ),
        ("threats", json!({"filter": 7}), false),
    ] {
        let frame = json!({"type": "subscribe", "channel": channel, "data": data});
        let fits = misfit(&document, schema, &frame, "frame").is_none();
        assert_eq!(fits, is_taken, "the document: {frame}");
        let answer = client.ask(frame.clone()).await;
        assert_eq!(
            answer["type"] == "subscribed",
            is_taken,
            "{frame}: {answer}"
        );
        if is_taken {
            let end = json!({"type": "unsubscribe", "channel": channel});
            client.send(end).await;
            client.next("unsubscribed").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_of_the_document_is_served() {
    let document: Value = serde_json::from_str(include_str!("../../asyncapi.json")).unwrap();
    let server = Server::start(Setup::default()).await;
    for channel in document["channels"].as_object().unwrap().values() {
        let address = channel["address"].as_str().unwrap();
        let path = ["channel", "id", "session_id"]
            .into_iter()
            .fold(address.to_owned(), |path, name| {
                path.replace(&format!("{{{name}}}"), "alerts")
            });
        assert!(!path.contains('{'), "{path}");
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = ask(&mut stream, &handshake(server.address, &path, "")).await;
        let expected = if path.starts_with("/sse/") {
            "200"
        } else {
            "101"
        };
        assert_eq!(head.split(' ').nth(1), Some(expected), "{path}");
    }
}

#[test]
fn references_of_the_document_lead_somewhere() {
    fn look(document: &Value, value: &Value) {
        if let Some(reference) = value["$ref"].as_str() {
            assert!(
                document
                    .pointer(reference.trim_start_matches('#'))
                    .is_some(),
                "{reference}"
            );
        }
        match value {
            Value::Object(fields) => fields.values().for_each(|field| look(document, field)),
            Value::Array(items) => items.iter().for_each(|item| look(document, item)),
            _ => {}
        }
    }
    let document: Value = serde_json::from_str(include_str!("../../asyncapi.json")).unwrap();
    look(&document, &document);
    assert_eq!(document["asyncapi"], "3.0.0");
}
