//! What each command does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::value::to_raw_value;
use tokio::time::timeout;
use vigil_auth::{Action, Credential, Principal};
use vigil_event::Id;
use vigil_protocol::{
    Acknowledged, Authenticated, ClientFrame, CloseCode, Command, DurableCursor, ErrorBody,
    ErrorCode, Message, RequestId, StatusSaid, SubscriptionSaid, Token, Unsubscribed,
};

use crate::channel::{self, Target};
use crate::connection::Connection;
use crate::connection::roster::Heard;
use crate::subscription::history;
use crate::subscription::wish::invalid;
use crate::subscription::{Ground, Subscription};
use crate::wire::outlet::End;
use crate::{AlertDesk, DeskError};

/// How long a change of an alert may take.
const DESK_PATIENCE: Duration = Duration::from_secs(10);

/// A client that shows so many tokens in a row that are not accepted guesses, and is closed.
const MOST_BAD_TOKENS: u8 = 5;

pub(crate) type ReplyTo = Option<RequestId>;

impl Connection {
    /// Carries out a command, or says why not.
    pub(crate) async fn obey(&mut self, frame: ClientFrame) -> Result<(), End> {
        let ClientFrame { id, command } = frame;
        let gateway = Arc::clone(&self.gateway);
        let answer = match command {
            Command::Subscribe(asked) => match self.wish(&asked) {
                Ok(wish) => return self.subscribe(id, &wish).await,
                Err(error) => Err(error),
            },
            Command::Unsubscribe { channel, durable } => self.unsubscribe(channel, durable),
            Command::Publish(asked) => gateway
                .publish(&self.principal, &asked)
                .map(|said| (Some(asked.channel), Message::Published(said))),
            Command::Chat(chat) => gateway
                .chat(&self.principal, &chat)
                .map(|said| (Some(chat.channel), Message::Published(said))),
            Command::Typing { channel, typing } => gateway
                .typing(&self.principal, &channel, typing)
                .map(|said| (Some(channel), Message::Published(said))),
            Command::History(asked) => history::of(&gateway, &self.principal, &asked)
                .await
                .map(|said| (Some(asked.channel), Message::History(said))),
            Command::Presence { channel } => self.presence(channel),
            Command::Status => Ok((None, Message::Status(self.status()))),
            Command::Ping => Ok((None, Message::Pong(self.heartbeat()))),
            Command::Pong => return Ok(()),
            Command::Ack {
                durable,
                channel,
                offset,
            } => self.ack(&durable, &channel, offset),
            Command::Acknowledge { alert_id } => {
                acknowledge(&*gateway.state.desk, &self.principal, &alert_id)
                    .await
                    .map(|message| (None, message))
            }
            Command::Auth { token } => return self.authenticate(id, &token).await,
        };
        match answer {
            Ok((channel, message)) => self.tell(id, channel.as_deref(), message).await,
            Err(error) => self.refuse(id, error).await,
        }
    }

    /// Hears a channel no longer. With the name of a durable subscription that is forgotten, and the channel
    /// is heard on unless it is by that name.
    fn unsubscribe(
        &mut self,
        channel: String,
        durable: Option<String>,
    ) -> Result<(Option<String>, Message), ErrorBody> {
        let is_forgotten = durable
            .as_deref()
            .is_some_and(|name| self.forget(&channel, name));
        let is_heard = durable
            .as_deref()
            .is_none_or(|name| self.durable(&channel, name).is_some());
        let is_left = is_heard && self.subscriptions.remove(&channel);
        if is_left {
            self.list_channels();
        }
        if is_left || is_forgotten {
            let name = channel.clone();
            let said = Unsubscribed { channel, durable };
            return Ok((Some(name), Message::Unsubscribed(said)));
        }
        let namespaces = &self.gateway.state.namespaces;
        Err(match (namespaces.find(&channel), durable) {
            (None, _) => namespaces.unknown(&channel),
            (Some(_), None) => ErrorBody::new(
                ErrorCode::NotSubscribed,
                format!("channel `{channel}` is not heard on this connection"),
            ),
            (Some(_), Some(name)) => ErrorBody::new(
                ErrorCode::NotFound,
                format!("you have no durable subscription `{name}` of channel `{channel}`"),
            ),
        })
    }

