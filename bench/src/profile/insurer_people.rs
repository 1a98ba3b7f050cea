//! Whom the insurer of the benchmark insures: people in Italy, and how they write who they are.

use fastrand::Rng;

use super::insurer_values::{WORDS, capital, day, mistaken_digit, spaced};
use super::people::typed;
use super::request::{often, pick};

const GIVEN: [&str; 34] = [
    "Marco",
    "Giulia",
    "Francesco",
    "Nicolò",
    "Chiara",
    "Alessandro",
    "Maria Grazia",
    "Gian Luca",
    "Giosuè",
    "Anna Maria",
    "Elisabetta",
    "Davide",
    "Martina",
    "Luca",
    "Sofia",
    "Pier Paolo",
    "Sara",
    "Matteo",
    "Roberta",
    "Jürgen",
    "Ştefan",
    "Łucja",
    "Mohamed",
    "Fatima",
    "Xin",
    "Andrei",
    "Ioana",
    "José",
    "Noemi",
    "Désirée",
    "Carlo",
    "Paola",
    "Giuseppe",
    "Олена",
];
const FAMILY: [&str; 40] = [
    "Rossi",
    "Russo",
    "Ferrari",
    "Esposito",
    "Bianchi",
    "De Luca",
    "D'Angelo",
    "Colombo",
    "Ricci",
    "Marino",
    "Greco",
    "Bruno",
    "Gallo",
    "Dell'Acqua",
    "Lo Giudice",
    "Di Stefano",
    "Conti",
    "Dal Molin",
    "Cantù",
    "Nicolò",
    "Müller",
    "Pichler",
    "Weiß",
    "Popescu",
    "Ionescu",
    "Hu",
    "Singh",
    "El Amrani",
    "Ivančič",
    "Fernández Ruiz",
    "Sant'Ambrogio",
    "Zanon",
    "Fabbri",
    "Rinaldi",
    "Caruso",
    "Mancini-Serra",
    "Villa",
    "Lombardi",
    "Moretti",
    "Barbieri",
];
/// Towns, how their postcodes begin, and their provinces.
const TOWNS: [(&str, &str, &str); 26] = [
    ("Roma", "001", "RM"),
    ("Milano", "201", "MI"),
    ("Torino", "101", "TO"),
    ("Napoli", "801", "NA"),
    ("Genova", "161", "GE"),
    ("Palermo", "901", "PA"),
    ("Bologna", "401", "BO"),
    ("Firenze", "501", "FI"),
    ("Bari", "701", "BA"),
    ("Verona", "371", "VR"),
    ("Reggio nell'Emilia", "421", "RE"),
    ("Reggio di Calabria", "891", "RC"),
    ("Forlì", "471", "FC"),
    ("Cantù", "220", "CO"),
    ("L'Aquila", "671", "AQ"),
    ("Bolzano/Bozen", "391", "BZ"),
    ("San Donà di Piave", "300", "VE"),
    ("Sant'Agata de' Goti", "820", "BN"),
    ("Cefalù", "900", "PA"),
    ("Nardò", "730", "LE"),
    ("Aci Sant'Antonio", "950", "CT"),
    ("Sesto San Giovanni", "200", "MI"),
    ("Canicattì", "920", "AG"),
    ("Trento", "381", "TN"),
    ("Brixen - Bressanone", "390", "BZ"),
    ("Châtillon (AO)", "110", "AO"),
];
/// Somebody; what is asked of one form is of one person.
pub(super) struct Person {
    pub(super) given: &'static str,
    pub(super) family: &'static str,
    pub(super) is_woman: bool,
    /// The day, the month and the year.
    pub(super) born: [u32; 3],
    town: (&'static str, &'static str, &'static str),
}

pub(super) fn person(random: &mut Rng) -> Person {
    Person {
        given: pick(random, &GIVEN),
        family: FAMILY[often(random, FAMILY.len())],
        is_woman: random.bool(),
        born: [
            random.u32(1..29),
            random.u32(1..13),
            random.u32(1_936..2_008),
        ],
        town: TOWNS[often(random, TOWNS.len())],
    }
}

impl Person {
    pub(super) fn town(&self, random: &mut Rng) -> String {
        typed(random, self.town.0)
    }

    pub(super) fn province(&self, random: &mut Rng) -> String {
        match random.u32(..60) {
            0 => self.town.2.to_lowercase(),
            1 => String::new(),
            _ => self.town.2.to_owned(),
        }
    }

    pub(super) fn postcode(&self, random: &mut Rng) -> String {
        let code = format!("{}{:02}", self.town.1, random.u32(..100));
        match random.u32(..250) {
            0 => code.get(..4).unwrap_or_default().to_owned(),
            1 => format!("I-{code}"),
            2 => format!("{code} "),
            3 => format!("{code} {}", self.town.0),
            4 => String::new(),
            _ => code,
        }
    }

