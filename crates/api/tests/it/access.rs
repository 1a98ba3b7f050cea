//! Who comes in: credentials, rights, hosts, limits of failed attempts, headers.

use axum::body::Body;
use axum::http::{Method, header};
use vigil_api::Hosts;
use vigil_auth::Role::{self, Admin, Analyst, Service, Viewer};
use vigil_auth::{Grant, Rights};
use vigil_event::Clock as _;

use crate::document::documented;
use crate::harness::{API_KEY, App, request};

const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// Routes that the document does not describe.
const OTHERS: [&str; 12] = [
    "/",
    "/ui",
    "/ui/",
    "/ui/index.html",
    "/ui/assets/a.js",
    "/ws",
    "/sse/threats",
    "/threats",
    "/stats",
    "/models/status",
    "/ingest/batch",
    "/no/such/path",
];

#[tokio::test]
async fn each_credential_that_is_refused_is_told_by_its_kind() {
    let app = App::new();
    for (path, header, told) in [
        (
            "/api/v1/threats",
            ("authorization", "Bearer x"),
            Some("token"),
        ),
        ("/ws", ("authorization", "Basic x"), Some("token")),
        ("/ws", ("sec-websocket-protocol", "bearer.x"), Some("token")),
        ("/sse/threats?token=x", ("accept", "*/*"), Some("token")),
        ("/sse/threats?ticket=x", ("accept", "*/*"), Some("ticket")),
        ("/ui/?ticket=x", ("accept", "*/*"), Some("ticket")),
        ("/api/v1/threats", ("x-api-key", "x"), Some("key")),
        ("/ui/", ("cookie", "vigil_session=x"), Some("session")),
        // Who shows nothing is no news.
        ("/api/v1/threats", ("accept", "*/*"), None),
        ("/health", ("authorization", "Bearer x"), None),
    ] {
        let request = request(Method::GET, path).header(header.0, header.1);
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status == 401, path != "/health", "{path} {header:?}");
        let refused = std::mem::take(&mut *app.refused.lock());
        assert_eq!(refused, Vec::from_iter(told), "{path} {header:?}");
    }
}

