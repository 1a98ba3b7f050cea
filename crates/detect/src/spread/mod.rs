//! Scans that are spread thinly: many networks, each of which sends a little that is odd and that nobody
//! else sends.
//!
//! *What.* Who divides a scan among many addresses stays below every limit that goes by address. What it
//! sends gives it away: visitors follow the same links, so what of theirs is odd comes from several of
//! them, and each of a scan's requests is another. For each site and family of rules it is counted how
//! many networks (/24, of IPv6 /48) sent something within the last hour that no other network did. Names
//! that are tried, none of which is there, are counted as a family of their own, by clients of which
//! nothing else is known.
//! *Input.* Events with the weak detections of rules on them, or that are strays, in about the order of
//! their own time.
//! *Output.* A [`Finding`] when there are [`SpreadOptions::min_networks`] such networks and
//! [`SpreadOptions::times_usual`] times as many as is usual ([`usual`]); then there is quiet for an hour.
//!
//! *Limits.* [`WATCHES`] pairs of site and family, of which the one that is seen seldom makes room; each
//! holds [`MOST_THINGS`] things, and of one network [`OF_ONE_NETWORK`], so that nobody can fill it alone.
//! Beyond that it counts no further. All of it is saved with the rest of the state: whoever waits for
//! restarts must not stay unseen for it.

mod saved;
#[cfg(test)]
mod saved_tests;
#[cfg(test)]
mod tests;
mod usual;
mod watch;

use std::net::IpAddr;

use vigil_event::{Decodings, Detection, Detector, Event, Evidence, Field, Score, Severity, text};

use crate::secret::Secret;
use crate::table::Table;
use saved::Since;
use watch::{Counted, Watch};

/// The rule id of what is found.
pub const THIN_SCAN: &str = "thin-scan";
/// Pairs of a site and a family that are watched.
const WATCHES: usize = 256;
/// The longest path or matched text that is shown, in bytes.
const SHOWN_BYTES: usize = 64;
/// A pair of which nothing was heard for so long is forgotten first: a week.
const LIFETIME_MS: i64 = 7 * 86_400_000;
/// What is counted together: an hour.
const WINDOW_MS: i64 = 3_600_000;

/// When a scan is told that is spread over many networks.
#[derive(Clone, Debug, PartialEq)]
pub struct SpreadOptions {
    /// Whether it is looked for.
    pub enabled: bool,
    /// So many networks must take part within an hour.
    pub min_networks: u32,
    /// And so many times as many as is usual for the site and the family.
    pub times_usual: f64,
    /// Nothing is told before so many milliseconds of event time have been seen.
    pub learn_ms: i64,
    /// Events below this severity count; of the others there is an alert already.
    pub alert_severity: Severity,
    /// The score of what is found.
    pub score: f64,
}

impl Default for SpreadOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            min_networks: 12,
            times_usual: 3.0,
            learn_ms: 6 * 3_600_000,
            alert_severity: Severity::High,
            score: 7.5,
        }
    }
}

/// Finds thin scans in what all threads see.
#[derive(Debug)]
pub(crate) struct Spread {
    options: SpreadOptions,
    secret: Secret,
    since: Since,
    /// By a hash of the site and the family.
    watches: Table<u64, Watch>,
}

impl Spread {
    /// Nothing seen.
    pub(crate) fn new(options: SpreadOptions) -> Self {
        Self {
            options,
            secret: Secret::new(),
            since: Since::default(),
            watches: Table::new(WATCHES, LIFETIME_MS),
        }
    }

    /// Makes its keys with this secret from now on; to be told before it knows anything.
    pub(crate) const fn keyed_by(&mut self, secret: Secret) {
        self.secret = secret;
    }

    /// How many sites and families made room for others.
    pub(crate) const fn evicted(&self) -> u64 {
        self.watches.evicted()
    }

