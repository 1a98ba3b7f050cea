//! Threats and statistics: filters, pages, and questions that are not understood.

use vigil_auth::Role::Viewer;
use vigil_event::Outcome;

use crate::harness::{App, NOON, threat};

fn filled() -> App {
    let app = App::new();
    app.store(&[
        threat("203.0.113.7", 5.5, 1),
        threat("203.0.113.8", 8.0, 2),
        threat("198.51.100.1", 9.5, 3),
        threat("2001:db8::1", 8.0, 4),
    ]);
    app
}

/// The addresses of the threats that the query finds.
async fn found(app: &App, query: &str) -> Vec<String> {
    let answer = app.get(Viewer, &format!("/api/v1/threats?{query}")).await;
    let items = answer.ok()["items"].clone();
    let address = |item: &serde_json::Value| item["source"]["ip"].as_str().unwrap().to_owned();
    items.as_array().unwrap().iter().map(address).collect()
}

#[tokio::test]
async fn each_filter_of_threats_holds() {
    let app = filled();
    assert_eq!(
        found(&app, "").await,
        ["2001:db8::1", "198.51.100.1", "203.0.113.8", "203.0.113.7"]
    );
    let rule = "6f2b1c7e-0c55-4d0e-9d0a-0a4f2d1f6a11";
    for (query, expected) in [
        ("severity=high", &["2001:db8::1", "203.0.113.8"][..]),
        ("min_severity=critical", &["198.51.100.1"]),
        ("address=203.0.113.7", &["203.0.113.7"]),
        ("network=203.0.113.0/24", &["203.0.113.8", "203.0.113.7"]),
        ("network=2001:db8::/32", &["2001:db8::1"]),
        (
            "since=2026-11-20T12:00:03Z",
            &["2001:db8::1", "198.51.100.1"],
        ),
        (
            "since=2026-11-20T13:00:03%2B01:00&until=2026-11-20T12:00:04Z",
            &["198.51.100.1"],
        ),
        ("text=LINE%202", &["203.0.113.8"]),
        ("text=nothing+like+it", &[]),
        ("severity=high&network=203.0.113.0/24", &["203.0.113.8"]),
        ("rule=no-such-rule", &[]),
        (&format!("rule={rule}&limit=1"), &["2001:db8::1"]),
    ] {
        assert_eq!(found(&app, query).await, expected, "{query}");
    }
    let alert = app
        .get(Viewer, "/api/v1/alerts?address=203.0.113.8")
        .await
        .ids()
        .remove(0);
    assert_eq!(
        found(&app, &format!("alert={alert}")).await,
        ["203.0.113.8"]
    );
}

