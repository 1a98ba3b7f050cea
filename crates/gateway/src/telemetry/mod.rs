//! What the gateway counts. Labels come from closed lists, never from clients.

pub(crate) mod latency;
pub(crate) mod output;

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use vigil_protocol::{CloseCode, ErrorCode, GapReason};

use crate::telemetry::latency::Latency;
use crate::telemetry::output::Output;

/// The names below are constants, so a bad one is found by any test.
const VALID: &str = "a constant metric name is valid";

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// By WebSocket.
    WebSocket,
    /// By Server-Sent Events.
    Sse,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// An item of a channel.
    Publication,
    /// Several of them in one.
    Batch,
    /// What was left out.
    Gap,
    /// Answers, heartbeats and what else the server says.
    Control,
}

impl Sent {
    const ALL: [Self; 4] = [Self::Publication, Self::Batch, Self::Gap, Self::Control];

    const fn name(self) -> &'static str {
        match self {
            Self::Publication => "publication",
            Self::Batch => "batch",
            Self::Gap => "gap",
            Self::Control => "control",
        }
    }
}

/// Why a connection was refused before it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No principal.
    Unauthenticated,
    /// A page of another site.
    Origin,
    /// The rights don't reach.
    Forbidden,
    /// The user has too many.
    TooManyOfUser,
    /// Too many came from one address.
    TooFast,
    /// Too many come at once.
    Crowd,
    /// The server has too many.
    TooMany,
    /// The server stops.
    Stopping,
}

impl Transport {
    const ALL: [Self; 2] = [Self::WebSocket, Self::Sse];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
        }
    }
}

impl Refused {
    const ALL: [Self; 8] = [
        Self::Unauthenticated,
        Self::Origin,
        Self::Forbidden,
        Self::TooManyOfUser,
        Self::TooFast,
        Self::Crowd,
        Self::TooMany,
        Self::Stopping,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Origin => "origin",
            Self::Forbidden => "forbidden",
            Self::TooManyOfUser => "user_limit",
            Self::TooFast => "address_rate",
            Self::Crowd => "server_rate",
            Self::TooMany => "server_limit",
            Self::Stopping => "stopping",
        }
    }
}

/// The gateway's counters.
#[derive(Debug)]
pub struct Telemetry {
    pub(crate) connections_total: IntCounter,
    messages_sent: IntCounterVec,
    latency: Latency,
    pub(crate) messages_received: IntCounter,
    errors: IntCounterVec,
    connections: IntGaugeVec,
    pub(crate) greeting: IntGauge,
    pub(crate) subscriptions: IntGauge,
    refused: IntCounterVec,
    closed: IntCounterVec,
    gaps: IntCounterVec,
    dropped: IntCounterVec,
    pub(crate) events_sent: IntCounter,
    pub(crate) too_costly: IntCounter,
    pub(crate) output: Output,
}

impl Telemetry {
    /// All at zero.
    pub fn new() -> Self {
        let telemetry = Self {
            connections_total: counter(
                "websocket_connections_total",
                "WebSocket connections that were opened.",
            ),
            messages_sent: counters(
                "websocket_messages_sent_total",
                "Frames given to WebSocket clients; a batch counts as one.",
                "type",
            ),
            latency: Latency::new(
                "websocket_message_latency_seconds",
                "From a publication's timestamp to its writing to a client that keeps up.",
            )
            .expect(VALID),
            messages_received: counter(
                "websocket_messages_received_total",
                "Messages read from WebSocket clients.",
            ),
            errors: counters(
                "websocket_errors_total",
                "Commands that were answered with an error.",
                "reason",
            ),
            connections: gauges(
                "vigil_gateway_connections",
                "Connections that are open now.",
                "transport",
            ),
            greeting: gauge(
                "vigil_gateway_greeting",
                "WebSockets that have not said yet who they are.",
            ),
            subscriptions: gauge(
                "vigil_gateway_subscriptions",
                "Subscriptions that are open now.",
            ),
            refused: counters(
                "vigil_gateway_refused_total",
                "Connections that were refused before they began.",
                "reason",
            ),
            closed: counters(
                "vigil_gateway_closed_total",
                "WebSocket connections that the server closed.",
                "code",
            ),
            gaps: counters(
                "vigil_gateway_gaps_total",
                "Gaps that were declared to clients.",
                "reason",
            ),
            dropped: counters(
                "vigil_gateway_dropped_total",
                "Publications that a client did not get and was told so, at most.",
                "reason",
            ),
            events_sent: counter(
                "vigil_gateway_sse_events_total",
                "Publications given to SSE clients.",
            ),
            too_costly: too_costly(),
            output: Output::new(),
        };
        telemetry.name_every_label();
        telemetry
    }

    /// How many connections are open now, of every transport.
    pub fn open_connections(&self) -> u64 {
        Transport::ALL
            .iter()
            .map(|transport| self.open(*transport).get().unsigned_abs())
            .sum()
    }

