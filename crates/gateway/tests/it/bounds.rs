//! What somebody who may only listen can't do to those who speak: push out what was said, take all the
//! rooms, speak in another's name.

use serde_json::{Value, json};
use vigil_auth::{Grant, Principal, Role};
use vigil_bus::{Bus as _, LogLimits};
use vigil_event::{Kind, Severity};
use vigil_gateway::Durables;

use crate::client::{Client, connect, open, refused};
use crate::server::{START, Server, Setup, principal};

/// Rooms of ten messages, and twenty channels in all.
async fn small() -> Server {
    Server::start(Setup {
        log: LogLimits {
            max_items: 10,
            max_channels: 20,
            ..LogLimits::default()
        },
        principal: Some(principal(Role::Analyst)),
        ..Setup::default()
    })
    .await
}

async fn come_and_go(client: &mut Client, channel: &str) {
    for kind in ["subscribe", "unsubscribe"] {
        let answer = client.ask(json!({"type": kind, "channel": channel})).await;
        assert_eq!(answer["type"], format!("{kind}d"), "{answer}");
    }
}

/// Waits until whoever has left is gone, and a full bus looks again for what makes room.
async fn nobody_listens(server: &Server) {
    while server.bus.channels().iter().any(|one| one.watchers > 0) {
        tokio::task::yield_now().await;
    }
    server.clock.forward(1_001);
}

async fn say(client: &mut Client, channel: &str, message: &str) -> Value {
    client
        .ask(json!({"type": "chat", "channel": channel, "data": {"message": message}}))
        .await
}

