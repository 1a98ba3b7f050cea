//! How the benchmark's market is attacked: as interfaces are, whose clients are known to send what they please.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use fastrand::Rng;

use super::attack::payload;
use super::bazaar_api::{listing, listings};
use super::bazaar_client::{account, query, unfurl};
use super::bazaar_forged::{
    ADDED, BYTES, CODE, ENCODED, FILES, FILTERS, FOREIGN, HIDDEN, INSIDE, OPERATORS, QUERIES,
    SCRIPT, SQL, illegal,
};
use super::csic::change;
use super::request::{Request, pick, token};
use super::site::Phase;
use super::streaming_attack::answered;
use super::travel::url64;

/// The kinds of attack, as they are reported.
pub(super) const KINDS: [&str; 18] = [
    "enumerated id",
    "mass assignment",
    "operator of a store",
    "SQL injection",
    "template or code",
    "script",
    "address of the inside",
    "forged token",
    "method",
    "hidden version or path",
    "confused type",
    "over-long value",
    "trick of encoding",
    "file of another place",
    "forged cursor",
    "filter or field of none",
    "illegal value",
    "query of one's own",
];

/// An attack made of an ordinary request, and its kind; none where this request has nothing to attack.
pub(super) fn make(random: &mut Rng, mut request: Request) -> Option<(Request, usize)> {
    let kind = random.usize(..KINDS.len());
    match kind {
        0 => either(random, &mut request, listing, identifier)?,
        1 => assigned(random, &mut request)?,
        2 => operator(random, &mut request)?,
        3 => put(random, &mut request, &SQL)?,
        4 => put(random, &mut request, &CODE)?,
        5 => put(random, &mut request, &SCRIPT)?,
        6 => either(random, &mut request, |random, _| unfurl(random), address)?,
        7 => either(random, &mut request, |random, _| account(random), signature)?,
        8 => method(random, &mut request)?,
        9 => {
            let (status, bytes) = match random.u32(..10) {
                0 => (200, 2_044),
                1 | 2 => (401, 61),
                3 => (403, 70),
                _ => (404, 6_310),
            };
            let path = pick(random, &HIDDEN);
            return Some((Request::get(path, bytes).answered(status, bytes), kind));
        }
        10 => confused(random, &mut request)?,
        11 => long(random, &mut request)?,
        12 => encoded(random, &mut request)?,
        13 => change(random, &mut request, |random, name, value| {
            let is_file = [
                "filename", "url", "style", "lang", "slug", "next", "cat", "id", "op",
            ];
            is_file
                .contains(&name)
                .then(|| payload(random, &FILES, value))
        })?,
        14 => either(random, &mut request, listings, continued)?,
        15 => either(random, &mut request, listings, filter)?,
        16 => change(random, &mut request, |random, name, _| {
            illegal(random, name).map(str::to_owned)
        })?,
        _ => asked(random, &mut request),
    }
    request.referrer.clear();
    Some((answered(random, request), kind))
}

/// Does that to the request, or to one of another kind where this one has nothing for it.
fn either(
    random: &mut Rng,
    request: &mut Request,
    other: impl Fn(&mut Rng, Phase) -> Request,
    make: impl Fn(&mut Rng, &mut Request) -> Option<()>,
) -> Option<()> {
    make(random, request).or_else(|| {
        *request = other(random, Phase::Learned);
        make(random, request)
    })
}

fn address(random: &mut Rng, request: &mut Request) -> Option<()> {
    // What anybody may link to in a message is no attack.
    let is_linked = request.path.ends_with("unfurl");
    change(random, request, |random, name, _| {
        let all: &[&str] = if is_linked || random.bool() {
            &INSIDE
        } else {
            &FOREIGN
        };
        ["url", "next"]
            .contains(&name)
            .then(|| pick(random, all).to_owned())
    })
}

fn signature(random: &mut Rng, request: &mut Request) -> Option<()> {
    change(random, request, |random, name, value| {
        ["token", "state", "sig", "key"]
            .contains(&name)
            .then(|| forged(random, value))
    })
}

fn put(random: &mut Rng, request: &mut Request, all: &[&str]) -> Option<()> {
    let (_, value) = request.any(random)?;
    *value = match (random.u32(..3), value.strip_suffix("\"}")) {
        // Within what is JSON already.
        (0, Some(start)) => format!("{start}{}\"}}", pick(random, all)),
        _ => payload(random, all, value),
    };
    Some(())
}

