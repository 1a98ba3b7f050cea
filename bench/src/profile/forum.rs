//! A forum: topics with names in several languages, members, tags, a search that takes anything.

use fastrand::Rng;

use super::request::{Request, often, pick, token};
use super::site::{Phase, Site};
use super::words;

const WORDS: [&str; 40] = [
    "wie",
    "pflanzt",
    "man",
    "tomaten",
    "hilfe",
    "gesucht",
    "warum",
    "geht",
    "mein",
    "drucker",
    "nicht",
    "comment",
    "faire",
    "du",
    "pain",
    "où",
    "trouver",
    "été",
    "how",
    "to",
    "fix",
    "the",
    "door",
    "what",
    "is",
    "best",
    "bike",
    "cómo",
    "cocinar",
    "arroz",
    "straße",
    "größe",
    "update",
    "2024",
    "v2",
    "wifi",
    "dårlig",
    "vær",
    "город",
    "весна",
];
const SECTIONS: [&str; 8] = [
    "garden",
    "kitchen",
    "computers",
    "off-topic",
    "aide",
    "hilfe",
    "cafe",
    "announcements",
];

pub(super) struct Forum;

impl Site for Forum {
    fn host(&self) -> &'static str {
        "forum.example"
    }

    fn visit(&self, random: &mut Rng, phase: Phase) -> Request {
        let part = random.u32(..1_000);
        match part {
            0..90 => Request::get("/", random.u64(30_000..44_000)),
            90..430 => topic(random, phase),
            430..540 => Request::get(
                format!("/c/{}/{}", pick(random, &SECTIONS), 1 + often(random, 30)),
                random.u64(9_000..40_000),
            )
            .maybe(random, 35, "page", 1 + often(&mut random.clone(), 40))
            .maybe(
                random,
                15,
                "order",
                pick(&mut random.clone(), &["latest", "top", "views"]),
            ),
            540..620 => Request::get("/search", random.u64(4_000..30_000))
                .with("q", question(random))
                .maybe(
                    random,
                    30,
                    "scope",
                    pick(&mut random.clone(), &["all", "titles", "mine"]),
                )
                .maybe(random, 15, "page", random.clone().u32(2..9)),
            620..690 => Request::get(format!("/u/{}", member(random)), random.u64(5_000..9_000))
                .maybe(
                    random,
                    20,
                    "tab",
                    pick(&mut random.clone(), &["posts", "likes", "badges"]),
                ),
            690..740 => Request::get(
                format!("/tag/{}", WORDS[random.usize(..WORDS.len())]),
                random.u64(6_000..20_000),
            ),
            _ => rest(random, part, phase),
        }
    }
}

/// What is asked for less often.
fn rest(random: &mut Rng, part: u32, phase: Phase) -> Request {
    match part {
        ..800 => Request::get(
            format!(
                "/uploads/{}/{}.{}",
                random.u32(1..400),
                token(random, 40),
                pick(random, &["jpeg", "png", "webp", "pdf"])
            ),
            random.u64(9_000..900_000),
        ),
        800..860 => Request::get(
            format!(
                "/static/{}.{}",
                pick(random, &["main", "editor", "emoji"]),
                pick(random, &["js", "css", "woff2"])
            ),
            31_044,
        ),
        860..890 => Request::get("/session/new", 4_020).with(
            "return_to",
            format!("/t/{}/{}", slug(random), 1 + often(random, 9_000)),
        ),
        890..910 => Request::get("/posts/preview", random.u64(90..3_000)).with(
            "text",
            format!("{}\n\n{}", question(random), question(random)),
        ),
        910..930 => Request::get("/events", random.u64(400..9_000))
            .with(
                "from",
                format!("2026-{:02}-{:02}", random.u32(1..13), random.u32(1..29)),
            )
            .with("view", pick(random, &["month", "week", "list"])),
        930..955 => Request::get(
            format!("/t/{}.rss", 1 + often(random, 9_000)),
            random.u64(3_000..30_000),
        ),
        955..962 => Request::get("/favicon.ico", 1_150),
        962..968 => Request::get("/robots.txt", 440),
        968..972 if phase == Phase::Judged => Request::get("/polls", 7_020).with("open", "1"),
        968..980 => Request::get("/login", 0).by("POST").answered(302, 0),
        980..990 => Request::get(format!("/u/{}", member(random)), 2_020).answered(404, 2_020),
        _ => Request::get(format!("/t/{}", slug(random)), 2_020).answered(404, 2_020),
    }
}

fn slug(random: &mut Rng) -> String {
    (0..random.usize(1..8))
        .map(|_| WORDS[random.usize(..WORDS.len())])
        .collect::<Vec<_>>()
        .join("-")
}

fn topic(random: &mut Rng, phase: Phase) -> Request {
    let most = if phase == Phase::Judged { 9_300 } else { 9_000 };
    let number = 1 + often(random, most);
    let mut named = Rng::with_seed(number as u64);
    let mut path = format!("/t/{}/{number}", slug(&mut named));
    if random.u32(..100) < 20 {
        path = format!("{path}/{}", 2 + often(random, 60));
    }
    Request::get(path, random.u64(11_000..70_000))
        .maybe(random, 12, "page", 2 + often(&mut random.clone(), 12))
        .maybe(random, 4, "u", member(&mut random.clone()))
}

fn member(random: &mut Rng) -> String {
    let name = words::name(random).replace(' ', "");
    match random.u32(..6) {
        0 => format!("{name}_{}", random.u32(1..99)),
        1 => format!(
            "{name}.{}",
            words::name(random).to_lowercase().replace(' ', "-")
        ),
        2 => format!("{}{}", name.to_lowercase(), random.u32(1_950..2_012)),
        _ => name,
    }
}

/// What people ask, with what they write it with.
fn question(random: &mut Rng) -> String {
    let text = (0..random.usize(1..7))
        .map(|_| WORDS[random.usize(..WORDS.len())])
        .collect::<Vec<_>>()
        .join(" ");
    match random.u32(..40) {
        0 | 1 => format!("\"{text}\""),
        2..5 => format!("{text}?"),
        5 => format!("{text} (2024)"),
        6 => format!("don't {text}"),
        7 => format!("c++ {text}"),
        8 => format!("{text} & {}", words::thing(random)),
        9 => format!("user:{text}"),
        10 => format!("{text} :-)"),
        11 => format!("{text}, {}; {text}", words::thing(random)),
        12 => format!("#{text}"),
        13 => format!("{text} 100%"),
        _ => text,
    }
}
