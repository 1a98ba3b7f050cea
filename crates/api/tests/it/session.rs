//! Sessions in the browser: the sign-in, the cookie, and what other pages can't do with it.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::json;
use vigil_auth::Role::{Admin, Analyst, Viewer};
use vigil_auth::{Grant, Principal, Rights};
use vigil_event::Clock as _;

use crate::harness::{Answer, App, request, threat};

/// How long a session lasts at most.
const WEEK_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// The form as the sign-in page sends it.
fn form() -> axum::http::request::Builder {
    request(Method::POST, "/ui/session")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
}

fn signed(body: &str) -> Request<Body> {
    form().body(Body::from(format!("token={body}"))).unwrap()
}

fn cookie(answer: &Answer) -> String {
    answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

async fn open_page(app: &App, cookie: &str) -> Answer {
    app.send(
        request(Method::GET, "/api/v1/rules")
            .header(header::COOKIE, cookie)
            .body(Body::empty())
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn without_a_session_the_page_is_a_sign_in() {
    let app = App::new();
    for path in ["/", "/ui", "/ui/", "/ui/index.html"] {
        let answer = app
            .send(request(Method::GET, path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(answer.status, 401);
        assert!(
            answer.text.contains("vigil token") && answer.text.contains("action=\"/ui/session\"")
        );
        assert!(!answer.text.contains("<script"));
        assert_eq!(
            answer.header("referrer-policy"),
            "same-origin",
            "else browsers send the form with `Origin: null`"
        );
    }
}

#[tokio::test]
async fn a_pasted_token_opens_a_session_until_it_ends() {
    let app = App::new();
    let answer = app.send(signed(&app.token(Analyst))).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, "/ui/")
    );
    let set = answer.header("set-cookie");
    assert!(
        set.ends_with("; HttpOnly; SameSite=Strict; Path=/; Max-Age=3600"),
        "{set}"
    );
    assert_eq!(open_page(&app, &cookie(&answer)).await.status, 200);
    app.clock.advance(3_600_000);
    let over = open_page(&app, &cookie(&answer)).await;
    assert_eq!(over.error(401), "unauthenticated");
    assert!(over.header("set-cookie").starts_with("vigil_session=;"));
}

#[tokio::test]
async fn a_lasting_token_opens_a_session_that_ends() {
    let app = App::new();
    let token = app.token_until(Admin, None);
    let answer = app.send(signed(&token)).await;
    assert!(!answer.header("set-cookie").contains(&token));
    assert!(
        answer
            .header("set-cookie")
            .ends_with("; Path=/; Max-Age=604800")
    );
    let session = cookie(&answer);
    app.clock.advance(WEEK_MS - 1);
    assert_eq!(open_page(&app, &session).await.status, 200);
    app.clock.advance(1);
    assert_eq!(open_page(&app, &session).await.status, 401);
    let again = app.send(signed(&token)).await;
    assert_eq!(again.status, 303, "the token itself goes on");
}

#[tokio::test]
async fn a_session_may_what_the_token_may() {
    let app = App::new();
    let now = app.clock.now();
    for (end, session_end) in [
        (now.plus_millis(3_600_000), now.plus_millis(3_600_000)),
        (now.plus_millis(2 * WEEK_MS), now.plus_millis(WEEK_MS)),
    ] {
        let grant = Grant {
            expires_at: Some(end),
            rights: Rights {
                subscribe: Some(vec!["threats".into(), "investigations:*".into()]),
                publish: Some(vec!["chat:*".into()]),
                filter: Some("severity == 'high'".into()),
            },
            ..Grant::new("anna", Viewer)
        };
        let authority = &app.gatekeeper.authority;
        let token = authority.issue(&grant, now).unwrap();
        let answer = app.send(signed(&token)).await;
        let session = cookie(&answer);
        let session = session.strip_prefix("vigil_session=").unwrap();
        let given = authority.verify(&token, now).unwrap();
        let opened = authority.verify(session, now).unwrap();
        assert_ne!(opened.token_id, given.token_id, "it is another token");
        assert_eq!(
            opened,
            Principal {
                expires_at: Some(session_end),
                token_id: opened.token_id.clone(),
                parent_id: given.token_id.clone(),
                ..given
            }
        );
    }
}

#[tokio::test]
async fn a_session_that_no_cookie_holds_is_not_opened() {
    let app = App::new();
    let grant = Grant {
        rights: Rights {
            subscribe: Some(vec!["c".repeat(60); 60]),
            ..Rights::default()
        },
        ..Grant::new("anna", Viewer)
    };
    let authority = &app.gatekeeper.authority;
    let token = authority.issue(&grant, app.clock.now()).unwrap();
    let answer = app.send(signed(&token)).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("fewer channels"));
    assert_eq!(answer.header("set-cookie"), "");
}

#[tokio::test]
async fn the_cookie_is_secure_where_the_browser_speaks_tls() {
    let app = App::new();
    let body = format!("token={}", app.token(Analyst));
    for (origin, secure) in [
        ("https://localhost:8082", true),
        ("http://localhost:8082", false),
        ("https://evil.example", false),
    ] {
        let request = form()
            .header(header::ORIGIN, origin)
            .body(Body::from(body.clone()))
            .unwrap();
        let answer = app.send(request).await;
        assert_eq!(
            answer.header("set-cookie").ends_with("; Secure"),
            secure,
            "{origin}"
        );
    }
    let forwarded = form()
        .header("x-forwarded-proto", "https")
        .body(Body::from(body))
        .unwrap();
    assert!(
        !app.send(forwarded)
            .await
            .header("set-cookie")
            .contains("Secure")
    );
}

#[tokio::test]
async fn a_wrong_token_opens_nothing_and_is_not_shown() {
    let app = App::new();
    for wrong in [
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "",
        "a.b.c",
        &"a".repeat(4_000),
    ] {
        let answer = app.send(signed(wrong)).await;
        assert!([400, 401].contains(&answer.status.as_u16()), "{wrong}");
        assert_eq!(answer.header("set-cookie"), "");
        assert!(!answer.text.contains("alert(1)") && !answer.text.contains("a.b.c"));
    }
    let no_form = form().body(Body::from("x=1")).unwrap();
    assert_eq!(app.send(no_form).await.status, 400);
    let long = form()
        .body(Body::from(format!("token={}", "a".repeat(20_000))))
        .unwrap();
    assert_eq!(app.send(long).await.status, 400);
    for _ in 0..20 {
        app.send(signed("a.b.c")).await;
    }
    let limited = app.send(signed("a.b.c")).await;
    assert_eq!(limited.status, 429);
    assert_eq!(limited.header("retry-after"), "60");
    assert_eq!(
        app.send(signed(&app.token(Analyst))).await.status,
        303,
        "a right one opens all the same"
    );
}

#[tokio::test]
async fn another_site_signs_nobody_in() {
    let app = App::new();
    let body = format!("token={}", app.token(Analyst));
    for site in ["cross-site", "same-site", "none"] {
        let request = request(Method::POST, "/ui/session")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site)
            .header(header::ORIGIN, "http://localhost:3000")
            .body(Body::from(body.clone()))
            .unwrap();
        assert_eq!(app.send(request).await.error(403), "cross_origin", "{site}");
    }
}

#[tokio::test]
async fn a_ticket_opens_the_page_once() {
    let app = App::new();
    let ticket = app.post(Admin, "/api/v1/tickets", &json!({})).await.ok()["ticket"]
        .as_str()
        .unwrap()
        .to_owned();
    let visit = |cookie: &str| {
        let request =
            request(Method::GET, &format!("/ui/?ticket={ticket}")).header(header::COOKIE, cookie);
        request.body(Body::empty()).unwrap()
    };
    let answer = app.send(visit("")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, "/ui/")
    );
    let session = cookie(&answer);
    assert!(!session.contains(&ticket));
    assert_eq!(open_page(&app, &session).await.status, 200);
    let again = app.send(visit("")).await;
    assert_eq!(again.status, 401);
    assert_eq!(again.header("set-cookie"), "");
    for _ in 0..30 {
        assert_eq!(
            app.send(visit(&session)).await.status,
            303,
            "who has a session keeps it"
        );
    }
    assert_eq!(
        app.send(visit("")).await.status,
        401,
        "loading the page again was no failed attempt"
    );
    // The session ends with the token that asked for the ticket.
    app.clock.advance(3_600_000);
    assert_eq!(open_page(&app, &session).await.status, 401);
}

