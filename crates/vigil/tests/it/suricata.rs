//! Suricata's EVE log through the binary, by itself and beside the web server's own.

use serde_json::{Value, json};
use vigil_testkit::wait_for;

use crate::site::{Site, append, threats};

/// The fields that all records share, at such a second.
fn record(kind: &str, second: u32, more: &Value) -> String {
    let mut record = json!({
        "timestamp": format!("2026-11-21T02:09:{second:02}.120000+0000"),
        "flow_id": 1_676_750_115_612_680_u64,
        "in_iface": "eth0",
        "event_type": kind,
        "src_ip": "203.0.113.9",
        "src_port": 35361,
        "dest_ip": "192.0.2.80",
        "dest_port": 80,
        "proto": "TCP",
        "pkt_src": "wire/pcap",
    });
    let fields = more.as_object().unwrap().clone();
    record.as_object_mut().unwrap().extend(fields);
    format!("{record}\n")
}

fn http(url: &str, status: u16) -> Value {
    json!({
        "hostname": "shop.example",
        "url": url,
        "http_user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "http_content_type": "text/html",
        "http_method": "GET",
        "protocol": "HTTP/1.1",
        "status": status,
        "length": 5362,
    })
}

fn alert(second: u32, severity: u32, id: u32, more: &Value) -> String {
    let mut fields = json!({
        "tx_id": 0,
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": id,
            "rev": 4,
            "signature": format!("EXAMPLE WEB_SERVER Signature {id}"),
            "category": "Web Application Attack",
            "severity": severity,
            "metadata": {"created_at": ["2024_01_01"], "signature_severity": ["Major"]},
        },
        "app_proto": "http",
        "direction": "to_server",
        "flow": {"pkts_toserver": 13, "pkts_toclient": 12, "src_ip": "203.0.113.9", "dest_ip": "192.0.2.80"},
    });
    let more = more.as_object().unwrap().clone();
    fields.as_object_mut().unwrap().extend(more);
    record("alert", second, &fields)
}

fn with_rule<'a>(threat: &'a Value, rule: &str) -> Option<&'a Value> {
    let detections = threat["detections"].as_array().unwrap();
    detections.iter().find(|one| one["title"] == rule)
}

#[test]
fn alerts_are_findings_and_requests_are_requests() {
    let site = Site::new();
    let eve = site.path("eve.json");
    append(
        &eve,
        [
            record("stats", 1, &json!({"stats": {"uptime": 7, "decoder": {"pkts": 9}}})),
            record("dns", 1, &json!({"dns": {"type": "query", "rrname": "a.example"}})),
            record("http", 2, &json!({"http": http("/index.html", 200)})),
            record("http", 3, &json!({"http": http("/a?id=1%20union%20select%201,2,3--", 200)})),
            alert(4, 3, 2_210_054, &json!({})),
            alert(5, 1, 2_018_358, &json!({"http": http("/b?file=../../../../etc/passwd", 404)})),
            record("fileinfo", 5, &json!({"http": http("/b?file=../../../../etc/passwd", 404), "fileinfo": {"filename": "/b"}})),
            record("flow", 6, &json!({"flow": {"state": "closed", "alerted": true}})),
            // Nothing follows it.
            record("http", 7, &json!({"http": http("/c?q=%3Cscript%3Ealert(1)%3C/script%3E", 200)})),
        ]
        .concat(),
    );
    let vigil = site.vigil().arg("--from-start").log(&eve).serve();
    let found = wait_for("three threats", || {
        let found = threats(vigil.http());
        found
            .iter()
            .any(|threat| threat["url"]["path"] == "/c")
            .then_some(found)
    });
    let paths: Vec<_> = found.iter().map(|threat| &threat["url"]["path"]).collect();
    assert_eq!(paths, ["/c", "/b", "/a"]);
    for threat in &found {
        assert_eq!(threat["source"]["ip"], "203.0.113.9", "{threat}");
        assert_eq!(threat["url"]["domain"], "shop.example");
    }
    let alerted = &found[1];
    let told = with_rule(alerted, "Severe Alert of the Network Sensor").unwrap();
    assert_eq!(
        told["reason"],
        "\"EXAMPLE WEB_SERVER Signature 2018358\" (1:2018358), Web Application Attack, severity 1, allowed; \
         flow 1676750115612680, to 192.0.2.80 port 80"
    );
    // The rules for requests saw the request that alarmed.
    let families = alerted["detections"].as_array().unwrap().iter();
    assert!(
        families
            .clone()
            .any(|one| one["family"] == "path_traversal"),
        "{alerted}"
    );
    assert_eq!(alerted["outcome"], "attempt");
    let metrics = vigil.http().get("/metrics").text;
    let is_of = |line: &&str, name: &str| line.starts_with(name);
    assert!(
        metrics.lines().any(|line| line == "vigil_records_total 9"),
        "{metrics}"
    );
    let unparsed = metrics
        .lines()
        .filter(|line| is_of(line, "vigil_records_unparsed_total"));
    assert!(
        unparsed.clone().all(|line| line.ends_with(" 0")),
        "every record is read"
    );
}

#[test]
fn an_alert_speaks_against_the_address_in_all_logs() {
    let site = Site::new();
    let eve = site.path("eve.json");
    let vigil = site.following().arg("--from-start").log(&eve).serve();
    let blocked = json!({"alert": {"action": "blocked", "gid": 1, "signature_id": 9, "signature": "EXAMPLE One", "severity": 1}});
    append(&eve, alert(1, 1, 9, &blocked));
    // Which of two logs is read first is not said: what is weak is written until both are read.
    let mut second = 2;
    let found = wait_for("the address is told", || {
        second += 1;
        site.append(format!(
            "203.0.113.9 - - [21/Nov/2026:02:{:02}:{:02} +0000] \"GET /item?id=1' HTTP/1.1\" 200 612 \"/\" \"Mozilla/5.0\"\n",
            10 + second / 60,
            second % 60
        ));
        let found = threats(vigil.http());
        let is_told = |threat: &&Value| {
            let detections = threat["detections"].as_array().unwrap();
            detections.iter().any(|one| {
                let reason = one["reason"].as_str().unwrap_or_default();
                one["rule_id"] == "risk-address" && reason.contains("\"IDS: EXAMPLE One\"")
            })
        };
        found.iter().find(is_told).cloned()
    });
    assert_eq!(found["source"]["ip"], "203.0.113.9");
    let all = threats(vigil.http());
    let is_alert =
        |threat: &&Value| with_rule(threat, "Severe Alert of the Network Sensor").is_some();
    let alerted = all.iter().find(is_alert).unwrap();
    assert_eq!(alerted["outcome"], "attempt", "it was blocked");
}
