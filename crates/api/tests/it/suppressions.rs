//! Suppressions: made, listed, ended, and in force at once.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;
use vigil_auth::Role::{Analyst, Viewer};

use crate::harness::{App, NOON};

const PATH: &str = "/api/v1/suppressions";

#[tokio::test]
async fn a_suppression_is_in_force_from_its_making_to_its_end() {
    let app = App::new();
    let body = json!({"rule": "sql_injection", "network": "192.0.2.7", "path": "/editor/*",
        "reason": " our editor ", "expires_at": NOON.plus_millis(60_000)});
    let made = app.post(Analyst, PATH, &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    assert_eq!(made["network"], "192.0.2.7/32");
    assert_eq!(made["reason"], "our editor");
    assert_eq!(made["author"], "analyst-anna");
    assert_eq!(app.in_force.0.lock().len(), 1);
    assert_eq!(app.get(Viewer, PATH).await.ok()["items"][0], made);
    let id = made["id"].as_str().unwrap();
    let request = app.request(Method::DELETE, Analyst, &format!("{PATH}/{id}"));
    let removed = app.send(request.body(Body::empty()).unwrap()).await.ok();
    assert_eq!(removed["removed_by"], "analyst-anna");
    assert!(app.in_force.0.lock().is_empty());
    assert!(app.get(Viewer, PATH).await.ids().is_empty());
    let all = app.get(Viewer, &format!("{PATH}?all=true")).await;
    assert_eq!(all.ids(), [id]);
}

#[tokio::test]
async fn an_expired_one_is_no_longer_listed() {
    let app = App::new();
    let body = json!({"rule": "x", "reason": "a test", "expires_at": NOON.plus_millis(1_000)});
    app.post(Analyst, PATH, &body).await;
    assert_eq!(app.get(Viewer, PATH).await.ids().len(), 1);
    app.clock.advance(1_000);
    assert!(app.get(Viewer, PATH).await.ids().is_empty());
}

#[tokio::test]
async fn what_is_not_understood_or_too_much_is_refused() {
    let app = App::new();
    for (body, word) in [
        (json!({"rule": "x"}), "reason"),
        (json!({"rule": "x", "reason": " "}), "reason"),
        (json!({"rule": "*", "reason": "quiet"}), "everything"),
        (
            json!({"rule": "x", "reason": "r", "network": "here"}),
            "network",
        ),
        (
            json!({"rule": "x", "reason": "r", "path": "editor"}),
            "path",
        ),
        (
            json!({"rule": "x", "reason": "r", "expires_at": NOON}),
            "expires_at",
        ),
        (json!({"rule": "x", "reason": "r", "rul": "y"}), "rul"),
    ] {
        let answer = app.post(Analyst, PATH, &body).await;
        assert_eq!(answer.error(400), "invalid", "{body}");
        assert!(answer.message().contains(word), "{}", answer.text);
    }
    assert!(app.in_force.0.lock().is_empty());
}
