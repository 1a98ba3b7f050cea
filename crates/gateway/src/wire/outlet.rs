//! The socket of one client: messages in, messages out, with a limit on how long the client may take to
//! accept what it is sent.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use vigil_protocol::websocket::{Fault, Frame, FromClient, Opcode, Reader};
use vigil_protocol::{CloseCode, message_pack};

use crate::admit::upgrade::{Agreed, Opened};
use crate::frame::form::Encoding;
use crate::frame::press::Press;
use crate::wire::Wire;
use crate::wire::budget::{Budget, Way};

/// How long a client has to take a close frame, and then to answer it.
const FAREWELL: Duration = Duration::from_secs(1);

/// When more than this waits to be written, whoever writes waits too.
const MAX_QUEUED_BYTES: usize = 64 * 1024;

/// What is read at once. On the stack: an idle connection holds no buffer.
const READ_BYTES: usize = 4 * 1024;

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client closed it, or is gone.
    Gone,
    /// The server closes it.
    Close(CloseCode),
}

impl End {
    /// The same with another code, where the server closes it.
    pub(crate) fn with(self, change: impl FnOnce(CloseCode) -> CloseCode) -> Self {
        match self {
            Self::Gone => Self::Gone,
            Self::Close(code) => Self::Close(change(code)),
        }
    }
}

/// The socket and what bounds its writes.
pub(crate) struct Outlet {
    wire: Arc<Wire>,
    reader: Reader,
    agreed: Agreed,
    press: Arc<Press>,
    deadline: Duration,
    shutdown: CancellationToken,
    /// The client has said that it ends, with that code.
    ended: Option<u16>,
}

impl Outlet {
    /// `max_message_bytes` is how long a client's message may be.
    pub(crate) fn new(
        opened: Opened,
        (press, budget): (&Arc<Press>, &Arc<Budget>),
        max_message_bytes: usize,
        deadline: Duration,
        shutdown: CancellationToken,
    ) -> std::io::Result<Self> {
        let mut reader = Reader::new(max_message_bytes, opened.agreed.compresses);
        reader.feed(&opened.read_ahead);
        Ok(Self {
            wire: Arc::new(Wire::new(opened.transport.place()?, Arc::clone(budget))),
            reader,
            agreed: opened.agreed,
            press: Arc::clone(press),
            deadline,
            shutdown,
            ended: None,
        })
    }

