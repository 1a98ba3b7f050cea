//! What people type into the forms of the benchmark's insurer, and how they get it wrong.

use fastrand::Rng;

use super::people::typed;
use super::request::{often, pick};

const STREETS: [&str; 14] = [
    "Via Roma",
    "Via G. Garibaldi",
    "Viale Mazzini",
    "V.le della Libertà",
    "Corso Unità d'Italia",
    "C.so Vittorio Emanuele II",
    "Piazza XX Settembre",
    "P.zza S. Francesco d'Assisi",
    "Via dell'Indipendenza",
    "Largo Papa Giovanni XXIII",
    "Loc. Ca' Bianca",
    "Contrada Città Giardino",
    "Via A. De Gasperi",
    "Dantestraße",
];
pub(super) const WORDS: [&str; 12] = [
    "juve", "stella", "marta", "ciao", "napoli", "amore", "gatto", "estate", "casa", "forza",
    "luna", "bimba",
];

pub(super) fn capital(text: &str) -> String {
    let (first, rest) = text.split_at(1.min(text.len()));
    format!("{}{rest}", first.to_uppercase())
}

/// In groups, as it is printed on a card.
pub(super) fn spaced(text: &str, by: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    let groups = characters.chunks(by).map(String::from_iter);
    groups.collect::<Vec<_>>().join(" ")
}

/// With one digit more, less or another.
pub(super) fn mistaken_digit(random: &mut Rng, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let place = random.usize(..characters.len().max(1));
    match random.u32(..3) {
        0 => characters.insert(place, char::from(random.u8(b'0'..=b'9'))),
        1 => drop(characters.remove(place)),
        _ => characters[place] = char::from(random.u8(b'0'..=b'9')),
    }
    characters.into_iter().collect()
}

pub(super) fn street(random: &mut Rng) -> String {
    let street = pick(random, &STREETS);
    typed(random, street)
}

pub(super) fn house(random: &mut Rng) -> String {
    let number = 1 + often(random, 260);
    match random.u32(..40) {
        0 | 1 => format!("{number}/{}", pick(random, &["A", "B", "c", "2"])),
        2 => format!("{number} bis"),
        3 => "snc".to_owned(),
        4 => format!("{number}, int. {}", random.u32(1..30)),
        5 => format!("{number}{}", pick(random, &["a", "B"])),
        6 => String::new(),
        _ => number.to_string(),
    }
}

pub(super) fn day(random: &mut Rng, [day, month, year]: [u32; 3]) -> String {
    match random.u32(..200) {
        0..8 => format!("{day}/{month}/{year}"),
        8..15 => format!("{day:02}-{month:02}-{year}"),
        15..20 => format!("{day:02}.{month:02}.{year}"),
        20..25 => format!("{day:02}{month:02}{year}"),
        25..28 => format!("{year}-{month:02}-{day:02}"),
        28..32 => format!("{day}/{month}/{:02}", year % 100),
        32 => "gg/mm/aaaa".to_owned(),
        33 => String::new(),
        34 => format!("{day:02}/{month:02}/{}", year % 1_000),
        _ => format!("{day:02}/{month:02}/{year}"),
    }
}

/// Of the weeks around today.
pub(super) fn lately(random: &mut Rng) -> [u32; 3] {
    [random.u32(1..31), random.u32(10..13), 2_026]
}

pub(super) fn telephone(random: &mut Rng) -> String {
    let (network, number) = (random.u32(320..393), random.u32(1_000_000..9_999_999));
    match random.u32(..300) {
        0..60 => format!("{network} {number}"),
        60..75 => format!("+39{network}{number}"),
        75..95 => format!("+39 {network} {number}"),
        95..100 => format!("0039{network}{number}"),
        100..115 => format!("0{}/{number}", pick(random, &["6", "2", "11", "81", "471"])),
        115..125 => format!("0{}-{number}", pick(random, &["6", "2", "55"])),
        125..150 => format!("0{}{number}", pick(random, &["6", "2", "51", "10"])),
        150..153 => format!("{network}.{}", spaced(&number.to_string(), 3)),
        153..155 => format!("({network}) {number}"),
        155 => format!("{network}{number} (ore pasti)"),
        156 => format!("{network}{number} / 06 {}", number / 10),
        157 => "nessuno".to_owned(),
        158..161 => mistaken_digit(random, &format!("{network}{number}")),
        _ => format!("{network}{number}"),
    }
}