/// In place of what nobody guesses stands what can be counted up, or means everything.
fn identifier(random: &mut Rng, request: &mut Request) -> Option<()> {
    let is_id = |part: &&str| part.len() == 36 && part.split('-').count() == 5;
    let id = request.path.split(['/', '.']).find(is_id)?;
    let other = match random.u32(..8) {
        0..3 => random.u32(1..3_000).to_string(),
        3 => format!("00000000-0000-0000-0000-{:012}", random.u32(1..40)),
        4 => pick(random, &["me", "all", "admin", "*", "null'", "~"]).to_owned(),
        5 => format!("{id},{}", random.u32(1..9)),
        6 => format!(
            "{id}{}",
            pick(random, &["'", ".json", "%00", "/..", ";a=1", "\""])
        ),
        _ => format!("{{\"id\":\"{id}\"}}"),
    };
    request.path = request.path.replacen(id, &other, 1);
    Some(())
}

fn assigned(random: &mut Rng, request: &mut Request) -> Option<()> {
    if !request.path.starts_with("/api/") && !request.path.starts_with("/graphql") {
        return None;
    }
    let (name, value) = ADDED[random.usize(..ADDED.len())];
    let json = request
        .query
        .iter_mut()
        .find(|(_, value)| value.starts_with("{\""));
    match json {
        Some((_, json)) if random.bool() => {
            *json = json.replacen('{', &format!("{{\"{name}\":\"{value}\","), 1);
        }
        _ => request.query.push((name.to_owned(), value.to_owned())),
    }
    Some(())
}

fn operator(random: &mut Rng, request: &mut Request) -> Option<()> {
    let (name, value) = request.any(random)?;
    if random.bool() {
        name.push_str(pick(
            random,
            &[
                "[$ne]",
                "[$gt]",
                "[$regex]",
                "[$in][]",
                "[$where]",
                "[$exists]",
                ".$ne",
            ],
        ));
        if random.bool() {
            pick(random, &["", "1", ".*", "true", "null"]).clone_into(value);
        }
    } else {
        *value = payload(random, &OPERATORS, value);
    }
    Some(())
}

fn forged(random: &mut Rng, value: &str) -> String {
    let packed = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    match random.u32(..8) {
        0 => format!(
            "{}.{}.",
            packed("{\"alg\":\"none\"}"),
            packed("{\"sub\":\"1\",\"role\":\"admin\"}")
        ),
        1 => format!(
            "{}.{}.{}",
            packed("{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}"),
            packed("{\"sub\":\"admin\"}"),
            url64(random, 43)
        ),
        2 => value
            .rsplit_once('.')
            .map_or("x", |(start, _)| start)
            .to_owned(),
        3 => pick(random, &["null", "undefined", "0", "test", "[]", "-"]).to_owned(),
        4 => format!("{value}'"),
        5 => format!("{value}{value}"),
        6 => value.to_uppercase(),
        _ => String::new(),
    }
}

