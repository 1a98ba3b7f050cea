//! A gateway on a free port, with a bus, a clock that the test moves, and a desk that remembers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use axum::Extension;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use vigil_auth::{Authority, Gatekeeper, Principal, Role};
use vigil_bus::{Bus, LogLimits, MemoryBus};
use vigil_event::{
    Alert, AlertKey, AlertState, Clock, Id, IdSource, Kind, Publication, Score, Severity, Timestamp,
};
use vigil_gateway::{
    AlertDesk, Audit, Change, DeskError, Durables, GatewayState, Limits, Namespaces, Telemetry,
    router,
};

pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_176_000_000);

/// What a socket of the server may send before it is acknowledged, and a client's may receive before it is
/// read; the system gives each twice as much.
pub(crate) const SOCKET_BYTES: u32 = 32 << 10;

/// More than the sockets of both hold, so that something waits while the client does not read.
pub(crate) const MOST_UNREAD: u32 = 16 * SOCKET_BYTES;

/// A user for whom the desk breaks down.
pub(crate) const FAULTY: &str = "faulty";

/// A clock that stands until it is moved.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn forward(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Knows one alert.
struct Desk(Alert);

impl AlertDesk for Desk {
    fn acknowledge(&self, id: Id, by: String) -> Change<'_> {
        Box::pin(async move {
            assert_ne!(by, FAULTY, "a fault, as a test wants it");
            if id != self.0.id {
                return Err(DeskError::NotFound(id));
            }
            Ok(Alert {
                state: AlertState::Acknowledged,
                assignee: Some(by),
                ..self.0.clone()
            })
        })
    }
}

/// What a store kept of a channel.
pub(crate) struct Kept {
    pub(crate) epoch: String,
    pub(crate) next_offset: u64,
    pub(crate) items: Vec<(u64, Publication)>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            epoch: "e1".to_owned(),
            next_offset: 1,
            items: Vec::new(),
        }
    }
}

/// How the server should be.
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) log: LogLimits,
    /// What `threats` begins with.
    pub(crate) threats: Kept,
    /// Who every request is from; none to leave that out.
    pub(crate) principal: Option<Principal>,
    pub(crate) namespaces: Namespaces,
    pub(crate) durables: Arc<Durables>,
    /// What a WebSocket runs on is a plain socket, as without TLS, or something else.
    pub(crate) is_plain: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            limits: Limits {
                // Whatever this machine has, what holds must hold between threads.
                shards: 2,
                ..patient()
            },
            log: LogLimits::default(),
            threats: Kept::default(),
            principal: Some(principal(Role::Analyst)),
            namespaces: Namespaces::default(),
            durables: Arc::default(),
            is_plain: true,
        }
    }
}

/// Limits under which a client may be as slow as the machine makes it.
pub(crate) fn patient() -> Limits {
    Limits {
        write_deadline: Duration::from_mins(10),
        silence: Duration::from_mins(10),
        ..Limits::default()
    }
}

/// Somebody of that role, whose credential never ends.
pub(crate) fn principal(role: Role) -> Principal {
    Principal::new("anna", role)
}

/// A running gateway.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) bus: Arc<MemoryBus>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) gatekeeper: Arc<Gatekeeper>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) comes_back: Arc<AtomicBool>,
    pub(crate) tasks: TaskTracker,
    pub(crate) alert: Id,
    registry: prometheus::Registry,
    _data_dir: tempfile::TempDir,
}

impl Server {
    /// A server that knows everybody as this one.
    pub(crate) async fn of(principal: Principal) -> Self {
        Self::start(Setup {
            principal: Some(principal),
            ..Setup::default()
        })
        .await
    }

