//! An application for tests: everything real but the pipeline and the clock.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use parking_lot::Mutex;
use serde_json::Value;
use tower::ServiceExt as _;
use vigil_api::{
    Access, ActiveWindow, ApiState, Hosts, IngestBatch, IngestOutcome, Intake, IntakeError,
    ModelDesk, ModelError, Readiness, RequestBatch, RuleCosts, RuleProblem, Rulebook, RulesInForce,
    RulesRefused, SentRequest, SiteModel, SiteProfile, SuppressionsInForce,
};
use vigil_auth::{ApiKey, ApiKeys, Authority, Gatekeeper, Grant, Role};
use vigil_event::{
    Alert, AlertKey, Clock, Detection, Detector, Id, IdSource, RecordKey, Score, SourceId,
    Suppression, Threat, Timestamp,
};
use vigil_rule::{Cost, RuleFile, RuleSet};
use vigil_store::{AlertQuery, Entry, GroupedThreat, SqliteStore, Store};

/// 2026-11-20T12:00:00Z
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_176_000_000);

/// The key of the machine `web`.
pub(crate) const API_KEY: &str = "0123456789abcdef0123456789abcdef";

pub(crate) const RULE: &str = "\
title: Union-based SQL injection
id: 6f2b1c7e-0c55-4d0e-9d0a-0a4f2d1f6a11
status: stable
description: Reads other tables through UNION SELECT.
logsource:
  category: webserver
detection:
  selection:
    url.query|contains: union select
  condition: selection
level: high
vigil:
  family: sql_injection
  examples:
    match:
      - /?id=1+union+select+1
    no_match:
      - /?id=1
";

/// A clock that stands until it is moved.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A pipeline that answers what it is told and keeps what it was given.
pub(crate) struct TestIntake {
    pub(crate) answer: Mutex<Result<IngestOutcome, IntakeError>>,
    pub(crate) batches: Mutex<Vec<IngestBatch>>,
    pub(crate) requests: Mutex<Vec<SentRequest>>,
}

impl Intake for TestIntake {
    fn submit(
        &self,
        batch: IngestBatch,
    ) -> Pin<Box<dyn Future<Output = Result<IngestOutcome, IntakeError>> + Send + '_>> {
        self.batches.lock().push(batch);
        let answer = self.answer.lock().clone();
        Box::pin(async move { answer })
    }

    fn submit_requests(
        &self,
        batch: RequestBatch,
    ) -> Pin<Box<dyn Future<Output = Result<IngestOutcome, IntakeError>> + Send + '_>> {
        self.requests.lock().extend(batch.requests);
        let answer = self.answer.lock().clone();
        Box::pin(async move { answer })
    }

    fn mirror(&self, _source: SourceId, request: SentRequest) -> Result<(), IntakeError> {
        self.requests.lock().push(request);
        self.answer.lock().clone().map(|_| ())
    }
}

pub(crate) struct TestReadiness(pub(crate) Mutex<Vec<String>>);

