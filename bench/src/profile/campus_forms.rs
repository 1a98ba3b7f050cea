//! What the university of the benchmark is asked in forms: people, rooms, the canteen, messages, machines.

use fastrand::Rng;

use super::campus::{INSTITUTES, author, text};
use super::people::{FAMILY, GIVEN, SENTENCES};
use super::request::{Request, often, pick, token};
use super::words;

pub(super) fn date(random: &mut Rng) -> String {
    let (day, month) = (random.u32(1..29), random.u32(1..13));
    match random.u32(..8) {
        0 => format!("{day}.{month}."),
        1 => format!("{day}.{month}.26"),
        2 => format!("2026-{month:02}-{day:02}"),
        3 => pick(random, &["heute", "morgen"]).to_owned(),
        _ => format!("{day:02}.{month:02}.2026"),
    }
}

pub(super) fn people(random: &mut Rng) -> Request {
    match random.u32(..3) {
        0 => Request::get("/personen/detail.asp", random.u64(6_000..9_000))
            .with("id", 1 + often(random, 4_000)),
        _ => Request::get("/personen/suche.asp", random.u64(6_000..30_000))
            .with("name", pick(random, &FAMILY))
            .with(
                "vorname",
                if random.bool() {
                    ""
                } else {
                    pick(random, &GIVEN)
                },
            )
            .with(
                "institut",
                if random.bool() {
                    ""
                } else {
                    pick(random, &INSTITUTES)
                },
            )
            .maybe(
                random,
                30,
                "raum",
                format!(
                    "{} {}.{:02}",
                    pick(&mut random.clone(), &["A", "C", "Z"]),
                    random.clone().u32(..6),
                    random.clone().u32(..40)
                ),
            ),
    }
}

pub(super) fn canteen(random: &mut Rng) -> Request {
    Request::get("/mensa/plan.php", random.u64(4_000..9_000))
        .with("ort", pick(random, &["nord", "süd", "mitte", "klinikum"]))
        .with("datum", date(random))
        .maybe(random, 20, "vegan", pick(&mut random.clone(), &["1", "on"]))
}

pub(super) fn contact(random: &mut Rng) -> Request {
    let lines: Vec<&str> = (0..=often(random, 9))
        .map(|_| pick(random, &SENTENCES))
        .collect();
    let mail = pick(
        random,
        &[
            "s12345@stud.campus.example",
            "anna.m@mail.example",
            "o'brien@uni.example",
            "k-h.weiß@post.example",
        ],
    );
    Request::get("/kontakt/formular.php", random.u64(3_000..4_000))
        .with("name", author(random))
        .with("email", mail)
        .with(
            "matrikel",
            if random.u32(..4) == 0 {
                String::new()
            } else {
                random.u32(1_000_000..9_999_999).to_string()
            },
        )
        .with("betreff", text(random))
        .with(
            "nachricht",
            lines.join(pick(random, &[" ", "\r\n", "\r\n\r\n"])),
        )
        .with("absenden", "Abschicken")
}

pub(super) fn room(random: &mut Rng) -> Request {
    Request::get("/raum/buchung.php", random.u64(4_000..9_000))
        .with(
            "raum",
            format!(
                "{}{}",
                pick(random, &["HS ", "SR ", "CIP-"]),
                random.u32(1..30)
            ),
        )
        .with(
            "von",
            format!(
                "{} {:02}:{}0",
                date(random),
                random.u32(8..20),
                random.u32(..6)
            ),
        )
        .with(
            "bis",
            format!(
                "{} {:02}:{}0",
                date(random),
                random.u32(8..20),
                random.u32(..6)
            ),
        )
        .with("personen", random.u32(2..300))
        .with("zweck", text(random))
        .with("step", random.u32(1..4))
}

/// What other libraries' machines ask.
pub(super) fn harvest(random: &mut Rng) -> Request {
    let request = Request::get("/oai/request", random.u64(9_000..900_000));
    match random.u32(..4) {
        0 => request.with(
            "verb",
            pick(random, &["Identify", "ListSets", "ListMetadataFormats"]),
        ),
        1 => request
            .with("verb", "GetRecord")
            .with("metadataPrefix", pick(random, &["oai_dc", "marcxml"]))
            .with(
                "identifier",
                format!("oai:campus.example:{}", random.u32(1_000..90_000)),
            ),
        2 => request.with("verb", "ListRecords").with(
            "resumptionToken",
            format!(
                "{}/{}////oai_dc",
                token(random, 12),
                100 * random.u32(1..90)
            ),
        ),
        _ => request
            .with("verb", "ListRecords")
            .with("metadataPrefix", "oai_dc")
            .with(
                "from",
                format!(
                    "2026-{:02}-{:02}T00:00:00Z",
                    random.u32(1..12),
                    random.u32(1..29)
                ),
            )
            .maybe(
                random,
                30,
                "set",
                pick(
                    &mut random.clone(),
                    &["ddc:330", "doc-type:article", "open_access"],
                ),
            ),
    }
}

pub(super) fn homepage(random: &mut Rng) -> Request {
    let who = pick(random, &["mueller", "weiss", "kaya2", "fs-info", "ag_roth"]);
    let what = match random.u32(..4) {
        0 => String::new(),
        1 => "index.html".to_owned(),
        2 => format!(
            "lehre/ws2{}/blatt{:02}.pdf",
            random.u32(..7),
            random.u32(1..14)
        ),
        _ => format!(
            "papers/{}{}.ps.gz",
            pick(random, &["icml", "focs", "stoc", "JMLR"]),
            random.u32(90..126)
        ),
    };
    Request::get(format!("/~{who}/{what}"), random.u64(2_000..900_000))
}

pub(super) fn publications(random: &mut Rng) -> Request {
    Request::get("/publikationen/export.php", random.u64(900..9_000))
        .with("format", pick(random, &["bibtex", "ris", "html"]))
        .with(
            "key",
            format!(
                "{}{}:{}",
                pick(random, &["Mueller", "Weiss", "Roth"]),
                random.u32(1_990..2_027),
                words::slug(random)
            ),
        )
        .maybe(
            random,
            20,
            "doi",
            format!(
                "10.{}/{}.{}",
                random.clone().u32(1_000..9_999),
                pick(&mut random.clone(), &["j.jalgebra", "s00454", "TIT"]),
                random.clone().u32(1_000..999_999)
            ),
        )
}

pub(super) fn single_sign_on(random: &mut Rng) -> Request {
    let target = pick(
        random,
        &[
            "https://campus.example/moodle/",
            "https://campus.example/opac/index.php?konto=1",
            "cookie:1790000000_ab12",
        ],
    );
    Request::get("/Shibboleth.sso/Login", 0)
        .answered(302, 0)
        .with("SAMLDS", 1)
        .with("target", target)
        .with(
            "entityID",
            pick(
                random,
                &[
                    "https://idp.campus.example/idp/shibboleth",
                    "https://idp.uni.example/idp/shibboleth",
                    "urn:mace:dfn:uni-x",
                ],
            ),
        )
}
