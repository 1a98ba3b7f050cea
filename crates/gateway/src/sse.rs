//! Server-Sent Events: a channel for `curl` and for networks where WebSockets don't get through.
//!
//! The stream is pulled by the HTTP server as the client takes it, so a slow client holds up itself
//! only, as with WebSockets.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::task_tracker::TaskTrackerToken;
use vigil_auth::Principal;
use vigil_bus::Position;
use vigil_event::{Id, channel};
use vigil_protocol::{CloseCode, ErrorBody, ErrorCode, Gap, Message, Notification, ServerFrame};

use crate::Gateway;
use crate::admit::admission::Admitted;
use crate::admit::query::since_from;
use crate::admit::refusal::Refusal;
use crate::channel::Target;
use crate::connection::roster::{Enrolled, Heard, Order, Purpose};
use crate::frame;
use crate::frame::form::{self, Encoding, Projection};
use crate::route::{Caller, Options, Peer};
use crate::subscription::Wake;
use crate::subscription::cursor::{Cursor, Start, Started};
use crate::telemetry::{Counted, Transport};

/// What a browser sends when it comes back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How long a browser waits before it comes back.
const RETRY_MS: u64 = 2_000;

/// A page is handed over in pieces of about this size.
const PIECE_BYTES: usize = 64 * 1024;

/// One SSE stream.
struct Listener {
    gateway: Arc<Gateway>,
    principal: Arc<Principal>,
    cursor: Cursor,
    projection: Option<Arc<Projection>>,
    enrolled: Enrolled,
    wake: Wake,
    beat_at: Instant,
    /// There may be items after the cursor.
    pending: bool,
    /// Changes when a credential is revoked.
    revocations: watch::Receiver<u64>,
    /// Why it ends.
    end: &'static str,
    _admitted: Admitted,
    _counted: Counted,
    _tracked: TaskTrackerToken,
}

/// What happens next.
enum Turn {
    Drain,
    /// Somebody who manages ends it.
    Closed(CloseCode),
    /// Somebody who manages says something.
    Told(Box<Notification>),
    /// Somebody called; the next turn looks for an order.
    Ignored,
    Expired,
    /// Something was revoked; the next turn asks whether it was this credential.
    Revocation,
    Beat,
    Push,
}

pub(crate) async fn stream(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    headers: HeaderMap,
    peer: Peer,
    Path(name): Path<String>,
    options: Options,
) -> Result<Response, Refusal> {
    gateway.arrive(&peer)?;
    let principal = gateway.roster.share(gateway.check(caller, &headers)?);
    let name = if name == "system" {
        channel::STATUS.to_owned()
    } else {
        name
    };
    let mut wish = gateway.wish_of_url(&principal, &name, options)?;
    let Target::One(channel) = wish.target.clone() else {
        return Err(Refusal::bad(
            "a stream of events is of one channel: name a room",
        ));
    };
    if let Some(id) = headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty()) {
        // A browser repeats the URL when it comes back; where it was counts more than what that says.
        let id = id
            .to_str()
            .map_err(|_| Refusal::bad("`Last-Event-ID` must be `epoch:offset`"))?;
        let start = Start::try_from(since_from(id)?);
        wish.since = Some(start.map_err(|error| Refusal::bad(error.to_string()))?);
    }
    let admitted = gateway.admit(&principal, Transport::Sse)?;
    let state = &gateway.state;
    let sift = gateway
        .sift(&wish.options.asked, &principal)
        .map_err(|error| Refusal::new(axum::http::StatusCode::FORBIDDEN, error))?;
    let wake = Wake::new(state.bus.watch(&channel));
    let (cursor, started) = Cursor::start(&*state.bus, &channel, wish.since.as_ref(), &sift);
    let mut first = opening(&channel, &started, &wish.ignored);
    for gap in started.gaps {
        state.telemetry.gap(gap.reason, gap.missed);
        write_gap(&mut first, &channel, gap);
    }
    let now = state.clock.now();
    let enrolled = gateway.roster.enrol(
        state.ids.next(now),
        &principal,
        Transport::Sse,
        Purpose::General,
        now,
    );
    enrolled.entry.hears(Heard::One(Arc::clone(&channel)));
    gateway.audit_connected(enrolled.id, &principal, Transport::Sse.name());
    gateway.audit_subscribed(enrolled.id, &principal, &channel);
    let listener = Listener {
        cursor,
        projection: wish.options.projection.clone(),
        enrolled,
        wake,
        beat_at: Instant::now() + state.limits.ping_interval,
        pending: true,
        revocations: state.gatekeeper.revocations.changes(),
        end: "gone",
        _admitted: admitted,
        _counted: Counted::on(&state.telemetry.subscriptions),
        _tracked: state.tasks.token(),
        principal,
        gateway,
    };
    let rest = stream::unfold(Some(listener), |listener| async { listener?.next().await });
    let all = futures_util::StreamExt::chain(
        stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from(first))]),
        rest,
    );
    Ok((stream_headers(), Body::from_stream(all)).into_response())
}

