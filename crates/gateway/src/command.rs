//! What each command does.

use std::time::Duration;

use serde_json::value::to_raw_value;
use tokio::time::timeout;
use vigil_auth::{Action, Credential, Principal};
use vigil_event::{Id, Severity};
use vigil_protocol::{
    Acknowledged, Authenticated, ChannelName, ClientFrame, CloseCode, Command, ErrorBody,
    ErrorCode, Message, Position, RequestId, Subscribe, Subscribed, Token,
};

use crate::channel;
use crate::connection::Connection;
use crate::cursor::{Start, Wish};
use crate::frame;
use crate::outlet::End;
use crate::{AlertDesk, DeskError};

/// How long a change of an alert may take.
const DESK_PATIENCE: Duration = Duration::from_secs(10);

type ReplyTo = Option<RequestId>;

impl Connection {
    /// Carries out a command, or says why not.
    pub(crate) async fn obey(&mut self, frame: ClientFrame) -> Result<(), End> {
        let ClientFrame { id, command } = frame;
        match command {
            Command::Subscribe(asked) => match self.wish(&asked) {
                Ok(wish) => self.subscribe(id, &wish).await,
                Err(error) => self.refuse(id, error).await,
            },
            Command::Unsubscribe { channel } => self.unsubscribe(id, channel).await,
            Command::Ping => {
                let heartbeat = self.heartbeat();
                self.tell(id, None, Message::Pong(heartbeat)).await
            }
            Command::Pong => Ok(()),
            Command::Acknowledge { alert_id } => {
                match acknowledge(&*self.gateway.state.desk, &self.principal, &alert_id).await {
                    Ok(message) => self.tell(id, None, message).await,
                    Err(error) => self.refuse(id, error).await,
                }
            }
            Command::Auth { token } => self.authenticate(id, &token).await,
        }
    }

    /// What a `subscribe` asks for, if this connection may have it.
    fn wish(&self, asked: &Subscribe) -> Result<Wish, ErrorBody> {
        let channel =
            channel::find(&asked.channel).ok_or_else(|| channel::unknown(&asked.channel))?;
        if !self.principal.may_subscribe(channel) {
            return Err(ErrorBody::new(
                ErrorCode::Forbidden,
                format!("the token does not grant channel `{channel}`"),
            ));
        }
        if self.subscriptions.has(channel) {
            let message = format!(
                "channel `{channel}` is heard already: unsubscribe first to change options"
            );
            return Err(ErrorBody::new(ErrorCode::AlreadySubscribed, message));
        }
        let max = self.gateway.state.limits.max_subscriptions;
        if self.subscriptions.len() >= max {
            let message =
                format!("a connection hears at most {max} channels: unsubscribe from one first");
            return Err(ErrorBody::new(ErrorCode::TooManySubscriptions, message));
        }
        let invalid = |message: String| ErrorBody::new(ErrorCode::Invalid, message);
        let since = asked.since.clone().map(Start::try_from).transpose();
        let min_severity = asked
            .min_severity
            .as_deref()
            .map(str::parse::<Severity>)
            .transpose();
        Ok(Wish {
            channel,
            since: since.map_err(|error| invalid(format!("`since`: {error}")))?,
            min_severity: min_severity
                .map_err(|error| invalid(format!("`min_severity`: {error}")))?,
        })
    }

    /// Adds a subscription: the answer first, then what is missing, then the items.
    pub(crate) async fn subscribe(&mut self, id: ReplyTo, wish: &Wish) -> Result<(), End> {
        let state = &self.gateway.state;
        let started = self.subscriptions.add(&*state.bus, wish, &state.telemetry);
        let position = |position: vigil_bus::Position| Position {
            epoch: position.epoch.to_string(),
            offset: position.offset,
        };
        let subscribed = Subscribed {
            position: position(started.from),
            head: position(started.head),
            recovered: started.recovered,
            min_severity: wish.min_severity.map(|severity| severity.name().to_owned()),
        };
        self.tell(id, Some(wish.channel), Message::Subscribed(subscribed))
            .await?;
        for gap in started.gaps {
            let state = &self.gateway.state;
            state.telemetry.gap(gap.reason, gap.missed);
            self.outlet
                .say(frame::of_gap(wish.channel, gap), &state.telemetry)
                .await?;
        }
        Ok(())
    }

