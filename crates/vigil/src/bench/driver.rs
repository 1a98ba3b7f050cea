//! The side of the load program that starts the measured process, tells it what to publish, and looks
//! at what it costs.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::BenchError;
use super::crowd::Target;
use super::stage::Wanted;

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

/// A measured process. It ends with its driver.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) target: Target,
    child: Child,
    input: ChildStdin,
    lines: mpsc::Receiver<String>,
    asked: u64,
    published: HashMap<String, u64>,
}

/// What a process costs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) rss_bytes: u64,
    pub(super) cpu: Duration,
}

impl Driver {
    pub(super) async fn start(
        stage: Stage,
        clients: usize,
        data_dir: &Path,
    ) -> Result<Self, BenchError> {
        let name = match stage {
            Stage::Gateway => "gateway",
            Stage::Raw => "raw",
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", "--stage", name, "--subscribers"])
            .arg(clients.to_string())
            .arg("--stage-dir")
            .arg(data_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(BenchError::Stage("it has no input or output".to_owned()));
        };
        let (sender, lines) = mpsc::channel(64);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        let mut driver = Self {
            target: Target::Raw(SocketAddr::from(([127, 0, 0, 1], 0))),
            child,
            input,
            lines,
            asked: 0,
            published: HashMap::new(),
        };
        let ready = driver.line(START).await?;
        let mut words = ready.split(' ').skip(1);
        let address: Option<SocketAddr> = words.next().and_then(|word| word.parse().ok());
        let (Some(address), Some(token)) = (address, words.next()) else {
            return Err(BenchError::Stage(format!("it said `{ready}`")));
        };
        driver.target = match stage {
            Stage::Gateway => Target::Gateway(address, Rc::from(token)),
            Stage::Raw => Target::Raw(address),
        };
        Ok(driver)
    }

    async fn line(&mut self, patience: Duration) -> Result<String, BenchError> {
        match tokio::time::timeout(patience, self.lines.recv()).await {
            Ok(Some(line)) => Ok(line),
            Ok(None) => Err(BenchError::Stage("it ended early".to_owned())),
            Err(_) => Err(BenchError::Stage("it does not answer".to_owned())),
        }
    }

    /// Begins to publish.
    pub(super) fn begin(&mut self, mut wanted: Wanted) -> Result<Wanted, BenchError> {
        self.asked += 1;
        wanted.id = self.asked;
        self.input.write_all(wanted.line().as_bytes())?;
        self.input.flush()?;
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
        self.line(expected + SLACK).await.map(drop)
    }

    /// The number of the last message of that channel.
    pub(super) fn published(&self, channel: &str) -> u64 {
        self.published.get(channel).copied().unwrap_or_default()
    }

    /// What the process costs up to now.
    pub(super) fn cost(&self) -> Cost {
        let of = |file: &str| {
            fs_err::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
        };
        parsed_cost(
            &of("status"),
            &of("stat"),
            rustix::param::clock_ticks_per_second(),
        )
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
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
