//! The reference of every key, made from the doc comments of [`Config`].

use std::fmt::Write as _;

use serde_json::Value;

use super::Config;

/// Every key with its default and what it means, as commented TOML.
pub fn reference() -> String {
    let schema = schemars::schema_for!(Config).to_value();
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut text = String::from(
        "# Every key with its default. Any can be set in the environment: VIGIL_SECTION__KEY.\n",
    );
    section(&mut text, &schema, &schema, &defaults, "");
    text
}

fn section(text: &mut String, root: &Value, schema: &Value, defaults: &Value, path: &str) {
    let Some(properties) = resolved(root, schema)
        .get("properties")
        .and_then(Value::as_object)
    else {
        return;
    };
    let mut inner = Vec::new();
    if !path.is_empty() {
        _ = writeln!(text, "\n[{path}]");
    }
    for (name, property) in properties {
        let default = defaults.get(name).unwrap_or(&Value::Null);
        let below = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        if resolved(root, property).get("properties").is_some() {
            inner.push((below, property, default));
            continue;
        }
        explain(text, property);
        match property
            .get("items")
            .filter(|items| resolved(root, items).get("properties").is_some())
        {
            Some(items) => entries(text, root, items, &below),
            None => _ = writeln!(text, "# {name} = {}", toml_value(default)),
        }
    }
    for (below, property, default) in inner {
        section(text, root, property, default, &below);
    }
}

/// The keys of one entry of a list of tables.
fn entries(text: &mut String, root: &Value, items: &Value, path: &str) {
    let Some(properties) = resolved(root, items)
        .get("properties")
        .and_then(Value::as_object)
    else {
        return;
    };
    _ = writeln!(text, "# [[{path}]]");
    for (name, property) in properties {
        explain(text, property);
        _ = writeln!(text, "# {name} = \"…\"");
    }
}

fn explain(text: &mut String, property: &Value) {
    let description = property
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    for line in description.lines() {
        _ = writeln!(text, "# {line}");
    }
}

fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| root.pointer(reference.trim_start_matches('#')))
        .unwrap_or(schema)
}

fn toml_value(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_explained() {
        let text = reference();
        for line in [
            "[detect.windows]",
            "# listen = \"127.0.0.1:8082\"",
            "# threat_threshold = 5.0",
            "# [[auth.api_keys]]",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        let lines: Vec<&str> = text.lines().collect();
        for pair in lines.windows(2) {
            assert!(
                !(pair[0].contains(" = ")
                    && pair[1].contains(" = ")
                    && pair[1].starts_with("# ")
                    && pair[0].starts_with("# ")
                    && !pair[1].starts_with("#  ")),
                "{} has no explanation",
                pair[1]
            );
        }
    }
}
