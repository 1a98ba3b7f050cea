//! A shop: categories, products, a search, forms, a cart.

use fastrand::Rng;

use super::request::{Request, often, pick, token};
use super::site::{Phase, Site};
use super::words;

const CATEGORIES: [&str; 13] = [
    "kitchen",
    "garden",
    "lighting",
    "furniture",
    "outdoor",
    "music",
    "photo",
    "electronics",
    "clothing",
    "shoes",
    "jewellery",
    "tools",
    "outlet",
];

pub(super) struct Shop;

impl Site for Shop {
    fn host(&self) -> &'static str {
        "shop.example"
    }

    fn visit(&self, random: &mut Rng, phase: Phase) -> Request {
        match random.u32(..1000) {
            0..70 => Request::get("/", random.u64(21_000..23_000)),
            70..230 => category(random, phase),
            230..430 => product(random, phase),
            430..530 => Request::get("/search", random.u64(6_000..30_000))
                .with("q", words::search(random))
                .maybe(random, 15, "page", random.clone().u32(1..9)),
            530..590 => Request::get("/api/suggest", random.u64(80..1_900))
                .with(
                    "term",
                    words::thing(random)
                        .chars()
                        .take(random.usize(1..8))
                        .collect::<String>(),
                )
                .with("limit", 10)
                .with("_", 1_760_000_000_000 + random.u64(..9_000_000_000)),
            590..650 => Request::get("/cart/add", 0)
                .answered(302, 0)
                .with("product", number(random, phase))
                .with("qty", 1 + often(random, 6))
                .with(
                    "variant",
                    pick(random, &["standard", "red", "blue", "large", "small"]),
                ),
            650..690 => Request::get("/cart", random.u64(4_000..12_000)),
            690..715 => Request::get("/cart/update", 0)
                .answered(302, 0)
                .with("line", random.u32(1..6))
                .with("qty", often(random, 9)),
            715..745 => Request::get("/checkout", random.u64(7_000..9_000))
                .with("step", pick(random, &["address", "payment", "confirm"])),
            745..775 => form(random),
            775..800 => Request::get("/account/login", 0)
                .by("POST")
                .answered(302, 0),
            800..825 => Request::get("/account/orders", random.u64(5_000..20_000)).maybe(
                random,
                60,
                "year",
                random.clone().u32(2_021..2_027),
            ),
            825..840 => Request::get(
                format!("/account/orders/{}", 100_000 + random.u32(..90_000)),
                random.u64(6_000..9_000),
            ),
            840..848 => Request::get("/newsletter/confirm", 2_100)
                .with("token", token(random, 32))
                .with("email", mail(random)),
            848..900 => asset(random, phase),
            900..960 => Request::get(
                format!(
                    "/img/p/{}_{}.webp",
                    number(random, phase),
                    pick(random, &["100x100", "400x400", "800x800"])
                ),
                random.u64(3_000..90_000),
            ),
            960..968 => Request::get("/favicon.ico", 4_286),
            968..974 => Request::get("/robots.txt", 312),
            974..985 => page(random),
            985..990 => Request::get("/img/old-logo.png", 162).answered(404, 162),
            990..992 if phase == Phase::Judged => Request::get("/gift-cards", 9_300),
            _ => stray(random),
        }
    }
}

fn page(random: &mut Rng) -> Request {
    let pages = [
        "imprint", "privacy", "shipping", "returns", "about-us", "careers",
    ];
    let path = format!("/page/{}", pick(random, &pages));
    Request::get(path, random.u64(8_000..9_500))
}

fn number(random: &mut Rng, phase: Phase) -> u32 {
    let known = 1_000 + often(random, 300) as u32;
    if phase == Phase::Judged && random.u32(..40) == 0 {
        return 1_300 + random.u32(..40);
    }
    known
}

