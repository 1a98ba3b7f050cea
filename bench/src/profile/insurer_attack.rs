//! How the benchmark's insurer is attacked: as all sites of forms are, and as CSIC 2010 describes it, with
//! hidden values changed, files that nothing links to, and values that nobody means.

use std::sync::LazyLock;

use fastrand::Rng;

use super::attack::answered;
use super::insurer::is_page;
use super::request::{Request, pick, token};
use super::{csic, tamper};

const OWN: [&str; 4] = [
    "replaced value",
    "resource without a link",
    "illegal value",
    "session in the path",
];
/// The kinds of attack, as they are reported.
pub(super) static KINDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| [tamper::KINDS.as_slice(), &csic::KINDS, &OWN].concat());
const LOST: [&str; 26] = [
    "/manager/html",
    "/host-manager/html",
    "/examples/servlets/index.html",
    "/admin/index.jsp",
    "/area/admin.do",
    "/area/utenti.do",
    "/area/gestione/elenco.do",
    "/WEB-INF/struts-config.xml",
    "/WEB-INF/classes/db.properties",
    "/META-INF/context.xml",
    "/test.jsp",
    "/prova.jsp",
    "/index.jsp.bak",
    "/prodotti/auto.jsp.old",
    "/registrazione.java",
    "/backup/polizze.zip",
    "/struts/webconsole.html",
    "/axis2/services/listServices",
    "/jmx-console/",
    "/cmd.jsp",
    "/servlet/Debug",
    "/res/js/",
    "/moduli/",
    "/log/catalina.out",
    "/preventivo/autoTest.do",
    "/console/login/LoginForm.jsp",
];

/// An attack made of an ordinary request, and its kind; none where this request has nothing to attack.
pub(super) fn make(random: &mut Rng, mut request: Request) -> Option<(Request, usize)> {
    let kind = random.usize(..KINDS.len());
    let Some(beyond) = kind.checked_sub(tamper::KINDS.len()) else {
        let (request, kind) = tamper::make(random, request)?;
        // Boxes to tick and the ages of travellers are repeated every day; by itself neither is the last one.
        let last = request.query.last().map(|(name, _)| name.as_str());
        return (!matches!(last, Some("garanzia" | "eta"))).then_some((request, kind));
    };
    match beyond.checked_sub(csic::KINDS.len()) {
        None => csic::make(random, &mut request, beyond)?,
        Some(1) => {
            let found = random.u32(..8) == 0;
            let (status, bytes) = if found { (200, 3_420) } else { (404, 1_084) };
            let path = if random.u32(..4) == 0 {
                let end = pick(random, &["1", "_old", "2.bak", ".txt", ".orig"]);
                format!("{}{end}", request.path.split(';').next()?)
            } else {
                pick(random, &LOST).to_owned()
            };
            return Some((Request::get(path, bytes).answered(status, bytes), kind));
        }
        Some(3) => {
            let path = request.path.split(';').next()?;
            if !is_page(path) {
                return None;
            }
            request.path = match random.u32(..4) {
                0 => format!("{path};jsessionid={}", random.u32(1..9_999)),
                1 => format!("{path};jsessionid=' or '1'='1"),
                2 => format!("{path};jsessionid=../../{}", token(random, 6)),
                _ => format!("{path};jsessionid={}", token(random, 12)),
            };
        }
        Some(0) => csic::change(random, &mut request, |random, name, _| {
            replaced(random, name).map(str::to_owned)
        })?,
        Some(_) => csic::change(random, &mut request, illegal)?,
    }
    Some((answered(random, request), kind))
}

/// What is no box but a list or is hidden in the page, so that nobody can type it.
fn replaced(random: &mut Rng, name: &str) -> Option<&'static str> {
    let others: &[&str] = match name {
        "passo" => &["99", "-1", "fine"],
        "metodo" | "dispatch" => &["elimina", "unspecified", "approva"],
        "uso" | "alimentazione" | "tipo" | "dimora" => &["X", "TAXI9", "null"],
        "stato" | "scheda" | "ordina" => &["tutte_agenzia", "password", "1"],
        "tipoDocumento" => &["LOG", "ADM", "*"],
        "format" => &["exe", "../pdf", "XML"],
        "classeBM" => &["0", "-14", "1.0"],
        "kmAnnui" | "durata" | "anno" => &["0", "-5000", "1e9"],
        "sesso" | "fumatore" | "feriti" => &["Z", "true", "0"],
        "privacy" | "privacy1" | "ricordami" | "allarme" => &["off", "admin", "0"],
        "tipoCarta" => &["GRATIS", "TEST", "0"],
        "urlRitorno" | "url" => &[
            "http://evil.example/",
            "//evil.example",
            "javascript:alert(1)",
        ],
        "marca" | "modello" => &["0", "-1", "ADMIN"],
        "cerca" => &["Elimina", "X"],
        _ => return None,
    };
    Some(pick(random, others))
}

/// What CSIC 2010 calls unintentional: what a visitor may type whom nobody would believe.
fn illegal(random: &mut Rng, name: &str, value: &str) -> Option<String> {
    let half = value.get(..value.len() / 2);
    Some(match name {
        "telefono" | "cellulare" | "telefonoCasa" => match random.u32(..3) {
            0 => pick(random, &["telefono", "abcdefg", "tre tre tre"]).to_owned(),
            1 => format!("{}abc", half?),
            _ => format!("{}=/{}", half?, random.u32(..99)),
        },
        "codiceFiscale" | "cf" => match random.u32(..3) {
            0 => format!("{value}{}", token(random, 4).to_uppercase()),
            1 => half?.to_owned(),
            _ => random.u64(100_000_000_000..999_999_999_999).to_string(),
        },
        "cap" => match random.u32(..3) {
            0 => format!("{}A{}", half?, random.u32(..10)),
            1 => format!("{value}{}", random.u32(10..99)),
            _ => "-1".to_owned(),
        },
        "provincia" => format!("{value}{}", random.u32(..99)),
        "numeroCarta" | "cvv" => match random.u32(..3) {
            0 => format!("{}x", half?),
            1 => half?.to_owned(),
            _ => "carta".to_owned(),
        },
        "nome" | "cognome" | "titolare" | "intestatario" | "comune" | "luogoNascita"
            if value.is_ascii() =>
        {
            let (start, end) = value.split_at(value.len() / 2);
            let odd = pick(random, &["=", ";", "|", "%", "¿", "*", "_9", "[", "&&"]);
            format!("{start}{odd}{end}")
        }
        "email" | "email2" => match random.u32(..3) {
            0 => value.replace('@', " at "),
            1 => format!("<{value}>;{value}"),
            _ => "@".to_owned(),
        },
        "dataNascita" | "dataSinistro" | "decorrenza" | "dal" | "al" => match random.u32(..4) {
            0 => "32/13/2026".to_owned(),
            1 => "ieri".to_owned(),
            2 => format!("{value}/{value}"),
            _ => "00/00/0000".to_owned(),
        },
        "importo" | "valore" | "capitale" | "danno" | "mq" => match random.u32(..4) {
            0 => format!("-{value}"),
            1 => "mille".to_owned(),
            2 => format!("{value}{value}{value}{value}"),
            _ => format!("{value};"),
        },
        "iban" | "targa" | "targaA" | "targaB" | "polizza" | "numeroPolizza" | "numero" => {
            match random.u32(..3) {
                0 => half?.to_owned(),
                1 => format!("{value}{value}"),
                _ => format!("{value}*"),
            }
        }
        "oraSinistro" => "25:99".to_owned(),
        _ => return None,
    })
}
