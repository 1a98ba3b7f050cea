//! The interface of the benchmark's market: lists and what is in them, the map, messages, one's own things.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use fastrand::Rng;

use super::bazaar::{CATEGORIES, LANGUAGES, is_new, item};
use super::bazaar_search::place;
use super::request::{Request, often, pick, uuid};
use super::site::Phase;
use super::travel::url64;

/// Degrees, as exact as the client's machine has them.
pub(super) fn degrees(random: &mut Rng, around: f64) -> String {
    let value = around + (random.f64() - 0.5) * 0.9;
    match random.u32(..6) {
        0 => format!("{value}"),
        1 => format!("{value:.4}"),
        2 => format!("{value:.2}"),
        _ => format!("{value:.6}"),
    }
}

/// Where somebody is; the half of them are in a few large towns, some of them beyond Greenwich.
pub(super) fn position(random: &mut Rng) -> String {
    let (north, east) = town(random);
    format!("{},{}", degrees(random, north), degrees(random, east))
}

fn town(random: &mut Rng) -> (f64, f64) {
    const TOWNS: [(f64, f64); 8] = [
        (52.52, 13.4),
        (50.94, 6.96),
        (48.86, 2.35),
        (52.37, 4.9),
        (51.5, -0.12),
        (50.45, 30.52),
        (38.42, 27.14),
        (40.42, -3.7),
    ];
    TOWNS[often(random, TOWNS.len())]
}

/// Where a list goes on: what the last one was sorted by, and its id.
pub(super) fn cursor(random: &mut Rng) -> String {
    let (seconds, id) = (1_794_000_000 + random.u64(..1_400_000), uuid(random));
    match random.u32(..5) {
        0 => BASE64_STANDARD.encode(format!("[{:.2},\"{id}\"]", random.f64() * 900.0)),
        1 => BASE64_URL_SAFE_NO_PAD.encode(format!(
            "{{\"s\":{:.7},\"id\":\"{id}\"}}",
            random.f64() * 20.0
        )),
        _ => BASE64_URL_SAFE_NO_PAD.encode(format!("{{\"t\":{seconds},\"id\":\"{id}\"}}")),
    }
}

/// What shall be listed. Programs write it without blanks, the scripts of dealers with them.
fn filter(random: &mut Rng, is_new: bool) -> String {
    let mut parts = vec![format!(
        "\"category\":\"{}\"",
        CATEGORIES[often(random, CATEGORIES.len())]
    )];
    if random.u32(..100) < 55 {
        let most = 5 * (1 + often(random, 300));
        parts.push(match random.u32(..3) {
            0 => format!("\"price\":{{\"gte\":{},\"lte\":{most}}}", most / 3),
            _ => format!("\"price\":{{\"lte\":{most}}}"),
        });
    }
    if random.u32(..100) < 40 {
        parts.push(format!(
            "\"near\":{{\"lat\":{},\"lng\":{},\"km\":{}}}",
            degrees(random, 52.5),
            degrees(random, 13.4),
            pick(random, &["5", "10", "25"])
        ));
    }
    if random.u32(..100) < 20 {
        parts.push(format!(
            "\"condition\":{{\"in\":[{}]}}",
            pick(
                random,
                &[
                    "\"new\"",
                    "\"new\",\"good\"",
                    "\"good\",\"fair\"",
                    "\"defect\""
                ]
            )
        ));
    }
    if random.u32(..100) < 12 {
        let name = place(random);
        parts.push(format!("\"town\":\"{}\"", name.trim().replace('"', "\\\"")));
    }
    if is_new && random.u32(..100) < 35 {
        parts.push("\"delivery\":[\"pickup\",\"parcel\"]".to_owned());
    }
    if random.u32(..30) == 0 {
        format!("{{{}}}", parts.join(", ").replace("\":", "\": "))
    } else {
        format!("{{{}}}", parts.join(","))
    }
}

pub(super) fn listings(random: &mut Rng, phase: Phase) -> Request {
    let is_new = is_new(random, phase);
    let request = Request::get("/api/v2/listings", random.u64(2_000..40_000))
        .with("where", filter(random, is_new))
        .some(random, 70, "sort", |random| {
            pick(
                random,
                &["-createdAt", "-createdAt", "price", "-price", "distance"],
            )
            .to_owned()
        })
        .with(
            "limit",
            pick(random, &["24", "24", "24", "12", "48", "100"]),
        )
        .some(random, 45, "after", cursor)
        .some(random, 30, "fields", |random| {
            pick(
                random,
                &[
                    "id,title,price,thumb",
                    "id,title,price,thumb,geo",
                    "id",
                    "id,updatedAt",
                ],
            )
            .to_owned()
        });
    if is_new {
        request.with("cv", "3").some(random, 20, "exp", |random| {
            format!("rank-{}:{}", random.u32(1..5), pick(random, &["a", "b"]))
        })
    } else {
        request
    }
}

pub(super) fn listing(random: &mut Rng, phase: Phase) -> Request {
    let start = format!("/api/v2/listings/{}", item(random, phase));
    match random.u32(..12) {
        0 => Request::get(format!("{start}/similar"), random.u64(3_000..9_000)).with("limit", "8"),
        1 => Request::get(format!("{start}/offers"), random.u64(2..900))
            .with("state", pick(random, &["open", "open", "all"])),
        2 => Request::get(format!("{start}/favourite"), 0)
            .by(pick(random, &["PUT", "DELETE"]))
            .answered(204, 0),
        3 => Request::get(start, random.u64(300..900)).by("PATCH"),
        4 => Request::get(format!("{start}/view"), 0)
            .by("POST")
            .answered(204, 0),
        _ => Request::get(start, random.u64(1_400..6_000))
            .some(random, 70, "expand", |random| {
                pick(
                    random,
                    &["seller,photos", "seller,photos", "seller", "photos,history"],
                )
                .to_owned()
            })
            .with("lang", LANGUAGES[often(random, LANGUAGES.len())])
            .some(random, 25, "from", position),
    }
}

