//! The long forms of the benchmark's town hall: a life's work, letters to employers, and what a citizen states
//! and requests.

use fastrand::Rng;

use super::empleo::{BRANCHES, procedure};
use super::empleo_people::{applicant, document, recent, secret, street, telephone, written};
use super::insurer_forms::sent;
use super::insurer_values::mistaken_digit;
use super::people::{SENTENCES, typed};
use super::request::{Request, often, pick, token};
use super::site::Phase;
use super::streaming_titles::base62;

const LETTER: [&str; 26] = [
    "Estimados Sres.: me dirijo a Uds. en relación con la oferta publicada.",
    "Tengo 12 años de experiencia en hostelería (camarera, jefa de rango y barra).",
    "Carnet de conducir B y vehículo propio; disponibilidad inmediata.",
    "• Carretillero – Mercadona (2019-2022)\r\n• Mozo de almacén – Amazon (2022-2024)",
    "Nivel de inglés: B2 / alemán: A1",
    "soy una persona trabajadora,puntual y con muchas ganas de trabajar",
    "Cobraba 1.200€/mes + pagas extra",
    "No importa el horario!! mañana, tarde o noche",
    "Referencias: Sr. Ramírez, tlf 600123123",
    "Ofimática: Word, Excel y \"algo\" de Photoshop.",
    "Ver CV adjunto",
    "Manipuladora de alimentos; título de la ESO",
    "He trabajado en Bar \"El Rincón\" & Cía.",
    "¿Es posible compaginarlo con otro trabajo de 20 h/semana?",
    "Llevo 8 meses en paro y tengo 2 hijos a mi cargo.",
    "Grado en ADE por la UMA, 2018 (nota media: 7,8)",
    "Programador web: PHP, JavaScript, SQL (select, joins...), C++ y C#",
    "Mi web: https://lucia-perez.example/portfolio/index.html?lang=es",
    "Busco trabajo d lo q sea, grasias",
    "Adjunto certificado de discapacidad del 33 %",
    "Cuidado de personas mayores (interna/externa).",
    "Permís de treball en regla; parlo català i castellà",
    "Ezagutzen dut euskara (C1).",
    "Soldador TIG/MIG, homologación 6G",
    "PD: mi nº de demanda es el 0123456-7 <renovada>",
    "Un cordial saludo,\r\n\r\nM. Ángeles",
];
const STATED: [&str; 20] = [
    "Que con fecha 12 de octubre presentó solicitud (nº reg. 2026/18834) sin respuesta.",
    "Que la farola sita frente al nº 14 no funciona desde hace 3 semanas.",
    "Que NO está conforme con la sanción de 200 € (boletín 0004512),",
    "por cuanto el vehículo no estaba estacionado en dicho lugar;",
    "Que, según el art. 53.1.d) de la Ley 39/2015, de 1 de octubre,",
    "Fraccionamiento de la deuda en 6 plazos",
    "Copia del expediente y del informe técnico",
    "Que se proceda a la poda de los árboles de C/ Sol (esq. Luna)",
    "que me quiten la multa por que yo no era",
    "Cambio de titularidad del recibo de basura/agua",
    "Se adjunta: 1) DNI, 2) recibo IBI, 3) fotos",
    "El local de abajo hace ruido hasta las 3:00 h, > 60 dB",
    "Devolución de la tasa de 36,06 euros + intereses",
    "Ref. catastral 9872023VH5797S0001WX",
    "Autorizo a D. José L. O'Donnell a recoger el volante.",
    "Que se den las órdenes oportunas...",
    "LO ANTERIORMENTE EXPUESTO",
    "Solicito vado permanente; ancho = 3,20 m",
    "Que la plaza para minusválidos (\"PMR\") sigue sin pintar!!!",
    "idem",
];

/// A few of these, in lines or in one.
fn prose(random: &mut Rng, of: &[&str]) -> String {
    if random.u32(..30) == 0 {
        return pick(random, &SENTENCES).to_owned();
    }
    let count = 1 + often(random, 8);
    let all: Vec<String> = (0..count)
        .map(|_| {
            let sentence = pick(random, of);
            typed(random, sentence)
        })
        .collect();
    let text = all.join(pick(random, &[" ", " ", "\r\n", "\r\n\r\n", "\n"]));
    match random.u32(..50) {
        // It was written in a word processor first.
        0 | 1 => text.replace('"', "”").replace("- ", "–\t"),
        2 => text.to_uppercase(),
        _ => text,
    }
}