    /// Forgets the user's cursor, if there is one of which this token may know.
    fn forget(&self, channel: &str, name: &str) -> bool {
        let durables = &self.gateway.state.durables;
        channel::may_hear(&self.principal, channel)
            && durables.forget((&self.principal.subject, channel, name))
    }

    /// The durable subscription of that name that is open here.
    fn durable(&self, channel: &str, name: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|one| {
            **one.cursor.channel() == *channel && one.options.durable.as_deref() == Some(name)
        })
    }

    /// Who is in a room, for those who may hear it.
    fn presence(&self, channel: String) -> Result<(Option<String>, Message), ErrorBody> {
        let said = self.gateway.who_is_in(&self.principal, &channel)?;
        Ok((Some(channel), Message::Presence(said)))
    }

    fn status(&self) -> StatusSaid {
        let now = self.gateway.state.clock.now();
        let entry = &self.enrolled.entry;
        let single = self.subscriptions.iter().filter(|one| one.of.is_none());
        let mut subscriptions: Vec<SubscriptionSaid> = single
            .map(|one| SubscriptionSaid {
                channel: one.cursor.channel().to_string(),
                position: Some(one.position()),
                lane: one.options.lane,
                rooms: None,
                durable: one.options.durable.clone(),
            })
            .collect();
        for rooms in &self.subscriptions.rooms {
            let heard = self.subscriptions.iter();
            let heard = heard.filter(|one| one.of.as_ref() == Some(&rooms.prefix));
            subscriptions.push(SubscriptionSaid {
                channel: format!("{}*", rooms.prefix),
                position: None,
                lane: rooms.options.lane,
                rooms: Some(heard.count()),
                durable: None,
            });
        }
        StatusSaid {
            server_time: now.to_string(),
            connection_id: self.enrolled.id.to_string(),
            connection_type: entry.purpose().name().to_owned(),
            subject: self.principal.subject.clone(),
            role: self.principal.role.name().to_owned(),
            connected_ms: u64::try_from(now.millis_since(entry.connected_at)).unwrap_or_default(),
            subscriptions,
        }
    }

    /// A durable subscription is done with everything up to there, as far as it was sent.
    fn ack(
        &self,
        name: &str,
        channel: &str,
        offset: u64,
    ) -> Result<(Option<String>, Message), ErrorBody> {
        let Some(subscription) = self.durable(channel, name) else {
            return Err(ErrorBody::new(
                ErrorCode::NotSubscribed,
                format!("no durable subscription `{name}` of this channel is open here"),
            ));
        };
        let state = &self.gateway.state;
        let position = state.durables.acknowledge(
            (&self.principal.subject, channel, name),
            subscription.cursor.epoch(),
            offset.min(subscription.after()),
            state.clock.now(),
        );
        let position = position.ok_or_else(|| {
            ErrorBody::new(ErrorCode::NotFound, "the cursor is gone: subscribe again")
        })?;
        Ok((
            None,
            Message::Acked(DurableCursor {
                durable: name.to_owned(),
                channel: channel.to_owned(),
                position,
            }),
        ))
    }

    /// Goes on with another token of the same user. A token that is not accepted changes nothing; one
    /// that grants less than what is heard ends the connection.
    async fn authenticate(&mut self, id: ReplyTo, token: &Token) -> Result<(), End> {
        let state = &self.gateway.state;
        let now = state.clock.now();
        let credential = Credential::Bearer(&token.0);
        let principal = match state.gatekeeper.verify_patiently(credential, now).await {
            Ok(principal) if principal.subject == self.principal.subject => principal,
            Ok(_) => {
                let message = "the token is of another user: open another connection with it";
                let error = ErrorBody::new(ErrorCode::Forbidden, message);
                return self.refuse(id, error).await;
            }
            Err(error) => {
                self.bad_tokens = self.bad_tokens.saturating_add(1);
                let error = ErrorBody::new(ErrorCode::Unauthenticated, error.to_string());
                self.refuse(id, error).await?;
                return match self.bad_tokens {
                    MOST_BAD_TOKENS.. => Err(End::Close(CloseCode::Unauthenticated)),
                    _ => Ok(()),
                };
            }
        };
        self.bad_tokens = 0;
        let lost = self
            .subscriptions
            .iter()
            .any(|one| !channel::may_hear(&principal, one.cursor.channel()));
        let principal = self.gateway.roster.share(principal);
        if lost || self.resift(&principal).is_err() {
            return Err(End::Close(CloseCode::Forbidden));
        }
        self.pulse
            .renew(&self.gateway.state.limits, principal.expires_at, now);
        *self.enrolled.entry.principal.lock() = Arc::clone(&principal);
        self.principal = principal;
        self.subscriptions.look_again_for_rooms();
        let authenticated = Authenticated {
            subject: self.principal.subject.clone(),
            role: self.principal.role.name().to_owned(),
            expires_at: self.principal.expires_at.map(|end| end.to_string()),
            channels: self.gateway.state.namespaces.granted(&self.principal),
        };
        self.tell(id, None, Message::Authenticated(authenticated))
            .await
    }

    /// From here on the newer token's filter decides.
    fn resift(&mut self, principal: &Principal) -> Result<(), ErrorBody> {
        let subscriptions = self.subscriptions.iter();
        let sifts: Vec<_> = subscriptions
            .map(|one| self.gateway.sift(&one.options.asked, principal))
            .collect::<Result<_, _>>()?;
        let mut subscriptions = std::mem::take(&mut self.subscriptions);
        let ground = Ground {
            expires_at: principal.expires_at,
            ..self.ground()
        };
        for (one, sift) in subscriptions.iter_mut().zip(sifts) {
            one.resift(ground, sift);
        }
        self.subscriptions = subscriptions;
        Ok(())
    }

    /// The roster says what is heard now.
    pub(crate) fn list_channels(&self) {
        let heard = Heard::new(self.subscriptions.names());
        self.enrolled.entry.hears(heard);
    }

    /// Says something that the client did not ask for, as an admin orders.
    pub(crate) async fn follow(
        &mut self,
        order: crate::connection::roster::Order,
    ) -> Result<(), End> {
        use crate::connection::roster::Order;

        match order {
            Order::Notify(notification) => {
                self.enrolled.entry.sent.fetch_add(1, Ordering::Relaxed);
                self.tell(None, None, Message::Notification(*notification))
                    .await
            }
            Order::Close(code) => Err(End::Close(code)),
            Order::Subscribe(asked, answer) => match self.wish(&asked) {
                Ok(wish) => {
                    // Whoever asked may be gone; what they ordered is done all the same.
                    drop(answer.send(Ok(())));
                    self.subscribe(None, &wish).await
                }
                Err(error) => {
                    drop(answer.send(Err(error)));
                    Ok(())
                }
            },
            Order::Unsubscribe(channel, answer) => match self.unsubscribe(channel, None) {
                Ok((channel, message)) => {
                    drop(answer.send(Ok(())));
                    self.tell(None, channel.as_deref(), message).await
                }
                Err(error) => {
                    drop(answer.send(Err(error)));
                    Ok(())
                }
            },
        }
    }
}

impl crate::Gateway {
    /// Who is in a room, for somebody who may hear it.
    pub(crate) fn who_is_in(
        &self,
        principal: &Principal,
        channel: &str,
    ) -> Result<vigil_protocol::PresenceSaid, ErrorBody> {
        let Target::One(room) = self.target(principal, channel)? else {
            return Err(invalid("ask for one room, not for a namespace".to_owned()));
        };
        let namespace = self.state.namespaces.of(&room);
        if namespace.is_none_or(|namespace| !namespace.presence) {
            return Err(ErrorBody::new(
                ErrorCode::Unsupported,
                "this channel does not tell who is there",
            ));
        }
        Ok(self.presence.of(&room))
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
    // The answer shows the alert, and a filter could not be applied to it.
    if !principal.may_see_all_of(vigil_event::channel::ALERTS) {
        let message =
            "the token does not grant every alert: use one without a filter that may hear `alerts`";
        return Err(ErrorBody::new(ErrorCode::Forbidden, message));
    }
    let id: Id = alert_id
        .parse()
        .map_err(|error| invalid(format!("`data.alert_id`: {error}")))?;
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
