//! As many messages as get through, of the server and of the raw loop beside it: each has its turn again
//! and again, so that what else the machine does falls on all of them alike.

use std::time::Duration;

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

/// One of those that are measured in turns.
struct Contender<'a> {
    scene: Scene<'a>,
    /// Messages that are published at once.
    burst: u64,
    name: &'static str,
    messages: u64,
    spent: Spent,
}

impl Contender<'_> {
    /// Publishes for so long, each time when all have got what was published before.
    async fn take_turn(&mut self, turn: Duration) -> Result<(), BenchError> {
        let scene = &mut self.scene;
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
        let spent = scene.spent(before, start);
        self.spent.time += spent.time;
        self.spent.processor += spent.processor;
        Ok(())
    }

    fn outcome(&self) -> Outcome {
        self.scene.outcome(self.name, self.messages, self.spent)
    }
}

/// As many messages as get through: one after the other, and in bursts whose writes may be joined.
pub(super) async fn throughput(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    let options = &Options {
        channels: 1,
        ..options.clone()
    };
    let mut contenders = Vec::new();
    for (stage, burst, name) in [
        (Stage::Gateway, 1, "throughput, one by one"),
        (Stage::Gateway, BURST, "throughput, in bursts"),
        (Stage::Raw, 1, "throughput, raw loop"),
    ] {
        let scene = Scene::filled(options, stage).await?;
        drop(scene.crowd.begin_anew());
        contenders.push(Contender {
            scene,
            burst,
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
    if let [single, joined, raw] = speeds.as_slice() {
        report.ratio("throughput: one by one / raw loop", single / raw.max(1.0));
        report.ratio("throughput: in bursts / raw loop", joined / raw.max(1.0));
    }
    Ok(())
}