impl Readiness for TestReadiness {
    fn reasons(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

/// Keeps what was put in force.
#[derive(Default)]
pub(crate) struct TestInForce(pub(crate) Mutex<Vec<Suppression>>);

impl SuppressionsInForce for TestInForce {
    fn replace(&self, active: Vec<Suppression>) {
        *self.0.lock() = active;
    }
}

/// One rule that hit once, and files that are broken as long as that is said.
pub(crate) struct TestRulebook {
    rules: Arc<RuleSet>,
    pub(crate) broken: Mutex<Vec<RuleProblem>>,
}

impl Rulebook for TestRulebook {
    fn in_force(&self) -> Arc<RulesInForce> {
        Arc::new(RulesInForce {
            set: Arc::clone(&self.rules),
            fingerprint: "0123456789ab".into(),
            loaded_at: NOON,
        })
    }

    fn reload(&self) -> Result<Arc<RulesInForce>, RulesRefused> {
        let problems = self.broken.lock().clone();
        if problems.is_empty() {
            Ok(self.in_force())
        } else {
            Err(RulesRefused { problems })
        }
    }

    fn costs(&self) -> RuleCosts {
        let cost = Cost {
            candidates: 3,
            hits: 1,
            last_hit: Some(NOON),
            timed: 1,
            timed_ns: 100,
        };
        RuleCosts {
            rules: [(self.rules.rules()[0].id.clone(), cost)].into(),
            pass: cost,
        }
    }
}

/// The profile of one site, of which version 2 is kept.
pub(crate) struct TestModels;

impl ModelDesk for TestModels {
    fn sites(&self) -> Vec<SiteModel> {
        vec![SiteModel {
            site: "shop.example".to_owned(),
            state: "active".to_owned(),
            version: 3,
            versions: vec![2, 3],
            requests: 41_210,
            addresses: 3_090,
            learned_seconds: 259_200,
            places: 340,
            left_out: 0,
            bytes: 420_000,
            odd_share: Some(0.001),
            progress: 1.0,
            lacks: None,
            is_retraining: false,
        }]
    }

    fn site(&self, site: &str) -> Option<SiteProfile> {
        let model = self.sites().into_iter().find(|one| one.site == site)?;
        let paths = Vec::new();
        Some(SiteProfile { model, paths })
    }

    fn export(&self, site: &str) -> Option<Vec<u8>> {
        self.site(site).map(|_| b"{}".to_vec())
    }

    fn retrain(&self, site: Option<&str>) -> usize {
        usize::from(site.is_none_or(|site| self.site(site).is_some()))
    }

    fn reset(&self, site: &str) -> bool {
        self.site(site).is_some()
    }

    fn roll_back(&self, site: &str, version: u32) -> Result<SiteModel, ModelError> {
        let found = self.site(site).filter(|_| version == 2);
        found.map(|found| found.model).ok_or(ModelError::NotFound)
    }
}

pub(crate) struct App {
    pub(crate) in_force: Arc<TestInForce>,
    pub(crate) router: Router,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) gatekeeper: Arc<Gatekeeper>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) intake: Arc<TestIntake>,
    pub(crate) readiness: Arc<TestReadiness>,
    pub(crate) metrics: prometheus::Registry,
    pub(crate) rulebook: Arc<TestRulebook>,
    /// The kinds of credentials that were refused.
    pub(crate) refused: Refused,
    _dir: tempfile::TempDir,
}

/// The sockets' routes are another crate's; here they only say that they were reached.
fn sockets() -> Router {
    let stream = axum::routing::get(|| async { "a stream" });
    Router::new()
        .route("/ws", axum::routing::get(|| async { "a socket" }))
        .route("/sse/{channel}", stream)
}

/// The kinds of credentials that were refused.
type Refused = Arc<Mutex<Vec<&'static str>>>;

/// Notes the kinds of credentials that are refused.
fn witness() -> (Refused, Arc<vigil_api::Witness>) {
    let refused = Refused::default();
    let noted = Arc::clone(&refused);
    (refused, Arc::new(move |kind, _| noted.lock().push(kind)))
}

impl App {
    pub(crate) fn new() -> Self {
        Self::with_hosts(Hosts::Any)
    }

