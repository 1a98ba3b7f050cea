//! A detection: one rule or window that fired on an event, and the proof.

use serde::{Deserialize, Serialize};

use crate::{Decodings, Field, Score, text};

/// What concluded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Detector {
    /// A rule over one event.
    Rule,
    /// A count over time.
    Window,
    /// A rule over what other rules found over time.
    Correlation,
    /// A list of addresses, or a bot that is not who it says.
    List,
    /// What is known against somebody, added up.
    Risk,
    /// What the site is usually asked.
    Profile,
}

/// The bytes that matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evidence {
    /// The field's name.
    pub field: String,
    /// What was undone to see it; empty for the text as received.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decodings: Vec<String>,
    /// The first matching byte's offset in that view.
    pub start: u32,
    /// The offset after the last matching byte.
    pub end: u32,
    /// The matching bytes, cut to [`Evidence::MAX_BYTES`].
    pub matched: String,
}

impl Evidence {
    /// The longest text that is kept of a match, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// Evidence in a view of a field; `range` is held within the view.
    pub fn new(
        field: Field,
        decodings: Decodings,
        view: &[u8],
        range: std::ops::Range<usize>,
    ) -> Self {
        Self::named(field.name(), decodings, view, range)
    }

    /// Evidence under a name that is no field.
    pub fn named(
        field: &str,
        decodings: Decodings,
        view: &[u8],
        range: std::ops::Range<usize>,
    ) -> Self {
        let end = range.end.min(view.len());
        let start = range.start.min(end);
        let kept = view
            .get(start..end.min(start + Self::MAX_BYTES))
            .unwrap_or_default();
        Self {
            field: place_of(field, decodings).to_owned(),
            decodings: decodings.names().map(str::to_owned).collect(),
            start: start as u32,
            end: end as u32,
            matched: text::escape_invalid(kept),
        }
    }
}

/// Where a view stands in the request: what was read out of its body or headers stands beside the
/// query's views, so that rules for the query see it.
const fn place_of(field: &str, decodings: Decodings) -> &str {
    if decodings.contains(Decodings::BODY) {
        "http.request.body"
    } else if decodings.contains(Decodings::HEADER) {
        "http.request.headers"
    } else {
        field
    }
}

/// One rule or window that fired.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Detection {
    /// The rule's id, the same in every release.
    pub rule_id: String,
    /// What it is, for people.
    pub title: String,
    /// The family that alerts are grouped by, such as `sql_injection`.
    pub family: String,
    /// What concluded it.
    pub detector: Detector,
    /// How bad on its own.
    pub score: Score,
    /// MITRE ATT&CK technique ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub techniques: Vec<String>,
    /// What matched where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What was counted, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
