//! One WebSocket connection: a single task that listens, pulls and keeps time.
//!
//! Owns: the loop. What a command does stands in `command.rs`, what a subscription hands over in
//! `subscription/delivery.rs`, what is written without this task in `fan_out/hub.rs`.
//!
//! While nothing happens the task holds this struct and no future, buffer or timer beside it: what is
//! rare is put on the heap when it happens.

pub(crate) mod alarm;
pub(crate) mod command;
pub(crate) mod hear;
pub(crate) mod moment;
pub(crate) mod pulse;
pub(crate) mod rate;
pub(crate) mod roster;
pub(crate) mod signal;

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use tokio_util::task::task_tracker::TaskTrackerToken;
use vigil_auth::Principal;
use vigil_protocol::websocket::{Frame, FromClient};
use vigil_protocol::{
    CloseCode, DurableCursor, ErrorBody, ErrorCode, Expiring, Heartbeat, LimitsSaid, Message,
    RequestId, ServerFrame, VERSION, Welcome,
};

use crate::Gateway;
use crate::admit::admission::Admitted;
use crate::channel;
use crate::connection::alarm::Armed;
use crate::connection::moment::Moment;
use crate::connection::pulse::{Due, Pulse};
use crate::connection::rate::{Bucket, Verdict};
use crate::connection::roster::{Enrolled, Purpose};
use crate::connection::signal::Calls;
use crate::fan_out::shard::Shard;
use crate::frame;
use crate::frame::form::Encoding;
use crate::subscription::delivery::{Haul, Piece, Terms};
use crate::subscription::wish::{Options, Wish};
use crate::subscription::{Ground, Subscriptions};
use crate::telemetry::{Sent, Transport};
use crate::wire::budget::Way;
use crate::wire::outlet::{End, Outlet};

/// One WebSocket connection.
pub(crate) struct Connection {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) shard: Arc<Shard>,
    pub(crate) principal: Arc<Principal>,
    pub(crate) outlet: Outlet,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) pulse: Pulse,
    pub(crate) enrolled: Enrolled,
    bucket: Bucket,
    pulse_alarm: Armed,
    hold_alarm: Armed,
    /// Tokens in a row that were not accepted.
    pub(crate) bad_tokens: u8,
    _admitted: Admitted,
    _tracked: TaskTrackerToken,
}

/// What happens next.
enum Turn {
    Called(Calls),
    Flush,
    Heard(Result<FromClient, End>),
    Push,
}

