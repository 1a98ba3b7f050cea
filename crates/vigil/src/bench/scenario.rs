//! The scenarios, each with a process of its own.

use std::time::Duration;

use tokio::time::Instant;
use vigil_event::Severity;

use super::crowd::{Crowd, Place};
use super::driver::{Cost, Driver, Stage};
use super::report::{Outcome, Ratio, Report};
use super::stage::Wanted;
use super::tally::Latency;
use super::{BenchError, Options};

/// Without anything new for so long, what is missing does not come any more. A machine that has much else
/// to do may well pause for seconds.
const STALL: Duration = Duration::from_secs(20);

/// Messages that are published while clients are away.
const AWAY: u64 = 100;

/// What the server counts when it puts a message into a frame, which it does once for all who hear it.
const FRAMES_MADE: &str = "vigil_gateway_encoded_total{encoding=\"json\"}";

/// What the server counts when it reads a channel's history from its store.
const HISTORY_READS: &str = "vigil_history_reads_total";

/// At most so many clients are there before memory is looked at.
const FIRST_CLIENTS: usize = 500;

/// One of ten clients does not read, where some do not.
const SLOW_SHARE: usize = 10;

/// A channel whose lane is the critical one, and one whose lane is bulk.
const CRITICAL: &str = "alerts";
const BULK: &str = "events";

/// At most so many clients hear the flood.
const FLOODED: usize = 100;

/// What something took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub(super) time: Duration,
    pub(super) processor: Duration,
}

/// A process, its clients, and what is published.
pub(super) struct Scene<'a> {
    pub(super) options: &'a Options,
    pub(super) driver: Driver,
    pub(super) crowd: Crowd,
}

impl<'a> Scene<'a> {
    async fn open(options: &'a Options, stage: Stage) -> Result<Self, BenchError> {
        let driver = Driver::start(stage, options).await?;
        Ok(Self {
            options,
            crowd: Crowd::new(driver.peer.clone()),
            driver,
        })
    }

    /// With all its clients, each at the end of a channel.
    pub(super) async fn filled(options: &'a Options, stage: Stage) -> Result<Self, BenchError> {
        let mut scene = Self::open(options, stage).await?;
        let wanted = options.wanted();
        let channels = match stage {
            Stage::Gateway => options.channels,
            Stage::Raw => 1,
        };
        let places = (0..options.subscribers)
            .map(|client| vec![Place::at_the_end(&wanted.name(client as u64 % channels), 0)]);
        scene.connect(places, true).await?;
        Ok(scene)
    }

    async fn connect(
        &mut self,
        places: impl IntoIterator<Item = Vec<Place>>,
        reads: bool,
    ) -> Result<Latency, BenchError> {
        let took = self
            .crowd
            .connect(places, self.options.connect_rate, reads)
            .await;
        let failed = self.crowd.tally(|tally| tally.failed);
        if self.crowd.open() == 0 {
            return Err(BenchError::NobodyConnected { failed });
        }
        Ok(Latency::of(&took))
    }

    /// Waits until the clients have got that much, or nothing comes any more.
    pub(super) async fn delivered(&self, goal: u64) {
        let mut last = (0, Instant::now());
        loop {
            let deliveries = self
                .crowd
                .deliveries_reach(goal, Duration::from_millis(100))
                .await;
            if deliveries >= goal {
                return;
            }
            if deliveries != last.0 {
                last = (deliveries, Instant::now());
            } else if last.1.elapsed() > STALL {
                return;
            }
        }
    }

    /// Waits until the clients have got that much of the flood, or of its gaps, or nothing comes any
    /// more.
    async fn flooded(&self, goal: u64) {
        let of_flood = || self.crowd.tally(|tally| tally.others + tally.declared);
        let mut last = (0, Instant::now());
        while of_flood() < goal && last.1.elapsed() < STALL {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if of_flood() != last.0 {
                last = (of_flood(), Instant::now());
            }
        }
    }

    /// Does something and measures what it brought.
    async fn measured(
        &mut self,
        name: &str,
        messages: u64,
        goal: u64,
        wanted: Wanted,
    ) -> Result<Outcome, BenchError> {
        let (before, start) = (self.driver.cost(), Instant::now());
        drop(self.crowd.begin_anew());
        self.driver.publish(wanted).await?;
        self.delivered(goal).await;
        Ok(self.outcome(name, messages, self.spent(before, start)))
    }

