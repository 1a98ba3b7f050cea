//! What whoever manages can see and do, and that nobody else can.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use vigil_auth::Role;
use vigil_bus::Bus as _;

use crate::client::connect;
use crate::server::{Server, Setup, principal};
use crate::sse::Listener;

/// Asks over HTTP, and gives status and body.
async fn ask(server: &Server, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let body = body.map_or(String::new(), |body| body.to_string());
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        server.address,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

async fn server(role: Role) -> Server {
    Server::start(Setup {
        principal: Some(principal(role)),
        ..Setup::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_admin_manages() {
    for role in [Role::Viewer, Role::Analyst, Role::Service] {
        let server = server(role).await;
        for (method, path) in [
            ("GET", "/ws/connections"),
            ("GET", "/ws/stats"),
            ("GET", "/ws/channels"),
            ("GET", "/ws/channels/chat:1/presence"),
            ("GET", "/ws/channels/threats/history"),
            ("POST", "/ws/channels/threats/subscribe"),
            ("POST", "/ws/channels/threats/unsubscribe"),
            ("POST", "/ws/broadcast"),
            ("POST", "/ws/notify/anna"),
            ("POST", "/ws/publish"),
            (
                "DELETE",
                "/ws/connections/0192f0c1-0000-7000-8000-000000000000",
            ),
        ] {
            let body = match path {
                "/ws/broadcast" | "/ws/notify/anna" => json!({"message": 1}),
                "/ws/publish" => json!({"channel": "chat:1", "data": 1}),
                _ => json!({"user": "anna"}),
            };
            let (status, _) = ask(&server, method, path, (method == "POST").then_some(body)).await;
            assert_eq!(status, 403, "{role} {method} {path}");
            if method == "POST" && (role != Role::Service || path != "/ws/publish") {
                // Nothing that they send is read before.
                let (status, _) = ask(&server, method, path, Some(json!([]))).await;
                assert_eq!(
                    status, 403,
                    "{role} {method} {path} with a body that says nothing"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_listed_told_moved_and_ended() {
    let server = server(Role::Admin).await;
    let mut client = connect(&server, "/ws").await;
    let (status, listed) = ask(&server, "GET", "/ws/connections", None).await;
    assert_eq!((status, listed.as_array().unwrap().len()), (200, 1));
    let id = listed[0]["connection_id"].as_str().unwrap().to_owned();
    assert_eq!(listed[0]["user"], "anna");

    let by_id = json!({"connection_id": id});
    let (status, done) = ask(
        &server,
        "POST",
        "/ws/channels/chat:7/subscribe",
        Some(by_id.clone()),
    )
    .await;
    assert_eq!((status, &done["connections"]), (200, &json!(1)));
    assert_eq!(client.frame().await["channel"], "chat:7");
    assert_eq!(client.frame().await["type"], "presence.join");
    let (_, listed) = ask(&server, "GET", "/ws/connections", None).await;
    assert_eq!(listed[0]["channels"], json!(["chat:7"]));
    let (status, _) = ask(
        &server,
        "POST",
        "/ws/channels/chat:7/subscribe",
        Some(json!({"user": "anna"})),
    )
    .await;
    assert_eq!(status, 409, "it is heard already");
    let (_, presence) = ask(&server, "GET", "/ws/channels/chat:7/presence", None).await;
    assert_eq!(presence["members"][0]["connection_id"], id.as_str());

    for path in [
        "/ws/broadcast".to_owned(),
        format!("/ws/notify/{id}"),
        "/ws/notify/anna".to_owned(),
    ] {
        let (status, done) = ask(
            &server,
            "POST",
            &path,
            Some(json!({"message": {"text": path}})),
        )
        .await;
        assert_eq!((status, &done["connections"]), (200, &json!(1)), "{path}");
        let frame = client.frame().await;
        assert_eq!(frame["type"], "notification");
        assert_eq!(frame["data"]["message"]["text"], path.as_str());
        assert_eq!(frame["data"]["from"], "anna");
    }
    let (status, _) = ask(
        &server,
        "POST",
        "/ws/notify/nobody",
        Some(json!({"message": 1})),
    )
    .await;
    assert_eq!(status, 404);

    let (status, _) = ask(
        &server,
        "POST",
        "/ws/channels/chat:7/unsubscribe",
        Some(by_id),
    )
    .await;
    assert_eq!(status, 200);
    let (status, _) = ask(&server, "DELETE", &format!("/ws/connections/{id}"), None).await;
    assert_eq!(status, 204);
    assert_eq!(client.closed().await.0, 1008);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_events_is_told_too_and_hears_nothing_else() {
    let server = server(Role::Admin).await;
    let mut listener = Listener::open(&server, "/sse/threats", "").await;
    server
        .metric_reaches("vigil_gateway_subscriptions", 1)
        .await;
    let (status, answer) = ask(
        &server,
        "POST",
        "/ws/broadcast",
        Some(json!({"message": "hi"})),
    )
    .await;
    assert_eq!((status, &answer["connections"]), (200, &json!(1)));
    let event = listener.event().await.unwrap();
    assert_eq!(
        (event.id, event.kind.as_deref()),
        (None, Some("notification"))
    );
    let frame = event.data.unwrap();
    assert_eq!(frame["type"], "notification");
    assert_eq!(frame["data"]["message"], "hi");
    let (_, list) = ask(&server, "GET", "/ws/connections", None).await;
    assert_eq!(list[0]["messages_sent"], 1);
    for change in ["subscribe", "unsubscribe"] {
        let path = format!("/ws/channels/alerts/{change}");
        let (status, answer) = ask(&server, "POST", &path, Some(json!({"user": "anna"}))).await;
        assert_eq!(status, 400, "{answer}");
        assert_eq!(answer["error"]["code"], "unsupported");
    }
    // What would narrow a message and is not understood must not widen it.
    let body = json!({"message": "for admins", "role": "admin"});
    let (status, _) = ask(&server, "POST", "/ws/notify/anna", Some(body)).await;
    assert_eq!(status, 422);
    let (status, _) = ask(&server, "GET", "/ws/channels/threats/history?lmit=1", None).await;
    assert_eq!(status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_and_numbers_are_listed() {
    let server = server(Role::Admin).await;
    let mut client = connect(&server, "/api/v1/ws/chat/7").await;
    assert_eq!(client.frame().await["type"], "subscribed");
    assert_eq!(client.frame().await["type"], "presence.join");
    let (_, numbers) = ask(&server, "GET", "/ws/stats", None).await;
    assert_eq!(
        (&numbers["connections"], &numbers["subscriptions"]),
        (&json!(1), &json!(1))
    );
    let (_, channels) = ask(&server, "GET", "/ws/channels", None).await;
    let names: Vec<_> = channels
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["channel"])
        .collect();
    assert!(names.contains(&&json!("chat:7")), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_asked_for_with_the_options_of_a_stream() {
    let server = server(Role::Admin).await;
    for number in 1..=5 {
        server.publish(number, vigil_event::Severity::Low, 10);
    }
    let path = "/ws/channels/threats/history";
    let query = "last=4&filter=data.number%3E3.0&fields=number";
    let (status, said) = ask(&server, "GET", &format!("{path}?{query}"), None).await;
    assert_eq!(status, 200, "{said}");
    let items = said["items"].as_array().unwrap();
    let data: Vec<&Value> = items.iter().map(|item| &item["data"]).collect();
    assert_eq!(data, [&json!({"number": 4}), &json!({"number": 5})]);
    for query in [
        "limit=0",
        "limit=1001",
        "last=1&since=e1:1",
        "fields=a..b",
        "filter=%28%28",
        "since=x",
    ] {
        let asked = ask(&server, "GET", &format!("{path}?{query}"), None).await;
        assert_eq!(asked.0, 400, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_twice_with_one_key_is_there_once() {
    let server = server(Role::Admin).await;
    let mut client = connect(&server, "/api/v1/ws/chat/7").await;
    assert_eq!(client.frame().await["type"], "subscribed");
    assert_eq!(client.frame().await["type"], "presence.join");
    let message =
        json!({"channel": "chat:7", "type": "message", "data": {"a": 1}, "idempotency_key": "k"});
    let (status, first) = ask(&server, "POST", "/ws/publish", Some(message.clone())).await;
    assert_eq!(
        (status, &first["duplicate"]),
        (200, &json!(false)),
        "{first}"
    );
    let (_, second) = ask(&server, "POST", "/ws/publish", Some(message)).await;
    assert_eq!(second["duplicate"], true);
    assert_eq!(
        client.frame().await["data"],
        json!({"a": 1, "from": "anna"})
    );
    let (_, history) = ask(&server, "GET", "/ws/channels/chat:7/history?last=5", None).await;
    assert_eq!(history["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_channel_tells_who_came_heard_and_left() {
    let server = server(Role::Admin).await;
    let mut auditor = connect(&server, "/ws/audit").await;
    assert_eq!(auditor.frame().await["type"], "subscribed");
    let kinds = async |auditor: &mut crate::client::Client, last: &str| {
        let mut kinds = Vec::new();
        loop {
            let frame = auditor.frame().await;
            let kind = frame["type"].as_str().unwrap().to_owned();
            if kind.starts_with("audit.") {
                kinds.push(format!(
                    "{kind} {}",
                    frame["data"]["channel"].as_str().unwrap_or_default()
                ));
            }
            if kind == last {
                return (kinds, frame);
            }
        }
    };
    let mut other = connect(&server, "/ws/threats").await;
    other.ask(json!({"type": "ping"})).await;
    drop(other);
    let (seen, last) = kinds(&mut auditor, "audit.disconnected").await;
    assert!(seen.contains(&"audit.connected ".to_owned()), "{seen:?}");
    assert!(
        seen.contains(&"audit.subscribed threats".to_owned()),
        "{seen:?}"
    );
    assert_eq!(last["data"]["reason"], "gone");

    let analyst = self::server(Role::Analyst).await;
    let refused = connect(&analyst, "/ws")
        .await
        .ask(json!({"type": "subscribe", "channel": "audit"}))
        .await;
    assert_eq!(refused["data"]["code"], "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_what_is_not_granted_is_one_entry_of_the_audit() {
    let server = server(Role::Analyst).await;
    let mut client = connect(&server, "/ws").await;
    let forbidden = json!({"type": "subscribe", "channel": "audit"});
    let refused = async |client: &mut crate::client::Client| {
        let answer = client.ask(forbidden.clone()).await;
        assert_eq!(answer["data"]["code"], "forbidden");
    };
    for _ in 0..5 {
        refused(&mut client).await;
    }
    server.clock.forward(1_000);
    for _ in 0..3 {
        refused(&mut client).await;
    }
    drop(client);
    server
        .metric_falls_to("vigil_gateway_connections{transport=\"websocket\"}", 0)
        .await;
    let read = server.bus.read("audit", 0, 100);
    let told = read.items.iter().map(|item| {
        let data: Value = serde_json::from_slice(&item.publication.data).unwrap();
        let count = data.get("count").or_else(|| data.get("untold"));
        (item.publication.kind.name(), count.and_then(Value::as_u64))
    });
    let told: Vec<_> = told.collect();
    assert_eq!(
        told,
        [
            ("audit.connected", None),
            ("audit.refused", Some(1)),
            ("audit.refused", Some(5)),
            ("audit.disconnected", Some(2)),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_and_goes_pushes_nothing_out_of_the_audit() {
    let server = server(Role::Viewer).await;
    for _ in 0..130 {
        drop(connect(&server, "/ws").await);
        server
            .metric_falls_to("vigil_gateway_connections{transport=\"websocket\"}", 0)
            .await;
    }
    assert_eq!(server.bus.head("audit").offset, 200);
    server.clock.forward(1_000);
    drop(connect(&server, "/ws").await);
    server
        .metric_falls_to("vigil_gateway_connections{transport=\"websocket\"}", 0)
        .await;
    let read = server.bus.read("audit", 200, 100);
    let told = read.items.iter().map(|item| {
        let data: Value = serde_json::from_slice(&item.publication.data).unwrap();
        (item.publication.kind.name(), data["count"].as_u64())
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("audit.connected", Some(31)),
            ("audit.disconnected", Some(31))
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_tells_how_many_came_untold() {
    let server = server(Role::Viewer).await;
    let open = "vigil_gateway_connections{transport=\"websocket\"}";
    let mut clients = std::collections::VecDeque::new();
    for _ in 0..105 {
        if clients.len() == 10 {
            drop(clients.pop_front());
            server.metric_falls_to(open, 9).await;
        }
        clients.push_back(connect(&server, "/ws").await);
    }
    drop(clients.pop_front());
    server.metric_falls_to(open, 9).await;
    let mut told = std::collections::BTreeMap::<_, u64>::new();
    for item in server.bus.read("audit", 0, 1_000).items {
        let data: Value = serde_json::from_slice(&item.publication.data).unwrap();
        *told.entry(item.publication.kind.name()).or_default() += 1;
        *told.entry("untold").or_default() += data["untold"].as_u64().unwrap_or_default();
    }
    let expected = [
        ("audit.connected", 100),
        ("audit.disconnected", 96),
        ("untold", 5),
    ];
    assert_eq!(told, expected.into());
}
