//! What players ask of the benchmark's media site: signed parts of films, pictures, beacons of many parameters.

use fastrand::Rng;

use super::request::{Request, often, pick, token, uuid};
use super::site::Phase;
use super::streaming::{LANGUAGES, titles};
use super::streaming_titles::{base62, title};
use super::travel::url64;

const DEVICES: [&str; 14] = [
    "Chrome 142",
    "iPhone15,3",
    "SM-G991B",
    "AppleTV11,1",
    "Chromecast",
    "LG webOS TV OLED55C1",
    "BRAVIA 4K VH2",
    "AFTMM",
    "Pixel 9 Pro",
    "Safari 18.5",
    "iPad14,1",
    "Redmi Note 12 (5G)",
    "PS5",
    "Firefox 145",
];

/// An application's version, and how new it is: newer ones say more.
pub(super) fn version(random: &mut Rng, phase: Phase) -> (&'static str, u32) {
    let later = if phase == Phase::Judged { 55 } else { 0 };
    match random.u32(..100) + later {
        ..12 => ("8.38.2", 0),
        12..70 => ("8.40.0", 1),
        70..92 => ("8.40.1", 1),
        92..130 => ("8.41.0", 2),
        _ => ("8.42.0-rc.3", 3),
    }
}

pub(super) fn now(random: &mut Rng) -> u64 {
    1_795_000_000_000 + random.u64(..400_000_000)
}

/// Parts of a film, as two networks sign them.
pub(super) fn part(random: &mut Rng, phase: Phase) -> Request {
    let movie = title(random, titles(phase));
    let rendition = pick(
        random,
        &[
            "v1080p_h264",
            "v720p_h264",
            "v2160p_hevc",
            "a_de_aac",
            "a_en_eac3",
            "v480p_av1",
        ],
    );
    let expires = 1_795_000_000 + random.u32(..900_000);
    if random.u32(..3) == 0 {
        let folder = token(&mut Rng::with_seed(movie.number), 16);
        let name = match random.u32(..4) {
            0 => "master.m3u8".to_owned(),
            1 => format!("{rendition}/index.m3u8"),
            _ => format!("{rendition}/{:05}.ts", often(random, 1_400)),
        };
        return Request::get(format!("/hls/{folder}/{name}"), random.u64(900..4_000_000)).with(
            "hdnts",
            format!(
                "st={}~exp={expires}~acl=/hls/{folder}/*~hmac={}",
                expires - 7_200,
                token(random, 64)
            ),
        );
    }
    let name = match random.u32(..9) {
        0 => "manifest.mpd".to_owned(),
        1 => format!("{rendition}/init.mp4"),
        _ => format!("{rendition}/seg-{}.m4s", 1 + often(random, 2_000)),
    };
    let mut request = Request::get(
        format!("/vod/{}/{name}", movie.uuid),
        random.u64(900..4_000_000),
    );
    request = if random.u32(..5) == 0 {
        request.with(
            "Policy",
            format!("eyJTdGF0ZW1lbnQiOlt7{}__", url64(random, 190)),
        )
    } else {
        request.with("Expires", expires)
    };
    request = request
        .with(
            "Signature",
            format!("{}~{}__", url64(random, 170), url64(random, 171)),
        )
        .with(
            "Key-Pair-Id",
            match (phase, random.u32(..10)) {
                (Phase::Judged, 0..4) => "K3TQ0VUNB2M8LA",
                (_, 0) => "APKAIOSFODNN7EXAMPLE",
                _ => "K2L8RZVDP1XH4C",
            },
        );
    if random.u32(..140) == 0 {
        // Whoever comes back after lunch.
        return request.answered(403, 243);
    }
    request
}

pub(super) fn picture(random: &mut Rng, phase: Phase) -> Request {
    let film = title(random, titles(phase));
    let kind = pick(random, &["poster", "backdrop", "logo", "still"]);
    let width = pick(random, &["92", "185", "342", "500", "780"]);
    let bytes = random.u64(3_000..300_000);
    if random.bool() {
        let built = 1 + film.number % 4;
        return Request::get(format!("/img/{}/{kind}/w{width}.webp", film.short), bytes)
            .with("v", built);
    }
    Request::get(format!("/im/{}/{kind}.jpg", film.uuid), bytes)
        .with("w", width)
        .some(random, 50, "h", |random| {
            (50 * (1 + often(random, 20))).to_string()
        })
        .with("fit", pick(random, &["crop", "crop", "max", "fill"]))
        .some(random, 60, "dpr", |random| {
            pick(
                random,
                &["1", "2", "3", "1.5", "2.625", "1.100000023841858"],
            )
            .to_owned()
        })
        .some(random, 20, "blur", |random| {
            (5 * random.u32(1..9)).to_string()
        })
        .some(random, 30, "fm", |random| {
            pick(random, &["webp", "avif", "jpg"]).to_owned()
        })
        .some(random, 15, "fp", |random| {
            format!("{:.2},{:.2}", random.f64(), random.f64())
        })
}

