//! What else the clients of the benchmark's market ask: questions by their hash, beacons, flags, tokens, what
//! old applications knew, and links that somebody put into a message.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use fastrand::Rng;

use super::bazaar::{CATEGORIES, is_new, item, nickname};
use super::bazaar_api::{cursor, degrees};
use super::people::typed;
use super::request::{Request, often, pick, token, uuid};
use super::site::Phase;
use super::streaming_titles::base62;
use super::travel::url64;
use super::words;

/// Questions that the server knows by their hash, with what varies in JSON.
pub(super) fn query(random: &mut Rng, phase: Phase) -> Request {
    let operations: &[&str] = if is_new(random, phase) {
        &[
            "SellerCard",
            "PriceHint",
            "HomeFeed",
            "ReportReasons",
            "Storefront",
        ]
    } else {
        &["SellerCard", "PriceHint", "HomeFeed", "ReportReasons"]
    };
    let operation = pick(random, operations);
    let variables = match operation {
        "SellerCard" | "Storefront" => format!("{{\"id\":\"{}\"}}", uuid(random)),
        "PriceHint" => format!(
            "{{\"category\":\"{}\",\"title\":\"{}\",\"photos\":{}}}",
            pick(random, &CATEGORIES),
            words::thing(random),
            random.u32(..9)
        ),
        "HomeFeed" => format!(
            "{{\"first\":20,\"after\":{},\"mixed\":{}}}",
            if random.bool() {
                "null".to_owned()
            } else {
                format!("\"{}\"", cursor(random))
            },
            random.bool()
        ),
        _ => "{}".to_owned(),
    };
    let hash = {
        let number = operation.bytes().map(u64::from).sum();
        token(&mut Rng::with_seed(number), 64)
    };
    Request::get("/graphql", random.u64(200..20_000))
        .with("op", operation)
        .with("variables", variables)
        .with(
            "extensions",
            format!("{{\"persistedQuery\":{{\"version\":1,\"sha256Hash\":\"{hash}\"}}}}"),
        )
}

/// What happened on the page, packed.
pub(super) fn track(random: &mut Rng, phase: Phase) -> Request {
    let event = pick(random, &["view", "click", "scroll", "impression", "vitals"]);
    let packed = BASE64_STANDARD.encode(format!(
        "{{\"e\":\"{event}\",\"i\":\"{}\",\"x\":{},\"y\":{},\"u\":\"{}\",\"ts\":{}}}",
        item(random, phase),
        random.u32(..1_900),
        random.u32(..9_000),
        nickname(random),
        1_795_000_000_000 + random.u64(..400_000_000)
    ));
    Request::get("/t.gif", 43)
        .with("d", packed)
        .with("n", random.u32(1..400))
        .some(random, 30, "tz", |random| {
            pick(random, &["-60", "-120", "0", "-180"]).to_owned()
        })
        .some(random, 30, "vp", |random| {
            format!("{}x{}", 12 * random.u32(30..160), 10 * random.u32(60..140))
        })
}

pub(super) fn flags(random: &mut Rng, phase: Phase) -> Request {
    let version = if is_new(random, phase) {
        "2026.11.3"
    } else {
        pick(random, &["2026.10.9", "2026.10.9", "2026.10.8", "2026.7.1"])
    };
    Request::get("/api/v2/flags", random.u64(300..420))
        .with(
            "ctx",
            format!(
                "{{\"key\":\"anon-{}\",\"kind\":\"user\",\"locale\":\"{}\",\"version\":\"{version}\"}}",
                uuid(random),
                pick(random, &["de-DE", "en-GB", "fr-FR", "tr-TR", "de", "uk"])
            ),
        )
        .with("hash", token(random, 10))
}

