//! One WebSocket connection: a single task that listens, pulls and keeps time.
//!
//! Owns: the loop. What a command does stands in `command.rs`.

use std::sync::Arc;

use axum::extract::ws::{Message as SocketMessage, WebSocket};
use tokio::sync::watch;
use tokio::time::Instant;
use vigil_auth::Principal;
use vigil_event::Id;
use vigil_protocol::{
    ClientFrame, CloseCode, ErrorBody, ErrorCode, Expiring, Heartbeat, LimitsSaid, Message,
    RequestId, ServerFrame, VERSION, Welcome,
};

use crate::Gateway;
use crate::admission::Admitted;
use crate::channel;
use crate::cursor::Wish;
use crate::frame;
use crate::outlet::{End, Outlet};
use crate::pulse::{Due, Pulse};
use crate::rate::{Bucket, Verdict};
use crate::subscription::Subscriptions;

/// One WebSocket connection.
pub(crate) struct Connection {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) principal: Principal,
    pub(crate) outlet: Outlet,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) pulse: Pulse,
    bucket: Bucket,
    /// Changes when a credential is revoked.
    revocations: watch::Receiver<u64>,
    id: Id,
    _admitted: Admitted,
}

/// What happens next.
enum Turn {
    Drain,
    Heard(Result<SocketMessage, End>),
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
    ) -> Self {
        let state = &gateway.state;
        let now = state.clock.now();
        let limits = &state.limits;
        state.telemetry.connections_total.inc();
        let mut revocations = state.gatekeeper.revocations.changes();
        // One may have come since the credential was verified.
        revocations.mark_changed();
        Self {
            outlet: Outlet::new(socket, limits.write_deadline, state.shutdown.clone()),
            subscriptions: Subscriptions::default(),
            pulse: Pulse::new(limits, principal.expires_at, now),
            bucket: Bucket::new(
                limits.messages_per_second,
                limits.message_burst,
                Instant::now(),
            ),
            revocations,
            id: state.ids.next(now),
            _admitted: admitted,
            principal,
            gateway,
        }
    }

    /// Serves the client until one of the two ends it.
    pub(crate) async fn run(mut self, first: Option<Wish>) {
        let end = self.serve(first).await;
        tracing::debug!(connection = %self.id, ?end, "connection ends");
        let mut retry_after_ms = None;
        if let End::Close(code) = end {
            self.gateway.state.telemetry.closed(code);
            retry_after_ms = self.gateway.retry_after_ms(code, self.id);
        }
        let Self {
            outlet,
            subscriptions,
            ..
        } = self;
        drop(subscriptions);
        outlet.end(end, retry_after_ms).await;
    }

    async fn serve(&mut self, first: Option<Wish>) -> End {
        let mut done = self.begin(first).await;
        loop {
            if let Err(end) = done {
                return end;
            }
            let turn = tokio::select! {
                biased;
                () = self.gateway.state.shutdown.cancelled() => Turn::Drain,
                Ok(()) = self.revocations.changed() => Turn::Revocation,
                heard = self.outlet.next() => Turn::Heard(heard),
                () = self.pulse.tick() => Turn::Tick,
                () = self.subscriptions.ready() => Turn::Push,
            };
            done = match turn {
                Turn::Drain => Err(End::Close(CloseCode::GoingAway)),
                Turn::Heard(Err(end)) => Err(end),
                Turn::Heard(Ok(message)) => self.hear(message).await,
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
            connection_id: self.id.to_string(),
            server_time: state.clock.now().to_string(),
            node: state.node.to_string(),
            protocol_version: VERSION,
            subject: self.principal.subject.clone(),
            role: self.principal.role.name().to_owned(),
            expires_at: self.principal.expires_at.map(|end| end.to_string()),
            channels: channel::granted(&self.principal),
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
        let verdict = self.bucket.take(Instant::now());
        if verdict == Verdict::Flood {
            return Err(End::Close(CloseCode::RateLimited));
        }
        self.check_expiry()?;
        match (message, verdict) {
            (SocketMessage::Close(_), _) => Err(End::Gone),
            (SocketMessage::Ping(_) | SocketMessage::Pong(_), _) => Ok(()),
            (SocketMessage::Text(text), Verdict::Refused { retry_after_ms }) => {
                // Decoded all the same, to name the command that was not carried out.
                let reply_to = ClientFrame::decode(&text)
                    .map_or_else(|error| error.reply_to, |frame| frame.id);
                let error = ErrorBody {
                    retry_after_ms: Some(retry_after_ms),
                    ..ErrorBody::new(
                        ErrorCode::RateLimited,
                        "too many messages: slow down, or the connection ends",
                    )
                };
                self.refuse(reply_to, error).await
            }
            (SocketMessage::Text(text), _) => match ClientFrame::decode(&text) {
                Ok(frame) => self.obey(frame).await,
                Err(error) => {
                    self.refuse(error.reply_to, ErrorBody::new(error.code, error.message))
                        .await
                }
            },
            (SocketMessage::Binary(_), _) => {
                let error = ErrorBody::new(
                    ErrorCode::Unsupported,
                    "binary messages are not read: send JSON as text",
                );
                self.refuse(None, error).await
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
                    self.outlet.ping(&self.gateway.state.telemetry).await?;
                }
            }
        }
        Ok(())
    }

    /// Sends a page of the subscription whose turn it is.
    async fn push(&mut self) -> Result<(), End> {
        self.check_expiry()?;
        let state = &self.gateway.state;
        let Some(subscription) = self.subscriptions.next_pending() else {
            return Ok(());
        };
        let cursor = &mut subscription.cursor;
        let mut page = cursor.read(&*state.bus, state.limits.page_items);
        if let Some(gap) = page.gap.take() {
            state.telemetry.gap(gap.reason, gap.missed);
            self.outlet
                .say(frame::of_gap(cursor.channel(), gap), &state.telemetry)
                .await?;
        }
        for item in &page.items {
            if cursor.hears(item) {
                self.outlet.feed(frame::of(item), &state.telemetry).await?;
            }
            cursor.pass_item(item);
        }
        subscription.pending = !cursor.has_reached_the_end_of(&page);
        self.outlet.flush().await
    }

    /// A token's end is an end even if the timer is late.
    fn check_expiry(&self) -> Result<(), End> {
        if self.pulse.is_expired(self.gateway.state.clock.now()) {
            return Err(End::Close(CloseCode::Unauthenticated));
        }
        Ok(())
    }

    fn check_revocation(&self) -> Result<(), End> {
        if self
            .gateway
            .state
            .gatekeeper
            .revocations
            .cover(&self.principal)
        {
            return Err(End::Close(CloseCode::Unauthenticated));
        }
        Ok(())
    }

    pub(crate) fn heartbeat(&self) -> Heartbeat {
        let positions = self.subscriptions.iter();
        Heartbeat {
            server_time: self.gateway.state.clock.now().to_string(),
            positions: positions
                .map(|cursor| (cursor.channel().to_owned(), cursor.position()))
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
        self.outlet
            .say(frame.encode(), &self.gateway.state.telemetry)
            .await
    }

    pub(crate) async fn refuse(
        &mut self,
        reply_to: Option<RequestId>,
        error: ErrorBody,
    ) -> Result<(), End> {
        self.gateway.state.telemetry.error(error.code);
        self.tell(reply_to, None, Message::Error(error)).await
    }
}
