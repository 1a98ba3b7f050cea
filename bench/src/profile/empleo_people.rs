//! Who looks for work at the benchmark's town hall, and how they write what every form asks of them.

use fastrand::Rng;

use super::insurer_values::{capital, mistaken_digit, spaced};
use super::people::typed;
use super::request::{often, pick};
use super::tienda::identity;
use super::words;

const GIVEN: [&str; 36] = [
    "Antonio",
    "María del Carmen",
    "José Luis",
    "Lucía",
    "Mª Ángeles",
    "Javier",
    "Encarnación",
    "Francisco José",
    "Núria",
    "Aitor",
    "Xoán",
    "Begoña",
    "Iván",
    "Rocío",
    "Jordi",
    "Pau",
    "Yolanda",
    "Ainhoa",
    "Wilson Andrés",
    "Yeimy",
    "Luz Marina",
    "Brayan",
    "Dayana",
    "Mihaela",
    "Ionuț",
    "Youssef",
    "Fátima Zahra",
    "Oksana",
    "Дмитро",
    "Wei",
    "Mamadou",
    "Giuliana",
    "John",
    "Chloë",
    "Ángel",
    "Mª José",
];
const FAMILY: [&str; 40] = [
    "García",
    "Fernández",
    "de la Fuente",
    "Rodríguez",
    "López",
    "Martínez",
    "Sánchez",
    "Pérez",
    "Gómez",
    "Muñoz",
    "Ibáñez",
    "Peña",
    "del Río",
    "Puig i Ferrer",
    "Sant'Anna",
    "Etxeberria",
    "Goñi-Lizarraga",
    "Castiñeiras",
    "Quispe Mamani",
    "Zambrano",
    "Cedeño",
    "Rojas",
    "Popescu",
    "Ungureanu",
    "El Idrissi",
    "Ben-Haddou",
    "Шевченко",
    "Chen",
    "N'Diaye",
    "O'Brien",
    "D'Angelo",
    "Müller",
    "Costa e Silva",
    "Ruiz de Azúa",
    "Vázquez",
    "Domínguez",
    "Núñez",
    "Cañizares",
    "Benítez",
    "Y Vega",
];
const STREETS: [&str; 22] = [
    "C/ Mayor",
    "Calle Ntra. Sra. del Pilar",
    "Avda. de la Constitución",
    "Avenida Rey Juan Carlos I",
    "Plaza de España",
    "Pza. del Ayuntamiento",
    "Paseo de la Castellana",
    "Ctra. de Cádiz",
    "Carretera N-340 km. 12,5",
    "C/. Doctor Fleming",
    "Urb. Los Olivos",
    "Travesía de Sta. Mª la Mayor",
    "Carrer d'en Gall",
    "Camí de l'Horta",
    "Rúa do Vilar",
    "Bº San Antón",
    "Pol. Ind. \"La Noria\"",
    "calle 8 de marzo",
    "Ronda Sur",
    "Glorieta Embajadores",
    "Lugar A Ponte",
    "Cno. Viejo de Vélez",
];
const TOWNS: [(&str, &str); 20] = [
    ("Vélez-Málaga", "297"),
    ("Málaga", "290"),
    ("Torre del Mar", "297"),
    ("Rincón de la Victoria", "297"),
    ("Nerja", "297"),
    ("Granada", "180"),
    ("Almería", "040"),
    ("Córdoba", "140"),
    ("El Ejido", "047"),
    ("L'Hospitalet de Llobregat", "089"),
    ("Donostia / San Sebastián", "200"),
    ("Alcalá de Henares (Madrid)", "288"),
    ("A Coruña", "150"),
    ("Sant Boi", "088"),
    ("La Línea de la Concepción", "113"),
    ("Los Barrios", "113"),
    ("Villanueva de la Serena", "067"),
    ("Puerto Sta. María", "115"),
    ("Logroño", "260"),
    ("Cd. Real", "130"),
];
const PLACES: [&str; 9] = [
    "gmail.com",
    "hotmail.com",
    "gmail.com",
    "hotmail.es",
    "yahoo.es",
    "outlook.es",
    "ono.com",
    "andaluciajunta.es",
    "icloud.com",
];

/// Somebody; what one form asks is about one person.
pub(super) struct Applicant {
    pub(super) given: &'static str,
    pub(super) first: &'static str,
    pub(super) second: &'static str,
    /// The day, the month and the year of birth.
    born: [u32; 3],
    town: (&'static str, &'static str),
}

