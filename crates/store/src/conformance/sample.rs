//! Threats to try a store with, each made from a number: the same number, the same threat.

use std::net::IpAddr;

use vigil_event::detection::Detector;
use vigil_event::threat::{
    Geo, Http, HttpRequest, HttpResponse, Original, Source, Stages, Url, UserAgent,
};
use vigil_event::{
    AlertKey, Detection, Evidence, Outcome, RecordKey, Score, SourceId, Threat, Timestamp,
};

use crate::GroupedThreat;

/// 2026-11-20T12:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_176_000_000);

pub(crate) const HOUR_MS: i64 = 3_600_000;

const FAMILIES: [&str; 3] = ["sql_injection", "cross_site_scripting", "scanning"];

/// The threat of that number, `number` seconds after noon, grouped by its address and family.
pub(crate) fn grouped(number: u64) -> GroupedThreat {
    at(number, NOON.plus_millis(number.cast_signed() * 1_000))
}

/// The threat of that number at that moment.
pub(crate) fn at(number: u64, occurred_at: Timestamp) -> GroupedThreat {
    let threat = threat(number, occurred_at);
    let hour = occurred_at.as_millis() / HOUR_MS * HOUR_MS;
    let alert = AlertKey {
        source_ip: threat.source.ip,
        family: threat.detections[0].family.clone(),
        host: None,
        window_start: Timestamp::from_millis(hour),
    };
    GroupedThreat {
        threat,
        alert: Some(alert),
    }
}

/// Some threats that all belong to one alert.
pub(crate) fn of_one_alert(numbers: impl IntoIterator<Item = u64>) -> Vec<GroupedThreat> {
    // Address and family come round after 6 and 3 numbers.
    numbers
        .into_iter()
        .map(|number| grouped(number * 6))
        .collect()
}

/// Numbers without a pattern, the same ones every time: SplitMix64.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn address(number: u64) -> Option<IpAddr> {
    let text = match number % 6 {
        0 => "192.0.2.1",
        1 => "192.0.2.200",
        2 => "198.51.100.7",
        3 => "2001:db8::1",
        4 => "2001:db8:0:1::1",
        _ => return None,
    };
    text.parse().ok()
}

fn threat(number: u64, occurred_at: Timestamp) -> Threat {
    let record = RecordKey {
        source: SourceId::new("/var/log/nginx/access.log"),
        stream: "1f-00".to_owned(),
        offset: number * 100,
    };
    // Quarters survive being written as JSON.
    let score = Score::new(5.0 + (number % 20) as f64 * 0.25);
    let original = format!("/item/{}?id={number}'%20or%201=1_\"", number % 7);
    Threat {
        id: record.id(occurred_at),
        occurred_at,
        score,
        severity: score.severity(),
        outcome: Outcome::from_rank((number % 3) as u8),
        source: Source {
            ip: address(number),
            port: None,
            geo: number.is_multiple_of(6).then(|| Geo {
                country_iso_code: "NL".to_owned(),
                country_name: None,
                city_name: None,
                location: None,
            }),
            autonomous_system: None,
        },
        http: Http {
            request: HttpRequest {
                method: Some("GET".to_owned()),
                referrer: None,
            },
            response: HttpResponse {
                status_code: Some(404),
                body_bytes: Some(number),
            },
            version: Some("1.1".to_owned()),
        },
        url: Url {
            original: original.clone(),
            path: format!("/item/{}", number % 7),
            query: Some(format!("id={number}'%20or%201=1_\"")),
            domain: None,
        },
        user_agent: UserAgent {
            original: Some(format!("Mozilla/5.0 \"R\u{e9}ader\\{}\"", number % 4)),
        },
        event: Original {
            original: format!(
                "192.0.2.1 - - \"GET {original} HTTP/1.1\" 404 {number} <script>\u{1b}[31m"
            ),
            truncated: false,
            ingested: occurred_at.plus_millis(3),
        },
        detections: detections(number, score),
        suppressed: Vec::new(),
        record,
        node: "test".to_owned(),
        stages: Stages {
            read_at: occurred_at.plus_millis(3),
            decoded_at: occurred_at.plus_millis(3),
            detected_at: occurred_at.plus_millis(4),
            stored_at: occurred_at.plus_millis(5),
        },
    }
}

/// One detection or two.
fn detections(number: u64, score: Score) -> Vec<Detection> {
    let detection = |kind: usize| Detection {
        rule_id: format!("rule-{kind}"),
        title: format!("Attack of kind {kind}, {score}"),
        family: FAMILIES[kind].to_owned(),
        detector: Detector::Rule,
        score,
        techniques: vec!["T1190".to_owned()],
        evidence: vec![Evidence {
            field: "url.query".to_owned(),
            decodings: vec!["percent".to_owned()],
            start: 1,
            end: 7,
            matched: "' or 1=".to_owned(),
        }],
        reason: None,
    };
    let kind = (number % 3) as usize;
    if number.is_multiple_of(4) {
        vec![detection(kind), detection((kind + 1) % 3)]
    } else {
        vec![detection(kind)]
    }
}
