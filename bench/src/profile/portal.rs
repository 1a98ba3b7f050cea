//! A town's portal: appointments, applications in long forms by GET, free text in many languages and
//! scripts, dates as people write them, IBANs, files' numbers, and odd values that are honest.

use fastrand::Rng;

use super::people::{FAMILY, GIVEN, SENTENCES};
use super::request::{Request, often, pick, token};
use super::site::{Phase, Site};

const LANGUAGES: [&str; 9] = ["de", "en", "fr", "pl", "tr", "uk", "ar", "el", "vi"];
const SERVICES: [&str; 14] = [
    "ausweis",
    "reisepass",
    "anmeldung",
    "kfz-zulassung",
    "fuehrerschein",
    "wohngeld",
    "kita-platz",
    "hundesteuer",
    "gewerbe",
    "geburtsurkunde",
    "eheschliessung",
    "bauantrag",
    "sperrmuell",
    "parkausweis",
];
const STREETS: [&str; 10] = [
    "Hauptstr.",
    "Am Alten Markt",
    "Straße des 17. Juni",
    "Rue de l'Église",
    "Platz der Luftbrücke",
    "Lange Gasse",
    "An der B 27",
    "Kurt-Schumacher-Ring",
    "Im Grund",
    "Haus Nr.",
];

pub(super) struct Portal;

impl Site for Portal {
    fn host(&self) -> &'static str {
        "portal.example"
    }

    fn visit(&self, random: &mut Rng, phase: Phase) -> Request {
        let language = LANGUAGES[often(random, LANGUAGES.len())];
        match random.u32(..1_000) {
            0..190 => Request::get(
                format!(
                    "/static/{}",
                    pick(
                        random,
                        &[
                            "app.css",
                            "app.js",
                            "wappen.svg",
                            "print.css",
                            "datepicker.js",
                            "fonts/inter.woff2"
                        ]
                    )
                ),
                random.u64(9_000..9_500),
            ),
            190..300 => Request::get(format!("/{language}/"), random.u64(8_000..9_000)),
            300..440 => service(random, language),
            440..520 => search(random, language),
            520..640 => slots(random, language, phase),
            640..690 => book(random, language),
            690..770 => application(random, language, phase),
            770..810 => report(random, language),
            810..840 => payment(random, language),
            840..870 => status(random, language),
            870..890 => Request::get(
                format!("/{language}/termin/absage"),
                random.u64(3_000..3_300),
            )
            .with("code", token(random, 12).to_uppercase())
            .with("grund", sentence(random)),
            890..915 => download(random),
            915..930 => Request::get("/robots.txt", 212),
            930..945 => Request::get("/", 0).answered(302, 0),
            945..960 => missing(random, language),
            960..966 if phase == Phase::Judged => {
                // A page that is new, with a form of its own.
                Request::get(
                    format!("/{language}/umfrage/2026"),
                    random.u64(5_000..5_400),
                )
                .with("zufriedenheit", random.u32(1..6))
                .maybe(random, 40, "kommentar", sentence(&mut random.clone()))
            }
            966..985 => Request::get(format!("/{language}/login"), random.u64(2_800..2_900))
                .with("return", format!("/{language}/konto"))
                .maybe(random, 10, "error", "session"),
            _ => Request::get(format!("/{language}/konto"), 0)
                .by("POST")
                .answered(303, 0),
        }
    }
}

fn name(random: &mut Rng, from: &[&str]) -> String {
    let one = pick(random, from).to_owned();
    match random.u32(..40) {
        0 => one.to_uppercase(),
        1 => format!("{one} "),
        2 => format!("{one} {}", pick(random, from)),
        3 => one.to_lowercase(),
        _ => one,
    }
}

/// What people write into a box.
fn sentence(random: &mut Rng) -> String {
    let count = 1 + often(random, 4);
    let all: Vec<&str> = (0..count).map(|_| pick(random, &SENTENCES)).collect();
    all.join(if random.u32(..5) == 0 { "\r\n" } else { " " })
}

fn date(random: &mut Rng) -> String {
    let (day, month) = (random.u32(1..29), random.u32(1..13));
    let year = 1_938 + random.u32(..80);
    match random.u32(..20) {
        0 => format!("{day}.{month}.{}", year % 100),
        1 => format!("{day}/{month}/{year}"),
        2 => format!("{year}-{month:02}-{day:02}"),
        3 => format!("{day}. {month}. {year}"),
        _ => format!("{day:02}.{month:02}.{year}"),
    }
}

fn day(random: &mut Rng) -> String {
    format!("2026-{:02}-{:02}", random.u32(11..13), random.u32(1..31))
}