pub(super) fn applicant(random: &mut Rng) -> Applicant {
    Applicant {
        given: GIVEN[often(random, GIVEN.len())],
        first: FAMILY[often(random, FAMILY.len())],
        second: if random.u32(..6) == 0 {
            ""
        } else {
            pick(random, &FAMILY)
        },
        born: [
            random.u32(1..32),
            random.u32(1..13),
            random.u32(1_951..2_010),
        ],
        town: TOWNS[often(random, TOWNS.len())],
    }
}

impl Applicant {
    pub(super) fn full_name(&self, random: &mut Rng) -> String {
        let name = match random.u32(..5) {
            0 => format!("{} {}, {}", self.first, self.second, self.given),
            _ => format!("{} {} {}", self.given, self.first, self.second),
        };
        typed(random, name.trim_end())
    }

    pub(super) fn town(&self, random: &mut Rng) -> String {
        typed(random, self.town.0)
    }

    pub(super) fn postcode(&self, random: &mut Rng) -> String {
        let code = format!("{}{:02}", self.town.1, random.u32(1..70));
        match random.u32(..150) {
            // The first nought is lost where somebody copies it out of a spreadsheet.
            0..3 => code.trim_start_matches('0').to_owned(),
            3 => mistaken_digit(random, &code),
            4 => format!("E-{code}"),
            5 => String::new(),
            6 => format!("{code} "),
            _ => code,
        }
    }

    pub(super) fn birthday(&self, random: &mut Rng) -> String {
        written(random, self.born)
    }

    pub(super) fn mail(&self, random: &mut Rng) -> String {
        let plain = |name: &str| -> String {
            let letters = name.chars().filter(char::is_ascii_alphabetic);
            let plain = letters.collect::<String>().to_lowercase();
            if plain.is_empty() {
                "dima".to_owned()
            } else {
                plain
            }
        };
        let (given, family) = (plain(self.given), plain(self.first));
        let number = random.u32(1..2_010);
        let name = match random.u32(..7) {
            0 => format!("{given}.{family}"),
            1 => format!("{given}{number}"),
            2 => format!("{family}_{given}{}", number % 100),
            3 => format!("{}{family}", given.chars().take(1).collect::<String>()),
            4 => format!("{given}-{}", number % 90),
            5 => format!("{given}{family}+empleo"),
            _ => format!("{given}{family}{}", number % 1_000),
        };
        let mail = format!("{name}@{}", pick(random, &PLACES));
        match random.u32(..400) {
            0..5 => capital(&mail),
            5..9 => mail.to_uppercase(),
            9..13 => format!("{mail} "),
            13 => mail.replace('@', " @"),
            14 => mail.replace(".com", ",com"),
            15 => mail.replace(".com", ""),
            16 => mail.replace("@gmail", "@gmial"),
            17 => format!("{mail}, {name}@{}", pick(random, &PLACES)),
            18 => "no tengo".to_owned(),
            19 => mail.replacen(char::is_alphabetic, "ñ", 1),
            20 => name,
            _ => mail,
        }
    }
}

/// The number of a card, of a foreigner, of a firm, or of a passport.
pub(super) fn document(random: &mut Rng) -> String {
    let card = identity(random);
    match random.u32(..300) {
        0..30 => format!("{}{}", pick(random, &["X", "Y", "Z"]), card.split_at(1).1),
        30..48 => card.to_lowercase(),
        48..60 => format!("{}-{}", card.split_at(8).0, card.split_at(8).1),
        60..66 => format!("{} {}", card.split_at(8).0, card.split_at(8).1),
        66..71 => {
            let (millions, rest) = card.split_at(2);
            let (thousands, rest) = rest.split_at(3);
            let (ones, letter) = rest.split_at(3);
            format!("{millions}.{thousands}.{ones}-{letter}")
        }
        71..76 => card.split_at(8).0.to_owned(),
        76..78 => mistaken_digit(random, &card),
        78..82 => format!(
            "{}{}",
            pick(random, &["A", "B", "G", "P"]),
            card.split_at(8).0
        ),
        82..86 => format!(
            "{}{}",
            pick(random, &["AAB", "PAK", "FR", "YA", "C0"]),
            card.split_at(6).0
        ),
        86 => format!("{card} "),
        87 => format!("NIE {card}"),
        _ => card,
    }
}

