//! A socket that shows its token in the first frame, and one whose credential is revoked.

use serde_json::json;
use vigil_auth::{Grant, Role};
use vigil_event::{Id, Revocation, Revoked};

use crate::client::{open, refused};
use crate::server::{START, Server, Setup};

fn nobody() -> Setup {
    Setup {
        principal: None,
        ..Setup::default()
    }
}

fn token(server: &Server, grant: &Grant) -> String {
    server.gatekeeper.authority.issue(grant, START).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_frame_may_show_the_token() {
    let server = Server::start(nobody()).await;
    let token = token(&server, &Grant::new("anna", Role::Viewer));
    let (mut client, _) = open(&server, "/ws/threats", &[]).await.unwrap();
    let answer = client
        .ask(json!({"type": "auth", "data": {"token": token}}))
        .await;
    assert_eq!(answer["type"], "authenticated");
    assert_eq!(answer["data"]["subject"], "anna");
    assert_eq!(client.frame().await["type"], "welcome");
    let subscribed = client.frame().await;
    assert_eq!(
        (&subscribed["type"], &subscribed["channel"]),
        (&"subscribed".into(), &"threats".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_anything_else_first_is_sent_away() {
    let server = Server::start(nobody()).await;
    let service = token(&server, &Grant::new("web", Role::Service));
    let mut narrow = Grant::new("anna", Role::Viewer);
    narrow.rights.subscribe = Some(vec!["alerts".to_owned()]);
    let narrow = token(&server, &narrow);
    let auth = |token: &str| json!({"type": "auth", "data": {"token": token}});
    for (frame, said, code) in [
        (
            json!({"type": "subscribe", "channel": "threats"}),
            "the first frame must be",
            4001,
        ),
        (json!({"type": "ping"}), "the first frame must be", 4001),
        (json!({"type": "auth"}), "`data.token` is missing", 4001),
        (auth("nonsense"), "it is no JWT", 4001),
        (auth(&service), "vigil token --publish", 4003),
    ] {
        let (mut client, _) = open(&server, "/ws/threats", &[]).await.unwrap();
        let error = client.ask(frame.clone()).await;
        let message = error["data"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(said), "{frame}: {error}");
        assert_eq!(client.closed().await.0, code, "{frame}");
    }
    let (mut client, _) = open(&server, "/ws/threats", &[]).await.unwrap();
    client.send(auth(&narrow)).await;
    assert_eq!(client.closed().await.0, 4003);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_path_asks_for_is_checked_before_and_after_the_first_frame() {
    let server = Server::start(nobody()).await;
    for (path, status) in [
        ("/ws/nowhere", 404),
        ("/ws/threats?since=yesterday", 400),
        ("/ws/threats?last=x", 400),
    ] {
        assert_eq!(refused(&server, path, &[]).await.0, status, "{path}");
    }
    let token = token(&server, &Grant::new("anna", Role::Viewer));
    for (path, code) in [
        ("/ws/audit", "forbidden"),
        ("/ws/threats?min_severity=bad", "invalid"),
        ("/ws/threats?filter=%28", "invalid"),
    ] {
        let (mut client, _) = open(&server, path, &[]).await.unwrap();
        let auth = json!({"type": "auth", "data": {"token": token}});
        assert_eq!(client.ask(auth).await["type"], "authenticated");
        let error = client.frame().await;
        assert_eq!(error["data"]["code"], code, "{path}: {error}");
        assert_eq!(client.closed().await.0, 4003, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_sent_away_after_five_seconds() {
    let server = Server::start(nobody()).await;
    let started = std::time::Instant::now();
    let (mut client, _) = open(&server, "/ws", &[]).await.unwrap();
    server.metric_reaches("vigil_gateway_greeting", 1).await;
    let error = client.frame().await;
    assert_eq!(error["data"]["code"], "unauthenticated", "{error}");
    assert_eq!(client.closed().await.0, 4001);
    assert!(started.elapsed().as_secs() >= 4, "{:?}", started.elapsed());
    server.metric_falls_to("vigil_gateway_greeting", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_credential_ends_its_connections_and_no_others() {
    let server = Server::start(nobody()).await;
    let mut clients = Vec::new();
    for name in ["anna", "ben"] {
        let token = token(&server, &Grant::new(name, Role::Viewer));
        let (mut client, _) = open(&server, "/ws", &[]).await.unwrap();
        client
            .ask(json!({"type": "auth", "data": {"token": token}}))
            .await;
        assert_eq!(client.frame().await["type"], "welcome");
        clients.push(client);
    }
    server.gatekeeper.revocations.replace([Revocation {
        id: Id::derived(START, &[b"r"]),
        revoked: Revoked::User("anna".to_owned()),
        reason: "left".to_owned(),
        author: "admin".to_owned(),
        created_at: START,
        expires_at: None,
    }]);
    let mut ben = clients.pop().unwrap();
    let mut anna = clients.pop().unwrap();
    assert_eq!(anna.closed().await.0, 4001);
    assert_eq!(ben.ask(json!({"type": "ping"})).await["type"], "pong");
}
