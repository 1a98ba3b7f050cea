//! Building the server: everything is opened and bound here, in the order in which it depends.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigil_api::{Access, ActiveWindow, ApiState, Hosts};
use vigil_auth::{
    ApiKey, ApiKeys, AuthError, Authority, Credential, Gatekeeper, Grant, Issuer, Issuers, Role,
};
use vigil_bus::Bus;
use vigil_detect::window::Window;
use vigil_event::{Clock, IdSource, SystemClock};
use vigil_gateway::{Audit, GatewayState};
use vigil_store::{Retention, Store};

use super::crowd::Addresses;
use super::desk::StoreDesk;
use super::intake::HttpIntake;
use super::key_fetch::KeyFetch;
use super::listen::{Door, DoorTelemetry};
use super::memory::Memory;
use super::mirror::Mirror;
use super::pipeline::pipeline;
use super::status::{HealthReadiness, StatusTeller};
use super::stream::{self, CursorFile};
use super::tables::{InForce, TableWatch};
use super::tls::Tls;
use super::{App, BuildError, Signals};
use crate::config::{Config, IssuerConfig};
use crate::models::{Learning, ModelFiles, Models};
use crate::pipeline::{Health, Pipeline, StateReport, StateTelemetry, Telemetry};
use crate::rulebook::ActiveRules;
use crate::tables::Tables;

/// The file of the admin's token in the data directory.
pub(super) const ADMIN_TOKEN: &str = "admin.token";
const DAY_MS: i64 = 86_400_000;
const MIB: u64 = 1 << 20;

/// What several parts share.
pub(super) struct Common {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<IdSource>,
    pub(super) registry: Registry,
    pub(super) node: Arc<str>,
    pub(super) health: Arc<Health>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) state: Arc<StateReport>,
}

impl App {
    /// Opens and binds everything. Nothing is read and nobody is answered before [`App::run`].
    pub async fn build(config: Config) -> Result<Self, BuildError> {
        let listener = bind(config.server.listen).await?;
        let address = listener.local_addr()?;
        let data_dir = config.data_dir();
        let common = common(&config)?;
        let rules = rules(&config, &common)?;
        let gatekeeper = gatekeeper(&config, &data_dir)?;
        let Memory { store, bus, rooms } = Memory::open(&config, &common.clock, &common.registry)?;
        let tables = tables(&config, &common, &*store)?;
        let learning = learning(&config, &common, &bus)?;
        let models = learning.models();
        let pipeline = pipeline(&config, &common, &store, (&rules, &tables.tables, models))?;
        revoke(&gatekeeper, &*store, &common)?;
        let first_start = leave_admin_token(&gatekeeper, &data_dir, &common)?;
        let (shutdown, sockets) = (CancellationToken::new(), TaskTracker::new());
        let comes_back = Arc::<AtomicBool>::default();
        let gateway_telemetry = gateway_telemetry(&common)?;
        let cursors = CursorFile::open(&data_dir)?;
        let audit = audit(&bus, &common);
        let gateway = vigil_gateway::router(GatewayState {
            bus: Arc::clone(&bus),
            namespaces: Arc::new(stream::namespaces(&config)),
            durables: Arc::clone(&cursors.durables),
            desk: desk(&store, &common),
            audit: Arc::clone(&audit),
            gatekeeper: Arc::clone(&gatekeeper),
            clock: Arc::clone(&common.clock),
            ids: Arc::clone(&common.ids),
            node: Arc::clone(&common.node),
            limits: stream::limits(&config),
            allowed_origins: config.server.allowed_origins.clone().into(),
            telemetry: Arc::clone(&gateway_telemetry),
            shutdown: shutdown.clone(),
            comes_back: Arc::clone(&comes_back),
            tasks: sockets.clone(),
        });
        let intake = intake(&pipeline, &common)?;
        let known = (&store, &rules, models);
        let api = api_state(&common, known, intake, &gatekeeper, &tables.tables);
        let access = access(&config, address, &gatekeeper, (&common, audit));
        let router = vigil_api::authenticate(vigil_api::router(api).merge(gateway), access);
        Ok(Self {
            address,
            url: config.url(address),
            door: door(&config, listener, &common, router)?,
            key_fetches: key_fetches(&config, &gatekeeper, &common)?,
            gatekeeper,
            data_dir,
            first_start,
            follows_logs: !config.source.logs.is_empty(),
            missing_logs: missing_logs(&config),
            pipeline,
            learning,
            retention: retention(&config),
            health: Arc::clone(&common.health),
            tables,
            cursors,
            rooms,
            status: status(common, bus, (&store, &rules), gateway_telemetry),
            store,
            rules,
            drain: stream::limits(&config).drain_spread,
            shutdown,
            comes_back,
            sockets,
            signals: Signals::heard()?,
        })
    }
}

