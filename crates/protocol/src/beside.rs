//! What stands beside `type` and not in `data`, as some clients write it, and names that mean nothing:
//! a filter that was misspelt must not look as if it were in force.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::client::{Data, Outer, Refusal, invalid, plain};

/// The parts of a frame that are no options.
const FRAME: [&str; 4] = ["id", "type", "channel", "data"];

/// What `subscribe` and `history` understand.
const OPTIONS: [&str; 13] = [
    "channel",
    "investigation_id",
    "analysis_id",
    "session_id",
    "since",
    "min_severity",
    "filter",
    "fields",
    "batch",
    "lane",
    "conflate",
    "durable",
    "limit",
];

/// No more names are told, and no more of each.
const MAX_TOLD: usize = 8;
const MAX_TOLD_CHARACTERS: usize = 64;

/// What `data` says with what stands beside it. What is in `data` counts.
pub(crate) fn joined<'a>(outer: &Outer<'a>, text: &'a str) -> Result<Data<'a>, Refusal> {
    let data = outer.data.map(Data::within).transpose()?;
    let data = data.unwrap_or_default();
    let beside = beside(text)?;
    Ok(Data {
        channel: data.channel,
        body: data.body,
        investigation_id: data.investigation_id.or(beside.investigation_id),
        analysis_id: data.analysis_id.or(beside.analysis_id),
        session_id: data.session_id.or(beside.session_id),
        since: data.since.or(beside.since),
        min_severity: data.min_severity.or(beside.min_severity),
        alert_id: data.alert_id.or(beside.alert_id),
        token: data.token.or(beside.token),
        filter: data.filter.or(beside.filter),
        fields: data.fields.or(beside.fields),
        batch: data.batch.or(beside.batch),
        lane: data.lane.or(beside.lane),
        conflate: data.conflate.or(beside.conflate),
        durable: data.durable.or(beside.durable),
        limit: data.limit.or(beside.limit),
        offset: data.offset.or(beside.offset),
        severity: data.severity.or(beside.severity),
        message: data.message.or(beside.message),
        idempotency_key: data.idempotency_key.or(beside.idempotency_key),
        typing: data.typing.or(beside.typing),
    })
}

/// What stands beside `type`.
pub(crate) fn beside(text: &str) -> Result<Data<'_>, Refusal> {
    serde_json::from_str(text).map_err(|error| not_understood(&error))
}

/// The names that mean nothing to `subscribe` and `history`.
pub(crate) fn ignored(outer: &Outer<'_>, text: &str) -> Result<Vec<String>, Refusal> {
    let names = |text| serde_json::from_str(text).map_err(|error| not_understood(&error));
    let Names(mut ignored) = names(text)?;
    ignored.retain(|name| !FRAME.contains(&name.as_str()));
    if let Some(raw) = outer.data {
        let Names(within) = names(raw.get())?;
        ignored.extend(within);
    }
    ignored.truncate(MAX_TOLD);
    Ok(ignored)
}

fn not_understood(error: &serde_json::Error) -> Refusal {
    invalid(format!("the frame is not understood: {}", plain(error)))
}

/// The first few names of an object that are no options.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            map.next_value::<IgnoredAny>()?;
            // Of these a frame has three of its own.
            if names.len() < MAX_TOLD + 3 && !OPTIONS.contains(&&*name) {
                let told = name.chars().take(MAX_TOLD_CHARACTERS);
                names.push(told.collect());
            }
        }
        Ok(Names(names))
    }
}

#[cfg(test)]
mod tests {
    use crate::{ClientFrame, Command, Subscribe};

    fn subscribed(text: &str) -> Subscribe {
        match ClientFrame::decode(text).unwrap().command {
            Command::Subscribe(asked) => *asked,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_may_stand_beside_the_channel() {
        let within = subscribed(
            r#"{"type":"subscribe","data":{"investigation_id":42,"min_severity":"high","fields":["a"],"lane":"bulk"}}"#,
        );
        let beside = subscribed(
            r#"{"type":"subscribe","investigation_id":42,"min_severity":"high","fields":["a"],"lane":"bulk"}"#,
        );
        assert_eq!(within, beside);
        assert_eq!(within.channel, "investigations:42");
        let both = subscribed(
            r#"{"type":"subscribe","channel":"threats","min_severity":"low","data":{"min_severity":"high"}}"#,
        );
        assert_eq!(both.min_severity.as_deref(), Some("high"));
        assert!(matches!(
            ClientFrame::decode(r#"{"type":"unsubscribe","session_id":"a"}"#).unwrap().command,
            Command::Unsubscribe { channel, .. } if channel == "chat:a"
        ));
    }

    #[test]
    fn a_name_without_a_meaning_is_told() {
        let asked = subscribed(
            r#"{"id":1,"type":"subscribe","channel":"threats","filters":1,"data":{"min_severty":"high"}}"#,
        );
        assert_eq!(asked.ignored, ["filters", "min_severty"]);
        let many: Vec<String> = (0..100).map(|n| format!("\"{n:0100}\":0")).collect();
        let text = format!(
            r#"{{"type":"subscribe","channel":"threats","data":{{{}}}}}"#,
            many.join(",")
        );
        let asked = subscribed(&text);
        assert_eq!(asked.ignored.len(), 8);
        assert!(asked.ignored.iter().all(|name| name.len() == 64));
        let plain = subscribed(r#"{"id":1,"type":"subscribe","channel":"threats","data":null}"#);
        assert_eq!(plain.ignored, [""; 0]);
    }
}
