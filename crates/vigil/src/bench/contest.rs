//! As many messages as get through, of the server and of the raw loop beside it: each has its turn again
//! and again, so that what else the machine does falls on all of them alike.

use std::time::Duration;

use tokio::task::{JoinHandle, spawn_local, yield_now};
use tokio::time::Instant;

use super::driver::Stage;
use super::report::{Outcome, Report};
use super::scenario::{Scene, Spent};
use super::stage::Wanted;
use super::{BenchError, Options};

/// Messages of a burst, where writes may be joined.
const BURST: u64 = 32;

/// How often each has its turn. Not often: a socket that was idle has its first messages acknowledged one
/// by one, which costs all of them the same and hides how they differ.
const TURNS: u32 = 2;

/// What clients do while nothing has come for any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clients {
    /// They sleep, and whoever sends the next message pays for waking them.
    Sleep,
    /// They look again and again, as if they were on machines of their own.
    Poll,
}

impl Clients {
    /// Keeps the thread of all clients from sleeping, if that is what they do, until it is aborted.
    fn keep_awake(self) -> Option<JoinHandle<()>> {
        (self == Self::Poll).then(|| {
            spawn_local(async {
                loop {
                    yield_now().await;
                }
            })
        })
    }
}

/// One of those that are measured in turns.
struct Contender<'a> {
    scene: Scene<'a>,
    /// Messages that are published at once.
    burst: u64,
    clients: Clients,
    name: &'static str,
    messages: u64,
    spent: Spent,
}

impl Contender<'_> {
    /// Publishes for so long, each time when all have got what was published before.
    async fn take_turn(&mut self, turn: Duration) -> Result<(), BenchError> {
        let scene = &mut self.scene;
        let awake = self.clients.keep_awake();
        let (before, start) = (scene.driver.cost(), Instant::now());
        while start.elapsed() < turn {
            let wanted = Wanted {
                rate: 0,
                count: self.burst,
                ..scene.options.wanted()
            };
            scene.driver.begin(wanted)?;
            self.messages += self.burst;
            let goal = self.messages * scene.options.subscribers as u64;
            scene.delivered(goal).await;
            scene.driver.done(Duration::ZERO).await?;
        }
        if let Some(awake) = awake {
            awake.abort();
        }
        let spent = scene.spent(before, start);
        self.spent.time += spent.time;
        self.spent.processor += spent.processor;
        Ok(())
    }

    fn outcome(&self) -> Outcome {
        let name = format!("throughput, {}", self.name);
        self.scene.outcome(&name, self.messages, self.spent)
    }
}

/// As many messages as get through: one after the other, and in bursts whose writes may be joined. At last
/// the server has one thread, as the raw loop has, and nobody pays for waking clients: the two then differ
/// by what a delivery costs them.
pub(super) async fn throughput(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    let options = &Options {
        channels: 1,
        ..options.clone()
    };
    let single = &Options {
        threads: 1,
        ..options.clone()
    };
    let (server, raw) = (Stage::Gateway, Stage::Raw);
    let mut contenders = Vec::new();
    for (options, stage, burst, clients, name) in [
        (options, server, 1, Clients::Sleep, "one by one"),
        (options, server, BURST, Clients::Sleep, "in bursts"),
        (options, raw, 1, Clients::Sleep, "raw loop"),
        (single, server, 1, Clients::Poll, "one thread, polled"),
        (single, raw, 1, Clients::Poll, "raw loop, polled"),
    ] {
        let scene = Scene::filled(options, stage).await?;
        drop(scene.crowd.begin_anew());
        contenders.push(Contender {
            scene,
            burst,
            clients,
            name,
            messages: 0,
            spent: Spent::default(),
        });
    }
    for _ in 0..TURNS {
        for contender in &mut contenders {
            let turn = Duration::from_secs(options.seconds) / TURNS;
            contender.take_turn(turn).await?;
        }
    }
    let mut speeds = Vec::new();
    for contender in contenders {
        let outcome = contender.outcome();
        speeds.push(outcome.per_second);
        report.add(outcome);
    }
    if let [single, joined, raw, polled, raw_polled] = speeds.as_slice() {
        report.ratio("throughput: one by one / raw loop", single / raw.max(1.0));
        report.ratio("throughput: in bursts / raw loop", joined / raw.max(1.0));
        report.ratio(
            "throughput: one thread / raw loop, both polled",
            polled / raw_polled.max(1.0),
        );
    }
    Ok(())
}
