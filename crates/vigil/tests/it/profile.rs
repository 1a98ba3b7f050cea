//! Profiles of sites, from the outside: learned from a log, judged by, kept over kills, in the
//! operator's hands.

use std::fmt::Write as _;
use std::process::{Command, Output};

use serde_json::{Value, json};
use vigil_testkit::{Http, Vigil, wait_for, wait_until};

use crate::site::{BINARY, Site, threat_with};

const CONFIG: &str = "[detect.profiles]
min_requests = 2000
min_clients = 50
min_minutes = 120
trust_periods = 1
";
const MODELS: &str = "/api/v1/models";
const SHOP: &str = "/api/v1/models/shop.example";

fn serve(site: &Site) -> Vigil {
    let path = site.path("vigil.toml");
    fs_err::write(&path, CONFIG).unwrap();
    let builder = site.following().arg("--from-start");
    builder.arg("--config").arg(path.to_str().unwrap()).serve()
}

fn request(number: u64, target: &str, bytes: u64) -> String {
    let client = number % 400;
    let minutes = number / 20;
    format!(
        "shop.example:443 10.{}.{}.1 - - [{:02}/Nov/2026:{:02}:{:02}:{:02} +0000] \"GET {target} HTTP/1.1\" 200 {bytes} \"-\" \"Mozilla/5.0\"\n",
        client / 50,
        client % 50,
        20 + minutes / 1_440,
        minutes / 60 % 24,
        minutes % 60,
        number % 60
    )
}

/// Five thousand requests of four hundred clients over four hours.
fn visits(from: u64) -> String {
    let mut text = String::new();
    for number in from..from + 5_000 {
        let colour = ["red", "blue", "green"][number as usize % 3];
        let item = 100 + number * 7 % 800;
        let target = format!("/item/{item}?colour={colour}&page={}", 1 + number % 9);
        text.write_str(&request(number, &target, 9_000 + number % 800))
            .unwrap();
    }
    text
}

fn model(http: &Http) -> Value {
    http.get(SHOP).json()
}

fn active(http: &Http) -> Value {
    wait_for("the profile is in force", || {
        let model = model(http);
        (model["state"] == "active").then_some(model)
    })
}

/// Waits until what was learned stands in the file.
fn kept(site: &Site) {
    let file = site.path("data/profiles.json");
    wait_until("what was learned is kept", || {
        fs_err::read_to_string(&file).is_ok_and(|text| text.contains("\"state\":\"active\""))
    });
}

