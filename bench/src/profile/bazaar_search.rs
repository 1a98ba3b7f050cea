//! What people type, say and paste into the box of the benchmark's market, in their languages and with their
//! mistakes.

use fastrand::Rng;

use super::bazaar::{CATEGORIES, LANGUAGES, is_new, nickname};
use super::bazaar_api::{cursor, position};
use super::people::{SENTENCES, typed};
use super::request::{Request, often, pick, token};
use super::site::Phase;
use super::words;

const WANTED: [&str; 52] = [
    "ikea kallax",
    "iphone 13 mini 128gb",
    "Kinderwagen",
    "fahrrad 28 zoll damen",
    "vélo électrique",
    "canapé d'angle",
    "стіл",
    "дитячий велосипед",
    "koltuk takımı",
    "buzdolabı",
    "rower górski",
    "łóżko 140x200",
    "bakfiets",
    "sillón orejero",
    "bicicleta niño 20\"",
    "Schrank 2,40 m",
    "lego 75192",
    "PS5 + 2 controller",
    "rtx 3080 ti",
    "ryzen 7 5800x3d",
    "gibson les paul",
    "Waschmaschine (defekt)",
    "zu verschenken",
    "gratis",
    "umzugskartons",
    "iphone 12 ohne simlock",
    "samsung s23+",
    "pokémon karten",
    "vw golf 5 tür hinten rechts",
    "Winterreifen 205/55 R16",
    "kaffeemaschine De'Longhi",
    "Levi's 501 W32/L34",
    "H&M kleid gr. 38",
    "nintendo switch",
    "canon ef 50mm f/1.8",
    "thinkpad t480",
    "arduino uno r3",
    "raspberry pi 4 8gb",
    "akku 18v makita",
    "terrassendielen ~20 m²",
    "Katze",
    "wohnwagen bis 3000€",
    "tisch rund ø120",
    "80's vinyl",
    "AC/DC lp",
    "c++ buch",
    "javascript: the good parts",
    "SQL für Dummies",
    "select comfort matratze",
    "union jack sessel",
    "drop-leaf table",
    "order of the phoenix",
];
/// What was in the clipboard.
const PASTED: [&str; 16] = [
    "https://www.kleinanzeigen.example/s-anzeige/tisch/2931-86-3331?utm_source=sharesheet",
    "console.log(\"hello\")",
    "pip install requests==2.31",
    "for (let i = 0; i < n; i++) { }",
    "SELECT name FROM items WHERE price < 100",
    "<div class=\"price\">120 €</div>",
    "{\"id\": 42, \"name\": \"Tisch\"}",
    "Error: Cannot read properties of undefined (reading 'id')",
    "ssh pi@192.168.1.20",
    "C:\\Users\\Anna\\Pictures\\sofa.jpg",
    "Hallo, ist der Artikel noch da? Was ist letzte Preis?",
    "+49 151 23456789",
    "DE89 3704 0044 0532 0130 00",
    "Art.-Nr. 603.518.82 / 10.0kg",
    "=SUM(A1:A9)",
    "&nbsp;Tisch&nbsp;",
];
const PLACES: [&str; 18] = [
    "Berlin",
    "berlin neukölln",
    "12049",
    "Köln-Ehrenfeld",
    "München",
    "Paris 11e",
    "L'Haÿ-les-Roses",
    "'s-Gravenhage",
    "Łódź",
    "Львів",
    "İzmir",
    "Halle (Saale)",
    "St. Pölten",
    "Frankfurt/Oder",
    "8001 Zürich",
    "Mitte, Berlin",
    "A Coruña",
    "Straße des 17. Juni 135",
];

pub(super) fn place(random: &mut Rng) -> String {
    let place = PLACES[often(random, PLACES.len())];
    typed(random, place)
}

fn wanted(random: &mut Rng) -> String {
    let one = WANTED[often(random, WANTED.len())];
    match random.u32(..1_000) {
        0..420 => one.to_lowercase(),
        420..600 => typed(random, one),
        600..680 => words::search(random),
        680..730 => format!("{one} {}", place(random)),
        730..760 => words::mistyped(random, one),
        760..785 => format!(
            "{one} {}",
            pick(
                random,
                &[
                    "günstig",
                    "cheap",
                    "pas cher",
                    "neu",
                    "недорого",
                    "ikinci el"
                ]
            )
        ),
        785..800 => format!("\"{one}\""),
        800..812 => format!("{one} -defekt"),
        812..824 => format!("{one} {}€", 5 * random.u32(1..200)),
        824..836 => format!("{one}, {}", pick(random, &WANTED)),
        836..846 => format!("{one} / {}", pick(random, &WANTED)),
        846..856 => format!("{} {one}", pick(random, &["🚲", "🛋️", "❤️", "🎸🔥", "👶🏽"])),
        856..864 => format!("{one}?"),
        864..872 => format!("@{}", nickname(random)),
        872..880 => token(random, 8),
        880..886 => one.to_uppercase(),
        886..892 => format!("suche {one}!!!"),
        892..897 => pick(random, &PASTED).to_owned(),
        897..900 => pick(random, &SENTENCES).to_owned(),
        900..906 => one.replace('\'', "’"),
        906..910 => pick(random, &["*", ".", "??", "''", ";", "%", "\\", "asdf"]).to_owned(),
        910..940 => String::new(),
        940..944 => format!("{one}\n"),
        944..948 => format!("#{}", one.replace(' ', "")),
        948..952 => format!("{one}={}", random.u32(1..99)),
        _ => format!("{} {}", one, random.u32(1..300)),
    }
}

pub(super) fn search(random: &mut Rng, phase: Phase) -> Request {
    let request = Request::get("/api/v2/search", random.u64(800..30_000))
        .with("q", wanted(random))
        .with("lang", LANGUAGES[often(random, LANGUAGES.len())])
        .some(random, 40, "cat", |random| {
            CATEGORIES[often(random, CATEGORIES.len())].to_owned()
        })
        .some(random, 45, "near", position)
        .some(random, 45, "km", |random| {
            pick(random, &["5", "10", "25", "50"]).to_owned()
        })
        .some(random, 25, "after", cursor)
        .some(random, 10, "priceMax", |random| match random.u32(..20) {
            0 => format!("{},50", random.u32(1..200)),
            1 => String::new(),
            _ => (5 * random.u32(1..400)).to_string(),
        })
        .with("limit", "24");
    if is_new(random, phase) {
        request
            .with("rank", pick(random, &["hybrid", "hybrid", "lexical"]))
            .some(random, 20, "voice", |_| "1".to_owned())
    } else {
        request
    }
}

/// With each letter that is typed.
pub(super) fn complete(random: &mut Rng) -> Request {
    let (path, text) = if random.u32(..4) == 0 {
        ("/api/v2/geo/suggest", place(random))
    } else {
        ("/api/v2/search/suggest", wanted(random))
    };
    let letters = random.usize(1..15);
    Request::get(path, random.u64(60..900))
        .with("q", text.chars().take(letters).collect::<String>())
        .with("lang", LANGUAGES[often(random, LANGUAGES.len())])
        .some(random, 35, "proximity", position)
        .with("session", token(random, 12))
}
