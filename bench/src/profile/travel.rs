//! A travel agency as the large ones are built: searches with packed filters, map tiles, signed films, GraphQL
//! by GET, a mobile application's interface, links from mails, and a booking in forms.

use fastrand::Rng;

use super::people::FAMILY;
use super::request::{Request, often, pick, token};
use super::site::{Phase, Site};
use super::tamper;
use super::travel_forms::{
    booking, film, flights, graphql, mail_link, markers, mine, mobile, reviews,
};

const PLACES: [&str; 22] = [
    "Paris",
    "Lisboa",
    "New York",
    "São Paulo",
    "Kraków",
    "Saint-Tropez",
    "Val d'Isère",
    "København",
    "Wien",
    "東京",
    "Αθήνα",
    "Санкт-Петербург",
    "Palma",
    "St. Moritz",
    "Las Palmas",
    "Nice (Côte d'Azur)",
    "Rome",
    "Berlin",
    "London",
    "Zürich",
    "Bad Gastein",
    "Ho Chi Minh City",
];
pub(super) const COUNTRIES: [&str; 9] = ["de", "fr", "es", "it", "gb", "us", "pt", "at", "jp"];
pub(super) const LANGUAGES: [&str; 6] = ["en-gb", "de", "fr", "es", "it", "pt-br"];
pub(super) const CURRENCIES: [&str; 6] = ["EUR", "GBP", "USD", "CHF", "JPY", "BRL"];

pub(super) struct Travel;

impl Site for Travel {
    fn host(&self) -> &'static str {
        "travel.example"
    }

    fn attack_kinds(&self) -> &'static [&'static str] {
        &tamper::KINDS
    }

    fn attack(&self, random: &mut Rng, visit: Request) -> Option<(Request, usize)> {
        tamper::make(random, visit)
    }

    fn visit(&self, random: &mut Rng, phase: Phase) -> Request {
        match random.u32(..1_000) {
            0..70 => Request::get("/", random.u64(80_000..90_000)),
            70..210 => results(random, phase),
            210..360 => hotel(random, phase),
            360..460 => tile(random),
            460..530 => picture(random),
            530..590 => graphql(random, phase),
            590..650 => mobile(random),
            650..700 => Request::get("/autocomplete.json", random.u64(200..2_000))
                .with("query", beginning(random))
                .with("lang", pick(random, &LANGUAGES))
                .with("limit", 5),
            700..735 => booking(random),
            735..760 => mine(random),
            760..800 => flights(random),
            800..830 => film(random),
            830..860 => reviews(random),
            860..880 => markers(random),
            880..930 => Request::get(
                format!(
                    "/static/{}/{}.{}",
                    if phase == Phase::Judged {
                        "r2611b"
                    } else {
                        "r2610a"
                    },
                    pick(random, &["core", "search", "hotel", "book"]),
                    pick(random, &["js", "css"])
                ),
                random.u64(40_000..41_000),
            ),
            930..945 => Request::get(
                format!(
                    "/city/{}/{}.html",
                    pick(random, &COUNTRIES),
                    slug(random, 60)
                ),
                random.u64(60_000..90_000),
            ),
            945..960 => mail_link(random),
            part => rest(random, part, phase),
        }
    }
}

fn rest(random: &mut Rng, part: u32, phase: Phase) -> Request {
    match part {
        ..968 => Request::get("/robots.txt", 1_200),
        968..976 => Request::get("/favicon.ico", 1_150),
        976..982 => Request::get("/sitemap-hotels.xml.gz", random.u64(90_000..91_000)),
        982..986 => Request::get("/.well-known/apple-app-site-association", 800),
        986..990 if phase == Phase::Judged => Request::get("/deals/black-friday.html", 40_000)
            .with("currency", pick(random, &CURRENCIES)),
        986..994 => Request::get(
            format!(
                "/hotel/{}/{}.html",
                pick(random, &COUNTRIES),
                slug(random, 9_000)
            ),
            9_000,
        )
        .answered(404, 9_000),
        _ => Request::get("/signin.html", 0).by("POST").answered(302, 0),
    }
}

pub(super) fn slug(random: &mut Rng, of: usize) -> String {
    let number = often(random, of) as u64;
    let mut named = Rng::with_seed(number);
    let first = pick(
        &mut named,
        &[
            "grand",
            "hotel",
            "pension",
            "the",
            "casa",
            "villa",
            "apartamentos",
            "b-amp-b",
        ],
    );
    let second = pick(
        &mut named,
        &[
            "bellevue",
            "central",
            "du-lac",
            "sol",
            "o-brien-s",
            "adler",
            "königshof",
            "nº8",
            "mar",
        ],
    );
    format!("{first}-{second}-{number}")
}

/// What stands in the box for the place, with all that people make of it.
fn place(random: &mut Rng) -> String {
    let place = pick(random, &PLACES);
    match random.u32(..60) {
        0..6 => place.to_lowercase(),
        6..9 => format!("{place} "),
        9..12 => format!(
            "{place}, {}",
            pick(random, &["France", "Deutschland", "Italia", "UK"])
        ),
        12 => format!("hotel in {place} mit Pool"),
        13 => format!("\"{place}\""),
        14 => format!("{place} (airport)"),
        15 => format!("{place} & surroundings"),
        16 => format!("{} {}", pick(random, &FAMILY), place),
        17 => place.replacen('a', "", 1),
        18 => "+".to_owned(),
        _ => place.to_owned(),
    }
}

