//! What people type: words, names, mistakes.

use fastrand::Rng;

use super::request::pick;

const THINGS: [&str; 64] = [
    "kettle",
    "garden chair",
    "lamp",
    "teapot",
    "table",
    "mug",
    "blanket",
    "bicycle",
    "helmet",
    "tent",
    "rucksack",
    "notebook",
    "pencil",
    "guitar",
    "violin",
    "drum",
    "camera",
    "lens",
    "tripod",
    "phone",
    "charger",
    "cable",
    "adapter",
    "monitor",
    "keyboard",
    "mouse",
    "speaker",
    "headphones",
    "coat",
    "jacket",
    "scarf",
    "gloves",
    "boots",
    "sandals",
    "shirt",
    "jeans",
    "dress",
    "skirt",
    "belt",
    "watch",
    "ring",
    "necklace",
    "perfume",
    "soap",
    "towel",
    "curtain",
    "carpet",
    "sofa",
    "shelf",
    "mirror",
    "clock",
    "vase",
    "candle",
    "knife",
    "fork",
    "spoon",
    "plate",
    "bowl",
    "pan",
    "oven",
    "fridge",
    "drill",
    "hammer",
    "saw",
];
const COLOURS: [&str; 12] = [
    "blue", "red", "green", "black", "white", "old", "small", "large", "cheap", "wooden", "steel",
    "cotton",
];
const NAMES: [&str; 40] = [
    "Anna",
    "José",
    "Müller",
    "O'Brien",
    "Jean-Luc",
    "Søren",
    "Zoë",
    "François",
    "D'Angelo",
    "Smith",
    "Łukasz",
    "Наталья",
    "王伟",
    "Nguyễn",
    "Ayşe",
    "María José",
    "van der Berg",
    "Björk",
    "Chloé",
    "Ahmed",
    "Fatima",
    "Kowalski",
    "Ivanov",
    "Garcia",
    "Rossi",
    "Silva",
    "Novák",
    "Papadopoulos",
    "Kim",
    "Tanaka",
    "Singh",
    "Okafor",
    "Schmidt",
    "Dubois",
    "Jansen",
    "Hansen",
    "Virtanen",
    "Horvat",
    "Popescu",
    "MacDonald",
];
const CITIES: [&str; 16] = [
    "Berlin",
    "Paris",
    "São Paulo",
    "Köln",
    "New York",
    "St. Gallen",
    "'s-Hertogenbosch",
    "Zürich",
    "Praha",
    "Kraków",
    "Aix-en-Provence",
    "Winston-Salem",
    "Newcastle upon Tyne",
    "München",
    "Córdoba",
    "Tel Aviv",
];

pub(super) fn thing(random: &mut Rng) -> String {
    let thing = pick(random, &THINGS);
    match random.u32(..3) {
        0 => thing.to_owned(),
        _ => format!("{} {thing}", pick(random, &COLOURS)),
    }
}

pub(super) fn name(random: &mut Rng) -> String {
    pick(random, &NAMES).to_owned()
}

pub(super) fn city(random: &mut Rng) -> String {
    pick(random, &CITIES).to_owned()
}

pub(super) fn slug(random: &mut Rng) -> String {
    thing(random).replace(' ', "-")
}

/// What is typed into a search, with all that goes wrong.
pub(super) fn search(random: &mut Rng) -> String {
    let thing = thing(random);
    match random.u32(..400) {
        0..160 => thing,
        160..220 => format!("{thing} {}", self::thing(random)),
        220..250 => mistyped(random, &thing),
        250..290 => name(random),
        290..310 => format!("\"{thing}\""),
        310..325 => format!("{thing} (used)"),
        325..335 => format!("{thing} & {}", self::thing(random)),
        335..345 => format!("{}% off {thing}", random.u32(5..90)),
        345..355 => format!("{thing}?"),
        355..363 => thing.to_uppercase(),
        363..370 => format!("{thing}, {}", self::thing(random)),
        370..376 => format!("{}cm {thing}", random.u32(10..300)),
        376..382 => format!("kids' {thing}"),
        382..386 => format!("{thing} + {}", self::thing(random)),
        386..389 => String::new(),
        389..392 => format!("SKU-{}/{}", random.u32(100..999), random.u32(10..99)),
        392..395 => format!("{thing} -{}", pick(random, &COLOURS)),
        395..397 => format!("{thing}: {}; {}", self::thing(random), self::thing(random)),
        397..399 => (0..random.u32(12..24))
            .map(|_| self::thing(random))
            .collect::<Vec<_>>()
            .join(" "),
        _ => format!("👍 {thing}"),
    }
}

pub(super) fn mistyped(random: &mut Rng, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    if characters.is_empty() {
        return String::new();
    }
    let place = random.usize(..characters.len());
    match random.u32(..3) {
        0 => drop(characters.remove(place)),
        1 => characters.insert(place, random.alphabetic()),
        _ => {
            let other = (place + 1).min(characters.len() - 1);
            characters.swap(place, other);
        }
    }
    characters.into_iter().collect()
}
