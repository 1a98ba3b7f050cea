//! A media site as they are now: pages under slugs of many languages, a JSON interface, players that report, and
//! applications of several versions at once. Written to judge the profile, before it was run on this.

use fastrand::Rng;

use super::request::{Request, often, pick, token};
use super::site::{Phase, Site};
use super::streaming_api::{
    account, all_titles, found, guide, of_profile, one_title, smaller, suggest,
};
use super::streaming_attack;
use super::streaming_player::{beacon, heartbeat, manifest, part, picture, subtitles};
use super::streaming_titles::{base62, search, title};
use super::travel::url64;

pub(super) const LANGUAGES: [&str; 12] = [
    "en", "de", "fr", "es", "pt-BR", "ja", "ko", "tr", "ar", "pl", "vi", "zh-Hant",
];
pub(super) const GENRES: [&str; 12] = [
    "drama",
    "comedy",
    "thriller",
    "sci-fi",
    "anime",
    "documentary",
    "kids",
    "horror",
    "romance",
    "true-crime",
    "k-drama",
    "film-noir",
];

/// How many there are by then.
pub(super) const fn titles(phase: Phase) -> usize {
    match phase {
        Phase::Learned => 9_000,
        Phase::Judged => 9_180,
    }
}

pub(super) struct Streaming;

impl Site for Streaming {
    fn host(&self) -> &'static str {
        "streaming.example"
    }

    fn attack_kinds(&self) -> &'static [&'static str] {
        &streaming_attack::KINDS
    }

    fn attack(&self, random: &mut Rng, visit: Request) -> Option<(Request, usize)> {
        streaming_attack::make(random, visit)
    }

    fn visit(&self, random: &mut Rng, phase: Phase) -> Request {
        let language = LANGUAGES[often(random, LANGUAGES.len())];
        match random.u32(..1_000) {
            0..35 => arrival(random, language),
            35..95 => film(random, language, phase),
            95..120 => genre(random, language),
            120..145 => Request::get(format!("/{language}/search"), random.u64(30_000..70_000))
                .with("q", search(random, titles(phase)))
                .some(random, 15, "page", |random| {
                    (2 + often(random, 9)).to_string()
                }),
            145..205 => one_title(random, phase),
            205..250 => all_titles(random, phase),
            250..320 => suggest(random, phase),
            320..338 => found(random, phase),
            338..388 => of_profile(random, phase),
            388..408 => guide(random),
            408..448 => smaller(random, phase),
            448..468 => manifest(random, phase),
            468..480 => subtitles(random, phase),
            480..500 => heartbeat(random, phase),
            500..620 => part(random, phase),
            620..720 => picture(random, phase),
            720..820 => beacon(random, phase),
            820..840 => account(random),
            840..895 => asset(random, phase),
            895..925 => Request::get("/t/e", 2).by("POST").answered(202, 2),
            925..935 => Request::get("/drm/widevine/license", random.u64(600..900))
                .by("POST")
                .with("asset", title(random, titles(phase)).ulid),
            part => rest(random, part, language, phase),
        }
    }
}

/// The first page, of which links tell where somebody comes from.
fn arrival(random: &mut Rng, language: &str) -> Request {
    let request = Request::get(format!("/{language}/"), random.u64(60_000..70_000));
    match random.u32(..24) {
        0 => request.with("msclkid", token(random, 32)),
        1 => request.with("ttclid", format!("E.C.P.{}", url64(random, 80))),
        2 => request
            .with("mc_cid", token(random, 10))
            .with("mc_eid", token(random, 10)),
        3 => request.with("igshid", format!("{}==", url64(random, 14))),
        4 => request
            .with("utm_source", "push")
            .with("utm_medium", pick(random, &["app", "web"]))
            .with("utm_content", format!("new-season|{}", random.u32(1..60))),
        5 => request.with(
            "ref",
            pick(random, &["homescreen", "pwa", "partner:telco-de"]),
        ),
        _ => request,
    }
}

fn film(random: &mut Rng, language: &str, phase: Phase) -> Request {
    let film = title(random, titles(phase));
    let bytes = random.u64(50_000..120_000);
    match random.u32(..5) {
        0 => Request::get(format!("/{language}/title/{}", film.slug), bytes),
        1 => Request::get(
            format!(
                "/{language}/title/{}/season-{}",
                film.slug,
                1 + often(random, 7)
            ),
            bytes,
        ),
        _ => Request::get(
            format!("/{language}/watch/{}-{}", film.slug, film.short),
            bytes,
        )
        .some(random, 20, "t", |random| match random.u32(..3) {
            0 => format!("{}m{}s", random.u32(1..90), random.u32(..60)),
            _ => random.u32(1..6_000).to_string(),
        })
        .some(random, 8, "autoplay", |_| "1".to_owned())
        .some(random, 6, "si", |random| url64(random, 16)),
    }
}

