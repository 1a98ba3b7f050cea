//! The processes that are measured: the server, or a raw loop that writes the same bytes to plain
//! sockets. Each is told on its standard input what to publish, and says on its output when that is
//! done, so that nothing of the clients runs in them.
//!
//! A command is one line: `id channel channels severity bytes rate count`. In `channel` a `{}` stands
//! for the channel's number; with rate 0 all is published at once. The answer is `done id`.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use vigil_auth::{Grant, Role};
use vigil_bus::Bus;
use vigil_event::publication::Kind;
use vigil_event::{Clock as _, Id, Publication, Severity, SystemClock};

use super::message::{data, now_ns};
use super::wire::server_text;
use crate::app::App;
use crate::config::Config;

/// Where messages go.
pub(super) trait Sink: Send + Sync {
    fn send(
        &self,
        channel: &str,
        severity: Severity,
        sequence: u64,
        data: String,
    ) -> Result<(), String>;
}

/// The number of each channel's last message.
pub(super) type Sequences = Mutex<HashMap<String, u64>>;

/// How long the raw loop waits for a client to speak.
const GREETING: Duration = Duration::from_secs(20);

/// The longest line of a client's request that it reads.
const MAX_LINE_BYTES: u64 = 8 * 1024;

/// How the answer begins where something could not be published.
pub(super) const FAILED: &str = "failed ";

/// What one line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) id: u64,
    pub(super) channel: String,
    pub(super) channels: u64,
    pub(super) severity: Severity,
    pub(super) bytes: usize,
    pub(super) rate: u64,
    pub(super) count: u64,
}

impl Wanted {
    pub(super) fn line(&self) -> String {
        let Self {
            id,
            channel,
            channels,
            severity,
            bytes,
            rate,
            count,
        } = self;
        format!("{id} {channel} {channels} {severity} {bytes} {rate} {count}\n")
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        Some(Self {
            id: words.next()?.parse().ok()?,
            channel: words.next()?.to_owned(),
            channels: words.next()?.parse().ok()?,
            severity: words.next()?.parse().ok()?,
            bytes: words.next()?.parse().ok()?,
            rate: words.next()?.parse().ok()?,
            count: words.next()?.trim().parse().ok()?,
        })
    }

    /// The name of the channel of that number.
    pub(super) fn name(&self, number: u64) -> String {
        self.channel.replace("{}", &number.to_string())
    }

    /// Publishes at the wanted rate. A message that is late keeps the moment it was meant for.
    pub(super) fn publish(&self, sink: &dyn Sink, sequences: &Sequences) -> Result<(), String> {
        let start = now_ns();
        for number in 0..self.count {
            let meant_ns = match self.rate {
                0 => now_ns(),
                rate => start + number.saturating_mul(1_000_000_000) / rate,
            };
            let wait = meant_ns.saturating_sub(now_ns());
            if wait > 0 {
                std::thread::sleep(Duration::from_nanos(wait));
            }
            let channel = self.name(number % self.channels.max(1));
            let sequence = {
                let mut sequences = sequences.lock();
                let last = sequences.entry(channel.clone()).or_default();
                *last += 1;
                *last
            };
            let data = data(sequence, meant_ns, self.bytes);
            sink.send(&channel, self.severity, sequence, data)?;
        }
        Ok(())
    }

    /// Publishes, and says how it ended, as a process does.
    pub(super) fn told(&self, sink: &dyn Sink, sequences: &Sequences) -> String {
        match self.publish(sink, sequences) {
            Ok(()) => format!("done {}", self.id),
            Err(reason) => format!("{FAILED}{reason}"),
        }
    }
}

/// Carries out what is asked until the input ends.
fn obey(sink: &Arc<dyn Sink>) -> std::io::Result<()> {
    let sequences = Arc::new(Mutex::new(HashMap::new()));
    for line in std::io::stdin().lock().lines() {
        let Some(wanted) = Wanted::parse(&line?) else {
            continue;
        };
        // What is published at once is published here: a thread takes longer to begin than a message to
        // be published.
        if wanted.rate == 0 {
            tell(&wanted.told(&**sink, &sequences))?;
            continue;
        }
        let (sink, sequences) = (Arc::clone(sink), Arc::clone(&sequences));
        std::thread::Builder::new()
            .name("publish".to_owned())
            .spawn(move || {
                // Nobody listens any more: the process is about to be ended.
                drop(tell(&wanted.told(&*sink, &sequences)));
            })?;
    }
    Ok(())
}

