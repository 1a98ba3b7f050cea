//! The way to one client: its socket, and what waits to be written.
//!
//! Shared by the connection's task, which reads and waits, and by the fan-out, which writes at once
//! where nothing waits. What waits are shared frames, so that it costs a reference and no copy.
//!
//! **Invariant:** frames leave whole, and those of one [`Way`] in the order in which they came here.
//! What is critical overtakes what else of channels waits, never what the server says by itself: that
//! may tell how far everything is.

pub(crate) mod budget;
pub(crate) mod outlet;

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::frame::run::Run;
use crate::wire::budget::{Budget, Way};

/// How many frames are written at once at most.
const MAX_SLICES: usize = 64;

/// Nothing overtakes once more than this waits: the connection has to pull.
const MAX_OVERTAKING_BYTES: usize = 128 * 1024;

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

/// What became of frames that were to be written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrote {
    /// All of them are written.
    All,
    /// The first so many are on their way. Some of it waits; the connection's task has to see to it.
    Begun(usize),
    /// None of them: something else waits.
    Busy,
    /// The socket is gone.
    Gone,
}

/// The way to one client.
pub(crate) struct Wire(Mutex<State>);

struct State {
    transport: Transport,
    queue: VecDeque<(Bytes, Way)>,
    /// Counted in half a word, as the next: every connection has one, and neither comes near its bound.
    queued_bytes: u32,
    budget: Arc<Budget>,
    /// What is critical goes here: behind what was begun, what the server says, and what else is critical.
    next_critical: u32,
    /// The transport may hold back what it was given.
    holds_back: bool,
}

impl Wire {
    pub(crate) const fn new(transport: Transport, budget: Arc<Budget>) -> Self {
        Self(Mutex::new(State {
            transport,
            queue: VecDeque::new(),
            queued_bytes: 0,
            budget,
            next_critical: 0,
            holds_back: false,
        }))
    }

    /// Puts a frame where it belongs among what waits, and says how many bytes wait now.
    pub(crate) fn push(&self, frame: Bytes, way: Way) -> usize {
        let mut state = self.0.lock();
        state.push(frame, way);
        state.queued_bytes as usize
    }

    /// Whether nothing waits.
    pub(crate) fn is_flushed(&self) -> bool {
        let state = self.0.lock();
        state.queue.is_empty() && !state.holds_back
    }

