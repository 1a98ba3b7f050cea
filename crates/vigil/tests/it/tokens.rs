//! Tokens of others, every way to show one, and their end.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use vigil_auth::KeyRing;
use vigil_testkit::{Http, Vigil, VigilBuilder, wait_until};

use crate::site::{BINARY, Site};
use crate::socket::Socket;
use crate::tls::{Authority, Pair};

/// How often a connection looks after itself.
const HEARTBEAT: Duration = Duration::from_secs(30);
const SECRET: &str = "a secret of sixty-four bytes, so that it does for HS512 as well.";
pub(crate) const RSA: &[u8] = include_bytes!("../../../auth/tests/keys/rsa.pem");
const RSA_OTHER: &[u8] = include_bytes!("../../../auth/tests/keys/rsa_other.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("../../../auth/tests/keys/rsa.public.pem");

/// Publishes a set of keys, which can be exchanged while it runs.
pub(crate) struct Provider {
    url: String,
    keys: Arc<parking_lot::Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

/// Answers a request with the body, once its head is there.
fn answer(stream: &mut (impl Read + Write), body: &str) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    drop(stream.write_all(answer.as_bytes()));
    drop(stream.flush());
}

/// TLS with the pair.
fn tls_of(pair: &Pair) -> Arc<rustls::ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_slice(pair.key_pem.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.certificate.clone()], key)
        .unwrap();
    Arc::new(config)
}

impl Provider {
    pub(crate) fn start(keys: String) -> Self {
        Self::speaking(keys, None)
    }

    /// One that speaks TLS, if there is a pair.
    fn speaking(keys: String, pair: Option<&Pair>) -> Self {
        let tls = pair.map(tls_of);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let provider = Self {
            url: format!("{scheme}://{}/keys", listener.local_addr().unwrap()),
            keys: Arc::new(parking_lot::Mutex::new(keys)),
            asked: Arc::default(),
        };
        let (keys, asked) = (Arc::clone(&provider.keys), Arc::clone(&provider.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                asked.fetch_add(1, Ordering::SeqCst);
                let body = keys.lock().clone();
                match &tls {
                    None => answer(&mut stream, &body),
                    Some(tls) => {
                        let connection = rustls::ServerConnection::new(Arc::clone(tls)).unwrap();
                        let mut stream = rustls::StreamOwned::new(connection, stream);
                        answer(&mut stream, &body);
                        stream.conn.send_close_notify();
                        drop(stream.flush());
                    }
                }
            }
        });
        provider
    }
}

pub(crate) fn set(key: &[u8], id: &str) -> String {
    let key = EncodingKey::from_rsa_pem(key).unwrap();
    let mut key = Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap();
    key.common.key_id = Some(id.to_owned());
    json!({"keys": [key]}).to_string()
}

