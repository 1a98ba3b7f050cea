//! One WebSocket connection: a single task that listens, pulls and keeps time.
//!
//! Owns: the loop. What a command does stands in `command.rs`, what a subscription hands over in
//! `delivery.rs`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::ws::{Message as SocketMessage, WebSocket};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use vigil_auth::Principal;
use vigil_protocol::{
    CloseCode, ErrorBody, ErrorCode, Expiring, Heartbeat, LimitsSaid, Message, RequestId,
    ServerFrame, VERSION, Welcome,
};

use crate::Gateway;
use crate::admission::Admitted;
use crate::delivery::{Haul, Piece};
use crate::form::Encoding;
use crate::frame;
use crate::hear;
use crate::outlet::{End, Outlet};
use crate::pulse::{Due, Pulse};
use crate::rate::{Bucket, Verdict};
use crate::roster::{Enrolled, Order};
use crate::subscription::Subscriptions;
use crate::telemetry::Sent;
use crate::wish::Wish;

/// One WebSocket connection.
pub(crate) struct Connection {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) principal: Principal,
    pub(crate) outlet: Outlet,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) pulse: Pulse,
    pub(crate) enrolled: Enrolled,
    bucket: Bucket,
    /// Changes when a credential is revoked.
    revocations: watch::Receiver<u64>,
    _admitted: Admitted,
}

/// What happens next.
enum Turn {
    Drain,
    Heard(Result<SocketMessage, End>),
    Ordered(Order),
    Tick,
    Revocation,
    Push,
}