    async fn unsubscribe(&mut self, id: ReplyTo, channel: String) -> Result<(), End> {
        if self.subscriptions.remove(&channel) {
            let name = channel.clone();
            return self
                .tell(
                    id,
                    Some(&name),
                    Message::Unsubscribed(ChannelName { channel }),
                )
                .await;
        }
        let error = match channel::find(&channel) {
            Some(channel) => ErrorBody::new(
                ErrorCode::NotSubscribed,
                format!("channel `{channel}` is not heard on this connection"),
            ),
            None => channel::unknown(&channel),
        };
        self.refuse(id, error).await
    }

    /// Goes on with another token of the same user. A token that is not accepted changes nothing; one
    /// that grants less than what is heard ends the connection.
    async fn authenticate(&mut self, id: ReplyTo, token: &Token) -> Result<(), End> {
        let now = self.gateway.state.clock.now();
        let principal = match self
            .gateway
            .state
            .gatekeeper
            .verify_patiently(Credential::Bearer(&token.0), now)
            .await
        {
            Ok(principal) if principal.subject == self.principal.subject => principal,
            Ok(_) => {
                let message = "the token is of another user: open another connection with it";
                return self
                    .refuse(id, ErrorBody::new(ErrorCode::Forbidden, message))
                    .await;
            }
            Err(error) => {
                return self
                    .refuse(
                        id,
                        ErrorBody::new(ErrorCode::Unauthenticated, error.to_string()),
                    )
                    .await;
            }
        };
        if self
            .subscriptions
            .iter()
            .any(|cursor| !principal.may_subscribe(cursor.channel()))
        {
            return Err(End::Close(CloseCode::Forbidden));
        }
        self.pulse.renew(principal.expires_at, now);
        self.principal = principal;
        let authenticated = Authenticated {
            subject: self.principal.subject.clone(),
            role: self.principal.role.name().to_owned(),
            expires_at: self.principal.expires_at.map(|end| end.to_string()),
            channels: channel::granted(&self.principal),
        };
        self.tell(id, None, Message::Authenticated(authenticated))
            .await
    }
}

/// Takes an alert in hand, if the principal may.
async fn acknowledge(
    desk: &dyn AlertDesk,
    principal: &Principal,
    alert_id: &str,
) -> Result<Message, ErrorBody> {
    if !principal.may(Action::ChangeAlerts) {
        let message = format!(
            "role {} may not change alerts: use a token of role analyst",
            principal.role
        );
        return Err(ErrorBody::new(ErrorCode::Forbidden, message));
    }
    let id: Id = alert_id
        .parse()
        .map_err(|error| ErrorBody::new(ErrorCode::Invalid, format!("`data.alert_id`: {error}")))?;
    let change = desk.acknowledge(id, principal.subject.clone());
    let unavailable = || {
        ErrorBody::new(
            ErrorCode::Unavailable,
            "alerts can't be changed now: try again",
        )
    };
    match timeout(DESK_PATIENCE, change).await {
        Ok(Ok(alert)) => {
            let alert = to_raw_value(&alert).map_err(|_| unavailable())?;
            Ok(Message::Acknowledged(Acknowledged { alert }))
        }
        Ok(Err(error @ DeskError::NotFound(_))) => {
            Err(ErrorBody::new(ErrorCode::NotFound, error.to_string()))
        }
        Ok(Err(error @ DeskError::Conflict(_))) => {
            Err(ErrorBody::new(ErrorCode::Conflict, error.to_string()))
        }
        Ok(Err(error @ DeskError::Unavailable(_))) => {
            tracing::warn!(%error, "an alert was not acknowledged");
            Err(unavailable())
        }
        Err(_) => {
            tracing::warn!("an alert was not acknowledged in time");
            Err(unavailable())
        }
    }
}
