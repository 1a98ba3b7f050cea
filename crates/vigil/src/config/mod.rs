//! The configuration: one typed struct, each key documented, validated before anything starts.
//!
//! Values come from a TOML file, then `VIGIL_…` from the environment, then command-line flags; the
//! later wins ([`layers`]). The reference that `vigil config --explain` prints is made from the doc
//! comments below ([`reference`]).

mod check;
mod issuer;
pub mod layers;
mod noise;
mod parts;
mod profile;
pub mod reference;
mod risk;
mod stream;
mod thin_scans;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigil_auth::Role;
use vigil_decode::Format;
use vigil_event::Severity;

pub use issuer::IssuerConfig;
pub(crate) use issuer::is_safe;
pub use layers::{ConfigError, Overrides, load};
pub use noise::{AllowConfig, AllowedRuleConfig, BotConfig, ListConfig, ListPurpose};
pub use profile::ProfilesConfig;
pub use risk::RiskConfig;
pub use stream::{NamespaceConfig, StreamConfig};
pub use thin_scans::ThinScansConfig;

/// Everything that can be configured.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the server listens and to whom it answers.
    pub server: ServerConfig,
    /// What is read.
    pub source: SourceConfig,
    /// How a record becomes an event.
    pub decode: DecodeConfig,
    /// What local tables add to an event.
    pub enrich: EnrichConfig,
    /// How events are judged.
    pub detect: DetectConfig,
    /// What is kept, and for how long.
    pub store: StoreConfig,
    /// The channels that clients follow.
    pub stream: StreamConfig,
    /// Who may do what.
    pub auth: AuthConfig,
}

/// Where the server listens and to whom it answers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The address and port to listen on. Anything but loopback is reachable by others.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// The directory for the database, the secret key and the admin token. Empty: `/var/lib/vigil`
    /// for root, else `~/.local/share/vigil`.
    pub data_dir: PathBuf,
    /// The name of this machine on threats and connections. Empty: the host name.
    pub node: String,
    /// Host names, besides this machine's loopback names and the listening address, under which
    /// the server may be asked for.
    pub allowed_hosts: Vec<String>,
    /// Origins of other sites whose pages may open sockets, such as `https://soc.example`.
    pub allowed_origins: Vec<String>,
    /// The server's certificate and those between it and its authority, as PEM: with it and its key
    /// the port speaks TLS (1.2 or 1.3) only. Empty: plain HTTP. Both files are read again whenever
    /// they change; a pair that cannot be used leaves the one in use.
    pub tls_certificate: PathBuf,
    /// The certificate's private key, as PEM.
    pub tls_key: PathBuf,
    /// Connections that one address may have open at a time and that are no WebSockets. This machine's
    /// own addresses are not counted; a proxy on another machine may need more.
    pub connections_per_address: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8082)),
            data_dir: PathBuf::new(),
            node: String::new(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            connections_per_address: 512,
        }
    }
}

/// What is read.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceConfig {
    /// The logs to follow.
    pub logs: Vec<LogConfig>,
    /// Read a log that was never read before from its beginning instead of its end.
    pub from_start: bool,
    /// At most this many bytes of a line are read; the rest of it is skipped and counted.
    pub max_line_bytes: usize,
    /// A longer line is cut to this many bytes and marked as truncated.
    pub keep_line_bytes: usize,
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            logs: Vec::new(),
            from_start: false,
            max_line_bytes: 1 << 20,
            keep_line_bytes: 64 << 10,
        }
    }
}

/// One log to follow, or several by a pattern.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A path, or a pattern such as `/var/log/nginx/*.log`.
    pub path: String,
    /// The line format: auto, combined, common, vhost_combined, json, opencanary, zeek, suricata,
    /// syslog, nginx_error or apache_error.
    #[serde(default)]
    #[schemars(with = "String")]
    pub format: Format,
}

/// How a record becomes an event.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DecodeConfig {
    /// Networks of proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`.
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
    /// A record whose time lies further ahead of when it is read than so many seconds counts as of
    /// when it is read, and the clock that wrote it as wrong. 0: every time is believed.
    pub max_ahead_seconds: u32,
}

impl Default for DecodeConfig {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            max_ahead_seconds: 600,
        }
    }
}

/// What local tables add to an event.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EnrichConfig {
    /// A country database in MaxMind's format. Empty: no countries. This and the other files below
    /// are read again whenever they change.
    pub country_database: PathBuf,
    /// A city database in MaxMind's format, for cities and coordinates. Empty: none, unless the
    /// country database has them.
    pub city_database: PathBuf,
    /// A network (ASN) database in MaxMind's format. Empty: no networks.
    pub asn_database: PathBuf,
    /// Lists of addresses.
    pub lists: Vec<ListConfig>,
}

