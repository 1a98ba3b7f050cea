//! What the travel agency of the benchmark is asked by applications and in forms.

use fastrand::Rng;

use super::people::{FAMILY, GIVEN, SENTENCES};
use super::request::{Request, often, pick, token, uuid};
use super::site::Phase;
use super::travel::{COUNTRIES, CURRENCIES, LANGUAGES, beginning, day, slug, stay, url64};

pub(super) fn graphql(random: &mut Rng, phase: Phase) -> Request {
    let (name, variables) = match random.u32(..5) {
        0 => (
            "HotelPage",
            format!(
                "{{\"id\":\"{}\",\"first\":{}}}",
                random.u32(1_000..9_000_000),
                10 * random.u32(1..4)
            ),
        ),
        1 => (
            "SearchSuggestions",
            format!(
                "{{\"text\":\"{}\",\"lang\":\"{}\"}}",
                beginning(random).replace('"', "\\\""),
                pick(random, &LANGUAGES)
            ),
        ),
        2 => ("Wishlist", "{}".to_owned()),
        3 if phase == Phase::Judged => (
            "PriceCalendar",
            format!(
                "{{\"hotel\":{},\"months\":2}}",
                random.u32(1_000..9_000_000)
            ),
        ),
        _ => (
            "Availability",
            format!(
                "{{\"hotels\":[{},{}],\"from\":\"{}\",\"nights\":{},\"flexible\":{}}}",
                random.u32(1_000..9_000_000),
                random.u32(1_000..9_000_000),
                day(random).join("-"),
                random.u32(1..15),
                random.bool()
            ),
        ),
    };
    let mut hash = Rng::with_seed(name.len() as u64);
    Request::get("/dml/graphql", random.u64(100..30_000))
        .with("operationName", name)
        .with("variables", variables)
        .with(
            "extensions",
            format!(
                "{{\"persistedQuery\":{{\"version\":1,\"sha256Hash\":\"{}\"}}}}",
                token(&mut hash, 64)
            ),
        )
}

pub(super) fn mobile(random: &mut Rng) -> Request {
    let hotels: Vec<String> = (0..random.usize(1..20))
        .map(|_| random.u32(1_000..9_000_000).to_string())
        .collect();
    let guests = ["A", "A,A", "A,A,8", "A,A,3,11", "A,A,A,A"];
    let version = format!(
        "{}.{}-{}",
        51 + random.u32(..3),
        random.u32(..4),
        pick(random, &["android", "ios"])
    );
    Request::get("/mobile/v2/availability", random.u64(900..60_000))
        .with("hotel_ids", hotels.join(","))
        .with("arrival", day(random).concat())
        .with("departure", day(random).concat())
        .with("guests", pick(random, &guests))
        .with("user_version", version)
        .with("device_id", uuid(random))
        .with("languagecode", pick(random, &LANGUAGES))
        .with("currency", pick(random, &CURRENCIES))
        .maybe(
            random,
            30,
            "user_latitude",
            format!("{:.7}", 40.0 + random.clone().f64() * 15.0),
        )
        .maybe(
            random,
            30,
            "user_longitude",
            format!("{:.7}", random.clone().f64() * 30.0 - 9.0),
        )
}

pub(super) fn person(random: &mut Rng, from: &[&str]) -> String {
    let name = pick(random, from);
    match random.u32(..25) {
        0 => name.to_uppercase(),
        1 => name.to_lowercase(),
        2 => format!("{name} "),
        _ => name.to_owned(),
    }
}

pub(super) fn booking(random: &mut Rng) -> Request {
    let number = random.u32(1_000_000..9_999_999);
    let phone = match random.u32(..4) {
        0 => format!(
            "0{} {}",
            random.u32(150..180),
            random.u32(1_000_000..9_999_999)
        ),
        1 => format!(
            "({}) {}-{}",
            random.u32(201..999),
            random.u32(200..999),
            random.u32(1_000..9_999)
        ),
        _ => random.u64(600_000_000..17_999_999_999).to_string(),
    };
    let passport = match random.u32(..4) {
        0 => format!(
            "{}{}",
            pick(random, &["C01X", "L8ZK", "CFGH"]),
            token(random, 5).to_uppercase()
        ),
        1 => random.u32(100_000_000..999_999_999).to_string(),
        _ => format!(
            "{}{}",
            pick(random, &["X", "AA", "PA"]),
            random.u32(1_000_000..9_999_999)
        ),
    };
    let request = Request::get("/book.html", random.u64(90_000..120_000))
        .with("hotel_id", random.u32(1_000..9_000_000))
        .with("stage", random.u32(1..4));
    stay(random, request)
        .with(
            &format!("nr_rooms_{number}_{}", random.u32(90_000_000..99_999_999)),
            1,
        )
        .with("firstname", person(random, &GIVEN))
        .with("lastname", person(random, &FAMILY))
        .with(
            "email",
            format!(
                "{}{}@{}",
                pick(random, &["a.b", "info", "maria", "x_y+trip"]),
                random.u32(..900),
                pick(random, &["post.example", "mail.example"])
            ),
        )
        .with(
            "phone_cc",
            pick(random, &["+49", "+44", "+1", "+33", "+351"]),
        )
        .with("phone", phone)
        .with("passport", passport)
        .with("cc1", pick(random, &COUNTRIES))
        .maybe(random, 25, "remarks", pick(&mut random.clone(), &SENTENCES))
        .maybe(random, 40, "checkin_eta_hour", random.clone().u32(12..24))
        .with("bt_token", url64(random, 43))
}

