//! The life of an alert: who did what and when.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::json;
use vigil_auth::Role::{Analyst, Viewer};

use crate::harness::{App, NOON, threat};

fn with_alert() -> (App, String) {
    let app = App::new();
    let alerts = app.store(&[threat("203.0.113.7", 8.0, 1)]);
    let path = format!("/api/v1/alerts/{}", alerts[0].id);
    (app, path)
}

#[tokio::test]
async fn every_change_is_kept_with_who_and_when() {
    let (app, path) = with_alert();
    assert_eq!(app.get(Viewer, &path).await.ok()["state"], "open");
    app.clock.advance(1_000);
    let answer = app
        .post(Analyst, &format!("{path}/acknowledge"), &json!({}))
        .await
        .ok();
    assert_eq!(answer["state"], "acknowledged");
    assert_eq!(answer["assignee"], "analyst-anna");
    app.clock.advance(1_000);
    app.post(
        Analyst,
        &format!("{path}/note"),
        &json!({"note": " <b>a scanner</b>\n"}),
    )
    .await
    .ok();
    app.clock.advance(1_000);
    let resolved = app
        .post(
            Analyst,
            &format!("{path}/resolve"),
            &json!({"note": "blocked"}),
        )
        .await
        .ok();
    assert_eq!(resolved["state"], "resolved");
    let shown = app.get(Viewer, &path).await.ok();
    assert_eq!(shown, resolved);
    let changes = shown["changes"].as_array().unwrap();
    let at = |seconds: i64| json!(NOON.plus_millis(seconds * 1_000));
    assert_eq!(
        *changes,
        [
            json!({"action": "acknowledge", "by": "analyst-anna", "at": at(1)}),
            json!({"action": "note", "by": "analyst-anna", "at": at(2), "note": "<b>a scanner</b>"}),
            json!({"action": "resolve", "by": "analyst-anna", "at": at(3), "note": "blocked"}),
        ]
    );
    let conflict = app
        .post(Analyst, &format!("{path}/acknowledge"), &json!({}))
        .await;
    assert_eq!(conflict.error(409), "conflict");
}

#[tokio::test]
async fn the_body_may_be_left_out() {
    let (app, path) = with_alert();
    let request = app.request(Method::POST, Analyst, &format!("{path}/acknowledge"));
    let answer = app.send(request.body(Body::empty()).unwrap()).await.ok();
    assert_eq!(answer["state"], "acknowledged");
}

#[tokio::test]
async fn bodies_that_are_not_understood_are_refused() {
    let (app, path) = with_alert();
    let note = format!("{path}/note");
    for body in [
        json!({}),
        json!({"note": " \n"}),
        json!({"note": 1}),
        json!({"not": "a"}),
        json!([]),
        json!({"note": "a".repeat(4_001)}),
    ] {
        assert_eq!(
            app.post(Analyst, &note, &body).await.error(400),
            "invalid",
            "{body}"
        );
    }
    app.post(Analyst, &note, &json!({"note": "a".repeat(4_000)}))
        .await
        .ok();
    let plain = app
        .request(Method::POST, Analyst, &note)
        .body(Body::from("{\"note\":\"a\"}"))
        .unwrap();
    assert_eq!(app.send(plain).await.error(415), "unsupported_media_type");
    for path in [&note, &format!("{path}/resolve")] {
        let long = json!({"note": "a".repeat(70_000)});
        assert_eq!(app.post(Analyst, path, &long).await.error(413), "too_large");
    }
    let missing = "/api/v1/alerts/01936b2e-7c2a-7000-8000-000000000000";
    assert_eq!(app.get(Viewer, missing).await.error(404), "not_found");
    assert_eq!(
        app.post(Analyst, &format!("{missing}/resolve"), &json!({}))
            .await
            .error(404),
        "not_found"
    );
}

#[tokio::test]
async fn a_wrong_method_is_told_which_are_right() {
    let (app, path) = with_alert();
    let request = app
        .request(Method::DELETE, Analyst, &path)
        .header(header::CONTENT_TYPE, "application/json");
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.error(405), "method_not_allowed");
    assert!(
        answer.header("allow").contains("GET"),
        "{:?}",
        answer.headers
    );
}

#[tokio::test]
async fn filters_of_alerts_hold() {
    let app = App::new();
    let alerts = app.store(&[
        threat("203.0.113.7", 8.0, 1),
        threat("198.51.100.1", 9.5, 2),
    ]);
    assert_eq!(alerts.len(), 2);
    let critical = alerts
        .iter()
        .find(|alert| alert.score.value() > 9.0)
        .unwrap()
        .id
        .to_string();
    app.post(
        Analyst,
        &format!("/api/v1/alerts/{critical}/acknowledge"),
        &json!({}),
    )
    .await
    .ok();
    for (query, expected) in [
        ("", 2),
        ("state=open", 1),
        ("state=open,acknowledged", 2),
        ("state=resolved", 0),
        ("severity=critical", 1),
        ("min_severity=high", 2),
        ("address=203.0.113.7", 1),
        ("network=198.51.100.0/24", 1),
        ("family=sql_injection&limit=1", 1),
        ("family=flood", 0),
        ("since=2026-11-20T12:00:02Z", 1),
        ("until=2026-11-20T12:00:02Z", 1),
    ] {
        let found = app
            .get(Viewer, &format!("/api/v1/alerts?{query}"))
            .await
            .ids();
        assert_eq!(found.len(), expected, "{query}");
    }
    assert_eq!(
        app.get(Viewer, "/api/v1/alerts?state=acknowledged")
            .await
            .ids(),
        [critical]
    );
    let first = app.get(Viewer, "/api/v1/alerts?limit=1").await;
    let next = first.ok()["next"].as_str().unwrap().to_owned();
    let second = app
        .get(Viewer, &format!("/api/v1/alerts?limit=1&cursor={next}"))
        .await;
    assert_ne!(first.ids(), second.ids());
    assert!(second.ok()["next"].is_null());
}
