//! Which log a record is from: what rules name under `logsource`.

/// The kind of log that a record was read as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogKind {
    /// A request to a web server or a proxy.
    #[default]
    Web,
    /// What an OpenCanary honeypot saw.
    OpenCanary,
    /// What Zeek saw on the network; which of its logs is the event's [`service`](crate::Event::service).
    Zeek,
    /// What Suricata saw on the network; of which type is the event's [`service`](crate::Event::service).
    Suricata,
    /// A message in a syslog file; whose is the event's [`service`](crate::Event::service).
    Syslog,
    /// A line of nginx's error log.
    NginxError,
    /// A line of Apache's error log.
    ApacheError,
}

impl LogKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Web,
        Self::OpenCanary,
        Self::Zeek,
        Self::Suricata,
        Self::Syslog,
        Self::NginxError,
        Self::ApacheError,
    ];

    /// The name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::OpenCanary => "opencanary",
            Self::Zeek => "zeek",
            Self::Suricata => "suricata",
            Self::Syslog => "syslog",
            Self::NginxError => "nginx_error",
            Self::ApacheError => "apache_error",
        }
    }
}
