//! `--crs`: OWASP CRS beside the other rules.

use std::process::Command;

use serde_json::Value;
use vigil_testkit::wait_until;

use crate::site::{BINARY, Site, line, threat_with};

/// A small CRS: its setup, a paranoia level, a chain, a list.
fn crs(site: &Site) -> String {
    let write = |name: &str, text: &str| {
        let path = site.path("crs").join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    };
    write(
        "crs-setup.conf",
        "SecAction \"id:900000,phase:1,pass,nolog,setvar:tx.detection_paranoia_level=1,setvar:tx.inbound_anomaly_score_threshold=5\"",
    );
    write(
        "rules/REQUEST-942.conf",
        r#"
SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2" "id:942012,phase:2,pass,nolog,skipAfter:END-2"
SecRule ARGS "@pmFromFile words.data" "id:942200,phase:2,block,log,t:none,msg:'At level two',severity:'CRITICAL',setvar:'tx.inbound_anomaly_score_pl2=+5'"
SecMarker "END-2"
SecRule ARGS "@rx marker-[0-9]+" "id:942300,phase:2,block,log,t:none,t:lowercase,msg:'A marker',tag:'attack-sqli',severity:'CRITICAL',setvar:'tx.inbound_anomaly_score_pl1=+5',chain"
    SecRule REQUEST_METHOD "@streq GET" "t:none"
SecRule &REQUEST_HEADERS:Host "@eq 0" "id:920280,phase:2,block,log,msg:'No host',severity:'CRITICAL',setvar:'tx.inbound_anomaly_score_pl1=+5'"
SecRule RESPONSE_BODY "@rx x" "id:950000,phase:4,block,log,msg:'In a response'"
SecRule ARGS "@rx (a)\1" "id:942400,phase:2,block,log,msg:'Twice',severity:'CRITICAL',setvar:'tx.inbound_anomaly_score_pl1=+5'"
"#,
    );
    write("rules/words.data", "# words\nfindme\n");
    site.path("crs").to_str().unwrap().to_owned()
}

fn vigil(arguments: &[&str]) -> String {
    let output = Command::new(BINARY).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn its_rules_are_detections_with_ids_of_their_own() {
    let site = Site::new();
    let crs = crs(&site);
    let server = site.following().arg("--crs").arg(&crs).serve();
    site.append(line("/one?q=MARKER-42"));
    let threat = threat_with(server.http(), "MARKER-42");
    let detections = threat["detections"].as_array().unwrap();
    let by_crs: Vec<&Value> = detections
        .iter()
        .filter(|one| one["rule_id"].as_str().unwrap().starts_with("crs:"))
        .collect();
    assert_eq!(by_crs.len(), 1, "{threat:#}");
    assert_eq!(by_crs[0]["rule_id"], "crs:942300");
    assert_eq!(by_crs[0]["family"], "sql_injection");
    assert_eq!(by_crs[0]["score"], 5.0);
    assert_eq!(by_crs[0]["evidence"][0]["field"], "ARGS:q");
    assert_eq!(by_crs[0]["evidence"][0]["decodings"][0], "lowercase");
    let rule = server.http().get("/api/v1/rules/crs:942300");
    assert_eq!(
        (rule.status, &rule.json()["title"]),
        (200, &Value::from("A marker"))
    );
    wait_until("its match is counted", || {
        let rule = server.http().get("/api/v1/rules/crs:942300").json();
        rule["hits"] == 1 && rule["last_hit"].is_string()
    });
}

#[test]
fn what_became_of_each_rule_is_listed() {
    let site = Site::new();
    let crs = crs(&site);
    let listed: Value =
        serde_json::from_str(&vigil(&["rules", "crs", "--crs", &crs, "--json"])).unwrap();
    let of = |id: &str| {
        let items = listed["items"].as_array().unwrap();
        items
            .iter()
            .find(|one| one["id"] == format!("crs:{id}"))
            .unwrap()
            .clone()
    };
    for (id, fate, reason) in [
        ("900000", "setup", ""),
        ("942200", "off", "TX:DETECTION_PARANOIA_LEVEL @lt 2"),
        ("942300", "loaded", ""),
        ("950000", "refused", "responses"),
        ("942400", "refused", "backreference"),
    ] {
        assert_eq!(of(id)["fate"], fate, "{id}");
        let found = of(id)["reason"].as_str().unwrap_or_default().to_owned();
        assert!(found.contains(reason), "{id}: {found}");
    }
    assert_eq!(of("942300")["in_logs"], true);
    assert_eq!(of("920280")["in_logs"], false);
    let explained = |paranoia: &str| {
        vigil(&[
            "explain",
            "--crs",
            &crs,
            "--crs-paranoia",
            paranoia,
            "/?q=findme",
        ])
    };
    assert!(explained("2").contains("crs:942200"));
    assert!(!explained("1").contains("crs:942200"));
    let output = Command::new(BINARY)
        .args(["rules", "crs", "--crs", "/nowhere"])
        .output()
        .unwrap();
    assert!(!output.status.success());
}