fn claims(changes: &Value) -> Value {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let mut claims = json!({
        "iss": "https://id.example", "aud": "vigil", "sub": "anna", "role": "viewer",
        "iat": now - 10, "exp": now + 3_600, "jti": "t1",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn rs256(key: &[u8], id: &str, changes: &Value) -> String {
    let header = Header {
        kid: Some(id.to_owned()),
        ..Header::new(Algorithm::RS256)
    };
    let key = EncodingKey::from_rsa_pem(key).unwrap();
    jsonwebtoken::encode(&header, &claims(changes), &key).unwrap()
}

fn hmac(algorithm: Algorithm, secret: &[u8], changes: &Value) -> String {
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&Header::new(algorithm), &claims(changes), &key).unwrap()
}

/// A server that trusts the provider, and a program with a secret.
pub(crate) fn configured(site: &Site, provider: &Provider) -> VigilBuilder {
    let secret = site.path("secret");
    fs_err::write(&secret, SECRET).unwrap();
    fs_err::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = site.path("vigil.toml");
    let text = format!(
        "[[auth.issuers]]\nname = 'https://id.example'\naudience = 'vigil'\nalgorithms = ['RS256']\njwks_url = '{}'\n\
         [[auth.issuers]]\nname = 'ours'\nalgorithms = ['HS256']\nsecret_file = '{}'\n",
        provider.url,
        secret.display()
    );
    fs_err::write(&config, text).unwrap();
    site.vigil().arg("--config").arg(config.to_str().unwrap())
}

fn status(vigil: &Vigil, token: &str) -> u16 {
    Http::new(vigil.base())
        .with_token(token)
        .get("/threats")
        .status
}

fn revoke(site: &Site, vigil: &Vigil, arguments: &[&str]) {
    let output = std::process::Command::new(BINARY)
        .args(["token", "revoke"])
        .args(arguments)
        .args(["--reason", "lost", "--url", vigil.base()])
        .arg("--data-dir")
        .arg(site.path("data"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Tokens that must open nothing, each for another reason. One of them is revoked on the way.
pub(crate) fn bad_tokens(site: &Site, vigil: &Vigil) -> Vec<(&'static str, String)> {
    let unsigned = {
        let good = rs256(RSA, "one", &json!({}));
        format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap())
    };
    let revoked = rs256(RSA, "one", &json!({"jti": "lost"}));
    wait_until("the keys are fetched", || status(vigil, &revoked) == 200);
    revoke(site, vigil, &["--token-id", "lost"]);
    let ours = json!({"iss": "ours"});
    let of_claims = |changes: Value| rs256(RSA, "one", &changes);
    vec![
        ("nonsense", "nonsense".to_owned()),
        ("expired", of_claims(json!({"exp": 1_000}))),
        ("other audience", of_claims(json!({"aud": "shop"}))),
        ("unknown issuer", of_claims(json!({"iss": "who"}))),
        ("posing as us", of_claims(json!({"iss": "vigil"}))),
        ("other key", rs256(RSA_OTHER, "one", &json!({}))),
        ("unknown key", rs256(RSA, "two", &json!({}))),
        (
            "wrong algorithm",
            hmac(Algorithm::HS512, SECRET.as_bytes(), &ours),
        ),
        (
            "RS/HS confusion",
            hmac(Algorithm::HS256, RSA_PUBLIC, &json!({})),
        ),
        ("none", unsigned),
        ("revoked", revoked),
    ]
}

#[test]
fn tokens_of_others_are_verified_with_their_own_keys_only() {
    let begun = Instant::now();
    let provider = Provider::start(set(RSA, "one"));
    let site = Site::new();
    let vigil = configured(&site, &provider).serve();
    for (name, token) in bad_tokens(&site, &vigil) {
        assert_eq!(status(&vigil, &token), 401, "{name}");
    }
    for (name, token, expected) in [
        ("good", rs256(RSA, "one", &json!({})), 200),
        (
            "good secret",
            hmac(Algorithm::HS256, SECRET.as_bytes(), &json!({"iss": "ours"})),
            200,
        ),
        (
            "a service",
            rs256(RSA, "one", &json!({"role": "service"})),
            403,
        ),
    ] {
        assert_eq!(status(&vigil, &token), expected, "{name}");
    }
    let asked = provider.asked.load(Ordering::SeqCst) as u64;
    let most = 2 + begun.elapsed().as_secs() / KeyRing::MIN_INTERVAL.as_secs();
    assert!(asked <= most, "a wrong token asks once in a while: {asked}");
}

#[test]
fn published_keys_are_fetched_through_tls_from_whom_the_system_trusts_only() {
    let authority = Authority::new();
    let provider = Provider::speaking(set(RSA, "one"), Some(&authority.pair(1)));
    let site = Site::new();
    let trusted = site.path("trusted.pem");
    fs_err::write(&trusted, authority.pem()).unwrap();
    let good = rs256(RSA, "one", &json!({}));
    let fetches = |vigil: &Vigil, outcome: &str| {
        let line = format!("vigil_key_fetches_total{{outcome=\"{outcome}\"}} ");
        let metrics = vigil.http().get("/metrics").text;
        let value = metrics.lines().find_map(|shown| shown.strip_prefix(&line));
        value.unwrap().parse::<u64>().unwrap()
    };
    let vigil = configured(&site, &provider)
        .environment("SSL_CERT_FILE", trusted.to_str().unwrap())
        .serve();
    wait_until("the keys are fetched", || status(&vigil, &good) == 200);
    wait_until("that is counted", || fetches(&vigil, "done") >= 1);
    drop(vigil);
    let vigil = configured(&site, &provider).serve();
    wait_until("a stranger's certificate is refused", || {
        fetches(&vigil, "failed") >= 1
    });
    assert_eq!(status(&vigil, &good), 401);
    assert_eq!(fetches(&vigil, "done"), 0);
}

#[test]
fn every_way_to_show_a_token_opens_a_socket_and_none_is_logged() {
    let site = Site::new();
    let told = site.path("told");
    let vigil = site.vigil().telling(&told).serve();
    let token = site.vigil().token("viewer");
    let ticket = Http::new(vigil.base())
        .with_token(&token)
        .post("/api/v1/tickets", &json!({}))
        .json()["ticket"]
        .as_str()
        .unwrap()
        .to_owned();
    let opened = |path: &str, header: Option<(&'static str, String)>| {
        let mut socket = Socket::open_with(vigil.base(), path, header);
        assert_eq!(socket.frame()["type"], "welcome", "{path}");
    };
    opened("/ws", Some(("Authorization", format!("Bearer {token}"))));
    opened(
        "/ws",
        Some((
            "Sec-WebSocket-Protocol",
            format!("vigil.v1.json, bearer.{token}"),
        )),
    );
    opened(&format!("/ws?ticket={ticket}"), None);
    opened(&format!("/ws?token={token}"), None);
    let mut socket = Socket::open_with(vigil.base(), "/ws/threats", None);
    socket.send(&json!({"id": "1", "type": "auth", "data": {"token": token}}));
    let answer = socket.frame();
    assert_eq!(
        (&answer["type"], &answer["reply_to"]),
        (&json!("authenticated"), &json!("1"))
    );
    assert_eq!(socket.frame()["type"], "welcome");
    assert_eq!(socket.frame()["type"], "subscribed");
    // What is refused is no secret less.
    let http = Http::new(vigil.base());
    for path in [
        format!("/nowhere?token={token}"),
        format!("/ws?token={token}"),
        format!("/ui/?ticket={ticket}"),
        format!("/ws/nowhere?token={token}&since=odd"),
    ] {
        assert!(http.get(&path).status >= 400, "{path}");
    }
    let of_token = token.rsplit('.').next().unwrap();
    for path in [
        format!("/threats?token=x{token}"),
        format!("/sse/threats?ticket={ticket}"),
    ] {
        assert_eq!(http.get(&path).status, 401, "{path}");
    }
    drop(vigil);
    let told = fs_err::read_to_string(told).unwrap();
    assert!(told.contains("TRACE") || told.contains("DEBUG"), "{told}");
    for secret in [of_token, ticket.as_str()] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[test]
fn a_credential_that_is_refused_is_audited_whatever_it_was_for_and_a_flood_of_them_is_not() {
    const GUESSES: u64 = 200;
    let site = Site::new();
    let vigil = site.vigil().serve();
    let begun = Instant::now();
    let mut auditor = Socket::following(vigil.base(), "audit", &site.vigil().token("admin"));
    let http = Http::new(vigil.base()).with_token("not.a.token");
    let mut refused = |path: &str, reason: &str| {
        assert_eq!(http.get(path).status, 401, "{path}");
        let told = auditor.frame_where(|frame| frame["data"]["reason"] == reason);
        assert_eq!(told["type"], "audit.refused", "{told}");
        assert_eq!(told["data"]["address"], "127.0.0.1", "{told}");
        assert_eq!(told["data"]["user"], Value::Null, "{told}");
        assert!(!told.to_string().contains("not.a.token"), "{told}");
        told["data"]["count"].as_u64().unwrap()
    };
    assert_eq!(refused("/api/v1/threats", "token"), 1);
    let ticket = http.get_with("/sse/threats?ticket=x", ("Accept", "*/*"));
    assert_eq!(ticket.status, 401);
    for _ in 0..GUESSES {
        assert_eq!(http.get("/ws/connections").status, 401);
    }
    // Each is counted, and one a second is told.
    let (mut counted, mut told) = (0, 0);
    while counted < GUESSES {
        std::thread::sleep(Duration::from_millis(1_050));
        counted += refused("/ws/stats", "token");
        told += 1;
    }
    assert!(
        told <= 1 + begun.elapsed().as_secs(),
        "{told} for {counted}"
    );
}

#[test]
fn what_is_revoked_ends_and_stays_revoked_after_a_restart() {
    let provider = Provider::start(set(RSA, "one"));
    let site = Site::new();
    let builder = configured(&site, &provider);
    let mut vigil = builder.serve();
    let lost = rs256(RSA, "one", &json!({}));
    let other = rs256(RSA, "one", &json!({"jti": "t2"}));
    wait_until("the keys are fetched", || status(&vigil, &other) == 200);
    let mut socket = Socket::following(vigil.base(), "threats", &lost);
    let mut kept = Socket::following(vigil.base(), "threats", &other);
    revoke(&site, &vigil, &["--token-id", "t1"]);
    assert_eq!(socket.close_code(), 4001);
    kept.send(&json!({"id": "1", "type": "ping"}));
    assert_eq!(
        kept.frame_where(|frame| frame["reply_to"] == "1")["type"],
        "pong"
    );
    assert_eq!((status(&vigil, &lost), status(&vigil, &other)), (401, 200));
    vigil.process().kill();
    let vigil = builder.serve();
    wait_until("the keys are fetched", || status(&vigil, &other) == 200);
    assert_eq!(status(&vigil, &lost), 401);
    let mut by_key = Socket::following(vigil.base(), "threats", &other);
    revoke(&site, &vigil, &["--key", "one"]);
    let revoked = Instant::now();
    assert_eq!(by_key.close_code(), 4001);
    // It is told, and does not only notice with its next heartbeat.
    assert!(revoked.elapsed() < HEARTBEAT);
    assert_eq!(status(&vigil, &other), 401);
    let admin = fs_err::read_to_string(site.path("data/admin.token")).unwrap();
    assert_eq!(status(&vigil, admin.trim()), 200);
    let mut by_user = Socket::following(vigil.base(), "threats", admin.trim());
    revoke(&site, &vigil, &["--user", "admin"]);
    assert_eq!(by_user.close_code(), 4001);
    assert_eq!(status(&vigil, admin.trim()), 401);
}

#[test]
fn an_issuer_that_cannot_be_is_refused_at_the_start() {
    let site = Site::new();
    let key = site.path("key.pem");
    fs_err::write(&key, RSA).unwrap();
    let config = site.path("vigil.toml");
    let text = format!(
        "[[auth.issuers]]\nname = 'x'\nalgorithms = ['RS256']\npublic_key_file = '{}'\n",
        key.display()
    );
    fs_err::write(&config, text).unwrap();
    let output = site
        .vigil()
        .command("serve")
        .args(["--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(
        said.contains("auth.issuers `x`") && said.contains("private key"),
        "{said}"
    );
}
