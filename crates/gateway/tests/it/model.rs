//! The promise, against a model: **delivered ∪ gaps = everything that matched, in order, once.**
//!
//! Seeded: publishers, readers with filters, batches, lanes and conflation, slow readers, clients that
//! vanish and resume, a log that is too short, sooner or later restarted into another epoch.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use vigil_bus::{Bus as _, LogLimits};
use vigil_event::{Clock as _, Publication, Severity};
use vigil_gateway::Limits;

use crate::client::{Client, Heard, connect};
use crate::server::{Server, Setup, threat};

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

/// What was published, by offset: severity and key.
type Model = BTreeMap<u64, (Severity, u64)>;

/// One reader and its account.
struct Reader {
    options: Value,
    /// What the options let through.
    hears: fn(Severity, u64) -> bool,
    /// Whether what is gone is counted exactly.
    counts: bool,
    client: Option<Client>,
    /// Everything up to here is accounted for.
    after: u64,
    delivered: u64,
    missed: u64,
}

const KEYS: u64 = 4;

fn readers() -> Vec<Reader> {
    let all: fn(Severity, u64) -> bool = |_, _| true;
    let reader = |options, hears, counts| Reader {
        options,
        hears,
        counts,
        client: None,
        after: 0,
        delivered: 0,
        missed: 0,
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
    async fn come(&mut self, server: &Server) {
        let mut client = connect(server, "/ws").await;
        let mut options = self.options.clone();
        options["since"] = json!({"epoch": "e1", "offset": self.after});
        let answer = client
            .ask(json!({"type": "subscribe", "channel": "threats", "data": options}))
            .await;
        assert_eq!(answer["type"], "subscribed", "{answer}");
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
        let range = model.range(from..=to);
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
        let (severity, key) = model[&offset];
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
        if self.counts {
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
        let last = model.keys().next_back().copied().unwrap_or_default();
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

async fn run(seed: u64, steps: u64) -> (u64, u64) {
    let server = Arc::new(
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
            ..Setup::default()
        })
        .await,
    );
    let mut random = Random(seed * 7_919 + 1);
    let mut model = Model::new();
    let mut readers = readers();
    for _ in 0..steps {
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
                    reader.come(&server).await;
                }
                let most = random.below(20);
                reader.read(&model, most).await;
            }
        }
    }
    let (mut delivered, mut missed) = (0, 0);
    let last = model.keys().next_back().copied().unwrap_or_default();
    for reader in &mut readers {
        while reader.matching(&model, reader.after + 1, last) > 0 {
            if reader.client.is_none() {
                reader.come(&server).await;
            }
            reader.read(&model, 1_000).await;
        }
        assert_eq!(
            reader.delivered + reader.missed,
            reader.matching(&model, 1, last),
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
        let number = model.len() as u64 + 1;
        let position = server.bus.publish(Publication {
            data: json!({"key": key, "padding": "x".repeat(size)})
                .to_string()
                .into(),
            ..threat(number, severity, 0, server.clock.now())
        });
        model.insert(position.offset, (severity, key));
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