fn genre(random: &mut Rng, language: &str) -> Request {
    Request::get(
        format!("/{language}/browse/{}", GENRES[often(random, GENRES.len())]),
        random.u64(50_000..90_000),
    )
    .some(random, 30, "sort", |random| {
        pick(random, &["newest", "popular", "a-z"]).to_owned()
    })
    .some(random, 30, "page", |random| {
        (2 + often(random, 40)).to_string()
    })
    .some(random, 10, "year", |random| match random.u32(..3) {
        0 => format!("{}s", 10 * random.u32(195..203)),
        _ => random.u32(1_950..2_027).to_string(),
    })
}

fn asset(random: &mut Rng, phase: Phase) -> Request {
    let built = match (phase, random.u32(..10)) {
        (Phase::Judged, 2..) => "9b1c04e7",
        (_, 0) => "1f0a77cd",
        _ => "53ee2ab0",
    };
    Request::get(
        format!(
            "/_app/{built}/{}",
            pick(
                random,
                &[
                    "entry.js",
                    "chunks/player.js",
                    "chunks/vendor~shaka.js",
                    "main.css",
                    "i18n/zh-Hant.json",
                    "worker.js",
                ]
            )
        ),
        random.u64(40_000..41_000),
    )
}

fn rest(random: &mut Rng, part: u32, language: &str, phase: Phase) -> Request {
    match part {
        ..941 => Request::get("/healthz", 15).some(random, 50, "probe", |random| {
            pick(random, &["eu-1", "us-2", "ap-1"]).to_owned()
        }),
        941..946 => Request::get("/robots.txt", 1_304),
        946..952 => Request::get(
            format!("/sitemaps/titles-{}.xml.gz", 1 + often(random, 24)),
            random.u64(90_000..91_000),
        ),
        952..957 => Request::get("/favicon.ico", 1_150),
        957..961 => Request::get("/manifest.webmanifest", 812),
        961..964 => Request::get("/", 0).answered(302, 0),
        964..968 => Request::get(
            format!(
                "/feeds/podcast/{}.xml",
                pick(random, &["making-of", "aus-dem-kino", "후기"])
            ),
            random.u64(9_000..90_000),
        ),
        968..985 => missing(random, language),
        985..991 => refused(random, phase),
        991..995 => Request::get(format!("/{language}/login"), 0)
            .by("POST")
            .answered(303, 0),
        // A page that is new, with what it asks.
        995..998 if phase == Phase::Judged => {
            Request::get(format!("/{language}/wrapped/2026"), 48_000)
                .with("share", base62(random, 12))
                .some(random, 40, "card", |random| random.u32(1..9).to_string())
        }
        _ => Request::get(
            format!("/{language}/help/{}", 4_000 + often(random, 90)),
            21_000,
        ),
    }
}

/// Old links, what browsers ask for by themselves, and mistakes.
fn missing(random: &mut Rng, language: &str) -> Request {
    let film = title(random, 9_000);
    let path = match random.u32(..12) {
        0 => "/apple-touch-icon.png".to_owned(),
        1 => "/apple-touch-icon-120x120-precomposed.png".to_owned(),
        2 => pick(random, &["/ads.txt", "/app-ads.txt", "/humans.txt"]).to_owned(),
        3 => "/.well-known/assetlinks.json".to_owned(),
        4 => format!("/film.php/{}", film.number),
        5 => format!("/{language}/watch/{}", film.slug),
        6 => format!("/{language}/title/{}…", film.slug),
        7 => format!("/{language}/watch/{}-{})", film.slug, film.short),
        8 => format!(
            "/_app/0aa91c3e/chunks/{}.js",
            pick(random, &["player", "cart"])
        ),
        9 => format!("/{language}/undefined"),
        10 => format!("/img/{}/poster/w342.webp.", film.short),
        _ => format!("/{language}/title/{}\u{200b}", film.slug),
    };
    Request::get(path, 9_410).answered(404, 9_410)
}

/// What honest programs get wrong.
fn refused(random: &mut Rng, phase: Phase) -> Request {
    match random.u32(..5) {
        0 => Request::get("/api/v3/titles", 188)
            .with("page[size]", 500)
            .answered(400, 188),
        1 => Request::get(
            format!("/api/v3/titles/{}", title(random, titles(phase)).number),
            120,
        )
        .answered(404, 120),
        2 => Request::get("/api/v3/search/suggest", 140)
            .with("q", "undefined")
            .with("limit", "NaN")
            .answered(400, 140),
        3 => Request::get("/api/v3/titles/null", 120).answered(404, 120),
        _ => Request::get("/api/v3/search", 98)
            .with("q", search(random, titles(phase)))
            .answered(429, 98),
    }
}
