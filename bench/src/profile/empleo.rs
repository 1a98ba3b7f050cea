//! A town hall's job board and electronic office, grown over twenty years: PHP scripts of one firm, JSP pages of
//! another, forms by GET, sessions and keys in addresses, files with the names that people gave them. Written to
//! judge the profile by somebody who had not read it, before it was run on this.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fastrand::Rng;

use super::empleo_attack;
use super::empleo_forms::{
    application, curriculum, fine, incident, job, login, payment, petition, registration, stated,
    vacancy,
};
use super::empleo_office::{
    appointment, board, census, file_state, message, streets, verification,
};
use super::empleo_people::{applicant, document};
use super::request::{Request, often, pick, token};
use super::site::{Phase, Site};
use super::words;

const STATIC: [(&str, u64); 16] = [
    ("/css/principal.css", 28_114),
    ("/js/jquery.min.js", 89_476),
    ("/img/escudo.png", 14_902),
    ("/js/funciones.js", 9_870),
    ("/sede/resources/primefaces.css", 51_777),
    ("/img/cabecera_empleo.jpg", 88_019),
    ("/css/impresion.css", 1_980),
    ("/img/iconos/sprite.svg", 22_340),
    ("/sede/resources/firma/autofirma.js", 140_221),
    ("/img/w3c_aa.gif", 1_402),
    ("/img/feder.png", 8_150),
    ("/js/cookies_es.js", 5_313),
    ("/fonts/opensans-v35-latin-regular.woff2", 18_668),
    ("/img/Logo Plan Empleo (nuevo).png", 31_015),
    ("/sede/resources/img/ajax-loader.gif", 2_545),
    ("/favicon.ico", 5_430),
];
/// Branches of work, by their words and numbers.
pub(super) const BRANCHES: [(&str, u32); 9] = [
    ("hosteleria", 11),
    ("comercio", 14),
    ("limpieza", 21),
    ("construccion", 7),
    ("administracion", 3),
    ("agricultura", 1),
    ("sanidad", 30),
    ("transporte", 17),
    ("informatica", 42),
];
const SECTIONS: [&str; 14] = [
    "empleo",
    "inicio",
    "orientacion",
    "cursos",
    "empresas",
    "emprendedores",
    "noticias",
    "contacto",
    "faq",
    "aviso-legal",
    "accesibilidad",
    "escuela_taller",
    "oposiciones",
    "bolsa",
];

pub(super) fn procedure(random: &mut Rng) -> &'static str {
    pick(
        random,
        &[
            "PAD-01", "GEN-00", "GEN-00", "TRI-12", "TRA-04", "URB-07", "SAN-03", "OCU-02",
        ],
    )
}

pub(super) struct Empleo;

impl Site for Empleo {
    fn host(&self) -> &'static str {
        "empleo.example"
    }

    fn attack_kinds(&self) -> &'static [&'static str] {
        &empleo_attack::KINDS
    }

    fn attack(&self, random: &mut Rng, visit: Request) -> Option<(Request, usize)> {
        empleo_attack::make(random, visit)
    }

    fn visit(&self, random: &mut Rng, phase: Phase) -> Request {
        match random.u32(..1_000) {
            0..200 => asset(random, phase),
            200..225 => Request::get("/", random.u64(14_000..15_000)),
            225..315 => section(random, phase),
            315..415 => offers(random, phase),
            415..505 => offer(random, phase),
            505..545 => login(random),
            545..575 => panel(random),
            575..605 => curriculum(random, phase),
            605..635 => application(random),
            635..650 => registration(random),
            650..658 => vacancy(random),
            658..680 => attachments(random),
            680..700 => alert(random),
            700..725 => petition(random),
            725..760 => appointment(random, phase),
            760..780 => payment(random),
            780..795 => fine(random),
            795..815 => verification(random),
            815..835 => file_state(random),
            835..855 => board(random),
            855..868 => incident(random),
            868..893 => streets(random),
            893..903 => census(random),
            903..913 => message(random),
            part => rest(random, part, phase),
        }
    }
}

