//! The promise, against a model: **delivered ∪ gaps = everything that matched, in order, once.**
//!
//! Seeded: publishers, readers with filters, batches, lanes and conflation, slow readers, clients that
//! vanish and resume, a log that is too short, and servers that stop and come back: with all that was kept,
//! with less of it, or with another log.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vigil_bus::{Bus as _, LogLimits};
use vigil_event::{Clock as _, Publication, Severity};
use vigil_gateway::Limits;

use crate::client::{Client, Heard, connect};
use crate::server::{Kept, Server, Setup, threat};

/// A small generator (xorshift64*), so that a failure can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

/// What was published in one log.
struct Model {
    epoch: String,
    /// By offset: severity and key.
    said: BTreeMap<u64, (Severity, u64)>,
    /// Of what is gone up to here no severity is known: it was gone before the server was there.
    forgotten_to: u64,
}

impl Model {
    fn new(epoch: String) -> Self {
        Self {
            epoch,
            said: BTreeMap::new(),
            forgotten_to: 0,
        }
    }

    fn last(&self) -> u64 {
        self.said.keys().next_back().copied().unwrap_or_default()
    }
}

/// One reader and its account.
struct Reader {
    options: Value,
    /// What the options let through.
    hears: fn(Severity, u64) -> bool,
    /// Whether what is gone is counted exactly.
    counts: bool,
    client: Option<Client>,
    /// The log that was heard, and that everything up to here in it is accounted for.
    epoch: String,
    after: u64,
    delivered: u64,
    missed: u64,
    /// What the options let through of logs that are no more.
    matching_before: u64,
}

const KEYS: u64 = 4;

fn readers() -> Vec<Reader> {
    let all: fn(Severity, u64) -> bool = |_, _| true;
    let reader = |options, hears, counts| Reader {
        options,
        hears,
        counts,
        client: None,
        epoch: Kept::default().epoch,
        after: 0,
        delivered: 0,
        missed: 0,
        matching_before: 0,
    };
    vec![
        reader(json!({}), all, true),
        reader(
            json!({"min_severity": "high"}),
            |severity, _| severity >= Severity::High,
            true,
        ),
        reader(json!({"filter": "data.key == 1"}), |_, key| key == 1, false),
        reader(
            json!({"filter": {"severity": ["low", "critical"], "expression": "data.key != 2"}, "fields": ["key"]}),
            |severity, key| matches!(severity, Severity::Low | Severity::Critical) && key != 2,
            false,
        ),
        reader(
            json!({"batch": {"max_wait_ms": 1, "max_messages": 7}}),
            all,
            true,
        ),
        reader(json!({"lane": "bulk"}), all, true),
        reader(
            json!({"conflate": "key", "batch": {"max_wait_ms": 1}}),
            all,
            true,
        ),
        reader(json!({"lane": "critical", "fields": ["key"]}), all, true),
    ]
}

impl Reader {
    async fn come(&mut self, server: &Server, model: &Model) {
        let mut client = connect(server, "/ws").await;
        let mut options = self.options.clone();
        options["since"] = json!({"epoch": self.epoch, "offset": self.after});
        let answer = client
            .ask(json!({"type": "subscribe", "channel": "threats", "data": options}))
            .await;
        assert_eq!(answer["type"], "subscribed", "{answer}");
        if self.epoch != model.epoch {
            let gap = client.next("gap").await["data"].clone();
            assert_eq!(gap["reason"], "epoch_changed", "{gap}");
            assert_eq!(gap["epoch"], model.epoch, "{gap}");
            (self.epoch, self.after) = (model.epoch.clone(), 0);
        }
        assert_eq!(
            answer["data"]["position"]["offset"]
                .as_u64()
                .unwrap()
                .max(self.after),
            answer["data"]["position"]["offset"].as_u64().unwrap()
        );
        self.client = Some(client);
    }

    /// Whether the model has something for this reader between two offsets.
    fn matching(&self, model: &Model, from: u64, to: u64) -> u64 {
        if from > to {
            return 0;
        }
        let range = model.said.range(from..=to);
        range
            .filter(|(_, (severity, key))| (self.hears)(*severity, *key))
            .count() as u64
    }

    fn account_item(&mut self, model: &Model, frame: &Value) {
        let offset = frame["offset"].as_u64().unwrap();
        assert!(
            offset > self.after,
            "{offset} comes twice or out of order after {}: {}",
            self.after,
            self.options
        );
        let skipped = self.matching(model, self.after + 1, offset - 1);
        assert_eq!(
            skipped, 0,
            "lost in silence before {offset} after {}: {}",
            self.after, self.options
        );
        let (severity, key) = model.said[&offset];
        assert!(
            (self.hears)(severity, key),
            "{offset} was not asked for: {}",
            self.options
        );
        assert_eq!(frame["data"]["key"], key);
        self.after = offset;
        self.delivered += 1;
    }

    fn account_gap(&mut self, model: &Model, gap: &Value) {
        let (from, to) = (gap["from"].as_u64().unwrap(), gap["to"].as_u64().unwrap());
        assert!(
            from > self.after && to >= from,
            "{gap} after {}: {}",
            self.after,
            self.options
        );
        let skipped = self.matching(model, self.after + 1, from - 1);
        assert_eq!(
            skipped, 0,
            "lost in silence before {gap} after {}: {}",
            self.after, self.options
        );
        let missed = gap["missed"].as_u64().unwrap();
        let matching = self.matching(model, from, to);
        if self.counts && from > model.forgotten_to {
            assert_eq!(missed, matching, "{gap}: {}", self.options);
            let by_severity: u64 = gap["by_severity"]
                .as_object()
                .unwrap()
                .values()
                .map(|count| count.as_u64().unwrap())
                .sum();
            assert_eq!(by_severity, missed, "{gap}");
        } else {
            assert!(missed >= matching, "{gap}: {}", self.options);
        }
        self.after = to;
        self.missed += matching;
    }