impl Connection {
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        principal: Principal,
        admitted: Admitted,
        socket: WebSocket,
        connection_type: &'static str,
    ) -> Self {
        let state = &gateway.state;
        let now = state.clock.now();
        let limits = &state.limits;
        state.telemetry.connections_total.inc();
        let mut revocations = state.gatekeeper.revocations.changes();
        // One may have come since the credential was verified.
        revocations.mark_changed();
        let id = state.ids.next(now);
        let enrolled = gateway
            .roster
            .enrol(id, &principal, "websocket", connection_type, now);
        gateway.audit_connected(id, &principal, "websocket");
        Self {
            outlet: Outlet::new(socket, limits.write_deadline, state.shutdown.clone()),
            subscriptions: Subscriptions::default(),
            pulse: Pulse::new(limits, principal.expires_at, now),
            bucket: Bucket::new(
                limits.messages_per_second,
                limits.message_burst,
                Instant::now(),
            ),
            enrolled,
            revocations,
            _admitted: admitted,
            principal,
            gateway,
        }
    }

    /// Serves the client until one of the two ends it.
    pub(crate) async fn run(mut self, first: Option<Wish>) {
        let end = self.serve(first).await;
        let id = self.enrolled.id;
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
        } = self;
        drop((subscriptions, enrolled));
        outlet.end(end, retry_after_ms).await;
    }

    async fn serve(&mut self, first: Option<Wish>) -> End {
        let mut done = self.begin(first).await;
        loop {
            if let Err(end) = done {
                return end;
            }
            let held = self.subscriptions.held_until();
            let bus = Arc::clone(&self.gateway.state.bus);
            let turn = tokio::select! {
                biased;
                () = self.gateway.drained(self.enrolled.id) => Turn::Drain,
                Ok(()) = self.revocations.changed() => Turn::Revocation,
                heard = self.outlet.next() => Turn::Heard(heard),
                Some(order) = self.enrolled.orders.recv() => Turn::Ordered(order),
                () = self.pulse.tick() => Turn::Tick,
                () = self.subscriptions.ready(&*bus) => Turn::Push,
                () = sleep_until(held.unwrap_or_else(Instant::now)), if held.is_some() => Turn::Push,
            };
            done = match turn {
                Turn::Drain => self.hand_over().await,
                Turn::Heard(Err(end)) => Err(end),
                Turn::Heard(Ok(message)) => self.hear(message).await,
                Turn::Ordered(order) => self.follow(order).await,
                Turn::Tick => self.keep_time().await,
                Turn::Revocation => self.check_revocation(),
                Turn::Push => self.push().await,
            };
        }
    }

    async fn begin(&mut self, first: Option<Wish>) -> Result<(), End> {
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
            connection_type: self.enrolled.entry.connection_type.to_owned(),
            channels: state.namespaces.granted(&self.principal),
            durable: state.durables.of(&self.principal.subject),
            ping_interval_ms: limits.ping_interval.as_millis() as u64,
            limits: LimitsSaid {
                max_message_bytes: limits.max_message_bytes,
                max_subscriptions: limits.max_subscriptions,
                messages_per_second: limits.messages_per_second,
                message_burst: limits.message_burst,
                silence_ms: limits.silence.as_millis() as u64,
            },
        }
    }

    /// Everything that comes counts against the client's rate, pings too.
    async fn hear(&mut self, message: SocketMessage) -> Result<(), End> {
        self.pulse.heard();
        self.gateway.state.telemetry.messages_received.inc();
        self.enrolled.entry.received.fetch_add(1, Ordering::Relaxed);
        let verdict = self.bucket.take(Instant::now());
        if verdict == Verdict::Flood {
            return Err(End::Close(CloseCode::RateLimited));
        }
        self.check_expiry()?;
        match &message {
            SocketMessage::Close(_) => return Err(End::Gone),
            SocketMessage::Ping(_) | SocketMessage::Pong(_) => return Ok(()),
            SocketMessage::Text(_) | SocketMessage::Binary(_) => {}
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
        while let Some(due) = self.pulse.due(self.gateway.state.clock.now()) {
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
        Ok(())
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
        let encoding = self.outlet.encoding();
        let Some(subscription) = self.subscriptions.next_due() else {
            return Ok(());
        };
        let haul = subscription.haul(&*state.bus, &state.limits, encoding)?;
        let channel = Arc::clone(subscription.cursor.channel());
        let batch = subscription.options.batch;
        self.send(&channel, haul, batch).await?;
        self.outlet.flush().await
    }

    /// Puts everything into the socket's buffer, in order.
    async fn send(
        &mut self,
        channel: &Arc<str>,
        haul: Haul,
        batch: Option<usize>,
    ) -> Result<(), End> {
        let gateway = Arc::clone(&self.gateway);
        let telemetry = &gateway.state.telemetry;
        let mut gathered = Vec::new();
        for piece in haul.pieces {
            match piece {
                Piece::Gap(gap) => {
                    self.send_batch(channel, &mut gathered).await?;
                    telemetry.gap(gap.reason, gap.missed);
                    telemetry.sent(Sent::Gap, 1);
                    self.outlet.feed_text(frame::of_gap(channel, gap)).await?;
                }
                Piece::Item(item) => {
                    self.enrolled.entry.sent.fetch_add(1, Ordering::Relaxed);
                    match batch {
                        None => {
                            telemetry.sent(Sent::Publication, 1);
                            self.outlet.feed(item).await?;
                        }
                        Some(most) => {
                            gathered.push(item);
                            if gathered.len() >= most {
                                self.send_batch(channel, &mut gathered).await?;
                            }
                        }
                    }
                }
            }
        }
        self.send_batch(channel, &mut gathered).await?;
        let now = gateway.state.clock.now();
        for at in haul.published_at {
            telemetry.delivered_after(now.millis_since(at));
        }
        Ok(())
    }

    async fn send_batch(
        &mut self,
        channel: &str,
        gathered: &mut Vec<bytes::Bytes>,
    ) -> Result<(), End> {
        if gathered.is_empty() {
            return Ok(());
        }
        self.gateway.state.telemetry.sent(Sent::Batch, 1);
        let message = match self.outlet.encoding() {
            Encoding::Json => vigil_protocol::batch(channel, gathered),
            Encoding::MessagePack => vigil_protocol::message_pack::batch(channel, gathered),
        };
        gathered.clear();
        self.outlet.feed(message.into()).await
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
        let cursors = self.subscriptions.iter().map(|one| &one.cursor);
        Heartbeat {
            server_time: self.gateway.state.clock.now().to_string(),
            positions: cursors
                .map(|cursor| (cursor.channel().to_string(), cursor.position()))
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
        self.outlet.say(frame.encode()).await
    }

    pub(crate) async fn refuse(
        &mut self,
        reply_to: Option<RequestId>,
        error: ErrorBody,
    ) -> Result<(), End> {
        self.gateway.state.telemetry.error(error.code);
        if error.code == ErrorCode::Forbidden {
            self.gateway
                .audit_forbidden(self.enrolled.id, &self.principal, &error.message);
        }
        self.tell(reply_to, None, Message::Error(error)).await
    }
}
