//! The one way in: a layer around every route that lets a request pass with its principal, or not.
//!
//! Open are only `GET /health` and the sign-in, which trades a token or a one-time ticket for a
//! session cookie. Everything else needs a credential, but that a WebSocket may show it in its first
//! frame, which the gateway waits for; what a browser adds by itself, the cookie,
//! counts for changes and sockets only if the request comes from our own page.
//!
//! Owns: where credentials stand in a request, sessions, who has failed too often. Never holds: what
//! makes a credential good, and what a principal may do. No credential is ever logged, nor the query
//! string, which may hold a ticket.

mod cookie;
mod credential;
mod failures;
mod host;
mod origin;
mod sign_in;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use vigil_auth::{AuthError, Credential, Gatekeeper, Principal};
use vigil_event::{Clock, Timestamp};

pub use cookie::SESSION_COOKIE;
pub use host::Hosts;

use self::credential::Shown;
use self::failures::Failures;
use crate::{ApiError, ErrorCode, header};

/// Who decides, and for which names and origins.
pub struct Access {
    /// Knows the credentials.
    pub gatekeeper: Arc<Gatekeeper>,
    /// Tells the present.
    pub clock: Arc<dyn Clock>,
    /// The names under which this server may be asked.
    pub hosts: Hosts,
    /// Origins beside our own, such as `https://vigil.example`, whose pages may use a session.
    pub origins: Vec<String>,
    /// Hears of each credential that is refused.
    pub witness: Arc<Witness>,
}

/// Hears what kind of credential was refused (`token`, `session`, `key`, `ticket`), and where it came
/// from. It must not wait for anything.
pub type Witness = dyn Fn(&'static str, Option<IpAddr>) + Send + Sync;

/// Marks a request, as an extension, that came through TLS which this server ended.
#[derive(Clone, Copy, Debug)]
pub struct OverTls;

/// What the layer works with.
struct Door {
    access: Access,
    failures: Failures,
}

/// Protects the whole application and adds the sign-in to it.
///
/// The peer's address is taken from [`ConnectInfo`]; without it all peers count as one where failed
/// attempts are limited.
pub fn authenticate(app: Router, access: Access) -> Router {
    let door = Arc::new(Door {
        access,
        failures: Failures::default(),
    });
    app.merge(sign_in::routes(Arc::clone(&door)))
        .layer(from_fn_with_state(door, guard))
        .layer(from_fn(header::complete))
}

async fn guard(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    if let Err(error) = door.access.hosts.check(request.headers(), request.uri()) {
        return error.into_response();
    }
    if is_open(request.method(), request.uri().path()) {
        return next.run(request).await;
    }
    if let Some(ticket) = sign_in::ticket_of_page(request.method(), request.uri()) {
        return sign_in::redeem(&door, &request, ticket);
    }
    match door.principal(Asked::of(&request)).await {
        Ok(principal) => {
            if let Some(principal) = principal {
                request.extensions_mut().insert(principal);
            }
            next.run(request).await
        }
        Err(error) => sign_in::refuse(&request, error),
    }
}

/// What needs no credential.
fn is_open(method: &Method, path: &str) -> bool {
    match path {
        "/health" => matches!(*method, Method::GET | Method::HEAD),
        sign_in::SESSION_PATH => *method == Method::POST,
        _ => false,
    }
}

/// What of a request proves who asks.
struct Asked<'a> {
    method: &'a Method,
    headers: &'a HeaderMap,
    uri: &'a Uri,
    peer: Option<IpAddr>,
}

impl<'a> Asked<'a> {
    fn of(request: &'a Request) -> Self {
        Self {
            method: request.method(),
            headers: request.headers(),
            uri: request.uri(),
            peer: peer(request),
        }
    }
}