    pub(crate) async fn start(setup: Setup) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(START.as_millis())));
        let bus = Arc::new(MemoryBus::new(setup.log, clock.clone()));
        for channel in ["alerts", "status"] {
            assert!(bus.restore(channel, "e1", 1, Vec::new()));
        }
        let kept = setup.threats;
        assert!(bus.restore("threats", &kept.epoch, kept.next_offset, kept.items));
        let gatekeeper = Arc::new(Gatekeeper::new(Authority::open(data_dir.path()).unwrap().0));
        let alert = alert();
        let alert_id = alert.id;
        let telemetry = Arc::new(Telemetry::new());
        let registry = prometheus::Registry::new();
        telemetry.register(&registry).unwrap();
        let ids = Arc::new(IdSource::new([1; 32]));
        let state = GatewayState {
            bus: bus.clone(),
            namespaces: setup.namespaces.into(),
            durables: setup.durables,
            desk: Arc::new(Desk(alert)),
            audit: Arc::new(Audit::new(bus.clone(), clock.clone(), ids.clone())),
            gatekeeper: gatekeeper.clone(),
            clock: clock.clone(),
            ids,
            node: Arc::from("test-node"),
            limits: setup.limits,
            allowed_origins: Arc::from(["https://soc.example.org".to_owned()]),
            telemetry,
            shutdown: CancellationToken::new(),
            comes_back: Arc::default(),
            tasks: TaskTracker::new(),
        };
        let (shutdown, tasks) = (state.shutdown.clone(), state.tasks.clone());
        let comes_back = Arc::clone(&state.comes_back);
        let mut app = router(state);
        if let Some(principal) = setup.principal {
            app = app.layer(Extension(principal));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // What is accepted there inherits it.
        set_socket_send_buffer_size(&listener, SOCKET_BYTES as usize).unwrap();
        let address = listener.local_addr().unwrap();
        if setup.is_plain {
            tokio::spawn(serve_plainly(listener, app));
        } else {
            tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        }
        Self {
            address,
            bus,
            clock,
            gatekeeper,
            shutdown,
            comes_back,
            tasks,
            alert: alert_id,
            registry,
            _data_dir: data_dir,
        }
    }

    /// Publishes on `threats`, with a number as data and a size to fill.
    pub(crate) fn publish(&self, number: u64, severity: Severity, padding: usize) {
        self.bus
            .publish(threat(number, severity, padding, self.clock.now()));
    }

    /// The value of a metric's line, such as `websocket_connections_total`.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let shown = prometheus::TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap();
        let line = shown
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not in\n{shown}"))
            .parse()
            .unwrap()
    }

    /// Waits until a metric has reached a value.
    pub(crate) async fn metric_reaches(&self, name: &str, value: u64) {
        self.metric_becomes(name, value, |now| now >= value).await;
    }

    /// Waits until a gauge is down again.
    pub(crate) async fn metric_falls_to(&self, name: &str, value: u64) {
        self.metric_becomes(name, value, |now| now <= value).await;
    }

    async fn metric_becomes(&self, name: &str, value: u64, is_there: impl Fn(u64) -> bool) {
        let reached = async {
            while !is_there(self.metric(name)) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), reached).await;
        assert!(
            waited.is_ok(),
            "{name} is {} and not {value}",
            self.metric(name)
        );
    }
}

/// Serves as the product does: the connection below a WebSocket can be had as the socket it is, which
/// axum's own server hides behind a buffer.
async fn serve_plainly(listener: TcpListener, app: axum::Router) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let app = app.clone();
        let service = service_fn(move |request: Request<Incoming>| app.clone().oneshot(request));
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        // A client that vanishes is what many tests are about.
        tokio::spawn(async move { drop(connection.await) });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub(crate) fn threat(
    number: u64,
    severity: Severity,
    padding: usize,
    at: Timestamp,
) -> Publication {
    Publication {
        channel: Arc::from("threats"),
        kind: Kind::ThreatNew,
        id: Id::derived(at, &[&number.to_le_bytes()]),
        timestamp: at,
        severity,
        data: format!(
            "{{\"number\":{number},\"padding\":\"{}\"}}",
            "x".repeat(padding)
        )
        .into(),
    }
}

fn alert() -> Alert {
    let key = AlertKey {
        source_ip: None,
        family: "sql_injection".into(),
        host: None,
        window_start: START,
    };
    Alert {
        id: key.id(),
        title: "SQL injection".into(),
        source_ip: None,
        country_iso_code: None,
        family: key.family,
        families: Vec::new(),
        severity: Severity::High,
        score: Score::new(8.0),
        outcome: vigil_event::Outcome::Unknown,
        state: AlertState::Open,
        count: 1,
        first_seen: START,
        last_seen: START,
        last_threat: Id::derived(START, &[b"threat"]),
        assignee: None,
        changes: Vec::new(),
    }
}
