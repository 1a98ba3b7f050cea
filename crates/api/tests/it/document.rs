//! The OpenAPI document: what it says is what there is.

use std::path::Path;

use axum::http::Method;
use serde_json::Value;
use vigil_auth::Role::{Admin, Service};
use vigil_event::{Alert, Threat};

use crate::harness::{App, threat};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

fn document() -> Value {
    serde_json::from_str(&vigil_api::openapi_json()).unwrap()
}

/// Every documented method and path, with an id where the path takes one.
pub(crate) fn documented() -> Vec<(Method, String)> {
    let document = document();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "parameters")
        {
            let method = method.to_uppercase().parse().unwrap();
            routes.push((
                method,
                path.replace("{id}", "01936b2e-7c2a-7000-8000-000000000000"),
            ));
        }
    }
    assert!(routes.len() >= 16, "{routes:?}");
    routes
}

#[test]
fn the_document_is_the_one_that_is_kept() {
    let document = vigil_api::openapi_json() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(Path::new(GOLDEN), &document).unwrap();
    }
    let golden = kept(GOLDEN);
    assert!(
        golden == document,
        "{GOLDEN} is not up to date: UPDATE_GOLDEN=1 cargo test -p vigil-api writes it anew"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "the path stands in the assertion's text"
)]
fn kept(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn the_document_is_served() {
    let app = App::new();
    let served = app.get(Service, "/api/v1/openapi.json").await.ok();
    assert_eq!(served, document());
    assert_eq!(served["info"]["title"], "Vigil");
    for scheme in ["token", "key", "session"] {
        assert!(
            served["components"]["securitySchemes"][scheme].is_object(),
            "{scheme}"
        );
    }
}

#[tokio::test]
async fn every_answer_is_of_a_documented_status() {
    let app = App::new();
    let document = document();
    for (method, path) in documented() {
        let answer = app
            .send(
                app.request(method.clone(), Admin, &path)
                    .body(String::new().into())
                    .unwrap(),
            )
            .await;
        let template = path.replace("01936b2e-7c2a-7000-8000-000000000000", "{id}");
        let operation = &document["paths"][&template][method.as_str().to_lowercase()];
        let status = answer.status.as_str();
        assert!(
            operation["responses"][status].is_object(),
            "{method} {path} answered {status}, which is not documented"
        );
    }
}

/// Every reference leads somewhere.
#[test]
fn references_are_not_broken() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                map.values().for_each(|value| walk(value, document));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, document)),
            _ => {}
        }
    }
    let document = document();
    walk(&document, &document);
}

/// What is answered has the keys that the schema names, and all that it requires.
#[tokio::test]
async fn answers_are_as_described() {
    let app = App::new();
    let alerts = app.store(&[threat("203.0.113.7", 9.5, 1)]);
    let threat: Threat = threat("203.0.113.7", 9.5, 1);
    let alert: Alert = alerts[0].clone();
    let stats = app.get(Admin, "/api/v1/stats").await.ok();
    let rules = app.get(Admin, "/api/v1/rules").await.ok();
    let coverage = app.get(Admin, "/api/v1/rules/coverage").await.ok();
    let page = app.get(Admin, "/api/v1/threats").await.ok();
    let models = app.get(Admin, "/api/v1/models/status").await.ok();
    let document = document();
    let missing = app.get(Admin, "/nothing").await.json();
    for (name, sample) in [
        ("Threat", serde_json::to_value(threat).unwrap()),
        ("Alert", serde_json::to_value(alert).unwrap()),
        ("Stats", stats),
        ("Rules", rules),
        ("Coverage", coverage),
        ("Page_Threat", page),
        ("ModelsStatus", models),
        ("Error", missing),
    ] {
        let schema = document["components"]["schemas"][name].clone();
        assert!(schema.is_object(), "{name} is not described");
        assert_described(&sample, &schema, name, &document);
    }
}

fn assert_described(sample: &Value, schema: &Value, place: &str, document: &Value) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.strip_prefix('#').unwrap())
            .unwrap(),
        None => schema,
    };
    if let Some(choices) = schema["oneOf"].as_array() {
        let choice = choices.iter().find(|choice| choice["type"] != "null");
        if !sample.is_null() {
            assert_described(sample, choice.unwrap(), place, document);
        }
        return;
    }
    match sample {
        Value::Object(map) => {
            for key in schema["required"].as_array().into_iter().flatten() {
                assert!(
                    map.contains_key(key.as_str().unwrap()),
                    "{place} lacks {key}"
                );
            }
            for (key, value) in map {
                let described = &schema["properties"][key];
                assert!(described.is_object(), "{place}.{key} is not described");
                assert_described(value, described, &format!("{place}.{key}"), document);
            }
        }
        Value::Array(list) => {
            assert_eq!(schema["type"], "array", "{place}");
            for value in list {
                assert_described(value, &schema["items"], place, document);
            }
        }
        Value::Null => assert!(
            schema["type"]
                .as_array()
                .is_some_and(|types| types.contains(&"null".into())),
            "{place}"
        ),
        _ => assert!(
            schema["type"] != "object" && schema["type"] != "array",
            "{place}: {schema}"
        ),
    }
}
