//! The socket, with a limit on how long a client may take to accept what it is sent.

use std::time::Duration;

use axum::Error;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::SinkExt as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use vigil_protocol::{CloseCode, message_pack};

use crate::form::Encoding;

/// How long a client has to take a close frame, and then to answer it.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client closed it, or is gone.
    Gone,
    /// The server closes it.
    Close(CloseCode),
}

/// The socket and what bounds its writes.
pub(crate) struct Outlet {
    socket: WebSocket,
    encoding: Encoding,
    deadline: Duration,
    shutdown: CancellationToken,
}

impl Outlet {
    pub(crate) fn new(socket: WebSocket, deadline: Duration, shutdown: CancellationToken) -> Self {
        let chosen = socket.protocol().and_then(|name| name.to_str().ok());
        let encoding = if chosen == Some(message_pack::SUBPROTOCOL) {
            Encoding::MessagePack
        } else {
            Encoding::Json
        };
        Self {
            socket,
            encoding,
            deadline,
            shutdown,
        }
    }

    /// The next message. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Message, End> {
        match self.socket.recv().await {
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) => Err(reading_failed(error)),
            None => Err(End::Gone),
        }
    }

    /// How messages are written on this socket.
    pub(crate) const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Puts a message that is encoded already into the socket's buffer, or waits for room.
    pub(crate) async fn feed(&mut self, frame: Bytes) -> Result<(), End> {
        let message = match self.encoding {
            // The encoder made UTF-8; if it ever did not, the fault is the server's.
            Encoding::Json => Message::Text(
                frame
                    .try_into()
                    .map_err(|_| End::Close(CloseCode::Internal))?,
            ),
            Encoding::MessagePack => Message::Binary(frame),
        };
        self.write(message).await
    }

    /// Puts a frame into the socket's buffer, or waits for room.
    pub(crate) async fn feed_text(&mut self, text: String) -> Result<(), End> {
        let message = match self.encoding {
            Encoding::Json => Message::Text(text.into()),
            Encoding::MessagePack => {
                Message::Binary(message_pack::from_json(text.as_bytes()).into())
            }
        };
        self.write(message).await
    }

    /// Sends a frame at once.
    pub(crate) async fn say(&mut self, text: String) -> Result<(), End> {
        self.feed_text(text).await?;
        self.flush().await
    }

    /// Lets go of what is left, for somebody else to go on with the socket.
    pub(crate) fn into_socket(self) -> WebSocket {
        self.socket
    }

    /// Sends a ping, which every client's library answers by itself.
    pub(crate) async fn ping(&mut self) -> Result<(), End> {
        self.write(Message::Ping(Bytes::new())).await?;
        self.flush().await
    }

    async fn write(&mut self, message: Message) -> Result<(), End> {
        bounded(&self.shutdown, self.deadline, self.socket.feed(message)).await
    }

    /// Sends everything that is still in the buffer.
    pub(crate) async fn flush(&mut self) -> Result<(), End> {
        bounded(&self.shutdown, self.deadline, self.socket.flush()).await
    }

    /// Says why, waits a moment for the answer, and lets go.
    pub(crate) async fn end(mut self, end: End, retry_after_ms: Option<u64>) {
        if let End::Close(code) = end {
            let reason = code.reason(retry_after_ms).into();
            let frame = Message::Close(Some(CloseFrame {
                code: code.number(),
                reason,
            }));
            if !matches!(timeout(FAREWELL, self.socket.send(frame)).await, Ok(Ok(()))) {
                return;
            }
        }
        if matches!(end, End::Close(code) if is_unreadable(code)) {
            // Nothing more can be read, and letting go with bytes unread resets the connection: a
            // client that is still sending would lose the close frame. It gets time to read it.
            tokio::time::sleep(FAREWELL).await;
            return;
        }
        // Read on until the client's answer, for the same reason.
        let answered = timeout(FAREWELL, async {
            while let Some(Ok(_)) = self.socket.recv().await {}
        });
        if answered.await.is_err() {
            tracing::debug!("a client did not answer the close frame");
        }
    }
}

/// Whether the code says that what the client sends can't be taken apart any more.
const fn is_unreadable(code: CloseCode) -> bool {
    matches!(
        code,
        CloseCode::TooBig | CloseCode::NotText | CloseCode::Protocol
    )
}

async fn bounded<T>(
    shutdown: &CancellationToken,
    deadline: Duration,
    write: impl Future<Output = Result<T, Error>>,
) -> Result<T, End> {
    tokio::select! {
        biased;
        written = write => written.map_err(|_| End::Gone),
        () = shutdown.cancelled() => Err(End::Close(CloseCode::GoingAway)),
        () = tokio::time::sleep(deadline) => Err(End::Close(CloseCode::SlowConsumer)),
    }
}

/// What a failed reading says about the client.
fn reading_failed(error: Error) -> End {
    use tungstenite::Error as Cause;
    use tungstenite::error::ProtocolError;

    match error.into_inner().downcast::<Cause>().as_deref() {
        Ok(Cause::Capacity(_)) => End::Close(CloseCode::TooBig),
        Ok(Cause::Utf8(_)) => End::Close(CloseCode::NotText),
        Ok(Cause::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => End::Gone,
        Ok(Cause::Protocol(_)) => End::Close(CloseCode::Protocol),
        _ => End::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_reading_has_its_code() {
        for (cause, end) in [
            (
                tungstenite::Error::Utf8(String::new()),
                End::Close(CloseCode::NotText),
            ),
            (
                tungstenite::error::CapacityError::MessageTooLong {
                    size: 2,
                    max_size: 1,
                }
                .into(),
                End::Close(CloseCode::TooBig),
            ),
            (
                tungstenite::error::ProtocolError::UnmaskedFrameFromClient.into(),
                End::Close(CloseCode::Protocol),
            ),
            (
                tungstenite::error::ProtocolError::ResetWithoutClosingHandshake.into(),
                End::Gone,
            ),
            (tungstenite::Error::ConnectionClosed, End::Gone),
        ] {
            assert_eq!(reading_failed(Error::new(cause)), end);
        }
    }
}