/// The page is asked in a way in which nobody asks it, or to take the question for another.
fn method(random: &mut Rng, request: &mut Request) -> Option<()> {
    if request.method != "GET" || request.path == "/realtime/" {
        return None;
    }
    if random.u32(..4) == 0 {
        let method = pick(random, &["DELETE", "PUT", "PATCH", "delete"]);
        request
            .query
            .push(("_method".to_owned(), method.to_owned()));
        return Some(());
    }
    let methods: &[&'static str] = if request.path.starts_with("/api/v2/listings/")
        || request.path.starts_with("/api/v2/threads/")
    {
        &["PUT", "DELETE", "TRACE", "PROPFIND"]
    } else {
        &["PUT", "DELETE", "TRACE", "PATCH", "POST", "TRACK", "MOVE"]
    };
    request.method = methods.get(random.usize(..methods.len()))?;
    Some(())
}

/// A list or an object where a text was, or twice what is there once.
fn confused(random: &mut Rng, request: &mut Request) -> Option<()> {
    let (name, value) = request.any(random)?;
    let is_written = ["q", "query", "nick", "near"].contains(&name.as_str());
    match random.u32(..6) {
        0 => name.push_str("[]"),
        1 => name.push_str(pick(
            random,
            &["[0]", "[a]", "[length]", "[toString]", ".0"],
        )),
        2 if !value.starts_with(['{', '[']) => *value = format!("[\"{value}\",\"{value}\"]"),
        3 if !value.starts_with('{') => *value = format!("{{\"a\":\"{value}\"}}"),
        4 if !is_written => pick(
            random,
            &["true", "null", "Infinity", "-0", "1e1000", "[]", "{}"],
        )
        .clone_into(value),
        _ => {
            let twice = (name.clone(), format!("{value}0"));
            request.query.push(twice);
        }
    }
    Some(())
}

fn long(random: &mut Rng, request: &mut Request) -> Option<()> {
    let (name, value) = request.any(random)?;
    let length = random.usize(900..5_000);
    match random.u32(..5) {
        0 => *value = token(random, length),
        1 => *value = "{\"a\":".repeat(length / 10),
        2 => *value = "[".repeat(length / 2),
        3 => *name = "n".repeat(length / 2),
        _ => value.push_str(&pick(random, &["A", "9", " ", "é", "/."]).repeat(length)),
    }
    Some(())
}

/// What is written so that it is read only where it does harm.
fn encoded(random: &mut Rng, request: &mut Request) -> Option<()> {
    let is_plain = request.query.iter().all(|(_, value)| value.is_ascii());
    let (_, value) = request.any(random)?;
    if is_plain && random.u32(..3) == 0 {
        // As bytes that are no UTF-8.
        *value = payload(random, &BYTES, value);
        request.is_latin1 = true;
    } else {
        *value = payload(random, &ENCODED, value);
    }
    Some(())
}

/// The one that is there, or one where a list goes on.
fn cursor(request: &mut Request) -> Option<&mut String> {
    let is_list = ["/listings", "/search", "/favourites", "/threads"]
        .iter()
        .any(|end| request.path.ends_with(end));
    if is_list && request.query.iter().all(|(name, _)| name != "after") {
        request.query.push(("after".to_owned(), String::new()));
    }
    let mut all = request.query.iter_mut();
    all.find(|(name, _)| name == "after")
        .map(|(_, value)| value)
}

fn continued(random: &mut Rng, request: &mut Request) -> Option<()> {
    let value = cursor(request)?;
    *value = match random.u32(..9) {
        0 => BASE64_URL_SAFE_NO_PAD.encode("{\"t\":0,\"id\":{\"$gt\":\"\"}}"),
        1 => BASE64_URL_SAFE_NO_PAD.encode("{\"t\":\"1 or 1=1\",\"id\":\"1'--\"}"),
        2 => BASE64_STANDARD.encode("[-1,\"../../admin\"]"),
        3 => "rO0ABXNyABdqYXZhLnV0aWwuUHJpb3JpdHlRdWV1ZQ==".to_owned(),
        4 => BASE64_STANDARD.encode("O:8:\"stdClass\":1:{s:1:\"a\";i:1;}"),
        5 => pick(random, &["0", "1000", "-1", "true", "last", "{}"]).to_owned(),
        6 => "{\"t\":1,\"id\":\"x\"}".to_owned(),
        7 => format!("{value}\" or \"\"=\""),
        _ => format!("{value}{}", token(random, 700)),
    };
    Some(())
}

/// Asks by what no client asks, or for what none gets to see.
fn filter(random: &mut Rng, request: &mut Request) -> Option<()> {
    change(random, request, |random, name, value| {
        Some(match name {
            "where" | "variables" | "ctx" => {
                let start = value.strip_suffix('}')?;
                let comma = if start.len() > 1 { "," } else { "" };
                match random.u32(..6) {
                    0 => format!("{start}'"),
                    1 => format!("[{value}]"),
                    _ => format!("{start}{comma}{}}}", pick(random, &FILTERS)),
                }
            }
            "fields" | "expand" => pick(
                random,
                &[
                    "*",
                    "id,email,phone",
                    "seller.passwordHash",
                    "id,title,seller(tokens)",
                    "seller,photos,__proto__",
                    "_all",
                ],
            )
            .to_owned(),
            "sort" => pick(
                random,
                &[
                    "passwordHash",
                    "-seller.email",
                    "price;select",
                    "(price)",
                    "$natural",
                ],
            )
            .to_owned(),
            _ => return None,
        })
    })
}

/// Not by the hash of what the page asks, but in words of one's own.
fn asked(random: &mut Rng, request: &mut Request) {
    if request.path != "/graphql" {
        *request = query(random, Phase::Learned);
    }
    match random.u32(..5) {
        0 => {
            let named = request.query.iter_mut().filter(|(name, _)| name == "op");
            named.for_each(|(_, value)| {
                pick(
                    random,
                    &[
                        "IntrospectionQuery",
                        "AdminUsers",
                        "__schema",
                        "HomeFeed'",
                        "",
                    ],
                )
                .clone_into(value);
            });
        }
        1 => {
            let named = request
                .query
                .iter_mut()
                .filter(|(name, _)| name == "variables");
            named.for_each(|(_, value)| {
                pick(
                    random,
                    &[
                        "[]",
                        "{\"id\":[\"1\",\"2\"]}",
                        "{\"id\":\"1' or '1'='1\"}",
                        "{\"first\":100000}",
                        "{\"id\":{\"ne\":1}}",
                    ],
                )
                .clone_into(value);
            });
        }
        2 => request
            .query
            .push(("query".to_owned(), pick(random, &QUERIES).to_owned())),
        _ => request.query = vec![("query".to_owned(), pick(random, &QUERIES).to_owned())],
    }
}