fn asset(random: &mut Rng, phase: Phase) -> Request {
    let (path, bytes) = STATIC[often(random, STATIC.len())];
    let request = Request::get(path, bytes);
    match path {
        "/css/principal.css" if phase == Phase::Judged => request.with("v", "20261127"),
        "/css/principal.css" | "/js/funciones.js" => request.with("v", "20260903"),
        path if path.starts_with("/sede/resources/p") => request.with("ln", "sede-theme"),
        _ => request,
    }
}

fn section(random: &mut Rng, phase: Phase) -> Request {
    let request = Request::get("/index.php", random.u64(9_000..21_000))
        .with("seccion", SECTIONS[often(random, SECTIONS.len())])
        .some(random, 40, "idioma", |random| {
            pick(random, &["es", "es", "es", "en", "ro", "ar"]).to_owned()
        })
        .some(random, 15, "id", |random| {
            (1 + often(random, 400)).to_string()
        })
        .some(random, 4, "imprimir", |_| "1".to_owned());
    let request = request.some(random, 6, "PHPSESSID", |random| token(random, 26));
    match phase {
        Phase::Judged => request.some(random, 10, "contraste", |_| "alto".to_owned()),
        Phase::Learned => request,
    }
}

fn offers(random: &mut Rng, phase: Phase) -> Request {
    let mut request = Request::get("/empleo/ofertas.php", random.u64(9_000..40_000))
        .with("palabra", wanted(random))
        .with(
            "categoria",
            match random.u32(..3) {
                0 => BRANCHES[often(random, BRANCHES.len())].1.to_string(),
                _ => "0".to_owned(),
            },
        )
        .some(random, 60, "municipio", |random| match random.u32(..3) {
            0 => applicant(random).town(random),
            _ => String::new(),
        })
        .some(random, 35, "jornada", |random| {
            pick(random, &["completa", "parcial", "fds", ""]).to_owned()
        })
        .some(random, 20, "salario_min", |random| {
            let least = 100 * random.u32(9..25);
            match random.u32(..25) {
                0 => format!("{least}€"),
                1 => format!("{}.{:03}", least / 1_000, least % 1_000),
                2 => String::new(),
                _ => least.to_string(),
            }
        })
        .some(random, 45, "orden", |random| {
            pick(
                random,
                &["fecha", "fecha", "titulo", "salario", "municipio"],
            )
            .to_owned()
        })
        .some(random, 30, "pag", |random| {
            (2 + often(random, 40)).to_string()
        });
    if random.u32(..100) < 60 {
        request = request.with("buscar", "Buscar");
    }
    if phase == Phase::Judged && random.u32(..100) < 12 {
        request = request.with("teletrabajo", "1");
    }
    if random.u32(..100) < 3 {
        // Old bookmarks are from when the site was in Latin-1.
        request = request.in_latin1();
    }
    request
}

/// What somebody types who looks for work.
pub(super) fn wanted(random: &mut Rng) -> String {
    match random.u32(..600) {
        0..200 => String::new(),
        200..430 => job(random),
        430..480 => pick(random, &BRANCHES.map(|(word, _)| word)).to_owned(),
        480..510 => applicant(random).town(random),
        510..525 => format!("{} en {}", job(random), applicant(random).town(random)),
        525..535 => format!("\"{}\"", job(random)),
        535..545 => format!("{} + {}", job(random), job(random)),
        545..555 => format!("{}, {}", job(random), job(random)),
        555..565 => format!("OF-2026/{:04}", random.u32(1..4_000)),
        565..573 => format!("{} (sin experiencia)", job(random)),
        573..580 => job(random).replace('/', " o "),
        580..584 => "C++ / C# / SQL".to_owned(),
        584..588 => format!("trabajo d {} urgente!!", job(random)),
        588..592 => words::name(random),
        592..594 => format!(
            "https://empleo.example/empleo/oferta.php?id={}",
            random.u32(21_000..25_000)
        ),
        594..596 => pick(random, &["%", "*", "...", "'", "?"]).to_owned(),
        596..598 => applicant(random).mail(random),
        _ => stated(random),
    }
}