/// What a player tells each half minute.
pub(super) fn beacon(random: &mut Rng, phase: Phase) -> Request {
    let (app, level) = version(random, phase);
    let film = title(random, titles(phase));
    let kind = pick(
        random,
        &[
            "hb", "hb", "hb", "hb", "play", "pause", "seek", "buffer", "stop", "ad", "error",
        ],
    );
    let length = 600.0 + random.f64() * 8_000.0;
    let mut request = Request::get("/beacon/v1/p.gif", 43)
        .with("v", if level == 0 { "1" } else { "2" })
        .with("e", kind)
        .with("playback_session", uuid(random))
        .with("asset", &film.ulid)
        .with("pos", format!("{:.3}", random.f64() * length))
        .with("dur", format!("{length:.3}"))
        .with("br", 1_000 * random.u32(400..16_000))
        .with("buf", format!("{:.1}", random.f64() * 60.0))
        .with("drop", often(random, 200))
        .with(
            "scr",
            pick(
                random,
                &["1920x1080", "390x844", "3840x2160", "1366x768", "412x915"],
            ),
        )
        .with("cdn", pick(random, &["ak", "cf", "cf", "fa"]))
        .with("drm", pick(random, &["wv", "wv", "fp", "pr", "none"]))
        .with(
            "net",
            pick(random, &["wifi", "4g", "eth", "5g", "unknown", "3g"]),
        )
        .with("dev", pick(random, &DEVICES))
        .with("app", app)
        .with("vol", format!("{:.2}", random.f64()))
        .with("seq", often(random, 900))
        .with("ts", now(random))
        .with(
            "tz",
            pick(random, &["-60", "0", "-120", "300", "-330", "-540"]),
        );
    if level >= 1 {
        request = request.with("hdr", pick(random, &["sdr", "hdr10", "dv"]));
    }
    if level >= 2 {
        request = request.with("lat", random.u32(8..900));
    }
    if level >= 3 {
        request = request.with(
            "abx",
            format!("rec:{},ui:{}", random.u32(..4), random.u32(..2)),
        );
    }
    match kind {
        "error" => request
            .with("code", random.u32(1_000..7_004))
            .with("msg", failure(random)),
        "ad" => request
            .with("ad", format!("{}/{}", random.u32(1..4), random.u32(1..6)))
            .some(random, 60, "adid", |random| base62(random, 11)),
        "seek" => request.with("to", format!("{:.3}", random.f64() * length)),
        _ => request.some(random, 12, "ref", |random| {
            format!(
                "https://streaming.example/{}/?utm_source={}",
                pick(random, &LANGUAGES),
                pick(random, &["tv", "push", "mail"])
            )
        }),
    }
}

fn failure(random: &mut Rng) -> String {
    match random.u32(..8) {
        0 => "TypeError: Cannot read properties of undefined (reading 'buffered')".to_owned(),
        1 => format!(
            "PIPELINE_ERROR_DECODE: video decode error! [{}]",
            random.u32(..40)
        ),
        2 => format!(
            "NetworkError: 403 https://streaming.example/vod/{}/manifest.mpd",
            uuid(random)
        ),
        3 => "The operation couldn’t be completed. (CoreMediaErrorDomain error -12927.)".to_owned(),
        4 => "AbortError: The play() request was interrupted by a call to pause(). https://goo.gl/LdLk22".to_owned(),
        5 => format!(
            "shaka.util.Error {{\"severity\":2,\"category\":{},\"data\":[]}}",
            random.u32(1..9)
        ),
        6 => String::new(),
        _ => "timeout".to_owned(),
    }
}

pub(super) fn heartbeat(random: &mut Rng, phase: Phase) -> Request {
    let (app, level) = version(random, phase);
    let request = Request::get(format!("/api/v3/devices/{}/heartbeat", uuid(random)), 61)
        .with("app_version", app)
        .with(
            "os",
            pick(
                random,
                &["ios-18.6", "android-16", "tvos-18", "webos-6.2", "tizen-7"],
            ),
        )
        .with("locale", pick(random, &LANGUAGES));
    if level >= 2 {
        request.with(
            "push_token",
            format!("{}:APA91b{}", url64(random, 22), url64(random, 134)),
        )
    } else {
        request
    }
}

pub(super) fn subtitles(random: &mut Rng, phase: Phase) -> Request {
    Request::get("/api/v3/subtitles", random.u64(9_000..120_000))
        .with("asset", title(random, titles(phase)).ulid)
        .with("lang", pick(random, &LANGUAGES))
        .with("format", pick(random, &["vtt", "vtt", "ttml"]))
        .some(random, 30, "offset", |random| {
            format!("{}{}", pick(random, &["", "-"]), random.u32(1..5_000))
        })
        .some(random, 8, "forced", |_| "true".to_owned())
}

pub(super) fn manifest(random: &mut Rng, phase: Phase) -> Request {
    let (app, level) = version(random, phase);
    let film = title(random, titles(phase));
    let request = Request::get(
        format!("/api/v3/playback/{}/manifest", film.ulid),
        random.u64(1_000..3_000),
    )
    .with("device", token(random, 16))
    .with(
        "codecs",
        pick(
            random,
            &[
                "avc1.640028",
                "avc1.640028,hvc1.2.4.L153",
                "av01.0.08M.10,vp09.00.10.08",
                "avc1",
            ],
        ),
    )
    .with("drm", pick(random, &["wv", "fp", "pr"]))
    .with("max_height", pick(random, &["480", "720", "1080", "2160"]))
    .with("app_version", app);
    if level >= 2 {
        request.with("low_latency", random.bool())
    } else {
        request
    }
}
