//! How a frame is put: as JSON or MessagePack, compressed or not, with all of its data or some fields.
//!
//! Each form of an item is made once and shared by all who want it so.

use std::sync::Arc;

use serde_json::{Map, Value};
use vigil_bus::{FormId, Published};
use vigil_protocol::message_pack;
use vigil_protocol::websocket::{Frame, Opcode};

use crate::admit::upgrade::Agreed;
use crate::frame;
use crate::frame::press::Press;
use crate::subscription::interner::Interner;

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    /// JSON in text messages.
    #[default]
    Json,
    /// MessagePack in binary messages.
    MessagePack,
}

impl Encoding {
    pub(crate) const ALL: [Self; 2] = [Self::Json, Self::MessagePack];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MessagePack => "msgpack",
        }
    }

    pub(crate) const fn opcode(self) -> Opcode {
        match self {
            Self::Json => Opcode::Text,
            Self::MessagePack => Opcode::Binary,
        }
    }
}

/// Some fields of the data.
#[derive(Debug)]
pub(crate) struct Projection {
    number: u64,
    paths: Vec<Vec<String>>,
}

/// All projections that are in use.
#[derive(Debug, Default)]
pub(crate) struct Projections(Interner<Projection>);

impl Projections {
    /// The projection to these paths; none for all of the data.
    pub(crate) fn get(&self, fields: &[String]) -> Option<Arc<Projection>> {
        if fields.is_empty() {
            return None;
        }
        let mut fields = fields.to_vec();
        fields.sort();
        fields.dedup();
        let text = fields.join("\n");
        let made = self.0.get(&text, |number| {
            Ok::<_, std::convert::Infallible>(Projection {
                number,
                paths: fields
                    .iter()
                    .map(|field| field.split('.').map(str::to_owned).collect())
                    .collect(),
            })
        });
        let Ok(projection) = made;
        Some(projection)
    }
}

impl Projection {
    /// The chosen fields that are there. Data that is no object has none.
    fn of(&self, data: &[u8]) -> Vec<u8> {
        let data: Value = serde_json::from_slice(data).unwrap_or_default();
        let mut chosen = Map::new();
        for path in &self.paths {
            pick(&data, path, &mut chosen);
        }
        serde_json::to_vec(&chosen).unwrap_or_default()
    }
}

/// Copies what stands at a path, with the objects around it.
fn pick(from: &Value, path: &[String], into: &mut Map<String, Value>) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    let Some(value) = from.get(first) else {
        return;
    };
    if rest.is_empty() {
        into.insert(first.clone(), value.clone());
        return;
    }
    if !value.is_object() {
        return;
    }
    let below = into
        .entry(first.clone())
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(below) = below {
        pick(value, rest, below);
    }
}

/// What stands at a path, as text; nothing where there is nothing.
pub(crate) fn text_at(data: &Value, path: &str) -> Option<String> {
    let mut value = data;
    for name in path.split('.') {
        value = value.get(name)?;
    }
    Some(match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// The item's frame as that was agreed on, compressed once for all who hear it so.
pub(crate) fn of(
    item: &Published,
    agreed: Agreed,
    projection: Option<&Projection>,
    press: &Press,
) -> Frame {
    let plain = plain(item, agreed.encoding, projection, press);
    if !agreed.compresses || !press.is_worth_it(plain.payload().len()) {
        return plain;
    }
    kept(item, id(agreed.encoding, true, projection), |_| {
        let opcode = agreed.encoding.opcode();
        press
            .compressed(opcode, plain.payload())
            .unwrap_or_else(|| plain.clone())
    })
}

/// The item's frame, uncompressed.
pub(crate) fn plain(
    item: &Published,
    encoding: Encoding,
    projection: Option<&Projection>,
    press: &Press,
) -> Frame {
    let json = || frame::of(item, |frame| press.encoded(Encoding::Json, frame));
    if let (Encoding::Json, None) = (encoding, projection) {
        return json();
    }
    kept(item, id(encoding, false, projection), |item| {
        let data = &item.publication.data;
        let chosen = projection.map(|chosen| frame::with_data(item, &chosen.of(data)));
        let frame = match (encoding, chosen) {
            (Encoding::Json, Some(text)) => Frame::new(encoding.opcode(), &text),
            (_, Some(text)) => Frame::new(encoding.opcode(), &message_pack::from_json(&text)),
            (_, None) => Frame::new(
                encoding.opcode(),
                &message_pack::from_json(json().payload()),
            ),
        };
        press.encoded(encoding, &frame);
        frame
    })
}

fn kept(item: &Published, id: FormId, make: impl FnOnce(&Published) -> Frame) -> Frame {
    Frame::from_bytes(item.form_or_encode(id, |item| make(item).into_bytes()))
}

/// Two bits for how it is written, the rest for what of it.
fn id(encoding: Encoding, is_compressed: bool, projection: Option<&Projection>) -> FormId {
    let number = projection.map_or(0, |chosen| chosen.number);
    let is_packed = u64::from(encoding == Encoding::MessagePack);
    FormId(number * 4 + u64::from(is_compressed) * 2 + is_packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_fields_keep_their_place() {
        let projections = Projections::default();
        let fields = ["source.ip", "score", "nothing.here", "score.deep", "list"];
        let fields = fields.map(str::to_owned);
        let projection = projections.get(&fields).unwrap();
        let data = br#"{"score":9,"source":{"ip":"::1","port":7},"url":{"path":"/"},"list":[1]}"#;
        assert_eq!(
            String::from_utf8(projection.of(data)).unwrap(),
            r#"{"list":[1],"score":9,"source":{"ip":"::1"}}"#
        );
        assert_eq!(projection.of(b"7"), b"{}");
        let mut turned = fields.to_vec();
        turned.reverse();
        assert!(Arc::ptr_eq(&projection, &projections.get(&turned).unwrap()));
        assert!(projections.get(&[]).is_none());
    }
}
