//! The clients: as many connections as are wanted, all on one thread, which counts what they see.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::message::{Layout, now_ns, number_after, text_after};
use super::peer::{Peer, Stream};
use super::tally::{Tally, histogram};
use super::wire::{FrameReader, Seen, client_pong, client_text};

/// How long a connection may take to open.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is read at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// The longest answer to the handshake.
const MAX_HEAD_BYTES: usize = 8 * 1024;

/// Where a client stands in one channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) channel: Rc<str>,
    epoch: String,
    offset: u64,
    /// The number of the last message.
    sequence: u64,
}

/// All clients.
#[derive(Debug)]
pub(super) struct Crowd {
    peer: Peer,
    seen: Rc<Sight>,
    clients: Vec<Client>,
}

/// What the clients share.
#[derive(Debug)]
struct Sight {
    tally: RefCell<Tally>,
    layout: RefCell<Layout>,
    buffer: RefCell<Box<[u8]>>,
    open: Cell<usize>,
    /// At how many deliveries somebody wants to know.
    goal: Cell<u64>,
    reached: Notify,
}

#[derive(Debug)]
struct Client {
    places: Rc<RefCell<Vec<Place>>>,
    task: JoinHandle<()>,
}

impl Crowd {
    pub(super) fn new(peer: Peer) -> Self {
        Self {
            peer,
            seen: Rc::new(Sight {
                tally: RefCell::default(),
                layout: RefCell::default(),
                buffer: RefCell::new(vec![0; BUFFER_BYTES].into()),
                open: Cell::new(0),
                goal: Cell::new(u64::MAX),
                reached: Notify::new(),
            }),
            clients: Vec::new(),
        }
    }

    /// How many are connected.
    pub(super) fn open(&self) -> usize {
        self.seen.open.get()
    }

    /// Looks at what was seen.
    pub(super) fn tally<T>(&self, look: impl FnOnce(&mut Tally) -> T) -> T {
        look(&mut self.seen.tally.borrow_mut())
    }

    /// Forgets what was seen.
    pub(super) fn begin_anew(&self) -> Tally {
        self.seen.tally.take()
    }

    /// Waits until that much was delivered, or for that long; gives how much was.
    pub(super) async fn deliveries_reach(&self, goal: u64, patience: Duration) -> u64 {
        self.seen.goal.set(goal);
        if self.tally(|tally| tally.deliveries) < goal {
            drop(timeout(patience, self.seen.reached.notified()).await);
        }
        self.tally(|tally| tally.deliveries)
    }

    /// Connects clients at that rate a second, each to the channels that `places` gives it, and gives
    /// how long each took from the moment it was meant to begin. Those that do not read take nothing
    /// from the socket once they hear their channels.
    pub(super) async fn connect(
        &mut self,
        places: impl IntoIterator<Item = Vec<Place>>,
        rate: u32,
        reads: bool,
    ) -> hdrhistogram::Histogram<u64> {
        let start = Instant::now();
        let took = Rc::new(RefCell::new(histogram()));
        let settled = Rc::new(Cell::new(0_usize));
        let mut wanted = 0_usize;
        for places in places {
            let meant = start + Duration::from_secs(1) * wanted as u32 / rate.max(1);
            wanted += 1;
            sleep_until(meant).await;
            let places = Rc::new(RefCell::new(places));
            let (peer, seen) = (self.peer.clone(), Rc::clone(&self.seen));
            let (own, took, settled) = (Rc::clone(&places), Rc::clone(&took), Rc::clone(&settled));
            let task = tokio::task::spawn_local(async move {
                let opened = timeout(PATIENCE, open(&peer, &own, &seen)).await;
                settled.set(settled.get() + 1);
                let Ok(Some((stream, reader))) = opened else {
                    seen.tally.borrow_mut().failed += 1;
                    return;
                };
                took.borrow_mut()
                    .saturating_record(meant.elapsed().as_nanos() as u64);
                seen.open.set(seen.open.get() + 1);
                if reads {
                    listen(stream, reader, &own, &seen).await;
                } else {
                    std::future::pending::<()>().await;
                }
                seen.open.set(seen.open.get() - 1);
            });
            self.clients.push(Client { places, task });
        }
        while settled.get() < wanted {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let took = took.borrow();
        took.clone()
    }

    /// Cuts all connections, and says where each client stood.
    pub(super) fn cut(&mut self) -> Vec<Vec<Place>> {
        let cut = |client: Client| {
            client.task.abort();
            client.places.take()
        };
        self.seen.open.set(0);
        self.clients.drain(..).map(cut).collect()
    }

    /// Counts what the clients should have got and did not: `published` gives the number of the last
    /// message of a channel.
    pub(super) fn settle(&self, published: impl Fn(&str) -> u64) {
        for client in &self.clients {
            for place in &mut *client.places.borrow_mut() {
                let last = published(&place.channel);
                self.tally(|tally| tally.missing += last.saturating_sub(place.sequence));
                place.sequence = last.max(place.sequence);
            }
        }
    }
}

impl Place {
    /// At the end of a channel whose last message has that number.
    pub(super) fn at_the_end(channel: &str, sequence: u64) -> Self {
        Self {
            channel: channel.into(),
            sequence,
            ..Self::default()
        }
    }