pub(super) fn beginning(random: &mut Rng) -> String {
    let letters = random.usize(1..9);
    place(random).chars().take(letters).collect()
}

pub(super) fn day(random: &mut Rng) -> [String; 3] {
    let (year, month, day) = if random.u32(..3) == 0 {
        (2_027, random.u32(1..10), random.u32(1..29))
    } else {
        (2_026, 12, random.u32(1..31))
    };
    [year.to_string(), format!("{month:02}"), format!("{day:02}")]
}

pub(super) fn url64(random: &mut Rng, length: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..length)
        .map(|_| char::from(ALPHABET[random.usize(..64)]))
        .collect()
}

fn label(random: &mut Rng) -> String {
    match random.u32(..3) {
        0 => format!(
            "gen173nr-1FCAEoggI46AdIM1gEaDuIAQGYATG4{}",
            url64(random, 24)
        ),
        1 => format!(
            "de-{}-{}",
            url64(random, 22),
            random.u64(100_000_000_000..999_999_999_999)
        ),
        _ => "metatripad-link-dmetade-hotel-".to_owned() + &random.u32(10_000..999_999).to_string(),
    }
}

pub(super) fn stay(random: &mut Rng, request: Request) -> Request {
    let mut request = request
        .with("checkin", day(random).join("-"))
        .with("checkout", day(random).join("-"))
        .with("group_adults", 1 + often(random, 7))
        .with("no_rooms", 1 + often(random, 3));
    let children = often(random, 4);
    request = request.with("group_children", children);
    for _ in 0..children {
        request = request.with("age", random.u32(..18));
    }
    request
}

fn filters(random: &mut Rng) -> String {
    let all = [
        "class=3",
        "class=4",
        "class=5",
        "ht_id=204",
        "fc=2",
        "hotelfacility=433",
        "review_score=80",
    ];
    let mut some: Vec<String> = (0..random.usize(1..5))
        .map(|_| pick(random, &all).to_owned())
        .collect();
    if random.u32(..4) == 0 {
        some.push(format!("price=EUR-min-{}-1", 50 * random.u32(1..12)));
    }
    if random.u32(..5) == 0 {
        some.push(format!("di={}", random.u32(10..9_000)));
    }
    some.join(";")
}

fn results(random: &mut Rng, phase: Phase) -> Request {
    let mut request =
        Request::get("/searchresults.html", random.u64(200_000..700_000)).with("ss", place(random));
    if random.u32(..100) < 70 {
        let number = 10_000 + often(random, 400) * 77;
        let kind = pick(
            random,
            &["city", "city", "city", "region", "airport", "landmark"],
        );
        let sign = if kind == "city" { "-" } else { "" };
        request = request
            .with("dest_id", format!("{sign}{number}"))
            .with("dest_type", kind);
    }
    request = stay(random, request);
    if random.u32(..100) < 35 {
        request = request.with("nflt", filters(random));
    }
    request = request
        .maybe(
            random,
            30,
            "order",
            pick(
                &mut random.clone(),
                &["price", "popularity", "class_asc", "bayesian_review_score"],
            ),
        )
        .maybe(
            random,
            25,
            "offset",
            25 * (1 + often(&mut random.clone(), 12)),
        )
        .maybe(
            random,
            30,
            "selected_currency",
            pick(&mut random.clone(), &CURRENCIES),
        )
        .maybe(random, 40, "label", label(&mut random.clone()))
        .maybe(random, 40, "sid", token(&mut random.clone(), 32))
        .maybe(
            random,
            20,
            "aid",
            304_142 + often(&mut random.clone(), 90) as u32,
        );
    if phase == Phase::Judged {
        request = request.maybe(random, 3, "sustainable", "1");
    }
    request
}

fn hotel(random: &mut Rng, phase: Phase) -> Request {
    let newest = if phase == Phase::Judged { 3_060 } else { 3_000 };
    let language = pick(random, &["", ".de", ".fr", ".es", ".en-gb"]);
    let path = format!(
        "/hotel/{}/{}{language}.html",
        pick(random, &COUNTRIES),
        slug(random, newest)
    );
    let mut request = Request::get(path, random.u64(300_000..900_000));
    if random.u32(..100) < 60 {
        request = stay(random, request);
    }
    request
        .maybe(random, 30, "label", label(&mut random.clone()))
        .maybe(random, 25, "sid", token(&mut random.clone(), 32))
        .maybe(random, 30, "srpvid", token(&mut random.clone(), 16))
        .maybe(random, 15, "ucfs", 1)
        .maybe(random, 15, "hapos", 1 + often(&mut random.clone(), 200))
}

fn tile(random: &mut Rng) -> Request {
    let zoom = random.u32(3..18);
    let most = 1 << zoom;
    let size = pick(random, &["", "@2x"]);
    Request::get(
        format!(
            "/tiles/v4/{zoom}/{}/{}{size}.png",
            random.u32(..most),
            random.u32(..most)
        ),
        random.u64(900..30_000),
    )
}

fn picture(random: &mut Rng) -> Request {
    let size = pick(random, &["max500", "max1024x768", "square60", "square200"]);
    let number = random.u32(1_000_000..400_000_000);
    Request::get(
        format!("/images/hotel/{size}/{}/{number}.jpg", number / 100_000),
        random.u64(9_000..200_000),
    )
    .with("k", token(random, 64))
    .with("o", "")
}