/// Half of what people take, half of what their browser made up for them.
pub(super) fn password(random: &mut Rng) -> String {
    let word = pick(random, &WORDS);
    let number = random.u32(1..3_000);
    match random.u32(..100) {
        0..40 => format!("{word}{number}"),
        40..70 => format!(
            "{}{number}{}",
            capital(word),
            pick(
                random,
                &["!", ".", "!!", "?", "@", "*", "#", "$", "-", "_", "%", "&"]
            )
        ),
        70..76 => format!("{word} {} {number}", pick(random, &WORDS)),
        76..79 => format!("{}à{number}", capital(word)),
        79..81 => format!("<3{word}{number}"),
        81..83 => format!("l'{word}{number}"),
        83..94 => {
            let length = random.usize(3..5);
            let groups = (0..length).map(|_| random_text(random, 4));
            groups.collect::<Vec<_>>().join("-")
        }
        _ => random_text(random, 16),
    }
}

fn random_text(random: &mut Rng, length: usize) -> String {
    (0..length)
        .map(|_| match random.u32(..12) {
            0 if length > 8 => char::from(random.u8(b'!'..=b'/')),
            0..3 => char::from(random.u8(b'0'..=b'9')),
            3..7 => char::from(random.u8(b'A'..=b'Z')),
            _ => char::from(random.u8(b'a'..=b'z')),
        })
        .collect()
}

pub(super) fn card(random: &mut Rng) -> String {
    let digits = match random.u32(..20) {
        0 => format!(
            "37{}",
            random.u64(1_000_000_000_000_u64..10_000_000_000_000)
        ),
        _ => format!(
            "{}{}",
            random.u32(4..6),
            random.u64(100_000_000_000_000_u64..1_000_000_000_000_000)
        ),
    };
    match random.u32(..200) {
        0..44 => spaced(&digits, 4),
        44..47 => spaced(&digits, 4).replace(' ', "-"),
        47..50 => mistaken_digit(random, &digits),
        50 => format!("{digits} "),
        _ => digits,
    }
}

pub(super) fn iban(random: &mut Rng) -> String {
    let check = random.u32(10..99);
    let letter = char::from(random.u8(b'A'..=b'Z'));
    let banks = pick(
        random,
        &[
            "0306909606",
            "0200805351",
            "0760103200",
            "0538702400",
            "3608105138",
        ],
    );
    let account = random.u64(100_000_000_000..999_999_999_999);
    let plain = match random.u32(..40) {
        0 => format!("DE{check}{banks}{:08}", account % 100_000_000),
        _ => format!("IT{check}{letter}{banks}{account}"),
    };
    match random.u32(..100) {
        0..25 => spaced(&plain, 4),
        25..31 => plain.to_lowercase(),
        31..34 => mistaken_digit(random, &plain),
        34 => format!("IBAN {plain}"),
        _ => plain,
    }
}

pub(super) fn money(random: &mut Rng, most: usize) -> String {
    let euros = 20 + often(random, most);
    let cents = random.u32(..100);
    match random.u32(..100) {
        45..65 => format!("{euros},{cents:02}"),
        65..80 if euros > 999 => format!("{}.{:03},{cents:02}", euros / 1_000, euros % 1_000),
        80..88 => format!("{euros}.{cents:02}"),
        88..91 => format!("€ {euros}"),
        91..93 => format!("{euros} euro"),
        93..95 => format!("{euros},00 €"),
        95 => format!("circa {euros}"),
        96 => String::new(),
        97 => "0".to_owned(),
        _ => euros.to_string(),
    }
}

pub(super) fn plate(random: &mut Rng) -> String {
    let letter = |random: &mut Rng| char::from(b"ABCDEFGHJKLMNPRSTVWXYZ"[random.usize(..22)]);
    let (first, second) = (
        pick(random, &["A", "B", "C", "D", "E", "F", "G"]),
        letter(random),
    );
    let (third, fourth) = (letter(random), letter(random));
    let number = random.u32(..1_000);
    match random.u32(..200) {
        0..14 => format!("{first}{second} {number:03} {third}{fourth}"),
        14..36 => format!("{first}{second}{number:03}{third}{fourth}").to_lowercase(),
        36..42 => format!("{first}{second}{:05}", number * 97),
        42..45 => format!("{} {:06}", pick(random, &["RM", "MI", "TO"]), number * 991),
        45..47 => format!("{first}{second}-{number:03}-{third}{fourth}"),
        47 => "non lo so".to_owned(),
        48..51 => mistaken_digit(
            random,
            &format!("{first}{second}{number:03}{third}{fourth}"),
        ),
        _ => format!("{first}{second}{number:03}{third}{fourth}"),
    }
}
