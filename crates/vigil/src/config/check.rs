//! What values may be. A value outside its bounds is told with its key, and with what it must be.

use super::{
    Config, CorrelationsConfig, DetectConfig, SourceConfig, StoreConfig, StreamConfig,
    WindowsConfig,
};

/// `key: what it must be`, for each value that is not.
type Problems = Vec<&'static str>;

impl Config {
    /// What is wrong with the values. Empty when all is well.
    pub(super) fn problems(&self) -> Problems {
        let mut problems = Problems::new();
        self.source.check(&mut problems);
        self.detect.check(&mut problems);
        self.detect.windows.check(&mut problems);
        self.detect.correlations.check(&mut problems);
        self.store.check(&mut problems);
        self.stream.check(&mut problems);
        problems
    }
}

/// Notes the problem unless all is well.
fn expect(problems: &mut Problems, well: bool, problem: &'static str) {
    if !well {
        problems.push(problem);
    }
}

impl SourceConfig {
    fn check(&self, problems: &mut Problems) {
        let longest = self.max_line_bytes;
        expect(
            problems,
            (1_024..=64 << 20).contains(&longest),
            "source.max_line_bytes: must be 1024 to 67108864",
        );
        expect(
            problems,
            (256..=longest).contains(&self.keep_line_bytes),
            "source.keep_line_bytes: must be 256 to source.max_line_bytes",
        );
        expect(
            problems,
            self.logs.iter().all(|log| !log.path.is_empty()),
            "source.logs.path: must not be empty",
        );
    }
}

impl DetectConfig {
    fn check(&self, problems: &mut Problems) {
        expect(
            problems,
            self.threads <= 256,
            "detect.threads: must be at most 256",
        );
        let threshold = self.threat_threshold;
        expect(
            problems,
            (0.1..=10.0).contains(&threshold),
            "detect.threat_threshold: must be 0.1 to 10.0",
        );
        expect(
            problems,
            (1..=10_080).contains(&self.alert_window_minutes),
            "detect.alert_window_minutes: must be 1 to 10080 (a week)",
        );
    }
}

impl WindowsConfig {
    fn check(&self, problems: &mut Problems) {
        expect(
            problems,
            (1..=86_400).contains(&self.period_seconds),
            "detect.windows.period_seconds: must be 1 to 86400",
        );
        let ratio = self.error_ratio;
        expect(
            problems,
            (0.01..=1.0).contains(&ratio),
            "detect.windows.error_ratio: must be 0.01 to 1.0",
        );
        expect(
            problems,
            self.request_rate > 0,
            "detect.windows.request_rate: must be at least 1",
        );
        expect(
            problems,
            self.path_spread > 0,
            "detect.windows.path_spread: must be at least 1",
        );
        expect(
            problems,
            (1_000..=10_000_000).contains(&self.max_addresses),
            "detect.windows.max_addresses: must be 1000 to 10000000",
        );
    }
}

impl CorrelationsConfig {
    fn check(&self, problems: &mut Problems) {
        expect(
            problems,
            (100..=10_000_000).contains(&self.max_groups),
            "detect.correlations.max_groups: must be 100 to 10000000",
        );
        expect(
            problems,
            (100_000..=1_000_000_000).contains(&self.max_entries),
            "detect.correlations.max_entries: must be 100000 to 1000000000",
        );
    }
}

impl StoreConfig {
    fn check(&self, problems: &mut Problems) {
        expect(
            problems,
            (1..=36_500).contains(&self.retention_days),
            "store.retention_days: must be 1 to 36500",
        );
        expect(
            problems,
            (16..=1 << 30).contains(&self.max_size_mib),
            "store.max_size_mib: must be 16 to 1073741824",
        );
    }
}

impl StreamConfig {
    fn check(&self, problems: &mut Problems) {
        expect(
            problems,
            (100..=1_000_000).contains(&self.history_messages),
            "stream.history_messages: must be 100 to 1000000",
        );
        expect(
            problems,
            (1..=65_536).contains(&self.history_mib),
            "stream.history_mib: must be 1 to 65536",
        );
        expect(
            problems,
            self.connections_per_user > 0,
            "stream.connections_per_user: must be at least 1",
        );
        expect(
            problems,
            self.connections > 0,
            "stream.connections: must be at least 1",
        );
    }
}