async fn history(client: &mut Client, data: Value) -> Vec<Value> {
    let asked = json!({"type": "history", "channel": "chat:1", "data": data});
    let answer = client.ask(asked).await;
    assert_eq!(answer["data"]["gaps"], Value::Null, "{answer}");
    let items = answer["data"]["items"].as_array().cloned();
    items.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_and_goes_pushes_nothing_out_of_a_room() {
    let server = small().await;
    let mut client = connect(&server, "/ws").await;
    let first = say(&mut client, "chat:1", "first").await;
    for _ in 0..15 {
        come_and_go(&mut client, "chat:1").await;
    }
    say(&mut client, "chat:1", "second").await;
    for _ in 0..15 {
        come_and_go(&mut client, "chat:1").await;
    }
    let messages = |items: Vec<Value>| -> Vec<Value> {
        let said = items.into_iter();
        said.map(|item| item["data"]["message"].clone()).collect()
    };
    let both = ["first", "second"];
    assert_eq!(messages(history(&mut client, json!({})).await), both);
    assert_eq!(
        messages(history(&mut client, json!({"limit": 1})).await),
        ["second"],
        "the newest that lasts"
    );
    let since = json!({"since": {"epoch": first["data"]["position"]["epoch"], "offset": 0}});
    assert_eq!(messages(history(&mut client, since.clone()).await), both);
    let after = json!({"since": first["data"]["position"]});
    assert_eq!(messages(history(&mut client, after).await), ["second"]);
    // Who goes on from there is given what lasts, and told what does not.
    client
        .ask(json!({"type": "subscribe", "channel": "chat:1", "data": since}))
        .await;
    let (mut after, mut said, head) = (0, Vec::new(), server.bus.head("chat:1").offset);
    while after < head {
        let frame = client.frame().await;
        if frame["type"] == "gap" {
            let gap = &frame["data"];
            assert_eq!(gap["from"], after + 1, "{gap}");
            assert_eq!(gap["reason"], "retention", "{gap}");
            after = gap["to"].as_u64().unwrap();
            let missed = after + 1 - gap["from"].as_u64().unwrap();
            assert_eq!(gap["by_severity"], json!({"informational": missed}));
        } else {
            assert_eq!(frame["offset"], after + 1, "{frame}");
            after += 1;
            if frame["type"] == "chat.message" {
                said.push(frame);
            }
        }
    }
    assert_eq!(messages(said), both);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_of_the_newest_that_are_meant() {
    let server = Server::of(principal(Role::Analyst)).await;
    for number in 1..=300 {
        let severity = if number % 100 == 0 {
            Severity::High
        } else {
            Severity::Low
        };
        server.publish(number, severity, 0);
    }
    let mut client = connect(&server, "/ws").await;
    for (data, offsets) in [
        (
            json!({"min_severity": "high"}),
            json!([100_u32, 200_u32, 300_u32]),
        ),
        (
            json!({"filter": "severity == 'high'", "limit": 2}),
            json!([200_u32, 300_u32]),
        ),
        (json!({"limit": 2}), json!([299_u32, 300_u32])),
    ] {
        let answer = client
            .ask(json!({"type": "history", "channel": "threats", "data": data}))
            .await;
        let items = answer["data"]["items"].as_array().unwrap();
        let found: Vec<&Value> = items.iter().map(|item| &item["offset"]).collect();
        assert_eq!(json!(found), offsets, "{data}");
        assert_eq!(answer["data"]["more"], false);
        assert_eq!(answer["data"]["position"]["offset"], 300);
    }
}

/// An answer ends before it is too long, and the next begins where it ended.
#[tokio::test(flavor = "multi_thread")]
async fn history_of_long_items_is_read_page_by_page() {
    let server = Server::of(principal(Role::Analyst)).await;
    for number in 1..=40 {
        server.publish(number, Severity::Low, 60_000);
    }
    let mut client = connect(&server, "/ws").await;
    let (mut read, mut pages) = (Vec::new(), 0);
    let mut data = json!({"limit": 1_000, "since": {"last": 40}});
    loop {
        let asked = json!({"type": "history", "channel": "threats", "data": data});
        let answer = client.ask(asked).await;
        let items = answer["data"]["items"].as_array().unwrap();
        read.extend(items.iter().map(|item| item["offset"].as_u64().unwrap()));
        pages += 1;
        if answer["data"]["more"] == false {
            break;
        }
        data["since"] = answer["data"]["position"].clone();
    }
    assert_eq!(read, (1..=40).collect::<Vec<u64>>());
    assert_eq!(pages, 3);
    let newest = json!({"type": "history", "channel": "threats", "data": {"limit": 1_000}});
    let answer = client.ask(newest).await;
    let items = answer["data"]["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[16]["offset"]), (17, &json!(40)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_and_goes_takes_no_room_and_no_room_is_said() {
    let server = small().await;
    let mut client = connect(&server, "/ws").await;
    for number in 0..40 {
        nobody_listens(&server).await;
        come_and_go(&mut client, &format!("chat:empty{number}")).await;
    }
    nobody_listens(&server).await;
    let mut said = 0;
    while say(&mut client, &format!("chat:{said}"), "hi").await["type"] == "published" {
        said += 1;
        assert!(said < 40, "there is a bound");
    }
    assert!(said > 10, "only {said} rooms");
    for command in ["subscribe", "history"] {
        let answer = client
            .ask(json!({"type": command, "channel": "chat:more"}))
            .await;
        assert_eq!(answer["data"]["code"], "unavailable", "{command}: {answer}");
        assert_eq!(answer["data"]["retryable"], true);
    }
    assert_eq!(refused(&server, "/ws/chat:more", &[]).await.0, 503);
    come_and_go(&mut client, "chat:0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_in_many_rooms_leaves_others_theirs() {
    let start = async |principal| {
        Server::start(Setup {
            log: LogLimits {
                max_rooms_of_owner: 3,
                ..LogLimits::default()
            },
            principal,
            ..Setup::default()
        })
        .await
    };
    let server = start(None).await;
    let arrive = async |name: &str| {
        let grant = Grant::new(name, Role::Analyst);
        let token = server.gatekeeper.authority.issue(&grant, START).unwrap();
        let (mut client, _) = open(&server, "/ws", &[]).await.unwrap();
        let auth = json!({"type": "auth", "data": {"token": token}});
        assert_eq!(client.ask(auth).await["type"], "authenticated");
        client
    };
    let (mut anna, mut ben) = (arrive("anna").await, arrive("ben").await);
    for room in ["chat:1", "chat:2", "analysis:3", "chat:1"] {
        // Who is heard coming in has not spoken yet.
        anna.ask(json!({"type": "subscribe", "channel": room}))
            .await;
        let published = json!({"type": "publish", "channel": room, "data": 1});
        assert_eq!(anna.ask(published).await["type"], "published");
    }
    let refused = say(&mut anna, "chat:4", "hi").await;
    assert_eq!(refused["data"]["code"], "too_many_rooms", "{refused}");
    assert_eq!(refused["data"]["retryable"], false);
    for (client, room) in [
        ("anna", "chat:2"),
        ("ben", "chat:4"),
        ("ben", "chat:1"),
        ("anna", "chat:4"),
    ] {
        let client = if client == "anna" {
            &mut anna
        } else {
            &mut ben
        };
        let said = say(client, room, "hi").await;
        assert_eq!(said["type"], "published", "{room}: {said}");
    }
    let managed = start(Some(principal(Role::Admin))).await;
    let mut root = connect(&managed, "/ws").await;
    for room in 0..10 {
        let said = say(&mut root, &format!("chat:{room}"), "hi").await;
        assert_eq!(said["type"], "published");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_publish_under_one_key_at_once_one_does() {
    let server = Server::of(principal(Role::Analyst)).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(connect(&server, "/ws").await);
    }
    for round in 0..20 {
        let data = json!({"message": "hi", "idempotency_key": format!("k{round}")});
        let chat = json!({"type": "chat", "channel": "chat:1", "data": data});
        for client in &mut clients {
            client.send(chat.clone()).await;
        }
        let mut fresh = 0;
        for client in &mut clients {
            let said = client.next("published").await;
            assert_eq!(said["data"]["position"]["offset"], round + 1, "{said}");
            fresh += usize::from(said["data"]["duplicate"] == false);
        }
        assert_eq!(fresh, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_speaks_in_another_name() {
    let server = Server::of(principal(Role::Analyst)).await;
    let mut client = connect(&server, "/ws/chat:1").await;
    client.next("presence.join").await;
    for (kind, field) in [
        ("message", "from"),
        ("notification", "from"),
        ("investigation.finding", "from"),
        ("chat.message", "from"),
        ("chat.typing", "user"),
    ] {
        let data = json!({"type": kind, "data": {field: "ben", "message": "hi"}});
        client
            .send(json!({"type": "publish", "channel": "chat:1", "data": data}))
            .await;
        let heard = client.next(kind).await;
        assert_eq!(heard["data"][field], "anna", "{heard}");
    }
    // What has no fields says nothing of somebody.
    client
        .send(json!({"type": "publish", "channel": "chat:1", "data": 7}))
        .await;
    assert_eq!(client.next("message").await["data"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_token_is_not_told_where_its_user_has_cursors() {
    let durables = std::sync::Arc::new(Durables::default());
    let mut anna = Principal::new("anna", Role::Viewer);
    let setup = |anna: &Principal| Setup {
        principal: Some(anna.clone()),
        durables: std::sync::Arc::clone(&durables),
        ..Setup::default()
    };
    let server = Server::start(setup(&anna)).await;
    let mut client = connect(&server, "/ws").await;
    for channel in ["threats", "chat:secret"] {
        client
            .ask(json!({"type": "subscribe", "channel": channel, "data": {"durable": "desk"}}))
            .await;
    }
    anna.rights.subscribe = Some(vec!["threats".to_owned()]);
    let server = Server::start(setup(&anna)).await;
    let (mut client, _) = open(&server, "/ws", &[]).await.unwrap();
    let welcome = client.frame().await;
    let cursors = welcome["data"]["durable"].as_array().unwrap();
    assert_eq!(cursors.len(), 1, "{cursors:?}");
    assert_eq!(cursors[0]["channel"], "threats");
    // Nor can it forget the others.
    for (channel, answer) in [("threats", "unsubscribed"), ("chat:secret", "error")] {
        let forget =
            json!({"type": "unsubscribe", "channel": channel, "data": {"durable": "desk"}});
        assert_eq!(client.ask(forget).await["type"], answer, "{channel}");
    }
    let left = durables.all();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_and_goes_takes_nothing_of_what_waits() {
    let server = Server::start(Setup {
        limits: vigil_gateway::Limits {
            durable_items: 3,
            ..vigil_gateway::Limits::default()
        },
        ..Setup::default()
    })
    .await;
    let durable = json!({"type": "subscribe", "channel": "chat:1", "data": {"durable": "desk"}});
    let mut client = connect(&server, "/ws").await;
    client.ask(durable.clone()).await;
    client
        .ask(json!({"type": "unsubscribe", "channel": "chat:1"}))
        .await;
    say(&mut client, "chat:1", "it waits").await;
    for number in 0..20_u64 {
        server.bus.publish(vigil_event::Publication {
            channel: "chat:1".into(),
            kind: Kind::PresenceJoin,
            ..vigil_event::Publication::status(
                &number,
                Severity::Informational,
                vigil_event::Id::derived(START, &[&number.to_le_bytes()]),
                START,
            )
        });
    }
    let answer = client.ask(durable).await;
    assert_eq!(answer["data"]["recovered"], true, "{answer}");
    let heard = loop {
        let frame = client.frame().await;
        assert_ne!(frame["type"], "gap", "{frame}");
        if frame["type"] == "chat.message" {
            break frame;
        }
    };
    assert_eq!(heard["data"]["message"], "it waits");
}