fn offer(random: &mut Rng, phase: Phase) -> Request {
    let newest = if phase == Phase::Judged {
        25_060
    } else {
        25_000
    };
    let number = newest - often(random, 4_000);
    Request::get("/empleo/oferta.php", random.u64(11_000..16_000))
        .with("id", number)
        .some(random, 30, "ref", |random| {
            format!("OF-2026/{:04}", random.u32(1..4_000))
        })
        .some(random, 25, "volver", |random| {
            format!(
                "ofertas.php?categoria={}&pag={}",
                BRANCHES[often(random, 9)].1,
                1 + often(random, 9)
            )
        })
        .some(random, 5, "PHPSESSID", |random| token(random, 26))
        .some(random, 4, "compartir", |random| {
            pick(random, &["whatsapp", "facebook", "mail"]).to_owned()
        })
}

fn panel(random: &mut Rng) -> Request {
    match random.u32(..6) {
        0 | 1 => Request::get("/empleo/panel.php", random.u64(8_000..9_500)),
        2 => Request::get("/empleo/panel.php", random.u64(4_000..9_500))
            .with(
                "pestana",
                pick(random, &["candidaturas", "mensajes", "alertas"]),
            )
            .some(random, 30, "pag", |random| {
                (2 + often(random, 5)).to_string()
            }),
        3 => Request::get("/empleo/candidatura.php", random.u64(3_000..4_000))
            .with("id", 90_000 + often(random, 40_000))
            .with("accion", pick(random, &["ver", "ver", "retirar"])),
        4 => Request::get("/empleo/salir.php", 0).answered(302, 0),
        _ => Request::get("/empleo/activar.php", 0)
            .answered(302, 0)
            .with("u", 30_000 + often(random, 20_000))
            .with("clave", token(random, 32)),
    }
}

/// Papers that somebody has put there, as a list and one by one.
fn attachments(random: &mut Rng) -> Request {
    let name = match random.u32(..9) {
        0 => format!(
            "CV_{}_{}.pdf",
            applicant(random).given,
            applicant(random).first
        ),
        1 => "Curriculum Vitae (2).docx".to_owned(),
        2 => format!(
            "IMG-2026{:04}-WA{:04}.jpg",
            random.u32(101..1_231),
            random.u32(..99)
        ),
        3 => "título ESO.pdf".to_owned(),
        4 => format!("Documento escaneado {}.pdf", random.u32(1..30)),
        5 => "cv actualizado nuevo DEFINITIVO.PDF".to_owned(),
        6 => format!("{}.pdf", document(random)),
        7 => "Vida laboral_28-10-2026.pdf".to_owned(),
        _ => format!("scan{:04}.tif", random.u32(1..9_000)),
    };
    match random.u32(..4) {
        0 => Request::get("/empleo/adjuntos/listado.php", random.u64(3_000..6_000))
            .with(
                "carpeta",
                pick(random, &["cv", "cv", "titulos", "fotos", "otros"]),
            )
            .some(random, 50, "orden", |random| {
                pick(random, &["nombre", "fecha", "tamano"]).to_owned()
            })
            .some(random, 50, "dir", |random| {
                pick(random, &["asc", "desc"]).to_owned()
            }),
        1 => Request::get("/empleo/adjuntos/borrar.php", 0)
            .answered(302, 0)
            .with("id", random.u32(40_000..99_000))
            .with("token", token(random, 40)),
        2 => Request::get("/empleo/adjuntos/subir.php", random.u64(60..90))
            .by("POST")
            .with(
                "carpeta",
                pick(random, &["cv", "titulos", "fotos", "otros"]),
            ),
        _ => Request::get(
            "/empleo/adjuntos/descargar.php",
            random.u64(40_000..2_000_000),
        )
        .with("id", random.u32(40_000..99_000))
        .with("fichero", name),
    }
}

