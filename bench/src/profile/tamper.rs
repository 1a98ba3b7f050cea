//! Attacks of which CSIC 2010 has many and the others here have none: what stands in a form is changed just a
//! little, and files are asked for that somebody left lying about.

use std::sync::LazyLock;

use fastrand::Rng;

use super::attack;
use super::request::{Request, pick, token};

const OWN: [&str; 6] = [
    "tampered name",
    "odd character within",
    "wrong length",
    "session of another form",
    "hidden file",
    "word of no list",
];
/// The kinds of attack, as they are reported: those of the other sites first.
pub(super) static KINDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| [attack::KINDS.as_slice(), &OWN].concat());
const HIDDEN: [&str; 14] = [
    "/.git/config",
    "/.svn/entries",
    "/WEB-INF/web.xml",
    "/phpinfo.php",
    "/server-status",
    "/admin/config.inc",
    "/.htpasswd",
    "/includes/db.inc",
    "/old/index.asp",
    "/cgi-bin/test.cgi",
    "/global.asa",
    "/adminer.php",
    "/logs/access.log",
    "/.DS_Store",
];
/// Names of which the values are of a list, on the sites that use this.
const LISTED: [&str; 48] = [
    "sort",
    "order",
    "dest_type",
    "lang",
    "cabin",
    "customer_type",
    "r_lang",
    "currency",
    "selected_currency",
    "languagecode",
    "operationName",
    "guests",
    "format",
    "stage",
    "cc1",
    "phone_cc",
    "L",
    "type",
    "export",
    "material[]",
    "verb",
    "metadataPrefix",
    "state",
    "publishSubDir",
    "publishConfFile",
    "view",
    "ort",
    "feed",
    "absenden",
    "moduleCall",
    "tx_news_pi1[action]",
    "tx_news_pi1[controller]",
    "alimentazione",
    "uso",
    "garanzia",
    "frazionamento",
    "fumatore",
    "tipoDocumento",
    "stato",
    "lingua",
    "motivo",
    "filter[type]",
    "filter[audio]",
    "drm",
    "cdn",
    "net",
    "plan",
    "locale",
];

/// An attack made of an ordinary request, and its kind; none where this request has nothing to attack.
pub(super) fn make(random: &mut Rng, mut request: Request) -> Option<(Request, usize)> {
    let kind = random.usize(..KINDS.len());
    let Some(own) = kind.checked_sub(attack::KINDS.len()) else {
        return attack::make(random, request);
    };
    if own == 4 {
        let found = random.u32(..3) == 0;
        let (status, bytes) = if found { (200, 2_310) } else { (404, 1_024) };
        return Some((
            Request::get(pick(random, &HIDDEN), bytes).answered(status, bytes),
            kind,
        ));
    }
    let fits: Vec<usize> = request
        .query
        .iter()
        .enumerate()
        .filter(|(_, (name, value))| fits(own, name, value))
        .map(|(place, _)| place)
        .collect();
    let place = *fits.get(random.usize(..fits.len().max(1)))?;
    let (name, value) = request.query.get_mut(place)?;
    match own {
        0 => match random.u32(..3) {
            0 => name.push('A'),
            1 => *name = name.to_uppercase(),
            _ => name.truncate(name.len() - 1),
        },
        1 => *value = within(random, value),
        2 => {
            if random.bool() {
                value.truncate(value.len() / 2);
            } else {
                value.push_str(&value.clone());
            }
        }
        3 => {
            *value = match random.u32(..3) {
                0 => token(random, 8),
                1 => format!("{}.{}", random.u32(1_000..9_999), random.u32(1_000..9_999)),
                _ => format!("sess-{}", token(random, 40).to_uppercase()),
            };
        }
        _ => pick(
            random,
            &["borrar", "superuser", "9", "delete", "export2", "ALL"],
        )
        .clone_into(value),
    }
    Some((request, kind))
}

fn fits(own: usize, name: &str, value: &str) -> bool {
    let is_plain = value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    match own {
        // In upper case, a name of numbers or upper case is the same one.
        0 => name.len() > 2 && name.bytes().any(|byte| byte.is_ascii_lowercase()),
        1 => is_plain && value.len() > 2,
        2 => is_fixed(name) && value.is_ascii() && value.len() > 5,
        3 => [
            "sid",
            "PHPSESSID",
            "srpvid",
            "cHash",
            "bt_token",
            "device_id",
            "org.apache.struts.taglib.html.TOKEN",
            "playback_session",
        ]
        .contains(&name),
        _ => LISTED.contains(&name),
    }
}

/// Whether values of that name are all of one length, or of two.
fn is_fixed(name: &str) -> bool {
    let fixed = [
        "checkin",
        "checkout",
        "arrival",
        "departure",
        "sid",
        "srpvid",
        "device_id",
        "k",
        "bn",
        "ppn",
    ];
    let fixed = fixed.contains(&name);
    fixed
        || [
            "PHPSESSID",
            "cHash",
            "publishid",
            "matrikel",
            "user",
            "Expires",
            "bt_token",
            "sesskey",
            "codiceFiscale",
            "cf",
            "org.apache.struts.taglib.html.TOKEN",
            "playback_session",
            "device",
            "code_challenge",
        ]
        .contains(&name)
}

/// Something within the value that belongs to no such value.
fn within(random: &mut Rng, value: &str) -> String {
    let (start, end) = value.split_at(1 + random.usize(..value.len() - 1));
    let odd = pick(
        random,
        &["/", "=", "+", "¡", "&", ";", "\"", "|", ")", "'", "%", "\\"],
    );
    format!("{start}{odd}{end}")
}