#[tokio::test]
async fn without_a_credential_nothing_answers_but_health() {
    let app = App::new();
    let paths = documented()
        .into_iter()
        .map(|(_, path)| path)
        .chain(OTHERS.map(str::to_owned));
    for path in paths.filter(|path| path != "/health") {
        for method in METHODS {
            let answer = app
                .send(request(method.clone(), &path).body(Body::empty()).unwrap())
                .await;
            assert_eq!(answer.status.as_u16(), 401, "{method} {path}");
            assert!(!answer.text.contains("items"), "{method} {path}");
        }
    }
    for method in METHODS {
        let answer = app
            .send(
                request(method.clone(), "/health")
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        assert_eq!(
            answer.status.as_u16(),
            if method == Method::GET { 200 } else { 401 },
            "{method}"
        );
    }
}

/// Who may, by the documented route.
fn may(role: Role, method: &Method, path: &str) -> bool {
    match (method.as_str(), path) {
        (_, "/health" | "/ready" | "/metrics" | "/api/v1/openapi.json") => true,
        ("POST", "/api/v1/ingest/batch" | "/api/v1/ingest/requests" | "/api/v1/ingest/mirror") => {
            matches!(role, Admin | Service)
        }
        ("POST", path) if path.starts_with("/api/v1/alerts/") => matches!(role, Admin | Analyst),
        ("POST" | "DELETE", path) if path.starts_with("/api/v1/suppressions") => {
            matches!(role, Admin | Analyst)
        }
        ("POST", "/api/v1/rules/reload") | ("GET", "/api/v1/models/{site}/export") => role == Admin,
        ("POST" | "DELETE", path) if path.starts_with("/api/v1/models/") => role == Admin,
        (_, path) if path.starts_with("/api/v1/tokens/") => role == Admin,
        ("GET", _) | ("POST", "/api/v1/tickets") => role != Service,
        _ => false,
    }
}

#[tokio::test]
async fn every_documented_route_asks_for_its_right() {
    let app = App::new();
    for (method, path) in documented() {
        for role in Role::ALL {
            let request = app
                .request(method.clone(), role, &path)
                .body(Body::empty())
                .unwrap();
            let answer = app.send(request).await;
            if may(role, &method, &path) {
                assert!(
                    ![401, 403, 405].contains(&answer.status.as_u16()),
                    "{role} {method} {path}: {}",
                    answer.text
                );
            } else {
                assert_eq!(answer.error(403), "forbidden", "{role} {method} {path}");
                assert!(answer.message().contains(role.name()));
            }
        }
    }
}

#[tokio::test]
async fn each_kind_of_credential_opens() {
    let app = App::new();
    let token = app.token(Viewer);
    let ticket = app
        .post(Viewer, "/api/v1/tickets", &serde_json::json!({}))
        .await
        .ok();
    let ticket = ticket["ticket"].as_str().unwrap();
    let with = |name: &str, value: &str, path: &str| {
        request(Method::GET, path)
            .header(name, value)
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(
        app.send(with(
            "authorization",
            &format!("Bearer {token}"),
            "/api/v1/rules"
        ))
        .await
        .status,
        200
    );
    assert_eq!(
        app.send(with(
            "cookie",
            &format!("vigil_session={token}"),
            "/api/v1/rules"
        ))
        .await
        .status,
        200
    );
    assert_eq!(
        app.send(with("x-api-key", API_KEY, "/ready")).await.status,
        200
    );
    let protocols = format!("vigil.v1, bearer.{token}");
    assert_eq!(
        app.send(with("sec-websocket-protocol", &protocols, "/ws"))
            .await
            .text,
        "a socket"
    );
    let path = format!("/ws?ticket={ticket}");
    assert_eq!(
        app.send(with("accept", "*/*", &path)).await.text,
        "a socket"
    );
    assert_eq!(
        app.send(with("accept", "*/*", &path)).await.error(401),
        "unauthenticated",
        "a ticket opens once"
    );
}

#[tokio::test]
async fn a_wrong_credential_is_refused_and_not_passed_over() {
    let app = App::new();
    let good = format!("vigil_session={}", app.token(Viewer));
    for (name, value) in [
        ("authorization", "Bearer x.y.z"),
        ("authorization", "Basic YTpi"),
        ("x-api-key", "0123456789abcdef"),
    ] {
        let request = request(Method::GET, "/api/v1/rules")
            .header(name, value)
            .header(header::COOKIE, &good);
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.error(401), "unauthenticated", "{name}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    let ended = app.token(Viewer);
    app.clock.advance(3_600_000);
    let request = request(Method::GET, "/api/v1/rules")
        .header(header::AUTHORIZATION, format!("Bearer {ended}"));
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.error(401), "unauthenticated");
    assert!(answer.message().contains("expired"));
}

#[tokio::test]
async fn who_guesses_must_wait_and_what_is_right_still_opens() {
    let app = App::new();
    let with_key = |key: &str| {
        request(Method::GET, "/ready")
            .header("x-api-key", key)
            .body(Body::empty())
            .unwrap()
    };
    let with_ticket = |path: &str, ticket: &str| {
        request(Method::GET, &format!("{path}?ticket={ticket}"))
            .body(Body::empty())
            .unwrap()
    };
    for attempt in 0..30 {
        let answer = app.send(with_key("a guess that is wrong")).await;
        if attempt < 20 {
            assert_eq!(answer.error(401), "unauthenticated");
        } else {
            assert_eq!(answer.error(429), "rate_limited");
            assert_eq!(answer.header("retry-after"), "60");
        }
    }
    assert_eq!(
        app.send(with_ticket("/ws", "wrong")).await.error(429),
        "rate_limited"
    );
    assert_eq!(app.send(with_ticket("/ui/", "wrong")).await.status, 429);
    assert_eq!(app.send(with_key(API_KEY)).await.status, 200);
    assert_eq!(app.get(Viewer, "/ready").await.status, 200);
    for (path, status) in [("/ws", 200), ("/ui/", 303)] {
        let ticket = app
            .post(Viewer, "/api/v1/tickets", &serde_json::json!({}))
            .await
            .ok();
        let ticket = ticket["ticket"].as_str().unwrap();
        let answer = app.send(with_ticket(path, ticket)).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
    assert_eq!(
        app.send(with_key("a guess that is wrong")).await.error(429),
        "rate_limited",
        "a right one does not clear the wrong ones"
    );
    app.clock.advance(60_000);
    assert_eq!(
        app.send(with_key("a guess that is wrong")).await.error(401),
        "unauthenticated"
    );
}

#[tokio::test]
async fn a_page_whose_session_has_ended_is_not_counted() {
    let app = App::new();
    for _ in 0..30 {
        let request = request(Method::GET, "/ready").header(header::COOKIE, "vigil_session=a.b.c");
        assert_eq!(
            app.send(request.body(Body::empty()).unwrap())
                .await
                .error(401),
            "unauthenticated"
        );
    }
}

#[tokio::test]
async fn on_loopback_other_names_are_refused() {
    let app = App::with_hosts(Hosts::Loopback(vec!["vigil.example".into()]));
    for (host, status) in [
        ("localhost:8082", 200),
        ("127.0.0.1", 200),
        ("[::1]:8082", 200),
        ("vigil.example", 200),
        ("evil.example", 421),
        ("", 421),
    ] {
        let request = axum::http::Request::get("/health")
            .header(header::HOST, host)
            .body(Body::empty())
            .unwrap();
        let answer = app.send(request).await;
        assert_eq!(answer.status.as_u16(), status, "{host}");
        if status == 421 {
            assert_eq!(answer.error(421), "wrong_host");
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let app = App::with_hosts(Hosts::Loopback(Vec::new()));
    let anonymous = |path: &str| request(Method::GET, path).body(Body::empty()).unwrap();
    let elsewhere = axum::http::Request::get("/health")
        .header(header::HOST, "evil.example")
        .body(Body::empty())
        .unwrap();
    let answers = [
        app.send(anonymous("/health")).await,
        app.send(anonymous("/ui/")).await,
        app.send(anonymous("/api/v1/threats")).await,
        app.send(elsewhere).await,
        app.get(Viewer, "/api/v1/threats").await,
        app.get(Viewer, "/ui/").await,
        app.get(Viewer, "/no/such/path").await,
        app.get(Viewer, "/api/v1/ingest/batch").await,
        app.get(Viewer, "/ws").await,
    ];
    for answer in answers {
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src '") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(
            policy.contains("base-uri 'none'") && policy.contains("form-action 'self'"),
            "{policy}"
        );
        assert!(!policy.contains("script-src"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name), value);
        }
        assert!(["no-referrer", "same-origin"].contains(&answer.header("referrer-policy")));
        assert!(answer.header("permissions-policy").contains("camera=()"));
        assert!(["no-store", "private, no-cache"].contains(&answer.header("cache-control")));
    }
}

#[tokio::test]
async fn a_narrowed_token_reads_no_more_than_it_hears() {
    let app = App::new();
    let status = async |rights: Rights, path: &str| {
        let grant = Grant {
            rights,
            expires_at: Some(app.clock.now().plus_millis(1_000)),
            ..Grant::new("anna", Analyst)
        };
        let token = app
            .gatekeeper
            .authority
            .issue(&grant, app.clock.now())
            .unwrap();
        let request = request(Method::GET, path)
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        app.send(request).await.status.as_u16()
    };
    let hears = |channel: &str| Rights {
        subscribe: Some(vec![channel.to_owned()]),
        ..Rights::default()
    };
    let filtered = || Rights {
        filter: Some("severity == 'high'".to_owned()),
        ..Rights::default()
    };
    for (rights, path, expected) in [
        (Rights::default(), "/api/v1/threats", 200),
        (hears("threats"), "/api/v1/threats", 200),
        (hears("threats"), "/threats", 200),
        (hears("threats"), "/api/v1/alerts", 403),
        (hears("threats"), "/api/v1/stats", 403),
        (hears("alerts"), "/api/v1/threats", 403),
        (hears("alerts"), "/api/v1/alerts", 200),
        (hears("*"), "/api/v1/stats", 200),
        (filtered(), "/api/v1/threats", 403),
        (filtered(), "/api/v1/alerts", 403),
        (filtered(), "/stats", 403),
        (filtered(), "/api/v1/rules", 200),
    ] {
        assert_eq!(
            status(rights.clone(), path).await,
            expected,
            "{rights:?} {path}"
        );
    }
}