fn iban(random: &mut Rng) -> String {
    let number: String = (0..18)
        .map(|_| char::from(random.u8(b'0'..=b'9')))
        .collect();
    let plain = match random.u32(..25) {
        0 => format!(
            "GB{:02}NWBK{}",
            random.u32(10..99),
            number.get(..14).unwrap_or_default()
        ),
        1 => format!(
            "FR{:02}{number}{}M{}",
            random.u32(10..99),
            3,
            10 + random.u32(..9)
        ),
        2 => format!(
            "PL{:02}{number}{}",
            random.u32(10..99),
            100_000 + random.u32(..900_000)
        ),
        _ => format!("DE{:02}{number}", random.u32(10..99)),
    };
    match random.u32(..10) {
        // As it is printed on a card.
        0..4 => plain
            .as_bytes()
            .chunks(4)
            .map(|four| String::from_utf8_lossy(four).into_owned())
            .collect::<Vec<_>>()
            .join(" "),
        4 => plain.to_lowercase(),
        _ => plain,
    }
}

fn telephone(random: &mut Rng) -> String {
    let number = random.u32(1_000_000..99_999_999);
    match random.u32(..8) {
        0 => format!("+49 (0)30 / {number}"),
        1 => format!("030-{number}"),
        2 => format!("0049 170 {number}"),
        3 => format!("+4915{number}"),
        4 => format!("030/{number} (AB)"),
        _ => format!("0170 {number}"),
    }
}

fn mail(random: &mut Rng) -> String {
    let start = pick(
        random,
        &[
            "a.mueller",
            "info",
            "j_kaya",
            "familie-nowak",
            "o.shevchenko",
            "t",
        ],
    );
    let place = pick(
        random,
        &[
            "post.example",
            "mail.example",
            "firma-gmbh.example",
            "uni.example",
        ],
    );
    match random.u32(..6) {
        0 => format!("{start}+stadt@{place}"),
        _ => format!("{start}{}@{place}", random.u32(..900)),
    }
}

fn service(random: &mut Rng, language: &str) -> Request {
    let path = format!(
        "/{language}/leistung/{}",
        SERVICES[often(random, SERVICES.len())]
    );
    Request::get(path, random.u64(6_000..16_000)).maybe(
        random,
        8,
        "ansicht",
        pick(&mut random.clone(), &["druck", "leicht"]),
    )
}

fn search(random: &mut Rng, language: &str) -> Request {
    let words = match random.u32(..6) {
        0 => sentence(random),
        1 => format!("{} {}", pick(random, &SERVICES), pick(random, &STREETS)),
        2 => format!("§ {} BMG", random.u32(1..60)),
        _ => pick(random, &SERVICES).to_owned(),
    };
    Request::get(format!("/{language}/suche"), random.u64(4_000..30_000))
        .with("q", words)
        .maybe(random, 30, "seite", 1 + often(&mut random.clone(), 20))
        .maybe(
            random,
            20,
            "sort",
            pick(&mut random.clone(), &["relevanz", "datum", "titel"]),
        )
}

fn slots(random: &mut Rng, language: &str, phase: Phase) -> Request {
    let request = Request::get(format!("/{language}/termin/frei"), random.u64(300..9_000))
        .with("dienst", SERVICES[often(random, SERVICES.len())])
        .with("amt", random.u32(1..9))
        .with("von", day(random))
        .with("bis", day(random))
        .maybe(
            random,
            25,
            "uhrzeit",
            format!(
                "{:02}:{}0",
                random.clone().u32(7..18),
                random.clone().u32(..6)
            ),
        );
    if phase == Phase::Judged && random.u32(..100) < 15 {
        request.with("barrierefrei", "ja")
    } else {
        request
    }
}

fn book(random: &mut Rng, language: &str) -> Request {
    Request::get(
        format!("/{language}/termin/buchen"),
        random.u64(4_000..4_400),
    )
    .with("slot", token(random, 16))
    .with("vorname", name(random, &GIVEN))
    .with("nachname", name(random, &FAMILY))
    .with("email", mail(random))
    .with("telefon", telephone(random))
    .with("personen", 1 + often(random, 6))
    .maybe(random, 35, "bemerkung", sentence(&mut random.clone()))
    .with("csrf", token(random, 32))
}

fn street(random: &mut Rng) -> String {
    format!(
        "{} {}{}",
        pick(random, &STREETS),
        random.u32(1..240),
        pick(
            random,
            &["", "", "", "a", " b", "-12", "/2", " (Hinterhaus)"]
        )
    )
}

