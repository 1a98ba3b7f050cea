//! The rules are replaced while the server runs.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use vigil_testkit::{Child, Http, Vigil, wait_for, wait_until};

use crate::site::{BINARY, Site, line, threat_with, threats};

/// A rule that finds a word in the query.
fn rule(word: &str, id: u8) -> String {
    format!(
        "title: The Word {word}\nid: 00000000-0000-4000-8000-0000000000{id:02x}\nstatus: test\n\
         tags: [attack.initial-access, attack.t1190]\nlogsource: {{category: webserver}}\n\
         detection:\n  word: {{url.query|contains: {word}}}\n  condition: word\nlevel: high\n"
    )
}

/// A site with a directory of rules that knows one word.
fn site() -> (Site, PathBuf) {
    let site = Site::new();
    let rules = site.path("rules");
    fs_err::create_dir(&rules).unwrap();
    fs_err::write(rules.join("first.yml"), rule("wicked", 1)).unwrap();
    site.append("");
    (site, rules)
}

fn serve(site: &Site, rules: &Path) -> Vigil {
    let rules = rules.to_str().unwrap();
    site.following().arg("--rules").arg(rules).serve()
}

fn hang_up(vigil: &mut Vigil) {
    let id = vigil.process().inner().id().to_string();
    assert!(
        Command::new("kill")
            .args(["-HUP", &id])
            .status()
            .unwrap()
            .success()
    );
}

fn fingerprint(http: &Http) -> String {
    let rules = http.get("/api/v1/rules").json();
    rules["fingerprint"].as_str().unwrap().to_owned()
}

/// The newest status that is as wanted.
pub(crate) fn status(site: &Site, vigil: &Vigil, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for("a status", || {
        let output = site
            .vigil()
            .command("watch")
            .args([
                "status",
                "--json",
                "--url",
                vigil.base(),
                "--last",
                "1",
                "--count",
                "1",
            ])
            .output()
            .unwrap();
        let frame: Value = serde_json::from_slice(&output.stdout).ok()?;
        wanted(&frame["data"]).then(|| frame["data"].clone())
    })
}

#[test]
fn a_hangup_loads_new_rules() {
    let (site, rules) = site();
    let mut vigil = serve(&site, &rules);
    let before = fingerprint(vigil.http());
    fs_err::write(rules.join("second.yml"), rule("vile", 2)).unwrap();
    hang_up(&mut vigil);
    wait_until("the new rules", || fingerprint(vigil.http()) != before);
    site.append(line("/?q=wicked"));
    site.append(line("/?q=vile"));
    for word in ["wicked", "vile"] {
        threat_with(vigil.http(), word);
    }
    let listed = vigil.http().get("/api/v1/rules?sort=hits&hit=true").json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert!(
        items
            .iter()
            .all(|rule| rule["hits"] == 1 && rule["last_hit"].is_string())
    );
    let metrics = vigil.http().get("/metrics").text;
    for part in [
        format!(
            "vigil_rules{{fingerprint=\"{}\"}} 2",
            fingerprint(vigil.http())
        ),
        "vigil_rule_reloads_total{result=\"done\"} 1".to_owned(),
        "vigil_rule_hits_total{rule=\"00000000-0000-4000-8000-000000000002\"} 1".to_owned(),
        "vigil_rules_loaded_timestamp_seconds".to_owned(),
        "vigil_rule_evaluations_total{family=\"uncategorized\"} 2".to_owned(),
    ] {
        assert!(metrics.contains(&part), "{part} is not in\n{metrics}");
    }
}

#[test]
fn a_hangup_right_after_the_greeting_ends_nothing() {
    let site = Site::new();
    let mut command = site.vigil().command("serve");
    command.args(["--listen", "127.0.0.1:0"]);
    let mut process = Child::spawn(command.stdout(Stdio::piped()));
    let mut greeting = BufReader::new(process.inner().stdout.take().unwrap()).lines();
    let listens = greeting.next().unwrap().unwrap();
    process.signal(Signal::HUP);
    let url = listens.split(' ').next_back().unwrap();
    assert_eq!(Http::new(url).get("/health").status, 200);
    assert!(process.terminate().success());
}

#[test]
fn broken_rules_leave_the_old_ones_in_force_and_are_told() {
    let (site, rules) = site();
    let mut vigil = serve(&site, &rules);
    let before = fingerprint(vigil.http());
    let broken = rules.join("broken.yml");
    fs_err::write(
        &broken,
        rule("vile", 2).replace("level: high", "level: awful"),
    )
    .unwrap();
    let refused = vigil.http().post("/api/v1/rules/reload", &json!({}));
    assert_eq!(refused.status, 409, "{}", refused.text);
    let problem = &refused.json()["problems"][0];
    assert_eq!(
        (&problem["file"], &problem["line"]),
        (&"broken.yml".into(), &9.into())
    );
    assert!(
        problem["message"]
            .as_str()
            .unwrap()
            .contains("use informational")
    );
    hang_up(&mut vigil);
    let told = status(&site, &vigil, |status| status["rules_problem"].is_string());
    let text = told["rules_problem"].as_str().unwrap();
    assert!(
        text.contains("broken.yml:9") && text.contains("stay in force"),
        "{text}"
    );
    assert_eq!((&told["ready"], &told["rules"]), (&true.into(), &1.into()));
    assert_eq!(fingerprint(vigil.http()), before);
    site.append(line("/?q=wicked"));
    threat_with(vigil.http(), "wicked");
    fs_err::remove_file(&broken).unwrap();
    let loaded = vigil.http().post("/api/v1/rules/reload", &json!({}));
    assert_eq!(loaded.json()["changed"], false);
    status(&site, &vigil, |status| status["rules_problem"].is_null());
    fs_err::remove_dir_all(&rules).unwrap();
    let data = site.path("data");
    let output = Command::new(BINARY)
        .args(["rules", "reload", "--url", vigil.base(), "--data-dir"])
        .arg(&data)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("failed to read directory"), "{said}");
}

#[test]
fn across_reloads_no_line_is_lost_or_judged_twice() {
    let (site, rules) = site();
    let mut vigil = serve(&site, &rules);
    let second = rules.join("second.yml");
    let mut written = 0;
    for round in 0..20 {
        let lines: String = (0..50)
            .map(|n| line(&format!("/{round}/{n}?q=wicked")))
            .collect();
        written += 50;
        site.append(lines);
        if round % 2 == 0 {
            fs_err::write(&second, rule("vile", 2)).unwrap();
        } else {
            fs_err::remove_file(&second).unwrap();
        }
        let before = fingerprint(vigil.http());
        hang_up(&mut vigil);
        wait_until("other rules", || fingerprint(vigil.http()) != before);
    }
    wait_until("every line is judged", || {
        threats(vigil.http()).len() >= written
    });
    let found = threats(vigil.http());
    assert_eq!(found.len(), written);
    let judged = || {
        let rule = vigil
            .http()
            .get("/api/v1/rules/00000000-0000-4000-8000-000000000001")
            .json();
        (
            rule["hits"].as_u64().unwrap(),
            rule["candidates"].as_u64().unwrap(),
        )
    };
    let once = written as u64;
    wait_until("the last counts", || judged().0 >= once);
    assert_eq!(judged(), (once, once));
    let metrics = vigil.http().get("/metrics").text;
    assert!(
        metrics.contains("vigil_threats_repeated_total 0"),
        "{metrics}"
    );
}
