//! What attackers make of an ordinary request, for the most part without what signatures look for.

use fastrand::Rng;

use super::request::{Request, pick, token};

/// The kinds of attack, as they are reported.
pub(super) const KINDS: [&str; 11] = [
    "wrong type",
    "odd character",
    "over-long value",
    "unexpected parameter",
    "value of no list",
    "repeated parameter",
    "method",
    "path",
    "backup file",
    "injection",
    "out of range",
];

const INJECTIONS: [&str; 28] = [
    "1' OR '1'='1",
    "' OR 1=1 -- ",
    "1; DROP TABLE users",
    "-1 UNION SELECT 1,2,3",
    "admin'--",
    "1 AND SLEEP(5)",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "<svg/onload=alert(1)>",
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd\0.png",
    "; cat /etc/passwd",
    "| id",
    "`id`",
    "$(id)",
    "&& whoami",
    "{{7*7}}",
    "${7*7}",
    "<%= 7*7 %>",
    "http://169.254.169.254/latest/meta-data/",
    "php://filter/convert.base64-encode/resource=index.php",
    "%0d%0aSet-Cookie: a=b",
    "\r\nX-Injected: 1",
    "*)(uid=*))(|(uid=*",
    "' || 'a'='a",
    "\" or \"\"=\"",
];
const PROBES: [&str; 14] = [
    "'", "\"", "<", ">", ")", "\\", "`", "|", ";", "\0", "'(", "\u{1}", "{{", "$",
];
const EXTRA: [(&str, &str); 16] = [
    ("debug", "1"),
    ("admin", "true"),
    ("role", "admin"),
    ("XDEBUG_SESSION_START", "phpstorm"),
    ("cmd", "id"),
    ("_method", "DELETE"),
    ("is_admin", "1"),
    ("test", "1"),
    ("callback", "x"),
    ("file", "index"),
    ("include", "header"),
    ("template", "default"),
    ("user_id", "1"),
    ("internal", "yes"),
    ("config", "dump"),
    ("trace", "on"),
];
const BACKUPS: [&str; 12] = [
    "/index.php.bak",
    "/config.inc",
    "/backup.zip",
    "/db.sql",
    "/index.jsp~",
    "/web.config.old",
    "/.env.save",
    "/app.war",
    "/admin.cgi",
    "/shell.jsp",
    "/users.mdb",
    "/dump.tgz",
];

/// An attack made of an ordinary request, and its kind; none where this request has nothing to attack.
pub(super) fn make(random: &mut Rng, mut request: Request) -> Option<(Request, usize)> {
    let kind = random.usize(..KINDS.len());
    match kind {
        3 => {
            let (name, value) = EXTRA[random.usize(..EXTRA.len())];
            request = request.with(name, value);
        }
        6 => {
            let method = ["PUT", "DELETE", "TRACE", "PROPFIND"][random.usize(..4)];
            // What others do to the same page every day is no attack that can be seen.
            let is_changed = ["/api/v2/pages/", "/api/v1/", "/api/v3/profiles/"];
            if is_changed.iter().any(|path| request.path.starts_with(path))
                && matches!(method, "PUT" | "DELETE")
            {
                return None;
            }
            request = request.by(method);
        }
        7 => path(random, &mut request)?,
        8 => {
            let is_page = request.path.ends_with('/');
            let path = match random.u32(..2) {
                _ if is_page => pick(random, &BACKUPS).to_owned(),
                0 => pick(random, &BACKUPS).to_owned(),
                _ => format!(
                    "{}{}",
                    request.path.trim_end_matches('/'),
                    pick(random, &[".bak", ".old", "~", ".inc", ".sql"])
                ),
            };
            request = Request::get(path, request.bytes);
        }
        kind => value(random, &mut request, kind)?,
    }
    request.referrer.clear();
    Some((answered(random, request), kind))
}

/// Most sites answer most of it as if nothing were wrong.
pub(super) fn answered(random: &mut Rng, request: Request) -> Request {
    let (status, bytes) = match random.u32(..100) {
        0..60 => (request.status, request.bytes),
        60..70 => (403, 162),
        70..85 => (404, 162),
        _ => (500, 580),
    };
    request.answered(status, bytes)
}

/// One of them, in place of the value or behind it.
pub(super) fn payload(random: &mut Rng, all: &[&str], value: &str) -> String {
    let payload = pick(random, all);
    if random.bool() {
        payload.to_owned()
    } else {
        format!("{value}{payload}")
    }
}

fn path(random: &mut Rng, request: &mut Request) -> Option<()> {
    let last = request.path.rfind('/')?;
    let (start, end) = request.path.split_at(last + 1);
    request.path = match random.u32(..5) {
        0 => format!("{start}{end}'"),
        1 => format!("{start}{end};{}", pick(random, &["id", "ls"])),
        2 => format!("{start}<{end}>"),
        3 => format!("{start}{}", "A".repeat(random.usize(120..400))),
        _ => format!("{start}{end}\" or 1=1"),
    };
    Some(())
}

fn value(random: &mut Rng, request: &mut Request, kind: usize) -> Option<()> {
    if kind == 5 {
        let place = random.usize(..request.query.len().max(1));
        let (name, value) = request.query.get(place)?.clone();
        if name == "_" {
            return None;
        }
        request.query.push((name, value));
        return Some(());
    }
    let is_number =
        |value: &str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = |value: &str| {
        (2..12).contains(&value.len())
            && value
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    let listed = ["sort", "variant", "step", "newsletter", "action", "format"];
    let fits: Vec<usize> = request
        .query
        .iter()
        .enumerate()
        .filter(|(_, (name, value))| match kind {
            0 | 10 => is_number(value) && name != "_",
            4 => is_word(value) && listed.contains(&name.as_str()),
            _ => true,
        })
        .map(|(place, _)| place)
        .collect();
    let place = *fits.get(random.usize(..fits.len().max(1)))?;
    let (_, value) = request.query.get_mut(place)?;
    *value = match kind {
        0 => match random.u32(..4) {
            0 => "abc".to_owned(),
            1 => format!("{value}abc"),
            2 => format!("{value},{value}"),
            _ => format!("{value}.x"),
        },
        1 => {
            let probe = pick(random, &PROBES);
            if random.bool() {
                format!("{value}{probe}")
            } else {
                format!("{probe}{value}")
            }
        }
        2 => match random.u32(..2) {
            0 => "A".repeat(random.usize(400..3_000)),
            _ => token(random, random.clone().usize(400..2_000)),
        },
        4 => pick(
            random,
            &["root", "admin", "true", "none", "undefined", "system"],
        )
        .to_owned(),
        9 => payload(random, &INJECTIONS, value),
        _ => match random.u32(..3) {
            0 => format!("-{value}"),
            1 => "99999999999999".to_owned(),
            _ => format!("{value}e9"),
        },
    };
    Some(())
}
