//! The JSON interface of the benchmark's media site: fields, filters, cursors, ranges of time, ids of all kinds.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use fastrand::Rng;

use super::people::typed;
use super::request::{Request, often, pick, token, uuid};
use super::site::Phase;
use super::streaming::{GENRES, LANGUAGES, titles};
use super::streaming_player::{now, version};
use super::streaming_titles::{base62, beginning, person, search, title, ulid};
use super::travel::url64;

const FIELDS: [&str; 16] = [
    "id",
    "title",
    "slug",
    "images.poster",
    "images.backdrop",
    "runtime",
    "genres",
    "rating",
    "released_at",
    "cast.name",
    "seasons.count",
    "synopsis",
    "availability",
    "badges",
    "audio",
    "progress",
];

/// What applications name in their code: the same few lists of each version, and some that people make.
fn fields(random: &mut Rng) -> String {
    let list = match random.u64(..8) {
        0 => random.u64(..),
        list => list,
    };
    let mut chosen = Rng::with_seed(list);
    let first = chosen.usize(..4);
    let count = chosen.usize(3..9);
    let all: Vec<&str> = (0..count)
        .filter_map(|place| FIELDS.get(first + place).copied())
        .collect();
    all.join(",")
}

/// Where a list goes on, as two teams made it.
pub(super) fn cursor(random: &mut Rng) -> String {
    match random.u32(..3) {
        0 => BASE64_STANDARD.encode(format!(
            "{{\"after\":\"{}\",\"score\":{:.4}}}",
            ulid(random),
            random.f64() * 40.0
        )),
        1 => BASE64_URL_SAFE_NO_PAD.encode(format!(
            "{}|{}|{}",
            now(random),
            100_000 + random.u32(..90_000),
            pick(random, &["next", "prev"])
        )),
        _ => BASE64_STANDARD.encode(format!("offset:{}", 20 * (1 + often(random, 60)))),
    }
}

/// A moment, as clients of many makes write it.
fn moment(random: &mut Rng) -> String {
    let (month, day) = (random.u32(9..13), random.u32(1..29));
    let (hour, minute) = (random.u32(..24), 5 * random.u32(..12));
    match random.u32(..40) {
        0..22 => format!("2026-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z"),
        22..28 => format!(
            "2026-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}.{:03}Z",
            random.u32(..60),
            random.u32(..1_000)
        ),
        28..33 => format!("2026-{month:02}-{day:02}T{hour:02}:{minute:02}:00+01:00"),
        // The sign was not encoded.
        33 => format!("2026-{month:02}-{day:02}T{hour:02}:{minute:02}:00 01:00"),
        34..38 => format!("2026-{month:02}-{day:02}"),
        _ => now(random).to_string(),
    }
}

pub(super) fn one_title(random: &mut Rng, phase: Phase) -> Request {
    let film = title(random, titles(phase));
    let (app, level) = version(random, phase);
    let request = Request::get(
        format!("/api/v3/titles/{}", film.ulid),
        random.u64(1_200..18_000),
    )
    .some(random, 55, "fields", fields)
    .some(random, 40, "include", |random| {
        pick(
            random,
            &[
                "cast",
                "seasons.episodes",
                "seasons.episodes,cast",
                "similar",
                "trailers,cast",
            ],
        )
        .to_owned()
    })
    .with("locale", pick(random, &LANGUAGES))
    .some(random, 60, "app_version", |_| app.to_owned());
    if level >= 3 {
        request.with("ratings_system", pick(random, &["fsk", "mpaa", "bbfc"]))
    } else {
        request
    }
}