/// What keeps caches and proxies from holding events back.
fn stream_headers() -> [(HeaderName, HeaderValue); 3] {
    [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would otherwise hold events back until a buffer is full.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ]
}

/// What a stream says first: from where it goes on, and what of its address means nothing.
fn opening(channel: &str, started: &Started, ignored: &[String]) -> String {
    let Position { epoch, offset } = &started.from;
    let mut text = format!("retry: {RETRY_MS}\n: {channel} from {epoch}:{offset}\n");
    for name in ignored {
        // Somebody else may have written the address: no name may end its line.
        _ = writeln!(text, ": ignored {}", name.escape_debug());
    }
    text.push('\n');
    text
}

type Item = Result<Bytes, std::convert::Infallible>;

impl Listener {
    /// The next piece, and the listener unless that was its last one.
    async fn next(mut self) -> Option<(Item, Option<Self>)> {
        loop {
            let turn = self.wait().await;
            match turn {
                Turn::Closed(code) => return Some((Ok(self.farewell(code)), None)),
                Turn::Drain => return Some((Ok(self.farewell(CloseCode::GoingAway)), None)),
                Turn::Expired => {
                    return Some((Ok(self.farewell(CloseCode::Unauthenticated)), None));
                }
                Turn::Told(notification) => {
                    return Some((Ok(self.tell(*notification)), Some(self)));
                }
                Turn::Revocation | Turn::Ignored => {}
                Turn::Beat => {
                    self.beat_at = Instant::now() + self.gateway.state.limits.ping_interval;
                    return Some((Ok(self.beat()), Some(self)));
                }
                Turn::Push => {
                    let piece = self.piece();
                    if !piece.is_empty() {
                        return Some((Ok(Bytes::from(piece)), Some(self)));
                    }
                }
            }
        }
    }

    async fn wait(&mut self) -> Turn {
        let state = &self.gateway.state;
        let revocations = &state.gatekeeper.revocations;
        if self.principal.is_expired(state.clock.now()) || revocations.cover(&self.principal) {
            return Turn::Expired;
        }
        while let Some(order) = self.enrolled.entry.next_order() {
            match order {
                Order::Close(code) => return Turn::Closed(code),
                Order::Notify(notification) => return Turn::Told(notification),
                // Whoever asked may be gone.
                Order::Subscribe(_, answer) | Order::Unsubscribe(_, answer) => {
                    drop(answer.send(Err(hears_one())));
                }
            }
        }
        let left_ms = self
            .principal
            .expires_at
            .map(|end| end.millis_since(state.clock.now()));
        let left = left_ms.map_or(u64::MAX, |left| u64::try_from(left).unwrap_or_default());
        let expiry = Instant::now()
            + state
                .limits
                .ping_interval
                .min(std::time::Duration::from_millis(left));
        tokio::select! {
            biased;
            () = self.gateway.drained(self.enrolled.id) => Turn::Drain,
            Ok(()) = self.revocations.changed() => Turn::Revocation,
            _ = self.enrolled.entry.signal.raised() => Turn::Ignored,
            () = sleep_until(self.beat_at) => Turn::Beat,
            () = std::future::ready(()), if self.pending => Turn::Push,
            () = self.wake.changed() => Turn::Push,
            () = sleep_until(expiry), if self.principal.expires_at.is_some() => Turn::Push,
        }
    }

