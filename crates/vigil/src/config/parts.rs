//! What the parts of the program are made of, from what was configured.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Config, NamespaceConfig};

impl Config {
    /// The data directory, resolved.
    pub fn data_dir(&self) -> PathBuf {
        if !self.server.data_dir.as_os_str().is_empty() {
            return self.server.data_dir.clone();
        }
        if rustix::process::geteuid().is_root() {
            return PathBuf::from("/var/lib/vigil");
        }
        let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from);
        std::env::var_os("XDG_DATA_HOME")
            .map_or_else(|| home.join(".local/share"), PathBuf::from)
            .join("vigil")
    }

    /// Whether the port speaks TLS.
    pub fn has_tls(&self) -> bool {
        !self.server.tls_certificate.as_os_str().is_empty()
    }

    /// How URLs of the server begin.
    fn scheme(&self) -> &'static str {
        if self.has_tls() { "https" } else { "http" }
    }

    /// The URL under which a server that listens there is asked: by the first name that is configured
    /// where it speaks TLS, since such a name is what its certificate is for.
    pub fn url(&self, address: SocketAddr) -> String {
        let name = self.server.allowed_hosts.first();
        match name.filter(|_| self.has_tls()) {
            Some(name) => format!("https://{name}:{}", address.port()),
            None => format!("{}://{address}", self.scheme()),
        }
    }

    /// The rules that are to be loaded.
    pub fn rule_sources(&self) -> crate::rules::RuleSources {
        let directory = &self.detect.rules_dir;
        crate::rules::RuleSources {
            directory: (!directory.as_os_str().is_empty()).then(|| directory.clone()),
            foreign: self.detect.sigma_dirs.clone(),
            placeholders: self.detect.placeholders.clone(),
            crs: self.detect.crs_dirs.clone(),
            crs_paranoia: Some(self.detect.crs_paranoia_level).filter(|level| *level > 0),
        }
    }

    /// How many detection threads there are to be.
    pub fn detection_threads(&self) -> usize {
        match self.detect.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads,
        }
    }

    /// How often the state of behaviour is saved; none if it is not kept.
    pub fn save_state_every(&self) -> Option<Duration> {
        let seconds = u64::from(self.detect.save_state_seconds);
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    /// How far ahead of when it is read a record's time may lie, in milliseconds; none: any distance.
    pub fn max_ahead_ms(&self) -> Option<i64> {
        let seconds = i64::from(self.decode.max_ahead_seconds);
        (seconds > 0).then_some(seconds * 1_000)
    }

    /// The proxies that are believed.
    pub fn proxies(&self) -> vigil_decode::Proxies {
        vigil_decode::Proxies::new(self.decode.trusted_proxies.clone())
    }

    /// The limits of windows, correlations, risk and the rest, for one detection thread.
    pub fn detector_options(&self) -> vigil_detect::DetectorOptions {
        let correlations = &self.detect.correlations;
        vigil_detect::DetectorOptions {
            windows: self.window_options(),
            correlations: vigil_detect::CorrelationOptions {
                max_groups: correlations.max_groups,
                max_entries: correlations.max_entries,
            },
            risk: self.detect.risk.options(),
            profiles: self.detect.profiles.options(),
            spread: self.detect.thin_scans.options(self.detect.alert_severity),
        }
    }

    /// The databases of places and networks.
    pub fn enrich_options(&self) -> vigil_enrich::EnrichOptions {
        let named = |path: &Path| (!path.as_os_str().is_empty()).then(|| path.to_owned());
        vigil_enrich::EnrichOptions {
            country_database: named(&self.enrich.country_database),
            city_database: named(&self.enrich.city_database),
            asn_database: named(&self.enrich.asn_database),
        }
    }

    /// The most alerts that are opened for one minute, if there is a limit.
    pub fn alert_limit(&self) -> Option<u32> {
        Some(self.detect.new_alerts_per_minute).filter(|limit| *limit > 0)
    }

    /// The database in the data directory.
    pub fn database(&self) -> PathBuf {
        self.data_dir().join("vigil.db")
    }

    /// The namespaces of rooms: those that are always there, changed and added to.
    pub fn namespaces(&self) -> BTreeMap<String, NamespaceConfig> {
        let with_presence = NamespaceConfig {
            presence: true,
            ..NamespaceConfig::default()
        };
        let mut namespaces = BTreeMap::from([
            ("investigations".to_owned(), with_presence.clone()),
            ("chat".to_owned(), with_presence),
            ("analysis".to_owned(), NamespaceConfig::default()),
            ("user".to_owned(), NamespaceConfig::default()),
        ]);
        namespaces.extend(self.stream.namespaces.clone());
        namespaces
    }

    /// The windows' limits.
    fn window_options(&self) -> vigil_detect::WindowOptions {
        let windows = &self.detect.windows;
        vigil_detect::WindowOptions {
            period_ms: i64::from(windows.period_seconds) * 1_000,
            request_rate: windows.request_rate,
            error_ratio: windows.error_ratio,
            error_minimum: windows.error_minimum,
            path_spread: windows.path_spread,
            scan_test: windows.scan_test,
            max_addresses: windows.max_addresses,
            ..vigil_detect::WindowOptions::default()
        }
    }
}