/// Who tells how the server does.
fn status(
    common: Common,
    bus: Arc<dyn Bus>,
    (store, rules): (&Arc<dyn Store>, &Arc<ActiveRules>),
    gateway: Arc<vigil_gateway::Telemetry>,
) -> StatusTeller {
    StatusTeller {
        bus,
        store: Arc::clone(store),
        clock: common.clock,
        ids: common.ids,
        health: common.health,
        telemetry: common.telemetry,
        state: common.state,
        gateway,
        rules: Arc::clone(rules),
    }
}

/// What the gateway counts, on `/metrics`.
fn gateway_telemetry(common: &Common) -> Result<Arc<vigil_gateway::Telemetry>, BuildError> {
    let telemetry = Arc::new(vigil_gateway::Telemetry::new());
    telemetry.register(&common.registry)?;
    Ok(telemetry)
}

/// Who tells administrators who comes and is refused.
fn audit(bus: &Arc<dyn Bus>, common: &Common) -> Arc<Audit> {
    let (clock, ids) = (Arc::clone(&common.clock), Arc::clone(&common.ids));
    Arc::new(Audit::new(Arc::clone(bus), clock, ids))
}

/// Where the gateway asks about alerts.
fn desk(store: &Arc<dyn Store>, common: &Common) -> Arc<StoreDesk> {
    Arc::new(StoreDesk {
        store: Arc::clone(store),
        clock: Arc::clone(&common.clock),
    })
}

/// Who learns the sites.
fn learning(config: &Config, common: &Common, bus: &Arc<dyn Bus>) -> Result<Learning, BuildError> {
    let learning = Models::start(
        ModelFiles::new(&config.data_dir()),
        &config.detector_options().profiles,
        Arc::clone(bus),
        (Arc::clone(&common.clock), Arc::clone(&common.ids)),
    )?;
    learning.models().register(&common.registry)?;
    Ok(learning)
}

/// What comes in by HTTP.
fn intake(pipeline: &Pipeline, common: &Common) -> Result<HttpIntake, BuildError> {
    let mirror = Mirror::start(
        pipeline.intake(),
        Arc::clone(&common.clock),
        Arc::clone(&common.ids),
        &common.registry,
    )?;
    Ok(HttpIntake::new(pipeline.intake(), mirror))
}

/// What the REST interface works with.
fn api_state(
    common: &Common,
    (store, rules, models): (&Arc<dyn Store>, &Arc<ActiveRules>, &Arc<Models>),
    intake: HttpIntake,
    gatekeeper: &Arc<Gatekeeper>,
    tables: &Arc<Tables>,
) -> ApiState {
    ApiState {
        store: Arc::clone(store),
        rules: Arc::<ActiveRules>::clone(rules),
        windows: active_windows(),
        intake: Arc::new(intake),
        models: Arc::<Models>::clone(models),
        readiness: Arc::new(HealthReadiness(Arc::clone(&common.health))),
        metrics: common.registry.clone(),
        gatekeeper: Arc::clone(gatekeeper),
        clock: Arc::clone(&common.clock),
        ids: Arc::clone(&common.ids),
        suppressions: Arc::new(InForce(Arc::clone(tables))),
    }
}

/// The tables that the configuration names, with the suppressions that are kept.
fn tables(config: &Config, common: &Common, store: &dyn Store) -> Result<TableWatch, BuildError> {
    let tables = Tables::open(config)?;
    tables.suppress(store.suppressions(Some(common.clock.now()))?);
    let watch = TableWatch {
        tables: Arc::new(tables),
        health: Arc::clone(&common.health),
        telemetry: Arc::clone(&common.telemetry),
    };
    watch.tell();
    Ok(watch)
}

/// Under which names the server may be asked for. One that listens on loopback is asked by this
/// machine only, so any other name is a rebinding attack; one that others reach has names we cannot
/// know, unless they are configured.
fn access(
    config: &Config,
    address: SocketAddr,
    gatekeeper: &Arc<Gatekeeper>,
    (common, audit): (&Common, Arc<Audit>),
) -> Access {
    let names = &config.server.allowed_hosts;
    let hosts = if address.ip().is_loopback() || !names.is_empty() {
        Hosts::Loopback(
            names
                .iter()
                .cloned()
                .chain([address.ip().to_string()])
                .collect(),
        )
    } else {
        Hosts::Any
    };
    Access {
        gatekeeper: Arc::clone(gatekeeper),
        clock: Arc::clone(&common.clock),
        hosts,
        origins: config.server.allowed_origins.clone(),
        witness: Arc::new(move |kind, from| audit.refused(None, from, kind)),
    }
}

/// What is revoked opens nothing from the start.
fn revoke(gatekeeper: &Gatekeeper, store: &dyn Store, common: &Common) -> Result<(), BuildError> {
    let revoked = store.revocations(common.clock.now())?;
    gatekeeper.revocations.replace(revoked);
    Ok(())
}