fn category(random: &mut Rng, phase: Phase) -> Request {
    let known = if phase == Phase::Judged {
        CATEGORIES.len()
    } else {
        CATEGORIES.len() - 1
    };
    let place = often(random, known);
    let name = if phase == Phase::Judged && random.u32(..300) == 0 {
        CATEGORIES[CATEGORIES.len() - 1]
    } else {
        CATEGORIES[place.min(CATEGORIES.len() - 2)]
    };
    let page = 1 + often(random, 14);
    let mut request = Request::get(format!("/category/{name}"), random.u64(14_000..40_000));
    if random.u32(..100) < 55 {
        request = request.with("page", page);
    }
    if random.u32(..100) < 40 {
        request = request.with("sort", pick(random, &["price", "name", "newest", "rating"]));
    }
    if random.u32(..100) < 25 {
        request = request.with("per_page", pick(random, &["24", "48", "96"]));
    }
    if random.u32(..100) < 12 {
        request = request
            .with("price_min", random.u32(1..50))
            .with("price_max", random.u32(60..900));
    }
    if phase == Phase::Judged && random.u32(..100) < 2 {
        request = request.with("availability", "in-stock");
    }
    request
}

fn product(random: &mut Rng, phase: Phase) -> Request {
    let number = number(random, phase);
    let mut named = Rng::with_seed(u64::from(number));
    let request = Request::get(
        format!("/product/{number}-{}", words::slug(&mut named)),
        random.u64(11_000..19_000),
    );
    request.maybe(
        random,
        10,
        "variant",
        pick(&mut named, &["standard", "red", "blue", "large", "small"]),
    )
}

fn mail(random: &mut Rng) -> String {
    let name = pick(
        random,
        &[
            "anna",
            "j.smith",
            "ben-k",
            "c_d",
            "maria.garcia",
            "tom",
            "x.y.z",
        ],
    );
    format!(
        "{name}{}@{}",
        random.u32(..2_000),
        pick(random, &["example.org", "mail.example", "web.example.net"])
    )
}

fn form(random: &mut Rng) -> Request {
    let phone = match random.u32(..3) {
        0 => format!(
            "+49 {} {}",
            random.u32(30..999),
            random.u32(100_000..9_999_999)
        ),
        1 => format!(
            "0{}/{}",
            random.u32(30..999),
            random.u32(100_000..9_999_999)
        ),
        _ => format!("0{}", random.u64(30_000_000..999_999_999)),
    };
    Request::get("/account/register", random.u64(3_000..3_600))
        .with("first_name", words::name(random))
        .with("last_name", words::name(random))
        .with(
            "street",
            format!(
                "{} {} {}",
                words::name(random),
                pick(random, &["Street", "Straße", "Rue", "Avenue"]),
                random.u32(1..200)
            ),
        )
        .with("zip", format!("{:05}", random.u32(1_000..99_999)))
        .with("city", words::city(random))
        .with(
            "country",
            pick(random, &["DE", "FR", "GB", "US", "PL", "ES"]),
        )
        .with("email", mail(random))
        .with("phone", phone)
        .with("password", token(random, 12))
        .with("newsletter", pick(random, &["on", "off"]))
}

fn asset(random: &mut Rng, phase: Phase) -> Request {
    let build = if phase == Phase::Judged {
        "9b1d02c4"
    } else {
        "4f2a9c01"
    };
    match random.u32(..4) {
        0 => Request::get(format!("/static/app.{build}.css"), 48_211),
        1 => Request::get(format!("/static/app.{build}.js"), 231_870),
        2 => Request::get("/static/fonts/inter.woff2", 98_868),
        _ => Request::get(
            format!("/static/img/hero-{}.webp", random.u32(1..5)),
            61_003,
        ),
    }
}

/// What goes astray: mistyped paths, and links that were cut off.
fn stray(random: &mut Rng) -> Request {
    let path = match random.u32(..5) {
        0 => format!("/prodcut/{}", random.u32(1_000..1_300)),
        1 => format!("/product/{}", words::slug(random)),
        2 => "/categroy/kitchen".to_owned(),
        3 => format!("/{}", words::slug(random)),
        _ => "/account/order".to_owned(),
    };
    Request::get(path, 162).answered(404, 162)
}
