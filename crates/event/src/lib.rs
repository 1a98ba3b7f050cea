//! The vocabulary of Vigil: one type for each thing that flows from the log line to the browser.
//!
//! A source yields a [`RecordBatch`]; decoding turns a record into an [`Event`]; detection
//! concludes [`Detection`]s and scores them into a [`Threat`]; threats are grouped into an
//! [`Alert`]; what is told to clients is a [`Publication`].
//!
//! Owns: the nouns, severities and scores, identities, time, and the [table](familiar) of what comes again,
//! which more than one crate uses. Field names follow the Elastic Common
//! Schema. Never holds: I/O, async code, SQL, HTTP, configuration. An edit here rebuilds everything,
//! so it stays small and boring.

pub mod alert;
pub mod decodings;
pub mod detection;
pub mod event;
pub mod familiar;
pub mod field;
pub mod id;
pub mod json;
pub mod log_source;
pub mod outcome;
pub mod publication;
pub mod record;
pub mod revocation;
pub mod score;
pub mod suppression;
pub mod text;
pub mod threat;
pub mod time;
pub mod whole;

pub use alert::{Alert, AlertAction, AlertChange, AlertKey, AlertState};
pub use decodings::{Decodings, ViewKind};
pub use detection::{Detection, Detector, Evidence};
pub use event::{Event, Recurrence, Template, View};
pub use field::Field;
pub use id::{Id, IdSource};
pub use log_source::LogKind;
pub use outcome::{NotAnOutcome, Outcome};
pub use publication::{Kind, Publication, channel};
pub use record::{Checkpoint, Record, RecordBatch, RecordKey, SourceId};
pub use revocation::{Revocation, Revoked};
pub use score::{Score, Severity, SeverityCounts};
pub use suppression::{Cause, Suppressed, Suppression, SuppressionHit};
pub use threat::Threat;
pub use time::{Clock, SystemClock, TimePart, Timestamp};
pub use whole::Whole;