pub(super) fn stated(random: &mut Rng) -> String {
    prose(random, &STATED)
}

/// Of people whose browser takes no cookie, and the key that guards the form.
fn guarded(random: &mut Rng, request: Request) -> Request {
    request
        .with("token", token(random, 40))
        .some(random, 9, "PHPSESSID", |random| {
            base62(random, 26).to_lowercase()
        })
}

/// The same boxes stand at the head of each form of the town hall.
fn identified(random: &mut Rng, request: Request) -> Request {
    let who = applicant(random);
    request
        .with(
            "tipo_doc",
            pick(random, &["NIF", "NIF", "NIF", "NIE", "PAS"]),
        )
        .with("nif", document(random))
        .with("nombre", typed(random, who.given))
        .with("apellido1", typed(random, who.first))
        .with("apellido2", typed(random, who.second))
        .with("domicilio", street(random))
        .with("cp", who.postcode(random))
        .with("municipio", who.town(random))
        .with("telefono", telephone(random))
        .with("email", who.mail(random))
}

/// Somebody tells what they have done and can do.
pub(super) fn curriculum(random: &mut Rng, phase: Phase) -> Request {
    let request = Request::get("/empleo/cv_editar.php", random.u64(14_000..19_000))
        .with("accion", "guardar")
        .with(
            "bloque",
            pick(random, &["personal", "experiencia", "formacion"]),
        )
        .with("id_cv", 8_000 + often(random, 26_000));
    let mut request = identified(random, request)
        .with("f_nac", applicant(random).birthday(random))
        .with(
            "nacionalidad",
            pick(
                random,
                &["ES", "ES", "ES", "RO", "MA", "CO", "UA", "CN", ""],
            ),
        )
        .with("estudios", 1 + often(random, 9))
        .with("naf", social_security(random));
    for _ in 0..often(random, 4) {
        let since = 1_995 + random.u32(..31);
        request = request
            .with("puesto[]", job(random))
            .with("empresa[]", firm(random))
            .with("desde[]", since)
            .with(
                "hasta[]",
                match random.u32(..5) {
                    0 => String::new(),
                    1 => "actualidad".to_owned(),
                    _ => (since + random.u32(..6)).to_string(),
                },
            );
    }
    request = request
        .with("funciones", prose(random, &LETTER))
        .some(random, 55, "carnet[]", |random| {
            pick(random, &["B", "B", "A2", "C", "C+E", "BTP"]).to_owned()
        })
        .some(random, 40, "web", |random| match random.u32(..4) {
            0 => "www.linkedin.com/in/lucia-perez-1a2b3c".to_owned(),
            1 => format!("https://es.linkedin.com/in/{}/", token(random, 9)),
            2 => "no".to_owned(),
            _ => "http://".to_owned(),
        })
        .with(
            "disponibilidad",
            pick(random, &["inmediata", "15dias", "mes"]),
        );
    if phase == Phase::Judged && random.u32(..2) == 0 {
        request = request
            .with("teletrabajo", pick(random, &["si", "no", "parcial"]))
            .some(random, 30, "pronombre", |random| {
                pick(random, &["ella", "él", "elle"]).to_owned()
            });
    }
    let request = guarded(random, request);
    sent(random, request.with("enviar", "Guardar cambios"))
}

fn social_security(random: &mut Rng) -> String {
    let (town, number, check) = (
        pick(random, &["29", "29", "18", "28", "08", "04"]),
        random.u32(10_000_000..99_999_999),
        random.u32(10..97),
    );
    match random.u32(..20) {
        0..3 => format!("{town}/{number}/{check}"),
        3 | 4 => format!("{town} {number} {check}"),
        5 => format!("{town}-{number}-{check}"),
        6..8 => String::new(),
        8 => "no lo sé".to_owned(),
        _ => format!("{town}{number}{check}"),
    }
}

