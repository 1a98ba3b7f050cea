//! What the gateway counts of the messages that it makes, and of what waits to be written.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use crate::frame::form::Encoding;
use crate::telemetry::{counter, counters, gauge, gauges};
use crate::wire::budget::{Budget, Way};

/// What is measured of a message that is compressed.
const BEFORE: &str = "before";
const AFTER: &str = "after";

/// Counts what is made and shows what waits.
#[derive(Debug)]
pub(crate) struct Output {
    encoded: IntCounterVec,
    encoded_bytes: IntCounterVec,
    compressed: IntCounter,
    compression_bytes: IntCounterVec,
    waiting: IntGaugeVec,
    limit_bytes: IntGauge,
    queue_full: IntCounterVec,
}

impl Output {
    /// All at zero.
    pub(crate) fn new() -> Self {
        let output = Self {
            encoded: counters(
                "vigil_gateway_encoded_total",
                "Forms of publications that were made, each once for all who hear it so.",
                "encoding",
            ),
            encoded_bytes: counters(
                "vigil_gateway_encoded_bytes_total",
                "How long they are.",
                "encoding",
            ),
            compressed: counter(
                "vigil_gateway_compressed_total",
                "Messages that were compressed, each once for all who hear it so.",
            ),
            compression_bytes: counters(
                "vigil_gateway_compression_bytes_total",
                "How long they were before, and after.",
                "side",
            ),
            waiting: gauges(
                "vigil_gateway_queued_bytes",
                "What waits to be written to WebSockets.",
                "lane",
            ),
            limit_bytes: gauge(
                "vigil_gateway_queue_limit_bytes",
                "How much may wait to be written to WebSockets.",
            ),
            queue_full: counters(
                "vigil_gateway_queue_full_total",
                "How often a connection got one message at a time since too much waits.",
                "lane",
            ),
        };
        output.name_every_label();
        output
    }

    /// Shows the counters where metrics are gathered.
    pub(crate) fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.encoded.clone()))?;
        registry.register(Box::new(self.encoded_bytes.clone()))?;
        registry.register(Box::new(self.compressed.clone()))?;
        registry.register(Box::new(self.compression_bytes.clone()))?;
        registry.register(Box::new(self.waiting.clone()))?;
        registry.register(Box::new(self.limit_bytes.clone()))?;
        registry.register(Box::new(self.queue_full.clone()))
    }

    fn name_every_label(&self) {
        for encoding in Encoding::ALL {
            self.encoded.with_label_values(&[encoding.name()]);
            self.encoded_bytes.with_label_values(&[encoding.name()]);
        }
        for side in [BEFORE, AFTER] {
            self.compression_bytes.with_label_values(&[side]);
        }
        for way in Way::ALL {
            self.waiting.with_label_values(&[way.name()]);
            self.queue_full.with_label_values(&[way.name()]);
        }
    }

    /// How much may wait to be written, and what shows how much does.
    pub(crate) fn budget(&self, limit_bytes: usize) -> Budget {
        self.limit_bytes
            .set(i64::try_from(limit_bytes).unwrap_or(i64::MAX));
        let waiting = Way::ALL.map(|way| self.waiting.with_label_values(&[way.name()]));
        Budget::new(limit_bytes, waiting)
    }

    /// A publication was put so.
    pub(crate) fn encoded(&self, encoding: Encoding, bytes: usize) {
        let label = &[encoding.name()];
        self.encoded.with_label_values(label).inc();
        self.encoded_bytes
            .with_label_values(label)
            .inc_by(bytes as u64);
    }

    /// A message was compressed.
    pub(crate) fn compressed(&self, before: usize, after: usize) {
        self.compressed.inc();
        for (side, bytes) in [(BEFORE, before), (AFTER, after)] {
            self.compression_bytes
                .with_label_values(&[side])
                .inc_by(bytes as u64);
        }
    }

    /// A connection gets one message at a time.
    pub(crate) fn queue_is_full(&self, way: Way) {
        self.queue_full.with_label_values(&[way.name()]).inc();
    }
}