    /// Takes an event in, with what was detected on it, what that scores and whether it asks for what is
    /// not there, and its client for nothing else; what it completes.
    pub(crate) fn observe<'a>(
        &mut self,
        event: &Event,
        detections: impl Iterator<Item = &'a Detection>,
        score: Score,
        is_stray: bool,
    ) -> Option<Detection> {
        if !self.options.enabled {
            return None;
        }
        let at = event.occurred_at.as_millis();
        let since = self.since.or(at);
        let address = event.source_ip?;
        if score.severity() >= self.options.alert_severity {
            return None;
        }
        let mut found = None;
        for (detection, evidence) in detections.filter_map(|one| Some((one, sent(one)?))) {
            let odd = (detection.family.as_str(), evidence);
            let told = self.count(event, (at, since), address, odd);
            found = found.or(told);
        }
        if is_stray {
            let path = event.raw(Field::UrlPath).unwrap_or_default();
            let path = Evidence::new(Field::UrlPath, Decodings::NONE, path, 0..path.len());
            let told = self.count(event, (at, since), address, (NAMES, &path));
            found = found.or(told);
        }
        found
    }

    /// Counts one thing of a family.
    fn count(
        &mut self,
        event: &Event,
        (at, since): (i64, i64),
        address: IpAddr,
        (family, evidence): (&str, &Evidence),
    ) -> Option<Detection> {
        let site = event.raw(Field::UrlDomain).unwrap_or_default();
        let site = site.to_ascii_lowercase();
        let path = event.raw(Field::UrlPath).unwrap_or_default();
        let thing = self.secret.hash((path, &evidence.matched));
        let known_hours = at.saturating_sub(since).max(0) / WINDOW_MS;
        let watch = self
            .watches
            .entry(self.secret.hash((&site, family)), at, || {
                Watch::new(at, known_hours)
            })
            .value;
        let example = || {
            let path = text::escape_invalid(path);
            let path = text::truncated(&path, SHOWN_BYTES);
            let matched = text::truncated(&evidence.matched, SHOWN_BYTES);
            match family {
                NAMES => format!("{path}, which is not there"),
                _ => format!("`{matched}` to {path}"),
            }
        };
        watch.take(thing, network(address), at, example);
        let options = &self.options;
        let has_learned = at.saturating_sub(since) >= options.learn_ms;
        let counted = watch.counted();
        if !has_learned
            || counted.networks < options.min_networks
            || f64::from(counted.networks) < counted.usual * options.times_usual
            || !watch.may_tell(at)
        {
            return None;
        }
        let reason = words(&site, &watch.counted());
        Some(finding(family, evidence, options.score, reason))
    }
}

/// What a rule saw in what the client asked for; none where it saw something else, such as the agent: many
/// visitors have one that nobody else has.
fn sent(detection: &Detection) -> Option<&Evidence> {
    let is_asked = |one: &&Evidence| one.field.starts_with("url.") || one.field == BODY;
    let of_rule = detection.detector == Detector::Rule;
    detection.evidence.iter().find(is_asked).filter(|_| of_rule)
}

/// The family of names that are tried.
const NAMES: &str = "scanning";
/// Where evidence from a request's body stands.
const BODY: &str = "http.request.body";

/// The network of an address as a number: its /24, or the /48 of an IPv6 address, since a customer may
/// have that many.
fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        // No network of the Internet begins like that in version 6.
        IpAddr::V4(address) => 0xffff << 48 | u64::from(address.to_bits() >> 8),
        IpAddr::V6(address) => (address.to_bits() >> 80) as u64,
    }
}

/// Such as `14 networks sent what nobody else sent to shop.example within 60 min, and each of them too
/// little to be told; usual are 0.4 an hour; such as …`.
fn words(site: &[u8], counted: &Counted<'_>) -> String {
    let site = text::escape_invalid(site);
    let site = match text::truncated(&site, SHOWN_BYTES) {
        "" => "this site",
        site => site,
    };
    let (networks, usual) = (counted.networks, counted.usual);
    let examples: Vec<&str> = counted.examples.iter().map(String::as_str).collect();
    format!(
        "{networks} networks (/24, of IPv6 /48) sent what nobody else sent to {site} within {} min, and each \
         too little to be told for it; usual are {usual:.1} an hour; such as {}",
        WINDOW_MS / 60_000,
        examples.join(", ")
    )
}

fn finding(family: &str, evidence: &Evidence, score: f64, reason: String) -> Detection {
    Detection {
        rule_id: THIN_SCAN.to_owned(),
        title: "Scan spread thinly over many networks".to_owned(),
        family: family.to_owned(),
        detector: Detector::Correlation,
        score: Score::new(score),
        techniques: vec!["T1595".to_owned()],
        evidence: vec![evidence.clone()],
        reason: Some(reason),
    }
}
