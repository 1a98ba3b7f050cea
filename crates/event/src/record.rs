//! What a source yields: raw units, where each came from, and where to go on after a restart.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Id, Timestamp};

/// Names a source: for a file its absolute path, for a sender the name it gave.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
pub struct SourceId(Arc<str>);

impl SourceId {
    /// A source of that name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a record stands, for good: the same record read twice has the same key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordKey {
    /// The source.
    pub source: SourceId,
    /// What identifies the file or the sender's batch within the source.
    pub stream: String,
    /// The byte offset in the file, or the record's place in the batch.
    pub offset: u64,
}

impl RecordKey {
    /// The id of what is concluded from this record.
    pub fn id(&self, occurred_at: Timestamp) -> Id {
        Id::derived(
            occurred_at,
            &[
                self.source.as_str().as_bytes(),
                self.stream.as_bytes(),
                &self.offset.to_le_bytes(),
            ],
        )
    }
}

/// One raw unit: a span of its batch's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The first byte's place in [`RecordBatch::bytes`].
    pub start: u32,
    /// The length in bytes, without the line's end.
    pub len: u32,
    /// See [`RecordKey::offset`].
    pub offset: u64,
    /// The record was longer than the limit and was cut.
    pub truncated: bool,
}

impl Record {
    /// The record that is all of these bytes: one line that stands in no batch.
    pub const fn of(bytes: &[u8]) -> Self {
        Self {
            start: 0,
            len: bytes.len() as u32,
            offset: 0,
            truncated: false,
        }
    }
}

/// Where a source stands after a batch. What it says is the source's own business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The source.
    pub source: SourceId,
    /// What the source needs to go on, in its own words.
    pub state: String,
}

/// Records read together, from one stream of one source.
#[derive(Clone, Debug)]
pub struct RecordBatch {
    /// The source.
    pub source: SourceId,
    /// See [`RecordKey::stream`].
    pub stream: Arc<str>,
    /// The bytes that the records are spans of.
    pub bytes: Vec<u8>,
    /// The records, in their order in the stream.
    pub records: Vec<Record>,
    /// When the bytes were read.
    pub read_at: Timestamp,
    /// Where the source stands once these records are stored; none for a sender that keeps its
    /// own place.
    pub checkpoint: Option<Checkpoint>,
}

impl RecordBatch {
    /// The record's bytes; none for a span that is not of this batch.
    pub fn text(&self, record: &Record) -> &[u8] {
        let start = record.start as usize;
        self.bytes
            .get(start..start + record.len as usize)
            .unwrap_or_default()
    }

    /// Where that record stands.
    pub fn key(&self, record: &Record) -> RecordKey {
        RecordKey {
            source: self.source.clone(),
            stream: self.stream.to_string(),
            offset: record.offset,
        }
    }
}