/// A square of the map, with a key that is in the page for everybody to see.
pub(super) fn tile(random: &mut Rng) -> Request {
    let zoom = random.u32(5..18);
    let reach = 1 << zoom;
    let (x, y) = (
        reach / 2 + random.u32(..=reach / 24),
        reach / 3 + random.u32(..=reach / 30),
    );
    let (end, style) = match random.u32(..3) {
        0 => ("@2x.webp", "light"),
        1 => (".mvt", "v8"),
        _ => (".webp", pick(random, &["light", "light", "dark"])),
    };
    Request::get(
        format!("/tiles/{zoom}/{x}/{y}{end}"),
        random.u64(600..40_000),
    )
    .with("style", style)
    .with("key", "pk.eyJ1IjoiYmF6YWFyIn0.Zm9yLWV2ZXJ5Ym9keQ")
}

pub(super) fn map(random: &mut Rng, phase: Phase) -> Request {
    let (north, east) = town(random);
    if random.u32(..6) == 0 {
        return Request::get("/api/v2/geo/reverse", random.u64(200..500))
            .with("lat", degrees(random, north))
            .with("lng", degrees(random, east))
            .with("lang", LANGUAGES[often(random, LANGUAGES.len())])
            .some(random, 40, "acc", |random| {
                format!("{}", random.f64() * 90.0)
            });
    }
    let bounds: Vec<String> = [(east, -0.05), (north, -0.03), (east, 0.05), (north, 0.03)]
        .into_iter()
        .map(|(middle, off)| format!("{}", middle + off * (1.0 + random.f64())))
        .collect();
    let request = Request::get("/api/v2/map/clusters", random.u64(300..9_000))
        .with("bbox", bounds.join(","))
        .with(
            "zoom",
            match random.u32(..3) {
                0 => random.u32(4..18).to_string(),
                _ => format!("{}", 4.0 + random.f64() * 13.0),
            },
        )
        .some(random, 50, "cat", |random| {
            CATEGORIES[often(random, CATEGORIES.len())].to_owned()
        });
    if is_new(random, phase) {
        request.with("heat", pick(random, &["0", "1"]))
    } else {
        request
    }
}

pub(super) fn thread(random: &mut Rng, phase: Phase) -> Request {
    let mut seeded = Rng::with_seed(often(random, 9_000) as u64 + 77_000);
    let thread = uuid(&mut seeded);
    match random.u32(..5) {
        0 => Request::get("/api/v2/threads", random.u64(900..9_000))
            .with("box", pick(random, &["buying", "selling", "archive"]))
            .some(random, 30, "after", cursor),
        1 => Request::get(format!("/api/v2/threads/{thread}/messages"), 210)
            .by("POST")
            .answered(201, 210),
        2 => Request::get(format!("/api/v2/threads/{thread}/typing"), 0)
            .by("POST")
            .answered(204, 0),
        _ => {
            let request = Request::get(
                format!("/api/v2/threads/{thread}/messages"),
                random.u64(400..9_000),
            )
            .some(random, 60, "since", moment)
            .with("limit", "50");
            if is_new(random, phase) {
                request.with("translate", pick(random, &["auto", "off", "de"]))
            } else {
                request
            }
        }
    }
}

fn moment(random: &mut Rng) -> String {
    format!(
        "2026-11-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        random.u32(1..31),
        random.u32(..24),
        random.u32(..60),
        random.u32(..60),
        random.u32(..1_000)
    )
}

/// As Socket.IO does it where no WebSocket gets through.
pub(super) fn poll(random: &mut Rng) -> Request {
    let request = Request::get("/realtime/", random.u64(1..400))
        .with("EIO", "4")
        .with("transport", "polling")
        .with("t", format!("P{}", url64(random, 6)));
    match random.u32(..4) {
        0 => request,
        1 => request.with("sid", url64(random, 20)).by("POST"),
        _ => request.with("sid", url64(random, 20)),
    }
}

pub(super) fn me(random: &mut Rng, phase: Phase) -> Request {
    match random.u32(..7) {
        0 | 1 => Request::get("/api/v2/me", 1_190),
        2 => Request::get("/api/v2/me/favourites", random.u64(400..20_000))
            .with("limit", "24")
            .some(random, 30, "after", cursor),
        3 => Request::get("/api/v2/me/saved-searches", random.u64(100..3_000))
            .with("notify", pick(random, &["true", "false"])),
        4 => Request::get(
            format!("/api/v2/users/{}", uuid(random)),
            random.u64(600..900),
        )
        .some(random, 40, "expand", |_| "ratings".to_owned()),
        5 => Request::get("/api/v2/me/listings", random.u64(600..9_000))
            .with(
                "state",
                pick(random, &["active", "draft", "sold", "expired"]),
            )
            .with("limit", "24"),
        _ if is_new(random, phase) => {
            Request::get("/api/v2/me/wallet", 340).with("currency", "EUR")
        }
        _ => Request::get("/api/v2/me/notifications/count", 14),
    }
}
