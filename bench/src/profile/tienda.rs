//! A Spanish shop of the kind that CSIC 2010 recorded: JSP pages in Latin-1, forms by GET, few clients,
//! and the anomalies that are in that set.

use fastrand::Rng;

use super::attack::payload;
use super::request::{Request, often, pick, token};
use super::site::{Phase, Site};

const PRODUCTS: [(&str, u32); 6] = [
    ("Jamón Ibérico", 85),
    ("Queso Manchego", 39),
    ("Vino Rioja", 100),
    ("Aceite de Oliva", 27),
    ("Turrón de Alicante", 12),
    ("Pimentón de la Vera", 6),
];
const NAMES: [&str; 20] = [
    "Ana", "José", "María", "Íñigo", "Begoña", "Andrés", "Lucía", "Raúl", "Inés", "Martín",
    "Nuria", "Ramón", "Sofía", "Óscar", "Pilar", "Víctor", "Elena", "Julián", "Concha", "Tomás",
];
const SURNAMES: [&str; 20] = [
    "García",
    "Núñez",
    "López",
    "Peña",
    "Muñoz",
    "Sanz",
    "Ferrer",
    "Ibáñez",
    "Ortiz",
    "Roca",
    "Vidal",
    "Prats",
    "Solís",
    "Cano",
    "Bru",
    "Zubiri",
    "Echeverría",
    "Güell",
    "D'Ors",
    "Soler",
];
const CITIES: [&str; 16] = [
    "Madrid",
    "Ávila",
    "León",
    "Cádiz",
    "Vitoria-Gasteiz",
    "Palma",
    "L'Hospitalet",
    "Alcalá de Henares",
    "San Sebastián",
    "Logroño",
    "A Coruña",
    "Jaén",
    "Villanueva (La)",
    "Castellón/Castelló",
    "Ejido, El",
    "Móstoles",
];
const PROVINCES: [&str; 12] = [
    "Madrid",
    "Ávila",
    "León",
    "Cádiz",
    "Álava",
    "Illes Balears",
    "Barcelona",
    "Gipuzkoa",
    "La Rioja",
    "A Coruña",
    "Jaén",
    "Castellón",
];
const STREETS: [&str; 8] = [
    "Calle", "C/", "Avenida", "Avda.", "Plaza", "Pl.", "Paseo", "Camiño",
];
const LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
const IMAGES: [&str; 14] = [
    "/tienda1/imagenes/1.gif",
    "/tienda1/imagenes/2.gif",
    "/tienda1/imagenes/3.gif",
    "/tienda1/imagenes/logo.gif",
    "/tienda1/imagenes/cesta.gif",
    "/tienda1/imagenes/nuestratierra.jpg",
    "/tienda1/miembros/imagenes/castro.jpg",
    "/tienda1/miembros/imagenes/ogono.jpg",
    "/tienda1/miembros/imagenes/zarauz.jpg",
    "/tienda1/global/estilos.css",
    "/tienda1/global/creditos.jsp",
    "/tienda1/global/menum.jsp",
    "/tienda1/global/titulo.jsp",
    "/tienda1/miembros/fotos.jsp",
];
const PAGES: [&str; 7] = [
    "/tienda1/index.jsp",
    "/tienda1/publico/productos.jsp",
    "/tienda1/publico/carrito.jsp",
    "/tienda1/publico/miembros.jsp",
    "/tienda1/miembros/index.jsp",
    "/tienda1/miembros/salir.jsp",
    "/tienda1/publico/registro.jsp",
];

pub(super) struct Tienda;

