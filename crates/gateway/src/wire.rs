//! The way to one client: its socket, and what waits to be written.
//!
//! Shared by the connection's task, which reads and waits, and by the fan-out, which writes at once
//! where nothing waits. What waits are shared frames, so that it costs a reference and no copy.
//!
//! **Invariant:** frames leave in the order in which they came here, whole.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How many frames are written at once at most.
const MAX_SLICES: usize = 64;

/// A queue with room for more than so many frames is let go of when it is empty.
const KEPT_FRAMES: usize = 8;

/// Any stream of bytes that a connection may run on, such as TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What a connection runs on.
pub(crate) enum Transport {
    /// A plain socket, which may be written to from anywhere.
    Plain(TcpStream),
    /// Something else, which only the connection's task writes to.
    Other(Box<dyn Stream>),
}

/// What became of a frame that was to be written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrote {
    /// All of it is written.
    All,
    /// Some of it waits; the connection's task has to see to it.
    Begun,
    /// None of it: something else waits.
    Busy,
    /// The socket is gone.
    Gone,
}

/// The way to one client.
pub(crate) struct Wire(Mutex<State>);

struct State {
    transport: Transport,
    queue: VecDeque<Bytes>,
    queued_bytes: usize,
    /// The transport may hold back what it was given.
    holds_back: bool,
}

impl Wire {
    pub(crate) const fn new(transport: Transport) -> Self {
        Self(Mutex::new(State {
            transport,
            queue: VecDeque::new(),
            queued_bytes: 0,
            holds_back: false,
        }))
    }

    /// Puts a frame behind what waits, and says how many bytes wait now.
    pub(crate) fn push(&self, frame: Bytes) -> usize {
        let mut state = self.0.lock();
        state.push(frame);
        state.queued_bytes
    }

    /// Whether nothing waits.
    pub(crate) fn is_flushed(&self) -> bool {
        let state = self.0.lock();
        state.queue.is_empty() && !state.holds_back
    }

    /// Writes at once where nothing waits.
    pub(crate) fn write_now(&self, frame: &Bytes) -> Wrote {
        let mut state = self.0.lock();
        if !state.queue.is_empty() || state.holds_back {
            return Wrote::Busy;
        }
        let written = match &state.transport {
            Transport::Plain(stream) => match stream.try_write(frame) {
                Ok(written) => written,
                Err(error) if is_for_later(&error) => 0,
                Err(_) => return Wrote::Gone,
            },
            Transport::Other(_) => 0,
        };
        if written == frame.len() {
            return Wrote::All;
        }
        state.push(frame.slice(written..));
        Wrote::Begun
    }

    /// Writes what waits, many frames at once.
    pub(crate) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        let state = &mut *state;
        while !state.queue.is_empty() {
            let written = ready!(state.transport.poll_write(context, &state.queue))?;
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            state.holds_back |= matches!(state.transport, Transport::Other(_));
            state.pass(written);
        }
        if let (true, Transport::Other(stream)) = (state.holds_back, &mut state.transport) {
            ready!(Pin::new(stream).poll_flush(context))?;
            state.holds_back = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what is there; nothing at the end of the stream.
    pub(crate) fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0.lock().transport {
            Transport::Plain(stream) => loop {
                match stream.try_read(buffer) {
                    Err(error) if is_for_later(&error) => ready!(stream.poll_read_ready(context))?,
                    read => return Poll::Ready(read),
                }
            },
            Transport::Other(stream) => {
                let mut buffer = ReadBuf::new(buffer);
                ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
                Poll::Ready(Ok(buffer.filled().len()))
            }
        }
    }

    /// Says on the transport itself that nothing more comes.
    pub(crate) fn poll_shutdown(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0.lock().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Transport::Other(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl State {
    fn push(&mut self, frame: Bytes) {
        self.queued_bytes += frame.len();
        self.queue.push_back(frame);
    }

    /// So many bytes of what waited are written.
    fn pass(&mut self, mut written: usize) {
        self.queued_bytes = self.queued_bytes.saturating_sub(written);
        while let Some(first) = self.queue.front_mut() {
            if written < first.len() {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.queue.pop_front();
        }
        if self.queue.capacity() > KEPT_FRAMES {
            self.queue = VecDeque::new();
        }
    }
}

impl Transport {
    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        queue: &VecDeque<Bytes>,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(queue) {
            *slice = IoSlice::new(frame);
            count += 1;
        }
        let slices = slices.get(..count).unwrap_or_default();
        match self {
            Self::Plain(stream) => loop {
                match stream.try_write_vectored(slices) {
                    Err(error) if is_for_later(&error) => ready!(stream.poll_write_ready(context))?,
                    written => return Poll::Ready(written),
                }
            },
            Self::Other(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, duplex};
    use tokio::net::TcpListener;

    use super::*;

    async fn plain() -> (Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (server, _) = accepted.unwrap();
        server.writable().await.unwrap();
        (Wire::new(Transport::Plain(server)), client.unwrap())
    }

    /// Everything that was meant to come, in order, whatever was written how.
    async fn order(wire: &Wire, mut client: impl AsyncRead + Unpin) -> Vec<Wrote> {
        let mut outcomes = Vec::new();
        let mut expected = Vec::new();
        for number in 0..400_u32 {
            let frame = Bytes::from(number.to_be_bytes().repeat(5_000));
            let wrote = wire.write_now(&frame);
            if wrote == Wrote::Busy {
                wire.push(frame.clone());
            }
            expected.extend_from_slice(&frame);
            if outcomes.last() != Some(&wrote) {
                outcomes.push(wrote);
            }
        }
        let mut got = vec![0; expected.len()];
        let (flushed, read) = tokio::join!(
            poll_fn(|context| wire.poll_flush(context)),
            client.read_exact(&mut got)
        );
        flushed.unwrap();
        read.unwrap();
        assert!(got == expected, "the order of frames is kept");
        assert!(wire.is_flushed());
        assert_eq!(wire.0.lock().queued_bytes, 0);
        assert_eq!(wire.0.lock().queue.capacity(), 0, "room is let go of");
        outcomes
    }

    #[tokio::test]
    async fn a_plain_socket_is_written_to_at_once_until_it_is_full() {
        let (wire, client) = plain().await;
        let outcomes = order(&wire, client).await;
        assert_eq!(outcomes, [Wrote::All, Wrote::Begun, Wrote::Busy]);
    }

    #[tokio::test]
    async fn another_stream_is_left_to_the_task() {
        let (server, client) = duplex(1_000);
        let wire = Wire::new(Transport::Other(Box::new(server)));
        let outcomes = order(&wire, client).await;
        assert_eq!(outcomes, [Wrote::Begun, Wrote::Busy]);
    }

    #[tokio::test]
    async fn a_socket_that_is_gone_is_told() {
        let (wire, client) = plain().await;
        drop(client);
        let read = poll_fn(|context| wire.poll_read(context, &mut [0; 8])).await;
        assert_eq!(read.unwrap(), 0);
        let frame = Bytes::from_static(b"x");
        let mut wrote = Wrote::All;
        while wrote == Wrote::All {
            wrote = wire.write_now(&frame);
            tokio::task::yield_now().await;
        }
        assert_eq!(wrote, Wrote::Gone);
    }
}
