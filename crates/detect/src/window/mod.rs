//! Windows: what one client address does over time, or one /64 of IPv6: whoever has one has all of it.
//!
//! *What.* Three counts for each address: requests and the share of errors over a sliding period,
//! distinct paths within the present one; and a test of whether it tries names ([`scan`]). *Input.* Events, in about the order of their own time. *Output.* A [`Crossing`]
//! when a limit is crossed; the same window of the same address stays quiet for one period after
//! it fired. *Limits.* At most [`WindowOptions::max_addresses`] addresses; beyond that the coldest
//! of a few neighbours is evicted and counted. An event more than a period older than its
//! address's newest is not counted in the windows, and that is counted.
//!
//! The sliding count is the two-bucket approximation: the whole of the present period and the part
//! of the one before that still lies within the window.

mod cell;
mod missing;
mod scan;

use std::net::IpAddr;

use vigil_event::{Detection, Detector, Event, Evidence, Field, Score};

pub(crate) use cell::Cell;
use cell::{Counts, Sent};
use missing::Missing;
use scan::Answer;

use crate::entity::{Client, client};
use crate::table::Table;

/// The windows' limits and scores. Every window is a minute long unless `period_ms` says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowOptions {
    /// The windows' length in milliseconds of event time.
    pub period_ms: i64,
    /// This many requests in a window fire.
    pub request_rate: u32,
    /// The score of that.
    pub request_rate_score: f64,
    /// This share of 4xx and 5xx answers (0.0 to 1.0) fires.
    pub error_ratio: f64,
    /// With fewer requests than this the share says nothing.
    pub error_minimum: u32,
    /// The score of that.
    pub error_ratio_score: f64,
    /// This many distinct paths fire; static files that were served do not count.
    pub path_spread: u32,
    /// The score of that.
    pub path_spread_score: f64,
    /// Whether addresses are tested for trying names.
    pub scan_test: bool,
    /// The score of one that does.
    pub scan_score: f64,
    /// The most addresses held at once, for each detection thread.
    pub max_addresses: usize,
}

impl Default for WindowOptions {
    fn default() -> Self {
        Self {
            period_ms: 60_000,
            request_rate: 1_200,
            request_rate_score: 5.5,
            error_ratio: 0.6,
            error_minimum: 40,
            error_ratio_score: 6.0,
            path_spread: 150,
            path_spread_score: 5.5,
            scan_test: true,
            scan_score: 7.5,
            max_addresses: 100_000,
        }
    }
}

/// Which window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Requests.
    RequestRate,
    /// The share of errors.
    ErrorRatio,
    /// Distinct paths.
    PathSpread,
    /// Names that are tried.
    Scan,
}

impl Window {
    /// Every window, in the order of its discriminant.
    pub const ALL: [Self; 4] = [
        Self::RequestRate,
        Self::ErrorRatio,
        Self::PathSpread,
        Self::Scan,
    ];

    /// The detection's rule id.
    pub const fn rule_id(self) -> &'static str {
        match self {
            Self::RequestRate => "window-request-rate",
            Self::ErrorRatio => "window-error-ratio",
            Self::PathSpread => "window-path-spread",
            Self::Scan => "window-scan",
        }
    }

    /// The detection's title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::RequestRate => "Many requests from one address",
            Self::ErrorRatio => "Most requests of one address fail",
            Self::PathSpread => "One address asks for many different paths",
            Self::Scan => "One address tries names",
        }
    }

    const fn family(self) -> &'static str {
        match self {
            Self::RequestRate => "flood",
            Self::ErrorRatio | Self::PathSpread | Self::Scan => "scanning",
        }
    }
}

/// A limit that was crossed.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// Which.
    pub window: Window,
    /// How bad.
    pub score: Score,
    /// Who.
    pub source_ip: IpAddr,
    /// What was counted, in words.
    pub reason: String,
}

impl Crossing {
    /// As a detection.
    pub fn into_detection(self) -> Detection {
        let address = self.source_ip.to_string();
        let evidence = Evidence::new(
            Field::SourceIp,
            vigil_event::Decodings::NONE,
            address.as_bytes(),
            0..address.len(),
        );
        Detection {
            rule_id: self.window.rule_id().to_owned(),
            title: self.window.title().to_owned(),
            family: self.window.family().to_owned(),
            detector: Detector::Window,
            score: self.score,
            techniques: vec!["T1595".to_owned()],
            evidence: vec![evidence],
            reason: Some(self.reason),
        }
    }
}

/// The windows of every address that one thread sees.
#[derive(Debug)]
pub struct Windows {
    options: WindowOptions,
    table: Table<Client, Cell>,
    /// So many bits of the set of paths are set when the paths are too many.
    spread_bits: u32,
    missing: Missing,
    late: u64,
}

impl Windows {
    /// No address seen yet.
    pub fn new(options: WindowOptions) -> Self {
        Self {
            table: Table::new(options.max_addresses, 2 * options.period_ms.max(1)),
            spread_bits: cell::bits_of(options.path_spread).unwrap_or(u32::MAX),
            options,
            missing: Missing::new(),
            late: 0,
        }
    }

