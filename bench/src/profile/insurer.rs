//! An insurer as Java made them: JSP pages and `.do` actions behind Tomcat, sessions in paths, forms in Latin-1
//! beside newer ones in UTF-8. After the technique of CSIC 2010, in another trade and language; written to judge
//! the profile, before it was run on this.

use fastrand::Rng;

use super::insurer_attack;
use super::insurer_forms::{
    agencies, call_back, claim, claim_number, login, message, payment, policy, profile, refund,
    registration, search,
};
use super::insurer_people::person;
use super::insurer_quotes::{car, home, life, trip};
use super::request::{Request, often, pick, token};
use super::site::{Phase, Site};

const STATIC: [(&str, u64); 18] = [
    ("/res/css/stile.css", 31_204),
    ("/res/js/jquery-1.12.4.min.js", 97_163),
    ("/res/img/logo.gif", 4_120),
    ("/res/js/validaCampi.js", 18_511),
    ("/res/img/sfondo.jpg", 60_870),
    ("/res/css/stampa.css", 2_209),
    ("/res/img/btn_invia.gif", 1_011),
    ("/res/img/ico_auto.png", 2_760),
    ("/res/img/ico_casa.png", 2_702),
    ("/res/img/banner/polizza_cane.jpg", 44_981),
    ("/res/js/calendario-it.js", 12_020),
    ("/res/css/ie8.css", 3_004),
    ("/res/img/frecce%20dx.gif", 310),
    ("/res/fonts/lato-v24.woff2", 23_580),
    ("/res/img/banner/viaggi_2026.jpg", 51_330),
    ("/res/js/cookie-policy.js", 7_800),
    ("/res/img/ania.png", 5_120),
    ("/favicon.ico", 1_150),
];
const PAGES: [&str; 16] = [
    "/index.jsp",
    "/prodotti/auto.jsp",
    "/area/accesso.jsp",
    "/prodotti/casa.jsp",
    "/contatti.jsp",
    "/prodotti/moto.jsp",
    "/assistenza/soccorso.jsp",
    "/prodotti/viaggi.jsp",
    "/prodotti/vita/index.jsp",
    "/chi-siamo/gruppo.jsp",
    "/note-legali.jsp",
    "/privacy.jsp",
    "/lavora-con-noi.jsp",
    "/prodotti/infortuni.jsp",
    "/reclami.jsp",
    "/mappa.jsp",
];

pub(super) struct Insurer;

impl Site for Insurer {
    fn host(&self) -> &'static str {
        "insurer.example"
    }

    fn attack_kinds(&self) -> &'static [&'static str] {
        &insurer_attack::KINDS
    }

    fn attack(&self, random: &mut Rng, visit: Request) -> Option<(Request, usize)> {
        insurer_attack::make(random, visit)
    }

    fn visit(&self, random: &mut Rng, phase: Phase) -> Request {
        let mut request = match random.u32(..1_000) {
            0..270 => asset(random, phase),
            270..410 => Request::get(PAGES[often(random, PAGES.len())], random.u64(9_000..24_000)),
            410..426 => Request::get("/", 0).answered(302, 0),
            426..470 => reading(random, phase),
            470..515 => login(random),
            515..560 => mine(random),
            560..590 => towns(random),
            590..615 => models(random),
            615..665 => car(random, phase),
            665..683 => home(random),
            683..697 => trip(random),
            697..704 => life(random),
            704..728 => registration(random),
            728..746 => profile(random),
            746..774 => contract(random),
            774..800 => payment(random),
            800..808 => refund(random),
            808..828 => claim(random, phase),
            828..842 => claim_state(random),
            842..862 => agencies(random),
            862..872 => message(random),
            872..878 => call_back(random),
            878..900 => search(random),
            part => rest(random, part, phase),
        };
        // Of clients without cookies, and of everybody's first page.
        if is_page(&request.path) && random.u32(..100) < 7 {
            request.path.push_str(&session(random));
        }
        request
    }
}

