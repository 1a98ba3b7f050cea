//! The electronic office of the benchmark's town hall: appointments, papers and their codes, files, the board, and
//! whatever else an office is asked.

use fastrand::Rng;

use super::empleo::{procedure, wanted};
use super::empleo_forms::{job, stated};
use super::empleo_people::{applicant, document, recent, street, telephone};
use super::people::typed;
use super::request::{Request, often, pick, token, uuid};
use super::site::Phase;

pub(super) fn appointment(random: &mut Rng, phase: Phase) -> Request {
    let office = 1 + often(random, 6);
    let request = match random.u32(..3) {
        0 => Request::get("/sede/cita/confirmar.jsp", random.u64(4_000..4_600))
            .with("tramite", procedure(random))
            .with("oficina", office)
            .with("hueco", uuid(random))
            .with("nif", document(random))
            .with("nombre", applicant(random).full_name(random))
            .with("telefono", telephone(random))
            .some(random, 20, "observaciones", stated),
        _ => Request::get("/sede/cita/disponibles.jsp", random.u64(600..3_000))
            .with("tramite", procedure(random))
            .with("oficina", office)
            .with("fecha", format!("{:02}/12/2026", random.u32(1..31)))
            .with("_", 1_795_000_000_000 + random.u64(..400_000_000)),
    };
    match phase {
        Phase::Judged => request.some(random, 15, "videollamada", |_| "false".to_owned()),
        Phase::Learned => request,
    }
}

/// Whether a paper is genuine, by the code that is printed along its edge.
pub(super) fn verification(random: &mut Rng) -> Request {
    let code: Vec<String> = (0..4).map(|_| token(random, 5).to_uppercase()).collect();
    let code = match random.u32(..60) {
        0..4 => code.join(" "),
        4..8 => code.concat(),
        8..10 => code.join("-").to_lowercase(),
        10 => code.join("-").replace('0', "O"),
        11 => code.get(..3).unwrap_or_default().join("-"),
        _ => code.join("-"),
    };
    Request::get("/sede/csv/verificar.jsp", random.u64(3_000..3_600))
        .with("csv", code)
        .some(random, 50, "origen", |random| {
            pick(random, &["papel", "qr"]).to_owned()
        })
}

pub(super) fn file_state(random: &mut Rng) -> Request {
    let number = random.u32(1..30_000);
    let office = pick(random, &["PAD", "TRA", "URB", "SAN", "EMP"]);
    let number = match random.u32(..60) {
        0..3 => format!("{number}/2026"),
        3..5 => format!("2026-{office}-{number:05}"),
        5 => format!("Exp. 2026/{office}/{number:05}"),
        6 => format!("2026/{}/{number}", office.to_lowercase()),
        _ => format!("2026/{office}/{number:05}"),
    };
    Request::get("/sede/expedientes/estado.jsp", random.u64(4_000..7_000))
        .with("numero", number)
        .with("nif", document(random))
}

/// What is pinned to the board by law.
pub(super) fn board(random: &mut Rng) -> Request {
    match random.u32(..3) {
        0 => Request::get("/sede/tablon/anuncio.jsp", random.u64(60_000..900_000))
            .with("id", 6_000 + often(random, 1_400))
            .with("descarga", "true"),
        _ => Request::get("/sede/tablon/anuncios.jsp", random.u64(9_000..20_000))
            .with(
                "tipo",
                pick(random, &["", "", "EDIC", "OPOS", "SUBV", "CONT"]),
            )
            .some(random, 40, "desde", recent)
            .some(random, 40, "hasta", recent)
            .some(random, 30, "texto", |random| match random.u32(..5) {
                0 => format!("\"{}\"", job(random)),
                1 => "BOP nº 184, de 24/09/2026".to_owned(),
                _ => wanted(random),
            })
            .some(random, 35, "p", |random| often(random, 30).to_string()),
    }
}

/// What completes the box of an address while somebody types.
pub(super) fn streets(random: &mut Rng) -> Request {
    let street = street(random);
    let letters = random.usize(3..16);
    Request::get("/callejero/calles.php", random.u64(60..1_800))
        .with(
            "callback",
            format!(
                "jQuery3510{}_{}",
                random.u64(10_000_000..99_999_999),
                random.u32(1_000..9_999)
            ),
        )
        .with("q", street.chars().take(letters).collect::<String>())
        .with("max", "12")
}

pub(super) fn census(random: &mut Rng) -> Request {
    let who = applicant(random);
    Request::get("/sede/padron/volante.jsp", random.u64(5_000..5_300))
        .with(
            "tipo",
            pick(random, &["individual", "colectivo", "historico"]),
        )
        .with("nif", document(random))
        .with("f_nac", who.birthday(random))
        .with(
            "motivo",
            pick(
                random,
                &[
                    "Colegio",
                    "extranjería",
                    "Bono social",
                    "otros",
                    "AYUDA ALQUILER",
                ],
            ),
        )
        .some(random, 25, "ref_catastral", |random| {
            format!(
                "{}VH{}S{:04}{}",
                random.u32(1_000_000..9_999_999),
                random.u32(1_000..9_999),
                random.u32(1..99),
                token(random, 2).to_uppercase()
            )
        })
        .with("idioma", "es")
}

pub(super) fn message(random: &mut Rng) -> Request {
    let who = applicant(random);
    Request::get("/contacto/enviar.php", random.u64(2_000..2_200))
        .with("nombre", who.full_name(random))
        .with("correo", who.mail(random))
        .with("asunto", typed(random, "Consulta"))
        .with("mensaje", stated(random))
        .with("captcha", random.u32(2..19))
        .with("enviar.x", random.u32(1..90))
        .with("enviar.y", random.u32(1..24))
}