    /// Counts an event and says which limits it crossed. Whether it is a stray: it tries a name that is
    /// not there, where nothing leads to it, and of late its address has asked for nothing that is there.
    pub fn observe(&mut self, event: &Event, crossings: &mut Vec<Crossing>) -> bool {
        let Some(source_ip) = event.source_ip else {
            return false;
        };
        let period = self.options.period_ms.max(1);
        let at = event.occurred_at.as_millis();
        let found = self.table.entry(client(source_ip), at, Cell::new);
        let cell = found.value;
        let Some(over) = cell.advance(found.before, at, period) else {
            self.late += 1;
            return false;
        };
        let path = event.raw(Field::UrlPath).unwrap_or_default();
        let is_static = is_static(path);
        let counted = !(event.status < 400 && is_static);
        let of_every_site = scan::is_asked_of_every_site(path);
        let is_trial = self.options.scan_test && !is_static && !of_every_site;
        let mut answer = is_trial.then(|| answer(event)).flatten();
        // What many try is what a scan by many is told from: for that it says no less.
        let misses = answer == Some(Answer::Miss);
        if misses && self.missing.is_asked_by_many(path, source_ip, at) {
            answer = Some(Answer::MissByLink);
        }
        cell.count(event.status >= 400, counted.then_some(path), answer);
        if counted && !of_every_site {
            cell.note_sent(Sent::new(path, event.status), sends(event));
        }
        let tries = cell.odds() >= scan::decided();
        let counts = cell.sliding(over);
        let options = &self.options;
        for window in Window::ALL {
            let crossed = match window {
                Window::Scan => tries,
                Window::PathSpread => counts.path_bits >= self.spread_bits,
                Window::RequestRate => counts.requests >= options.request_rate,
                Window::ErrorRatio => {
                    counts.requests >= options.error_minimum
                        && counts.error_ratio() >= options.error_ratio
                }
            };
            if crossed && cell.may_fire(window as usize, at, period) {
                crossings.push(crossing(window, source_ip, counts, options));
            }
        }
        if tries {
            cell.test_anew();
        }
        misses && counts.errors == counts.requests
    }

    /// How many times in a row, with this one, the address of an event has sent something to its path and
    /// got this answer; none where nothing is sent.
    pub(crate) fn tries(&self, event: &Event) -> Option<u32> {
        let source_ip = event.source_ip.filter(|_| sends(event))?;
        let path = event.raw(Field::UrlPath).unwrap_or_default();
        let sent = Sent::new(path, event.status);
        let cell = self.table.get(&client(source_ip));
        Some(cell.map_or(1, |cell| u32::from(cell.tries(sent))))
    }

    /// Reads what is kept of an address that is to come soon, so that it is in the cache by then. What it
    /// returns means nothing.
    pub(crate) fn approach(&self, source_ip: IpAddr) -> u32 {
        let cell = self.table.get(&client(source_ip));
        cell.map_or(0, Cell::approach)
    }

    /// To save or restore it.
    pub(crate) const fn table_mut(&mut self) -> &mut Table<Client, Cell> {
        &mut self.table
    }

    /// How long a window is.
    pub(crate) const fn period_ms(&self) -> i64 {
        self.options.period_ms
    }

    /// How many addresses are held.
    pub fn addresses(&self) -> usize {
        self.table.len()
    }

    /// How many addresses were evicted to make room.
    pub const fn evicted(&self) -> u64 {
        self.table.evicted()
    }

    /// How many events came too late to be counted.
    pub const fn late(&self) -> u64 {
        self.late
    }
}

fn crossing(
    window: Window,
    source_ip: IpAddr,
    counts: Counts,
    options: &WindowOptions,
) -> Crossing {
    let seconds = options.period_ms / 1_000;
    let (score, reason) = match window {
        Window::RequestRate => (
            options.request_rate_score,
            format!(
                "{} requests within {seconds} s; the limit is {}",
                counts.requests, options.request_rate
            ),
        ),
        Window::ErrorRatio => (
            options.error_ratio_score,
            format!(
                "{} of {} requests within {seconds} s failed; the limit is {:.0} % of at least {}",
                counts.errors,
                counts.requests,
                options.error_ratio * 100.0,
                options.error_minimum
            ),
        ),
        Window::PathSpread => (
            options.path_spread_score,
            format!(
                "about {} different paths within {seconds} s; the limit is {}",
                counts.paths(),
                options.path_spread
            ),
        ),
        Window::Scan => (
            options.scan_score,
            "of the paths it asked for the first time, more are not there than links lead to"
                .to_owned(),
        ),
    };
    Crossing {
        window,
        score: Score::new(score),
        source_ip,
        reason,
    }
}

/// Whether a request brings something along, as forms do.
fn sends(event: &Event) -> bool {
    event.raw(Field::Method) == Some(b"POST")
}

/// What the answer says of whether the address tries names.
fn answer(event: &Event) -> Option<Answer> {
    let says = |field| event.raw(field).unwrap_or_default();
    let agent = || scan::says_who_it_is(says(Field::UserAgent));
    Answer::of(
        event.status,
        event.status >= 400 && (!says(Field::Referrer).is_empty() || agent()),
    )
}

/// Whether a path names a file that a page brings along, by its ending.
fn is_static(path: &[u8]) -> bool {
    const LONGEST: usize = 5;
    let tail = path
        .get(path.len().saturating_sub(LONGEST + 1)..)
        .unwrap_or_default();
    let Some(dot) = tail.iter().rposition(|byte| *byte == b'.') else {
        return false;
    };
    let mut lower = [0; LONGEST];
    let ending = tail.get(dot + 1..).unwrap_or_default();
    for (lower, byte) in lower.iter_mut().zip(ending) {
        *lower = byte.to_ascii_lowercase();
    }
    matches!(
        lower.get(..ending.len()),
        Some(
            b"css"
                | b"js"
                | b"mjs"
                | b"map"
                | b"png"
                | b"jpg"
                | b"jpeg"
                | b"gif"
                | b"svg"
                | b"webp"
                | b"avif"
                | b"ico"
                | b"woff"
                | b"woff2"
        )
    )
}

#[cfg(test)]
mod tests;