pub(super) fn all_titles(random: &mut Rng, phase: Phase) -> Request {
    let mut request = Request::get("/api/v3/titles", random.u64(3_000..60_000))
        .some(random, 70, "filter[genre]", |random| {
            let more = often(random, 3);
            let genres: Vec<&str> = (0..=more).map(|_| pick(random, &GENRES)).collect();
            genres.join(",")
        })
        .some(random, 40, "filter[type]", |random| {
            pick(random, &["movie", "series", "short", "live"]).to_owned()
        })
        .some(random, 25, "filter[year][gte]", |random| {
            random.u32(1_950..2_027).to_string()
        })
        .some(random, 15, "filter[year][lte]", |random| {
            random.u32(1_960..2_027).to_string()
        })
        .some(random, 15, "filter[country]", |random| {
            pick(
                random,
                &["DE", "FR|BE", "KR", "US|CA|GB", "JP", "IN", "!US"],
            )
            .to_owned()
        })
        .some(random, 15, "filter[audio]", |random| {
            pick(random, &LANGUAGES).to_owned()
        })
        .some(random, 10, "filter[duration]", |random| {
            format!("{}..{}", 10 * random.u32(..9), 100 + 10 * random.u32(..9))
        })
        .some(random, 8, "filter[person]", person)
        .some(random, 60, "sort", |random| {
            pick(
                random,
                &[
                    "-popularity",
                    "-popularity",
                    "title",
                    "-released_at",
                    "rating,-year",
                    "-added",
                ],
            )
            .to_owned()
        })
        .some(random, 30, "fields[titles]", fields)
        .with("page[size]", pick(random, &["20", "20", "40", "24", "100"]));
    if phase == Phase::Judged {
        request = request.some(random, 6, "filter[accessibility]", |random| {
            pick(random, &["ad", "cc", "ad,cc"]).to_owned()
        });
    }
    request.some(random, 35, "page[cursor]", cursor)
}

pub(super) fn suggest(random: &mut Rng, phase: Phase) -> Request {
    let name = search(random, titles(phase));
    let (app, level) = version(random, phase);
    let request = Request::get("/api/v3/search/suggest", random.u64(90..2_400))
        .with("q", beginning(random, &name))
        .with("limit", pick(random, &["8", "10"]))
        .with("locale", pick(random, &LANGUAGES))
        .some(random, 50, "app_version", |_| app.to_owned());
    if level >= 2 {
        request.with("request_id", uuid(random))
    } else {
        request
    }
}

pub(super) fn found(random: &mut Rng, phase: Phase) -> Request {
    Request::get("/api/v3/search", random.u64(300..40_000))
        .with("q", search(random, titles(phase)))
        .some(random, 40, "types", |random| {
            pick(
                random,
                &[
                    "title",
                    "title,person",
                    "episode",
                    "title,person,collection",
                ],
            )
            .to_owned()
        })
        .some(random, 20, "page[cursor]", cursor)
        .with("locale", pick(random, &LANGUAGES))
}

pub(super) fn of_profile(random: &mut Rng, phase: Phase) -> Request {
    let start = format!("/api/v3/profiles/{}", uuid(random));
    match random.u32(..20) {
        0..7 => Request::get(
            format!("{start}/continue-watching"),
            random.u64(300..20_000),
        )
        .with("limit", pick(random, &["10", "20", "50"]))
        .some(random, 20, "cursor", cursor),
        7..11 => Request::get(format!("{start}/history"), random.u64(300..20_000))
            .with("from", moment(random))
            .some(random, 70, "to", moment)
            .some(random, 30, "cursor", cursor),
        11..14 => {
            let seeds: Vec<String> = (0..random.usize(1..7))
                .map(|_| title(random, titles(phase)).ulid)
                .collect();
            Request::get(
                format!("{start}/recommendations"),
                random.u64(3_000..30_000),
            )
            .with("seeds", seeds.join(","))
            .some(random, 40, "exclude_watched", |random| {
                random.bool().to_string()
            })
            .some(random, 30, "model", |random| {
                pick(random, &["cf-v4", "two-tower-2026.10"]).to_owned()
            })
        }
        14..16 => Request::get(
            format!("{start}/list/{}", title(random, titles(phase)).ulid),
            0,
        )
        .by(pick(random, &["PUT", "DELETE"]))
        .answered(204, 0),
        16 => Request::get(format!("{start}/list"), random.u64(300..9_000))
            .by("OPTIONS")
            .answered(204, 0),
        17 => Request::get(start, 120).by("PATCH").answered(200, 120),
        18 => Request::get(format!("{start}/continue-watching"), 91)
            .with("limit", "20")
            .answered(401, 91),
        _ => Request::get(start, random.u64(300..900)).with("fields", "name,avatar,maturity"),
    }
}

pub(super) fn guide(random: &mut Rng) -> Request {
    let channel = 100 + often(random, 240);
    Request::get(
        format!("/api/v3/live/channels/{channel}/epg"),
        random.u64(2_000..30_000),
    )
    .with("start", moment(random))
    .with("end", moment(random))
    .some(random, 30, "tz", |random| {
        pick(
            random,
            &[
                "Europe/Berlin",
                "America/Sao_Paulo",
                "Asia/Kolkata",
                "UTC",
                "Etc/GMT+3",
            ],
        )
        .to_owned()
    })
}

