//! Routes for whoever manages: what is connected, and what to tell or do to it. Role `admin` only.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use tokio::sync::oneshot;
use vigil_auth::{Action, Principal, Role};
use vigil_event::Id;
use vigil_protocol::{
    CloseCode, ErrorBody, ErrorCode, History, HistorySaid, MAX_HISTORY_ITEMS, MAX_KEY_BYTES,
    Notification, PresenceSaid, Publish, PublishedSaid, Subscribe,
};

use crate::Gateway;
use crate::admit::query::{fields_of, filter_of, not_understood, since_of};
use crate::admit::refusal::{Refusal, refusal};
use crate::connection::roster::{Entry, Listed, Order};
use crate::subscription::history;

/// The longest body of a request.
const MAX_BODY_BYTES: usize = 1 << 20;

/// The most connections that are listed.
const MAX_LISTED: usize = 10_000;

/// How long a connection has to follow an order.
const PATIENCE: Duration = Duration::from_secs(5);

type Answer<T> = Result<Json<T>, Refusal>;
type Shared = State<Arc<Gateway>>;

pub(crate) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/ws/connections", get(connections))
        .route("/ws/connections/{id}", delete(disconnect))
        .route("/ws/stats", get(stats))
        .route("/ws/channels", get(channels))
        .route("/ws/channels/{channel}/presence", get(presence))
        .route("/ws/channels/{channel}/history", get(look_back))
        .route("/ws/channels/{channel}/subscribe", post(subscribe))
        .route("/ws/channels/{channel}/unsubscribe", post(unsubscribe))
        .route("/ws/broadcast", post(broadcast))
        .route("/ws/notify/{client_id}", post(notify))
        .route("/ws/publish", post(publish))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

/// Who asks, if they may manage. Comes before anything else of a request is read.
struct Manager(Principal);

impl FromRequestParts<Arc<Gateway>> for Manager {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Arc<Gateway>,
    ) -> Result<Self, Refusal> {
        let caller = parts.extensions.get().cloned().map(Extension);
        let by = gateway.identify(caller)?;
        gateway.manager(by).map(Self)
    }
}

/// Who publishes, if they may: an admin, or a service what its token names.
struct Publisher(Principal);

impl FromRequestParts<Arc<Gateway>> for Publisher {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Arc<Gateway>,
    ) -> Result<Self, Refusal> {
        let caller = parts.extensions.get().cloned().map(Extension);
        let by = gateway.identify(caller)?;
        match by.role {
            Role::Service => Ok(Self(by)),
            _ => gateway.manager(by).map(Self),
        }
    }
}

impl Gateway {
    /// Who asks, if they may manage.
    fn manager(&self, principal: Principal) -> Result<Principal, Refusal> {
        if principal.may(Action::Manage) {
            return Ok(principal);
        }
        let error = ErrorBody::new(
            ErrorCode::Forbidden,
            format!(
                "role {} may not manage connections: use a token of role admin",
                principal.role
            ),
        );
        self.audit_refused(Some(&principal), "manage");
        Err(Refusal::new(StatusCode::FORBIDDEN, error))
    }
}

async fn connections(State(gateway): Shared, _: Manager) -> Answer<Vec<Listed>> {
    Ok(Json(gateway.roster.list(MAX_LISTED)))
}

async fn disconnect(
    State(gateway): Shared,
    _: Manager,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let entry = id.parse::<Id>().ok().and_then(|id| gateway.roster.get(id));
    let entry = entry.ok_or_else(|| unknown_connection(&id))?;
    if entry.order(Order::Close(CloseCode::Policy)) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(busy())
    }
}

#[derive(Serialize)]
struct Stats {
    connections: usize,
    connections_total: u64,
    subscriptions: i64,
    messages_sent: u64,
    messages_received: u64,
    channels: usize,
    uptime: i64,
}