    /// Whether somebody works with it right now.
    pub(crate) fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    /// Writes at once where nothing waits. Of what is not written at once only the frame that was
    /// begun waits, so that the log stays the queue; what is critical overtakes.
    pub(crate) fn write_now(&self, run: &Run, way: Way) -> Wrote {
        let mut state = self.0.lock();
        if !state.queue.is_empty() || state.holds_back {
            return state.overtake(run, way);
        }
        let written = match &state.transport {
            // Past the runtime, which only knows whether it is worth to try: nothing waits, so it is.
            Transport::Plain(stream) => match send(stream, run.bytes(), SendFlags::NOSIGNAL) {
                Ok(written) => written,
                Err(Errno::AGAIN | Errno::INTR) => 0,
                Err(_) => return Wrote::Gone,
            },
            Transport::Other(_) => {
                for frame in run.frames() {
                    state.push(frame, way);
                }
                return Wrote::Begun(run.count());
            }
        };
        if written == run.bytes().len() {
            return Wrote::All;
        }
        let (begun, rest) = run.rest(written);
        if !rest.is_empty() {
            state.push(rest, way);
            state.next_critical = 1;
        }
        Wrote::Begun(begun)
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
    fn push(&mut self, frame: Bytes, way: Way) {
        self.queued_bytes = self.queued_bytes.saturating_add(frame.len() as u32);
        self.budget.take(way, frame.len());
        match way {
            Way::Critical => {
                let place = (self.next_critical as usize).min(self.queue.len());
                self.queue.insert(place, (frame, way));
                self.next_critical += 1;
            }
            Way::Control => {
                self.queue.push_back((frame, way));
                self.next_critical = self.queue.len() as u32;
            }
            Way::Normal | Way::Bulk => self.queue.push_back((frame, way)),
        }
    }

    fn overtake(&mut self, run: &Run, way: Way) -> Wrote {
        if way != Way::Critical
            || self.queued_bytes as usize + run.bytes().len() > MAX_OVERTAKING_BYTES
        {
            return Wrote::Busy;
        }
        for frame in run.frames() {
            self.push(frame, way);
        }
        Wrote::Begun(run.count())
    }

    /// So many bytes of what waited are written.
    fn pass(&mut self, mut written: usize) {
        self.queued_bytes = self.queued_bytes.saturating_sub(written as u32);
        while let Some((first, way)) = self.queue.front_mut() {
            let taken = written.min(first.len());
            self.budget.give_back(*way, taken);
            if taken < first.len() {
                if taken > 0 {
                    first.advance(taken);
                    // Nothing comes before the rest of what was begun.
                    self.next_critical = self.next_critical.max(1);
                }
                return;
            }
            written -= taken;
            self.queue.pop_front();
            self.next_critical = self.next_critical.saturating_sub(1);
        }
        if self.queue.capacity() > KEPT_FRAMES {
            self.queue = VecDeque::new();
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        for (frame, way) in &self.queue {
            self.budget.give_back(*way, frame.len());
        }
    }
}

impl Transport {
    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        queue: &VecDeque<(Bytes, Way)>,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut count = 0;
        for (slice, (frame, _)) in slices.iter_mut().zip(queue) {
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

    fn budget() -> Arc<Budget> {
        Arc::new(crate::Telemetry::new().output.budget(1 << 20))
    }

    async fn plain() -> (Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (server, _) = accepted.unwrap();
        server.writable().await.unwrap();
        (
            Wire::new(Transport::Plain(server), budget()),
            client.unwrap(),
        )
    }

    /// What so many bytes at the client's end are once all that waits is written.
    async fn flushed(wire: &Wire, client: &mut (impl AsyncRead + Unpin), count: usize) -> Vec<u8> {
        let mut got = vec![0; count];
        let (flushed, read) = tokio::join!(
            poll_fn(|context| wire.poll_flush(context)),
            client.read_exact(&mut got)
        );
        flushed.unwrap();
        read.unwrap();
        got
    }

    /// Everything that was meant to come, in order, whatever was written how.
    async fn order(wire: &Wire, mut client: impl AsyncRead + Unpin) -> Vec<Wrote> {
        let mut outcomes = Vec::new();
        let mut expected = Vec::new();
        for number in 0..400_u32 {
            let frame = Bytes::from(number.to_be_bytes().repeat(5_000));
            let wrote = wire.write_now(&Run::of(std::slice::from_ref(&frame)), Way::Normal);
            if wrote == Wrote::Busy {
                wire.push(frame.clone(), Way::Normal);
            }
            expected.extend_from_slice(&frame);
            if outcomes.last() != Some(&wrote) {
                outcomes.push(wrote);
            }
        }
        let got = flushed(wire, &mut client, expected.len()).await;
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
        assert_eq!(outcomes, [Wrote::All, Wrote::Begun(1), Wrote::Busy]);
    }

    #[tokio::test]
    async fn another_stream_is_left_to_the_task() {
        let (server, client) = duplex(1_000);
        let wire = Wire::new(Transport::Other(Box::new(server)), budget());
        let outcomes = order(&wire, client).await;
        assert_eq!(outcomes, [Wrote::Begun(1), Wrote::Busy]);
    }

    #[tokio::test]
    async fn a_socket_that_is_gone_is_told() {
        let (wire, client) = plain().await;
        drop(client);
        let read = poll_fn(|context| wire.poll_read(context, &mut [0; 8])).await;
        assert_eq!(read.unwrap(), 0);
        let run = Run::of(&[Bytes::from_static(b"x")]);
        let mut wrote = Wrote::All;
        while wrote == Wrote::All {
            wrote = wire.write_now(&run, Way::Normal);
            tokio::task::yield_now().await;
        }
        assert_eq!(wrote, Wrote::Gone);
    }

    /// Fills a socket until something waits, and gives everything that was written or waits.
    fn fill(wire: &Wire) -> Vec<u8> {
        let mut expected = Vec::new();
        loop {
            let frames: Vec<Bytes> = (0..8_u8)
                .map(|number| Bytes::from(vec![number; 5_000]))
                .collect();
            let run = Run::of(&frames);
            match wire.write_now(&run, Way::Bulk) {
                Wrote::All => expected.extend_from_slice(run.bytes()),
                Wrote::Begun(begun) => {
                    let begun: Vec<Bytes> = frames.into_iter().take(begun).collect();
                    expected.extend_from_slice(&begun.concat());
                    return expected;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn what_is_critical_overtakes_but_not_what_the_server_says() {
        let (wire, mut client) = plain().await;
        let mut expected = fill(&wire);
        assert!(
            wire.0.lock().queued_bytes < 5_000,
            "only what was begun waits"
        );
        let one = |text: &'static str| Bytes::from_static(text.as_bytes());
        let critical = |text| wire.write_now(&Run::of(&[one(text)]), Way::Critical);
        assert_eq!(
            wire.write_now(&Run::of(&[one("no")]), Way::Normal),
            Wrote::Busy
        );
        wire.push(one("(bulk)"), Way::Bulk);
        assert_eq!(critical("(first)"), Wrote::Begun(1));
        wire.push(one("(normal)"), Way::Normal);
        wire.push(one("(second)"), Way::Critical);
        wire.push(one("(said)"), Way::Control);
        wire.push(one("(more bulk)"), Way::Bulk);
        assert_eq!(critical("(third)"), Wrote::Begun(1));
        expected.extend_from_slice(b"(first)(second)(bulk)(normal)(said)(third)(more bulk)");
        let got = flushed(&wire, &mut client, expected.len()).await;
        assert!(got == expected);
        let state = wire.0.lock();
        assert_eq!((state.next_critical, state.queued_bytes), (0, 0));
        assert!(
            state.budget.is_unused(),
            "everything was given back as it was written"
        );
    }

    #[tokio::test]
    async fn too_much_does_not_overtake() {
        let (wire, _client) = plain().await;
        fill(&wire);
        let run = Run::of(&[Bytes::from(vec![0; MAX_OVERTAKING_BYTES])]);
        assert_eq!(wire.write_now(&run, Way::Critical), Wrote::Busy);
        let budget = Arc::clone(&wire.0.lock().budget);
        assert!(!budget.is_unused());
        drop(wire);
        assert!(budget.is_unused(), "who goes gives back what waited");
    }
}
