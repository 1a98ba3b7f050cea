//! From where a subscription goes on: after a position, from a time, or with the last few.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};

use crate::{Position, is_epoch};

/// A longer text is no time.
const MAX_TIME_BYTES: usize = 64;

/// What is missing when a `since` is not understood.
const EXPECTED: &str = r#"`since` must be {"epoch":"…","offset":n}, a time such as "2026-11-20T12:00:00Z", {"last":n}, or for a namespace {"rooms":{room:position}}"#;

/// From where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// After this position. Both parts are needed: an offset means nothing in another epoch.
    Position {
        /// The log's epoch.
        epoch: String,
        /// The last offset that was received.
        offset: u64,
    },
    /// What was published at this time or later, in RFC 3339. The time is not checked here.
    Time(String),
    /// The last so many that are kept.
    Last(u64),
    /// For a namespace: after these positions, room by room.
    Rooms(BTreeMap<String, Position>),
}

/// The most rooms that can be named.
const MAX_ROOMS: usize = 1_000;

/// The text of a query or header says no place to go on from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`since` must be `epoch:offset` or a time such as 2026-11-20T12:00:00Z")]
pub struct NotASince;

impl Since {
    /// From the one-line form `epoch:offset` that event ids have, or a time.
    pub fn from_line(text: &str) -> Result<Self, NotASince> {
        if !looks_like_a_time(text)
            && let Some((epoch, offset)) = text.rsplit_once(':')
            && is_epoch(epoch)
            && let Ok(offset) = offset.parse()
        {
            return Ok(Self::Position {
                epoch: epoch.to_owned(),
                offset,
            });
        }
        if looks_like_a_time(text) {
            Ok(Self::Time(text.to_owned()))
        } else {
            Err(NotASince)
        }
    }
}

/// Whether it begins like `2026-11-20T`; an epoch must not be mistaken for a time, nor the reverse.
fn looks_like_a_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let byte = |place: usize| bytes.get(place).copied().unwrap_or_default();
    bytes.len() <= MAX_TIME_BYTES
        && byte(0).is_ascii_digit()
        && byte(4) == b'-'
        && byte(7) == b'-'
        && matches!(byte(10), b'T' | b't' | b' ')
}

impl Serialize for Since {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Time(text) => serializer.serialize_str(text),
            Self::Position { epoch, offset } => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("epoch", epoch)?;
                map.serialize_entry("offset", offset)?;
                map.end()
            }
            Self::Last(count) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("last", count)?;
                map.end()
            }
            Self::Rooms(rooms) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("rooms", rooms)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Since {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SinceVisitor)
    }
}

struct SinceVisitor;

#[derive(Deserialize)]
struct Fields {
    epoch: Option<String>,
    offset: Option<u64>,
    last: Option<u64>,
    rooms: Option<BTreeMap<String, Position>>,
}

impl<'de> Visitor<'de> for SinceVisitor {
    type Value = Since;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a position, a time or {\"last\":n}")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Since, E> {
        Since::from_line(text).map_err(|_| E::custom(EXPECTED))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Since, A::Error> {
        use serde::de::Error as _;
        let fields = Fields::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        if let Some(rooms) = fields.rooms {
            let are_epochs = rooms.values().all(|position| is_epoch(&position.epoch));
            if rooms.len() > MAX_ROOMS || !are_epochs {
                return Err(A::Error::custom(EXPECTED));
            }
            return Ok(Since::Rooms(rooms));
        }
        match (fields.epoch, fields.offset, fields.last) {
            (Some(epoch), Some(offset), None) if is_epoch(&epoch) => {
                Ok(Since::Position { epoch, offset })
            }
            (None, Some(_), None) => Err(A::Error::custom(
                "`since` needs the epoch too: offsets count anew in each",
            )),
            (None, None, Some(count)) => Ok(Since::Last(count)),
            _ => Err(A::Error::custom(EXPECTED)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn position(epoch: &str, offset: u64) -> Since {
        Since::Position {
            epoch: epoch.to_owned(),
            offset,
        }
    }

    #[test]
    fn its_forms_in_json() {
        for (json, since) in [
            (r#"{"epoch":"k3f9","offset":1042}"#, position("k3f9", 1042)),
            (r#"{"offset":0,"epoch":"k","more":[1]}"#, position("k", 0)),
            (r#"{"last":50}"#, Since::Last(50)),
            (
                r#""2026-11-20T12:00:00Z""#,
                Since::Time("2026-11-20T12:00:00Z".to_owned()),
            ),
            (r#""k3f9:1042""#, position("k3f9", 1042)),
            (
                r#"{"rooms":{"chat:1":{"epoch":"k","offset":3}}}"#,
                Since::Rooms(BTreeMap::from([(
                    "chat:1".to_owned(),
                    Position {
                        epoch: "k".to_owned(),
                        offset: 3,
                    },
                )])),
            ),
        ] {
            assert_eq!(
                serde_json::from_str::<Since>(json).unwrap(),
                since,
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (json, said) in [
            (r#"{"offset":3}"#, "needs the epoch"),
            (r#"{"epoch":"k"}"#, "must be"),
            (r#"{"epoch":"k","offset":1,"last":2}"#, "must be"),
            (r#"{"epoch":"a b","offset":1}"#, "must be"),
            (r#"{"last":-1}"#, "-1"),
            (r#"{"rooms":{"a":{"epoch":"","offset":1}}}"#, "must be"),
            (r#""yesterday""#, "must be"),
            ("{}", "must be"),
            ("17", "a position, a time"),
        ] {
            let error = serde_json::from_str::<Since>(json).unwrap_err().to_string();
            assert!(error.contains(said), "{json}: {error}");
        }
    }

    #[test]
    fn one_line_forms() {
        assert_eq!(Since::from_line("k3f9:7"), Ok(position("k3f9", 7)));
        assert_eq!(
            Since::from_line("2026-11-20T12:00"),
            Ok(Since::Time("2026-11-20T12:00".to_owned()))
        );
        for wrong in [
            "",
            ":",
            "k:",
            ":7",
            "k:-1",
            "k:7:8",
            "k",
            "k:99999999999999999999",
        ] {
            assert_eq!(Since::from_line(wrong), Err(NotASince), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(epoch in "[a-z][A-Za-z0-9_-]{0,63}", offset: u64) {
            let since = position(&epoch, offset);
            prop_assert_eq!(&serde_json::from_str::<Since>(&serde_json::to_string(&since).unwrap()).unwrap(), &since);
            prop_assert_eq!(Since::from_line(&format!("{epoch}:{offset}")), Ok(since));
        }

        #[test]
        fn any_line_is_no_panic(text in "\\PC{0,80}") {
            _ = Since::from_line(&text);
        }
    }
}