impl Site for Tienda {
    fn host(&self) -> &'static str {
        "tienda.example"
    }

    fn is_latin1(&self) -> bool {
        true
    }

    fn visit(&self, random: &mut Rng, _phase: Phase) -> Request {
        let page = |path: &str, random: &mut Rng| Request::get(path, random.u64(2_000..9_000));
        match random.u32(..100) {
            0..36 => page(pick(random, &IMAGES), random),
            36..52 => page(pick(random, &PAGES), random),
            52..62 => {
                let (name, price) = PRODUCTS[often(random, PRODUCTS.len())];
                page("/tienda1/publico/anadir.jsp", random)
                    .with("id", random.u32(1..4))
                    .with("nombre", name)
                    .with("precio", price)
                    .with("cantidad", random.u32(1..100))
                    .with("B1", "Añadir al carrito")
            }
            62..70 => page("/tienda1/publico/autenticar.jsp", random)
                .with("modo", "entrar")
                .with("login", login(random))
                .with("pwd", password(random))
                .with("remember", pick(random, &["on", "off"]))
                .with("B1", "Entrar"),
            70..77 => {
                page("/tienda1/publico/caracteristicas.jsp", random).with("id", random.u32(1..4))
            }
            77..80 => page("/tienda1/publico/entrar.jsp", random)
                .with("errorMsg", "Credenciales incorrectas"),
            80..86 => page("/tienda1/publico/pagar.jsp", random)
                .with("modo", "insertar")
                .with("precio", random.u32(6..9_000))
                .with("B1", pick(random, &["Pasar por caja", "Confirmar"])),
            86..90 => page("/tienda1/publico/vaciar.jsp", random).with("B2", "Vaciar carrito"),
            90..95 => registration(page("/tienda1/publico/registro.jsp", random), random),
            _ => registration(page("/tienda1/miembros/editar.jsp", random), random),
        }
    }

    fn attack_kinds(&self) -> &'static [&'static str] {
        &KINDS
    }

    fn attack(&self, random: &mut Rng, visit: Request) -> Option<(Request, usize)> {
        attack(random, visit)
    }
}

fn login(random: &mut Rng) -> String {
    let name = token(random, 3 + random.clone().usize(..3));
    let name: String = name
        .chars()
        .map(|digit| char::from(b"aeioulnrstmdcpgb"[digit.to_digit(16).unwrap_or(0) as usize]))
        .collect();
    match random.u32(..12) {
        0 => format!("{name}_{}", random.u32(1..99)),
        1 => format!("de_{name}"),
        2 => format!("{name}-{name}"),
        _ => name,
    }
}

fn password(random: &mut Rng) -> String {
    let length = random.usize(4..13);
    (0..length)
        .map(|_| match random.u32(..60) {
            0 => pick(
                random,
                &["*", ".", "_", "-", "!", "?", "ñ", "á", "é", "í", "ó"],
            )
            .to_owned(),
            1..12 => random.u32(..10).to_string(),
            12..20 => char::from(random.u8(b'A'..=b'Z')).to_string(),
            _ => char::from(random.u8(b'a'..=b'z')).to_string(),
        })
        .collect()
}

pub(super) fn identity(random: &mut Rng) -> String {
    let number = random.u32(10_000_000..99_999_999);
    let letter = LETTERS[(number % 23) as usize];
    format!("{number}{}", char::from(letter))
}

fn address(random: &mut Rng) -> String {
    let street = format!("{} {}", pick(random, &STREETS), pick(random, &SURNAMES));
    match random.u32(..6) {
        0 => format!("{street} S/N "),
        1 => format!("{street}, {}, {}ºB", random.u32(1..200), random.u32(1..12)),
        2 => format!("{street} {} {}-F", random.u32(1..200), random.u32(1..12)),
        3 => format!("{street}, {}, ", random.u32(1..200)),
        _ => format!(
            "{street} {} {}?{}",
            random.u32(1..200),
            random.u32(1..12),
            pick(random, &["A", "B", "G", "D"])
        ),
    }
}

fn registration(page: Request, random: &mut Rng) -> Request {
    let surnames = match random.u32(..3) {
        0 => pick(random, &SURNAMES).to_owned(),
        _ => format!("{} {}", pick(random, &SURNAMES), pick(random, &SURNAMES)),
    };
    let mail = format!(
        "{}@{}.{}",
        login(random),
        pick(random, &["correo", "mi-casa", "empresa24", "telepueblo"]),
        pick(random, &["es", "com", "org", "cat", "gal"])
    );
    page.with("modo", "registro")
        .with("login", login(random))
        .with("password", password(random))
        .with("nombre", pick(random, &NAMES))
        .with("apellidos", surnames)
        .with("email", mail)
        .with("dni", identity(random))
        .with("direccion", address(random))
        .with("ciudad", pick(random, &CITIES))
        .with("cp", format!("{:05}", random.u32(1_000..52_999)))
        .with("provincia", pick(random, &PROVINCES))
        .with(
            "ntc",
            random.u64(1_000_000_000_000_000..9_999_999_999_999_999),
        )
        .with("B1", "Registrar")
}

