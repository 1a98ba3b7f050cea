//! Batches of lines: both forms, limits, refusals, and names that can't be forged.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::json;
use vigil_api::{IngestOutcome, IntakeError};
use vigil_auth::Role::{Admin, Service};

use crate::harness::{API_KEY, Answer, App, NOON, request};

const PATH: &str = "/api/v1/ingest/batch";

async fn send_text(
    app: &App,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let mut request = request(Method::POST, path)
        .header("x-api-key", API_KEY)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_batch_is_handed_on_and_its_outcome_answered() {
    let app = App::new();
    let outcome = IngestOutcome {
        accepted: 2,
        unparsed: 1,
        threats: 1,
        truncated: 0,
    };
    *app.intake.answer.lock() = Ok(outcome);
    let body = json!({"source": "web-1", "format": "combined", "idempotency_key": "k1", "lines": ["a", "", "b"]});
    let answer = app.post(Service, PATH, &body).await.ok();
    assert_eq!(
        answer,
        json!({"accepted": 2, "unparsed": 1, "threats": 1, "truncated": 0})
    );
    let headers = [
        ("idempotency-key", "k1"),
        ("x-vigil-source", "web-1"),
        ("x-vigil-format", "combined"),
    ];
    send_text(&app, "/ingest/batch", &headers, "a\n\nb\n")
        .await
        .ok();
    let batches = app.intake.batches.lock();
    for (batch, source) in batches
        .iter()
        .zip(["ingest:service-anna/web-1", "ingest:web/web-1"])
    {
        let records = &batch.records;
        assert_eq!(records.source.as_str(), source);
        assert_eq!(&*records.stream, "key:k1");
        assert_eq!(records.read_at, NOON);
        assert_eq!(batch.format.as_deref(), Some("combined"));
        let lines: Vec<_> = records
            .records
            .iter()
            .map(|record| (record.offset, records.text(record)))
            .collect();
        assert_eq!(lines, [(0, &b"a"[..]), (2, b"b")]);
    }
    assert_eq!(batches.len(), 2);
}

#[tokio::test]
async fn without_a_key_each_batch_is_another() {
    let app = App::new();
    for _ in 0..2 {
        send_text(&app, PATH, &[], "a").await.ok();
    }
    let batches = app.intake.batches.lock();
    assert_ne!(batches[0].records.stream, batches[1].records.stream);
    assert_eq!(batches[0].records.source.as_str(), "ingest:web/default");
}

#[tokio::test]
async fn a_full_queue_takes_nothing_and_says_when() {
    let app = App::new();
    *app.intake.answer.lock() = Err(IntakeError::Full {
        retry_after: Duration::from_millis(1_500),
    });
    let answer = send_text(&app, PATH, &[], "a").await;
    assert_eq!(answer.error(429), "full");
    assert_eq!(answer.header("retry-after"), "2");
    assert_eq!(answer.json()["accepted"], 0);
    *app.intake.answer.lock() = Err(IntakeError::Stopped);
    assert_eq!(
        send_text(&app, PATH, &[], "a").await.error(503),
        "unavailable"
    );
    *app.intake.answer.lock() = Err(IntakeError::Refused("`clf` is no format".into()));
    let answer = send_text(&app, PATH, &[], "a").await;
    assert_eq!(answer.error(400), "invalid");
    assert_eq!(answer.message(), "`clf` is no format");
}

#[tokio::test]
async fn too_much_is_refused_whole() {
    let app = App::new();
    let many = "a\n".repeat(10_001);
    let answer = send_text(&app, PATH, &[], many).await;
    assert_eq!(answer.error(413), "too_large");
    assert!(answer.message().contains("10,000 lines"));
    let lines = vec!["a"; 10_001];
    assert_eq!(
        app.post(Admin, PATH, &json!({ "lines": lines }))
            .await
            .error(413),
        "too_large"
    );
    let answer = send_text(&app, PATH, &[], vec![b'a'; 8 * 1024 * 1024 + 1]).await;
    assert_eq!(answer.error(413), "too_large");
    assert!(answer.message().contains("8388608 bytes"));
    assert!(app.intake.batches.lock().is_empty());
    // More than other routes take, and within the limits.
    send_text(&app, "/ingest/batch", &[], vec![b'a'; 3 * 1024 * 1024])
        .await
        .ok();
    let batches = app.intake.batches.lock();
    assert!(batches[0].records.records[0].truncated);
    assert_eq!(batches[0].records.bytes.len(), 64 * 1024);
}

#[tokio::test]
async fn what_is_no_batch_is_refused() {
    let app = App::new();
    let html = request(Method::POST, PATH)
        .header("x-api-key", API_KEY)
        .header(header::CONTENT_TYPE, "text/html");
    assert_eq!(
        app.send(html.body("a".into()).unwrap()).await.error(415),
        "unsupported_media_type"
    );
    for body in [
        json!([]),
        json!({}),
        json!({"lines": ["a"], "fromat": "json"}),
        json!({"lines": ["a"], "idempotency_key": ""}),
    ] {
        assert_eq!(
            app.post(Service, PATH, &body).await.error(400),
            "invalid",
            "{body}"
        );
    }
    let long = "a".repeat(101);
    for name in ["", "a/b", "/var/log/access.log", "a b", "é", &long] {
        assert_eq!(
            app.post(Service, PATH, &json!({"source": name, "lines": ["a"]}))
                .await
                .error(400),
            "invalid",
            "{name}"
        );
    }
    assert!(app.intake.batches.lock().is_empty());
}