impl Door {
    /// Who asks, if that is proved; nobody where a socket may still say it in its first frame.
    async fn principal(&self, asked: Asked<'_>) -> Result<Option<Principal>, ApiError> {
        let shown = credential::of(asked.headers, asked.uri);
        let shown = shown.inspect_err(|error| self.witness(error, "token", asked.peer))?;
        let principal = match shown {
            None if credential::may_follow(asked.headers, asked.uri) => return Ok(None),
            None => return Err(unauthenticated("this needs a token")),
            Some(Shown::Session(token)) => {
                let verified = self.holder_patiently(Credential::Bearer(token)).await;
                let principal =
                    verified.inspect_err(|error| self.witness(error, "session", asked.peer))?;
                if changes_something(asked.method, asked.headers) {
                    origin::check(asked.headers, &self.access.origins)?;
                }
                principal
            }
            Some(Shown::Explicit(credential)) => self.verify(credential, asked.peer).await?,
        };
        Ok(Some(principal))
    }

    /// Who shows the credential. Failures are counted for what can be guessed. A signed token can't
    /// be, so a page that keeps asking after its session has ended is not held against its address.
    async fn verify(
        &self,
        credential: Credential<'_>,
        peer: Option<IpAddr>,
    ) -> Result<Principal, ApiError> {
        let verified = self.holder_patiently(credential).await;
        let verified = verified.inspect_err(|error| self.witness(error, kind(credential), peer));
        if matches!(credential, Credential::Bearer(_)) {
            verified
        } else {
            verified.map_err(|error| self.counted(error, peer))
        }
    }

    /// Who holds the credential; nothing is counted.
    fn holder(&self, credential: Credential<'_>) -> Result<Principal, ApiError> {
        self.access
            .gatekeeper
            .verify(credential, self.now())
            .map_err(|error| refusal(&error))
    }

    /// As [`holder`](Self::holder), but waits where an issuer's keys must be fetched first.
    async fn holder_patiently(&self, credential: Credential<'_>) -> Result<Principal, ApiError> {
        self.access
            .gatekeeper
            .verify_patiently(credential, self.now())
            .await
            .map_err(|error| refusal(&error))
    }

    /// Counts a refused attempt, and says what is answered to it.
    fn counted(&self, error: ApiError, peer: Option<IpAddr>) -> ApiError {
        if error.code() != ErrorCode::Unauthenticated {
            return error;
        }
        self.failures.count(peer, self.now()).err().unwrap_or(error)
    }

    /// Has it told that a credential was refused.
    fn witness(&self, error: &ApiError, kind: &'static str, peer: Option<IpAddr>) {
        if error.code() == ErrorCode::Unauthenticated {
            (self.access.witness)(kind, peer);
        }
    }

    fn now(&self) -> Timestamp {
        self.access.clock.now()
    }
}

const fn kind(credential: Credential<'_>) -> &'static str {
    match credential {
        Credential::Bearer(_) => "token",
        Credential::ApiKey(_) => "key",
        Credential::Ticket(_) => "ticket",
    }
}

fn refusal(error: &AuthError) -> ApiError {
    if error.is_rejection() {
        // The texts of rejections carry nothing of the credential.
        tracing::debug!(%error, "a credential was refused");
        unauthenticated(error.to_string())
    } else {
        tracing::error!(%error, "credentials can't be verified");
        ApiError::internal()
    }
}

fn unauthenticated(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::Unauthenticated, message)
        .hint("send `Authorization: Bearer <token>`; `vigil token --role viewer` prints a token")
}

/// Whether a request does more than look: by its method, or by opening a socket that takes commands.
fn changes_something(method: &Method, headers: &HeaderMap) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
        || headers.contains_key(axum::http::header::UPGRADE)
        || headers.contains_key(axum::http::header::SEC_WEBSOCKET_KEY)
}

fn peer(request: &Request) -> Option<IpAddr> {
    request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(address)| address.ip())
}

/// A parameter of the query, as it stands there. Tickets and tokens need no decoding.
fn query_value<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| {
        pair.split_once('=')
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value)
    })
}
