//! Who gets in, and what is said to who does not.

use serde_json::Value;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use vigil_auth::Role;
use vigil_gateway::Limits;

use crate::client::{connect, open, refused};
use crate::server::{START, Server, Setup, principal};

fn code_of(response: &Response) -> Value {
    let body = response.body().as_deref().unwrap_or_default();
    serde_json::from_slice::<Value>(body).unwrap()["error"]["code"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn welcome_says_what_a_client_must_know() {
    let server = Server::start(Setup::default()).await;
    for path in ["/ws", "/api/v1/ws?connection_type=general"] {
        let (mut client, _) = open(&server, path, &[]).await.unwrap();
        let welcome = client.frame().await;
        assert_eq!(welcome["type"], "welcome");
        let data = &welcome["data"];
        assert_eq!(data["protocol_version"], 1);
        assert_eq!(data["node"], "test-node");
        assert_eq!(data["server_time"], START.to_string());
        assert_eq!(data["subject"], "anna");
        assert_eq!(data["role"], "analyst");
        assert_eq!(
            data["channels"],
            serde_json::json!([
                "threats",
                "alerts",
                "status",
                "metrics",
                "events",
                "correlations",
                "network",
                "packets",
                "honeypots",
                "models",
                "decisions",
                "analysis:*",
                "chat:*",
                "investigations:*",
                "user:anna"
            ])
        );
        assert_eq!(data["ping_interval_ms"], 30_000);
        assert_eq!(data["limits"]["max_subscriptions"], 100);
        assert_eq!(data["limits"]["max_message_bytes"], 1 << 20);
        assert!(data["connection_id"].as_str().unwrap().len() == 36);
    }
    assert_eq!(server.metric("websocket_connections_total"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_subscribe_by_themselves() {
    let server = Server::start(Setup::default()).await;
    for (path, channel) in [
        ("/ws/threats", "threats"),
        ("/ws/alerts", "alerts"),
        ("/ws/system", "status"),
    ] {
        let mut client = connect(&server, path).await;
        let subscribed = client.frame().await;
        assert_eq!(
            (&subscribed["type"], &subscribed["channel"]),
            (&"subscribed".into(), &channel.into())
        );
        assert_eq!(subscribed["reply_to"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sub_protocol_is_chosen_and_a_token_never_echoed() {
    let server = Server::start(Setup::default()).await;
    let offered = [("sec-websocket-protocol", "bearer.a.b.c, vigil.v1.json")];
    let (_client, response) = open(&server, "/ws", &offered).await.unwrap();
    assert_eq!(
        response.headers()["sec-websocket-protocol"],
        "vigil.v1.json"
    );
    let offered = [(
        "sec-websocket-protocol",
        "vigil.v2.json, vigil.v1.msgpack, vigil.v1.json",
    )];
    let (_client, response) = open(&server, "/ws", &offered).await.unwrap();
    assert_eq!(
        response.headers()["sec-websocket-protocol"],
        "vigil.v1.msgpack",
        "what a client names first it likes best"
    );
    let (_client, response) = open(&server, "/ws", &[]).await.unwrap();
    assert!(!response.headers().contains_key("sec-websocket-protocol"));
    // This client's library gives up when nothing that it offered is chosen, as browsers do.
    assert!(
        open(&server, "/ws", &[("sec-websocket-protocol", "chat")])
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_a_right() {
    let server = Server::start(Setup {
        principal: None,
        ..Setup::default()
    })
    .await;
    // A socket may still say in its first frame who it is; the stream of events may not.
    let head = crate::sse::head_of(&server, "/sse/threats").await;
    assert!(head.starts_with("HTTP/1.0 401"), "{head}");
    assert_eq!(
        server.metric("vigil_gateway_refused_total{reason=\"unauthenticated\"}"),
        1
    );
    let service = Setup {
        principal: Some(principal(Role::Service)),
        ..Setup::default()
    };
    let server = Server::start(service).await;
    assert_eq!(refused(&server, "/ws", &[]).await.0, 403);
    let mut narrow = principal(Role::Viewer);
    narrow.rights.subscribe = Some(vec!["threats".into()]);
    let server = Server::start(Setup {
        principal: Some(narrow),
        ..Setup::default()
    })
    .await;
    assert_eq!(refused(&server, "/ws/alerts", &[]).await.0, 403);
    connect(&server, "/ws/threats").await;
    let mut over = principal(Role::Viewer);
    over.expires_at = Some(START);
    let server = Server::start(Setup {
        principal: Some(over),
        ..Setup::default()
    })
    .await;
    assert_eq!(refused(&server, "/ws", &[]).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_addresses_are_named() {
    let server = Server::start(Setup::default()).await;
    for path in ["/ws/nowhere", "/ws/chat:", "/api/v1/ws/chat/a*"] {
        let (status, response) = refused(&server, path, &[]).await;
        assert_eq!(
            (status, code_of(&response)),
            (404, "unknown_channel".into())
        );
    }
    for path in [
        "/ws/threats?since=yesterday",
        "/ws/threats?last=-1",
        "/ws/threats?last=3&since=e1:4",
        "/ws/threats?min_severity=awful",
    ] {
        let (status, response) = refused(&server, path, &[]).await;
        assert_eq!(
            (status, code_of(&response)),
            (400, "invalid".into()),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_stay_out() {
    let server = Server::start(Setup::default()).await;
    let own = format!("http://{}", server.address);
    for origin in [own.as_str(), "https://soc.example.org"] {
        assert!(
            open(&server, "/ws", &[("origin", origin)]).await.is_ok(),
            "{origin}"
        );
    }
    for origin in ["http://evil.example", "null", "http://127.0.0.1"] {
        let (status, response) = refused(
            &server,
            "/ws",
            &[("origin", origin), ("authorization", "Bearer x")],
        )
        .await;
        assert_eq!(
            (status, code_of(&response)),
            (403, "forbidden".into()),
            "{origin}"
        );
    }
    assert_eq!(
        server.metric("vigil_gateway_refused_total{reason=\"origin\"}"),
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_limited_and_places_come_back() {
    let limits = Limits {
        max_connections_per_user: 2,
        ..Limits::default()
    };
    let server = Server::start(Setup {
        limits,
        ..Setup::default()
    })
    .await;
    let first = connect(&server, "/ws").await;
    let _second = connect(&server, "/ws").await;
    let (status, response) = refused(&server, "/ws", &[]).await;
    assert_eq!((status, code_of(&response)), (429, "rate_limited".into()));
    assert_eq!(response.headers()["retry-after"], "10");
    drop(first);
    while open(&server, "/ws", &[]).await.is_err() {
        tokio::task::yield_now().await;
    }
    let limits = Limits {
        max_connections: 0,
        ..Limits::default()
    };
    let server = Server::start(Setup {
        limits,
        ..Setup::default()
    })
    .await;
    let (status, response) = refused(&server, "/ws", &[]).await;
    assert_eq!((status, code_of(&response)), (503, "unavailable".into()));
    assert_eq!(response.headers()["retry-after"], "10");
}
