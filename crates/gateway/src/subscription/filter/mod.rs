//! What a subscriber wants to hear: an expression and short forms, checked once and shared.
//!
//! Identical filters are one, whoever asks for them, and each is asked once for an item: the item
//! remembers what was said. An expression that fails on an item, as where a field is missing, does
//! not let it through.
//!
//! To add a short form: a list in `vigil_protocol::Filter`, its check in `short.rs`, a row in
//! `docs/protocol.md`.

mod check;
mod expression;
mod short;
mod value;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use prometheus::IntCounter;
use serde_json::Value;
use vigil_bus::{FilterId, Published};
use vigil_event::{Id, Kind, Publication, Severity, Timestamp};

use crate::subscription::interner::Interner;
use crate::telemetry;
use expression::Expression;
use short::Short;

/// How many items are kept in parts, for the filters that look into them one after the other.
const RECENT: usize = 32;

/// Why a filter is not accepted, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotAFilter(String);

/// All filters that are in use.
#[derive(Debug)]
pub(crate) struct Filters {
    known: Interner<Filter>,
    recent: Arc<Recent>,
    too_costly: IntCounter,
}

/// A filter that was checked.
#[derive(Debug)]
pub(crate) struct Filter {
    id: FilterId,
    short: Short,
    expression: Option<Expression>,
    recent: Arc<Recent>,
    too_costly: IntCounter,
    /// The log has it from the first item on that is too much for it.
    is_told: AtomicBool,
}

impl Default for Filters {
    fn default() -> Self {
        Self::new(telemetry::too_costly())
    }
}

impl Filters {
    /// None yet. What holds too much to be looked at is counted there.
    pub(crate) fn new(too_costly: IntCounter) -> Self {
        Self {
            known: Interner::default(),
            recent: Arc::default(),
            too_costly,
        }
    }

    /// The filter that a client asks for.
    pub(crate) fn get(&self, asked: &vigil_protocol::Filter) -> Result<Arc<Filter>, NotAFilter> {
        let text = serde_json::to_string(asked).map_err(|error| NotAFilter(error.to_string()))?;
        self.known.get(&text, |number| {
            Ok(Filter {
                id: FilterId(number),
                short: Short::new(asked)?,
                expression: asked
                    .expression
                    .as_deref()
                    .map(Expression::new)
                    .transpose()?,
                recent: Arc::clone(&self.recent),
                too_costly: self.too_costly.clone(),
                is_told: AtomicBool::new(false),
            })
        })
    }

    /// The filter of an expression alone, as a token has it.
    pub(crate) fn of_expression(&self, text: &str) -> Result<Arc<Filter>, NotAFilter> {
        self.get(&vigil_protocol::Filter {
            expression: Some(text.to_owned()),
            ..vigil_protocol::Filter::default()
        })
    }
}

impl Filter {
    /// Whether the item is wanted.
    pub(crate) fn lets_through(&self, item: &Published) -> bool {
        item.verdict_or_judge(self.id, |item| self.judge(item))
    }

    fn judge(&self, item: &Published) -> bool {
        if !self.short.fits_severity(item.publication.severity) {
            return false;
        }
        if !self.short.looks_into_data() && self.expression.is_none() {
            return true;
        }
        let parsed = self.recent.get(item);
        if !self.short.fits_data(&parsed.data) {
            return false;
        }
        let Some(expression) = &self.expression else {
            return true;
        };
        if !expression.may_be_asked_of(&parsed) {
            self.tell_of_cost(item);
            return false;
        }
        expression.holds(item, &parsed)
    }

    fn tell_of_cost(&self, item: &Published) {
        self.too_costly.inc();
        if !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                channel = &*item.publication.channel,
                offset = item.offset,
                filter = self.id.0,
                "an item holds too much for a filter and is not sent to those who have it: a shorter expression, or a short form, may look at more; told once, the rest is counted"
            );
        }
    }
}

/// Whether an expression holds for an item with that data, or why it is none: the language alone,
/// without a gateway, to be fuzzed.
#[doc(hidden)]
pub fn try_filter(expression: &str, data: &[u8]) -> Result<bool, String> {
    let filter = Filters::default().of_expression(expression);
    let filter = filter.map_err(|error| error.to_string())?;
    let at = Timestamp::from_millis(1);
    let publication = Publication {
        channel: Arc::from("threats"),
        kind: Kind::ThreatNew,
        id: Id::derived(at, &[data]),
        timestamp: at,
        severity: Severity::High,
        data: data.to_vec().into(),
    };
    Ok(filter.lets_through(&Published::new(publication, 1, Arc::from("e"))))
}

