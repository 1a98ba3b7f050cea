//! The gateway's routes: what is checked before a request becomes a connection.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use vigil_auth::{Action, Principal};
use vigil_protocol::{CloseCode, ErrorBody, ErrorCode, SUBPROTOCOL_JSON, Since};

use crate::admission::Admitted;
use crate::connection::Connection;
use crate::cursor::{Start, Wish};
use crate::greeting::code_of;
use crate::outlet::End;
use crate::refusal::Refusal;
use crate::telemetry::{Refused, Transport};
use crate::{Gateway, channel, origin, sse};

/// Buffers are small: an idle connection should cost next to nothing, and a page of frames is
/// flushed as a whole anyway.
const BUFFER_BYTES: usize = 4 * 1024;

pub(crate) type Caller = Option<Extension<Principal>>;
pub(crate) type Options = Result<Query<StreamOptions>, QueryRejection>;

/// What a stream's URL may say. Everything else in it, such as a ticket, is somebody else's.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct StreamOptions {
    since: Option<String>,
    last: Option<u64>,
    min_severity: Option<String>,
}

pub(crate) fn all(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/ws", get(general))
        .route("/ws/{channel}", get(of_channel))
        .route("/api/v1/ws", get(general))
        .route("/api/v1/ws/health", get(health))
        .route("/sse/{channel}", get(sse::stream))
        .with_state(gateway)
}

async fn general(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    if is_to_be_greeted(&caller, upgrade.is_ok()) {
        gateway.check_page(&headers)?;
        return greet(&gateway, upgrade, |_, _| Ok(None));
    }
    let principal = gateway.check(caller, &headers)?;
    open(&gateway, principal, upgrade, None)
}

async fn of_channel(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    headers: HeaderMap,
    Path(name): Path<String>,
    options: Options,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    if is_to_be_greeted(&caller, upgrade.is_ok()) {
        gateway.check_page(&headers)?;
        return greet(&gateway, upgrade, move |gateway, principal| {
            gateway.wish(principal, &name, options).map(Some)
        });
    }
    let principal = gateway.check(caller, &headers)?;
    let wish = gateway.wish(&principal, &name, options)?;
    open(&gateway, principal, upgrade, Some(wish))
}

/// Whether the one who opens a socket says who they are in its first frame.
const fn is_to_be_greeted(caller: &Caller, is_upgrade: bool) -> bool {
    caller.is_none() && is_upgrade
}

/// Upgrades without a credential, and makes a connection of it once the first frame has shown one.
/// What the client may not have then closes the socket.
fn greet(
    gateway: &Arc<Gateway>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    wish: impl FnOnce(&Gateway, &Principal) -> Result<Option<Wish>, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    drop(
        gateway
            .hall
            .enter()
            .map_err(|reason| gateway.refused(reason))?,
    );
    let gateway = Arc::clone(gateway);
    let tracked = gateway.state.tasks.token();
    Ok(
        prepared(&gateway, upgrade)?.on_upgrade(move |socket| async move {
            let greeted = match gateway.hall.enter() {
                Ok(_place) => gateway.greet(socket).await,
                Err(reason) => {
                    gateway.dismiss(socket, End::Close(code_of(reason))).await;
                    None
                }
            };
            let Some((socket, principal)) = greeted else {
                return;
            };
            let Ok(first) = wish(&gateway, &principal) else {
                return gateway
                    .dismiss(socket, End::Close(CloseCode::Forbidden))
                    .await;
            };
            let admitted = gateway.admission.admit(
                &principal.subject,
                Transport::WebSocket,
                &gateway.state.telemetry,
            );
            match admitted {
                Ok(admitted) => {
                    Connection::new(gateway, principal, admitted, socket)
                        .run(first)
                        .await;
                }
                Err(reason) => {
                    gateway.state.telemetry.refused(reason);
                    gateway.dismiss(socket, End::Close(code_of(reason))).await;
                }
            }
            drop(tracked);
        }),
    )
}

/// Upgrades for somebody who is known.
fn open(
    gateway: &Arc<Gateway>,
    principal: Principal,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    first: Option<Wish>,
) -> Result<Response, Refusal> {
    let admitted = gateway.admit(&principal, Transport::WebSocket)?;
    let tracked = gateway.state.tasks.token();
    let upgrade = prepared(gateway, upgrade)?;
    let gateway = Arc::clone(gateway);
    Ok(upgrade.on_upgrade(move |socket| async move {
        Connection::new(gateway, principal, admitted, socket)
            .run(first)
            .await;
        drop(tracked);
    }))
}