/// What is smaller: people, episodes, collections, and what is left of older interfaces.
pub(super) fn smaller(random: &mut Rng, phase: Phase) -> Request {
    let film = title(random, titles(phase));
    match random.u32(..7) {
        0 => {
            let mut seeded = Rng::with_seed(often(random, 9_000) as u64);
            Request::get(
                format!("/api/v3/people/{}", token(&mut seeded, 24)),
                random.u64(900..6_000),
            )
            .some(random, 50, "include", |_| "credits".to_owned())
        }
        1 | 2 => Request::get(
            format!("/api/v3/episodes/{}{}", film.short, base62(random, 3)),
            random.u64(900..4_000),
        )
        .some(random, 40, "fields", fields),
        3 => Request::get(
            format!(
                "/api/v3/collections/{}",
                pick(
                    random,
                    &[
                        "halloween-2026",
                        "prix-de-cannes",
                        "für-kinder",
                        "new-this-week",
                        "90s",
                        "k-drama"
                    ]
                )
            ),
            random.u64(2_000..20_000),
        )
        .with("locale", pick(random, &LANGUAGES)),
        4 => Request::get(
            format!("/api/v2/shows/{}.json", film.number),
            random.u64(900..9_000),
        )
        .some(random, 40, "callback", |random| {
            format!("jQuery{}_{}", random.u32(1_000..9_999), now(random))
        })
        .with("_", now(random)),
        5 => Request::get("/oembed", random.u64(600..900))
            .with(
                "url",
                format!(
                    "https://streaming.example/en/watch/{}-{}",
                    film.slug, film.short
                ),
            )
            .with("format", "json")
            .some(random, 50, "maxwidth", |random| {
                (40 * random.u32(8..30)).to_string()
            }),
        _ => Request::get(
            format!("/api/v2/shows/{}/ratings", film.number),
            random.u64(90..300),
        )
        .with("min", often(random, 5))
        .with("since", now(random) / 1_000),
    }
}

pub(super) fn account(random: &mut Rng) -> Request {
    match random.u32(..6) {
        0 => Request::get("/oauth/authorize", random.u64(9_000..9_900))
            .with("client_id", pick(random, &["web", "tv-android", "ios"]))
            .with("response_type", "code")
            .with(
                "redirect_uri",
                pick(
                    random,
                    &[
                        "https://streaming.example/callback",
                        "com.streaming.app://auth",
                    ],
                ),
            )
            .with("scope", "openid profile offline_access")
            .with("state", url64(random, 22))
            .with("code_challenge", url64(random, 43))
            .with("code_challenge_method", "S256"),
        1 => Request::get("/callback", 0)
            .answered(302, 0)
            .with("code", base62(random, 32))
            .with("state", url64(random, 22)),
        2 => Request::get("/activate", random.u64(4_000..4_400)).with("code", {
            let code = base62(random, 8).to_uppercase();
            let (start, end) = code.split_at(4);
            match random.u32(..12) {
                0 => code.to_lowercase(),
                1 => format!("{start} {end}"),
                _ => format!("{start}-{end}"),
            }
        }),
        3 => Request::get("/api/v3/account/redeem", random.u64(90..400))
            .with(
                "voucher",
                format!(
                    "{}{}",
                    pick(random, &["XMAS26-", "GIFT-"]),
                    base62(random, 10).to_uppercase()
                ),
            )
            .with("email", {
                let mail = format!(
                    "{}{}@mail.example",
                    pick(random, &["a.b", "kaya", "info+tv", "lê"]),
                    random.u32(1..900)
                );
                typed(random, &mail)
            }),
        4 => Request::get("/api/v3/account/plans", random.u64(900..1_200))
            .with("country", pick(random, &["DE", "FR", "BR", "JP", "TR"]))
            .with("plan", pick(random, &["basic", "standard", "premium"]))
            .some(random, 30, "promo", |random| {
                pick(random, &["autumn50", "student", "back2school"]).to_owned()
            }),
        _ => Request::get("/email/open", 43)
            .with("m", format!("{}.{}", url64(random, 40), url64(random, 27)))
            .with("u", uuid(random)),
    }
}
