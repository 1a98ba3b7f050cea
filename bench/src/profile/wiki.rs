//! A wiki with an API: titles in every script, long queries, lists, dates, methods.

use fastrand::Rng;

use super::request::{Request, often, pick, token, uuid};
use super::site::{Phase, Site};
use super::words;

const TITLES: [&str; 24] = [
    "Main_Page",
    "Tea",
    "Café",
    "C++",
    "AC/DC",
    "Mercury_(planet)",
    "Mercury_(element)",
    "Talk:Tea",
    "User:Anna",
    "Category:Rivers",
    "Rock_'n'_Roll",
    "What_Is_Life?",
    "Köln",
    "Москва",
    "東京",
    "São_Paulo",
    "R&B",
    "100%",
    "St._Gallen",
    "Help:Editing",
    "Jean-Luc_Godard",
    "Hamlet",
    "Unix",
    "Special:RecentChanges",
];

pub(super) struct Wiki;

impl Site for Wiki {
    fn host(&self) -> &'static str {
        "wiki.example"
    }

    fn visit(&self, random: &mut Rng, phase: Phase) -> Request {
        match random.u32(..1000) {
            0..300 => Request::get(
                format!("/wiki/{}", title(random)),
                random.u64(9_000..160_000),
            ),
            300..400 => index(random),
            400..470 => Request::get("/w/index.php", random.u64(8_000..40_000))
                .with("search", words::search(random))
                .with("ns0", 1)
                .maybe(random, 20, "offset", 20 * (1 + random.clone().u32(..8))),
            470..570 => Request::get(
                format!("/api/v2/pages/{}", 1 + often(random, 90_000)),
                random.u64(700..9_000),
            ),
            570..640 => list(random, phase),
            640..680 => Request::get(
                format!("/api/v2/users/{}/contributions", uuid(random)),
                random.u64(300..7_000),
            )
            .with("from", date(random))
            .with("to", date(random)),
            680..720 => Request::get("/api/v2/near", random.u64(200..4_000))
                .with("lat", format!("{:.4}", random.f64() * 180.0 - 90.0))
                .with("lon", format!("{:.4}", random.f64() * 360.0 - 180.0))
                .with("radius", pick(random, &["100", "500", "1000", "5000"])),
            720..760 => graphql(random),
            760..790 => Request::get("/export", random.u64(20_000..900_000))
                .with("format", pick(random, &["pdf", "json", "txt", "epub"]))
                .with(
                    "ids",
                    (0..random.u32(1..9))
                        .map(|_| random.u32(1..90_000).to_string())
                        .collect::<Vec<_>>()
                        .join(","),
                ),
            790..820 => change(random),
            820..860 => Request::get(
                format!(
                    "/raw/{}/{}.md",
                    pick(random, &["guides", "recipes", "notes", "drafts"]),
                    words::slug(random)
                ),
                random.u64(400..30_000),
            ),
            860..930 => Request::get(
                format!(
                    "/assets/{}.{}",
                    pick(random, &["base", "skin", "editor"]),
                    pick(random, &["css", "js"])
                ),
                18_230,
            ),
            930..960 => Request::get("/api/v2/events", random.u64(1..90_000))
                .with("last_event", token(random, 16)),
            960..975 => Request::get("/feed.atom", random.u64(30_000..34_000)).maybe(
                random,
                40,
                "lang",
                ["de", "en", "fr", "ja"][random.clone().usize(..4)],
            ),
            975..980 => Request::get("/favicon.ico", 1_406),
            980..984 => Request::get("/robots.txt", 90),
            984..990 => Request::get("/wiki/Special:Missing.png", 312).answered(404, 312),
            990..993 if phase == Phase::Judged => {
                Request::get("/api/v2/stats", 840).with("period", "week")
            }
            _ => Request::get(format!("/wkii/{}", title(random)), 312).answered(404, 312),
        }
    }
}

fn change(random: &mut Rng) -> Request {
    let method = ["PUT", "PUT", "PATCH", "DELETE"][random.usize(..4)];
    let path = format!("/api/v2/pages/{}", 1 + random.u32(..90_000));
    Request::get(path, random.u64(20..400)).by(method)
}

fn title(random: &mut Rng) -> String {
    match random.u32(..4) {
        0 => TITLES[often(random, TITLES.len())].to_owned(),
        1 => words::name(random).replace(' ', "_"),
        _ => {
            let thing = words::thing(random).replace(' ', "_");
            format!("{thing}_{}", words::name(random).replace(' ', "_"))
        }
    }
}

fn date(random: &mut Rng) -> String {
    format!(
        "20{:02}-{:02}-{:02}",
        random.u32(18..27),
        random.u32(1..13),
        random.u32(1..29)
    )
}

fn index(random: &mut Rng) -> Request {
    let action = pick(random, &["edit", "history", "view", "info", "raw"]);
    let mut request = Request::get("/w/index.php", random.u64(8_000..60_000))
        .with("title", title(random))
        .with("action", action);
    if action == "history" || action == "view" {
        request = request.maybe(random, 50, "oldid", random.clone().u32(1_000..900_000));
    }
    request.maybe(random, 20, "diff", random.clone().u32(1_000..900_000))
}

fn list(random: &mut Rng, phase: Phase) -> Request {
    let fields = ["id", "title", "updated", "author", "size", "links"];
    let fields: Vec<_> = fields.iter().filter(|_| random.bool()).copied().collect();
    let mut request = Request::get("/api/v2/pages", random.u64(900..60_000))
        .with(
            "fields",
            if fields.is_empty() {
                "id".to_owned()
            } else {
                fields.join(",")
            },
        )
        .with("limit", pick(random, &["10", "25", "50", "100"]));
    request = request.maybe(random, 50, "cursor", token(&mut random.clone(), 24));
    request = request.maybe(random, 20, "since", date(&mut random.clone()));
    if phase == Phase::Judged {
        request = request.maybe(random, 2, "expand", "links");
    }
    request
}

fn graphql(random: &mut Rng) -> Request {
    let query = match random.u32(..3) {
        0 => format!(
            "{{ page(id: {}) {{ title links {{ title }} }} }}",
            random.u32(1..90_000)
        ),
        1 => format!(
            "{{ search(text: \"{}\", first: {}) {{ id title }} }}",
            words::thing(random),
            random.u32(1..50)
        ),
        _ => "query Latest { changes(last: 20) { page { title } at author { name } } }".to_owned(),
    };
    Request::get("/graphql", random.u64(100..9_000)).with("query", query)
}