fn alert(random: &mut Rng) -> Request {
    let mail = applicant(random).mail(random);
    match random.u32(..3) {
        // Links of mails carry the address, packed.
        0 => Request::get("/empleo/alerta_baja.php", random.u64(1_900..2_000))
            .with("e", BASE64_STANDARD.encode(mail.trim()))
            .with("h", token(random, 32)),
        _ => Request::get("/empleo/alerta.php", random.u64(3_000..3_300))
            .with("email", mail)
            .with("palabras", wanted(random))
            .with("categoria", BRANCHES[often(random, BRANCHES.len())].1)
            .with("frecuencia", pick(random, &["diaria", "semanal"]))
            .with("lopd", "1"),
    }
}

fn rest(random: &mut Rng, part: u32, phase: Phase) -> Request {
    match part {
        ..923 => Request::get("/agenda/evento.php", random.u64(6_000..8_000))
            .with(
                "fecha",
                format!("2026-{:02}-{:02}", random.u32(9..13), random.u32(1..31)),
            )
            .some(random, 60, "id", |random| random.u32(100..900).to_string()),
        923..931 => Request::get("/encuesta/votar.php", random.u64(900..1_000))
            .with("id", random.u32(11..15))
            .with("voto", random.u32(1..6)),
        931..939 => Request::get("/rss.php", random.u64(20_000..22_000))
            .with("canal", pick(random, &["ofertas", "noticias", "cursos"])),
        939..946 => Request::get("/sede/firma/trifasica", random.u64(200..900))
            .by("POST")
            .with("op", pick(random, &["pre", "post"]))
            .with("cop", "sign")
            .with("algo", "SHA256withRSA"),
        946..952 => Request::get("/robots.txt", 330),
        952..957 => Request::get("/estado", 2).with("sonda", "zbx01"),
        957..963 => Request::get("/captcha.php", random.u64(1_800..2_400)).with("r", random.f64()),
        963..967 => Request::get("/empleo/recordar.php", random.u64(2_000..2_200))
            .with("email", applicant(random).mail(random)),
        967..972 => Request::get(
            format!(
                "/documentos/{}",
                pick(
                    random,
                    &[
                        "bases_bolsa_2026.pdf",
                        "Guía del Demandante.pdf",
                        "anexo II (autobaremación).odt",
                        "BOP_184.pdf"
                    ]
                )
            ),
            random.u64(90_000..900_000),
        ),
        972..975 => Request::get("/empleo/oferta.php", 9_102)
            .with(
                "id",
                pick(random, &["", "1240.", "24011)", "24011%20", "OF-2026"]),
            )
            .answered(404, 9_102),
        // A course that is new, and how the office does.
        975..979 if phase == Phase::Judged => {
            Request::get("/cursos/inscripcion.php", random.u64(5_000..5_400))
                .with("curso", format!("2026-DIG-{:02}", random.u32(1..20)))
                .with("nif", document(random))
                .with("turno", pick(random, &["M", "T"]))
        }
        979..983 if phase == Phase::Judged => {
            Request::get("/sede/valoracion.jsp", random.u64(1_000..1_100))
                .with("estrellas", random.u32(1..6))
                .some(random, 40, "texto", stated)
        }
        _ => missing(random),
    }
}

/// Links of years ago and of others, what devices ask for by themselves, and mistakes.
fn missing(random: &mut Rng) -> Request {
    let path = match random.u32(..13) {
        0 | 1 => "/apple-touch-icon.png".to_owned(),
        2 => "/sitemap.xml".to_owned(),
        3 => "/wordpress/".to_owned(),
        4 => format!("/oferta.asp/{}", random.u32(100..3_000)),
        5 => "/empleo".to_owned(),
        6 => format!("/empleo/oferta_{}.html", random.u32(1_000..9_000)),
        7 => "/empleo/ofertas.php,".to_owned(),
        8 => format!("/noticias/{}/feria-de-empleo", random.u32(2_012..2_022)),
        9 => "/.well-known/change-password".to_owned(),
        10 => "/documentos/bases bolsa.pdf".to_owned(),
        11 => "/sede/index.jsf".to_owned(),
        _ => "/img/banner_feder_old.gif".to_owned(),
    };
    Request::get(path, 7_204).answered(404, 7_204)
}
