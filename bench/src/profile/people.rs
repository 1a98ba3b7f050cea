//! What people of many languages are called, what they write into a box, and what goes wrong meanwhile.

use fastrand::Rng;

use super::request::pick;
use super::words;

pub(super) const GIVEN: [&str; 26] = [
    "Anna",
    "Jürgen",
    "Zoë",
    "Łukasz",
    "Ayşe",
    "İbrahim",
    "Олена",
    "Володимир",
    "محمد",
    "فاطمة",
    "Γιώργος",
    "Nguyễn",
    "Đặng",
    "Jean-Luc",
    "Marie Thérèse",
    "O'Connor",
    "Renée",
    "Søren",
    "Åsa",
    "Bjørn",
    "Peter",
    "Maria",
    "Karl-Heinz",
    "Sofia",
    "Dr. Eva",
    "Max",
];

pub(super) const FAMILY: [&str; 24] = [
    "Müller",
    "Weiß",
    "von der Leyen",
    "d'Angelo",
    "O'Neill",
    "Kowalczyk-Nowak",
    "Yılmaz",
    "Öztürk",
    "Шевченко",
    "الحسن",
    "Παπαδόπουλος",
    "Trần",
    "Lê Thị",
    "García López",
    "Schmidt",
    "Meyer (geb. Kurz)",
    "Al-Sayed",
    "Nowak",
    "Große-Wächter",
    "Li",
    "Ng",
    "St. John",
    "Fischer",
    "Schulz",
];

pub(super) const SENTENCES: [&str; 26] = [
    "Bitte um Rückruf nach 16:00 Uhr!",
    "Ich habe schon 3x angerufen - niemand geht ran :(",
    "Kosten: 25,00 € (bar) / 30 € (Karte)?",
    "J'ai déménagé le 1er mars; merci d'avance.",
    "The form says \"invalid\" & I don't know why...",
    "Wohnung 3. OG links, Klingel \"Weber/Kaya\"",
    "Mam pytanie: czy mogę przyjść z dzieckiem?",
    "Дякую за допомогу!",
    "Чи потрібна копія паспорта (2 сторінки)?",
    "أحتاج إلى موعد عاجل",
    "Χρειάζομαι ραντεβού για Δευτέρα ή Τρίτη",
    "Tôi muốn đổi giấy phép lái xe; xin cảm ơn",
    "Randevumu 12.03.2026'ya almak istiyorum",
    "siehe Anlage 1+2",
    "k.A.",
    "-",
    "s.o.",
    "Hund: Rüde, *2019, Name \"Bello\"",
    "Baum #12 ist umgestürzt (Ecke Schul-/Bachstr.)",
    "Loch in der Straße; Tiefe > 10 cm, Breite ca. 50%",
    "1. Termin ausgefallen, 2. Termin ok",
    "Grüße aus der Nachbarschaft :-)",
    "Mein Aktenzeichen lautet 33/4-1182/25 {alt}",
    "wie besprochen mit Fr. Kühn (Zi. 2.14)",
    "Lärm nachts zw. 23-4 Uhr, jeden Fr+Sa",
    "Ampel defekt = gefährlich!!!",
];

/// As it arrives when somebody types it: now and then not as it was meant.
pub(super) fn typed(random: &mut Rng, text: &str) -> String {
    match random.u32(..2_000) {
        0..24 => words::mistyped(random, text),
        24..52 => format!("{text} "),
        52..58 => format!(" {text}"),
        58..72 => text.replacen(' ', "  ", 1),
        72..130 => text.to_lowercase(),
        130..160 => text.to_uppercase(),
        160..165 => format!("{text}."),
        165..168 => format!("{text}\t"),
        168..172 => format!("{text}\u{a0}"),
        // A key beside the one that was meant.
        172 => format!("{text}{}", pick(random, &["'", "\\", "<", "+", "#", "]"])),
        _ => text.to_owned(),
    }
}
