//! Questions for lists: filters, pages.

use std::str::FromStr;

use ipnet::IpNet;
use serde::Serialize;
use vigil_event::{AlertState, Id, Outcome, Severity, Timestamp};

/// The most items of a page.
pub const MAX_LIMIT: usize = 1_000;

/// The items of a page when none is asked for.
pub const DEFAULT_LIMIT: usize = 100;

/// The most bytes of a page of threats, counted as JSON; a single threat may be larger.
pub const PAGE_MAX_BYTES: usize = 4 << 20;

/// The longest text that is searched for, in bytes.
pub const MAX_TEXT_BYTES: usize = 1_024;

/// What a list is ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Sort {
    /// The newest first.
    #[default]
    Newest,
    /// What likely succeeded first, then what nobody knows of, then what was only tried; of each the
    /// newest first.
    Outcome,
}

/// The text names no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no order: use newest or outcome")]
pub struct NotAnOrder(pub String);

impl FromStr for Sort {
    type Err = NotAnOrder;

    fn from_str(text: &str) -> Result<Self, NotAnOrder> {
        match text {
            "newest" => Ok(Self::Newest),
            "outcome" => Ok(Self::Outcome),
            _ => Err(NotAnOrder(text.chars().take(64).collect())),
        }
    }
}

/// Which threats. Every filter that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreatQuery {
    /// Exactly this severity.
    pub severity: Option<Severity>,
    /// At least this severity.
    pub min_severity: Option<Severity>,
    /// Exactly this outcome.
    pub outcome: Option<Outcome>,
    /// From this address or network. IPv4 and IPv6 are told apart, an IPv4 address written as
    /// `::ffff:192.0.2.1` is that IPv4 address.
    pub network: Option<IpNet>,
    /// One of its detections is by this rule.
    pub rule_id: Option<String>,
    /// Grouped into this alert.
    pub alert: Option<Id>,
    /// Occurred at or after this moment.
    pub since: Option<Timestamp>,
    /// Occurred before this moment.
    pub until: Option<Timestamp>,
    /// This text, in any case of ASCII letters, stands in the raw record, the URL or the user agent.
    /// At most [`MAX_TEXT_BYTES`]. Every threat that the other filters leave has to be looked at: give a range of time or an
    /// address with it on a large store.
    pub text: Option<String>,
    /// What comes first.
    pub sort: Sort,
    /// Where the page before ended: its [`Page::next`]. It belongs to the order it was made in.
    pub cursor: Option<String>,
    /// The most items; 0 means [`DEFAULT_LIMIT`], more than [`MAX_LIMIT`] means that.
    ///
    /// A page also ends before it has more than [`PAGE_MAX_BYTES`] of documents, but never without an
    /// item: a page shorter than this is the last one only if it has no [`Page::next`].
    pub limit: usize,
}

/// Which alerts. Every filter that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertQuery {
    /// In one of these states; empty for all.
    pub states: Vec<AlertState>,
    /// Exactly this severity.
    pub severity: Option<Severity>,
    /// At least this severity.
    pub min_severity: Option<Severity>,
    /// Exactly this outcome.
    pub outcome: Option<Outcome>,
    /// Of this address or network: see [`ThreatQuery::network`].
    pub network: Option<IpNet>,
    /// Of this family.
    pub family: Option<String>,
    /// Last seen at or after this moment.
    pub since: Option<Timestamp>,
    /// First seen before this moment.
    pub until: Option<Timestamp>,
    /// What comes first.
    pub sort: Sort,
    /// Where the page before ended: its [`Page::next`]. It belongs to the order it was made in.
    pub cursor: Option<String>,
    /// The most items; 0 means [`DEFAULT_LIMIT`], more than [`MAX_LIMIT`] means that.
    pub limit: usize,
}

/// Some items of a longer list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the page that follows; none at the list's end. Opaque.
    pub next: Option<String>,
}

/// How many items a page gets.
pub(crate) const fn bounded(limit: usize) -> usize {
    match limit {
        0 => DEFAULT_LIMIT,
        limit if limit > MAX_LIMIT => MAX_LIMIT,
        limit => limit,
    }
}