/// How events are judged.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DetectConfig {
    /// Detection threads. 0: one for each processor.
    pub threads: usize,
    /// A directory of rules to use instead of the built-in ones. Empty: the built-in ones.
    pub rules_dir: PathBuf,
    /// Directories of rules written for others, added to those above: Sigma rules, and scenarios of
    /// CrowdSec with the lists (`.txt`) they name. What lacks has a default, what cannot be loaded is left
    /// out and listed.
    pub sigma_dirs: Vec<PathBuf>,
    /// Directories of OWASP CRS, or files that include it, added to the rules above: the rules for
    /// requests, as they are. What cannot be loaded is left out and listed.
    pub crs_dirs: Vec<PathBuf>,
    /// The paranoia level of OWASP CRS, 1 to 4. 0: as its own setup says.
    pub crs_paranoia_level: u8,
    /// What `%name%` stands for in the values of rules with `|expand`: a list of texts, in which `*` and
    /// `?` are wildcards, for each name.
    pub placeholders: BTreeMap<String, Vec<String>>,
    /// From this score up an event is a threat: stored and published.
    pub threat_threshold: f64,
    /// From this severity up a threat opens or grows an alert.
    #[schemars(with = "String")]
    pub alert_severity: Severity,
    /// Threats of one source within this many minutes are one alert.
    pub alert_window_minutes: u32,
    /// When more alerts than this are opened for one minute, further threats are gathered in one
    /// alert, `alert_flood`. 0: no limit.
    pub new_alerts_per_minute: u32,
    /// What windows, correlations, buckets and risk have counted, and who is known, is saved in the data
    /// directory this often, in seconds, and at a graceful stop; a start goes on with it. 1 to 86400. 0:
    /// it is in memory only.
    pub save_state_seconds: u32,
    /// What one client address may do over time.
    pub windows: WindowsConfig,
    /// What correlation rules and leaky buckets may remember.
    pub correlations: CorrelationsConfig,
    /// How evidence about somebody adds up.
    pub risk: RiskConfig,
    /// When a scan that is spread over many networks is told.
    pub thin_scans: ThinScansConfig,
    /// What is learned of each site from its own traffic.
    pub profiles: ProfilesConfig,
    /// What is let pass.
    pub allow: AllowConfig,
}

impl Default for DetectConfig {
    fn default() -> Self {
        Self {
            threads: 0,
            rules_dir: PathBuf::new(),
            sigma_dirs: Vec::new(),
            crs_dirs: Vec::new(),
            crs_paranoia_level: 0,
            placeholders: BTreeMap::new(),
            threat_threshold: 5.0,
            alert_severity: Severity::High,
            alert_window_minutes: 60,
            new_alerts_per_minute: 100,
            save_state_seconds: 60,
            windows: WindowsConfig::default(),
            correlations: CorrelationsConfig::default(),
            risk: RiskConfig::default(),
            thin_scans: ThinScansConfig::default(),
            profiles: ProfilesConfig::default(),
            allow: AllowConfig::default(),
        }
    }
}

/// What correlation rules and leaky buckets may remember.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CorrelationsConfig {
    /// The most groups of one correlation on each detection thread. What has expired makes room first, then
    /// what was seen seldom. A plain leaky bucket takes about 60 bytes a group.
    pub max_groups: usize,
    /// The most moments, values and steps in all groups together on each detection thread, each of
    /// at most 24 bytes.
    pub max_entries: usize,
}

impl Default for CorrelationsConfig {
    fn default() -> Self {
        let correlations = vigil_detect::CorrelationOptions::default();
        Self {
            max_groups: correlations.max_groups,
            max_entries: correlations.max_entries,
        }
    }
}

/// What one client address may do over time.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WindowsConfig {
    /// The windows' length in seconds.
    pub period_seconds: u32,
    /// This many requests in a window fire.
    pub request_rate: u32,
    /// This share of failed requests (4xx and 5xx, 0.0 to 1.0) fires.
    pub error_ratio: f64,
    /// With fewer requests than this in a window the share says nothing.
    pub error_minimum: u32,
    /// This many different paths in a window fire; static files that were served do not count.
    pub path_spread: u32,
    /// Tell addresses that try names: of the paths they ask for the first time, too many are not there.
    pub scan_test: bool,
    /// The most addresses held at once by each detection thread; the coldest make room.
    pub max_addresses: usize,
}

impl Default for WindowsConfig {
    fn default() -> Self {
        let windows = vigil_detect::WindowOptions::default();
        Self {
            period_seconds: (windows.period_ms / 1_000) as u32,
            request_rate: windows.request_rate,
            error_ratio: windows.error_ratio,
            error_minimum: windows.error_minimum,
            path_spread: windows.path_spread,
            scan_test: windows.scan_test,
            max_addresses: windows.max_addresses,
        }
    }
}

/// What is kept, and for how long.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Threats, and alerts that nothing was added to, are deleted after this many days.
    pub retention_days: u32,
    /// When the database grows past this many MiB, the oldest threats and alerts are deleted.
    pub max_size_mib: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            retention_days: 90,
            max_size_mib: 4_096,
        }
    }
}

/// Who may do what.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Keys for machines, sent as `X-API-Key`.
    pub api_keys: Vec<ApiKeyConfig>,
    /// Others whose tokens are accepted.
    pub issuers: Vec<IssuerConfig>,
}

/// A key for a machine.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyConfig {
    /// Who it is, in logs and in an alert's history.
    pub name: String,
    /// What it may do: viewer, analyst, admin or service.
    #[schemars(with = "String")]
    pub role: Role,
    /// The file that holds the key, at least 20 characters, readable by its owner only.
    pub key_file: PathBuf,
}