#[tokio::test]
async fn a_link_on_another_site_navigates_once_more() {
    let app = App::new();
    let ticket = app.post(Admin, "/api/v1/tickets", &json!({})).await.ok()["ticket"]
        .as_str()
        .unwrap()
        .to_owned();
    let request = request(Method::GET, &format!("/ui/?ticket={ticket}"))
        .header("sec-fetch-site", "cross-site");
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("http-equiv=\"refresh\""));
    assert_eq!(open_page(&app, &cookie(&answer)).await.status, 200);
}

#[tokio::test]
async fn other_pages_cannot_use_the_session() {
    let app = App::new();
    let alert = app.store(&[threat("203.0.113.7", 8.0, 1)]).remove(0).id;
    let session = format!("vigil_session={}", app.token(Analyst));
    let path = format!("/api/v1/alerts/{alert}/acknowledge");
    let post = |name: &str, value: &str| {
        request(Method::POST, &path)
            .header(header::COOKIE, &session)
            .header(name, value)
            .body(Body::empty())
            .unwrap()
    };
    for (name, value) in [
        ("origin", "http://localhost:3000"),
        ("origin", "null"),
        ("sec-fetch-site", "same-site"),
        ("accept", "*/*"),
    ] {
        assert_eq!(
            app.send(post(name, value)).await.error(403),
            "cross_origin",
            "{name}: {value}"
        );
    }
    let socket = |origin: &str| {
        let request = request(Method::GET, "/ws")
            .header(header::COOKIE, &session)
            .header(header::UPGRADE, "websocket");
        request
            .header(header::ORIGIN, origin)
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(
        app.send(socket("http://evil.example")).await.error(403),
        "cross_origin"
    );
    assert_eq!(
        app.send(socket("http://localhost:8082")).await.text,
        "a socket"
    );
    assert_eq!(
        app.send(post("origin", "http://localhost:8082")).await.ok()["state"],
        "acknowledged"
    );
    assert_eq!(
        app.send(post("sec-fetch-site", "same-origin")).await.ok()["state"],
        "acknowledged"
    );
}

#[tokio::test]
async fn signing_out_takes_the_cookie_away() {
    let app = App::new();
    let request = request(Method::POST, "/ui/sign-out")
        .header(
            header::COOKIE,
            format!("vigil_session={}", app.token(Analyst)),
        )
        .header("sec-fetch-site", "same-origin");
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, "/ui/")
    );
    assert!(
        answer.header("set-cookie").starts_with("vigil_session=;")
            && answer.header("set-cookie").ends_with("Max-Age=0")
    );
}
