//! A WebSocket without a credential: its first frame must be `auth`, and soon.
//!
//! Until then it is nobody's: it is heard nothing else from, told nothing, and holds one of a bounded
//! number of places.

use std::time::Duration;

use axum::extract::ws::{Message as SocketMessage, WebSocket};
use tokio::sync::{Semaphore, SemaphorePermit};
use vigil_auth::{Action, Credential, Principal};
use vigil_protocol::{
    Authenticated, ClientFrame, CloseCode, Command, Message, RequestId, ServerFrame,
};

use crate::outlet::{End, Outlet};
use crate::telemetry::Refused;
use crate::{Gateway, channel};

/// How long a client has to say who it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// At most this many sockets wait for their first frame.
const MAX_WAITING: usize = 256;

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
    pub(crate) async fn greet(&self, mut socket: WebSocket) -> Option<(WebSocket, Principal)> {
        let shutdown = self.state.shutdown.clone();
        let heard = tokio::select! {
            () = shutdown.cancelled() => Err(End::Close(CloseCode::GoingAway)),
            heard = tokio::time::timeout(PATIENCE, self.first_frame(&mut socket)) => {
                heard.unwrap_or(Err(End::Close(CloseCode::Unauthenticated)))
            }
        };
        let greeted = match heard {
            Ok((reply_to, principal)) => answer(&mut socket, reply_to, &principal)
                .await
                .map(|()| principal),
            Err(end) => Err(end),
        };
        match greeted {
            Ok(principal) => Some((socket, principal)),
            Err(end) => {
                self.dismiss(socket, end).await;
                None
            }
        }
    }

    async fn first_frame(
        &self,
        socket: &mut WebSocket,
    ) -> Result<(Option<RequestId>, Principal), End> {
        let refused = End::Close(CloseCode::Unauthenticated);
        let text = loop {
            match socket.recv().await {
                Some(Ok(SocketMessage::Text(text))) => break text,
                Some(Ok(SocketMessage::Ping(_) | SocketMessage::Pong(_))) => {}
                Some(Ok(SocketMessage::Binary(_))) => return Err(refused),
                Some(Ok(SocketMessage::Close(_)) | Err(_)) | None => return Err(End::Gone),
            }
        };
        let Ok(ClientFrame {
            id,
            command: Command::Auth { token },
        }) = ClientFrame::decode(&text)
        else {
            return Err(refused);
        };
        let now = self.state.clock.now();
        let verified = self
            .state
            .gatekeeper
            .verify_patiently(Credential::Bearer(&token.0), now)
            .await;
        let principal = verified.map_err(|error| {
            tracing::debug!(%error, "a first frame was refused");
            refused
        })?;
        if !principal.may(Action::Read) {
            return Err(End::Close(CloseCode::Forbidden));
        }
        Ok((id, principal))
    }

    /// Closes a socket that comes to nothing.
    pub(crate) async fn dismiss(&self, socket: WebSocket, end: End) {
        let state = &self.state;
        let mut retry_after_ms = None;
        if let End::Close(code) = end {
            state.telemetry.closed(code);
            retry_after_ms = self.retry_after_ms(code, state.ids.next(state.clock.now()));
        }
        Outlet::new(socket, PATIENCE, state.shutdown.clone())
            .end(end, retry_after_ms)
            .await;
    }
}

async fn answer(
    socket: &mut WebSocket,
    reply_to: Option<RequestId>,
    principal: &Principal,
) -> Result<(), End> {
    let frame = ServerFrame {
        reply_to,
        channel: None,
        message: Message::Authenticated(Authenticated {
            subject: principal.subject.clone(),
            role: principal.role.name().to_owned(),
            expires_at: principal.expires_at.map(|end| end.to_string()),
            channels: channel::granted(principal),
        }),
    };
    let sent = socket.send(SocketMessage::Text(frame.encode().into()));
    match tokio::time::timeout(PATIENCE, sent).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(End::Gone),
    }
}

/// The code that closes a socket for a reason that would have refused its request.
pub(crate) const fn code_of(reason: Refused) -> CloseCode {
    match reason {
        Refused::Unauthenticated => CloseCode::Unauthenticated,
        Refused::Origin | Refused::Forbidden => CloseCode::Forbidden,
        Refused::TooManyOfUser => CloseCode::RateLimited,
        Refused::TooMany => CloseCode::Overloaded,
        Refused::Stopping => CloseCode::GoingAway,
    }
}
