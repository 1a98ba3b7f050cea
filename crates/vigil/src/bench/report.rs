//! What a run says, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::Serialize;

use super::tally::Latency;

/// What one scenario measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// Which, and of what: the server, or the raw loop beside it.
    pub name: String,
    /// Connections.
    pub clients: usize,
    /// Messages that were published.
    pub messages: u64,
    /// Messages that clients got.
    pub deliveries: u64,
    /// How long it took.
    pub seconds: f64,
    /// Deliveries, or connections, a second.
    pub per_second: f64,
    /// From the moment meant to the moment read, or of a connection to its last subscription.
    pub latency: Latency,
    /// Messages that a client did not get and was not told of.
    pub lost: u64,
    /// Messages that came twice.
    pub duplicates: u64,
    /// Messages that a client was told it missed.
    pub gaps: u64,
    /// Connections that could not be opened, and commands that were refused.
    pub failed: u64,
    /// Connections that the server closed, by code.
    pub closed: BTreeMap<u16, u64>,
    /// Resident memory of the process at the end.
    pub rss_bytes: u64,
    /// Processor time of the process for each delivery or connection.
    pub cpu_us_each: f64,
}

/// A comparison within the same run.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    /// What is divided by what.
    pub name: &'static str,
    /// The quotient.
    pub value: f64,
}

/// What a run measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Each scenario, in the order in which they ran.
    pub outcomes: Vec<Outcome>,
    /// The server against the raw loop.
    pub ratios: Vec<Ratio>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency {
            p50_us,
            p90_us,
            p99_us,
            p999_us,
            max_us,
        } = self.latency;
        let ms = |us: f64| us / 1_000.0;
        writeln!(
            f,
            "{}: {} clients, {} messages, {} deliveries in {:.2} s, {:.0}/s",
            self.name, self.clients, self.messages, self.deliveries, self.seconds, self.per_second
        )?;
        writeln!(
            f,
            "  latency ms  p50 {:.2}  p90 {:.2}  p99 {:.2}  p99.9 {:.2}  max {:.2}",
            ms(p50_us),
            ms(p90_us),
            ms(p99_us),
            ms(p999_us),
            ms(max_us)
        )?;
        let mut closed = String::new();
        for (code, count) in &self.closed {
            write!(closed, ", {count} closed with {code}")?;
        }
        write!(
            f,
            "  lost {}, doubled {}, told missing {}, failed {}{closed}; memory {:.1} MiB, processor {:.2} µs each",
            self.lost,
            self.duplicates,
            self.gaps,
            self.failed,
            self.rss_bytes as f64 / f64::from(1 << 20),
            self.cpu_us_each
        )
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:.2}", self.name, self.value)
    }
}
