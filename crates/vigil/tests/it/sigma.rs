//! Rules written for others, on the logs they are for: from a directory to a threat.

use std::process::{Command, Output};

use crate::site::{BINARY, Site, append, threat_with, threats};

/// Shaped like published rules: no `vigil:`, some without id or level.
const RULES: [(&str, &str); 6] = [
    (
        "application/opencanary/ssh_login.yml",
        "title: Honeypot Login\nid: 6f2f6b1c-9a55-4cb0-8d1e-000000000001\nstatus: test\nrelated:\n    - id: 08fbc97d-0a2f-491c-ae21-8ffcfd3174e9\n      type: derived\n\
         tags:\n    - attack.stealth\nlogsource:\n    category: application\n    product: opencanary\ndetection:\n    selection:\n        logtype: 4002\n    condition: selection\nlevel: high\n",
    ),
    (
        "network/zeek/dns_tunnel.yml",
        "title: Tunnel\nlogsource: {product: zeek, service: dns}\ndetection: {a: {query|endswith: .tunnel.example, qtype_name: [TXT, NULL]}, condition: a}\nlevel: critical\n",
    ),
    (
        "linux/builtin/sshd/error.yml",
        "title: Daemon\nlogsource: {product: linux, service: sshd}\ndetection: {keywords: ['incorrect signature'], condition: keywords}\nlevel: high\n",
    ),
    (
        "web/webserver_generic/weak.yml",
        "title: Weak\nlogsource: {category: webserver}\ndetection: {keywords: [needle-in-log], condition: keywords}\n",
    ),
    (
        "web/proxy_generic/admin.yml",
        "title: Admins\nlogsource: {category: proxy}\ndetection: {a: {cs-username|expand: '%admins%'}, condition: a}\nlevel: high\n",
    ),
    (
        "windows/process.yml",
        "title: Process\nlogsource: {category: process_creation, product: windows}\ndetection: {a: {Image|endswith: x.exe}, condition: a}\n",
    ),
];

const CANARY: &str = r#"{"dst_host": "10.0.0.5", "dst_port": 22, "local_time": "2026-11-20 12:00:01.250000", "logdata": {"PASSWORD": "toor", "USERNAME": "root"}, "logtype": 4002, "node_id": "canary-1", "src_host": "203.0.113.9", "src_port": 49333, "utc_time": "2026-11-20 12:00:01.250000"}
"#;

fn site() -> Site {
    let site = Site::new();
    for (name, text) in RULES {
        let path = site.path("others").join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    site
}

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().unwrap()
}

#[test]
fn what_is_loaded_and_what_not_is_told() {
    let site = site();
    let others = site.path("others");
    let output = run(&["test-rules", "--sigma", others.to_str().unwrap()]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    for part in [
        "Honeypot Login (others/application/opencanary/ssh_login.yml)",
        "not loaded others/windows/process.yml:2: rule `Process`: the rule is for `process_creation/windows` logs",
        "rule `Admins`: nothing is configured for the placeholder `%admins%`",
        "4 foreign rules are loaded",
        "2 files have something that is not loaded",
    ] {
        assert!(said.contains(part), "`{part}` is not in\n{said}");
    }
    let config = site.path("vigil.toml");
    fs_err::write(&config, "[detect.placeholders]\nadmins = ['root']\n").unwrap();
    let config = config.to_str().unwrap();
    let output = run(&[
        "test-rules",
        "--config",
        config,
        "--sigma",
        others.to_str().unwrap(),
    ]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("5 foreign rules are loaded"), "{said}");
}

#[test]
fn a_directory_in_which_nothing_can_be_loaded_is_told() {
    let site = site();
    let windows = site.path("others/windows");
    let output = run(&["test-rules", "--sigma", windows.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let missing = run(&["test-rules", "--sigma", "/nonexistent/rules"]);
    assert_eq!(missing.status.code(), Some(3));
}

#[test]
fn records_of_other_logs_become_threats() {
    let site = site();
    let others = site.path("others");
    let daemon = "Nov 20 12:00:01 web sshd[7]: error: Invalid user x from 203.0.113.7 port 5: incorrect signature\n";
    let zeek = r#"{"ts":1795176001.25,"uid":"C1","id.orig_h":"203.0.113.8","query":"a.tunnel.example","qtype_name":"TXT"}"#;
    site.append(format!("{CANARY}{zeek}\n{daemon}"));
    let vigil = site
        .following()
        .arg("--from-start")
        .arg("--sigma")
        .arg(others.to_str().unwrap())
        .serve();
    for (text, title, address) in [
        ("\"logtype\": 4002", "Honeypot Login", "203.0.113.9"),
        ("a.tunnel.example", "Tunnel", "203.0.113.8"),
        ("incorrect signature", "Daemon", "203.0.113.7"),
    ] {
        let threat = threat_with(vigil.http(), text);
        // The third attacker of the network is told as such, too.
        let detections = threat["detections"].as_array().unwrap();
        assert!(
            detections.iter().any(|one| one["title"] == title),
            "{threat}"
        );
        assert_eq!(threat["source"]["ip"], address);
        assert!(
            threat["@timestamp"]
                .as_str()
                .unwrap()
                .ends_with("-11-20T12:00:01.250Z")
                || title == "Daemon"
        );
    }
    append(
        &site.log(),
        crate::site::line("/x?file=../../../../etc/passwd&needle-in-log"),
    );
    let web = threat_with(vigil.http(), "needle-in-log");
    let titles: Vec<_> = web["detections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["title"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        titles.len() > 1 && titles.contains(&"Weak".to_owned()),
        "{titles:?}"
    );
    assert_eq!(threats(vigil.http()).len(), 4);
}
