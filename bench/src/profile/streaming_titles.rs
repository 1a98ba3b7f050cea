//! What the benchmark's films and series are called, by which numbers and words they go, and how people look
//! for them.

use fastrand::Rng;

use super::people::{FAMILY, GIVEN, SENTENCES, typed};
use super::request::{often, pick, uuid};

const NAMES: [&str; 48] = [
    "The Last Lighthouse",
    "Die Stille der Wälder",
    "L'été de nos vingt ans",
    "La niña del faro",
    "O Homem que Plantava Árvores",
    "千の夜を越えて",
    "夏の終わりに",
    "바람의 언덕",
    "Зимняя дорога",
    "Мир без конца",
    "الطريق إلى البيت",
    "דרך הים",
    "Ταξίδι στη θάλασσα",
    "Bí mật của gió",
    "สายลมแห่งรัก",
    "Çınarın Gölgesi",
    "Głęboka woda",
    "Na dně řeky",
    "Hvide nætter",
    "Sjön vid världens ände",
    "मौसम की पहली बारिश",
    "长安的月亮",
    "Drop Dead Tuesday",
    "Select Few",
    "Union Station",
    "Mr. & Mrs. Okafor",
    "24",
    "1917: La guerre d'Anna",
    "What If...?",
    "10,000 km",
    "Who Killed Sara?",
    "Alter Table",
    "Update from Heaven",
    "Where We Begin",
    "Script & Stage",
    "Order by the Sea",
    "S.W.A.M.P.",
    "#nofilter",
    "50% Love",
    "Insert Coin",
    "Null Island",
    "Sgt. O'Malley's War",
    "Amélie & moi",
    "Tatort: Weißes Gold",
    "Kids' Club",
    "Table for One",
    "Cast Off",
    "El Cid / The Legend",
];
const TAILS: [&str; 10] = [
    "",
    "",
    "",
    " II",
    " 2",
    " (2019)",
    ": Origins",
    " - Uncut",
    " 3D",
    " Live",
];

/// A film or a series, with all that it goes by.
pub(super) struct Title {
    pub(super) name: String,
    pub(super) slug: String,
    pub(super) ulid: String,
    pub(super) uuid: String,
    /// In letters and digits, as in links.
    pub(super) short: String,
    pub(super) number: u64,
}

/// One of so many; the first are asked for most.
pub(super) fn title(random: &mut Rng, of: usize) -> Title {
    let number = often(random, of).min(often(random, of)) as u64;
    let mut named = Rng::with_seed(number);
    let name = format!("{}{}", pick(&mut named, &NAMES), pick(&mut named, &TAILS));
    Title {
        slug: slug(&name),
        ulid: ulid(&mut named),
        uuid: uuid(&mut named),
        short: base62(&mut named, 8),
        number: 100_000 + number * 13,
        name,
    }
}

fn slug(name: &str) -> String {
    let words = name.split(|letter: char| letter.is_ascii() && !letter.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty()).map(str::to_lowercase);
    words.collect::<Vec<_>>().join("-")
}

pub(super) fn base62(random: &mut Rng, length: usize) -> String {
    (0..length).map(|_| random.alphanumeric()).collect()
}

pub(super) fn ulid(random: &mut Rng) -> String {
    let month = pick(random, &["J8", "J9", "JA", "JB", "JC"]);
    let letter = |_| char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[random.usize(..32)]);
    format!("01{month}{}", (0..22).map(letter).collect::<String>())
}

pub(super) fn person(random: &mut Rng) -> String {
    format!("{} {}", pick(random, &GIVEN), pick(random, &FAMILY))
}

/// What is typed, said or pasted into the box for a search.
pub(super) fn search(random: &mut Rng, of: usize) -> String {
    let name = title(random, of).name;
    match random.u32(..1_000) {
        0..400 => name.to_lowercase(),
        400..640 => typed(random, &name),
        640..720 => person(random),
        720..760 => format!(
            "{} {}",
            pick(
                random,
                &[
                    "best",
                    "films with",
                    "serie mit",
                    "película",
                    "アニメ",
                    "смотреть",
                    "dizi",
                    "فيلم",
                ]
            ),
            name.to_lowercase()
        ),
        760..785 => format!(
            "{} s{:02}e{:02}",
            name.to_lowercase(),
            random.u32(1..9),
            random.u32(1..14)
        ),
        785..805 => format!("{name} {}", random.u32(1_960..2_027)),
        805..820 => format!("\"{name}\""),
        820..835 => format!("{} with english subtitles", name.to_lowercase()),
        835..845 => format!("{} OR {}", name, title(random, of).name),
        845..853 => name.to_uppercase(),
        853..861 => format!("{name} - {}", title(random, of).name),
        861..868 => format!(
            "{} {}",
            pick(random, &["😂", "🎃", "❤️", "👻🎄", "🇰🇷"]),
            name.to_lowercase()
        ),
        868..873 => format!("https://streaming.example/en/watch/{}", slug(&name)),
        873..877 => format!("{}@mail.example", slug(&name)),
        877..881 => name.replace('\'', "’").replace('&', "&amp;"),
        881..885 => format!("{}\u{2028}{name}", pick(random, &SENTENCES)),
        885..889 => format!("{name}\r\n"),
        889..892 => odd(random).to_owned(),
        892..895 => format!("{name} %20 hd"),
        895..898 => name.replace(' ', "+"),
        898..906 => String::new(),
        906..910 => pick(random, &["?", ".", "*", "-", "...", "🙂", "''"]).to_owned(),
        910..914 => format!(
            "genre:{} {}",
            pick(random, &["drama", "horror"]),
            random.u32(1_980..2_027)
        ),
        914..918 => asked(random, &name),
        _ => beginning(random, &name),
    }
}

/// What programmers look for, who want films about their trade or see whether it breaks.
fn odd(random: &mut Rng) -> &'static str {
    pick(
        random,
        &[
            "select * from movies",
            "sql injection documentary",
            "c++ for beginners",
            "<3 stories",
            "console.log('hi')",
            "drop table joke",
            "C:\\Users film",
            "if (love) { stay }",
            "1=1 the movie",
            "<b>bold</b>",
        ],
    )
}

fn asked(random: &mut Rng, name: &str) -> String {
    format!(
        "{} {}, {}",
        pick(
            random,
            &[
                "what is the name of the film where",
                "wie heißt die Serie, in der",
                "¿cómo se llama la película de",
                "the one with the dog and",
            ]
        ),
        name.to_lowercase(),
        pick(random, &SENTENCES)
    )
}

/// As far as somebody has come with typing.
pub(super) fn beginning(random: &mut Rng, name: &str) -> String {
    let letters = random.usize(1..14);
    name.to_lowercase().chars().take(letters).collect()
}
