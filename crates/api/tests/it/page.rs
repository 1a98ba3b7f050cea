//! The page: with or without its files in this build.

use axum::body::Body;
use axum::http::{Method, header};
use vigil_auth::Role::{Service, Viewer};

use crate::harness::App;

#[tokio::test]
async fn the_page_is_served_or_said_to_be_missing() {
    let app = App::new();
    let answer = app.get(Viewer, "/ui/").await;
    if answer.status == 503 {
        assert!(answer.message().contains("make page"));
        return;
    }
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    let known = app
        .request(Method::GET, Viewer, "/ui/")
        .header(header::IF_NONE_MATCH, answer.header("etag"));
    assert_eq!(
        app.send(known.body(Body::empty()).unwrap()).await.status,
        304
    );
    let script = answer
        .text
        .split('"')
        .find(|text| text.starts_with("/ui/assets/index-") && text.contains(".js"));
    let script = app
        .get(Viewer, script.expect("the page loads a script"))
        .await;
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    assert_eq!(
        script.header("cache-control"),
        "private, max-age=31536000, immutable"
    );
    for path in [
        "/ui/none.js",
        "/ui/../Cargo.toml",
        "/ui/%2e%2e/Cargo.toml",
        "/ui//etc/passwd",
    ] {
        assert_eq!(
            app.get(Viewer, path).await.error(404),
            "not_found",
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_root_leads_to_the_page() {
    let app = App::new();
    for path in ["/", "/ui"] {
        let answer = app.get(Viewer, path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (307, "/ui/")
        );
    }
    assert_eq!(app.get(Service, "/ui/").await.error(403), "forbidden");
}