/// Whether a program makes it, which knows sessions.
pub(super) fn is_page(path: &str) -> bool {
    [".do", ".jsp"].iter().any(|end| path.ends_with(end))
}

fn session(random: &mut Rng) -> String {
    format!(
        ";jsessionid={}.nodo{}",
        token(random, 32).to_uppercase(),
        random.u32(1..4)
    )
}

fn rest(random: &mut Rng, part: u32, phase: Phase) -> Request {
    match part {
        ..912 => recovery(random),
        912..922 => language(random),
        922..932 => {
            Request::get("/servlet/Captcha", random.u64(2_000..2_900)).with("rnd", random.f64())
        }
        932..942 => download(random),
        942..950 => Request::get("/area/esci.do", 0).answered(302, 0),
        950..956 => Request::get("/ajax/verificaCF.do", random.u64(40..60))
            .with("cf", person(random).tax_code(random))
            .with("_", 1_795_000_000_000 + random.u64(..400_000_000)),
        956..961 => Request::get("/newsletter/iscrivi.do", random.u64(1_800..1_900))
            .with("email", person(random).mail(random)),
        961..965 => Request::get("/robots.txt", 420),
        965..985 => missing(random),
        985..989 => Request::get("/errore.jsp", 3_100).with(
            "codice",
            pick(random, &["SESS_SCADUTA", "DB-1205", "404", "TIMEOUT"]),
        ),
        989..993 => Request::get("/area/documenti/carica.do", 0)
            .by("POST")
            .answered(302, 0),
        // A product that is new, with a form of its own.
        993..997 if phase == Phase::Judged => Request::get("/preventivo/cyber.do", 14_200)
            .with("dispositivi", 1 + often(random, 9))
            .with("email", person(random).mail(random)),
        _ => Request::get("/area/allegato.do", 1_020)
            .with("id", random.u32(10_000..90_000))
            .answered(403, 1_020),
    }
}

fn asset(random: &mut Rng, phase: Phase) -> Request {
    let (path, bytes) = STATIC[often(random, STATIC.len())];
    let request = Request::get(path.replace("%20", " "), bytes);
    let built = if phase == Phase::Judged {
        "5.12.1"
    } else {
        "5.11.0"
    };
    if path.ends_with("Campi.js") || path.ends_with("stile.css") {
        request.with("v", built)
    } else {
        request
    }
}

fn reading(random: &mut Rng, phase: Phase) -> Request {
    let newest = if phase == Phase::Judged { 742 } else { 730 };
    match random.u32(..3) {
        0 => Request::get("/faq.jsp", random.u64(9_000..14_000))
            .with(
                "cat",
                pick(random, &["auto", "casa", "vita", "web", "sinistri"]),
            )
            .some(random, 60, "id", |random| {
                (1 + often(random, 90)).to_string()
            }),
        1 => Request::get("/notizie/articolo.jsp", random.u64(9_000..24_000))
            .with("id", newest - often(random, 400)),
        _ => Request::get("/notizie/elenco.jsp", random.u64(9_000..14_000))
            .some(random, 50, "pag", |random| {
                (2 + often(random, 30)).to_string()
            })
            .some(random, 20, "mese", |random| {
                format!("{:02}-2026", random.u32(1..12))
            }),
    }
}

fn mine(random: &mut Rng) -> Request {
    match random.u32(..5) {
        0 | 1 => Request::get("/area/home.do", random.u64(14_000..19_000)),
        2 => Request::get("/area/scadenze.do", random.u64(8_000..9_000))
            .with("mese", random.u32(1..13))
            .with("anno", random.u32(2_025..2_028)),
        _ => Request::get("/area/polizze.do", random.u64(9_000..30_000))
            .with(
                "stato",
                pick(random, &["attive", "attive", "sospese", "scadute", ""]),
            )
            .some(random, 30, "ordina", |random| {
                pick(random, &["scadenza", "numero", "premio"]).to_owned()
            })
            .some(random, 15, "pagina", |random| {
                (2 + often(random, 4)).to_string()
            }),
    }
}

