//! The side of the load program that starts the measured process, or turns to a server that runs already, tells it what to publish, and looks
//! at what it costs.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::peer::Peer;
use super::running::{Rest, Running};
use super::stage::{FAILED, Sequences, Sink, Wanted};
use super::{BenchError, Options};

/// How long the process may take to start.
const START: Duration = Duration::from_mins(1);

/// How long it may take beyond what its rate says.
const SLACK: Duration = Duration::from_mins(2);

/// Which process is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The server.
    Gateway,
    /// The raw loop.
    Raw,
}

/// Who is measured, and how it is told what to publish.
pub(super) struct Driver {
    pub(super) peer: Peer,
    measured: Measured,
    rest: Option<Rest>,
    lines: mpsc::Receiver<String>,
    asked: u64,
    published: HashMap<String, u64>,
    /// Where the process keeps its files.
    _directory: Option<TempDir>,
}

/// Who is measured.
enum Measured {
    /// A process that ends with its driver.
    Process(Child, ChildStdin),
    /// A server that runs already. What it costs is not known.
    Running {
        sink: Arc<dyn Sink>,
        sequences: Arc<Sequences>,
        said: mpsc::Sender<String>,
    },
}

/// What a process costs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) rss_bytes: u64,
    pub(super) cpu: Duration,
}

impl Driver {
    /// Starts the process, or turns to the server that runs already.
    pub(super) async fn start(stage: Stage, options: &Options) -> Result<Self, BenchError> {
        if let Some(running) = &options.running {
            return Self::of_running(running);
        }
        let name = match stage {
            Stage::Gateway => "gateway",
            Stage::Raw => "raw",
        };
        let directory = tempfile::Builder::new().tempdir_in(&options.directory)?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["bench", "--stage", name, "--subscribers"])
            .arg(options.subscribers.to_string())
            .args(["--threads", &options.threads.to_string()])
            .arg("--stage-dir")
            .arg(directory.path());
        if let Some(pair) = &options.tls {
            command.arg("--tls-certificate").arg(&pair.certificate);
            command.arg("--tls-key").arg(&pair.key);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(BenchError::Stage("it has no input or output".to_owned()));
        };
        let (sender, mut lines) = mpsc::channel(64);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        let ready = line(&mut lines, START).await?;
        let mut words = ready.split(' ').skip(1);
        let address: Option<SocketAddr> = words.next().and_then(|word| word.parse().ok());
        let (Some(address), Some(token)) = (address, words.next()) else {
            return Err(BenchError::Stage(format!("it said `{ready}`")));
        };
        // The raw loop speaks no TLS: it is the ceiling of what is plain.
        let tls = options.tls.as_ref().filter(|_| stage == Stage::Gateway);
        let running = Running {
            url: match tls {
                Some(_) => format!("https://{address}"),
                None => format!("http://{address}"),
            },
            token: Arc::from(token),
            ca: tls.map(|pair| pair.certificate.clone()),
        };
        Ok(Self {
            peer: running.peer()?,
            measured: Measured::Process(child, input),
            rest: match stage {
                Stage::Gateway => Some(running.rest()?),
                Stage::Raw => None,
            },
            lines,
            asked: 0,
            published: HashMap::new(),
            _directory: Some(directory),
        })
    }

    fn of_running(running: &Running) -> Result<Self, BenchError> {
        let (said, lines) = mpsc::channel(64);
        let rest = running.rest()?;
        Ok(Self {
            peer: running.peer()?,
            rest: Some(rest.clone()),
            measured: Measured::Running {
                sink: Arc::new(rest),
                sequences: Arc::default(),
                said,
            },
            lines,
            asked: 0,
            published: HashMap::new(),
            _directory: None,
        })
    }

    /// Begins to publish.
    pub(super) fn begin(&mut self, mut wanted: Wanted) -> Result<Wanted, BenchError> {
        self.asked += 1;
        wanted.id = self.asked;
        match &mut self.measured {
            Measured::Process(_, input) => {
                input.write_all(wanted.line().as_bytes())?;
                input.flush()?;
            }
            Measured::Running {
                sink,
                sequences,
                said,
            } => {
                let (sink, sequences) = (Arc::clone(sink), Arc::clone(sequences));
                let (said, wanted) = (said.clone(), wanted.clone());
                std::thread::spawn(move || {
                    drop(said.blocking_send(wanted.told(&*sink, &sequences)));
                });
            }
        }
        let channels = wanted.channels.max(1);
        for number in 0..channels.min(wanted.count) {
            let share = (wanted.count - number).div_ceil(channels);
            *self.published.entry(wanted.name(number)).or_default() += share;
        }
        Ok(wanted)
    }

    /// Publishes, and waits until all is published.
    pub(super) async fn publish(&mut self, wanted: Wanted) -> Result<(), BenchError> {
        let seconds = wanted.count.checked_div(wanted.rate).unwrap_or_default();
        self.begin(wanted)?;
        self.done(Duration::from_secs(seconds)).await
    }

    /// Waits until one more of what was begun is published.
    pub(super) async fn done(&mut self, expected: Duration) -> Result<(), BenchError> {
        line(&mut self.lines, expected + SLACK).await.map(drop)
    }

    /// The number of the last message of that channel.
    pub(super) fn published(&self, channel: &str) -> u64 {
        self.published.get(channel).copied().unwrap_or_default()
    }

    /// What the server has counted under that name.
    pub(super) fn counted(&self, name: &str) -> Option<f64> {
        self.rest.as_ref()?.counted(name)
    }

    /// What the process costs up to now.
    pub(super) fn cost(&self) -> Cost {
        let Measured::Process(child, _) = &self.measured else {
            return Cost::default();
        };
        let of = |file: &str| {
            fs_err::read_to_string(format!("/proc/{}/{file}", child.id())).unwrap_or_default()
        };
        parsed_cost(
            &of("status"),
            &of("stat"),
            rustix::param::clock_ticks_per_second(),
        )
    }
}

/// The next line that the process says.
async fn line(
    lines: &mut mpsc::Receiver<String>,
    patience: Duration,
) -> Result<String, BenchError> {
    match tokio::time::timeout(patience, lines.recv()).await {
        Ok(Some(line)) => match line.strip_prefix(FAILED) {
            Some(reason) => Err(BenchError::Stage(reason.to_owned())),
            None => Ok(line),
        },
        Ok(None) => Err(BenchError::Stage("it ended early".to_owned())),
        Err(_) => Err(BenchError::Stage("it does not answer".to_owned())),
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Measured::Process(child, _) = &mut self.measured {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Of `/proc/PID/status` and `/proc/PID/stat`.
fn parsed_cost(status: &str, stat: &str, ticks_per_second: u64) -> Cost {
    let rss_kib: Option<u64> = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    // The second field is a name in brackets, with anything in it; utime and stime are the 14th and
    // 15th.
    let ticks: u64 = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Cost {
        rss_bytes: rss_kib.unwrap_or_default() * 1_024,
        cpu: Duration::from_secs(ticks) / ticks_per_second.max(1) as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_read_from_proc() {
        let status = "Name:\tvigil\nVmRSS:\t    2048 kB\nThreads:\t3\n";
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0\n";
        let cost = parsed_cost(status, stat, 100);
        assert_eq!(cost.rss_bytes, 2 << 20);
        assert_eq!(cost.cpu, Duration::from_secs(2));
        assert_eq!(parsed_cost("", "", 100).rss_bytes, 0);
    }
}
