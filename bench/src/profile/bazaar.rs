//! A market for used things as one page that asks an interface for everything: filters in JSON, packed cursors,
//! maps, messages that are polled, pictures that are made smaller on the way, applications that nobody updates.
//! Half of those who are judged already have the new version. Written to judge the profile by somebody who had
//! not read it, before it was run on this.

use fastrand::Rng;

use super::bazaar_api::{cursor, listing, listings, map, me, poll, position, thread, tile};
use super::bazaar_attack;
use super::bazaar_client::{
    account, flags, old_application, query, shipping, track, unfurl, upload,
};
use super::bazaar_search::{complete, place, search};
use super::request::{Request, often, pick, token, uuid};
use super::site::{Phase, Site};
use super::streaming_titles::base62;
use super::travel::url64;

pub(super) const LANGUAGES: [&str; 8] = ["de", "en", "fr", "nl", "pl", "uk", "tr", "es"];
/// What is sold, as the addresses of its pages have it.
pub(super) const CATEGORIES: [&str; 16] = [
    "bikes",
    "electronics",
    "furniture",
    "kids-toys",
    "computers",
    "phones",
    "cameras",
    "garden",
    "clothing",
    "books",
    "music",
    "car-parts",
    "pets",
    "tools",
    "free",
    "collectables",
];

/// Whether the client already has what was rolled out meanwhile.
pub(super) fn is_new(random: &mut Rng, phase: Phase) -> bool {
    phase == Phase::Judged && random.bool()
}

/// The id of one of the things on offer; the first are asked for most.
pub(super) fn item(random: &mut Rng, phase: Phase) -> String {
    let newer = if phase == Phase::Judged { 700 } else { 0 };
    let number = often(random, 12_000 + newer).min(often(random, 12_000 + newer));
    uuid(&mut Rng::with_seed(number as u64))
}

pub(super) struct Bazaar;

impl Site for Bazaar {
    fn host(&self) -> &'static str {
        "bazaar.example"
    }

    fn attack_kinds(&self) -> &'static [&'static str] {
        &bazaar_attack::KINDS
    }

    fn attack(&self, random: &mut Rng, visit: Request) -> Option<(Request, usize)> {
        bazaar_attack::make(random, visit)
    }

    fn visit(&self, random: &mut Rng, phase: Phase) -> Request {
        match random.u32(..1_000) {
            0..60 => page(random, phase),
            60..120 => chunk(random, phase),
            120..200 => image(random, phase),
            200..215 => data(random, phase),
            215..315 => listings(random, phase),
            315..395 => listing(random, phase),
            395..455 => search(random, phase),
            455..515 => complete(random),
            515..595 => tile(random),
            595..640 => map(random, phase),
            640..690 => thread(random, phase),
            690..735 => poll(random),
            735..775 => me(random, phase),
            775..815 => query(random, phase),
            815..850 => track(random, phase),
            850..872 => flags(random, phase),
            872..892 => account(random),
            892..912 => shipping(random),
            912..932 => old_application(random),
            932..940 => upload(random),
            940..948 => unfurl(random),
            part => rest(random, part, phase),
        }
    }
}

fn page(random: &mut Rng, phase: Phase) -> Request {
    let language = LANGUAGES[often(random, LANGUAGES.len())];
    let category = CATEGORIES[often(random, CATEGORIES.len())];
    let bytes = random.u64(22_000..48_000);
    let request = match random.u32(..9) {
        0 | 1 => Request::get(format!("/{language}"), bytes),
        2 => Request::get(format!("/{language}/c/{category}"), bytes)
            .some(random, 30, "near", place)
            .some(random, 30, "radius", |random| {
                pick(random, &["5", "10", "25", "50", "100"]).to_owned()
            }),
        3 => Request::get(format!("/{language}/u/{}", nickname(random)), bytes),
        4 => Request::get(format!("/{language}/inbox"), bytes),
        _ => Request::get(format!("/{language}/i/{}", item(random, phase)), bytes)
            .some(random, 18, "src", |random| {
                pick(random, &["share", "mail", "wa", "push", "map"]).to_owned()
            })
            .some(random, 6, "uid", |random| url64(random, 11)),
    };
    if is_new(random, phase) {
        request.some(random, 25, "_rsc", |random| {
            base62(random, 5).to_lowercase()
        })
    } else {
        request
    }
}

/// As people call themselves where they sell.
pub(super) fn nickname(random: &mut Rng) -> String {
    let mut named = Rng::with_seed(often(random, 5_000) as u64);
    let word = pick(
        &mut named,
        &[
            "flohmarkt_fee",
            "Kellerfund",
            "tom.k",
            "x-ray",
            "bike4you",
            "zoë",
            "oma-erna",
            "мария",
            "le_chineur",
            "günstig&gut",
            "0815",
            "retro.nl",
            "j.o'hara",
            "allesmusweg",
        ],
    );
    match named.u32(..3) {
        0 => word.to_owned(),
        _ => format!("{word}{}", named.u32(1..2_000)),
    }
}

const fn built(is_new: bool) -> &'static str {
    if is_new {
        "pK3vXw0aTnE9sQ1uYc7Zd"
    } else {
        "Hq8_f2LmR4bVtJ6xWn0Ga"
    }
}