fn contract(random: &mut Rng) -> Request {
    match random.u32(..3) {
        0 => Request::get("/area/documento.do", random.u64(60_000..400_000))
            .with("id", random.u32(1_000_000..8_000_000))
            .with(
                "tipoDocumento",
                pick(random, &["POL", "QUIET", "ATTR", "CGA"]),
            )
            .with("format", "pdf"),
        _ => Request::get("/area/polizza.do", random.u64(11_000..16_000))
            .with("numero", policy(random))
            .some(random, 25, "scheda", |random| {
                pick(random, &["dati", "garanzie", "pagamenti", "sinistri"]).to_owned()
            }),
    }
}

fn claim_state(random: &mut Rng) -> Request {
    Request::get("/sinistri/stato.do", random.u64(7_000..9_000))
        .with("numero", claim_number(random))
        .with("codiceFiscale", person(random).tax_code(random))
}

/// What completes a box while somebody types.
fn towns(random: &mut Rng) -> Request {
    let town = person(random).town(random);
    let length = random.usize(2..8);
    Request::get("/ajax/comuni.do", random.u64(60..1_200))
        .with("term", town.chars().take(length).collect::<String>())
        .with("_", 1_795_000_000_000 + random.u64(..400_000_000))
}

fn models(random: &mut Rng) -> Request {
    let request = Request::get("/ajax/modelli.do", random.u64(800..6_000))
        .with("marca", 1 + often(random, 74))
        .with("anno", 2_027 - often(random, 20));
    if random.u32(..3) == 0 {
        request.with("modello", 100 + often(random, 2_400))
    } else {
        request
    }
}

fn recovery(random: &mut Rng) -> Request {
    match random.u32(..2) {
        0 => Request::get("/area/password/recupera.do", random.u64(3_000..3_200))
            .with("email", person(random).mail(random))
            .with("captcha", token(random, 5)),
        _ => Request::get("/area/conferma.do", 0)
            .answered(302, 0)
            .with("u", random.u32(10_000..900_000))
            .with("t", token(random, 40)),
    }
}

fn language(random: &mut Rng) -> Request {
    Request::get("/cambiaLingua.do", 0)
        .answered(302, 0)
        .with("lingua", pick(random, &["it", "en", "de", "fr"]))
        .with("url", PAGES[often(random, PAGES.len())])
}

fn download(random: &mut Rng) -> Request {
    let file = pick(
        random,
        &[
            "CGA_Auto_Ed.01-2026.pdf",
            "Modulo CID (fronte-retro).pdf",
            "DIP aggiuntivo Casa & Famiglia.pdf",
            "modulo_disdetta.doc",
            "Informativa privacy art. 13.pdf",
            "tariffario2026.xls",
            "Perché assicurarsi.pdf",
        ],
    );
    Request::get(format!("/moduli/{file}"), random.u64(80_000..900_000))
}

/// Old links, what browsers and machines ask for by themselves, and mistakes.
fn missing(random: &mut Rng) -> Request {
    let path = match random.u32(..14) {
        0 | 1 => "/apple-touch-icon.png".to_owned(),
        2 => "/apple-touch-icon-precomposed.png".to_owned(),
        3 => "/ads.txt".to_owned(),
        4 => "/sitemap.xml".to_owned(),
        5 => "/.well-known/security.txt".to_owned(),
        6 => "/index.html".to_owned(),
        7 => format!("/prodotti/{}.htm", pick(random, &["auto", "casa", "barca"])),
        8 => format!(
            "/news/2014/{:02}/comunicato{}.pdf",
            random.u32(1..13),
            random.u32(1..9)
        ),
        9 => "/browserconfig.xml".to_owned(),
        10 => PAGES[often(random, PAGES.len())].replace(".jsp", ".js"),
        11 => "/area".to_owned(),
        12 => format!(
            "/res/img/{}.gif",
            pick(random, &["spacer", "ico_barca", "Logo"])
        ),
        _ => "/prodotti/auto.jsp)".to_owned(),
    };
    Request::get(path, 1_084).answered(404, 1_084)
}