    /// What was spent since then.
    pub(super) fn spent(&self, before: Cost, start: Instant) -> Spent {
        Spent {
            time: start.elapsed(),
            processor: self.driver.cost().cpu.saturating_sub(before.cpu),
        }
    }

    pub(super) fn outcome(&self, name: &str, messages: u64, spent: Spent) -> Outcome {
        let seconds = spent.time.as_secs_f64();
        self.crowd.settle(|channel| self.driver.published(channel));
        self.crowd.tally(|tally| Outcome {
            name: name.to_owned(),
            clients: self.crowd.open(),
            messages,
            deliveries: tally.deliveries,
            seconds,
            per_second: tally.deliveries as f64 / seconds,
            latency: Latency::of(&tally.latency),
            lost: tally.missing.saturating_sub(tally.declared),
            duplicates: tally.duplicates,
            gaps: tally.declared,
            failed: tally.failed,
            closed: tally.closed.clone(),
            rss_bytes: self.driver.cost().rss_bytes,
            cpu_us_each: spent.processor.as_secs_f64() * 1e6
                / (tally.deliveries + tally.others).max(1) as f64,
        })
    }
}

/// How fast connections open, and what each costs in memory.
pub(super) async fn connect(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    let mut scene = Scene::open(options, Stage::Gateway).await?;
    // What the first ones bring about, such as a full audit log, is no part of what one more costs.
    let mut first = Crowd::new(scene.driver.peer.clone());
    let places = |clients| (0..clients).map(|_| vec![Place::at_the_end("threats", 0)]);
    let few = options.subscribers.min(FIRST_CLIENTS);
    drop(first.connect(places(few), options.connect_rate, true).await);
    let (before, start) = (scene.driver.cost(), Instant::now());
    let latency = scene.connect(places(options.subscribers), true).await?;
    let spent = scene.spent(before, start);
    let mut outcome = scene.outcome("connect", 0, spent);
    let clients = outcome.clients.max(1) as f64;
    outcome.latency = latency;
    outcome.per_second = clients / outcome.seconds;
    outcome.cpu_us_each = spent.processor.as_secs_f64() * 1e6 / clients;
    report.add(outcome);
    report.ratio(
        "connect: bytes of resident memory a connection",
        scene
            .driver
            .cost()
            .rss_bytes
            .saturating_sub(before.rss_bytes) as f64
            / clients,
    );
    Ok(())
}

/// A steady rate of messages to everybody, beside the raw loop at the same rate.
pub(super) async fn fan_out(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    let wanted = options.wanted();
    let messages = wanted.count;
    let mut scene = Scene::filled(options, Stage::Gateway).await?;
    let goal = (0..options.subscribers as u64)
        .map(|client| {
            let channel = client % options.channels;
            (messages.saturating_sub(channel)).div_ceil(options.channels)
        })
        .sum();
    let server = scene
        .measured("fan-out", messages, goal, wanted.clone())
        .await?;
    drop(scene);
    let p99 = server.latency.p99_us;
    report.add(server);
    if options.channels > 1 || options.running.is_some() {
        return Ok(());
    }
    let mut scene = Scene::filled(options, Stage::Raw).await?;
    let goal = messages * options.subscribers as u64;
    let raw = scene
        .measured("fan-out, raw loop", messages, goal, wanted)
        .await?;
    let ratio = p99 / raw.latency.p99_us.max(1.0);
    report.add(raw);
    report.ratio("fan-out: p99 of the server / of the raw loop", ratio);
    Ok(())
}

/// More messages a second than single writes could bring to everybody, and half as many.
pub(super) async fn joined(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    let options = &Options {
        channels: 1,
        ..options.clone()
    };
    let mut scene = Scene::filled(options, Stage::Gateway).await?;
    for (name, rate) in [
        ("joined writes", options.joined_rate),
        ("joined writes, half the rate", options.joined_rate / 2),
    ] {
        let wanted = Wanted {
            rate,
            count: rate * options.seconds,
            ..options.wanted()
        };
        let (messages, clients) = (wanted.count, options.subscribers as u64);
        let outcome = scene
            .measured(name, messages, messages * clients, wanted)
            .await?;
        report.add(outcome);
    }
    Ok(())
}