async fn stats(State(gateway): Shared, _: Manager) -> Answer<Stats> {
    let state = &gateway.state;
    Ok(Json(Stats {
        connections: gateway.admission.total(),
        connections_total: state.telemetry.connections_total.get(),
        subscriptions: state.telemetry.subscriptions.get(),
        messages_sent: state.telemetry.sent_in_all(),
        messages_received: state.telemetry.messages_received.get(),
        channels: state.bus.channels().len(),
        uptime: state.clock.now().millis_since(gateway.started_at) / 1_000,
    }))
}

#[derive(Serialize)]
struct ChannelListed {
    channel: Arc<str>,
    epoch: Arc<str>,
    offset: u64,
    items: usize,
    bytes: usize,
    published: u64,
    dropped: u64,
    watchers: usize,
}

async fn channels(State(gateway): Shared, _: Manager) -> Answer<Vec<ChannelListed>> {
    let listed = gateway.state.bus.channels().into_iter();
    Ok(Json(
        listed
            .map(|status| ChannelListed {
                watchers: gateway.watchers(&status),
                channel: status.channel,
                epoch: status.head.epoch,
                offset: status.head.offset,
                items: status.items,
                bytes: status.bytes,
                published: status.published,
                dropped: status.dropped,
            })
            .collect(),
    ))
}

async fn presence(
    State(gateway): Shared,
    Manager(manager): Manager,
    Path(channel): Path<String>,
) -> Answer<PresenceSaid> {
    gateway
        .who_is_in(&manager, &channel)
        .map(Json)
        .map_err(refusal)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryQuery {
    since: Option<String>,
    last: Option<u64>,
    limit: Option<usize>,
    min_severity: Option<String>,
    filter: Option<String>,
    fields: Option<String>,
}

async fn look_back(
    State(gateway): Shared,
    Manager(manager): Manager,
    Path(channel): Path<String>,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Answer<HistorySaid> {
    let Query(query) = query.map_err(not_understood)?;
    let limits = 1..=MAX_HISTORY_ITEMS;
    if query.limit.is_some_and(|limit| !limits.contains(&limit)) {
        return Err(Refusal::bad(format!(
            "`limit` must be 1 to {MAX_HISTORY_ITEMS}"
        )));
    }
    let asked = History {
        channel,
        since: since_of(query.since.as_deref(), query.last)?,
        limit: query.limit,
        min_severity: query.min_severity,
        filter: filter_of(query.filter.as_ref())?,
        fields: fields_of(query.fields.as_deref())?,
        ..History::default()
    };
    let said = history::of(&gateway, &manager, &asked).await;
    said.map(Json).map_err(refusal)
}

/// Whom an order is for: one connection, or all of a user.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whom {
    connection_id: Option<String>,
    user: Option<String>,
}

impl Whom {
    fn find(&self, gateway: &Gateway) -> Result<Vec<Arc<Entry>>, Refusal> {
        let found = match (&self.connection_id, &self.user) {
            (Some(id), None) => {
                let id = id.parse::<Id>().map_err(|_| unknown_connection(id))?;
                gateway.roster.get(id).into_iter().collect()
            }
            (None, Some(user)) => gateway.roster.matching(|_, who| who.subject == *user),
            _ => {
                return Err(Refusal::bad("say either `connection_id` or `user`"));
            }
        };
        if found.is_empty() {
            let whom = self.connection_id.as_ref().or(self.user.as_ref());
            return Err(unknown_connection(whom.map_or("", String::as_str)));
        }
        Ok(found)
    }
}

#[derive(Serialize)]
struct Done {
    /// How many connections did it.
    connections: usize,
}

async fn subscribe(
    State(gateway): Shared,
    _: Manager,
    Path(channel): Path<String>,
    Json(whom): Json<Whom>,
) -> Answer<Done> {
    let asked = Subscribe {
        channel,
        ..Subscribe::default()
    };
    let order = |answer| Order::Subscribe(Box::new(asked.clone()), answer);
    order_all(&whom.find(&gateway)?, order).await
}

async fn unsubscribe(
    State(gateway): Shared,
    _: Manager,
    Path(channel): Path<String>,
    Json(whom): Json<Whom>,
) -> Answer<Done> {
    let order = |answer| Order::Unsubscribe(channel.clone(), answer);
    order_all(&whom.find(&gateway)?, order).await
}

/// Gives an order to each, and waits for what becomes of it. An error only if none could follow.
async fn order_all(
    entries: &[Arc<Entry>],
    order: impl Fn(oneshot::Sender<Result<(), ErrorBody>>) -> Order,
) -> Answer<Done> {
    let mut answers = Vec::new();
    for entry in entries {
        let (sender, answer) = oneshot::channel();
        if entry.order(order(sender)) {
            answers.push(answer);
        }
    }
    let (mut done, mut refused) = (0, None);
    for answer in answers {
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(Ok(()))) => done += 1,
            Ok(Ok(Err(error))) => refused = Some(error),
            Ok(Err(_)) | Err(_) => {}
        }
    }
    match (done, refused) {
        (0, Some(error)) => Err(refusal(error)),
        (0, None) => Err(busy()),
        (connections, _) => Ok(Json(Done { connections })),
    }
}

