//! A university: a content system of numbered pages, a library's catalogue, courses with files, rooms and
//! people as old scripts serve them, forms with long text, and dates in as many forms as there are offices.

use fastrand::Rng;

use super::campus_forms::{
    canteen, contact, harvest, homepage, people, publications, room, single_sign_on,
};
use super::people::{FAMILY, GIVEN, SENTENCES};
use super::request::{Request, often, pick, token};
use super::site::{Phase, Site};
use super::{tamper, words};

pub(super) const INSTITUTES: [&str; 12] = [
    "Institut für Informatik",
    "Germanistik",
    "Physik (Theorie)",
    "Med. Klinik II",
    "Recht & Wirtschaft",
    "Sportwissenschaft",
    "Chemie",
    "Mathematik",
    "Musik",
    "Geographie",
    "Orientalistik",
    "Z.K.E.",
];
const TITLES: [&str; 14] = [
    "Faust I",
    "Der Prozeß",
    "L'Étranger",
    "Introduction to Algorithms",
    "C# in a Nutshell",
    "Was ist Aufklärung?",
    "The C++ Programming Language",
    "Война и мир",
    "Physik für Ingenieure, Bd. 2",
    "1984",
    "Don't Make Me Think",
    "BGB: Schuldrecht",
    "Ökologie",
    "Grundriß der Statistik",
];
const PAGES: [&str; 16] = [
    "/de/",
    "/en/",
    "/de/studium/bewerbung.html",
    "/de/studium/fristen.html",
    "/de/forschung/index.html",
    "/en/research/index.html",
    "/de/bibliothek/oeffnungszeiten.html",
    "/en/library/opening-hours.html",
    "/de/international/erasmus+.html",
    "/de/karriere/stellen.html",
    "/de/presse/pm_2026_118.html",
    "/de/presse/pm_2026_117.html",
    "/de/impressum.html",
    "/en/imprint.html",
    "/de/kontakt.html",
    "/de/a-z.html",
];

pub(super) struct Campus;

impl Site for Campus {
    fn host(&self) -> &'static str {
        "campus.example"
    }

    fn attack_kinds(&self) -> &'static [&'static str] {
        &tamper::KINDS
    }

    fn attack(&self, random: &mut Rng, visit: Request) -> Option<(Request, usize)> {
        tamper::make(random, visit)
    }

    fn visit(&self, random: &mut Rng, phase: Phase) -> Request {
        match random.u32(..1_000) {
            0..140 => Request::get(pick(random, &PAGES), random.u64(20_000..60_000)),
            140..270 => numbered(random, phase),
            270..370 => catalogue(random, phase),
            370..430 => record(random),
            430..500 => lectures(random, phase),
            500..640 => courses(random),
            640..680 => people(random),
            680..720 => canteen(random),
            720..745 => contact(random),
            745..770 => room(random),
            770..795 => harvest(random),
            795..830 => homepage(random),
            830..850 => publications(random),
            850..875 => single_sign_on(random),
            875..940 => asset(random, phase),
            part => rest(random, part, phase),
        }
    }
}

fn rest(random: &mut Rng, part: u32, phase: Phase) -> Request {
    match part {
        ..950 => Request::get("/robots.txt", 700),
        950..958 => Request::get("/favicon.ico", 5_430),
        958..966 => Request::get("/rss.php", random.u64(9_000..20_000))
            .with("feed", pick(random, &["news", "termine", "stellen"])),
        966..970 if phase == Phase::Judged => {
            Request::get("/de/klimaschutz/strategie.html", 30_000)
        }
        966..980 => Request::get(
            format!(
                "/de/presse/pm_{}_{}.html",
                random.u32(2_009..2_020),
                random.u32(1..200)
            ),
            4_000,
        )
        .answered(404, 4_000),
        980..988 => Request::get("/fb10/personal.shtml", 4_000).answered(404, 4_000),
        _ => Request::get("/webmail/", 0).by("POST").answered(302, 0),
    }
}

/// Pages of a content system, which go by numbers.
fn numbered(random: &mut Rng, phase: Phase) -> Request {
    let request = Request::get("/index.php", random.u64(20_000..70_000))
        .with(
            "id",
            1 + often(random, if phase == Phase::Judged { 2_450 } else { 2_400 }),
        )
        .maybe(random, 40, "L", often(&mut random.clone(), 3));
    match random.u32(..6) {
        0 => request
            .with("tx_news_pi1[action]", pick(random, &["detail", "list"]))
            .with("tx_news_pi1[controller]", "News")
            .with("tx_news_pi1[news]", 4_000 + often(random, 800))
            .with("cHash", token(random, 32)),
        1 => request
            .with("tx_kesearch_pi1[sword]", text(random))
            .with("tx_kesearch_pi1[page]", 1 + often(random, 9))
            .maybe(
                random,
                30,
                "tx_kesearch_pi1[sortByField]",
                pick(&mut random.clone(), &["score", "title", "sortdate"]),
            ),
        2 => request.with("type", pick(random, &["98", "100"])),
        _ => request,
    }
}