/// An item's data, in parts.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) data: Value,
    cel: OnceLock<cel::Value>,
    values: OnceLock<usize>,
}

impl Parsed {
    fn of(item: &Published) -> Self {
        Self {
            data: serde_json::from_slice(&item.publication.data).unwrap_or_default(),
            cel: OnceLock::new(),
            values: OnceLock::new(),
        }
    }

    fn cel(&self) -> &cel::Value {
        self.cel.get_or_init(|| value::of(&self.data))
    }

    /// How many values the data holds. A long text counts as several, since looking at it takes longer.
    fn values(&self) -> usize {
        *self.values.get_or_init(|| value::count(&self.data))
    }
}

/// The items that were looked into last.
#[derive(Debug, Default)]
struct Recent {
    items: Mutex<VecDeque<(Id, u64, Arc<Parsed>)>>,
}

impl Recent {
    fn get(&self, item: &Published) -> Arc<Parsed> {
        let (id, offset) = (item.publication.id, item.offset);
        let found = |items: &VecDeque<(Id, u64, Arc<Parsed>)>| {
            let mut newest_first = items.iter().rev();
            newest_first
                .find(|(known, at, _)| *known == id && *at == offset)
                .map(|(_, _, parsed)| Arc::clone(parsed))
        };
        if let Some(parsed) = found(&self.items.lock()) {
            return parsed;
        }
        let parsed = Arc::new(Parsed::of(item));
        let mut items = self.items.lock();
        if items.len() >= RECENT {
            items.pop_front();
        }
        items.push_back((id, offset, Arc::clone(&parsed)));
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn item(data: &str, severity: Severity) -> Published {
        let at = Timestamp::from_millis(1);
        let publication = Publication {
            channel: Arc::from("threats"),
            kind: Kind::ThreatNew,
            id: Id::derived(at, &[data.as_bytes()]),
            timestamp: at,
            severity,
            data: data.to_owned().into(),
        };
        Published::new(publication, 7, Arc::from("e"))
    }

    pub(super) fn says_of(expression: &str, item: &Published) -> bool {
        let filter = Filters::default().of_expression(expression);
        filter
            .unwrap_or_else(|error| panic!("{error}"))
            .lets_through(item)
    }

    const DATA: &str = r#"{"score":8,"source":{"ip":"10.1.2.3","geo":{"country_iso_code":"DE"}},
        "url":{"domain":"www.example.org","path":"/a/b"},
        "detections":[{"rule_id":"r-1","techniques":["T1190"]},{"rule_id":"r-2","techniques":["T1059.004"]}]}"#;

    fn says(filter: &str) -> bool {
        let filters = Filters::default();
        let asked: vigil_protocol::Filter = serde_json::from_str(filter).unwrap();
        let filter = filters
            .get(&asked)
            .unwrap_or_else(|error| panic!("{error}"));
        filter.lets_through(&item(DATA, Severity::High))
    }

    #[test]
    fn expressions_over_the_frame() {
        for (text, holds) in [
            ("data.score > 7", true),
            ("data.score >= 8.0", true),
            ("data.score > 7.5 && data.score < 8.5", true),
            ("data.score == 9", false),
            ("severity == 'high' && rank >= 3", true),
            (
                "type == 'threat.new' && channel == 'threats' && offset == 7",
                true,
            ),
            ("timestamp.startsWith('1970-01-01T')", true),
            ("data.url.path.contains('/b')", true),
            ("data.source.ip in ['10.1.2.3']", true),
            ("data['score'] == 8", true),
            ("has(data.source.geo) && !has(data.source.port)", true),
            ("data.source.port > 1", false),
            ("data.nothing.at.all == 1", false),
            ("data.score > 'x'", false),
            ("data.detections.exists(d, d.rule_id == 'r-2')", true),
            ("data.detections.all(d, d.rule_id == 'r-2')", false),
            ("size(data.detections) == 2", true),
            ("network(data.source.ip, '10.0.0.0/8')", true),
            ("network(data.source.ip, '10.2.0.0/16')", false),
            ("data.score", false),
            (
                "data.source.geo.country_iso_code == 'DE' ? true : false",
                true,
            ),
        ] {
            assert_eq!(says(&serde_json::json!(text).to_string()), holds, "{text}");
        }
    }