    pub(super) fn birthday(&self, random: &mut Rng) -> String {
        day(random, self.born)
    }

    /// The number by which the state knows somebody, with its check letter.
    pub(super) fn tax_code(&self, random: &mut Rng) -> String {
        let [date, month, year] = self.born;
        let date = if self.is_woman { date + 40 } else { date };
        let month = char::from(b"ABCDEHLMPRST"[(month.max(1) - 1) as usize % 12]);
        let start = format!(
            "{}{}{:02}{month}{date:02}{}{:03}",
            three_letters(self.family),
            three_letters(self.given),
            year % 100,
            pick(random, &["A", "D", "F", "H", "L", "Z"]),
            random.u32(1..999)
        );
        let code = format!("{start}{}", check_letter(&start));
        match random.u32(..400) {
            0..40 => code.to_lowercase(),
            40..44 => spaced(&code, 3),
            44..46 => code.replace('0', "O"),
            46..49 => code.get(..15).unwrap_or_default().to_owned(),
            49..52 => format!("{code} "),
            52..55 => mistaken_digit(random, &code),
            _ => code,
        }
    }

    pub(super) fn mail(&self, random: &mut Rng) -> String {
        let [given, family] = [self.given, self.family].map(plain);
        let start = match random.u32(..10) {
            0..3 => format!("{given}.{family}"),
            3 => format!("{}.{family}", given.get(..1).unwrap_or("x")),
            4 => format!("{family}{}", self.born[2] % 100),
            5 => format!("{given}_{}", random.u32(1..99)),
            6 => format!("{family}-{given}"),
            7 => format!("{}{}", pick(random, &WORDS), self.born[2]),
            8 => format!("info+{family}"),
            _ => format!("{given}{family}{}", random.u32(1..999)),
        };
        let place = pick(
            random,
            &[
                "miaposta.example",
                "virgola.example",
                "posta24.example",
                "pec.avvocati.example",
                "studio-bianchi.example",
                "uni.example",
            ],
        );
        match random.u32(..300) {
            0..14 => format!("{}@{place}", capital(&start)),
            14..19 => format!("{start}@{place} "),
            19 => format!("{start}@{}", place.replace('.', ",")),
            20 => format!("{start}{place}"),
            21 => format!("{start}@@{place}"),
            22 => format!("{start} @{place}"),
            23 => format!("www.{start}@{place}"),
            24 => format!("{start}@{}", place.split('.').next().unwrap_or_default()),
            _ => format!("{start}@{place}"),
        }
    }

    pub(super) fn login(&self, random: &mut Rng) -> String {
        let name = match random.u32(..5) {
            0 => format!(
                "{}{}",
                plain(self.given),
                plain(self.family).get(..1).unwrap_or("x")
            ),
            1 => format!("{}{}", pick(random, &WORDS), random.u32(1..999)),
            2 => format!("{}.{}", plain(self.given), plain(self.family)),
            3 => return self.mail(random),
            _ => format!("{}{}", plain(self.family), random.u32(1..99)),
        };
        typed(random, &name)
    }
}

/// The consonants, then the vowels.
fn three_letters(name: &str) -> String {
    let letters = plain(name).to_uppercase();
    let (vowels, consonants): (String, String) = letters
        .chars()
        .filter(char::is_ascii_uppercase)
        .partition(|letter| "AEIOU".contains(*letter));
    format!("{consonants}{vowels}XXX").chars().take(3).collect()
}

/// In plain letters, as in an address of mail.
fn plain(name: &str) -> String {
    let letters = name.chars().filter_map(|letter| match letter {
        'ò' => Some('o'),
        'ù' | 'ü' => Some('u'),
        'è' | 'é' => Some('e'),
        'á' => Some('a'),
        'č' => Some('c'),
        'Ş' => Some('s'),
        'Ł' => Some('l'),
        other => other
            .is_ascii_alphanumeric()
            .then(|| other.to_ascii_lowercase()),
    });
    let made: String = letters.collect();
    if made.is_empty() {
        "olena".to_owned()
    } else {
        made
    }
}

fn check_letter(start: &str) -> char {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let sum: u32 = start
        .bytes()
        .enumerate()
        .map(|(place, byte)| {
            let value = match byte {
                b'0'..=b'9' => byte - b'0',
                byte => byte.saturating_sub(b'A') % 26,
            };
            if place % 2 == 0 {
                ODD[usize::from(value)]
            } else {
                u32::from(value)
            }
        })
        .sum();
    char::from(b'A' + (sum % 26) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_letter_is_the_one_of_the_published_example() {
        assert_eq!(check_letter("RSSMRA85T10A562"), 'S');
        assert_eq!(
            [three_letters("Rossi"), three_letters("Hu")],
            ["RSS", "HUX"]
        );
    }
}