pub(super) fn mine(random: &mut Rng) -> Request {
    match random.u32(..3) {
        0 => Request::get("/myreservations.html", random.u64(40_000..60_000))
            .with("bn", random.u32(1_000_000_000..4_000_000_000))
            .with("pincode", format!("{:04}", random.u32(..10_000)))
            .maybe(random, 50, "lang", pick(&mut random.clone(), &LANGUAGES)),
        1 => Request::get(
            format!("/api/v1/trips/{}/documents", uuid(random)),
            random.u64(300..4_000),
        )
        .with("format", pick(random, &["pdf", "pkpass", "ics"])),
        _ => Request::get("/api/v1/trips", random.u64(300..9_000))
            .with("page_token", format!("{}=", url64(random, 39)))
            .with("sort", pick(random, &["-created", "start", "-start"]))
            .maybe(
                random,
                30,
                "filter",
                pick(
                    &mut random.clone(),
                    &[
                        "status:eq:open",
                        "status:in:open|done",
                        "start:gte:2026-01-01",
                    ],
                ),
            ),
    }
}

pub(super) fn flights(random: &mut Rng) -> Request {
    let path = format!(
        "/flights/{}-{}/{}/{}",
        pick(random, &AIRPORTS),
        pick(random, &AIRPORTS),
        day(random).join("-"),
        day(random).join("-")
    );
    let stops = [
        "stops~0",
        "stops~0,1",
        "stops~-2;airlines~LH,OS,LX",
        "airlines~-FR,-MULT",
        "takeoff~0600,1200",
    ];
    Request::get(path, random.u64(90_000..200_000))
        .with("adults", 1 + often(random, 5))
        .with("cabin", pick(random, &["economy", "premium", "business"]))
        .maybe(
            random,
            40,
            "sort",
            pick(&mut random.clone(), &["best", "price", "duration"]),
        )
        .maybe(random, 30, "fs", pick(&mut random.clone(), &stops))
}

pub(super) fn film(random: &mut Rng) -> Request {
    let path = match random.u32(..5) {
        0 => format!("/media/{}/master.m3u8", uuid(random)),
        _ => format!(
            "/media/{}/720p/segment_{:05}.ts",
            uuid(random),
            often(random, 300)
        ),
    };
    let signature = format!("{}~{}__", url64(random, 90), url64(random, 78));
    Request::get(path, random.u64(100_000..900_000))
        .with("Expires", 1_795_000_000 + random.u32(..900_000))
        .with("Signature", signature)
        .with("Key-Pair-Id", "K2JCJMDEHXQW5F")
}

pub(super) fn reviews(random: &mut Rng) -> Request {
    let path = format!(
        "/reviews/{}/hotel/{}.html",
        pick(random, &COUNTRIES),
        slug(random, 900)
    );
    Request::get(path, random.u64(40_000..60_000))
        .maybe(random, 50, "page", 1 + often(&mut random.clone(), 30))
        .maybe(
            random,
            40,
            "r_lang",
            pick(&mut random.clone(), &["all", "de", "en", "fr", "zh"]),
        )
        .maybe(
            random,
            30,
            "customer_type",
            pick(
                &mut random.clone(),
                &["solo", "couple", "family", "business"],
            ),
        )
        .maybe(
            random,
            15,
            "q",
            pick(
                &mut random.clone(),
                &[
                    "wifi",
                    "breakfast",
                    "petit-déjeuner",
                    "Frühstück",
                    "noise at night?",
                    "kids' pool",
                ],
            ),
        )
}

pub(super) fn markers(random: &mut Rng) -> Request {
    let (west, south) = (random.f64() * 30.0 - 9.0, 38.0 + random.f64() * 14.0);
    Request::get("/markers_on_map", random.u64(2_000..90_000))
        .with(
            "BBOX",
            format!("{west:.6},{south:.6},{:.6},{:.6}", west + 0.2, south + 0.1),
        )
        .with("zoom", random.u32(8..17))
        .with("currency", pick(random, &CURRENCIES))
        .maybe(random, 50, "checkin", day(&mut random.clone()).join("-"))
}

/// A link from a mail, which somebody may have sent on.
pub(super) fn mail_link(random: &mut Rng) -> Request {
    let signed = format!(
        "eyJhbGciOiJIUzI1NiJ9.{}.{}",
        url64(random, 70),
        url64(random, 43)
    );
    Request::get("/email/click", 0)
        .answered(302, 0)
        .with("t", signed)
        .with(
            "u",
            format!(
                "https://travel.example/hotel/{}/{}.html?aid=304142",
                pick(random, &COUNTRIES),
                slug(random, 900)
            ),
        )
        .maybe(random, 10, "utm_medium", "email")
}

pub(super) const AIRPORTS: [&str; 12] = [
    "BER", "FRA", "CDG", "LHR", "JFK", "NRT", "LIS", "MAD", "FCO", "ATH", "GRU", "ZRH",
];
