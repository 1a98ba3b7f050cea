//! What a client wants to hear of a channel: an expression, or short forms of what is asked most.
//!
//! Never holds: what an expression means.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// The longest expression.
pub const MAX_EXPRESSION_BYTES: usize = 4 * 1024;

/// The most values of one short form.
const MAX_FILTER_VALUES: usize = 64;

/// The longest value of a short form.
const MAX_VALUE_BYTES: usize = 256;

/// What is heard of a channel. All parts that are given must hold; of the values of one part, one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// An expression in CEL over the frame's fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Severities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub severity: Vec<String>,
    /// Networks or addresses that the source's address lies in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network: Vec<String>,
    /// ATT&CK techniques; one without a dot stands for its sub-techniques too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub technique: Vec<String>,
    /// Ids of rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule: Vec<String>,
    /// Hosts that were asked for; `*.example.org` stands for all below.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host: Vec<String>,
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FilterVisitor)
    }
}

struct FilterVisitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    #[serde(alias = "cel")]
    expression: Option<String>,
    #[serde(default)]
    severity: Values,
    #[serde(default)]
    network: Values,
    #[serde(default)]
    technique: Values,
    #[serde(default)]
    rule: Values,
    #[serde(default)]
    host: Values,
}

/// One text or several.
#[derive(Default, Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
enum Values {
    One(String),
    Several(Vec<String>),
    #[default]
    None,
}

impl Values {
    fn list<E: serde::de::Error>(self, name: &str) -> Result<Vec<String>, E> {
        let list = match self {
            Self::One(text) => vec![text],
            // One of none must fit: that is nothing, and was hardly meant.
            Self::Several(list) if list.is_empty() => {
                return Err(E::custom(format!(
                    "`{name}` is an empty list: leave it out"
                )));
            }
            Self::Several(list) => list,
            Self::None => Vec::new(),
        };
        if list.len() > MAX_FILTER_VALUES {
            return Err(E::custom(format!(
                "`{name}` has more than {MAX_FILTER_VALUES} values"
            )));
        }
        if list.iter().any(|text| text.len() > MAX_VALUE_BYTES) {
            return Err(E::custom(format!(
                "a value of `{name}` is longer than {MAX_VALUE_BYTES} bytes"
            )));
        }
        Ok(list)
    }
}

impl<'de> Visitor<'de> for FilterVisitor {
    type Value = Filter;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an expression, or an object of expression, severity, network, technique, rule, host",
        )
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Filter, E> {
        Ok(Filter {
            expression: Some(expression(text.to_owned())?),
            ..Filter::default()
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Filter, A::Error> {
        let parts = Parts::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        Ok(Filter {
            expression: parts.expression.map(expression).transpose()?,
            severity: parts.severity.list("severity")?,
            network: parts.network.list("network")?,
            technique: parts.technique.list("technique")?,
            rule: parts.rule.list("rule")?,
            host: parts.host.list("host")?,
        })
    }
}

fn expression<E: serde::de::Error>(text: String) -> Result<String, E> {
    if text.len() > MAX_EXPRESSION_BYTES {
        return Err(E::custom(format!(
            "the expression is longer than {MAX_EXPRESSION_BYTES} bytes"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Filter, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn an_expression_or_short_forms() {
        let text = read(r#""data.score > 8.0""#).unwrap();
        assert_eq!(text.expression.as_deref(), Some("data.score > 8.0"));
        let short =
            read(r#"{"severity":"high","network":["10.0.0.0/8","::1"],"cel":"true"}"#).unwrap();
        assert_eq!(short.severity, ["high"]);
        assert_eq!(short.network, ["10.0.0.0/8", "::1"]);
        assert_eq!(short.expression.as_deref(), Some("true"));
        let again = read(&serde_json::to_string(&short).unwrap()).unwrap();
        assert_eq!(again, short);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let long = format!("\"{}\"", "x".repeat(5_000));
        let many = format!(r#"{{"rule":[{}"x"]}}"#, r#""x","#.repeat(64));
        for (json, said) in [
            ("7", "an expression, or an object"),
            (r#"{"sevrity":"high"}"#, "unknown field `sevrity`"),
            (r#"{"host":7}"#, "a text or a list"),
            (r#"{"severity":[]}"#, "`severity` is an empty list"),
            (&long, "4096 bytes"),
            (&many, "64 values"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(said), "{json}: {error}");
        }
    }
}
