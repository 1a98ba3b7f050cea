//! What a subscription can ask for: filters, fields, batches, conflation, lanes, durable cursors.

use std::sync::Arc;

use serde_json::{Value, json};
use vigil_auth::Role;
use vigil_bus::{Bus as _, LogLimits};
use vigil_event::{Publication, Severity};
use vigil_gateway::{Durables, Limits};

use crate::client::{Client, connect, open};
use crate::server::{Server, Setup, patient, principal, threat};

/// Publishes a threat with that data.
fn publish(server: &Server, number: u64, severity: Severity, data: &Value) {
    server.bus.publish(Publication {
        data: data.to_string().into(),
        ..threat(number, severity, 0, vigil_event::Clock::now(&*server.clock))
    });
}

async fn subscribe(client: &mut Client, data: Value) -> Value {
    client
        .ask(json!({"type": "subscribe", "channel": "threats", "data": data}))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_and_fields_hold_live_on_resume_and_in_history() {
    let server = Server::start(Setup::default()).await;
    for number in 1..=6 {
        publish(
            &server,
            number,
            Severity::High,
            &json!({"n": number, "source": {"ip": format!("10.0.0.{number}"), "port": 1}}),
        );
    }
    let wanted = json!({"filter": {"network": "10.0.0.4/30", "expression": "data.n != 5"},
        "fields": ["n", "source.ip"], "since": {"epoch": "e1", "offset": 0}});
    let mut client = connect(&server, "/ws").await;
    assert_eq!(
        subscribe(&mut client, wanted.clone()).await["type"],
        "subscribed"
    );
    let four = client.frame().await;
    assert_eq!(
        (&four["offset"], &four["data"]),
        (&json!(4), &json!({"n": 4, "source": {"ip": "10.0.0.4"}}))
    );
    assert_eq!(client.frame().await["offset"], 6);
    publish(
        &server,
        7,
        Severity::High,
        &json!({"n": 7, "source": {"ip": "10.0.0.7"}}),
    );
    assert_eq!(client.frame().await["offset"], 7);
    let mut history = wanted;
    history["limit"] = json!(2);
    let answer = client
        .ask(json!({"type": "history", "channel": "threats", "data": history}))
        .await;
    let offsets: Vec<_> = answer["data"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["offset"])
        .collect();
    assert_eq!(offsets, [4, 6]);
    assert_eq!(answer["data"]["more"], true);
    history["since"] = answer["data"]["position"].clone();
    let rest = client
        .ask(json!({"type": "history", "channel": "threats", "data": history}))
        .await;
    assert_eq!(rest["data"]["items"][0]["offset"], 7);
    assert_eq!(rest["data"]["more"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_filter_is_added_everywhere() {
    let mut narrow = principal(Role::Viewer);
    narrow.rights.filter = Some("data.tenant == 'a'".into());
    let server = Server::start(Setup {
        principal: Some(narrow),
        ..Setup::default()
    })
    .await;
    for number in 1..=4 {
        let tenant = if number % 2 == 0 { "a" } else { "b" };
        publish(
            &server,
            number,
            Severity::High,
            &json!({"tenant": tenant, "n": number}),
        );
    }
    let mut client = connect(&server, "/ws").await;
    let since = json!({"since": {"last": 10}, "filter": "data.n > 0"});
    subscribe(&mut client, since.clone()).await;
    publish(&server, 5, Severity::High, &json!({"tenant": "b", "n": 5}));
    publish(&server, 6, Severity::High, &json!({"tenant": "a", "n": 6}));
    for offset in [2, 4, 6] {
        assert_eq!(client.frame().await["offset"], offset);
    }
    let history = client
        .ask(json!({"type": "history", "channel": "threats", "data": since}))
        .await;
    assert_eq!(history["data"]["items"].as_array().unwrap().len(), 3);
    let head = crate::sse::text_of(&server, "/sse/threats?last=10", "\"n\":6").await;
    assert!(!head.contains("\"b\""), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tokens_filter_that_makes_no_sense_grants_nothing() {
    let mut broken = principal(Role::Viewer);
    broken.rights.filter = Some("data.tenant ==".into());
    let server = Server::start(Setup {
        principal: Some(broken),
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws").await;
    let refused = subscribe(&mut client, json!({})).await;
    assert_eq!(refused["data"]["code"], "forbidden");
    let refused = client
        .ask(json!({"type": "history", "channel": "threats"}))
        .await;
    assert_eq!(refused["data"]["code"], "forbidden");
    assert_eq!(
        crate::client::refused(&server, "/ws/threats", &[]).await.0,
        403
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn items_come_in_batches() {
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws").await;
    subscribe(
        &mut client,
        json!({"batch": {"max_wait_ms": 10_000, "max_messages": 5}}),
    )
    .await;
    for number in 1..=5 {
        server.publish(number, Severity::Low, 0);
    }
    let batch = client.frame().await;
    assert_eq!(
        (&batch["type"], &batch["channel"]),
        (&json!("batch"), &json!("threats"))
    );
    let offsets: Vec<_> = batch["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["offset"])
        .collect();
    assert_eq!(offsets, [1, 2, 3, 4, 5], "as soon as there are enough");
    let mut client = connect(&server, "/ws").await;
    subscribe(
        &mut client,
        json!({"batch": {"max_wait_ms": 50, "max_messages": 1000}}),
    )
    .await;
    server.publish(6, Severity::Low, 0);
    assert_eq!(
        client.frame().await["data"][0]["offset"],
        6,
        "after the wait"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_that_wait_the_newest_of_each_is_sent() {
    let server = Server::start(Setup::default()).await;
    for (number, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "a"), (5, "c")] {
        publish(&server, number, Severity::Low, &json!({"k": key}));
    }
    let mut client = connect(&server, "/ws").await;
    subscribe(
        &mut client,
        json!({"conflate": "k", "since": {"epoch": "e1", "offset": 0}}),
    )
    .await;
    let gap = |from: u64, to: u64| {
        json!({"epoch": "e1", "from": from, "to": to, "missed": to - from + 1,
        "by_severity": {"low": to - from + 1}, "reason": "conflated"})
    };
    assert_eq!(client.frame().await["data"], gap(1, 1));
    assert_eq!(client.frame().await["offset"], 2);
    assert_eq!(client.frame().await["data"], gap(3, 3));
    assert_eq!(client.frame().await["offset"], 4);
    assert_eq!(client.frame().await["offset"], 5);
    // However many wait, and whatever the bulk lane reads at a time.
    for number in 6..=505 {
        publish(&server, number, Severity::Low, &json!({"k": "a"}));
    }
    let mut other = connect(&server, "/ws").await;
    subscribe(
        &mut other,
        json!({"conflate": "k", "lane": "bulk", "since": {"epoch": "e1", "offset": 5}}),
    )
    .await;
    assert_eq!(other.frame().await["data"], gap(6, 504));
    assert_eq!(other.frame().await["offset"], 505);
}

#[tokio::test(flavor = "multi_thread")]
async fn message_pack_says_the_same() {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::tungstenite::Message;
    use vigil_protocol::message_pack;

    let server = Server::start(Setup::default()).await;
    let headers = [("sec-websocket-protocol", "vigil.v1.msgpack")];
    let (mut client, response) = open(&server, "/ws", &headers).await.unwrap();
    assert_eq!(
        response.headers()["sec-websocket-protocol"],
        "vigil.v1.msgpack"
    );
    let mut hear = async || loop {
        match client.socket.next().await.unwrap().unwrap() {
            Message::Binary(bytes) => {
                break serde_json::from_str::<Value>(&message_pack::to_json(&bytes).unwrap())
                    .unwrap();
            }
            Message::Ping(_) => {}
            other => panic!("{other}"),
        }
    };
    assert_eq!(hear().await["type"], "welcome");
    for command in [
        json!({"type": "subscribe", "channel": "threats"}),
        json!({"type": "subscribe", "channel": "status", "data": {"batch": {"max_wait_ms": 0}}}),
    ] {
        let packed = message_pack::from_json(command.to_string().as_bytes());
        client.socket.send(Message::binary(packed)).await.unwrap();
    }
    let mut hear = async || loop {
        if let Message::Binary(bytes) = client.socket.next().await.unwrap().unwrap() {
            break serde_json::from_str::<Value>(&message_pack::to_json(&bytes).unwrap()).unwrap();
        }
    };
    assert_eq!(hear().await["type"], "subscribed");
    assert_eq!(hear().await["type"], "subscribed");
    server.publish(1, Severity::Low, 0);
    assert_eq!(hear().await["data"]["number"], 1);
    server.bus.publish(Publication {
        channel: Arc::from("status"),
        ..threat(2, Severity::Low, 0, vigil_event::Clock::now(&*server.clock))
    });
    let batch = hear().await;
    assert_eq!(
        (&batch["type"], &batch["data"][0]["data"]["number"]),
        (&json!("batch"), &json!(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_is_skipped_and_told_and_critical_ends_the_connection() {
    const COUNT: u64 = 400;
    for (lane, closes) in [("bulk", false), ("critical", true)] {
        let server = Server::start(Setup {
            limits: Limits {
                bulk_backlog: 20,
                page_items: 8,
                ..patient()
            },
            log: LogLimits {
                max_items: 50,
                ..LogLimits::default()
            },
            ..Setup::default()
        })
        .await;
        let mut client = connect(&server, "/ws").await;
        assert_eq!(
            subscribe(&mut client, json!({"lane": lane})).await["data"]["lane"],
            lane
        );
        // More than fits into sockets' buffers, so that the client is behind while it does not read.
        for number in 1..=COUNT {
            server.publish(number, Severity::Low, 60_000);
            tokio::task::yield_now().await;
        }
        let (mut after, mut gaps) = (0, 0);
        let closed = loop {
            match client.hear().await {
                crate::client::Heard::Frame(frame) if frame["type"] == "gap" => {
                    assert_eq!(frame["data"]["from"], after + 1);
                    assert_eq!(frame["data"]["reason"], "slow_consumer");
                    after = frame["data"]["to"].as_u64().unwrap();
                    gaps += 1;
                }
                crate::client::Heard::Frame(frame) if frame["offset"].is_u64() => {
                    assert_eq!(frame["offset"], after + 1);
                    after += 1;
                }
                crate::client::Heard::Frame(_) => {}
                crate::client::Heard::Closed(code, _) => break Some(code),
                crate::client::Heard::Gone => break Some(0),
            }
            if after == COUNT {
                break None;
            }
        };
        if closes {
            assert_eq!((closed, gaps), (Some(4008), 0));
        } else {
            assert_eq!(closed, None);
            assert!(gaps > 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_subscription_waits_and_sends_critical_first() {
    let durables: Arc<Durables> = Arc::default();
    let server = Server::start(Setup {
        durables: Arc::clone(&durables),
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws").await;
    let first = subscribe(&mut client, json!({"durable": "desk"})).await;
    assert_eq!(first["data"]["durable"], "desk");
    server.publish(1, Severity::Low, 0);
    server.publish(2, Severity::Low, 0);
    assert_eq!(client.frame().await["offset"], 1);
    assert_eq!(client.frame().await["offset"], 2);
    let ack = |offset: u64| json!({"type": "ack", "channel": "threats", "data": {"durable": "desk", "offset": offset}});
    let acked = client.ask(ack(1)).await;
    assert_eq!(
        acked["data"]["position"],
        json!({"epoch": "e1", "offset": 1})
    );
    drop(client);
    for (number, severity) in [
        (3, Severity::Low),
        (4, Severity::Critical),
        (5, Severity::Low),
        (6, Severity::Critical),
    ] {
        server.publish(number, severity, 0);
    }
    let (mut client, _) = open(&server, "/ws", &[]).await.unwrap();
    let welcome = client.frame().await;
    assert_eq!(welcome["data"]["durable"][0]["position"]["offset"], 1);
    let back = subscribe(&mut client, json!({"durable": "desk"})).await;
    assert_eq!(back["data"]["position"]["offset"], 1);
    let mut offsets = Vec::new();
    for _ in 0..5 {
        offsets.push(client.frame().await["offset"].as_u64().unwrap());
    }
    assert_eq!(
        offsets,
        [4, 6, 2, 3, 5],
        "critical first, each once, what was not acknowledged again"
    );
    server.publish(7, Severity::Low, 0);
    assert_eq!(client.frame().await["offset"], 7);
    let acked = client.ask(ack(99)).await;
    assert_eq!(
        acked["data"]["position"]["offset"], 7,
        "no further than what was sent"
    );
    let wrong = client
        .ask(
            json!({"type": "ack", "channel": "threats", "data": {"durable": "other", "offset": 1}}),
        )
        .await;
    assert_eq!(wrong["data"]["code"], "not_subscribed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_subscription_is_forgotten_by_its_name() {
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws").await;
    let forget = |name: &str| json!({"type": "unsubscribe", "channel": "threats", "data": {"durable": name}});
    for number in 0..32 {
        let name = format!("desk{number}");
        subscribe(&mut client, json!({"durable": name})).await;
        client
            .ask(json!({"type": "unsubscribe", "channel": "threats"}))
            .await;
    }
    let more = subscribe(&mut client, json!({"durable": "more"})).await;
    assert_eq!(more["data"]["code"], "too_many_subscriptions", "{more}");
    subscribe(&mut client, json!({})).await;
    let gone = client.ask(forget("desk7")).await;
    assert_eq!(
        gone["data"],
        json!({"channel": "threats", "durable": "desk7"})
    );
    assert_eq!(
        client.ask(forget("desk7")).await["data"]["code"],
        "not_found"
    );
    server.publish(1, Severity::Low, 0);
    assert_eq!(
        client.frame().await["offset"],
        1,
        "it is heard all the same"
    );
    client
        .ask(json!({"type": "unsubscribe", "channel": "threats"}))
        .await;
    let more = subscribe(&mut client, json!({"durable": "more"})).await;
    assert_eq!(more["type"], "subscribed", "{more}");
    assert_eq!(client.ask(forget("more")).await["type"], "unsubscribed");
    let status = client.ask(json!({"type": "status"})).await;
    assert_eq!(
        status["data"]["subscriptions"],
        json!([]),
        "no longer heard"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_too_long_or_is_too_much_is_told() {
    let server = Server::start(Setup {
        limits: Limits {
            durable_items: 3,
            ..Limits::default()
        },
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws").await;
    subscribe(&mut client, json!({"durable": "desk"})).await;
    drop(client);
    for number in 1..=10 {
        server.publish(number, Severity::High, 0);
    }
    let mut client = connect(&server, "/ws").await;
    subscribe(&mut client, json!({"durable": "desk"})).await;
    let gap = client.frame().await;
    assert_eq!(
        gap["data"],
        json!({"epoch": "e1", "from": 1, "to": 7, "missed": 7,
        "by_severity": {"high": 7}, "reason": "retention"})
    );
    for offset in 8..=10 {
        assert_eq!(client.frame().await["offset"], offset);
    }
}
