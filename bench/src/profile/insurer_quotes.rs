//! What the benchmark's insurer is asked to insure: a car, a home, a journey, a life.

use fastrand::Rng;

use super::insurer_forms::{address, button, sent, told};
use super::insurer_people::person;
use super::insurer_values::{day, lately, money, plate};
use super::people::typed;
use super::request::{Request, often, pick};
use super::site::Phase;

const MAKES: [&str; 14] = [
    "FIAT",
    "VOLKSWAGEN",
    "FORD",
    "RENAULT",
    "TOYOTA",
    "CITROËN",
    "ŠKODA",
    "ALFA ROMEO",
    "MERCEDES-BENZ",
    "LANCIA",
    "DACIA",
    "LYNK & CO",
    "DS",
    "B.M.W.",
];
const MODELS: [&str; 12] = [
    "Panda 1.2 Lounge",
    "500L 1.3 MJT 95 CV S&S",
    "Golf 1.6 TDI 5p. Comfortline",
    "C3 PureTech 83 S&S Shine",
    "Clio 1.5 dCi (75cv)",
    "Yaris Hybrid",
    "Giulietta 1.4 T.B. 120 CV",
    "A 180 d Automatic Sport",
    "Fiesta 1.1 75 CV 5 porte",
    "Ypsilon 0.9 TwinAir",
    "Sandero Stepway",
    "ID.3 58 kWh",
];
pub(super) fn car(random: &mut Rng, phase: Phase) -> Request {
    let who = person(random);
    let year = 2_008 + often(random, 19);
    let mut request = Request::get("/preventivo/auto.do", random.u64(18_000..26_000))
        .in_latin1()
        .with("passo", 1 + often(random, 4))
        .with("targa", plate(random))
        .with("dataNascita", who.birthday(random))
        .with("marca", MAKES[often(random, MAKES.len())])
        .with("modello", pick(random, &MODELS))
        .with("anno", year)
        .with(
            "alimentazione",
            pick(random, &["B", "B", "D", "D", "G", "M", "E", "I"]),
        )
        .with("uso", pick(random, &["PRIV", "PRIV", "PRIV", "MISTO"]))
        .with("kmAnnui", 5_000 * (1 + often(random, 9)))
        .with("classeBM", 1 + often(random, 18))
        .with("valore", money(random, 30_000))
        .with(
            "statoCivile",
            pick(random, &["", "CEL", "CON", "DIV", "VED"]),
        );
    request = address(random, request, &who);
    for _ in 0..often(random, 5) {
        request = request.with(
            "garanzia",
            pick(random, &["FURTO", "KASKO", "CRIST", "ASSIST", "INFCOND"]),
        );
    }
    if phase == Phase::Judged {
        request = request.some(random, 15, "scatolaNera", |random| {
            pick(random, &["S", "N"]).to_owned()
        });
    }
    request = request
        .with("decorrenza", {
            let from = lately(random);
            day(random, from)
        })
        .some(random, 12, "codiceSconto", |random| {
            pick(random, &["AMICI26", "WEB10", "cral-poste", "UNIPI"]).to_owned()
        })
        .with("privacy", "on");
    let request = button(random, request);
    sent(random, request)
}

pub(super) fn home(random: &mut Rng) -> Request {
    let who = person(random);
    let request = Request::get("/preventivo/casa.do", random.u64(16_000..20_000))
        .in_latin1()
        .with("passo", 1 + often(random, 3))
        .with("tipo", pick(random, &["APP", "VILLA", "SCHIERA", "ALTRO"]))
        .with("mq", {
            let size = 30 + often(random, 300);
            match random.u32(..60) {
                0 => format!("{size} mq"),
                1 => format!("{size},5"),
                _ => size.to_string(),
            }
        })
        .with("annoCostruzione", random.u32(1_890..2_026))
        .with("valoreFabbricato", money(random, 400_000))
        .with("valoreContenuto", money(random, 60_000))
        .with("dimora", pick(random, &["A", "S"]));
    let request = address(random, request, &who)
        .some(random, 40, "allarme", |_| "on".to_owned())
        .some(random, 18, "note", told);
    let request = button(random, request);
    sent(random, request)
}

pub(super) fn trip(random: &mut Rng) -> Request {
    let place = pick(
        random,
        &[
            "Stati Uniti",
            "Thailandia",
            "Côte d'Ivoire",
            "Perù",
            "Emirati Arabi",
            "U.S.A.",
            "Grecia (isole)",
            "Giappone",
            "Egitto - Mar Rosso",
            "Europa",
        ],
    );
    let [from, to] = [lately(random), lately(random)];
    let mut request = Request::get("/preventivo/viaggio.do", random.u64(15_000..18_000))
        .in_latin1()
        .with("destinazione", typed(random, place))
        .with("dal", day(random, from))
        .with("al", day(random, to))
        .with("viaggiatori", 1 + often(random, 6));
    for _ in 0..=often(random, 4) {
        request = request.with("eta", 1 + often(random, 84));
    }
    let request = request.with("premioMax", money(random, 400));
    sent(random, request)
}

pub(super) fn life(random: &mut Rng) -> Request {
    let who = person(random);
    let request = Request::get("/preventivo/vita.do", random.u64(15_000..18_000))
        .with("capitale", money(random, 300_000))
        .with("durata", 5 * (1 + often(random, 6)))
        .with("dataNascita", who.birthday(random))
        .with("sesso", if who.is_woman { "F" } else { "M" })
        .with("fumatore", pick(random, &["S", "N", "N"]))
        .with("frazionamento", pick(random, &["ANN", "SEM", "MENS"]))
        .some(random, 35, "beneficiario", |random| {
            let other = person(random);
            typed(random, &format!("{} {}", other.given, other.family))
        });
    sent(random, request)
}