pub(super) fn job(random: &mut Rng) -> String {
    let job = pick(
        random,
        &[
            "camarero/a",
            "Peón agrícola",
            "limpiadora",
            "Auxiliar administrativo",
            "mozo de almacén",
            "Conductor C+E",
            "Técnico/a de RR.HH.",
            "dependienta (fines de semana)",
            "Electricista 1ª",
            "programador PHP/.NET",
            "Monitor de tiempo libre",
            "Aux. ayuda a domicilio",
            "cocinero",
            "Community manager",
            "Ing. téc. agrícola",
            "ayudante d cocina",
        ],
    );
    typed(random, job)
}

fn firm(random: &mut Rng) -> String {
    let firm = pick(
        random,
        &[
            "Mercadona, S.A.",
            "Bar Casa Paco",
            "Trops",
            "Hnos. Ruiz e Hijos, C.B.",
            "H&M",
            "autónomo",
            "Ayto. de Nerja",
            "Construcciones J&M 2000 SL",
            "D'Aquí S.L.U.",
            "varios",
            "Grupo \"La Caña\"",
        ],
    );
    typed(random, firm)
}

pub(super) fn application(random: &mut Rng) -> Request {
    let request = Request::get("/empleo/inscribirse.php", random.u64(5_000..6_200))
        .with("oferta", 21_000 + often(random, 4_000))
        .with("paso", 1 + often(random, 3))
        .with("carta", prose(random, &LETTER))
        .with("cv", 8_000 + often(random, 26_000))
        .with(
            "sueldo",
            match random.u32(..9) {
                0 => format!("{}.{}00", random.u32(1..3), random.u32(..9)),
                1 => format!("{}€", 100 * random.u32(9..26)),
                2 => "según convenio".to_owned(),
                3 => format!("{}-{}", 100 * random.u32(9..15), 100 * random.u32(15..26)),
                4 => String::new(),
                _ => (100 * random.u32(9..30)).to_string(),
            },
        )
        .with("incorporacion", recent(random))
        .some(random, 85, "lopd", |_| "1".to_owned());
    let request = guarded(random, request);
    sent(random, request)
}

/// What may be asked of an office in writing: what is so, and what is wanted.
pub(super) fn petition(random: &mut Rng) -> Request {
    let request = Request::get("/sede/registro/instancia.jsp", random.u64(8_000..9_900))
        .with("op", "presentar")
        .with("procedimiento", procedure(random))
        .with(
            "calidad",
            pick(random, &["interesado", "interesado", "representante"]),
        );
    let request = identified(random, request)
        .with("expone", stated(random))
        .with("solicita", stated(random))
        .some(random, 25, "documentos", |random| {
            random.u32(1..6).to_string()
        })
        .with("notificacion", pick(random, &["E", "E", "P"]))
        .some(random, 12, "representado_nif", document)
        .with("ViewState", token(random, 24).to_uppercase());
    sent(random, request)
}

pub(super) fn registration(random: &mut Rng) -> Request {
    let key = secret(random);
    let request = Request::get("/empleo/alta.php", random.u64(7_000..7_700)).with(
        "tipo",
        pick(random, &["demandante", "demandante", "empresa"]),
    );
    let request = identified(random, request)
        .with("usuario", document(random))
        .with("clave", &key)
        .with(
            "clave2",
            if random.u32(..30) == 0 {
                secret(random)
            } else {
                key
            },
        )
        .with("pregunta", 1 + often(random, 6))
        .with(
            "respuesta",
            match random.u32(..3) {
                0 => applicant(random).town(random),
                1 => applicant(random).full_name(random),
                _ => secret(random),
            },
        )
        .some(random, 90, "condiciones", |_| "on".to_owned());
    let request = guarded(random, request);
    sent(random, request.with("enviar", "Darse de alta"))
}

pub(super) fn login(random: &mut Rng) -> Request {
    let is_mistaken = random.u32(..8) == 0;
    let request = Request::get("/empleo/acceso.php", 0)
        .with(
            "usuario",
            match random.u32(..4) {
                0 => applicant(random).mail(random),
                _ => document(random),
            },
        )
        .with("clave", secret(random))
        .some(random, 20, "recordar", |_| "1".to_owned())
        .some(random, 40, "volver", |random| {
            pick(
                random,
                &[
                    "/empleo/panel.php",
                    "/empleo/oferta.php?id=24011",
                    "/empleo/cv_editar.php?bloque=personal",
                    "/sede/",
                ],
            )
            .to_owned()
        });
    let request = guarded(random, request);
    if is_mistaken {
        request.answered(200, 4_210)
    } else {
        request.answered(302, 0)
    }
}