#[tokio::test]
async fn pages_follow_one_another() {
    let app = filled();
    let mut path = "/api/v1/threats?limit=3".to_owned();
    let mut ids = Vec::new();
    for expected in [3, 1] {
        let page = app.get(Viewer, &path).await;
        assert_eq!(page.ids().len(), expected);
        ids.extend(page.ids());
        let json = page.ok();
        let next = json["next"].as_str();
        assert_eq!(next.is_some(), expected == 3);
        path = format!(
            "/api/v1/threats?limit=3&cursor={}",
            next.unwrap_or_default()
        );
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn what_likely_succeeded_comes_first() {
    let app = App::new();
    let of = |address, second, outcome| {
        let mut threat = threat(address, 8.0, second);
        threat.outcome = outcome;
        threat
    };
    app.store(&[
        of("203.0.113.1", 1, Outcome::LikelySuccess),
        of("203.0.113.2", 2, Outcome::Attempt),
        of("203.0.113.3", 3, Outcome::Unknown),
        of("203.0.113.4", 4, Outcome::LikelySuccess),
        of("203.0.113.5", 5, Outcome::Attempt),
    ]);
    let expected = [4, 1, 3, 5, 2].map(|last| format!("203.0.113.{last}"));
    for (list, address) in [("threats", "/source/ip"), ("alerts", "/source_ip")] {
        let first = format!("/api/v1/{list}?sort=outcome&limit=2");
        let mut path = first.clone();
        let mut found = Vec::new();
        loop {
            let page = app.get(Viewer, &path).await.ok();
            let items = page["items"].as_array().unwrap();
            let address =
                |item: &serde_json::Value| item.pointer(address)?.as_str().map(str::to_owned);
            found.extend(items.iter().filter_map(address));
            let Some(next) = page["next"].as_str() else {
                break;
            };
            path = format!("{first}&cursor={next}");
        }
        assert_eq!(found, expected, "{list}");
    }
}

#[tokio::test]
async fn one_threat_is_shown_whole() {
    let app = filled();
    let id = app
        .get(Viewer, "/api/v1/threats?address=203.0.113.7")
        .await
        .ids()
        .remove(0);
    let shown = app.get(Viewer, &format!("/api/v1/threats/{id}")).await.ok();
    assert_eq!(
        shown,
        serde_json::to_value(threat("203.0.113.7", 5.5, 1)).unwrap()
    );
    let missing = app
        .get(
            Viewer,
            "/api/v1/threats/01936b2e-7c2a-7000-8000-000000000000",
        )
        .await;
    assert_eq!(missing.error(404), "not_found");
    assert_eq!(
        app.get(Viewer, "/api/v1/threats/42").await.error(400),
        "invalid"
    );
}

#[tokio::test]
async fn what_is_not_understood_is_said() {
    let app = App::new();
    for (path, said) in [
        ("/api/v1/threats?severty=high", "min_severity"),
        (
            "/api/v1/threats?severity=bad",
            "informational, low, medium, high or critical",
        ),
        ("/api/v1/threats?severity=", "is no severity"),
        ("/api/v1/threats?severity=low&severity=high", "duplicate"),
        ("/api/v1/threats?limit=0", "1 to 1000"),
        ("/api/v1/threats?limit=1001", "1 to 1000"),
        ("/api/v1/threats?limit=many", "limit"),
        ("/api/v1/threats?cursor=42", "cursor"),
        ("/api/v1/threats?sort=severity", "newest or outcome"),
        ("/api/v1/alerts?sort=", "newest or outcome"),
        ("/api/v1/threats?address=203.0.113.0/24", "address"),
        ("/api/v1/threats?network=here", "203.0.113.0/24"),
        (
            "/api/v1/threats?address=203.0.113.7&network=203.0.113.0/24",
            "not both",
        ),
        ("/api/v1/threats?since=yesterday", "2026-11-20T12:00:00Z"),
        ("/api/v1/threats?alert=42", "is not an id"),
        ("/api/v1/alerts?state=open,closed", "acknowledged"),
        ("/api/v1/alerts?status=open", "`state`"),
        ("/api/v1/stats?top=101", "1 to 100"),
        (
            "/api/v1/stats?since=2026-11-20T12:00:00Z&until=2026-11-20T12:00:00Z",
            "before",
        ),
        ("/api/v1/stats?n=3", "`top`"),
    ] {
        let answer = app.get(Viewer, path).await;
        assert_eq!(answer.error(400), "invalid", "{path}");
        assert!(
            answer.message().contains(said),
            "{path}: {}",
            answer.message()
        );
    }
    let long = "a".repeat(300);
    assert_eq!(
        app.get(Viewer, &format!("/api/v1/threats?text={long}"))
            .await
            .error(400),
        "invalid"
    );
    assert!(
        app.get(Viewer, &format!("/api/v1/threats?{long}{long}=1"))
            .await
            .message()
            .len()
            < 600
    );
}

#[tokio::test]
async fn statistics_count_what_is_stored() {
    let app = filled();
    app.clock.advance(10_000);
    let stats = app.get(Viewer, "/api/v1/stats?top=1").await.ok();
    assert_eq!(stats["total"], 4);
    assert_eq!(stats["by_severity"]["high"], 2);
    assert_eq!(stats["sources"].as_array().unwrap().len(), 1);
    assert_eq!(stats["paths"][0]["path"], "/item");
    assert_eq!(stats["rules"][0]["count"], 4);
    assert_eq!(stats["alerts"]["open"], 3);
    let until = NOON.plus_millis(2_000);
    assert_eq!(
        app.get(Viewer, &format!("/api/v1/stats?until={until}"))
            .await
            .ok()["total"],
        1
    );
}

#[tokio::test]
async fn short_paths_answer_the_same() {
    let app = filled();
    for path in ["/threats?limit=2", "/stats", "/models/status"] {
        let long = app.get(Viewer, &format!("/api/v1{path}")).await;
        assert_eq!(app.get(Viewer, path).await.ok(), long.ok(), "{path}");
    }
}