pub(super) fn telephone(random: &mut Rng) -> String {
    let number = format!(
        "{}{}",
        pick(random, &["6", "6", "6", "7", "952", "951"]),
        random.u32(10_000_000..99_999_999)
    );
    let number: String = number.chars().take(9).collect();
    match random.u32(..200) {
        0..30 => spaced(&number, 3),
        30..40 => format!(
            "{} {}",
            number.split_at(3).0,
            spaced(number.split_at(3).1, 2)
        ),
        40..50 => format!("+34{number}"),
        50..55 => format!("+34 {}", spaced(&number, 3)),
        55..58 => format!("0034{number}"),
        58..61 => spaced(&number, 3).replace(' ', "-"),
        61..63 => spaced(&number, 3).replace(' ', "."),
        63 => format!("{number} (tardes)"),
        64 => format!("{number} / 952{}", random.u32(100_000..999_999)),
        65 => format!("(+34) {number}"),
        66..68 => mistaken_digit(random, &number),
        68 => "no".to_owned(),
        69 => format!("+40 7{}", spaced(number.split_at(1).1, 3)),
        _ => number,
    }
}

/// A street with all that a Spanish address has behind it.
pub(super) fn street(random: &mut Rng) -> String {
    let street = pick(random, &STREETS);
    let number = 1 + often(random, 190);
    let floor = 1 + often(random, 9);
    let address = match random.u32(..14) {
        0 => format!("{street} s/n"),
        1 => format!(
            "{street} nº {number}, {floor}º {}",
            pick(random, &["A", "B", "Izq.", "Dcha"])
        ),
        2 => format!("{street}, {number} - {floor}ºC"),
        3 => format!("{street} {number} bajo"),
        4 => format!(
            "{street} nº{number} Esc. {floor} Pta. {}",
            random.u32(1..20)
        ),
        5 => format!(
            "{street}, {number}, Bl.{floor}, {floor}-{}",
            random.u32(1..9)
        ),
        6 => format!("{street} {number} {floor}ª"),
        7 => format!("{street} {number}/{floor}"),
        8 => format!("{street} #{number}-{floor}"),
        _ => format!("{street} {number}"),
    };
    typed(random, &address)
}

/// A day as people write it, and as boxes for days send it.
pub(super) fn written(random: &mut Rng, [day, month, year]: [u32; 3]) -> String {
    match random.u32(..160) {
        0..12 => format!("{day}/{month}/{year}"),
        12..20 => format!("{day:02}-{month:02}-{year}"),
        20..40 => format!("{year}-{month:02}-{day:02}"),
        40..44 => format!("{day}/{month}/{:02}", year % 100),
        44..46 => format!("{day:02}.{month:02}.{year}"),
        46 => format!(
            "{day} de {} de {year}",
            pick(random, &["marzo", "mayo", "octubre"])
        ),
        47 => format!("{day:02}{month:02}{year}"),
        48 => String::new(),
        49 => "dd/mm/aaaa".to_owned(),
        _ => format!("{day:02}/{month:02}/{year}"),
    }
}

/// A day of this autumn.
pub(super) fn recent(random: &mut Rng) -> String {
    let day = [random.u32(1..31), random.u32(9..13), 2_026];
    written(random, day)
}

/// As people choose it; one in some comes from a program that keeps them.
pub(super) fn secret(random: &mut Rng) -> String {
    let word = pick(
        random,
        &[
            "betis",
            "malaga",
            "carmen",
            "sevillafc",
            "lucia",
            "perrito",
            "tequiero",
            "semana",
            "barsa",
            "niña",
            "verano",
            "chiquilla",
        ],
    );
    let number = random.u32(1..2_026);
    match random.u32(..100) {
        0..40 => format!("{word}{number}"),
        40..60 => format!(
            "{}{number}{}",
            capital(word),
            pick(random, &[".", "!", "*", "_", "$", "@"])
        ),
        60..70 => number.to_string().repeat(2),
        70..76 => format!("{} {}", word, words::thing(random)),
        76..80 => format!("¡{}{}!", capital(word), number % 100),
        80..83 => format!("{word}'{number}"),
        83..85 => format!("{}&{word}", number % 100),
        _ => (0..random.usize(10..18))
            .map(|_| match random.u32(..9) {
                0 => char::from(random.u8(b'!'..=b'/')),
                _ => random.alphanumeric(),
            })
            .collect(),
    }
}
