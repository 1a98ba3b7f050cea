//! The lines of a batch, from the body to records.
//!
//! Never holds: who sent them. Empty lines are left out; a line's offset counts them.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use utoipa::ToSchema;
use vigil_event::Record;

use crate::{ApiError, ErrorCode};

/// The most lines of a batch.
const MAX_LINES: usize = 10_000;

/// A longer line is cut to this, in bytes.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// How the lists' error is told apart from other faults of the JSON.
const TOO_MANY: &str = "more than 10,000 lines";

/// A batch as JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Batch)]
pub(in crate::routes) struct BatchBody {
    /// Names the source: letters, digits and `._:-`.
    #[serde(default)]
    #[schema(max_length = 100, example = "web-1")]
    source: Option<String>,
    /// The lines' format; without it each line's is found out.
    #[serde(default)]
    #[schema(example = "combined")]
    format: Option<String>,
    /// Names the batch: sent again under the same key, nothing is stored twice.
    #[serde(default)]
    #[schema(max_length = 200)]
    idempotency_key: Option<String>,
    /// The lines.
    #[serde(deserialize_with = "few")]
    #[schema(max_items = 10_000)]
    lines: Vec<String>,
}

/// What was sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) source: Option<String>,
    pub(super) format: Option<String>,
    pub(super) idempotency_key: Option<String>,
    pub(super) bytes: Vec<u8>,
    pub(super) records: Vec<Record>,
}

impl Sent {
    pub(super) fn from_json(body: &[u8]) -> Result<Self, ApiError> {
        let body: BatchBody = serde_json::from_slice(body).map_err(|error| {
            let why = error.to_string();
            if why.starts_with(TOO_MANY) {
                too_many()
            } else {
                ApiError::invalid(format!("the batch is not understood: {why}"))
            }
        })?;
        let mut sent = Self {
            source: body.source,
            format: body.format,
            idempotency_key: body.idempotency_key,
            ..Self::default()
        };
        for (offset, line) in (0..).zip(&body.lines) {
            sent.add(offset, line.as_bytes());
        }
        Ok(sent)
    }

    pub(super) fn from_text(body: &[u8]) -> Result<Self, ApiError> {
        let mut sent = Self::default();
        for (offset, line) in (0..).zip(body.split(|byte| *byte == b'\n')) {
            sent.add(offset, line);
            if sent.records.len() > MAX_LINES {
                return Err(too_many());
            }
        }
        Ok(sent)
    }

    fn add(&mut self, offset: u64, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let kept = line.get(..MAX_LINE_BYTES).unwrap_or(line);
        if kept.is_empty() {
            return;
        }
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(kept);
        self.records.push(Record {
            start,
            len: kept.len() as u32,
            offset,
            truncated: kept.len() < line.len(),
        });
    }
}

fn too_many() -> ApiError {
    ApiError::new(ErrorCode::TooLarge, format!("the batch has {TOO_MANY}"))
        .hint("send it in smaller parts")
        .none_accepted()
}

/// Reads a list and stops at the first line too many: a body of 8 MiB could hold millions.
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Few;

    impl<'de> Visitor<'de> for Few {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of lines")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
            let mut lines = Vec::new();
            while let Some(line) = list.next_element()? {
                if lines.len() >= MAX_LINES {
                    return Err(A::Error::custom(TOO_MANY));
                }
                lines.push(line);
            }
            Ok(lines)
        }
    }

    deserializer.deserialize_seq(Few)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    fn lines(sent: &Sent) -> Vec<(u64, &[u8], bool)> {
        sent.records
            .iter()
            .map(|record| {
                let start = record.start as usize;
                (
                    record.offset,
                    &sent.bytes[start..start + record.len as usize],
                    record.truncated,
                )
            })
            .collect()
    }

    #[test]
    fn both_forms_give_the_same_records() {
        let text = Sent::from_text(b"a\r\n\nb\xc3\xa9\n").unwrap();
        let json = Sent::from_json(r#"{"lines":["a","","bé"]}"#.as_bytes()).unwrap();
        assert_eq!(
            lines(&text),
            [(0, &b"a"[..], false), (2, "bé".as_bytes(), false)]
        );
        assert_eq!(lines(&text), lines(&json));
        assert!(lines(&Sent::from_text(b"").unwrap()).is_empty());
        assert_eq!(
            lines(&Sent::from_text(b"\xff\0").unwrap()),
            [(0, &b"\xff\0"[..], false)]
        );
    }

    #[test]
    fn a_long_line_is_cut_and_marked() {
        let line = vec![b'a'; MAX_LINE_BYTES + 1];
        assert_eq!(
            lines(&Sent::from_text(&line).unwrap()),
            [(0, &line[..MAX_LINE_BYTES], true)]
        );
        assert_eq!(
            lines(&Sent::from_text(&line[1..]).unwrap()),
            [(0, &line[1..], false)]
        );
    }

    #[test]
    fn too_many_lines_are_refused_whole() {
        let most = vec!["a"; MAX_LINES];
        assert_eq!(
            Sent::from_text(most.join("\n").as_bytes())
                .unwrap()
                .records
                .len(),
            MAX_LINES
        );
        let json = serde_json::to_vec(&serde_json::json!({ "lines": most })).unwrap();
        assert_eq!(Sent::from_json(&json).unwrap().records.len(), MAX_LINES);
        let more = vec!["a"; MAX_LINES + 1];
        let json = serde_json::to_vec(&serde_json::json!({ "lines": more })).unwrap();
        assert_eq!(
            Sent::from_text(more.join("\n").as_bytes())
                .unwrap_err()
                .code(),
            ErrorCode::TooLarge
        );
        assert_eq!(
            Sent::from_json(&json).unwrap_err().code(),
            ErrorCode::TooLarge
        );
    }

    #[test]
    fn other_json_is_refused_with_what_is_known() {
        for body in ["", "[]", r#"{"lines":"a"}"#, r#"{"lines":[1]}"#, "{}"] {
            assert_eq!(
                Sent::from_json(body.as_bytes()).unwrap_err().code(),
                ErrorCode::Invalid,
                "{body}"
            );
        }
        let error = Sent::from_json(br#"{"lines":[],"fromat":"json"}"#).unwrap_err();
        assert!(
            format!("{error:?}").contains("idempotency_key"),
            "{error:?}"
        );
    }
}