/// The upgrade with our limits. RFC 6455, 4.2.2: a sub-protocol is named only if the client offered
/// it, and none is no reason to refuse; a client that insists on one fails by itself.
fn prepared(
    gateway: &Gateway,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<WebSocketUpgrade, Refusal> {
    let upgrade = upgrade.map_err(|rejection| {
        let message =
            format!("this is a WebSocket: {rejection}; without one, use /sse/{{channel}}");
        Refusal::new(
            StatusCode::UPGRADE_REQUIRED,
            ErrorBody::new(ErrorCode::Invalid, message),
        )
    })?;
    let max = gateway.state.limits.max_message_bytes;
    Ok(upgrade
        .protocols([SUBPROTOCOL_JSON])
        .max_message_size(max)
        .max_frame_size(max)
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES))
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    connections: usize,
    subscriptions: i64,
    uptime: i64,
}

async fn health(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
) -> Result<Json<Health>, Refusal> {
    gateway.identify(caller)?;
    let state = &gateway.state;
    Ok(Json(Health {
        status: if state.shutdown.is_cancelled() {
            "stopping"
        } else {
            "ok"
        },
        connections: gateway.admission.total(),
        subscriptions: state.telemetry.subscriptions.get(),
        uptime: state.clock.now().millis_since(gateway.started_at) / 1_000,
    }))
}

impl Gateway {
    /// Who calls, if they may read at all.
    fn identify(&self, caller: Caller) -> Result<Principal, Refusal> {
        let Some(Extension(principal)) = caller else {
            return Err(self.refused(Refused::Unauthenticated));
        };
        if principal.is_expired(self.state.clock.now()) {
            return Err(self.refused(Refused::Unauthenticated));
        }
        if !principal.may(Action::Read) {
            return Err(self.refused(Refused::Forbidden));
        }
        Ok(principal)
    }

    /// Who opens a stream, if they and the page they come from may do that.
    pub(crate) fn check(&self, caller: Caller, headers: &HeaderMap) -> Result<Principal, Refusal> {
        let principal = self.identify(caller)?;
        self.check_page(headers)?;
        Ok(principal)
    }

    /// Whether the page that a browser opens a stream from may do that.
    fn check_page(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if !origin::is_allowed(headers, &self.state.allowed_origins) {
            return Err(self.refused(Refused::Origin));
        }
        if self.state.shutdown.is_cancelled() {
            return Err(self.refused(Refused::Stopping));
        }
        Ok(())
    }

    /// What a stream's URL asks for, if the caller may have it.
    pub(crate) fn wish(
        &self,
        principal: &Principal,
        name: &str,
        options: Options,
    ) -> Result<Wish, Refusal> {
        let Some(channel) = channel::of_path(name) else {
            return Err(Refusal::new(StatusCode::NOT_FOUND, channel::unknown(name)));
        };
        if !principal.may_subscribe(channel) {
            return Err(self.refused(Refused::Forbidden));
        }
        let Query(options) = options
            .map_err(|error| Refusal::bad(format!("the query is not understood: {error}")))?;
        let min_severity = options.min_severity.as_deref().map(str::parse).transpose();
        Ok(Wish {
            channel,
            since: options.start()?,
            min_severity: min_severity
                .map_err(|error| Refusal::bad(format!("`min_severity`: {error}")))?,
        })
    }

    pub(crate) fn admit(
        &self,
        principal: &Principal,
        transport: Transport,
    ) -> Result<Admitted, Refusal> {
        self.admission
            .admit(&principal.subject, transport, &self.state.telemetry)
            .map_err(|reason| self.refused(reason))
    }

    fn refused(&self, reason: Refused) -> Refusal {
        self.state.telemetry.refused(reason);
        reason.into()
    }
}

impl StreamOptions {
    fn start(&self) -> Result<Option<Start>, Refusal> {
        match (&self.since, self.last) {
            (Some(_), Some(_)) => Err(Refusal::bad(
                "`since` and `last` exclude each other: leave one out",
            )),
            (Some(text), None) => start_from(text).map(Some),
            (None, last) => Ok(last.map(Start::Last)),
        }
    }
}

/// From the one-line form, as in a query or a `Last-Event-ID`.
pub(crate) fn start_from(text: &str) -> Result<Start, Refusal> {
    let since = Since::from_line(text).map_err(|error| Refusal::bad(error.to_string()))?;
    Start::try_from(since).map_err(|error| Refusal::bad(format!("`since`: {error}")))
}