    /// Shows the counters where metrics are gathered.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.connections_total.clone()))?;
        registry.register(Box::new(self.messages_sent.clone()))?;
        registry.register(Box::new(self.latency.clone()))?;
        registry.register(Box::new(self.messages_received.clone()))?;
        registry.register(Box::new(self.errors.clone()))?;
        registry.register(Box::new(self.connections.clone()))?;
        registry.register(Box::new(self.greeting.clone()))?;
        registry.register(Box::new(self.subscriptions.clone()))?;
        registry.register(Box::new(self.refused.clone()))?;
        registry.register(Box::new(self.closed.clone()))?;
        registry.register(Box::new(self.gaps.clone()))?;
        registry.register(Box::new(self.dropped.clone()))?;
        registry.register(Box::new(self.too_costly.clone()))?;
        self.output.register(registry)?;
        registry.register(Box::new(self.events_sent.clone()))
    }

    /// A label that was never counted is shown as zero, so that alerts on rates work from the start.
    fn name_every_label(&self) {
        for code in ErrorCode::ALL {
            self.errors.with_label_values(&[code.name()]);
        }
        for sent in Sent::ALL {
            self.messages_sent.with_label_values(&[sent.name()]);
        }
        for code in CloseCode::ALL {
            self.closed.with_label_values(&[code.name()]);
        }
        for reason in Refused::ALL {
            self.refused.with_label_values(&[reason.name()]);
        }
        for reason in GapReason::ALL {
            self.gaps.with_label_values(&[reason.name()]);
            self.dropped.with_label_values(&[reason.name()]);
        }
        for transport in Transport::ALL {
            self.open(transport);
        }
    }

    pub(crate) fn sent(&self, what: Sent, count: u64) {
        self.messages_sent
            .with_label_values(&[what.name()])
            .inc_by(count);
    }

    /// How many frames were sent in all.
    pub(crate) fn sent_in_all(&self) -> u64 {
        let one = |sent: Sent| self.messages_sent.with_label_values(&[sent.name()]).get();
        Sent::ALL.into_iter().map(one).sum()
    }

    /// So many were sent what was published so long ago.
    pub(crate) fn delivered_to(&self, count: u64, milliseconds: i64) {
        self.latency
            .observe(count, u64::try_from(milliseconds).unwrap_or_default());
    }

    pub(crate) fn error(&self, code: ErrorCode) {
        self.errors.with_label_values(&[code.name()]).inc();
    }

    pub(crate) fn refused(&self, reason: Refused) {
        self.refused.with_label_values(&[reason.name()]).inc();
    }

    pub(crate) fn closed(&self, code: CloseCode) {
        self.closed.with_label_values(&[code.name()]).inc();
    }

    pub(crate) fn gap(&self, reason: GapReason, missed: u64) {
        self.gaps.with_label_values(&[reason.name()]).inc();
        self.dropped
            .with_label_values(&[reason.name()])
            .inc_by(missed);
    }

    pub(crate) fn open(&self, transport: Transport) -> IntGauge {
        self.connections.with_label_values(&[transport.name()])
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

/// One more on a gauge for as long as this lives.
#[derive(Debug)]
pub(crate) struct Counted(IntGauge);

impl Counted {
    pub(crate) fn on(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What filters left out unasked.
pub(crate) fn too_costly() -> IntCounter {
    counter(
        "vigil_gateway_filter_too_costly_total",
        "Items that hold too much for a filter, which did not let them through; each once for a filter.",
    )
}

pub(crate) fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(name, help).expect(VALID)
}

pub(crate) fn gauges(name: &str, help: &str, label: &str) -> IntGaugeVec {
    IntGaugeVec::new(Opts::new(name, help), &[label]).expect(VALID)
}

pub(crate) fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::new(name, help).expect(VALID)
}

pub(crate) fn counters(name: &str, help: &str, label: &str) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), &[label]).expect(VALID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_shown_from_the_start() {
        let registry = Registry::new();
        let telemetry = Telemetry::new();
        telemetry.register(&registry).unwrap();
        telemetry.error(ErrorCode::Forbidden);
        telemetry.gap(GapReason::SlowConsumer, 5);
        let _budget = telemetry.output.budget(1_000);
        let shown = prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap();
        for line in [
            "websocket_connections_total 0",
            "websocket_messages_sent_total{type=\"batch\"} 0",
            "websocket_message_latency_seconds_count 0",
            "websocket_errors_total{reason=\"forbidden\"} 1",
            "vigil_gateway_connections{transport=\"sse\"} 0",
            "vigil_gateway_dropped_total{reason=\"slow_consumer\"} 5",
            "vigil_gateway_gaps_total{reason=\"retention\"} 0",
            "vigil_gateway_encoded_total{encoding=\"msgpack\"} 0",
            "vigil_gateway_compression_bytes_total{side=\"before\"} 0",
            "vigil_gateway_filter_too_costly_total 0",
            "vigil_gateway_queued_bytes{lane=\"critical\"} 0",
            "vigil_gateway_queue_limit_bytes 1000",
            "vigil_gateway_queue_full_total{lane=\"bulk\"} 0",
        ] {
            assert!(
                shown.lines().any(|shown| shown == line),
                "{line} is not in\n{shown}"
            );
        }
    }

    #[test]
    fn a_gauge_goes_down_again() {
        let telemetry = Telemetry::new();
        let one = Counted::on(&telemetry.subscriptions);
        assert_eq!(telemetry.subscriptions.get(), 1);
        drop(one);
        assert_eq!(telemetry.subscriptions.get(), 0);
    }
}