fn key_fetches(
    config: &Config,
    gatekeeper: &Gatekeeper,
    common: &Common,
) -> Result<Vec<KeyFetch>, BuildError> {
    let (issuers, known) = (&config.auth.issuers, gatekeeper.issuers.iter());
    Ok(KeyFetch::all(issuers, known, &common.registry)?)
}

/// Where connections come in.
fn door(
    config: &Config,
    listener: TcpListener,
    common: &Common,
    router: Router,
) -> Result<Door, BuildError> {
    Ok(Door {
        listener,
        tls: Tls::open(config, &common.health, &common.registry)?,
        router,
        sockets: config.stream.connections,
        addresses: Addresses::new(config.server.connections_per_address),
        telemetry: DoorTelemetry::new(&common.registry)?,
    })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, BuildError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| BuildError::Listen { address, error })
}

fn common(config: &Config) -> Result<Common, BuildError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| BuildError::Setting(format!("no random numbers: {error}")))?;
    let registry = Registry::new();
    let node = match config.server.node.as_str() {
        "" => rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        node => node.to_owned(),
    };
    Ok(Common {
        clock: Arc::new(SystemClock),
        ids: Arc::new(IdSource::new(seed)),
        telemetry: Arc::new(Telemetry::new(&registry)?),
        state: Arc::new(StateReport::new(StateTelemetry::new(&registry)?)),
        registry,
        node: node.into(),
        health: Arc::new(Health::default()),
    })
}

/// Who may come in.
fn gatekeeper(config: &Config, data_dir: &Path) -> Result<Arc<Gatekeeper>, BuildError> {
    let (authority, _) = Authority::open(data_dir).map_err(|error| match error {
        AuthError::Io(error) => BuildError::DataDir(error),
        error => error.into(),
    })?;
    let keys = config.auth.api_keys.iter();
    let keys: Result<Vec<_>, _> = keys
        .map(|key| ApiKey::from_file(&key.name, key.role, &key.key_file))
        .collect();
    let issuers: Result<Vec<_>, BuildError> = config.auth.issuers.iter().map(issuer).collect();
    let gatekeeper = Gatekeeper {
        keys: ApiKeys::new(keys?)?,
        issuers: Issuers::new(issuers?)?,
        ..Gatekeeper::new(authority)
    };
    Ok(Arc::new(gatekeeper))
}

fn issuer(config: &IssuerConfig) -> Result<Issuer, BuildError> {
    Issuer::open(config.trust(), &config.source()).map_err(|error| BuildError::Issuer {
        name: config.name.clone(),
        error,
    })
}

/// Leaves an admin's token in the data directory where there is none that holds; true if it did,
/// which is the first start. It comes last, so that a start that fails before leaves none behind.
fn leave_admin_token(
    gatekeeper: &Gatekeeper,
    data_dir: &Path,
    common: &Common,
) -> Result<bool, BuildError> {
    let path = data_dir.join(ADMIN_TOKEN);
    let now = common.clock.now();
    let kept = fs_err::read_to_string(&path).is_ok_and(|token| {
        let token = Credential::Bearer(token.trim());
        gatekeeper.verify(token, now).is_ok()
    });
    if kept {
        return Ok(false);
    }
    let token = gatekeeper
        .authority
        .issue(&Grant::new("admin", Role::Admin), now)?;
    // A new file beside the old one, so that the modes are ours from the first byte.
    let fresh = data_dir.join(format!("{ADMIN_TOKEN}.new"));
    drop(fs_err::remove_file(&fresh));
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    std::io::Write::write_all(&mut options.open(&fresh)?, token.as_bytes())?;
    fs_err::rename(&fresh, &path)?;
    Ok(true)
}

fn rules(config: &Config, common: &Common) -> Result<Arc<ActiveRules>, BuildError> {
    let rules = ActiveRules::load(config.rule_sources(), &common.clock)?;
    let rules = Arc::new(rules);
    rules.register(&common.registry)?;
    Ok(rules)
}

/// The configured logs of which there is none now.
fn missing_logs(config: &Config) -> Vec<String> {
    let is_missing = |pattern: &String| {
        let found = glob::glob(pattern).is_ok_and(|mut paths| paths.next().is_some());
        !found && !Path::new(pattern).exists()
    };
    config
        .source
        .logs
        .iter()
        .map(|log| log.path.clone())
        .filter(is_missing)
        .collect()
}

fn retention(config: &Config) -> Retention {
    Retention {
        max_age_ms: Some(i64::from(config.store.retention_days) * DAY_MS),
        max_bytes: Some(config.store.max_size_mib * MIB),
        outbox_items: config.stream.history_messages as u64,
        ..Retention::default()
    }
}

fn active_windows() -> Vec<ActiveWindow> {
    let active = |window: Window| ActiveWindow {
        id: window.rule_id().to_owned(),
        title: window.title().to_owned(),
    };
    Window::ALL.into_iter().map(active).collect()
}
