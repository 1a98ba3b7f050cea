//! The OpenAPI document's frame: what it is about and how one signs in. The routes add themselves.

use serde_json::{Value, json};
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

use crate::SESSION_COOKIE;
use crate::error::ErrorBody;

const ABOUT: &str = "Real-time threat detection and event streaming.

Everything but `/health` needs a credential: a token of `vigil token` as `Authorization: Bearer`, a \
machine's `X-API-Key`, or the page's session cookie. `/threats`, `/stats`, `/models/status` and \
`/ingest/batch` answer the same as under `/api/v1`.

Times are RFC 3339 in UTC. Every error has the shape of `Error`.";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Vigil", description = ABOUT, license(name = "Apache-2.0", identifier = "Apache-2.0")),
    components(schemas(ErrorBody)),
    modifiers(&SignIn),
    security(("token" = []), ("key" = []), ("session" = [])),
    tags(
        (name = "threats", description = "What was found"),
        (name = "alerts", description = "What people work on"),
        (name = "suppressions", description = "What is let pass, by whom and why"),
        (name = "stats", description = "Counts"),
        (name = "ingest", description = "Sending log lines"),
        (name = "rules", description = "What is looked for"),
        (name = "models", description = "What was learned of sites"),
        (name = "access", description = "Tickets for places where a token must not stand"),
        (name = "server", description = "How the server itself is"),
    ),
)]
struct Frame;

struct SignIn;

impl Modify for SignIn {
    fn modify(&self, document: &mut OpenApi) {
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        let key = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
        let session = ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        components.add_security_scheme("key", SecurityScheme::ApiKey(key));
        components.add_security_scheme("session", SecurityScheme::ApiKey(session));
    }
}

/// The document without routes.
pub(crate) fn frame() -> OpenApi {
    Frame::openapi()
}

/// The document as text, with what every route has in common.
pub(crate) fn json(document: &OpenApi) -> String {
    // The document has only string keys, which JSON can always hold.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    for operation in operations(&mut document) {
        operation["responses"]["default"] = json!({
            "description": "Any other error",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        });
    }
    for name in ["Alert", "Threat"] {
        // Else the whole item is repeated in its page.
        document["components"]["schemas"][format!("Page_{name}")]["properties"]["items"]["items"] =
            json!({"$ref": format!("#/components/schemas/{name}")});
    }
    without_links(&mut document);
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    document["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(|paths| paths.values_mut())
        .filter_map(Value::as_object_mut)
        .flat_map(|item| item.values_mut())
}

/// Descriptions are the types' own documentation, whose links lead nowhere here.
fn without_links(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`");
            }
            map.values_mut().for_each(without_links);
        }
        Value::Array(list) => list.iter_mut().for_each(without_links),
        _ => {}
    }
}