/// A token as servers sign it: whose it is and until when.
pub(super) fn signed(random: &mut Rng) -> String {
    let who = format!(
        "{{\"sub\":\"{}\",\"iat\":{},\"scope\":\"login\"}}",
        uuid(random),
        1_795_000_000 + random.u32(..400_000)
    );
    format!(
        "{}.{}.{}",
        BASE64_URL_SAFE_NO_PAD.encode("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
        BASE64_URL_SAFE_NO_PAD.encode(who),
        url64(random, 43)
    )
}

pub(super) fn account(random: &mut Rng) -> Request {
    match random.u32(..5) {
        0 | 1 => Request::get("/auth/magic", 0)
            .answered(302, 0)
            .with("token", signed(random))
            .some(random, 50, "next", |random| {
                pick(random, &["/de/inbox", "/en/sell", "/de/i/new?step=2", "/"]).to_owned()
            }),
        2 => Request::get("/auth/callback", 0)
            .answered(302, 0)
            .with("code", format!("4/0A{}", url64(random, 60)))
            .with("state", signed(random))
            .with(
                "scope",
                "email profile openid https://www.googleapis.com/auth/userinfo.email",
            ),
        3 => Request::get("/api/v2/auth/available", 19).with("nick", {
            let name = nickname(random);
            typed(random, &name)
        }),
        _ => Request::get("/api/v2/auth/refresh", 410)
            .by("POST")
            .with("device", token(random, 16)),
    }
}

/// What it costs to send something.
pub(super) fn shipping(random: &mut Rng) -> Request {
    let code = |random: &mut Rng| match random.u32(..12) {
        0 => format!(
            "{} {}",
            random.u32(1_000..9_999),
            pick(random, &["AB", "EX", "ZK"])
        ),
        1 => format!("{:02}-{:03}", random.u32(1..99), random.u32(1..999)),
        2 => pick(random, &["SW1A 1AA", "EC1V 9LB", "n16 8xb"]).to_owned(),
        _ => format!("{:05}", random.u32(1_067..99_998)),
    };
    Request::get("/api/v2/shipping/quote", random.u64(300..900))
        .with("from", code(random))
        .with("to", code(random))
        .with(
            "weight",
            match random.u32(..30) {
                0 => format!("{},5", random.u32(1..30)),
                1 => format!("{}kg", random.u32(1..30)),
                2 => String::new(),
                _ => format!("{}", f64::from(random.u32(1..300)) / 10.0),
            },
        )
        .with(
            "dims",
            format!(
                "{}x{}x{}",
                random.u32(5..120),
                random.u32(5..60),
                random.u32(2..60)
            ),
        )
        .some(random, 30, "insure", |random| {
            (50 * random.u32(1..30)).to_string()
        })
}

/// Applications from before everything was made anew, of people who do not update.
pub(super) fn old_application(random: &mut Rng) -> Request {
    let number = 400_000 + often(random, 300_000);
    let request = match random.u32(..4) {
        0 => Request::get("/api/v1/items.json", random.u64(2_000..30_000))
            .with("cat_id", 1 + often(random, 44))
            .with("page", 1 + often(random, 20))
            .with(
                "sort_by",
                pick(random, &["date", "price_asc", "price_desc"]),
            ),
        1 => Request::get("/api/v1/search.json", random.u64(900..9_000))
            .with("query", words::search(random))
            .with("lat", degrees(random, 52.5))
            .with("lon", degrees(random, 13.4)),
        2 => Request::get(
            format!("/api/v1/users/{}/items.json", 1_000 + often(random, 90_000)),
            random.u64(900..9_000),
        ),
        _ => Request::get(
            format!("/api/v1/items/{number}.json"),
            random.u64(900..4_000),
        ),
    };
    request
        .with(
            "app",
            pick(
                random,
                &["ios-4.12", "ios-4.9.1", "android-418", "android-402"],
            ),
        )
        .some(random, 80, "udid", |random| match random.u32(..2) {
            0 => uuid(random).to_uppercase(),
            _ => token(random, 16),
        })
}

pub(super) fn upload(random: &mut Rng) -> Request {
    let name = match random.u32(..8) {
        0 => format!("IMG_{:04} (1).HEIC", random.u32(1..9_999)),
        1 => format!(
            "PXL_2026{:04}_{:09}.jpg",
            random.u32(101..1_231),
            random.u32(..900_000_000)
        ),
        2 => "Foto vom Sofa – links.png".to_owned(),
        3 => format!(
            "WhatsApp Image 2026-11-{:02} at 18.22.41.jpeg",
            random.u32(1..30)
        ),
        4 => "знімок.jpg".to_owned(),
        5 => "l'armoire & co.JPG".to_owned(),
        6 => "image".to_owned(),
        _ => format!("{}.webp", base62(random, 12)),
    };
    Request::get("/api/v2/uploads/sign", random.u64(600..640))
        .with("filename", name)
        .with(
            "type",
            pick(
                random,
                &[
                    "image/jpeg",
                    "image/jpeg",
                    "image/heic",
                    "image/png",
                    "image/webp",
                ],
            ),
        )
        .with("size", random.u32(40_000..9_000_000))
}

/// Somebody put a link into a message, of which a picture shall be shown.
pub(super) fn unfurl(random: &mut Rng) -> Request {
    let link = match random.u32(..8) {
        0 => format!("https://youtu.be/{}", url64(random, 11)),
        1 => format!(
            "https://www.ikea.com/de/de/p/kallax-regal-{}/",
            random.u32(10_000_000..90_000_000)
        ),
        2 => "https://maps.app.goo.gl/q7Yb2ZkXr1".to_owned(),
        3 => format!(
            "https://www.amazon.de/dp/B0{}/ref=sr_1_1?keywords=tisch&qid={}",
            base62(random, 8).to_uppercase(),
            random.u32(1_700_000_000..1_795_000_000)
        ),
        4 => "http://www.oma-erna.example/möbel/tisch.html#preis".to_owned(),
        5 => format!("https://bazaar.example/de/i/{}", uuid(random)),
        6 => "https://de.wikipedia.org/wiki/Biedermeier_(Möbel)".to_owned(),
        _ => format!(
            "https://photos.example/album/{}?key={}",
            base62(random, 20),
            url64(random, 16)
        ),
    };
    Request::get("/api/v2/unfurl", random.u64(200..900)).with("url", link)
}