    /// The next items, up to about [`PIECE_BYTES`].
    fn piece(&mut self) -> Vec<u8> {
        let state = &self.gateway.state;
        let mut page = self.cursor.read(&*state.bus, state.limits.page_items);
        let mut piece = Vec::new();
        if let Some(gap) = page.gap.take() {
            state.telemetry.gap(gap.reason, gap.missed);
            let mut text = String::new();
            write_gap(&mut text, self.cursor.channel(), gap);
            piece.extend_from_slice(text.as_bytes());
        }
        for item in &page.items {
            if self.cursor.hears(item) {
                let head = format!(
                    "id: {}:{}\nevent: {}\n",
                    item.epoch,
                    item.offset,
                    item.publication.kind.name()
                );
                piece.extend_from_slice(head.as_bytes());
                let frame = form::plain(
                    item,
                    Encoding::Json,
                    self.projection.as_deref(),
                    &self.gateway.press,
                );
                write_data(&mut piece, frame.payload());
                state.telemetry.events_sent.inc();
                self.enrolled.entry.sent.fetch_add(1, Ordering::Relaxed);
            }
            self.cursor.pass_item(item);
            if piece.len() >= PIECE_BYTES {
                break;
            }
        }
        self.pending = !self.cursor.has_reached_the_end_of(&page);
        piece
    }

    /// What somebody who manages says. It has no `id`: it is nothing of the channel.
    fn tell(&self, notification: Notification) -> Bytes {
        self.enrolled.entry.sent.fetch_add(1, Ordering::Relaxed);
        let frame = ServerFrame {
            reply_to: None,
            channel: None,
            message: Message::Notification(notification),
        };
        let mut piece = b"event: notification\n".to_vec();
        write_data(&mut piece, frame.encode().as_bytes());
        Bytes::from(piece)
    }

    /// A comment that keeps the connection open, and the position: an `id` without data is kept by a
    /// browser and tells its page nothing.
    fn beat(&self) -> Bytes {
        let position = self.cursor.position();
        Bytes::from(format!(
            ": {} {}:{}\nid: {}:{}\n\n",
            self.gateway.state.clock.now(),
            position.epoch,
            position.offset,
            position.epoch,
            position.offset
        ))
    }

    /// Why the stream ends. A browser comes back by itself: at the given time, or to be told 401.
    fn farewell(&mut self, code: CloseCode) -> Bytes {
        let code = self.gateway.told(code);
        self.end = code.name();
        let state = &self.gateway.state;
        let id: Id = state.ids.next(state.clock.now());
        let retry_after_ms = self.gateway.retry_after_ms(code, id);
        let retry =
            retry_after_ms.map_or_else(String::new, |wait_ms| format!("retry: {wait_ms}\n"));
        Bytes::from(format!(
            "{retry}event: close\ndata: {}\n\n",
            code.reason(retry_after_ms)
        ))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.gateway
            .audit_disconnected(self.enrolled.id, &self.principal, self.end);
    }
}

/// Why a stream of events does not follow an order to hear something else.
fn hears_one() -> ErrorBody {
    ErrorBody::new(
        ErrorCode::Unsupported,
        "a stream of events hears the channel of its address and no other",
    )
}

/// A gap's id is its end, so that a client that comes back is not told of it again.
fn write_gap(text: &mut String, channel: &str, gap: Gap) {
    // Where nothing is known of what is missing the cursor stands at 0, before everything.
    _ = write!(text, "id: {}:{}\nevent: gap\ndata: ", gap.epoch, gap.to);
    text.push_str(&frame::of_gap(channel, gap));
    text.push_str("\n\n");
}

/// A field ends at the end of its line, so a value of several lines is several fields.
fn write_data(piece: &mut Vec<u8>, data: &[u8]) {
    for line in data.split(|byte| matches!(byte, b'\n' | b'\r')) {
        piece.extend_from_slice(b"data: ");
        piece.extend_from_slice(line);
        piece.push(b'\n');
    }
    piece.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_data_can_make_a_field() {
        let mut piece = Vec::new();
        write_data(&mut piece, b"{\"a\":\r\nid: 7\n}");
        assert_eq!(piece, b"data: {\"a\":\ndata: \ndata: id: 7\ndata: }\n\n");
    }
}