fn chunk(random: &mut Rng, phase: Phase) -> Request {
    let is_new = is_new(random, phase);
    let (name, hash) = if is_new {
        (
            pick(
                random,
                &[
                    "app/layout",
                    "main-app",
                    "webpack",
                    "app/i/page",
                    "framework",
                    "4bd1b696",
                ],
            ),
            "7d0c41aa9f",
        )
    } else {
        (
            pick(
                random,
                &[
                    "pages/_app",
                    "main",
                    "webpack",
                    "pages/i/[id]",
                    "framework",
                    "29107295",
                ],
            ),
            "c2e97b03d1",
        )
    };
    match random.u32(..8) {
        0 => Request::get(format!("/_next/static/css/{hash}.css"), 31_200),
        1 => Request::get(
            format!("/_next/static/{}/_buildManifest.js", built(is_new)),
            1_840,
        ),
        _ => Request::get(
            format!("/_next/static/chunks/{name}-{hash}.js"),
            random.u64(60_000..61_000),
        ),
    }
}

fn image(random: &mut Rng, phase: Phase) -> Request {
    let picture = format!("/media/{}/{}.jpg", item(random, phase), random.u32(..9));
    let bytes = random.u64(4_000..190_000);
    match random.u32(..5) {
        0 => Request::get(picture, bytes)
            .with("exp", 1_795_000_000 + random.u32(..700_000))
            .with("sig", url64(random, 43)),
        1 => Request::get(
            format!("/avatars/{}.webp", token(random, 32)),
            random.u64(900..5_000),
        )
        .some(random, 40, "s", |random| {
            pick(random, &["40", "96", "192"]).to_owned()
        }),
        _ => {
            let source = if random.u32(..5) == 0 {
                format!("https://cdn.bazaar.example{picture}")
            } else {
                picture
            };
            Request::get("/_next/image", bytes)
                .with("url", source)
                .with(
                    "w",
                    pick(random, &["256", "384", "640", "828", "1080", "1920"]),
                )
                .with("q", pick(random, &["75", "75", "75", "60"]))
        }
    }
}

/// What a page would have in it, when the next is shown without loading it.
fn data(random: &mut Rng, phase: Phase) -> Request {
    let language = LANGUAGES[often(random, LANGUAGES.len())];
    let is_new = is_new(random, phase);
    let start = format!("/_next/data/{}/{language}", built(is_new));
    let bytes = random.u64(2_000..20_000);
    if random.bool() {
        let item = item(random, phase);
        Request::get(format!("{start}/i/{item}.json"), bytes).with("id", item)
    } else {
        let category = CATEGORIES[often(random, CATEGORIES.len())];
        Request::get(format!("{start}/c/{category}.json"), bytes).with("slug", category)
    }
}

fn rest(random: &mut Rng, part: u32, phase: Phase) -> Request {
    match part {
        ..957 => Request::get("/api/health", 17).some(random, 50, "deep", |_| "true".to_owned()),
        957..961 => Request::get("/robots.txt", 980),
        961..966 => Request::get(format!("/sitemap/{}.xml", often(random, 40)), 410_000),
        966..970 => Request::get("/sw.js", 9_204).some(random, 40, "v", |_| "12".to_owned()),
        970..973 => Request::get("/.well-known/apple-app-site-association", 620),
        973..980 => refused(random),
        980..990 => missing(random, phase),
        // Short films of what is sold are new, with a page and an interface.
        990..995 if phase == Phase::Judged => {
            Request::get("/api/v2/reels", random.u64(6_000..20_000))
                .with("near", position(random))
                .with("count", "6")
                .some(random, 60, "after", cursor)
        }
        995..998 if phase == Phase::Judged => Request::get(
            format!("/{}/reels/{}", pick(random, &LANGUAGES), url64(random, 11)),
            random.u64(20_000..24_000),
        ),
        _ => Request::get("/api/v2/categories", 12_400)
            .with("lang", LANGUAGES[often(random, LANGUAGES.len())]),
    }
}

/// What honest programs get wrong.
fn refused(random: &mut Rng) -> Request {
    match random.u32(..6) {
        0 => Request::get("/api/v2/listings/undefined", 84).answered(404, 84),
        1 => Request::get("/api/v2/listings", 140)
            .with("where", "[object Object]")
            .with("limit", "24")
            .answered(400, 140),
        2 => Request::get("/api/v2/map/clusters", 96)
            .with("bbox", "NaN,NaN,NaN,NaN")
            .with("zoom", "12")
            .answered(400, 96),
        3 => Request::get("/api/v2/me", 61).answered(401, 61),
        4 => {
            Request::get(format!("/api/v2/threads/{}/messages", uuid(random)), 70).answered(403, 70)
        }
        _ => Request::get("/api/v2/search", 44)
            .with("q", "null")
            .with("lang", "de-DE")
            .answered(429, 44),
    }
}

/// Links that were cut or are old, and what is asked for by itself.
fn missing(random: &mut Rng, phase: Phase) -> Request {
    let item = item(random, phase);
    let path = match random.u32(..11) {
        0 | 1 => "/apple-touch-icon-precomposed.png".to_owned(),
        2 => format!("/de/i/{}", item.split_at(22).0),
        3 => format!("/de/i/{item})"),
        4 => format!("/anzeige/{}.html", random.u32(10_000..900_000)),
        5 => format!("/en/i/{item}…"),
        6 => "/_next/static/chunks/pages/sell-0f4cc0be11.js".to_owned(),
        7 => "/ads.txt".to_owned(),
        8 => "/de/null".to_owned(),
        9 => format!("/de/i/{item}\u{200e}"),
        _ => "/favicon-32x32.png".to_owned(),
    };
    Request::get(path, 6_310).answered(404, 6_310)
}
