//! Making a threat of an event and its judgement, and finding the alert it belongs to.

use vigil_event::threat::{
    AutonomousSystem, Geo, Http, HttpRequest, HttpResponse, Original, Source, Stages, Url,
    UserAgent,
};
use vigil_event::{AlertKey, Detection, Event, Field, Id, RecordKey, Threat, Timestamp, text};

use crate::Judgement;

/// Where a threat's record came from, and what is known about its sender.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// The record's place.
    pub key: RecordKey,
    /// The record was cut.
    pub truncated: bool,
    /// The machine that read it.
    pub node: String,
    /// Where the client is, if known.
    pub geo: Option<Geo>,
    /// Whose network the client is in, if known.
    pub autonomous_system: Option<AutonomousSystem>,
    /// When the stages so far were done; the recorder sets `stored_at`.
    pub stages: Stages,
}

/// The threat that an event is. Its id follows from the record's place and time.
pub fn threat(event: &Event, judgement: Judgement, provenance: Provenance) -> Threat {
    let text_of = |field| {
        event
            .raw(field)
            .filter(|bytes| !bytes.is_empty())
            .map(text::escape_invalid)
    };
    Threat {
        id: provenance.key.id(event.occurred_at),
        occurred_at: event.occurred_at,
        score: judgement.score,
        severity: judgement.severity,
        outcome: judgement.outcome,
        source: Source {
            ip: event.source_ip,
            port: None,
            geo: provenance.geo,
            autonomous_system: provenance.autonomous_system,
        },
        http: Http {
            request: HttpRequest {
                method: text_of(Field::Method),
                referrer: text_of(Field::Referrer),
            },
            response: HttpResponse {
                status_code: (event.status != 0).then_some(event.status),
                body_bytes: (event.status != 0).then_some(event.body_bytes),
            },
            version: text_of(Field::HttpVersion),
        },
        url: Url {
            original: text_of(Field::UrlOriginal).unwrap_or_default(),
            path: text_of(Field::UrlPath).unwrap_or_default(),
            query: text_of(Field::UrlQuery),
            domain: text_of(Field::UrlDomain),
        },
        user_agent: UserAgent {
            original: text_of(Field::UserAgent),
        },
        event: Original {
            original: text_of(Field::EventOriginal).unwrap_or_default(),
            truncated: provenance.truncated,
            ingested: provenance.stages.read_at,
        },
        detections: judgement.detections,
        suppressed: judgement.suppressed,
        record: provenance.key,
        node: provenance.node,
        stages: provenance.stages,
    }
}

/// The threat that many together are, with the event that completed it: about its site, with no source.
/// Its id is another than that of the event's own threat.
pub fn threat_of_many(event: &Event, found: Detection, provenance: Provenance) -> Threat {
    let own = provenance.key.id(event.occurred_at);
    let id = Id::derived(
        event.occurred_at,
        &[b"many", own.as_bytes(), found.family.as_bytes()],
    );
    let judgement = Judgement::alone(found);
    let provenance = Provenance {
        geo: None,
        autonomous_system: None,
        ..provenance
    };
    let mut threat = threat(event, judgement, provenance);
    threat.id = id;
    threat.source.ip = None;
    threat
}

/// What a threat is grouped by: its source and the window of `window_ms` milliseconds of event time
/// that it falls in; where it has no source, its site and the family of its strongest detection.
pub fn alert_key(threat: &Threat, window_ms: i64) -> AlertKey {
    let window_ms = window_ms.max(1);
    let at = threat.occurred_at.as_millis();
    AlertKey {
        source_ip: threat.source.ip,
        family: threat
            .detections
            .first()
            .map(|detection| detection.family.clone())
            .unwrap_or_default(),
        host: threat
            .url
            .domain
            .clone()
            .filter(|_| threat.source.ip.is_none()),
        window_start: Timestamp::from_millis(at - at.rem_euclid(window_ms)),
    }
}

#[cfg(test)]
mod tests {
    use vigil_event::{Detection, Detector, Score, Severity, SourceId};

    use super::*;

    fn sample(at: i64, family: &str) -> Threat {
        let mut event = Event::new();
        event.occurred_at = Timestamp::from_millis(at);
        event.source_ip = Some("2001:db8::1".parse().unwrap());
        event.status = 404;
        event.set(Field::UrlOriginal, b"/a?\xff");
        event.set(Field::UserAgent, b"");
        let now = Timestamp::from_millis(at + 5);
        let detection = Detection {
            rule_id: "r".into(),
            title: "t".into(),
            family: family.into(),
            detector: Detector::Rule,
            score: Score::new(8.0),
            techniques: vec![],
            evidence: vec![],
            reason: None,
        };
        let judgement = Judgement {
            detections: vec![detection],
            suppressed: vec![],
            suppressed_by: vec![],
            score: Score::new(8.0),
            severity: Severity::High,
            outcome: vigil_event::Outcome::Attempt,
        };
        threat(
            &event,
            judgement,
            Provenance {
                key: RecordKey {
                    source: SourceId::new("/log"),
                    stream: "s".into(),
                    offset: 9,
                },
                truncated: false,
                node: "n".into(),
                geo: None,
                autonomous_system: None,
                stages: Stages {
                    read_at: now,
                    decoded_at: now,
                    detected_at: now,
                    stored_at: now,
                },
            },
        )
    }

    #[test]
    fn keeps_what_was_received_as_text() {
        let threat = sample(1_000, "scanner");
        assert_eq!(threat.url.original, "/a?\\xff");
        assert_eq!(threat.user_agent.original, None);
        assert_eq!(threat.http.response.status_code, Some(404));
        let json = serde_json::to_string(&threat).unwrap();
        assert_eq!(serde_json::from_str::<Threat>(&json).unwrap(), threat);
    }

    #[test]
    fn groups_by_source_and_window() {
        let hour = 3_600_000;
        let key = alert_key(&sample(hour + 1, "a"), hour);
        assert_eq!(key.window_start.as_millis(), hour);
        assert_eq!(key.id(), alert_key(&sample(2 * hour - 1, "a"), hour).id());
        assert_ne!(key.id(), alert_key(&sample(2 * hour, "a"), hour).id());
        assert_eq!(key.id(), alert_key(&sample(hour, "b"), hour).id());
        assert_ne!(key.id(), key.flood().id());
        let of_nobody = |family| {
            let mut threat = sample(hour, family);
            threat.source.ip = None;
            alert_key(&threat, hour).id()
        };
        assert_ne!(of_nobody("a"), of_nobody("b"));
    }
}