/// What is looked for, typed or pasted.
pub(super) fn text(random: &mut Rng) -> String {
    match random.u32(..40) {
        0 => format!("\"{}\"", pick(random, &TITLES)),
        1 => format!(
            "{} AND {}",
            pick(random, &TITLES),
            pick(random, &INSTITUTES)
        ),
        2 => format!("{}*", words::thing(random)),
        3 => format!(
            "{} / hrsg. von {}",
            pick(random, &TITLES),
            pick(random, &FAMILY)
        ),
        4 => format!("{}: {}", pick(random, &FAMILY), pick(random, &TITLES)),
        5 => pick(random, &SENTENCES).to_owned(),
        6 => pick(random, &TITLES).to_uppercase(),
        7 => format!("{} ({})", pick(random, &TITLES), random.u32(1_890..2_027)),
        8 => format!("\t{}", pick(random, &TITLES)),
        9 => "MÃ¼ller".to_owned(),
        10..20 => words::search(random),
        20..26 => pick(random, &FAMILY).to_owned(),
        _ => pick(random, &TITLES).to_owned(),
    }
}

fn isbn(random: &mut Rng) -> String {
    let number = random.u32(10_000_000..99_999_999);
    match random.u32(..5) {
        0 => format!(
            "978-3-{}-{:05}-{}",
            random.u32(10..999),
            number % 100_000,
            number % 10
        ),
        1 => format!("3{number}X"),
        2 => format!(
            "3-{}-{:05}-{}",
            random.u32(10..999),
            number % 100_000,
            number % 10
        ),
        _ => format!("9783{number}{}", number % 10),
    }
}

fn catalogue(random: &mut Rng, phase: Phase) -> Request {
    let mut request = Request::get("/opac/search.php", random.u64(20_000..90_000));
    request = match random.u32(..10) {
        0..5 => request.with("q", text(random)),
        5 | 6 => request
            .with("title", text(random))
            .with("author", author(random))
            .maybe(random, 40, "year_from", random.clone().u32(1_900..2_027))
            .maybe(random, 40, "year_to", random.clone().u32(1_950..2_027)),
        7 => request.with("isbn", isbn(random)),
        _ => request.with("author", author(random)),
    };
    for _ in 0..often(random, 4) {
        request = request.with(
            "material[]",
            pick(random, &["book", "journal", "dvd", "map", "e-book"]),
        );
    }
    if phase == Phase::Judged {
        request = request.maybe(random, 4, "open_access", "1");
    }
    request
        .maybe(
            random,
            40,
            "sort",
            pick(
                &mut random.clone(),
                &["relevance", "year", "title", "author"],
            ),
        )
        .maybe(random, 35, "page", 1 + often(&mut random.clone(), 40))
        .maybe(random, 50, "lang", pick(&mut random.clone(), &["de", "en"]))
        .maybe(random, 60, "PHPSESSID", token(&mut random.clone(), 26))
}

pub(super) fn author(random: &mut Rng) -> String {
    let (family, given) = (pick(random, &FAMILY), pick(random, &GIVEN));
    match random.u32(..6) {
        0 => family.to_owned(),
        1 => format!("{given} {family}"),
        2 => format!("{family}, {}.", given.chars().next().unwrap_or('A')),
        _ => format!("{family}, {given}"),
    }
}

fn record(random: &mut Rng) -> Request {
    let number = random.u32(10_000_000..190_000_000);
    let check = if number % 11 == 10 {
        "X".to_owned()
    } else {
        (number % 10).to_string()
    };
    let request = Request::get("/opac/record.php", random.u64(9_000..20_000))
        .with("ppn", format!("{number:09}{check}"));
    match random.u32(..6) {
        0 => request.with("export", pick(random, &["ris", "bibtex", "endnote"])),
        1 => request
            .with("action", "reserve")
            .with("user", format!("B{:07}", random.u32(..9_999_999))),
        _ => request.maybe(random, 60, "PHPSESSID", token(&mut random.clone(), 26)),
    }
}