/// Some clients do not read at all: the others must not feel it, nor the memory.
pub(super) async fn slow_readers(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    let options = &Options {
        channels: 1,
        ..options.clone()
    };
    let mut scene = Scene::filled(options, Stage::Gateway).await?;
    let slow = (options.subscribers / SLOW_SHARE).max(1);
    let mut silent = Crowd::new(scene.driver.peer.clone());
    let places = (0..slow).map(|_| vec![Place::at_the_end(&options.wanted().name(0), 0)]);
    drop(silent.connect(places, options.connect_rate, false).await);
    let wanted = options.wanted();
    let messages = wanted.count;
    let goal = messages * options.subscribers as u64;
    let name = format!("slow readers ({slow} more that do not read)");
    let outcome = scene.measured(&name, messages, goal, wanted).await?;
    report.add(outcome);
    Ok(())
}

/// All clients are cut, messages go on, and all come back at once from where they were.
pub(super) async fn resume(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    let options = &Options {
        channels: 1,
        ..options.clone()
    };
    let mut scene = Scene::filled(options, Stage::Gateway).await?;
    let wanted = |count| Wanted {
        rate: 0,
        count,
        ..options.wanted()
    };
    let clients = options.subscribers as u64;
    scene.driver.publish(wanted(1)).await?;
    scene.delivered(clients).await;
    let places = scene.crowd.cut();
    let made_before = scene.driver.counted(FRAMES_MADE);
    let read_before = scene.driver.counted(HISTORY_READS);
    scene.driver.publish(wanted(AWAY)).await?;
    drop(scene.crowd.begin_anew());
    let (before, start) = (scene.driver.cost(), Instant::now());
    let latency = scene.connect(places, true).await?;
    scene.delivered(AWAY * clients).await;
    let spent = scene.spent(before, start);
    let mut outcome = scene.outcome("reconnect storm and resume", AWAY, spent);
    outcome.latency = latency;
    report.add(outcome);
    if let (Some(before), Some(after)) = (made_before, scene.driver.counted(FRAMES_MADE)) {
        report.ratio(
            "resume: how often each missed message was put into a frame, for all clients",
            (after - before) / AWAY as f64,
        );
    }
    if let (Some(before), Some(after)) = (read_before, scene.driver.counted(HISTORY_READS)) {
        report.ratio(
            "resume: reads of the channel's history from the store, for all clients",
            after - before,
        );
    }
    Ok(())
}

/// Critical messages, alone and then under a flood of others to the same clients.
pub(super) async fn critical(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    let options = &Options {
        channels: 1,
        subscribers: options.subscribers.min(FLOODED),
        ..options.clone()
    };
    let mut scene = Scene::open(options, Stage::Gateway).await?;
    let places = (0..options.subscribers)
        .map(|_| vec![Place::at_the_end(CRITICAL, 0), Place::at_the_end(BULK, 0)]);
    scene.connect(places, true).await?;
    let wanted = Wanted {
        channel: CRITICAL.to_owned(),
        severity: Severity::Critical,
        ..options.wanted()
    };
    let goal = wanted.count * options.subscribers as u64;
    let idle = scene
        .measured("critical, alone", wanted.count, goal, wanted.clone())
        .await?;
    let flood = Wanted {
        channel: BULK.to_owned(),
        severity: Severity::Informational,
        rate: options.flood_rate,
        count: options.flood_rate * options.seconds,
        ..options.wanted()
    };
    let (before, start) = (scene.driver.cost(), Instant::now());
    drop(scene.crowd.begin_anew());
    scene.driver.begin(flood.clone())?;
    scene.driver.begin(wanted.clone())?;
    for _ in 0..2 {
        scene
            .driver
            .done(Duration::from_secs(options.seconds))
            .await?;
    }
    scene.delivered(goal).await;
    scene
        .flooded(flood.count * options.subscribers as u64)
        .await;
    let messages = wanted.count + flood.count;
    let spent = scene.spent(before, start);
    let flooded = scene.outcome("critical, under a flood", messages, spent);
    report.ratio(
        "critical: p99 under a flood minus alone, in ms",
        (flooded.latency.p99_us - idle.latency.p99_us) / 1_000.0,
    );
    report.add(idle);
    report.add(flooded);
    Ok(())
}

impl Report {
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    pub(super) fn ratio(&mut self, name: &'static str, value: f64) {
        self.ratios.push(Ratio { name, value });
    }
}
