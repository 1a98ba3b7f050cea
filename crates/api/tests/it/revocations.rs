//! What is revoked opens nothing from then on, and the sessions and tickets of it neither.

use axum::body::Body;
use axum::http::Method;
use serde_json::json;
use vigil_auth::Role::{Admin, Viewer};
use vigil_event::Clock as _;

use crate::harness::{App, request};

const PATH: &str = "/api/v1/tokens/revocations";

async fn status(app: &App, header: (&str, &str)) -> u16 {
    let request = request(Method::GET, "/api/v1/threats")
        .header(header.0, header.1)
        .body(Body::empty())
        .unwrap();
    app.send(request).await.status.as_u16()
}

#[tokio::test]
async fn a_revoked_token_ends_with_what_it_opened() {
    let app = App::new();
    let token = app.token(Viewer);
    let bearer = format!("Bearer {token}");
    let id = {
        let now = app.clock.now();
        app.gatekeeper
            .authority
            .verify(&token, now)
            .unwrap()
            .token_id
            .unwrap()
    };
    let sign_in = request(Method::POST, "/ui/session")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(format!("token={token}")))
        .unwrap();
    let answer = app.send(sign_in).await;
    let cookie = answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let ticket = request(Method::POST, "/api/v1/tickets")
        .header("authorization", &bearer)
        .body(Body::empty())
        .unwrap();
    let ticket = app.send(ticket).await.ok()["ticket"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(status(&app, ("authorization", &bearer)).await, 200);
    assert_eq!(status(&app, ("cookie", &cookie)).await, 200);

    let body = json!({"revoked": {"token": id}, "reason": "lost"});
    let made = app.post(Admin, PATH, &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(status(&app, ("authorization", &bearer)).await, 401);
    assert_eq!(status(&app, ("cookie", &cookie)).await, 401);
    let by_ticket = request(Method::GET, &format!("/ui/?ticket={ticket}"))
        .body(Body::empty())
        .unwrap();
    assert_eq!(app.send(by_ticket).await.status, 401);

    let listed = app.get(Admin, PATH).await.ok();
    assert_eq!(listed["items"][0]["revoked"]["token"], id);
    assert_eq!(listed["items"][0]["author"], "admin-anna");
    let revocation = listed["items"][0]["id"].as_str().unwrap();
    let lift = app
        .request(Method::DELETE, Admin, &format!("{PATH}/{revocation}"))
        .body(Body::empty())
        .unwrap();
    assert_eq!(app.send(lift).await.status, 200);
    assert_eq!(status(&app, ("authorization", &bearer)).await, 200);
}

#[tokio::test]
async fn a_user_and_a_key_are_revoked_too() {
    let app = App::new();
    let bearer = format!("Bearer {}", app.token(Viewer));
    let user = json!({"revoked": {"user": "viewer-anna"}, "reason": "left"});
    assert_eq!(app.post(Admin, PATH, &user).await.status, 201);
    assert_eq!(status(&app, ("authorization", &bearer)).await, 401);
    for wrong in [
        json!({"revoked": {"role": "admin"}, "reason": "x"}),
        json!({"revoked": {"user": "a", "key": "b"}, "reason": "x"}),
        json!({"revoked": {"user": ""}, "reason": "x"}),
        json!({"revoked": {"user": "a"}}),
        json!({"revoked": {"user": "a"}, "reason": " "}),
    ] {
        assert_eq!(app.post(Admin, PATH, &wrong).await.status, 400, "{wrong}");
    }
}
