//! The gateway's routes: what is checked before a request becomes a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, FromRequestParts, Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::Serialize;
use vigil_auth::Principal;
use vigil_event::channel::STATUS;
use vigil_protocol::{CloseCode, ErrorBody, ErrorCode, Subscribe};

use crate::admit::admission::Admitted;
use crate::admit::greeting::{code_of, may_not_connect};
use crate::admit::query::{StreamOptions, not_understood};
use crate::admit::refusal::{Refusal, refusal};
use crate::admit::upgrade::{NotAWebSocket, Opened, Upgrade};
use crate::connection::Connection;
use crate::connection::roster::Purpose;
use crate::fan_out::shard::Shard;
use crate::subscription::wish::Wish;
use crate::telemetry::{Refused, Transport};
use crate::wire::outlet::{End, Outlet};
use crate::{Gateway, admit::origin, frame, manage, sse};

pub(crate) type Caller = Option<Extension<Principal>>;
pub(crate) type Options = Result<Query<StreamOptions>, QueryRejection>;

/// Who connects, as far as the listener says.
pub(crate) type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

pub(crate) fn all(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/ws", get(general))
        .route("/ws/{channel}", get(of_channel))
        .route("/api/v1/ws", get(general))
        .route("/api/v1/ws/investigations/{id}", get(of_investigation))
        .route("/api/v1/ws/analysis/{id}", get(of_analysis))
        .route("/api/v1/ws/chat/{id}", get(of_chat))
        .merge(manage::routes())
        .route("/api/v1/ws/health", get(health))
        .route("/asyncapi.json", get(document))
        .route("/sse/{channel}", get(sse::stream))
        .with_state(gateway)
}

/// What is known of somebody who opens a socket.
#[derive(FromRequestParts)]
struct Opening {
    caller: Caller,
    peer: Peer,
    headers: HeaderMap,
    options: Options,
    upgrade: Result<Upgrade, NotAWebSocket>,
}

async fn general(
    State(gateway): State<Arc<Gateway>>,
    opening: Opening,
) -> Result<Response, Refusal> {
    opening.answer(&gateway, None, Purpose::General)
}

async fn of_channel(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    opening: Opening,
) -> Result<Response, Refusal> {
    let name = if name == "system" {
        STATUS.to_owned()
    } else {
        name
    };
    opening.answer(&gateway, Some(name), Purpose::General)
}

async fn of_investigation(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    opening: Opening,
) -> Result<Response, Refusal> {
    opening.answer(
        &gateway,
        Some(format!("investigations:{id}")),
        Purpose::Investigation,
    )
}

async fn of_analysis(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    opening: Opening,
) -> Result<Response, Refusal> {
    opening.answer(&gateway, Some(format!("analysis:{id}")), Purpose::Analysis)
}

async fn of_chat(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    opening: Opening,
) -> Result<Response, Refusal> {
    opening.answer(&gateway, Some(format!("chat:{id}")), Purpose::Chat)
}

impl Opening {
    /// Checks who comes from where, and upgrades. `usual` is what the connection is for where the
    /// client does not say it.
    fn answer(
        self,
        gateway: &Arc<Gateway>,
        channel: Option<String>,
        usual: Purpose,
    ) -> Result<Response, Refusal> {
        gateway.arrive(&self.peer)?;
        let purpose = match &self.options {
            Ok(Query(options)) => options.purpose(usual)?,
            Err(_) => usual,
        };
        if is_to_be_greeted(&self.caller, self.upgrade.is_ok()) {
            gateway.check_page(&self.headers)?;
            // What nobody can have is told before anything is opened.
            let asked = match channel {
                Some(name) => Some(gateway.asked_of_url(&name, self.options)?),
                None => None,
            };
            return greet(gateway, self.upgrade, purpose, move |gateway, principal| {
                let wish = asked.map(|asked| gateway.granted(principal, &asked));
                wish.transpose()
            });
        }
        let principal = gateway.check(self.caller, &self.headers)?;
        let first = match channel {
            Some(name) => Some(gateway.wish_of_url(&principal, &name, self.options)?),
            None => None,
        };
        open(gateway, principal, self.upgrade, first, purpose)
    }
}

