//! The forms of the benchmark's insurer: long ones by GET, as Struts makes them.

use fastrand::Rng;

use super::insurer_people::{Person, person};
use super::insurer_values::{
    card, day, house, iban, lately, money, password, plate, spaced, street, telephone,
};
use super::people::{SENTENCES, typed};
use super::request::{Request, often, pick, token};
use super::site::Phase;
use super::words;

const TOLD: [&str; 22] = [
    "Ero fermo al semaforo quando l'auto dietro mi ha tamponato.",
    "Chiedo la liquidazione del danno (vedi foto allegate).",
    "Parcheggiando ho urtato il paraurti dell'altra vettura; nessun ferito.",
    "La perdita d'acqua viene dal piano di sopra, int. 12.",
    "Grandine del 14/09: ca. 40 ammaccature su cofano e tetto!",
    "Mi hanno rubato la bici (valore > 1.200 €), denuncia n. 4471/2026.",
    "Il sig. Bianchi dice che è colpa mia, ma non è vero...",
    "Cristallo scheggiato = devo sostituirlo?",
    "Attendo un Vs. riscontro, grazie.",
    "Già inviato via PEC il 3/11, nessuna risposta.",
    "Danno stimato 850,00€ + IVA 22%",
    "Mio figlio ha rotto la TV del vicino :(",
    "Officina \"Da Gino & Figli\", via Po 3/b",
    "C'è scritto \"non coperto\" - perché?",
    "Vorrei disdire la polizza entro il 31.12.",
    "Cane di 3 anni, razza meticcio; ha morso il postino",
    "vedi sopra",
    "/",
    "n.d.",
    "URGENTE!!!",
    "Il perito è passato lunedì alle 10:30, ma non c'era nessuno",
    "Testimone: sig.ra O'Hara, tel. 333/1234567",
];

/// Some of it, with lines between.
pub(super) fn told(random: &mut Rng) -> String {
    if random.u32(..25) == 0 {
        return pick(random, &SENTENCES).to_owned();
    }
    let count = 1 + often(random, 7);
    let all: Vec<String> = (0..count)
        .map(|_| {
            let sentence = pick(random, &TOLD);
            typed(random, sentence)
        })
        .collect();
    all.join(pick(random, &[" ", " ", "\r\n", "\r\n\r\n"]))
}

pub(super) fn policy(random: &mut Rng) -> String {
    let number = format!(
        "{:04}.{}.{:08}",
        200 + often(random, 600),
        pick(random, &["30", "30", "31", "65", "71", "114"]),
        random.u32(100_000..9_000_000)
    );
    match random.u32(..150) {
        0..4 => number.replace('.', ""),
        4..6 => number.replace('.', "/"),
        6..8 => number.replace('.', " "),
        8 => format!("n. {number}"),
        _ => number,
    }
}

pub(super) fn claim_number(random: &mut Rng) -> String {
    let office = 200 + often(random, 600);
    match random.u32(..60) {
        0 => format!("{}/26", random.u32(1_000..90_000)),
        _ => format!("2026/{office:04}/{:07}", random.u32(1_000..900_000)),
    }
}

/// A button that is an image tells where it was hit.
pub(super) fn button(random: &mut Rng, request: Request) -> Request {
    request
        .with("invia.x", random.u32(1..120))
        .with("invia.y", random.u32(1..32))
}

/// What goes wrong with a form as a whole: one box forgotten, two mixed up, one filled twice.
pub(super) fn sent(random: &mut Rng, mut request: Request) -> Request {
    let place = random.usize(1..request.query.len().max(2));
    match random.u32(..1_000) {
        0..22 => {
            if let Some((_, value)) = request.query.get_mut(place) {
                value.clear();
            }
        }
        22..26 => {
            if let Some([(_, one), (_, other)]) = request.query.get_mut(place - 1..=place) {
                std::mem::swap(one, other);
            }
        }
        26..29 => {
            if let Some((_, value)) = request.query.get_mut(place) {
                value.push_str(&value.clone());
            }
        }
        // Some programs send UTF-8 whatever the page says, and what was made of it is sent again.
        29..50 => request.is_latin1 = !request.is_latin1,
        _ => {}
    }
    request
}

pub(super) fn address(random: &mut Rng, request: Request, who: &Person) -> Request {
    request
        .with("indirizzo", street(random))
        .with("civico", house(random))
        .with("cap", who.postcode(random))
        .with("comune", who.town(random))
        .with("provincia", who.province(random))
}

