//! Nothing is open but `/health`, and a token opens what its role may.

use serde_json::json;
use vigil_testkit::{Http, wait_until};

use crate::site::{Site, line, threat_with};

#[test]
fn nothing_is_open_but_health() {
    let site = Site::new();
    let vigil = site.vigil().serve();
    let stranger = Http::new(vigil.base());
    assert_eq!(stranger.get("/health").status, 200);
    for path in [
        "/",
        "/ui/",
        "/ready",
        "/metrics",
        "/threats",
        "/stats",
        "/models/status",
        "/api/v1/threats",
        "/api/v1/alerts",
        "/api/v1/stats",
        "/api/v1/rules",
        "/api/v1/openapi.json",
        "/ws",
        "/ws/threats",
        "/sse/threats",
        "/api/v1/ws",
        "/api/v1/ws/health",
        "/anything",
    ] {
        let answer = stranger.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
    }
    let forged = Http::new(vigil.base()).with_token("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.");
    assert_eq!(forged.get("/api/v1/threats").status, 401);
}

#[test]
fn roles_may_what_they_may() {
    let site = Site::new();
    let vigil = site.vigil().serve();
    let lines = json!({"lines": [line("/x?file=../../../../etc/passwd").trim_end()]});
    let of = |role: &str| Http::new(vigil.base()).with_token(site.vigil().token(role));
    assert_eq!(
        of("viewer").post("/api/v1/ingest/batch", &lines).status,
        403
    );
    let taken = of("service").post("/ingest/batch", &lines);
    assert!((200..300).contains(&taken.status), "{}", taken.text);
    assert_eq!(
        (
            taken.json()["accepted"].clone(),
            taken.json()["threats"].clone()
        ),
        (json!(1), json!(1))
    );
    assert_eq!(of("service").get("/api/v1/threats").status, 403);
    assert_eq!(of("viewer").get("/threats").status, 200);
    threat_with(vigil.http(), "/x?file");
}

#[test]
fn the_first_start_opens_the_page_once() {
    let site = Site::new();
    let mut first = site.vigil().serve();
    let stranger = Http::new(first.base());
    let link = first.greeting().join(" ");
    let start = link
        .find("/ui/?ticket=")
        .expect("the first start prints a link");
    let path = link[start..].split_whitespace().next().unwrap();
    let opened = stranger.get(path);
    assert!(
        opened.status == 303 || opened.status == 200,
        "{}",
        opened.status
    );
    let cookie = opened.header("set-cookie").unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(stranger.get(path).status, 401, "a ticket opens once");
    let session = cookie.split(';').next().unwrap();
    assert_eq!(stranger.get_with("/ui/", ("Cookie", session)).status, 200);
    let token = fs_err::read_to_string(site.path("data/admin.token")).unwrap();
    assert_eq!(
        stranger
            .with_token(token.trim())
            .get("/api/v1/rules")
            .status,
        200
    );
    first.process().terminate();
    let again = site.vigil().serve();
    assert!(!again.greeting().iter().any(|line| line.contains("ticket=")));
}

#[test]
fn a_new_key_brings_a_new_admin_token() {
    let site = Site::new();
    site.vigil().serve().process().terminate();
    fs_err::remove_file(site.path("data/secret.key")).unwrap();
    let vigil = site.vigil().serve();
    let token = fs_err::read_to_string(site.path("data/admin.token")).unwrap();
    assert_eq!(
        Http::new(vigil.base())
            .with_token(token.trim())
            .get("/api/v1/rules")
            .status,
        200
    );
}

#[test]
fn a_log_that_is_not_there_makes_it_not_ready() {
    let site = Site::new();
    let vigil = site.following().serve();
    let ready = || vigil.http().get("/ready");
    wait_until("it says what is missing", || {
        ready().status == 503 && ready().text.contains("access.log")
    });
    site.append(line("/x?file=../../../../etc/passwd"));
    threat_with(vigil.http(), "/x?file");
    wait_until("it is ready once the log is there", || {
        ready().status == 200
    });
}

#[test]
fn a_store_that_cannot_be_written_is_told_and_loses_nothing() {
    let site = Site::new();
    site.append("");
    let mut vigil = site.following().serve();
    site.append(line("/first?file=../../../../etc/passwd"));
    threat_with(vigil.http(), "/first");
    let lock = rusqlite::Connection::open(site.path("data/vigil.db")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    site.append(line("/locked?file=../../../../etc/passwd"));
    wait_until("it is not ready", || {
        vigil.http().get("/ready").status == 503
    });
    // The server ends while it cannot store; what it read and did not store must not be passed over.
    vigil.process().terminate();
    drop(lock);
    let vigil = site.following().serve();
    threat_with(vigil.http(), "/locked");
}

#[test]
fn a_machine_comes_in_with_its_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new();
    let (config, key) = (site.path("vigil.toml"), site.path("collector.key"));
    fs_err::write(&key, "a-key-that-is-long-enough-0123456789\n").unwrap();
    fs_err::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "[[auth.api_keys]]\nname = 'collector'\nrole = 'viewer'\nkey_file = '{}'\n",
        key.display()
    );
    fs_err::write(&config, text).unwrap();
    let vigil = site
        .vigil()
        .arg("--config")
        .arg(config.to_str().unwrap())
        .serve();
    let http = Http::new(vigil.base());
    let right = ("X-API-Key", "a-key-that-is-long-enough-0123456789");
    assert_eq!(http.get_with("/api/v1/stats", right).status, 200);
    assert_eq!(
        http.get_with(
            "/api/v1/stats",
            ("X-API-Key", "a-key-that-is-long-enough-012345678x")
        )
        .status,
        401
    );
}

#[test]
fn metrics_are_what_prometheus_expects() {
    use std::io::Write as _;
    let site = Site::new();
    site.append(line("/x?file=../../../../etc/passwd"));
    let vigil = site.following().arg("--from-start").serve();
    threat_with(vigil.http(), "/x?file");
    let metrics = vigil.http().get("/metrics").text;
    for name in [
        "vigil_gateway_encoded_total{encoding=\"json\"}",
        "vigil_gateway_encoded_bytes_total{encoding=\"msgpack\"}",
        "vigil_gateway_compressed_total",
        "vigil_gateway_compression_bytes_total{side=\"after\"}",
        "vigil_gateway_queued_bytes{lane=\"critical\"}",
        "vigil_gateway_queue_limit_bytes",
        "vigil_gateway_queue_full_total{lane=\"bulk\"}",
    ] {
        assert!(metrics.contains(name), "{name} is not in\n{metrics}");
    }
    let mut promtool = std::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(metrics.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(
        output.status.success() && said.trim().is_empty(),
        "{said}\n{metrics}"
    );
}