    /// Gives the client so long from now on to take what it is sent.
    pub(crate) const fn give(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// The next message. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<FromClient, End> {
        poll_fn(|context| self.poll_next(context)).await
    }

    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<FromClient, End>> {
        loop {
            match self.reader.message() {
                Ok(Some(message)) => {
                    if let FromClient::Close(code) = message {
                        self.ended = Some(code.unwrap_or(CloseCode::Normal.number()));
                    }
                    return Poll::Ready(Ok(message));
                }
                Ok(None) => {}
                Err(fault) => {
                    tracing::debug!(%fault, "a client's frame can't be read");
                    return Poll::Ready(Err(End::Close(code_of(fault))));
                }
            }
            let mut buffer = [0; READ_BYTES];
            match ready!(self.wire.poll_read(context, &mut buffer)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(End::Gone)),
                Ok(count) => self.reader.feed(buffer.get(..count).unwrap_or_default()),
            }
        }
    }

    /// The way out, for those who write to it directly.
    pub(crate) const fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    /// What was agreed on for this socket.
    pub(crate) const fn agreed(&self) -> Agreed {
        self.agreed
    }

    /// How messages are written on this socket.
    pub(crate) const fn encoding(&self) -> Encoding {
        self.agreed.encoding
    }

    /// Puts a frame where it belongs among what waits, or waits for room.
    pub(crate) async fn feed(&mut self, frame: Frame, way: Way) -> Result<(), End> {
        if self.wire.push(frame.into_bytes(), way) > MAX_QUEUED_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Puts a message in the socket's encoding where it belongs among what waits, or waits for room.
    pub(crate) async fn feed_payload(&mut self, payload: &[u8], way: Way) -> Result<(), End> {
        let opcode = self.agreed.encoding.opcode();
        let frame = if self.agreed.compresses {
            self.press.frame(opcode, payload)
        } else {
            Frame::new(opcode, payload)
        };
        self.feed(frame, way).await
    }

    /// Puts a frame's JSON where it belongs among what waits, or waits for room.
    pub(crate) async fn feed_text(&mut self, text: &str, way: Way) -> Result<(), End> {
        match self.agreed.encoding {
            Encoding::Json => self.feed_payload(text.as_bytes(), way).await,
            Encoding::MessagePack => {
                self.feed_payload(&message_pack::from_json(text.as_bytes()), way)
                    .await
            }
        }
    }

    /// Sends a frame at once.
    pub(crate) async fn say(&mut self, text: &str) -> Result<(), End> {
        self.feed_text(text, Way::Control).await?;
        self.flush().await
    }

    /// Sends a ping, which every client's library answers by itself.
    pub(crate) async fn ping(&mut self) -> Result<(), End> {
        self.feed(Frame::new(Opcode::Ping, b""), Way::Control)
            .await?;
        self.flush().await
    }

    /// Answers a ping.
    pub(crate) async fn pong(&mut self, payload: &[u8]) -> Result<(), End> {
        self.feed(Frame::new(Opcode::Pong, payload), Way::Control)
            .await?;
        self.flush().await
    }

    /// Sends everything that still waits.
    pub(crate) async fn flush(&mut self) -> Result<(), End> {
        let written = poll_fn(|context| self.wire.poll_flush(context));
        tokio::select! {
            biased;
            written = written => written.map_err(|_| End::Gone),
            () = self.shutdown.cancelled() => Err(End::Close(CloseCode::GoingAway)),
            () = tokio::time::sleep(self.deadline) => Err(End::Close(CloseCode::SlowConsumer)),
        }
    }

    /// Says why, waits a moment for the answer, and lets go.
    pub(crate) async fn end(mut self, end: End, retry_after_ms: Option<u64>) {
        let farewell = match (end, self.ended) {
            (End::Close(code), _) => Frame::close(code.number(), &code.reason(retry_after_ms)),
            (End::Gone, Some(code)) => Frame::close(code, ""),
            (End::Gone, None) => return,
        };
        self.wire.push(farewell.into_bytes(), Way::Control);
        let flushed = timeout(FAREWELL, poll_fn(|context| self.wire.poll_flush(context)));
        if !matches!(flushed.await, Ok(Ok(()))) {
            return;
        }
        if self.ended.is_none() && timeout(FAREWELL, self.drain()).await.is_err() {
            tracing::debug!("a client did not answer the close frame");
        }
        let shut = timeout(
            FAREWELL,
            poll_fn(|context| self.wire.poll_shutdown(context)),
        );
        if !matches!(shut.await, Ok(Ok(()))) {
            tracing::debug!("a connection did not end in order");
        }
    }

    /// Reads on until the client's answer: letting go with bytes unread resets the connection, and a
    /// client that is still sending would lose the close frame.
    async fn drain(&mut self) {
        loop {
            let mut buffer = [0; READ_BYTES];
            let read = poll_fn(|context| self.wire.poll_read(context, &mut buffer)).await;
            let Ok(count @ 1..) = read else { return };
            self.reader.feed(buffer.get(..count).unwrap_or_default());
            // After a fault nothing is understood any more, and the client has to close its end.
            while let Ok(Some(message)) = self.reader.message() {
                if matches!(message, FromClient::Close(_)) {
                    return;
                }
            }
        }
    }
}

/// What a fault says of the client.
const fn code_of(fault: Fault) -> CloseCode {
    match fault {
        Fault::TooBig => CloseCode::TooBig,
        Fault::BadPayload => CloseCode::NotText,
        Fault::Protocol(_) => CloseCode::Protocol,
    }
}
