//! The numbers a tailer counts.
//!
//! Owns: the counters and their names. Never holds: per-file state (see
//! [`FileStatus`](crate::FileStatus)), labels of many values.

use prometheus::{IntCounter, Registry};

/// Counters of one tailer; clones count together.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Records yielded (empty lines are none).
    pub lines: IntCounter,
    /// Bytes passed over in files, line ends included.
    pub bytes: IntCounter,
    /// Records cut because their line was too long.
    pub truncated_lines: IntCounter,
    /// Files that took the place of another under a tailed name.
    pub rotations: IntCounter,
    /// Files that were found shortened or rewritten in place.
    pub truncations: IntCounter,
    /// Files (or what was left of them) that could not be read before they were gone, compressed
    /// or failing: lines may be lost.
    pub lost_generations: IntCounter,
    /// Attempts to open or read a file that failed.
    pub read_errors: IntCounter,
}

impl Telemetry {
    pub(crate) fn new() -> Self {
        Self {
            lines: counter("vigil_source_lines_total", "Records read from log files."),
            bytes: counter(
                "vigil_source_read_bytes_total",
                "Bytes read from log files.",
            ),
            truncated_lines: counter(
                "vigil_source_lines_truncated_total",
                "Records cut because their line was too long.",
            ),
            rotations: counter(
                "vigil_source_rotations_total",
                "Log files that took the place of another under a tailed name.",
            ),
            truncations: counter(
                "vigil_source_truncations_total",
                "Log files that were found shortened or rewritten in place.",
            ),
            lost_generations: counter(
                "vigil_source_generations_dropped_total",
                "Log files that were gone, compressed or failing before they were read to the end.",
            ),
            read_errors: counter(
                "vigil_source_read_errors_total",
                "Attempts to open or read a log file that failed.",
            ),
        }
    }

    /// Adds the counters to a registry, under `vigil_source_…_total`.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        for counter in [
            &self.lines,
            &self.bytes,
            &self.truncated_lines,
            &self.rotations,
            &self.truncations,
            &self.lost_generations,
            &self.read_errors,
        ] {
            registry.register(Box::new(counter.clone()))?;
        }
        Ok(())
    }
}

/// The names are constants of this file, so this cannot fail; the test registers each.
fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(name, help).expect("a metric name that is a constant is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_registered_under_its_name() {
        let telemetry = Telemetry::new();
        let registry = Registry::new();
        telemetry.register(&registry).unwrap();
        telemetry.lines.inc_by(3);
        let families = registry.gather();
        assert_eq!(families.len(), 7);
        for family in &families {
            assert!(family.name().starts_with("vigil_source_"));
            assert!(family.name().ends_with("_total"));
        }
        let lines = families
            .iter()
            .find(|f| f.name() == "vigil_source_lines_total")
            .unwrap();
        assert_eq!(lines.get_metric()[0].get_counter().get_value() as u64, 3);
    }
}