/// Whether the one who opens a socket says who they are in its first frame.
const fn is_to_be_greeted(caller: &Caller, is_upgrade: bool) -> bool {
    caller.is_none() && is_upgrade
}

/// Upgrades without a credential, and makes a connection of it once the first frame has shown one.
/// What the client may not have is told then, and closes the socket.
fn greet(
    gateway: &Arc<Gateway>,
    upgrade: Result<Upgrade, NotAWebSocket>,
    purpose: Purpose,
    wish: impl FnOnce(&Gateway, &Principal) -> Result<Option<Wish>, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    drop(
        gateway
            .hall
            .enter()
            .map_err(|reason| gateway.refused(reason))?,
    );
    let gateway = Arc::clone(gateway);
    gateway.settle(upgrade, move |gateway, shard, outlet| async move {
        let greeted = match gateway.hall.enter() {
            Ok(_place) => gateway.greet(outlet).await,
            Err(reason) => {
                gateway.dismiss(outlet, End::Close(code_of(reason))).await;
                None
            }
        };
        let (mut outlet, principal) = greeted?;
        let first = match wish(&gateway, &principal) {
            Ok(first) => first,
            Err(refusal) => {
                let said = outlet.say(&frame::of_error(refusal.into_error())).await;
                let end = said.err().unwrap_or(End::Close(CloseCode::Forbidden));
                gateway.dismiss(outlet, end).await;
                return None;
            }
        };
        let admitted = gateway.admission.admit(
            &principal.subject,
            Transport::WebSocket,
            &gateway.state.telemetry,
        );
        match admitted {
            Ok(admitted) => {
                let connection =
                    Connection::new(gateway, shard, principal, admitted, outlet, purpose);
                Some((connection, first.map(Box::new)))
            }
            Err(reason) => {
                gateway.state.telemetry.refused(reason);
                gateway.dismiss(outlet, End::Close(code_of(reason))).await;
                None
            }
        }
    })
}

/// Upgrades for somebody who is known.
fn open(
    gateway: &Arc<Gateway>,
    principal: Principal,
    upgrade: Result<Upgrade, NotAWebSocket>,
    first: Option<Wish>,
    purpose: Purpose,
) -> Result<Response, Refusal> {
    let admitted = gateway.admit(&principal, Transport::WebSocket)?;
    let gateway = Arc::clone(gateway);
    gateway.settle(upgrade, move |gateway, shard, outlet| async move {
        let connection = Connection::new(gateway, shard, principal, admitted, outlet, purpose);
        Some((connection, first.map(Box::new)))
    })
}