fn named(random: &mut Rng, request: Request, who: &Person) -> Request {
    request
        .with("nome", typed(random, who.given))
        .with("cognome", typed(random, who.family))
}

pub(super) fn registration(random: &mut Rng) -> Request {
    let who = person(random);
    let (mail, secret) = (who.mail(random), password(random));
    let again = if random.u32(..40) == 0 {
        password(random)
    } else {
        secret.clone()
    };
    let request = Request::get("/registrazione.do", random.u64(12_000..15_000))
        .in_latin1()
        .with("metodo", "salva");
    let request = named(random, request, &who)
        .with("sesso", if who.is_woman { "F" } else { "M" })
        .with("dataNascita", who.birthday(random))
        .with("luogoNascita", who.town(random))
        .with("codiceFiscale", who.tax_code(random))
        .with("email", &mail)
        .with(
            "email2",
            if random.u32(..50) == 0 {
                who.mail(random)
            } else {
                mail.clone()
            },
        )
        .with("cellulare", telephone(random))
        .some(random, 30, "telefonoCasa", telephone);
    let request = address(random, request, &who)
        .with("login", who.login(random))
        .with("password", &secret)
        .with("conferma", again)
        .some(random, 60, "numeroPolizza", policy)
        .with("privacy1", "on")
        .some(random, 45, "privacy2", |_| "on".to_owned())
        .some(random, 30, "newsletter", |_| "on".to_owned())
        .with("org.apache.struts.taglib.html.TOKEN", token(random, 32));
    let request = button(random, request);
    sent(random, request)
}

pub(super) fn profile(random: &mut Rng) -> Request {
    let who = person(random);
    let request = Request::get("/area/profilo.do", random.u64(14_000..16_000))
        .with("dispatch", pick(random, &["salva", "salva", "anteprima"]));
    let request = named(random, request, &who)
        .with("email", who.mail(random))
        .with("cellulare", telephone(random));
    let request = address(random, request, &who)
        .some(random, 20, "presso", |random| {
            let other = person(random);
            format!("c/o {} {}", other.given, other.family)
        })
        .with("professione", {
            let trade = pick(
                random,
                &[
                    "impiegato/a",
                    "libero professionista",
                    "artigiano",
                    "pensionata",
                    "Dott. Comm.",
                    "studente (univ.)",
                    "casalinga",
                    "P.A.",
                ],
            );
            typed(random, trade)
        })
        .with("org.apache.struts.taglib.html.TOKEN", token(random, 32));
    sent(random, request)
}

pub(super) fn login(random: &mut Rng) -> Request {
    let request = Request::get("/area/login.do", random.u64(6_000..6_400))
        .with("utente", person(random).login(random))
        .with("password", password(random))
        .some(random, 30, "ricordami", |_| "on".to_owned())
        .some(random, 20, "urlRitorno", |random| {
            format!("/area/polizza.do?numero={}", policy(random))
        });
    if random.u32(..8) == 0 {
        sent(random, request)
    } else {
        sent(random, request).answered(302, 0)
    }
}

pub(super) fn payment(random: &mut Rng) -> Request {
    let who = person(random);
    let holder = format!("{} {}", who.given, who.family);
    let holder = if random.bool() {
        holder.to_uppercase()
    } else {
        holder
    };
    let request = Request::get("/area/pagamento.do", random.u64(9_000..9_900))
        .with("polizza", policy(random))
        .with("importo", money(random, 1_400))
        .with(
            "tipoCarta",
            pick(random, &["VISA", "MC", "AMEX", "MAESTRO"]),
        )
        .with("numeroCarta", card(random))
        .with("titolare", typed(random, &holder))
        .with("scadMese", format!("{:02}", random.u32(1..13)))
        .with("scadAnno", random.u32(2_026..2_036))
        .with("cvv", format!("{:03}", random.u32(..1_000)))
        .with("org.apache.struts.taglib.html.TOKEN", token(random, 32));
    sent(random, request)
}

pub(super) fn refund(random: &mut Rng) -> Request {
    let who = person(random);
    let request = Request::get("/area/rimborso.do", random.u64(8_000..8_800))
        .with("sinistro", claim_number(random))
        .with("iban", iban(random))
        .with(
            "intestatario",
            typed(random, &format!("{} {}", who.family, who.given)),
        )
        .with("codiceFiscale", who.tax_code(random))
        .with("importo", money(random, 3_000))
        .some(random, 50, "causale", told);
    sent(random, request)
}