fn tell(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

struct BusSink(Arc<dyn Bus>);

impl Sink for BusSink {
    fn send(
        &self,
        channel: &str,
        severity: Severity,
        sequence: u64,
        data: String,
    ) -> Result<(), String> {
        let now = SystemClock.now();
        self.0.publish(Publication {
            channel: Arc::from(channel),
            kind: Kind::ThreatNew,
            id: Id::derived(now, &[channel.as_bytes(), &sequence.to_le_bytes()]),
            timestamp: now,
            severity,
            data: data.into(),
        });
        Ok(())
    }
}

/// The server, until the input ends.
pub(super) async fn gateway(config: Config) -> Result<(), crate::app::BuildError> {
    let app = App::build(config).await?;
    let grant = Grant::new("bench", Role::Admin);
    let token = app.issue(&grant)?;
    tell(&format!("ready {} {token}", app.address()))?;
    let sink: Arc<dyn Sink> = Arc::new(BusSink(app.bus()));
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let obeyed = obey(&sink);
        drop(ended.send(obeyed));
    });
    tokio::select! {
        ran = app.run(None) => ran?,
        _ = end => {}
    }
    Ok(())
}

struct RawSink(Arc<Mutex<Vec<TcpStream>>>);

impl Sink for RawSink {
    fn send(
        &self,
        channel: &str,
        severity: Severity,
        sequence: u64,
        data: String,
    ) -> Result<(), String> {
        let (now, severity) = (SystemClock.now(), severity.name());
        let id = Id::derived(now, &[&sequence.to_le_bytes()]);
        let text = format!(
            "{{\"type\":\"threat.new\",\"id\":\"{id}\",\"channel\":\"{channel}\",\"epoch\":\"{severity}\",\"offset\":{sequence},\"timestamp\":\"{now}\",\"data\":{data}}}"
        );
        let frame = server_text(text.as_bytes());
        self.0
            .lock()
            .retain_mut(|socket| socket.write_all(&frame).is_ok());
        Ok(())
    }
}

/// The raw loop, until the input ends.
pub(super) fn raw() -> std::io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    tell(&format!("ready {} -", listener.local_addr()?))?;
    let sockets = Arc::new(Mutex::new(Vec::new()));
    let accepted = Arc::clone(&sockets);
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            // Who is gone already is no client.
            if greet(&socket).is_err() {
                continue;
            }
            // Who is told that it hears hears what is sent next.
            let mut sockets = accepted.lock();
            if socket
                .write_all(&server_text(b"{\"type\":\"subscribed\"}"))
                .is_ok()
            {
                sockets.push(socket);
            }
        }
    });
    let sink: Arc<dyn Sink> = Arc::new(RawSink(sockets));
    obey(&sink)
}

/// Opens a WebSocket and waits for a subscription without looking at either: clients do the same as with
/// the server.
fn greet(socket: &TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(GREETING))?;
    let mut heard = BufReader::new(socket);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if (&mut heard).take(MAX_LINE_BYTES).read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    let mut answer = socket;
    answer.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
    if heard.fill_buf()?.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<(String, u64)>>);

    impl Sink for Kept {
        fn send(&self, channel: &str, _: Severity, sequence: u64, _: String) -> Result<(), String> {
            if sequence > 3 {
                return Err("that is enough".to_owned());
            }
            self.0.lock().push((channel.to_owned(), sequence));
            Ok(())
        }
    }

    #[test]
    fn each_channel_counts_by_itself() {
        let wanted = Wanted {
            id: 7,
            channel: "chat:{}".to_owned(),
            channels: 2,
            severity: Severity::High,
            bytes: 100,
            rate: 0,
            count: 5,
        };
        assert_eq!(Wanted::parse(&wanted.line()), Some(wanted.clone()));
        assert_eq!(Wanted::parse("7 chat"), None);
        let kept = Kept::default();
        let sequences = Mutex::default();
        assert_eq!(wanted.told(&kept, &sequences), "done 7");
        let sent: Vec<_> = kept.0.lock().drain(..).collect();
        let expected = [
            ("chat:0", 1),
            ("chat:1", 1),
            ("chat:0", 2),
            ("chat:1", 2),
            ("chat:0", 3),
        ];
        assert_eq!(
            sent,
            expected.map(|(name, number)| (name.to_owned(), number))
        );
        assert_eq!(wanted.told(&kept, &sequences), "failed that is enough");
    }
}