/// The protocol as AsyncAPI 3, with JSON Schemas of every frame.
async fn document(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    gateway.identify(caller)?;
    let json = [(CONTENT_TYPE, "application/json")];
    Ok((json, include_str!("../asyncapi.json")).into_response())
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
    /// The answer to a request that opens a WebSocket. Once it is written, the socket goes to a shard,
    /// and what `welcome` makes of it there runs until it ends.
    fn settle<W>(
        self: &Arc<Self>,
        upgrade: Result<Upgrade, NotAWebSocket>,
        welcome: impl FnOnce(Arc<Self>, Arc<Shard>, Outlet) -> W + Send + 'static,
    ) -> Result<Response, Refusal>
    where
        W: Future<Output = Option<(Box<Connection>, Option<Box<Wish>>)>> + Send + 'static,
    {
        let upgrade = upgrade.map_err(|error| {
            let message =
                format!("this is a WebSocket: {error}; without one, use /sse/{{channel}}");
            Refusal::new(
                StatusCode::UPGRADE_REQUIRED,
                ErrorBody::new(ErrorCode::Invalid, message),
            )
        })?;
        let shard = self.shards.next().cloned();
        let shard = shard.ok_or_else(|| self.refused(Refused::TooMany))?;
        let (response, opened) = upgrade.accept(self.press.may_compress());
        let (gateway, tracked) = (Arc::clone(self), self.state.tasks.token());
        tokio::spawn(async move {
            let Some(opened) = opened.await else { return };
            let here = Arc::clone(&shard);
            shard.spawn(async move {
                let outlet = match gateway.outlet(opened) {
                    Ok(outlet) => outlet,
                    Err(error) => return tracing::warn!(%error, "a connection can't be served"),
                };
                let welcomed = welcome(gateway, Arc::clone(&here), outlet).await;
                if let Some((connection, first)) = welcomed {
                    // A task of its own is no larger than the connection needs.
                    here.spawn(connection.run(first));
                }
                drop(tracked);
            });
        });
        Ok(response)
    }

    fn outlet(&self, opened: Opened) -> std::io::Result<Outlet> {
        let limits = &self.state.limits;
        Outlet::new(
            opened,
            (&self.press, &self.budget),
            limits.max_message_bytes,
            limits.write_deadline,
            self.state.shutdown.clone(),
        )
    }

    /// Who calls, if they may connect at all.
    pub(crate) fn identify(&self, caller: Caller) -> Result<Principal, Refusal> {
        let Some(Extension(principal)) = caller else {
            return Err(self.refused(Refused::Unauthenticated));
        };
        if principal.is_expired(self.state.clock.now()) {
            return Err(self.refused(Refused::Unauthenticated));
        }
        if !principal.may_connect() {
            return Err(self.refused(Refused::Forbidden).saying(may_not_connect()));
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

    /// Whether one more may come from that address now.
    pub(crate) fn arrive(&self, peer: &Peer) -> Result<(), Refusal> {
        let peer = peer.as_ref().map(|Extension(ConnectInfo(peer))| peer.ip());
        self.admission
            .arrive(peer)
            .map_err(|sent| self.refused(sent.reason).after(sent.after))
    }

    /// What a stream's URL asks for, if the caller may have it.
    pub(crate) fn wish_of_url(
        &self,
        principal: &Principal,
        name: &str,
        options: Options,
    ) -> Result<Wish, Refusal> {
        let asked = self.asked_of_url(name, options)?;
        self.granted(principal, &asked)
    }

    /// What a stream's URL asks for, if there is such a thing.
    fn asked_of_url(&self, name: &str, options: Options) -> Result<Subscribe, Refusal> {
        let Query(options) = options.map_err(not_understood)?;
        let namespaces = &self.state.namespaces;
        if namespaces.find(name).is_none() {
            return Err(Refusal::new(
                StatusCode::NOT_FOUND,
                namespaces.unknown(name),
            ));
        }
        options.subscribe(name)
    }

    /// What a stream's URL asks for, if the caller may have it.
    fn granted(&self, principal: &Principal, asked: &Subscribe) -> Result<Wish, Refusal> {
        let wish = self.wish(principal, asked);
        let opened = wish.and_then(|wish| self.check_room_for(&wish.target).map(|()| wish));
        let wish = opened.map_err(|error| {
            if error.code == ErrorCode::Forbidden {
                return self.refused(Refused::Forbidden).saying(error);
            }
            refusal(error)
        })?;
        // A token whose filter makes no sense is told so before anything is opened.
        self.sift(&wish.options.asked, principal)
            .map_err(|error| Refusal::new(StatusCode::FORBIDDEN, error))?;
        Ok(wish)
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

    pub(crate) fn refused(&self, reason: Refused) -> Refusal {
        self.state.telemetry.refused(reason);
        self.audit_refused(None, reason.name());
        reason.into()
    }
}
