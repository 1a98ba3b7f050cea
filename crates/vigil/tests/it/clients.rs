//! Whole conversations by other people's clients: Python's `websockets`, Node's `ws`, `wscat`, and Artillery.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use vigil_testkit::{Child, DEADLINE, Vigil, VigilBuilder, wait_until};

use crate::site::{Site, line, threats};

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clients.py");
const NODE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node");
const SCENARIO: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../bench/artillery/sockets.yml"
);

/// A server, where it listens for sockets, and a token.
fn served(directory: &Path) -> (Vigil, String, String) {
    let builder = VigilBuilder::new(env!("CARGO_BIN_EXE_vigil"), directory);
    let server = builder.serve();
    let base = server.base().replace("http://", "ws://");
    (server, base, builder.token("analyst"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// A script of Node's ends well.
fn assert_runs<const COUNT: usize>(script: &str, arguments: [&str; COUNT]) {
    let output = Command::new("node")
        .arg(format!("{NODE}/{script}"))
        .args(arguments)
        .output()
        .expect("node is there: `scripts/need node` installs it");
    assert!(
        output.status.success(),
        "{}\n(`make crates/vigil/tests/node/node_modules` installs what it needs)",
        said(&output)
    );
}

#[test]
fn pythons_websockets_speaks_the_protocol() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, base, token) = served(directory.path());
    // Debian's has it where another Python comes first.
    let python = ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let mut asked = Command::new(python);
        let output = asked.args(["-c", "import websockets"]).output();
        output.is_ok_and(|output| output.status.success())
    });
    let output = Command::new(python.expect("`scripts/need python3-websockets` installs it"))
        .args([PYTHON, &base, &token])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn nodes_ws_speaks_the_protocol() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, base, token) = served(directory.path());
    assert_runs("clients.mjs", [&base, &token].map(String::as_str));
}

#[test]
fn every_message_fits_the_asyncapi_document_as_ajv_reads_it() {
    let site = Site::new();
    site.append("");
    let mut vigil = site.following().serve();
    site.append(line("/x?file=../../../../etc/passwd"));
    wait_until("there is an alert", || !threats(vigil.http()).is_empty());
    let ending = site
        .vigil()
        .command("token")
        .args(["--role", "viewer"])
        .args(["--expires", "1m"])
        .output();
    let ending = String::from_utf8(ending.unwrap().stdout).unwrap();
    let base = vigil.base().replace("http://", "ws://");
    let (analyst, admin) = (site.vigil().token("analyst"), site.vigil().token("admin"));
    let process = vigil.process().inner().id().to_string();
    assert_runs(
        "schemas.mjs",
        [&base, &analyst, &admin, ending.trim(), &process],
    );
}

#[test]
fn artillerys_virtual_users_all_hear_what_they_came_for() {
    let site = Site::new();
    let config = site.path("vigil.toml");
    fs_err::write(&config, "[stream]\nconnections_per_user = 100\n").unwrap();
    site.append("");
    let builder = site.following().arg("--config");
    let server = builder.arg(config.to_str().unwrap()).serve();
    site.append(line("/x?file=../../../../etc/passwd"));
    wait_until("there is an alert", || !threats(server.http()).is_empty());
    let report = site.path("report.json");
    let output = Command::new("node")
        .arg(format!("{NODE}/node_modules/artillery/bin/artillery"))
        .args(["run", "--quiet", "--output", report.to_str().unwrap()])
        .arg(SCENARIO)
        .env(
            "VIGIL_URL",
            format!("{}/ws", server.base().replace("http", "ws")),
        )
        .env("VIGIL_TOKEN", site.vigil().token("analyst"))
        // It asks nobody, and writes nothing elsewhere.
        .env("ARTILLERY_DISABLE_TELEMETRY", "1")
        .env("NO_UPDATE_NOTIFIER", "1")
        .env("HOME", report.parent().unwrap())
        .output()
        .expect("node is there: `scripts/need node` installs it");
    let said = said(&output);
    let report = fs_err::read(&report).unwrap_or_else(|error| {
        panic!(
            "{error}\n{said}\n(`make crates/vigil/tests/node/node_modules` installs what it needs)"
        )
    });
    let report: Value = serde_json::from_slice(&report).unwrap();
    let all = &report["aggregate"];
    assert_eq!(all["errors"], json!({}), "{all}\n{said}");
    let users = all["scenariosCreated"].as_u64().unwrap();
    assert_eq!(all["scenariosCompleted"], users, "{all}");
    // Sixty, but a busy machine lets some of Artillery's ticks fall out.
    assert!((10..=80).contains(&users), "{all}");
    for (kind, each) in [
        ("welcome", 1),
        ("subscribed", 2),
        ("threat.new", 1),
        ("published", 3),
        ("status", 1),
    ] {
        assert_eq!(
            all["counters"][format!("heard {kind}")],
            users * each,
            "{all}"
        );
    }
}

#[test]
fn wscat_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, base, token) = served(directory.path());
    let wait = DEADLINE.as_secs().to_string();
    let mut wscat = Child::spawn(
        Command::new("node")
            .arg(format!("{NODE}/node_modules/wscat/bin/wscat"))
            .args(["--connect", &format!("{base}/ws/threats")])
            .args(["--header", &format!("Authorization: Bearer {token}")])
            .args(["--execute", r#"{"id":7,"type":"ping"}"#, "--wait", &wait])
            // It would end where its input ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped()),
    );
    let lines = BufReader::new(wscat.inner().stdout.take().unwrap()).lines();
    let mut missing = vec!["\"type\":\"subscribed\"", "\"reply_to\":7"];
    let mut said = String::new();
    for line in lines.map(Result::unwrap) {
        missing.retain(|part| !line.contains(part));
        if missing.is_empty() {
            return;
        }
        said.push_str(&line);
    }
    panic!("{said}\n(`make crates/vigil/tests/node/node_modules` installs what it needs)");
}
