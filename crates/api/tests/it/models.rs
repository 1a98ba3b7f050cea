//! Profiles of sites: shown to who reads, changed by admins alone.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;
use vigil_auth::Role::{Admin, Analyst, Viewer};

use crate::harness::App;

const PATH: &str = "/api/v1/models";

#[tokio::test]
async fn profiles_are_shown_to_who_reads() {
    let app = App::new();
    let all = app.get(Viewer, PATH).await.ok();
    assert_eq!(all["items"][0]["versions"], json!([2, 3]));
    let one = app.get(Viewer, &format!("{PATH}/shop.example")).await.ok();
    assert_eq!(
        (&one["state"], &one["paths"]),
        (&json!("active"), &json!([]))
    );
    for path in ["none.example", "-"] {
        let answer = app.get(Viewer, &format!("{PATH}/{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn only_who_trains_changes_them() {
    let app = App::new();
    let (retrain, rollback) = (
        format!("{PATH}/retrain"),
        format!("{PATH}/shop.example/rollback"),
    );
    for (path, body, status) in [
        (&retrain, json!({}), StatusCode::ACCEPTED),
        (
            &retrain,
            json!({"site": "none.example"}),
            StatusCode::NOT_FOUND,
        ),
        (&retrain, json!({"sites": 1}), StatusCode::BAD_REQUEST),
        (&rollback, json!({"version": 2}), StatusCode::OK),
        (&rollback, json!({"version": 9}), StatusCode::NOT_FOUND),
        (&rollback, json!({}), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(
            app.post(Admin, path, &body).await.status,
            status,
            "{path} {body}"
        );
        assert_eq!(
            app.post(Analyst, path, &body).await.status,
            StatusCode::FORBIDDEN
        );
    }
    let export = format!("{PATH}/shop.example/export");
    assert_eq!(app.get(Admin, &export).await.status, StatusCode::OK);
    assert_eq!(
        app.get(Analyst, &export).await.status,
        StatusCode::FORBIDDEN
    );
    for (role, site, status) in [
        (Analyst, "shop.example", StatusCode::FORBIDDEN),
        (Admin, "shop.example", StatusCode::NO_CONTENT),
        (Admin, "none.example", StatusCode::NOT_FOUND),
    ] {
        let request = app.request(Method::DELETE, role, &format!("{PATH}/{site}"));
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{role} {site}");
    }
}
