//! The API behind a dashboard: UUIDs, cursors, times, lists for sorting and filtering, nested names.

use fastrand::Rng;

use super::request::{Request, often, pick, token, uuid};
use super::site::{Phase, Site};
use super::words;

const RESOURCES: [&str; 6] = [
    "projects",
    "members",
    "invoices",
    "deployments",
    "alerts",
    "tokens",
];

pub(super) struct Console;

impl Site for Console {
    fn host(&self) -> &'static str {
        "console.example"
    }

    fn visit(&self, random: &mut Rng, phase: Phase) -> Request {
        match random.u32(..1_000) {
            0..260 => list(random, phase),
            260..420 => Request::get(
                format!("/api/v1/{}/{}", pick(random, &RESOURCES), uuid(random)),
                random.u64(400..6_000),
            )
            .maybe(
                random,
                30,
                "include",
                pick(&mut random.clone(), &["owner", "owner,members", "usage"]),
            ),
            420..520 => series(random),
            520..600 => logs(random),
            600..650 => change(random),
            650..700 => Request::get("/api/v1/search", random.u64(100..4_000))
                .with("q", words::search(random))
                .with("types[]", pick(random, &["project", "member"]))
                .maybe(random, 50, "types[]", "invoice"),
            700..760 => Request::get("/api/v1/notifications", random.u64(40..2_000))
                .with("unread", pick(random, &["true", "false"]))
                .with("since", time(random)),
            760..800 => Request::get("/api/v1/me", 812),
            800..830 => Request::get("/api/v1/feature-flags", 2_420).with("v", version(random)),
            830..850 => Request::get("/auth/callback", 0)
                .answered(302, 0)
                .with("code", token(random, 40))
                .with("state", base64(random, 32)),
            850..870 => Request::get(
                format!("/api/v1/projects/{}/export", uuid(random)),
                random.u64(9_000..900_000),
            )
            .with("format", pick(random, &["csv", "json", "parquet"]))
            .with("columns", "id,name,created_at")
            .with(
                "tz",
                pick(
                    random,
                    &["Europe/Berlin", "UTC", "America/New_York", "Asia/Kolkata"],
                ),
            ),
            870..940 => Request::get(
                format!(
                    "/assets/{}-{}.{}",
                    pick(random, &["index", "vendor", "charts", "settings"]),
                    if phase == Phase::Judged {
                        "Bq81xZ0a"
                    } else {
                        "C4fD02kd"
                    },
                    pick(random, &["js", "css"])
                ),
                random.u64(9_000..9_400),
            ),
            940..960 => Request::get("/", 1_204),
            960..975 => Request::get(format!("/projects/{}/settings", uuid(random)), 1_204),
            975..985 => Request::get("/healthz", 2),
            985..990 => {
                Request::get(format!("/api/v1/projects/{}", uuid(random)), 88).answered(404, 88)
            }
            990..994 if phase == Phase::Judged => {
                Request::get("/api/v1/webhooks", random.u64(300..900)).with("page[size]", "25")
            }
            _ => Request::get("/api/v1/me", 60).answered(401, 60),
        }
    }
}

fn base64(random: &mut Rng, length: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text: String = (0..length)
        .map(|_| char::from(ALPHABET[random.usize(..64)]))
        .collect();
    text.push_str("==");
    text
}

fn version(random: &mut Rng) -> String {
    format!("2.{}.{}", 10 + often(random, 9), often(random, 20))
}

fn time(random: &mut Rng) -> String {
    let (month, day) = (random.u32(1..13), random.u32(1..29));
    let (hour, minute) = (random.u32(..24), random.u32(..60));
    match random.u32(..3) {
        0 => format!("2026-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z"),
        1 => format!(
            "2026-{month:02}-{day:02}T{hour:02}:{minute:02}:00.{:03}Z",
            random.u32(..1_000)
        ),
        _ => format!("2026-{month:02}-{day:02}T{hour:02}:{minute:02}:00+02:00"),
    }
}

fn list(random: &mut Rng, phase: Phase) -> Request {
    let resource = pick(random, &RESOURCES);
    let mut request = Request::get(format!("/api/v1/{resource}"), random.u64(900..40_000))
        .with("page[size]", pick(random, &["10", "25", "50", "100"]));
    if random.u32(..100) < 40 {
        let cursor = base64(random, 44);
        request = request.with("page[cursor]", cursor);
    }
    if random.u32(..100) < 60 {
        request = request.with(
            "sort",
            pick(
                random,
                &[
                    "-created_at",
                    "name",
                    "-updated_at,name",
                    "created_at",
                    "-amount",
                    "status,-created_at",
                ],
            ),
        );
    }
    if random.u32(..100) < 45 {
        request = request.with(
            "filter[status]",
            pick(
                random,
                &["open", "closed", "pending", "open,pending", "failed"],
            ),
        );
    }
    if random.u32(..100) < 20 {
        request = request.with("filter[created_at][gte]", time(random));
        if random.bool() {
            request = request.with("filter[created_at][lt]", time(random));
        }
    }
    if random.u32(..100) < 15 {
        for _ in 0..random.u32(1..4) {
            request = request.with(
                "filter[tags][]",
                pick(
                    random,
                    &["prod", "staging", "team:web", "team:data", "eu-1"],
                ),
            );
        }
    }
    if random.u32(..100) < 10 {
        request = request.with("filter[name][like]", words::thing(random));
    }
    if random.u32(..100) < 12 {
        request = request.with(
            "fields[members]",
            pick(random, &["id,email", "id,name,role", "id"]),
        );
    }
    if phase == Phase::Judged && random.u32(..100) < 2 {
        request = request.with("filter[region]", "eu-west-1");
    }
    request
}

fn series(random: &mut Rng) -> Request {
    let from = 1_760_000_000 + random.u64(..9_000_000);
    let metric = pick(
        random,
        &[
            "http_requests_total",
            "cpu_seconds",
            "memory_bytes",
            "errors",
        ],
    );
    let query = match random.u32(..3) {
        0 => metric.to_owned(),
        1 => format!("rate({metric}[5m])"),
        _ => format!(
            "sum by (region) (rate({metric}{{project=\"{}\"}}[1m]))",
            token(random, 8)
        ),
    };
    Request::get("/api/v1/metrics/query_range", random.u64(1_000..90_000))
        .with("query", query)
        .with("start", from)
        .with("end", from + 3_600)
        .with("step", pick(random, &["15s", "1m", "5m", "1h"]))
}

fn logs(random: &mut Rng) -> Request {
    let path = format!("/api/v1/deployments/{}/logs", uuid(random));
    Request::get(path, random.u64(100..70_000))
        .with("level", pick(random, &["info", "warn", "error"]))
        .with("tail", pick(random, &["100", "500", "1000"]))
        .maybe(random, 40, "after", time(&mut random.clone()))
        .maybe(random, 10, "grep", words::search(&mut random.clone()))
}

fn change(random: &mut Rng) -> Request {
    let path = format!("/api/v1/{}/{}", pick(random, &RESOURCES), uuid(random));
    let method = ["PATCH", "PATCH", "PUT", "DELETE"][random.usize(..4)];
    Request::get(path, random.u64(2..900)).by(method)
}