impl Connection {
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        shard: Arc<Shard>,
        principal: Principal,
        admitted: Admitted,
        outlet: Outlet,
        purpose: Purpose,
    ) -> Box<Self> {
        let principal = gateway.roster.share(principal);
        let state = &gateway.state;
        let now = state.clock.now();
        let limits = &state.limits;
        state.telemetry.connections_total.inc();
        let id = state.ids.next(now);
        let enrolled = gateway
            .roster
            .enrol(id, &principal, Transport::WebSocket, purpose, now);
        gateway.audit_connected(id, &principal, Transport::WebSocket.name());
        Box::new(Self {
            outlet,
            subscriptions: Subscriptions::default(),
            pulse: Pulse::new(limits, principal.expires_at, now),
            bucket: Bucket::new(limits, Moment::now()),
            enrolled,
            pulse_alarm: Armed::default(),
            hold_alarm: Armed::default(),
            bad_tokens: 0,
            _admitted: admitted,
            _tracked: state.tasks.token(),
            principal,
            shard,
            gateway,
        })
    }

    /// Serves the client until one of the two ends it.
    pub(crate) async fn run(mut self: Box<Self>, first: Option<Box<Wish>>) {
        // What goes wrong with one connection ends that one, and its client is told.
        let served = AssertUnwindSafe(self.serve(first)).catch_unwind().await;
        let end = served.unwrap_or(End::Close(CloseCode::Internal));
        Box::pin(self.finish(end)).await;
    }

    async fn finish(self: Box<Self>, end: End) {
        let id = self.enrolled.id;
        let end = end.with(|code| self.gateway.told(code));
        tracing::debug!(connection = %id, ?end, "connection ends");
        let mut retry_after_ms = None;
        let mut reason = "gone";
        if let End::Close(code) = end {
            self.gateway.state.telemetry.closed(code);
            retry_after_ms = self.gateway.retry_after_ms(code, id);
            reason = code.name();
        }
        self.gateway.audit_disconnected(id, &self.principal, reason);
        let Self {
            outlet,
            subscriptions,
            enrolled,
            ..
        } = *self;
        drop((subscriptions, enrolled));
        outlet.end(end, retry_after_ms).await;
    }

    async fn serve(&mut self, first: Option<Box<Wish>>) -> End {
        let mut done = Box::pin(self.begin(first)).await;
        loop {
            if let Err(end) = done {
                return end;
            }
            self.set_alarms();
            done = match poll_fn(|context| self.poll_turn(context)).await {
                Turn::Called(Calls::PUSH) => {
                    self.subscriptions.look(&*self.gateway.state.bus);
                    Ok(())
                }
                Turn::Called(calls) => Box::pin(self.answer_calls(calls)).await,
                Turn::Flush => Box::pin(self.outlet.flush()).await,
                Turn::Heard(Err(end)) => Err(end),
                Turn::Heard(Ok(message)) => Box::pin(self.hear(message)).await,
                Turn::Push => Box::pin(self.push()).await,
            };
        }
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        if let Poll::Ready(calls) = self.enrolled.entry.signal.poll(context) {
            return Poll::Ready(Turn::Called(calls));
        }
        if !self.outlet.wire().is_flushed() {
            return Poll::Ready(Turn::Flush);
        }
        if let Poll::Ready(heard) = self.outlet.poll_next(context) {
            return Poll::Ready(Turn::Heard(heard));
        }
        if self.subscriptions.poll_due(context) {
            return Poll::Ready(Turn::Push);
        }
        Poll::Pending
    }

    /// Sees to it that this task is woken when something may be due.
    fn set_alarms(&mut self) {
        let (alarms, id) = (&self.shard.alarms, self.enrolled.id);
        self.pulse_alarm.by(self.pulse.look_at(), alarms, id);
        if let Some(held) = self.subscriptions.held_until() {
            self.hold_alarm.by(held, alarms, id);
        }
    }

    async fn answer_calls(&mut self, calls: Calls) -> Result<(), End> {
        if calls.has(Calls::CHECK) {
            self.check_revocation()?;
        }
        if (calls.has(Calls::CHECK) || calls.has(Calls::TICK))
            && let Some(end) = self.gateway.end_of(self.enrolled.id).map(Moment::from)
        {
            if end <= Moment::now() {
                return Box::pin(self.hand_over()).await;
            }
            self.shard.alarms.set(end, self.enrolled.id);
        }
        if calls.has(Calls::PUSH) {
            self.subscriptions.look(&*self.gateway.state.bus);
        }
        if calls.has(Calls::ORDER) {
            while let Some(order) = self.enrolled.entry.next_order() {
                Box::pin(self.follow(order)).await?;
            }
        }
        if calls.has(Calls::TICK) {
            let now = Moment::now();
            self.hold_alarm.passed(now);
            if self.pulse_alarm.passed(now) {
                Box::pin(self.keep_time()).await?;
            }
        }
        Ok(())
    }

    /// What its subscriptions need of this connection.
    pub(crate) fn ground(&self) -> Ground<'_> {
        let state = &self.gateway.state;
        Ground {
            bus: &*state.bus,
            shard: &self.shard,
            wire: self.outlet.wire(),
            entry: &self.enrolled.entry,
            agreed: self.outlet.agreed(),
            expires_at: self.principal.expires_at,
            telemetry: &state.telemetry,
        }
    }

    async fn begin(&mut self, first: Option<Box<Wish>>) -> Result<(), End> {
        let welcome = self.welcome();
        self.tell(None, None, Message::Welcome(welcome)).await?;
        match first {
            Some(wish) => self.subscribe(None, &wish).await,
            None => Ok(()),
        }
    }

    fn welcome(&self) -> Welcome {
        let state = &self.gateway.state;
        let limits = &state.limits;
        Welcome {
            connection_id: self.enrolled.id.to_string(),
            server_time: state.clock.now().to_string(),
            node: state.node.to_string(),
            protocol_version: VERSION,
            subject: self.principal.subject.clone(),
            role: self.principal.role.name().to_owned(),
            expires_at: self.principal.expires_at.map(|end| end.to_string()),
            connection_type: self.enrolled.entry.purpose().name().to_owned(),
            channels: state.namespaces.granted(&self.principal),
            durable: self.granted_cursors(),
            ping_interval_ms: limits.ping_interval.as_millis() as u64,
            limits: LimitsSaid {
                max_message_bytes: limits.max_message_bytes,
                max_subscriptions: limits.max_subscriptions,
                max_rooms: limits.max_rooms,
                max_publish_bytes: limits.max_publish_bytes,
                messages_per_second: limits.messages_per_second,
                message_burst: limits.message_burst,
                silence_ms: limits.silence.as_millis() as u64,
            },
        }
    }

    /// The user's durable subscriptions, as far as this token may hear their channels.
    fn granted_cursors(&self) -> Vec<DurableCursor> {
        let mut cursors = self.gateway.state.durables.of(&self.principal.subject);
        cursors.retain(|cursor| channel::may_hear(&self.principal, &cursor.channel));
        cursors
    }

    /// Everything that comes counts against the client's rate, pings too.
    async fn hear(&mut self, message: FromClient) -> Result<(), End> {
        self.pulse.heard();
        self.gateway.state.telemetry.messages_received.inc();
        self.enrolled.entry.received.fetch_add(1, Ordering::Relaxed);
        let verdict = self.bucket.take(&self.gateway.state.limits, Moment::now());
        if verdict == Verdict::Flood {
            return Err(End::Close(CloseCode::RateLimited));
        }
        self.check_expiry()?;
        match &message {
            FromClient::Close(_) => return Err(End::Gone),
            FromClient::Ping(payload) => return self.outlet.pong(payload).await,
            FromClient::Pong => return Ok(()),
            FromClient::Text(_) | FromClient::Binary(_) => {}
        }
        let read = hear::read(&message, self.outlet.encoding());
        if let Verdict::Refused { retry_after_ms } = verdict {
            // Read all the same, to name the command that was not carried out.
            let reply_to = read.map_or_else(|error| error.reply_to, |frame| frame.id);
            let error = ErrorBody {
                retry_after_ms: Some(retry_after_ms),
                ..ErrorBody::new(
                    ErrorCode::RateLimited,
                    "too many messages: slow down, or the connection ends",
                )
            };
            return self.refuse(reply_to, error).await;
        }
        match read {
            Ok(frame) => self.obey(frame).await,
            Err(error) => {
                self.refuse(error.reply_to, ErrorBody::new(error.code, error.message))
                    .await
            }
        }
    }

    async fn keep_time(&mut self) -> Result<(), End> {
        loop {
            let state = &self.gateway.state;
            let Some(due) = self.pulse.due(&state.limits, state.clock.now()) else {
                return Ok(());
            };
            match due {
                Due::Expired => return Err(End::Close(CloseCode::Unauthenticated)),
                Due::Silence => return Err(End::Close(CloseCode::Silent)),
                Due::Expiring => {
                    let expires_at = self.principal.expires_at.unwrap_or_default().to_string();
                    self.tell(None, None, Message::Expiring(Expiring { expires_at }))
                        .await?;
                }
                Due::Ping => {
                    let heartbeat = self.heartbeat();
                    self.tell(None, None, Message::Ping(heartbeat)).await?;
                    self.outlet.ping().await?;
                }
            }
        }
    }

    /// What a client hears last of a server that stops: where each of its subscriptions stands, so
    /// that it goes on from there.
    async fn hand_over(&mut self) -> Result<(), End> {
        let heartbeat = self.heartbeat();
        self.tell(None, None, Message::Ping(heartbeat)).await?;
        Err(End::Close(CloseCode::GoingAway))
    }

    /// Sends a page of the subscription whose turn it is.
    async fn push(&mut self) -> Result<(), End> {
        self.check_expiry()?;
        self.look_for_rooms().await?;
        let state = &self.gateway.state;
        let agreed = self.outlet.agreed();
        let Some(subscription) = self.subscriptions.next_due() else {
            return Ok(());
        };
        let way = subscription.options.lane.into();
        let one_by_one = !self.gateway.budget.has_room(way);
        if one_by_one {
            state.telemetry.output.queue_is_full(way);
        }
        let haul = subscription.haul(Terms {
            bus: &*state.bus,
            limits: &state.limits,
            agreed,
            press: &self.gateway.press,
            one_by_one,
        })?;
        let channel = Arc::clone(subscription.cursor.channel());
        let options = Arc::clone(&subscription.options);
        self.send(&channel, haul, &options).await?;
        self.outlet.flush().await
    }

    /// Puts everything behind what waits, in order.
    async fn send(&mut self, channel: &Arc<str>, haul: Haul, options: &Options) -> Result<(), End> {
        let (way, batch) = (options.lane.into(), options.batch);
        let gateway = Arc::clone(&self.gateway);
        let telemetry = &gateway.state.telemetry;
        let mut gathered = Vec::new();
        let mut items = 0;
        for piece in haul.pieces {
            match piece {
                Piece::Gap(gap) => {
                    self.send_batch(channel, &mut gathered, way).await?;
                    telemetry.gap(gap.reason, gap.missed);
                    telemetry.sent(Sent::Gap, 1);
                    let text = frame::of_gap(channel, gap);
                    self.outlet.feed_text(&text, way).await?;
                }
                Piece::Item(item) => {
                    items += 1;
                    match batch {
                        None => self.outlet.feed(item, way).await?,
                        Some(most) => {
                            gathered.push(item);
                            if gathered.len() >= most {
                                self.send_batch(channel, &mut gathered, way).await?;
                            }
                        }
                    }
                }
            }
        }
        self.send_batch(channel, &mut gathered, way).await?;
        self.enrolled.entry.sent.fetch_add(items, Ordering::Relaxed);
        if batch.is_none() {
            telemetry.sent(Sent::Publication, items);
        }
        let now = gateway.state.clock.now();
        for at in haul.published_at {
            telemetry.delivered_to(1, now.millis_since(at));
        }
        Ok(())
    }

    async fn send_batch(
        &mut self,
        channel: &str,
        gathered: &mut Vec<Frame>,
        way: Way,
    ) -> Result<(), End> {
        if gathered.is_empty() {
            return Ok(());
        }
        self.gateway.state.telemetry.sent(Sent::Batch, 1);
        let frames: Vec<&[u8]> = gathered.iter().map(Frame::payload).collect();
        let message = match self.outlet.encoding() {
            Encoding::Json => vigil_protocol::batch(channel, &frames),
            Encoding::MessagePack => vigil_protocol::message_pack::batch(channel, &frames),
        };
        gathered.clear();
        self.outlet.feed_payload(&message, way).await
    }

    /// A token's end is an end even if the timer is late.
    fn check_expiry(&self) -> Result<(), End> {
        if self.pulse.is_expired(self.gateway.state.clock.now()) {
            return Err(End::Close(CloseCode::Unauthenticated));
        }
        Ok(())
    }

    fn check_revocation(&self) -> Result<(), End> {
        let revocations = &self.gateway.state.gatekeeper.revocations;
        if revocations.cover(&self.principal) {
            return Err(End::Close(CloseCode::Unauthenticated));
        }
        Ok(())
    }

    pub(crate) fn heartbeat(&self) -> Heartbeat {
        let all = self.subscriptions.iter();
        Heartbeat {
            server_time: self.gateway.state.clock.now().to_string(),
            positions: all
                .map(|one| (one.cursor.channel().to_string(), one.position()))
                .collect(),
        }
    }

    pub(crate) async fn tell(
        &mut self,
        reply_to: Option<RequestId>,
        channel: Option<&str>,
        message: Message,
    ) -> Result<(), End> {
        let frame = ServerFrame {
            reply_to,
            channel: channel.map(str::to_owned),
            message,
        };
        self.gateway.state.telemetry.sent(Sent::Control, 1);
        self.outlet.say(&frame.encode()).await
    }

    pub(crate) async fn refuse(
        &mut self,
        reply_to: Option<RequestId>,
        error: ErrorBody,
    ) -> Result<(), End> {
        self.gateway.state.telemetry.error(error.code);
        if matches!(
            error.code,
            ErrorCode::Forbidden | ErrorCode::Unauthenticated
        ) {
            self.gateway
                .audit_denied(self.enrolled.id, &self.principal, &error);
        }
        self.tell(reply_to, None, Message::Error(error)).await
    }
}
