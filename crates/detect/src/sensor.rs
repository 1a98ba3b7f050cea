//! What the records of sensors say by themselves: a touch of a honeypot, a notice or an alert of the
//! network's sensor.
//!
//! Owns: how much each weighs against whom it is about, and an alert in words. Never holds: what is
//! known about anybody, rules.

use std::borrow::Cow;
use std::fmt::Write as _;

use vigil_event::{Event, Evidence, Field, LogKind, text};

/// What a touch of a honeypot scores: nobody has business there.
const HONEYPOT: f64 = 6.0;
/// What a notice of a network sensor scores.
const NOTICE: f64 = 4.0;
/// What an alert scores by its severity, 1 and 2. Everybody's traffic brings those of 3 and up, such
/// as odd segments.
const ALERT: [f64; 2] = [6.0, 4.0];
/// The longest name that is shown, in bytes.
const SHOWN_BYTES: usize = 160;

/// What a record says against whom it is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sensed<'a> {
    /// As of a rule: what says the same has the same.
    pub(crate) id: Cow<'a, str>,
    /// For people.
    pub(crate) title: Cow<'a, str>,
    /// As of a rule.
    pub(crate) score: f64,
}

impl<'a> Sensed<'a> {
    /// What the record says, whatever rules say of it.
    pub(crate) fn of(event: &'a Event) -> Option<Self> {
        let fixed = |id: &'static str, title: &'static str, score| Self {
            id: id.into(),
            title: title.into(),
            score,
        };
        match event.log {
            LogKind::OpenCanary => Some(fixed("risk-honeypot", "Touch of a Honeypot", HONEYPOT)),
            LogKind::Zeek if event.service() == b"notice" => {
                Some(fixed("risk-notice", "Notice of the Network Sensor", NOTICE))
            }
            _ => Alert::of(event)?.sensed(),
        }
    }
}

/// Whether the event is a request: one that a server or a sensor logged as such, each once.
pub(crate) fn is_request(event: &Event) -> bool {
    event.log == LogKind::Web
        || event.raw(Field::UrlOriginal).is_some() && Alert::of(event).is_none()
}

/// An alert of Suricata.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Alert<'a> {
    action: &'a [u8],
    signature: &'a [u8],
    generator: &'a [u8],
    id: &'a [u8],
    category: &'a [u8],
    severity: &'a [u8],
    flow: &'a [u8],
    address: &'a [u8],
    port: &'a [u8],
}

impl<'a> Alert<'a> {
    /// The alert that an event is.
    pub(crate) fn of(event: &'a Event) -> Option<Self> {
        if event.log != LogKind::Suricata || event.service() != b"alert" {
            return None;
        }
        let mut alert = Self::default();
        for (name, value) in event.labels() {
            let place = match name {
                b"alert.action" => &mut alert.action,
                b"alert.signature" => &mut alert.signature,
                b"alert.gid" => &mut alert.generator,
                b"alert.signature_id" => &mut alert.id,
                b"alert.category" => &mut alert.category,
                b"alert.severity" => &mut alert.severity,
                b"flow_id" => &mut alert.flow,
                b"dest_ip" => &mut alert.address,
                b"dest_port" => &mut alert.port,
                _ => continue,
            };
            if place.is_empty() {
                *place = value.text;
            }
        }
        Some(alert)
    }

    /// Whether the sensor kept what it saw from getting through.
    pub(crate) fn is_blocked(&self) -> bool {
        self.action == b"blocked"
    }

    /// Whether a rule matched by what the sensor says, and not by the request it saw.
    pub(crate) fn is_told_by(evidence: &[Evidence]) -> bool {
        evidence.iter().any(|one| one.field.starts_with("alert."))
    }

    /// Each signature is a sign of its own.
    fn sensed(&self) -> Option<Sensed<'a>> {
        let score = match self.severity {
            b"1" => ALERT[0],
            b"2" => ALERT[1],
            _ => return None,
        };
        let (generator, id) = (shown(self.generator), shown(self.id));
        Some(Sensed {
            id: format!("risk-ids-{generator}:{id}").into(),
            title: format!("IDS: {}", shown(self.signature)).into(),
            score,
        })
    }

    /// Such as `"ET SCAN Nikto" (1:2002677), Web Application Attack, severity 1, allowed; flow 7, to
    /// 192.0.2.80:443`.
    pub(crate) fn words(&self) -> String {
        let mut words = format!("\"{}\"", shown(self.signature));
        if !self.id.is_empty() {
            let (generator, id) = (shown(self.generator), shown(self.id));
            _ = write!(words, " ({generator}:{id})");
        }
        let named = |words: &mut String, before: &str, value: &[u8]| {
            if !value.is_empty() {
                _ = write!(words, "{before}{}", shown(value));
            }
        };
        named(&mut words, ", ", self.category);
        named(&mut words, ", severity ", self.severity);
        named(&mut words, ", ", self.action);
        named(&mut words, "; flow ", self.flow);
        named(&mut words, ", to ", self.address);
        if !self.address.is_empty() {
            named(&mut words, " port ", self.port);
        }
        words
    }
}

fn shown(bytes: &[u8]) -> String {
    let bytes = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    text::truncated(&text::escape_invalid(bytes), SHOWN_BYTES).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(severity: &[u8], labels: &[(&str, &[u8])]) -> Event {
        let mut event = Event::new();
        event.log = LogKind::Suricata;
        event.set_service(b"alert");
        event.add_label(b"alert.severity", severity);
        for (name, value) in labels {
            event.add_label(name.as_bytes(), value);
        }
        event
    }

    #[test]
    fn an_alert_weighs_by_its_severity_and_each_signature_by_itself() {
        let of = |severity: &[u8], id: &[u8]| {
            let event = alert(severity, &[("alert.gid", b"1"), ("alert.signature_id", id)]);
            Sensed::of(&event).map(|sensed| (sensed.id.into_owned(), sensed.score))
        };
        assert_eq!(of(b"1", b"7"), Some(("risk-ids-1:7".to_owned(), 6.0)));
        assert_eq!(of(b"2", b"8"), Some(("risk-ids-1:8".to_owned(), 4.0)));
        for severity in [&b"3"[..], b"4", b"", b"0", b"-1", b"1000"] {
            assert_eq!(of(severity, b"7"), None);
        }
        let mut flow = alert(b"1", &[]);
        flow.set_service(b"flow");
        assert_eq!(Sensed::of(&flow), None);
    }

    #[test]
    fn an_alert_is_told_in_words() {
        let event = alert(
            b"1",
            &[
                ("alert.signature", b"ET SCAN \xff"),
                ("alert.gid", b"1"),
                ("alert.signature_id", b"2002677"),
                ("alert.category", b"Web Application Attack"),
                ("alert.action", b"blocked"),
                ("flow_id", b"7"),
                ("dest_ip", b"192.0.2.80"),
                ("dest_port", b"443"),
            ],
        );
        let told = Alert::of(&event).unwrap();
        assert_eq!(
            told.words(),
            "\"ET SCAN \\xff\" (1:2002677), Web Application Attack, severity 1, blocked; flow 7, to 192.0.2.80 port 443"
        );
        assert!(told.is_blocked());
        assert_eq!(
            Alert::of(&alert(b"9", &[])).unwrap().words(),
            "\"\", severity 9"
        );
    }

    #[test]
    fn an_alert_about_a_request_is_no_second_request() {
        let mut event = alert(b"1", &[]);
        event.set(Field::UrlOriginal, b"/");
        assert!(!is_request(&event));
        event.set_service(b"http");
        assert!(is_request(&event));
    }
}
