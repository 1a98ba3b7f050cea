//! How the server says how it is: health, readiness, metrics, rules and models.

use axum::body::Body;
use axum::http::Method;
use serde_json::Value;
use vigil_api::RuleProblem;
use vigil_auth::Role::{Admin, Analyst, Service, Viewer};

use crate::harness::{App, request};

#[tokio::test]
async fn health_is_open() {
    let app = App::new();
    let answer = app
        .send(request(Method::GET, "/health").body(Body::empty()).unwrap())
        .await;
    assert_eq!(answer.ok()["status"], "ok");
    let head = app
        .send(
            request(Method::HEAD, "/health")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn readiness_says_why_not() {
    let app = App::new();
    assert_eq!(
        app.get(Service, "/ready").await.ok(),
        serde_json::json!({"ready": true, "reasons": []})
    );
    app.readiness
        .0
        .lock()
        .push("the store can't be written".into());
    let answer = app.get(Viewer, "/ready").await;
    assert_eq!(answer.status.as_u16(), 503);
    assert_eq!(
        answer.json(),
        serde_json::json!({"ready": false, "reasons": ["the store can't be written"]})
    );
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let app = App::new();
    let counter = prometheus::IntCounter::new("vigil_test_total", "Counts.").unwrap();
    app.metrics.register(Box::new(counter.clone())).unwrap();
    counter.inc();
    let answer = app.get(Service, "/metrics").await;
    assert_eq!(answer.status.as_u16(), 200);
    assert!(
        answer
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    assert!(
        answer
            .text
            .contains("# TYPE vigil_test_total counter\nvigil_test_total 1\n")
    );
}

#[tokio::test]
async fn rules_are_listed_and_shown() {
    let app = App::new();
    let rules = app.get(Viewer, "/api/v1/rules").await.ok();
    assert_eq!(rules["items"].as_array().unwrap().len(), 1);
    assert_eq!(rules["items"][0]["family"], "sql_injection");
    assert!(rules["items"][0].get("examples").is_none());
    let id = rules["items"][0]["id"].as_str().unwrap();
    let rule = app.get(Viewer, &format!("/api/v1/rules/{id}")).await.ok();
    assert_eq!(rule["examples"][0]["should_match"], true);
    assert_eq!(
        app.get(Viewer, "/api/v1/rules/none").await.error(404),
        "not_found"
    );
}

#[tokio::test]
async fn what_judges_is_told() {
    let app = App::new();
    let status = app.get(Viewer, "/models/status").await.ok();
    assert_eq!(status["active"], serde_json::json!(["shop.example"]));
    assert_eq!(status["rules"], 1);
    assert_eq!(status["windows"][0]["id"], "window-path-spread");
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .starts_with("The profile of one site is in force")
    );
}

#[tokio::test]
async fn rules_are_filtered_and_say_what_they_cost() {
    let app = App::new();
    let rules = app.get(Viewer, "/api/v1/rules").await.ok();
    assert_eq!(rules["fingerprint"], "0123456789ab");
    assert!(rules["loaded_at"].is_string());
    let rule = &rules["items"][0];
    assert_eq!((&rule["hits"], &rule["candidates"]), (&1.into(), &3.into()));
    assert_eq!(rule["cost_share"], 0.5);
    assert!(rule["last_hit"].is_string());
    for (filter, found) in [
        ("family=sql_injection", 1),
        ("family=scanner", 0),
        ("min_level=high&hit=true&sort=cost", 1),
        ("level=low", 0),
        ("hit=false", 0),
        ("status=stable&text=UNION", 1),
        ("status=test", 0),
        ("technique=T1190", 0),
        ("tag=cwe.89", 0),
        ("text=nothing", 0),
    ] {
        let rules = app
            .get(Viewer, &format!("/api/v1/rules?{filter}"))
            .await
            .ok();
        let items = rules["items"].as_array().unwrap().len();
        assert_eq!((items, &rules["total"]), (found, &1.into()), "{filter}");
    }
    for wrong in ["nonsense=1", "level=awful", "sort=size", "hit=maybe"] {
        let answer = app.get(Viewer, &format!("/api/v1/rules?{wrong}")).await;
        assert_eq!(answer.error(400), "invalid", "{wrong}");
    }
    let coverage = app.get(Viewer, "/api/v1/rules/coverage").await.ok();
    assert_eq!(coverage["rules"], 1);
    assert_eq!(coverage["untagged"][0], rule["id"]);
    assert_eq!(coverage["tactics"].as_array().unwrap().len(), 14);
}

#[tokio::test]
async fn rules_are_reloaded_by_admins_and_refused_with_reasons() {
    let app = App::new();
    let path = "/api/v1/rules/reload";
    assert_eq!(
        app.post(Analyst, path, &Value::Null).await.error(403),
        "forbidden"
    );
    let loaded = app.post(Admin, path, &Value::Null).await.ok();
    assert_eq!(
        (&loaded["total"], &loaded["changed"]),
        (&1.into(), &false.into())
    );
    app.rulebook.broken.lock().push(RuleProblem {
        file: Some("a/b.yml".into()),
        line: Some(7),
        message: "`id` is missing: add a UUID".into(),
    });
    let refused = app.post(Admin, path, &Value::Null).await;
    assert_eq!(refused.error(409), "conflict");
    let problem = &refused.json()["problems"][0];
    assert_eq!(
        (&problem["file"], &problem["line"]),
        (&"a/b.yml".into(), &7.into())
    );
}