    #[test]
    fn short_forms() {
        for (filter, holds) in [
            (r#"{"severity":"high"}"#, true),
            (r#"{"severity":["low","critical"]}"#, false),
            (r#"{"network":"10.0.0.0/8"}"#, true),
            (r#"{"network":["192.168.0.0/16","10.1.2.3"]}"#, true),
            (r#"{"network":"2001:db8::/32"}"#, false),
            (r#"{"technique":"T1190"}"#, true),
            (r#"{"technique":"t1059"}"#, true),
            (r#"{"technique":"T1059.001"}"#, false),
            (r#"{"rule":"r-2"}"#, true),
            (r#"{"rule":"r-3"}"#, false),
            (r#"{"host":"www.example.org"}"#, true),
            (r#"{"host":"*.EXAMPLE.org"}"#, true),
            (r#"{"host":"example.org"}"#, false),
            (r#"{"host":"*.example.org","severity":"low"}"#, false),
            (r#"{"rule":"r-1","expression":"data.score > 9"}"#, false),
            ("{}", true),
        ] {
            assert_eq!(says(filter), holds, "{filter}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let filters = Filters::default();
        let deep = format!("{}true{}", "(".repeat(60), ")".repeat(60));
        let many = vec!["data.a == 1"; 200].join(" || ");
        let nested = "data.a.exists(x, data.b.exists(y, x == y))";
        for (filter, said) in [
            (r#""data.score >""#.to_owned(), "the expression"),
            (
                r#""dta.score > 1""#.to_owned(),
                "`dta` is unknown: use type, id, channel",
            ),
            (r#""frobnicate(1)""#.to_owned(), "no function `frobnicate`"),
            (serde_json::json!(deep).to_string(), "nested"),
            (serde_json::json!(many).to_string(), "too many parts"),
            (serde_json::json!(nested).to_string(), "within another"),
            (
                serde_json::json!("data.map(x, x)").to_string(),
                "`exists` and `all`",
            ),
            (r#"{"severity":"bad"}"#.to_owned(), "`severity`"),
            (r#"{"network":"10.0.0.0/99"}"#.to_owned(), "`network`"),
            (r#"{"technique":"X1"}"#.to_owned(), "`technique`"),
        ] {
            let asked = serde_json::from_str(&filter).unwrap();
            let error = filters.get(&asked).unwrap_err().to_string();
            assert!(error.contains(said), "{filter}: {error}");
            assert!(error.len() < 400, "{error}");
        }
    }

    #[test]
    fn identical_filters_are_one() {
        let filters = Filters::default();
        let one = filters.of_expression("data.score > 1").unwrap();
        let same = filters.of_expression("data.score > 1").unwrap();
        assert!(Arc::ptr_eq(&one, &same));
        let other = filters.of_expression("data.score > 2").unwrap();
        assert_ne!(one.id, other.id);
    }

    #[test]
    fn what_is_too_much_for_a_filter_is_counted_once_for_it() {
        let filters = Filters::default();
        let long = format!("[{}]", vec!["1"; 60_000].join(","));
        let item = item(&long, Severity::Low);
        for text in ["size(data) > 1", "size(data) > 2", "size(data) > 1"] {
            let filter = filters.of_expression(text).unwrap();
            assert!(!filter.lets_through(&item), "{text}");
        }
        assert_eq!(
            filters.too_costly.get(),
            3,
            "asked of a filter anew each time"
        );
        let kept = filters.of_expression("size(data) > 3").unwrap();
        assert!(!kept.lets_through(&item) && !kept.lets_through(&item));
        assert_eq!(filters.too_costly.get(), 4);
    }

    #[test]
    fn odd_data_lets_nothing_through() {
        let filters = Filters::default();
        let filter = filters.of_expression("data.score > 1").unwrap();
        for data in ["", "null", "7", "{", "\"\u{0}\"", "[1,2]"] {
            assert!(!filter.lets_through(&item(data, Severity::Low)), "{data}");
        }
    }
}