/// A course catalogue as HIS made it.
fn lectures(random: &mut Rng, phase: Phase) -> Request {
    let session = match random.u32(..4) {
        0 => format!(
            ";jsessionid={}.lsf{}",
            token(random, 32).to_uppercase(),
            random.u32(1..4)
        ),
        _ => String::new(),
    };
    let request = Request::get(
        format!("/qisserver/rds{session}"),
        random.u64(20_000..60_000),
    );
    match random.u32(..4) {
        0 => request
            .with("state", "wtree")
            .with("search", 1)
            .with("trex", "step")
            .with(
                "root120261",
                format!("{}|{}", random.u32(100..9_000), random.u32(100..9_000)),
            )
            .with("P.vx", pick(random, &["kurz", "mittel", "lang"])),
        1 => request
            .with("state", "wsearchv")
            .with("search", 2)
            .with("veranstaltung.dtxt", text(random))
            .with(
                "veranstaltung.semester",
                if phase == Phase::Judged {
                    "20262"
                } else {
                    "20261"
                },
            )
            .with("P_start", 10 * often(random, 12))
            .with("P_anzahl", 10),
        _ => request
            .with("state", "verpublish")
            .with("status", "init")
            .with("vmfile", "no")
            .with("publishid", random.u32(90_000..140_000))
            .with("moduleCall", "webInfo")
            .with(
                "publishConfFile",
                pick(random, &["webInfo", "webInfoPerson"]),
            )
            .with(
                "publishSubDir",
                pick(random, &["veranstaltung", "personal"]),
            ),
    }
}

fn courses(random: &mut Rng) -> Request {
    let number = 100 + often(random, 9_000);
    match random.u32(..8) {
        0 | 1 => Request::get("/moodle/course/view.php", random.u64(40_000..90_000))
            .with("id", number)
            .maybe(random, 25, "section", often(&mut random.clone(), 14)),
        2 => Request::get("/moodle/mod/forum/discuss.php", random.u64(20_000..60_000))
            .with("d", number * 3)
            .maybe(random, 30, "parent", number * 7),
        3 => Request::get("/moodle/mod/quiz/attempt.php", random.u64(20_000..60_000))
            .with("attempt", random.u32(100_000..900_000))
            .with("cmid", number * 5)
            .maybe(random, 60, "page", often(&mut random.clone(), 20)),
        4 | 5 => file(random),
        6 => Request::get("/moodle/calendar/view.php", random.u64(20_000..60_000))
            .with("view", pick(random, &["month", "day", "upcoming"]))
            .with("time", 1_790_000_000 + random.u32(..9_000_000)),
        _ => Request::get("/moodle/lib/ajax/service.php", random.u64(100..9_000))
            .by("POST")
            .with("sesskey", token(random, 10))
            .with(
                "info",
                pick(
                    random,
                    &[
                        "core_fetch_notifications",
                        "core_calendar_get_action_events_by_timesort",
                        "core_course_get_enrolled_courses_by_timeline_classification",
                    ],
                ),
            ),
    }
}

/// Files go by what teachers call them.
fn file(random: &mut Rng) -> Request {
    let number = random.u32(1..14);
    let name = match random.u32(..7) {
        0 => format!("Übungsblatt {number}.pdf"),
        1 => format!("Skript_{number:02} (Kap. {}).pdf", number + 1),
        2 => format!("VL{number}-handout_v{}.pptx", number % 4),
        3 => format!(
            "{} - {}.pdf",
            pick(random, &FAMILY),
            pick(random, &TITLES).replace(['?', '#'], "")
        ),
        4 => format!("daten{number}.csv"),
        5 => format!("Lösung Blatt {number} (korrigiert!).pdf"),
        _ => format!("video_{number}.mp4"),
    };
    Request::get(
        format!(
            "/moodle/pluginfile.php/{}/mod_resource/content/{}/{name}",
            random.u32(10_000..400_000),
            random.u32(1..6)
        ),
        random.u64(30_000..9_000_000),
    )
    .maybe(random, 40, "forcedownload", 1)
}

fn asset(random: &mut Rng, phase: Phase) -> Request {
    let built = if phase == Phase::Judged {
        1_795_100_000
    } else {
        1_790_200_000
    };
    let file = pick(
        random,
        &["main.css", "print.css", "menu.js", "jquery-3.7.1.min.js"],
    );
    Request::get(
        format!("/typo3conf/ext/site/Resources/Public/{file}"),
        random.u64(9_000..9_300),
    )
    .with(&built.to_string(), "")
}