/// Something to say to one connection or user, outside of any channel.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    message: Box<RawValue>,
}

/// Something to say to everybody.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Broadcast {
    message: Box<RawValue>,
    /// Only to users of this role.
    #[serde(default)]
    role: Option<Role>,
}

async fn broadcast(
    State(gateway): Shared,
    Manager(manager): Manager,
    Json(saying): Json<Broadcast>,
) -> Answer<Done> {
    let role = saying.role;
    let entries = gateway
        .roster
        .matching(|_, who| role.is_none_or(|role| who.role == role));
    Ok(Json(Done {
        connections: gateway.notify(&manager, &entries, &saying.message),
    }))
}

async fn notify(
    State(gateway): Shared,
    Manager(manager): Manager,
    Path(client_id): Path<String>,
    Json(saying): Json<Saying>,
) -> Answer<Done> {
    let entries = match client_id.parse::<Id>() {
        Ok(id) => gateway.roster.get(id).into_iter().collect(),
        Err(_) => gateway.roster.matching(|_, who| who.subject == client_id),
    };
    if entries.is_empty() {
        return Err(unknown_connection(&client_id));
    }
    match gateway.notify(&manager, &entries, &saying.message) {
        0 => Err(busy()),
        connections => Ok(Json(Done { connections })),
    }
}

async fn publish(
    State(gateway): Shared,
    Publisher(by): Publisher,
    headers: HeaderMap,
    body: String,
) -> Answer<PublishedSaid> {
    let mut asked = Publish::decode(&body, None).map_err(Refusal::bad)?;
    if let Some(key) = headers.get("idempotency-key") {
        let key = key.to_str().ok();
        let key = key.filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()));
        let key = key.ok_or_else(|| {
            Refusal::bad(format!(
                "`Idempotency-Key` must be 1 to {MAX_KEY_BYTES} characters of ASCII"
            ))
        })?;
        asked.idempotency_key.get_or_insert_with(|| key.to_owned());
    }
    gateway.publish(&by, &asked).map(Json).map_err(refusal)
}

impl Gateway {
    /// Says something to each, and how many heard of it.
    fn notify(&self, by: &Principal, entries: &[Arc<Entry>], message: &RawValue) -> usize {
        let now = self.state.clock.now();
        let said = entries.iter().filter(|entry| {
            entry.order(Order::Notify(Box::new(Notification {
                id: self.state.ids.next(now).to_string(),
                timestamp: now.to_string(),
                from: by.subject.clone(),
                message: message.to_owned(),
            })))
        });
        said.count()
    }
}

fn unknown_connection(id: &str) -> Refusal {
    let shown = vigil_event::text::truncated(id, 64);
    Refusal::new(
        StatusCode::NOT_FOUND,
        ErrorBody::new(
            ErrorCode::NotFound,
            format!("there is no connection `{shown}` open: GET /ws/connections lists them"),
        ),
    )
}

fn busy() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        ErrorBody::new(
            ErrorCode::Unavailable,
            "the connection does not follow now: try again",
        ),
    )
}