/// A firm looks for people.
pub(super) fn vacancy(random: &mut Rng) -> Request {
    let request = Request::get("/empleo/empresa/oferta_nueva.php", random.u64(6_000..7_000))
        .with("cif", document(random))
        .with("razon", firm(random))
        .with("titulo", job(random))
        .with("categoria", BRANCHES[often(random, BRANCHES.len())].1)
        .with("plazas", 1 + often(random, 12))
        .with("descripcion", prose(random, &LETTER))
        .with(
            "salario",
            format!("{},{:02}", 900 + often(random, 2_000), random.u32(..100)),
        )
        .with("jornada", pick(random, &["completa", "parcial", "fds"]))
        .with("hasta", recent(random))
        .with("contacto", applicant(random).full_name(random))
        .with("tlf", telephone(random));
    let request = guarded(random, request);
    sent(random, request)
}

/// What is broken in a street, and where.
pub(super) fn incident(random: &mut Rng) -> Request {
    let request = Request::get("/sede/incidencias/nueva.jsp", random.u64(4_000..4_400))
        .with(
            "tipo",
            pick(random, &["ALUM", "BASU", "VIA", "JARD", "RUID"]),
        )
        .with("lugar", street(random))
        .some(random, 50, "lat", |random| {
            format!("36.{}", random.u32(100_000..9_999_999))
        })
        .some(random, 50, "lon", |random| {
            format!("-4.{}", random.u32(100_000..9_999_999))
        })
        .with("descripcion", stated(random))
        .some(random, 60, "email", |random| applicant(random).mail(random));
    sent(random, request)
}

/// A bill, as the bank's paper has it.
pub(super) fn payment(random: &mut Rng) -> Request {
    let reference = format!("{:012}", random.u64(1_000_000..99_000_000_000));
    let (euros, cents) = (10 + often(random, 700), random.u32(..100));
    let request = Request::get("/sede/tributos/pago.jsp", random.u64(5_000..5_500))
        .with("emisora", pick(random, &["290943", "290943", "290910"]))
        .with("modo", "C60")
        .with(
            "referencia",
            match random.u32(..60) {
                0 => mistaken_digit(random, &reference),
                1 => format!("{reference} "),
                2 => reference.split_at(6).0.to_owned(),
                _ => reference,
            },
        )
        .with("identificacion", random.u32(1_000_000_000..1_600_000_000))
        .with(
            "importe",
            match random.u32(..12) {
                0 => format!("{euros}.{cents:02}"),
                1 => format!("{euros}"),
                2 => format!("{euros},{cents:02} €"),
                _ => format!("{euros},{cents:02}"),
            },
        )
        .with("nif", document(random));
    let request = request.with("medio", pick(random, &["tarjeta", "bizum", "cuenta"]));
    sent(random, request)
}

/// A fine, by the number on the paper behind the windscreen.
pub(super) fn fine(random: &mut Rng) -> Request {
    let consonant = |random: &mut Rng| char::from(b"BCDFGHJKLMNPRSTVWXYZ"[random.usize(..20)]);
    let letters: String = (0..3).map(|_| consonant(random)).collect();
    let number = random.u32(..10_000);
    let plate = match random.u32(..40) {
        0..5 => format!("{number:04} {letters}"),
        5..8 => format!("{number:04}-{letters}"),
        8..11 => format!("{number:04}{}", letters.to_lowercase()),
        11 => format!("MA-{number:04}-{}", letters.split_at(2).0),
        12 => format!("E-{number:04}-{letters}"),
        _ => format!("{number:04}{letters}"),
    };
    let born = [random.u32(1..31), random.u32(1..13), 2_026];
    Request::get("/sede/multas/consulta.jsp", random.u64(3_000..3_300))
        .with("boletin", format!("{:07}", 4_000 + often(random, 90_000)))
        .with("matricula", plate)
        .with("fecha", written(random, born))
}