/// `vigil profile` on a running server.
fn profile(site: &Site, vigil: &Vigil, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.arg("profile").args(arguments);
    command.arg("--data-dir").arg(site.path("data"));
    let output = command.args(["--url", vigil.base()]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    output
}

#[test]
fn what_does_not_fit_is_told_in_words_and_with_its_outcome() {
    let site = Site::new();
    site.append(visits(0));
    let vigil = serve(&site);
    let http = vigil.http();
    let learned = active(http);
    // It is kept after it was put in force.
    kept(&site);
    assert_eq!(learned["version"], 1);
    let path = &learned["paths"][0];
    assert_eq!(path["path"], "/item/{number}");
    assert_eq!(path["methods"], json!(["GET"]));
    let status = http.get("/api/v1/models/status").json();
    assert_eq!(status["active"], json!(["shop.example"]));
    let text =
        |target: &str, bytes| request(5_001, target, bytes).replace("10.0.1.1", "203.0.113.9");
    site.append(text("/item/150?colour=red&page=1abc", 9_100));
    site.append(text("/item/151?colour=mauve&page=2&grant=all", 900_000));
    let first = threat_with(http, "1abc");
    let detection = &first["detections"][0];
    assert_eq!(detection["detector"], "profile");
    assert_eq!(detection["rule_id"], "profile");
    let reason = detection["reason"].as_str().unwrap();
    assert!(reason.contains("parameter `page` was"), "{reason}");
    assert!(reason.contains("requests from about"), "{reason}");
    assert_eq!(detection["evidence"][0]["matched"], "1abc");
    assert_eq!(first["outcome"], "attempt", "the answer has its usual size");
    let second = threat_with(http, "mauve");
    assert_eq!(second["outcome"], "likely_success");
    let listed = http.get("/api/v1/threats?outcome=likely_success").json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let shown = profile(&site, &vigil, &["show", "shop.example"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("active, version 1"), "{shown}");
    assert!(shown.contains("colour: a word"), "{shown}");
}

#[test]
fn a_profile_survives_kills_and_a_broken_file_is_put_aside() {
    let site = Site::new();
    site.append(visits(0));
    let mut vigil = serve(&site);
    let before = active(vigil.http());
    kept(&site);
    vigil.process().kill();
    let vigil = serve(&site);
    let after = model(vigil.http());
    assert_eq!(after["state"], "active", "it is in force from the start");
    assert_eq!(after["version"], before["version"]);
    drop(vigil);
    let file = site.path("data/profiles.json");
    fs_err::write(&file, "{\"format\":1,\"models\":{\"x\":[]}}").unwrap();
    // Lines that were not taken down before the kill would be read again, and the site learned from them.
    fs_err::write(site.log(), "").unwrap();
    let vigil = serve(&site);
    assert!(site.path("data/profiles.broken").exists());
    assert_eq!(vigil.http().get(MODELS).json()["items"], json!([]));
}

#[test]
fn a_profile_is_retrained_rolled_back_and_forgotten() {
    let site = Site::new();
    site.append(visits(0));
    let vigil = serve(&site);
    let http = vigil.http();
    active(http);
    let analyst = Http::new(vigil.base()).with_token(site.vigil().token("analyst"));
    let body = json!({"site": "shop.example"});
    assert_eq!(
        analyst.post(&format!("{MODELS}/retrain"), &body).status,
        403
    );
    assert_eq!(
        http.post(&format!("{MODELS}/retrain"), &json!({"site": "none"}))
            .status,
        404
    );
    let answer = http.post(&format!("{MODELS}/retrain"), &body);
    assert_eq!(
        (answer.status, answer.json()["retraining"].clone()),
        (202, json!(1))
    );
    let model = model(http);
    assert_eq!(
        (&model["state"], &model["is_retraining"]),
        (&json!("active"), &json!(true))
    );
    site.append(visits(5_000));
    wait_until("the new version is in force", || {
        let model = http.get(SHOP).json();
        model["version"] == 2 && model["is_retraining"] == false
    });
    let rolled = http.post(&format!("{SHOP}/rollback"), &json!({"version": 1}));
    assert_eq!(
        (rolled.status, rolled.json()["version"].clone()),
        (200, json!(3))
    );
    assert_eq!(
        http.post(&format!("{SHOP}/rollback"), &json!({"version": 77}))
            .status,
        404
    );
    let exported = profile(&site, &vigil, &["export", "shop.example"]);
    let exported: Value = serde_json::from_slice(&exported.stdout).unwrap();
    assert!(exported["models"]["shop.example"].is_object());
    let reset = profile(&site, &vigil, &["reset", "shop.example"]);
    assert!(reset.status.success());
    assert_eq!(http.get(SHOP).status, 404);
}

/// A log as somebody has it who tries the program: one address, a few minutes, no host.
fn log_of_one_client(count: u32) -> String {
    let mut text = String::new();
    for number in 0..count {
        let target = match number % 3 {
            0 => "/shop/index.jsp".to_owned(),
            1 => format!("/shop/item.jsp?id={}", 1 + number % 9),
            _ => format!(
                "/shop/form.jsp?identity={}Z&mode=send",
                10_000_000 + number * 37
            ),
        };
        let (minute, second) = (number / 60 % 60, number % 60);
        writeln!(
            text,
            "192.0.2.7 - - [20/Nov/2026:10:{minute:02}:{second:02} +0000] \"GET {target} HTTP/1.1\" 200 {} \"-\" \"Mozilla/5.0\"",
            3_000 + number % 400
        )
        .unwrap();
    }
    text
}

/// `vigil` with these arguments: whether it succeeded, and what it said.
fn vigil(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(BINARY).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

const JUDGED: [(&str, bool); 6] = [
    ("/shop/index.jsp", false),
    ("/shop/item.jsp?id=5", false),
    ("/shop/form.jsp?identity=12345678Z&mode=send", false),
    ("/shop/form.jsp?identity=12345678&mode=send", true),
    ("/shop/form.jsp?identity=12345678Z&modeA=send", true),
    ("/shop/index.jsp/logo.gif", true),
];

fn judged(arguments: &[&str]) {
    let (is_done, said) = vigil(arguments);
    assert!(is_done, "{said}");
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), JUDGED.len(), "one for every line: {said}");
    for (line, (target, is_threat)) in lines.iter().zip(JUDGED) {
        assert_eq!(line["threat"], is_threat, "{target}: {line}");
        assert_eq!(
            line["reasons"].as_array().unwrap().is_empty(),
            !is_threat,
            "{line}"
        );
    }
}

#[test]
fn a_log_that_is_vouched_for_is_learned_in_one_command_and_judges_another_in_the_next() {
    let site = Site::new();
    let path = |name: &str| site.path(name).to_str().unwrap().to_owned();
    fs_err::write(path("train.log"), log_of_one_client(6_000)).unwrap();
    let today = JUDGED.map(|(target, _)| {
        format!("203.0.113.9 - - [21/Nov/2026:10:00:00 +0000] \"GET {target} HTTP/1.1\" 200 3100 \"-\" \"Mozilla/5.0\"\n")
    });
    fs_err::write(path("today.log"), today.concat()).unwrap();
    let (train, today, data, out) = (
        path("train.log"),
        path("today.log"),
        path("fresh"),
        path("shop.json"),
    );
    let replay = ["replay", "--offline", "--json", "--every", &today];
    let (is_done, said) = vigil(&["profile", "train", &train, "--data-dir", &data]);
    assert!(is_done && said.contains("-  in force, version 1"), "{said}");
    judged(&[&replay[..], &["--data-dir", &data]].concat());
    let (is_done, said) = vigil(&["profile", "train", &train, "--out", &out]);
    assert!(is_done && said.contains("written to"), "{said}");
    judged(&[&replay[..], &["--profile", &out]].concat());
    // A few lines are no site.
    let (is_done, said) = vigil(&["profile", "train", &today, "--data-dir", &data]);
    assert!(!is_done && said.contains("of 1000 requests"), "{said}");
}

#[test]
fn a_running_server_goes_by_what_was_trained_at_once() {
    let site = Site::new();
    let vigil = serve(&site);
    let train = site.path("train.log");
    fs_err::write(&train, log_of_one_client(6_000)).unwrap();
    let shown = profile(&site, &vigil, &["train", train.to_str().unwrap()]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("in force, version 1"), "{shown}");
    let models = vigil.http().get(MODELS).json();
    assert_eq!(models["items"][0]["state"], "active", "{models}");
    let odd = "203.0.113.9 - - [21/Nov/2026:10:00:00 +0000] \"GET /shop/form.jsp?identity=12345678&mode=send HTTP/1.1\" 200 3100 \"-\" \"Mozilla/5.0\"\n";
    site.append(odd);
    let threat = threat_with(vigil.http(), "12345678");
    assert_eq!(threat["detections"][0]["rule_id"], "profile");
}