fn application(random: &mut Rng, language: &str, phase: Phase) -> Request {
    let kind = SERVICES[often(random, 8)];
    let mut request = Request::get(
        format!("/{language}/antrag/{kind}"),
        random.u64(7_000..7_900),
    )
    .with("step", random.u32(1..6))
    .with(
        "person[anrede]",
        pick(random, &["", "frau", "herr", "divers"]),
    )
    .with("person[vorname]", name(random, &GIVEN))
    .with("person[nachname]", name(random, &FAMILY))
    .with("person[geburtsdatum]", date(random))
    .with(
        "person[geburtsort]",
        pick(
            random,
            &[
                "Köln",
                "Łódź",
                "Київ",
                "Hà Nội",
                "Halle (Saale)",
                "'s-Hertogenbosch",
                "Frankfurt/M.",
                "İzmir",
            ],
        ),
    )
    .with("adresse[strasse]", street(random))
    .with("adresse[plz]", format!("{:05}", random.u32(1_067..99_998)))
    .with(
        "adresse[ort]",
        pick(
            random,
            &[
                "Berlin",
                "Bad Düben",
                "Neustadt a.d. Weinstr.",
                "Rothenburg ob der Tauber",
                "Ulm",
            ],
        ),
    );
    for _ in 0..random.u32(..4) {
        request = request
            .with("kinder[][name]", name(random, &GIVEN))
            .with("kinder[][geburtsdatum]", date(random));
    }
    if random.u32(..3) == 0 {
        request = request.with("konto[iban]", iban(random)).with(
            "konto[inhaber]",
            format!("{} {}", pick(random, &GIVEN), pick(random, &FAMILY)),
        );
    }
    if random.u32(..4) == 0 {
        request = request.with("einkommen", money(random));
    }
    if phase == Phase::Judged && kind == "wohngeld" {
        request = request.with("nachweis_digital", pick(random, &["1", "0"]));
    }
    request
        .maybe(random, 30, "begruendung", sentence(&mut random.clone()))
        .with("einwilligung", "on")
}

fn money(random: &mut Rng) -> String {
    let euros = random.u32(100..9_900);
    match random.u32(..5) {
        0 => format!("{euros},00 €"),
        1 => format!("{}.{:03},{:02}", euros / 1_000, euros % 1_000, euros % 100),
        2 => format!("ca. {euros}"),
        _ => euros.to_string(),
    }
}

fn report(random: &mut Rng, language: &str) -> Request {
    Request::get(
        format!("/{language}/mangel/melden"),
        random.u64(3_000..3_300),
    )
    .with(
        "kategorie",
        pick(
            random,
            &["strasse", "ampel", "muell", "baum", "laerm", "sonstiges"],
        ),
    )
    .with("lat", format!("52.{:06}", random.u32(300_000..700_000)))
    .with("lon", format!("13.{:06}", random.u32(100_000..700_000)))
    .with("text", sentence(random))
    .maybe(
        random,
        20,
        "foto",
        format!("IMG_{}.jpg", random.clone().u32(1_000..9_999)),
    )
}

fn payment(random: &mut Rng, language: &str) -> Request {
    Request::get(format!("/{language}/zahlung"), random.u64(2_000..2_200))
        .with(
            "kassenzeichen",
            format!(
                "{}.{:04}.{}",
                random.u32(10..99),
                random.u32(..9_999),
                random.u32(100_000..999_999)
            ),
        )
        .with("betrag", money(random))
        .with("iban", iban(random))
        .with(
            "bic",
            pick(random, &["", "COBADEFFXXX", "DEUTDEDB", "GENODEM1GLS"]),
        )
        .with("mandat", pick(random, &["ja", "nein"]))
}

fn status(random: &mut Rng, language: &str) -> Request {
    let file = match random.u32(..4) {
        0 => format!(
            "{}/{}-{}/26",
            random.u32(1..60),
            random.u32(1..9),
            random.u32(100..9_000)
        ),
        1 => format!("AZ {}-{}", random.u32(10..99), random.u32(100_000..999_999)),
        _ => format!("B-2026-{:06}", random.u32(..999_999)),
    };
    Request::get(format!("/{language}/vorgang"), random.u64(1_800..6_000))
        .with("az", file)
        .with("geburtsdatum", date(random))
}

fn download(random: &mut Rng) -> Request {
    let file = pick(
        random,
        &[
            "Antrag_Wohngeld_2026.pdf",
            "Gebührensatzung (Stand 01.01.2026).pdf",
            "Merkblatt-Hundesteuer.pdf",
            "Vollmacht.docx",
            "Haushalt 2026.xlsx",
            "Bebauungsplan 12a - Entwurf.pdf",
        ],
    );
    Request::get(format!("/downloads/{file}"), random.u64(80_000..900_000))
}

fn missing(random: &mut Rng, language: &str) -> Request {
    let path = match random.u32(..4) {
        0 => "/favicon.png".to_owned(),
        1 => format!("/{language}/leistung/{}x", pick(random, &SERVICES)),
        2 => "/buergeramt/termine.php".to_owned(),
        _ => "/apple-touch-icon.png".to_owned(),
    };
    Request::get(path, 1_540).answered(404, 1_540)
}
