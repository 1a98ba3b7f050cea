//! JSON as the values that expressions work with.
//!
//! Whole numbers are CEL's `int` where they fit, so that `data.score > 7` needs no `u` or `.0`.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value as Cel;
use cel::objects::{Key, Map};
use serde_json::Value;

pub(super) fn of(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(truth) => Cel::Bool(*truth),
        Value::Number(number) => number.as_i64().map_or_else(
            || {
                number.as_u64().map_or_else(
                    || Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
                    Cel::UInt,
                )
            },
            Cel::Int,
        ),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(of).collect())),
        Value::Object(fields) => {
            let fields: HashMap<Key, Cel> = fields
                .iter()
                .map(|(name, value)| (Key::String(Arc::new(name.clone())), of(value)))
                .collect();
            Cel::Map(Map {
                map: Arc::new(fields),
            })
        }
    }
}

/// So many bytes of a text cost as much as one more value.
const BYTES_OF_A_VALUE: usize = 256;

/// How many values there are in it, itself among them. A long text or name counts as several.
pub(super) fn count(value: &Value) -> usize {
    let long = |text: &str| text.len() / BYTES_OF_A_VALUE;
    let within = match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => {
            let fields = fields.iter();
            fields.map(|(name, value)| long(name) + count(value)).sum()
        }
        Value::String(text) => long(text),
        _ => 0,
    };
    within + 1
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_long_counts_as_several_values_wherever_it_stands() {
        let long = "x".repeat(2 * BYTES_OF_A_VALUE);
        for (value, expected) in [
            (json!(null), 1),
            (json!([1, { "a": 2 }]), 4),
            (json!(long), 3),
            (json!({ &*long: 1 }), 4),
        ] {
            assert_eq!(count(&value), expected, "{value}");
        }
    }
}