    fn subscribe(&self) -> String {
        let channel = serde_json::Value::from(&*self.channel);
        let since = if self.epoch.is_empty() {
            String::new()
        } else {
            let (epoch, offset) = (&self.epoch, self.offset);
            format!(",\"since\":{{\"epoch\":\"{epoch}\",\"offset\":{offset}}}")
        };
        format!(
            "{{\"type\":\"subscribe\",\"id\":\"bench\",\"channel\":{channel},\"data\":{{\"channel\":{channel}{since}}}}}"
        )
    }
}

/// A connection that hears its channels.
async fn open(
    peer: &Peer,
    places: &RefCell<Vec<Place>>,
    seen: &Sight,
) -> Option<(Box<dyn Stream>, FrameReader)> {
    let mut stream = peer.open().await.ok()?;
    stream.write_all(peer.handshake().as_bytes()).await.ok()?;
    let mut head = Vec::new();
    let end = loop {
        stream
            .read_buf(&mut head)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        if let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") {
            break end + 4;
        }
        if head.len() > MAX_HEAD_BYTES {
            return None;
        }
    };
    head.starts_with(b"HTTP/1.1 101").then_some(())?;
    let mut reader = FrameReader::default();
    let count = places.borrow().len();
    let asked: Vec<String> = places.borrow().iter().map(Place::subscribe).collect();
    for text in asked {
        stream.write_all(&client_text(text.as_bytes())).await.ok()?;
    }
    let mut subscribed = 0;
    let mut piece = head.split_off(end);
    loop {
        let sound = reader.feed(&piece, |one| {
            if let Seen::Text(text) = one {
                if text.starts_with(b"{\"type\":\"subscribed\"") {
                    subscribed += 1;
                } else {
                    seen.take(text, now_ns(), &mut places.borrow_mut());
                }
            }
        });
        if subscribed == count && sound {
            stream.acknowledge_when_read().ok()?;
            return Some((stream, reader));
        }
        piece.clear();
        stream
            .read_buf(&mut piece)
            .await
            .ok()
            .filter(|count| sound && *count > 0)?;
    }
}

/// Reads until the connection ends.
async fn listen(
    mut stream: Box<dyn Stream>,
    mut reader: FrameReader,
    places: &RefCell<Vec<Place>>,
    seen: &Sight,
) {
    let mut answers = Vec::new();
    loop {
        let is_well = poll_fn(|context| {
            let stream = Pin::new(&mut *stream);
            poll_hear(context, stream, &mut reader, places, seen, &mut answers)
        });
        let is_well = is_well.await;
        if seen.tally.borrow().deliveries >= seen.goal.get() {
            seen.goal.set(u64::MAX);
            seen.reached.notify_one();
        }
        if !is_well {
            return;
        }
        if answers.is_empty() {
            continue;
        }
        let answered = stream.write_all(&answers).await;
        if answered.and(stream.acknowledge_when_read()).is_err() {
            return;
        }
        answers.clear();
    }
}