    pub(crate) fn with_hosts(hosts: Hosts) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (authority, _) = Authority::open(dir.path()).unwrap();
        let keys = ApiKeys::new(vec![ApiKey::new("web", Role::Service, API_KEY).unwrap()]).unwrap();
        let gatekeeper = Arc::new(Gatekeeper {
            keys,
            ..Gatekeeper::new(authority)
        });
        let store =
            Arc::new(SqliteStore::open(&dir.path().join("vigil.db"), Box::new(|_| {})).unwrap());
        let clock = Arc::new(TestClock(AtomicI64::new(NOON.as_millis())));
        let intake = Arc::new(TestIntake {
            answer: Mutex::new(Ok(IngestOutcome::default())),
            batches: Mutex::default(),
            requests: Mutex::default(),
        });
        let readiness = Arc::new(TestReadiness(Mutex::default()));
        let in_force = Arc::new(TestInForce::default());
        let metrics = prometheus::Registry::new();
        let rules = RuleSet::load(&[RuleFile {
            name: "union.yml".into(),
            text: RULE.into(),
        }])
        .unwrap();
        let rulebook = Arc::new(TestRulebook {
            rules: Arc::new(rules),
            broken: Mutex::default(),
        });
        let state = ApiState {
            store: store.clone(),
            rules: rulebook.clone(),
            windows: vec![ActiveWindow {
                id: "window-path-spread".into(),
                title: "Many paths".into(),
            }],
            intake: intake.clone(),
            readiness: readiness.clone(),
            metrics: metrics.clone(),
            gatekeeper: Arc::clone(&gatekeeper),
            clock: clock.clone(),
            ids: Arc::new(IdSource::new([7; 32])),
            models: Arc::new(TestModels),
            suppressions: in_force.clone(),
        };
        let (refused, witness) = witness();
        let access = Access {
            gatekeeper: Arc::clone(&gatekeeper),
            clock: clock.clone(),
            hosts,
            origins: Vec::new(),
            witness,
        };
        let router = vigil_api::authenticate(vigil_api::router(state).merge(sockets()), access);
        Self {
            router,
            store,
            gatekeeper,
            clock,
            in_force,
            intake,
            readiness,
            metrics,
            rulebook,
            refused,
            _dir: dir,
        }
    }

    pub(crate) fn token(&self, role: Role) -> String {
        self.token_until(role, Some(self.clock.now().plus_millis(3_600_000)))
    }

    pub(crate) fn token_until(&self, role: Role, expires_at: Option<Timestamp>) -> String {
        let grant = Grant {
            expires_at,
            ..Grant::new(format!("{role}-anna"), role)
        };
        self.gatekeeper
            .authority
            .issue(&grant, self.clock.now())
            .unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// Asks as somebody of that role.
    pub(crate) async fn get(&self, role: Role, path: &str) -> Answer {
        self.send(
            self.request(Method::GET, role, path)
                .body(Body::empty())
                .unwrap(),
        )
        .await
    }

    /// Posts JSON as somebody of that role.
    pub(crate) async fn post(&self, role: Role, path: &str, body: &Value) -> Answer {
        let request = self
            .request(Method::POST, role, path)
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    pub(crate) fn request(
        &self,
        method: Method,
        role: Role,
        path: &str,
    ) -> axum::http::request::Builder {
        request(method, path).header(
            header::AUTHORIZATION,
            format!("Bearer {}", self.token(role)),
        )
    }

    /// Stores threats, those from high up with an alert, and says what alerts there are, the last
    /// opened first.
    pub(crate) fn store(&self, threats: &[Threat]) -> Vec<Alert> {
        let threats: Vec<_> = threats
            .iter()
            .map(|threat| GroupedThreat {
                threat: threat.clone(),
                alert: (threat.score.value() >= 7.0).then(|| AlertKey {
                    source_ip: threat.source.ip,
                    family: threat.detections[0].family.clone(),
                    host: None,
                    window_start: NOON,
                }),
            })
            .collect();
        let entry = Entry {
            threats: &threats,
            checkpoints: &[],
            at: self.clock.now(),
            ..Entry::default()
        };
        self.store.record(&entry).unwrap();
        self.store.alerts(&AlertQuery::default()).unwrap().items
    }
}

/// A request to `localhost`, without a credential.
pub(crate) fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost:8082")
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(
            self.header("content-type"),
            "application/json",
            "{}",
            self.text
        );
        serde_json::from_str(&self.text).unwrap()
    }

    /// The JSON of an answer that is well.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.json()
    }

    /// The code of an error of that status; checks the error's shape.
    #[track_caller]
    pub(crate) fn error(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        let json = self.json();
        assert!(!json["error"]["message"].as_str().unwrap().is_empty());
        json["error"]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.ok()["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// A threat of that address and score, that many seconds after noon.
pub(crate) fn threat(address: &str, score: f64, second: i64) -> Threat {
    let at = NOON.plus_millis(second * 1_000);
    let record = RecordKey {
        source: SourceId::new("/var/log/access.log"),
        stream: "1".into(),
        offset: second as u64,
    };
    let sample = serde_json::json!({
        "id": Id::derived(at, &[address.as_bytes()]), "@timestamp": at, "score": score,
        "severity": Score::new(score).severity(),
        "source": {"ip": address, "geo": {"country_iso_code": "NL"}},
        "http": {"request": {"method": "GET"}, "response": {"status_code": 200, "body_bytes": 12}},
        "url": {"original": "/item?id=1%20UNION", "path": "/item", "query": "id=1%20UNION"},
        "user_agent": {"original": "sqlmap/1.8"},
        "event": {"original": format!("{address} - - line {second}"), "ingested": at},
        "detections": [Detection {
            rule_id: "6f2b1c7e-0c55-4d0e-9d0a-0a4f2d1f6a11".into(), title: "Union-based SQL injection".into(),
            family: "sql_injection".into(), detector: Detector::Rule, score: Score::new(score),
            techniques: vec!["T1190".into()], evidence: Vec::new(), reason: None,
        }],
        "record": record, "node": "test",
        "stages": {"read_at": at, "decoded_at": at, "detected_at": at, "stored_at": at},
    });
    serde_json::from_value(sample).unwrap()
}
