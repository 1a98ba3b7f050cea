//! Rooms: who is there, what is said, who may, and namespaces as a whole.

use serde_json::{Value, json};
use vigil_auth::Role;
use vigil_bus::Bus as _;
use vigil_gateway::Limits;

use crate::client::{connect, open};
use crate::server::{Server, Setup, principal};

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_heard_by_everybody_there() {
    let server = Server::of(principal(Role::Analyst)).await;
    let mut anna = connect(&server, "/api/v1/ws/chat/ab12").await;
    assert_eq!(anna.next("subscribed").await["channel"], "chat:ab12");
    let mut ben = connect(&server, "/ws").await;
    let heard = ben
        .ask(json!({"type": "subscribe", "data": {"session_id": "ab12"}}))
        .await;
    assert_eq!(heard["channel"], "chat:ab12");
    // Her own coming, then his.
    anna.next("presence.join").await;
    assert_eq!(anna.next("presence.join").await["data"]["user"], "anna");

    let said = ben
        .ask(json!({"type": "chat", "channel": "chat:ab12", "data": {"message": "hi", "idempotency_key": "k"}}))
        .await;
    assert_eq!(said["type"], "published");
    assert_eq!(said["data"]["duplicate"], false);
    let again = ben
        .ask(json!({"type": "chat", "channel": "chat:ab12", "data": {"message": "hi", "idempotency_key": "k"}}))
        .await;
    assert_eq!(again["data"]["duplicate"], true);
    assert_eq!(again["data"]["position"], said["data"]["position"]);
    ben.ask(json!({"type": "typing", "channel": "chat:ab12"}))
        .await;
    let delta = json!({"type": "publish", "channel": "chat:ab12",
        "data": {"type": "chat.delta", "data": {"from": "somebody else", "text": "Hel"}}});
    assert_eq!(ben.ask(delta).await["type"], "published");

    let message = anna.next("chat.message").await;
    assert_eq!(message["data"], json!({"from": "anna", "message": "hi"}));
    let typing = anna.frame().await;
    assert_eq!(
        (&typing["type"], &typing["data"]),
        (
            &json!("chat.typing"),
            &json!({"user": "anna", "typing": true})
        ),
        "the repeated message is not heard twice"
    );
    let delta = anna.frame().await;
    assert_eq!(delta["data"], json!({"from": "anna", "text": "Hel"}));

    let history = anna
        .ask(json!({"type": "history", "channel": "chat:ab12", "data": {"since": {"last": 100}}}))
        .await;
    let items = history["data"]["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "fleeting things are no history: {items:?}");
    assert_eq!(items[0]["type"], "chat.message");

    let presence = anna
        .ask(json!({"type": "presence", "channel": "chat:ab12"}))
        .await;
    assert_eq!(presence["data"]["connections"], 2);
    assert_eq!(presence["data"]["users"], 1);
    drop(ben);
    assert_eq!(anna.next("presence.leave").await["data"]["user"], "anna");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tries_again_after_a_restart_publishes_once_where_the_room_was_kept() {
    let before = Server::of(principal(Role::Analyst)).await;
    before.clock.forward(-2_000);
    let chat = |key: &str| {
        json!({"type": "chat", "channel": "chat:1",
            "data": {"message": "hi", "idempotency_key": key}})
    };
    let mut anna = connect(&before, "/ws").await;
    let said = anna.ask(chat("k")).await;
    let kept = before.bus.read("chat:1", 0, 9).items;
    let kept = kept
        .iter()
        .map(|item| (item.offset, item.publication.clone()));

    let after = Server::of(principal(Role::Analyst)).await;
    assert!(after.bus.restore("chat:1", "other", 2, kept.collect()));
    let mut anna = connect(&after, "/ws").await;
    let again = anna.ask(chat("k")).await["data"].clone();
    assert_eq!(
        (&again["duplicate"], &again["id"]),
        (&json!(true), &said["data"]["id"])
    );
    assert_eq!(
        again["position"],
        json!({"epoch": "other", "offset": 1}),
        "where it stands now"
    );
    let other_key = anna.ask(chat("another")).await;
    assert_eq!(other_key["data"]["duplicate"], false);
    let other_room = json!({"type": "chat", "channel": "chat:2",
        "data": {"message": "hi", "idempotency_key": "k"}});
    assert_eq!(anna.ask(other_room).await["data"]["duplicate"], false);
    after.clock.forward(298_000);
    assert_eq!(
        anna.ask(chat("k")).await["data"]["duplicate"],
        false,
        "a key counts for five minutes from its message"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_publish_is_told() {
    for (role, channel, code) in [
        (Role::Viewer, "chat:1", "forbidden"),
        (Role::Viewer, "user:anna", "published"),
        (Role::Analyst, "chat:1", "published"),
        (Role::Analyst, "network", "forbidden"),
        (Role::Analyst, "user:ben", "forbidden"),
        (Role::Analyst, "chat:*", "invalid"),
        (Role::Admin, "network", "published"),
        (Role::Admin, "threats", "unsupported"),
        (Role::Admin, "alerts", "unsupported"),
        (Role::Admin, "audit", "unsupported"),
        (Role::Admin, "nowhere:1", "unknown_channel"),
    ] {
        let server = Server::of(principal(role)).await;
        let mut client = connect(&server, "/ws").await;
        let answer = client
            .ask(json!({"type": "publish", "channel": channel, "data": {"text": "x"}}))
            .await;
        let said = if answer["type"] == "error" {
            &answer["data"]["code"]
        } else {
            &answer["type"]
        };
        assert_eq!(said, code, "{role} {channel} {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_can_not_say() {
    let server = Server::of(principal(Role::Admin)).await;
    let mut client = connect(&server, "/ws").await;
    for (data, said) in [
        (
            json!({"type": "threat.new", "data": {}}),
            "is no type that a client publishes",
        ),
        (json!({"type": "audit.connected", "data": {}}), "is no type"),
        (
            json!({"type": "chat.delta", "data": 7}),
            "must be an object",
        ),
        (json!({"severity": "bad", "data": 7}), "`severity`"),
        (json!({"data": "x".repeat(70_000)}), "longer than 65536"),
    ] {
        let answer = client
            .ask(json!({"type": "publish", "channel": "chat:1", "data": data}))
            .await;
        assert!(
            answer["data"]["message"]
                .as_str()
                .unwrap_or_default()
                .contains(said),
            "{said}: {answer}"
        );
    }
    // Well formed, and yet no value to a filter or to MessagePack.
    let deep = "[".repeat(65) + &"]".repeat(65);
    for (data, said) in [
        (r#""\ud800""#, "can't be read"),
        ("1e999", "can't be read"),
        (&deep, "nested deeper than 64"),
    ] {
        let command =
            format!(r#"{{"id":"ask","type":"publish","channel":"chat:1","data":{data}}}"#);
        client.send_text(&command).await;
        let answer = client.frame().await;
        let message = answer["data"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(said), "{data}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_heard_with_rooms_that_come_to_be() {
    let server = Server::of(principal(Role::Analyst)).await;
    let mut speaker = connect(&server, "/ws").await;
    let mut say = async |room: &str, text: &str| {
        let said = speaker
            .ask(json!({"type": "publish", "channel": room, "data": {"text": text}}))
            .await;
        assert_eq!(said["type"], "published", "{said}");
        said["data"]["position"].clone()
    };
    let before = say("analysis:1", "before").await;
    let mut all = connect(&server, "/ws").await;
    let heard = all
        .ask(json!({"type": "subscribe", "channel": "analysis:*"}))
        .await;
    assert_eq!(heard["type"], "subscribed");
    // Each room has its own place.
    assert_eq!(heard["data"], json!({"recovered": true, "lane": "normal"}));
    let other = json!({"rooms": {"analysis:1": {"epoch": "other", "offset": 7}}});
    let mut late = connect(&server, "/ws").await;
    let heard = late
        .ask(json!({"type": "subscribe", "channel": "analysis:*", "data": {"since": other}}))
        .await;
    assert_eq!(heard["data"]["recovered"], false);
    assert_eq!(late.next("gap").await["data"]["reason"], "epoch_changed");
    say("analysis:1", "known").await;
    let first = all.next("message").await;
    assert_eq!(
        (&first["channel"], &first["data"]["text"]),
        (&json!("analysis:1"), &json!("known"))
    );
    let last = say("analysis:2", "new").await;
    say("chat:2", "elsewhere").await;
    let second = all.next("message").await;
    assert_eq!(
        (&second["channel"], &second["data"]["text"]),
        (&json!("analysis:2"), &json!("new"))
    );
    // Also a room that is yet to come.
    for room in ["analysis:2", "analysis:7"] {
        let twice = all.ask(json!({"type": "subscribe", "channel": room})).await;
        assert_eq!(twice["data"]["code"], "already_subscribed", "{room}");
    }
    let pong = all.ask(json!({"type": "ping"})).await;
    assert_eq!(pong["data"]["positions"]["analysis:2"], last);
    let status = all.ask(json!({"type": "status"})).await;
    assert_eq!(status["data"]["subscriptions"][0]["channel"], "analysis:*");
    assert_eq!(status["data"]["subscriptions"][0]["rooms"], 2);
    drop(all);

    // Back again: where it was in the one room, and all of a room it never heard of.
    say("analysis:1", "while away").await;
    say("analysis:3", "never heard").await;
    let mut back = connect(&server, "/ws").await;
    let since = json!({"rooms": {"analysis:1": before, "analysis:2": last}});
    back.ask(json!({"type": "subscribe", "channel": "analysis:*", "data": {"since": since}}))
        .await;
    let mut texts = Vec::new();
    for _ in 0..3 {
        texts.push(back.next("message").await["data"]["text"].clone());
    }
    texts.sort_by_key(Value::to_string);
    assert_eq!(json!(texts), json!(["known", "never heard", "while away"]));
    let gone = back
        .ask(json!({"type": "unsubscribe", "channel": "analysis:*"}))
        .await;
    assert_eq!(gone["type"], "unsubscribed");
    let none = back.ask(json!({"type": "ping"})).await;
    assert_eq!(none["data"]["positions"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_too_many_rooms_the_others_can_be_heard_by_name() {
    let server = Server::start(Setup {
        limits: Limits {
            max_rooms: 2,
            ..Limits::default()
        },
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws").await;
    for room in 1..=3 {
        let said = json!({"type": "publish", "channel": format!("analysis:{room}"), "data": 1});
        client.ask(said).await;
    }
    client
        .ask(json!({"type": "subscribe", "channel": "analysis:*"}))
        .await;
    let error = client.next("error").await;
    assert_eq!(error["data"]["code"], "too_many_subscriptions");
    let pong = client.ask(json!({"type": "ping"})).await;
    let heard = pong["data"]["positions"].as_object().unwrap().clone();
    assert_eq!(heard.len(), 2);
    for room in ["analysis:1", "analysis:2", "analysis:3"] {
        let answer = client
            .ask(json!({"type": "subscribe", "channel": room}))
            .await;
        let kind = if heard.contains_key(room) {
            "error"
        } else {
            "subscribed"
        };
        assert_eq!(answer["type"], kind, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_cut_down_to_what_the_token_grants() {
    let mut narrow = principal(Role::Analyst);
    narrow.rights.subscribe = Some(vec!["analysis:2".into()]);
    let server = Server::of(narrow).await;
    let mut client = connect(&server, "/ws").await;
    client
        .ask(json!({"type": "subscribe", "channel": "analysis:*"}))
        .await;
    for room in ["analysis:1", "analysis:2"] {
        client
            .send(json!({"type": "publish", "channel": room, "data": {"room": room}}))
            .await;
    }
    assert_eq!(client.next("message").await["channel"], "analysis:2");
    let other = client
        .ask(json!({"type": "subscribe", "channel": "investigations:*"}))
        .await;
    assert_eq!(other["data"]["code"], "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn own_paths_say_what_a_connection_is_for() {
    let server = Server::of(principal(Role::Viewer)).await;
    for (path, kind, channel) in [
        (
            "/api/v1/ws/investigations/42",
            "investigation",
            "investigations:42",
        ),
        ("/api/v1/ws/analysis/9", "analysis", "analysis:9"),
        ("/api/v1/ws/chat/ab12", "chat", "chat:ab12"),
    ] {
        let (mut client, _) = open(&server, path, &[]).await.unwrap();
        assert_eq!(client.frame().await["data"]["connection_type"], kind);
        assert_eq!(client.frame().await["channel"], channel);
    }
    let path = "/api/v1/ws?connection_type=investigation";
    let (mut client, _) = open(&server, path, &[]).await.unwrap();
    assert_eq!(
        client.frame().await["data"]["connection_type"],
        "investigation"
    );
}
