//! Which events a rule looks at: those of the log that its `logsource` names.
//!
//! *Input*: category, product and service. *Output*: whether an event is of that log. *Example*:
//! `{product: zeek, service: dns}`. *Limits*: what is not named may be anything; `definition` says
//! how a log is set up and chooses nothing.

use vigil_event::{Event, Field, LogKind};

/// The log that a rule is for, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct LogSource {
    category: Option<String>,
    product: Option<String>,
    service: Option<String>,
}

/// What the events of a kind of log can be called.
struct Names<'a> {
    categories: &'static [&'static str],
    products: &'static [&'static str],
    services: &'static [&'static str],
    service: &'a [u8],
}

impl<'a> Names<'a> {
    /// A web server does not write into its access log which product it is: it may be any.
    /// Suricata's alerts are requests as well where it saw one.
    fn of(log: LogKind, service: &'a [u8], is_request: bool) -> Self {
        const REQUESTS: &[&str] = &["webserver", "proxy"];
        let (categories, products, services): (&[&str], &[&str], &[&str]) = match log {
            LogKind::Web => (REQUESTS, &["nginx", "apache"], &["nginx", "apache"]),
            LogKind::NginxError => (&[], &["nginx"], &["nginx"]),
            LogKind::ApacheError => (&[], &["apache"], &["apache"]),
            LogKind::OpenCanary => (&["application"], &["opencanary"], &[]),
            LogKind::Syslog => match service {
                b"sshd" => (&["authentication"], &["linux"], &["auth", "syslog"]),
                b"sudo" | b"su" | b"login" => (&[], &["linux"], &["auth", "syslog"]),
                _ => (&[], &["linux"], &["syslog"]),
            },
            LogKind::Suricata => match service {
                b"http" | b"alert" if is_request => (REQUESTS, &["suricata"], &[]),
                b"dns" => (&["dns"], &["suricata"], &[]),
                _ => (&[], &["suricata"], &[]),
            },
            LogKind::Zeek => match service {
                b"http" => (REQUESTS, &["zeek"], &[]),
                b"dns" => (&["dns"], &["zeek"], &[]),
                _ => (&[], &["zeek"], &[]),
            },
        };
        Self {
            categories,
            products,
            services,
            service,
        }
    }
}

impl LogSource {
    /// The log of these names.
    pub(crate) fn new(source: &rsigma_parser::LogSource) -> Self {
        let lower = |name: &Option<String>| name.as_ref().map(|name| name.to_ascii_lowercase());
        Self {
            category: lower(&source.category),
            product: lower(&source.product),
            service: lower(&source.service),
        }
    }

    /// Whether nothing is named.
    pub(crate) const fn is_empty(&self) -> bool {
        self.category.is_none() && self.product.is_none() && self.service.is_none()
    }

    /// Whether the fields of these events are those of requests and no others.
    pub(crate) fn is_web(&self) -> bool {
        matches!(self.category.as_deref(), Some("webserver" | "proxy"))
            && !matches!(self.product.as_deref(), Some("zeek" | "suricata"))
    }

    /// Whether the event is of this log.
    pub(crate) fn covers(&self, event: &Event) -> bool {
        let is_request = event.raw(Field::UrlOriginal).is_some();
        self.names(event.log, event.service(), is_request)
    }

    /// Whether some event can be of this log.
    pub(crate) fn can_be(&self) -> bool {
        let own = self.service.as_deref().unwrap_or_default();
        LogKind::ALL.into_iter().any(|log| {
            ["http", "dns", "sshd", own]
                .into_iter()
                .any(|service| self.names(log, service.as_bytes(), true))
        })
    }

    fn names(&self, log: LogKind, service: &[u8], is_request: bool) -> bool {
        let names = Names::of(log, service, is_request);
        let may_be = |wanted: &Option<String>, known: &[&str]| {
            wanted
                .as_deref()
                .is_none_or(|wanted| known.contains(&wanted))
        };
        let is_service = self.service.as_deref().is_none_or(|wanted| {
            names.services.contains(&wanted)
                || names.service.eq_ignore_ascii_case(wanted.as_bytes())
        });
        may_be(&self.category, names.categories)
            && may_be(&self.product, names.products)
            && is_service
    }

    /// Whether the other is this log or a part of it.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        let part =
            |mine: &Option<String>, others: &Option<String>| mine.is_none() || mine == others;
        part(&self.category, &other.category)
            && part(&self.product, &other.product)
            && part(&self.service, &other.service)
    }
}

impl std::fmt::Display for LogSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [&self.category, &self.product, &self.service];
        let named: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
        f.write_str(&named.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(category: &str, product: &str, service: &str) -> LogSource {
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        LogSource {
            category: named(category),
            product: named(product),
            service: named(service),
        }
    }

    #[test]
    fn rules_look_at_their_own_logs() {
        for (category, product, name, log, service, expected) in [
            ("webserver", "", "", LogKind::Web, "", true),
            ("proxy", "", "", LogKind::Web, "", true),
            ("webserver", "apache", "", LogKind::Web, "", true),
            ("webserver", "windows", "", LogKind::Web, "", false),
            ("", "", "nginx", LogKind::Web, "", true),
            ("", "", "nginx", LogKind::NginxError, "", true),
            ("", "", "nginx", LogKind::ApacheError, "", false),
            ("webserver", "", "", LogKind::NginxError, "", false),
            (
                "application",
                "opencanary",
                "",
                LogKind::OpenCanary,
                "",
                true,
            ),
            ("application", "opencanary", "", LogKind::Web, "", false),
            ("", "zeek", "dns", LogKind::Zeek, "dns", true),
            ("", "zeek", "dns", LogKind::Zeek, "http", false),
            ("", "zeek", "", LogKind::Zeek, "smb_files", true),
            ("webserver", "", "", LogKind::Zeek, "http", true),
            ("webserver", "", "", LogKind::Zeek, "dns", false),
            ("", "suricata", "alert", LogKind::Suricata, "alert", true),
            ("", "suricata", "alert", LogKind::Suricata, "http", false),
            ("", "suricata", "", LogKind::Zeek, "http", false),
            ("webserver", "", "", LogKind::Suricata, "http", true),
            ("webserver", "", "", LogKind::Suricata, "alert", true),
            ("webserver", "", "", LogKind::Suricata, "tls", false),
            ("dns", "", "", LogKind::Suricata, "dns", true),
            ("", "linux", "sshd", LogKind::Syslog, "sshd", true),
            ("", "linux", "auth", LogKind::Syslog, "sudo", true),
            ("", "linux", "sshd", LogKind::Syslog, "cron", false),
            ("process_creation", "linux", "", LogKind::Syslog, "", false),
        ] {
            let source = source(category, product, name);
            assert_eq!(
                source.names(log, service.as_bytes(), true),
                expected,
                "{source} {log:?}"
            );
            assert!(!expected || source.can_be(), "{source}");
        }
        let web = source("webserver", "", "");
        assert!(!web.names(LogKind::Suricata, b"alert", false), "no request");
        assert!(!source("process_creation", "windows", "").can_be());
        assert!(source("", "zeek", "smb_files").can_be());
    }

    #[test]
    fn a_filter_names_a_log_or_a_larger_one() {
        let web = source("webserver", "", "");
        assert!(source("", "", "").contains(&web) && web.contains(&web));
        assert!(web.contains(&source("webserver", "apache", "")));
        assert!(!source("webserver", "apache", "").contains(&web));
    }
}
