//! Why a correlation fired, in words and as evidence.

use std::fmt::Write as _;

use vigil_event::{Decodings, Event, Evidence, Field, text};
use vigil_rule::bucket::{Bucket, BucketKind};
use vigil_rule::correlation::{Bounds, Feed, Kind, Subject};
use vigil_rule::{Correlation, RuleSet};

use super::key::{self, Known};
use crate::entity;

/// The longest value that is shown, in bytes.
const VALUE_BYTES: usize = 64;
/// This many references are named.
const NAMED: usize = 4;

/// Such as `7 times "Login failed" from 203.0.113.9 within 60 s`.
pub(super) fn of(
    rules: &RuleSet,
    correlation: &Correlation,
    feed: &Feed,
    event: &Event,
    found: f64,
) -> String {
    let titles = |joint| listed(&correlation.steps, joint);
    let values = || {
        let names = feed.value.iter().map(name);
        names.collect::<Vec<_>>().join(", ")
    };
    let mut reason = match &correlation.kind {
        Kind::EventCount(bounds) => {
            format!("{} times {}", counted(bounds, found), titles(" or "))
        }
        Kind::ValueCount(bounds) => format!(
            "{} different values of {} in {}",
            counted(bounds, found),
            values(),
            titles(" or ")
        ),
        Kind::Temporal(_) => format!("{found} of {}: {}", correlation.steps.len(), titles(", ")),
        Kind::TemporalOrdered(_) => titles(", then "),
        Kind::ValueSum(_) => format!("{found} is the sum of {} in {}", values(), titles(" or ")),
        Kind::ValueAverage(_) => {
            format!(
                "{found:.1} is the mean of {} in {}",
                values(),
                titles(" or ")
            )
        }
        Kind::ValuePercentile { percent, .. } => format!(
            "{found:.1} is the {percent}th percentile of {} in {}",
            values(),
            titles(" or ")
        ),
        Kind::Bucket(bucket) if bucket.distinct => {
            let titles = listed(poured(&correlation.steps, bucket), " or ");
            format!("{found} different values of {} in {titles}", values())
        }
        Kind::Bucket(bucket) => {
            let titles = listed(poured(&correlation.steps, bucket), " or ");
            format!("{found} times {titles}")
        }
    };
    if let Some(rule) = rules.rules().get(feed.rule) {
        for subject in &feed.group_by {
            let before = match subject {
                Subject::Field(Field::SourceIp) | Subject::Network => " from ".to_owned(),
                other => format!(" with {} ", name(other)),
            };
            reason.push_str(&before);
            reason.push_str(&shown(key::known(event, rule, subject)));
        }
    }
    match &correlation.kind {
        Kind::Bucket(bucket) => overflowed(&mut reason, bucket),
        _ => _ = write!(reason, " within {}", duration(correlation.timespan_ms)),
    }
    reason
}

/// The references of what is poured.
fn poured<'a>(steps: &'a [String], bucket: &Bucket) -> &'a [String] {
    steps.get(..bucket.first_cancel).unwrap_or(steps)
}

/// What made the bucket run over.
fn overflowed(reason: &mut String, bucket: &Bucket) {
    _ = match &bucket.kind {
        BucketKind::Leaky { capacity, leak_us } => write!(
            reason,
            ", of which the bucket holds {capacity} and loses one in {}",
            duration(leak_us / 1_000)
        ),
        BucketKind::Trigger => Ok(()),
        BucketKind::Counter { duration_ms } => {
            write!(reason, " within {}", duration(*duration_ms))
        }
        BucketKind::Surge { period_ms, .. } => {
            write!(reason, " within {}", duration(*period_ms))
        }
        BucketKind::Conditional { lifetime_ms, .. } => write!(
            reason,
            ", no two of them further apart than {}",
            duration(*lifetime_ms)
        ),
        BucketKind::Bayesian {
            belief,
            lifetime_ms,
        } => write!(
            reason,
            ", which together make an attack likelier than {:.0} % ({:.0} % before), no two of them further apart than {}",
            belief.threshold * 100.0,
            belief.prior * 100.0,
            duration(*lifetime_ms)
        ),
    };
}

/// The fields that are grouped by and counted, with their values in the event that fired.
pub(super) fn evidence(feed: &Feed, event: &Event) -> Vec<Evidence> {
    let mut evidence: Vec<Evidence> = Vec::new();
    for subject in feed.group_by.iter().chain(&feed.value) {
        let found = match subject {
            Subject::Field(field) => event.raw(*field),
            Subject::Label(name) => key::label(event, name),
            _ => None,
        };
        let found =
            found.map(|raw| Evidence::named(name(subject), Decodings::NONE, raw, 0..raw.len()));
        if let Some(found) = found.filter(|found| !evidence.contains(found)) {
            evidence.push(found);
        }
    }
    evidence
}

/// A count, which past the largest number that it is compared with is not known exactly.
fn counted(bounds: &Bounds, found: f64) -> String {
    if found > bounds.largest() as f64 {
        format!("at least {found}")
    } else {
        found.to_string()
    }
}

fn listed(steps: &[String], joint: &str) -> String {
    let named: Vec<String> = steps
        .iter()
        .take(NAMED)
        .map(|title| format!("\"{title}\""))
        .collect();
    let mut text = named.join(joint);
    if let Some(more) = steps.len().checked_sub(NAMED).filter(|more| *more > 0) {
        _ = write!(text, " and {more} more");
    }
    text
}

fn name(subject: &Subject) -> &str {
    match subject {
        Subject::Field(field) => field.name(),
        Subject::Family => "rule.category",
        Subject::Rule => "rule.id",
        Subject::Network => "source.network",
        Subject::Session => "vigil.session",
        Subject::File => "url.file",
        Subject::ParameterNames => "url.parameter.names",
        Subject::Label(name) => name,
    }
}

fn shown(known: Option<Known<'_>>) -> String {
    match known {
        None => String::new(),
        Some(Known::Address(address)) => address.to_string(),
        Some(Known::Network(network)) => network.to_string(),
        Some(Known::Number(number)) => number.to_string(),
        Some(Known::Session(secret)) => format!("#{:08x}", entity::mark(secret)),
        Some(Known::Text(bytes)) => quoted(bytes),
        Some(Known::Names(event)) => quoted(&key::names(event).collect::<Vec<_>>().join(&b"&"[..])),
    }
}

fn quoted(bytes: &[u8]) -> String {
    let escaped = text::escape_invalid(bytes);
    let cut = text::truncated(&escaped, VALUE_BYTES);
    let dots = if cut.len() < escaped.len() { "…" } else { "" };
    format!("\"{cut}{dots}\"")
}

fn duration(milliseconds: i64) -> String {
    if milliseconds % 1_000 != 0 {
        return format!("{} s", milliseconds as f64 / 1_000.0);
    }
    let seconds = milliseconds / 1_000;
    for (length, unit) in [(86_400, "d"), (3_600, "h"), (60, "min")] {
        if seconds >= 2 * length && seconds % length == 0 {
            return format!("{} {unit}", seconds / length);
        }
    }
    format!("{seconds} s")
}