    /// Reads up to so many messages, or until everything published is accounted for.
    async fn read(&mut self, model: &Model, most: u64) {
        let last = model.last();
        for _ in 0..most {
            if self.matching(model, self.after + 1, last) == 0 {
                return;
            }
            let Some(client) = &mut self.client else {
                return;
            };
            match client.hear().await {
                Heard::Frame(frame) if frame["type"] == "gap" => {
                    self.account_gap(model, &frame["data"]);
                }
                Heard::Frame(frame) if frame["type"] == "batch" => {
                    for item in frame["data"].as_array().unwrap() {
                        self.account_item(model, item);
                    }
                }
                Heard::Frame(frame) if frame["offset"].is_u64() => self.account_item(model, &frame),
                Heard::Frame(_) => {}
                // A critical reader that was too slow: it comes back and resumes.
                Heard::Closed(code, _) => {
                    assert_eq!((code, &self.options["lane"]), (4008, &json!("critical")));
                    self.client = None;
                }
                Heard::Gone => self.client = None,
            }
        }
    }
}

async fn start(seed: u64, threats: Kept) -> Server {
    Server::start(Setup {
        limits: Limits {
            page_items: 8,
            bulk_backlog: 12,
            ..Limits::default()
        },
        log: LogLimits {
            max_items: 40,
            max_trail: 100_000,
            ..LogLimits::default()
        },
        is_plain: seed.is_multiple_of(2),
        threats,
        ..Setup::default()
    })
    .await
}

/// The server stops. What the next one begins with: all that was kept, the newer half of it, or another
/// log, whose readers then have had what they had of the last one.
fn stop(server: &Server, model: &mut Model, readers: &mut [Reader], random: &mut Random) -> Kept {
    server.shutdown.cancel();
    for reader in &mut *readers {
        reader.client = None;
    }
    let read = server.bus.read("threats", 0, usize::MAX);
    let older_half = match random.below(3) {
        0 => {
            for reader in readers {
                let is_of_it = reader.epoch == model.epoch;
                let after = if is_of_it { reader.after } else { 0 };
                reader.missed += reader.matching(model, after + 1, model.last());
                reader.matching_before += reader.matching(model, 1, model.last());
            }
            *model = Model::new(format!("{}x", model.epoch));
            return Kept {
                epoch: model.epoch.clone(),
                ..Kept::default()
            };
        }
        1 => read.items.len() / 2,
        _ => 0,
    };
    let kept = read.items.iter().skip(older_half);
    let items: Vec<_> = kept
        .map(|item| (item.offset, item.publication.clone()))
        .collect();
    model.forgotten_to = items.first().map_or(read.head, |(first, _)| first - 1);
    Kept {
        epoch: model.epoch.clone(),
        next_offset: read.head + 1,
        items,
    }
}

async fn run(seed: u64, steps: u64) -> (u64, u64) {
    let mut server = start(seed, Kept::default()).await;
    let mut random = Random(seed * 7_919 + 1);
    let mut model = Model::new(Kept::default().epoch);
    let mut readers = readers();
    for _ in 0..steps {
        if random.below(60) == 0 {
            let kept = stop(&server, &mut model, &mut readers, &mut random);
            server = start(seed, kept).await;
        }
        match random.below(10) {
            0..=4 => publish(&server, &mut model, &mut random),
            5 => {
                let reader = random.below(readers.len() as u64) as usize;
                readers[reader].client = None;
            }
            _ => {
                let place = random.below(readers.len() as u64) as usize;
                let reader = &mut readers[place];
                if reader.client.is_none() {
                    reader.come(&server, &model).await;
                }
                let most = random.below(20);
                reader.read(&model, most).await;
            }
        }
    }
    let (mut delivered, mut missed) = (0, 0);
    let last = model.last();
    for reader in &mut readers {
        if reader.client.is_none() {
            reader.come(&server, &model).await;
        }
        while reader.matching(&model, reader.after + 1, last) > 0 {
            if reader.client.is_none() {
                reader.come(&server, &model).await;
            }
            reader.read(&model, 1_000).await;
        }
        assert_eq!(
            reader.delivered + reader.missed,
            reader.matching_before + reader.matching(&model, 1, last),
            "seed {seed}: {}",
            reader.options
        );
        delivered += reader.delivered;
        missed += reader.missed;
    }
    (delivered, missed)
}

fn publish(server: &Server, model: &mut Model, random: &mut Random) {
    for _ in 0..=random.below(6) {
        let severity = Severity::from_rank(random.below(5) as u8);
        let key = random.below(KEYS);
        let size = if random.below(20) == 0 { 20_000 } else { 10 };
        let number = model.said.len() as u64 + 1;
        let position = server.bus.publish(Publication {
            data: json!({"key": key, "padding": "x".repeat(size)})
                .to_string()
                .into(),
            ..threat(number, severity, 0, server.clock.now())
        });
        model.said.insert(position.offset, (severity, key));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn delivered_and_gaps_are_everything_once() {
    let (mut delivered, mut missed) = (0, 0);
    for seed in 1..=4 {
        let (one, other) = run(seed, 1_000).await;
        delivered += one;
        missed += other;
    }
    assert!(delivered > 5_000, "{delivered} were delivered");
    assert!(missed > 500, "{missed} were declared");
}
