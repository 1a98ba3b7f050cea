//! What waits to be written: bounded over all connections, and in order of urgency.

use std::sync::Arc;

use serde_json::json;
use vigil_bus::Bus as _;
use vigil_event::{Clock as _, Publication, Severity};
use vigil_gateway::Limits;

use crate::client::{Client, connect};
use crate::server::{MOST_UNREAD, Server, Setup, patient, threat};

const PADDING: usize = 4_000;

async fn hearing(server: &Server, channel: &str, lane: &str) -> Client {
    let mut client = connect(server, "/ws").await;
    let command = json!({"type": "subscribe", "channel": channel, "data": {"lane": lane}});
    assert_eq!(client.ask(command).await["type"], "subscribed");
    client
}

fn waiting(server: &Server, lane: &str) -> u64 {
    server.metric(&format!("vigil_gateway_queued_bytes{{lane=\"{lane}\"}}"))
}

/// Publishes more than sockets hold to a client that does not read, so that something waits whatever else
/// comes; gives how much was published.
async fn flood(server: &Server) -> u64 {
    let last = u64::from(MOST_UNREAD) / PADDING as u64;
    for number in 1..=last {
        server.publish(number, Severity::Low, PADDING);
    }
    server
        .metric_reaches("vigil_gateway_queued_bytes{lane=\"bulk\"}", 1)
        .await;
    last
}

/// Reads up to an offset: every one came or was told as a gap, once and in order.
async fn account(client: &mut Client, last: u64) -> (u64, u64) {
    let (mut after, mut delivered, mut missed) = (0, 0, 0);
    while after < last {
        let frame = client.frame().await;
        if frame["type"] == "gap" {
            let counted = frame["data"]["by_severity"].as_object().unwrap().values();
            let counted: u64 = counted.map(|count| count.as_u64().unwrap()).sum();
            assert_eq!(frame["data"]["missed"], counted, "{frame}");
            assert_eq!(frame["data"]["reason"], "overloaded", "{frame}");
            assert_eq!(frame["data"]["from"], after + 1);
            after = frame["data"]["to"].as_u64().unwrap();
            missed += frame["data"]["missed"].as_u64().unwrap();
        } else {
            assert_eq!(frame["offset"], after + 1);
            after += 1;
            delivered += 1;
        }
    }
    assert_eq!(delivered + missed, last);
    (delivered, missed)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_slow_clients_is_bounded_for_all_of_them_together() {
    const LIMIT: u64 = 100_000;
    /// Enough to fill it, wherever in a page the socket of each is full.
    const COME_BACK: u64 = 20;
    let server = Server::start(Setup {
        limits: Limits {
            max_queued_bytes: LIMIT as usize,
            bulk_backlog: 1_000_000,
            max_connections_per_user: 100,
            shards: 2,
            ..patient()
        },
        ..Setup::default()
    })
    .await;
    let mut live = hearing(&server, "threats", "bulk").await;
    let mut last = flood(&server).await;
    for _ in 0..100 {
        last += 1;
        server.publish(last, Severity::Low, PADDING);
    }
    let (page, frame) = (70_000, PADDING as u64 + 500);
    let of_live = waiting(&server, "bulk");
    assert!(
        of_live <= page,
        "the log is the queue: {of_live} bytes wait"
    );
    // Those who come back and do not read what they asked for.
    let mut back = Vec::new();
    for _ in 0..COME_BACK {
        let mut client = connect(&server, "/ws").await;
        let since = json!({"epoch": "e1", "offset": 0});
        let command = json!({"type": "subscribe", "channel": "threats", "data": {"lane": "bulk", "since": since}});
        client.send(command).await;
        back.push(client);
    }
    let full = "vigil_gateway_queue_full_total{lane=\"bulk\"}";
    server.metric_reaches(full, 4).await;
    // Each of two shards may have begun one more page; beyond that it is one message for each client.
    let most = LIMIT + 2 * page + COME_BACK * frame;
    let now = waiting(&server, "bulk");
    assert!(now > 0 && now <= most, "{now} bytes wait, {most} may");
    assert_eq!(server.metric("vigil_gateway_queue_limit_bytes"), LIMIT);
    // One message is more than a socket holds, so that from now on there is no room whoever reads.
    let _stuck = hearing(&server, "status", "normal").await;
    let long = threat(1, Severity::Low, MOST_UNREAD as usize, server.clock.now());
    server.bus.publish(Publication {
        channel: Arc::from("status"),
        ..long
    });
    let normal = "vigil_gateway_queued_bytes{lane=\"normal\"}";
    server.metric_reaches(normal, LIMIT).await;
    // Who reads is served as ever.
    let mut quick = hearing(&server, "threats", "normal").await;
    for _ in 0..10 {
        last += 1;
        server.publish(last, Severity::Low, 10);
        assert_eq!(quick.frame().await["offset"], last);
    }
    let mut missed = account(&mut live, last).await.1;
    for client in &mut back {
        assert_eq!(client.frame().await["type"], "subscribed");
        missed += account(client, last).await.1;
    }
    assert!(missed > 0, "bulk is left out, and that is told");
    let dropped = "vigil_gateway_dropped_total{reason=\"overloaded\"}";
    assert_eq!(server.metric(dropped), missed);
    server
        .metric_falls_to("vigil_gateway_queued_bytes{lane=\"bulk\"}", 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_critical_overtakes_a_flood() {
    let server = Server::start(Setup::default()).await;
    let mut client = hearing(&server, "threats", "bulk").await;
    let command = json!({"type": "subscribe", "channel": "alerts"});
    assert_eq!(client.ask(command).await["data"]["lane"], "critical");
    let last = flood(&server).await;
    let alert = threat(1, Severity::Critical, 10, server.clock.now());
    server.bus.publish(Publication {
        channel: Arc::from("alerts"),
        ..alert
    });
    let (mut after, mut before) = (0, None);
    while after < last {
        let frame = client.frame().await;
        if frame["channel"] == "alerts" {
            before = Some(last - after);
        } else if frame["type"] == "gap" {
            after = frame["data"]["to"].as_u64().unwrap();
        } else {
            after = frame["offset"].as_u64().unwrap();
        }
    }
    assert!(
        before.is_some_and(|before| before > 0),
        "it came before {before:?} that were published before it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_is_made_once_and_counted() {
    let server = Server::start(Setup::default()).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(hearing(&server, "threats", "normal").await);
    }
    for number in 1..=3 {
        server.publish(number, Severity::Low, 10);
    }
    for client in &mut clients {
        for offset in 1..=3 {
            assert_eq!(client.frame().await["offset"], offset);
        }
    }
    let counted = |name: &str| server.metric(&format!("vigil_gateway_encoded_{name}"));
    assert_eq!(counted("total{encoding=\"json\"}"), 3);
    assert!(counted("bytes_total{encoding=\"json\"}") > 300);
    assert_eq!(counted("total{encoding=\"msgpack\"}"), 0);
    assert_eq!(server.metric("vigil_gateway_compressed_total"), 0);
}