pub(super) fn claim(random: &mut Rng, phase: Phase) -> Request {
    let who = person(random);
    let when = lately(random);
    let mut request = Request::get("/sinistri/denuncia.do", random.u64(11_000..14_000))
        .in_latin1()
        .with("passo", 1 + often(random, 3))
        .with("numeroPolizza", policy(random))
        .with("dataSinistro", day(random, when))
        .with("oraSinistro", hour(random))
        .with(
            "luogo",
            match random.u32(..4) {
                0 => format!(
                    "A{} km {}+{}00",
                    random.u32(1..30),
                    random.u32(1..700),
                    random.u32(..9)
                ),
                1 => format!("{}, {}", street(random), who.town(random)),
                _ => street(random),
            },
        )
        .with("targaA", plate(random))
        .some(random, 70, "targaB", plate)
        .some(random, 50, "compagniaB", |random| {
            pick(
                random,
                &[
                    "Generali",
                    "Axa",
                    "non so",
                    "Reale Mutua",
                    "?",
                    "Linear (Unipol)",
                ],
            )
            .to_owned()
        })
        .with("feriti", pick(random, &["N", "N", "N", "S"]))
        .with("descrizione", told(random))
        .some(random, 25, "testimone", |random| {
            let other = person(random);
            format!(
                "{} {}, tel. {}",
                other.given,
                other.family,
                telephone(random)
            )
        })
        .with("danno", money(random, 5_000))
        .with("telefono", telephone(random));
    if phase == Phase::Judged {
        request = request.some(random, 8, "foto", |random| {
            format!(
                "IMG-202611{:02}-WA{:04}.jpg",
                random.u32(1..30),
                random.u32(..99)
            )
        });
    }
    sent(random, request)
}

fn hour(random: &mut Rng) -> String {
    let (hour, minute) = (random.u32(..24), 5 * random.u32(..12));
    match random.u32(..40) {
        0 => format!("{hour}.{minute:02}"),
        1 => format!("{hour}"),
        2 => "mattina".to_owned(),
        3 => format!("circa {hour}:{minute:02}"),
        4 => String::new(),
        _ => format!("{hour:02}:{minute:02}"),
    }
}

pub(super) fn message(random: &mut Rng) -> Request {
    let who = person(random);
    let request = Request::get("/contatti/invia.do", random.u64(5_000..5_400)).in_latin1();
    let request = named(random, request, &who)
        .with("email", who.mail(random))
        .with("telefono", telephone(random))
        .with("motivo", pick(random, &["INFO", "RECL", "COMM", "ALTRO"]))
        .with("messaggio", told(random))
        .with("captcha", token(random, 5));
    sent(random, request)
}

pub(super) fn call_back(random: &mut Rng) -> Request {
    let request = Request::get("/richiamami.do", random.u64(2_000..2_200))
        .with("telefono", telephone(random))
        .with("fascia", pick(random, &["9-12", "12-15", "15-18", "18-20"]));
    sent(random, request)
}

pub(super) fn agencies(random: &mut Rng) -> Request {
    let who = person(random);
    let request = Request::get("/agenzie/risultati.do", random.u64(7_000..30_000));
    match random.u32(..3) {
        0 => request
            .with("lat", format!("{:.6}", 37.0 + random.f64() * 9.0))
            .with("lng", format!("{:.6}", 7.0 + random.f64() * 11.0))
            .with("raggio", pick(random, &["5", "10", "25", "50"])),
        1 => request.with("cap", who.postcode(random)),
        _ => request
            .with("comune", who.town(random))
            .with("provincia", who.province(random)),
    }
}

pub(super) fn search(random: &mut Rng) -> Request {
    let what = pick(
        random,
        &[
            "disdetta polizza",
            "modulo CID",
            "r.c. auto",
            "numero verde",
            "assicurazione moto 125",
            "carta verde svizzera",
            "PEC",
            "attestato di rischio",
            "costo polizza casa?",
            "cos'è la franchigia",
            "responsabilità civile",
        ],
    );
    let words = match random.u32(..100) {
        0..5 => format!("\"{what}\""),
        5..9 => format!("{what} {}", person(random).family),
        9..12 => policy(random),
        12..14 => told(random),
        14..16 => format!("{what} + {}", words::thing(random)),
        16 => String::new(),
        17 => person(random).tax_code(random),
        18 => format!("{what} & sconti 20%"),
        19 => spaced(&telephone(random), 3),
        _ => typed(random, what),
    };
    Request::get("/cerca.do", random.u64(6_000..16_000))
        .in_latin1()
        .with("q", words)
        .some(random, 20, "pagina", |random| {
            (2 + often(random, 9)).to_string()
        })
        .with("cerca", "Cerca")
}
