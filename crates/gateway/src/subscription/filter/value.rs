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

/// How many values there are in it, itself among them.
pub(super) fn count(value: &Value) -> usize {
    let within = match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        Value::String(text) => text.len() / BYTES_OF_A_VALUE,
        _ => 0,
    };
    within + 1
}