/// Reads once, into what all clients read into; false once the connection has ended.
fn poll_hear(
    context: &mut Context<'_>,
    stream: Pin<&mut dyn Stream>,
    reader: &mut FrameReader,
    places: &RefCell<Vec<Place>>,
    seen: &Sight,
    answers: &mut Vec<u8>,
) -> Poll<bool> {
    let mut buffer = seen.buffer.borrow_mut();
    let mut buffer = ReadBuf::new(&mut buffer);
    if ready!(stream.poll_read(context, &mut buffer)).is_err() || buffer.filled().is_empty() {
        return Poll::Ready(false);
    }
    let mut places = places.borrow_mut();
    // All of it was read at this moment.
    let now_ns = now_ns();
    Poll::Ready(reader.feed(buffer.filled(), |one| match one {
        Seen::Text(text) => seen.take(text, now_ns, &mut places),
        Seen::Ping(text) => answers.extend(client_pong(text)),
        Seen::Close(code) => {
            *seen.tally.borrow_mut().closed.entry(code).or_default() += 1;
        }
    }))
}

impl Sight {
    /// Counts one text that was read at that moment.
    fn take(&self, text: &[u8], read_ns: u64, places: &mut [Place]) {
        let (mut layout, mut tally) = (self.layout.borrow_mut(), self.tally.borrow_mut());
        take(text, read_ns, places, &mut layout, &mut tally);
    }
}

fn take(text: &[u8], read_ns: u64, places: &mut [Place], layout: &mut Layout, tally: &mut Tally) {
    let Some((sequence, meant_ns)) = layout.stamp(text) else {
        if text.starts_with(b"{\"type\":\"gap\"") {
            tally.declared += number_after(text, b"\"missed\":").unwrap_or_default();
        } else if text.starts_with(b"{\"type\":\"error\"") {
            tally.failed += 1;
        }
        return;
    };
    let of_channel = match places {
        [_] => Some(0),
        _ => text_after(text, b"\"channel\":\"")
            .and_then(|name| places.iter().position(|place| &*place.channel == name)),
    };
    let Some((number, place)) = of_channel.and_then(|at| Some((at, places.get_mut(at)?))) else {
        return;
    };
    if sequence <= place.sequence {
        tally.duplicates += 1;
        return;
    }
    tally.missing += sequence - place.sequence - 1;
    place.sequence = sequence;
    if let Some(offset) = layout.offset(text) {
        place.offset = offset;
    }
    if place.epoch.is_empty() {
        text_after(text, b"\"epoch\":\"")
            .unwrap_or_default()
            .clone_into(&mut place.epoch);
    }
    // The first channel is the one that is measured.
    if number == 0 {
        tally.deliveries += 1;
        tally
            .latency
            .saturating_record(read_ns.saturating_sub(meant_ns));
    } else {
        tally.others += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::data;
    use super::*;

    fn frame(channel: &str, sequence: u64) -> Vec<u8> {
        let data = data(sequence, now_ns(), 60);
        format!("{{\"type\":\"threat.new\",\"channel\":\"{channel}\",\"epoch\":\"e\",\"offset\":{sequence},\"data\":{data}}}").into_bytes()
    }

    #[test]
    fn losses_doubles_and_gaps_are_told_apart() {
        let (mut tally, mut layout) = (Tally::default(), Layout::default());
        let mut places = vec![Place::at_the_end("a", 4), Place::at_the_end("b", 0)];
        for (channel, sequence) in [("a", 5), ("a", 5), ("a", 8), ("b", 1), ("c", 1)] {
            let text = frame(channel, sequence);
            take(&text, now_ns(), &mut places, &mut layout, &mut tally);
        }
        let gap: &[u8] = b"{\"type\":\"gap\",\"data\":{\"missed\":2}}";
        for text in [gap, b"{\"type\":\"welcome\"}"] {
            take(text, now_ns(), &mut places, &mut layout, &mut tally);
        }
        assert_eq!((tally.deliveries, tally.others), (2, 1));
        assert_eq!((tally.duplicates, tally.missing, tally.declared), (1, 2, 2));
        assert_eq!(places[0].offset, 8);
        assert!(
            places[0]
                .subscribe()
                .contains("{\"epoch\":\"e\",\"offset\":8}")
        );
    }
}