/// As CSIC 2010 describes what it made.
const KINDS: [&str; 9] = [
    "SQL injection",
    "CRLF injection",
    "script",
    "server-side include",
    "tampered name",
    "replaced value",
    "buffer overflow",
    "file disclosure",
    "illegal value",
];
const SQL: [&str; 10] = [
    "'; DROP TABLE usuarios; SELECT * FROM datos WHERE nombre LIKE '%",
    "' AND '1'='1",
    "bob' OR 'a'='a",
    "1 OR 1=1",
    "',0,0,0);waitfor delay '0:0:15';--",
    "d'z\"0",
    "' UNION ALL SELECT 1,@@version --",
    "%' --",
    "a');exec master..xp_cmdshell 'dir'--",
    "1 AND 1=2",
];
const CRLF: [&str; 3] = [
    "any\r\nSet-cookie: Tamper=1041264011025374727",
    "Set-cookie%3A+Tamper%3D1041264011025374727",
    "\r\n\r\n<html>",
];
const SCRIPT: [&str; 6] = [
    "<script>alert(\"Paros\");</script>",
    "\"><script>alert(1)</script>",
    "bob@<SCRipt>alert(Paros)</scrIPT>.parosproxy.org",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(document.cookie)",
    "'+alert(1)+'",
];
const INCLUDE: [&str; 3] = [
    "<!--#EXEC cmd=\"ls /\"-->",
    "<!--#include file=\"/etc/passwd\"-->",
    "|cat /etc/passwd|",
];
const LOST: [&str; 12] = [
    "/tienda1/publico/productos.jsp.bak",
    "/tienda1/publico/anadir.jsp.old",
    "/tienda1/publico/registro.jsp.inc",
    "/tienda1/index.jsp~",
    "/tienda1/global/menum.jsp.BAK",
    "/tienda1/publico/carrito.java",
    "/tienda1/publico.tar",
    "/tienda1/miembros.zip",
    "/asf-logo-wide.gif~",
    "/tienda1/global/conexion.inc",
    "/manager/html",
    "/tienda1/imagenes/6909030637832563290",
];

fn attack(random: &mut Rng, mut request: Request) -> Option<(Request, usize)> {
    let kind = random.usize(..KINDS.len());
    if kind == 7 {
        let path = if random.bool() {
            pick(random, &LOST).to_owned()
        } else {
            let end = pick(
                random,
                &[".bak", ".old", ".inc", "~", ".BAK", ".Old", ".tmp"],
            );
            format!("{}{end}", request.path)
        };
        let found = random.u32(..10) == 0;
        let (status, bytes) = if found { (200, 2_310) } else { (404, 1_024) };
        return Some((Request::get(path, bytes).answered(status, bytes), kind));
    }
    let count = request.query.len();
    if count == 0 {
        return None;
    }
    let place = random.usize(..count);
    let (name, value) = request.query.get_mut(place)?;
    match kind {
        0 => *value = payload(random, &SQL, value),
        1 => *value = payload(random, &CRLF, value),
        2 => *value = payload(random, &SCRIPT, value),
        3 => *value = payload(random, &INCLUDE, value),
        4 => name.push('A'),
        5 => {
            let other = match name.as_str() {
                "modo" => "borrar",
                "B1" | "B2" => "Cancelar",
                "remember" => "quizas",
                "errorMsg" => "Hola",
                "id" => "9999999",
                "precio" | "cantidad" => "-1",
                _ => return None,
            };
            other.clone_into(value);
        }
        6 => {
            *value = random
                .alphanumeric()
                .to_string()
                .repeat(random.usize(200..2_500));
        }
        _ => *value = illegal(random, name, value)?,
    }
    Some((request, kind))
}

/// A value that somebody mistyped: of what CSIC 2010 calls unintentional.
fn illegal(random: &mut Rng, name: &str, value: &str) -> Option<String> {
    let odd = |random: &mut Rng| {
        let place = (0..=value.len())
            .filter(|place| value.is_char_boundary(*place))
            .nth(random.usize(..=value.chars().count()))
            .unwrap_or(0);
        let (start, end) = value.split_at(place);
        format!(
            "{start}{}{end}",
            pick(random, &["/", "=", "+", "¡", "&", ";", "\"", "|", ")"])
        )
    };
    Some(match name {
        "dni" if random.bool() => value.get(..8)?.to_owned(),
        "dni" => format!("{}{value}", random.u32(..10)),
        "cp" if random.bool() => format!("{value}{}", random.u32(..10)),
        "cp" => format!("{}B", value.get(..4)?),
        "ntc" if random.bool() => format!("{}x", value.get(..15)?),
        "ntc" => value.get(..9)?.to_owned(),
        "id" | "cantidad" | "precio" => format!("{value}{}", pick(random, &["/", "a", ".", ","])),
        "nombre" | "apellidos" | "ciudad" | "provincia" if random.bool() => {
            format!("{value}{}", random.u32(1..99))
        }
        "nombre" | "apellidos" | "provincia" | "login" => odd(random),
        "email" => value.replace('@', ""),
        _ => return None,
    })
}
