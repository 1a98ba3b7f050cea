//! A WebSocket without a credential: its first frame must be `auth`, and soon.
//!
//! Until then it is nobody's: it is heard nothing else from, told nothing, and holds one of a bounded
//! number of places.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use vigil_auth::{Credential, Principal};
use vigil_protocol::websocket::FromClient;
use vigil_protocol::{
    Authenticated, ClientFrame, CloseCode, Command, ErrorBody, ErrorCode, Message, RequestId,
    ServerFrame,
};

use crate::telemetry::{Counted, Refused};
use crate::wire::outlet::{End, Outlet};
use crate::{Gateway, connection::hear};

/// How long a client has to say who it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// At most this many sockets wait for their first frame.
const MAX_WAITING: usize = 256;

/// The end of a socket that has not shown a token.
const REFUSED: End = End::Close(CloseCode::Unauthenticated);

/// What a client is told whose first frame is another command.
const SHOW_A_TOKEN: &str = "the first frame must be {\"type\":\"auth\",\"data\":{\"token\":…}} on a connection without a credential";

/// Places for sockets that have not said who they are.
#[derive(Debug)]
pub(crate) struct Hall(Semaphore);

impl Default for Hall {
    fn default() -> Self {
        Self(Semaphore::new(MAX_WAITING))
    }
}

impl Hall {
    /// A place, if there is one.
    pub(crate) fn enter(&self) -> Result<SemaphorePermit<'_>, Refused> {
        self.0.try_acquire().map_err(|_| Refused::TooMany)
    }
}

impl Gateway {
    /// Waits for the first frame, and answers it. None: the socket is closed.
    pub(crate) async fn greet(&self, mut outlet: Outlet) -> Option<(Outlet, Principal)> {
        let state = &self.state;
        let _counted = Counted::on(&state.telemetry.greeting);
        outlet.give(PATIENCE);
        let heard = tokio::select! {
            () = state.shutdown.cancelled() => Err(End::Close(CloseCode::GoingAway)),
            heard = tokio::time::timeout(PATIENCE, self.first_frame(&mut outlet)) => {
                match heard {
                    Ok(heard) => heard,
                    Err(_) => Err(self.send_away_unheard(&mut outlet).await),
                }
            }
        };
        let greeted = match heard {
            Ok((reply_to, principal)) => {
                let answer = self.answer(reply_to, &principal);
                outlet.say(&answer).await.map(|()| principal)
            }
            Err(end) => Err(end),
        };
        match greeted {
            Ok(principal) => {
                outlet.give(state.limits.write_deadline);
                Some((outlet, principal))
            }
            Err(end) => {
                self.audit_refused(None, "first frame");
                self.dismiss(outlet, end).await;
                None
            }
        }
    }

    async fn first_frame(
        &self,
        outlet: &mut Outlet,
    ) -> Result<(Option<RequestId>, Principal), End> {
        let message = loop {
            match outlet.next().await? {
                FromClient::Ping(payload) => outlet.pong(&payload).await?,
                FromClient::Pong => {}
                FromClient::Close(_) => return Err(End::Gone),
                message => break message,
            }
        };
        let (id, token) = match hear::read(&message, outlet.encoding()) {
            Ok(ClientFrame {
                id,
                command: Command::Auth { token },
            }) => (id, token),
            Ok(other) => {
                let error = ErrorBody::new(ErrorCode::Unauthenticated, SHOW_A_TOKEN);
                return Err(self.send_away(outlet, other.id, error, REFUSED).await);
            }
            Err(error) => {
                let body = ErrorBody::new(error.code, error.message);
                return Err(self.send_away(outlet, error.reply_to, body, REFUSED).await);
            }
        };
        let now = self.state.clock.now();
        let verified = self
            .state
            .gatekeeper
            .verify_patiently(Credential::Bearer(&token.0), now)
            .await;
        let principal = match verified {
            Ok(principal) => principal,
            Err(error) => {
                tracing::debug!(%error, "a first frame was refused");
                let error = ErrorBody::new(ErrorCode::Unauthenticated, error.to_string());
                return Err(self.send_away(outlet, id, error, REFUSED).await);
            }
        };
        if !principal.may_connect() {
            let end = End::Close(CloseCode::Forbidden);
            return Err(self.send_away(outlet, id, may_not_connect(), end).await);
        }
        Ok((id, principal))
    }

    async fn send_away_unheard(&self, outlet: &mut Outlet) -> End {
        let message = format!(
            "no first frame came within {} seconds: {SHOW_A_TOKEN}",
            PATIENCE.as_secs()
        );
        let error = ErrorBody::new(ErrorCode::Unauthenticated, message);
        self.send_away(outlet, None, error, REFUSED).await
    }

    /// Says why a socket is closed, so that whoever wrote the client need not guess.
    async fn send_away(
        &self,
        outlet: &mut Outlet,
        reply_to: Option<RequestId>,
        error: ErrorBody,
        end: End,
    ) -> End {
        self.state.telemetry.error(error.code);
        let said = ServerFrame {
            reply_to,
            channel: None,
            message: Message::Error(error),
        };
        outlet.say(&said.encode()).await.err().unwrap_or(end)
    }

    fn answer(&self, reply_to: Option<RequestId>, principal: &Principal) -> String {
        let authenticated = Authenticated {
            subject: principal.subject.clone(),
            role: principal.role.name().to_owned(),
            expires_at: principal.expires_at.map(|end| end.to_string()),
            channels: self.state.namespaces.granted(principal),
        };
        ServerFrame {
            reply_to,
            channel: None,
            message: Message::Authenticated(authenticated),
        }
        .encode()
    }

    /// Closes a socket that comes to nothing.
    pub(crate) async fn dismiss(&self, outlet: Outlet, end: End) {
        let state = &self.state;
        let end = end.with(|code| self.told(code));
        let mut retry_after_ms = None;
        if let End::Close(code) = end {
            state.telemetry.closed(code);
            retry_after_ms = self.retry_after_ms(code, state.ids.next(state.clock.now()));
        }
        outlet.end(end, retry_after_ms).await;
    }
}

/// Why somebody may not connect whose credential is good.
pub(crate) fn may_not_connect() -> ErrorBody {
    ErrorBody::new(
        ErrorCode::Forbidden,
        "role service connects only with a token that names channels to publish in: `vigil token --publish`",
    )
}

/// The code that closes a socket for a reason that would have refused its request.
pub(crate) const fn code_of(reason: Refused) -> CloseCode {
    match reason {
        Refused::Unauthenticated => CloseCode::Unauthenticated,
        Refused::Origin | Refused::Forbidden => CloseCode::Forbidden,
        Refused::TooManyOfUser | Refused::TooFast => CloseCode::RateLimited,
        Refused::Crowd | Refused::TooMany => CloseCode::Overloaded,
        Refused::Stopping => CloseCode::GoingAway,
    }
}
