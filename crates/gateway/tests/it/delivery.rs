//! Nothing is lost in silence, nothing comes twice.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use vigil_bus::{Bus as _, LogLimits};
use vigil_event::Severity;
use vigil_gateway::Limits;

use crate::client::{Client, Heard, connect};
use crate::server::{Server, Setup, threat};

/// Subscribes from a position, and gives the answer's data.
async fn resume(client: &mut Client, since: Value) -> Value {
    let command = json!({"type": "subscribe", "channel": "threats", "data": {"since": since}});
    client.ask(command).await["data"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_and_goes_gets_everything_once() {
    const COUNT: u64 = 3_000;
    let server = Arc::new(Server::start(Setup::default()).await);
    let publisher = tokio::spawn({
        let server = Arc::clone(&server);
        async move {
            for number in 1..=COUNT {
                server.publish(number, Severity::Low, 100);
                tokio::task::yield_now().await;
            }
        }
    });
    let mut seen = Vec::new();
    let mut visits = 0;
    while (seen.len() as u64) < COUNT {
        visits += 1;
        let mut client = connect(&server, "/ws").await;
        let after = seen.last().copied().unwrap_or(0_u64);
        let subscribed = resume(&mut client, json!({"epoch": "e1", "offset": after})).await;
        assert_eq!(subscribed["recovered"], true);
        assert_eq!(subscribed["position"]["offset"], after);
        // A different number each time, so that the cut falls in pages, between them and in the tail.
        for _ in 0..37 * visits {
            if seen.last() == Some(&COUNT) {
                break;
            }
            let frame = client.frame().await;
            assert_eq!(frame["type"], "threat.new");
            seen.push(frame["offset"].as_u64().unwrap());
        }
        // Dropped without a word, with items under way.
    }
    publisher.await.unwrap();
    assert!(visits > 3, "the client came only {visits} times");
    assert_eq!(seen, (1..=COUNT).collect::<Vec<_>>());
}

/// Reads until an offset is reached, and checks that frames and gaps are together every offset once.
async fn account(client: &mut Client, mut after: u64, last: u64) -> (u64, Vec<Value>) {
    let (mut delivered, mut gaps) = (0, Vec::new());
    while after < last {
        let frame = client.frame().await;
        if frame["type"] == "gap" {
            assert_eq!(frame["data"]["from"], after + 1);
            after = frame["data"]["to"].as_u64().unwrap();
            gaps.push(frame["data"].clone());
        } else {
            assert_eq!(frame["offset"], after + 1);
            after += 1;
            delivered += 1;
        }
    }
    (delivered, gaps)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_told_what_it_missed() {
    const COUNT: u64 = 2_000;
    let log = LogLimits {
        max_items: 50,
        ..LogLimits::default()
    };
    let server = Server::start(Setup {
        log,
        ..Setup::default()
    })
    .await;
    let mut slow = connect(&server, "/ws/threats").await;
    assert_eq!(slow.frame().await["type"], "subscribed");
    let mut quick = connect(&server, "/ws/threats").await;
    assert_eq!(quick.frame().await["type"], "subscribed");
    // More than the kernel's buffers hold, while the slow client does not read.
    for number in 1..=COUNT {
        server.publish(
            number,
            Severity::from_rank((number % 2) as u8 + 2),
            16 * 1024,
        );
        let frame = quick.frame().await;
        assert_eq!(frame["offset"], number, "the slow one holds up itself only");
    }
    let (delivered, gaps) = account(&mut slow, 0, COUNT).await;
    assert!(
        !gaps.is_empty() && delivered > 0,
        "{delivered} delivered, gaps {gaps:?}"
    );
    let mut missed = 0;
    for gap in &gaps {
        assert_eq!(gap["reason"], "slow_consumer");
        let by_severity = gap["by_severity"].as_object().unwrap();
        let sum: u64 = by_severity
            .values()
            .map(|count| count.as_u64().unwrap())
            .sum();
        assert_eq!(gap["missed"], sum);
        assert!(
            by_severity
                .keys()
                .all(|severity| severity == "medium" || severity == "high")
        );
        missed += sum;
    }
    assert_eq!(delivered + missed, COUNT);
    assert_eq!(
        server.metric("vigil_gateway_dropped_total{reason=\"slow_consumer\"}"),
        missed
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_is_closed() {
    let limits = Limits {
        write_deadline: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = Server::start(Setup {
        limits,
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws/threats").await;
    for number in 1..=2_000 {
        server.publish(number, Severity::Low, 16 * 1024);
    }
    server
        .metric_reaches("vigil_gateway_closed_total{code=\"slow_consumer\"}", 1)
        .await;
    // What was in the buffers still comes, then the end.
    while let Heard::Frame(_) = client.hear().await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_past_what_is_kept() {
    let log = LogLimits {
        max_items: 5,
        ..LogLimits::default()
    };
    let server = Server::start(Setup {
        log,
        ..Setup::default()
    })
    .await;
    for number in 1..=20 {
        server.publish(number, Severity::High, 0);
    }
    let mut client = connect(&server, "/ws").await;
    let subscribed = resume(&mut client, json!({"epoch": "e1", "offset": 10})).await;
    assert_eq!(
        (&subscribed["recovered"], &subscribed["head"]["offset"]),
        (&json!(false), &json!(20))
    );
    let (delivered, gaps) = account(&mut client, 10, 20).await;
    assert_eq!(delivered, 5);
    assert_eq!(
        gaps,
        [
            json!({"epoch": "e1", "from": 11, "to": 15, "missed": 5, "by_severity": {"high": 5}, "reason": "retention"})
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_from_another_epoch() {
    let server = Server::start(Setup::default()).await;
    for number in 1..=3 {
        server.publish(number, Severity::High, 0);
    }
    let mut client = connect(&server, "/ws").await;
    let subscribed = resume(&mut client, json!({"epoch": "old", "offset": 900})).await;
    assert_eq!(subscribed["recovered"], false);
    assert_eq!(subscribed["position"], json!({"epoch": "e1", "offset": 0}));
    let gap = client.frame().await;
    assert_eq!(
        (&gap["type"], &gap["data"]["reason"]),
        (&json!("gap"), &json!("epoch_changed"))
    );
    let (delivered, gaps) = account(&mut client, 0, 3).await;
    assert_eq!((delivered, gaps.len()), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_by_time_or_by_number() {
    let server = Server::start(Setup::default()).await;
    let mut times = Vec::new();
    for number in 1..=6 {
        times.push(vigil_event::Clock::now(&*server.clock).to_string());
        server.publish(number, Severity::High, 0);
        server.clock.forward(1_000);
    }
    for (since, first) in [
        (json!({"last": 2}), 5),
        (json!(times[3]), 4),
        (json!("e1:1"), 2),
        (Value::Null, 7),
    ] {
        let mut client = connect(&server, "/ws").await;
        let subscribed = resume(&mut client, since.clone()).await;
        assert_eq!(subscribed["position"]["offset"], first - 1, "{since}");
        assert_eq!(
            account(&mut client, first - 1, 6).await.0,
            7 - first,
            "{since}"
        );
    }
    let mut client = connect(&server, "/ws/threats?last=3&min_severity=high").await;
    assert_eq!(client.frame().await["data"]["position"]["offset"], 3);
    assert_eq!(account(&mut client, 3, 6).await.0, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_channel_does_not_hold_up_another() {
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws/threats").await;
    assert_eq!(client.frame().await["type"], "subscribed");
    assert_eq!(
        client
            .ask(json!({"type": "subscribe", "channel": "status"}))
            .await["type"],
        "subscribed"
    );
    // More than the kernel's buffers hold, so that some of it waits for the client.
    for number in 1..=2_000 {
        server.publish(number, Severity::Low, 16 * 1024);
    }
    let mut status = threat(1, Severity::Low, 0, crate::server::START);
    status.channel = Arc::from("status");
    server.bus.publish(status);
    let mut before = 0;
    while client.frame().await["channel"] != "status" {
        before += 1;
    }
    assert!(
        before < 2_000,
        "status came only after all {before} threats"
    );
}
