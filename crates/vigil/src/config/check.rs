//! What values may be. A value outside its bounds is told with its key, and with what it must be.

use std::path::PathBuf;

use super::{
    AllowConfig, Config, CorrelationsConfig, DetectConfig, EnrichConfig, ServerConfig,
    SourceConfig, StoreConfig, WindowsConfig,
};

/// `key: what it must be`, for each value that is not.
pub(super) type Problems = Vec<&'static str>;

impl Config {
    /// What is wrong with the values. Empty when all is well.
    pub(super) fn problems(&self) -> Problems {
        let mut problems = Problems::new();
        self.server.check(&mut problems);
        self.source.check(&mut problems);
        self.detect.check(&mut problems);
        self.detect.windows.check(&mut problems);
        self.detect.correlations.check(&mut problems);
        problems.extend(self.detect.risk.problems());
        problems.extend(self.detect.thin_scans.problems());
        self.detect.profiles.check(&mut problems);
        self.detect.allow.check(&mut problems);
        self.enrich.check(&mut problems);
        self.store.check(&mut problems);
        self.stream.check(&mut problems);
        problems.extend(super::issuer::problems(&self.auth.issuers));
        problems
    }
}

/// Notes the problem unless all is well.
pub(super) fn expect(problems: &mut Problems, well: bool, problem: &'static str) {
    if !well {
        problems.push(problem);
    }
}

impl ServerConfig {
    fn check(&self, problems: &mut Problems) {
        let is_given = |path: &PathBuf| !path.as_os_str().is_empty();
        expect(
            problems,
            is_given(&self.tls_certificate) == is_given(&self.tls_key),
            "server.tls_certificate: must be given with server.tls_key, and that with it",
        );
        expect(
            problems,
            self.connections_per_address > 0,
            "server.connections_per_address: must be at least 1",
        );
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
        expect(
            problems,
            self.crs_paranoia_level <= 4,
            "detect.crs_paranoia_level: must be 0 to 4",
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
        expect(
            problems,
            self.new_alerts_per_minute <= 100_000,
            "detect.new_alerts_per_minute: must be at most 100000",
        );
        expect(
            problems,
            self.save_state_seconds <= 86_400,
            "detect.save_state_seconds: must be at most 86400 (a day)",
        );
    }
}

impl AllowConfig {
    fn check(&self, problems: &mut Problems) {
        let is_path = |path: &String| path.starts_with(['/', '*']);
        expect(
            problems,
            self.networks
                .iter()
                .all(|text| crate::tables::network(text).is_some()),
            "detect.allow.networks: must be addresses or networks, such as 192.0.2.0/24; for a file use enrich.lists",
        );
        expect(
            problems,
            self.paths.iter().all(is_path)
                && self.rules.iter().all(|allowed| is_path(&allowed.path)),
            "detect.allow: a path must begin with / or *",
        );
        expect(
            problems,
            self.rules.iter().all(|allowed| !allowed.rule.is_empty()),
            "detect.allow.rules.rule: must be a rule's id, a family or *",
        );
        expect(
            problems,
            self.bots.iter().all(|bot| {
                !bot.networks.is_empty()
                    && !bot.user_agents.is_empty()
                    && bot.user_agents.iter().all(|text| text.len() >= 3)
            }),
            "detect.allow.bots: a bot needs networks, and user_agents of three letters or more",
        );
        expect(
            problems,
            self.bots
                .iter()
                .all(|bot| (0.0..=10.0).contains(&bot.false_score)),
            "detect.allow.bots.false_score: must be 0.0 to 10.0",
        );
    }
}

impl EnrichConfig {
    fn check(&self, problems: &mut Problems) {
        let is_name = |name: &str| {
            (1..=64).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let names: std::collections::BTreeSet<_> =
            self.lists.iter().map(|list| list.name.as_str()).collect();
        expect(
            problems,
            self.lists.len() <= 64,
            "enrich.lists: must be at most 64",
        );
        expect(
            problems,
            names.len() == self.lists.len() && names.iter().all(|name| is_name(name)),
            "enrich.lists.name: must be letters, digits, -, _ and ., at most 64, and each only once",
        );
        expect(
            problems,
            self.lists
                .iter()
                .all(|list| list.score.is_none_or(|score| (0.0..=10.0).contains(&score))),
            "enrich.lists.score: must be 0.0 to 10.0",
        );
        expect(
            problems,
            self.lists
                .iter()
                .all(|list| list.worst_score.is_finite() && list.worst_score > 0.0),
            "enrich.lists.worst_score: must be more than 0",
        );
        let has_column = |list: &super::ListConfig| {
            !list.column.is_empty()
                || (list.score_column.is_empty() && list.label_column.is_empty())
        };
        expect(
            problems,
            self.lists.iter().all(has_column),
            "enrich.lists.column: must name the address's column where score_column or label_column is set",
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
