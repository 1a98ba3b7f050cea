//! The several ways to say a thing, names that are none, and what becomes of faults and of guesses.

use serde_json::json;
use vigil_auth::{Grant, Principal, Role};
use vigil_event::Severity;
use vigil_protocol::CloseCode;

use crate::client::{connect, open, refused};
use crate::server::{FAULTY, START, Server, Setup, principal};
use crate::sse::text_of;

#[tokio::test(flavor = "multi_thread")]
async fn options_beside_the_channel_are_in_force_and_unknown_ones_are_told() {
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws").await;
    let beside = json!({"type": "subscribe", "channel": "threats", "min_severity": "high",
        "fields": ["number"], "min_severty": "low", "data": {"filters": "x"}});
    let answer = client.ask(beside).await;
    assert_eq!(answer["data"]["min_severity"], "high");
    assert_eq!(answer["data"]["ignored"], json!(["min_severty", "filters"]));
    server.publish(1, Severity::Low, 10);
    server.publish(2, Severity::High, 10);
    let heard = client.next("threat.new").await;
    assert_eq!(heard["data"], json!({"number": 2}));
    let answer = client
        .ask(json!({"type": "history", "channel": "threats", "min_severity": "high", "since_": 1}))
        .await;
    assert_eq!(answer["data"]["items"].as_array().unwrap().len(), 1);
    assert_eq!(answer["data"]["ignored"], json!(["since_"]));
    let answer = client
        .ask(json!({"type": "unsubscribe", "data": {"channel": "threats"}}))
        .await;
    assert_eq!(answer["type"], "unsubscribed");
    let answer = client
        .ask(json!({"type": "subscribe", "investigation_id": 42}))
        .await;
    assert_eq!(answer["channel"], "investigations:42");
    assert_eq!(answer["data"].get("ignored"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_names_a_channel_by_the_same_rules_as_a_frame() {
    let server = Server::of(Principal::new("anna@example.org", Role::Analyst)).await;
    let long = format!("/ws/chat:{}", "x".repeat(300));
    for path in [
        "/ws/chat:a%20b",
        "/ws/chat:a%0Ab",
        "/api/v1/ws/chat/a%22b",
        &long,
    ] {
        assert_eq!(refused(&server, path, &[]).await.0, 404, "{path}");
    }
    for query in ["fields=..", "fields=a..b", "connection_type=other"] {
        let path = format!("/ws/threats?{query}");
        assert_eq!(refused(&server, &path, &[]).await.0, 400, "{path}");
    }
    let (mut client, _) = open(&server, "/ws/threats?connection_type=analysis", &[])
        .await
        .unwrap();
    assert_eq!(client.frame().await["data"]["connection_type"], "analysis");
    let answer = client
        .ask(json!({"type": "subscribe", "channel": "user:anna@example.org"}))
        .await;
    assert_eq!(answer["type"], "subscribed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_means_nothing_in_an_address_is_told() {
    let server = Server::start(Setup::default()).await;
    let query = "min_severty=high&token=secret&a%0A%0Adata:%20x=1";
    let mut client = connect(&server, &format!("/ws/threats?{query}")).await;
    let subscribed = client.next("subscribed").await;
    assert_eq!(
        subscribed["data"]["ignored"],
        json!(["a\n\ndata: x", "min_severty"])
    );
    let text = text_of(&server, &format!("/sse/threats?{query}"), "\n\n").await;
    assert!(
        text.ends_with(": ignored a\\n\\ndata: x\n: ignored min_severty"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_tokens_is_sent_away() {
    let server = Server::of(principal(Role::Viewer)).await;
    let good = Grant::new("anna", Role::Viewer);
    let good = server.gatekeeper.authority.issue(&good, START).unwrap();
    let auth = |token: &str| json!({"type": "auth", "data": {"token": token}});
    let mut client = connect(&server, "/ws/threats").await;
    for round in 0..3 {
        for _ in 0..4 {
            let answer = client.ask(auth("nonsense")).await;
            assert_eq!(answer["data"]["code"], "unauthenticated");
        }
        if round < 2 {
            assert_eq!(client.ask(auth(&good)).await["type"], "authenticated");
        }
    }
    client.send(auth("nonsense")).await;
    assert_eq!(client.closed().await.0, 4001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_publishes_what_its_token_names_and_hears_nothing() {
    let mut service = Principal::new("model", Role::Service);
    service.rights.publish = Some(vec!["chat:*".into()]);
    let server = Server::of(service).await;
    let (mut client, _) = open(&server, "/ws", &[]).await.unwrap();
    assert_eq!(client.frame().await["data"]["channels"], json!([]));
    let delta = json!({"type": "chat.delta", "data": {"text": "a"}});
    for (command, expected) in [
        (
            json!({"type": "publish", "channel": "chat:1", "data": delta}),
            "published",
        ),
        (
            json!({"type": "publish", "channel": "analysis:1", "data": delta}),
            "error",
        ),
        (json!({"type": "subscribe", "channel": "chat:1"}), "error"),
        (
            json!({"type": "subscribe", "channel": "user:model"}),
            "error",
        ),
        (json!({"type": "history", "channel": "chat:1"}), "error"),
        (json!({"type": "presence", "channel": "chat:1"}), "error"),
    ] {
        let answer = client.ask(command.clone()).await;
        assert_eq!(answer["type"], expected, "{command}");
    }
    assert_eq!(refused(&server, "/ws/chat:1", &[]).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_ends_one_connection_and_says_so() {
    let server = Server::of(Principal::new(FAULTY, Role::Analyst)).await;
    let mut other = connect(&server, "/ws/threats").await;
    let mut client = connect(&server, "/ws/threats").await;
    let id = server.alert.to_string();
    client
        .send(json!({"type": "acknowledge", "data": {"alert_id": id}}))
        .await;
    let (code, reason) = client.closed().await;
    assert_eq!(code, CloseCode::Internal.number());
    assert_eq!(reason, json!({"code": "internal", "reconnect": true}));
    server
        .metric_falls_to("vigil_gateway_connections{transport=\"websocket\"}", 1)
        .await;
    server.publish(1, Severity::Low, 10);
    assert_eq!(other.next("threat.new").await["offset"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_token_opens_rooms_that_were_there_before() {
    let mut narrow = principal(Role::Analyst);
    narrow.rights.subscribe = Some(vec!["analysis:2".into()]);
    let server = Server::of(narrow).await;
    let wide = Grant::new("anna", Role::Analyst);
    let wide = server.gatekeeper.authority.issue(&wide, START).unwrap();
    let mut client = connect(&server, "/ws").await;
    for room in ["analysis:1", "analysis:2"] {
        let command = json!({"type": "publish", "channel": room, "data": {"room": room}});
        assert_eq!(client.ask(command).await["type"], "published");
    }
    let command =
        json!({"type": "subscribe", "channel": "analysis:*", "data": {"since": {"last": 5}}});
    client.ask(command).await;
    assert_eq!(client.next("message").await["channel"], "analysis:2");
    let answer = client
        .ask(json!({"type": "auth", "data": {"token": wide}}))
        .await;
    assert_eq!(answer["type"], "authenticated");
    assert_eq!(client.next("message").await["channel"], "analysis:1");
}
